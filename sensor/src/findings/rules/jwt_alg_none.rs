//! **jwt-alg-none**: a JWT with `alg` `none`, or without one, was answered with 2xx.
//!
//! Fires only where such a token was presented and the call was granted. Does not fire where it was
//! refused: that is what should happen.
//!
//! Anybody can write such a token with any subject (RFC 8725 section 3.2). It may also be that the
//! endpoint does not look at tokens at all: either way nothing is protected. Verify with a fixed list of
//! algorithms, and find out who makes such tokens.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-alg-none",
    title: "Unsigned JWT accepted",
    level: Level::Error,
    owasp: &["API2"],
    rationale: "A token without a signature can be written by anybody, with any subject and any rights (RFC 8725 section 3.2); the endpoint either takes it or does not look at tokens at all.",
    remediation: "Verify every token against a fixed list of algorithms that does not have none, and look at the callers that present such tokens.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message =
        |calls| format!("{} with an unsigned JWT (alg none) answered with 2xx", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtNone, message, |kind| kind == Credential::Jwt)
    {
        findings.add(finding);
    }
}
