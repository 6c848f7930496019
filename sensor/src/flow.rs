//! Who talks to whom, when and in which direction: the words that every stage uses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Number of one connection as seen from one of its ends, unique for one run of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Direction of bytes as the owner of the observed socket sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The owner received them.
    Inbound,
    /// The owner sent them.
    Outbound,
}

impl Direction {
    /// 0 for inbound, 1 for outbound.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The other direction.
    pub const fn reverse(self) -> Self {
        match self {
            Direction::Inbound => Direction::Outbound,
            Direction::Outbound => Direction::Inbound,
        }
    }
}

/// Bytes before a point of one direction, counted from where the source first saw it.
pub type StreamOffset = u64;

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; zero if the clock went back.
    pub const fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The two addresses of a connection as the owner of the observed socket sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FourTuple {
    /// The owner's address and port.
    pub local: SocketAddr,
    /// The other side's.
    pub remote: SocketAddr,
}

/// Software on this host that holds one end of a connection. No process id: it names what runs,
/// not which instance. Facts of the host, not of traffic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// Name of the executable without its folder, or the kernel's task name if it could not be read.
    pub program: Arc<str>,
    /// cgroup path below the cgroup root, `/` if none.
    pub cgroup: Arc<str>,
    /// Container id found in the cgroup path (64 or 32 hex digits, or a machine name).
    pub container: Option<Arc<str>>,
}

/// The other side of a connection, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Its address as the observed socket saw it.
    pub address: IpAddr,
    /// What runs there, when it is on this host.
    pub workload: Option<Arc<Workload>>,
}

/// What a connection turned out to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// HTTP/1.x.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// TLS records: not readable at the socket.
    Tls,
    /// None of these.
    Other,
}

impl Verdict {
    /// Kebab-case name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Http1 => "http1",
            Verdict::Http2 => "http2",
            Verdict::Tls => "tls",
            Verdict::Other => "other",
        }
    }

    /// Whether what such connections carry is read.
    pub const fn is_read(self) -> bool {
        matches!(self, Verdict::Http1 | Verdict::Http2)
    }

    /// The verdict of a stored name.
    pub fn of_name(name: &str) -> Option<Verdict> {
        [Verdict::Http1, Verdict::Http2, Verdict::Tls, Verdict::Other].into_iter().find(|v| v.name() == name)
    }
}

/// Why a connection with TLS was not read; kebab-case, stable, each with a sentence in the reports.
pub mod unread {
    /// No library of TLS that is known is in the process.
    pub const NO_PROBE: &str = "no-probe";
    /// The probes came after the connection had begun.
    pub const ATTACHED_LATE: &str = "attached-late";
    /// There are probes, but no call into the library was seen to belong to the connection.
    pub const NOT_ATTRIBUTED: &str = "not-attributed";
    /// The process was gone before it could be looked at.
    pub const PROCESS_UNKNOWN: &str = "process-unknown";
    /// The sensor was told not to read TLS, or the kernel cannot (before 5.15).
    pub const SWITCHED_OFF: &str = "switched-off";
    /// It had not ended when the run did, or nothing was heard of it for long.
    pub const STILL_OPEN: &str = "still-open";
    /// It is in a capture file, which holds no keys.
    pub const NO_KEYS: &str = "no-keys";
}
