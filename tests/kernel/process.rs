//! A started program that does not outlive its owner, and waiting for what it does: always on a
//! condition with a deadline, never for a fixed time.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

use crate::netns::Netns;

/// How long a program may take to start or to end. Generous: the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A command that gets SIGTERM should the thread end that started it, so that nothing outlives a
/// killed test.
pub fn bound(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program.as_ref());
    command
}

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a command without input, in a process group of its own: Ctrl-C at a terminal is for its
    /// owner, who stops it in order.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        command.process_group(0);
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Process { child, name: name.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its exit status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // While the child is not waited for its id cannot be another's.
        if self.ended()?.is_none() {
            let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process id")?;
            rustix::process::kill_process(pid, signal)
                .with_context(|| format!("cannot signal {}", self.name))?;
        }
        Ok(())
    }

    /// Asks it to end by a signal and waits; kills it after the deadline, which is an error.
    pub fn stop(&mut self, signal: Signal) -> Result<ExitStatus> {
        self.signal(signal)?;
        self.wait(DEADLINE)
    }

    /// Waits for its end; kills it after the deadline, which is an error.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        self.child.kill().ok();
        self.child.wait().ok();
        bail!("{} did not end within {} s", self.name, deadline.as_secs())
    }

    /// Waits until it accepts connections at `address`; an error if it ends before.
    pub fn wait_listening(&mut self, netns: &Netns, address: SocketAddr) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            if let Some(status) = self.ended()? {
                bail!("{} ended at once ({status})", self.name);
            }
            if netns.within(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())? {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("{} does not listen on {address} after {} s", self.name, DEADLINE.as_secs())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM first: nginx takes its workers along only then.
        if self.signal(Signal::TERM).is_ok() && self.wait(Duration::from_secs(5)).is_err() {
            eprintln!("{} had to be killed", self.name);
        }
    }
}

/// Time between two looks at a condition.
pub const POLL: Duration = Duration::from_millis(10);
