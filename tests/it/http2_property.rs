//! Generated conversations: cut anywhere, joined at every frame boundary, with any bytes lost, and plain
//! noise. By an encoder of our own that uses all of HPACK, and by the client and server of the `h2` crate.
//!
//! Each request has its number in its path and in a field, each response in a field: whatever is said
//! of an exchange must be what was sent under its number, or be unknown.

use proptest::prelude::*;
use proptest::test_runner::Config;
use sensor::counter::Counter;
use sensor::flow::Direction;
use sensor::limits::{
    HEADER_BLOCK_BYTES_MAX, HPACK_TABLE_BYTES_MAX, RESETS_MAX, STREAMS_BYTES_MAX, STREAMS_MAX,
};
use sensor::protocol::{Exchange, Message};

use crate::http1_conversation::{request_line, status};
use crate::http2_wire::{Encoder, Form, PREFACE, Piece, Played, field, frame, play};

/// One call as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub authority: String,
    pub status: u16,
    pub request_body: Vec<u8>,
    pub response_body: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Plan {
    method: usize,
    authority: usize,
    status: usize,
    path_indexed: bool,
    form: usize,
    bodies: [usize; 2],
    padding: Option<u8>,
    splits: usize,
    resize: Option<usize>,
    trailers: bool,
    interim: bool,
    /// Whether the answer comes at once or after the next request.
    late: bool,
    repeat: bool,
}

const METHODS: [&str; 4] = ["GET", "POST", "PURGE", "REPORT"];
const AUTHORITIES: [&str; 3] = ["a.example", "b.example:8080", "c.example"];
const STATUSES: [u16; 5] = [200, 404, 201, 503, 418];

fn plan() -> impl Strategy<Value = Plan> {
    let numbers = (0usize..4, 0usize..3, 0usize..5, 0usize..3, 0usize..4);
    let sizes = (0usize..200, 0usize..200, prop::option::of(0u8..20));
    let size = prop::option::weighted(0.2, prop::sample::select(&[0usize, 60, 200, 4096][..]));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (numbers, sizes, size, flags).prop_map(
        |((method, authority, status, form, splits), sizes, resize, flags)| Plan {
            method,
            authority,
            status,
            path_indexed: flags.0,
            form,
            bodies: [sizes.0, sizes.1],
            padding: sizes.2,
            splits,
            resize,
            trailers: flags.1,
            interim: flags.2,
            late: flags.3,
            repeat: flags.4,
        },
    )
}

/// Frames in the order in which they are sent, and what they say.
fn build(plans: &[Plan]) -> (Vec<(Direction, Vec<u8>)>, Vec<Sent>) {
    let mut encoders = [Encoder::default(), Encoder::default()];
    let mut frames = vec![
        (Direction::Inbound, [PREFACE, &frame(4, 0, 0, &[])].concat()),
        (Direction::Outbound, frame(4, 0, 0, &[])),
    ];
    let mut sent: Vec<Sent> = Vec::new();
    let mut waiting: Vec<(u32, usize)> = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let stream = 2 * number as u32 + 1;
        let form = [Form::Indexed, Form::Literal, Form::Never][plan.form];
        let path_of = if plan.repeat { number.saturating_sub(2) } else { number };
        let call = Sent {
            method: METHODS[plan.method].to_owned(),
            path: format!("/items/{path_of}"),
            authority: AUTHORITIES[plan.authority].to_owned(),
            status: STATUSES[plan.status],
            request_body: format!("q{number}.").repeat(plan.bodies[0]).into_bytes(),
            response_body: format!("r{number}.").repeat(plan.bodies[1]).into_bytes(),
        };
        let mut block = Vec::new();
        let encoder = &mut encoders[0];
        if let Some(size) = plan.resize {
            encoder.resize(size, &mut block);
        }
        encoder.field(":method", &call.method, Form::Indexed, &mut block);
        encoder.field(":scheme", "http", Form::Indexed, &mut block);
        encoder.field(":path", &call.path, if plan.path_indexed { Form::Indexed } else { form }, &mut block);
        encoder.field(":authority", &call.authority, form, &mut block);
        encoder.field("x-number", &number.to_string(), form, &mut block);
        encoder.field("user-agent", "test", Form::Indexed, &mut block);
        message(&mut frames, Direction::Inbound, stream, block, &call.request_body, plan, &mut encoders[0]);
        sent.push(call);
        waiting.push((stream, number));
        if plan.late {
            continue;
        }
        while let Some((stream, number)) = waiting.pop() {
            let plan = &plans[number];
            let form = [Form::Indexed, Form::Literal, Form::Never][plan.form];
            let call = sent[number].clone();
            let encoder = &mut encoders[1];
            if plan.interim {
                let mut block = Vec::new();
                encoder.field(":status", "103", Form::Indexed, &mut block);
                frames.push((Direction::Outbound, frame(1, 4, stream, &block)));
            }
            let mut block = Vec::new();
            if let Some(size) = plan.resize {
                encoder.resize(size, &mut block);
            }
            encoder.field(":status", &call.status.to_string(), Form::Indexed, &mut block);
            encoder.field("server", "test", Form::Indexed, &mut block);
            encoder.field("x-number", &number.to_string(), form, &mut block);
            message(&mut frames, Direction::Outbound, stream, block, &call.response_body, plan, encoder);
        }
    }
    (frames, sent)
}

/// HEADERS, CONTINUATION, DATA and trailers of one message.
fn message(
    frames: &mut Vec<(Direction, Vec<u8>)>,
    direction: Direction,
    stream: u32,
    block: Vec<u8>,
    body: &[u8],
    plan: &Plan,
    encoder: &mut Encoder,
) {
    let ends = u8::from(body.is_empty() && !plan.trailers);
    let size = block.len() / (plan.splits + 1) + 1;
    let mut parts = block.chunks(size).peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = if parts.peek().is_none() { 4 } else { 0 };
        let bytes = if first { frame(1, last | ends, stream, part) } else { frame(9, last, stream, part) };
        first = false;
        frames.push((direction, bytes));
    }
    let mut bodies = body.chunks(150).peekable();
    while let Some(part) = bodies.next() {
        let ends = u8::from(bodies.peek().is_none() && !plan.trailers);
        frames.push((
            direction,
            match plan.padding {
                Some(padding) => {
                    let payload = [&[padding], part, &vec![0; usize::from(padding)]].concat();
                    frame(0, ends | 8, stream, &payload)
                }
                None => frame(0, ends, stream, part),
            },
        ));
    }
    if plan.trailers {
        let mut block = Vec::new();
        encoder.field("x-trailer", "t", Form::Indexed, &mut block);
        frames.push((direction, frame(1, 5, stream, &block)));
    }
}

fn pieces(frames: &[(Direction, Vec<u8>)]) -> Vec<Piece> {
    let one = |(at, (direction, bytes)): (usize, &(Direction, Vec<u8>))| Piece {
        direction: *direction,
        bytes: bytes.clone(),
        gap: 0,
        at: 1000 + at as u64,
    };
    frames.iter().enumerate().map(one).collect()
}

/// Bytes cut at these places (thousandths of each piece).
fn cut(pieces: &[Piece], places: &[usize]) -> Vec<Piece> {
    let mut all = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let place = places.get(index % places.len().max(1)).map_or(0, |&p| p * piece.bytes.len() / 1000);
        let (first, second) = piece.bytes.split_at(place);
        for bytes in [first, second] {
            if !bytes.is_empty() {
                all.push(Piece { bytes: bytes.to_vec(), ..piece.clone() });
            }
        }
    }
    all
}

/// Everything that is known of an exchange was sent so.
fn assert_true(exchange: &Exchange, sent: &[Sent]) {
    let (method, path) = request_line(exchange);
    let authority = field(&exchange.request, "host");
    let known = |said: &str, true_one: &str| said.is_empty() || said == true_one;
    let request_number = field(&exchange.request, "x-number");
    let response_number = exchange.response.as_ref().and_then(|r| field(r, "x-number"));
    if let (Some(a), Some(b)) = (&request_number, &response_number) {
        assert_eq!(a, b, "a response under a wrong request");
    }
    let number = request_number.or(response_number);
    let fits = |call: &Sent| {
        known(&method, &call.method)
            && known(&path, &call.path)
            && authority.as_ref().is_none_or(|a| *a == call.authority)
            && exchange.response.as_ref().is_none_or(|r| status(r) == call.status)
            && call.request_body.starts_with(&exchange.request.body)
            && exchange.response.as_ref().is_none_or(|r| call.response_body.starts_with(&r.body))
            && (!exchange.request.body_whole || exchange.request.body == call.request_body)
    };
    match number {
        Some(number) => {
            let number: usize = number.parse().expect("a number that was sent");
            assert!(fits(&sent[number]), "{method} {path} {authority:?} is not {:?}", sent[number]);
        }
        None => assert!(sent.iter().any(fits), "{method} {path} {authority:?} was never sent"),
    }
    assert_eq!(exchange.notes.target_unknown, path.is_empty());
    // Who lacks a field says so: both always have a number and another field.
    let lacks = |message: &Message, name| field(message, name).is_none();
    let request = &exchange.request;
    let lacking = lacks(request, "x-number") || lacks(request, "host") || lacks(request, "user-agent");
    let lacking_too = exchange.response.as_ref().is_some_and(|r| lacks(r, "x-number") || lacks(r, "server"));
    assert!(exchange.notes.fields_unknown || !(lacking || lacking_too));
}

/// Every call is there, whole.
fn assert_whole(played: &Played, sent: &[Sent]) {
    let mut numbers: Vec<usize> = Vec::new();
    for exchange in &played.exchanges {
        assert_true(exchange, sent);
        let number = field(&exchange.request, "x-number").expect("it was sent").parse().expect("a number");
        numbers.push(number);
        let call: &Sent = &sent[number];
        let response = exchange.response.as_ref().expect("it was answered");
        assert_eq!(exchange.request.body, call.request_body);
        assert_eq!(response.body, call.response_body);
        assert_eq!(response.body_bytes, call.response_body.len() as u64);
        assert!(exchange.request.body_whole && response.body_whole);
        let (method, path) = request_line(exchange);
        assert_eq!((&method, &path), (&call.method, &call.path));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..sent.len()).collect::<Vec<_>>());
    assert_eq!(played.counters.named(), Default::default());
}

/// Only answered calls are whole: the last ones may wait.
fn answered(mut plans: Vec<Plan>) -> Vec<Plan> {
    if let Some(last) = plans.last_mut() {
        last.late = false;
    }
    plans
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn http2_generated_conversations_are_read_whole_however_cut(
        plans in prop::collection::vec(plan(), 1..12).prop_map(answered),
        places in prop::collection::vec(0usize..1000, 1..6),
    ) {
        let (frames, sent) = build(&plans);
        let pieces = pieces(&frames);
        assert_whole(&play(&pieces), &sent);
        assert_whole(&play(&cut(&pieces, &places)), &sent);
    }

    #[test]
    fn http2_joined_at_any_frame_invents_nothing(
        plans in prop::collection::vec(plan(), 2..10).prop_map(answered),
    ) {
        let (frames, sent) = build(&plans);
        let pieces = pieces(&frames);
        for join in 1..pieces.len() {
            for exchange in &play(&pieces[join..]).exchanges {
                assert_true(exchange, &sent);
            }
        }
    }

    #[test]
    fn http2_with_any_bytes_lost_invents_nothing(
        plans in prop::collection::vec(plan(), 2..10).prop_map(answered),
        holes in prop::collection::vec((0usize..1000, 0usize..1000, 0usize..1000), 1..4),
    ) {
        let (frames, sent) = build(&plans);
        let mut pieces = pieces(&frames);
        for (piece, from, length) in holes {
            let index = piece * pieces.len() / 1000;
            let piece = &mut pieces[index];
            if piece.bytes.is_empty() {
                continue;
            }
            let from = from * piece.bytes.len() / 1000;
            let length = length * (piece.bytes.len() - from) / 1000 + 1;
            let behind = Piece { bytes: piece.bytes.split_off(from + length), ..piece.clone() };
            piece.bytes.truncate(from);
            piece.gap += length as u64;
            pieces.insert(index + 1, behind);
        }
        for exchange in &play(&pieces).exchanges {
            assert_true(exchange, &sent);
        }
    }

    #[test]
    fn http2_noise_is_survived(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        sensor::protocol::http2::fuzz(&data);
        sensor::protocol::http2::hpack::fuzz(&data);
        sensor::protocol::fuzz_envelope(&data);
    }

    /// Frames under instructions of the fuzzer, so that it gets past their heads.
    #[test]
    fn http2_frames_in_disorder_are_survived(
        plans in prop::collection::vec(plan(), 1..6),
        noise in prop::collection::vec((any::<u8>(), 0usize..10_000, any::<u8>()), 0..12),
    ) {
        let (frames, _) = build(&plans);
        let mut data = Vec::new();
        for (index, (direction, bytes)) in frames.iter().enumerate() {
            for part in bytes.chunks(255) {
                let (kind, ..) = noise.get(index).copied().unwrap_or_default();
                data.extend([direction.index() as u8 | (kind & 0x1e), part.len() as u8]);
                if kind & 4 == 0 {
                    data.extend(part);
                }
            }
        }
        for &(_, at, byte) in &noise {
            let length = data.len();
            data[at % length] = byte;
        }
        sensor::protocol::http2::fuzz(&data);
    }
}

fn request(encoder: &mut Encoder, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.field(":method", "GET", Form::Indexed, &mut block);
    encoder.field(":scheme", "http", Form::Indexed, &mut block);
    encoder.field(":path", path, Form::Literal, &mut block);
    block
}

fn hostile(bytes: Vec<Vec<u8>>) -> Played {
    let mut pieces = vec![Piece { direction: Direction::Inbound, bytes: PREFACE.to_vec(), gap: 0, at: 1 }];
    pieces.extend(bytes.into_iter().map(|bytes| Piece {
        direction: Direction::Inbound,
        bytes,
        gap: 0,
        at: 2,
    }));
    play(&pieces)
}

#[test]
fn http2_rapid_resets_are_counted_past_a_limit() {
    let mut encoder = Encoder::default();
    let bytes = (0..10_000u32).map(|n| {
        let block = request(&mut encoder, "/");
        [frame(1, 5, 2 * n + 1, &block), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat()
    });
    let played = hostile(bytes.collect());
    assert_eq!(played.exchanges.len(), RESETS_MAX as usize);
    assert_eq!(played.counters.count(Counter::ResetsFull), 10_000 - u64::from(RESETS_MAX));
    assert!(played.held_bytes_max < 64 * 1024, "{}", played.held_bytes_max);
}

#[test]
fn http2_streams_without_an_answer_are_bounded() {
    let mut encoder = Encoder::default();
    let bytes = (0..4 * STREAMS_MAX as u32).map(|n| {
        let block = request(&mut encoder, &format!("/{}", "x".repeat(16_000)));
        frame(1, 5, 2 * n + 1, &block)
    });
    let played = hostile(bytes.collect());
    assert_eq!(played.exchanges.len(), 4 * STREAMS_MAX, "each is reported, without a response");
    assert!(played.counters.count(Counter::StreamsFull) > 3 * STREAMS_MAX as u64);
    assert!(played.held_bytes_max < STREAMS_BYTES_MAX + (1 << 20), "{}", played.held_bytes_max);
}

#[test]
fn http2_a_flood_of_continuations_holds_no_more_than_a_block() {
    let mut encoder = Encoder::default();
    let mut bytes = vec![frame(1, 1, 1, &request(&mut encoder, "/"))];
    bytes.extend((0..20_000).map(|_| frame(9, 0, 1, &[0x10, 1, b'a', 1, b'b'].repeat(20))));
    bytes.push(frame(9, 4, 1, &[]));
    bytes.push(frame(1, 5, 3, &request(&mut encoder, "/after")));
    let played = hostile(bytes);
    assert_eq!(played.counters.count(Counter::HeadTooLarge), 1);
    assert!(played.held_bytes_max < 3 * HEADER_BLOCK_BYTES_MAX, "{}", played.held_bytes_max);
    assert_eq!(request_line(&played.exchanges[0]).1, "/after", "frames stay in step");
}

#[test]
fn http2_a_bomb_of_indexes_does_not_grow() {
    let mut encoder = Encoder::default();
    let mut block = request(&mut encoder, "/");
    encoder.field("bomb", &"x".repeat(3900), Form::Indexed, &mut block);
    let mut bytes = vec![frame(1, 5, 1, &block)];
    for n in 1..100 {
        let mut block = request(&mut encoder, "/");
        block.extend(vec![0xbe; 16_000]);
        bytes.push(frame(1, 5, 2 * n + 1, &block));
    }
    let played = hostile(bytes);
    // A head of 64 KiB and some each, of 62 MB that they stand for.
    assert!(played.counters.count(Counter::HeadTooLarge) >= 99);
    assert!(played.held_bytes_max < STREAMS_BYTES_MAX + (1 << 20), "{}", played.held_bytes_max);
    assert!(played.exchanges.iter().all(|e| e.request.head.bytes.len() <= HPACK_TABLE_BYTES_MAX + 4096));
}
