//! A process -> the files whose code it runs, as `/proc` shows them, openable from here whatever its root
//! is and also when a file was replaced. Which of them matter is not judged here.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::limits::{MAPPED_FILES_MAX, MAPS_BYTES_MAX};

/// A file with code in the memory of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Device of the file, by `fstat`: `/proc/<pid>/maps` says another one on btrfs and overlays.
    pub device: u64,
    /// Inode number on that device.
    pub inode: u64,
    /// When its content changed last, nanoseconds since the epoch: numbers of inodes are used again, and
    /// unlike `ctime` it stays as it is when the file is deleted.
    pub modified_ns: i64,
    /// A path that can be opened while the process maps the file; open it once, see that the device and
    /// the inode are the same, and go on with the open file.
    pub path: PathBuf,
    /// Its path as the process sees it.
    pub name: String,
    /// It is not on the disk any more: the process began before an update.
    pub deleted: bool,
}

impl Mapped {
    fn new(metadata: &fs::Metadata, path: PathBuf, name: String, deleted: bool) -> Mapped {
        let modified_ns =
            metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Mapped { device: metadata.dev(), inode: metadata.ino(), modified_ns, path, name, deleted }
    }
}

/// The files that the process `pid` below `proc` (`/proc`) maps with the right to be executed, its own
/// program first, each once; at most `limits::MAPPED_FILES_MAX`. Those that cannot be reached any more
/// are left out. An error is that the process is gone or that it may not be looked at.
pub fn of_process(proc: &Path, pid: u32) -> io::Result<Vec<Mapped>> {
    let root = proc.join(pid.to_string());
    let maps = fs::File::open(root.join("maps"))?;
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    let program = root.join("exe");
    let program_name = fs::read_link(&program).unwrap_or_default();
    if let Ok(metadata) = fs::metadata(&program) {
        let (name, deleted) = name(&program_name.to_string_lossy());
        seen.insert((metadata.dev(), metadata.ino()));
        files.push(Mapped::new(&metadata, program, name, deleted));
    }
    let mut looked_at = HashSet::new();
    for line in BufReader::new(maps.take(MAPS_BYTES_MAX)).split(b'\n') {
        let line = line?;
        let Some(mapping) = Mapping::parse(&line) else { continue };
        // A file has one executable mapping, rarely some: the rest costs no look at the file.
        if !looked_at.insert((mapping.device.to_owned(), mapping.inode, mapping.name.to_owned())) {
            continue;
        }
        let Some((path, metadata)) = reach(&root, &mapping) else { continue };
        if !metadata.is_file() || !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        if files.len() >= MAPPED_FILES_MAX {
            break;
        }
        let (name, deleted) = name(mapping.name);
        files.push(Mapped::new(&metadata, path, name, deleted));
    }
    Ok(files)
}

/// The network namespace of a process: the inode of `/proc/<pid>/ns/net`; `None` if it is gone or may
/// not be looked at.
pub fn network_namespace(proc: &Path, pid: u32) -> Option<u64> {
    let path = proc.join(pid.to_string()).join("ns/net");
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// The mapped file itself by its range, which needs `CAP_CHECKPOINT_RESTORE`, or else what has its name
/// in the root of the process now.
fn reach(root: &Path, mapping: &Mapping) -> Option<(PathBuf, fs::Metadata)> {
    let itself = root.join("map_files").join(format!("{:x}-{:x}", mapping.start, mapping.end));
    if let Ok(metadata) = fs::metadata(&itself) {
        return Some((itself, metadata));
    }
    let (name, deleted) = name(mapping.name);
    if deleted {
        return None;
    }
    let named = root.join("root").join(name.trim_start_matches('/'));
    let metadata = fs::metadata(&named).ok()?;
    // Another file may have taken the name. Devices differ on overlays, numbers hardly.
    (metadata.ino() == mapping.inode).then_some((named, metadata))
}

/// A name without the mark of the kernel, and whether the mark was there.
fn name(text: &str) -> (String, bool) {
    match text.strip_suffix(" (deleted)") {
        Some(name) => (name.to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// A line of `maps` with code from a file (`proc_pid_maps(5)`).
struct Mapping<'a> {
    start: u64,
    end: u64,
    device: &'a str,
    inode: u64,
    name: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a [u8]) -> Option<Mapping<'a>> {
        let line = str::from_utf8(line).ok()?;
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let rights = fields.next()?;
        let (_, device, inode) = (fields.next()?, fields.next()?, fields.next()?);
        let name = fields.next()?.trim_start();
        let special = ["/dev/", "/SYSV", "/memfd:", "/["];
        if rights.as_bytes().get(2) != Some(&b'x')
            || !name.starts_with('/')
            || special.iter().any(|beginning| name.starts_with(beginning))
        {
            return None;
        }
        Some(Mapping {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            device,
            inode: inode.parse().ok()?,
            name,
        })
    }
}
