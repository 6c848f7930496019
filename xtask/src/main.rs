//! `cargo xtask`: everything that a developer does with this repository besides editing it.
//!
//! Installs what is missing, builds the kernel and the user side, runs, tests, demonstrates and
//! measures. It holds no part of the product.

mod bench;
mod build;
mod check;
mod demo;
mod eval;
mod fuzz;
#[path = "../../tests/it/hostile.rs"]
mod hostile;
mod layout;
#[allow(dead_code, reason = "the live tests use the rest")]
#[path = "../../tests/kernel/netns.rs"]
mod netns;
#[allow(dead_code, reason = "the live tests use the rest")]
#[path = "../../tests/kernel/process.rs"]
mod process;
#[allow(dead_code, reason = "the integration tests use the rest")]
#[path = "../../tests/it/packets.rs"]
mod packets;
mod scratch;
mod sensor;
#[allow(dead_code, reason = "the live tests use the rest")]
#[path = "../../tests/kernel/servers.rs"]
mod servers;
mod setup;
mod shell;
mod tidy;

use clap::{Parser, Subcommand};

/// Set-up, build, demo, tests, tidy and benchmarks of apicensus.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install what is missing: eBPF toolchain, bpf-linker, the servers of tests and demo.
    Setup,
    /// Build the eBPF object, then the sensor.
    Build {
        /// Build the sensor with optimizations.
        #[arg(long)]
        release: bool,
    },
    /// Build the sensor with optimizations and run it (by sudo if you are not root).
    Run {
        /// Arguments of apicensus, after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Real servers and clients in a network namespace of their own, the sensor on it, the report.
    Demo(demo::Options),
    /// Set up, build, then all checks: tidy, format, lints, unit, integration and live tests.
    Test(check::Options),
    /// Check layers, words, sizes and other rules of the source that the compiler cannot.
    Tidy {
        /// Another checkout than this one.
        root: Option<std::path::PathBuf>,
    },
    /// Judge how right the sensor is on data that it was not tuned on.
    Eval {
        #[command(subcommand)]
        what: eval::What,
    },
    /// Put any bytes into every parser, led by what they reach.
    Fuzz(fuzz::Options),
    /// Measure cost and completeness.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
}

fn main() {
    let result = match Arguments::parse().command {
        Action::Setup => setup::run(),
        Action::Build { release } => build::all(release).map(drop),
        Action::Run { arguments } => build::run_sensor(&arguments),
        Action::Demo(options) => demo::run(&options),
        Action::Test(options) => check::run(&options),
        Action::Tidy { root } => tidy::run(root.as_deref()),
        Action::Eval { what } => eval::run(&what),
        Action::Fuzz(options) => fuzz::run(&options),
        Action::Bench { what } => bench::run(&what),
    };
    if let Err(error) = result {
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}
