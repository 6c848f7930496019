//! **external-dependency**: programs here call a service whose server is outside.
//!
//! Fires as a note, once for each such service, so that they are known. Does not fire for servers inside
//! (private networks and those that people named), for calls through an inner proxy, nor for encrypted
//! calls, which nobody can attribute to an API: those are counted as **blind-spot**.
//!
//! What others answer is input like any other, and what is sent to them has left. Know who they are,
//! check what they answer, call them over TLS only, and plan for the day that they are away.

use crate::findings::evidence::{count, edges_of};
use crate::findings::network::is_external;
use crate::findings::{Check, Context, Finding, Findings, Level, Rule};
use crate::inventory::Seen;
use crate::inventory::catalog::Service;
use crate::inventory::compare::Difference;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "external-dependency",
    title: "Calls to a service outside",
    level: Level::Note,
    owasp: &["API10"],
    rationale: "A service of others is trusted with data and with what it answers, and its outages and \
                breaches become one's own.",
    remediation: "List it among the dependencies with an owner, check its answers like any input, use TLS, \
                  and restrict outgoing traffic to such as are listed.",
    checks: &[Check::Service(check)],
};

fn check(context: &Context<'_>, service: &Service, _: &[Difference], findings: &mut Findings) {
    let mut all = Vec::new();
    let (mut calls, mut seen) = (0u64, Seen::default());
    for stats in service.endpoints.iter().map(|endpoint| &endpoint.stats) {
        let outside = stats.servers.iter().filter(|(server, _)| is_external(server, context.settings));
        let sum = outside.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
        if sum > 0 && context.settings.counts(stats.seen) {
            calls = calls.saturating_add(sum);
            seen.merge(stats.seen);
            all.push(stats);
        }
    }
    if !all.is_empty() {
        let endpoints = count(all.len() as u64, "endpoint");
        let message = format!("{} to {endpoints} of a server outside", count(calls, "call"));
        let by = edges_of(all, |_, _| true, |caller| caller.calls);
        findings.add(Finding::of_service(&RULE, service, message).shown(calls, seen).by(by));
    }
}
