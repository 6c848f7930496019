//! Where bytes come from. Turns what a kernel or a file delivers into [`Event`]s; it knows nothing
//! of HTTP past the kernel's verdict.

pub mod check;
pub mod decode;
pub mod pcap;
#[cfg(feature = "kernel")]
#[path = "kernel/enabled.rs"]
pub mod kernel;
#[cfg(not(feature = "kernel"))]
#[path = "kernel/disabled.rs"]
pub mod kernel;
pub mod tls;
pub mod workload;

use std::sync::Arc;

use crate::flow::{ConnectionId, Direction, FourTuple, StreamOffset, Timestamp, Verdict, Workload};

/// One thing that happened on one connection, borrowed from the source's buffer.
#[derive(Debug)]
pub enum Event<'a> {
    /// A connection got its verdict. Comes before all its segments.
    Opened(Connection),
    /// Bytes of one direction, or the knowledge that they are missing.
    Segment(Segment<'a>),
    /// Both ends of one connection are on this host; only `kept` goes on.
    Paired {
        /// The end whose segments count.
        kept: ConnectionId,
        /// The end whose segments say the same again.
        mirrored: ConnectionId,
        /// What runs at the mirrored end.
        workload: Arc<Workload>,
    },
    /// The connection that carries a session of TLS was found after the session was opened.
    Bound {
        /// The session.
        session: ConnectionId,
        /// What carries it.
        carrier: ConnectionId,
        /// Addresses of the carrier, from the owner's side.
        tuple: FourTuple,
    },
    /// What a network delivered: the other side has all bytes before `position`. Those that were not
    /// captured by now are missing for good, but for some disorder of the capture itself.
    Received {
        /// Which.
        connection: ConnectionId,
        /// Of which direction.
        direction: Direction,
        /// How far.
        position: StreamOffset,
        /// When.
        at: Timestamp,
    },
    /// The connection ended.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// When.
        at: Timestamp,
        /// Bytes received and sent while it was watched.
        bytes: [u64; 2],
        /// Bursts in the direction of the requests, zero if not HTTP: how many requests there were
        /// at the least.
        request_bursts: u32,
        /// Bytes that TCP counted, by the same directions, and that no hook saw.
        unseen_bytes: [u32; 2],
        /// Of a connection with TLS: what stood in the way of its plaintext, as far as the source knows
        /// (kebab-case, stable). Means nothing if a session was read from it.
        unread: Option<&'static str>,
    },
}

/// Facts of a connection that do not change.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Addresses, from the owner's side.
    pub tuple: FourTuple,
    /// Who owns the observed socket, where the source can know.
    pub workload: Option<Arc<Workload>>,
    /// What it carries; `None` where the source does not look.
    pub verdict: Option<Verdict>,
    /// The plaintext of a TLS session, read at the border of a library; what carries it is a connection
    /// of its own, with the verdict [`Verdict::Tls`].
    pub session: Option<Session>,
    /// Of each direction: position 0 is its first byte or where the source began to watch it; else the
    /// first segment may begin anywhere.
    pub begun: [bool; 2],
    /// When the verdict was reached.
    pub at: Timestamp,
}

/// What is known of a TLS session beside its plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The connection that carries it; `None` while that is not known, then the addresses are zero.
    pub carrier: Option<ConnectionId>,
}

/// A piece of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Which connection.
    pub connection: ConnectionId,
    /// Which way.
    pub direction: Direction,
    /// Where its first byte stands.
    pub position: StreamOffset,
    /// The bytes from `position` on that were captured.
    pub bytes: &'a [u8],
    /// Bytes that the segment stands for; those past `bytes` are missing for good.
    pub span: u64,
    /// Whether its first byte is the first after bytes of the other direction: where, without
    /// pipelining, a message begins.
    pub burst: Burst,
    /// When the operation that moved it ended.
    pub at: Timestamp,
}

/// What a source knows of where a burst begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burst {
    /// With this segment.
    Begins,
    /// Not with it.
    GoesOn,
    /// What its sender said when it sent it, by which `stream` finds out.
    After {
        /// Bytes of the other direction that it had.
        had: StreamOffset,
        /// It was the end of what a program wrote (PSH).
        pushed: bool,
    },
}

impl From<bool> for Burst {
    fn from(begins: bool) -> Burst {
        if begins { Burst::Begins } else { Burst::GoesOn }
    }
}
