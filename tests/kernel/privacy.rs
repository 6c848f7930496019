//! No value from traffic in any byte that the sensor writes: canaries stand in every place of requests
//! and responses, well formed and broken, and everything that was written is searched for them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::netns::Netns;
use crate::rig::live;
use crate::sensor::Sensor;

/// Part of every textual canary; no word that could come from anywhere else.
const MARK: &str = "zqxcanary";

/// Numbers as values, as they stand in a JSON document, a path or a query.
const NUMBERS: &[&str] = &["7319462850173", "918273645546372", "4539578763621486"];

/// `zqxcanary-user:zqxcanary-password` in base64, and the beginning of a JWT's payload that says it.
const CODED: &[&str] = &["enF4Y2FuYXJ5LXVzZXI6enF4Y2FuYXJ5LXBhc3N3b3Jk", "eyJzdWIiOiJ6cXhjYW5hcnkifQ"];

/// Valid values of sensitive classes, which are looked at more closely than others.
const VALID: &[&str] = &[
    "4012888888881881",
    "DE89370400440532013000",
    "078-05-1120",
    "RSSMRA85T10A562S",
    "+4930987654321",
    "ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6",
];

/// Requests with a canary in every place that holds a value. `Host` and names of fields are no values.
fn requests() -> Vec<String> {
    let head = "Host: service.test\r\n";
    let jwt = format!("eyJhbGciOiJub25lIn0.{}.{MARK}signature", CODED[1]);
    let json = format!(
        r#"{{"name":"{MARK}1","nested":{{"card":{},"list":["{MARK}2",{},{{"email":"{MARK}@example.test"}}]}},"token":"{jwt}"}}"#,
        NUMBERS[2], NUMBERS[0]
    );
    let form = format!("username={MARK}form&password=%7A%71%78canary&number={}", NUMBERS[0]);
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{MARK}.txt\"\r\n\r\n{MARK}part\r\n--b--\r\n"
    );
    let body = |kind: &str, body: &str| {
        format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    vec![
        format!("GET /api/v1/users/{MARK}path/orders/{} HTTP/1.1\r\n{head}\r\n", NUMBERS[0]),
        format!("GET /api/v1/users/{MARK}@example.test/orders/{} HTTP/1.1\r\n{head}\r\n", NUMBERS[1]),
        format!("GET /api/v1/search?q={MARK}query&page={}&flag HTTP/1.1\r\n{head}\r\n", NUMBERS[1]),
        format!("GET http://service.test/api/v1/items?token={MARK}absolute HTTP/1.1\r\n{head}\r\n"),
        format!(
            "GET /api/v1/items HTTP/1.1\r\n{head}User-Agent: {MARK}agent\r\nReferer: http://a/{MARK}\r\n\
             X-Api-Key: {MARK}key\r\nX-Request-Id: {MARK}\r\nX-Forwarded-For: {MARK}\r\n\
             Cookie: session={MARK}session; theme={MARK}theme\r\nAccept: {MARK}/{MARK}\r\n\r\n"
        ),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}Authorization: Basic {}\r\n\r\n", CODED[0]),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}Authorization: Bearer {MARK}bearer\r\n\r\n"),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}Authorization: Bearer {jwt}\r\n\r\n"),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}Authorization: {MARK}scheme abc\r\n\r\n"),
        format!("POST /api/v1/items HTTP/1.1\r\n{head}{}", body("application/json", &json)),
        format!("POST /api/v1/login HTTP/1.1\r\n{head}{}", body("application/x-www-form-urlencoded", &form)),
        format!(
            "POST /api/v1/files HTTP/1.1\r\n{head}{}",
            body("multipart/form-data; boundary=b", &multipart)
        ),
        format!("POST /api/v1/items HTTP/1.1\r\n{head}{}", body(&format!("{MARK}/{MARK}"), "{}")),
        format!(
            "POST /api/v1/cards/{}?iban={} HTTP/1.1\r\n{head}X-Forwarded-Client-Cert: URI=spiffe://{MARK}\r\n{}",
            VALID[0],
            VALID[1],
            body(
                "application/json",
                &format!(r#"{{"values":["{}"],"ssn":"{}"}}"#, VALID.join("\",\""), VALID[2])
            )
        ),
        // Keys that are data: a map by user.
        format!(
            "POST /api/v1/items HTTP/1.1\r\n{head}{}",
            body("application/json", &format!(r#"{{"{}":1,"{MARK}@example.test":2}}"#, NUMBERS[1]))
        ),
        // Broken in ways that make parsers talk.
        format!(
            "POST /api/v1/items HTTP/1.1\r\n{head}{}",
            body("application/json", &format!(r#"{{"name":"{MARK}"#))
        ),
        format!(
            "POST /api/v1/items HTTP/1.1\r\n{head}Content-Encoding: gzip\r\n{}",
            body("application/json", MARK)
        ),
        format!("{MARK} /api/v1/items HTTP/1.1\r\n{head}\r\n"),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}{MARK} broken line\r\n\r\n"),
        format!("GET /api/v1/items HTTP/1.1\r\n{head}Content-Length: {MARK}\r\n\r\n"),
        format!(
            "POST /api/v1/items HTTP/1.1\r\n{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
             9\r\n{MARK}\r\n0\r\nX-Trailer: {MARK}\r\n\r\n"
        ),
        format!("POST /api/v1/items HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n{MARK}\r\n"),
    ]
}

fn response() -> String {
    let body = format!(r#"{{"id":{},"owner":"{MARK}owner","items":[{{"iban":"{MARK}"}}]}}"#, NUMBERS[0]);
    format!(
        "HTTP/1.1 200 {MARK}reason\r\nContent-Type: application/json\r\nSet-Cookie: session={MARK}set; Path=/\r\n\
         Location: /api/v1/users/{MARK}\r\nX-Trace: {MARK}\r\nServer: {MARK}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Answers `count` connections, one request each, whatever they ask.
fn serve(listener: &TcpListener, count: usize) {
    for _ in 0..count {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let mut bytes = [0; 16_384];
        // The client sends a request in one write and then waits: one read has its head.
        let read = stream.read(&mut bytes).expect("a request");
        assert!(read > 0);
        stream.write_all(response().as_bytes()).expect("the response is sent");
    }
}

fn ask(server: SocketAddr, request: &str) {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = Vec::new();
    // A server that closes with bytes unread resets the connection; the answer is here by then.
    stream.read_to_end(&mut answer).ok();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// Searches one run's every byte; gives where a canary was found.
fn canaries(name: &str, bytes: &[u8]) -> Vec<String> {
    let lower = bytes.to_ascii_lowercase();
    let mut found = Vec::new();
    for canary in std::iter::once(&MARK).chain(NUMBERS) {
        if memchr::memmem::find(&lower, canary.as_bytes()).is_some() {
            found.push(format!("{canary} in {name}"));
        }
    }
    // A number is also found as the 8 bytes in which SQLite keeps it.
    for number in NUMBERS.iter().filter_map(|text| text.parse::<u64>().ok()) {
        let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
        if [&big[1..], &little[..7]].iter().any(|form| memchr::memmem::find(bytes, form).is_some()) {
            found.push(format!("{number} as an integer in {name}"));
        }
    }
    for canary in CODED.iter().chain(VALID) {
        if memchr::memmem::find(bytes, canary.as_bytes()).is_some() {
            found.push(format!("{canary} in {name}"));
        }
    }
    found
}

fn canaries_in_folder(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .expect("the folder can be listed")
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            canaries(&path.display().to_string(), &fs::read(&path).expect("the file can be read"))
        })
        .collect()
}

#[test]
fn canaries_are_found_where_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(canaries_in_folder(folder.path()).is_empty());
    let number: i64 = NUMBERS[0].parse().expect("a number");
    for bytes in [MARK.to_uppercase().into_bytes(), number.to_be_bytes().to_vec(), CODED[0].into()] {
        fs::write(folder.path().join("file"), bytes).expect("a file");
        assert_eq!(canaries_in_folder(folder.path()).len(), 1);
    }
}

#[test]
fn no_value_is_written_by_the_socket_front_end() {
    assert_private("socket");
}

#[test]
fn no_value_is_written_by_the_syscall_front_end() {
    assert_private("syscall");
}

fn assert_private(front_end: &str) {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a network namespace");
    let metrics = folder.path().join("metrics.prom");
    let metrics_path = metrics.display().to_string();
    let sensor = Sensor::start(
        folder.path(),
        &["--netns", netns.name(), "--front-end", front_end, "--metrics-file", &metrics_path, "-vvvv"],
    )
    .expect("the sensor captures");

    let listener =
        netns.within(|| TcpListener::bind("127.0.0.1:8080")).expect("the namespace").expect("bound");
    let server = listener.local_addr().expect("an address");
    let requests = requests();
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener, 3 * requests.len()));
        netns
            .within(|| (0..3).for_each(|_| requests.iter().for_each(|request| ask(server, request))))
            .expect("traffic");
    });
    // While it runs: the write-ahead log is there only then.
    sensor
        .wait_for("endpoint with calls", |report| report.to_string().contains("/api/v1/items"))
        .expect("the calls are flushed");
    let mut found = canaries_in_folder(folder.path());
    assert!(metrics.exists(), "the metrics file is written");

    let store = sensor.stop().expect("the sensor stops in order");
    found.extend(canaries_in_folder(folder.path()));
    for command in ["report", "endpoints", "callers", "fields", "noise", "status"] {
        for format in ["text", "json"] {
            let output = store.output(&[command, "--format", format]).expect("the command runs");
            assert!(output.status.success(), "{command} --format {format}");
            found.extend(canaries(&format!("{command} as {format}"), &output.stdout));
            found.extend(canaries(&format!("errors of {command}"), &output.stderr));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));

    // It did see them: their names are there, and all well-formed calls.
    let fields = store.text(&["fields", "--format", "json"]).expect("fields");
    for name in ["nested", "card", "username", "page", "theme", "iban", "x-api-key", "us-ssn"] {
        assert!(fields.to_lowercase().contains(name), "no field {name}: {fields}");
    }
    let calls: u64 = store.tally().expect("endpoints").values().sum();
    assert!(calls >= 3 * 14, "{calls} calls");
}
