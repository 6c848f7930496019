//! The call stage bears any exchange: whatever bytes stand in its parts, it gives a call or none,
//! and what it gives can be stored and read back.

use proptest::prelude::*;
use sensor::call::{Reader, path_of_text, path_text};
use sensor::counter::Counters;
use sensor::flow::{Direction, Timestamp};
use sensor::protocol::{Exchange, Head, Message, Notes, Range32, StartLine};

use crate::call_exchange::{KEY, parties};

/// Header names that lead somewhere, with values that may.
const HEADERS: &[(&str, &str)] = &[
    ("Host", "[::1]:80"),
    ("Host", "a:b"),
    ("Cookie", "a=b; c; =d;;e=\"f"),
    ("Set-Cookie", "=;a"),
    ("Authorization", "Bearer  eyJ..."),
    ("Content-Type", "application/json"),
    ("Content-Type", "multipart/form-data; boundary=\"a"),
    ("Content-Type", "multipart/form-data; boundary="),
    ("Content-Type", "multipart/form-data; boundary=b"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("X-Other", "2024-01-31T10:00:00.Z"),
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "[a-zA-Z0-9/%?&=;:.#@{}\\[\\]\",\\\\ \r\n*+-]{0,80}".prop_map(String::into_bytes),
        "(--b\r\n|content-disposition: form-data; |name=|\"|\r\n\r\n|b|--){0,12}"
            .prop_map(String::into_bytes),
        "(/|%2e|\\.|;|\\?|http://|@|a1|[a-z]{3,9}){0,40}".prop_map(String::into_bytes),
    ]
}

fn header() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    prop_oneof![
        (bytes(), bytes()),
        proptest::sample::select(HEADERS).prop_map(|(name, value)| (name.into(), value.into())),
        (proptest::sample::select(HEADERS), bytes()).prop_map(|((name, _), value)| (name.into(), value)),
    ]
}

/// Method, target, headers, body, whether it is whole, and a number that chooses the method.
type Parts = (Vec<u8>, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>, bool, u8);

fn parts() -> impl Strategy<Value = Parts> {
    (bytes(), bytes(), proptest::collection::vec(header(), 0..8), bytes(), any::<bool>(), 0..4_u8)
}

fn message((method, target, headers, body, body_whole, kind): Parts) -> Message {
    let mut bytes = Vec::new();
    let mut range = |part: &[u8]| {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(part);
        Range32 { start, end: bytes.len() as u32 }
    };
    let method = match kind {
        0 => range(b"CONNECT"),
        1 => range(b"GET"),
        _ => range(&method),
    };
    let start = StartLine::Request { method, target: range(&target), minor_version: 1 };
    let headers = headers.iter().map(|(name, value)| (range(name), range(value))).collect();
    Message {
        head: Head { bytes, start, headers },
        body_bytes: body.len() as u64,
        body,
        body_whole,
        pieces: Vec::new(),
        messages: 0,
        first_byte: Timestamp(1),
        last_byte: Timestamp(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_exchange_is_borne(request in parts(), response in proptest::option::of(parts()), inbound: bool) {
        let mut reader = Reader::new(KEY);
        let response = response.map(|response| {
            let mut response = message(response);
            response.head.start = StartLine::Response { status: 200, minor_version: 1 };
            response
        });
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let exchange = Exchange { request: message(request), response, direction, follows: false, notes: Notes::default() };
        let call = reader.read(exchange, &parties(2), &mut Counters::default()).expect("a request is a call");
        prop_assert!(call.fields.windows(2).all(|pair| pair[0].field < pair[1].field));
        prop_assert!(call.fields.iter().all(|seen| seen.facts.types().0 != 0));
        prop_assert_eq!(path_of_text(&path_text(&call.path)), Some(call.path));
    }
}
