//! Findings during a run: a thread of its own evaluates what the store holds again and again, with a
//! connection of its own, and tells the sinks. Whatever goes wrong here is a warning and a counter, never
//! the end of the run.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::evaluate::{evaluate, look};
use crate::config::telling::Telling;
use crate::findings::Settings;
use crate::findings::suppress::suppress;
use crate::inventory::guidance::Guidance;
use crate::notify::Teller;
use crate::notify::teller::{Pauses, Tally};
use crate::store::sqlite::SqliteStore;
use crate::store::{StoreError, now};

/// How long a write waits for the flusher's lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// How often waiting notifications are looked at between two evaluations.
const LOOK: Duration = Duration::from_secs(1);

/// How long sinks may take what waits when the run ends; the rest waits in the store.
const LAST_DELIVERY: Duration = Duration::from_secs(5);

/// How watching stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    /// Evaluations that went well.
    pub evaluations: u64,
    /// Those that failed.
    pub failed: u64,
    /// What the sinks were told.
    pub told: Tally,
}

/// The thread.
pub struct Watch {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
    state: watch::Receiver<WatchState>,
}

impl Watch {
    /// Starts to watch the store at `path`, which must be there.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(path: PathBuf, guidance: Guidance, telling: Telling) -> io::Result<Watch> {
        let (stop, stopped) = mpsc::channel();
        let (told, state) = watch::channel(WatchState::default());
        let thread = std::thread::Builder::new().name("findings".to_owned()).spawn(move || {
            // Of its own: deliveries block, and nothing else runs in it.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(run(path, guidance, telling, stopped, told)),
                Err(error) => tracing::warn!(%error, "findings are not evaluated: no runtime"),
            }
        })?;
        Ok(Watch { stop, thread, state })
    }

    /// How it stands.
    pub fn state(&self) -> WatchState {
        *self.state.borrow()
    }

    /// Evaluates a last time, delivers for a few seconds and ends. Blocks.
    pub fn end(self) -> WatchState {
        // It may have ended by a bug; then there is nobody to stop.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        *self.state.borrow()
    }
}

async fn run(
    path: PathBuf,
    guidance: Guidance,
    telling: Telling,
    stopped: mpsc::Receiver<()>,
    told: watch::Sender<WatchState>,
) {
    let Telling { every, sinks, least, mut settings, suppressions } = telling;
    let mut teller = Teller::new(sinks, least, Pauses::default());
    let mut state = WatchState::default();
    let mut next = Instant::now() + every;
    let mut is_failing = false;
    loop {
        let wait = next.saturating_duration_since(Instant::now()).min(LOOK);
        let is_last = match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => false,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
        };
        let is_due = is_last || Instant::now() >= next;
        settings.now = now();
        let deadline = if is_last { Instant::now() + LAST_DELIVERY } else { next.max(Instant::now() + LOOK) };
        let result = once(&path, &guidance, &settings, &suppressions, &mut teller, is_due, deadline).await;
        if is_due {
            next = Instant::now() + every;
        }
        match &result {
            Ok(()) => state.evaluations += u64::from(is_due),
            Err(error) => {
                state.failed += 1;
                if !is_failing {
                    tracing::warn!("findings could not be evaluated or told, it is tried again: {error}");
                }
                // Not at once: the store is busy or away.
                next = Instant::now() + every;
            }
        }
        is_failing = result.is_err();
        state.told = teller.tally();
        told.send_replace(state);
        if is_last {
            return;
        }
    }
}

/// One round: evaluates if it is time, queues, delivers. Opens the store anew, so that a store that was
/// away or replaced is met again.
async fn once(
    path: &std::path::Path,
    guidance: &Guidance,
    settings: &Settings,
    suppressions: &crate::findings::suppress::Suppressions,
    teller: &mut Teller,
    is_due: bool,
    deadline: Instant,
) -> Result<(), StoreError> {
    if !is_due && !teller.has_sinks() {
        return Ok(());
    }
    let mut store = SqliteStore::open(path).await?;
    store.wait_for_lock(LOCK_WAIT).await?;
    if is_due {
        let looked = look(&store, guidance, false).await?;
        let evaluation = evaluate(&mut store, &looked, settings, true).await?;
        if let Some(error) = evaluation.unwritten {
            return Err(error);
        }
        let is_told = |fingerprint: &_, _: &_| {
            let found = evaluation.found.get(fingerprint);
            found.is_none_or(|finding| suppress(suppressions, finding, settings.now).is_none())
        };
        teller.enqueue(&mut store, &evaluation.known, is_told).await?;
    }
    teller.deliver(&mut store, deadline).await?;
    store.close().await
}
