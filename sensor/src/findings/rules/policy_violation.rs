//! **policy-violation**: a call was granted that the policy which was given does not allow.
//!
//! Fires once for each endpoint, with the callers that are outside of the policy, of calls answered with
//! 2xx within the window. Does not fire where no policy was given (`--policy`), for calls that were
//! refused, nor for edges that the policy has and nobody uses.
//!
//! Either the policy is not enforced, or it is out of date. Deny the caller, or allow the edge.

use crate::findings::evidence::{count, edges_of};
use crate::findings::{Check, Context, Difference, Finding, Findings, Level, Rule};
use crate::inventory::Seen;
use crate::inventory::catalog::Service;
use crate::inventory::noise::is_over_budget;
use crate::inventory::policy::{Edge, Judge, Pattern};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "policy-violation",
    title: "Call outside of the policy",
    level: Level::Error,
    owasp: &["API5", "API8"],
    rationale: "The policy says who may call what. A call that it does not allow and that was granted shows \
                that it is not enforced there, or that it is out of date.",
    remediation: "Find out whose the caller is. Enforce the policy at the service, or allow the edge in it.",
    checks: &[Check::Service(check)],
};

fn check(context: &Context<'_>, service: &Service, _: &[Difference], findings: &mut Findings) {
    let Some(policy) = &context.settings.policy else { return };
    let judge = Judge::of(policy);
    for endpoint in service.endpoints.iter().filter(|endpoint| !is_over_budget(&endpoint.template)) {
        let path = Pattern::of(endpoint);
        let (mut calls, mut seen) = (0u64, Seen::default());
        let mut outside = Vec::new();
        for (key, stats) in &endpoint.stats.callers {
            let edge = Edge { service: &service.name, endpoint, key, stats };
            if stats.granted > 0 && context.settings.counts(stats.seen) && !judge.allows(&edge, &path) {
                calls = calls.saturating_add(stats.granted);
                seen.merge(stats.seen);
                outside.push(key);
            }
        }
        if outside.is_empty() {
            continue;
        }
        let message = format!("{} were granted that the policy does not allow", count(calls, "call"));
        let by = edges_of([&endpoint.stats], |key, _| outside.contains(&key), |caller| caller.granted);
        let mut finding = Finding::of_service(&RULE, service, message).shown(calls, seen).by(by);
        finding.subject.endpoint = Some((endpoint.method, endpoint.template.clone()));
        findings.add(finding);
    }
}
