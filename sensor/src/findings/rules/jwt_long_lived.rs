//! **jwt-long-lived**: callers present JWTs that live longer than a day, by `exp` against `iat` or, if
//! they have none, against the time of the call.
//!
//! Fires above [`crate::limits::JWT_LIFETIME_S`]. Does not fire for tokens without `exp`
//! (**jwt-no-expiry**) and for opaque ones.
//!
//! A JWT is checked without asking its issuer, so it cannot be called back: its life is how long a
//! leaked one is good. Shorten it, and renew by refresh tokens that can be revoked.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-long-lived",
    title: "JWT that lives for more than a day",
    level: Level::Note,
    owasp: &["API2"],
    rationale: "Services check a JWT without asking its issuer, so that it cannot be called back: its life is how long a leaked one is good.",
    remediation: "Issue access tokens for minutes to hours and renew them by refresh tokens that can be revoked; for machines, let them fetch a new one when needed.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| format!("{} with a JWT that lives for more than a day", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtLongLived, message, |kind| kind == Credential::Jwt)
    {
        findings.add(finding);
    }
}
