//! `cargo xtask demo`: the main job for real. A small shop made of programs that are not ours, in a
//! network namespace of its own, called by three kinds of clients, with the sensor on exactly that
//! namespace; then the report.

mod clients;
mod shop;

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::netns::Netns;
use crate::scratch::Scratch;
use crate::sensor::Sensor;
use crate::{build, layout, setup, shell};

/// Options of `demo`.
#[derive(Args)]
pub struct Options {
    /// Rounds of each client; a round is about twenty calls.
    #[arg(long, default_value_t = 40)]
    rounds: u32,
    /// Which hooks the sensor uses.
    #[arg(long, default_value = "auto", value_parser = ["auto", "socket", "syscall"])]
    front_end: String,
    /// Keep the store and the logs in this folder.
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
    /// Set-up and build are done (used when the demo starts itself again as root).
    #[arg(long, hide = true)]
    prepared: bool,
}

/// Runs it; everything it made is taken down however it ends.
pub fn run(options: &Options) -> Result<()> {
    if !options.prepared {
        setup::run()?;
        build::all(false)?;
    }
    if !shell::is_root() {
        shell::announce("demo: namespaces and eBPF need root, going on by sudo");
        let program = std::env::current_exe().context("cannot find this program")?;
        return shell::run(shell::as_root(program).args(std::env::args_os().skip(1)).arg("--prepared"));
    }
    shell::defer_interrupts()?;
    let scratch = Scratch::make("demo", options.keep.as_deref())?;
    let folder = scratch.path();

    shell::announce("demo: a network namespace with nginx, json-server (Node) and httpbin (Python)");
    // Dropped in reverse order: sensor, servers, namespace, folder.
    let netns = Netns::create()?;
    let shop = shop::Shop::open(&netns, folder)?;
    shell::check_interrupt()?;

    shell::announce(&format!("demo: apicensus run --netns {} --no-tls", netns.name()));
    // Nothing here is encrypted, and a probe in the machine's libraries is one for all its programs.
    let arguments = ["--netns", netns.name(), "--front-end", &options.front_end, "--no-tls"];
    let sensor = Sensor::start(&layout::sensor(false), folder, &arguments)?;
    eprintln!("    {}", sensor.ready_line());

    shell::announce("demo: traffic from curl, Python and Node");
    let started = Instant::now();
    let calls = clients::drive(&netns, &shop, options.rounds)?;
    eprintln!("    {calls} calls by clients in {:.1} s", started.elapsed().as_secs_f64());

    let store = sensor.stop()?;
    shop.close()?;

    for command in ["report", "status"] {
        shell::announce(&format!("demo: apicensus {command}"));
        shell::run(Command::new(layout::sensor(false)).arg("--store").arg(&store).arg(command))?;
    }
    if options.keep.is_some() {
        eprintln!("    store: {}", store.display());
    }
    Ok(())
}
