//! **sensitive-in-url**: data of a sensitive class (a card, an IBAN, a national id, a mail address) stood
//! in the path or the query of requests.
//!
//! Fires by validators over values as they pass; the values are not kept. Does not fire for bodies and
//! headers. Credentials in the query are **credential-in-url**.
//!
//! URLs are written to logs of servers, proxies and clients, where nobody expects personal data and
//! where it stays. Send it in a body, or name the person by an id that means nothing elsewhere.

use crate::call::Sign;
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "sensitive-in-url",
    title: "Sensitive data in a URL",
    level: Level::Warning,
    owasp: &["API3", "API8"],
    rationale: "URLs are written to logs of servers and proxies and to histories, where nobody expects personal data and where deleting it is forgotten.",
    remediation: "Send such data in the body of a POST, or use an id that means nothing elsewhere in the path; clear the logs that hold it.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message =
        |calls| format!("{} had sensitive data in the path or query of the URL", count(calls, "call"));
    if let Some(finding) = looked.by_sign(context.settings, &RULE, Sign::SensitiveInUrl, message, |_| true) {
        findings.add(finding);
    }
}
