//! Chunks of one connection to exchanges, HTTP/1.0 and 1.1.
//!
//! Which direction carries requests is found from the first start line. A direction that has lost
//! its place (a hole, or bytes that are no message) is skipped until a burst begins with a start
//! line. A head that contradicts itself ends the reading of the connection. Empty lines before a
//! start line are skipped. It is no judge of semantics: any method, any status, any field.

mod body;
mod framing;
mod half;
mod head;
mod heads;
mod holes;
mod message;
mod pairing;

use self::body::{Body, Step};
use self::framing::{Asked, Framing};
use self::half::{Half, State};
use self::head::Parsed;
use self::pairing::{Arrival, HeadStart, Pairing, Sequence};
use super::{Exchange, Message, Notes, StartLine, detect};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::PARKED_BYTES_MAX;
use crate::stream::Chunk;

/// The reader of one connection, both directions.
pub struct Connection {
    /// Direction of the requests, once known.
    requests: Option<Direction>,
    halves: [Half; 2],
    pairing: Pairing,
    /// The response direction from a response on that overtook its request.
    parked: Option<Parked>,
    /// What is read now was parked.
    unparking: bool,
    /// It went over to another protocol, with these bytes behind the answer that said so.
    behind: Option<Behind>,
}

/// Bytes behind the head that ended HTTP/1.
pub(in crate::protocol) struct Behind {
    pub bytes: Vec<u8>,
    pub at: Timestamp,
}

/// Two threads may use one socket, and one be stopped between its operation and the hook. So the
/// record of a response can come before that of its request; then it waits for it here.
struct Parked {
    bytes: Vec<u8>,
    burst_start: bool,
    at: Timestamp,
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl Connection {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Connection {
            requests: None,
            halves: [Half::new(), Half::new()],
            pairing: Pairing::new(),
            parked: None,
            unparking: false,
            behind: None,
        }
    }

    /// From now on a hole is said before what was sent after it.
    pub(in crate::protocol) fn expect_holes_first(&mut self) {
        self.pairing.holes_first = true;
    }

    /// Takes the next chunk and appends the exchanges that it completes, in the order of their
    /// requests. A chunk after [`Chunk::End`] is ignored.
    pub fn push(&mut self, chunk: Chunk<'_>, counters: &mut Counters, out: &mut Vec<Exchange>) {
        match chunk {
            Chunk::Bytes { direction, bytes, burst_start, at } => {
                match self.requests {
                    Some(requests) if requests == direction => {
                        if !self.pairing.requests_go_on(burst_start, at, counters) {
                            self.lose_responses();
                        }
                    }
                    _ => {
                        let quiet = std::mem::replace(&mut self.pairing.quiet, false);
                        let half = &mut self.halves[direction.index()];
                        let between = matches!(half.state, State::Seek | State::Boundary);
                        half.quiet = between && (half.quiet || quiet);
                    }
                }
                self.read(direction, bytes, burst_start, at, counters);
                if self.parked.is_some() && self.pairing.is_waiting() {
                    self.unpark(at, counters);
                }
            }
            Chunk::Gap { direction, length, burst_start, at } => {
                self.refuse_parked(counters);
                self.skip(direction, length, burst_start, at, counters);
            }
            Chunk::End { at, certain } => {
                self.refuse_parked(counters);
                self.end(at, certain, counters);
            }
        }
        if !self.pairing.is_empty() {
            let direction = self.requests.unwrap_or(Direction::Inbound);
            self.pairing.emit(direction, out);
        }
    }

    /// That it went over to another protocol in the last chunk, told once: the last exchange says which.
    pub(in crate::protocol) fn take_upgrade(&mut self) -> Option<Behind> {
        self.behind.take()
    }

    /// Bytes that wait for the rest of their message or for the response.
    pub fn buffered_bytes(&self) -> usize {
        let halves = self.halves.iter().map(Half::buffered_bytes).sum::<usize>();
        let parked = self.parked.as_ref().map_or(0, |parked| parked.bytes.capacity());
        halves + parked + self.pairing.buffered_bytes()
    }

    /// Reads on where a response waited for its request, which came.
    fn unpark(&mut self, at: Timestamp, counters: &mut Counters) {
        let (Some(parked), Some(requests)) = (self.parked.take(), self.requests) else { return };
        let responses = requests.reverse();
        self.halves[responses.index()].state = State::Boundary;
        self.unparking = true;
        self.read(responses, &parked.bytes, parked.burst_start, at, counters);
        self.unparking = false;
    }

    /// The request did not come: the response that waited has none.
    fn refuse_parked(&mut self, counters: &mut Counters) {
        let (Some(parked), Some(requests)) = (self.parked.take(), self.requests) else { return };
        self.pairing.orphan(parked.at, counters);
        self.halves[requests.reverse().index()].seek();
    }

    fn park(&mut self, direction: Direction, head: Vec<u8>) {
        let half = &mut self.halves[direction.index()];
        half.state = State::Parked;
        let HeadStart { burst_start, at, .. } = half.head;
        self.parked = Some(Parked { bytes: head, burst_start, at });
    }

    fn is_request(&self, direction: Direction) -> bool {
        self.requests == Some(direction)
    }

    fn read(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        mut burst_start: bool,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        while !bytes.is_empty() {
            let half = &mut self.halves[direction.index()];
            let used = match &mut half.state {
                State::Closed => {
                    if let Some(behind) = &mut self.behind {
                        behind.bytes.extend_from_slice(bytes);
                    }
                    return;
                }
                State::Seek if !burst_start => {
                    half.quiet = false;
                    if std::mem::take(&mut half.unseen) {
                        counters.add(Counter::MessageUnrecognized);
                    }
                    return;
                }
                State::Seek => {
                    half.state = State::Boundary;
                    // What comes first answers what was asked first.
                    half.resynchronised = !std::mem::take(&mut half.unseen);
                    if std::mem::take(&mut half.blind) {
                        counters.add(Counter::MessageLost);
                    }
                    continue;
                }
                State::Boundary => {
                    let blank = bytes.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
                    if blank == 0 {
                        let quiet = std::mem::take(&mut half.quiet);
                        half.head = HeadStart {
                            at,
                            burst_start,
                            bursts: self.pairing.bursts(at),
                            quiet,
                            parked: self.unparking,
                        };
                        self.read_head(direction, bytes, at, counters)
                    } else {
                        // The flag is kept for the first byte of the head.
                        bytes = &bytes[blank..];
                        continue;
                    }
                }
                // A start line is not sent in two bursts: what began one was none. A status line may,
                // by a server that is overlapped.
                State::Head
                    if burst_start && !half.recognised && !half.partial.starts_with(detect::VERSION) =>
                {
                    self.lose(direction, Counter::MessageUnrecognized, 0, counters);
                    continue;
                }
                State::Head => self.read_partial_head(direction, bytes, at, counters),
                State::Body(_) => self.read_body(direction, bytes, at, counters),
                State::Parked => {
                    if let Some(parked) = &mut self.parked {
                        parked.bytes.extend_from_slice(bytes);
                        if parked.bytes.len() > PARKED_BYTES_MAX {
                            self.refuse_parked(counters);
                        }
                    }
                    return;
                }
            };
            bytes = bytes.get(used..).unwrap_or_default();
            burst_start = false;
        }
    }

    fn begin(
        &mut self,
        direction: Direction,
        parsed: Parsed,
        bytes: Vec<u8>,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let facts = parsed.facts;
        let head = parsed.into_head(bytes);
        let began = self.halves[direction.index()].head;
        match head.start {
            StartLine::Request { method, minor_version, .. } => {
                let asked = Asked::of(method.of(&head.bytes));
                let framing = framing::request(&facts, minor_version);
                self.begin_request(direction, Message::begin(head, began.at), asked, framing, at, counters);
            }
            StartLine::Response { status, .. } if status < 200 && status != 101 => {
                // It goes before the final response and is not kept.
                let half = &mut self.halves[direction.index()];
                if half.resynchronised {
                    half.resynchronised = !self.pairing.anchor(began, counters);
                }
                if status == 100 && !half.resynchronised {
                    self.pairing.continued();
                }
                let half = &mut self.halves[direction.index()];
                half.state = State::Boundary;
            }
            StartLine::Response { .. }
                if !self.halves[direction.index()].resynchronised && self.pairing.is_overtaken() =>
            {
                self.park(direction, head.bytes);
            }
            StartLine::Response { status, minor_version } => {
                let half = &mut self.halves[direction.index()];
                let resynchronised = std::mem::take(&mut half.resynchronised);
                match self.pairing.answer(began, resynchronised, counters) {
                    Some(_) if status == 101 && self.pairing.refuse_tentative(counters) => {
                        self.upgrade(at, counters);
                    }
                    Some((sequence, asked)) => {
                        let framing = framing::response(&facts, minor_version, status, asked);
                        let message = Message::begin(head, began.at);
                        self.begin_response(direction, sequence, message, framing, at, counters);
                    }
                    None if status == 101 => self.upgrade(at, counters),
                    // Whether it has a body depends on the method that is not known.
                    None => self.halves[direction.index()].seek(),
                }
            }
        }
    }

    fn begin_request(
        &mut self,
        direction: Direction,
        message: Message,
        asked: Asked,
        framing: Framing,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let responses_lost = matches!(self.halves[direction.reverse().index()].state, State::Seek);
        let half = &mut self.halves[direction.index()];
        let arrival = Arrival {
            burst_start: half.head.burst_start,
            resynchronised: std::mem::take(&mut half.resynchronised),
            responses_lost,
        };
        half.state = match framing {
            Framing::Bytes(bytes) => State::Body(Body::Bytes(bytes)),
            Framing::Chunked => State::Body(Body::chunked()),
            Framing::Conflict => State::Closed,
            // A request never lasts until the close and never upgrades by itself.
            Framing::None | Framing::UntilClose | Framing::Upgrade => State::Boundary,
        };
        self.pairing.request(message, asked, arrival, counters);
        match framing {
            Framing::Bytes(_) | Framing::Chunked => {}
            Framing::Conflict => {
                counters.add(Counter::FramingConflict);
                self.pairing.request_done(at, true, counters);
            }
            _ => self.pairing.request_done(at, false, counters),
        }
    }

    fn begin_response(
        &mut self,
        direction: Direction,
        sequence: Sequence,
        message: Message,
        framing: Framing,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let by_request = matches!(framing, Framing::Conflict | Framing::Upgrade);
        if by_request && self.pairing.refuse_tentative(counters) {
            // Too much would follow from what may be the answer to another request.
            return self.lose_responses();
        }
        let half = &mut self.halves[direction.index()];
        half.response = Some((sequence, message));
        let mut notes = Notes::default();
        match framing {
            Framing::Bytes(bytes) => return half.state = State::Body(Body::Bytes(bytes)),
            Framing::Chunked => return half.state = State::Body(Body::chunked()),
            Framing::UntilClose => return half.state = State::Body(Body::UntilClose),
            Framing::None => half.state = State::Boundary,
            Framing::Conflict => {
                counters.add(Counter::FramingConflict);
                notes.framing_conflict = true;
            }
            Framing::Upgrade => notes.upgraded = true,
        }
        self.finish_response(direction, notes, at, true, counters);
        if notes.upgraded {
            self.upgrade(at, counters);
        }
    }

    fn read_body(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let request = self.is_request(direction);
        let half = &mut self.halves[direction.index()];
        let State::Body(body) = &mut half.state else { return bytes.len() };
        let message =
            if request { self.pairing.reading() } else { half.response.as_mut().map(|(_, message)| message) };
        let Some(message) = message else {
            half.seek();
            return bytes.len();
        };
        message.last_byte = at;
        let step = body.read(bytes, message);
        message.body_whole &= step != Step::Malformed;
        match step {
            Step::More => bytes.len(),
            Step::Done(used) => {
                half.state = State::Boundary;
                self.finish(direction, Notes::default(), at, true, counters);
                used
            }
            Step::Malformed => {
                if !request && self.pairing.refuse_tentative(counters) {
                    // Maybe it is the answer to another request, and has no body at all.
                    self.lose_responses();
                    return bytes.len();
                }
                counters.add(Counter::ChunkMalformed);
                self.halves[direction.index()].state = State::Closed;
                let notes = Notes { framing_conflict: true, ..Notes::default() };
                self.finish(direction, notes, at, true, counters);
                bytes.len()
            }
        }
    }

    fn finish(
        &mut self,
        direction: Direction,
        notes: Notes,
        at: Timestamp,
        seen: bool,
        counters: &mut Counters,
    ) {
        if self.is_request(direction) {
            self.pairing.request_done(at, notes.framing_conflict, counters);
        } else {
            self.finish_response(direction, notes, at, seen, counters);
        }
    }

    fn finish_response(
        &mut self,
        direction: Direction,
        notes: Notes,
        at: Timestamp,
        seen: bool,
        counters: &mut Counters,
    ) {
        let Some((sequence, mut message)) = self.halves[direction.index()].response.take() else { return };
        message.last_byte = at;
        message.finish(counters);
        if self.pairing.response_done(sequence, message, notes, seen).framing_conflict {
            // Whose reading of the bytes that follow is right, nobody knows.
            self.close(at, counters);
        }
    }

    fn upgrade(&mut self, at: Timestamp, counters: &mut Counters) {
        self.close(at, counters);
        self.behind = Some(Behind { bytes: Vec::new(), at });
    }
}
