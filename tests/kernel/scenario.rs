//! Every rule fires where it is planted and nowhere else: real servers, real clients on two networks, real
//! specifications, and a twin that does as its specification says, of which nothing may be found.

mod plan;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::Value;

use crate::exchange::{Exchange, exchange};
use crate::netns::Netns;
use crate::process::Process;
use crate::rig::live;
use crate::sensor::{Sensor, Store};
use crate::servers::{data, tools};

/// Where the server is for clients of its own network, and of the other one.
pub const INSIDE: &str = "127.0.0.1:8080";
const PUBLIC: &str = "203.0.113.1:8080";
/// A server of somebody else, on the other network.
const PARTNER: &str = "198.51.100.7:9000";

/// Joins two namespaces: public addresses (RFC 5737) at both ends.
fn connect(inside: &Netns, outside: &Netns) {
    let (near, far) = (format!("a{}", std::process::id()), format!("b{}", std::process::id()));
    let ip = |arguments: &[&str]| {
        let status = Command::new("ip").args(arguments).status().expect("ip runs");
        assert!(status.success(), "ip {}", arguments.join(" "));
    };
    let (one, other) = (inside.name(), outside.name());
    ip(&["link", "add", &near, "netns", one, "type", "veth", "peer", "name", &far, "netns", other]);
    ip(&["-n", one, "address", "add", "203.0.113.1/24", "dev", &near]);
    ip(&["-n", other, "address", "add", "203.0.113.9/24", "dev", &far]);
    ip(&["-n", other, "address", "add", "198.51.100.7/32", "dev", &far]);
    ip(&["-n", one, "link", "set", &near, "up"]);
    ip(&["-n", other, "link", "set", &far, "up"]);
    ip(&["-n", one, "route", "add", "198.51.100.7/32", "via", "203.0.113.9"]);
}

/// gunicorn with the table's application in a namespace.
pub fn serve(netns: &Netns, bind: &[&str], exchanges: &[Exchange], folder: &Path) -> Process {
    let table = folder.join("table.json");
    let answers: Vec<Value> = exchanges.iter().map(Exchange::answer).collect();
    fs::write(&table, Value::from(answers).to_string()).expect("the table is written");
    let output = fs::File::create(folder.join("server.out")).expect("a file for what it says");
    let mut command = netns.command(tools().join("venv/bin/python"));
    command.args(["-m", "gunicorn", "--workers", "1", "--threads", "8", "--worker-class", "gthread"]);
    command.args(["--no-control-socket", "--graceful-timeout", "1", "--worker-tmp-dir", "/dev/shm"]);
    for address in bind {
        command.args(["--bind", address]);
    }
    command.arg("--chdir").arg(data("")).arg("table:application").env("TABLE", &table);
    command.env("PYTHONPYCACHEPREFIX", folder).env("HOME", folder);
    command.stdout(output.try_clone().expect("the same file")).stderr(output);
    let mut process = Process::start("gunicorn", &mut command).expect("gunicorn starts");
    process.wait_listening(netns, bind[0].parse().expect("an address")).expect("it listens");
    process
}

/// A connection that says hello as TLS does, to nobody who understands it.
fn tls(inside: &Netns) {
    inside
        .within(|| {
            let listener = TcpListener::bind("127.0.0.1:8443").expect("a port");
            let client = std::thread::spawn(|| {
                let mut stream = TcpStream::connect("127.0.0.1:8443").expect("a connection");
                let mut hello = vec![0x16, 3, 1, 1, 252, 1, 0, 1, 248, 3, 3];
                hello.resize(517, 7);
                stream.write_all(&hello).expect("sends");
                stream.read_to_end(&mut Vec::new()).ok();
            });
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0; 517]).expect("the hello");
            stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).expect("an alert");
            drop(stream);
            // The thread was begun inside of the namespace, so that it is there as well.
            client.join().expect("the client ends");
        })
        .expect("within the namespace");
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Rules with where they fired, each once, sorted.
pub fn found(store: &Store, arguments: &[&str]) -> Vec<(String, String)> {
    let findings = store.json(&[&["findings"], arguments].concat()).expect("findings");
    let rows = findings["findings"].as_array().expect("a list");
    let place = |row: &Value| {
        let word = |name: &str| row[name].as_str().map(str::to_owned);
        let parts = [word("service"), word("method"), word("path")];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let all: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row["rule"].as_str().expect("a rule").to_owned(), place(row))).collect();
    all.into_iter().collect()
}

#[test]
fn every_rule_fires_where_it_is_planted_and_nowhere_else() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (inside, outside) = (Netns::create().expect("a namespace"), Netns::create().expect("a namespace"));
    connect(&inside, &outside);
    let now = seconds();
    let (first, second) = (plan::first(now), plan::second(now));
    let (near, far) = (folder.path().join("near"), folder.path().join("far"));
    for folder in [&near, &far] {
        fs::create_dir(folder).expect("a folder");
    }
    let all: Vec<Exchange> = first.iter().chain(&second).cloned().collect();
    let partner = exchange(PARTNER, "GET /api/v1/rates", r#"{"total":1}"#);
    // The second answer of an endpoint is given by a server of its own: one table, one answer.
    let mut server = serve(&inside, &[INSIDE, PUBLIC], &first, &near);
    let mut other = serve(&outside, &[PARTNER], std::slice::from_ref(&partner), &far);
    let sensor = Sensor::start(folder.path(), &["--netns", inside.name()]).expect("the sensor captures");
    let started = std::time::Instant::now();
    let (address, public) = (INSIDE.parse().expect("an address"), PUBLIC.parse().expect("an address"));
    let send = |exchanges: &[Exchange]| {
        for exchange in exchanges {
            exchange.send(&inside, &outside, address, public).expect("is answered");
        }
    };
    send(&first);
    let partner_at: SocketAddr = PARTNER.parse().expect("an address");
    partner.send(&inside, &outside, partner_at, partner_at).expect("is answered");
    tls(&inside);
    // Learning is over when all was seen once, and a second has passed.
    let learning = started.elapsed() + Duration::from_secs(1);
    while started.elapsed() < learning + Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop(Signal::TERM).expect("stops");
    let mut server = serve(&inside, &[INSIDE, PUBLIC], &all, &near);
    send(&second);
    server.stop(Signal::TERM).expect("stops");
    other.stop(Signal::TERM).expect("stops");
    let store = sensor.stop().expect("the sensor stops in order");

    let specs = crate::servers::repository().join("tests/data/scenario");
    store.text(&["spec", "add", &specs.to_string_lossy()]).expect("specifications are taken");
    let learning = format!("{}s", learning.as_secs());
    let found = found(&store, &["--learning", &learning]);
    let expected: Vec<(String, String)> =
        plan::expected().into_iter().map(|(rule, place)| (rule.to_owned(), place.to_owned())).collect();
    let missing: Vec<_> = expected.iter().filter(|expected| !found.contains(expected)).collect();
    let extra: Vec<_> = found.iter().filter(|found| !expected.contains(found)).collect();
    let coverage = &store.json(&["report"]).expect("a report")["coverage"];
    let is_right = missing.is_empty() && extra.is_empty();
    assert!(is_right, "missing: {missing:#?}\nextra: {extra:#?}\ncoverage: {coverage:#?}");
}
