//! One stream: its two messages and what is handed on of them.

use super::side::Side;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::protocol::{Exchange, Message, Notes, websocket};
use crate::stream::Chunk;

/// Which message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Request,
    Response,
}

/// A stream under way.
#[derive(Default)]
pub(super) struct Stream {
    pub request: Side,
    pub response: Side,
    pub notes: Notes,
    /// The first exchange was handed on.
    pub handed_on: bool,
    /// It asked for a tunnel.
    pub tunnel: Tunnel,
    /// What is in the tunnel, if that is read: requests go inbound in it.
    pub socket: Option<Box<websocket::Connection>>,
    /// A response came, and its status is not known.
    pub status_unknown: bool,
}

/// Whether the stream carries something else (CONNECT).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tunnel {
    #[default]
    No,
    Asked,
    Open,
}

impl Stream {
    pub fn side(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Request => &mut self.request,
            Role::Response => &mut self.response,
        }
    }

    pub fn bytes_held(&self) -> usize {
        let socket = self.socket.as_ref().map_or(0, |socket| socket.buffered_bytes());
        size_of::<Stream>() + self.request.bytes_held() + self.response.bytes_held() + socket
    }

    /// When the last byte of it came.
    pub fn last_byte(&self) -> Timestamp {
        let last = |side: &Side| side.message.as_ref().map_or(Timestamp::default(), |m| m.last_byte);
        last(&self.request).max(last(&self.response))
    }

    /// Its response came before its request.
    pub fn waits(&self) -> bool {
        self.request.message.is_none() && self.tunnel != Tunnel::Open
    }

    pub fn is_complete(&self) -> bool {
        match self.tunnel {
            Tunnel::Open => self.request.ended && self.response.ended,
            Tunnel::No | Tunnel::Asked => {
                let asked = self.request.ended || self.request.doubtful;
                self.request.message.is_some() && self.response.ended && asked
            }
        }
    }
}

impl Role {
    /// Which way it goes in a tunnel, see [`Stream::socket`].
    pub fn direction(self) -> Direction {
        match self {
            Role::Request => Direction::Inbound,
            Role::Response => Direction::Outbound,
        }
    }
}

impl Stream {
    /// What its tunnel carries, if that is a WebSocket (RFC 8441).
    pub fn websocket(&self) -> Option<Box<websocket::Connection>> {
        let (request, response) = (self.request.message.as_ref()?, self.response.message.as_ref()?);
        let named = request.head.field("upgrade").is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"));
        let direction = Role::Request.direction();
        named.then(|| Box::new(websocket::Connection::new(&request.head, &response.head, direction)))
    }

    /// So many bytes of DATA are missing.
    pub fn hole(&mut self, role: Role, length: u64, counters: &mut Counters) {
        let at = Timestamp::default();
        let gap = Chunk::Gap { direction: role.direction(), length, burst_start: false, at };
        if length > 0 {
            // Nothing is complete by a hole.
            self.tunnelled(gap, counters, &mut Vec::new());
        }
        self.side(role).hole(length, counters);
    }

    /// Nobody knows how many are.
    pub fn doubt(&mut self, role: Role, counters: &mut Counters) {
        let at = Timestamp::default();
        let gap = Chunk::Gap { direction: role.direction(), length: u64::MAX, burst_start: false, at };
        self.tunnelled(gap, counters, &mut Vec::new());
        self.side(role).doubt(counters);
    }

    /// Takes what came in a tunnel.
    pub fn tunnelled(&mut self, chunk: Chunk<'_>, counters: &mut Counters, out: &mut Vec<Exchange>) {
        if let Some(socket) = &mut self.socket {
            socket.push(chunk, counters, out);
        }
    }

    /// What there is. `upgraded`: both messages end with their heads.
    pub fn exchange(mut self, upgraded: bool, counters: &mut Counters) -> Option<Exchange> {
        if self.handed_on && !self.request.is_news() && !self.response.is_news() {
            return None;
        }
        self.request.end(upgraded, counters);
        self.response.end(upgraded, counters);
        if self.response.message.is_none() && !self.status_unknown {
            counters.add(Counter::ResponseMissing);
        }
        let request = self.request.message?;
        let response = self.response.message;
        Some(exchange(request, response, self.notes, self.handed_on))
    }

    /// What came so far.
    pub fn part(&mut self, at: Timestamp, counters: &mut Counters) -> Option<Exchange> {
        let request = self.request.part(at, counters)?;
        let response = self.response.part(at, counters)?;
        let follows = std::mem::replace(&mut self.handed_on, true);
        Some(exchange(request, Some(response), self.notes, follows))
    }
}

fn exchange(request: Message, response: Option<Message>, notes: Notes, follows: bool) -> Exchange {
    // The direction is set when it is handed out.
    Exchange { request, response, direction: Direction::Inbound, follows, notes }
}
