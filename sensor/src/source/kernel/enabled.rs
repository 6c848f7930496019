//! Live capture: loads the kernel program, proves that a front end works here by catching bytes of
//! the agent's own, and hands out ring records. Decoding them is [`super::decode`]'s.

#[path = "attach.rs"]
mod attach;
#[path = "doctor.rs"]
mod doctor;
#[path = "offsets.rs"]
mod offsets;
#[path = "probe.rs"]
mod probe;

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, Program};
use aya::{Btf, Ebpf, EbpfLoader, VerifierLogLevel};
use aya_log::EbpfLogger;
use schema::control::{Config, Scope};
use schema::limits::SCOPE_PROCESSES_MAX;
use schema::loss::Loss;

pub use attach::Wanted;
pub use doctor::checks;
pub use offsets::BTF_PATH;

use crate::source::tls::watch::Watch;

/// Hook that tells of processes which run another program.
const EXEC: &str = "sched_process_exec";

/// Which hooks see socket operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// `sock_send_length` and `sock_recv_length`: kernel 6.3 and later.
    Socket,
    /// `sys_exit`.
    Syscall,
}

impl FrontEnd {
    /// Name as options and reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            FrontEnd::Socket => "socket",
            FrontEnd::Syscall => "syscall",
        }
    }

    const fn programs(self) -> &'static [&'static str] {
        match self {
            // The end of sockets first: none may end unseen once its beginning was seen.
            FrontEnd::Socket => &["tcp_destroy_sock", "sock_send_length", "sock_recv_length"],
            FrontEnd::Syscall => &["tcp_destroy_sock", "sys_exit"],
        }
    }
}

/// What to capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None`: the first that works.
    pub front_end: Option<FrontEnd>,
    /// Filter in the kernel.
    pub scope: Scope,
    /// Process ids of the scope, if it names any (`scope.processes` is set from this).
    pub processes: Vec<u32>,
    /// Bytes of one socket operation that are copied at the most.
    pub operation_bytes_max: u32,
    /// Bytes of one burst that are copied at the most.
    pub burst_bytes_max: u32,
    /// Processes whose TLS libraries get probes; `None`: TLS is not read.
    pub tls: Option<Wanted>,
}

/// Why live capture is not possible. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// No BTF file.
    #[error(
        "cannot read {path}: {cause}; live capture needs a kernel built with CONFIG_DEBUG_INFO_BTF=y \
         and /sys mounted"
    )]
    NoBtf {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A BTF file that does not parse.
    #[error("cannot use {path}: it holds no BTF of a known form; please report the kernel version")]
    BadBtf {
        /// Which file.
        path: PathBuf,
    },
    /// A structure without an expected member.
    #[error("the kernel's BTF has no {member}; this kernel is not supported yet, please report its version")]
    NoMember {
        /// Structure and member.
        member: String,
    },
    /// Not allowed.
    #[error(
        "not allowed to load BPF programs; run as root, or with the capabilities CAP_BPF and \
         CAP_PERFMON (and CAP_SYS_PTRACE to name processes)"
    )]
    NotAllowed,
    /// In a container with process ids of its own.
    #[error(
        "this process has a pid namespace of its own, the kernel's hooks speak of the host's; run it \
         with hostPID: true (Kubernetes) or --pid=host (Docker, Podman)"
    )]
    PidNamespace,
    /// The kernel refused the program or the hook.
    #[error("the {front_end} front end does not work on this kernel: {cause}")]
    Refused {
        /// Which.
        front_end: &'static str,
        /// What the kernel said.
        cause: String,
    },
    /// Neither front end works.
    #[error("this kernel has no hook that works: {socket}; {syscall}; run `apicensus doctor`")]
    NoFrontEnd {
        /// Why not the one.
        socket: Box<KernelError>,
        /// Why not the other.
        syscall: Box<KernelError>,
    },
    /// No thread can be started.
    #[error("cannot start the thread that sets probes: {cause}")]
    NoThread {
        /// Why.
        cause: io::Error,
    },
    /// More processes than the map holds.
    #[error("a scope of {count} processes is more than {SCOPE_PROCESSES_MAX}; name a cgroup instead")]
    TooManyProcesses {
        /// How many were given.
        count: usize,
    },
}

/// A running capture. Dropping it detaches everything.
pub struct Capture {
    front_end: FrontEnd,
    ring: RingBuf<MapData>,
    losses: PerCpuArray<MapData, [u64; 2]>,
    wakeups: OwnedFd,
    log: Option<EbpfLogger<&'static dyn log::Log>>,
    processes: HashMap<MapData, u32, u8>,
    /// Processes of the scope that still run, with when they were started.
    running: Vec<(u32, u64)>,
    /// Owns the programs and their links, unless the thread that sets probes does.
    program: Option<Ebpf>,
    /// The programs for TLS libraries are loaded.
    tls: bool,
    attacher: Option<JoinHandle<()>>,
    watch: Watch,
}

impl Capture {
    /// Loads and attaches the wanted front end, or the first that works.
    ///
    /// # Errors
    /// See [`KernelError`].
    pub fn start(settings: &Settings) -> Result<Capture, KernelError> {
        if settings.processes.len() > SCOPE_PROCESSES_MAX as usize {
            return Err(KernelError::TooManyProcesses { count: settings.processes.len() });
        }
        if !may_load() {
            return Err(KernelError::NotAllowed);
        }
        // `PROC_PID_INIT_INO`: the kernel side knows processes by their ids in the first namespace.
        let own_namespace = std::fs::metadata("/proc/self/ns/pid").map(|file| file.ino());
        if own_namespace.is_ok_and(|inode| inode != 0xEFFF_FFFC) {
            return Err(KernelError::PidNamespace);
        }
        let offsets = offsets::read()?;
        let config = Config {
            scope: Scope { processes: settings.processes.len() as u32, ..settings.scope },
            offsets,
            syscalls: offsets::syscalls(),
            own_process: std::process::id(),
            operation_bytes_max: settings.operation_bytes_max,
            burst_bytes_max: settings.burst_bytes_max,
            compat_flag: offsets::COMPAT_FLAG,
            typed_task: u32::from(kernel_version() >= (5, 11)),
            tls: u32::from(settings.tls.is_some()),
        };
        let started = match settings.front_end {
            Some(front_end) => Self::start_one(front_end, config, &settings.processes),
            None => Self::start_one(FrontEnd::Socket, config, &settings.processes).or_else(|socket| {
                tracing::info!(reason = %socket, "the socket front end is not available, trying the syscall one");
                Self::start_one(FrontEnd::Syscall, config, &settings.processes).map_err(|syscall| {
                    KernelError::NoFrontEnd { socket: Box::new(socket), syscall: Box::new(syscall) }
                })
            }),
        };
        let mut capture = started?;
        if let Some(wanted) = settings.tls.clone().filter(|_| capture.tls) {
            capture.read_tls(wanted).map_err(|cause| KernelError::NoThread { cause })?;
        }
        give_back_free_memory();
        Ok(capture)
    }

    /// Starts the thread that sets probes in TLS libraries.
    fn read_tls(&mut self, wanted: Wanted) -> io::Result<()> {
        let Some(program) = self.program.take() else { return Ok(()) };
        let (watch, hints, facts) = Watch::new();
        let attacher = attach::Attacher::new(program, wanted, hints, facts);
        let thread = std::thread::Builder::new().name("tls-probes".to_owned());
        self.attacher = Some(thread.spawn(move || attacher.run())?);
        self.watch = watch;
        Ok(())
    }

    /// What the decoder of this capture's records is to tell of processes.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    fn start_one(front_end: FrontEnd, config: Config, processes: &[u32]) -> Result<Capture, KernelError> {
        let refused = |cause: String| KernelError::Refused { front_end: front_end.name(), cause };
        let debug = tracing::enabled!(tracing::Level::DEBUG);
        let log_level = if debug { aya_log::Level::Debug } else { aya_log::Level::Warn } as u8;
        let mut program = EbpfLoader::new()
            .verifier_log_level(VerifierLogLevel::STATS)
            .override_global("CONFIG", &config, true)
            .override_global(aya_log::LEVEL, &log_level, false)
            .load(aya::include_bytes_aligned!(env!("APICENSUS_EBPF_OBJECT")))
            .map_err(|error| refused(sources(&error)))?;
        let btf = Btf::from_sys_fs().map_err(|error| refused(sources(&error)))?;
        let mut scope: HashMap<MapData, u32, u8> = map(&mut program, "PROCESSES").map_err(refused)?;
        let mut probing: Array<MapData, u32> = map(&mut program, "PROBING").map_err(refused)?;
        let ring: RingBuf<MapData> = map(&mut program, "RING").map_err(refused)?;
        let losses = map(&mut program, "LOSSES").map_err(refused)?;
        let running = processes.iter().filter_map(|&id| Some((id, start_of(id)?))).collect();
        for process in processes {
            scope.insert(process, 1, 0).map_err(|error| refused(sources(&error)))?;
        }
        probing.set(0, 1, 0).map_err(|error| refused(sources(&error)))?;
        for name in front_end.programs() {
            let hook: &mut BtfTracePoint = program
                .program_mut(name)
                .ok_or_else(|| refused(format!("the kernel program has no {name}")))?
                .try_into()
                .map_err(|error: aya::programs::ProgramError| refused(sources(&error)))?;
            hook.load(name, &btf).map_err(|error| refused(format!("{name}: {}", sources(&error))))?;
        }
        for name in front_end.programs() {
            // Found and of that type, as it was just loaded.
            if let Some(aya::programs::Program::BtfTracePoint(hook)) = program.program_mut(name) {
                hook.attach().map_err(|error| refused(format!("{name}: {}", sources(&error))))?;
            }
        }
        // While all maps are at hand. Everything else works without these.
        let tls = config.tls != 0
            && match load_tls(&mut program, &btf) {
                Ok(()) => true,
                Err(cause) => {
                    tracing::warn!(%cause, "TLS is not read: its libraries cannot be probed on this kernel");
                    false
                }
            };
        // A program that logs nothing has no map for it.
        let log = EbpfLogger::init(&mut program).ok();
        let wakeups = wakeups_of(ring.as_raw_fd()).map_err(|error| refused(error.to_string()))?;
        let mut capture = Capture {
            front_end,
            ring,
            losses,
            wakeups,
            log,
            processes: scope,
            running,
            program: Some(program),
            tls,
            attacher: None,
            watch: Watch::default(),
        };
        probe::run(&mut capture).map_err(refused)?;
        // So far the ring holds records of the probe only, from now on none.
        capture.drain(usize::MAX, |_| ());
        probing.set(0, 0, 0).map_err(|error| refused(sources(&error)))?;
        Ok(capture)
    }

    /// The front end that runs.
    pub fn front_end(&self) -> FrontEnd {
        self.front_end
    }

    /// Waits until the kernel asks for a read, at the most `timeout`.
    ///
    /// It asks when the ring fills, not when there is a record: waking up for each would cost the
    /// servers more than the capture itself. Read after every return, by timeout or not.
    ///
    /// # Errors
    /// Only if the descriptor cannot be polled at all.
    pub fn wait(&self, timeout: Duration) -> io::Result<()> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        let timeout_ms = timeout.as_millis().min(60_000) as libc::c_int;
        // SAFETY: room for one event.
        let ready = unsafe { libc::epoll_wait(self.wakeups.as_raw_fd(), &raw mut event, 1, timeout_ms) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Hands out the records that are in the ring, at the most `records_max`; says how many.
    pub fn drain(&mut self, records_max: usize, mut take: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < records_max
            && let Some(record) = self.ring.next()
        {
            take(&record);
            count += 1;
        }
        count
    }

    /// Takes processes that have ended out of the scope: the kernel gives their ids to others.
    pub fn forget_ended(&mut self) {
        let Capture { processes, running, .. } = self;
        running.retain(|&(id, started)| {
            let runs = start_of(id) == Some(started);
            if !runs {
                // An error means that it is out already.
                let _ = processes.remove(&id);
            }
            runs
        });
    }

    /// Passes on what the kernel program logged since the last time; at level debug it does.
    pub fn flush_log(&mut self) {
        if let Some(log) = &mut self.log {
            log.flush();
        }
    }

    /// Operations and bytes lost so far, by cause. A cause without a loss is left out.
    pub fn losses(&self) -> Vec<(Loss, u64, u64)> {
        let mut all = Vec::new();
        for loss in Loss::ALL {
            let Ok(values) = self.losses.get(&(loss as u32), 0) else { continue };
            let (operations, bytes) =
                values.iter().fold((0, 0), |sum, value| (sum.0 + value[0], sum.1 + value[1]));
            if operations > 0 {
                all.push((loss, operations, bytes));
            }
        }
        all
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.watch.stop();
        if let Some(thread) = self.attacher.take()
            && thread.join().is_err()
        {
            tracing::error!("a bug stopped the setting of probes; please report it");
        }
    }
}

/// Loads the programs for probes in TLS libraries, and hooks the beginning of programs.
fn load_tls(program: &mut Ebpf, btf: &Btf) -> Result<(), String> {
    for name in attach::PROGRAMS {
        match program.program_mut(name) {
            Some(Program::UProbe(probe)) => {
                probe.load().map_err(|error| format!("{name}: {}", sources(&error)))?;
            }
            _ => return Err(format!("the kernel program has no {name}")),
        }
    }
    match program.program_mut(EXEC) {
        Some(Program::BtfTracePoint(hook)) => {
            hook.load(EXEC, btf).map_err(|error| format!("{EXEC}: {}", sources(&error)))?;
            hook.attach().map(drop).map_err(|error| format!("{EXEC}: {}", sources(&error)))
        }
        _ => Err(format!("the kernel program has no {EXEC}")),
    }
}

/// Takes a map of the kernel program, of the kind that is asked for.
fn map<M: TryFrom<Map, Error = MapError>>(program: &mut Ebpf, name: &str) -> Result<M, String> {
    let map = program.take_map(name).ok_or_else(|| format!("the kernel program has no map {name}"))?;
    map.try_into().map_err(|error: MapError| sources(&error))
}

/// Gives the allocator's free memory back to the system. The kernel's types fill some 50 MB of small
/// pieces while they are read, once, and glibc would keep them for the rest of the run.
fn give_back_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers; what is in use stays where it is.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// An epoll descriptor that becomes ready when the ring's reader is woken. Edge-triggered: records
/// that merely lie there do not make it ready.
fn wakeups_of(ring: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes a flag, gives a new descriptor or -1.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, owned by nobody else.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: 0 };
    // SAFETY: two open descriptors and a valid event.
    let added = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, ring, &raw mut event) };
    if added < 0 { Err(io::Error::last_os_error()) } else { Ok(epoll) }
}

/// Keeps the kernel from writing a core dump of this process, which would hold bytes of traffic, and
/// other processes of the same user from reading its memory. Files in `/proc/self` become root's by
/// it; the process itself may still read them.
///
/// # Errors
/// The kernel refused, which none is known to do.
pub fn forbid_core_dumps() -> io::Result<()> {
    // SAFETY: takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nanoseconds from the kernel's monotonic clock to the Unix epoch.
pub fn epoch_offset_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME).saturating_sub(monotonic_ns())
}

/// Now, by the kernel's monotonic clock.
fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid timespec and a clock that every Linux has.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// When a process was started, in clock ticks since boot (proc_pid_stat(5), column 22); `None` if there
/// is none of that id.
fn start_of(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in column 2 may hold anything, also `)`.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Version of the running kernel, `(major, minor)`; zeros if it cannot be told.
pub(super) fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether this process holds root's or the BPF capabilities (bits 38 and 39, or 21 before 5.8).
pub fn may_load() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    let has = |bit: u32| effective & (1 << bit) != 0;
    has(21) || (has(38) && has(39))
}

/// An error with all its sources in one line.
fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = cause.source();
    }
    // A verifier log has many lines; its last ones say what it is about.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() > 3 {
        format!("{} ... {}", lines[0], lines[lines.len() - 2..].join(" "))
    } else {
        lines.join(" ")
    }
}
