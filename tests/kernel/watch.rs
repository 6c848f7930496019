//! A run that evaluates while it captures: each finding is told once, however often its traffic comes, and
//! a second run on the same store tells none again.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::exchange::exchange;
use crate::netns::Netns;
use crate::rig::live;
use crate::scenario::{INSIDE, serve};
use crate::sensor::Sensor;

/// Lines of the events file, each an event.
fn events(file: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("an event in JSON")).collect()
}

#[test]
fn a_run_tells_each_finding_once() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a namespace");
    let debug = exchange("web.test", "GET /actuator/env", r#"{"total":1}"#);
    let mut server = serve(&netns, &[INSIDE], std::slice::from_ref(&debug), folder.path());
    let address = INSIDE.parse().expect("an address");
    let told = folder.path().join("events.jsonl");
    let path = told.to_string_lossy().into_owned();
    let arguments = ["--netns", netns.name(), "--evaluate-secs", "1", "--events-file", &path];
    for round in 0..2 {
        let sensor = Sensor::start(folder.path(), &arguments).expect("the sensor captures");
        debug.send(&netns, &netns, address, address).expect("is answered");
        let calls = if round == 0 { 2 } else { 4 };
        let reached = |report: &serde_json::Value| {
            report["services"][0]["endpoints"][0]["calls"].as_u64().is_some_and(|seen| seen >= calls)
        };
        sensor.wait_for("calls", reached).expect("the calls are stored");
        // The last evaluation is after the last flush.
        sensor.stop().expect("the sensor stops in order");
        let text = events(&told).iter().map(ToString::to_string).collect::<Vec<_>>();
        let of_rule = text.iter().filter(|line| line.contains("admin-or-debug-endpoint")).count();
        assert_eq!(of_rule, 1, "round {round}: {text:#?}");
    }
    server.stop(Signal::TERM).expect("stops");
}
