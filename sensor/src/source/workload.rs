//! Process id and cgroup id -> [`Workload`]: what runs there, by facts of the host (`/proc`,
//! cgroupfs). Never reads a command line or an environment: those may hold secrets.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::flow::{Timestamp, Workload};

/// Workloads kept by process; short-lived processes would otherwise cost two file reads a connection.
const CACHE_MAX: usize = 4096;
/// How long a process id is taken to mean the same process.
const CACHE_NS: u64 = 10_000_000_000;
/// cgroup folders that a walk looks at.
const CGROUPS_MAX: usize = 50_000;
/// Time between two walks of cgroupfs.
const WALK_NS: u64 = 5_000_000_000;

/// What the kernel says of the process behind a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Thread group id.
    pub id: u32,
    /// cgroup v2 id.
    pub cgroup: u64,
    /// Task name, zero-filled.
    pub comm: [u8; schema::limits::COMM_BYTES],
}

/// Look-up of workloads with a bounded cache.
pub struct Workloads {
    proc: PathBuf,
    cgroup_root: PathBuf,
    known: HashMap<Process, (Arc<Workload>, Timestamp)>,
    cgroups: HashMap<u64, Arc<str>>,
    walked: Option<Timestamp>,
}

impl Default for Workloads {
    fn default() -> Self {
        Self::new()
    }
}

impl Workloads {
    /// On this host.
    pub fn new() -> Self {
        let unified = Path::new("/sys/fs/cgroup/unified");
        let cgroup_root = if unified.is_dir() { unified } else { Path::new("/sys/fs/cgroup") };
        Workloads::below(Path::new("/proc"), cgroup_root)
    }

    /// On a host whose processes and cgroups are described in these folders.
    pub(super) fn below(proc: &Path, cgroup_root: &Path) -> Self {
        Workloads {
            proc: proc.to_owned(),
            cgroup_root: cgroup_root.to_owned(),
            known: HashMap::new(),
            cgroups: HashMap::new(),
            walked: None,
        }
    }

    /// What runs as `process` at `now` of the monotonic clock. A process that is gone is known by its task name and cgroup.
    pub fn of(&mut self, process: Process, now: Timestamp) -> Arc<Workload> {
        if let Some((workload, at)) = self.known.get(&process)
            && now.since(*at) < CACHE_NS
        {
            return workload.clone();
        }
        let folder = self.proc.join(process.id.to_string());
        let program = fs::read_link(folder.join("exe"))
            .ok()
            .and_then(|exe| exe.file_name().map(|name| printable(&name.to_string_lossy())))
            .map(|name| name.trim_end_matches(" (deleted)").to_owned())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| task_name(&process.comm));
        let cgroup = fs::read_to_string(folder.join("cgroup"))
            .ok()
            .map(|text| Arc::from(printable(cgroup_of(&text))))
            .or_else(|| self.cgroup_path(process.cgroup, now))
            .unwrap_or_else(|| Arc::from("/"));
        let container = container_of(&cgroup).map(Arc::from);
        let workload = Arc::new(Workload { program: program.into(), cgroup, container });
        if self.known.len() >= CACHE_MAX {
            self.known.clear();
        }
        self.known.insert(process, (workload.clone(), now));
        workload
    }

    fn cgroup_path(&mut self, id: u64, now: Timestamp) -> Option<Arc<str>> {
        if !self.cgroups.contains_key(&id) && self.walked.is_none_or(|at| now.since(at) > WALK_NS) {
            self.walked = Some(now);
            self.cgroups.clear();
            let mut folders = vec![self.cgroup_root.clone()];
            while let Some(folder) = folders.pop() {
                if self.cgroups.len() >= CGROUPS_MAX {
                    break;
                }
                // The id of a cgroup is the inode number of its folder.
                let Ok(meta) = fs::symlink_metadata(&folder) else { continue };
                let below = folder.strip_prefix(&self.cgroup_root).unwrap_or(Path::new(""));
                self.cgroups.insert(meta.ino(), format!("/{}", below.display()).into());
                let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
                folders.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
            }
        }
        self.cgroups.get(&id).cloned()
    }
}

/// The cgroup path of a `/proc/<pid>/cgroup` text: the longest of all hierarchies, since on a
/// hybrid host only the v1 ones name the container.
fn cgroup_of(text: &str) -> &str {
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.fold("/", |best, path| {
        let better = (container_of(path).is_some(), path.len()) > (container_of(best).is_some(), best.len());
        if better { path } else { best }
    })
}

/// Container id in a cgroup path: the last part that is or carries 64 hex digits (Docker, containerd,
/// CRI-O, Podman), 32 (a containerd variant), or a machine name (LXC, systemd-nspawn).
pub fn container_of(path: &str) -> Option<String> {
    let mut found = None;
    for part in path.split('/') {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        let id = bare.rsplit(['-', ':']).next().unwrap_or(bare);
        let is_hex = |id: &str| id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if (id.len() == 64 || id.len() == 32) && is_hex(id) {
            // CRI-O's `conmon` monitor stands beside the container, not in it.
            if !bare.contains("conmon") {
                found = Some(id.to_owned());
            }
        } else if let Some(name) = part.strip_prefix("lxc.payload.") {
            found = Some(name.to_owned());
        } else if let Some(name) = bare.strip_prefix("machine-").filter(|_| part.ends_with(".scope")) {
            found = Some(name.replace("\\x2d", "-"));
        }
    }
    if found.is_none()
        && let Some(name) = path.strip_prefix("/lxc/").and_then(|rest| rest.split('/').next())
    {
        found = Some(name.to_owned());
    }
    found.map(|id| printable(&id))
}

fn task_name(comm: &[u8]) -> String {
    let end = comm.iter().position(|&b| b == 0).unwrap_or(comm.len());
    printable(&String::from_utf8_lossy(&comm[..end]))
}

/// Without control characters: names come from whoever started the process.
fn printable(text: &str) -> String {
    text.chars().take(256).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8a3c1f5e7b9d2046a8c0e1f3b5d7924680ace13579bdf02468ace13579bdf024";

    #[test]
    fn container_ids_are_found_in_paths_of_all_runtimes() {
        let pod = "kubepods-burstable-pod1f2e3d4c_5b6a_7980_1122_334455667788.slice";
        for path in [
            format!("/system.slice/docker-{ID}.scope"),
            format!("/docker/{ID}"),
            format!("/kubepods.slice/kubepods-burstable.slice/{pod}/cri-containerd-{ID}.scope"),
            format!("/kubepods/burstable/pod1f2e3d4c-5b6a-7980-1122-334455667788/{ID}"),
            format!("/kubepods.slice/{pod}/crio-{ID}.scope"),
            format!("/kubepods.slice/{pod}/crio-{ID}.scope/container"),
            format!("/machine.slice/libpod-{ID}.scope/container"),
            format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"),
            format!("/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:{ID}"),
            format!("/k8s.io/{ID}"),
        ] {
            assert_eq!(container_of(&path).as_deref(), Some(ID), "{path}");
        }
        assert_eq!(container_of("/lxc.payload.web1/system.slice/nginx.service").as_deref(), Some("web1"));
        assert_eq!(container_of("/lxc/web1/init.scope").as_deref(), Some("web1"));
        assert_eq!(
            container_of("/machine.slice/machine-deb\\x2dian.scope/payload").as_deref(),
            Some("deb-ian")
        );
    }

    #[test]
    fn paths_without_a_container_have_none() {
        for path in [
            "/",
            "/user.slice/user-0.slice/session-3.scope",
            "/system.slice/nginx.service",
            "/kubepods.slice/kubepods-burstable.slice",
            &format!("/kubepods.slice/crio-conmon-{ID}.scope"),
        ] {
            assert_eq!(container_of(path), None, "{path}");
        }
    }

    #[test]
    fn the_hierarchy_that_names_a_container_wins() {
        let hybrid = format!("9:name=systemd:/\n4:memory:/docker/{ID}\n0::/\n");
        assert_eq!(cgroup_of(&hybrid), format!("/docker/{ID}"));
        assert_eq!(cgroup_of("0::/system.slice/nginx.service\n"), "/system.slice/nginx.service");
        assert_eq!(cgroup_of(""), "/");
    }
}
