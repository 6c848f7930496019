//! A store that forgets with the process: the contract in its plainest form, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Run, RunId, RunStart, Store, StoreError};
use crate::flow::Timestamp;
use crate::inventory::Inventory;
use crate::limits::RUNS_KEPT;

/// An inventory and its runs in memory. A clone is a store of its own.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    inventory: Inventory,
    runs: Vec<Run>,
    /// Number of the last delta of each run.
    delivered: BTreeMap<RunId, u64>,
    failures: u32,
    forgotten: u32,
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
        Ok(self.inventory.clone())
    }

    async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        Ok(self.runs.iter().rev().cloned().collect())
    }
}
