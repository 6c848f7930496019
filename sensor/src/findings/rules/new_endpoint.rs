//! **new-endpoint**: an endpoint that was not there while its service was learnt.
//!
//! Fires as a note for a confirmed endpoint that was first seen after the learning time of its service,
//! and within the window; when the window has passed it is known. Does not fire while a service is
//! learnt, for calls that were only tried, nor when better templates group old calls anew: they keep
//! their times.
//!
//! New routes come with releases. One that came without is worth a look: compare it with what was
//! released, and with the specification.

use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "new-endpoint",
    title: "New endpoint",
    level: Level::Note,
    owasp: &["API9"],
    rationale: "An interface grows with releases; what appears outside of one is a debug switch, a \
                deployment by accident, or not made by the owners.",
    remediation: "Compare it with what was released; specify it if it is meant to stay, remove it if not.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let stats = looked.stats();
    if context.is_new(stats.seen.first, looked.learnt_at) && looked.endpoint.evidence().1.is_none() {
        let callers = count(stats.caller_count(), "caller");
        let message = format!("not there before; {} by {callers} since", count(stats.calls, "call"));
        findings.add(looked.finding(&RULE, message));
    }
}
