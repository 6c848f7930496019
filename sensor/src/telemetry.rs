//! What the sensor says about itself while it runs: log lines on standard error, one progress line
//! on a terminal, counters as Prometheus text in a file. Counts and names of causes only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::store::flush::FlushState;

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbosity {
    /// Times `-v`.
    pub more: u8,
    /// Times `-q`.
    pub less: u8,
}

/// Whether colour is wanted on this stream: a terminal, and no `NO_COLOR` (<https://no-color.org>).
pub fn wants_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Starts logging to standard error. `filter` wins over `verbosity`; an error is one sentence on
/// what is wrong with it.
pub fn init(verbosity: Verbosity, filter: Option<&str>, progress: &Progress) -> Result<(), String> {
    let level = match (verbosity.more, verbosity.less) {
        (0, 0) => "info",
        // Only what is ours: libraries tell their own inner life at these levels.
        (1, _) => "info,sensor=debug,sensor_ebpf=debug",
        (2.., _) => "info,sensor=trace,sensor_ebpf=trace",
        (_, 1) => "warn",
        (_, _) => "error",
    };
    let filter = EnvFilter::builder().parse(filter.unwrap_or(level)).map_err(|error| {
        format!("cannot read the log filter: {error}; write it as in info,sensor::source=debug")
    })?;
    // A second start, as in tests, leaves the first in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(wants_colour(&io::stderr()))
        .with_writer(Around(progress.clone()))
        .try_init();
    Ok(())
}

/// Sums of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls reconstructed.
    pub calls: u64,
    /// Different endpoints.
    pub endpoints: u64,
    /// Connections with a verdict.
    pub connections: u64,
    /// Losses by cause, kernel and agent.
    pub losses: BTreeMap<Arc<str>, u64>,
    /// How flushing stands.
    pub flush: FlushState,
}

/// The progress line: there on a terminal, else nothing.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    rate: Arc<Mutex<Rate>>,
}

/// Calls per second over the last second or more.
struct Rate {
    since: Instant,
    calls: u64,
    per_second: f64,
}

impl Rate {
    fn new() -> Arc<Mutex<Rate>> {
        Arc::new(Mutex::new(Rate { since: Instant::now(), calls: 0, per_second: 0.0 }))
    }

    fn update(&mut self, calls: u64) -> f64 {
        let elapsed = self.since.elapsed();
        if elapsed >= Duration::from_secs(1) {
            self.per_second = calls.saturating_sub(self.calls) as f64 / elapsed.as_secs_f64();
            self.since = Instant::now();
            self.calls = calls;
        }
        self.per_second
    }
}

impl Progress {
    /// A progress line on standard error if that is a terminal.
    pub fn on_terminal() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        // The template is fixed; without it there is just another look.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}") {
            bar.set_style(style);
        }
        Progress { bar, rate: Rate::new() }
    }

    /// Shows from now on how many of `total` bytes are done, with the rate and how long it still takes.
    pub fn begin_bytes(&self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.bar.set_length(total);
        let template =
            "{elapsed_precise} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left, {wide_msg}";
        // The template is fixed; without it there is just another look.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    /// Shows how far the reading of files is.
    pub fn show_bytes(&self, bytes: u64, calls: u64) {
        let rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner).update(calls);
        self.bar.set_message(format!("{calls} calls ({rate:.0}/s)"));
        self.bar.set_position(bytes);
        self.bar.tick();
    }

    /// No line.
    pub fn none() -> Progress {
        Progress { bar: ProgressBar::hidden(), rate: Rate::new() }
    }

    /// Shows the sums.
    pub fn show(&self, tally: &Tally) {
        let losses = tally.losses.values().fold(0u64, |sum, n| sum.saturating_add(*n));
        // A poisoned rate is only a number.
        let rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner).update(tally.calls);
        let store = if tally.flush.failing { ", store cannot be written" } else { "" };
        self.bar.set_message(format!(
            "{} calls ({rate:.0}/s), {} endpoints, {losses} losses{store}",
            tally.calls, tally.endpoints,
        ));
        self.bar.tick();
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Standard error around the progress line.
struct Around(Progress);

/// One log line.
struct Line {
    progress: Progress,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Around {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { progress: self.0.clone(), bytes: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // Nowhere is left to report that standard error is gone.
        let _ = self.progress.bar.suspend(|| io::stderr().lock().write_all(&bytes));
    }
}

/// The sums as Prometheus text (exposition format 0.0.4).
pub fn prometheus(tally: &Tally) -> String {
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    one("apicensus_calls_total", "counter", "Calls reconstructed.", tally.calls);
    one("apicensus_endpoints", "gauge", "Different endpoints of this run.", tally.endpoints);
    one("apicensus_connections_total", "counter", "Connections with a verdict.", tally.connections);
    one("apicensus_flushes_total", "counter", "Deltas written to the store.", tally.flush.flushes);
    one(
        "apicensus_flush_retries_total",
        "counter",
        "Flushes that failed and were tried again.",
        tally.flush.retried,
    );
    one("apicensus_stored_calls_total", "counter", "Calls written to the store.", tally.flush.calls);
    one(
        "apicensus_store_failing",
        "gauge",
        "1 while the store cannot be written.",
        u64::from(tally.flush.failing),
    );
    text.push_str("# HELP apicensus_losses_total What was lost, refused or capped, by cause.\n");
    text.push_str("# TYPE apicensus_losses_total counter\n");
    for (cause, count) in &tally.losses {
        let cause = cause.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "apicensus_losses_total{{cause=\"{cause}\"}} {count}");
    }
    text
}

/// The file with the sums: written aside of the runtime, at most once per flush.
pub struct MetricsFile {
    path: Option<PathBuf>,
    pause: Duration,
    begun: Option<Instant>,
    writing: Option<JoinHandle<io::Result<()>>>,
    failing: bool,
}

impl MetricsFile {
    /// Nothing is written without a path; `pause` is the time between two flushes.
    pub fn new(path: Option<PathBuf>, pause: Duration) -> MetricsFile {
        MetricsFile { path, pause, begun: None, writing: None, failing: false }
    }

    /// Begins to write the sums, unless it is too early or the last ones are still being written.
    pub async fn offer(&mut self, tally: &Tally) {
        let is_early = self.begun.is_some_and(|at| at.elapsed() < self.pause);
        if !is_early && self.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.write(tally).await;
        }
    }

    /// Writes the last sums.
    pub async fn end(mut self, tally: &Tally) {
        self.write(tally).await;
        self.settle().await;
    }

    async fn write(&mut self, tally: &Tally) {
        self.settle().await;
        let Some(path) = self.path.clone() else { return };
        let text = prometheus(tally);
        self.begun = Some(Instant::now());
        self.writing = Some(tokio::task::spawn_blocking(move || replace(&path, &text)));
    }

    /// Waits for what is being written; says once that it fails.
    async fn settle(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        let result = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let failed_before = std::mem::replace(&mut self.failing, result.is_err());
        if let (Err(error), Some(path), false) = (result, &self.path, failed_before) {
            tracing::warn!(path = %path.display(), %error, "cannot write the metrics file; it is tried on");
        }
    }
}

/// Replaces the file as a whole: a reader sees the old text or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    let aside = PathBuf::from(aside);
    let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // What is left of the failed try.
        let _ = fs::remove_file(&aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_become_prometheus_text() {
        let tally = Tally {
            calls: 17,
            endpoints: 3,
            connections: 2,
            losses: BTreeMap::from([("gap".into(), 1), ("odd\"\\\n".into(), 2)]),
            flush: FlushState { flushes: 4, retried: 5, dropped: 0, calls: 16, failing: true },
        };
        let text = prometheus(&tally);
        for line in [
            "apicensus_calls_total 17",
            "apicensus_endpoints 3",
            "apicensus_stored_calls_total 16",
            "apicensus_store_failing 1",
            "apicensus_losses_total{cause=\"gap\"} 1",
            "apicensus_losses_total{cause=\"odd\\\"\\\\\\n\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} has no type");
        }
    }

    #[test]
    fn metrics_are_replaced_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("apicensus.prom");
        for text in ["first, longer text\n", "second\n"] {
            replace(&path, text).expect("writable");
            assert_eq!(fs::read_to_string(&path).expect("readable"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing is left behind");
        assert!(replace(&folder.path().join("no/such/folder.prom"), "text").is_err());
    }

    #[tokio::test]
    async fn metrics_are_written_once_per_flush_and_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("apicensus.prom");
        let calls = || {
            let text = fs::read_to_string(&path).expect("readable");
            let line =
                text.lines().find(|line| line.starts_with("apicensus_calls_total ")).map(str::to_owned);
            line.expect("the line is there")
        };
        let tally = |calls| Tally { calls, ..Tally::default() };
        let mut file = MetricsFile::new(Some(path.clone()), Duration::from_secs(3600));
        for number in 1..=5 {
            file.offer(&tally(number)).await;
        }
        file.settle().await;
        assert_eq!(calls(), "apicensus_calls_total 1", "the next flush is an hour away");
        file.end(&tally(7)).await;
        assert_eq!(calls(), "apicensus_calls_total 7");
    }
}
