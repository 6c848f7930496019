//! Notifications over real connections: sinks that are down, fail first, are slow or refuse; a queue with
//! a bound, kept across restarts; nothing twice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sensor::call::Method;
use sensor::counter::Counter;
use sensor::findings::{Fingerprint, Level, State, StateKind, Subject};
use sensor::flow::Timestamp;
use sensor::inventory::Seen;
use sensor::limits::NOTIFICATIONS_QUEUED_MAX;
use sensor::notify::teller::{Pauses, Tally};
use sensor::notify::{Sink, Teller};
use sensor::store::Store;
use sensor::store::findings::{FindingStore, Known, KnownFinding};
use sensor::store::memory::MemoryStore;
use sensor::store::sqlite::SqliteStore;
use serde_json::Value;

use crate::store_fixture::NEW_YEAR;

/// So short that a test does not wait for them.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(1), max: Duration::from_millis(2) };

fn finding(number: usize, kind: StateKind, level: Level) -> (Fingerprint, KnownFinding) {
    let at = Timestamp(NEW_YEAR + number as u64);
    let seen = Seen { first: at, last: at };
    let known = KnownFinding {
        rule: "missing-auth".to_owned(),
        level,
        subject: Subject {
            service: "shop:8080".into(),
            endpoint: Some((Method::of_name("GET").expect("a method"), format!("/a\u{1b}[31m{number}"))),
            ..Subject::default()
        },
        message: format!("{number} calls"),
        state: State { kind, found: seen, shown: seen, since: at, acknowledged: None },
    };
    (Fingerprint(format!("{number:032x}")), known)
}

fn open_findings(count: usize) -> Known {
    (0..count).map(|number| finding(number, StateKind::Open, Level::Error)).collect()
}

/// A request as the server saw it: head in small letters, body.
struct Request {
    head: String,
    body: Value,
}

/// A server that answers each request with the next status, the last one for ever, after `pause`.
fn server(statuses: &'static [u16], pause: Duration) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter().copied();
        let mut last = 200;
        // Bounded; ends with the test's process at the latest.
        for stream in listener.incoming().take(64) {
            let Ok(stream) = stream else { return };
            let mut answer = || {
                last = statuses.next().unwrap_or(last);
                last
            };
            if serve(stream, &mut answer, pause, &sender).is_none() {
                return;
            }
        }
    });
    (url, requests)
}

/// All requests of one connection; `None` once the test is over.
fn serve(
    stream: TcpStream,
    status: &mut impl FnMut() -> u16,
    pause: Duration,
    sender: &std::sync::mpsc::Sender<Request>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return Some(());
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line.to_lowercase());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.trim().parse().expect("a number")];
        reader.read_exact(&mut body).ok()?;
        sender.send(Request { head, body: serde_json::from_slice(&body).expect("JSON") }).ok()?;
        std::thread::sleep(pause);
        let status = status();
        let location = if status == 302 { "Location: http://127.0.0.1:1/\r\n" } else { "" };
        let answer = format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 2\r\n\r\nok");
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

fn teller(sinks: &[Sink]) -> Teller {
    Teller::new(sinks.to_vec(), Level::Note, PAUSES)
}

/// Queues and delivers until a round does nothing more or the time is over.
async fn tell(teller: &mut Teller, store: &mut impl FindingStore, rounds: usize) -> Tally {
    let known = store.known().await.expect("readable");
    teller.enqueue(store, &known, |_, _| true).await.expect("queued");
    for _ in 0..rounds {
        teller.deliver(store, Instant::now() + Duration::from_secs(20)).await.expect("the store works");
        std::thread::sleep(Duration::from_millis(4));
    }
    teller.tally()
}

async fn memory(known: Known) -> MemoryStore {
    let mut store = MemoryStore::default();
    store.revise(|_| known).await.expect("kept");
    store
}

#[tokio::test]
async fn a_sink_that_fails_first_is_told_everything_once() {
    let (url, requests) = server(&[500, 429, 200], Duration::ZERO);
    let sink = [Sink::webhook(&url).expect("a sink")];
    let mut store = memory(open_findings(3)).await;
    let mut teller = teller(&sink);
    let tally = tell(&mut teller, &mut store, 6).await;
    assert_eq!(tally, Tally { delivered: 3, retried: 2, dropped: 0 });
    // Again, and by a program that knows nothing but the store.
    tell(&mut teller, &mut store, 2).await;
    let again = tell(&mut self::teller(&sink), &mut store, 2).await;
    assert_eq!(again, Tally::default());
    let all: Vec<Request> = requests.try_iter().collect();
    assert_eq!(all.len(), 5, "three and two that failed");
    let mut taken: Vec<&str> =
        all[2..].iter().map(|request| request.body["id"].as_str().expect("an id")).collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 3, "nothing twice");
    for request in &all {
        let id = request.body["id"].as_str().expect("an id");
        assert!(request.head.contains(&format!("idempotency-key: {id}\r\n")), "{}", request.head);
        assert!(!request.body.to_string().contains("\\u001b"), "nothing that a terminal acts on");
    }
    // What failed comes again under the same id.
    assert!(all[..2].iter().all(|failed| taken.contains(&failed.body["id"].as_str().expect("an id"))));
}

#[tokio::test]
async fn what_waits_outlives_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let sink = [Sink::webhook(&format!("http://{address}/secret")).expect("a sink")];
    // Nobody listens.
    drop(listener);
    let mut store = SqliteStore::create(&path).await.expect("a store");
    store.revise(|_| open_findings(2)).await.expect("kept");
    let tally = tell(&mut teller(&sink), &mut store, 3).await;
    assert!(tally.delivered == 0 && tally.retried >= 2, "{tally:?}");
    store.close().await.expect("closes");
    assert!(!String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).contains("/secret"));

    let listener = TcpListener::bind(address).expect("the same port");
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4).flatten() {
            serve(stream, &mut || 204, Duration::ZERO, &sender);
        }
    });
    let mut store = SqliteStore::open(&path).await.expect("the same store");
    let tally = tell(&mut teller(&sink), &mut store, 3).await;
    assert_eq!(tally, Tally { delivered: 2, retried: 0, dropped: 0 });
    assert_eq!(requests.try_iter().count(), 2);
}

#[tokio::test]
async fn a_slow_sink_is_not_waited_for_for_ever() {
    let (url, _requests) = server(&[200], Duration::from_secs(30));
    let mut store = memory(open_findings(2)).await;
    let begun = Instant::now();
    let tally = tell(&mut teller(&[Sink::webhook(&url).expect("a sink")]), &mut store, 1).await;
    assert_eq!((tally.delivered, tally.retried > 0), (0, true));
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_refused_again_and_again_is_given_up_and_redirects_are_not_followed() {
    for statuses in [&[400][..], &[302]] {
        let statuses: &'static [u16] = statuses;
        let (url, requests) = server(statuses, Duration::ZERO);
        let mut store = memory(open_findings(1)).await;
        let tally = tell(&mut teller(&[Sink::webhook(&url).expect("a sink")]), &mut store, 12).await;
        assert_eq!((tally.delivered, tally.dropped), (0, 1), "{statuses:?}");
        assert_eq!(requests.try_iter().count(), 8);
        let losses = store.load().await.expect("loads").losses;
        assert_eq!(losses.get(Counter::NotificationsDropped.name()), Some(&1));
    }
}

#[tokio::test]
async fn the_queue_has_a_bound_and_the_oldest_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sqlite = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a store");
    let all = open_findings(NOTIFICATIONS_QUEUED_MAX + 5);
    sqlite.revise(|_| all.clone()).await.expect("kept");
    let mut memory = memory(all).await;
    // Reserved for documentation: nothing is sent, since nothing is delivered here.
    let sink = Sink::webhook("http://192.0.2.1/").expect("a sink");
    bounded(&mut sqlite, &sink).await;
    bounded(&mut memory, &sink).await;
}

async fn bounded(store: &mut (impl FindingStore + Store), sink: &Sink) {
    let mut teller = teller(std::slice::from_ref(sink));
    let known = store.known().await.expect("readable");
    for _ in 0..2 {
        teller.enqueue(store, &known, |_, _| true).await.expect("queued");
        assert_eq!(teller.tally().dropped, 5, "once");
    }
    let due = store.due(sink.name(), Timestamp(u64::MAX >> 1), usize::MAX).await.expect("readable");
    assert_eq!(due.len(), NOTIFICATIONS_QUEUED_MAX);
    assert_eq!(due[0].note.fingerprint, Fingerprint(format!("{:032x}", 5)));
    let losses = store.load().await.expect("loads").losses;
    assert_eq!(losses.get(Counter::NotificationsDropped.name()), Some(&5));
}

#[tokio::test]
async fn only_what_was_told_is_told_to_be_over() {
    let (url, requests) = server(&[200], Duration::ZERO);
    let sink = [Sink::webhook(&url).expect("a sink")];
    let mut teller = Teller::new(sink.to_vec(), Level::Warning, PAUSES);
    let gone = finding(7, StateKind::Resolved, Level::Error);
    let slight = finding(8, StateKind::Open, Level::Note);
    let mut store = memory(open_findings(1).into_iter().chain([gone, slight]).collect()).await;
    assert_eq!(tell(&mut teller, &mut store, 1).await.delivered, 1);
    let mut over: Known = open_findings(1);
    for known in over.values_mut() {
        (known.state.kind, known.state.since) = (StateKind::Resolved, Timestamp(NEW_YEAR + 99));
    }
    store.revise(|_| over).await.expect("kept");
    assert_eq!(tell(&mut teller, &mut store, 1).await.delivered, 2);
    let states: Vec<String> = requests
        .try_iter()
        .map(|request| request.body["state"].as_str().expect("a state").to_owned())
        .collect();
    assert_eq!(states, ["open", "resolved"]);
}

#[tokio::test]
async fn every_wire_carries_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.jsonl");
    let log = folder.path().join("log");
    let unix = UnixDatagram::bind(&log).expect("a socket");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (otlp, logs) = server(&[200], Duration::ZERO);
    let (slack, messages) = server(&[200], Duration::ZERO);
    let sinks = [
        Sink::file(file.clone()),
        Sink::syslog(&format!("unix:{}", log.display())).expect("a sink"),
        Sink::syslog(&format!("udp:{}", udp.local_addr().expect("an address"))).expect("a sink"),
        Sink::syslog(&format!("tcp:{}", tcp.local_addr().expect("an address"))).expect("a sink"),
        Sink::otlp_logs(&format!("{otlp}/v1/logs")).expect("a sink"),
        Sink::webhook(&format!("{slack},form=slack")).expect("a sink"),
    ];
    let mut store = memory(open_findings(1)).await;
    let tally = tell(&mut teller(&sinks), &mut store, 1).await;
    assert_eq!(tally, Tally { delivered: 6, retried: 0, dropped: 0 });

    let text = std::fs::read_to_string(file).expect("readable");
    let event: Value = serde_json::from_str(text.strip_suffix('\n').expect("a whole line")).expect("JSON");
    assert_eq!(event["rule"], "missing-auth");
    let mut bytes = [0; 4096];
    let count = unix.recv(&mut bytes).expect("a message");
    let message = String::from_utf8_lossy(&bytes[..count]).into_owned();
    assert!(message.starts_with("<131>1 2025-01-01T00:00:00.000Z "), "{message}");
    let count = udp.recv(&mut bytes).expect("a message");
    assert_eq!(String::from_utf8_lossy(&bytes[..count]), message);
    let mut framed = String::new();
    tcp.accept().expect("a connection").0.read_to_string(&mut framed).expect("readable");
    assert_eq!(framed, format!("{} {message}", message.len()));
    let request = logs.try_recv().expect("a request");
    assert!(request.head.starts_with("post /hook/v1/logs "), "{}", request.head);
    assert!(request.body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["timeUnixNano"].is_string());
    assert!(messages.try_recv().expect("a request").body["blocks"].is_array());
}
