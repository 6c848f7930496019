//! Whole calls: raw exchanges in, what is kept of them as a snapshot.

use std::fmt::Write;

use sensor::call::{Call, Credential, Method, Reader, path_text};
use sensor::counter::Counters;
use sensor::flow::Direction;
use sensor::inventory::{Inventory, Recorder};

use crate::call_exchange::{KEY, exchange, parties, read};

/// A call as text, fields sorted by name.
fn shown(reader: &Reader, call: &Call) -> String {
    let mut text = format!(
        "{} {} {} -> {:?}\ncredential {}\nbytes {} {}\ntypes {:?} {:?}\nlatency {:?}\n",
        call.method.name(),
        call.service,
        path_text(&call.path),
        call.status,
        call.credential.name(),
        call.request_bytes,
        call.response_bytes,
        call.request_type,
        call.response_type,
        call.latency_ns,
    );
    let names = reader.names();
    let mut fields: Vec<String> = call
        .fields
        .iter()
        .map(|seen| {
            let facts: Vec<_> = seen.facts.names().collect();
            format!("{} {:?}: {}", names.place(seen.field).name(), names.name(seen.field), facts.join(" "))
        })
        .collect();
    fields.sort();
    for field in fields {
        writeln!(text, "{field}").unwrap();
    }
    text
}

#[test]
fn a_json_call() {
    let mut reader = Reader::new(KEY);
    let call = read(
        &mut reader,
        "POST /api/v1/users/42/orders/?dryRun=true&since=2024-01-31&42=x&lonely HTTP/1.1\nHost: Shop.Example:80\n\
         User-Agent: test\nX-Request-Id: 6f1c2a9e-8b1d-4c3e-9f00-0123456789ab\nCookie: theme=dark; JSESSIONID=abc\n\
         Authorization: Bearer opaque-token\nContent-Type: application/json; charset=utf-8\n\n\
         {\"items\":[{\"sku\":\"A-1\",\"count\":2,\"price\":1.5}],\"note\":null,\"mail\":\"ada@example.org\"}",
        "HTTP/1.1 201 Created\nContent-Type: application/problem+json\nX-Rate-Limit: 10\n\
         Set-Cookie: sid=abc; Path=/; HttpOnly\n\n{\"id\":7,\"at\":\"2024-01-31T10:00:00Z\"}",
    );
    insta::assert_snapshot!(shown(&reader, &call));
}

#[test]
fn forms() {
    let mut reader = Reader::new(KEY);
    let call = read(
        &mut reader,
        "POST /login HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\nuser=ada&password=x%20y&ada%40example.org=1",
        "HTTP/1.1 302 Found\nLocation: /home\n",
    );
    insta::assert_snapshot!(shown(&reader, &call));
    let call = read(
        &mut reader,
        "POST /upload HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=\"b b\"\n\n\
         --b b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\r\n\
         --b b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"ada.png\"\r\nContent-Type: image/png\r\n\r\nxx\r\n--b b--\r\n",
        "",
    );
    insta::assert_snapshot!(shown(&reader, &call));
}

fn target(host: &str, target: &str, method: &str) -> String {
    let host = if host.is_empty() { String::new() } else { format!("Host: {host}\n") };
    let mut reader = Reader::new(KEY);
    let call = read(&mut reader, &format!("{method} {target} HTTP/1.1\n{host}"), "");
    format!("{} {} {}", call.method.name(), call.service, path_text(&call.path))
}

#[test]
fn targets_and_authorities() {
    for (host, raw, method, expected) in [
        ("a.example", "/pets/42", "GET", "GET a.example /pets/{integer}"),
        ("a.example", "http://b.example:81/pets?x=1", "GET", "GET b.example:81 /pets"),
        ("a.example", "*", "OPTIONS", "OPTIONS a.example /*"),
        ("a.example", "b.example:443", "CONNECT", "CONNECT b.example:443 /"),
        ("", "/", "GET", "GET 10.0.0.1:8080 /"),
        ("a b", "/", "GET", "GET 10.0.0.1:8080 /"),
        ("a.example", "/a%2Fb/x%20y", "GET", "GET a.example /{text}/{text}"),
        ("a.example", "/users/ada@example.org", "GET", "GET a.example /users/{email}"),
        ("a.example", "/files/5f3a00aa11/2024-01-31", "GET", "GET a.example /files/{hex}/{date}"),
        ("a.example", "/static/index.html", "GET", "GET a.example /static/%7Bfile}"),
        ("a.example", "/static/app.3f9a.js", "GET", "GET a.example /static/%7Bfile}"),
        ("a.example", "/", "WILHELM", "OTHER a.example /"),
    ] {
        assert_eq!(target(host, raw, method), expected, "{raw}");
    }
    let hidden = target("a.example", "/wilhelmina", "GET");
    assert!(hidden.starts_with("GET a.example /~") && !hidden.contains("wilhelm"), "{hidden}");
    let nested = target("a.example", "/users/wilhelmina/9.json", "GET");
    assert!(nested.starts_with("GET a.example /users/~") && nested.ends_with("/{integer}.json"), "{nested}");
    let mut long = "/a".repeat(40);
    long.push('?');
    let mut reader = Reader::new(KEY);
    let mut counters = Counters::default();
    let raw = exchange(&format!("GET {long} HTTP/1.1\nHost: a\n"), "");
    let call = reader.read(raw, &parties(2), &mut counters).unwrap();
    assert_eq!(call.path.len(), sensor::limits::PATH_SEGMENTS_MAX);
    assert_eq!(counters.named().into_iter().collect::<Vec<_>>(), [("path-too-long", 1)]);
}

#[test]
fn the_direction_says_who_serves() {
    let mut reader = Reader::new(KEY);
    let mut raw = exchange("GET / HTTP/1.1\n", "HTTP/1.1 204 No Content\n");
    raw.direction = Direction::Outbound;
    let parties = parties(2);
    let call = reader.read(raw, &parties, &mut Counters::default()).unwrap();
    assert_eq!((&call.server, &call.caller), (&parties.remote, &parties.local));
    assert_eq!(&*call.service, "10.0.0.2:50000");
    assert_eq!((call.method, call.credential), (Method("GET"), Credential::None));
    // A response in the place of the request is no call.
    let mut raw = exchange("GET / HTTP/1.1\n", "HTTP/1.1 204 No Content\n");
    raw.request = raw.response.take().unwrap();
    assert!(reader.read(raw, &parties, &mut Counters::default()).is_none());
}

#[test]
fn words_are_shown_by_evidence_and_go_by_hash() {
    let mut reader = Reader::new(KEY);
    let (mut recorder, mut counters) = (Recorder::new(KEY), Counters::default());
    let mut ask = |path: &str, calls: u8, callers: u8| {
        let mut last = None;
        for call in 0..calls {
            let raw = exchange(&format!("GET {path}/{call} HTTP/1.1\nHost: a\n"), "HTTP/1.1 200 OK\n");
            let call = reader.read(raw, &parties(2 + call % callers), &mut counters).expect("a call");
            recorder.record(&call, &mut counters);
            last = Some(call.path);
        }
        (path_text(&last.expect("a call")), recorder.take(&reader).words)
    };
    // English words in a programmer's spelling need little, a word that could be a name needs more.
    let (path, words) = ask("/wombatBurrows", 3, 1);
    let (hash, word) = words.first_key_value().expect("a word");
    assert_eq!((path, &**word), (format!("/~{hash:016x}/{{integer}}"), "wombatBurrows"));
    let (path, words) = ask("/qwrtz", 3, 3);
    assert!(path.starts_with("/~") && words.is_empty(), "{path} {words:?}");
    assert_eq!(ask("/qwrtz", 30, 3).1.values().map(|word| &**word).collect::<Vec<_>>(), ["qwrtz"]);
}

#[test]
fn members_of_a_collection_are_never_shown() {
    let mut reader = Reader::new(KEY);
    let (mut recorder, mut counters) = (Recorder::new(KEY), Counters::default());
    let mut inventory = Inventory::default();
    for call in 0..200_u8 {
        for path in ["/users/ford", "/users/ford/orders", "/users/ford/profile"] {
            let raw = exchange(&format!("GET {path} HTTP/1.1\nHost: a\n"), "HTTP/1.1 200 OK\n");
            let call = reader.read(raw, &parties(2 + call % 5), &mut counters).expect("a call");
            recorder.record(&call, &mut counters);
        }
        inventory.merge(recorder.take(&reader));
    }
    assert!(inventory.words.is_empty(), "{:?}", inventory.words);
}

#[test]
fn every_method_can_be_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = |method: &str| {
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_apicensus"))
            .args(["--store", "none.db", "endpoints", "--method", method])
            .current_dir(folder.path())
            .output();
        status.expect("the program runs").status.code()
    };
    for method in ["get", "VERSION-CONTROL", "Baseline-Control", "PURGE", "OTHER"] {
        assert_eq!(code(method), Some(4), "{method}: the store is missing, the method is none");
        assert_eq!(
            Method::of_token(method.to_ascii_uppercase().as_bytes()).name(),
            method.to_ascii_uppercase()
        );
    }
    assert_eq!(code("FROBNICATE"), Some(2));
}

#[test]
fn json_under_other_names() {
    for (content_type, body, expected) in [
        ("application/x-www-form-urlencoded", "{\"a\":1}", "request-body: ,/a"),
        ("application/x-www-form-urlencoded", "a={\"b\":1}", "form: a"),
        ("text/plain", " [ {\"a\":1} ]", "request-body: ,/*,/*/a"),
        ("text/plain", "a note", ""),
        ("application/vnd.shop.v2+json", "\u{feff}{\"a\":1}", "request-body: ,/a"),
        ("text/html", "{\"a\":1}", ""),
    ] {
        let mut reader = Reader::new(KEY);
        let request = format!("POST / HTTP/1.1\nHost: a\nContent-Type: {content_type}\n\n{body}");
        let call = read(&mut reader, &request, "");
        let names = reader.names();
        let fields: Vec<_> = call.fields.iter().map(|seen| &**names.name(seen.field)).collect();
        let place = call.fields.first().map_or("", |seen| names.place(seen.field).name());
        let shown = if place.is_empty() { String::new() } else { format!("{place}: {}", fields.join(",")) };
        assert_eq!(shown, expected, "{content_type} {body}");
    }
}

#[test]
fn credentials_wherever_they_stand() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    for (target, headers, expected) in [
        ("/", "Accept: */*".to_owned(), Credential::None),
        ("/", "Authorization: Basic YTpi".to_owned(), Credential::Basic),
        ("/", "Authorization: Bearer abc".to_owned(), Credential::Bearer),
        ("/", format!("Authorization: Bearer {jwt}"), Credential::Jwt),
        ("/", format!("X-Anything: {jwt}"), Credential::Jwt),
        ("/", format!("Cookie: a=b; t={jwt}"), Credential::Jwt),
        ("/", "X-Api-Key: abc".to_owned(), Credential::ApiKey),
        ("/?api_key=abc", "Accept: */*".to_owned(), Credential::ApiKey),
        ("/?access_token=abc", "Accept: */*".to_owned(), Credential::Bearer),
        ("/", "Cookie: PHPSESSID=abc".to_owned(), Credential::SessionCookie),
        ("/", "Authorization: Digest username=a".to_owned(), Credential::Digest),
        ("/", "Authorization: NTLM TlRM".to_owned(), Credential::Negotiate),
        ("/", "X-Forwarded-Client-Cert: URI=spiffe://x/a".to_owned(), Credential::Certificate),
        ("/", "Signature-Input: s=(\"@method\");keyid=\"a\"".to_owned(), Credential::Signed),
        ("/a;jsessionid=1", "Accept: */*".to_owned(), Credential::SessionCookie),
    ] {
        let mut reader = Reader::new(KEY);
        // What the server sends is no credential of the caller.
        let response = format!("HTTP/1.1 200 OK\nSet-Cookie: PHPSESSID=abc\nX-Token: {jwt}\n");
        let call = read(&mut reader, &format!("GET {target} HTTP/1.1\nHost: a\n{headers}\n"), &response);
        assert_eq!(call.credential, expected, "{target} {headers}");
    }
}
