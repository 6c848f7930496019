//! With how little the sensor does its work: as a user without a name and with two capabilities, and
//! what a third one adds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::netns::Netns;
use crate::rig::live;
use crate::sensor::{Sensor, Store, program, templated};
use crate::servers::{Kind, Server};
use crate::traffic::{self, Load};

/// The sensor as user 65534 with these capabilities and no way to others, started in `folder`.
fn spawn_with(capabilities: &str, folder: &Path, arguments: &[&str]) -> Sensor {
    // Where that user may run it and write its store.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("permissions");
    let copy = folder.join("apicensus");
    fs::copy(program(), &copy).expect("a copy of the program");
    let only = format!("-all,{capabilities}");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]);
    command.args(["--inh-caps", &only, "--ambient-caps", &only, "--bounding-set", &only]);
    command.args(["--pdeathsig", "TERM", "--"]).arg(copy);
    Sensor::spawn_by(command, folder, arguments).expect("the sensor starts")
}

/// Captures 200 calls of a Python server with these capabilities by each front end; gives the stores'
/// names of who called and who answered.
fn parties_seen_with(capabilities: &str) -> Vec<String> {
    let mut programs = Vec::new();
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let server = Server::start(Kind::Python, &netns, address, folder.path()).expect("the server starts");
        let sensor =
            spawn_with(capabilities, folder.path(), &["--netns", netns.name(), "--front-end", front_end])
                .captures()
                .expect("the sensor captures");
        let load = Load { calls: 200, connections: 4, calls_per_second: 1000 };
        traffic::drive(&netns, address, load).expect("traffic");
        let logged = server.stop().expect("the server stops");
        let store = sensor.stop().expect("the sensor stops in order");
        assert_eq!(store.tally().expect("endpoints"), templated(&logged), "{front_end}, {capabilities}");
        programs.extend(answering_programs(&store));
    }
    programs.sort();
    programs.dedup();
    programs
}

fn answering_programs(store: &Store) -> Vec<String> {
    let report = store.json(&["report"]).expect("a report");
    let list = |value: &Value, name: &str| value[name].as_array().expect("a list").clone();
    list(&report, "services")
        .iter()
        .flat_map(|service| list(service, "endpoints"))
        .flat_map(|endpoint| list(&endpoint, "servers"))
        .map(|server| server["server"]["program"].as_str().expect("a program of this host").to_owned())
        .collect()
}

#[test]
fn two_capabilities_are_enough() {
    let Some(_turn) = live() else { return };
    // Known by its task name, which the kernel tells: `python`, not the executable's `python3.11`.
    assert_eq!(parties_seen_with("+bpf,+perfmon"), ["python"]);
}

#[test]
fn a_third_names_executables_of_others() {
    let Some(_turn) = live() else { return };
    let programs = parties_seen_with("+bpf,+perfmon,+sys_ptrace");
    assert!(programs.iter().all(|program| program.starts_with("python3")), "{programs:?}");
}

#[test]
fn one_capability_is_not() {
    let Some(_turn) = live() else { return };
    for capability in ["+bpf", "+perfmon", "+bpf,+net_admin"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let arguments = ["--netns", netns.name(), "--duration", "20"];
        let (code, log) = spawn_with(capability, folder.path(), &arguments).wait().expect("the sensor ends");
        assert_eq!(code, Some(3), "{log}");
        for word in ["CAP_BPF", "CAP_PERFMON"] {
            assert!(log.contains(word), "{word} is named:\n{log}");
        }
    }
}
