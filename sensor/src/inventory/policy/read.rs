//! A policy file into a [`Policy`]: YAML or JSON, by service and method. The same form is written by
//! `report/policy`, with paths as text for people or as lists for OPA.
//!
//! ```yaml
//! services:
//!   shop:8080:
//!     GET:
//!       - {caller: web, path: "/users/{id:integer}"}
//! ```

use super::pattern::{Part, Parts, Pattern};
use super::{Allowed, Policy};
use crate::call::{Credential, Method, SegmentKind};
use crate::inventory::yaml::{self, Fault, Node, Value};
use crate::limits::{PATH_SEGMENTS_MAX, POLICY_EDGES_MAX};

/// Levels of a policy: those of data of OPA, with parts of segments.
const LEVELS: usize = 12;

const FORM: &str = "a policy is `services:`, below it services, below each its methods or `*`, and a list of \
    `caller` and `path`";

impl Policy {
    /// Reads the text of a policy file.
    ///
    /// # Errors
    /// The line as far as it is known, what is wrong and what would be right.
    pub fn read(text: &str) -> Result<Policy, Fault> {
        let root =
            yaml::read(text, LEVELS)?.ok_or_else(|| Fault::at(0, format!("the file is empty; {FORM}")))?;
        // As data of OPA it stands below a name of its own.
        let root = root.member("apicensus").unwrap_or(&root);
        let Some(services) = root.member("services") else {
            return Err(Fault::at(root.line, format!("there is no `services`; {FORM}")));
        };
        for (key, line, value) in root.members() {
            match key.as_str() {
                "services" => {}
                "version" if value.text() == Some("1") => {}
                "version" => return Err(Fault::at(*line, "this program reads version 1 of policies only")),
                _ => return Err(Fault::at(*line, format!("unknown key `{key}`; {FORM}"))),
            }
        }
        let mut policy = Policy::default();
        for (service, line, methods) in members("services", services)? {
            let service = match service.strip_suffix(":80") {
                Some(host) => host.to_ascii_lowercase(),
                None => service.to_ascii_lowercase(),
            };
            for (method, line, edges) in members(&service, methods).map_err(|fault| at(fault, *line))? {
                let method = match method.as_str() {
                    "*" => None,
                    name => Some(Method::of_name(name).ok_or_else(|| {
                        Fault::at(*line, format!("`{name}` is no method; one is a word such as GET, or `*`"))
                    })?),
                };
                let Value::List(edges) = &edges.value else {
                    let what =
                        format!("there must be a list of `caller` and `path`, and there is {}", edges.kind());
                    return Err(Fault::at(*line, what));
                };
                for node in edges {
                    if policy.edges.len() == POLICY_EDGES_MAX {
                        return Err(Fault::at(
                            node.line,
                            format!("there are more than {POLICY_EDGES_MAX} edges"),
                        ));
                    }
                    policy.edges.push(edge(&service, method, node)?);
                }
            }
        }
        Ok(policy)
    }
}

fn at(fault: Fault, line: usize) -> Fault {
    if fault.line == 0 { Fault { line, ..fault } } else { fault }
}

fn members<'a>(name: &str, node: &'a Node) -> Result<&'a [(String, usize, Node)], Fault> {
    match &node.value {
        Value::Map(members) => Ok(members),
        Value::Scalar(text) if text.is_empty() => Ok(&[]),
        _ => {
            Err(Fault::at(node.line, format!("`{name}` must be a map, and there is {}; {FORM}", node.kind())))
        }
    }
}

fn edge(service: &str, method: Option<Method>, node: &Node) -> Result<Allowed, Fault> {
    let (mut caller, mut path, mut credentials) = (None, None, Vec::new());
    if !matches!(node.value, Value::Map(_)) {
        let what = format!("there must be `caller` and `path`, and there is {}", node.kind());
        return Err(Fault::at(node.line, what));
    }
    for (key, line, value) in node.members() {
        match key.as_str() {
            "caller" => {
                let name = value.text().filter(|name| !name.is_empty());
                let what = "`caller` needs a name; `*` stands for any characters";
                caller = Some(name.ok_or_else(|| Fault::at(*line, what))?.to_owned());
            }
            "path" => path = Some(pattern(value).map_err(|what| Fault::at(*line, what))?),
            "credentials" => {
                for item in value.items() {
                    let name = item.text().unwrap_or_default();
                    let known = Credential::of_name(name).ok_or_else(|| {
                        let all: Vec<&str> = Credential::ALL.iter().map(|each| each.name()).collect();
                        let what = format!("`{name}` is no kind of credential; there are {}", all.join(", "));
                        Fault::at(item.line, what)
                    })?;
                    credentials.push(known);
                }
                if credentials.is_empty() {
                    return Err(Fault::at(*line, "`credentials` needs a list, as in `[jwt, basic]`"));
                }
            }
            // Said for people.
            "template" | "calls" | "last_seen" => {}
            _ => {
                let what = format!("unknown key `{key}`; an edge has `caller`, `path` and `credentials`");
                return Err(Fault::at(*line, what));
            }
        }
    }
    let missing =
        |what: &str| Fault::at(node.line, format!("there is no `{what}`; an edge has `caller` and `path`"));
    Ok(Allowed {
        service: service.to_owned(),
        method,
        path: path.ok_or_else(|| missing("path"))?,
        caller: caller.ok_or_else(|| missing("caller"))?,
        credentials,
    })
}

/// A path as text, or as a list of segments: texts, and maps with `kind` or `parts`.
fn pattern(node: &Node) -> Result<Pattern, String> {
    let Value::List(items) = &node.value else {
        return Pattern::read(node.text().unwrap_or_default());
    };
    if items.len() > PATH_SEGMENTS_MAX {
        return Err(format!("there are {} segments; paths have {PATH_SEGMENTS_MAX}", items.len()));
    }
    let segments = items.iter().map(|item| match item.member("parts") {
        Some(parts) => parts.items().iter().map(part).collect::<Result<Parts, String>>(),
        None => part(item).map(|part| vec![part]),
    });
    Ok(Pattern { segments: segments.collect::<Result<_, _>>()?, below: false })
}

fn part(node: &Node) -> Result<Part, String> {
    if let Some(text) = node.text() {
        return Ok(Part::Text(text.to_owned()));
    }
    let kind = node.member("kind").and_then(Node::text).and_then(SegmentKind::of_name);
    let name = node.member("name").and_then(Node::text).unwrap_or_default().to_owned();
    let kind = kind.ok_or("a segment of a list is a text, or a map with `kind`")?;
    Ok(Part::Value { name, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_where_and_what() {
        for (text, told) in [
            ("", "the file is empty"),
            ("a: 1", "there is no `services`"),
            ("version: 2\nservices: {}", "line 1: this program reads version 1"),
            ("services:\n  a:\n    get: []", "line 3: `get` is no method"),
            ("services:\n  a:\n    GET: 5", "line 3: there must be a list"),
            ("services:\n  a:\n    GET:\n      - {caller: x}", "line 4: there is no `path`"),
            ("services:\n  a:\n    GET:\n      - {caller: x, path: y}", "line 4: a path begins with `/`"),
            (
                "services:\n  a:\n    GET:\n      - {caller: x, path: /, credentials: [x]}",
                "no kind of credential",
            ),
            ("services:\n  a:\n    GET:\n      - {caller: x, path: /, cal: 1}", "line 4: unknown key `cal`"),
            ("services:\n  a: [b]", "must be a map"),
        ] {
            let fault = Policy::read(text).expect_err(text).to_string();
            assert!(fault.contains(told), "{text}: {fault}");
        }
    }
}
