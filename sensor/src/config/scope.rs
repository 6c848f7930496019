//! What is captured: names and paths of namespaces, cgroups and processes become the numbers that
//! the kernel compares. A name that this machine does not know is an error, never an empty scope.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use schema::limits::{SCOPE_PORTS_MAX, SCOPE_PROCESSES_MAX};

use super::Failure;
use crate::cli;

/// What is captured. At least one of the parts is there, or `host`; parts narrow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Network namespace, by the inode of its nsfs file.
    pub network_namespace: Option<Namespace>,
    /// cgroup v2 with all below it.
    pub cgroup: Option<Cgroup>,
    /// Processes (thread groups); empty for any.
    pub processes: Vec<u32>,
    /// Everything on this host.
    pub host: bool,
    /// Only connections with one of these local or remote ports; empty for any.
    pub ports: Vec<u16>,
    /// No connection with one of these local or remote ports.
    pub ports_excluded: Vec<u16>,
}

/// A network namespace. Held open: the kernel gives the inode of one that is gone to the next, and the
/// next is somebody else's.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Inode of its nsfs file.
    pub inode: u32,
    _open: Arc<File>,
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.inode == other.inode
    }
}

impl Eq for Namespace {}

/// A cgroup v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its id: the inode of its directory.
    pub id: u64,
    /// Depth below the root of the hierarchy; 0 is the root.
    pub level: u32,
    /// Path below the root of the hierarchy, `/` for the root.
    pub path: String,
    /// Its directory.
    pub directory: PathBuf,
}

impl Scope {
    /// Looks up what was typed.
    pub fn of(typed: &cli::Run) -> Result<Scope, Failure> {
        if typed.netns.is_none() && typed.cgroup.is_none() && typed.pid.is_empty() && !typed.host {
            return Err(Failure::Usage(
                "no scope given; say what to capture with --netns, --cgroup or --pid, or everything with --host"
                    .to_owned(),
            ));
        }
        for (option, ports) in [("--port", &typed.port), ("--exclude-port", &typed.exclude_port)] {
            if ports.len() > SCOPE_PORTS_MAX {
                return Err(Failure::Usage(format!(
                    "{option} is given {} times, at the most {SCOPE_PORTS_MAX} are possible",
                    ports.len()
                )));
            }
        }
        if typed.pid.len() > SCOPE_PROCESSES_MAX as usize {
            return Err(Failure::Usage(format!(
                "--pid is given {} times, at the most {SCOPE_PROCESSES_MAX} are possible; use --cgroup",
                typed.pid.len()
            )));
        }
        for pid in &typed.pid {
            if !Path::new(&format!("/proc/{pid}/ns")).exists() {
                return Err(Failure::environment(format!("there is no process {pid}; see `ps -e`")));
            }
        }
        Ok(Scope {
            network_namespace: typed.netns.as_deref().map(network_namespace).transpose()?,
            cgroup: typed.cgroup.as_deref().map(cgroup).transpose()?,
            processes: typed.pid.clone(),
            host: typed.host,
            ports: typed.port.clone(),
            ports_excluded: typed.exclude_port.clone(),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.host {
            parts.push("host".to_owned());
        }
        if let Some(Namespace { inode, .. }) = &self.network_namespace {
            parts.push(format!("netns {inode}"));
        }
        if let Some(cgroup) = &self.cgroup {
            parts.push(format!("cgroup {}", cgroup.path));
        }
        for (word, numbers) in [
            ("pid", self.processes.iter().map(u32::to_string).collect::<Vec<_>>()),
            ("port", self.ports.iter().map(u16::to_string).collect()),
            ("not port", self.ports_excluded.iter().map(u16::to_string).collect()),
        ] {
            if !numbers.is_empty() {
                parts.push(format!("{word} {}", numbers.join(",")));
            }
        }
        f.write_str(&parts.join(", "))
    }
}

/// Folders where `ip netns` keeps names.
const NAMED: [&str; 2] = ["/run/netns", "/var/run/netns"];

fn network_namespace(text: &str) -> Result<Namespace, Failure> {
    if let Ok(inode) = text.parse::<u32>() {
        return known_namespaces().find(|known| known.inode == inode).ok_or_else(|| {
            Failure::environment(format!(
                "no process and no name is in a network namespace with inode {inode}; see `lsns -t net`"
            ))
        });
    }
    let path = if text.contains('/') {
        PathBuf::from(text)
    } else {
        let named = NAMED.iter().map(|folder| Path::new(folder).join(text)).find(|path| path.exists());
        named.ok_or_else(|| {
            Failure::environment(format!("there is no network namespace `{text}`; see `ip netns list`"))
        })?
    };
    open_namespace(&path)
}

/// Opens the namespace that a file stands for.
fn open_namespace(path: &Path) -> Result<Namespace, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::environment_because(format!("cannot read the network namespace {}", path.display()), error)
    };
    // `/proc/PID/ns/*` says its kind; a file that `ip netns` made does not, but stands on nsfs too.
    if let Ok(target) = fs::read_link(path)
        && let Some(target) = target.to_str().filter(|target| target.contains(":["))
        && !target.starts_with("net:[")
    {
        return Err(Failure::environment(format!(
            "{} is no network namespace but another kind; use its ns/net",
            path.display()
        )));
    }
    let open = File::open(path).map_err(unreadable)?;
    let file = open.metadata().map_err(unreadable)?;
    let own = fs::metadata("/proc/self/ns/net").map_err(unreadable)?;
    if file.dev() != own.dev() {
        return Err(Failure::environment(format!(
            "{} is no network namespace; give a name of `ip netns` or a path such as /proc/PID/ns/net",
            path.display()
        )));
    }
    let inode = u32::try_from(file.ino()).map_err(|_| {
        Failure::environment(format!("the inode of {} is larger than the kernel's are", path.display()))
    })?;
    Ok(Namespace { inode, _open: Arc::new(open) })
}

fn known_namespaces() -> impl Iterator<Item = Namespace> {
    let named = NAMED.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    named
        .map(|entry| entry.path())
        .chain(processes.map(|entry| entry.path().join("ns/net")))
        .filter_map(|path| open_namespace(&path).ok())
}

/// Looks a cgroup up by its directory, or by its path below the root of the hierarchy.
fn cgroup(path: &Path) -> Result<Cgroup, Failure> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| Failure::environment_because("cannot read /proc/self/mountinfo", error))?;
    let (mount, root) = cgroup_mount(&mounts).ok_or_else(|| {
        Failure::environment("no cgroup v2 is mounted here; `mount -t cgroup2 none /sys/fs/cgroup` mounts it")
    })?;
    let unknown = || {
        Failure::environment(format!(
            "there is no cgroup {} in the cgroup v2 below {}",
            path.display(),
            mount.display()
        ))
    };
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Failure::Usage(format!("--cgroup {} must not hold `..`", path.display())));
    }
    let below = path.strip_prefix(&mount).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
    let directory = mount.join(below);
    let metadata = fs::metadata(&directory).map_err(|_| unknown())?;
    let same_mount = fs::metadata(&mount).is_ok_and(|m| m.dev() == metadata.dev());
    if !metadata.is_dir() || !same_mount {
        return Err(unknown());
    }
    // A mount may show only a part of the hierarchy, as inside a container.
    let full = root.join(below);
    let names = full.components().filter(|part| matches!(part, Component::Normal(_))).count();
    Ok(Cgroup {
        id: metadata.ino(),
        level: u32::try_from(names).unwrap_or(u32::MAX),
        path: full.to_string_lossy().trim_end_matches('/').to_owned() + if names == 0 { "/" } else { "" },
        directory,
    })
}

/// Mount point of the first cgroup v2 and what of the hierarchy it shows (proc_pid_mountinfo(5)).
fn cgroup_mount(mountinfo: &str) -> Option<(PathBuf, PathBuf)> {
    mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if after.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut columns = before.split(' ').skip(3);
        let root = columns.next()?;
        let point = columns.next()?;
        Some((PathBuf::from(unescape(point)), PathBuf::from(unescape(root))))
    })
}

/// Undoes the octal escapes of mountinfo for the four characters that it escapes.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_cgroup_v2_mount_of_a_hybrid_host() {
        let mountinfo = "\
25 20 0:22 / /sys/fs/cgroup rw shared:4 - tmpfs tmpfs rw\n\
26 25 0:23 / /sys/fs/cgroup/uni\\040fied rw,nosuid - cgroup2 cgroup2 rw\n\
27 25 0:24 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let (mount, root) = cgroup_mount(mountinfo).expect("there is one");
        assert_eq!(mount, Path::new("/sys/fs/cgroup/uni fied"));
        assert_eq!(root, Path::new("/"));
        assert_eq!(cgroup_mount("25 20 0:22 / /sys rw - sysfs sysfs rw\n"), None);
    }

    #[test]
    fn finds_the_own_network_namespace_by_path_and_by_inode() {
        let own = open_namespace(Path::new("/proc/self/ns/net")).expect("every process has one");
        assert_eq!(network_namespace(&own.inode.to_string()).expect("it is in use"), own);
        assert!(matches!(open_namespace(Path::new("/proc/self/ns/mnt")), Err(Failure::Environment { .. })));
        assert!(matches!(open_namespace(Path::new("/proc/self/status")), Err(Failure::Environment { .. })));
    }
}
