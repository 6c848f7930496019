//! The inventory as people read it: raw endpoints grouped under path templates. A pure function of
//! the inventory, so what is learnt later re-templates what was stored before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::noise::{self, Noise};
use super::template::{Template, Tree};
use super::{EndpointStats, Inventory};
use crate::call::{CallClass, Method, SegmentKind};

/// Templated view of an inventory, sorted by service, template and method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Services by name.
    pub services: Vec<Service>,
    /// What was called and is no endpoint.
    pub noise: Noise,
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
        let soft = noise::soft_missed(inventory);
        let mut trees: BTreeMap<Arc<str>, Tree> = BTreeMap::new();
        for (key, stats) in &inventory.endpoints {
            if key.class == CallClass::Found && !soft.contains(key) {
                let tree = trees.entry(key.service.clone()).or_default();
                tree.add(&inventory.words, &key.path, key.method, stats.clone());
            }
        }
        let services = trees.into_iter().map(|(name, tree)| Service { name, endpoints: endpoints(tree) });
        let mut services: Vec<Service> = services.collect();
        let noise = Noise::beside(inventory, &soft, &mut services);
        Catalog { services, noise }
    }
}

fn endpoints(tree: Tree) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for Template { text, parameters, methods } in tree.templates() {
        let parameters: Vec<Parameter> =
            parameters.into_iter().map(|(name, kind)| Parameter { name, kind }).collect();
        for (method, stats) in methods {
            endpoints.push(Endpoint {
                method,
                template: text.clone(),
                parameters: parameters.clone(),
                stats,
            });
        }
    }
    endpoints.sort_by(|one, other| (&one.template, one.method).cmp(&(&other.template, other.method)));
    endpoints
}
