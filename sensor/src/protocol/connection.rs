//! One connection, whatever it carries: finds out what that is where the source did not, and goes over
//! to what an upgrade leads to.

use super::http1::Behind;
use super::{Exchange, Protocol, detect, http1, http2, websocket};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp, Verdict};
use crate::limits::{UNDECIDED_BURSTS_MAX, UNDECIDED_BYTES_MAX};
use crate::stream::Chunk;

/// The reader of one connection, both directions.
pub struct Connection {
    state: State,
    holes_first: bool,
    /// It is a tunnel: what is in it and not read is counted.
    is_tunnel: bool,
}

enum State {
    /// Not known yet what it carries.
    Undecided(Box<Undecided>),
    Http1(Box<http1::Connection>),
    Http2(Box<http2::Connection>),
    /// What began as HTTP/1.
    WebSocket(Box<websocket::Connection>),
    /// Nothing that is read.
    Unread(Verdict),
}

/// The beginning of the burst that is looked at, of each direction.
#[derive(Default)]
struct Undecided {
    bursts: u32,
    held: [Option<Held>; 2],
}

struct Held {
    bytes: Vec<u8>,
    at: Timestamp,
}

impl Connection {
    /// A reader that has seen nothing; `verdict` is what the source knows.
    pub fn new(verdict: Option<Verdict>) -> Connection {
        let state = match verdict {
            None => State::Undecided(Box::default()),
            Some(verdict) => State::of(verdict),
        };
        Connection { state, holes_first: false, is_tunnel: false }
    }

    /// The same where a hole is said before what was sent after it, as [`Ordering::Reorder`] does with what
    /// captures tell: what was not answered when the client went on was not lost.
    ///
    /// [`Ordering::Reorder`]: crate::stream::Ordering::Reorder
    pub fn with_holes_first(mut self) -> Connection {
        self.holes_first = true;
        if let State::Http1(http1) = &mut self.state {
            http1.expect_holes_first();
        }
        self
    }

    /// What it carries, once known.
    pub fn verdict(&self) -> Option<Verdict> {
        match &self.state {
            State::Undecided(_) => None,
            State::Http1(_) | State::WebSocket(_) => Some(Verdict::Http1),
            State::Http2(_) => Some(Verdict::Http2),
            State::Unread(verdict) => Some(*verdict),
        }
    }

    /// Takes the next chunk and appends the exchanges that it completes. A chunk after [`Chunk::End`] is
    /// ignored.
    pub fn push(&mut self, chunk: Chunk<'_>, counters: &mut Counters, out: &mut Vec<Exchange>) {
        match &mut self.state {
            State::Http1(http1) => {
                http1.push(chunk, counters, out);
                if let Some(behind) = http1.take_upgrade() {
                    self.upgrade(behind, counters, out);
                }
            }
            State::Http2(http2) => http2.push(chunk, counters, out),
            State::WebSocket(websocket) => websocket.push(chunk, counters, out),
            State::Unread(_) => {}
            State::Undecided(undecided) => {
                if let Some(verdict) = undecided.look(chunk) {
                    if self.is_tunnel && !verdict.is_read() {
                        counters.add(Counter::ConnectionUpgraded);
                    }
                    let State::Undecided(undecided) = std::mem::replace(&mut self.state, State::of(verdict))
                    else {
                        return;
                    };
                    if let (true, State::Http1(http1)) = (self.holes_first, &mut self.state) {
                        http1.expect_holes_first();
                    }
                    undecided.replay(|chunk| self.push(chunk, counters, out));
                }
            }
        }
    }

    /// Goes over to what the last exchange asked for and got; it stays what it is if that is not read.
    fn upgrade(&mut self, behind: Behind, counters: &mut Counters, out: &mut Vec<Exchange>) {
        let Some(Exchange { request, response: Some(response), direction, notes, .. }) =
            out.last_mut().filter(|last| last.notes.upgraded)
        else {
            return counters.add(Counter::ConnectionUpgraded);
        };
        let named = |name: &str| {
            let field = response.head.field("upgrade").unwrap_or_default();
            field.split(|&b| b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        };
        let direction = *direction;
        if named("websocket") {
            notes.protocol = Protocol::WebSocket;
            let websocket = websocket::Connection::new(&request.head, &response.head, direction);
            self.state = State::WebSocket(Box::new(websocket));
        } else if named("h2c") {
            // The answer to it comes on stream 1; what was said is only that it will.
            let Some(asked) = out.pop() else { return };
            self.state = State::Http2(Box::new(http2::Connection::upgraded(asked.request, direction)));
        } else if request.head.is_connect() {
            // A tunnel, to whatever there is.
            self.state = State::Undecided(Box::default());
            self.is_tunnel = true;
        } else {
            return counters.add(Counter::ConnectionUpgraded);
        }
        let Behind { bytes, at } = behind;
        if !bytes.is_empty() {
            let direction = direction.reverse();
            self.push(Chunk::Bytes { direction, bytes: &bytes, burst_start: false, at }, counters, out);
        }
    }

    /// Bytes that wait for the rest of their message or for the response.
    pub fn buffered_bytes(&self) -> usize {
        match &self.state {
            State::Undecided(undecided) => undecided.buffered_bytes(),
            State::Http1(http1) => http1.buffered_bytes(),
            State::Http2(http2) => http2.buffered_bytes(),
            State::WebSocket(websocket) => websocket.buffered_bytes(),
            State::Unread(_) => 0,
        }
    }
}

impl State {
    fn of(verdict: Verdict) -> State {
        match verdict {
            Verdict::Http1 => State::Http1(Box::default()),
            Verdict::Http2 => State::Http2(Box::default()),
            Verdict::Tls | Verdict::Other => State::Unread(verdict),
        }
    }
}

impl Undecided {
    /// The verdict, if this chunk brings it; else it is held as far as it may be part of a message.
    fn look(&mut self, chunk: Chunk<'_>) -> Option<Verdict> {
        match chunk {
            Chunk::Bytes { direction, bytes, burst_start, at } => {
                let held = &mut self.held[direction.index()];
                if burst_start {
                    *held = None;
                    self.bursts += 1;
                }
                match held {
                    Some(held) => held.bytes.extend_from_slice(bytes),
                    None if burst_start => *held = Some(Held { bytes: bytes.to_vec(), at }),
                    // The middle of something that was passed over.
                    None => return None,
                }
                let bytes = held.as_ref().map_or(&[][..], |held| &held.bytes);
                match detect::verdict(bytes) {
                    detect::Guess::Is(verdict) => return Some(verdict),
                    detect::Guess::More if bytes.len() < UNDECIDED_BYTES_MAX => return None,
                    detect::Guess::More | detect::Guess::Neither => *held = None,
                }
                (self.bursts >= UNDECIDED_BURSTS_MAX).then_some(Verdict::Other)
            }
            Chunk::Gap { direction, .. } => {
                self.held[direction.index()] = None;
                None
            }
            Chunk::End { .. } => {
                self.held = [None, None];
                Some(Verdict::Other)
            }
        }
    }

    /// Gives what was held to who reads it now, the older first.
    fn replay(self, mut push: impl FnMut(Chunk<'_>)) {
        let [inbound, outbound] = self.held;
        let mut held: Vec<(Direction, Held)> =
            [(Direction::Inbound, inbound), (Direction::Outbound, outbound)]
                .into_iter()
                .filter_map(|(direction, held)| Some((direction, held?)))
                .collect();
        held.sort_by_key(|(_, held)| held.at);
        for (direction, Held { bytes, at }) in held {
            push(Chunk::Bytes { direction, bytes: &bytes, burst_start: true, at });
        }
    }

    fn buffered_bytes(&self) -> usize {
        self.held.iter().flatten().map(|held| held.bytes.capacity()).sum()
    }
}
