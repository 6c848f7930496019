//! `cargo xtask demo`: the main job for real. A small shop made of programs that are not ours, in a
//! network namespace of its own, called by three kinds of clients, with the sensor on exactly that
//! namespace; then the report.

mod clients;
mod shop;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::Signal;

use crate::netns::Netns;
use crate::process::{DEADLINE, POLL, Process, bound};
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
    let scratch = Scratch::make(options.keep.as_deref())?;
    let folder = scratch.folder.as_path();
    let store = folder.join("apicensus.db");

    shell::announce("demo: a network namespace with nginx, json-server (Node) and httpbin (Python)");
    // Dropped in reverse order: sensor, servers, namespace, folder.
    let netns = Netns::create()?;
    let shop = shop::Shop::open(&netns, folder)?;
    shell::check_interrupt()?;

    shell::announce(&format!("demo: apicensus run --netns {}", netns.name()));
    let mut sensor = start_sensor(&netns, folder, &store, &options.front_end)?;

    shell::announce("demo: traffic from curl, Python and Node");
    let started = Instant::now();
    let calls = clients::drive(&netns, &shop, options.rounds)?;
    eprintln!("    {calls} calls by clients in {:.1} s", started.elapsed().as_secs_f64());

    let status = sensor.stop(Signal::INT)?;
    if !status.success() {
        bail!("the sensor ended with {status}:\n{}", log(folder));
    }
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

/// Starts the sensor on the namespace and waits until it captures.
fn start_sensor(netns: &Netns, folder: &Path, store: &Path, front_end: &str) -> Result<Process> {
    let output = File::create(folder.join("sensor.log")).context("cannot write sensor.log")?;
    let mut command = bound(layout::sensor(false));
    command.arg("--store").arg(store).args(["run", "--netns", netns.name(), "--front-end", front_end]);
    command.stdout(output.try_clone().context("cannot share sensor.log")?).stderr(Stdio::from(output));
    let mut sensor = Process::start("apicensus", &mut command)?;
    let started = Instant::now();
    while !log(folder).contains("capturing") {
        shell::check_interrupt()?;
        if let Some(status) = sensor.ended()? {
            bail!("the sensor ended ({status}) instead of capturing:\n{}", log(folder));
        }
        if started.elapsed() > DEADLINE {
            bail!("the sensor does not capture after {} s:\n{}", DEADLINE.as_secs(), log(folder));
        }
        std::thread::sleep(POLL);
    }
    eprint!("    {}", log(folder).lines().filter(|line| line.contains("capturing")).collect::<String>());
    eprintln!();
    Ok(sensor)
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("sensor.log")).unwrap_or_default()
}

/// A folder that is removed when dropped, unless the user named it.
struct Scratch {
    folder: std::path::PathBuf,
    keep: bool,
}

impl Scratch {
    fn make(keep: Option<&Path>) -> Result<Self> {
        let folder = match keep {
            Some(folder) => folder.to_path_buf(),
            None => std::env::temp_dir().join(format!("apicensus-demo-{}", std::process::id())),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Scratch { folder, keep: keep.is_some() })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}
