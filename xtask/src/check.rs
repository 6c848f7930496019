//! `cargo xtask test`: everything that must hold before a change goes in, in order of cost.

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
    #[arg(long)]
    no_live: bool,
}

/// Runs all of it; stops at the first failure.
pub fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let skip_live = options.no_live || std::env::var_os("APICENSUS_SKIP_LIVE").is_some_and(|v| v == "1");
    setup::run()?;
    setup::toolchain::ensure_checkers()?;
    build::ebpf()?;
    tidy::run(None)?;

    shell::announce("format");
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(shell::cargo().args(["fmt", "--check"]).current_dir(layout::root().join("sensor-ebpf")))?;
    shell::announce("lints");
    shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;

    shell::announce("tests: unit and integration");
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--lib", "--bins", "--examples", "--test", "it"]);
    shell::run(tests.args(options.filter.as_deref()))?;
    if options.filter.is_none() {
        shell::run(shell::cargo().args(["test", "--package", "sensor", "--package", "schema", "--doc"]))?;
    }

    shell::announce("tests: live, on this machine's kernel");
    if skip_live {
        eprintln!("########################################################################");
        eprintln!("##  LIVE TESTS SKIPPED as asked: nothing was captured from a kernel.  ##");
        eprintln!("########################################################################");
    } else {
        let mut tests = shell::cargo();
        tests.args(["test", "--package", "sensor", "--test", "kernel"]).args(options.filter.as_deref());
        if !shell::is_root() {
            // The test program runs as root, the compiler does not.
            let variable = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";
            tests.env(variable.replace("X86_64", &std::env::consts::ARCH.to_uppercase()), "sudo -E");
        }
        shell::run(&mut tests)?;
    }
    shell::announce(&format!("all checks passed in {} s", started.elapsed().as_secs()));
    Ok(())
}
