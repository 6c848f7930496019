//! Streams that go on, bodies that are too long, connections that came from HTTP/1.

use sensor::flow::{Direction, Timestamp};
use sensor::limits::{BODY_BYTES_MAX, PART_BYTES_MAX, STREAMS_BYTES_MAX};
use sensor::protocol::http2::Connection;
use sensor::protocol::{Exchange, Head, Message, Protocol, Range32, StartLine};

use crate::http1_conversation::{request_line, status};
use crate::http2_wire::{Encoder, Form, PREFACE, Piece, field, frame, play, play_with};

struct Talk {
    encoders: [Encoder; 2],
    pieces: Vec<Piece>,
    at: u64,
}

impl Talk {
    fn new() -> Self {
        let mut talk = Talk { encoders: Default::default(), pieces: Vec::new(), at: 1000 };
        talk.send(Direction::Inbound, [PREFACE, &frame(4, 0, 0, &[])].concat());
        talk.send(Direction::Outbound, frame(4, 0, 0, &[]));
        talk
    }

    fn send(&mut self, direction: Direction, bytes: Vec<u8>) {
        self.at += 10;
        self.pieces.push(Piece { direction, bytes, gap: 0, at: self.at });
    }

    fn head(&mut self, direction: Direction, stream: u32, ends: bool, fields: &[(&str, &str)]) {
        let mut block = Vec::new();
        for (name, value) in fields {
            self.encoders[direction.index()].field(name, value, Form::Indexed, &mut block);
        }
        self.send(direction, frame(1, 4 | u8::from(ends), stream, &block));
    }

    fn ask(&mut self, stream: u32, media_type: &str) {
        let fields =
            [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), ("content-type", media_type)];
        self.head(Direction::Inbound, stream, false, &fields);
    }

    fn answer(&mut self, stream: u32, media_type: &str) {
        self.head(Direction::Outbound, stream, false, &[(":status", "200"), ("content-type", media_type)]);
    }

    fn data(&mut self, direction: Direction, stream: u32, ends: bool, bytes: &[u8]) {
        self.send(direction, frame(0, u8::from(ends), stream, bytes));
    }
}

fn message(length: usize) -> Vec<u8> {
    let prefix = u32::try_from(length).expect("short").to_be_bytes();
    [&[0][..], &prefix, &vec![b'm'; length]].concat()
}

fn assert_parts(exchanges: &[Exchange], sent: (u64, u64), received: (u64, u64)) {
    for (index, exchange) in exchanges.iter().enumerate() {
        assert_eq!(exchange.follows, index > 0);
        assert_eq!(request_line(exchange), ("POST".to_owned(), "/a.B/C".to_owned()));
        let response = exchange.response.as_ref().expect("every part has the response's head");
        assert_eq!(status(response), 200);
        assert!(response.body_whole && exchange.request.body_whole);
        assert_eq!(response.pieces.len() as u64, response.messages);
        assert!(response.body.len() < PART_BYTES_MAX + 20_000);
    }
    let sum = |of: fn(&Message) -> u64, message: fn(&Exchange) -> Option<&Message>| -> u64 {
        exchanges.iter().filter_map(message).map(of).sum()
    };
    let (messages, bytes) = (|m: &Message| m.messages, |m: &Message| m.body_bytes);
    assert_eq!((sum(messages, |e| Some(&e.request)), sum(bytes, |e| Some(&e.request))), sent);
    assert_eq!((sum(messages, |e| e.response.as_ref()), sum(bytes, |e| e.response.as_ref())), received);
}

#[test]
fn http2_stream_of_messages_comes_in_parts() {
    let mut talk = Talk::new();
    talk.ask(1, "application/grpc");
    talk.data(Direction::Inbound, 1, true, &message(10));
    talk.answer(1, "application/grpc");
    let all = message(1000).repeat(300);
    // Frames that end anywhere in a message.
    for part in all.chunks(7001) {
        talk.data(Direction::Outbound, 1, false, part);
    }
    talk.head(Direction::Outbound, 1, true, &[("grpc-status", "0")]);
    let played = play(&talk.pieces);
    assert_eq!(played.exchanges.len(), 5, "300 kB in parts of 64 KiB and a frame");
    assert_parts(&played.exchanges, (1, 15), (300, all.len() as u64));
    let last = played.exchanges.last().and_then(|e| e.response.as_ref()).expect("the last part");
    assert_eq!(field(last, "grpc-status").as_deref(), Some("0"));
    assert_eq!(played.counters.named(), Default::default());
    assert!(played.held_bytes_max < 4 * PART_BYTES_MAX);
}

#[test]
fn http2_both_directions_come_in_parts_by_time() {
    let mut talk = Talk::new();
    talk.ask(1, "application/grpc");
    talk.answer(1, "application/grpc");
    for _ in 0..5 {
        talk.at += 6_000_000_000;
        talk.data(Direction::Inbound, 1, false, &message(5));
        talk.data(Direction::Outbound, 1, false, &message(7));
    }
    talk.head(Direction::Outbound, 1, true, &[("grpc-status", "0")]);
    talk.send(Direction::Inbound, frame(3, 0, 1, &[0, 0, 0, 8]));
    let played = play(&talk.pieces);
    assert_eq!(played.exchanges.len(), 3);
    // The client never ended its side: the last part of it is cut.
    let last = played.exchanges.last().expect("there are three");
    assert!(last.follows && !last.request.body_whole);
    let sums = |of: fn(&Exchange) -> u64| played.exchanges.iter().map(of).sum::<u64>();
    assert_eq!(sums(|e| e.request.messages), 5);
    assert_eq!(sums(|e| e.response.as_ref().map_or(0, |r| r.messages)), 5);
}

#[test]
fn http2_long_body_is_counted_and_kept_to_the_limit() {
    let mut talk = Talk::new();
    talk.ask(1, "application/json");
    talk.data(Direction::Inbound, 1, true, b"{}");
    talk.answer(1, "application/json");
    for _ in 0..100 {
        talk.data(Direction::Outbound, 1, false, &[b'x'; 16_384]);
    }
    talk.data(Direction::Outbound, 1, true, &[]);
    let played = play(&talk.pieces);
    assert_eq!(played.exchanges.len(), 1, "a document is not handed on in parts");
    let response = played.exchanges[0].response.as_ref().expect("answered");
    assert_eq!((response.body_bytes, response.body.len()), (1_638_400, BODY_BYTES_MAX));
    assert!(!response.body_whole);
}

#[test]
fn http2_many_long_bodies_are_cut_rather_than_lost() {
    let mut talk = Talk::new();
    for stream in 0..60 {
        talk.ask(2 * stream + 1, "application/json");
        for _ in 0..16 {
            talk.data(Direction::Inbound, 2 * stream + 1, false, &[b'x'; 16_384]);
        }
    }
    for stream in 0..60 {
        talk.data(Direction::Inbound, 2 * stream + 1, true, &[]);
        talk.head(Direction::Outbound, 2 * stream + 1, true, &[(":status", "204")]);
    }
    let played = play(&talk.pieces);
    assert!(played.held_bytes_max <= STREAMS_BYTES_MAX, "{}", played.held_bytes_max);
    assert_eq!(played.exchanges.len(), 60);
    for exchange in &played.exchanges {
        assert_eq!(exchange.response.as_ref().map(status), Some(204));
        assert_eq!(exchange.request.body_bytes, 16 * 16_384);
    }
    assert!(played.exchanges.iter().filter(|e| e.request.body_whole).count() >= 8);
}

#[test]
fn http2_upgraded_from_http1_answers_its_request_on_stream_1() {
    let mut bytes = Vec::new();
    let mut keep = |text: &str| {
        let start = bytes.len() as u32;
        bytes.extend(text.bytes());
        Range32 { start, end: bytes.len() as u32 }
    };
    let start = StartLine::Request { method: keep("GET"), target: keep("/old"), minor_version: 1 };
    // MAX_FRAME_SIZE of 32 KiB.
    let headers = vec![(keep("Host"), keep("a.example")), (keep("HTTP2-Settings"), keep("AAUAAIAA"))];
    let request = Message {
        head: Head { bytes, start, headers },
        body: Vec::new(),
        pieces: Vec::new(),
        messages: 0,
        body_whole: true,
        body_bytes: 0,
        first_byte: Timestamp(1),
        last_byte: Timestamp(1),
    };
    let connection = Connection::upgraded(request, Direction::Inbound);
    assert!(connection.buffered_bytes() > 0);
    let mut talk = Talk::new();
    // The server may answer before the client's preface is there.
    talk.pieces.swap(0, 1);
    talk.answer(1, "text/plain");
    talk.data(Direction::Outbound, 1, true, &[b'x'; 20_000]);
    talk.ask(3, "application/json");
    talk.data(Direction::Inbound, 3, true, b"{}");
    talk.answer(3, "text/plain");
    talk.data(Direction::Outbound, 3, true, b"ok");
    let played = play_with(connection, &talk.pieces);
    assert_eq!(played.counters.named(), Default::default());
    let lines: Vec<_> = played.exchanges.iter().map(|e| request_line(e).1).collect();
    assert_eq!(lines, ["/old", "/a.B/C"]);
    assert!(played.exchanges.iter().all(|e| e.notes.protocol == Protocol::Http2));
    assert_eq!(played.exchanges[0].response.as_ref().map(|r| r.body_bytes), Some(20_000));
}

#[test]
fn http2_payloads_follow_the_settings_of_the_other_side() {
    let mut talk = Talk::new();
    talk.send(Direction::Inbound, frame(4, 0, 0, &[0, 5, 0, 0, 0x80, 0]));
    talk.ask(1, "application/json");
    talk.data(Direction::Inbound, 1, true, b"{}");
    talk.answer(1, "text/plain");
    talk.data(Direction::Outbound, 1, true, &[b'x'; 0x8000]);
    talk.ask(3, "application/json");
    // The client may not: its frame is none.
    talk.data(Direction::Inbound, 3, true, &[b'x'; 0x4001]);
    let played = play(&talk.pieces);
    assert_eq!(played.exchanges[0].response.as_ref().map(|r| r.body_bytes), Some(0x8000));
    assert_eq!(played.counters.named()["frame-malformed"], 1);
}

#[test]
fn http2_a_websocket_in_a_stream_is_read() {
    let mut talk = Talk::new();
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat"),
        (":authority", "a.example"),
    ];
    talk.head(Direction::Inbound, 1, false, &fields);
    talk.head(Direction::Outbound, 1, false, &[(":status", "200")]);
    let text = |text: &str| [&[0x81, text.len() as u8], text.as_bytes()].concat();
    let asked = text("{\"id\":1}");
    // A frame of the socket in two of the stream, and another stream between them.
    talk.data(Direction::Inbound, 1, false, &asked[..3]);
    talk.ask(3, "application/json");
    talk.data(Direction::Inbound, 3, true, b"{}");
    talk.answer(3, "text/plain");
    talk.data(Direction::Outbound, 3, true, b"ok");
    talk.data(Direction::Inbound, 1, false, &asked[3..]);
    talk.data(Direction::Outbound, 1, false, &[text("{\"name\":2}"), text("{\"name\":3}")].concat());
    talk.data(Direction::Inbound, 1, true, b"");
    talk.data(Direction::Outbound, 1, true, b"");
    let played = play(&talk.pieces);
    assert_eq!(played.counters.named(), Default::default());
    let lines: Vec<_> = played.exchanges.iter().map(|e| (request_line(e).1, e.follows)).collect();
    let lines: Vec<_> = lines.iter().map(|(path, follows)| (path.as_str(), *follows)).collect();
    assert_eq!(lines, [("/chat", false), ("/a.B/C", false), ("/chat", true)]);
    let [opened, _, part] = &played.exchanges[..] else { panic!("three") };
    assert_eq!((opened.notes.protocol, opened.notes.upgraded), (Protocol::WebSocket, true));
    assert_eq!((&part.request.body[..], part.request.messages), (&b"{\"id\":1}"[..], 1));
    let answers = part.response.as_ref().expect("answers");
    assert_eq!((answers.messages, &answers.pieces[..]), (2, &[10, 20][..]));
}
