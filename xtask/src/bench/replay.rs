//! `cargo xtask bench replay`: `apicensus replay` on a generated capture beside tshark (on a part of it), the
//! protolens crate and the floor, in turns. CPU time and peak memory are those of the processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::cpu;
use super::statistics::{median, range};
use crate::layout;
use crate::scratch::Scratch;
use crate::shell;

const TARGET_CALLS_PER_SECOND: f64 = 150_000.0;
const TARGET_RATIO: f64 = 0.4;
const TARGET_MIB: f64 = 96.0;

/// How much.
#[derive(Args, Clone, Copy, Debug)]
pub struct Options {
    /// Calls in the capture: 300,000 are about 1 GB
    #[arg(long, default_value_t = 300_000)]
    calls: usize,
    /// Calls of the part that tshark reads
    #[arg(long, default_value_t = 10_000)]
    tshark_calls: usize,
    /// Rounds; in each everyone takes a turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// What one run took.
struct Took {
    cpu_s: f64,
    peak_mib: f64,
    output: String,
}

struct Reader {
    name: &'static str,
    calls: usize,
    cpu_s: Vec<f64>,
    peak_mib: Vec<f64>,
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    let bench = build(Path::new("tests/replay_bench/Cargo.toml"))?.join("replay-bench");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--package", "sensor", "--no-default-features", "--bin", "apicensus"]);
    shell::run(cargo.arg("--target-dir").arg(layout::target().join("replay_bench/agent")))?;
    let agent = layout::target().join("replay_bench/agent/release/apicensus");
    let folder = Scratch::make("bench-replay", None)?;
    let made = |calls: usize| -> Result<PathBuf> {
        let path = layout::target().join(format!("replay_bench/{calls}.pcap"));
        if !path.exists() {
            println!("making {}", path.display());
            let aside = path.with_extension("new");
            shell::run(Command::new(&bench).arg("make").arg(&aside).arg(calls.to_string()))?;
            fs::rename(&aside, &path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        Ok(path)
    };
    let (whole, half, part) = (made(options.calls)?, made(options.calls / 2)?, made(options.tshark_calls)?);
    let bytes = fs::metadata(&whole).context("cannot see the capture")?.len() as f64;
    let mut readers =
        ["apicensus", "floor", "protolens", "tshark", "apicensus, half the file"].map(|name| Reader {
            name,
            calls: match name {
                "tshark" => options.tshark_calls,
                "apicensus, half the file" => options.calls / 2,
                _ => options.calls,
            },
            cpu_s: Vec::new(),
            peak_mib: Vec::new(),
        });
    for round in 0..options.rounds {
        for reader in &mut readers {
            shell::check_interrupt()?;
            let file = match reader.name {
                "tshark" => &part,
                "apicensus, half the file" => &half,
                _ => &whole,
            };
            let mut command = match reader.name {
                "floor" | "protolens" => {
                    let mut command = Command::new(&bench);
                    command.arg(reader.name).arg(file);
                    command
                }
                "tshark" => {
                    let mut command = Command::new("tshark");
                    command.arg("-n").arg("-r").arg(file).args(["-Y", "http", "-T", "fields"]);
                    for field in
                        ["http.request.method", "http.host", "http.request.uri", "http.response.code"]
                    {
                        command.args(["-e", field]);
                    }
                    command
                }
                _ => {
                    let store = folder.path().join(format!("{round}-{}.db", reader.calls));
                    let mut command = Command::new(&agent);
                    command
                        .arg("-qq")
                        .arg("--store")
                        .arg(store)
                        .arg("replay")
                        .arg(file)
                        .args(["--format", "json"]);
                    command
                }
            };
            let took = measured(&mut command, folder.path()).with_context(|| reader.name.to_owned())?;
            let calls = match reader.name {
                "tshark" => took.output.lines().filter(|line| !line.starts_with('\t')).count(),
                "floor" | "protolens" => took.output.trim().parse().context("no number of calls")?,
                _ => {
                    let said: serde_json::Value = serde_json::from_str(&took.output).context("no JSON")?;
                    ensure!(
                        said["losses"].as_object().is_some_and(|l| l.is_empty()),
                        "losses: {}",
                        said["losses"]
                    );
                    said["calls"].as_u64().context("no number of calls")? as usize
                }
            };
            // The crate is not ours to mend: it is said below if it saw fewer.
            if calls != reader.calls {
                println!("{}: saw {calls} calls of {}", reader.name, reader.calls);
                ensure!(matches!(reader.name, "protolens" | "tshark"), "calls are missing");
            }
            reader.cpu_s.push(took.cpu_s);
            reader.peak_mib.push(took.peak_mib);
        }
    }
    println!(
        "replay: {} calls, {:.0} MB, {:.0} B a call; {} rounds, medians and ranges",
        options.calls,
        bytes / 1e6,
        bytes / options.calls as f64,
        options.rounds
    );
    for Reader { name, calls, cpu_s, peak_mib } in &readers {
        let rate = |seconds: f64| *calls as f64 / seconds;
        let (low, high) = range(cpu_s);
        println!(
            "  {name:<26} {:>9.0} calls/s of CPU ({:.0} to {:.0}), {:>6.0} MB/s, peak {:>6.1} MiB",
            rate(median(cpu_s)),
            rate(high),
            rate(low),
            bytes / options.calls as f64 * rate(median(cpu_s)) / 1e6,
            median(peak_mib),
        );
    }
    let [own, floor, _, _, half] = &readers;
    let rate = own.calls as f64 / median(&own.cpu_s);
    let ratios: Vec<f64> = own.cpu_s.iter().zip(&floor.cpu_s).map(|(own, floor)| floor / own).collect();
    let (low, high) = range(&ratios);
    let peak = median(&own.peak_mib);
    let met = |is: bool| if is { "met" } else { "missed" };
    println!(
        "  calls/s: {rate:.0}, target {TARGET_CALLS_PER_SECOND:.0}: {}",
        met(rate >= TARGET_CALLS_PER_SECOND)
    );
    println!(
        "  of the floor: {:.2} ({low:.2} to {high:.2}), target {TARGET_RATIO}: {}",
        median(&ratios),
        met(median(&ratios) >= TARGET_RATIO)
    );
    println!(
        "  peak memory: {peak:.1} MiB, with half the file {:.1} MiB, target {TARGET_MIB}: {}",
        median(&half.peak_mib),
        met(peak <= TARGET_MIB)
    );
    Ok(())
}

/// Builds a package outside of the workspace; where its programs are.
fn build(manifest: &Path) -> Result<PathBuf> {
    let target = layout::target().join("replay_bench");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--manifest-path"]).arg(layout::root().join(manifest));
    shell::run(cargo.arg("--target-dir").arg(&target))?;
    Ok(target.join("release"))
}

/// Runs a program to its end. CPU time is that of all its threads, in ticks of the kernel (10 ms); memory is
/// looked at every 10 ms.
fn measured(command: &mut Command, folder: &Path) -> Result<Took> {
    let output = folder.join("output");
    let file = fs::File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
    let mut child = command.stdin(Stdio::null()).stdout(file).spawn().context("cannot run it")?;
    let pid = child.id();
    let mut peak_kib = 0;
    let process = Pid::from_child(&child);
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    // It stays to be looked at until it is waited for.
    while waitid(WaitId::Pid(process), ended).context("cannot wait for it")?.is_none() {
        peak_kib = cpu::resident_kib_max(pid).unwrap_or_default().max(peak_kib);
        std::thread::sleep(Duration::from_millis(10));
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("cannot see its time")?;
    let status = child.wait().context("cannot wait for it")?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    // Behind the name, which may hold anything: fields 14 and 15 (proc(5)).
    let numbers: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| numbers.get(at).and_then(|text| text.parse::<u64>().ok());
    let ticks = ticks(11).zip(ticks(12)).map(|(user, system)| user + system).context("no time in /proc")?;
    Ok(Took {
        cpu_s: ticks as f64 / 100.0,
        peak_mib: peak_kib as f64 / 1024.0,
        output: fs::read_to_string(&output).context("cannot read its output")?,
    })
}
