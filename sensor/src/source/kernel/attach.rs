//! Sets probes in the TLS libraries of the processes in scope, and takes them away when the last user is
//! gone: one thread, which owns the kernel programs. A file gets its probes once, whoever runs it (a
//! probe of one process costs three times one of all); the programs look at the scope themselves.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope};
use aya::programs::{Program, UProbe};
use schema::probe::{CALL_READ, CALL_READ_EX, CALL_SENDFILE, CALL_WRITE, CALL_WRITE_EX, CALL_WRITE_EX2};

use super::monotonic_ns;
use crate::limits::{TLS_FILES_MAX, TLS_PROCESSES_MAX};
use crate::source::tls::binary::{self, Function, Moment, Probe};
use crate::source::tls::mapped::{self, Mapped};
use crate::source::tls::watch::{Facts, Hint, Known, remember};

/// Programs of the kernel object for probes.
pub const PROGRAMS: [&str; 5] = ["tls_enter", "tls_return", "tls_free", "go_enter", "go_exit"];

/// When a process is looked at after it began to run a program: it loads its libraries in its first
/// moments, and more of them later.
const LOOKS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(3),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(500),
    Duration::from_millis(2000),
];
/// Time between two looks at one process that shows TLS and has no probes.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Time between two rounds over all processes.
const ROUND: Duration = Duration::from_secs(30);

/// Which processes are looked at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Inode of the network namespace; zero for any.
    pub network_namespace: u32,
    /// Only these; empty for any.
    pub processes: Vec<u32>,
    /// Only those at or below this cgroup, by its path from the root.
    pub cgroup: Option<String>,
}

impl Wanted {
    fn holds(&self, proc: &Path, process: u32) -> bool {
        let inside = self.network_namespace == 0
            || mapped::network_namespace(proc, process) == Some(u64::from(self.network_namespace));
        inside
            && process != std::process::id()
            && (self.processes.is_empty() || self.processes.contains(&process))
            && self.cgroup.as_ref().is_none_or(|wanted| is_below(proc, process, wanted))
    }
}

/// Whether a process is in that cgroup v2 or one below.
fn is_below(proc: &Path, process: u32, wanted: &str) -> bool {
    let text = std::fs::read_to_string(proc.join(process.to_string()).join("cgroup")).unwrap_or_default();
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")) else { return false };
    wanted == "/" || path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Device, inode and time of the last change of a file: an inode number is given again.
type FileId = (u64, u64, i64);

/// A file that was read for TLS.
struct Library {
    /// What its probes hang on; dropping one takes it away.
    links: Vec<UProbeLink>,
    probed_ns: Option<u64>,
    obstacle: Option<&'static str>,
    /// Something of TLS is in it.
    matters: bool,
}

/// The thread's state.
pub struct Attacher {
    program: Ebpf,
    wanted: Wanted,
    hints: Receiver<Hint>,
    facts: Facts,
    files: HashMap<FileId, Library>,
    /// Files that each process runs.
    users: HashMap<u32, HashSet<FileId>>,
    /// Looks that are due.
    due: BTreeMap<(Instant, u32), usize>,
    looked: HashMap<u32, Instant>,
}

impl Attacher {
    /// Takes the loaded programs over.
    pub fn new(program: Ebpf, wanted: Wanted, hints: Receiver<Hint>, facts: Facts) -> Attacher {
        Attacher {
            program,
            wanted,
            hints,
            facts,
            files: HashMap::new(),
            users: HashMap::new(),
            due: BTreeMap::new(),
            looked: HashMap::new(),
        }
    }

    /// Works until it is told to stop, then takes all probes away.
    pub fn run(mut self) {
        self.round();
        let mut round = Instant::now() + ROUND;
        loop {
            let now = Instant::now();
            let next = self.due.first_key_value().map_or(round, |((at, _), _)| (*at).min(round));
            match self.hints.recv_timeout(next.saturating_duration_since(now)) {
                Ok(Hint::Began(process)) => {
                    // Another program: what the process had before is gone.
                    self.users.remove(&process);
                    self.schedule(process, 0);
                }
                Ok(Hint::Carries(process)) => self.carries(process),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Hint::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            while let Some(entry) = self.due.first_entry()
                && entry.key().0 <= now
            {
                let ((_, process), index) = entry.remove_entry();
                if self.look(process) {
                    self.schedule(process, index + 1);
                }
            }
            if now >= round {
                self.round();
                round = Instant::now() + ROUND;
            }
        }
    }

    fn schedule(&mut self, process: u32, index: usize) {
        let pause = match index {
            0 => Some(LOOKS[0]),
            _ => LOOKS.get(index).map(|at| *at - LOOKS[index - 1]),
        };
        if let Some(pause) = pause
            && self.due.len() < TLS_PROCESSES_MAX
        {
            self.due.insert((Instant::now() + pause, process), index);
        }
    }

    /// A connection shows TLS: its process has a library, loaded by now.
    fn carries(&mut self, process: u32) {
        let has_probes = self.users.get(&process).is_some_and(|files| {
            files.iter().any(|file| self.files.get(file).is_some_and(|library| library.probed_ns.is_some()))
        });
        let is_new = self.looked.get(&process).is_none_or(|at| at.elapsed() >= LOOK_AGAIN);
        if !has_probes && is_new {
            self.look(process);
        }
    }

    /// All processes: those of before the sensor, those whose hint was lost, those that are gone.
    fn round(&mut self) {
        let proc = PathBuf::from("/proc");
        let entries = std::fs::read_dir(&proc).into_iter().flatten().flatten();
        let all: HashSet<u32> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .take(TLS_PROCESSES_MAX)
            .collect();
        self.users.retain(|process, _| all.contains(process));
        self.looked.retain(|process, _| all.contains(process));
        for &process in &all {
            self.look(process);
        }
        let used: HashSet<FileId> = self.users.values().flatten().copied().collect();
        // A file without a user may be another one by the time that its inode number comes back.
        self.files.retain(|file, _| used.contains(file));
        let mut facts = self.facts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        facts.retain(|process, _| all.contains(process));
    }

    /// Looks at the files that a process maps. False if there is no such process in scope.
    fn look(&mut self, process: u32) -> bool {
        let proc = Path::new("/proc");
        if !self.wanted.holds(proc, process) {
            return false;
        }
        let Ok(maps) = mapped::of_process(proc, process) else { return false };
        self.looked.insert(process, Instant::now());
        let mut known = Known { probed_ns: None, obstacle: None };
        let mut used = HashSet::new();
        for map in &maps {
            let file = (map.device, map.inode, map.modified_ns);
            if !self.files.contains_key(&file) {
                if self.files.len() >= TLS_FILES_MAX {
                    known.obstacle = known.obstacle.or(Some("too-many-files"));
                    continue;
                }
                // The process may be gone: another one will show the file again.
                let Some(library) = self.read(map) else { continue };
                self.files.insert(file, library);
            }
            let Some(library) = self.files.get(&file) else { continue };
            used.insert(file);
            if !library.matters {
                continue;
            }
            if let Some(probed) = library.probed_ns {
                known.probed_ns = Some(known.probed_ns.map_or(probed, |other| other.min(probed)));
            }
            known.obstacle = known.obstacle.or(library.obstacle);
        }
        self.users.insert(process, used);
        remember(&self.facts, process, known);
        true
    }

    /// Reads a file and sets its probes.
    fn read(&mut self, map: &Mapped) -> Option<Library> {
        let file = File::open(&map.path).ok()?;
        let mut library = Library { links: Vec::new(), probed_ns: None, obstacle: None, matters: false };
        let binary = binary::read(&file);
        library.matters = binary.library.is_some() || binary.obstacle.is_some();
        library.obstacle = binary.obstacle.map(binary::Obstacle::name);
        for probe in &binary::cheap(&file, &binary) {
            let Some((program, cookie)) = target(probe) else { continue };
            match self.attach(program, cookie, probe.offset, &file) {
                Ok(link) => library.links.push(link),
                Err(error) => {
                    tracing::debug!(file = %map.name, %error, "a probe cannot be set");
                    library.obstacle = Some("probe-refused");
                }
            }
        }
        if library.obstacle == Some("probe-refused") {
            // Half of them would tell half of the calls.
            library.links.clear();
        }
        if !library.links.is_empty() {
            library.probed_ns = Some(monotonic_ns());
            tracing::debug!(file = %map.name, probes = library.links.len(), "TLS is read here");
        }
        Some(library)
    }

    fn attach(&mut self, program: &str, cookie: u64, offset: u64, file: &File) -> Result<UProbeLink, String> {
        let probe: &mut UProbe = match self.program.program_mut(program) {
            Some(Program::UProbe(probe)) => probe,
            _ => return Err(format!("the kernel program has no {program}")),
        };
        // Whatever its path means by now: the file that was read.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let point = UProbeAttachPoint {
            location: UProbeAttachLocation::AbsoluteOffset(offset),
            cookie: Some(cookie),
        };
        let id =
            probe.attach(point, path, UProbeScope::AllProcesses).map_err(|error| super::sources(&error))?;
        probe.take_link(id).map_err(|error| super::sources(&error))
    }
}

/// Program and cookie of a probe; `None` for what is not used.
fn target(probe: &Probe) -> Option<(&'static str, u64)> {
    use Function::*;
    let kind = match probe.function {
        SslRead | GnutlsRecordRecv | GnutlsRecordRecvSeq | GnutlsRecordRecvEarlyData | GoRead => CALL_READ,
        SslReadEx | SslReadEarlyData => CALL_READ_EX,
        SslWrite | GnutlsRecordSend | GnutlsRecordSend2 | GnutlsRecordSendRange | GoWrite => CALL_WRITE,
        SslWriteEx | SslWriteEarlyData => CALL_WRITE_EX,
        SslWriteEx2 => CALL_WRITE_EX2,
        SslSendfile => CALL_SENDFILE,
        SslFree | GnutlsDeinit if probe.moment == Moment::Entry => return Some(("tls_free", 0)),
        _ => return None,
    };
    let program = match (probe.function, probe.moment) {
        (GoRead | GoWrite, Moment::Entry) => "go_enter",
        (GoRead, Moment::Exit) => "go_exit",
        // What is written is taken at the entry.
        (GoRead | GoWrite, _) => return None,
        (_, Moment::Entry) => "tls_enter",
        (_, Moment::Return) => "tls_return",
        (_, Moment::Exit) => return None,
    };
    Some((program, kind))
}
