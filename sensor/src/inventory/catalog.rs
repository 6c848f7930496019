//! The inventory as people read it: raw endpoints grouped under path templates. A pure function of
//! the inventory, so what is learnt later re-templates what was stored before.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::explain::{Explanation, explain};
use super::guidance::Guidance;
use super::noise::{self, Noise};
use super::template::{Guide, NodeId, Routed, Templates};
use super::{EndpointKey, EndpointStats, Inventory};
use crate::call::{CallClass, Method, SegmentKind, WordKey};

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
        let said = Said::of(inventory, reading);
        let soft = noise::soft_missed(inventory);
        let mut excluded: BTreeSet<&EndpointKey> = BTreeSet::new();
        let mut rows: BTreeMap<Arc<str>, Vec<(&EndpointKey, &EndpointStats)>> = BTreeMap::new();
        for (key, stats) in &inventory.endpoints {
            if key.class != CallClass::Found {
                continue;
            }
            if said.guide(&key.service).is_some_and(|guide| guide.excludes(&key.path)) {
                excluded.insert(key);
            } else if !soft.contains(key) {
                rows.entry(key.service.clone()).or_default().push((key, stats));
            }
        }
        let words = said.words.as_deref().unwrap_or(&inventory.words);
        let services = rows.into_iter().map(|(name, rows)| {
            let nothing = Guide::default();
            let guide = said.guides.get(&name).unwrap_or(&nothing);
            let endpoints = endpoints(&rows, guide, words, reading.explain);
            Service { name, endpoints }
        });
        let mut services: Vec<Service> = services.collect();
        let noise = Noise::beside(inventory, words, &soft, &excluded, &mut services);
        Catalog { services, noise }
    }
}

/// What people said, by service.
struct Said {
    guides: BTreeMap<Arc<str>, Guide>,
    /// Texts of hidden words with those that were recognised; `None` if nothing was said.
    words: Option<Rc<BTreeMap<u64, Arc<str>>>>,
}

impl Said {
    fn of(inventory: &Inventory, reading: Reading<'_>) -> Said {
        let mut guides: BTreeMap<Arc<str>, Guide> = BTreeMap::new();
        let Some(guidance) = reading.guidance.filter(|guidance| !guidance.is_empty()) else {
            return Said { guides, words: None };
        };
        let mut words = inventory.words.clone();
        let key = reading.key.map(|key| WordKey::new(*key));
        for EndpointKey { service, path, .. } in inventory.endpoints.keys() {
            let guide =
                guides.entry(service.clone()).or_insert_with(|| Guide::of(guidance, service));
            if let Some(key) = &key {
                guide.recognise(service, path, key, &mut words);
            }
        }
        let words = Rc::new(words);
        let guides =
            guides.into_iter().map(|(service, guide)| (service, guide.with_words(&words))).collect();
        Said { guides, words: Some(words) }
    }

    fn guide(&self, service: &str) -> Option<&Guide> {
        self.guides.get(service)
    }
}

/// Endpoints of one service, sorted by template, then method.
fn endpoints(
    rows: &[(&EndpointKey, &EndpointStats)],
    guide: &Guide,
    words: &BTreeMap<u64, Arc<str>>,
    with_reasons: bool,
) -> Vec<Endpoint> {
    let mut templates = if with_reasons { Templates::explaining() } else { Templates::default() };
    for (key, stats) in rows {
        templates.add(&key.path, key.method, stats.calls);
    }
    templates.settle(guide);
    let mut sums: BTreeMap<(NodeId, Method), EndpointStats> = BTreeMap::new();
    // Documents win: what they have is not asked of the tree, which learns from it all the same.
    let mut routed: BTreeMap<Method, BTreeMap<u32, Routed>> = BTreeMap::new();
    let mut routed_sums: BTreeMap<(Method, u32), EndpointStats> = BTreeMap::new();
    for (key, stats) in rows {
        if let Some(route) = guide.sort(&key.path, stats.calls, routed.entry(key.method).or_default()) {
            routed_sums.entry((key.method, route)).or_default().merge((*stats).clone());
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
    for ((method, route), stats) in routed_sums {
        let Some(route) = routed.get(&method).and_then(|routes| routes.get(&route)) else { continue };
        let (template, parameters) = route.template();
        let explanation = if with_reasons { route.explanation() } else { Vec::new() };
        match endpoints.entry((template.clone(), method)) {
            Entry::Occupied(mut known) => known.get_mut().stats.merge(stats),
            Entry::Vacant(new) => {
                new.insert(Endpoint { method, template, parameters, confidence: 1.0, explanation, stats });
            }
        }
    }
    for ((node, method), stats) in sums {
        let (template, parameters) = templates.template(node, words);
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
    endpoints.into_values().collect()
}
