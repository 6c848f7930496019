//! Runs the pipeline on live capture: one thread reads the kernel's ring and does all the work of
//! the stages, a small runtime beside it flushes the store, shows progress and waits for signals.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use schema::loss::Loss;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::Pipeline;
use super::watch::{Watch, WatchState};
use crate::config::{self, Failure};
use crate::counter::Counter;
use crate::inventory::Inventory;
use crate::inventory::spec::Specs;
use crate::source::decode::Decoder;
use crate::source::kernel::{Capture, FrontEnd, Settings, Wanted, epoch_offset_ns, forbid_core_dumps};
use crate::store::flush::{FlushOptions, FlushState, Flusher};
use crate::store::key::KEY_BYTES;
use crate::store::specs::{SpecStore, warn_of_foreign};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, RunStart, Store};
use crate::stream::Ordering;
use crate::telemetry::{MetricsFile, Progress, Tally};

/// Records taken from the ring before the thread looks at anything else.
const BATCH_RECORDS: usize = 8192;
/// Pause between two looks at the ring while there is traffic. The kernel wakes the thread earlier
/// when the ring fills.
const POLL_BUSY: Duration = Duration::from_millis(10);
/// The longest pause when there is none.
const POLL_IDLE: Duration = Duration::from_millis(80);

/// Captures until a signal, or for as long as the configuration says, into an open store; `key` is
/// the installation's.
///
/// # Errors
/// Capture cannot start (exit code 3), or the store cannot be written (4).
pub async fn run(
    config: &config::Run,
    progress: &Progress,
    mut store: SqliteStore,
    key: [u8; KEY_BYTES],
) -> Result<(), Failure> {
    // A panic's message can hold what was being read: only its place is said.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug stopped the reading of a connection; please report it");
    }));
    // Before there are bytes to dump.
    forbid_core_dumps()
        .map_err(|error| Failure::environment_because("cannot switch core dumps off", error))?;
    // Before anything is captured: a signal from now on ends the run in an orderly way.
    let signals = || -> std::io::Result<_> {
        Ok((
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ))
    };
    let (mut interrupt, mut terminate, mut hang_up) =
        signals().map_err(|error| Failure::environment_because("cannot wait for signals", error))?;

    let capture =
        Capture::start(&settings(config)).map_err(|error| Failure::environment(error.to_string()))?;
    let front_end = capture.front_end().name();
    let start = RunStart {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        front_end: front_end.to_owned(),
        scope: config.scope.to_string(),
        at: store::now(),
    };
    let run = store.begin_run(&start).await?;
    warn_of_foreign(&store.specs().await?);
    let mut guidance = config.guidance.clone();
    guidance.documents.extend(Specs::of(store.load_specs().await?).documents());
    let (flusher, deltas, flush_state) = Flusher::new(store, run, FlushOptions::default());
    let mut flusher = tokio::spawn(flusher.run());

    let watching = match &config.telling {
        None => None,
        Some(telling) => {
            let started = Watch::start(config.store.path.clone(), config.guidance.clone(), telling.clone());
            let failed = |error| Failure::environment_because("cannot start the thread of findings", error);
            Some(started.map_err(failed)?)
        }
    };
    let specs = config.spec_dir.clone().map(|folder| {
        let (services, store) = (config.spec_services.clone(), config.store.path.clone());
        tokio::spawn(super::spec_dir::watch(folder, services, store, super::spec_dir::EVERY))
    });
    let watched = || watching.as_ref().map(Watch::state).unwrap_or_default();

    let (tally, mut tallies) = watch::channel(Tally::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut pipeline = Pipeline::new(Ordering::AsDelivered, key);
    pipeline.know(guidance.route_words());
    pipeline.describe(config.descriptors.clone());
    let mut decoder = Decoder::new(epoch_offset_ns());
    decoder.tell(capture.watch());
    let reader = Reader {
        capture,
        decoder,
        pipeline,
        deltas,
        unsent: Inventory::default(),
        lost: HashMap::new(),
        sums: Tally::default(),
        tally,
        flush: config.flush,
        stop: stop.clone(),
    };
    let thread = std::thread::Builder::new()
        .name("capture".to_owned())
        .spawn(move || reader.run())
        .map_err(|error| Failure::environment_because("cannot start the capture thread", error))?;
    tracing::info!(front_end, scope = %config.scope, store = %config.store.path.display(), "capturing");

    let deadline = config.duration.map(|duration| tokio::time::Instant::now() + duration);
    let mut second = tokio::time::interval(Duration::from_millis(250));
    let mut metrics = MetricsFile::new(config.metrics_file.clone(), config.flush);
    let mut captured = true;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hang_up.recv() => break,
            // It only ends by itself through a bug: what is captured would go nowhere.
            ended = &mut flusher => {
                stop.store(true, Relaxed);
                return match ended {
                    Ok(Err(error)) => Err(error.into()),
                    _ => Err(Failure::environment("the flusher stopped by a bug; please report it")),
                };
            }
            () = expired(deadline) => break,
            _ = second.tick() => progress.show(&with_rim(&tallies.borrow(), &flush_state, watched())),
            changed = tallies.changed() => {
                // The thread ended by itself: its error is reported below.
                captured = changed.is_ok();
                if !captured {
                    break;
                }
                let tally = with_rim(&tallies.borrow_and_update(), &flush_state, watched());
                metrics.offer(&tally).await;
            }
        }
    }
    if captured {
        tracing::info!("stopping: reading what is left and writing it");
    }
    stop.store(true, Relaxed);
    if let Some(specs) = specs {
        specs.abort();
    }
    let ended = tokio::task::spawn_blocking(move || thread.join()).await;
    let written = flusher.await;
    progress.end();
    // After the last flush, so that nothing that was captured is missing from the last evaluation.
    let watched = match watching {
        Some(watching) => tokio::task::spawn_blocking(move || watching.end()).await.unwrap_or_default(),
        None => WatchState::default(),
    };
    let last = with_rim(&tallies.borrow(), &flush_state, watched);
    metrics.end(&last).await;
    match ended {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            return Err(Failure::environment_because("cannot read the kernel's ring", error));
        }
        _ => return Err(Failure::environment("the capture thread stopped by a bug; please report it")),
    }
    match written {
        Ok(Ok(store)) => store.close().await?,
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(Failure::environment("the flusher stopped by a bug; please report it")),
    }
    tracing::info!(calls = last.calls, endpoints = last.endpoints, "stopped");
    Ok(())
}

fn settings(config: &config::Run) -> Settings {
    let scope = &config.scope;
    let mut filter = schema::control::Scope {
        network_namespace: scope.network_namespace.as_ref().map_or(0, |namespace| namespace.inode),
        cgroup: scope.cgroup.as_ref().map_or(0, |cgroup| cgroup.id),
        cgroup_level: scope.cgroup.as_ref().map_or(0, |cgroup| cgroup.level),
        ports_len: scope.ports.len() as u32,
        ports_excluded_len: scope.ports_excluded.len() as u32,
        ..Default::default()
    };
    for (to, from) in [(&mut filter.ports, &scope.ports), (&mut filter.ports_excluded, &scope.ports_excluded)]
    {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
    Settings {
        front_end: match config.front_end {
            config::FrontEnd::Auto => None,
            config::FrontEnd::Socket => Some(FrontEnd::Socket),
            config::FrontEnd::Syscall => Some(FrontEnd::Syscall),
        },
        scope: filter,
        processes: scope.processes.clone(),
        operation_bytes_max: config.operation_bytes_max,
        burst_bytes_max: config.burst_bytes_max,
        tls: config.tls.then(|| Wanted {
            network_namespace: filter.network_namespace,
            processes: scope.processes.clone(),
            cgroup: scope.cgroup.as_ref().map(|cgroup| cgroup.path.clone()),
        }),
    }
}

async fn expired(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The sums with what happened to the store and to findings.
fn with_rim(tally: &Tally, flush: &watch::Receiver<FlushState>, watched: WatchState) -> Tally {
    let mut tally = Tally { flush: *flush.borrow(), ..tally.clone() };
    for (counter, count) in [
        (Counter::EvaluationFailed, watched.failed),
        (Counter::NotificationRetried, watched.told.retried),
        (Counter::NotificationsDropped, watched.told.dropped),
    ] {
        if count > 0 {
            tally.losses.insert(counter.name().into(), count);
        }
    }
    tally
}

/// The thread that reads.
struct Reader {
    capture: Capture,
    decoder: Decoder,
    pipeline: Pipeline,
    deltas: mpsc::Sender<Inventory>,
    /// A delta that the flusher had no room for.
    unsent: Inventory,
    /// Kernel losses that went into deltas already.
    lost: HashMap<Loss, u64>,
    /// What is told to the rim.
    sums: Tally,
    tally: watch::Sender<Tally>,
    flush: Duration,
    stop: Arc<AtomicBool>,
}

impl Reader {
    fn run(mut self) -> std::io::Result<()> {
        let mut pause = POLL_BUSY;
        let mut flushed = Instant::now();
        let mut told = Instant::now();
        let mut result = Ok(());
        while !self.stop.load(Relaxed) {
            result = self.capture.wait(pause);
            if result.is_err() {
                break;
            }
            let mut count = self.drain();
            pause = if count > 0 { POLL_BUSY } else { (pause * 2).min(POLL_IDLE) };
            while count == BATCH_RECORDS && !self.stop.load(Relaxed) && flushed.elapsed() < self.flush {
                count = self.drain();
            }
            if flushed.elapsed() >= self.flush {
                flushed = Instant::now();
                // The wall clock may have been set meanwhile.
                self.decoder.set_epoch_offset(epoch_offset_ns());
                self.flush();
                self.tell();
                told = flushed;
            } else if told.elapsed() >= Duration::from_millis(250) {
                told = Instant::now();
                self.tell();
            }
        }
        // What the kernel has seen until now; bounded, since servers go on.
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.drain() == BATCH_RECORDS && Instant::now() < deadline {}
        self.pipeline.finish();
        self.flush();
        self.tell();
        let rest = std::mem::take(&mut self.unsent);
        if !rest.is_empty() {
            // The flusher takes deltas until this side is dropped.
            let _ = self.deltas.blocking_send(rest);
        }
        result
    }

    fn drain(&mut self) -> usize {
        let Reader { capture, decoder, pipeline, .. } = self;
        capture.drain(BATCH_RECORDS, |record| {
            if let Some(event) = decoder.decode(record, pipeline.counters()) {
                pipeline.take(event);
            }
        })
    }

    fn flush(&mut self) {
        self.capture.flush_log();
        self.capture.forget_ended();
        for (loss, operations, _) in self.capture.losses() {
            let known = self.lost.entry(loss).or_default();
            self.pipeline.loss(loss.name(), operations.saturating_sub(*known));
            *known = operations;
        }
        let delta = self.pipeline.take_delta();
        for (cause, count) in &delta.losses {
            *self.sums.losses.entry(cause.clone()).or_default() += count;
        }
        self.unsent.merge(delta);
        if self.unsent.is_empty() {
            return;
        }
        match self.deltas.try_send(std::mem::take(&mut self.unsent)) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(delta)) => self.unsent = delta,
        }
    }

    fn tell(&mut self) {
        self.sums.calls = self.pipeline.calls();
        self.sums.endpoints = self.pipeline.endpoints();
        self.sums.connections = self.pipeline.opened();
        self.tally.send_replace(self.sums.clone());
    }
}
