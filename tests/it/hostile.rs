//! Captures that are made to cost: endless, generated as they are read, each of one kind. What an agent
//! holds must not follow their length.

use crate::packets::*;

/// What a capture is full of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connections that are opened and say nothing.
    Opens,
    /// Connections that say one byte.
    OneByte,
    /// Heads without an end, on many connections.
    EndlessHeads,
    /// Bodies of which the most is never sent, on many connections.
    OpenBodies,
    /// Responses that are a thousand times as long when inflated.
    Bombs,
    /// Header blocks that go on for ever.
    Continuations,
    /// Streams that are reset at once.
    Resets,
    /// Streams that are opened and never end.
    OpenStreams,
    /// Of every two segments one.
    Holes,
    /// Packets of which a fragment never comes.
    Fragments,
    /// JSON in JSON in JSON.
    DeepJson,
    /// Elements in elements.
    DeepXml,
    /// Arrays of MessagePack in each other.
    DeepMsgpack,
    /// Every path another.
    Paths,
    /// Every host another.
    Hosts,
    /// Every name of every place another: query, header, cookie, member.
    Names,
    /// Every credential another.
    Tokens,
    /// Operations of GraphQL, each of another name.
    Operations,
    /// Messages of WebSockets without an end, on many connections.
    Messages,
    /// Blocks of a pcapng file as large as they may be, and interfaces without end.
    Blocks,
}

/// All of them.
pub const KINDS: [Kind; 20] = [
    Kind::Opens,
    Kind::OneByte,
    Kind::EndlessHeads,
    Kind::OpenBodies,
    Kind::Bombs,
    Kind::Continuations,
    Kind::Resets,
    Kind::OpenStreams,
    Kind::Holes,
    Kind::Fragments,
    Kind::DeepJson,
    Kind::DeepXml,
    Kind::DeepMsgpack,
    Kind::Paths,
    Kind::Hosts,
    Kind::Names,
    Kind::Tokens,
    Kind::Operations,
    Kind::Messages,
    Kind::Blocks,
];

/// Connections that are under way at once where a kind has many.
const MANY: u64 = 4096;

/// A capture of one kind.
pub struct Hostile {
    kind: Kind,
    /// What was made so far of it.
    number: u64,
    at: u64,
    /// By connection: the next byte of client and server.
    next: Vec<[u32; 2]>,
    bomb: Vec<u8>,
}

impl Hostile {
    /// Its beginning goes to `file`.
    pub fn new(kind: Kind, file: &mut Vec<u8>) -> Hostile {
        file.extend(if kind == Kind::Blocks { pcapng_start(101) } else { pcap_start(101) });
        let bomb = if kind == Kind::Bombs { bomb(1 << 20) } else { Vec::new() };
        Hostile { kind, number: 0, at: START_NS, next: Vec::new(), bomb }
    }

    /// More of it: at least a packet.
    pub fn more(&mut self, file: &mut Vec<u8>) {
        let number = self.number;
        self.number += 1;
        match self.kind {
            Kind::Opens => self.packet(file, number, true, SYN, 1, b""),
            Kind::OneByte => self.packet(file, number, true, ACK | PUSH, 1, b"G"),
            Kind::EndlessHeads => {
                let filler = format!("X-{number}: {}\r\n", "a".repeat(1300));
                self.pour(file, MANY, b"GET / HTTP/1.1\r\n", filler.as_bytes());
            }
            Kind::OpenBodies => {
                let head = b"POST /items HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n[";
                self.pour(file, MANY, head, "\"abcdefgh\",".repeat(120).as_bytes());
            }
            Kind::Bombs => {
                let bomb = std::mem::take(&mut self.bomb);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                    bomb.len()
                );
                let response = [head.as_bytes(), &bomb].concat();
                self.call(file, b"GET /items HTTP/1.1\r\nHost: a\r\n\r\n", &response);
                self.bomb = bomb;
            }
            Kind::Continuations => {
                let start = [HTTP2, &frame(1, 0, 1, &[0x82])].concat();
                let block = [&[0x00, 0x01, b'a', 0x7f, 0xff, 0x09][..], &[b'v'; 1278]].concat();
                self.pour(file, MANY, &start, &frame(9, 0, 1, &block));
            }
            Kind::Resets => {
                let stream = (number / 64 * 2 + 1) as u32 & 0x7fff_ffff;
                let mut frames = Vec::new();
                for step in 0..20 {
                    let stream = stream + step * 2;
                    // A literal path of its own, as the client would write it.
                    let path = format!("/users/{number}");
                    let block = [&[0x82, 0x86, 0x44, path.len() as u8][..], path.as_bytes()].concat();
                    frames.extend(frame(1, 0x05, stream, &block));
                    frames.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
                }
                self.pour(file, 64, HTTP2, &frames);
            }
            Kind::OpenStreams => {
                let stream = (number / 64 * 2 + 1) as u32 & 0x7fff_ffff;
                let value = format!("{number}{}", "v".repeat(1200));
                let length = value.len() - 127;
                let mut block = vec![0x83, 0x86, 0x84, 0x40, 1, b'a', 0x7f];
                block.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
                block.extend(value.bytes());
                self.pour(file, 64, HTTP2, &frame(1, 0x04, stream, &block));
            }
            Kind::Holes => {
                let lane = number % MANY;
                self.skip(lane, 1);
                self.pour(file, MANY, b"G", &[b'x'; 1300]);
            }
            Kind::Fragments => {
                let place = 0x2000 | (number % 3 * 2000) as u16;
                let ends = [(number >> 24) as u8, (number >> 16) as u8];
                let packet = ipv4_fragment(ends, TCP, place, number as u16, &[0; 1400]);
                self.at += 1000;
                pcap_packet(file, self.at, &packet);
            }
            Kind::DeepJson => self.post(file, "application/json", &b"[{\"a\":".repeat(10_000)),
            Kind::DeepXml => self.post(file, "application/xml", &b"<a b=\"c\">".repeat(7_000)),
            Kind::DeepMsgpack => self.post(file, "application/msgpack", &[0x91; 60_000]),
            Kind::Paths => {
                let (a, b, c) = (word(number), word(number / 7), word(number * 31));
                let request = format!("GET /{a}/{b}/{c} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
                self.call(file, request.as_bytes(), OK);
            }
            Kind::Hosts => {
                let host = format!("{}.{}.example", word(number), word(number * 31));
                let request = format!("GET /users HTTP/1.1\r\nHost: {host}\r\n\r\n");
                self.call(file, request.as_bytes(), OK);
            }
            Kind::Names => {
                let some = |count: u64, form: fn(String) -> String, between: &str| {
                    let one = |step| form(word(number * 64 + step));
                    (0..count).map(one).collect::<Vec<_>>().join(between)
                };
                let request = format!(
                    "GET /users?{} HTTP/1.1\r\nHost: shop.example\r\nCookie: {}\r\n{}\r\n\r\n",
                    some(20, |name| name + "=1", "&"),
                    some(20, |name| name + "=1", "; "),
                    some(20, |name| name + ": 1", "\r\n"),
                );
                let body = format!("{{{}}}", some(60, |name| format!("\"{name}\":1"), ","));
                self.call(file, request.as_bytes(), response(&body).as_bytes());
            }
            Kind::Tokens => {
                let token = format!("{}{}", word(number), word(number * 31));
                let request = format!(
                    "GET /users HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {token}\r\nAuthorization: Bearer {token}\r\nX-Api-Key: {token}\r\n\r\n"
                );
                self.call(file, request.as_bytes(), OK);
            }
            Kind::Operations => {
                let body = format!("{{\"query\":\"query {} {{ {} }}\"}}", word(number), word(number * 31));
                let request = format!(
                    "POST /graphql HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                self.call(file, request.as_bytes(), response("{\"data\":{\"a\":1}}").as_bytes());
            }
            Kind::Messages => {
                let lane = number % MANY;
                if number < MANY {
                    self.say(file, lane, true, UPGRADE);
                    self.say(file, lane, false, UPGRADED);
                }
                // The first says that more follow; so does every other.
                let first = if number < MANY { 0x01 } else { 0x00 };
                let mut bytes = vec![first, 0x7e, 0x05, 0x00];
                bytes.extend([b'{'; 0x500]);
                self.say(file, lane, false, &bytes);
            }
            Kind::Blocks => {
                // An interface with a name, and a block of no known kind, 15 MiB long.
                let option = [&[101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0][..], b"eth0", &[0; 4]].concat();
                pcapng_block(file, 1, &option);
                if number.is_multiple_of(64) {
                    pcapng_block(file, 0x0bad, &vec![0x41; 15 << 20]);
                }
                if number % 60_000 == 59_999 {
                    file.extend(pcapng_start(101));
                }
            }
        }
    }

    /// The next part of what one of `lanes` connections pours out, begun with `start`.
    fn pour(&mut self, file: &mut Vec<u8>, lanes: u64, start: &[u8], part: &[u8]) {
        let number = self.number - 1;
        if number < lanes {
            self.say(file, number % lanes, true, start);
        }
        self.say(file, number % lanes, true, part);
    }

    /// A request and its response, on one of 64 connections.
    fn call(&mut self, file: &mut Vec<u8>, request: &[u8], response: &[u8]) {
        let lane = self.number % 64;
        self.say(file, lane, true, request);
        self.say(file, lane, false, response);
    }

    fn post(&mut self, file: &mut Vec<u8>, media: &str, body: &[u8]) {
        let head = format!(
            "POST /items HTTP/1.1\r\nHost: a\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.call(file, &[head.as_bytes(), body].concat(), OK);
    }

    /// Bytes of a connection in segments.
    fn say(&mut self, file: &mut Vec<u8>, lane: u64, from_client: bool, bytes: &[u8]) {
        for part in bytes.chunks(SEGMENT_BYTES) {
            let next = self.lane(lane);
            let sequence = next[usize::from(!from_client)];
            next[usize::from(!from_client)] = sequence.wrapping_add(part.len() as u32);
            let push = if part.len() < SEGMENT_BYTES { PUSH } else { 0 };
            self.packet(file, lane, from_client, ACK | push, sequence, part);
        }
    }

    fn skip(&mut self, lane: u64, bytes: u32) {
        let next = self.lane(lane);
        next[0] = next[0].wrapping_add(bytes);
    }

    fn lane(&mut self, lane: u64) -> &mut [u32; 2] {
        let lane = lane as usize;
        if self.next.len() <= lane {
            self.next.resize(lane + 1, [1; 2]);
        }
        &mut self.next[lane]
    }

    /// A segment of connection `lane`, whose number is in the client's address and port.
    fn packet(
        &mut self,
        file: &mut Vec<u8>,
        lane: u64,
        from_client: bool,
        flags: u8,
        sequence: u32,
        payload: &[u8],
    ) {
        self.at += 1000;
        let segment = Segment {
            from_client,
            port: 1024 + (lane % 60_000) as u16,
            sequence,
            acknowledgment: 1,
            flags,
            payload: payload.to_vec(),
            at: self.at,
        };
        let client = 2 + (lane / 60_000 % 250) as u8;
        let ends = if from_client { [client, 1] } else { [1, client] };
        pcap_packet(file, self.at, &ipv4(ends, TCP, &segment.tcp()));
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"id\":1}";
const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A word like those of programs, another for each number.
fn word(number: u64) -> String {
    const PARTS: [&str; 16] = [
        "order", "user", "item", "cart", "list", "view", "data", "sync", "price", "stock", "media", "track",
        "group", "event", "audit", "batch",
    ];
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for _ in 0..5 {
        text.push_str(PARTS[(mixed >> 60) as usize]);
        mixed = mixed.rotate_left(5).wrapping_mul(0x2545_f491_4f6c_dd1d);
    }
    text
}

/// gzip of a list with one long number: a block of fixed codes in which one code of 13 bits stands for 258
/// bytes (RFC 1951 section 3.2.6).
fn bomb(length: usize) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], used: 8 };
    bits.add(0b011, 3);
    for byte in [b'[', b'1'] {
        bits.add_code(0x30 + u32::from(byte), 8);
    }
    for _ in 0..length / 258 {
        bits.add_code(0b1100_0101, 8);
        bits.add_code(0, 5);
    }
    bits.add_code(0, 7);
    bits.bytes.extend([0; 8]);
    bits.bytes
}

struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn add(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.used;
            }
            self.used += 1;
        }
    }

    /// Codes stand with their first bit first.
    fn add_code(&mut self, code: u32, count: u32) {
        self.add(code.reverse_bits() >> (32 - count), count);
    }
}
