//! **jwt-sensitive-claims**: a claim of a JWT holds data of a sensitive class: a card, a national id, a
//! birth date, a password.
//!
//! Fires by validators and names of claims. Does not fire for mail addresses, which identity providers
//! put there as a matter of course, nor for encrypted tokens (JWE), which cannot be read.
//!
//! A JWT is signed, not encrypted: every client, proxy and log on its way can read it. Leave such claims
//! out and let the service look them up by subject.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-sensitive-claims",
    title: "Sensitive data in a JWT",
    level: Level::Warning,
    owasp: &["API3"],
    rationale: "A JWT is signed and not encrypted: clients, proxies and logs on its way can read what stands in it.",
    remediation: "Leave such claims out of the token and let services look them up by subject, or encrypt the token (JWE) if they have to travel in it.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message =
        |calls| format!("{} with a JWT that holds sensitive data in its claims", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtSensitiveClaims, message, |kind| {
            kind == Credential::Jwt
        })
    {
        findings.add(finding);
    }
}
