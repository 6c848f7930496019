//! `cargo xtask bench`: what the sensor costs, and how much of what was sent it reports.

mod cpu;
mod hostile;
mod idle;
mod live;
mod replay;
mod statistics;
mod target;

use anyhow::Result;
use clap::Subcommand;

use crate::{build, setup, shell};

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// Server CPU per request, agent CPU per call, throughput and completeness: wrk against real servers
    /// in a network namespace, without the sensor and with each front end, interleaved.
    Live(live::Options),
    /// The same with TLS: servers whose library gets probes, without the sensor, with it, and with it told not
    /// to read TLS. Then what the sensor costs a host of 500 idle processes.
    Tls(live::Options),
    /// Calls and bytes per second of the agent's pipeline on one core, from recorded records, beside
    /// the floor of its parsers.
    Pipeline {
        /// Arguments of the benchmark, after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Calls per second and memory of `apicensus replay` on a generated capture of about 1 GB, beside
    /// tshark, the protolens crate and the floor.
    Replay(replay::Options),
    /// Memory at most while captures are read that are made to cost, 1 GiB of each kind.
    Hostile(hostile::Options),
    /// The time to compare 100,000 endpoints with 50 specifications, and one endpoint again.
    Compare,
}

/// Measures and prints.
pub fn run(what: &What) -> Result<()> {
    match what {
        What::Live(options) => live::run(options, live::Plan::Clear),
        What::Tls(options) => live::run(options, live::Plan::Tls).and_then(|()| idle::run()),
        What::Replay(options) => replay::run(options),
        What::Hostile(options) => hostile::run(options),
        What::Compare => {
            let mut cargo = shell::cargo();
            cargo.args(["run", "--release", "--package", "sensor", "--no-default-features"]);
            shell::run(cargo.args(["--example", "compare_bench"]))
        }
        What::Pipeline { arguments } => {
            setup::toolchain::ensure()?;
            build::ebpf()?;
            let mut cargo = shell::cargo();
            cargo.args(["run", "--release", "--package", "sensor", "--example", "pipeline_bench", "--"]);
            shell::run(cargo.args(arguments))
        }
    }
}
