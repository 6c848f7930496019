//! What a finding is made of: the calls that show it and who made them. Rules say what is wrong, this
//! says by what it is known. Addresses and programs are named, values are not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Edge, Finding, Level, Looked, Rule, Settings, Subject};
use crate::call::{Credential, Sign};
use crate::flow::Peer;
use crate::inventory::catalog::{Endpoint, Service};
use crate::inventory::compare::{Comparison, Difference};
use crate::inventory::{CallerKey, CallerStats, EndpointStats, FieldKey, FieldStats, Seen, SignStats};
use crate::limits::EDGES_SHOWN;

/// Characters of a container's id that tell it from its like.
const CONTAINER_CHARS: usize = 12;

/// What a caller or server is called: its program, with the container that it runs in, or its address.
pub fn peer_name(peer: &Peer) -> String {
    let Some(workload) = &peer.workload else { return peer.address.to_canonical().to_string() };
    match &workload.container {
        Some(container) => {
            let short: String = container.chars().take(CONTAINER_CHARS).collect();
            format!("{} ({short})", workload.program)
        }
        None => workload.program.to_string(),
    }
}

/// What `of` counts among the callers that `is` one of: who, with what, most calls first, then by name.
pub(super) fn edges(
    stats: &EndpointStats,
    is: impl Fn(&CallerKey, &CallerStats) -> bool,
    of: impl Fn(&CallerStats) -> u64,
) -> Vec<Edge> {
    edges_of([stats], is, of)
}

/// The same over several endpoints.
pub(super) fn edges_of<'a>(
    all: impl IntoIterator<Item = &'a EndpointStats>,
    is: impl Fn(&CallerKey, &CallerStats) -> bool,
    of: impl Fn(&CallerStats) -> u64,
) -> Vec<Edge> {
    let mut sums: BTreeMap<(String, Credential), u64> = BTreeMap::new();
    for (key, stats) in all.into_iter().flat_map(|stats| stats.callers.iter()) {
        let calls = of(stats);
        if calls > 0 && is(key, stats) {
            let sum = sums.entry((peer_name(&key.peer), key.credential)).or_default();
            *sum = sum.saturating_add(calls);
        }
    }
    shown(sums)
}

fn shown(sums: BTreeMap<(String, Credential), u64>) -> Vec<Edge> {
    let edge = |((caller, credential), calls)| Edge { caller, credential, calls };
    let mut edges: Vec<Edge> = sums.into_iter().map(edge).collect();
    // Stable: those with as many calls stay in the order of their names.
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.calls));
    edges.truncate(EDGES_SHOWN);
    edges
}

/// Two findings of one rule and subject as one, whatever their order.
pub(super) fn merged(one: Finding, other: Finding) -> Finding {
    // The worse one speaks; of two as bad, the one whose text comes first.
    let rank = |finding: &Finding| (std::cmp::Reverse(finding.level), finding.message.clone());
    let (mut kept, other) = if rank(&one) <= rank(&other) { (one, other) } else { (other, one) };
    kept.calls = kept.calls.max(other.calls);
    kept.seen.merge(other.seen);
    let mut sums: BTreeMap<(String, Credential), u64> = BTreeMap::new();
    for edge in kept.edges.into_iter().chain(other.edges) {
        // Both speak of the same endpoint, so of the same calls.
        let most = sums.entry((edge.caller, edge.credential)).or_default();
        *most = edge.calls.max(*most);
    }
    kept.edges = shown(sums);
    kept.specified = match (kept.specified, other.specified) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    kept
}

impl Finding {
    /// About a whole service, with nothing to show it yet.
    pub(super) fn of_service(rule: &Rule, service: &Service, message: String) -> Finding {
        Finding {
            rule: rule.id,
            level: rule.level,
            subject: Subject { service: service.name.clone(), ..Subject::default() },
            message,
            calls: 0,
            seen: Seen::default(),
            edges: Vec::new(),
            specified: None,
        }
    }

    /// At another level than most findings of its rule.
    pub(super) fn level(mut self, level: Level) -> Finding {
        self.level = level;
        self
    }

    /// About one field.
    pub(super) fn at(mut self, field: &FieldKey) -> Finding {
        self.subject.field = Some(field.clone());
        self
    }

    /// Told from its like by a name.
    pub(super) fn of_name(mut self, name: impl Into<String>) -> Finding {
        self.subject.of = Some(name.into());
        self
    }

    /// By what it is known.
    pub(super) fn shown(mut self, calls: u64, seen: Seen) -> Finding {
        (self.calls, self.seen) = (calls, seen);
        self
    }

    /// Who was involved.
    pub(super) fn by(mut self, edges: Vec<Edge>) -> Finding {
        self.edges = edges;
        self
    }

    /// What a specification says.
    pub(super) fn against(mut self, difference: &Difference) -> Finding {
        self.specified = difference.spec.clone().map(|spec| (spec, difference.pointer.clone()));
        self
    }
}

impl Looked<'_> {
    /// Sums of the endpoint.
    pub(super) fn stats(&self) -> &EndpointStats {
        &self.endpoint.stats
    }

    /// About the endpoint, shown by all its calls and callers.
    pub(super) fn finding(&self, rule: &Rule, message: String) -> Finding {
        let stats = self.stats();
        let mut finding = Finding::of_service(rule, self.service, message)
            .shown(stats.calls, stats.seen)
            .by(edges(stats, |_, _| true, |caller| caller.calls));
        finding.subject.endpoint = Some((self.endpoint.method, self.endpoint.template.clone()));
        finding
    }

    /// A sign of the endpoint, if it was seen within the window.
    pub(super) fn sign(&self, settings: &Settings, sign: Sign) -> Option<SignStats> {
        sign_of(self.stats(), settings, sign)
    }

    /// About a sign of the endpoint, with the callers whose kind of credential `is` one that can have it;
    /// `None` if it was not seen within the window.
    pub(super) fn by_sign(
        &self,
        settings: &Settings,
        rule: &Rule,
        sign: Sign,
        message: impl FnOnce(u64) -> String,
        is: impl Fn(Credential) -> bool,
    ) -> Option<Finding> {
        let found = self.sign(settings, sign)?;
        let by = edges(self.stats(), |key, _| is(key.credential), |caller| caller.calls);
        Some(self.finding(rule, message(found.calls)).shown(found.calls, found.seen).by(by))
    }

    /// Sums of a field; of one that is not known, none.
    pub(super) fn field(&self, key: &FieldKey) -> FieldStats {
        self.stats().fields.get(key).copied().unwrap_or_default()
    }

    /// When a field was seen. Stores of before times were kept know only when its endpoint was.
    pub(super) fn field_seen(&self, key: &FieldKey) -> Seen {
        let seen = self.field(key).seen;
        if seen.first <= seen.last { seen } else { self.stats().seen }
    }

    /// Calls answered with 2xx, and their callers', of those that `is` one of, within the window.
    pub(super) fn granted(&self, settings: &Settings, is: impl Fn(&CallerKey) -> bool) -> Granted {
        granted(self.endpoint, settings, is)
    }

    /// What specifications say of who may call it, as [`Comparison::is_open`]. Not for every endpoint:
    /// it looks the specifications up.
    pub(super) fn is_open(&self, context: &Context<'_>) -> Option<bool> {
        Comparison::of(context.specs, self.service).is_open(self.endpoint)
    }

    /// Calls answered with 2xx.
    pub(super) fn successes(&self) -> u64 {
        let successes = self.stats().statuses.iter().filter(|(status, _)| (200..300).contains(*status));
        let successes = successes.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
        successes.saturating_sub(self.stats().rpc_failures())
    }
}

/// A sign of an endpoint, if it was seen within the window.
pub(super) fn sign_of(stats: &EndpointStats, settings: &Settings, sign: Sign) -> Option<SignStats> {
    stats.signs.get(&sign).copied().filter(|found| found.calls > 0 && settings.counts(found.seen))
}

/// The same of a sign of calls in clear: of what an endpoint was called inside TLS, nothing counts.
pub(super) fn in_clear(stats: &EndpointStats, settings: &Settings, sign: Sign) -> Option<SignStats> {
    let clear = stats.calls.saturating_sub(stats.encrypted());
    let found = sign_of(stats, settings, sign)?;
    Some(SignStats { calls: found.calls.min(clear), ..found }).filter(|found| found.calls > 0)
}

/// Calls that were answered with 2xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    /// How many.
    pub calls: u64,
    /// Hull of all calls of their callers.
    pub seen: Seen,
}

/// Calls to an endpoint answered with 2xx, of the callers that `is` one of, within the window.
pub(super) fn granted(endpoint: &Endpoint, settings: &Settings, is: impl Fn(&CallerKey) -> bool) -> Granted {
    let mut sum = Granted::default();
    for (key, caller) in &endpoint.stats.callers {
        if caller.granted > 0 && settings.counts(caller.seen) && is(key) {
            sum.calls = sum.calls.saturating_add(caller.granted);
            sum.seen.merge(caller.seen);
        }
    }
    sum
}

/// What was observed without how often: `418 in 3 calls` is of the name `418`, so that more calls are the
/// same finding.
pub(super) fn observed_name(difference: &Difference) -> &str {
    difference.observed.split(" in ").next().unwrap_or_default()
}

/// `1 call`, `2 calls`.
pub(super) fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// Names in a row, at most [`EDGES_SHOWN`] of them.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(EDGES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(EDGES_SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// A field for people: where it stands and its name.
pub(super) fn field_name(key: &FieldKey) -> String {
    let name: Arc<str> = key.name.clone();
    let place = match key.place {
        crate::call::Place::Query => "query parameter",
        crate::call::Place::RequestHeader => "request header",
        crate::call::Place::Cookie => "cookie",
        crate::call::Place::Form => "form field",
        crate::call::Place::RequestBody => "request field",
        crate::call::Place::ResponseHeader => "response header",
        crate::call::Place::SetCookie => "response cookie",
        crate::call::Place::ResponseBody => "response field",
        crate::call::Place::ErrorBody => "error field",
    };
    if name.is_empty() { format!("{place} (the whole body)") } else { format!("{place} {name}") }
}
