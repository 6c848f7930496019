//! Archives as browsers, proxies and test tools write them, each with its habits, and broken ones.

use sensor::call::path_text;
use sensor::flow::Transport;
use sensor::pipeline::Pipeline;
use sensor::protocol::har;
use sensor::stream::Ordering;

/// Chrome: HTTP/2 with pseudo headers, a body in base64, messages of a WebSocket, its own members.
pub const CHROME: &str = r#"{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"pages":[{"id":"page_1"}],"entries":[
{"_initiator":{"type":"script"},"_priority":"High","_resourceType":"fetch","cache":{},"connection":"443","pageref":"page_1",
 "request":{"method":"POST","url":"https://shop.example/orders?page=2","httpVersion":"http/2.0","headers":[{"name":":authority","value":"shop.example"},{"name":":method","value":"POST"},{"name":"content-type","value":"application/json"},{"name":"cookie","value":"sid=1"}],"queryString":[{"name":"page","value":"2"}],"cookies":[{"name":"sid","value":"1"}],"headersSize":-1,"bodySize":11,"postData":{"mimeType":"application/json","text":"{\"price\":1}"}},
 "response":{"status":201,"statusText":"","httpVersion":"http/2.0","headers":[{"name":"content-type","value":"application/json"}],"cookies":[],"content":{"size":9,"mimeType":"application/json","text":"eyJpZCI6Mn0=","encoding":"base64"},"redirectURL":"","headersSize":-1,"bodySize":-1,"_transferSize":120,"_error":null},
 "serverIPAddress":"[2001:db8::1]","startedDateTime":"2026-11-24T20:00:00.000Z","time":12.5,"timings":{"blocked":1.2,"dns":-1,"ssl":-1,"connect":-1,"send":0.1,"wait":10.1,"receive":1.1,"_blocked_queueing":0.5}},
{"_resourceType":"websocket","_webSocketMessages":[{"type":"send","time":1764014400.1,"opcode":1,"data":"{\"name\":\"a\"}"},{"type":"receive","time":1764014400.2,"opcode":1,"data":"{\"status\":1}"},{"type":"receive","time":1764014400.3,"opcode":2,"data":"AAEC"}],
 "request":{"method":"GET","url":"wss://shop.example/events","httpVersion":"HTTP/1.1","headers":[{"name":"Upgrade","value":"websocket"}],"queryString":[],"cookies":[],"headersSize":100,"bodySize":0},
 "response":{"status":101,"statusText":"Switching Protocols","httpVersion":"HTTP/1.1","headers":[],"cookies":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":90,"bodySize":0},
 "startedDateTime":"2026-11-24T20:00:01.000Z","time":3000,"timings":{"send":0,"wait":0,"receive":0}},
{"request":{"method":"GET","url":"data:image/png;base64,AAAA","headers":[]},"response":{"status":200},"startedDateTime":"2026-11-24T20:00:02.000Z"},
{"request":{"method":"GET","url":"https://shop.example/users","httpVersion":"http/2.0","headers":[],"queryString":[],"cookies":[],"headersSize":-1,"bodySize":0},
 "response":{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1,"_error":"net::ERR_ABORTED"},
 "startedDateTime":"2026-11-24T20:00:03.000Z","time":5,"timings":{"blocked":-1,"send":-1,"wait":-1,"receive":-1}}]}}"#;

/// Calls as `GET service/path status xN`, and why it was not read to its end.
fn import(text: &[u8]) -> (Vec<String>, Option<String>) {
    let mut pipeline = Pipeline::new(Ordering::Reorder, *b"0123456789abcdef");
    let read = har::read(text, |archived| {
        pipeline.take_exchange(archived);
        true
    });
    pipeline.finish();
    let mut calls = Vec::new();
    for (key, stats) in &pipeline.take_delta().endpoints {
        let name = format!("{} {}{}", key.method.0, key.service, path_text(&key.path));
        calls.extend(stats.statuses.iter().map(|(status, count)| format!("{name} {status} x{count}")));
    }
    calls.sort();
    (calls, read.err().map(|fault| fault.to_string()))
}

fn one(entry: &str) -> Vec<String> {
    let (calls, fault) = import(format!("{{\"log\":{{\"entries\":[{entry}]}}}}").as_bytes());
    assert_eq!(fault, None, "{entry}");
    calls
}

#[test]
fn an_archive_of_chrome() {
    let (calls, fault) = import(CHROME.as_bytes());
    assert_eq!(fault, None);
    assert_eq!(
        calls,
        ["GET shop.example/events 101 x1", "GET shop.example/users 0 x1", "POST shop.example/orders 201 x1"]
    );
    let mut seen = Vec::new();
    har::read(CHROME.as_bytes(), |archived| {
        let response = archived.exchange.response;
        seen.push((
            archived.creator,
            archived.server.map(|server| server.to_string()),
            archived.port,
            String::from_utf8(archived.exchange.request.body).expect("text"),
            response.map(|r| (String::from_utf8(r.body).expect("text"), r.body_whole, r.messages)),
        ));
        true
    })
    .expect("an archive");
    let creator = || "WebInspector".to_owned();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        seen,
        [
            (
                creator(),
                Some(text("2001:db8::1")),
                443,
                text("{\"price\":1}"),
                Some((text("{\"id\":2}"), false, 0))
            ),
            (creator(), None, 443, text("{\"name\":\"a\"}"), Some((text("{\"status\":1}"), true, 2))),
            (creator(), None, 443, String::new(), None),
        ]
    );
}

#[test]
fn the_scheme_says_how_calls_were_carried() {
    let transports = |scheme: &str| {
        let text = format!(
            "{{\"log\":{{\"entries\":[{{\"request\":{{\"method\":\"GET\",\"url\":\"{scheme}://shop.example/users\"}},\
             \"response\":{{\"status\":200}}}}]}}}}"
        );
        let mut pipeline = Pipeline::new(Ordering::Reorder, *b"0123456789abcdef");
        har::read(text.as_bytes(), |archived| {
            pipeline.take_exchange(archived);
            true
        })
        .expect("an archive");
        pipeline.finish();
        let endpoints = pipeline.take_delta().endpoints.into_values();
        let each = endpoints.flat_map(|stats| {
            let encrypted: u64 = stats.callers.values().map(|caller| caller.encrypted).sum();
            stats.transports.into_iter().map(move |(transport, calls)| (transport, calls, encrypted))
        });
        each.collect::<Vec<_>>()
    };
    for (scheme, transport, encrypted) in [
        ("http", Transport::Clear, 0),
        ("ws", Transport::Clear, 0),
        ("https", Transport::TLS, 1),
        ("WSS", Transport::TLS, 1),
    ] {
        assert_eq!(transports(scheme), [(transport, 1, encrypted)], "{scheme}");
    }
}

#[test]
fn archives_of_other_programs() {
    // Firefox: a byte order mark, comments, times with an offset, a port, a form as `params`.
    let firefox = "\u{feff}{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Firefox\",\"version\":\"145.0\"},\"browser\":{\"name\":\"Firefox\"},\"comment\":\"\",\"pages\":[],\"entries\":[{\"startedDateTime\":\"2026-11-24T21:00:00.000+01:00\",\"request\":{\"bodySize\":9,\"method\":\"POST\",\"url\":\"http://shop.example:8080/login\",\"httpVersion\":\"HTTP/1.1\",\"headers\":[{\"name\":\"Host\",\"value\":\"shop.example:8080\"}],\"cookies\":[],\"queryString\":[],\"headersSize\":300,\"postData\":{\"mimeType\":\"application/x-www-form-urlencoded\",\"params\":[{\"name\":\"name\",\"value\":\"a&b=c\"},{\"name\":\"page\"}],\"text\":\"\"}},\"response\":{\"status\":302,\"content\":{\"mimeType\":\"text/plain\",\"size\":0,\"text\":\"\"},\"headers\":[{\"name\":\"Location\",\"value\":\"/\"}],\"bodySize\":0},\"cache\":{},\"timings\":{\"blocked\":0,\"dns\":0,\"connect\":0,\"ssl\":0,\"send\":0,\"wait\":8,\"receive\":0},\"time\":8,\"_securityState\":\"insecure\",\"serverIPAddress\":\"10.0.0.1\",\"connection\":\"8080\"}]}}";
    assert_eq!(import(firefox.as_bytes()), (vec!["POST shop.example:8080/login 302 x1".to_owned()], None));
    // mitmproxy and Charles: creator last, entries first; null where nothing is; numbers as floats.
    let proxy = r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://shop.example/items","httpVersion":"HTTP/1.1","headers":[],"queryString":[],"bodySize":0,"postData":null},"response":{"status":200,"headers":null,"content":{"size":2.0,"mimeType":null,"text":"{}","compression":0}},"timings":{"dns":null,"wait":1},"serverIPAddress":null,"startedDateTime":"2026-11-24T20:00:00+00:00","time":1}],"creator":{"name":"mitmproxy","version":"12"},"version":"1.2","pages":null}}"#;
    assert_eq!(import(proxy.as_bytes()), (vec!["GET shop.example/items 200 x1".to_owned()], None));
    // Playwright: bodies in files beside the archive, times of -1.
    let playwright = one(
        r#"{"startedDateTime":"2026-11-24T20:00:00.000Z","time":-1,"request":{"method":"GET","url":"https://shop.example/users","httpVersion":"HTTP/2.0","cookies":[],"headers":[],"queryString":[],"headersSize":-1,"bodySize":-1},"response":{"status":200,"statusText":"OK","httpVersion":"HTTP/2.0","cookies":[],"headers":[],"content":{"size":-1,"mimeType":"application/json","_file":"a1b2.json"},"headersSize":-1,"bodySize":-1,"redirectURL":""},"cache":{},"timings":{"send":-1,"wait":-1,"receive":-1},"_frameref":"frame@1","_monotonicTime":1.5}"#,
    );
    assert_eq!(playwright, ["GET shop.example/users 200 x1"]);
}

#[test]
fn what_is_missing_or_of_another_type_is_not_there() {
    for (entry, expected) in [
        (r#"{"request":{"method":"GET","url":"http://a.example/users"}}"#, Some("GET a.example/users 0 x1")),
        (
            r#"{"request":{"method":"GET","url":"http://a.example"},"response":{"status":"200"}}"#,
            Some("GET a.example/ 0 x1"),
        ),
        (
            r#"{"request":{"method":"GET","url":"http://a.example?page=1"},"response":{"status":200}}"#,
            Some("GET a.example/ 200 x1"),
        ),
        (
            r#"{"request":{"method":"GET","url":"http://u:p@a.example/users#x"},"response":{"status":200.5}}"#,
            Some("GET a.example/users 0 x1"),
        ),
        (
            r#"{"request":{"method":"GET","url":"http://a.example/users"},"response":{"status":200,"content":{"text":"%%%","encoding":"base64"}},"time":1e300,"timings":{"blocked":1e300,"wait":1e300,"receive":1e300},"startedDateTime":"2026-11-24T20:00:00Z"}"#,
            Some("GET a.example/users 200 x1"),
        ),
        (r#"{"request":{"method":"GET","url":"/users"}}"#, None),
        (r#"{"request":{"method":"","url":"http://a.example/"}}"#, None),
        (r#"{"request":{"url":"http://a.example/"}}"#, None),
        (r#"{"request":null}"#, None),
        ("null", None),
        ("17", None),
        (r#"[[[{"request":1}]]]"#, None),
    ] {
        assert_eq!(one(entry), expected.into_iter().collect::<Vec<_>>(), "{entry}");
    }
    // One after another, those that are right count.
    let three = one(r#"null,{"request":{"method":"GET","url":"http://a.example/users"}},{}"#);
    assert_eq!(three, ["GET a.example/users 0 x1"]);
}

#[test]
fn an_archive_cut_at_any_byte_gives_what_was_whole() {
    let (all, _) = import(CHROME.as_bytes());
    let last = CHROME.rfind("]}}").expect("an end");
    let mut most = 0;
    for end in 0..CHROME.len() {
        let (calls, fault) = import(&CHROME.as_bytes()[..end]);
        let fault = fault.unwrap_or_else(|| panic!("no word of the cut at {end}"));
        assert!(calls.len() >= most && calls.iter().all(|call| all.contains(call)), "{end}");
        most = calls.len();
        assert!(fault.starts_with("it "), "{fault}");
        if end > CHROME.find("entries").expect("entries") + 10 {
            assert!(fault.contains("within the archive; the entries before it were read"), "{end}: {fault}");
        }
        assert!(end <= last || calls == all, "all entries were whole at {end}");
    }
}

#[test]
fn something_else_is_said_to_be_so() {
    for text in [
        "",
        "{}",
        "[]",
        "17",
        "{\"log\":{}}",
        "{\"log\":17}",
        "<html>",
        "\u{7f}ELF",
        "{\"log\":{\"entries\":{}}}",
    ] {
        let (calls, fault) = import(text.as_bytes());
        assert!(calls.is_empty());
        let fault = fault.unwrap_or_else(|| panic!("{text} is no archive"));
        assert!(fault.starts_with("it is no HTTP archive"), "{text}: {fault}");
    }
    let broken =
        r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://a.example/users"}},{"request":}]}}"#;
    let (calls, fault) = import(broken.as_bytes());
    assert_eq!(calls, ["GET a.example/users 0 x1"]);
    let fault = fault.expect("it is broken");
    assert!(fault.starts_with("it is no JSON at line 1, column 91"), "{fault}");
}

#[test]
fn an_entry_of_very_many_values_is_kept_in_part() {
    let many = "0,".repeat(3_000_000);
    let entry = format!(r#"{{"_x":[{many}0],"request":{{"method":"GET","url":"http://a.example/users"}}}}"#);
    let (calls, fault) = import(format!("{{\"log\":{{\"entries\":[{entry},{entry}]}}}}").as_bytes());
    // Its request stands behind what is left out.
    assert_eq!((calls, fault), (Vec::new(), None));
    let entry = format!(r#"{{"request":{{"method":"GET","url":"http://a.example/users"}},"_x":[{many}0]}}"#);
    let (calls, _) = import(format!("{{\"log\":{{\"entries\":[{entry},{entry}]}}}}").as_bytes());
    assert_eq!(calls, ["GET a.example/users 0 x2"]);
}
