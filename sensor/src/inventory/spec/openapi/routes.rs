//! Where the routes of a document are and how they are written: servers, or host and base path, into
//! [`Base`](super::super::Base)s, and path templates into segments.

use std::collections::BTreeMap;

use crate::inventory::guidance::{RouteSegment, Takes, decoded, parameter_name};
use crate::inventory::yaml::Node;

/// Base paths that the variables of one server make.
const BASES_MAX: usize = 16;

/// Keys of a path item that are methods.
pub(super) const METHODS: &[&str] =
    &["get", "put", "post", "delete", "options", "head", "patch", "trace", "query", "connect"];

/// Where the routes of a document are: which services, below which path.
pub(super) type Base = (Vec<String>, String);

/// Of a document that does not say.
pub(super) fn anywhere() -> Vec<Base> {
    vec![(vec!["*".to_owned()], String::new())]
}

/// Of `host`, `basePath` and `schemes`.
pub(super) fn bases_of_swagger(root: &Node) -> Vec<Base> {
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
pub(super) fn bases(node: &Node) -> Option<Vec<Base>> {
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
            name: parameter_name(name),
            before: decoded(before),
            behind: decoded(behind),
            takes: Takes::Any,
        },
        None => RouteSegment::Literal(decoded(text)),
    }
}
