//! Bytes in, messages out: chunks of one connection become [`Exchange`]s, a request with its
//! response. This is the last stage that hands on raw values; only `call` takes them, by value.

mod coding;
mod connection;
mod detect;
mod envelope;
mod fuzz;
pub mod har;
mod http1;
pub mod http2;
mod method;
pub mod tls;
pub mod websocket;

pub use connection::Connection;
pub use envelope::fuzz as fuzz_envelope;
pub use fuzz::fuzz;
pub use method::METHODS;

use crate::flow::{Direction, Timestamp};

/// One request with its response, raw. Neither `Clone` nor `Serialize`: see invariant 1.
pub struct Exchange {
    /// The request.
    pub request: Message,
    /// Its final response (1xx responses are not kept); `None` when the connection ended first or a
    /// gap hid it.
    pub response: Option<Message>,
    /// Direction of the request: `Inbound` if the observed socket is the server's.
    pub direction: Direction,
    /// It is no call of its own: more of a stream whose exchange was handed on already (messages after
    /// an upgrade, events of a response that goes on). Its request has the same head as the first one.
    pub follows: bool,
    /// Facts of the conversation.
    pub notes: Notes,
}

/// One request or response, raw.
pub struct Message {
    /// Start line and header fields.
    pub head: Head,
    /// Captured body: transfer coding and content coding undone, cut at the limits.
    pub body: Vec<u8>,
    /// Where each captured message of a stream (gRPC, WebSocket) ends in `body`, framing and
    /// compression undone: each is one document. Empty where the body is one.
    pub pieces: Vec<u32>,
    /// Messages of the stream, captured or not; zero for a plain body.
    pub messages: u64,
    /// The captured body is the whole body.
    pub body_whole: bool,
    /// Bytes of the body on the wire as transferred (chunk framing not counted).
    pub body_bytes: u64,
    /// When its first byte was seen.
    pub first_byte: Timestamp,
    /// When its last byte was seen.
    pub last_byte: Timestamp,
}

/// A parsed head that owns its bytes: ranges into one buffer, so that it costs one copy.
pub struct Head {
    /// The head as it was sent, up to and with the empty line, then trailer lines if there were any.
    pub bytes: Vec<u8>,
    /// Start line.
    pub start: StartLine,
    /// Name and value of each field, in order, as ranges into `bytes`.
    pub headers: Vec<(Range32, Range32)>,
}

/// A range of bytes in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range32 {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// First line of a message.
pub enum StartLine {
    /// Of a request.
    Request {
        /// Method token.
        method: Range32,
        /// Request target as sent (RFC 9112 section 3.2).
        target: Range32,
        /// 0 for HTTP/1.0, 1 for HTTP/1.1.
        minor_version: u8,
    },
    /// Of a response.
    Response {
        /// Status code, 100 to 999.
        status: u16,
        /// As above.
        minor_version: u8,
    },
}

/// What carried an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or 1.1.
    #[default]
    Http1,
    /// HTTP/2. Heads are written as those of HTTP/1 are, with `:authority` as `host`.
    Http2,
    /// Messages after the upgrade of a connection or stream (RFC 6455, RFC 8441).
    WebSocket,
}

/// Facts of an exchange that are neither request nor response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What carried it.
    pub protocol: Protocol,
    /// The target stands in bytes that were not seen (HTTP/2 joined in the middle); it is empty then.
    pub target_unknown: bool,
    /// Header fields of either message stand in bytes that were not seen: one that is not there may
    /// have been sent.
    pub fields_unknown: bool,
    /// The server took the connection over to another protocol (101, or 2xx to CONNECT).
    pub upgraded: bool,
    /// A `100 Continue` came before the final response.
    pub continued: bool,
    /// Lengths contradicted each other; what followed on this connection was not read.
    pub framing_conflict: bool,
}

impl Range32 {
    /// The bytes of this range in `of`; empty when out of bounds.
    pub fn of(self, of: &[u8]) -> &[u8] {
        of.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Head {
    /// Fields in order: name as sent, value without white space around it.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.headers.iter().map(|&(name, value)| (name.of(&self.bytes), value.of(&self.bytes)))
    }

    fn is_connect(&self) -> bool {
        matches!(self.start, StartLine::Request { method, .. } if method.of(&self.bytes) == b"CONNECT")
    }

    /// The same head once more, for a further part of what it begins.
    pub(crate) fn again(&self) -> Head {
        let start = match self.start {
            StartLine::Request { method, target, minor_version } => {
                StartLine::Request { method, target, minor_version }
            }
            StartLine::Response { status, minor_version } => StartLine::Response { status, minor_version },
        };
        Head { bytes: self.bytes.clone(), start, headers: self.headers.clone() }
    }

    /// Value of the first field of that name (any case).
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v)
    }
}
