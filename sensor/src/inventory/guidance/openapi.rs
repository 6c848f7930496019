//! OpenAPI documents (2.0, 3.x; JSON or YAML) as far as routes need them: servers, paths, methods.
//! Text in, [`Document`]s out, one for each base path. References to other files are not followed: a
//! path whose methods stand there is a route all the same. Nothing else of a document is looked at.

use std::collections::BTreeMap;

use super::{Document, Route, RouteSegment, Takes, decoded};
use crate::inventory::yaml::{self, Fault, Node};
use crate::limits::{OPENAPI_ROUTES_MAX, PATH_SEGMENTS_MAX};

/// Base paths that the variables of one server make.
const BASES_MAX: usize = 16;

/// Keys of a path item that are methods.
pub(in crate::inventory) const METHODS: &[&str] =
    &["get", "put", "post", "delete", "options", "head", "patch", "trace", "query", "connect"];

/// Where the routes of a document are: which services, below which path.
pub(in crate::inventory) type Base = (Vec<String>, String);

/// Reads the text of a document. It is for the services of its servers (`*` where they have no host),
/// or for `service` if that is given.
///
/// # Errors
/// It is no such document, or has no paths.
pub fn read(text: &str, service: Option<&str>) -> Result<Vec<Document>, Fault> {
    let root = yaml::read(text, yaml::SHALLOW)?.ok_or_else(|| Fault::at(0, "the file is empty"))?;
    let version = |name: &str| root.member(name).and_then(Node::text);
    let bases = match (version("swagger"), version("openapi")) {
        (Some("2.0" | "2"), _) => bases_of_swagger(&root),
        (_, Some(version)) if version.starts_with("3.") => bases(&root).unwrap_or_else(anywhere),
        (other, version) => {
            let what = match other.or(version) {
                Some(version) => format!("version `{version}` is not known; 2.0, 3.0 and 3.1 are"),
                None => {
                    "this is no OpenAPI document: it has no `openapi: 3.x` and no `swagger: 2.0`".to_owned()
                }
            };
            return Err(Fault::at(root.line, what));
        }
    };
    let mut documents: BTreeMap<Base, Vec<Route>> = BTreeMap::new();
    let mut count = 0;
    for (path, line, item) in root.member("paths").map_or(&[][..], Node::members) {
        if path.starts_with("x-") {
            continue;
        }
        let item = resolve(&root, item);
        let is_method = |(key, ..): &&(String, usize, Node)| METHODS.contains(&key.as_str());
        let operations = || item.members().iter().filter(is_method);
        let methods: Vec<String> = operations().map(|(key, ..)| key.to_ascii_uppercase()).collect();
        let own: Vec<Base> =
            operations().filter_map(|(.., operation)| self::bases(operation)).flatten().collect();
        let own = if own.is_empty() { self::bases(item) } else { Some(own) };
        for (services, base) in own.as_ref().unwrap_or(&bases) {
            let services = match service {
                Some(service) => vec![super::service_name(service)],
                None => services.clone(),
            };
            let segments = segments(&format!("{base}/{path}"));
            if segments.len() > PATH_SEGMENTS_MAX {
                continue;
            }
            count += 1;
            if count > OPENAPI_ROUTES_MAX {
                return Err(Fault::at(*line, format!("there are more than {OPENAPI_ROUTES_MAX} routes")));
            }
            let routes = documents.entry((services, base.clone())).or_default();
            // Operations may have the same servers.
            if !routes.iter().rev().take(methods.len()).any(|known| known.segments == segments) {
                routes.push(Route { segments, methods: methods.clone() });
            }
        }
    }
    if documents.is_empty() {
        return Err(Fault::at(root.line, "there are no paths in the document"));
    }
    Ok(documents.into_iter().map(|((services, _), routes)| Document { services, routes }).collect())
}

pub(in crate::inventory) fn anywhere() -> Vec<Base> {
    vec![(vec!["*".to_owned()], String::new())]
}

/// What a `$ref` within the document leads to.
fn resolve<'a>(root: &'a Node, node: &'a Node) -> &'a Node {
    const STEPS_MAX: usize = 8;
    let mut node = node;
    for _ in 0..STEPS_MAX {
        let Some(reference) = node.member("$ref").and_then(Node::text) else { break };
        let Some(pointer) = reference.strip_prefix("#/") else { break };
        let steps = pointer.split('/').map(|step| decoded(step).replace("~1", "/").replace("~0", "~"));
        match steps.into_iter().try_fold(root, |node, step| node.member(&step)) {
            Some(target) => node = target,
            None => break,
        }
    }
    node
}

/// Of `host`, `basePath` and `schemes`.
pub(in crate::inventory) fn bases_of_swagger(root: &Node) -> Vec<Base> {
    let base = root.member("basePath").and_then(Node::text).unwrap_or_default().to_owned();
    let Some(host) = root.member("host").and_then(Node::text).filter(|host| !host.is_empty()) else {
        return vec![(vec!["*".to_owned()], base)];
    };
    let schemes: Vec<&str> =
        root.member("schemes").map_or(&[][..], Node::items).iter().filter_map(Node::text).collect();
    let schemes = if schemes.is_empty() { vec![""] } else { schemes };
    let mut services: Vec<String> = schemes.iter().flat_map(|scheme| services(scheme, host)).collect();
    services.sort_unstable();
    services.dedup();
    vec![(services, base)]
}

/// Of `servers`; `None` if there are none.
pub(in crate::inventory) fn bases(node: &Node) -> Option<Vec<Base>> {
    let mut bases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for server in node.member("servers")?.items() {
        let url = server.member("url").and_then(Node::text).unwrap_or_default();
        let (scheme, host, path) = parts(url);
        let services = if host.is_empty() { vec!["*".to_owned()] } else { services(scheme, host) };
        for base in expanded(path, server.member("variables")) {
            bases.entry(base.trim_end_matches('/').to_owned()).or_default().extend(services.iter().cloned());
        }
    }
    let each = |(base, mut services): (String, Vec<String>)| {
        services.sort_unstable();
        services.dedup();
        (services, base)
    };
    (!bases.is_empty()).then(|| bases.into_iter().map(each).collect())
}

/// Scheme, authority and path of a server's URL, each empty where there is none.
fn parts(url: &str) -> (&str, &str, &str) {
    let url = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => match url.strip_prefix("//") {
            Some(rest) => ("", rest),
            None => {
                // `localhost:8080/v1` is meant as a host, `v1` and `./v1` are not.
                let first = url.split('/').next().unwrap_or_default();
                let is_host = !first.starts_with('.') && first.contains(['.', ':']);
                if !is_host {
                    return ("", "", url.trim_start_matches('.'));
                }
                ("", url)
            }
        },
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, host.rsplit_once('@').map_or(host, |(_, host)| host), path)
}

/// Names of services behind an authority: as callers name them in `Host`, where port 80 goes without
/// saying, and 443 for those that speak TLS. A variable stands for any text.
fn services(scheme: &str, authority: &str) -> Vec<String> {
    let authority = starred(authority).to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host.to_owned(), port.to_owned()),
        _ => (authority, String::new()),
    };
    let secure = !matches!(scheme, "http" | "ws");
    match port.as_str() {
        "" | "80" if !secure => vec![host],
        "" | "443" if secure => vec![format!("{host}:443"), host],
        "80" => vec![host],
        "*" => vec![format!("{host}:*"), host],
        port => vec![format!("{host}:{port}")],
    }
}

/// The text with `*` for each variable.
fn starred(text: &str) -> String {
    let mut starred = String::new();
    let mut rest = text;
    while let Some((before, (_, after))) =
        rest.split_once('{').and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
    {
        starred.push_str(before);
        starred.push('*');
        rest = after;
    }
    starred + rest
}

/// The base path with each value that its variables may have; one without any stays a parameter.
fn expanded(path: &str, variables: Option<&Node>) -> Vec<String> {
    let mut paths = vec![path.to_owned()];
    for (name, _, variable) in variables.map_or(&[][..], Node::members) {
        let place = format!("{{{name}}}");
        if !path.contains(&place) {
            continue;
        }
        let default = variable.member("default").into_iter();
        let mut values: Vec<&str> = default
            .chain(variable.member("enum").map_or(&[][..], Node::items))
            .filter_map(Node::text)
            .collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() || paths.len() * values.len() > BASES_MAX {
            continue;
        }
        paths =
            paths.iter().flat_map(|path| values.iter().map(|value| path.replace(&place, value))).collect();
    }
    paths
}

/// Segments of a path template; empty ones, queries and fragments mean nothing.
pub(in crate::inventory) fn segments(path: &str) -> Vec<RouteSegment> {
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    path.split('/').filter(|segment| !segment.is_empty()).map(segment).collect()
}

fn segment(text: &str) -> RouteSegment {
    let parts = text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (name, behind))) => RouteSegment::Parameter {
            name: super::parameter_name(name),
            before: decoded(before),
            behind: decoded(behind),
            takes: Takes::Any,
        },
        None => RouteSegment::Literal(decoded(text)),
    }
}
