//! `cargo xtask fuzz`: any bytes into every parser, led by what they reach (libFuzzer).
//!
//! The targets of `tests/fuzz` are built with coverage counters by the compiler of the workspace: LLVM's
//! pass needs no other. Without an address sanitizer, which finds nothing where nothing is unsafe; what is
//! looked for is a panic, an overflow, an assertion that does not hold, memory and time without bound.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{layout, setup, shell};

/// Options of `fuzz`.
#[derive(Args)]
pub struct Options {
    /// Only these; else all.
    targets: Vec<String>,
    /// Ten seconds each, two at a time.
    #[arg(long, conflicts_with = "seconds")]
    smoke: bool,
    /// Seconds for each.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Targets at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Only run this input, which broke the one target named.
    #[arg(long)]
    input: Option<PathBuf>,
}

/// Seconds of each target that show that it stands.
const SMOKE_SECONDS: u64 = 10;
/// MiB that a target may have resident: all of its input is smaller than a connection's buffers.
const RESIDENT_MIB_MAX: u64 = 512;
/// Bytes of one input.
const INPUT_BYTES_MAX: usize = 32 << 10;
/// Seconds that one input may take.
const INPUT_SECONDS_MAX: u64 = 10;

/// What rustc is told so that a target sees what it reaches: as cargo-fuzz does.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
    // Counters of one function stand together.
    "-Ccodegen-units=1",
];

/// Builds the targets and runs them; an error if any of them broke.
pub fn run(options: &Options) -> Result<()> {
    let known = targets()?;
    if let Some(stranger) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no target {stranger}; there are: {}", known.join(", "));
    }
    let chosen = if options.targets.is_empty() { known } else { options.targets.clone() };
    if let Some(input) = &options.input {
        let [target] = &chosen[..] else { bail!("--input is for one target: name it") };
        let input = input.canonicalize().with_context(|| format!("cannot find {}", input.display()))?;
        let binary = build(&chosen)?.join(target);
        return shell::run(Command::new(binary).arg(input).current_dir(layout::root()));
    }
    let folder = build(&chosen)?;
    let (seconds, jobs) = if options.smoke { (SMOKE_SECONDS, 2) } else { (options.seconds, options.jobs) };
    shell::announce(&format!("fuzz: {} targets, {seconds} s each", chosen.len()));
    println!("{:<12} {:>12} {:>9} {:>9}  result", "TARGET", "EXECUTIONS", "COVERED", "MEMORY");
    let mut broken = Vec::new();
    for some in chosen.chunks(jobs.max(1)) {
        let started: Vec<(&String, Child)> = some
            .iter()
            .map(|target| Ok((target, start(&folder, target, seconds)?)))
            .collect::<Result<_>>()?;
        for (target, mut child) in started {
            let status = child.wait().with_context(|| format!("cannot wait for {target}"))?;
            let said = fs::read_to_string(log(target)).unwrap_or_default();
            let stands = status.success();
            println!("{}", row(target, &said, stands));
            if !stands {
                broken.push(target.clone());
                tell(target, &said);
            }
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => bail!("broken: {}", broken.join(", ")),
    }
}

/// Names of all targets.
fn targets() -> Result<Vec<String>> {
    let folder = crate_folder().join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.context("cannot read a folder entry")?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds targets; the folder that they are in.
fn build(targets: &[String]) -> Result<PathBuf> {
    setup::ensure_package("g++", "g++")?;
    let output = layout::target().join("fuzz");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = shell::cargo();
    cargo
        .current_dir(crate_folder())
        .args(["build", "--release", "--locked", "--target", &triple, "--target-dir"])
        .arg(&output)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env_remove("RUSTFLAGS");
    for target in targets {
        cargo.args(["--bin", target]);
    }
    shell::step("build of the fuzz targets", &mut cargo)?;
    Ok(output.join(triple).join("release"))
}

/// Begins a run of a target. It learns from the seeds and from what earlier runs found.
fn start(folder: &Path, target: &str, seconds: u64) -> Result<Child> {
    let found = layout::target().join("fuzz/corpus").join(target);
    let artifacts = artifacts(target);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let log = log(target);
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(folder.join(target));
    command
        .arg(found)
        .args(Some(crate_folder().join("seeds").join(target)).filter(|seeds| seeds.is_dir()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={RESIDENT_MIB_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-use_value_profile=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output);
    command.spawn().with_context(|| format!("cannot start target {target}"))
}

fn row(target: &str, said: &str, stands: bool) -> String {
    let statistic = |name: &str| {
        let line = said.lines().rev().find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
        line.map_or("-", str::trim).to_owned()
    };
    // `#12345 DONE cov: 678 ft: ...`
    let covered = said.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    format!(
        "{target:<12} {:>12} {:>9} {:>5} MiB  {}",
        statistic("number_of_executed_units"),
        covered.unwrap_or("-"),
        statistic("peak_rss_mb"),
        if stands { "stands" } else { "BROKEN" },
    )
}

/// Says how a target broke, and how to see it again.
fn tell(target: &str, said: &str) {
    let why = said.lines().find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
    let input = said.lines().find_map(|line| line.split_once("Test unit written to ").map(|(_, path)| path));
    println!("    {}", why.unwrap_or("no reason given"));
    println!("    all it said: {}", log(target).display());
    if let Some(input) = input {
        println!("    again: cargo xtask fuzz {target} --input {input}");
    }
}

fn crate_folder() -> PathBuf {
    layout::root().join("tests/fuzz")
}

fn artifacts(target: &str) -> PathBuf {
    layout::target().join("fuzz/artifacts").join(target)
}

fn log(target: &str) -> PathBuf {
    artifacts(target).with_extension("log")
}
