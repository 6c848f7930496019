//! **missing-auth**: the specification declares security for an endpoint, and calls are answered with
//! 2xx without any credential; or callers use a kind of credential that it does not declare.
//!
//! Fires as an error for calls without a credential, as a warning for undeclared kinds. Does not fire
//! where the specification says that credentials are optional (`{}` among its requirements), for calls
//! that were refused, nor without a specification: there, what callers do tells more or less
//! (**auth-not-enforced**).
//!
//! The check is missing, switched off, or the declaration is wrong. Call the endpoint without a
//! credential to see which; then turn the check on, or declare what is true.

use crate::call::Credential;
use crate::findings::evidence::{count, edges, observed_name};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::Seen;
use crate::inventory::compare::{Difference, DifferenceKind};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "missing-auth",
    title: "Declared authentication is not required",
    level: Level::Error,
    owasp: &["API2", "API5"],
    rationale: "The specification promises that callers are known, and the service answers those that are \
                not: everything at this endpoint is open to whoever reaches it.",
    remediation: "Require the declared credential before the endpoint is reached (in the framework or the \
                  gateway, not per route); if it is public on purpose, say so in the specification.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for difference in looked.differences {
        let (level, is): (Level, &dyn Fn(Credential) -> bool) = match difference.kind {
            DifferenceKind::AuthMissing => (Level::Error, &|kind| kind == Credential::None),
            DifferenceKind::AuthUndeclared => (Level::Warning, &|kind| is_undeclared(kind, difference)),
            _ => continue,
        };
        let granted = looked.granted(context.settings, |key| is(key.credential));
        // Differences look at all that was stored; what is out of the window is history.
        if granted.calls == 0 {
            continue;
        }
        let calls = count(granted.calls, "call");
        let declared = match difference.specified.as_str() {
            "" => String::new(),
            declared => format!(" (declared: {declared})"),
        };
        let (message, name) = match level {
            Level::Error => (format!("{calls} without any credential answered with 2xx{declared}"), None),
            _ => {
                let observed = observed_name(difference);
                (
                    format!(
                        "{calls} answered with 2xx by a credential that is not declared: {observed}{declared}"
                    ),
                    Some(observed),
                )
            }
        };
        let by = edges(looked.stats(), |key, _| is(key.credential), |caller| caller.granted);
        let seen: Seen = granted.seen;
        let mut finding = looked.finding(&RULE, message).level(level).shown(granted.calls, seen).by(by);
        finding.subject.of = name.map(str::to_owned);
        findings.add(finding.against(difference));
    }
}

/// The difference names the kind; if it names none that is known, any kind may be meant.
fn is_undeclared(kind: Credential, difference: &Difference) -> bool {
    let names: Vec<&str> =
        observed_name(difference).split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let is_known = names.iter().any(|name| Credential::of_name(name).is_some());
    if is_known { names.contains(&kind.name()) } else { kind != Credential::None }
}
