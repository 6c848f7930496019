//! Whether an endpoint is confirmed, and by what. One stray call cannot confirm one, two are enough:
//! an endpoint that is hardly called is the one to know of. All of it merges as hulls and sets, so a
//! call that is told twice is still one.

use super::EndpointStats;
use super::catalog::Endpoint;
use super::noise::is_over_budget;

/// Nanoseconds between two successes of one caller on one path that are more than one try.
pub const APART_NS: u64 = 60 * 1_000_000_000;

/// What speaks for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Calls answered with a status below 400.
    pub successes: u64,
    /// Nanoseconds from the first to the last of them.
    pub span_ns: u64,
    /// Callers of theirs, at least.
    pub callers: u32,
    /// Raw paths of theirs, at least: how many values the parameters had together.
    pub paths: u32,
}

/// Why an endpoint is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No response was seen.
    NoResponse,
    /// Every response refused the call (4xx, 5xx).
    Refused,
    /// All successes were one caller's on one path within a minute.
    OneTry,
    /// It is the row of calls over a bound, and no endpoint at all.
    OverBudget,
}

impl Doubt {
    /// Kebab-case name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Doubt::NoResponse => "no-response",
            Doubt::Refused => "refused",
            Doubt::OneTry => "one-try",
            Doubt::OverBudget => "over-budget",
        }
    }
}

impl Evidence {
    /// The evidence in those sums.
    pub fn of(stats: &EndpointStats) -> Evidence {
        let answered = &stats.answered;
        let successes = stats.statuses.iter().filter(|(status, _)| (1..400).contains(*status));
        let successes = successes.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
        Evidence {
            successes: successes.saturating_sub(stats.rpc_failures()),
            span_ns: answered.seen.last.since(answered.seen.first),
            callers: answered.callers.count_ones(),
            paths: answered.paths.count_ones(),
        }
    }
}

impl Endpoint {
    /// What speaks for it, and what is missing if that is not enough: successes at least a minute
    /// apart, or of two callers, or with two values of its parameters.
    pub fn evidence(&self) -> (Evidence, Option<Doubt>) {
        let evidence = Evidence::of(&self.stats);
        let confirmed = evidence.span_ns >= APART_NS
            || evidence.callers >= 2
            || (!self.parameters.is_empty() && evidence.paths >= 2);
        let doubt = if is_over_budget(&self.template) {
            Some(Doubt::OverBudget)
        } else if confirmed {
            None
        } else if evidence.successes > 0 {
            Some(Doubt::OneTry)
        } else if self.stats.statuses.keys().all(|status| *status == 0) {
            Some(Doubt::NoResponse)
        } else {
            Some(Doubt::Refused)
        };
        (evidence, doubt)
    }
}
