//! Any bytes as a request and a response to calls: no panic, whatever they say that they are.
//!
//! Four bytes choose the media types of both bodies, target and method, and what is wrong (bit 0 the
//! bodies are cut, bit 1 they are in two pieces, bit 2 more of a stream, bit 3 no response, bits 4 to 7 the
//! status); a byte says how many 255ths of the rest are the request.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::{Parties, Reader, split};
use crate::counter::Counters;
use crate::flow::{Direction, Peer, Timestamp, Transport};
use crate::limits::CALL_FIELDS_MAX;
use crate::protocol::{Exchange, Head, Message, Notes, Range32, StartLine};

const MEDIA_TYPES: [&str; 20] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/xml",
    "text/event-stream",
    "application/grpc",
    "application/protobuf",
    "application/msgpack",
    "application/cbor",
    "application/x-ndjson",
    "application/graphql",
    "application/soap+xml; action=\"a\"",
    "text/xml",
    "application/grpc-web+proto",
    "application/connect+json",
    "application/vnd.api+json",
    "text/plain",
    "application/octet-stream",
    "application/json-rpc",
    "application/graphql-response+json",
];

const TARGETS: [&str; 8] = [
    "/",
    "/graphql",
    "/mcp",
    "/shop.Orders/List",
    "/graphql?query=%7Ba%7D&variables=%7B%7D&operationName=a",
    "/users/17?token=eyJhbGciOiJub25lIn0.e30.&a=b",
    "/rpc",
    "*",
];

const STATUSES: [u16; 8] = [200, 201, 204, 301, 400, 401, 404, 500];

/// Inputs that one reader reads: making one takes longer than hundreds of them.
const INPUTS: u32 = 256;

thread_local! {
    static READER: RefCell<(u32, Option<Reader>)> = const { RefCell::new((0, None)) };
}

/// Reads `data` twice by one reader, so that what it learnt is used.
pub fn fuzz(data: &[u8]) {
    let &[asked, answered, target, wrong, share, ref rest @ ..] = data else { return };
    let (request, response) = rest.split_at(rest.len() * usize::from(share) / 255);
    let (read, kept) = READER.take();
    let mut reader = kept.unwrap_or_else(|| Reader::new([7; 16]));
    let mut counters = Counters::default();
    let peer = |last| Arc::new(Peer { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), workload: None });
    let parties = Parties {
        local: peer(1),
        remote: peer(2),
        local_port: 80,
        remote_port: 50_000,
        transport: Transport::Clear,
    };
    for _ in 0..2 {
        let exchange = Exchange {
            request: message(asked, Some(target), 0, wrong, request),
            response: (wrong & 8 == 0).then(|| message(answered, None, wrong >> 4, wrong, response)),
            direction: if target & 64 == 0 { Direction::Inbound } else { Direction::Outbound },
            follows: wrong & 4 != 0,
            notes: Notes::default(),
        };
        split(exchange, &mut counters, |exchange, counters| {
            let call = reader.read(exchange, &parties, counters);
            assert!(call.is_none_or(|call| call.fields.len() <= 2 * CALL_FIELDS_MAX), "too many fields");
        });
    }
    READER.set((read + 1, (read % INPUTS != INPUTS - 1).then_some(reader)));
}

/// A request if there is a target, else a response.
fn message(media: u8, target: Option<u8>, status: u8, wrong: u8, body: &[u8]) -> Message {
    let mut bytes = Vec::new();
    let mut keep = |text: &str| {
        let start = bytes.len() as u32;
        bytes.extend(text.bytes());
        Range32 { start, end: bytes.len() as u32 }
    };
    let start = match target {
        Some(target) => StartLine::Request {
            method: keep(if target & 128 == 0 { "POST" } else { "GET" }),
            target: keep(TARGETS[usize::from(target & 7)]),
            minor_version: 1,
        },
        None => StartLine::Response { status: STATUSES[usize::from(status) % 8], minor_version: 1 },
    };
    let mut headers = vec![(keep("host"), keep("a.example"))];
    // A number past the list: no media type is said.
    if let Some(media) = MEDIA_TYPES.get(usize::from(media) % (MEDIA_TYPES.len() + 1)) {
        headers.push((keep("content-type"), keep(media)));
    }
    if target.is_some_and(|target| target & 8 != 0) {
        headers.push((keep("soapaction"), keep("\"urn:a#b\"")));
    }
    let pieces = if wrong & 2 == 0 { Vec::new() } else { vec![body.len() as u32 / 2, body.len() as u32] };
    Message {
        head: Head { bytes, start, headers },
        messages: pieces.len() as u64,
        pieces,
        body: body.to_vec(),
        body_whole: wrong & 1 == 0,
        body_bytes: body.len() as u64 + u64::from(wrong & 1),
        first_byte: Timestamp(1),
        last_byte: Timestamp(2),
    }
}
