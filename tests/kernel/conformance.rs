//! Every system call that moves socket bytes, through both front ends, byte for byte: what the ring
//! says of a connection must be exactly what its server end received and sent, or say where bytes
//! are missing and why.
//!
//! The calls are made by a second process (this binary again, see [`actor`]), since the sensor
//! leaves its own process out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use schema::loss::Loss;
use sensor::counter::Counters;
use sensor::flow::{ConnectionId, Direction};
use sensor::source::Event;
use sensor::source::decode::Decoder;
use sensor::source::kernel::{Capture, FrontEnd, Settings};

use crate::actor::{CASES, Case, Expect};
use crate::netns::Netns;
use crate::rig::live;

/// Bytes of one operation that are copied in this test: smaller than the largest operation.
const OPERATION_BYTES_MAX: u32 = 256 * 1024;

#[test]
fn socket_front_end_is_byte_exact() {
    check_all(FrontEnd::Socket);
}

#[test]
fn syscall_front_end_is_byte_exact() {
    check_all(FrontEnd::Syscall);
}

fn check_all(front_end: FrontEnd) {
    let Some(_turn) = live() else { return };
    let netns = Netns::create().expect("a network namespace");
    let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(netns.path()).expect("its file"));
    let settings = Settings {
        front_end: Some(front_end),
        scope: schema::control::Scope { network_namespace: inode as u32, ..Default::default() },
        processes: Vec::new(),
        operation_bytes_max: OPERATION_BYTES_MAX,
        burst_bytes_max: 1024 * 1024,
        tls: None,
    };
    let mut capture = Capture::start(&settings).expect("the front end works here");
    let mut failed = Vec::new();
    for case in CASES {
        match check(case, front_end, &mut capture, &netns) {
            Ok(None) => println!("{} {}: ok", front_end.name(), case.name),
            Ok(Some(skipped)) => println!("{} {}: SKIPPED, {skipped}", front_end.name(), case.name),
            Err(why) => failed.push(format!("{} {}: {why}", front_end.name(), case.name)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What the ring said of one connection.
#[derive(Default)]
struct Seen {
    port: u16,
    bytes: [BTreeMap<u64, Vec<u8>>; 2],
    /// Where each segment begins and how far it reaches.
    spans: [Vec<(u64, u64)>; 2],
    closed: Option<[u64; 2]>,
}

/// Runs one case. `Ok(Some(why))`: this kernel cannot make the call at all.
fn check(
    case: &Case,
    front_end: FrontEnd,
    capture: &mut Capture,
    netns: &Netns,
) -> Result<Option<String>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut actor = netns
        .command(std::env::current_exe().map_err(|error| error.to_string())?)
        .args(["actor::act", "--exact", "--ignored", "--nocapture"])
        .env("APICENSUS_TEST_CASE", case.name)
        .env("APICENSUS_TEST_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start the actor: {error}"))?;
    let before: BTreeMap<Loss, u64> = capture.losses().into_iter().map(|(loss, n, _)| (loss, n)).collect();
    let mut decoder = Decoder::new(0);
    let mut counters = Counters::default();
    let mut connections: BTreeMap<ConnectionId, Seen> = BTreeMap::new();
    let mut mirrored = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut exited = false;
    loop {
        let mut count = 0;
        capture.drain(usize::MAX, |record| {
            count += 1;
            match decoder.decode(record, &mut counters) {
                Some(Event::Opened(opened)) => {
                    connections.entry(opened.id).or_default().port = opened.tuple.local.port();
                }
                Some(Event::Segment(segment)) => {
                    let seen = connections.entry(segment.connection).or_default();
                    let index = segment.direction.index();
                    seen.spans[index].push((segment.position, segment.position + segment.span));
                    seen.bytes[index].insert(segment.position, segment.bytes.to_vec());
                }
                Some(Event::Closed { connection, bytes, .. }) => {
                    connections.entry(connection).or_default().closed = Some(bytes);
                }
                Some(Event::Paired { mirrored: other, .. }) => mirrored.push(other),
                Some(Event::Received { .. } | Event::Bound { .. }) | None => {}
            }
        });
        // All is there once the actor is gone, its sockets are closed and the ring is empty.
        let open = connections.iter().any(|(id, seen)| seen.closed.is_none() && !mirrored.contains(id));
        if exited && count == 0 && !open {
            break;
        }
        if Instant::now() > deadline {
            actor.kill().ok();
            return Err("the actor or its sockets did not end in time".to_owned());
        }
        exited = exited || actor.try_wait().map_err(|error| error.to_string())?.is_some();
        capture.wait(Duration::from_millis(2)).map_err(|error| error.to_string())?;
    }
    let output = actor.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the actor failed: {}", String::from_utf8_lossy(&output.stdout)));
    }
    if let Ok(why) = std::fs::read_to_string(folder.path().join("skipped")) {
        return Ok(Some(why));
    }
    if counters.named() != BTreeMap::new() {
        return Err(format!("records did not decode: {:?}", counters.named()));
    }
    let is_new = |loss: &Loss, count: u64| before.get(loss).is_none_or(|&known| count > known);
    let losses: Vec<Loss> =
        capture.losses().into_iter().filter(|(loss, n, _)| is_new(loss, *n)).map(|(loss, ..)| loss).collect();
    let served: u16 =
        read(folder.path(), "port")?.iter().fold(0, |port, &digit| port * 10 + u16::from(digit - b'0'));
    let servers: Vec<_> = connections.values().filter(|seen| seen.port == served).collect();
    let expected_connections = case.connections;
    if servers.len() != expected_connections {
        return Err(format!("{} connections at the server, not {expected_connections}", servers.len()));
    }
    for (index, seen) in servers.iter().enumerate() {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let name = format!("{}-{index}", if direction == Direction::Inbound { "in" } else { "out" });
            let truth = read(folder.path(), &name)?;
            let missing = compare(seen, direction, &truth).map_err(|why| format!("{name}: {why}"))?;
            let expect = if direction == Direction::Inbound { case.inbound } else { case.outbound };
            let expect = expect(front_end);
            verdict(expect, missing, &truth, &losses).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(None)
}

fn verdict(expect: Expect, missing: u64, truth: &[u8], losses: &[Loss]) -> Result<(), String> {
    match expect {
        Expect::Exact if missing > 0 => {
            Err(format!("{missing} of {} bytes are missing, {losses:?}", truth.len()))
        }
        Expect::Exact => Ok(()),
        Expect::Missing(loss) if missing == 0 => Err(format!("no byte is missing, {loss:?} was expected")),
        Expect::Missing(loss) if !losses.contains(&loss) => {
            Err(format!("{missing} bytes are missing without {loss:?}: {losses:?}"))
        }
        Expect::Missing(_) => Ok(()),
        Expect::MissingOneOf(any) if missing > 0 && any.iter().any(|loss| losses.contains(loss)) => Ok(()),
        Expect::MissingOneOf(any) => {
            Err(format!("{missing} bytes are missing, one of {any:?} was expected: {losses:?}"))
        }
        Expect::Either(loss) if missing > 0 && !losses.contains(&loss) => {
            Err(format!("{missing} bytes are missing without {loss:?}: {losses:?}"))
        }
        Expect::Either(_) => Ok(()),
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    std::fs::read(folder.join(name)).map_err(|error| format!("the actor wrote no {name}: {error}"))
}

/// Compares a direction with the truth: every byte that is shown is the right one, the spans cover
/// all of it without overlap, the close record agrees. Gives how many bytes are known to be missing.
fn compare(seen: &Seen, direction: Direction, truth: &[u8]) -> Result<u64, String> {
    let index = direction.index();
    let mut shown = 0;
    for (&position, bytes) in &seen.bytes[index] {
        let from = position as usize;
        let Some(true_bytes) = truth.get(from..from + bytes.len()) else {
            return Err(format!("bytes {from} to {} of {}", from + bytes.len(), truth.len()));
        };
        if true_bytes != bytes {
            return Err(format!("wrong bytes at {from}"));
        }
        shown += bytes.len() as u64;
    }
    let mut spans = seen.spans[index].clone();
    spans.sort_unstable();
    let mut next = 0;
    for (from, to) in spans {
        if from != next {
            return Err(format!("span {from} to {to}, but {next} was next"));
        }
        next = to;
    }
    let total = truth.len() as u64;
    let closed = seen.closed.ok_or("no close record")?[index];
    // Bytes behind the last seen operation are known by the close record only.
    if next > total || closed > total || closed < next {
        return Err(format!("spans end at {next}, closed at {closed}, {total} bytes in truth"));
    }
    Ok(total - shown)
}
