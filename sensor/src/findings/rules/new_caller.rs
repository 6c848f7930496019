//! **new-caller**: somebody calls a service who did not while it was learnt.
//!
//! Fires once for each caller and service, not for each endpoint, after the learning time of the service.
//! A program on this host is one caller, whatever container it runs in; all external addresses together
//! are one, a warning when the first of them comes. Does not fire for an inner address whose credential
//! stands for somebody known (a pod that was restarted), for anything while the service is learnt, nor
//! for callers of what is no endpoint. When the window has passed the caller is known.
//!
//! A new client is a release, a test, or somebody who should not be there. Ask whose it is; acknowledge
//! it if it is meant to call.

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::evidence::{count, edges_of};
use crate::findings::network::is_external;
use crate::findings::{Check, Context, Finding, Findings, Level, Rule, Settings};
use crate::flow::Peer;
use crate::inventory::Seen;
use crate::inventory::catalog::Service;
use crate::inventory::compare::Difference;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "new-caller",
    title: "New caller of a service",
    level: Level::Note,
    owasp: &["API5", "API9"],
    rationale: "Most services are called by few and always the same programs; one that begins to call may \
                be a release, or somebody who looks around.",
    remediation: "Find out whose the caller is; acknowledge it if it is meant to call, otherwise deny it by \
                  a network policy and renew the credentials that it used.",
    checks: &[Check::Service(check)],
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Program(String),
    Address(String),
    Outside,
}

#[derive(Default)]
struct Caller {
    calls: u64,
    seen: Seen,
    principals: BTreeSet<u64>,
}

/// Who it is in the findings of this rule: a program, an inner address, or all that is outside.
pub(in crate::findings) fn name(peer: &Peer, settings: &Settings) -> String {
    who(peer, settings).name().to_owned()
}

fn who(peer: &Peer, settings: &Settings) -> Who {
    match &peer.workload {
        Some(workload) => Who::Program(workload.program.to_string()),
        None if is_external(peer, settings) => Who::Outside,
        None => Who::Address(peer.address.to_canonical().to_string()),
    }
}

impl Who {
    fn name(&self) -> &str {
        match self {
            Who::Program(name) | Who::Address(name) => name,
            Who::Outside => "external callers",
        }
    }
}

fn check(context: &Context<'_>, service: &Service, _: &[Difference], findings: &mut Findings) {
    let who = |peer: &Peer| who(peer, context.settings);
    let learnt_at = context.learnt_at(service);
    if learnt_at > context.settings.now {
        return;
    }
    let mut callers: BTreeMap<Who, Caller> = BTreeMap::new();
    let mut known: BTreeSet<u64> = BTreeSet::new();
    for endpoint in &service.endpoints {
        for (key, stats) in &endpoint.stats.callers {
            let caller = callers.entry(who(&key.peer)).or_default();
            caller.calls = caller.calls.saturating_add(stats.calls);
            caller.seen.merge(stats.seen);
            caller.principals.extend(stats.principals.iter());
            if stats.seen.first < learnt_at {
                known.extend(stats.principals.iter());
            }
        }
    }
    for (new, caller) in callers {
        let is_known = matches!(new, Who::Address(_))
            && caller.principals.iter().any(|principal| known.contains(principal));
        if is_known || !context.is_new(caller.seen.first, learnt_at) {
            continue;
        }
        let name = new.name().to_owned();
        let level = if new == Who::Outside { Level::Warning } else { Level::Note };
        let message =
            format!("{name} did not call this service before: {} since", count(caller.calls, "call"));
        let all = service.endpoints.iter().map(|endpoint| &endpoint.stats);
        let by = edges_of(all, |key, _| who(&key.peer) == new, |caller| caller.calls);
        let finding = Finding::of_service(&RULE, service, message).level(level).of_name(name);
        findings.add(finding.shown(caller.calls, caller.seen).by(by));
    }
}
