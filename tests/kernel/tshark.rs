//! A replay finds the calls that tshark finds, in recordings of real clients and servers: method, authority,
//! path and status. What is lost on the way costs calls, but invents none.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::netns::Netns;
use crate::packets::{Damage, Packets};
use crate::recording::{Recording, replay};
use crate::rig::live;
use crate::web::{HTTP2, Web};

/// Method, authority, path and status (zero without response).
type Call = (String, String, String, u16);

type Calls = BTreeMap<Call, u64>;

/// What tshark prints for each packet with a head in it.
const FIELDS: [&str; 11] = [
    "tcp.stream",
    "http.request.method",
    "http.host",
    "http.request.uri",
    "http.response.code",
    "http2.type",
    "http2.streamid",
    "http2.headers.method",
    "http2.headers.authority",
    "http2.headers.path",
    "http2.headers.status",
];

const HEADERS: &str = "1";

/// Calls of a file as tshark reads it; `ports` speak HTTP/2.
fn by_tshark(file: &Path, ports: &[u16]) -> Calls {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-Y", "http.request or http.response or http2.type==1"]);
    for port in ports {
        command.args(["-d", &format!("tcp.port=={port},http2")]);
    }
    command.args(["-T", "fields", "-E", "aggregator=|"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark: {error}");
    let text = String::from_utf8(output.stdout).expect("text");
    // By connection, and with HTTP/2 by stream: requests without response, in their order.
    let mut http1: HashMap<String, (Vec<Call>, Vec<u16>)> = HashMap::new();
    let mut http2: HashMap<(String, String), Vec<Call>> = HashMap::new();
    for line in text.lines() {
        let columns: Vec<Vec<&str>> = line
            .split('\t')
            .map(|column| column.split('|').filter(|word| !word.is_empty()).collect())
            .collect();
        let [connection, method, host, uri, code, kind, stream, method2, authority2, path2, status2] =
            &columns[..]
        else {
            panic!("tshark printed {line:?}");
        };
        let connection = connection.first().expect("a connection").to_string();
        let of_connection = http1.entry(connection.clone()).or_default();
        for (index, method) in method.iter().enumerate() {
            let word = |of: &[&str]| of.get(index).copied().unwrap_or_default().to_owned();
            of_connection.0.push((method.to_string(), word(host), path_of(&word(uri)), 0));
        }
        of_connection.1.extend(code.iter().map(|code| code.parse::<u16>().expect("a status")));
        let mut heads =
            kind.iter().zip(stream).filter(|(kind, _)| **kind == HEADERS).map(|(_, stream)| stream);
        if method2.is_empty() {
            // Trailers have no status; they come behind the head that has.
            let mut statuses = status2.iter();
            for stream in heads {
                let calls = http2.entry((connection.clone(), stream.to_string())).or_default();
                if let Some(call) = calls.last_mut().filter(|call| call.3 < 200) {
                    call.3 = statuses.next().map_or(0, |status| status.parse().expect("a status"));
                }
            }
        } else {
            for (index, method) in method2.iter().enumerate() {
                let stream = heads.next().expect("a stream").to_string();
                let call = (method.to_string(), authority2[index].to_owned(), path_of(path2[index]), 0);
                http2.entry((connection.clone(), stream)).or_default().push(call);
            }
        }
    }
    let mut calls = Calls::new();
    for (mut requests, statuses) in http1.into_values() {
        // In the order of the requests; interim responses are of no account.
        let last = statuses.into_iter().filter(|status| *status >= 200 || *status == 101);
        requests.iter_mut().zip(last).for_each(|(call, status)| call.3 = status);
        requests.into_iter().for_each(|call| *calls.entry(call).or_default() += 1);
    }
    http2.into_values().flatten().for_each(|call| *calls.entry(call).or_default() += 1);
    calls
}

fn path_of(target: &str) -> String {
    target.split('?').next().unwrap_or_default().to_owned()
}

/// Calls of a file as a replay stores them.
fn by_replay(file: &Path, folder: &Path) -> Calls {
    fs::remove_dir_all(folder).ok();
    let store = replay(&[file], folder, None).expect("it is replayed");
    let mut calls = Calls::new();
    for (command, member) in [("endpoints", "endpoints"), ("noise", "noise")] {
        let report = store.json(&[command]).expect("a report");
        for row in report[member].as_array().expect("rows") {
            let word = |name: &str| row[name].as_str().expect("a word").to_owned();
            for (status, count) in row["statuses"].as_object().expect("statuses") {
                let status = if status == "none" { 0 } else { status.parse().expect("a status") };
                let call = (word("method"), word("service"), word("path"), status);
                *calls.entry(call).or_default() += count.as_u64().expect("a count");
            }
        }
    }
    calls
}

/// Every call of `found` was made; a response may be missing.
#[track_caller]
fn assert_none_invented(found: &Calls, made: &Calls, what: &str) {
    let without_status = |calls: &Calls| {
        let mut sums: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for ((method, authority, path, _), count) in calls {
            *sums.entry((method.clone(), authority.clone(), path.clone())).or_default() += count;
        }
        sums
    };
    for (call, count) in found.iter().filter(|(call, _)| call.3 != 0) {
        let most = made.get(call).copied().unwrap_or(0);
        assert!(*count <= most, "{what}: {call:?} {count} times, made {most} times");
    }
    let (found, made) = (without_status(found), without_status(made));
    for (call, count) in found {
        let most = made.get(&call).copied().unwrap_or(0);
        assert!(count <= most, "{what}: {call:?} {count} times, made {most} times");
    }
}

/// Records what is done in a namespace with nginx.
fn record(folder: &Path, traffic: impl FnOnce(&Web<'_>)) -> PathBuf {
    let netns = Netns::create().expect("a network namespace");
    let web = Web::start(&netns, folder).expect("nginx starts");
    let file = folder.join("traffic.pcap");
    let recording = Recording::start(&netns, &file).expect("tcpdump records");
    traffic(&web);
    web.stop().expect("nginx ends");
    recording.stop().expect("the recording is whole");
    file
}

/// The same calls as tshark's; the same again out of order and with packets twice; none invented when some
/// are lost.
fn assert_as_tshark(file: &Path, folder: &Path) {
    let port = HTTP2.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let made = by_tshark(file, &[port]);
    let found = by_replay(file, &folder.join("whole"));
    println!("{} calls, {} different", made.values().sum::<u64>(), made.len());
    assert_eq!(found, made, "replay, tshark");

    let packets = Packets::read(&fs::read(file).expect("the file")).expect("packets");
    let damaged = folder.join("damaged.pcap");
    for seed in 1..=4 {
        let damage = Damage { late: 20, crossed: 0, twice: 5, lost: 0 };
        fs::write(&damaged, packets.damaged(damage, seed)).expect("is written");
        assert_eq!(by_replay(&damaged, &folder.join("late")), made, "{damage:?}, seed {seed}");
        for lost in [0, 1, 5, 20] {
            let damage = Damage { late: 5, crossed: 5, twice: 5, lost };
            fs::write(&damaged, packets.damaged(damage, seed)).expect("is written");
            let found = by_replay(&damaged, &folder.join("lossy"));
            assert_none_invented(&found, &made, &format!("{damage:?}, seed {seed}"));
            println!("{damage:?}, seed {seed}: {} calls left", found.values().sum::<u64>());
        }
    }
}

#[test]
fn http1_is_read_as_tshark_reads_it() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = record(folder.path(), |web| web.http1().expect("HTTP/1 is answered"));
    assert_as_tshark(&file, folder.path());
}

#[test]
fn http2_is_read_as_tshark_reads_it() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = record(folder.path(), |web| web.http2().expect("HTTP/2 is answered"));
    assert_as_tshark(&file, folder.path());
}
