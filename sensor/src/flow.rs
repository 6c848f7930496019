//! Who talks to whom, when, in which direction and inside of what: the words that every stage uses.

use std::borrow::Cow;
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

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 3.0.
    Ssl3,
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// Every one.
    pub const ALL: [TlsVersion; 5] =
        [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13];

    /// Its name in reports and stores, for ever.
    pub const fn name(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "ssl3",
            TlsVersion::Tls10 => "tls1.0",
            TlsVersion::Tls11 => "tls1.1",
            TlsVersion::Tls12 => "tls1.2",
            TlsVersion::Tls13 => "tls1.3",
        }
    }

    /// The version of a stored name.
    pub fn of_name(name: &str) -> Option<TlsVersion> {
        TlsVersion::ALL.into_iter().find(|version| version.name() == name)
    }
}

/// A protocol above TLS (RFC 7301 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alpn {
    /// `http/1.0`.
    Http10,
    /// `http/1.1`.
    Http11,
    /// `h2`.
    Http2,
    /// `h3`; seen over TCP by mistake only.
    Http3,
    /// Any other.
    Other,
}

impl Alpn {
    /// Every one.
    pub const ALL: [Alpn; 5] = [Alpn::Http10, Alpn::Http11, Alpn::Http2, Alpn::Http3, Alpn::Other];

    /// Its name in reports and stores, for ever.
    pub const fn name(self) -> &'static str {
        match self {
            Alpn::Http10 => "http/1.0",
            Alpn::Http11 => "http/1.1",
            Alpn::Http2 => "h2",
            Alpn::Http3 => "h3",
            Alpn::Other => "other",
        }
    }

    /// The protocol of a stored name.
    pub fn of_name(name: &str) -> Option<Alpn> {
        Alpn::ALL.into_iter().find(|alpn| alpn.name() == name)
    }
}

/// How a call went over the network, as far as the end that was observed knows. What is below the socket
/// (WireGuard, IPsec, a mesh's proxy on the way) is not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// As it is.
    #[default]
    Clear,
    /// Inside TLS, with what its hello said; 36 different ones at the most.
    Tls {
        /// Chosen version, if it was seen.
        version: Option<TlsVersion>,
        /// Chosen protocol inside, if it was seen.
        alpn: Option<Alpn>,
    },
}

impl Transport {
    /// TLS of which no more is known.
    pub const TLS: Transport = Transport::Tls { version: None, alpn: None };

    /// Whoever is on the way can read it.
    pub const fn is_clear(self) -> bool {
        matches!(self, Transport::Clear)
    }

    /// Its name in reports and stores, for ever: `clear`, `tls`, `tls1.3`, `tls h2`, `tls1.3 h2`.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Transport::Clear => "clear".into(),
            Transport::Tls { version, alpn } => {
                let version = version.map_or("tls", TlsVersion::name);
                alpn.map_or(version.into(), |alpn| format!("{version} {}", alpn.name()).into())
            }
        }
    }

    /// The transport of a stored name.
    pub fn of_name(name: &str) -> Option<Transport> {
        if name == "clear" {
            return Some(Transport::Clear);
        }
        let (version, alpn) =
            name.split_once(' ').map_or((name, None), |(version, alpn)| (version, Some(alpn)));
        Some(Transport::Tls {
            version: if version == "tls" { None } else { Some(TlsVersion::of_name(version)?) },
            alpn: alpn.map_or(Some(None), |alpn| Alpn::of_name(alpn).map(Some))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn transports_have_names() {
        let versions = || TlsVersion::ALL.into_iter().map(Some).chain([None]);
        let alpns = || Alpn::ALL.into_iter().map(Some).chain([None]);
        let tls = versions().flat_map(|version| alpns().map(move |alpn| Transport::Tls { version, alpn }));
        let all: Vec<Transport> = tls.chain([Transport::Clear]).collect();
        assert!(all.iter().all(|&one| Transport::of_name(&one.name()) == Some(one)));
        assert_eq!(all.iter().map(|one| one.name()).collect::<BTreeSet<_>>().len(), 37);
        assert!(all.iter().all(|one| one.is_clear() == (one.name() == "clear")));
        let best = Transport::Tls { version: Some(TlsVersion::Tls13), alpn: Some(Alpn::Http2) };
        assert_eq!([best.name(), Transport::TLS.name()], ["tls1.3 h2", "tls"]);
        for name in ["", "clear ", "clear h2", "tls ", "tls1.4", " h2", "tls1.3 h2 h2", "tls1.3  h2", "TLS"] {
            assert_eq!(Transport::of_name(name), None, "{name:?}");
        }
    }
}
