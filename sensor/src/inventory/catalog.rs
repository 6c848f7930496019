//! The inventory as people read it: raw endpoints grouped under path templates. A pure function of
//! the inventory, so what is learnt later re-templates what was stored before.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::aside::Aside;
use super::explain::{Explanation, explain};
use super::fit::Places;
use super::guidance::Guidance;
use super::noise::Noise;
use super::said::Said;
use super::template::{Guide, NodeId, Routed, Templates};
use super::{EndpointKey, EndpointStats, Inventory};
use crate::call::{Method, SegmentKind};

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
    /// `/users/{userId}`; a route word whose text may not be shown yet is `~` and a hash.
    pub template: String,
    /// Path parameters from left to right.
    pub parameters: Vec<Parameter>,
    /// Probability that the template is right, as far as the evidence knows: 0 to 1.
    pub confidence: f64,
    /// Why it is that template, segment by segment; empty unless asked for.
    pub explanation: Vec<Explanation>,
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

/// How an inventory is read.
#[derive(Clone, Copy, Default)]
pub struct Reading<'a> {
    /// What people said about routes.
    pub guidance: Option<&'a Guidance>,
    /// The installation's key: hidden words that people named are recognised by it.
    pub key: Option<&'a [u8; 16]>,
    /// Endpoints say why they have their template.
    pub explain: bool,
}

impl Catalog {
    /// Groups the raw endpoints of an inventory under templates.
    pub fn of(inventory: &Inventory) -> Catalog {
        Catalog::read(inventory, Reading::default())
    }

    /// As [`Catalog::of`], with what people said.
    pub fn read(inventory: &Inventory, reading: Reading<'_>) -> Catalog {
        let said = Said::of(inventory, reading.guidance, reading.key);
        let aside = Aside::of(inventory, &said);
        let mut rows: BTreeMap<Arc<str>, Vec<(&EndpointKey, &EndpointStats)>> = BTreeMap::new();
        for (key, stats) in &inventory.endpoints {
            if aside.class(key).is_none() {
                rows.entry(key.service.clone()).or_default().push((key, stats));
            }
        }
        let (mut services, mut places) = (Vec::new(), BTreeMap::new());
        for (name, rows) in rows {
            let (endpoints, found) = endpoints(&rows, said.guide(&name), said.words(), reading.explain);
            places.insert(name.clone(), (services.len(), found));
            services.push(Service { name, endpoints });
        }
        let noise = Noise::beside(inventory, said.words(), &aside, &mut services, &places);
        Catalog { services, noise }
    }
}

/// Endpoints of one service, sorted by template, then method, and where they are.
fn endpoints(
    rows: &[(&EndpointKey, &EndpointStats)],
    guide: &Guide,
    words: &BTreeMap<u64, Arc<str>>,
    with_reasons: bool,
) -> (Vec<Endpoint>, Places) {
    let mut templates = if with_reasons { Templates::explaining() } else { Templates::default() };
    for (key, stats) in rows {
        templates.add(&key.path, key.method, stats.calls);
    }
    templates.settle(guide);
    let mut sums: BTreeMap<(NodeId, Method), EndpointStats> = BTreeMap::new();
    // Documents win: what they have is not asked of the tree, which learns from it all the same.
    let mut routed: BTreeMap<(u32, Method), Routed> = BTreeMap::new();
    for (key, stats) in rows {
        if let Some((number, route)) = guide.route(&key.path) {
            let routed = routed.entry((number, key.method)).or_insert_with(|| Routed::of(route));
            routed.add(&key.path, stats);
            continue;
        }
        let Some(node) = templates.locate(&key.path) else {
            debug_assert!(false, "every path that was added has a template");
            continue;
        };
        sums.entry((node, key.method)).or_default().merge((*stats).clone());
    }
    // Two nodes read alike where a word stands in clear and, from before it was known, as a hash.
    let mut endpoints: BTreeMap<(String, Method), Endpoint> = BTreeMap::new();
    let mut nodes: BTreeMap<(NodeId, Method), String> = BTreeMap::new();
    let mut routes: BTreeMap<(u32, Method), String> = BTreeMap::new();
    for ((number, method), route) in routed {
        let (template, parameters) = route.template();
        routes.insert((number, method), template.clone());
        let explanation = if with_reasons { route.explanation() } else { Vec::new() };
        match endpoints.entry((template.clone(), method)) {
            Entry::Occupied(mut known) => known.get_mut().stats.merge(route.stats),
            Entry::Vacant(new) => {
                let stats = route.stats;
                new.insert(Endpoint { method, template, parameters, confidence: 1.0, explanation, stats });
            }
        }
    }
    for ((node, method), stats) in sums {
        let (template, parameters) = templates.template(node, words);
        nodes.insert((node, method), template.clone());
        match endpoints.entry((template, method)) {
            Entry::Occupied(mut known) => known.get_mut().stats.merge(stats),
            Entry::Vacant(new) => {
                let template = new.key().0.clone();
                let confidence = templates.confidence(node);
                let explanation = match with_reasons {
                    true => explain(&templates, node, words),
                    false => Vec::new(),
                };
                new.insert(Endpoint { method, template, parameters, confidence, explanation, stats });
            }
        }
    }
    let at: BTreeMap<(String, Method), usize> = endpoints.keys().cloned().zip(0..).collect();
    let places = Places {
        endpoints: placed(nodes, &at),
        routes: placed(routes, &at),
        guide: guide.clone(),
        templates,
    };
    (endpoints.into_values().collect(), places)
}

/// Positions of endpoints by what they were made of.
fn placed<Of: Ord>(
    templates: BTreeMap<(Of, Method), String>,
    at: &BTreeMap<(String, Method), usize>,
) -> BTreeMap<(Of, Method), usize> {
    let position = |((of, method), template): ((Of, Method), String)| {
        Some(((of, method), *at.get(&(template, method))?))
    };
    templates.into_iter().filter_map(position).collect()
}
