//! A catalog into the edges that were granted in it, and why the others are left out.

use std::collections::BTreeMap;

use super::{Allowed, Edge, Pattern, Policy};
use crate::flow::Timestamp;
use crate::inventory::OVER_BUDGET;
use crate::inventory::catalog::Catalog;
use crate::inventory::noise::is_over_budget;

/// Which of the granted edges become part of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Last seen then or later.
    pub since: Option<Timestamp>,
    /// Granted so often, with whatever credentials.
    pub calls_min: u64,
    /// Of confirmed endpoints.
    pub confirmed: bool,
}

/// Why an edge is not in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No call of it was answered with 2xx.
    NotGranted,
    /// Its endpoint stands for calls over a bound.
    OverBudget,
    /// Its caller or service has a star in its name, which would stand for others.
    StarInName,
    /// It was last seen before what was asked for.
    NotSeenSince,
    /// It was granted less often than asked for.
    FewCalls,
    /// Its endpoint is not confirmed.
    Unconfirmed,
    /// An open finding says that nobody knows it yet.
    Unacknowledged,
    /// Its method is none that has a name.
    UnknownMethod,
    /// Its path has a word whose text is not stored.
    HiddenWord,
    /// Its path has a segment that the form has no way to say.
    Unsayable,
    /// Nobody said what its caller is called there.
    UnmappedCaller,
    /// Nobody said what its service is called there.
    UnmappedService,
}

impl Why {
    /// For people: the edge is not allowed, ...
    pub const fn text(self) -> &'static str {
        match self {
            Why::NotGranted => "never answered with 2xx",
            Why::OverBudget => "stands for calls over a bound",
            Why::StarInName => "a name with `*` would stand for others",
            Why::NotSeenSince => "not seen since the time asked for",
            Why::FewCalls => "fewer calls than asked for",
            Why::Unconfirmed => "the endpoint is not confirmed",
            Why::Unacknowledged => "an open finding about it is not acknowledged",
            Why::UnknownMethod => "the method has no name",
            Why::HiddenWord => "the path has a word whose text is not stored",
            Why::Unsayable => "this form cannot say the path",
            Why::UnmappedCaller => "the caller has no identity there",
            Why::UnmappedService => "the service has no identity there",
        }
    }
}

/// An edge that is not in a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// What would be allowed.
    pub edge: Allowed,
    /// Why it is not.
    pub why: Why,
}

/// A policy as it was learnt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Exactly the edges that were granted and are wanted.
    pub policy: Policy,
    /// The others, sorted, each once.
    pub left_out: Vec<LeftOut>,
}

impl Observed {
    /// Reads a catalog.
    pub fn of(catalog: &Catalog, wanted: &Wanted) -> Observed {
        Observed::but(catalog, wanted, |_| false)
    }

    /// Reads a catalog; edges of which `is_open` says so are left out as not acknowledged.
    pub fn but(catalog: &Catalog, wanted: &Wanted, is_open: impl Fn(&Edge<'_>) -> bool) -> Observed {
        let mut observed = Observed::default();
        // A caller is counted whatever credentials it used.
        let mut granted: BTreeMap<Allowed, u64> = BTreeMap::new();
        for edge in edges(catalog) {
            let sum = granted.entry(allowed(&edge)).or_default();
            *sum = sum.saturating_add(edge.stats.granted);
        }
        for edge in edges(catalog) {
            let allowed = allowed(&edge);
            let sum = granted.get(&allowed).copied().unwrap_or_default();
            let open = || is_open(&edge).then_some(Why::Unacknowledged);
            match why_not(&edge, &allowed, sum, wanted).or_else(open) {
                None => observed.policy.edges.push(allowed),
                Some(why) => observed.left_out.push(LeftOut { edge: allowed, why }),
            }
        }
        // One caller with several kinds of credentials is one edge.
        let Policy { edges } = &mut observed.policy;
        edges.sort();
        edges.dedup();
        observed.left_out.retain(|out| edges.binary_search(&out.edge).is_err());
        observed.left_out.sort();
        observed.left_out.dedup_by(|one, other| one.edge == other.edge);
        observed
    }
}

/// All edges of a catalog in its order; services over budget are none.
pub fn edges(catalog: &Catalog) -> impl Iterator<Item = Edge<'_>> {
    let services = catalog.services.iter().filter(|service| &*service.name != OVER_BUDGET);
    services.flat_map(|service| {
        service.endpoints.iter().flat_map(|endpoint| {
            let callers = endpoint.stats.callers.iter();
            callers.map(|(key, stats)| Edge { service: &service.name, endpoint, key, stats })
        })
    })
}

fn allowed(edge: &Edge<'_>) -> Allowed {
    Allowed {
        service: edge.service.to_string(),
        method: Some(edge.endpoint.method),
        path: Pattern::of(edge.endpoint),
        caller: edge.caller(),
        credentials: Vec::new(),
    }
}

fn why_not(edge: &Edge<'_>, allowed: &Allowed, granted: u64, wanted: &Wanted) -> Option<Why> {
    if edge.stats.granted == 0 {
        Some(Why::NotGranted)
    } else if is_over_budget(&edge.endpoint.template) {
        Some(Why::OverBudget)
    } else if allowed.caller.contains('*') || allowed.service.contains('*') {
        Some(Why::StarInName)
    } else if wanted.since.is_some_and(|since| edge.stats.seen.last < since) {
        Some(Why::NotSeenSince)
    } else if granted < wanted.calls_min {
        Some(Why::FewCalls)
    } else if wanted.confirmed && edge.endpoint.evidence().1.is_some() {
        Some(Why::Unconfirmed)
    } else {
        None
    }
}

/// A path has a word whose text is not stored: `~` and eight hex digits stand for it.
pub fn has_hidden_word(path: &Pattern) -> bool {
    let is_hidden = |part: &super::Part| match part {
        super::Part::Text(text) => text.strip_prefix('~').is_some_and(|hash| {
            hash.len() == 8 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        }),
        super::Part::Value { .. } => false,
    };
    path.segments.iter().any(|segment| matches!(&segment[..], [part] if is_hidden(part)))
}

/// The port that a service's name says; 80 goes without saying.
pub fn port(service: &str) -> u16 {
    let behind = match service.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(_, behind)| behind),
        None => service.rfind(':').map_or("", |at| &service[at..]),
    };
    behind.strip_prefix(':').and_then(|port| port.parse().ok()).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_names() {
        for (service, expected) in
            [("a", 80), ("a:8080", 8080), ("10.0.0.1:9", 9), ("[::1]:9000", 9000), ("[::1]", 80), ("a:b", 80)]
        {
            assert_eq!(port(service), expected, "{service}");
        }
    }
}
