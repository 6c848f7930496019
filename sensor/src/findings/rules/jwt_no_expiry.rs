//! **jwt-no-expiry**: callers present JWTs that have no `exp`.
//!
//! Fires for any such token that was read. Does not fire for opaque tokens, of which nothing can be
//! known, nor for tokens with a far end: those are **jwt-long-lived**.
//!
//! Such a token is good until the key is changed: one that leaks cannot be waited out. Let the issuer
//! set `exp` in minutes or hours, and refuse tokens without one.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-no-expiry",
    title: "JWT without an end",
    level: Level::Warning,
    owasp: &["API2"],
    rationale: "A token without an end is good until its signing key is changed: one that leaks is of use to whoever has it for years.",
    remediation: "Let the issuer set exp (minutes to hours, with refresh tokens where sessions are longer), and let services refuse tokens without it.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| format!("{} with a JWT that never expires", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtNoExpiry, message, |kind| kind == Credential::Jwt)
    {
        findings.add(finding);
    }
}
