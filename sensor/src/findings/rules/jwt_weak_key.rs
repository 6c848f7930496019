//! **jwt-weak-key**: a JWT is signed (HS256, HS384, HS512) with a key from the list of those that stand
//! in tutorials and defaults, `secret` for one.
//!
//! Fires if one of these keys verifies the token, which cannot happen by chance. Does not fire for other
//! keys, however short, nor for public-key algorithms.
//!
//! Whoever guesses the key writes tokens for any user (RFC 8725 section 3.5). Replace it by 32 random
//! bytes or more, or by a key pair, and end all sessions.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-weak-key",
    title: "JWT signed with a key that everybody knows",
    level: Level::Error,
    owasp: &["API2"],
    rationale: "The key of the signature is one from tutorials and defaults: whoever tries these can write tokens for any user with any rights (RFC 8725 section 3.5).",
    remediation: "Replace the key by at least 32 random bytes, or by a key pair (ES256, EdDSA), keep it out of the source, and let all tokens that it signed expire at once.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message =
        |calls| format!("{} with a JWT whose signing key is a well-known one", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtWeakKey, message, |kind| kind == Credential::Jwt)
    {
        findings.add(finding);
    }
}
