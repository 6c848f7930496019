//! **auth-not-enforced**: calls are answered with 2xx without what the others present. Works without a
//! specification, from what callers do; so it asks for much before it speaks.
//!
//! Most granted calls present a strong credential (a token, a key, Basic, a signature, a certificate;
//! sessions do not count, browsers send them everywhere), at the same time others without any are
//! granted, and one of these is so: calls without a credential were refused here (401, 403); or they are
//! refused, and never granted, at a sibling (same parent path) and three in four granted calls present
//! one; or nine in ten do.
//!
//! Does not fire at sign-ins and public pages, where most come without; nor where a specification
//! says what is asked for, which may be nothing: that is **missing-auth**. A public endpoint whose clients attach a token to every
//! call looks the same: acknowledge it there. Otherwise require the credential for every method and path.

use crate::call::Credential;
use crate::findings::evidence::{count, edges, granted};
use crate::findings::paths::parent;
use crate::findings::strength::is_strong;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::EndpointStats;
use crate::inventory::compare::DifferenceKind;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "auth-not-enforced",
    title: "Answers without the credential that others present",
    level: Level::Warning,
    owasp: &["API2", "API5"],
    rationale: "Callers present a credential, so somebody meant it to be needed; the endpoint answers \
                without one all the same, so it is likely not checked, or not on every way in.",
    remediation: "Call the endpoint without a credential: if it answers, require one for every method and \
                  path; if it is public on purpose, declare it so in a specification or acknowledge this.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let settings = context.settings;
    let without = looked.granted(settings, |key| key.credential == Credential::None);
    let strong = looked.granted(settings, |key| is_strong(key.credential));
    let all = looked.granted(settings, |_| true).calls;
    // Those that came after the last one with a credential are another matter (auth-downgraded).
    if without.calls == 0 || strong.calls.saturating_mul(2) <= all || without.seen.first > strong.seen.last {
        return;
    }
    // Where a specification speaks, the comparison with it does.
    let is_missing = looked.differences.iter().any(|found| found.kind == DifferenceKind::AuthMissing);
    if is_missing || looked.is_open(context).is_some() {
        return;
    }
    let (why, level) = if denied(looked.stats()) > 0 {
        ("and others without one were refused", Level::Error)
    } else if strong.calls.saturating_mul(4) >= all.saturating_mul(3) && sibling_refuses(context, looked) {
        ("and a sibling refuses calls without one", Level::Warning)
    } else if strong.calls.saturating_mul(10) >= all.saturating_mul(9) {
        ("nearly all of them", Level::Warning)
    } else {
        return;
    };
    let message = format!(
        "{} without any credential answered with 2xx, where {} presented one, {why}",
        count(without.calls, "call"),
        strong.calls
    );
    let by = edges(looked.stats(), |key, _| key.credential == Credential::None, |caller| caller.granted);
    findings.add(looked.finding(&RULE, message).level(level).shown(without.calls, without.seen).by(by));
}

/// Calls without a credential that were answered with 401 or 403.
fn denied(stats: &EndpointStats) -> u64 {
    let without = stats.callers.iter().filter(|(key, _)| key.credential == Credential::None);
    without.fold(0, |sum: u64, (_, caller)| sum.saturating_add(caller.denied))
}

/// Another endpoint below the same parent refuses calls without a credential and grants none of them.
fn sibling_refuses(context: &Context<'_>, looked: &Looked<'_>) -> bool {
    let own = looked.endpoint;
    looked.service.endpoints.iter().any(|other| {
        let is_other = (other.method, &other.template) != (own.method, &own.template);
        let is_none = |key: &crate::inventory::CallerKey| key.credential == Credential::None;
        is_other
            && parent(&other.template) == parent(&own.template)
            && context.settings.counts(other.stats.seen)
            && denied(&other.stats) > 0
            && granted(other, context.settings, is_none).calls == 0
    })
}
