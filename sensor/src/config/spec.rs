//! Files and folders of specifications into what a store keeps: which files are specifications, where what
//! they refer to is, what they are called. Nothing outside of the folder of a specification is read,
//! whatever links or references say, and nothing is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Failure;
use crate::inventory::spec::{self, Fault, Spec};
use crate::limits::{OPENAPI_BYTES_MAX, SPEC_FOLDER_FILES_MAX, SPEC_FOLDER_LEVELS_MAX, SPECS_MAX};
use crate::store::specs::GivenSpec;

/// What people say beside a specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Which services it is for.
    pub services: Vec<String>,
    /// What to call it.
    pub name: Option<String>,
}

/// A specification and its file, as it is shown.
#[derive(Clone, Debug)]
pub struct ReadSpec {
    /// As typed, or below what was typed.
    pub file: String,
    /// What it says.
    pub given: GivenSpec,
}

/// What a folder or file gave.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What can be used.
    pub good: Vec<ReadSpec>,
    /// What cannot, each as `cannot use FILE: why`.
    pub bad: Vec<(PathBuf, String)>,
}

/// What a file is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// YAML or JSON; its first level tells.
    OpenApi,
    Grpc,
    Graphql,
}

impl Kind {
    fn of(path: &Path) -> Option<Kind> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "yaml" | "yml" | "json" => Kind::OpenApi,
            "pb" | "binpb" | "desc" | "protoset" => Kind::Grpc,
            "graphql" | "graphqls" | "gql" => Kind::Graphql,
            _ => return None,
        })
    }
}

/// Reads a file or all specifications of a folder.
///
/// # Errors
/// Any of them is of no use, all of which are named, or there is none.
pub fn read(path: &Path, said: &Said) -> Result<Vec<ReadSpec>, Failure> {
    let gathered = gather(path, said)?;
    if !gathered.bad.is_empty() {
        let lines: Vec<String> = gathered.bad.into_iter().map(|(_, line)| line).collect();
        return Err(Failure::Usage(lines.join("\n")));
    }
    if gathered.good.is_empty() {
        return Err(Failure::Usage(format!("there is no specification in {}", path.display())));
    }
    let mut names: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for ReadSpec { file, given: GivenSpec { spec, .. } } in &gathered.good {
        if let Some(other) = names.insert((&spec.name, &spec.version), file) {
            return Err(Failure::Usage(format!(
                "{other} and {file} have the name {} and the version `{}` in common; add them one by one with --name",
                spec.name, spec.version
            )));
        }
    }
    Ok(gathered.good)
}

/// As [`read`], but what is of no use is told beside what is.
///
/// # Errors
/// There is nothing to read at that path at all.
pub fn gather(path: &Path, said: &Said) -> Result<Gathered, Failure> {
    let unreadable = |error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let mut gathered = Gathered::default();
    if !metadata.is_dir() {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let root = folder.canonicalize().map_err(unreadable)?;
        let inside = Path::new(path.file_name().unwrap_or_default());
        let kind = Kind::of(path).unwrap_or(Kind::OpenApi);
        let typed = path.with_file_name("");
        gathered.take(path, read_one(&Folder { root: &root, typed: &typed }, inside, kind, said, true));
        return Ok(gathered);
    }
    let root = path.canonicalize().map_err(unreadable)?;
    for inside in
        files(&root).map_err(|why| Failure::Usage(format!("cannot use {}: {why}", path.display())))?
    {
        let Some(kind) = Kind::of(&inside) else { continue };
        let folder = Folder { root: &root, typed: path };
        gathered.take(&path.join(&inside), read_one(&folder, &inside, kind, said, false));
        if gathered.good.len() > SPECS_MAX {
            let why = format!("there are more than {SPECS_MAX} specifications in it");
            return Err(Failure::Usage(format!("cannot use {}: {why}", path.display())));
        }
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, path: &Path, result: Result<Option<GivenSpec>, (Option<PathBuf>, String)>) {
        match result {
            Ok(Some(given)) => self.good.push(ReadSpec { file: path.display().to_string(), given }),
            Ok(None) => {}
            Err((other, why)) => {
                let shown = other.as_deref().unwrap_or(path);
                self.bad.push((path.to_owned(), format!("cannot use {}: {why}", shown.display())));
            }
        }
    }
}

/// Files below a folder by their paths in it, sorted. Names that begin with a dot are left out: editors'
/// and version control's, and the folders of a ConfigMap, whose files are linked beside them.
fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    let mut seen = 0;
    while let Some((folder, level)) = folders.pop() {
        let entries = fs::read_dir(root.join(&folder)).map_err(|error| error.to_string())?;
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            seen += 1;
            if seen > SPEC_FOLDER_FILES_MAX {
                return Err(format!("there are more than {SPEC_FOLDER_FILES_MAX} files in it"));
            }
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(&name);
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            if kind.is_dir() && level < SPEC_FOLDER_LEVELS_MAX {
                folders.push((path, level + 1));
            } else if kind.is_file() || (kind.is_symlink() && root.join(&path).is_file()) {
                found.insert(path);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The folder that a specification and all that it refers to are in.
struct Folder<'a> {
    /// With all links followed.
    root: &'a Path,
    /// As it was typed; files are named below it.
    typed: &'a Path,
}

/// Reads one file; `None` if it is none of ours and nobody said that it is.
fn read_one(
    &Folder { root, typed }: &Folder<'_>,
    inside: &Path,
    kind: Kind,
    said: &Said,
    is_named: bool,
) -> Result<Option<GivenSpec>, (Option<PathBuf>, String)> {
    let inside = inside.to_str().ok_or((None, "its name is no UTF-8".to_owned()))?;
    if Path::new(inside).extension().is_some_and(|ending| ending == "proto") {
        let how = "`protoc --include_imports --descriptor_set_out=FILE.binpb` makes one of it";
        return Err((None, format!("this is the source of a descriptor set; {how}")));
    }
    let bytes = bytes_of(root, inside).map_err(|why| (None, why))?;
    let mut digest = Sha256::new();
    let mut add = |name: &str, bytes: &[u8]| {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    add("", &bytes);
    let as_text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| "this is no UTF-8".to_owned());
    let read = match kind {
        Kind::OpenApi => {
            let text = as_text(bytes).map_err(|why| (None, why))?;
            if !is_named && !spec::is_root(&text) {
                return Ok(None);
            }
            let mut own = Some(text);
            spec::read_openapi(inside, &mut |wanted| {
                if wanted == inside
                    && let Some(text) = own.take()
                {
                    return Ok(text);
                }
                let bytes = bytes_of(root, wanted)?;
                add(wanted, &bytes);
                as_text(bytes)
            })
        }
        Kind::Grpc => spec::read_grpc(inside, &bytes),
        Kind::Graphql => {
            let text = as_text(bytes).map_err(|why| (None, why))?;
            // Parts of a schema, and operations of clients.
            if !is_named && !spec::is_graphql_root(&text) {
                return Ok(None);
            }
            spec::read_graphql(inside, &text)
        }
    };
    let mut spec: Spec = read.map_err(|fault: Fault| {
        // Paths of files are those below the folder.
        let other = (fault.file != inside).then(|| typed.join(&fault.file));
        (other, fault.to_string())
    })?;
    spec.services = said.services.clone();
    spec.services.sort_unstable();
    spec.services.dedup();
    let stem = Path::new(inside).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    spec.name = match &said.name {
        Some(name) => name.clone(),
        None => {
            [kebab(&spec.title), kebab(stem)].into_iter().find(|n| !n.is_empty()).unwrap_or("spec".to_owned())
        }
    };
    for service in &spec.services {
        add("service", service.as_bytes());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(GivenSpec { spec, digest }))
}

/// Reads a file below `root`, wherever links lead, as long as that is below it too.
fn bytes_of(root: &Path, inside: &str) -> Result<Vec<u8>, String> {
    let path = root.join(inside).canonicalize().map_err(|error| error.to_string())?;
    if !path.starts_with(root) {
        return Err("it leads out of the folder that was given".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|error| error.to_string())?;
    if !file.metadata().map_err(|error| error.to_string())?.is_file() {
        return Err("it is no file".to_owned());
    }
    file.take(OPENAPI_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > OPENAPI_BYTES_MAX {
        return Err(format!("it has more than {} MiB", OPENAPI_BYTES_MAX >> 20));
    }
    Ok(bytes)
}

/// `The Shop (v2)` as `the-shop-v2`.
fn kebab(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    let mut name = words.join("-");
    let end = name.char_indices().map(|(at, _)| at).find(|at| *at >= 80).unwrap_or(name.len());
    name.truncate(end);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::kebab;

    #[test]
    fn names_in_kebab_case() {
        for (title, name) in [("The Shop (v2)", "the-shop-v2"), ("  ", ""), ("Überweisung", "überweisung")]
        {
            assert_eq!(kebab(title), name);
        }
        assert_eq!(kebab(&"a ".repeat(100)).len(), 79);
    }
}
