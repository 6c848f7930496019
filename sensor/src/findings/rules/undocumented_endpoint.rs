//! **undocumented-endpoint**: a service has a specification, and answers on a path or with a method
//! that the specification does not have.
//!
//! Fires for a confirmed endpoint (two successes at least a minute apart, of two callers, or with two
//! values of its parameters; see `inventory/confirm.rs`) of a service that a specification covers.
//! Does not fire for what was only tried (404, 405, 401 alone), for files, health checks and
//! preflights, nor for a service without any specification: that is **rogue-service**.
//!
//! What nobody wrote down nobody reviews: it misses the tests, the gateway's rules and the next audit.
//! Describe it in the specification, or remove it from the service.

use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::compare::DifferenceKind;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "undocumented-endpoint",
    title: "Endpoint in no specification of its service",
    level: Level::Warning,
    owasp: &["API9"],
    rationale: "An endpoint that no specification has is outside of reviews, tests and the rules of \
                gateways, and whoever runs the service may not know that it is there.",
    remediation: "Add it to the specification if it is meant to be there; otherwise remove the route, or \
                  refuse it at the gateway.",
    checks: &[Check::Endpoint(check)],
};

fn check(_: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    if looked.endpoint.evidence().1.is_some() {
        return;
    }
    for difference in looked.differences {
        let what = match difference.kind {
            DifferenceKind::UndocumentedEndpoint => "no specification of the service has this path",
            DifferenceKind::UndocumentedMethod => "the path is specified, but not with this method",
            _ => continue,
        };
        let stats = looked.stats();
        let message = format!(
            "{what}; there were {} by {}",
            count(stats.calls, "call"),
            count(stats.caller_count(), "caller")
        );
        findings.add(looked.finding(&RULE, message).against(difference));
    }
}
