//! Every call that a real server logged is in the store, once: by method, path and status, for each
//! server and each front end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::netns::Netns;
use crate::process::POLL;
use crate::rig::live;
use crate::sensor::{Sensor, templated};
use crate::servers::{Kind, Server, Tally};
use crate::traffic::{self, Load};

/// Calls per server and front end in the ordinary suite.
const CALLS: usize = 4_000;

/// Below saturation of two cores, with the test build of the sensor.
const CALLS_PER_SECOND: u32 = 2_000;

fn assert_complete(kind: Kind, front_end: &str, calls: usize) {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let address = "127.0.0.1:8080".parse().expect("an address");
    let server = Server::start(kind, &netns, address, folder.path()).expect("the server starts");
    let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
        .expect("the sensor captures");

    let load = Load { calls, connections: 50, calls_per_second: CALLS_PER_SECOND };
    let started = Instant::now();
    let sent = traffic::drive(&netns, server.address(), load).expect("traffic");
    let seconds = started.elapsed().as_secs_f64();
    let logged = server.stop().expect("the server stops");
    assert_eq!(logged, sent, "the access log is the measure");

    let store = sensor.stop().expect("the sensor stops in order");
    let found = store.tally().expect("endpoints");
    let losses = store.losses().expect("losses");
    let stored: u64 = found.values().sum();
    println!(
        "{kind:?}, {front_end}: {stored} of {calls} calls stored, sent in {seconds:.1} s; losses {losses:?}"
    );
    assert_same(&found, &templated(&logged), &format!("{kind:?}, {front_end}; losses: {losses:?}"));
}

#[track_caller]
fn assert_same(found: &Tally, expected: &Tally, what: &str) {
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differences: Vec<String> = keys
        .into_iter()
        .filter(|&key| found.get(key) != expected.get(key))
        .map(|key| {
            let count = |tally: &Tally| tally.get(key).copied().unwrap_or(0);
            format!(
                "{} {} {}: {} in the store, {} logged",
                key.0,
                key.1,
                key.2,
                count(found),
                count(expected)
            )
        })
        .collect();
    assert!(differences.is_empty(), "{what}\n{}", differences.join("\n"));
}

macro_rules! completeness {
    ($($name:ident: $kind:ident, $front_end:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_complete(Kind::$kind, $front_end, CALLS);
        })*
    };
}

completeness! {
    nginx_by_socket: Nginx, "socket";
    nginx_by_syscall: Nginx, "syscall";
    python_by_socket: Python, "socket";
    python_by_syscall: Python, "syscall";
    node_by_socket: Node, "socket";
    node_by_syscall: Node, "syscall";
    go_by_socket: Go, "socket";
    go_by_syscall: Go, "syscall";
}

/// The long run: `cargo xtask test --full`.
#[test]
#[ignore = "two minutes"]
fn twenty_thousand_calls_of_each() {
    for kind in [Kind::Nginx, Kind::Python, Kind::Node, Kind::Go] {
        for front_end in ["socket", "syscall"] {
            assert_complete(kind, front_end, 20_000);
        }
    }
}

/// A server that answers before it has read the request's body reads the rest of that body and the next
/// request's head in one burst, past the budget of captured bytes. The head is seen all the same where an
/// operation begins with it; one that stands in the middle of an operation is counted, one by one.
#[test]
fn heads_behind_a_late_body_are_seen_or_counted() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let server =
            Server::start(Kind::HastyNginx, &netns, address, folder.path()).expect("the server starts");
        // A small budget, so that nearly every body is past it.
        let arguments = ["--netns", netns.name(), "--front-end", front_end, "--burst-bytes-max", "1024"];
        let sensor = Sensor::start(folder.path(), &arguments).expect("the sensor captures");
        let load = Load { calls: CALLS, connections: 50, calls_per_second: CALLS_PER_SECOND };
        traffic::drive(&netns, address, load).expect("traffic");
        let logged = templated(&server.stop().expect("the server stops"));
        let store = sensor.stop().expect("the sensor stops in order");
        let (found, losses) = (store.tally().expect("endpoints"), store.losses().expect("losses"));
        assert_none_twice(&found, &logged, front_end);
        let missing = logged.values().sum::<u64>() - found.values().sum::<u64>();
        // One for one: the response of a request whose head is lost is seen and belongs to nothing.
        let counted = losses.get("request-missing").copied().unwrap_or(0);
        println!("{front_end}: {missing} of {CALLS} calls are missing; losses {losses:?}");
        assert!(losses.contains_key("body-budget"), "no body was past the budget; losses {losses:?}");
        assert_eq!(missing, counted, "{front_end}: missing calls and counted ones; losses {losses:?}");
    }
}

/// Requests that are lost with their records are counted, to the last one: here the sensor is stopped for
/// half of the traffic, so that the ring is full whatever the machine.
fn assert_lost_calls_are_counted(front_end: &str) {
    const SATURATING: Load = Load { calls: 40_000, connections: 50, calls_per_second: 0 };
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let address = "127.0.0.1:8080".parse().expect("an address");
    let server = Server::start(Kind::Nginx, &netns, address, folder.path()).expect("the server starts");
    let mut sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end])
        .expect("the sensor captures");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| traffic::drive(&netns, address, SATURATING));
        let wait_for = |calls: usize| {
            while !client.is_finished() && server.logged().expect("an access log") < calls {
                std::thread::sleep(POLL);
            }
        };
        wait_for(SATURATING.calls / 4);
        sensor.pause().expect("the sensor stops");
        wait_for(SATURATING.calls * 3 / 4);
        sensor.resume().expect("the sensor goes on");
        client.join().expect("the client ends").expect("traffic");
    });
    let logged = templated(&server.stop().expect("the server stops"));
    let store = sensor.stop().expect("the sensor stops in order");
    let (found, losses) = (store.tally().expect("endpoints"), store.losses().expect("losses"));
    assert_none_twice(&found, &logged, front_end);
    let sum = |tally: &Tally| tally.values().sum::<u64>();
    let (stored, sent) = (sum(&found), sum(&logged));
    let lost = losses.get("calls-lost").copied().unwrap_or(0);
    println!("{front_end}: {stored} of {sent} calls stored, {lost} counted as lost; losses {losses:?}");
    assert!(lost > 0, "nothing was lost, so nothing is shown; losses {losses:?}");
    assert_eq!(
        stored + lost,
        sent,
        "{front_end}: {stored} stored, {lost} counted as lost; losses {losses:?}"
    );
}

#[test]
fn calls_lost_in_a_full_ring_are_counted_by_socket() {
    assert_lost_calls_are_counted("socket");
}

#[test]
fn calls_lost_in_a_full_ring_are_counted_by_syscall() {
    assert_lost_calls_are_counted("syscall");
}

/// No call more than once, whether or not its response was seen.
#[track_caller]
fn assert_none_twice(found: &Tally, logged: &Tally, what: &str) {
    for (key, count) in found.iter().filter(|((.., status), _)| *status != 0) {
        let logged = logged.get(key).copied().unwrap_or(0);
        assert!(logged >= *count, "{what} {key:?}: {count} in the store, {logged} logged");
    }
    let (found, logged) = (whatever_status(found), whatever_status(logged));
    for (key, count) in &found {
        let logged = logged.get(key).copied().unwrap_or(0);
        assert!(logged >= *count, "{what} {key:?}: {count} in the store, {logged} logged");
    }
}

fn whatever_status(tally: &Tally) -> BTreeMap<(&str, &str), u64> {
    let mut sums = BTreeMap::new();
    for ((method, path, _), count) in tally {
        *sums.entry((method.as_str(), path.as_str())).or_default() += count;
    }
    sums
}
