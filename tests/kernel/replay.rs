//! The same traffic captured by the sensor and recorded by tcpdump gives the same inventory and findings,
//! and the right ones: real servers and clients of HTTP/1, HTTP/2, gRPC, WebSocket, GraphQL, JSON-RPC, MCP,
//! SOAP and event streams.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::netns::Netns;
use crate::process::Process;
use crate::recording::{Recording, replay};
use crate::rig::live;
use crate::sensor::{Sensor, Store, templated};
use crate::servers::{data, tools};
use crate::web::{Web, run};

/// Ready once this one listens.
const PLAIN: &str = "127.0.0.1:8093";

/// What a store knows that is not about the time it took, nor about who called beside the credential: only
/// a sensor on the host knows programs, and that several of them make a service's endpoint confirmed.
fn known(store: &Store) -> Value {
    let parts = [("report", "services"), ("noise", "noise"), ("findings", "findings")];
    let mut known = parts.map(|(command, member)| {
        let mut report = store.json(&[command]).expect("a report");
        let mut part = report.get_mut(member).map(Value::take).expect("what the report is about");
        strip(&mut part);
        part
    });
    Value::from(known.as_mut_slice().to_vec())
}

/// Takes out what may differ.
fn strip(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(strip),
        Value::Object(members) => {
            const OTHER: &[&str] = &[
                "callers",
                "confirmed",
                "doubt",
                "servers",
                "caller_count",
                "latency_ms",
                "first_seen",
                "last_seen",
                "first_found",
                "last_found",
                "since",
                "span_s",
                "edges",
            ];
            members.retain(|name, _| !OTHER.contains(&&**name));
            members.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// Fails with the first few places in which two documents differ.
#[track_caller]
fn assert_same(live: &Value, replayed: &Value, what: &str) {
    let mut differences = Vec::new();
    differ("", live, replayed, &mut differences);
    differences.truncate(20);
    assert!(differences.is_empty(), "{what}\n{}", differences.join("\n"));
}

fn differ(at: &str, live: &Value, replayed: &Value, out: &mut Vec<String>) {
    match (live, replayed) {
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differ(&format!("{at}/{index}"), one, other, out);
            }
        }
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            for (name, value) in one {
                differ(&format!("{at}/{name}"), value, &other[name], out);
            }
        }
        _ if live != replayed => out.push(format!("{at}: live {live}, replayed {replayed}")),
        _ => {}
    }
}

/// Captures and records what `traffic` causes; gives both stores.
fn both(netns: &Netns, folder: &Path, sensor: &[&str], traffic: impl FnOnce()) -> (Store, Store) {
    let file = folder.join("traffic.pcap");
    let recording = Recording::start(netns, &file).expect("tcpdump records");
    let arguments = [&["--netns", netns.name()], sensor].concat();
    let sensor = Sensor::start(folder, &arguments).expect("the sensor captures");
    traffic();
    let live = sensor.stop().expect("the sensor stops in order");
    recording.stop().expect("the recording is whole");
    let replayed = replay(&[&file], &folder.join("replay"), Some(&live)).expect("it is replayed");
    for store in [&live, &replayed] {
        let mut losses = store.losses().expect("losses");
        // TCP may send again what was only slow.
        losses.remove("segment-duplicate");
        assert!(losses.is_empty(), "{}: {losses:?}", store.path.display());
    }
    (live, replayed)
}

/// A program with the environment of the protocols' servers.
fn python(netns: &Netns, script: &str, folder: &Path) -> Command {
    let mut command = netns.command(tools().join("protocols/bin/python"));
    command.arg(data(script)).env("PYTHONPYCACHEPREFIX", folder).env("HOME", folder);
    command
}

fn serve(netns: &Netns, mut command: Command, address: &str, folder: &Path) -> Process {
    let output = fs::File::create(folder.join("server.out")).expect("a file for what it says");
    command.stdout(output.try_clone().expect("the same file")).stderr(output);
    let mut process = Process::start("the server", &mut command).expect("it starts");
    let address: SocketAddr = address.parse().expect("an address");
    process.wait_listening(netns, address).unwrap_or_else(|error| {
        panic!("{error:#}: {}", fs::read_to_string(folder.join("server.out")).unwrap_or_default())
    });
    process
}

/// Endpoints of a report by method and path.
fn endpoints(store: &Store) -> BTreeMap<String, Value> {
    let report = store.json(&["report"]).expect("a report");
    let services = report["services"].as_array().expect("services");
    let word = |endpoint: &Value, name: &str| endpoint[name].as_str().expect("a word").to_owned();
    services
        .iter()
        .flat_map(|service| service["endpoints"].as_array().expect("endpoints"))
        .map(|endpoint| {
            (format!("{} {}", word(endpoint, "method"), word(endpoint, "path")), endpoint.clone())
        })
        .collect()
}

/// Names and types of the fields in one place.
fn fields(endpoint: &Value, place: &str) -> BTreeMap<String, String> {
    let all = endpoint["fields"].as_array().expect("fields");
    all.iter()
        .filter(|field| field["place"] == place && field["name"] != "")
        .map(|field| {
            let name = field["name"].as_str().expect("a name").to_owned();
            let types: Vec<&str> =
                field["types"].as_array().expect("types").iter().filter_map(Value::as_str).collect();
            (name, types.join(" "))
        })
        .collect()
}

/// Calls, statuses of RPCs and messages of each endpoint that [`PROTOCOLS`] names.
const PROTOCOLS: &[(&str, u64, &str, [u64; 2])] = &[
    ("POST /helloworld.Greeter/SayHello", 4, r#"{"OK":3,"NOT_FOUND":1}"#, [4, 3]),
    ("POST /helloworld.Greeter/ListReplies", 1, r#"{"OK":1}"#, [1, 5]),
    ("POST /helloworld.Greeter/CollectNames", 1, r#"{"OK":1}"#, [4, 1]),
    ("POST /helloworld.Greeter/Chat", 1, r#"{"OK":1}"#, [3, 3]),
    ("GET /ws", 1, "{}", [4, 5]),
    ("POST /graphql/#query/GetUser", 2, "{}", [0, 0]),
    ("POST /graphql/#mutation/CreateOrder", 1, "{}", [0, 0]),
    ("POST /rpc/#jsonrpc/listOrders", 3, "{}", [0, 0]),
    ("POST /service/stock/#soap/GetPrice", 1, "{}", [0, 0]),
    ("GET /events", 1, "{}", [0, 6]),
    ("GET /export", 1, "{}", [0, 6]),
    ("POST /mcp/#mcp/server/discover", 1, "{}", [0, 0]),
    ("POST /mcp/#mcp/tools/list", 1, "{}", [0, 0]),
    ("POST /mcp/#mcp/tools/call/search_orders", 2, "{}", [0, 0]),
];

/// Some of the fields: endpoint, place, name, types.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("POST /helloworld.Greeter/SayHello", "request-body", "/1", "string"),
    ("POST /helloworld.Greeter/SayHello", "response-body", "/2", "integer"),
    ("POST /helloworld.Greeter/Chat", "request-body", "/2", "integer"),
    ("GET /ws", "request-body", "/customer/email", "string"),
    ("GET /ws", "request-body", "/items/*", "integer"),
    ("GET /ws", "response-body", "/account/name", "string"),
    ("POST /graphql/#query/GetUser", "request-body", "/variables/id", "string"),
    ("POST /graphql/#query/GetUser", "response-body", "/data/user/email", "string"),
    ("POST /rpc/#jsonrpc/listOrders", "request-body", "/params/limit", "integer"),
    ("POST /rpc/#jsonrpc/listOrders", "response-body", "/result/orders/*/total", "integer"),
    ("GET /events", "response-body", "/count", "integer"),
    ("GET /export", "response-body", "/status", "string"),
    ("POST /mcp/#mcp/tools/call/search_orders", "request-body", "/params/arguments/limit", "integer"),
];

fn assert_protocols(front_end: &str) {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let mut server = serve(&netns, python(&netns, "protocols.py", folder.path()), PLAIN, folder.path());
    let (live, replayed) = both(&netns, folder.path(), &["--front-end", front_end], || {
        run(&mut python(&netns, "protocols_client.py", folder.path())).expect("all is answered");
        server.stop(Signal::TERM).expect("the server ends");
    });
    assert_same(&known(&live), &known(&replayed), front_end);

    let endpoints = endpoints(&live);
    let found: Vec<&String> = endpoints.keys().collect();
    let expected: std::collections::BTreeSet<&str> = PROTOCOLS.iter().map(|&(name, ..)| name).collect();
    assert!(endpoints.keys().map(String::as_str).eq(expected), "{front_end}: {found:#?}");
    for &(name, calls, statuses, [up, down]) in PROTOCOLS {
        let endpoint = &endpoints[name];
        let messages = |name: &str| endpoint["stream"][name].as_u64().unwrap_or(0);
        let (requests, responses) = (messages("request_messages"), messages("response_messages"));
        let found = json!([endpoint["calls"], endpoint["rpc_statuses"], requests, responses]);
        let statuses: Value = serde_json::from_str(statuses).expect("JSON");
        assert_eq!(found, json!([calls, statuses, up, down]), "{front_end}: {name}");
    }
    for &(name, place, field, types) in FIELDS {
        let fields = fields(&endpoints[name], place);
        assert_eq!(fields.get(field).map(String::as_str), Some(types), "{name} {place} {field}: {fields:?}");
    }
    let noise = live.json(&["noise"]).expect("noise").to_string();
    assert!(noise.contains("/rpc/#jsonrpc/deleteOrders") && noise.contains("/{service}/{method}"), "{noise}");
    assert!(!noise.contains("Missing"), "a name that only the client has: {noise}");
}

#[test]
fn protocols_are_the_same_live_and_replayed_by_socket() {
    assert_protocols("socket");
}

#[test]
fn protocols_are_the_same_live_and_replayed_by_syscall() {
    assert_protocols("syscall");
}

fn assert_web(front_end: &str) {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let web = Web::start(&netns, folder.path()).expect("nginx starts");
    let mut logged = None;
    let (live, replayed) = both(&netns, folder.path(), &["--front-end", front_end], || {
        web.http1().expect("HTTP/1 is answered");
        web.http2().expect("HTTP/2 is answered");
        logged = Some(web.stop().expect("nginx ends"));
    });
    let logged = templated(&logged.expect("traffic ran"));
    assert_eq!(live.tally().expect("calls"), logged, "{front_end}: live, logged");
    assert_eq!(replayed.tally().expect("calls"), logged, "replayed, logged");
    assert_same(&known(&live), &known(&replayed), front_end);
}

#[test]
fn nginx_is_the_same_live_and_replayed_by_socket() {
    assert_web("socket");
}

#[test]
fn nginx_is_the_same_live_and_replayed_by_syscall() {
    assert_web("syscall");
}

/// Where the budget of a burst is small, bodies are cut; no call is lost for it, nor is its status.
#[test]
fn streams_that_share_a_burst_are_seen_past_its_budget() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let web = Web::start(&netns, folder.path()).expect("nginx starts");
        let arguments = ["--netns", netns.name(), "--front-end", front_end, "--burst-bytes-max", "16384"];
        let sensor = Sensor::start(folder.path(), &arguments).expect("the sensor captures");
        web.http2().expect("HTTP/2 is answered");
        let logged = templated(&web.stop().expect("nginx ends"));
        let store = sensor.stop().expect("the sensor stops in order");
        let (found, losses) = (store.tally().expect("calls"), store.losses().expect("losses"));
        println!("{front_end}: losses {losses:?}");
        assert!(losses.contains_key("body-budget"), "{front_end}: no body was past the budget: {losses:?}");
        assert_eq!(found, logged, "{front_end}: {losses:?}");
    }
}
