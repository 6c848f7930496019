//! **permissive-cors-with-credentials**: the answer allows the origin that asks, whichever that is, and
//! allows credentials as well (`Access-Control-Allow-Credentials: true`).
//!
//! Fires if an origin that has nothing to do with the service was allowed so. Does not fire for `*`
//! without credentials, nor for a fixed list of origins.
//!
//! A website that a signed-in user visits can then read the API as that user. Answer with origins from a
//! list only; an API that needs no cookies should not allow credentials.

use crate::call::Sign;
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "permissive-cors-with-credentials",
    title: "Any website may read with the user's credentials",
    level: Level::Error,
    owasp: &["API8"],
    rationale: "A website that a signed-in user merely visits can call the API with the user's cookies and read the answers (CORS protocol of the Fetch standard).",
    remediation: "Compare the Origin header with a fixed list before it is repeated in Access-Control-Allow-Origin, and do not allow credentials where no cookie is needed.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| {
        format!("{} answered in a way that lets any website read with credentials", count(calls, "call"))
    };
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::CorsAnyOriginWithCredentials, message, |_| true)
    {
        findings.add(finding);
    }
}
