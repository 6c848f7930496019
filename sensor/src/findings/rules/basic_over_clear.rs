//! **basic-over-clear**: a request with `Authorization: Basic` went between hosts without encryption.
//!
//! Fires for any such call, answered or refused: the password was on the wire either way. Does not fire
//! inside TLS, on loopback, nor where TLS is taken off on the same host. Other credentials in clear are
//! **clear-transport**.
//!
//! Basic is the user's name and password in base64 (RFC 7617 section 4): whoever can read one packet has
//! both, for good. Use TLS up to the service, and treat the passwords that were sent as known.

use crate::call::{Credential, Sign};
use crate::findings::evidence::{count, edges, in_clear};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::CallerStats;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "basic-over-clear",
    title: "Basic credentials over an unencrypted network",
    level: Level::Error,
    owasp: &["API2", "API8"],
    rationale: "Basic sends the user's name and password, merely encoded, with every request (RFC 7617 section 4): one packet that is read gives away both.",
    remediation: "Serve the endpoint over TLS only, refuse plain HTTP without reading the credentials, change the passwords that were sent, and prefer short-lived tokens.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| {
        format!("{} sent a user name and password with Basic unencrypted between hosts", count(calls, "call"))
    };
    let Some(found) = in_clear(looked.stats(), context.settings, Sign::BasicInClear) else { return };
    let by = edges(looked.stats(), |key, _| key.credential == Credential::Basic, CallerStats::in_clear);
    findings.add(looked.finding(&RULE, message(found.calls)).shown(found.calls, found.seen).by(by));
}
