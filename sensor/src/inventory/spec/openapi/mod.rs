//! OpenAPI 3.1, 3.0 and Swagger 2.0, YAML or JSON, into a [`Spec`]. References are followed within the
//! file and into others below the same folder; nothing is fetched. What a document says that no call can
//! be held against (examples, links, callbacks) is not read.

mod files;
mod parts;
pub(super) mod routes;
mod schemas;
mod security;

use files::{Files, Spot};
use routes::METHODS;

use super::fault::escaped;
use super::{Base, Fault, Format, Operation, Spec};
use crate::inventory::guidance::RouteSegment;
use crate::inventory::yaml::{self, Node};
use crate::limits::{OPENAPI_ROUTES_MAX, PATH_SEGMENTS_MAX, SPEC_LEVELS_MAX};

/// Gives the text of a file by its path below the folder of the specification, or says why not.
pub type Load<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// Reads the specification at `path` with all that it refers to.
///
/// # Errors
/// It is no such document, or one that is wrong: which file, where in it, and what.
pub fn read(path: &str, load: &mut Load<'_>) -> Result<Spec, Fault> {
    let files = Files::load(path, load, |text| yaml::read_without_lines(text, SPEC_LEVELS_MAX))?;
    of_files(&files, Extent::All)
}

/// Reads only where the routes of a text are, and by which methods: bases, paths and methods of operations.
/// What cannot be read or followed there is left out; a path without any known method is an operation of
/// the method "".
///
/// # Errors
/// It is no such document, or has no paths.
pub(in crate::inventory) fn read_routes(text: &str) -> Result<Spec, Fault> {
    let mut own = Some(text.to_owned());
    let mut load = |_: &str| own.take().ok_or("other files are not read".to_owned());
    of_files(&Files::load("", &mut load, |text| yaml::read(text, yaml::SHALLOW))?, Extent::Routes)
}

fn of_files(files: &Files, extent: Extent) -> Result<Spec, Fault> {
    let root = files.root();
    // Whole documents are read without lines.
    let line = if extent == Extent::Routes { root.node.line } else { 0 };
    let format = format(root.node).map_err(|what| Fault { line, ..root.fault("", what) })?;
    let mut reader = Reader {
        files,
        format,
        extent,
        schemas: schemas::Builder::new(files, format),
        security: security::Schemes::of(files, format),
        bases: Vec::new(),
    };
    let text = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().trim().to_owned();
    let info = root.node.member("info");
    let mut spec = Spec {
        title: text(info.and_then(|info| info.member("title"))),
        version: text(info.and_then(|info| info.member("version"))),
        format,
        ..Spec::default()
    };
    spec.operations = reader.operations()?;
    spec.declares_security = reader.security.is_declared();
    spec.bases = std::mem::take(&mut reader.bases);
    spec.schemas = reader.schemas.finish()?;
    Ok(spec)
}

/// How much of a document is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All, and all of it has to be right.
    All,
    /// Routes, as far as they can be read.
    Routes,
}

/// Whether a text is the root of a specification, by its first level.
pub fn is_root(text: &str) -> bool {
    let node = crate::inventory::yaml::read_without_lines(text, 1);
    node.is_ok_and(|node| node.is_some_and(|node| format(&node).is_ok()))
}

fn format(root: &Node) -> Result<Format, String> {
    let version = |name: &str| root.member(name).and_then(Node::text);
    match (version("swagger"), version("openapi")) {
        (Some("2.0" | "2"), _) => Ok(Format::Swagger20),
        (_, Some(version)) if version.starts_with("3.0") => Ok(Format::Openapi30),
        (_, Some(version)) if version.starts_with("3.") => Ok(Format::Openapi31),
        (other, version) => Err(match other.or(version) {
            Some(version) => format!("version `{version}` is not known; 2.0, 3.0 and 3.1 are"),
            None => "this is no OpenAPI document: it has no `openapi: 3.x` and no `swagger: 2.0`".to_owned(),
        }),
    }
}

/// One document on its way.
struct Reader<'a> {
    files: &'a Files,
    format: Format,
    extent: Extent,
    schemas: schemas::Builder<'a>,
    security: security::Schemes,
    bases: Vec<Base>,
}

impl<'a> Reader<'a> {
    fn operations(&mut self) -> Result<Vec<Operation>, Fault> {
        let root = self.files.root();
        let own = match self.format {
            Format::Swagger20 => routes::bases_of_swagger(root.node),
            _ => routes::bases(root.node).unwrap_or_else(routes::anywhere),
        };
        let own: Vec<u32> = own.into_iter().map(|base| self.base(base)).collect();
        let mut operations = Vec::new();
        let mut count = 0;
        let paths = root.node.member("paths").map_or(&[][..], Node::members);
        for (path, _, item) in paths.iter().filter(|(path, ..)| !path.starts_with("x-")) {
            let pointer = format!("/paths/{}", escaped(path));
            let is_lenient = self.extent == Extent::Routes;
            if !path.starts_with('/') && !is_lenient {
                return Err(root.fault(&pointer, "a path begins with `/`"));
            }
            let own_item = root.to(item);
            let item = match self.files.resolve(own_item, &pointer) {
                Err(_) if is_lenient => own_item,
                item => item?,
            };
            if !is_lenient && !is_map(item.node) && item.node.text().is_none_or(|text| !is_nothing(text)) {
                let what = format!("there is {} and no path item", item.node.kind());
                return Err(root.fault(&pointer, what));
            }
            let segments = routes::segments(path);
            let of_item = routes::bases(item.node);
            let known = item.node.members().iter().filter(|(method, ..)| METHODS.contains(&method.as_str()));
            let mut known: Vec<(&str, &Node)> =
                known.map(|(method, _, node)| (method.as_str(), node)).collect();
            if known.is_empty() && is_lenient {
                known.push(("", item.node));
            }
            for (method, node) in known {
                let pointer = format!("{pointer}/{method}");
                let operation = match self.files.resolve(item.to(node), &pointer) {
                    Err(_) if is_lenient => item.to(node),
                    operation => operation?,
                };
                if !is_lenient && !is_map(operation.node) {
                    let what = format!("there is {} and no operation", operation.node.kind());
                    return Err(root.fault(&pointer, what));
                }
                let bases = match routes::bases(operation.node).or_else(|| of_item.clone()) {
                    Some(bases) => bases.into_iter().map(|base| self.base(base)).collect(),
                    None => own.clone(),
                };
                count += bases.len();
                if count > OPENAPI_ROUTES_MAX {
                    let what = format!("there are more than {OPENAPI_ROUTES_MAX} routes");
                    return Err(root.fault(&pointer, what));
                }
                if segments.len() > PATH_SEGMENTS_MAX {
                    continue;
                }
                let mut read = Operation {
                    method: method.to_ascii_uppercase(),
                    path: path.clone(),
                    segments: segments.clone(),
                    bases,
                    deprecated: flag(operation.node, "deprecated"),
                    security: self.security.of_operation(operation.node),
                    pointer,
                    ..Operation::default()
                };
                if !is_lenient {
                    self.parameters(item, operation, &mut read)?;
                    self.body(operation, &mut read)?;
                    self.responses(operation, &mut read)?;
                }
                operations.push(read);
            }
        }
        if self.extent == Extent::Routes && operations.is_empty() {
            let line = root.node.line;
            return Err(Fault { line, ..root.fault("", "there are no paths in the document") });
        }
        if root.node.member("paths").is_none() && operations.is_empty() {
            return Err(root.fault("", "there are no `paths` in the document"));
        }
        Ok(operations)
    }

    /// Number of a base.
    fn base(&mut self, (services, path): routes::Base) -> u32 {
        let base = Base { services, path };
        let known = self.bases.iter().position(|known| *known == base);
        let at = known.unwrap_or_else(|| {
            self.bases.push(base);
            self.bases.len() - 1
        });
        at as u32
    }
}

fn flag(node: &Node, name: &str) -> bool {
    node.member(name).and_then(Node::text).is_some_and(|text| text == "true")
}

/// `null` in either language.
fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn is_map(node: &Node) -> bool {
    matches!(node.value, crate::inventory::yaml::Value::Map(_))
}

/// Sets what a path parameter takes.
fn set_takes(segments: &mut [RouteSegment], name: &str, value: crate::inventory::guidance::Takes) {
    for segment in segments {
        if let RouteSegment::Parameter { name: known, takes, .. } = segment
            && *known == name
        {
            *takes = value.clone();
        }
    }
}

impl<'a> Spot<'a> {
    fn fault(&self, pointer: &str, what: impl Into<String>) -> Fault {
        Fault::at(self.path, pointer, what)
    }
}
