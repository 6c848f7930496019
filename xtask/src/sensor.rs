//! The sensor as demo and benchmarks run it: a program beside them, on a scope that they made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use crate::process::{DEADLINE, POLL, Process, bound};
use crate::shell;

/// A running sensor.
pub struct Sensor {
    process: Process,
    program: PathBuf,
    store: PathBuf,
    log: PathBuf,
}

impl Sensor {
    /// Starts `apicensus run` with its store and log in `folder`; returns once it captures.
    pub fn start(program: &Path, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let (store, log) = (folder.join("apicensus.db"), folder.join("sensor.log"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = bound(program);
        command.arg("--store").arg(&store).arg("run").args(arguments);
        command.env_remove("APICENSUS_LOG").env("NO_COLOR", "1");
        command.stdout(output.try_clone().context("cannot share the log")?).stderr(Stdio::from(output));
        let process = Process::start("apicensus", &mut command)?;
        let mut sensor = Sensor { process, program: program.to_path_buf(), store, log };
        let started = Instant::now();
        while sensor.ready_line().is_empty() {
            shell::check_interrupt()?;
            if let Some(status) = sensor.process.ended()? {
                bail!("the sensor ended ({status}) instead of capturing:\n{}", sensor.log());
            }
            if started.elapsed() > DEADLINE {
                bail!("the sensor does not capture after {} s:\n{}", DEADLINE.as_secs(), sensor.log());
            }
            std::thread::sleep(POLL);
        }
        Ok(sensor)
    }

    /// The line in which it says that it captures; empty before.
    pub fn ready_line(&self) -> String {
        self.log().lines().find(|line| line.contains("capturing")).unwrap_or_default().to_owned()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A report of its store as JSON.
    pub fn json(&self, command: &str) -> Result<Value> {
        json(&self.program, &self.store, command)
    }

    /// Stops it as Ctrl-C does; gives its store.
    pub fn stop(mut self) -> Result<PathBuf> {
        let status = self.process.stop(Signal::INT)?;
        if !status.success() {
            bail!("the sensor ended with {status}:\n{}", self.log());
        }
        Ok(self.store.clone())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// `apicensus COMMAND --format json` on a store.
pub fn json(program: &Path, store: &Path, command: &str) -> Result<Value> {
    let output = Command::new(program)
        .arg("--store")
        .arg(store)
        .args([command, "--format", "json"])
        .output()
        .with_context(|| format!("cannot run apicensus {command}"))?;
    if !output.status.success() {
        bail!("apicensus {command}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("apicensus {command} printed no JSON"))
}
