//! What became of findings: the states that are known and the findings of one evaluation give the
//! transitions between. Pure and idempotent: the same evaluation again gives none.

use std::collections::BTreeMap;

use super::{Finding, Fingerprint, Settings, State, StateKind};
use crate::flow::Timestamp;
use crate::inventory::Seen;

/// A finding becomes of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Which finding.
    pub fingerprint: Fingerprint,
    /// What it was; `None` if it was not known.
    pub from: Option<StateKind>,
    /// What it is now.
    pub to: StateKind,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a finding is of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It was found for the first time.
    Found,
    /// It was found again after it was resolved.
    FoundAgain,
    /// Its acknowledgement ran out.
    AcknowledgementOver,
    /// It was not found, though its last call is within the window: it was mended, or specified.
    Gone,
    /// It was not found, and no call showed it within the window: nobody knows whether it was mended.
    OutOfWindow,
}

impl Reason {
    /// Kebab-case name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Found => "found",
            Reason::FoundAgain => "found-again",
            Reason::AcknowledgementOver => "acknowledgement-over",
            Reason::Gone => "gone",
            Reason::OutOfWindow => "out-of-window",
        }
    }
}

/// Transitions in the order of fingerprints. `was_evaluated` says of a known finding that it would have
/// been found if it was there, so that it is gone when it was not found; otherwise it stays as it is. An acknowledgement outlives its finding: what
/// comes again while it is in force is acknowledged.
pub fn reconcile(
    known: &BTreeMap<Fingerprint, State>,
    found: &[Finding],
    settings: &Settings,
    was_evaluated: impl Fn(&Fingerprint) -> bool,
) -> Vec<Transition> {
    let at = settings.now;
    let found: BTreeMap<Fingerprint, &Finding> =
        found.iter().map(|finding| (Fingerprint::of(finding), finding)).collect();
    let mut transitions = BTreeMap::new();
    let mut change = |fingerprint: &Fingerprint, from, to, reason| {
        let fingerprint = fingerprint.clone();
        let transition = Transition { fingerprint: fingerprint.clone(), from, to, at, reason };
        transitions.insert(fingerprint, transition);
    };
    for fingerprint in found.keys() {
        let Some(state) = known.get(fingerprint) else {
            change(fingerprint, None, StateKind::Open, Reason::Found);
            continue;
        };
        let from = Some(state.kind);
        match (state.kind, state.is_acknowledged(at)) {
            (StateKind::Resolved, true) => {
                change(fingerprint, from, StateKind::Acknowledged, Reason::FoundAgain);
            }
            (StateKind::Resolved, false) => {
                change(fingerprint, from, StateKind::Reopened, Reason::FoundAgain)
            }
            (StateKind::Acknowledged, false) => {
                change(fingerprint, from, StateKind::Reopened, Reason::AcknowledgementOver);
            }
            (StateKind::Open | StateKind::Reopened, _) | (StateKind::Acknowledged, true) => {}
        }
    }
    for (fingerprint, state) in known {
        let is_missing = state.kind != StateKind::Resolved && !found.contains_key(fingerprint);
        if is_missing && was_evaluated(fingerprint) {
            // What no call ever showed, as an orphan, has no call that could leave the window.
            let is_old = state.shown.first <= state.shown.last && !settings.counts(state.shown);
            let reason = if is_old { Reason::OutOfWindow } else { Reason::Gone };
            change(fingerprint, Some(state.kind), StateKind::Resolved, reason);
        }
    }
    transitions.into_values().collect()
}

/// Brings states up to what an evaluation found and what [`reconcile`] made of it.
pub fn apply(
    states: &mut BTreeMap<Fingerprint, State>,
    found: &[Finding],
    transitions: &[Transition],
    now: Timestamp,
) {
    for Transition { fingerprint, to, at, reason, .. } in transitions {
        let state = states.entry(fingerprint.clone()).or_insert_with(|| State {
            kind: *to,
            found: Seen::default(),
            shown: Seen::default(),
            since: *at,
            acknowledged: None,
        });
        (state.kind, state.since) = (*to, *at);
        if *to == StateKind::Reopened || *reason == Reason::Found {
            state.acknowledged = None;
        }
    }
    for finding in found {
        if let Some(state) = states.get_mut(&Fingerprint::of(finding)) {
            state.found.record(now);
            state.shown.merge(finding.seen);
        }
    }
}

impl State {
    /// Somebody said that it is known, and that still holds.
    pub fn is_acknowledged(&self, now: Timestamp) -> bool {
        let until = self.acknowledged.as_ref().map(|acknowledged| acknowledged.until);
        until.is_some_and(|until| until.is_none_or(|until| now < until))
    }
}
