//! **rogue-service**: a service answers calls, specifications were given, and none of them covers it.
//!
//! Fires once for a service with at least one confirmed endpoint within the window. Does not fire as
//! long as no specification was given at all, nor for services of others that are only called from here
//! (all their servers are external): those are **external-dependency**.
//!
//! Nobody reviews, tests or owns an API that is written down nowhere. Find its owner by the program that
//! answers and the callers below; then add a specification (`apicensus spec add`) or switch it off.

use crate::findings::evidence::{count, edges_of};
use crate::findings::network::is_external;
use crate::findings::{Check, Context, Finding, Findings, Level, Rule};
use crate::inventory::Seen;
use crate::inventory::catalog::Service;
use crate::inventory::compare::{Difference, DifferenceKind};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "rogue-service",
    title: "Service in no specification",
    level: Level::Warning,
    owasp: &["API9"],
    rationale: "A service that no specification covers is outside of inventories, reviews and tests; often \
                nobody knows who runs it.",
    remediation: "Find its owner, and add its specification; if it has none to be, stop it and see who \
                  still calls.",
    checks: &[Check::Service(check)],
};

fn check(context: &Context<'_>, service: &Service, differences: &[Difference], findings: &mut Findings) {
    if context.specs.is_empty() {
        return;
    }
    let Some(difference) = differences.iter().find(|found| found.kind == DifferenceKind::RogueService) else {
        return;
    };
    let endpoints = service.endpoints.iter().filter(|endpoint| {
        let mut servers = endpoint.stats.servers.keys().peekable();
        let is_foreign =
            servers.peek().is_some() && servers.all(|server| is_external(server, context.settings));
        context.settings.counts(endpoint.stats.seen) && endpoint.evidence().1.is_none() && !is_foreign
    });
    let all: Vec<_> = endpoints.map(|endpoint| &endpoint.stats).collect();
    if all.is_empty() {
        return;
    }
    let mut seen = Seen::default();
    all.iter().for_each(|stats| seen.merge(stats.seen));
    let calls = all.iter().fold(0u64, |sum, stats| sum.saturating_add(stats.calls));
    let endpoints = count(all.len() as u64, "endpoint");
    let message = format!("no specification covers this service; {endpoints} had {}", count(calls, "call"));
    let by = edges_of(all, |_, _| true, |caller| caller.calls);
    findings.add(Finding::of_service(&RULE, service, message).shown(calls, seen).by(by).against(difference));
}
