//! `NetworkPolicy` of networking.k8s.io/v1, one per service: who may reach which port. Methods and paths
//! are in its comments only.

use std::collections::BTreeMap;

use super::{From, Identity, Said, labels, object};
use crate::report::openapi::Json;

pub(super) fn manifest(name: &str, service: &str, to: &Identity, edges: &[Said<'_>]) -> Json {
    let mut froms: Vec<&From<'_>> = edges.iter().map(|said| &said.from).collect();
    froms.sort();
    froms.dedup();
    let from: Vec<Json> = froms.into_iter().map(from).collect();
    let port = object([("protocol", "TCP".into()), ("port", Json::Number(to.port_of(service).into()))]);
    // A rule with an empty `from` would be one for everybody; no rule at all lets nobody in.
    let ingress = match from.is_empty() {
        true => Vec::new(),
        false => vec![object([("from", Json::List(from)), ("ports", Json::List(vec![port]))])],
    };
    object([
        ("apiVersion", "networking.k8s.io/v1".into()),
        ("kind", "NetworkPolicy".into()),
        ("metadata", metadata(name, service, to)),
        (
            "spec",
            object([
                ("podSelector", labels(&to.labels)),
                ("policyTypes", super::texts(["Ingress"])),
                ("ingress", Json::List(ingress)),
            ]),
        ),
    ])
}

/// Name and place; which service it is for.
pub(super) fn metadata(name: &str, service: &str, to: &Identity) -> Json {
    object([
        ("name", name.into()),
        ("namespace", to.namespace.as_str().into()),
        ("annotations", object([("apicensus/service", service.into())])),
    ])
}

fn from(from: &From<'_>) -> Json {
    match from {
        From::Identity(identity) => {
            let namespace =
                BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), identity.namespace.clone())]);
            object([("namespaceSelector", labels(&namespace)), ("podSelector", labels(&identity.labels))])
        }
        From::Address(address) => object([("ipBlock", object([("cidr", cidr(*address).into())]))]),
    }
}

/// One address as a block.
pub(super) fn cidr(address: std::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}
