//! **auth-downgraded**: a weaker kind of credential is in use since the stronger one was last seen.
//!
//! Fires if a caller that was granted calls by the stronger kind is since then granted calls by a weaker
//! one (bearer token to API key or Basic, certificate to token); or if all calls that the endpoint granted
//! by strong kinds were before the first of those that it grants without any credential. One call of
//! either is no use yet: there have to be two at different times. Does not fire while both are in use (**mixed-auth**,
//! **auth-not-enforced**), nor for changes between kinds of one rank, as session and token.
//!
//! Often a migration, a debug setting or a new client switched a check off. Find what changed at that
//! time, and refuse the weaker kind.

use std::collections::BTreeSet;

use crate::call::Credential;
use crate::findings::evidence::{Granted, count, edges, granted, listed};
use crate::findings::strength::{is_strong, rank};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule, Settings};
use crate::inventory::{CallerKey, CallerStats, Seen};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "auth-downgraded",
    title: "Weaker authentication than before",
    level: Level::Warning,
    owasp: &["API2"],
    rationale: "The endpoint used to be called with a stronger credential and now grants access by a weaker \
                one: a check was relaxed, on purpose or by accident.",
    remediation: "Find the release or the setting that changed it, restore the stronger scheme for the \
                  callers below, and let the service refuse the weaker one.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let settings = context.settings;
    let weaker = weaker(looked, settings);
    if !weaker.is_empty() {
        let (calls, seen) = weaker.iter().fold((0u64, Seen::default()), |(sum, mut hull), (_, caller, _)| {
            hull.merge(caller.seen);
            (sum.saturating_add(caller.granted), hull)
        });
        let changes: BTreeSet<String> = weaker
            .iter()
            .map(|(key, _, before)| format!("{} to {}", before.name(), key.credential.name()))
            .collect();
        let changes = listed(changes.iter().map(String::as_str));
        let message = format!("weaker credentials than before: {changes}, in {}", count(calls, "call"));
        let keys: BTreeSet<&CallerKey> = weaker.iter().map(|(key, ..)| *key).collect();
        let by = edges(looked.stats(), |key, _| keys.contains(key), |caller| caller.granted);
        findings.add(looked.finding(&RULE, message).shown(calls, seen).by(by));
        return;
    }
    let without: Granted = looked.granted(settings, |key| key.credential == Credential::None);
    // Before the window counts too: it is what was before.
    let always = Settings { window_ns: u64::MAX, ..settings.clone() };
    let strong = granted(looked.endpoint, &always, |key| is_strong(key.credential));
    if is_use(without.seen) && is_use(strong.seen) && without.seen.first > strong.seen.last {
        let message = format!(
            "no credential any more: {} without one since the last of {} with one",
            count(without.calls, "call"),
            strong.calls
        );
        let by = edges(looked.stats(), |key, _| key.credential == Credential::None, |caller| caller.granted);
        findings.add(looked.finding(&RULE, message).shown(without.calls, without.seen).by(by));
    }
}

/// Two calls at different times. Not by their number, so that the same traffic twice says the same.
fn is_use(seen: Seen) -> bool {
    seen.first < seen.last
}

/// Callers that went over to a weaker kind, with the strongest that they had before.
fn weaker<'a>(
    looked: &'a Looked<'_>,
    settings: &Settings,
) -> Vec<(&'a CallerKey, &'a CallerStats, Credential)> {
    let callers =
        || looked.stats().callers.iter().filter(|(_, caller)| caller.granted > 0 && is_use(caller.seen));
    let mut found = Vec::new();
    for (key, caller) in callers() {
        let is_weak = key.credential != Credential::None && settings.counts(caller.seen);
        // Nearly every caller has one kind of credential: nothing to look for.
        if !is_weak || rank(key.credential) > 3 {
            continue;
        }
        let before = callers().filter(|(other, stats)| {
            other.peer == key.peer
                && rank(other.credential) > rank(key.credential)
                && stats.seen.last < caller.seen.first
        });
        if let Some((before, _)) = before.max_by_key(|(other, _)| rank(other.credential)) {
            found.push((key, caller, before.credential));
        }
    }
    found
}
