//! What live capture needs, looked at piece by piece, each with its remedy. The front ends are
//! tried for real, on a scope that holds nothing but the agent's own probe.

use std::fs;
use std::path::Path;

use schema::control::Scope;

use super::{BTF_PATH, Capture, FrontEnd, Settings, kernel_version, may_load};
use crate::source::check::{Check, Outcome};

/// All checks, in the order in which a person would go through them.
pub fn checks() -> Vec<Check> {
    let mut checks = vec![kernel(), btf(), privileges()];
    let front_ends = [FrontEnd::Socket, FrontEnd::Syscall].map(|front_end| (front_end, attempt(front_end)));
    let any_works = front_ends.iter().any(|(_, result)| result.is_ok());
    for (front_end, result) in front_ends {
        let name = format!("front end {}", front_end.name());
        checks.push(match result {
            Ok(()) => Check::ok(name, "caught the probe's own bytes, byte for byte"),
            Err(why) => {
                let outcome = if any_works { Outcome::Degraded } else { Outcome::Failed };
                let remedy = match front_end {
                    FrontEnd::Socket => {
                        "kernels from 6.3 on have its hooks; older ones use the syscall front end"
                    }
                    FrontEnd::Syscall => "needs a kernel from 5.10 on, with BTF, and the privileges above",
                };
                Check::not_ok(name, outcome, why, remedy)
            }
        });
    }
    checks.push(cgroup());
    checks.push(tracefs());
    checks
}

fn attempt(front_end: FrontEnd) -> Result<(), String> {
    let settings = Settings {
        front_end: Some(front_end),
        // No namespace has inode 1: only the probe's own sockets are looked at.
        scope: Scope { network_namespace: 1, ..Scope::default() },
        processes: Vec::new(),
        operation_bytes_max: 4096,
        burst_bytes_max: 4096,
        tls: None,
    };
    Capture::start(&settings).map(drop).map_err(|error| error.to_string())
}

fn kernel() -> Check {
    let version = kernel_version();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let detail = format!("Linux {} on {}", release.trim(), std::env::consts::ARCH);
    if version >= (5, 10) {
        Check::ok("kernel", detail)
    } else {
        Check::not_ok("kernel", Outcome::Failed, detail, "5.10 is the oldest kernel that is supported")
    }
}

fn btf() -> Check {
    match fs::metadata(BTF_PATH) {
        Ok(file) => Check::ok("BTF", format!("{BTF_PATH}, {} KiB", file.len() / 1024)),
        Err(cause) => Check::not_ok(
            "BTF",
            Outcome::Failed,
            format!("cannot read {BTF_PATH}: {cause}"),
            "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys",
        ),
    }
}

fn privileges() -> Check {
    if may_load() {
        Check::ok("privileges", "may load BPF programs")
    } else {
        Check::not_ok(
            "privileges",
            Outcome::Failed,
            "may not load BPF programs",
            "run as root, or with CAP_BPF and CAP_PERFMON (and CAP_SYS_PTRACE to name processes)",
        )
    }
}

fn cgroup() -> Check {
    match ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .into_iter()
        .find(|path| Path::new(path).join("cgroup.procs").exists())
    {
        Some(path) => Check::ok("cgroup v2", path),
        None => Check::not_ok(
            "cgroup v2",
            Outcome::Degraded,
            "not mounted",
            "only `--cgroup` and container names need it: mount -t cgroup2 none /sys/fs/cgroup",
        ),
    }
}

fn tracefs() -> Check {
    match ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .into_iter()
        .find(|path| Path::new(path).join("events").is_dir())
    {
        Some(path) => Check::ok("tracefs", path),
        None => Check::ok("tracefs", "not mounted; not needed, both front ends attach without it"),
    }
}
