//! Any bytes to messages, taken whole and in pieces: both must give the same.
//!
//! The first byte chooses the media type and the compression, the second the length of pieces.

use super::Envelope;
use crate::counter::Counters;
use crate::flow::Timestamp;
use crate::limits::{BODY_BYTES_MAX, DECODED_BYTES_MAX};
use crate::protocol::{Head, Message, Range32, StartLine};

const MEDIA_TYPES: [&str; 4] = [
    "application/grpc",
    "application/grpc-web-text+proto",
    "application/grpc-web",
    "application/connect+json",
];

const CODINGS: [&str; 4] = ["identity", "gzip", "zstd", "deflate"];

/// Reads `data` and checks what must hold for any input.
pub fn fuzz(data: &[u8]) {
    let &[kind, length, ref data @ ..] = data else { return };
    let read = |length: usize| {
        let mut message = Message::begin(head(kind), Timestamp(0));
        let mut counters = Counters::default();
        let mut envelope = Envelope::of(&message.head).expect("a media type of these");
        for part in data.chunks(length) {
            envelope.read(part, BODY_BYTES_MAX, &mut message, &mut counters);
            assert!(envelope.buffered_bytes() <= 2 * BODY_BYTES_MAX, "too much is held");
        }
        envelope.end(&mut message);
        (message, counters)
    };
    let (message, counters) = read(data.len().max(1));
    let (other, other_counters) = read(usize::from(length) + 1);
    assert!(message.body == other.body && message.pieces == other.pieces, "a cut changed the messages");
    assert_eq!((message.messages, message.body_whole), (other.messages, other.body_whole));
    assert!(message.head.bytes == other.head.bytes && message.head.headers == other.head.headers);
    assert_eq!(counters.named(), other_counters.named());
    assert!(message.body.len() <= DECODED_BYTES_MAX && message.pieces.is_sorted());
    assert!(message.pieces.last().map_or(0, |&end| end as usize) <= message.body.len());
    assert!(message.pieces.len() as u64 <= message.messages);
}

fn head(kind: u8) -> Head {
    let kind = usize::from(kind);
    let mut bytes = Vec::new();
    let mut keep = |text: &str| {
        let start = bytes.len() as u32;
        bytes.extend(text.bytes());
        Range32 { start, end: bytes.len() as u32 }
    };
    let coding = CODINGS[kind / 4 % 4];
    let headers = vec![
        (keep("content-type"), keep(MEDIA_TYPES[kind % 4])),
        (keep("grpc-encoding"), keep(coding)),
        (keep("connect-content-encoding"), keep(coding)),
    ];
    Head { bytes, start: StartLine::Response { status: 200, minor_version: 1 }, headers }
}
