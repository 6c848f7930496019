//! The sensor as its users run it: the real program, started on a scope, stopped by a signal, read by
//! its own commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::process::{DEADLINE, POLL, Process, bound};
use crate::servers::Tally;

/// The program under test.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_apicensus"))
}

/// A running sensor with a store in a folder of its own.
pub struct Sensor {
    process: Process,
    store: Store,
    log: PathBuf,
}

/// What a sensor left.
#[derive(Clone)]
pub struct Store {
    /// The SQLite database.
    pub path: PathBuf,
}

impl Sensor {
    /// Starts `apicensus run` with `arguments` (the scope among them) and a store in `folder`, and waits
    /// until it captures.
    pub fn start(folder: &Path, arguments: &[&str]) -> Result<Self> {
        Sensor::spawn(folder, arguments)?.captures()
    }

    /// As [`Sensor::start`], and it reads TLS: for tests whose programs run copies of their libraries. A probe
    /// is in a file, and the machine's own programs run the machine's files.
    pub fn start_with_tls(folder: &Path, arguments: &[&str]) -> Result<Self> {
        Sensor::spawn_as(bound(program()), folder, arguments)?.captures()
    }

    /// Waits until it captures.
    pub fn captures(mut self) -> Result<Self> {
        let sensor = &mut self;
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            let ended = sensor.process.ended()?;
            if sensor.log()?.contains("capturing") {
                return Ok(self);
            }
            if let Some(status) = ended {
                bail!("the sensor ended ({status}) instead of capturing:\n{}", sensor.log()?);
            }
            std::thread::sleep(POLL);
        }
        bail!("the sensor does not capture after {} s:\n{}", DEADLINE.as_secs(), sensor.log()?)
    }

    /// As [`Sensor::start`], but does not wait.
    pub fn spawn(folder: &Path, arguments: &[&str]) -> Result<Self> {
        Sensor::spawn_by(bound(program()), folder, arguments)
    }

    /// As [`Sensor::spawn`] with a command of the caller's, which becomes the program.
    pub fn spawn_by(program: Command, folder: &Path, arguments: &[&str]) -> Result<Self> {
        Sensor::spawn_as(program, folder, &[arguments, &["--no-tls"]].concat())
    }

    fn spawn_as(program: Command, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let store = Store { path: folder.join("apicensus.db") };
        let log = folder.join("sensor.log");
        let output = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = store.settled(program);
        command
            .arg("run")
            .args(arguments)
            .stdout(output.try_clone().context("cannot share the log")?)
            .stderr(output);
        Ok(Sensor { process: Process::start("apicensus", &mut command)?, store, log })
    }

    /// Stops it for a while, so that the kernel's ring fills; [`Sensor::resume`] lets it go on.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Ends a pause.
    pub fn resume(&mut self) -> Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))
    }

    /// Its store, also while it runs.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Waits until the store says what `reached` looks for in the inventory report.
    pub fn wait_for(&self, what: &str, reached: impl Fn(&Value) -> bool) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            if self.store.json(&["report"]).is_ok_and(|report| reached(&report)) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("no {what} after {} s:\n{}", DEADLINE.as_secs(), self.log()?)
    }

    /// Stops it as Ctrl-C does: it drains, flushes and ends with exit code 0.
    pub fn stop(mut self) -> Result<Store> {
        let status = self.process.stop(Signal::INT)?;
        ensure!(status.success(), "the sensor ended with {status}:\n{}", self.log()?);
        Ok(self.store.clone())
    }

    /// Stops it and gives its exit code, whatever it is, and its log.
    pub fn stop_any(mut self) -> Result<(Option<i32>, String)> {
        let status = self.process.stop(Signal::INT)?;
        Ok((status.code(), self.log()?))
    }

    /// Waits until it ends by itself; exit code and log.
    pub fn wait(mut self) -> Result<(Option<i32>, String)> {
        let status = self.process.wait(Duration::from_secs(60))?;
        Ok((status.code(), self.log()?))
    }
}

impl Store {
    /// `apicensus ARGUMENTS` on this store, in an environment without settings of the user's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.settled(Command::new(program()));
        command.args(arguments);
        command
    }

    fn settled(&self, mut command: Command) -> Command {
        command.arg("--store").arg(&self.path).stdin(Stdio::null()).env("NO_COLOR", "1");
        for name in ["APICENSUS_STORE", "APICENSUS_LOG", "RUST_LOG", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments)
            .output()
            .with_context(|| format!("cannot run apicensus {}", arguments.join(" ")))
    }

    /// Standard output of a command that must succeed.
    pub fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments)?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "apicensus {}: {}: {error}", arguments.join(" "), output.status);
        String::from_utf8(output.stdout).context("output is no UTF-8")
    }

    /// A report as JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.text(&[arguments, &["--format", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// Calls by method, path template and status, parameters as `{}`; status 0 stands for no response.
    /// Those that are no endpoint's too.
    pub fn tally(&self) -> Result<Tally> {
        let mut tally = tally_of(&self.json(&["endpoints"])?, "endpoints")?;
        for (key, count) in tally_of(&self.json(&["noise"])?, "noise")? {
            *tally.entry(key).or_default() += count;
        }
        Ok(tally)
    }

    /// What the last run counted as lost, by cause.
    pub fn losses(&self) -> Result<BTreeMap<String, u64>> {
        let status = self.json(&["status"])?;
        // Newest run first.
        let run = status.get("runs").and_then(|runs| runs.get(0)).context("status has no run")?;
        let losses = run.get("losses").and_then(Value::as_object).context("the run has no losses")?;
        Ok(losses.iter().filter_map(|(cause, count)| Some((cause.clone(), count.as_u64()?))).collect())
    }
}

/// Reads the rows of `apicensus endpoints --format json` or `noise`.
fn tally_of(report: &Value, name: &str) -> Result<Tally> {
    let rows =
        report.get(name).and_then(Value::as_array).with_context(|| format!("no {name} in {report}"))?;
    let mut tally = Tally::new();
    for row in rows {
        let word =
            |name: &str| row.get(name).and_then(Value::as_str).with_context(|| format!("no {name}: {row}"));
        let path = normal(word("path")?);
        let statuses = row.get("statuses").and_then(Value::as_object).context("a row has no statuses")?;
        for (status, count) in statuses {
            // Without a response the name is `none`.
            let status = if status == "none" { 0 } else { status.parse().context("a status code")? };
            let count = count.as_u64().with_context(|| format!("count of status {status}"))?;
            *tally.entry((word("method")?.to_owned(), path.clone(), status)).or_default() += count;
        }
    }
    Ok(tally)
}

/// A template or a path with ids as numbers, in a form in which both are equal.
fn normal(path: &str) -> String {
    let segment = |text: &str| {
        let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if number || text.starts_with('{') { "{}".to_owned() } else { text.to_owned() }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A tally of concrete paths with ids as `{}`.
pub fn templated(tally: &Tally) -> Tally {
    let mut templated = Tally::new();
    for ((method, path, status), count) in tally {
        *templated.entry((method.clone(), normal(path), *status)).or_default() += count;
    }
    templated
}
