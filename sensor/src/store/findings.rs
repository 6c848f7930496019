//! What became of findings, and what is still to be told of them: the contract of stores beside the
//! inventory. A store keeps states and a queue; which state follows on which is decided in `findings`,
//! and what is told to whom in `notify`.

use std::collections::{BTreeMap, BTreeSet};

use super::StoreError;
use crate::findings::{Fingerprint, Level, State, StateKind, Subject};
use crate::flow::Timestamp;

/// A finding as it is kept: enough to show it after it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFinding {
    /// Id of its rule; a rule of another version may be unknown here.
    pub rule: String,
    /// How bad.
    pub level: Level,
    /// What it is about.
    pub subject: Subject,
    /// What was found the last time, one sentence.
    pub message: String,
    /// What became of it.
    pub state: State,
}

/// Findings by fingerprint.
pub type Known = BTreeMap<Fingerprint, KnownFinding>;

/// That a finding came into a state, as one sink is told it: once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which finding.
    pub fingerprint: Fingerprint,
    /// The state.
    pub transition: StateKind,
    /// When it came into it.
    pub since: Timestamp,
    /// What is said, as `notify` made it; names and counts only.
    pub body: String,
}

/// A note that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingNote {
    /// Its number in the queue.
    pub id: i64,
    /// It.
    pub note: Note,
    /// Tries that failed.
    pub attempts: u32,
}

/// What happened to a note that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken.
    Delivered,
    /// It was not; it is tried again then.
    Later(Timestamp),
    /// It never will be: forgotten and counted.
    GivenUp,
}

/// What a sink was told or will be: states and their beginnings by finding.
pub type Told = BTreeMap<Fingerprint, BTreeSet<(StateKind, Timestamp)>>;

/// Keeps what became of findings.
pub trait FindingStore: Send {
    /// All that are kept, as of one moment.
    fn known(&self) -> impl Future<Output = Result<Known, StoreError>> + Send;

    /// Lets `revise` say from what is kept which findings are new or changed, and keeps those: one
    /// transaction, so that nobody else's change is lost between. Of resolved findings the
    /// [`crate::limits::FINDINGS_RESOLVED_KEPT`] that were resolved last stay. Gives what is kept then.
    fn revise<F>(&mut self, revise: F) -> impl Future<Output = Result<Known, StoreError>> + Send
    where
        F: FnOnce(&Known) -> Known + Send;

    /// What a sink was told or will be.
    fn told(&self, sink: &str) -> impl Future<Output = Result<Told, StoreError>> + Send;

    /// Adds notes for a sink, but none that it has or had already. Over
    /// [`crate::limits::NOTIFICATIONS_QUEUED_MAX`] the oldest that wait are dropped and counted as
    /// `notifications-dropped`; gives how many.
    fn enqueue(
        &mut self,
        sink: &str,
        notes: &[Note],
        at: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Notes of a sink whose time has come, the oldest first, at most `count`.
    fn due(
        &self,
        sink: &str,
        at: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<WaitingNote>, StoreError>> + Send;

    /// Keeps what happened to a note.
    fn settle_note(
        &mut self,
        id: i64,
        delivery: Delivery,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
