//! What the sensor costs a host on which nothing happens: 500 processes, some of them with TLS libraries,
//! none with traffic.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::cpu;
use crate::netns::Netns;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::sensor::Sensor;
use crate::servers::Encryption;
use crate::{layout, shell};

/// Processes in the sensor's namespace.
const PROCESSES: usize = 500;
/// Of these, how many have a TLS library loaded.
const WITH_TLS: usize = 10;
/// How long the sensor is watched.
const SECONDS: u64 = 40;

/// Measures and prints.
pub fn run() -> Result<()> {
    shell::announce(&format!("bench tls: {PROCESSES} idle processes, {SECONDS} s"));
    let scratch = Scratch::make("bench-idle", None)?;
    let netns = Netns::create()?;
    let encryption = Encryption::create(scratch.path())?;
    let mut idle = Vec::new();
    for number in 0..PROCESSES {
        let mut command = if number < WITH_TLS {
            let mut command = netns.command(layout::venv().join("bin/python"));
            command.args(["-c", "import ssl, time; time.sleep(600)"]);
            command.env("LD_LIBRARY_PATH", encryption.libraries());
            command
        } else {
            let mut command = netns.command("sleep");
            command.arg("600");
            command
        };
        idle.push(Process::start("an idle process", command.stdout(Stdio::null()))?);
    }
    let sensor = Sensor::start(&layout::sensor(true), scratch.path(), &["--netns", netns.name()])?;
    let begin = cpu::nanoseconds(&[sensor.pid()])?;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(SECONDS) {
        shell::check_interrupt()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let elapsed = started.elapsed().as_nanos() as f64;
    let used = cpu::nanoseconds(&[sensor.pid()])?.saturating_sub(begin);
    let resident = cpu::resident_kib_max(sensor.pid())?;
    sensor.stop().context("the sensor does not stop")?;
    println!(
        "idle: {:.2} % of a core, {:.1} MB resident at the most, {PROCESSES} processes",
        100.0 * used as f64 / elapsed,
        resident as f64 / 1024.0
    );
    for mut process in idle {
        process.stop(rustix::process::Signal::TERM)?;
    }
    Ok(())
}
