//! Chunks of one connection to exchanges, HTTP/1.0 and 1.1.
//!
//! Which direction carries requests is found from the first start line. A direction that has lost
//! its place (a hole, or bytes that are no message) is skipped until a burst begins with a start
//! line. A head that contradicts itself ends the reading of the connection. Empty lines before a
//! start line are skipped. It is no judge of semantics: any method, any status, any field.

mod body;
mod framing;
mod head;
mod message;
mod pairing;

use memchr::memchr;

use self::body::{Body, Hole, Step};
use self::framing::{Asked, Framing};
use self::head::{Parsed, Refused};
use self::pairing::{Arrival, HeadStart, Pairing, Sequence};
use super::detect::{self, Start};
use super::{Exchange, Message, Notes, StartLine};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::HEAD_BYTES_MAX;
use crate::stream::Chunk;

/// The reader of one connection, both directions.
pub struct Connection {
    /// Direction of the requests, once known.
    requests: Option<Direction>,
    halves: [Half; 2],
    pairing: Pairing,
}

/// One direction.
struct Half {
    state: State,
    /// The first bytes of a head that is not whole.
    partial: Vec<u8>,
    /// Bytes of `partial` that were searched for the end of the head.
    searched: usize,
    /// The start line of `partial` is whole and fits.
    recognised: bool,
    head: HeadStart,
    /// The message follows a loss of place.
    resynchronised: bool,
    /// Of a response direction: no other byte of it came since the last burst of requests began.
    quiet: bool,
    /// No byte of the direction was seen.
    unseen: bool,
    /// A hole while the place was lost: whole messages may have gone by in it.
    blind: bool,
    /// Final response that is being read.
    response: Option<(Sequence, Message)>,
}

enum State {
    /// The place is lost, or was never known.
    Seek,
    /// Between messages.
    Boundary,
    Head,
    Body(Body),
    /// Not read any more.
    Closed,
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl Connection {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Connection { requests: None, halves: [Half::new(), Half::new()], pairing: Pairing::new() }
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
            }
            Chunk::Gap { direction, length, burst_start, at } => {
                self.skip(direction, length, burst_start, at, counters);
            }
            Chunk::End { at, certain } => self.end(at, certain, counters),
        }
        if !self.pairing.is_empty() {
            let direction = self.requests.unwrap_or(Direction::Inbound);
            self.pairing.emit(direction, out);
        }
    }

    /// Bytes that wait for the rest of their message or for the response.
    pub fn buffered_bytes(&self) -> usize {
        let halves = self.halves.iter().map(Half::buffered_bytes).sum::<usize>();
        halves + self.pairing.buffered_bytes()
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
                State::Closed => return,
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
                        half.head = HeadStart { at, burst_start, bursts: self.pairing.bursts(at), quiet };
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
            };
            bytes = bytes.get(used..).unwrap_or_default();
            burst_start = false;
        }
    }

    /// Reads a head that begins with `bytes`: without a copy of what follows, if it is whole.
    fn read_head(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let start = detect::start(bytes);
        match start {
            Start::Request | Start::Response if self.settle(direction, start, bytes) => {}
            Start::More => return self.keep_partial(direction, bytes, false, counters),
            _ => return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters),
        }
        match self.parse(direction, bytes) {
            Ok(parsed) => {
                let length = parsed.length;
                // In bounds: the parser says where in `bytes` the head ends.
                let owned = bytes[..length].to_vec();
                self.begin(direction, parsed, owned, at, counters);
                length
            }
            Err(Refused::Partial) => self.keep_partial(direction, bytes, true, counters),
            Err(refused) => self.lose(direction, refused.counter(), bytes.len(), counters),
        }
    }

    fn keep_partial(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        recognised: bool,
        counters: &mut Counters,
    ) -> usize {
        if bytes.len() > HEAD_BYTES_MAX {
            return self.lose(direction, Counter::HeadTooLarge, bytes.len(), counters);
        }
        let half = &mut self.halves[direction.index()];
        half.partial.clear();
        half.partial.extend_from_slice(bytes);
        half.searched = 0;
        half.recognised = recognised;
        half.state = State::Head;
        bytes.len()
    }

    fn read_partial_head(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let half = &mut self.halves[direction.index()];
        // One byte more than allowed, so that "too large" is seen.
        let take = bytes.len().min(HEAD_BYTES_MAX + 1 - half.partial.len().min(HEAD_BYTES_MAX));
        half.partial.extend_from_slice(&bytes[..take]);
        if !half.recognised {
            let searched = half.searched;
            let line_is_whole = memchr(b'\n', &half.partial[searched..]).is_some();
            let start =
                if line_is_whole { detect::start(&half.partial) } else { detect::prefix(&half.partial) };
            match start {
                Start::Request | Start::Response if line_is_whole => {
                    half.recognised = true;
                    let partial = std::mem::take(&mut half.partial);
                    let fits = self.settle(direction, start, &partial);
                    self.halves[direction.index()].partial = partial;
                    if !fits {
                        return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters);
                    }
                }
                Start::Neither => {
                    return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters);
                }
                _ => half.searched = half.partial.len(),
            }
        }
        let half = &mut self.halves[direction.index()];
        let Some(end) = half.recognised.then(|| half.find_end()).flatten() else {
            if half.partial.len() > HEAD_BYTES_MAX {
                return self.lose(direction, Counter::HeadTooLarge, bytes.len(), counters);
            }
            return take;
        };
        let behind = half.partial.len() - end;
        half.partial.truncate(end);
        let partial = std::mem::take(&mut half.partial);
        match self.parse(direction, &partial) {
            Ok(parsed) if parsed.length == end => {
                self.begin(direction, parsed, partial, at, counters);
                // The end of the head was not known before these bytes came, so it lies in them.
                take - behind
            }
            Ok(_) | Err(Refused::Partial) => {
                self.lose(direction, Counter::HeadMalformed, bytes.len(), counters)
            }
            Err(refused) => self.lose(direction, refused.counter(), bytes.len(), counters),
        }
    }

    /// The place in the response direction proved uncertain.
    fn lose_responses(&mut self) {
        let Some(requests) = self.requests else { return };
        let half = &mut self.halves[requests.reverse().index()];
        half.response = None;
        if !matches!(half.state, State::Closed) {
            half.seek();
        }
    }

    /// Learns from a start line which direction carries requests. False if it contradicts what is
    /// known, or if it is too weak where the place was lost.
    fn settle(&mut self, direction: Direction, start: Start, bytes: &[u8]) -> bool {
        if start == Start::Request
            && self.halves[direction.index()].resynchronised
            && !detect::is_known_method(bytes)
        {
            return false;
        }
        let requests = if start == Start::Request { direction } else { direction.reverse() };
        if self.requests.is_none() && requests == direction {
            let head = self.halves[direction.index()].head;
            self.pairing.requests_begin(head.burst_start, head.at);
        }
        *self.requests.get_or_insert(requests) == requests
    }

    fn parse(&self, direction: Direction, bytes: &[u8]) -> Result<Parsed, Refused> {
        if self.is_request(direction) { head::request(bytes) } else { head::response(bytes) }
    }

    /// The place in a direction is lost. Returns `length`: all that was to be read is skipped.
    fn lose(
        &mut self,
        direction: Direction,
        counter: Counter,
        length: usize,
        counters: &mut Counters,
    ) -> usize {
        counters.add(counter);
        self.halves[direction.index()].seek();
        if self.requests.is_some() {
            self.pairing.lost(self.is_request(direction), counters);
        }
        length
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
            // Maybe it is the answer to another request, and has no body at all.
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
        counters.add(Counter::ConnectionUpgraded);
        self.close(at, counters);
    }

    /// Reads no further. What waits for a tentative response goes on waiting.
    fn close(&mut self, at: Timestamp, counters: &mut Counters) {
        self.pairing.request_done(at, false, counters);
        self.pairing.close_open(counters);
        for half in &mut self.halves {
            half.seek();
            half.state = State::Closed;
        }
    }

    fn skip(
        &mut self,
        direction: Direction,
        length: u64,
        burst_start: bool,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let request = self.is_request(direction);
        if request {
            if self.pairing.requests_broke_off(burst_start, at, counters) {
                self.lose_responses();
            }
        } else if self.requests.is_some() {
            self.pairing.quiet = false;
        }
        let half = &mut self.halves[direction.index()];
        half.quiet = false;
        match &mut half.state {
            State::Closed => return,
            // Each burst is a message at least. Further ones are counted as one for requests; of
            // responses they show as requests without one.
            State::Seek => {
                if std::mem::take(&mut half.unseen) || burst_start {
                    counters.add(Counter::MessageLost);
                } else {
                    half.blind |= request;
                }
                return;
            }
            State::Boundary | State::Head => counters.add(Counter::MessageLost),
            State::Body(body) => {
                let message = if request {
                    self.pairing.reading()
                } else {
                    half.response.as_mut().map(|(_, message)| message)
                };
                let hole = message.map_or(Hole::Lost, |message| body.skip(length, message));
                match hole {
                    Hole::Inside => return,
                    Hole::Finished => {
                        half.state = State::Boundary;
                        return self.finish(direction, Notes::default(), at, false, counters);
                    }
                    Hole::Past | Hole::Lost => {
                        if hole == Hole::Past {
                            counters.add(Counter::MessageLost);
                        } else {
                            half.blind |= request;
                        }
                        self.finish(direction, Notes::default(), at, false, counters);
                    }
                }
            }
        }
        let half = &mut self.halves[direction.index()];
        if !matches!(half.state, State::Closed) {
            half.seek();
        }
        if self.requests.is_some() {
            self.pairing.lost(request, counters);
        }
    }

    fn end(&mut self, at: Timestamp, certain: bool, counters: &mut Counters) {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let half = &mut self.halves[direction.index()];
            match &half.state {
                State::Head => counters.add(Counter::MessageLost),
                State::Seek if half.blind => counters.add(Counter::MessageLost),
                State::Body(body) => {
                    let until_close = certain && matches!(body, Body::UntilClose);
                    if let Some((_, message)) = half.response.as_mut() {
                        message.body_whole &= until_close;
                    } else if self.requests == Some(direction)
                        && let Some(message) = self.pairing.reading()
                    {
                        message.body_whole = false;
                    }
                    if self.requests.is_some_and(|requests| requests != direction) {
                        self.finish_response(direction, Notes::default(), at, true, counters);
                    }
                }
                _ => {}
            }
        }
        if certain {
            // Nothing was asked that was not seen.
            self.pairing.requests_go_on(false, at, counters);
        }
        self.pairing.end(at, counters);
        for half in &mut self.halves {
            half.seek();
            half.state = State::Closed;
        }
    }
}

impl Refused {
    fn counter(self) -> Counter {
        match self {
            Refused::TooLarge => Counter::HeadTooLarge,
            Refused::Partial | Refused::Malformed => Counter::HeadMalformed,
        }
    }
}

impl Half {
    fn new() -> Self {
        Half {
            state: State::Seek,
            partial: Vec::new(),
            searched: 0,
            recognised: false,
            head: HeadStart::default(),
            resynchronised: false,
            quiet: false,
            unseen: true,
            blind: false,
            response: None,
        }
    }

    /// Goes to [`State::Seek`] and lets all buffers go.
    fn seek(&mut self) {
        self.state = State::Seek;
        self.partial = Vec::new();
        self.resynchronised = false;
        self.quiet = false;
    }

    fn buffered_bytes(&self) -> usize {
        let body = match &self.state {
            State::Body(body) => body.buffered_bytes(),
            _ => 0,
        };
        let response = self.response.as_ref().map_or(0, |(_, m)| m.bytes_held());
        self.partial.capacity() + body + response
    }

    /// Index behind the empty line that ends the head, if it is there.
    fn find_end(&mut self) -> Option<usize> {
        while let Some(at) = memchr(b'\n', self.partial.get(self.searched..)?).map(|i| i + self.searched) {
            match self.partial.get(at + 1..).unwrap_or_default() {
                [b'\n', ..] => return Some(at + 2),
                [b'\r', b'\n', ..] => return Some(at + 3),
                // The line after it is not there yet: look at it again.
                [] | [b'\r'] => {
                    self.searched = at;
                    return None;
                }
                _ => self.searched = at + 1,
            }
        }
        self.searched = self.partial.len();
        None
    }
}
