//! **zombie-endpoint**: an endpoint is still called although its specification marks it deprecated, or
//! the newest version of the specification no longer has it.
//!
//! Fires while there are calls within the window: *removed* as an error, since clients call what should
//! be gone; *deprecated* as a warning. Does not fire for a deprecated endpoint that nobody calls any
//! more: that one is an **orphan-endpoint** and can go.
//!
//! Old endpoints miss the checks that newer ones got. The callers below have to move; then take the
//! route out, or answer it with 410.

use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::compare::DifferenceKind;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "zombie-endpoint",
    title: "Deprecated or removed endpoint still in use",
    level: Level::Warning,
    owasp: &["API9"],
    rationale: "What is deprecated is no longer cared for: it misses the checks, limits and fixes that its \
                successor got, and works on the same data.",
    remediation: "Move the callers to the successor, announce an end (Sunset header, RFC 8594), then take \
                  the route out or answer it with 410.",
    checks: &[Check::Endpoint(check)],
};

fn check(_: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for difference in looked.differences {
        let (level, what) = match difference.kind {
            DifferenceKind::Deprecated => (Level::Warning, "marked deprecated"),
            DifferenceKind::Removed => (Level::Error, "gone from the newest version of its specification"),
            _ => continue,
        };
        let stats = looked.stats();
        // Refused by all: it is gone, and only the callers do not know yet.
        if level == Level::Error && looked.endpoint.evidence().0.successes == 0 {
            continue;
        }
        let callers = count(stats.caller_count(), "caller");
        let message = format!("{what}, and still called: {} by {callers}", count(stats.calls, "call"));
        findings.add(looked.finding(&RULE, message).level(level).against(difference));
    }
}
