//! Policies that know methods and paths: `CiliumNetworkPolicy` of cilium.io/v2 with rules for HTTP, and
//! `AuthorizationPolicy` of security.istio.io/v1.

use std::collections::BTreeMap;

use super::kubernetes::{cidr, metadata};
use super::{From, Identity, Said, labels, object, regex, texts};
use crate::inventory::policy::{Part, Pattern};
use crate::report::openapi::Json;

/// Callers in order, each with its edges.
fn by_caller<'s, 'a>(edges: &'s [Said<'a>]) -> BTreeMap<&'s From<'a>, Vec<&'s Said<'a>>> {
    let mut callers: BTreeMap<&From<'_>, Vec<&Said<'_>>> = BTreeMap::new();
    for said in edges {
        callers.entry(&said.from).or_default().push(said);
    }
    callers
}

/// Hosts as clients write them: port 80 may be said or not.
fn hosts(service: &str) -> Vec<String> {
    let has_port = service.rsplit_once(':').is_some_and(|(host, port)| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']'))
    });
    if has_port { vec![service.to_owned()] } else { vec![service.to_owned(), format!("{service}:80")] }
}

pub(super) fn cilium(name: &str, service: &str, to: &Identity, edges: &[Said<'_>]) -> Json {
    let host = match &hosts(service)[..] {
        [one] => format!("^{}$", regex::literal(one)),
        _ => format!("^{}(:80)?$", regex::literal(service)),
    };
    let rules = by_caller(edges).into_iter().map(|(from, edges)| {
        let mut http: Vec<(String, &str)> = edges
            .iter()
            .map(|said| (regex::path(&said.edge.path), said.edge.method.map_or("", |method| method.name())))
            .collect();
        http.sort();
        http.dedup();
        let http = http.into_iter().map(|(path, method)| {
            object([
                ("method", format!("^{method}$").into()),
                ("path", path.into()),
                ("host", host.as_str().into()),
            ])
        });
        let port = object([("port", to.port_of(service).to_string().into()), ("protocol", "TCP".into())]);
        let to_port = object([
            ("ports", Json::List(vec![port])),
            ("rules", object([("http", Json::List(http.collect()))])),
        ]);
        object([cilium_from(from), ("toPorts", Json::List(vec![to_port]))])
    });
    let mut rules: Vec<Json> = rules.collect();
    if rules.is_empty() {
        // A rule of nothing makes the pods deny by default and lets nobody in.
        rules.push(object([]));
    }
    object([
        ("apiVersion", "cilium.io/v2".into()),
        ("kind", "CiliumNetworkPolicy".into()),
        ("metadata", metadata(name, service, to)),
        ("spec", object([("endpointSelector", labels(&to.labels)), ("ingress", Json::List(rules))])),
    ])
}

fn cilium_from(from: &From<'_>) -> (&'static str, Json) {
    match from {
        From::Identity(identity) => {
            let mut all = identity.labels.clone();
            all.insert("k8s:io.kubernetes.pod.namespace".to_owned(), identity.namespace.clone());
            ("fromEndpoints", Json::List(vec![labels(&all)]))
        }
        From::Address(address) => ("fromCIDR", Json::List(vec![cidr(*address).into()])),
    }
}

pub(super) fn istio(name: &str, service: &str, to: &Identity, edges: &[Said<'_>]) -> Json {
    let hosts = hosts(service);
    let rules = by_caller(edges).into_iter().map(|(from, edges)| {
        // One operation for each method: several of both would allow all pairs.
        let mut methods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for said in edges {
            let paths = methods.entry(said.edge.method.map_or("", |method| method.name())).or_default();
            paths.extend(istio_path(&said.edge.path));
        }
        let operations = methods.into_iter().map(|(method, mut paths)| {
            paths.sort();
            paths.dedup();
            // A slash at the end makes no other endpoint.
            let both = paths.iter().flat_map(|path| {
                let slash = (path != "/").then(|| format!("{path}/"));
                [Some(path.clone()), slash].into_iter().flatten()
            });
            let operation = object([
                ("hosts", texts(hosts.iter().map(String::as_str))),
                ("ports", Json::List(vec![to.port_of(service).to_string().into()])),
                ("methods", texts([method])),
                ("paths", Json::List(both.map(Json::from).collect())),
            ]);
            object([("operation", operation)])
        });
        let source = match from {
            From::Identity(identity) => ("principals", identity.principal().unwrap_or_default()),
            From::Address(address) => ("ipBlocks", cidr(*address)),
        };
        let source = object([(source.0, Json::List(vec![source.1.into()]))]);
        object([
            ("from", Json::List(vec![object([("source", source)])])),
            ("to", Json::List(operations.collect())),
        ])
    });
    let rules: Vec<Json> = rules.collect();
    let mut spec = vec![("selector".to_owned(), labels(&to.labels)), ("action".to_owned(), "ALLOW".into())];
    if !rules.is_empty() {
        // Without rules ALLOW lets nobody in.
        spec.push(("rules".to_owned(), Json::List(rules)));
    }
    object([
        ("apiVersion", "security.istio.io/v1".into()),
        ("kind", "AuthorizationPolicy".into()),
        ("metadata", metadata(name, service, to)),
        ("spec", Json::Object(spec)),
    ])
}

/// A path as Istio 1.22 has templates: whole segments only, and no star or brace that would read as one.
pub(super) fn istio_path(pattern: &Pattern) -> Option<String> {
    let mut text = String::new();
    for segment in &pattern.segments {
        text.push('/');
        match &segment[..] {
            [Part::Text(literal)] if !literal.contains(['*', '{', '}']) => {
                text.push_str(&regex::coded(literal))
            }
            [Part::Value { .. }] => text.push_str("{*}"),
            _ => return None,
        }
    }
    if pattern.below {
        text.push_str("/{**}");
    }
    Some(if text.is_empty() { "/".to_owned() } else { text })
}
