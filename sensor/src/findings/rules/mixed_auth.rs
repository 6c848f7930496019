//! **mixed-auth**: one endpoint grants calls by two or more schemes of credentials: bearer tokens and
//! Basic, say, or API keys and client certificates.
//!
//! Fires if each of them had 5 % or more of all calls that a scheme granted, and their times overlap. No
//! number of calls is asked for, so that the same traffic twice says the same. Does not fire for sessions beside anything (a browser adds its cookies), for JWTs
//! beside opaque tokens (one scheme), for a stray call, for a change from one scheme to another
//! (**auth-downgraded** if for the worse), nor where a specification declares all of the kinds.
//!
//! Each scheme is a door with checks of its own, and the weakest decides. Agree on one, or let the
//! gateway turn them into one before the service.

use std::collections::BTreeMap;

use crate::findings::evidence::{edges, listed};
use crate::findings::strength::scheme;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::Seen;
use crate::inventory::compare::DifferenceKind;

/// One in so many of all granted calls with a scheme.
const SHARE: u64 = 20;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "mixed-auth",
    title: "Several schemes of authentication at one endpoint",
    level: Level::Warning,
    owasp: &["API2"],
    rationale: "Every scheme is a door of its own, with its own checks of rights, expiry and limits: the \
                weakest of them decides how safe the endpoint is.",
    remediation: "Settle on one scheme and move the callers below to it, or let one gateway exchange all of \
                  them for one kind of token.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let mut schemes: BTreeMap<&str, (u64, Seen)> = BTreeMap::new();
    for (key, caller) in &looked.stats().callers {
        if caller.granted > 0
            && context.settings.counts(caller.seen)
            && let Some(scheme) = scheme(key.credential)
        {
            let (calls, seen) = schemes.entry(scheme).or_default();
            *calls = calls.saturating_add(caller.granted);
            seen.merge(caller.seen);
        }
    }
    let all = schemes.values().fold(0u64, |sum, (calls, _)| sum.saturating_add(*calls));
    schemes.retain(|_, (calls, _)| calls.saturating_mul(SHARE) >= all);
    // One after the other is a change of schemes.
    let seen: Vec<Seen> = schemes.values().map(|(_, seen)| *seen).collect();
    let overlap = |one: &Seen, other: &Seen| one.first <= other.last && other.first <= one.last;
    let are_together = |(at, one): (usize, &Seen)| seen.iter().skip(at + 1).any(|other| overlap(one, other));
    if !seen.iter().enumerate().any(are_together) {
        return;
    }
    // All kinds are declared: somebody decided so.
    let is_undeclared = looked.differences.iter().any(|found| found.kind == DifferenceKind::AuthUndeclared);
    if !is_undeclared && looked.is_open(context) == Some(false) {
        return;
    }
    let (calls, hull) = schemes.values().fold((0u64, Seen::default()), |(sum, mut hull), (calls, seen)| {
        hull.merge(*seen);
        (sum.saturating_add(*calls), hull)
    });
    let names = listed(schemes.keys().copied());
    let message = format!("{} schemes of authentication grant access: {names}", schemes.len());
    let is = |credential| scheme(credential).is_some_and(|scheme| schemes.contains_key(scheme));
    let by = edges(looked.stats(), |key, _| is(key.credential), |caller| caller.granted);
    findings.add(looked.finding(&RULE, message).shown(calls, hull).by(by));
}
