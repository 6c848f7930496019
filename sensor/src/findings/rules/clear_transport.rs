//! **clear-transport**: credentials or sensitive data go between hosts unencrypted. Plain traffic
//! without either is a note, one for each service.
//!
//! Fires by what passed on sockets with another host at the far end; of an endpoint that is called both
//! ways, by its calls outside of TLS. Does not fire on loopback, nor for Basic (**basic-over-clear**). What
//! is encrypted below, as by WireGuard or IPsec, cannot be told at the socket: acknowledge it with that
//! reason.
//!
//! Everybody on the way can read along and change what passes, inside a data centre as well. Use TLS up
//! to the service, or an encrypted network between the hosts.

use crate::call::{Credential, Sign};
use crate::findings::evidence::{count, edges_of, in_clear};
use crate::findings::{Check, Context, Finding, Findings, Level, Looked, Rule};
use crate::inventory::catalog::Service;
use crate::inventory::compare::Difference;
use crate::inventory::{CallerStats, Seen};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "clear-transport",
    title: "Unencrypted between hosts",
    level: Level::Warning,
    owasp: &["API8"],
    rationale: "Whoever is on the way between the hosts can read what passes, take over the credentials in \
                it, and change answers.",
    remediation: "Offer the service over TLS and redirect or refuse plain HTTP, or connect the hosts by an \
                  encrypted network; renew credentials that went in clear.",
    checks: &[Check::Endpoint(check), Check::Service(check_service)],
};

/// What makes it more than a note.
const WORSE: [Sign; 3] = [Sign::CredentialInClear, Sign::BasicInClear, Sign::SensitiveInClear];

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let settings = context.settings;
    let credential = in_clear(looked.stats(), settings, Sign::CredentialInClear);
    let basic = in_clear(looked.stats(), settings, Sign::BasicInClear).map_or(0, |basic| basic.calls);
    // Basic is a credential too, and has its own rule.
    let credential = credential.filter(|found| found.calls > basic);
    let sensitive = in_clear(looked.stats(), settings, Sign::SensitiveInClear);
    let what = match (credential, sensitive) {
        (None, None) => return,
        (Some(_), None) => "credentials",
        (None, Some(_)) => "sensitive data",
        (Some(_), Some(_)) => "credentials and sensitive data",
    };
    let mut seen = Seen::default();
    [credential, sensitive].iter().flatten().for_each(|found| seen.merge(found.seen));
    let calls = credential.map_or(0, |found| found.calls - basic);
    let calls = calls.max(sensitive.map_or(0, |found| found.calls));
    let message = format!("{what} went unencrypted between hosts in {}", count(calls, "call"));
    let is = |kind: Credential| {
        sensitive.is_some() || !matches!(kind, Credential::None | Credential::Basic | Credential::Unknown)
    };
    let by = edges_of([looked.stats()], |key, _| is(key.credential), CallerStats::in_clear);
    findings.add(looked.finding(&RULE, message).shown(calls, seen).by(by));
}

fn check_service(context: &Context<'_>, service: &Service, _: &[Difference], findings: &mut Findings) {
    let settings = context.settings;
    let mut all = Vec::new();
    let (mut calls, mut seen) = (0u64, Seen::default());
    for stats in service.endpoints.iter().map(|endpoint| &endpoint.stats) {
        let is_worse = WORSE.iter().any(|sign| in_clear(stats, settings, *sign).is_some());
        if let Some(found) = in_clear(stats, settings, Sign::ClearTransport).filter(|_| !is_worse) {
            calls = calls.saturating_add(found.calls);
            seen.merge(found.seen);
            all.push(stats);
        }
    }
    if !all.is_empty() {
        let endpoints = count(all.len() as u64, "endpoint");
        let message = format!("{} to {endpoints} went unencrypted between hosts", count(calls, "call"));
        let by = edges_of(all, |_, _| true, CallerStats::in_clear);
        findings
            .add(Finding::of_service(&RULE, service, message).level(Level::Note).shown(calls, seen).by(by));
    }
}
