//! Messages of a WebSocket (RFC 6455, with compression after RFC 7692) behind its handshake -> exchanges
//! that follow that of the handshake: texts are pieces of their bodies, binary messages are counted.
//!
//! What came is handed on when enough of it was captured, when time has passed and more comes, and at the
//! end. A hole within a frame's payload costs that message (with a shared compression window all later
//! texts of its direction); any other hole ends the reading of its direction.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Exchange, Head, Message, Notes, Protocol};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::{
    BODY_BYTES_MAX, EXPANSION_MAX, PART_BYTES_MAX, PART_NS, PIECES_MAX, WEBSOCKET_MESSAGE_BYTES_MAX,
};
use crate::stream::Chunk;

/// Both directions of one WebSocket.
pub struct Connection {
    requests: Direction,
    /// Heads of the handshake.
    heads: [Head; 2],
    /// From the client, and from the server.
    sides: [Side; 2],
    /// When what is held began to come.
    since: Option<Timestamp>,
    ended: bool,
}

struct Side {
    state: State,
    /// The message that is under way, over its fragments.
    message: Vec<u8>,
    is_text: bool,
    is_coded: bool,
    /// Some of it is missing.
    is_broken: bool,
    codec: Codec,
    body: Vec<u8>,
    pieces: Vec<u32>,
    messages: u64,
    body_bytes: u64,
    body_whole: bool,
    last: Timestamp,
}

enum State {
    /// So many bytes of a frame's head.
    Head { bytes: [u8; 14], filled: usize },
    /// So many bytes of payload are to come.
    Payload { left: u64, opcode: u8, is_final: bool, mask: [u8; 4], at: usize },
    /// Not known where a frame begins.
    Lost,
}

/// How compressed messages are read.
enum Codec {
    /// None was agreed on.
    None,
    /// One window over all messages, or a new one for each.
    Inflate { inflate: Box<Decompress>, keeps_window: bool },
    /// A message of the window is missing.
    Lost,
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// What ends a compressed message and is not sent (RFC 7692 section 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

impl Connection {
    /// Of an answered handshake; `requests` is the direction of its request.
    pub fn new(request: &Head, response: &Head, requests: Direction) -> Connection {
        let extensions = response.field("sec-websocket-extensions").unwrap_or_default();
        let extensions = String::from_utf8_lossy(extensions).to_ascii_lowercase();
        let codec = |parameter: &str| match extensions.contains("permessage-deflate") {
            true => Codec::Inflate {
                inflate: Box::new(Decompress::new(false)),
                keeps_window: !extensions.contains(parameter),
            },
            false => Codec::None,
        };
        let sides =
            [Side::new(codec("client_no_context_takeover")), Side::new(codec("server_no_context_takeover"))];
        Connection { requests, heads: [request.again(), response.again()], sides, since: None, ended: false }
    }

    /// Takes the next chunk and appends what it completes. A chunk after [`Chunk::End`] is ignored.
    pub fn push(&mut self, chunk: Chunk<'_>, counters: &mut Counters, out: &mut Vec<Exchange>) {
        if self.ended {
            return;
        }
        match chunk {
            Chunk::Bytes { direction, bytes, at, .. } => {
                if self.since.is_some_and(|since| at.since(since) >= PART_NS) {
                    self.emit(out);
                }
                let side = &mut self.sides[usize::from(direction != self.requests)];
                side.last = at;
                side.read(bytes, counters);
                if self.sides.iter().any(|side| side.messages > 0) {
                    self.since.get_or_insert(at);
                }
                let full = |side: &Side| side.body.len() >= PART_BYTES_MAX || side.pieces.len() >= PIECES_MAX;
                if self.sides.iter().any(full) {
                    self.emit(out);
                }
            }
            Chunk::Gap { direction, length, .. } => {
                self.sides[usize::from(direction != self.requests)].skip(length, counters);
            }
            Chunk::End { .. } => {
                self.emit(out);
                self.ended = true;
                self.heads.iter_mut().for_each(|head| (head.bytes, head.headers) = Default::default());
                self.sides.iter_mut().for_each(Side::lose);
            }
        }
    }

    /// Bytes that wait for more.
    pub fn buffered_bytes(&self) -> usize {
        let heads: usize = self.heads.iter().map(|head| head.bytes.capacity()).sum();
        heads + self.sides.iter().map(Side::buffered_bytes).sum::<usize>()
    }

    /// Hands on what came since the last time.
    fn emit(&mut self, out: &mut Vec<Exchange>) {
        self.since = None;
        if self.sides.iter().all(|side| side.messages == 0) {
            return;
        }
        let [request, response] = &self.heads;
        let [from_client, from_server] = &mut self.sides;
        let request = from_client.take(request);
        let response = Some(from_server.take(response));
        let notes = Notes { protocol: Protocol::WebSocket, upgraded: true, ..Notes::default() };
        out.push(Exchange { request, response, direction: self.requests, follows: true, notes });
    }
}

impl Side {
    fn new(codec: Codec) -> Side {
        Side {
            state: State::Head { bytes: [0; 14], filled: 0 },
            message: Vec::new(),
            is_text: false,
            is_coded: false,
            is_broken: false,
            codec,
            body: Vec::new(),
            pieces: Vec::new(),
            messages: 0,
            body_bytes: 0,
            body_whole: true,
            last: Timestamp(0),
        }
    }

    fn read(&mut self, mut bytes: &[u8], counters: &mut Counters) {
        while !bytes.is_empty() {
            let used = match &mut self.state {
                State::Lost => return,
                State::Head { bytes: head, filled } => {
                    let take = bytes.len().min(head_bytes(&head[..*filled]) - *filled);
                    head[*filled..*filled + take].copy_from_slice(&bytes[..take]);
                    *filled += take;
                    if *filled == head_bytes(&head[..*filled]) {
                        let head = *head;
                        self.begin(&head, counters);
                    }
                    take
                }
                State::Payload { left, opcode, mask, at, .. } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= take as u64;
                    // Control frames may come between the fragments of a message.
                    if *opcode < 8 {
                        let room = WEBSOCKET_MESSAGE_BYTES_MAX.saturating_sub(self.message.len());
                        self.is_broken |= take > room;
                        if self.is_text && !self.is_broken {
                            let unmasked =
                                bytes[..take].iter().enumerate().map(|(n, byte)| byte ^ mask[(*at + n) % 4]);
                            self.message.extend(unmasked);
                        }
                        self.body_bytes += take as u64;
                    }
                    *at = (*at + take) % 4;
                    if *left == 0 {
                        self.end_frame(counters);
                    }
                    take
                }
            };
            bytes = &bytes[used..];
        }
    }

    /// A frame's head is whole.
    fn begin(&mut self, head: &[u8; 14], counters: &mut Counters) {
        let (is_final, reserved, opcode) = (head[0] & 0x80 != 0, head[0] & 0x70, head[0] & 0x0f);
        let short = head[1] & 0x7f;
        let (length, at) = match short {
            126 => (u64::from(u16::from_be_bytes([head[2], head[3]])), 4),
            127 => {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&head[2..10]);
                (u64::from_be_bytes(bytes), 10)
            }
            short => (u64::from(short), 2),
        };
        let mut mask = [0; 4];
        if head[1] & 0x80 != 0 {
            mask.copy_from_slice(&head[at..at + 4]);
        }
        let control = opcode >= 8;
        let coded = reserved == 0x40 && matches!(opcode, TEXT | BINARY) && !matches!(self.codec, Codec::None);
        let known = matches!(opcode, 0..=2 | 8..=10) && (reserved == 0 || coded);
        if !known || (control && (!is_final || short > 125)) || length > i64::MAX as u64 {
            counters.add(Counter::MessageUnrecognized);
            return self.lose();
        }
        if matches!(opcode, TEXT | BINARY) {
            // Binary messages of a shared window are inflated too: later ones refer to them.
            let in_window = matches!(self.codec, Codec::Inflate { keeps_window: true, .. });
            self.is_text = opcode == TEXT || (coded && in_window);
            self.is_coded = coded;
            self.is_broken = false;
            self.message.clear();
        }
        self.state = State::Payload { left: length, opcode, is_final, mask, at: 0 };
        if length == 0 {
            self.end_frame(counters);
        }
    }

    fn end_frame(&mut self, counters: &mut Counters) {
        let State::Payload { opcode, is_final, .. } = self.state else { return };
        self.state = State::Head { bytes: [0; 14], filled: 0 };
        if opcode < 8 && is_final {
            self.end_message(counters);
        }
    }

    fn end_message(&mut self, counters: &mut Counters) {
        self.messages += 1;
        if self.is_broken {
            self.body_whole = false;
            counters.add(Counter::BodyCut);
            if self.is_coded && matches!(self.codec, Codec::Inflate { keeps_window: true, .. }) {
                self.codec = Codec::Lost;
            }
        } else if self.is_text {
            let message = std::mem::take(&mut self.message);
            if !self.is_coded {
                self.piece(&message);
            } else if let Some(plain) = self.inflate(&message, counters) {
                self.piece(&plain);
            }
            self.message = message;
        }
        self.message.clear();
    }

    /// Adds a document, if it is a text and there is room.
    fn piece(&mut self, message: &[u8]) {
        if self.body.len() + message.len() > BODY_BYTES_MAX || self.pieces.len() >= PIECES_MAX {
            self.body_whole = false;
            return;
        }
        // A binary message that was inflated for the window's sake is no text.
        if !message.is_empty() && std::str::from_utf8(message).is_ok() {
            self.body.extend_from_slice(message);
            // Fits: a body has fewer bytes than BODY_BYTES_MAX.
            self.pieces.push(self.body.len() as u32);
        }
    }

    fn inflate(&mut self, message: &[u8], counters: &mut Counters) -> Option<Vec<u8>> {
        let Codec::Inflate { inflate, keeps_window } = &mut self.codec else {
            self.body_whole = false;
            return None;
        };
        if !*keeps_window {
            inflate.reset(false);
        }
        let limit = message.len().saturating_add(TAIL.len()).saturating_mul(EXPANSION_MAX);
        let limit = limit.min(WEBSOCKET_MESSAGE_BYTES_MAX);
        let mut plain = Vec::with_capacity((message.len() * 4).clamp(256, limit.max(256)));
        for mut part in [message, &TAIL[..]] {
            while !part.is_empty() {
                let before = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress_vec(part, &mut plain, FlushDecompress::Sync);
                let used = (inflate.total_in() - before.0) as usize;
                part = part.get(used..).unwrap_or_default();
                let stuck = used == 0 && inflate.total_out() == before.1;
                let over = plain.len() >= limit;
                match status {
                    // A message may end its stream itself; the next one begins anew.
                    Ok(Status::StreamEnd) => {
                        inflate.reset(false);
                        return Some(plain);
                    }
                    Ok(_) if !over && plain.len() == plain.capacity() => plain.reserve(plain.len().max(256)),
                    Ok(_) if !over && !stuck => {}
                    broken => {
                        counters.add(match broken {
                            Ok(_) if over => Counter::CodingLimit,
                            _ => Counter::CodingMalformed,
                        });
                        self.body_whole = false;
                        self.codec = Codec::Lost;
                        return None;
                    }
                }
            }
        }
        Some(plain)
    }

    /// So many bytes are missing.
    fn skip(&mut self, length: u64, counters: &mut Counters) {
        self.body_whole = false;
        match &mut self.state {
            State::Payload { left, opcode, at, .. } if length <= *left => {
                *left -= length;
                *at = (*at + (length % 4) as usize) % 4;
                if *opcode < 8 {
                    self.is_broken = true;
                    self.body_bytes += length;
                }
                if *left == 0 {
                    self.end_frame(counters);
                }
            }
            State::Lost => {}
            _ => {
                counters.add(Counter::MessageLost);
                self.lose();
            }
        }
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.message = Vec::new();
        self.codec = Codec::Lost;
        self.body_whole = false;
    }

    /// What came, as a message with the head of the handshake.
    fn take(&mut self, head: &Head) -> Message {
        Message {
            head: head.again(),
            body: std::mem::take(&mut self.body),
            pieces: std::mem::take(&mut self.pieces),
            messages: std::mem::take(&mut self.messages),
            body_whole: std::mem::replace(&mut self.body_whole, true),
            body_bytes: std::mem::take(&mut self.body_bytes),
            first_byte: self.last,
            last_byte: self.last,
        }
    }

    fn buffered_bytes(&self) -> usize {
        /// What an inflater holds: its window and tables.
        const INFLATE_BYTES: usize = 48 << 10;
        let codec = if matches!(self.codec, Codec::Inflate { .. }) { INFLATE_BYTES } else { 0 };
        codec + self.message.capacity() + self.body.capacity() + self.pieces.capacity() * size_of::<u32>()
    }
}

/// Bytes of a frame's head, as far as its beginning tells.
fn head_bytes(head: &[u8]) -> usize {
    let &[_, second, ..] = head else { return 2 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 != 0 { 4 } else { 0 }
}

/// Any bytes after a handshake with compression, in both directions and with holes.
pub fn fuzz(mut data: &[u8]) {
    let head = |bytes: &[u8]| Head {
        bytes: bytes.to_vec(),
        start: super::StartLine::Response { status: 101, minor_version: 1 },
        headers: vec![(
            super::Range32 { start: 0, end: 24 },
            super::Range32 { start: 24, end: bytes.len() as u32 },
        )],
    };
    let head = head(b"sec-websocket-extensionspermessage-deflate");
    let mut connection = Connection::new(&head, &head, Direction::Inbound);
    let (mut counters, mut out) = (Counters::default(), Vec::new());
    let mut at = Timestamp(0);
    while let &[kind, length, ref rest @ ..] = data {
        at = Timestamp(at.0 + 1_000_000_000);
        let direction = if kind & 1 == 0 { Direction::Inbound } else { Direction::Outbound };
        let taken = if kind & 6 == 6 { 0 } else { rest.len().min(usize::from(length)) };
        let (bytes, rest) = rest.split_at(taken);
        data = rest;
        let chunk = match (bytes, length) {
            ([], 0) => continue,
            ([], length) => Chunk::Gap { direction, length: u64::from(length), burst_start: false, at },
            (bytes, _) => Chunk::Bytes { direction, bytes, burst_start: false, at },
        };
        connection.push(chunk, &mut counters, &mut out);
    }
    connection.push(Chunk::End { at, certain: true }, &mut counters, &mut out);
    for message in out.iter().flat_map(|exchange| [Some(&exchange.request), exchange.response.as_ref()]) {
        let message = message.into_iter().next();
        assert!(message.is_none_or(|m| m.pieces.last().is_none_or(|&end| end as usize == m.body.len())));
    }
}
