//! The inventory as people read it: raw endpoints grouped under path templates. A pure function of
//! the inventory, so what is learnt later re-templates what was stored before.

use std::sync::Arc;

use super::{EndpointStats, Inventory};
use crate::call::{Method, Segment, SegmentKind};

/// Templated view of an inventory, sorted by service, template and method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Services by name.
    pub services: Vec<Service>,
}

/// Endpoints under one authority.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Authority.
    pub name: Arc<str>,
    /// Endpoints, sorted by template, then method.
    pub endpoints: Vec<Endpoint>,
}

/// A method on a path template, with the sums of all raw endpoints under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Method.
    pub method: Method,
    /// `/users/{userId}`; a word that is not shown to be a route word is a parameter too.
    pub template: String,
    /// Path parameters from left to right.
    pub parameters: Vec<Parameter>,
    /// Sums.
    pub stats: EndpointStats,
}

/// A path parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// As in the template, without braces.
    pub name: String,
    /// Shape of its values; `Text` if several.
    pub kind: SegmentKind,
}

impl Catalog {
    /// Groups the raw endpoints of an inventory under templates.
    pub fn of(inventory: &Inventory) -> Catalog {
        let mut services: Vec<Service> = Vec::new();
        for (key, stats) in &inventory.endpoints {
            let template: String = key
                .path
                .iter()
                .map(|s| match s {
                    Segment::Word(word) => format!("/{word}"),
                    _ => "/{value}".to_owned(),
                })
                .collect();
            let endpoint =
                Endpoint { method: key.method, template, parameters: Vec::new(), stats: stats.clone() };
            match services.last_mut() {
                Some(last) if last.name == key.service => last.endpoints.push(endpoint),
                _ => services.push(Service { name: key.service.clone(), endpoints: vec![endpoint] }),
            }
        }
        Catalog { services }
    }
}
