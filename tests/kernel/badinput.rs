//! A bad environment or bad input ends with one clear sentence and the exit code for it: 2 usage,
//! 3 environment, 4 store. Nothing that was stored is lost by it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::netns::Netns;
use crate::rig::live;
use crate::sensor::{Sensor, Store, program, templated};
use crate::servers::{Kind, Server};
use crate::traffic::{self, Load};

/// The sentence names its subject, says nothing of the program's inside, and the code fits.
#[track_caller]
fn assert_sentence(code: Option<i32>, log: &str, codes: &[i32], part: &str) {
    assert!(
        code.is_some_and(|code| codes.contains(&code)),
        "exit code {code:?}, not one of {codes:?}:\n{log}"
    );
    let errors: Vec<&str> = log.lines().filter(|line| line.starts_with("error:")).collect();
    assert_eq!(errors.len(), 1, "one sentence that begins with `error:`\n{log}");
    assert!(errors[0].to_lowercase().contains(part), "the sentence lacks {part:?}: {}", errors[0]);
    for inside in ["panicked", "RUST_BACKTRACE", "Os {", "SqliteError", "Database(", "unwrap"] {
        assert!(!log.contains(inside), "{inside} in the output:\n{log}");
    }
}

/// Runs the sensor until it ends by itself, with a limit so that a wrong success ends too.
#[track_caller]
fn assert_run_refused(folder: &Path, arguments: &[&str], codes: &[i32], part: &str) {
    let arguments = [arguments, &["--duration", "20"]].concat();
    let (code, log) = Sensor::spawn(folder, &arguments).and_then(Sensor::wait).expect("the sensor ends");
    assert_sentence(code, &log, codes, part);
}

#[test]
fn no_scope() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, log) = Sensor::spawn(folder.path(), &[]).and_then(Sensor::wait).expect("the sensor ends");
    assert_sentence(code, &log, &[2], "scope");
    for choice in ["--netns", "--cgroup", "--pid", "--host"] {
        assert!(log.contains(choice), "the choices are named, {choice} too:\n{log}");
    }
}

#[test]
fn no_such_namespace() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_run_refused(folder.path(), &["--netns", "apc-none-such"], &[2, 3], "apc-none-such");
}

#[test]
fn no_such_cgroup() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_run_refused(folder.path(), &["--cgroup", "/apc-none-such"], &[2, 3], "apc-none-such");
}

#[test]
fn no_such_process() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Over the largest process id of Linux.
    assert_run_refused(folder.path(), &["--pid", "4194305"], &[2, 3], "4194305");
}

#[test]
fn not_root() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    // Where anybody may run it and write its store.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("permissions");
    let copy = folder.path().join("apicensus");
    fs::copy(program(), &copy).expect("a copy of the program");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
        .arg(&copy)
        .arg("--store")
        .arg(folder.path().join("apicensus.db"))
        .args(["run", "--duration", "20", "--netns"])
        .arg(netns.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("setpriv");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_sentence(output.status.code(), &log, &[3], "root");
}

#[test]
fn a_locked_database() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let store = make_store(folder.path(), &netns);
    let mut lock = sqlite(&store, "c.execute('BEGIN EXCLUSIVE')");
    assert_run_refused(folder.path(), &["--netns", netns.name()], &[4], "locked");
    lock.kill().expect("the lock's owner ends");
    lock.wait().expect("the lock's owner ends");
}

#[test]
fn a_newer_database() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let store = make_store(folder.path(), &netns);
    let mut change = sqlite(&store, "c.execute('PRAGMA user_version = 99')");
    drop(change.stdin.take());
    assert!(change.wait().expect("python ends").success());
    assert_run_refused(folder.path(), &["--netns", netns.name()], &[4], "newer");
    let output = store.output(&["report"]).expect("the report runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_sentence(output.status.code(), &log, &[4], "newer");
}

#[test]
fn no_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store { path: folder.path().join("none").join("apicensus.db") };
    let output = store.output(&["report"]).expect("the report runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_sentence(output.status.code(), &log, &[4], "apicensus.db");
}

#[test]
fn a_file_that_is_no_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store { path: folder.path().join("apicensus.db") };
    fs::write(&store.path, "no database ".repeat(1000)).expect("a file");
    let output = store.output(&["report"]).expect("the report runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_sentence(output.status.code(), &log, &[4], "apicensus.db");
}

#[test]
fn a_full_disk_at_the_start() {
    let Some(_turn) = live() else { return };
    let netns = Netns::create().expect("a network namespace");
    let disk = SmallDisk::mount("16k");
    let store = Store { path: disk.path().join("apicensus.db") };
    let output =
        store.output(&["run", "--duration", "20", "--netns", netns.name()]).expect("the sensor ends");
    assert_sentence(output.status.code(), &String::from_utf8_lossy(&output.stderr), &[4], "full");
}

#[test]
fn a_disk_that_fills_up_loses_nothing_stored() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let disk = SmallDisk::mount("8m");
    let address = "127.0.0.1:8080".parse().expect("an address");
    let server = Server::start(Kind::Go, &netns, address, folder.path()).expect("the server starts");
    let sensor = Sensor::start(disk.path(), &["--netns", netns.name(), "--flush-ms", "100"])
        .expect("the sensor captures");
    let load = Load { calls: 300, connections: 4, calls_per_second: 1000 };
    let sent = templated(&traffic::drive(&netns, address, load).expect("traffic"));
    sensor
        .wait_for("call of the first part", |_| sensor.store().tally().is_ok_and(|tally| tally == sent))
        .expect("the first part is stored");

    disk.fill();
    // A reader: while it looks at the present state the write-ahead log can only grow, else the sensor
    // makes room by itself, as it should.
    let mut reader = sqlite(
        sensor.store(),
        "c.execute('BEGIN'); c.execute('SELECT count(*) FROM sqlite_schema').fetchall()",
    );
    traffic::drive(&netns, address, load).expect("traffic");
    let (code, log) = sensor.stop_any().expect("the sensor ends");
    reader.kill().and_then(|()| reader.wait()).expect("the reader ends");
    assert_sentence(code, &log, &[4], "full");
    disk.free();
    let found = Store { path: disk.path().join("apicensus.db") }.tally().expect("the store can be read");
    for (key, count) in &sent {
        assert!(
            found.get(key) >= Some(count),
            "{key:?}: {:?} of {count} stored calls are left",
            found.get(key)
        );
    }
    server.stop().expect("the server stops");
}

/// A store that one run has made.
fn make_store(folder: &Path, netns: &Netns) -> Store {
    Sensor::start(folder, &["--netns", netns.name()]).and_then(Sensor::stop).expect("an ordinary run")
}

/// Opens a database by Python's sqlite3, executes a statement, says so and keeps it open until its
/// input ends.
fn sqlite(store: &Store, statement: &str) -> Child {
    let script = format!(
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n{statement}\n\
         print('done', flush=True)\nsys.stdin.read()\n"
    );
    let mut child = Command::new("python3")
        .args(["-c", &script])
        .arg(&store.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line, "done\n");
    child
}

/// A file system in memory of a few kilobytes; unmounted when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .status()
            .expect("mount");
        assert!(status.success(), "a tmpfs is mounted");
        SmallDisk { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until nothing fits.
    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filler")).expect("a file");
        for size in [65_536, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).expect("the file is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a program that is about to end may still have a file open.
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}
