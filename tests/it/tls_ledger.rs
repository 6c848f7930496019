//! Sockets with TLS and the sessions that were read in them: each connection is in the ledger once, each
//! call in the inventory once, in whatever order a source tells of them and wherever a flush falls.

use std::net::SocketAddr;
use std::sync::Arc;

use sensor::flow::{ConnectionId, Direction, FourTuple, Timestamp, Verdict, Workload};
use sensor::inventory::{CoverageKey, CoverageStats, Inventory, Reading};
use sensor::pipeline::Pipeline;
use sensor::source::{Connection, Event, Segment, Session};
use sensor::stream::Ordering;

use crate::tls_hello::hello;

const KEY: [u8; 16] = [7; 16];
const REQUEST: &[u8] = b"GET /api/v1/orders/17 HTTP/1.1\r\nHost: shop\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

const SERVER: u64 = 1;
const CLIENT: u64 = 2;
const SERVER_SESSION: u64 = 3;
const CLIENT_SESSION: u64 = 4;

struct Scene {
    pipeline: Pipeline,
    all: Inventory,
    at: u64,
    flush_after: Option<u64>,
}

fn workload(program: &str) -> Arc<Workload> {
    Arc::new(Workload { program: program.into(), cgroup: "/".into(), container: None })
}

fn is_server(id: u64) -> bool {
    id == SERVER || id == SERVER_SESSION
}

fn tuple(id: u64) -> FourTuple {
    let server: SocketAddr = "10.0.0.1:8443".parse().expect("an address");
    let client: SocketAddr = "10.0.0.2:40000".parse().expect("an address");
    match is_server(id) {
        true => FourTuple { local: server, remote: client },
        false => FourTuple { local: client, remote: server },
    }
}

impl Scene {
    fn new(flush_after: Option<u64>) -> Scene {
        let pipeline = Pipeline::new(Ordering::AsDelivered, KEY);
        Scene { pipeline, all: Inventory::default(), at: 1, flush_after }
    }

    fn take(&mut self, event: Event<'_>) {
        self.pipeline.take(event);
        if self.flush_after == Some(self.at) {
            self.all.merge(self.pipeline.take_delta());
        }
        self.at += 1;
    }

    fn open(&mut self, id: u64, session: Option<Option<u64>>) {
        let nowhere: SocketAddr = "0.0.0.0:0".parse().expect("an address");
        let tuple = match session {
            Some(None) => FourTuple { local: nowhere, remote: nowhere },
            _ => tuple(id),
        };
        let at = Timestamp(self.at);
        self.take(Event::Opened(Connection {
            id: ConnectionId(id),
            tuple,
            workload: Some(workload(if is_server(id) { "nginx" } else { "curl" })),
            verdict: Some(if session.is_some() { Verdict::Http1 } else { Verdict::Tls }),
            session: session.map(|carrier| Session { carrier: carrier.map(ConnectionId) }),
            begun: [true; 2],
            at,
        }));
    }

    fn say(&mut self, id: u64, direction: Direction, bytes: &[u8], position: u64) {
        self.take(Event::Segment(Segment {
            connection: ConnectionId(id),
            direction,
            position,
            bytes,
            span: bytes.len() as u64,
            burst: true.into(),
            at: Timestamp(self.at),
        }));
    }

    fn request(&mut self, id: u64, calls_before: u64) {
        let direction = if is_server(id) { Direction::Inbound } else { Direction::Outbound };
        self.say(id, direction, REQUEST, calls_before * REQUEST.len() as u64);
    }

    fn response(&mut self, id: u64, calls_before: u64) {
        let direction = if is_server(id) { Direction::Outbound } else { Direction::Inbound };
        self.say(id, direction, RESPONSE, calls_before * RESPONSE.len() as u64);
    }

    fn pair(&mut self, kept: u64, mirrored: u64) {
        self.take(Event::Paired {
            kept: ConnectionId(kept),
            mirrored: ConnectionId(mirrored),
            workload: workload(if is_server(mirrored) { "nginx" } else { "curl" }),
        });
    }

    fn bind(&mut self, session: u64, carrier: u64) {
        self.take(Event::Bound {
            session: ConnectionId(session),
            carrier: ConnectionId(carrier),
            tuple: tuple(session),
        });
    }

    fn close(&mut self, id: u64, bytes: u64, unread: Option<&'static str>) {
        self.take(Event::Closed {
            connection: ConnectionId(id),
            at: Timestamp(self.at),
            bytes: [bytes, bytes],
            request_bursts: 0,
            unseen_bytes: [0; 2],
            unread,
        });
    }

    fn end(mut self) -> Inventory {
        self.pipeline.finish();
        self.all.merge(self.pipeline.take_delta());
        self.all
    }
}

/// A connection within the host, both of whose sockets are known; the client's session has asked.
fn local(flush_after: Option<u64>) -> Scene {
    let mut scene = Scene::new(flush_after);
    scene.open(CLIENT, None);
    scene.open(SERVER, None);
    scene.pair(SERVER, CLIENT);
    scene.open(CLIENT_SESSION, Some(Some(CLIENT)));
    scene.request(CLIENT_SESSION, 0);
    scene
}

/// Calls, and who called.
fn calls(inventory: &Inventory) -> (u64, Vec<String>) {
    let callers = inventory.endpoints.values().flat_map(|stats| stats.callers.keys()).map(|caller| {
        caller.peer.workload.as_ref().map_or("?".to_owned(), |workload| workload.program.to_string())
    });
    (inventory.endpoints.values().map(|stats| stats.calls).sum(), callers.collect())
}

fn rows(inventory: &Inventory) -> Vec<(&CoverageKey, CoverageStats)> {
    inventory
        .coverage
        .iter()
        .map(|(key, stats)| (key, *stats))
        .filter(|(_, s)| *s != Default::default())
        .collect()
}

#[track_caller]
fn assert_one_read(inventory: &Inventory, calls_made: u64, plaintext: bool) {
    assert_eq!(calls(inventory), (calls_made, vec!["curl".to_owned()]));
    let rows = rows(inventory);
    let [(key, stats)] = &rows[..] else { panic!("not one row: {rows:?}") };
    assert_eq!((&*key.workload.program, key.port, key.verdict), ("nginx", 8443, Verdict::Tls));
    assert_eq!(key.tls.reading, Reading::Read(Verdict::Http1));
    assert_eq!((stats.connections, stats.bytes), (1, 2000));
    if plaintext {
        assert_eq!(stats.plaintext_bytes, calls_made * (REQUEST.len() + RESPONSE.len()) as u64);
    }
}

/// Both ends within the host, both read at once.
fn both_ends(flush_after: Option<u64>) -> Inventory {
    let mut scene = local(flush_after);
    scene.open(SERVER_SESSION, Some(Some(SERVER)));
    scene.pair(SERVER_SESSION, CLIENT_SESSION);
    scene.request(SERVER_SESSION, 0);
    scene.response(SERVER_SESSION, 0);
    let half = (REQUEST.len() as u64, RESPONSE.len() as u64);
    scene.take(Event::Closed {
        connection: ConnectionId(SERVER_SESSION),
        at: Timestamp(50),
        bytes: [half.0, half.1],
        request_bursts: 1,
        unseen_bytes: [0; 2],
        unread: None,
    });
    scene.close(SERVER, 1000, Some("not-attributed"));
    scene.close(CLIENT_SESSION, 20, None);
    scene.close(CLIENT, 1000, Some("not-attributed"));
    scene.end()
}

#[test]
fn both_ends_are_one_connection_wherever_a_flush_falls() {
    assert_one_read(&both_ends(None), 1, true);
    for after in 1..16 {
        assert_one_read(&both_ends(Some(after)), 1, true);
    }
}

/// Only the client can be read; the connection counts at the server.
#[test]
fn a_session_of_the_mirrored_end_is_of_the_kept_connection() {
    for after in 0..12 {
        let mut scene = local(Some(after));
        // The server's socket is gone before the client has read.
        scene.close(SERVER, 1000, Some("no-probe"));
        scene.response(CLIENT_SESSION, 0);
        scene.close(CLIENT_SESSION, 10, None);
        scene.close(CLIENT, 1000, None);
        assert_one_read(&scene.end(), 1, false);
    }
}

/// The server's connection is found late, when the client has told of the same call already or not yet.
#[test]
fn calls_told_by_both_ends_before_they_are_paired_count_once() {
    for told_by_client in [false, true] {
        for after in 0..20 {
            let mut scene = local(Some(after));
            scene.open(SERVER_SESSION, Some(None));
            scene.request(SERVER_SESSION, 0);
            scene.response(SERVER_SESSION, 0);
            if told_by_client {
                scene.response(CLIENT_SESSION, 0);
            }
            scene.bind(SERVER_SESSION, SERVER);
            scene.pair(SERVER_SESSION, CLIENT_SESSION);
            if !told_by_client {
                scene.response(CLIENT_SESSION, 0);
            }
            scene.request(SERVER_SESSION, 1);
            scene.response(SERVER_SESSION, 1);
            scene.close(SERVER_SESSION, 100, None);
            scene.close(CLIENT_SESSION, 100, None);
            scene.close(SERVER, 1000, None);
            scene.close(CLIENT, 1000, None);
            assert_one_read(&scene.end(), 2, false);
        }
    }
}

#[test]
fn a_session_whose_connection_is_never_found_is_counted_beside() {
    let mut scene = Scene::new(None);
    scene.open(SERVER, None);
    scene.open(SERVER_SESSION, Some(None));
    scene.request(SERVER_SESSION, 0);
    scene.response(SERVER_SESSION, 0);
    scene.close(SERVER_SESSION, 40, None);
    scene.close(SERVER, 1000, Some("not-attributed"));
    let inventory = scene.end();
    assert_eq!(calls(&inventory), (1, vec!["?".to_owned()]));
    let readings: Vec<_> = rows(&inventory)
        .into_iter()
        .map(|(key, stats)| (key.tls.reading.clone(), stats.connections, stats.bytes))
        .collect();
    assert_eq!(
        readings,
        [(Reading::Unattributed, 1, 0), (Reading::Unread("not-attributed".into()), 1, 2000)]
    );
}

/// What is held back for a connection that is never found is told after a while, and at its bound.
#[test]
fn held_calls_are_told_in_the_end() {
    let mut scene = Scene::new(None);
    scene.open(SERVER_SESSION, Some(None));
    for call in 0..40 {
        scene.request(SERVER_SESSION, call);
        scene.response(SERVER_SESSION, call);
    }
    let early = scene.pipeline.take_delta();
    assert_eq!(calls(&early).0, 40);
    assert_eq!(early.losses.get("session-unattributed"), Some(&1));
}

#[test]
fn what_is_unread_has_its_reason_and_its_name() {
    let hello = hello("curl");
    let mut scene = Scene::new(None);
    scene.open(SERVER, None);
    scene.say(SERVER, Direction::Inbound, &hello[..5], 0);
    scene.say(SERVER, Direction::Inbound, &hello[5..], 5);
    scene.close(SERVER, 500, Some("no-symbols"));
    let inventory = scene.end();
    let rows = rows(&inventory);
    let [(key, stats)] = &rows[..] else { panic!("not one row: {rows:?}") };
    assert_eq!(key.tls.reading, Reading::Unread("no-symbols".into()));
    assert_eq!(&*key.tls.server_name, "api.shop.example");
    assert_eq!(&*key.tls.version, "tls1.3");
    assert_eq!((stats.connections, stats.bytes), (1, 1000));
}

/// Names of servers are the clients' words: past a bound they are one.
#[test]
fn names_of_servers_are_bounded() {
    let hello = hello("node");
    let at = hello.windows(12).position(|window| window == b"node.example").expect("a name");
    let mut scene = Scene::new(None);
    for number in 0..300u64 {
        let mut hello = hello.clone();
        hello[at..at + 12].copy_from_slice(format!("name{number:08}").as_bytes());
        let id = 1000 + number;
        scene.open(id, None);
        scene.say(id, Direction::Outbound, &hello, 0);
        scene.close(id, 1, Some("no-probe"));
    }
    let inventory = scene.end();
    assert_eq!(inventory.coverage.len(), sensor::limits::SERVER_NAMES_MAX + 1);
    assert_eq!(inventory.coverage.values().map(|stats| stats.connections).sum::<u64>(), 300);
}
