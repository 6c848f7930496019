//! What is in the scope is seen, whatever its address family or age; what is not is not: other
//! namespaces, cgroups, processes and ports. And each call is told once, with who made it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::netns::Netns;
use crate::rig::live;
use crate::sensor::{Sensor, templated};
use crate::servers::{Kind, Server, Tally};
use crate::traffic::{self, Connection, Load};

const LOAD: Load = Load { calls: 200, connections: 4, calls_per_second: 1000 };

/// A folder for a server's files beside others of the same test.
fn subfolder(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(&path).expect("a folder");
    path
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Two servers in one namespace on 8080 and 8081, a sensor with `arguments` besides the namespace, the
/// same traffic to both; what was sent to the first must be all that is in the store.
fn assert_first_only(first_in: Option<&Path>, arguments: impl Fn(&Server) -> Vec<String>) {
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let start = |name, port, cgroup| {
            let folder = subfolder(folder.path(), name);
            Server::start_in(Kind::Go, &netns, loopback(port), &folder, cgroup).expect("the server starts")
        };
        let first = start("first", 8080, first_in);
        let second = start("second", 8081, None);
        let arguments = arguments(&first);
        let mut all = vec!["--netns", netns.name(), "--front-end", front_end];
        all.extend(arguments.iter().map(String::as_str));
        let sensor = Sensor::start(folder.path(), &all).expect("the sensor captures");
        let sent = traffic::drive(&netns, first.address(), LOAD).expect("traffic");
        traffic::drive(&netns, second.address(), LOAD).expect("traffic");
        let store = sensor.stop().expect("the sensor stops in order");
        assert_eq!(store.tally().expect("endpoints"), templated(&sent), "{front_end} {arguments:?}");
    }
}

#[test]
fn a_port_is_a_scope() {
    let Some(_turn) = live() else { return };
    assert_first_only(None, |_| vec!["--port".into(), "8080".into()]);
}

#[test]
fn an_excluded_port_is_not_seen() {
    let Some(_turn) = live() else { return };
    assert_first_only(None, |_| vec!["--exclude-port".into(), "8081".into()]);
}

#[test]
fn a_process_is_a_scope() {
    let Some(_turn) = live() else { return };
    assert_first_only(None, |server| vec!["--pid".into(), server.pid().to_string()]);
}

#[test]
fn a_cgroup_is_a_scope_with_all_below_it() {
    let Some(_turn) = live() else { return };
    let outer = Cgroup::make(&cgroup_root().join(format!("apc-test-{}", std::process::id())));
    let inner = Cgroup::make(&outer.path.join("inner"));
    let scope = outer.path.display().to_string();
    assert_first_only(Some(&inner.path), |_| vec!["--cgroup".into(), scope.clone()]);
}

#[test]
fn another_namespace_is_not_seen() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (netns, other) = (Netns::create().expect("a namespace"), Netns::create().expect("a namespace"));
        let start = |netns, name| {
            let folder = subfolder(folder.path(), name);
            Server::start(Kind::Go, netns, loopback(8080), &folder).expect("the server starts")
        };
        let (_seen, _unseen) = (start(&netns, "seen"), start(&other, "unseen"));
        let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
            .expect("the sensor captures");
        traffic::drive(&other, loopback(8080), LOAD).expect("traffic");
        let sent = traffic::drive(&netns, loopback(8080), LOAD).expect("traffic");
        let store = sensor.stop().expect("the sensor stops in order");
        assert_eq!(store.tally().expect("endpoints"), templated(&sent), "{front_end}");
    }
}

#[test]
fn ipv6_is_seen_and_ipv4_by_an_ipv6_socket() {
    let Some(_turn) = live() else { return };
    for (listens, called) in [("[::1]:8080", "[::1]:8080"), ("[::]:8080", "127.0.0.1:8080")] {
        for front_end in ["socket", "syscall"] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let netns = Netns::create().expect("a network namespace");
            let address = listens.parse().expect("an address");
            let _server = Server::start(Kind::Go, &netns, address, folder.path()).expect("the server starts");
            let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
                .expect("the sensor captures");
            let sent = traffic::drive(&netns, called.parse().expect("an address"), LOAD).expect("traffic");
            let store = sensor.stop().expect("the sensor stops in order");
            assert_eq!(store.tally().expect("endpoints"), templated(&sent), "{called} by {front_end}");
        }
    }
}

#[test]
fn connections_older_than_the_sensor_are_seen() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let server =
            Server::start(Kind::Go, &netns, loopback(8080), folder.path()).expect("the server starts");
        let (mut before, mut after) = (Tally::new(), Tally::new());
        let mut connection =
            netns.within(|| Connection::open(server.address())).expect("inside").expect("connected");
        (0..40).for_each(|number| connection.send(number, &mut before).expect("a call"));
        let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
            .expect("the sensor captures");
        (0..40).for_each(|number| connection.send(number, &mut after).expect("a call"));
        let store = sensor.stop().expect("the sensor stops in order");
        assert_eq!(store.tally().expect("endpoints"), templated(&after), "{front_end}");
    }
}

#[test]
fn a_second_run_adds_to_the_first() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let server = Server::start(Kind::Go, &netns, loopback(8080), folder.path()).expect("the server starts");
    let mut tallies = Vec::new();
    for _ in 0..2 {
        let sensor = Sensor::start(folder.path(), &["--netns", netns.name()]).expect("the sensor captures");
        traffic::drive(&netns, server.address(), LOAD).expect("traffic");
        tallies.push(sensor.stop().and_then(|store| store.tally()).expect("endpoints"));
    }
    let doubled: Tally = tallies[0].iter().map(|(key, count)| (key.clone(), 2 * count)).collect();
    assert_eq!(tallies[1], doubled);
    assert_eq!(templated(&server.stop().expect("the server stops")), doubled);
}

#[test]
fn the_calling_program_is_named() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let server =
            Server::start(Kind::Node, &netns, loopback(8080), folder.path()).expect("the server starts");
        let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
            .expect("the sensor captures");
        let url = format!("http://{}/api/v1/items?size=64", server.address());
        let mut curl = netns.command("curl");
        curl.args(["--silent", "--fail", "--noproxy", "*", "--output", "/dev/null", &url, &url, &url]);
        assert!(curl.stdout(Stdio::null()).status().expect("curl runs").success());
        let store = sensor.stop().expect("the sensor stops in order");
        let callers = store.json(&["callers"]).expect("callers");
        let rows = callers["callers"].as_array().expect("rows");
        let [row] = rows.as_slice() else { panic!("one caller, once: {callers}") };
        let program = row["caller"]["program"].as_str().unwrap_or_default();
        assert!(program.ends_with("curl"), "{front_end}: {row}");
        assert_eq!(row["calls"], 3, "{front_end}: {row}");
    }
}

/// Where cgroup v2 is mounted.
fn cgroup_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/mounts").expect("mounts");
    let line =
        mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).expect("cgroup v2 is mounted");
    line.split(' ').nth(1).expect("a mount point").into()
}

/// A cgroup that is removed when dropped.
struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    fn make(path: &Path) -> Self {
        fs::create_dir(path).expect("a cgroup");
        Cgroup { path: path.to_path_buf() }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.path) {
            eprintln!("cgroup {} is left behind: {error}", self.path.display());
        }
    }
}
