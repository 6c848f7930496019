//! Runs the pipeline on files: one thread reads them at full speed, the runtime beside it flushes the
//! store and shows how far it is. All files are one capture: connections go on from one to the next.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Pipeline;
use crate::config::{self, Failure};
use crate::inventory::Inventory;
use crate::inventory::spec::Specs;
use crate::protocol::har;
use crate::report::replay::{FileRow, Replay};
use crate::source::pcap::{Capture, CaptureFile, FileError};
use crate::store::flush::{FlushOptions, Flusher};
use crate::store::key::KEY_BYTES;
use crate::store::specs::{SpecStore, warn_of_foreign};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, RunStart, Store};
use crate::stream::Ordering;
use crate::telemetry::Progress;

/// Time between two flushes.
const FLUSH: Duration = Duration::from_millis(1000);
/// Packets or entries between two looks at the clock.
const BATCH: u32 = 4096;

/// What the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// pcap and pcapng.
    Packets,
    /// HTTP archives.
    Archives,
}

/// Reads the files into an open store; what it made of them. A file that is not as it should be is a
/// row with an error.
///
/// # Errors
/// The store cannot be written (exit code 4).
pub async fn run(
    config: &config::Replay,
    progress: &Progress,
    mut store: SqliteStore,
    key: [u8; KEY_BYTES],
) -> Result<Replay, Failure> {
    let names: Vec<String> = config.files.iter().map(|path| path.display().to_string()).collect();
    let start = RunStart {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        front_end: match config.kind {
            Kind::Packets => "pcap".to_owned(),
            Kind::Archives => "har".to_owned(),
        },
        scope: names.join(" "),
        at: store::now(),
    };
    let run = store.begin_run(&start).await?;
    warn_of_foreign(&store.specs().await?);
    let mut guidance = config.guidance.clone();
    guidance.documents.extend(Specs::of(store.load_specs().await?).documents());
    let (flusher, deltas, _) = Flusher::new(store, run, FlushOptions::default());
    let mut flusher = tokio::spawn(flusher.run());

    let mut pipeline = Pipeline::new(Ordering::Reorder, key);
    pipeline.know(guidance.route_words());
    let far = Arc::new(Far::default());
    let stop = Arc::new(AtomicBool::new(false));
    let total = config.files.iter().try_fold(0, |sum: u64, path| size_of(path).map(|size| sum + size));
    progress.begin_bytes(total);
    let reader = Reader {
        pipeline,
        deltas,
        far: far.clone(),
        stop: stop.clone(),
        flushed: Instant::now(),
        started: start.at.0,
        batch: 0,
    };
    let (files, kind) = (config.files.clone(), config.kind);
    // Wide enough for tunnels within tunnels, and a place of its own for blocking reads.
    let mut reading = tokio::task::spawn_blocking(move || reader.run(&files, kind));
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(interrupted);
    let mut written = None;
    let read = loop {
        tokio::select! {
            read = &mut reading => break read,
            ended = &mut flusher, if written.is_none() => match ended {
                // The reader is done and about to say so.
                Ok(Ok(store)) => written = Some(Ok(Ok(store))),
                // By a bug, or because the store is away for good.
                Ok(Err(error)) => {
                    stop.store(true, Relaxed);
                    progress.end();
                    return Err(error.into());
                }
                Err(_) => {
                    stop.store(true, Relaxed);
                    progress.end();
                    return Err(Failure::environment("the flusher stopped by a bug; please report it"));
                }
            },
            () = &mut interrupted, if !stop.load(Relaxed) => stop.store(true, Relaxed),
            _ = tick.tick() => progress.show_bytes(far.bytes.load(Relaxed), far.calls.load(Relaxed)),
        }
    };
    let written = match written {
        Some(written) => written,
        None => flusher.await,
    };
    progress.end();
    let rows = read.map_err(|_| Failure::environment("the reader stopped by a bug; please report it"))?;
    match written {
        Ok(Ok(store)) => {
            let losses = store.runs().await?.into_iter().find(|r| r.id == run).map(|run| run.losses);
            store.close().await?;
            Ok(Replay::of(rows, &losses.unwrap_or_default(), stop.load(Relaxed)))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure::environment("the flusher stopped by a bug; please report it")),
    }
}

/// Bytes of a file; `None` for a pipe.
fn size_of(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// How far the reader is, for progress.
#[derive(Default)]
struct Far {
    /// Of all files, as they are on disk.
    bytes: AtomicU64,
    calls: AtomicU64,
}

/// The thread that reads.
struct Reader {
    pipeline: Pipeline,
    deltas: mpsc::Sender<Inventory>,
    far: Arc<Far>,
    stop: Arc<AtomicBool>,
    flushed: Instant,
    /// Time of packets that have none.
    started: u64,
    batch: u32,
}

impl Reader {
    fn run(mut self, files: &[PathBuf], kind: Kind) -> Vec<FileRow> {
        let mut capture = Capture::default();
        let mut rows = Vec::with_capacity(files.len());
        for path in files {
            if self.stop.load(Relaxed) {
                break;
            }
            let (calls, packets) = (self.pipeline.calls(), capture.packets());
            let connections = self.pipeline.opened();
            let from = Counted { from: open(path), far: self.far.clone() };
            let read = match kind {
                Kind::Packets => self.packets(from, &mut capture).map_err(|error| error.to_string()),
                Kind::Archives => self.archive(from).map_err(|error| error.to_string()),
            };
            rows.push(FileRow {
                file: path.display().to_string(),
                packets: capture.packets() - packets,
                connections: self.pipeline.opened() - connections,
                calls: self.pipeline.calls() - calls,
                error: read.err(),
            });
        }
        let calls = self.pipeline.calls();
        capture.end(&mut |event| self.pipeline.take(event));
        self.pipeline.finish();
        // What was still open belongs to the file that was read last.
        if let Some(last) = rows.last_mut() {
            last.calls += self.pipeline.calls() - calls;
        }
        self.count(&mut capture);
        self.flush();
        rows
    }

    fn packets(&mut self, from: Counted, capture: &mut Capture) -> Result<(), FileError> {
        let mut file = CaptureFile::open(from)?;
        let started = self.started;
        loop {
            let pipeline = &mut self.pipeline;
            let more = file.next(&mut |packet| {
                let mut packet = *packet;
                if packet.at.0 == 0 {
                    packet.at.0 = started;
                }
                capture.take(&packet, &mut |event| pipeline.take(event));
            });
            let ended = !matches!(more, Ok(true));
            if ended || self.is_time() {
                self.count(capture);
            }
            if ended || self.stop.load(Relaxed) {
                return more.map(|_| ());
            }
        }
    }

    fn archive(&mut self, from: Counted) -> Result<(), har::Fault> {
        har::read(from, |exchange| {
            self.pipeline.take_exchange(exchange);
            self.is_time();
            !self.stop.load(Relaxed)
        })
    }

    /// Adds what the source counted.
    fn count(&mut self, capture: &mut Capture) {
        for (name, count) in capture.take_counters().named() {
            self.pipeline.loss(name, count);
        }
    }

    /// Now and then looks at the clock, tells how far it is and flushes.
    fn is_time(&mut self) -> bool {
        self.batch += 1;
        if self.batch < BATCH {
            return false;
        }
        self.batch = 0;
        self.far.calls.store(self.pipeline.calls(), Relaxed);
        if self.flushed.elapsed() < FLUSH {
            return false;
        }
        self.flushed = Instant::now();
        self.flush();
        true
    }

    /// Waits for room: files can wait, and memory does not follow their size.
    fn flush(&mut self) {
        let delta = self.pipeline.take_delta();
        if !delta.is_empty() {
            // The flusher takes deltas until this side is dropped; if it stopped, so does the run.
            let _ = self.deltas.blocking_send(delta);
        }
    }
}

/// Opens a file, or standard input for `-`; the error comes at the first read.
fn open(path: &Path) -> Box<dyn Read> {
    if path == Path::new("-") {
        return Box::new(io::stdin());
    }
    match File::open(path) {
        Ok(file) => Box::new(file),
        Err(error) => Box::new(Unreadable(Some(error))),
    }
}

struct Unreadable(Option<io::Error>);

impl Read for Unreadable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Counts what is read.
struct Counted {
    from: Box<dyn Read>,
    far: Arc<Far>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.far.bytes.fetch_add(length as u64, Relaxed);
        Ok(length)
    }
}
