//! `cargo xtask bench live` and `bench tls`. Each round runs every mode once, in an order that rotates, against a server
//! that stays; figures are medians over rounds, differences medians of the differences to the same
//! round's run without the sensor. The server's CPU time per request is the honest figure where two
//! cores are shared: throughput also drops because wrk and the agent need a core.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::cpu;
use super::statistics::{median, range};
use super::target::Target;
use crate::netns::Netns;
use crate::scratch::Scratch;
use crate::sensor::{self, Sensor};
use crate::servers::Encryption;
use crate::{build, layout, setup, shell};

/// How `bench live` measures.
#[derive(Args)]
pub struct Options {
    /// Rounds; each runs every mode once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load of one run.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Connections of the load.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Servers to measure; all that make sense by default.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<Target>,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Set-up and build are done (used when it starts itself again as root).
    #[arg(long, hide = true)]
    prepared: bool,
}

/// What runs beside the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Off,
    /// The sensor with that front end on the server's namespace.
    Captured(&'static str),
    /// The sensor with that front end on another, empty namespace: what it costs those it ignores.
    Ignored(&'static str),
    /// The sensor on the server's processes alone, told to read TLS or not to.
    Encrypted { read: bool },
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// HTTP without encryption.
    Clear,
    /// Over TLS.
    Tls,
}

impl Plan {
    const fn modes(self) -> &'static [Mode] {
        match self {
            Plan::Clear => &[
                Mode::Off,
                Mode::Captured("socket"),
                Mode::Captured("syscall"),
                Mode::Ignored("socket"),
                Mode::Ignored("syscall"),
            ],
            Plan::Tls => &[Mode::Off, Mode::Encrypted { read: true }, Mode::Encrypted { read: false }],
        }
    }

    const fn targets(self) -> &'static [Target] {
        match self {
            Plan::Clear => &[Target::Nginx, Target::Application],
            Plan::Tls => &[Target::Nginx, Target::NginxLarge, Target::Python],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Plan::Clear => "live",
            Plan::Tls => "tls",
        }
    }
}

impl Mode {
    fn name(self) -> String {
        match self {
            Mode::Off => "off".to_owned(),
            Mode::Captured(front_end) => front_end.to_owned(),
            Mode::Ignored(front_end) => format!("{front_end}, ignored"),
            Mode::Encrypted { read: true } => "TLS read".to_owned(),
            Mode::Encrypted { read: false } => "TLS not read".to_owned(),
        }
    }
}

/// Figures of one run.
#[derive(Clone, Debug, Default)]
struct Run {
    requests: u64,
    requests_per_second: f64,
    server_us: f64,
    agent_us: f64,
    agent_kib: u64,
    stored: u64,
    losses: u64,
}

/// Measures and prints; the runs also go to `target/bench/live.json` or `tls.json`.
pub fn run(options: &Options, plan: Plan) -> Result<()> {
    if !options.prepared {
        setup::run()?;
        build::all(true)?;
    }
    if !shell::is_root() {
        let program = std::env::current_exe().context("cannot find this program")?;
        return shell::run(shell::as_root(program).args(std::env::args_os().skip(1)).arg("--prepared"));
    }
    shell::defer_interrupts()?;
    let mut record = Vec::new();
    let targets = if options.targets.is_empty() { plan.targets() } else { &options.targets };
    for &target in targets {
        let runs = measure(target, plan, options)?;
        print(target, plan, options, &runs);
        record.push(json!({ "target": format!("{target:?}"), "modes": recorded(plan, &runs) }));
    }
    let folder = layout::target().join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{}.json", plan.name()));
    let text = serde_json::to_string_pretty(&record).context("figures are no JSON")?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// All runs, by mode, then by round.
fn measure(target: Target, plan: Plan, options: &Options) -> Result<Vec<Vec<Run>>> {
    shell::announce(&format!(
        "bench {}: {target:?}, {} rounds of {} s a mode, {} connections",
        plan.name(),
        options.rounds,
        options.seconds,
        options.connections
    ));
    let scratch = Scratch::make("bench", None)?;
    let netns = Netns::create()?;
    let elsewhere = Netns::create()?;
    let encryption = (plan == Plan::Tls).then(|| Encryption::create(scratch.path())).transpose()?;
    let server = target.start(&netns, scratch.path(), encryption.as_ref())?;
    let modes = plan.modes();
    load(&netns, &server.url, 1, options)?; // Warms the server.

    let mut runs = vec![Vec::new(); modes.len()];
    for round in 0..options.rounds {
        for step in 0..modes.len() {
            let index = (round + step) % modes.len();
            let mode = modes[index];
            let folder = scratch.path().join(format!("{round}-{index}"));
            std::fs::create_dir_all(&folder).context("cannot make a run's folder")?;
            let by = |netns: &Netns, front_end: &str| {
                ["--netns", netns.name(), "--front-end", front_end, "--no-tls"].map(str::to_owned).to_vec()
            };
            let arguments = match mode {
                Mode::Off => None,
                Mode::Captured(front_end) => Some(by(&netns, front_end)),
                Mode::Ignored(front_end) => Some(by(&elsewhere, front_end)),
                Mode::Encrypted { read } => {
                    // Not the load generator, whose library would get probes too.
                    let servers = cpu::family(server.pid());
                    let pids = servers.iter().flat_map(|pid| ["--pid".to_owned(), pid.to_string()]);
                    Some(pids.chain((!read).then(|| "--no-tls".to_owned())).collect())
                }
            };
            let run = measure_one(&netns, &server.url, server.pid(), arguments, &folder, options)?;
            eprintln!(
                "    round {} {:<18} {:>8.0} requests/s, server {:>7.2} us a request",
                round + 1,
                mode.name(),
                run.requests_per_second,
                run.server_us
            );
            runs[index].push(run);
        }
    }
    Ok(runs)
}

fn measure_one(
    netns: &Netns,
    url: &str,
    server: u32,
    arguments: Option<Vec<String>>,
    folder: &Path,
    options: &Options,
) -> Result<Run> {
    let program = layout::sensor(true);
    let sensor = match &arguments {
        Some(arguments) => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            Some(Sensor::start(&program, folder, &arguments)?)
        }
        None => None,
    };
    if arguments.is_some() {
        // Until probes are where they belong.
        std::thread::sleep(Duration::from_secs(1));
    }
    let servers = cpu::family(server);
    let agent_before = sensor.as_ref().map(|sensor| cpu::nanoseconds(&[sensor.pid()])).transpose()?;
    let before = cpu::nanoseconds(&servers)?;
    let (requests, requests_per_second) = load(netns, url, options.seconds, options)?;
    let after = cpu::nanoseconds(&servers)?;
    if requests == 0 {
        bail!("wrk completed no request at {url}");
    }
    let mut run = Run {
        requests,
        requests_per_second,
        server_us: (after - before) as f64 / 1000.0 / requests as f64,
        ..Run::default()
    };
    if let (Some(sensor), Some(agent_before)) = (sensor, agent_before) {
        settle(&sensor)?;
        let agent_after = cpu::nanoseconds(&[sensor.pid()])?;
        run.agent_us = agent_after.saturating_sub(agent_before) as f64 / 1000.0 / requests as f64;
        run.agent_kib = cpu::resident_kib_max(sensor.pid())?;
        let store = sensor.stop()?;
        run.stored = answered(&sensor::json(&program, &store, "endpoints")?);
        run.losses = losses(&sensor::json(&program, &store, "status")?);
    }
    Ok(run)
}

/// Waits until the sensor has stored what it has seen: the count stays the same over some flushes.
fn settle(sensor: &Sensor) -> Result<()> {
    let started = Instant::now();
    let (mut last, mut since) = (u64::MAX, Instant::now());
    while started.elapsed() < Duration::from_secs(30) && since.elapsed() < Duration::from_millis(2500) {
        shell::check_interrupt()?;
        let count = sensor.json("endpoints").map(|report| answered(&report)).unwrap_or_default();
        if count != last {
            (last, since) = (count, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    Ok(())
}

/// Calls with an answer in `apicensus endpoints --format json`: wrk leaves some without one at its end.
fn answered(report: &Value) -> u64 {
    let rows = report.get("endpoints").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row.get("statuses")?.as_object())
        .flatten()
        .filter(|(status, _)| *status != "none")
        .filter_map(|(_, count)| count.as_u64())
        .sum()
}

/// Everything that the last run counted as lost, in `apicensus status --format json`.
fn losses(status: &Value) -> u64 {
    let last = status.get("runs").and_then(|runs| runs.get(0));
    let losses = last.and_then(|run| run.get("losses")?.as_object());
    losses.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

/// Runs wrk; completed requests, and requests per second.
fn load(netns: &Netns, url: &str, seconds: u32, options: &Options) -> Result<(u64, f64)> {
    shell::check_interrupt()?;
    let mut command = netns.command("wrk");
    command.args(["-t", &options.threads.to_string(), "-c", &options.connections.to_string()]);
    command.args(["-d", &format!("{seconds}s"), "--timeout", "10s"]);
    command.args(["-H", "Accept: application/json", "-H", "User-Agent: apicensus-bench/1"]);
    command.args(["-H", "Authorization: Bearer 0123456789abcdef0123456789abcdef", "-H", "X-Request-Id: 42"]);
    let output = command.arg(url).stdin(Stdio::null()).output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    read_wrk(&text)
}

fn read_wrk(text: &str) -> Result<(u64, f64)> {
    if let Some(line) = text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        bail!("wrk: {}", line.trim());
    }
    let requests = text
        .lines()
        .find(|line| line.contains(" requests in "))
        .and_then(|line| line.split_whitespace().next()?.parse().ok());
    let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok());
    requests.zip(rate).with_context(|| format!("cannot read what wrk printed:\n{text}"))
}

fn print(target: Target, plan: Plan, options: &Options, runs: &[Vec<Run>]) {
    println!("\n{target:?}: medians of {} rounds", options.rounds);
    println!(
        "{:<18} {:>10} {:>10} {:>21} {:>7} {:>9} {:>9} {:>11} {:>8}",
        "sensor",
        "requests/s",
        "server us",
        "added us (range)",
        "added",
        "agent us",
        "agent MB",
        "stored",
        "losses"
    );
    let off = median(&runs[0].iter().map(|run| run.server_us).collect::<Vec<_>>());
    for (mode, own) in plan.modes().iter().zip(runs) {
        let of = |figure: fn(&Run) -> f64| median(&own.iter().map(figure).collect::<Vec<_>>());
        let added: Vec<f64> =
            own.iter().zip(&runs[0]).map(|(run, off)| run.server_us - off.server_us).collect();
        let (low, high) = range(&added);
        print!("{:<18} {:>10.0} {:>10.2}", mode.name(), of(|r| r.requests_per_second), of(|r| r.server_us));
        if *mode == Mode::Off {
            println!();
            continue;
        }
        print!(" {:>21}", format!("{:+.2} ({low:+.2} {high:+.2})", median(&added)));
        print!(" {:>6.1}%", 100.0 * median(&added) / off);
        print!(" {:>9.2} {:>9.1}", of(|r| r.agent_us), of(|r| r.agent_kib as f64) / 1024.0);
        if let Mode::Captured(_) | Mode::Encrypted { read: true } = mode {
            let stored: u64 = own.iter().map(|run| run.stored).sum();
            let requests: u64 = own.iter().map(|run| run.requests).sum();
            let losses: u64 = own.iter().map(|run| run.losses).sum();
            println!(" {:>10.3}% {losses:>8}", 100.0 * stored as f64 / requests as f64);
        } else {
            println!();
        }
    }
    println!(
        "stored: calls with an answer in the store, of those that wrk completed; up to {} a run were answered \
         after wrk had stopped counting",
        options.connections
    );
}

fn recorded(plan: Plan, runs: &[Vec<Run>]) -> Value {
    let row = |run: &Run| {
        json!({
            "requests": run.requests, "requests_per_second": run.requests_per_second,
            "server_us": run.server_us, "agent_us": run.agent_us, "agent_kib": run.agent_kib,
            "stored": run.stored, "losses": run.losses,
        })
    };
    let modes = plan.modes().iter().zip(runs);
    modes.map(|(mode, own)| (mode.name(), Value::from(own.iter().map(row).collect::<Vec<_>>()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_read() {
        let text = "Running 4s test @ http://127.0.0.1/\n  1 threads and 32 connections\n\
                    \x20 141853 requests in 4.10s, 162.34MB read\nRequests/sec:  34598.12\nTransfer/sec: 39MB\n";
        assert_eq!(read_wrk(text).expect("figures"), (141_853, 34_598.12));
        assert!(read_wrk(&format!("{text}  Non-2xx or 3xx responses: 3\n")).is_err());
        assert!(read_wrk("").is_err());
    }

    #[test]
    fn reports_are_read() {
        let report = json!({ "endpoints": [
            { "statuses": { "200": 5, "none": 2 } }, { "statuses": { "404": 1 } }
        ]});
        assert_eq!(answered(&report), 6);
        let status = json!({ "runs": [{ "losses": { "a": 1, "b": 2 } }, { "losses": { "a": 9 } }] });
        assert_eq!(losses(&status), 3);
    }
}
