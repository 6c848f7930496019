//! The task between the pipeline and the store: deltas come in, merged deltas are written.
//!
//! While the store is locked, full or away, one delta is tried again, always the same under the same
//! number, since it may have been stored although the store said no. What comes meanwhile merges into
//! the next one, so memory follows the number of endpoints and not the time. It takes deltas even while it writes: the
//! pipeline never waits for a disk. What passes the bound is dropped and counted, call by call.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use super::{RunId, Store, StoreError, now};
use crate::counter::Counter;
use crate::inventory::Inventory;
use crate::limits::{FLUSH_QUEUE_MAX, PENDING_ROWS_MAX};

/// Times and bounds of a [`Flusher`].
#[derive(Clone, Copy, Debug)]
pub struct FlushOptions {
    /// Pause after the first failure; doubles with each further one.
    pub retry_first: Duration,
    /// Longest pause between two tries.
    pub retry_max: Duration,
    /// How long the last delta is tried after the pipeline ended.
    pub shutdown: Duration,
    /// Rows that may wait, see [`PENDING_ROWS_MAX`].
    pub pending_rows_max: usize,
}

impl Default for FlushOptions {
    fn default() -> Self {
        FlushOptions {
            retry_first: Duration::from_millis(200),
            retry_max: Duration::from_secs(30),
            shutdown: Duration::from_secs(10),
            pending_rows_max: PENDING_ROWS_MAX,
        }
    }
}

/// How the flusher stands, for progress and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushState {
    /// Deltas written.
    pub flushes: u64,
    /// Tries that failed.
    pub retried: u64,
    /// Calls given up.
    pub dropped: u64,
    /// Calls written.
    pub calls: u64,
    /// The last try failed.
    pub failing: bool,
}

/// Writes deltas of one run to one store.
pub struct Flusher<S> {
    store: S,
    run: RunId,
    options: FlushOptions,
    intake: Intake,
    state: watch::Sender<FlushState>,
}

impl<S: Store> Flusher<S> {
    /// A flusher, the sender of its deltas (dropping it ends the flusher) and its state.
    pub fn new(
        store: S,
        run: RunId,
        options: FlushOptions,
    ) -> (Flusher<S>, mpsc::Sender<Inventory>, watch::Receiver<FlushState>) {
        let (sender, deltas) = mpsc::channel(FLUSH_QUEUE_MAX);
        let (state, states) = watch::channel(FlushState::default());
        let intake = Intake {
            deltas,
            pending: Inventory::default(),
            held_rows: 0,
            rows_max: options.pending_rows_max,
            dropped: 0,
            closed_at: None,
        };
        (Flusher { store, run, options, intake, state }, sender, states)
    }

    /// Writes until the sender is dropped and all is written, notes the end of the run and gives
    /// the store back. An error means that the last changes could not be written in time.
    pub async fn run(mut self) -> Result<S, StoreError> {
        let mut flushing = Inventory::default();
        let mut sequence = 0;
        let mut pause = Duration::ZERO;
        let mut cause = None;
        loop {
            self.intake.wait(pause).await;
            if flushing.is_empty() {
                flushing = std::mem::take(&mut self.intake.pending);
                sequence += 1;
            }
            if flushing.is_empty() {
                return self.finish().await;
            }
            match self.write(sequence, &flushing).await {
                Ok(()) => {
                    pause = Duration::ZERO;
                    cause = None;
                    self.note_success(calls(&flushing));
                    flushing = Inventory::default();
                    self.intake.held_rows = 0;
                }
                Err(error) => {
                    pause = (pause * 2).clamp(self.options.retry_first, self.options.retry_max);
                    self.note_failure(&error, pause);
                    if let Some(deadline) = self.deadline() {
                        let now = Instant::now();
                        if now >= deadline {
                            self.intake.drop_calls(calls(&flushing) + calls(&self.intake.pending));
                            self.note_end();
                            return Err(late(self.options.shutdown, Some(error).filter(is_cause).or(cause)));
                        }
                        pause = pause.min(deadline - now);
                    }
                    cause = Some(error).filter(is_cause).or(cause);
                }
            }
        }
    }

    /// Tries once to write, taking deltas meanwhile.
    async fn write(&mut self, sequence: u64, flushing: &Inventory) -> Result<(), StoreError> {
        self.intake.held_rows = rows(flushing);
        let merging = self.store.merge(self.run, sequence, flushing, now());
        tokio::pin!(merging);
        loop {
            let deadline = self.intake.closed_at.map(|at| at + self.options.shutdown);
            tokio::select! {
                // What is done counts as done, also at the last moment.
                biased;
                result = &mut merging => return result,
                () = self.intake.receive(), if deadline.is_none() => {}
                () = expired(deadline) => return Err(late(self.options.shutdown, None)),
            }
        }
    }

    /// When the last try must be over; `None` while the pipeline runs.
    fn deadline(&self) -> Option<Instant> {
        self.intake.closed_at.map(|at| at + self.options.shutdown)
    }

    async fn finish(mut self) -> Result<S, StoreError> {
        let ended = self.store.end_run(self.run, now());
        match timeout_at(Instant::now() + self.options.shutdown, ended).await {
            Ok(result) => result.map(|()| self.store),
            Err(_) => Err(late(self.options.shutdown, None)),
        }
    }

    fn note_success(&mut self, calls: u64) {
        let dropped = self.intake.dropped;
        self.state.send_modify(|state| {
            if std::mem::take(&mut state.failing) {
                info!(dropped_calls = dropped, "the store takes changes again");
            }
            state.flushes += 1;
            state.calls = state.calls.saturating_add(calls);
            state.dropped = dropped;
        });
    }

    fn note_failure(&mut self, error: &StoreError, pause: Duration) {
        self.intake.count(Counter::FlushRetried, 1);
        let dropped = self.intake.dropped;
        self.state.send_modify(|state| {
            // Once per change of state: a store that is away for an hour is one line.
            if !std::mem::replace(&mut state.failing, true) {
                warn!(
                    error = error as &dyn std::error::Error,
                    retry_ms = pause.as_millis() as u64,
                    "cannot flush; changes are kept in memory"
                );
            }
            state.retried += 1;
            state.dropped = dropped;
        });
    }

    fn note_end(&mut self) {
        let dropped = self.intake.dropped;
        self.state.send_modify(|state| state.dropped = dropped);
    }
}

/// Deltas that came in and were not yet tried.
struct Intake {
    deltas: mpsc::Receiver<Inventory>,
    pending: Inventory,
    /// Rows that the flusher holds besides.
    held_rows: usize,
    rows_max: usize,
    dropped: u64,
    /// When the pipeline ended.
    closed_at: Option<Instant>,
}

impl Intake {
    /// After a failure, for as long as the pause or until the pipeline ends; else until there is
    /// something to write or the pipeline ends.
    async fn wait(&mut self, pause: Duration) {
        if pause.is_zero() {
            while self.pending.is_empty() && self.closed_at.is_none() {
                self.receive().await;
            }
            return;
        }
        let due = sleep_until(Instant::now() + pause);
        tokio::pin!(due);
        if self.closed_at.is_some() {
            return due.await;
        }
        while self.closed_at.is_none() {
            tokio::select! {
                () = &mut due => return,
                () = self.receive() => {}
            }
        }
    }

    /// Takes one delta; loses none if it is cancelled. Must not be called after the end.
    async fn receive(&mut self) {
        match self.deltas.recv().await {
            Some(delta) => self.keep(delta),
            None => self.closed_at = Some(Instant::now()),
        }
    }

    /// Adds a delta to those that wait, or gives its endpoints up and counts their calls.
    fn keep(&mut self, mut delta: Inventory) {
        let waiting = rows(&self.pending) + self.held_rows;
        if waiting > 0 && waiting + rows(&delta) > self.rows_max {
            self.drop_calls(calls(&delta));
            delta.endpoints.clear();
            delta.words.clear();
        }
        self.pending.merge(delta);
    }

    fn drop_calls(&mut self, calls: u64) {
        self.dropped = self.dropped.saturating_add(calls);
        self.count(Counter::FlushDropped, calls);
    }

    /// A loss like any other: it is stored and shown with the rest.
    fn count(&mut self, counter: Counter, count: u64) {
        let sum = self.pending.losses.entry(Arc::from(counter.name())).or_default();
        *sum = sum.saturating_add(count);
    }
}

async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn late(after: Duration, cause: Option<StoreError>) -> StoreError {
    StoreError::Late { after_s: after.as_secs(), source: cause.map(Box::new) }
}

/// That time is over says nothing of why.
fn is_cause(error: &StoreError) -> bool {
    !matches!(error, StoreError::Late { .. })
}

fn calls(inventory: &Inventory) -> u64 {
    inventory.endpoints.values().fold(0, |sum, stats| stats.calls.saturating_add(sum))
}

/// Rows that an inventory becomes, about its size in memory.
fn rows(inventory: &Inventory) -> usize {
    let endpoints: usize = inventory
        .endpoints
        .values()
        .map(|s| {
            1 + s.statuses.len()
                + s.contents.len()
                + s.transports.len()
                + s.fields.len()
                + s.values.len()
                + s.callers.len()
                + s.servers.len()
                + s.signs.len()
                + s.classes.len()
                + s.callers.values().map(|caller| caller.principals.iter().count()).sum::<usize>()
        })
        .sum();
    endpoints + inventory.words.len() + inventory.coverage.len()
}
