//! `cargo xtask test`: everything that must hold before a change goes in, in order of cost.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::{build, layout, setup, shell, tidy};

/// Options of `test`.
#[derive(Args)]
pub struct Options {
    /// Run only tests whose name has this in it.
    filter: Option<String>,
    /// Leave out the tests that load eBPF and need root (also APICENSUS_SKIP_LIVE=1).
    #[arg(long, conflicts_with = "full")]
    no_live: bool,
    /// Run the live tests that take minutes too: 20,000 calls per server and front end.
    #[arg(long)]
    full: bool,
}

/// Runs all of it; stops at the first failure.
pub fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    let skip_live = options.no_live || std::env::var_os("APICENSUS_SKIP_LIVE").is_some_and(|v| v == "1");
    steps.run("set-up", || setup::run().and_then(|()| setup::toolchain::ensure_checkers()))?;
    steps.run("build of the eBPF object", build::ebpf)?;
    steps.run("tidy", || tidy::run(None))?;
    steps.run("format", format)?;
    steps.run("lints", lints)?;
    steps.run("unit and integration tests", || portable_tests(options))?;
    if skip_live {
        eprintln!("########################################################################");
        eprintln!("##  LIVE TESTS SKIPPED as asked: nothing was captured from a kernel.  ##");
        eprintln!("########################################################################");
    } else {
        steps.run("live tests, on this machine's kernel", || live_tests(options))?;
    }
    steps.end();
    Ok(())
}

/// What was done so far, and how long each part took.
#[derive(Default)]
struct Steps(Vec<(&'static str, u64)>);

impl Steps {
    fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        shell::announce(name);
        let started = Instant::now();
        work()?;
        self.0.push((name, started.elapsed().as_secs()));
        Ok(())
    }

    fn end(self) {
        let all: u64 = self.0.iter().map(|(_, seconds)| seconds).sum();
        shell::announce(&format!("all checks passed in {all} s"));
        for (name, seconds) in self.0 {
            eprintln!("{seconds:>6} s  {name}");
        }
    }
}

fn format() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(shell::cargo().args(["fmt", "--check"]).current_dir(layout::root().join("sensor-ebpf")))
}

fn lints() -> Result<()> {
    let clippy = |arguments: &[&str]| {
        let mut command = shell::cargo();
        command.arg("clippy").args(arguments).args(["--all-targets", "--", "--deny", "warnings"]);
        shell::run(&mut command)
    };
    clippy(&["--workspace"])?;
    // The agent for machines that cannot capture.
    clippy(&["--package", "sensor", "--no-default-features"])?;
    build::lint_ebpf()
}

fn portable_tests(options: &Options) -> Result<()> {
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--lib", "--bins", "--examples", "--test", "it"]);
    shell::run(tests.args(options.filter.as_deref()))?;
    if options.filter.is_none() {
        shell::run(shell::cargo().args(["test", "--package", "sensor", "--package", "schema", "--doc"]))?;
    }
    Ok(())
}

fn live_tests(options: &Options) -> Result<()> {
    let kernel_suite = || {
        let mut tests = shell::cargo();
        tests.args(["test", "--package", "sensor", "--test", "kernel"]).args(options.filter.as_deref());
        by_root(&mut tests);
        tests
    };
    shell::run(&mut kernel_suite())?;
    if options.full {
        // Shown as they come: their figures are what they are run for.
        shell::run(kernel_suite().args(["--", "--ignored", "--nocapture"]))?;
    }
    Ok(())
}

/// The test program runs as root, the compiler does not.
fn by_root(tests: &mut Command) {
    if !shell::is_root() {
        let variable = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";
        tests.env(variable.replace("X86_64", &std::env::consts::ARCH.to_uppercase()), "sudo -E");
    }
}
