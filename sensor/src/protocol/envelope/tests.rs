//! Messages compressed, too long, too many; streams that break off; bodies taken apart at their end.

use std::io::Write;

use super::*;
use crate::flow::Timestamp;
use crate::protocol::StartLine;

fn message(fields: &[(&str, &str)]) -> Message {
    let start = StartLine::Response { status: 200, minor_version: 1 };
    let mut head = Head { bytes: Vec::new(), start, headers: Vec::new() };
    for (name, value) in fields {
        add_field(&mut head, name.as_bytes(), value.as_bytes());
    }
    Message::begin(head, Timestamp(0))
}

fn enveloped(flags: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
    [&[flags][..], &length, bytes].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn read(mut message: Message, bytes: &[u8]) -> (Message, Counters) {
    let mut counters = Counters::default();
    let mut envelope = Envelope::of(&message.head).expect("an envelope");
    envelope.read(bytes, BODY_BYTES_MAX, &mut message, &mut counters);
    envelope.end(&mut message);
    (message, counters)
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

#[test]
fn only_these_media_types_are_enveloped() {
    for (media_type, is) in [
        ("application/grpc", true),
        ("application/grpc+proto; a=b", true),
        ("Application/gRPC-Web+proto", true),
        ("application/grpc-web-text", true),
        ("application/connect+json", true),
        ("application/connect", false),
        ("application/grpcx", false),
        ("application/json", false),
        ("application/proto", false),
    ] {
        assert_eq!(
            Envelope::of(&message(&[("content-type", media_type)]).head).is_some(),
            is,
            "{media_type}"
        );
    }
}

#[test]
fn each_message_is_decompressed_for_itself() {
    let bytes = [enveloped(1, &gzip(b"one")), enveloped(0, b"two"), enveloped(1, &gzip(b""))].concat();
    let (message, counters) = read(message(&[GRPC, ("grpc-encoding", "gzip")]), &bytes);
    assert_eq!((message.body.as_slice(), message.pieces), (&b"onetwo"[..], vec![3, 6, 6]));
    assert_eq!((message.messages, message.body_whole), (3, true));
    assert_eq!(counters.named(), Default::default());
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bytes = enveloped(1, &gzip(&vec![0; 50 << 20]));
    let (message, counters) = read(message(&[GRPC, ("grpc-encoding", "gzip")]), &bytes);
    assert!(message.body.len() <= BODY_BYTES_MAX && !message.body_whole);
    assert_eq!((message.pieces.len(), counters.count(Counter::CodingLimit)), (1, 1));
}

#[test]
fn messages_past_the_limit_are_counted() {
    let bytes = enveloped(0, &[b'x'; 100_000]).repeat(5);
    let (long, _) = read(message(&[GRPC]), &[bytes, enveloped(0, b"short")].concat());
    assert_eq!((long.messages, long.pieces.len(), long.body_whole), (6, 3, false));
    assert!(long.body.ends_with(b"xshort"), "what fits is kept");
    let (many, counters) = read(message(&[GRPC]), &enveloped(0, b"x").repeat(PIECES_MAX + 9));
    assert_eq!((many.messages, many.pieces.len()), (PIECES_MAX as u64 + 9, PIECES_MAX));
    assert_eq!(counters.count(Counter::PiecesFull), 9);
    let (huge, _) = read(message(&[GRPC]), &enveloped(0, &vec![b'x'; BODY_BYTES_MAX + 9]));
    assert_eq!(
        (huge.body.len(), huge.pieces, huge.body_whole),
        (BODY_BYTES_MAX, vec![BODY_BYTES_MAX as u32], false)
    );
}

#[test]
fn what_breaks_off_is_no_message() {
    let (cut, _) = read(message(&[GRPC]), &[enveloped(0, b"one"), vec![0, 0, 0, 0, 9, b't']].concat());
    assert_eq!((cut.body.as_slice(), cut.pieces, cut.body_whole), (&b"one"[..], vec![3], false));
    let (broken, counters) = read(message(&[GRPC]), &[enveloped(0, b"one"), enveloped(7, b"two")].concat());
    assert_eq!((broken.messages, broken.body_whole), (1, false));
    assert_eq!(counters.count(Counter::EnvelopeMalformed), 1);
    let (unknown, counters) = read(message(&[GRPC, ("grpc-encoding", "snappy")]), &enveloped(1, b"x"));
    assert_eq!((unknown.messages, unknown.body_whole, unknown.body.len()), (1, false, 0));
    assert_eq!(counters.count(Counter::CodingUnknown), 1);
}

#[test]
fn a_body_of_http1_is_taken_apart_at_its_end() {
    let mut web = message(&[("content-type", "application/grpc-web-text+proto")]);
    // Two parts, each with its own padding: the message "hello", then the trailers.
    web.body = b"AAAAAAVoZWxsbw==gAAAABFncnBjLXN0YXR1czogMTMNCg==".to_vec();
    web.body_bytes = web.body.len() as u64;
    web.finish(&mut Counters::default());
    assert_eq!((web.body.as_slice(), web.pieces.as_slice(), web.messages), (&b"hello"[..], &[5][..], 1));
    assert_eq!(web.head.field("grpc-status"), Some(&b"13"[..]));
    assert!(web.body_whole);
}
