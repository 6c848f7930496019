//! Captures that are made to cost, of full length, into the real program: what it holds at most of each
//! kind. They are made as they are read; nothing is stored.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::cpu;
use crate::hostile::{Hostile, KINDS, Kind};
use crate::scratch::Scratch;
use crate::{layout, shell};

/// Options of `bench hostile`.
#[derive(Args)]
pub struct Options {
    /// Only kinds with this in their name.
    filter: Option<String>,
    /// MiB of each kind.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// The sensor as tests build it, instead of with optimizations.
    #[arg(long)]
    dev: bool,
}

/// MiB that the program may have resident, whatever it reads.
const RESIDENT_MIB_MAX: u64 = 256;

/// Plays each kind; an error if any of them broke a bound.
pub fn run(options: &Options) -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--package", "sensor", "--no-default-features"]);
    shell::run(cargo.args((!options.dev).then_some("--release")))?;
    println!("{:<16} {:>9} {:>8} {:>9}  result", "KIND", "READ", "SECONDS", "MEMORY");
    let mut broken = Vec::new();
    let wanted = options.filter.as_deref().unwrap_or_default().to_lowercase();
    for kind in KINDS.into_iter().filter(|kind| format!("{kind:?}").to_lowercase().contains(&wanted)) {
        let played = play(kind, options)?;
        let stands = played.ended_well && played.resident_mib <= RESIDENT_MIB_MAX;
        println!(
            "{:<16} {:>5} MiB {:>8.1} {:>5} MiB  {}",
            format!("{kind:?}"),
            played.bytes >> 20,
            played.took.as_secs_f64(),
            played.resident_mib,
            if stands { "stands" } else { "BROKEN" },
        );
        if !stands {
            println!("    {}", played.said.trim());
            broken.push(format!("{kind:?}"));
        }
    }
    if !broken.is_empty() {
        bail!("over {RESIDENT_MIB_MAX} MiB, or not read to the end: {}", broken.join(", "));
    }
    Ok(())
}

struct Played {
    bytes: u64,
    took: Duration,
    resident_mib: u64,
    ended_well: bool,
    said: String,
}

fn play(kind: Kind, options: &Options) -> Result<Played> {
    let scratch = Scratch::make("hostile", None)?;
    let started = Instant::now();
    let mut child = Command::new(layout::sensor(!options.dev))
        .args(["--store", "apis.db", "replay", "-"])
        .current_dir(scratch.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the sensor")?;
    let mut input = child.stdin.take().context("no pipe")?;
    let mut part = Vec::new();
    let mut hostile = Hostile::new(kind, &mut part);
    let (mut bytes, mut resident_kib) = (0, 0);
    while bytes < options.mib << 20 {
        while part.len() < 256 << 10 {
            hostile.more(&mut part);
        }
        if input.write_all(&part).is_err() {
            // It ended: how is said below.
            break;
        }
        bytes += part.len() as u64;
        part.clear();
        resident_kib = cpu::resident_kib_max(child.id()).unwrap_or(0).max(resident_kib);
    }
    drop(input);
    while child.try_wait().context("cannot wait for the sensor")?.is_none() {
        // A process that has just ended has no memory to tell of.
        resident_kib = cpu::resident_kib_max(child.id()).unwrap_or(0).max(resident_kib);
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut said = String::new();
    child.stderr.take().context("no pipe")?.read_to_string(&mut said).context("cannot read what it said")?;
    let ended_well = child.wait().context("cannot wait for the sensor")?.success();
    Ok(Played { bytes, took: started.elapsed(), resident_mib: resident_kib / 1024, ended_well, said })
}
