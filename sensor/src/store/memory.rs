//! A store that forgets with the process: the contract in its plainest form, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::findings::{Delivery, FindingStore, Known, Note, Told, WaitingNote};
use super::specs::{Added, GivenSpec, KeptSpec, SpecStore};
use super::{Run, RunId, RunStart, Store, StoreError};
use crate::counter::Counter;
use crate::findings::{Fingerprint, StateKind};
use crate::flow::Timestamp;
use crate::inventory::Inventory;
use crate::inventory::spec::Spec;
use crate::limits::{FINDINGS_RESOLVED_KEPT, NOTIFICATIONS_QUEUED_MAX, RUNS_KEPT};

/// An inventory and its runs in memory. A clone is a store of its own.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    inventory: Inventory,
    runs: Vec<Run>,
    /// Number of the last delta of each run.
    delivered: BTreeMap<RunId, u64>,
    failures: u32,
    forgotten: u32,
    findings: Known,
    notes: Vec<Kept>,
    /// Notes that were dropped.
    dropped: u64,
    specs: BTreeMap<(String, String), (GivenSpec, Timestamp)>,
}

/// A note of a sink.
#[derive(Clone, Debug)]
struct Kept {
    sink: String,
    waiting: WaitingNote,
    next_try: Timestamp,
    is_done: bool,
}

impl MemoryStore {
    /// Makes the next `count` merges fail as a locked database does.
    pub fn fail(&mut self, count: u32) {
        self.failures = count;
    }

    /// Makes the next `count` merges fail after all was stored, as when the answer is lost.
    pub fn forget(&mut self, count: u32) {
        self.forgotten = count;
    }
}

impl Store for MemoryStore {
    async fn begin_run(&mut self, run: &RunStart) -> Result<RunId, StoreError> {
        let id = RunId(self.runs.last().map_or(1, |last| last.id.0 + 1));
        self.runs.push(Run {
            id,
            start: run.clone(),
            flushed: None,
            ended: None,
            calls: 0,
            losses: Default::default(),
            coverage: Default::default(),
        });
        if self.runs.len() > RUNS_KEPT {
            self.runs.remove(0);
        }
        Ok(id)
    }

    async fn merge(
        &mut self,
        run: RunId,
        sequence: u64,
        delta: &Inventory,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(StoreError::Locked { path: PathBuf::from("memory") });
        }
        let last = self.delivered.entry(run).or_default();
        if sequence <= *last {
            return Ok(());
        }
        *last = sequence;
        self.inventory.merge(delta.clone());
        if let Some(run) = self.runs.iter_mut().find(|r| r.id == run) {
            run.flushed = run.flushed.max(Some(at));
            for stats in delta.endpoints.values() {
                run.calls = run.calls.saturating_add(stats.calls);
            }
            for (cause, count) in &delta.losses {
                let sum = run.losses.entry(cause.to_string()).or_default();
                *sum = sum.saturating_add(*count);
            }
            for (key, stats) in &delta.coverage {
                let sum = run.coverage.entry(key.clone()).or_default();
                sum.connections = sum.connections.saturating_add(stats.connections);
                sum.bytes = sum.bytes.saturating_add(stats.bytes);
            }
        }
        if self.forgotten > 0 {
            self.forgotten -= 1;
            return Err(StoreError::Locked { path: PathBuf::from("memory") });
        }
        Ok(())
    }

    async fn end_run(&mut self, run: RunId, at: Timestamp) -> Result<(), StoreError> {
        if let Some(run) = self.runs.iter_mut().find(|r| r.id == run) {
            run.ended = Some(at);
        }
        Ok(())
    }

    async fn load(&self) -> Result<Inventory, StoreError> {
        let mut inventory = self.inventory.clone();
        if self.dropped > 0 {
            inventory.losses.insert(Counter::NotificationsDropped.name().into(), self.dropped);
        }
        Ok(inventory)
    }

    async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        Ok(self.runs.iter().rev().cloned().collect())
    }
}

impl FindingStore for MemoryStore {
    async fn known(&self) -> Result<Known, StoreError> {
        Ok(self.findings.clone())
    }

    async fn revise<F>(&mut self, revise: F) -> Result<Known, StoreError>
    where
        F: FnOnce(&Known) -> Known + Send,
    {
        let changed = revise(&self.findings);
        self.findings.extend(changed);
        let resolved = self.findings.iter().filter(|(_, known)| known.state.kind == StateKind::Resolved);
        let mut resolved: Vec<(Timestamp, Fingerprint)> =
            resolved.map(|(fingerprint, known)| (known.state.since, fingerprint.clone())).collect();
        resolved.sort_unstable();
        resolved.truncate(resolved.len().saturating_sub(FINDINGS_RESOLVED_KEPT));
        for (_, fingerprint) in resolved {
            self.findings.remove(&fingerprint);
            self.notes.retain(|kept| kept.waiting.note.fingerprint != fingerprint);
        }
        Ok(self.findings.clone())
    }

    async fn told(&self, sink: &str) -> Result<Told, StoreError> {
        let mut told = Told::new();
        for Kept { waiting: WaitingNote { note, .. }, .. } in self.notes.iter().filter(|n| n.sink == sink) {
            told.entry(note.fingerprint.clone()).or_default().insert((note.transition, note.since));
        }
        Ok(told)
    }

    async fn enqueue(&mut self, sink: &str, notes: &[Note], at: Timestamp) -> Result<u64, StoreError> {
        let told = self.told(sink).await?;
        for note in notes.iter().filter(|note| self.findings.contains_key(&note.fingerprint)) {
            let state = (note.transition, note.since);
            if told.get(&note.fingerprint).is_some_and(|states| states.contains(&state)) {
                continue;
            }
            let id = self.notes.last().map_or(1, |last| last.waiting.id + 1);
            let waiting = WaitingNote { id, note: note.clone(), attempts: 0 };
            self.notes.push(Kept { sink: sink.to_owned(), waiting, next_try: at, is_done: false });
        }
        let waiting = self.notes.iter().filter(|kept| !kept.is_done).count();
        let dropped = waiting.saturating_sub(NOTIFICATIONS_QUEUED_MAX);
        self.notes.iter_mut().filter(|kept| !kept.is_done).take(dropped).for_each(|kept| kept.is_done = true);
        self.dropped += dropped as u64;
        Ok(dropped as u64)
    }

    async fn due(&self, sink: &str, at: Timestamp, count: usize) -> Result<Vec<WaitingNote>, StoreError> {
        let due = self.notes.iter().filter(|k| k.sink == sink && !k.is_done && k.next_try <= at);
        Ok(due.map(|kept| kept.waiting.clone()).take(count).collect())
    }

    async fn settle_note(&mut self, id: i64, delivery: Delivery, _: Timestamp) -> Result<(), StoreError> {
        let Some(kept) = self.notes.iter_mut().find(|kept| kept.waiting.id == id) else { return Ok(()) };
        match delivery {
            Delivery::Delivered => kept.is_done = true,
            Delivery::Later(next) => {
                kept.waiting.attempts += 1;
                kept.next_try = next;
            }
            Delivery::GivenUp => {
                kept.is_done = true;
                self.dropped += 1;
            }
        }
        Ok(())
    }
}

impl SpecStore for MemoryStore {
    async fn add_specs(&mut self, given: &[GivenSpec], at: Timestamp) -> Result<Vec<Added>, StoreError> {
        let mut done = Vec::new();
        for given in given {
            let key = (given.spec.name.clone(), given.spec.version.clone());
            let outcome = match self.specs.get(&key) {
                Some((known, _)) if known.digest == given.digest => Added::Unchanged,
                Some(_) => Added::Replaced,
                None => Added::Added,
            };
            if outcome != Added::Unchanged {
                self.specs.insert(key, (given.clone(), at));
            }
            done.push(outcome);
        }
        Ok(done)
    }

    async fn specs(&self) -> Result<Vec<KeptSpec>, StoreError> {
        let kept = self.specs.values().map(|(GivenSpec { spec, .. }, added)| KeptSpec {
            name: spec.name.clone(),
            version: spec.version.clone(),
            title: spec.title.clone(),
            format: spec.format.name().to_owned(),
            services: spec.services.clone(),
            operations: spec.operations.len() as u64,
            added: *added,
            is_foreign: false,
        });
        Ok(kept.collect())
    }

    async fn load_specs(&self) -> Result<Vec<Spec>, StoreError> {
        Ok(self.specs.values().map(|(given, _)| given.spec.clone()).collect())
    }

    async fn remove_spec(&mut self, name: &str, version: Option<&str>) -> Result<u64, StoreError> {
        let before = self.specs.len();
        self.specs.retain(|(known, of), _| known != name || version.is_some_and(|version| version != of));
        Ok((before - self.specs.len()) as u64)
    }
}
