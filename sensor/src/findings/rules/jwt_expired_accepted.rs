//! **jwt-expired-accepted**: a JWT was answered with 2xx although its `exp` was over.
//!
//! Fires if it was over by more than a minute, so that clocks may differ. Does not fire where the call
//! was refused, nor for tokens without `exp` (**jwt-no-expiry**). A public endpoint that looks at no
//! token is reported too if clients send old ones to it: acknowledge it there.
//!
//! A token that works past its end works for ever, so a stolen one does too (RFC 7519 section 4.1.4).
//! Turn the check on in the verifying library, with a leeway of a minute at most.

use crate::call::{Credential, Sign};
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "jwt-expired-accepted",
    title: "Expired JWT accepted",
    level: Level::Error,
    owasp: &["API2"],
    rationale: "A token that is taken after its end is taken for ever: whoever got hold of one keeps access (RFC 7519 section 4.1.4).",
    remediation: "Let the verifying library check exp with a leeway of a minute at most; if the endpoint is public on purpose, let clients not send tokens to it.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message = |calls| format!("{} with an expired JWT answered with 2xx", count(calls, "call"));
    if let Some(finding) =
        looked.by_sign(context.settings, &RULE, Sign::JwtExpiredAccepted, message, |kind| {
            kind == Credential::Jwt
        })
    {
        findings.add(finding);
    }
}
