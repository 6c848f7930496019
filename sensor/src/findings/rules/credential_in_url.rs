//! **credential-in-url**: a key, token or password stood in the query of requests.
//!
//! Fires by names and forms (`access_token=`, `api_key=`, a JWT in any parameter). Does not fire for
//! one-time codes of a sign-in, page tokens or CSRF tokens, which grant nothing by themselves.
//!
//! URLs are kept in logs of servers and proxies, in histories of browsers, and are told to other sites
//! as `Referer` (RFC 6750 section 5.3, RFC 9110 section 17.9). Send credentials in a header; renew those
//! that were in URLs, since logs have them.

use crate::call::Sign;
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "credential-in-url",
    title: "Credential in the query of a URL",
    level: Level::Warning,
    owasp: &["API2"],
    rationale: "URLs end up in access logs, histories of browsers and Referer headers, and the credential with them (RFC 6750 section 5.3, RFC 9110 section 17.9).",
    remediation: "Take the credential in the Authorization header or in a request body, refuse it in the query, and renew the ones that logs may hold.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| format!("{} had a credential in the query of the URL", count(calls, "call"));
    if let Some(finding) = looked.by_sign(context.settings, &RULE, Sign::CredentialInUrl, message, |_| true) {
        findings.add(finding);
    }
}
