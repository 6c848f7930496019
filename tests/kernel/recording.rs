//! Traffic of a namespace as tcpdump records it, and what a replay of the file makes of it.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::netns::Netns;
use crate::process::{DEADLINE, POLL, Process};
use crate::sensor::{Store, program};

/// Sent last, on a connection of its own: once it is in the file, all before it is.
const END: &[u8] = b"end of the recording";

/// A running tcpdump on the loopback interface of a namespace.
pub struct Recording<'a> {
    netns: &'a Netns,
    process: Process,
    file: PathBuf,
}

impl<'a> Recording<'a> {
    /// Starts it inside of `netns` and waits until it records to `file`.
    pub fn start(netns: &'a Netns, file: &Path) -> Result<Self> {
        let log = file.with_extension("log");
        let output = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = netns.command("tcpdump");
        command
            .args(["-i", "lo", "-U", "-s", "0", "-B", "65536", "--immediate-mode", "-Z", "root", "-w"])
            .arg(file);
        command.stdout(Stdio::null()).stderr(output);
        let mut process = Process::start("tcpdump", &mut command)?;
        let started = Instant::now();
        while !fs::read_to_string(&log).unwrap_or_default().contains("listening on") {
            ensure!(process.ended()?.is_none(), "tcpdump ended: {}", fs::read_to_string(&log)?);
            ensure!(started.elapsed() < DEADLINE, "tcpdump does not record");
            std::thread::sleep(POLL);
        }
        Ok(Recording { netns, process, file: file.to_owned() })
    }

    /// Ends it once all packets are in the file.
    pub fn stop(mut self) -> Result<()> {
        self.netns.within(|| -> Result<()> {
            let listener = TcpListener::bind("127.0.0.1:0").context("no port")?;
            let mut stream = TcpStream::connect(listener.local_addr()?).context("no connection")?;
            stream.write_all(END).context("cannot send")
        })??;
        let started = Instant::now();
        while !fs::read(&self.file)?.windows(END.len()).any(|window| window == END) {
            ensure!(started.elapsed() < DEADLINE, "the end of the recording never came");
            std::thread::sleep(POLL);
        }
        self.process.stop(Signal::INT)?;
        let log = fs::read_to_string(self.file.with_extension("log"))?;
        ensure!(log.contains("\n0 packets dropped by kernel"), "tcpdump lost packets: {log}");
        Ok(())
    }
}

/// Replays files into a store of its own in `folder`. It hides words as `like` does if that is given: with
/// the same key.
pub fn replay(files: &[&Path], folder: &Path, like: Option<&Store>) -> Result<Store> {
    fs::create_dir_all(folder)?;
    let store = Store { path: folder.join("replayed.db") };
    if let Some(like) = like {
        fs::copy(key(like), key(&store)).context("cannot copy the key")?;
    }
    let output = Command::new(program())
        .arg("--store")
        .arg(&store.path)
        .arg("replay")
        .args(files)
        .stdin(Stdio::null())
        .output()
        .context("cannot run a replay")?;
    if !output.status.success() {
        bail!("replay: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(store)
}

fn key(store: &Store) -> PathBuf {
    let mut path = store.path.clone().into_os_string();
    path.push(".key");
    path.into()
}
