//! A filtered catalog into OpenAPI documents, one per service (OpenAPI Specification 3.1.0 and
//! 3.0.3). Nothing but names, types and counts is in them; equal inventories give equal bytes.
//! What OpenAPI has no place for is left out, and said in a note.

mod operation;
mod path;
mod schema;
mod security;
mod tree;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use path::Paths;
use security::Schemes;
pub use value::{Json, yaml};
use value::{Members, put};

use crate::inventory::OVER_BUDGET;
use crate::inventory::catalog::{Catalog, Service};

/// Which specification a document follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.0.3: no null type, one type per schema.
    V3_0,
    /// 3.1.0: schemas are JSON Schema 2020-12.
    V3_1,
}

/// Methods that a Path Item Object has a member for, in the order of the specification.
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

const DESCRIPTION: &str = "Learnt by apicensus from traffic, not written by the makers of the service. \
    It takes every call that was seen and says no more: what was in all calls is required, what was not \
    seen is not in here. Counts are in the members that begin with x-apicensus: calls, objects of a place \
    in bodies (x-apicensus-objects) and how many of them had a member (x-apicensus-present). \
    x-apicensus-confidence is high from 50 calls answered below 400 on, medium from 5 on, else low.";

/// The documents of all services with operations, by name of the service.
pub fn documents(catalog: &Catalog, version: Version) -> Vec<(String, Json)> {
    let services = catalog.services.iter().filter(|service| &*service.name != OVER_BUDGET);
    services.filter_map(|service| Some((service.name.to_string(), document(service, version)?))).collect()
}

/// The document of a service; `None` if it has no operation.
fn document(service: &Service, version: Version) -> Option<Json> {
    let mut paths: BTreeMap<String, BTreeMap<usize, Members>> = BTreeMap::new();
    let (mut templates, mut schemes) = (Paths::default(), Schemes::new(version));
    let mut ids = BTreeSet::new();
    let mut left_out = BTreeMap::new();
    let mut leave_out = |why: &'static str, calls: u64| {
        let sum: &mut u64 = left_out.entry(why).or_default();
        *sum = sum.saturating_add(calls);
    };
    let mut calls: u64 = 0;
    for endpoint in &service.endpoints {
        let method = endpoint.method.name();
        if endpoint.template.split('/').any(|segment| segment == OVER_BUDGET) {
            leave_out("over-budget", endpoint.stats.calls);
            continue;
        }
        let Some(place) = METHODS.iter().position(|known| *known == method) else {
            leave_out("method", endpoint.stats.calls);
            continue;
        };
        let path = templates.of(endpoint);
        if paths.get(&path.text).is_some_and(|methods| methods.contains_key(&place)) {
            leave_out("same-path", endpoint.stats.calls);
            continue;
        }
        let base = path::operation_id(method, &path.text);
        let mut id = base.clone();
        let mut number = 1;
        while !ids.insert(id.clone()) {
            number += 1;
            id = format!("{base}_{number}");
        }
        let operation = operation::of(endpoint, &path, id, &mut schemes, version);
        calls = calls.saturating_add(endpoint.stats.calls);
        paths.entry(path.text).or_default().insert(place, operation);
    }
    if paths.is_empty() {
        return None;
    }
    let mut info = vec![("title".to_owned(), Json::from(&*service.name))];
    put(&mut info, "description", DESCRIPTION);
    put(&mut info, "version", "observed");
    put(&mut info, "x-apicensus-calls", calls);
    if !left_out.is_empty() {
        let notes = left_out.into_iter().map(|(why, calls)| (why.to_owned(), calls.into()));
        put(&mut info, "x-apicensus-left-out", notes.collect::<Members>());
    }
    let number = match version {
        Version::V3_0 => "3.0.3",
        Version::V3_1 => "3.1.0",
    };
    let mut document = vec![("openapi".to_owned(), Json::from(number))];
    put(&mut document, "info", info);
    // What is read is not encrypted.
    let server = vec![("url".to_owned(), format!("http://{}", service.name).into())];
    put(&mut document, "servers", vec![Json::Object(server)]);
    let paths = paths.into_iter().map(|(path, methods)| {
        let methods = methods.into_iter();
        let item = methods.map(|(place, operation)| (METHODS[place].to_ascii_lowercase(), operation.into()));
        (path, item.collect::<Members>().into())
    });
    put(&mut document, "paths", paths.collect::<Members>());
    if let Some(schemes) = schemes.into_json() {
        put(&mut document, "components", vec![("securitySchemes".to_owned(), schemes)]);
    }
    Some(document.into())
}

/// A name for the file of each document, without its ending: the service's, of safe characters, each
/// once whatever a file system makes of case.
pub fn file_names(documents: &[(String, Json)]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let names = documents.iter().map(|(service, _)| {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let plain: String = service.chars().map(|c| safe(c.to_ascii_lowercase())).take(200).collect();
        let base = if plain.starts_with('.') || plain.is_empty() { format!("_{plain}") } else { plain };
        let mut name = base.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        name
    });
    names.collect()
}
