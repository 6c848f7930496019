//! The files of one specification, parsed: its own and all that it refers to, and how a reference is
//! followed. References lead to files below the folder that was given, never to other folders or hosts.

use std::collections::BTreeMap;

use super::super::Fault;
use super::Load;
use crate::inventory::yaml::{self, Node, Value};
use crate::limits::{OPENAPI_BYTES_MAX, SPEC_FILES_MAX};

/// How the text of a file becomes nodes.
pub(super) type Parse = fn(&str) -> Result<Option<Node>, yaml::Fault>;

/// References that may lead to each other.
const CHAIN_MAX: usize = 32;

/// Parsed files by path below the folder.
pub(super) struct Files {
    root: String,
    files: BTreeMap<String, Node>,
    /// Files that could not be had, and why; only wrong if something that counts is in them.
    missing: BTreeMap<String, String>,
}

/// A node and the file that it is in.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) path: &'a str,
    pub(super) node: &'a Node,
}

impl<'a> Spot<'a> {
    /// A node of the same file.
    pub(super) fn to(self, node: &'a Node) -> Spot<'a> {
        Spot { path: self.path, node }
    }

    /// A member of the node.
    pub(super) fn member(self, name: &str) -> Option<Spot<'a>> {
        self.node.member(name).map(|node| self.to(node))
    }
}

impl Files {
    pub(super) fn load(path: &str, load: &mut Load<'_>, parse: Parse) -> Result<Files, Fault> {
        let mut files = Files { root: path.to_owned(), files: BTreeMap::new(), missing: BTreeMap::new() };
        let mut wanted = vec![path.to_owned()];
        let mut bytes = 0u64;
        while let Some(path) = wanted.pop() {
            if files.files.contains_key(&path) || files.missing.contains_key(&path) {
                continue;
            }
            let is_root = path == files.root;
            let text = match load(&path) {
                Ok(text) => text,
                Err(why) if is_root => return Err(Fault::at(&path, "", why)),
                Err(why) => {
                    files.missing.insert(path, why);
                    continue;
                }
            };
            bytes = bytes.saturating_add(text.len() as u64);
            if bytes > OPENAPI_BYTES_MAX || files.files.len() >= SPEC_FILES_MAX {
                let mib = OPENAPI_BYTES_MAX >> 20;
                let what = format!("it refers to too much; {SPEC_FILES_MAX} files and {mib} MiB are read");
                return Err(Fault::at(&files.root, "", what));
            }
            let node = match parse(&text) {
                Ok(Some(node)) => node,
                Ok(None) if is_root => return Err(Fault::at(&path, "", "the file is empty")),
                Ok(None) => Node { line: 0, value: Value::Map(Vec::new()) },
                Err(fault) => {
                    let line = fault.line;
                    return Err(Fault { line, ..Fault::at(&path, "", fault.what) });
                }
            };
            references(&node, &mut |reference| {
                let file = reference.split('#').next().unwrap_or_default();
                if let (false, Ok(target)) = (file.is_empty(), beside(&path, file)) {
                    wanted.push(target);
                }
            });
            files.files.insert(path, node);
        }
        Ok(files)
    }

    pub(super) fn root(&self) -> Spot<'_> {
        match self.files.get_key_value(&self.root) {
            Some((path, node)) => Spot { path, node },
            None => Spot { path: &self.root, node: &NOTHING },
        }
    }

    /// The file of a path, with the path as long as the files live.
    fn file(&self, path: &str) -> Option<Spot<'_>> {
        self.files.get_key_value(path).map(|(path, node)| Spot { path, node })
    }

    /// What a reference leads to, and the pointer of that in its file.
    pub(super) fn target<'a>(
        &'a self,
        from: Spot<'_>,
        reference: &str,
        pointer: &str,
    ) -> Result<(Spot<'a>, String), Fault> {
        let fault = |what: String| Fault::at(from.path, pointer, what);
        let (file, place) = reference.split_once('#').unwrap_or((reference, ""));
        let path = if file.is_empty() {
            from.path.to_owned()
        } else {
            beside(from.path, file).map_err(|why| fault(format!("`{reference}` {why}")))?
        };
        let Some(start) = self.file(&path) else {
            let why = self.missing.get(&path).map_or("it was not read", String::as_str);
            return Err(fault(format!("`{reference}` cannot be followed: {why}")));
        };
        if place.is_empty() || place == "/" {
            return Ok((start, String::new()));
        }
        let Some(steps) = place.strip_prefix('/') else {
            return match anchored(start.node, place) {
                Some(node) => Ok((start.to(node), place.to_owned())),
                None => Err(fault(format!("`{reference}` leads nowhere: a place begins with `#/`"))),
            };
        };
        let mut node = start.node;
        for (at, step) in steps.split('/').enumerate() {
            let step = decoded(step);
            let next = match &node.value {
                Value::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => node.member(&step),
            };
            let Some(next) = next else {
                let shown: Vec<&str> = steps.split('/').take(at + 1).collect();
                return Err(fault(format!("`{reference}` leads nowhere: there is no /{}", shown.join("/"))));
            };
            node = next;
        }
        Ok((start.to(node), format!("/{steps}")))
    }

    /// Follows `$ref` as often as there is one.
    pub(super) fn resolve<'a>(&'a self, from: Spot<'a>, pointer: &str) -> Result<Spot<'a>, Fault> {
        let mut at = from;
        for _ in 0..CHAIN_MAX {
            let Some(reference) = at.node.member("$ref").and_then(Node::text) else { return Ok(at) };
            at = self.target(at, reference, pointer)?.0;
        }
        Err(Fault::at(from.path, pointer, "its references lead in a circle"))
    }
}

static NOTHING: Node = Node { line: 0, value: Value::Map(Vec::new()) };

/// Calls `found` for every text under `$ref`.
fn references(node: &Node, found: &mut dyn FnMut(&str)) {
    match &node.value {
        Value::Map(members) => {
            for (key, _, node) in members {
                match node.text() {
                    Some(text) if key == "$ref" => found(text),
                    _ => references(node, found),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|node| references(node, found)),
        Value::Scalar(_) | Value::Deep => {}
    }
}

/// A node that has the plain name (`$anchor`).
fn anchored<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    if node.member("$anchor").or_else(|| node.member("$dynamicAnchor")).and_then(Node::text) == Some(name) {
        return Some(node);
    }
    match &node.value {
        Value::Map(members) => members.iter().find_map(|(.., node)| anchored(node, name)),
        Value::List(items) => items.iter().find_map(|node| anchored(node, name)),
        Value::Scalar(_) | Value::Deep => None,
    }
}

/// A step of a pointer in a reference (RFC 6901 section 6).
fn decoded(step: &str) -> String {
    let bytes = crate::call::decode(step.as_bytes(), false);
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

/// The path of a file that another names, below the folder of both.
fn beside(from: &str, file: &str) -> Result<String, String> {
    if file.contains("://") || file.starts_with("//") {
        return Err("is on another host; nothing is fetched, keep it beside the specification".to_owned());
    }
    if file.starts_with('/') || file.contains('\\') {
        return Err("is no path below the folder of the specification".to_owned());
    }
    let file = decoded_path(file);
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in file.split('/') {
        match step {
            "" | "." => {}
            ".." if steps.pop().is_none() => {
                return Err("leads out of the folder that was given".to_owned());
            }
            ".." => {}
            step => steps.push(step),
        }
    }
    Ok(steps.join("/"))
}

fn decoded_path(file: &str) -> String {
    String::from_utf8_lossy(&crate::call::decode(file.as_bytes(), false)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn files_below_the_folder_only() {
        assert_eq!(beside("a/b.yaml", "../c.yaml").as_deref(), Ok("c.yaml"));
        assert_eq!(beside("a/b.yaml", "./c%20d.yaml").as_deref(), Ok("a/c d.yaml"));
        for bad in
            ["../../c.yaml", "/etc/passwd", "http://h/c.yaml", "//h/c", "x/../../../c", "..%2f..%2f..%2fc"]
        {
            assert!(beside("a/b.yaml", bad).is_err(), "{bad}");
        }
    }
}
