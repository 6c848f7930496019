//! Calls inside of TLS, read where the library of a program has the plaintext: every call that a server
//! logged is in the store, once. The programs run copies of their libraries, so that no other program
//! of the machine gets a probe.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::netns::Netns;
use crate::process::Process;
use crate::rig::live;
use crate::secret;
use crate::sensor::{Sensor, Store, templated};
use crate::servers::{Encryption, Kind, Server, Tally, data, tally_of, tools};
use crate::traffic::{self, Load};

/// Calls of one case.
const CALLS: usize = 1_200;

fn address() -> SocketAddr {
    "127.0.0.1:8443".parse().expect("an address")
}

/// A namespace, a folder, and what TLS takes.
struct Scene {
    netns: Netns,
    encryption: Encryption,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let encryption = Encryption::create(folder.path()).expect("a certificate and libraries");
        Scene { netns: Netns::create().expect("a network namespace"), encryption, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn server(&self, kind: Kind) -> Server {
        Server::start_tls(kind, &self.netns, address(), self.path(), &self.encryption)
            .expect("the server starts")
    }

    fn sensor(&self, front_end: &str) -> Sensor {
        Sensor::start_with_tls(self.path(), &["--netns", self.netns.name(), "--front-end", front_end, "-v"])
            .expect("the sensor captures")
    }

    /// A client or another program, with the copied libraries.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.netns.command(program);
        command.env("LD_LIBRARY_PATH", self.encryption.libraries());
        command
    }

    fn curl(&self, path: &str) -> Command {
        let mut command = self.command("curl");
        command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null"]);
        command.arg("--cacert").arg(self.encryption.certificate());
        command.arg(format!("https://localhost:{}{path}", address().port()));
        command
    }

    fn drive(&self, calls: usize) -> Tally {
        let load = Load { calls, connections: 20, calls_per_second: 1_000 };
        let client = secret::client().expect("a TLS client");
        traffic::drive_over(&self.netns, address(), load, &client).expect("traffic")
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("a program that starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {error}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_same(store: &Store, logged: &Tally, what: &str) {
    let found = store.tally().expect("endpoints");
    let losses = store.losses().expect("losses");
    assert_eq!(found, templated(logged), "{what}; losses: {losses:?}");
}

/// A server that ran before the sensor, connections that begin after it.
fn assert_complete(kind: Kind, front_end: &str) {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let server = scene.server(kind);
    let sensor = scene.sensor(front_end);
    wait_for_probes(&sensor);
    let sent = scene.drive(CALLS);
    let logged = server.stop().expect("the server stops");
    assert_eq!(logged, sent, "the access log is the measure");
    let store = sensor.stop().expect("the sensor stops in order");
    assert_same(&store, &logged, &format!("{kind:?} over TLS, {front_end}"));
}

/// Waits until a library has got its probes: what was open before is read in part at best.
fn wait_for_probes(sensor: &Sensor) {
    wait_until(sensor, 1, || ());
}

/// Waits until so many libraries have got their probes, and does something between two looks.
fn wait_until(sensor: &Sensor, libraries: usize, mut between: impl FnMut()) {
    let started = std::time::Instant::now();
    while sensor.log().expect("a log").matches("TLS is read here").count() < libraries {
        assert!(started.elapsed().as_secs() < 20, "no probes:\n{}", sensor.log().expect("a log"));
        between();
        std::thread::sleep(crate::process::POLL);
    }
}

macro_rules! completeness {
    ($($name:ident: $kind:ident, $front_end:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_complete(Kind::$kind, $front_end);
        })*
    };
}

completeness! {
    nginx_with_tls_by_socket: Nginx, "socket";
    nginx_with_tls_by_syscall: Nginx, "syscall";
    python_with_tls_by_socket: Python, "socket";
    node_with_tls_by_socket: Node, "socket";
    node_with_tls_by_syscall: Node, "syscall";
    go_with_tls_by_socket: Go, "socket";
    go_with_tls_by_syscall: Go, "syscall";
}

/// The library gets ciphertext from memory: which connection it is follows from lengths.
#[test]
fn asyncio_is_read_and_its_connections_are_found() {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let log = scene.path().join("access.log");
    fs::write(&log, "").expect("a log");
    let mut command = scene.command(tools().join("venv/bin/python"));
    command.arg(data("asyncio_server.py")).args([address().ip().to_string(), address().port().to_string()]);
    command.arg(&log).arg(scene.encryption.certificate()).arg(scene.encryption.key());
    let mut server = Process::start("asyncio", &mut command).expect("the server starts");
    server.wait_listening(&scene.netns, address()).expect("it listens");
    let sensor = scene.sensor("socket");
    wait_for_probes(&sensor);
    for number in 0..20 {
        let paths: Vec<String> = (0..5)
            .map(|part| format!("https://localhost:{}/api/v1/orders/{}", address().port(), number * 5 + part))
            .collect();
        // Five calls on one connection.
        let mut client = scene.curl("/api/v1/first");
        for path in &paths {
            client.args(["--output", "/dev/null"]).arg(path);
        }
        run(&mut client);
    }
    server.stop(Signal::TERM).expect("the server stops");
    let logged = tally_of(&fs::read_to_string(&log).expect("a log")).expect("an access log");
    assert_eq!(logged.values().sum::<u64>(), 120);
    let store = sensor.stop().expect("the sensor stops in order");
    assert_same(&store, &logged, "asyncio");
    let callers = callers(&store);
    assert!(callers.iter().all(|caller| caller.contains("curl")), "who called is known: {callers:?}");
}

/// Programs of all callers, from the report.
fn callers(store: &Store) -> Vec<String> {
    let report = store.json(&["report"]).expect("a report");
    let mut callers = Vec::new();
    for service in report["services"].as_array().expect("services") {
        for caller in service["callers"].as_array().into_iter().flatten() {
            callers.push(caller.to_string());
        }
    }
    callers
}

/// The server cannot be read, its clients can: curl by OpenSSL, wget by GnuTLS.
#[test]
fn clients_are_read_where_servers_cannot_be() {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let sensor = scene.sensor("socket");
    let mut expected = Tally::new();
    std::thread::scope(|scope| {
        let (ready, listening) = std::sync::mpsc::channel();
        let (netns, encryption) = (&scene.netns, &scene.encryption);
        let server = scope.spawn(move || {
            netns.enter().expect("the namespace");
            let listener = secret::listen(address()).expect("a listener");
            ready.send(()).expect("the test waits");
            secret::serve(&listener, "/end", encryption).expect("calls")
        });
        listening.recv().expect("a server");
        let wget = |path: &str| {
            let mut wget = scene.command("wget");
            wget.args(["--quiet", "--no-proxy", "--output-document=/dev/null"]);
            wget.arg(format!("--ca-certificate={}", scene.encryption.certificate().display()));
            wget.arg(format!("https://localhost:{}{path}", address().port()));
            wget
        };
        // Each lives for some milliseconds: the first of them may be gone before its library has probes.
        wait_until(&sensor, 2, || {
            run(&mut scene.curl("/warm"));
            run(&mut wget("/warm"));
        });
        for number in 0..10 {
            run(&mut scene.curl(&format!("/api/v1/orders/{number}")));
            run(&mut wget(&format!("/api/v1/users/{number}")));
        }
        run(&mut scene.curl("/end"));
        for line in server.join().expect("the server ends") {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            *expected.entry((method.to_owned(), path.to_owned(), 200)).or_default() += 1;
        }
    });
    let store = sensor.stop().expect("the sensor stops in order");
    let is_counted = |path: &str| path.starts_with("/api/");
    expected.retain(|(_, path, _), _| is_counted(path));
    assert_eq!(expected.values().sum::<u64>(), 20);
    let mut found = store.tally().expect("endpoints");
    found.retain(|(_, path, _), _| is_counted(path));
    assert_eq!(found, templated(&expected), "losses: {:?}", store.losses().expect("losses"));
}

/// Two hundred clients that live for some ten milliseconds each, and a server that began after the sensor.
#[test]
fn short_lived_clients_and_a_new_server() {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let sensor = scene.sensor("socket");
    let server = scene.server(Kind::Nginx);
    for number in 0..200 {
        run(&mut scene.curl(&format!("/api/v1/orders/{number}")));
    }
    let logged = server.stop().expect("the server stops");
    assert_eq!(logged.values().sum::<u64>(), 200);
    let store = sensor.stop().expect("the sensor stops in order");
    assert_same(&store, &logged, "short-lived clients");
}

/// HTTP/2 inside of TLS, by what the two agreed on in the handshake.
#[test]
fn http2_inside_of_tls() {
    let Some(_turn) = live() else { return };
    for kind in [Kind::Go, Kind::Node] {
        let scene = Scene::new();
        let server = scene.server(kind);
        let sensor = scene.sensor("socket");
        wait_for_probes(&sensor);
        // The client's library too: a session that is joined in its middle may not find its other end, and
        // its calls are told by both.
        let port = address().port();
        wait_until(&sensor, 2, || {
            scene.command("curl").args(["--silent", "https://localhost:1/"]).output().expect("curl starts");
        });
        let version = if kind == Kind::Go { "--http2" } else { "--http1.1" };
        for number in 0..20 {
            let mut client = scene.curl(&format!("/api/v1/orders/{number}"));
            client.arg(version).args(["--output", "/dev/null"]);
            client.arg(format!("https://localhost:{port}/api/v1/users/{number}"));
            run(&mut client);
        }
        let logged = server.stop().expect("the server stops");
        assert_eq!(logged.values().sum::<u64>(), 40);
        let store = sensor.stop().expect("the sensor stops in order");
        assert_same(&store, &logged, version);
    }
}

/// As in a container: the library is at a path that only the process's own mount namespace has.
#[test]
fn a_library_in_another_mount_namespace() {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let log = scene.path().join("access.log");
    fs::write(&log, "").expect("a log");
    let inside = scene.path().join("inside");
    fs::create_dir(&inside).expect("a folder");
    let script = "mount -t tmpfs none \"$1\" && cp \"$2\"/*.so.3 \"$1\" && export LD_LIBRARY_PATH=\"$1\" && \
                  shift 2 && exec \"$@\"";
    let mut command = scene.netns.command("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&inside).arg(scene.encryption.libraries());
    command.arg(tools().join("venv/bin/python")).arg(data("asyncio_server.py"));
    command.args([address().ip().to_string(), address().port().to_string()]).arg(&log);
    command.arg(scene.encryption.certificate()).arg(scene.encryption.key());
    let sensor = scene.sensor("socket");
    let mut server = Process::start("asyncio", &mut command).expect("the server starts");
    server.wait_listening(&scene.netns, address()).expect("it listens");
    wait_for_probes(&sensor);
    assert!(!inside.join("libssl.so.3").exists(), "the library is seen from outside");
    for number in 0..10 {
        // Of one call alone the connection is not always found: see `asyncio`.
        let mut client = scene.curl(&format!("/api/v1/orders/{number}"));
        for part in 0..3 {
            client.args(["--output", "/dev/null"]);
            client.arg(format!("https://localhost:{}/api/v1/orders/{part}", address().port()));
        }
        run(&mut client);
    }
    server.stop(Signal::TERM).expect("the server stops");
    let logged = tally_of(&fs::read_to_string(&log).expect("a log")).expect("an access log");
    assert_eq!(logged.values().sum::<u64>(), 40);
    let store = sensor.stop().expect("the sensor stops in order");
    assert_same(&store, &logged, "a process in a mount namespace of its own");
}

/// Probes in a Go program come and go while its stacks grow and move: it never crashes.
#[test]
fn go_survives_probes_that_come_and_go() {
    let Some(_turn) = live() else { return };
    let scene = Scene::new();
    let server = scene.server(Kind::Go);
    std::thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let load = Load { calls: 20_000, connections: 20, calls_per_second: 1_500 };
            let client = secret::client().expect("a TLS client");
            traffic::drive_over(&scene.netns, address(), load, &client).expect("traffic")
        });
        for _ in 0..10 {
            let sensor = scene.sensor("socket");
            wait_for_probes(&sensor);
            std::thread::sleep(std::time::Duration::from_millis(300));
            sensor.stop().expect("the sensor stops in order");
        }
        let sent = traffic.join().expect("traffic ends");
        assert_eq!(sent.values().sum::<u64>(), 20_000);
    });
    assert_eq!(server.stop().expect("the server stops").values().sum::<u64>(), 20_000);
}
