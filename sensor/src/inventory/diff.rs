//! What changed: endpoints, callers, kinds of credential, fields and classes that came or went. By time,
//! from when each was first and last seen; or between two inventories, where types and the like show too.
//! A hull does not know of pauses: what was away and came back never left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalog::{Catalog, Endpoint, Service};
use super::{ClassKey, EndpointStats, FieldKey, FieldStats, Seen};
use crate::call::{Credential, Facts, Method};
use crate::flow::{Peer, Timestamp};

/// How something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// It is not as it was.
    Changed,
}

/// What changed at a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The service as a whole.
    Service,
    /// An endpoint.
    Endpoint,
    /// Who calls it.
    Caller(Peer),
    /// Kind of credential that it is called with.
    Auth(Credential),
    /// Field.
    Field(FieldKey),
    /// Sensitive data in a field.
    Class(ClassKey),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// How.
    pub change: Change,
    /// Service.
    pub service: Arc<str>,
    /// Endpoint; `None` for a whole service.
    pub endpoint: Option<(Method, String)>,
    /// What.
    pub part: Part,
    /// Before and after, where it is not as it was.
    pub was: String,
    /// See above.
    pub is: String,
    /// When it was seen first and last.
    pub seen: Seen,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What was first seen before is not new; what was last seen before is gone.
    pub from: Timestamp,
    /// What was first seen then or later is not looked at; `None` for now.
    pub to: Option<Timestamp>,
}

impl Stretch {
    fn of(self, seen: Seen) -> Option<Change> {
        let is_known = seen.first <= seen.last;
        if !is_known || self.to.is_some_and(|to| seen.first >= to) {
            return None;
        }
        match () {
            () if seen.first >= self.from => Some(Change::New),
            () if seen.last < self.from => Some(Change::Gone),
            () => None,
        }
    }
}

/// What came and went in a stretch of time, sorted by service, endpoint and part. Of what is new or gone
/// as a whole, fields are not listed one by one.
pub fn by_time(catalog: &Catalog, stretch: Stretch) -> Vec<Changed> {
    let mut changes = Vec::new();
    for service in &catalog.services {
        let seen = hull(service.endpoints.iter().map(|endpoint| endpoint.stats.seen));
        let whole = stretch.of(seen);
        if let Some(change) = whole {
            changes.push(changed(change, service, None, Part::Service, seen));
        }
        for endpoint in &service.endpoints {
            let of_endpoint = stretch.of(endpoint.stats.seen);
            if let Some(change) = of_endpoint {
                let seen = endpoint.stats.seen;
                changes.push(changed(change, service, Some(endpoint), Part::Endpoint, seen));
            }
            // What is gone as a whole is gone with all that it had.
            if of_endpoint == Some(Change::Gone) {
                continue;
            }
            for (part, seen) in parts(&endpoint.stats) {
                let is_field = matches!(part, Part::Field(_));
                match stretch.of(seen) {
                    Some(change) if !(is_field && of_endpoint.is_some()) => {
                        changes.push(changed(change, service, Some(endpoint), part, seen));
                    }
                    _ => {}
                }
            }
        }
    }
    changes
}

/// What is not in both of two inventories, or not the same. Templates are those that each has by itself.
pub fn between(before: &Catalog, after: &Catalog) -> Vec<Changed> {
    let mut changes = Vec::new();
    let by_name = |catalog: &'_ Catalog| -> BTreeSet<Arc<str>> {
        catalog.services.iter().map(|service| service.name.clone()).collect()
    };
    let names: BTreeSet<Arc<str>> = by_name(before).union(&by_name(after)).cloned().collect();
    for name in &names {
        let of = |catalog: &'_ Catalog| catalog.services.iter().position(|service| service.name == *name);
        let nothing = Service { name: name.clone(), endpoints: Vec::new() };
        let was = of(before).map_or(&nothing, |at| &before.services[at]);
        let is = of(after).map_or(&nothing, |at| &after.services[at]);
        let whole = match (was.endpoints.is_empty(), is.endpoints.is_empty()) {
            (true, false) => Some((Change::New, is)),
            (false, true) => Some((Change::Gone, was)),
            _ => None,
        };
        if let Some((change, service)) = whole {
            let seen = hull(service.endpoints.iter().map(|endpoint| endpoint.stats.seen));
            changes.push(changed(change, service, None, Part::Service, seen));
        }
        endpoints(was, is, &mut changes);
    }
    changes
}

fn endpoints(was: &Service, is: &Service, changes: &mut Vec<Changed>) {
    let key = |endpoint: &Endpoint| (endpoint.template.clone(), endpoint.method);
    let old: BTreeMap<_, _> = was.endpoints.iter().map(|endpoint| (key(endpoint), endpoint)).collect();
    let new: BTreeMap<_, _> = is.endpoints.iter().map(|endpoint| (key(endpoint), endpoint)).collect();
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (Some(old), None) => {
                changes.push(changed(Change::Gone, was, Some(old), Part::Endpoint, old.stats.seen));
            }
            (None, Some(new)) => {
                changes.push(changed(Change::New, is, Some(new), Part::Endpoint, new.stats.seen));
                for (part, seen) in parts(&new.stats) {
                    if !matches!(part, Part::Field(_)) {
                        changes.push(changed(Change::New, is, Some(new), part, seen));
                    }
                }
            }
            (Some(old), Some(new)) => both(is, old, new, changes),
            (None, None) => {}
        }
    }
}

/// An endpoint that is in both.
fn both(service: &Service, old: &Endpoint, new: &Endpoint, changes: &mut Vec<Changed>) {
    let was: BTreeMap<Part, Seen> = parts(&old.stats).collect();
    let is: BTreeMap<Part, Seen> = parts(&new.stats).collect();
    let every: BTreeSet<&Part> = was.keys().chain(is.keys()).collect();
    for part in every {
        let mut add = |change, seen| changes.push(changed(change, service, Some(new), part.clone(), seen));
        match (was.get(part), is.get(part)) {
            (Some(seen), None) => add(Change::Gone, *seen),
            (None, Some(seen)) => add(Change::New, *seen),
            _ => {}
        }
        let Part::Field(key) = part else { continue };
        let (Some(before), Some(after)) = (old.stats.fields.get(key), new.stats.fields.get(key)) else {
            continue;
        };
        let (before, after) = (look(before), look(after));
        if before != after {
            let seen = is.get(part).copied().unwrap_or_default();
            let mut change = changed(Change::Changed, service, Some(new), part.clone(), seen);
            (change.was, change.is) = (before, after);
            changes.push(change);
        }
    }
}

/// Types and formats in words.
fn look(field: &FieldStats) -> String {
    let Facts(bits) = field.facts.types() | field.facts.formats();
    let empty = Facts::EMPTY.0;
    Facts(bits & !empty).names().collect::<Vec<_>>().join(" ")
}

/// All parts of an endpoint with when they were seen, sorted. A caller counts once, with whichever
/// credentials.
fn parts(stats: &EndpointStats) -> impl Iterator<Item = (Part, Seen)> {
    let mut parts: BTreeMap<Part, Seen> = BTreeMap::new();
    for (key, caller) in &stats.callers {
        parts.entry(Part::Caller(key.peer.clone())).or_default().merge(caller.seen);
        parts.entry(Part::Auth(key.credential)).or_default().merge(caller.seen);
    }
    parts.extend(stats.fields.iter().map(|(key, field)| (Part::Field(key.clone()), field.seen)));
    parts.extend(stats.classes.iter().map(|(key, class)| (Part::Class(key.clone()), class.seen)));
    parts.into_iter()
}

fn hull(all: impl Iterator<Item = Seen>) -> Seen {
    all.fold(Seen::default(), |mut hull, seen| {
        hull.merge(seen);
        hull
    })
}

fn changed(
    change: Change,
    service: &Service,
    endpoint: Option<&Endpoint>,
    part: Part,
    seen: Seen,
) -> Changed {
    Changed {
        change,
        service: service.name.clone(),
        endpoint: endpoint.map(|endpoint| (endpoint.method, endpoint.template.clone())),
        part,
        was: String::new(),
        is: String::new(),
        seen,
    }
}
