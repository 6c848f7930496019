//! Chunks of one connection to exchanges, HTTP/2 (RFC 9113).
//!
//! A direction is read from the client's preface on, else from a burst that begins with two plausible
//! frame heads (or is whole frames); which one has the requests its header blocks tell. A hole in DATA
//! is passed by and the place kept; after any other the place is sought anew. What header fields are
//! then known is a matter of `hpack`. The size of HPACK's table in SETTINGS is of no use here: senders
//! say in their blocks what they make of it. Flow control, priorities and pings are not looked at.
//!
//! One stream is one exchange, when both its messages ended. A response that goes on (event stream,
//! NDJSON, gRPC, streaming Connect) is handed on in parts: when DATA comes and 64 KiB were captured or
//! 10 s have passed since its head or the last part, and at its end; any other when DATA comes 10 s
//! after its head, with the rest counted only. Parts but the first have `follows`.

mod blocks;
mod fields;
mod frame;
mod fuzz;
mod half;
pub mod hpack;
mod holes;
mod side;
mod stream;
mod streams;

pub use fuzz::fuzz;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use self::frame::{Beginning, FrameHead, HEAD_BYTES, PREFACE};
use self::half::{BOUNDARY, Data, Half, State};
use self::stream::Role;
use self::streams::Streams;
use super::detect::Guess;
use super::{Exchange, Message};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp, Verdict};
use crate::limits::HEADER_BLOCK_BYTES_MAX;
use crate::stream::Chunk;

/// Whether the first bytes of a burst are of a connection of HTTP/2.
pub(super) fn guess(bytes: &[u8]) -> Guess {
    match frame::beginning(bytes, false) {
        Beginning::Preface | Beginning::Frames => Guess::Is(Verdict::Http2),
        Beginning::More => Guess::More,
        Beginning::Neither => Guess::Neither,
    }
}

/// The reader of one connection, both directions.
pub struct Connection {
    /// Direction of the requests, once known.
    requests: Option<Direction>,
    halves: [Half; 2],
    streams: Streams,
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl Connection {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Connection { requests: None, halves: [Half::new(), Half::new()], streams: Streams::new() }
    }

    /// The reader of a connection that went over to HTTP/2 (RFC 7540 section 3.2): what follows the 101
    /// in the direction of responses are frames, and stream 1 answers `request`, which was sent as
    /// HTTP/1 in `direction` and is finished.
    pub fn upgraded(request: Message, direction: Direction) -> Self {
        let mut connection = Connection { requests: Some(direction), ..Connection::new() };
        connection.halves.iter_mut().for_each(Half::begin);
        let responses = &mut connection.halves[direction.reverse().index()];
        responses.state = BOUNDARY;
        responses.unseen = false;
        let settings = request.head.field("http2-settings").unwrap_or_default();
        let settings = settings.split(|&b| b == b'=').next().unwrap_or_default();
        if let Ok(settings) = URL_SAFE_NO_PAD.decode(settings)
            && let Some(bytes) = frame::payload_bytes_max(&settings)
        {
            responses.payload_bytes_max = Some(bytes);
        }
        connection.streams.adopt(request);
        connection
    }

    /// Takes the next chunk and appends the exchanges that it completes, in the order in which they do.
    /// A chunk after [`Chunk::End`] is ignored.
    pub fn push(&mut self, chunk: Chunk<'_>, counters: &mut Counters, out: &mut Vec<Exchange>) {
        match chunk {
            Chunk::Bytes { direction, bytes, burst_start, at } => {
                self.end_search(direction.reverse(), counters);
                if burst_start {
                    self.end_search(direction, counters);
                }
                self.read(direction, bytes, burst_start, at, counters);
            }
            Chunk::Gap { direction, length, at, .. } => {
                self.end_search(direction.reverse(), counters);
                self.end_search(direction, counters);
                self.skip(direction, length, at, counters);
            }
            Chunk::End { .. } => {
                for direction in [Direction::Inbound, Direction::Outbound] {
                    self.end_search(direction, counters);
                }
                self.end(counters);
            }
        }
        self.streams.emit(self.requests.unwrap_or(Direction::Inbound), out);
    }

    /// Bytes that wait for more, header fields that may be referred to included.
    pub fn buffered_bytes(&self) -> usize {
        self.halves.iter().map(Half::buffered_bytes).sum::<usize>() + self.streams.buffered_bytes()
    }

    fn role(&self, direction: Direction) -> Option<Role> {
        let requests = self.requests?;
        Some(if requests == direction { Role::Request } else { Role::Response })
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        &mut self.halves[direction.index()]
    }

    fn read(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        burst_start: bool,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let role = self.role(direction);
        let half = self.half(direction);
        let unseen = std::mem::take(&mut half.unseen);
        if matches!(half.state, State::Seek) {
            // The preface of the client was seen and nothing of this side before.
            if unseen && half.payload_bytes_max.is_some() && role == Some(Role::Response) {
                half.state = BOUNDARY;
            } else if unseen || burst_start {
                half.state = State::Search;
                half.began = at;
            }
        }
        while !bytes.is_empty() {
            let half = self.half(direction);
            let used = match &mut half.state {
                State::Closed => return,
                State::Seek => {
                    half.used = true;
                    return;
                }
                State::Search => {
                    if half.held.is_empty() {
                        match frame::beginning(bytes, false) {
                            Beginning::More => {}
                            found => {
                                if !self.found(direction, found, counters) {
                                    return;
                                }
                                bytes = past_preface(found, bytes);
                                continue;
                            }
                        }
                    }
                    let half = self.half(direction);
                    half.held.extend_from_slice(bytes);
                    let found = frame::beginning(&half.held, false);
                    if found != Beginning::More {
                        self.begin_held(direction, found, counters);
                    }
                    return;
                }
                State::Head(head, filled) => {
                    if *filled == 0 {
                        half.began = at;
                    }
                    let take = bytes.len().min(HEAD_BYTES - *filled);
                    // `filled` stays below the length of a head.
                    head[*filled..*filled + take].copy_from_slice(&bytes[..take]);
                    *filled += take;
                    if *filled == HEAD_BYTES {
                        let head = FrameHead::read(head);
                        self.begin_frame(direction, head, at, counters);
                    }
                    take
                }
                State::Data(_) => self.read_data(direction, bytes, at, counters),
                State::Gather(head) => {
                    let head = *head;
                    let take = bytes.len().min(head.length - half.held.len());
                    let (part, _) = bytes.split_at(take);
                    if part.len() == head.length {
                        half.state = BOUNDARY;
                        self.read_payload(direction, head, part, at, counters);
                    } else {
                        half.held.extend_from_slice(part);
                        if half.held.len() == head.length {
                            half.state = BOUNDARY;
                            let payload = std::mem::take(&mut half.held);
                            self.read_payload(direction, head, &payload, at, counters);
                        }
                    }
                    take
                }
                State::Skip(left) => {
                    let take = bytes.len().min(*left);
                    *left -= take;
                    if *left == 0 {
                        half.state = BOUNDARY;
                    }
                    take
                }
            };
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    /// The burst whose beginning is searched is over.
    fn end_search(&mut self, direction: Direction, counters: &mut Counters) {
        let half = self.half(direction);
        if matches!(half.state, State::Search) {
            let found = frame::beginning(&half.held, true);
            self.begin_held(direction, found, counters);
        }
    }

    /// Reads what was held while it was searched.
    fn begin_held(&mut self, direction: Direction, found: Beginning, counters: &mut Counters) {
        let half = self.half(direction);
        let held = std::mem::take(&mut half.held);
        let began = half.began;
        if self.found(direction, found, counters) {
            self.read(direction, past_preface(found, &held), false, began, counters);
        }
    }

    /// Takes the verdict of a search. True if frames follow.
    fn found(&mut self, direction: Direction, found: Beginning, counters: &mut Counters) -> bool {
        if found == Beginning::Preface && self.requests.is_none_or(|requests| requests == direction) {
            self.requests = Some(direction);
            let half = self.half(direction);
            half.begin();
            half.state = BOUNDARY;
            let other = self.half(direction.reverse());
            if !other.used {
                // It can have sent nothing yet but its settings.
                other.begin();
            }
            return true;
        }
        let half = self.half(direction);
        if found == Beginning::Frames {
            half.state = BOUNDARY;
            return true;
        }
        half.used = true;
        counters.add(Counter::MessageUnrecognized);
        half.state = State::Seek;
        false
    }

    /// The head of a frame is whole.
    fn begin_frame(&mut self, direction: Direction, head: FrameHead, at: Timestamp, counters: &mut Counters) {
        let role = self.role(direction);
        let half = self.half(direction);
        let open = half.block.as_ref().map(|block| block.stream);
        let continues = head.kind == frame::CONTINUATION;
        let too_large = half.payload_bytes_max.is_some_and(|max| head.length > max);
        if !head.fits() || continues != open.is_some() || open.is_some_and(|s| s != head.stream) || too_large
        {
            return self.lose(direction, Counter::FrameMalformed, counters);
        }
        half.state = State::Skip(head.length);
        match head.kind {
            frame::DATA => {
                if role.is_some() && head.length > 0 {
                    self.streams.data_begins(head.stream, at, counters);
                }
                self.half(direction).state = State::Data(Data {
                    stream: head.stream,
                    end_stream: head.has(frame::END_STREAM),
                    padded: head.has(frame::PADDED),
                    left: head.length,
                    padding: 0,
                });
                if head.length == 0 {
                    self.end_data(direction, at, counters);
                }
                return;
            }
            frame::RST_STREAM if role.is_some() => self.streams.reset(head.stream, counters),
            frame::HEADERS | frame::PUSH_PROMISE | frame::CONTINUATION => {
                if head.length > HEADER_BLOCK_BYTES_MAX {
                    counters.add(Counter::HeadTooLarge);
                    self.break_block(direction, head, at, counters);
                } else {
                    half.state = State::Gather(head);
                }
            }
            frame::SETTINGS | frame::GOAWAY if head.length <= HEADER_BLOCK_BYTES_MAX => {
                half.state = State::Gather(head);
            }
            _ => {}
        }
        if head.length == 0 {
            let half = self.half(direction);
            let wanted = matches!(half.state, State::Gather(_));
            half.state = BOUNDARY;
            if wanted {
                self.read_payload(direction, head, &[], at, counters);
            }
        }
    }

    fn read_data(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let role = self.role(direction);
        let State::Data(data) = &mut self.halves[direction.index()].state else { return bytes.len() };
        if let (true, Some(&padding)) = (data.padded, bytes.first()) {
            data.padded = false;
            data.left -= 1;
            data.padding = usize::from(padding);
            let Some(left) = data.left.checked_sub(data.padding) else {
                self.lose(direction, Counter::FrameMalformed, counters);
                return bytes.len();
            };
            data.left = left;
            if left == 0 {
                self.end_data(direction, at, counters);
            }
            return 1;
        }
        let take = bytes.len().min(data.left);
        data.left -= take;
        let Data { stream, left, .. } = *data;
        if let Some(role) = role {
            // In bounds: at most the length of `bytes`.
            self.streams.data(stream, role, &bytes[..take], at, counters);
        }
        if left == 0 {
            self.end_data(direction, at, counters);
        }
        take
    }

    /// All data of a DATA frame came or was passed by.
    fn end_data(&mut self, direction: Direction, at: Timestamp, counters: &mut Counters) {
        let role = self.role(direction);
        let half = self.half(direction);
        let State::Data(Data { stream, end_stream, padding, .. }) = half.state else { return };
        half.state = if padding == 0 { BOUNDARY } else { State::Skip(padding) };
        if let (true, Some(role)) = (end_stream, role) {
            self.streams.end_side(stream, role, at, counters);
        }
    }
}

fn past_preface(found: Beginning, bytes: &[u8]) -> &[u8] {
    match found {
        Beginning::Preface => bytes.get(PREFACE.len()..).unwrap_or_default(),
        _ => bytes,
    }
}
