//! The ledger of connections: each is in one row, once, with the bytes that TCP counted, by what of it
//! could be read. What was not read has a reason.

use std::sync::Arc;

use crate::flow::{Verdict, Workload};

/// Connections of one kind at one local service or towards one remote service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoverageKey {
    /// Who owns the observed sockets; of a connection within this host the end that serves.
    pub workload: Arc<Workload>,
    /// Port of the service side: told by who said hello first, else the lower of the two.
    pub port: u16,
    /// What the connections carried on the wire.
    pub verdict: Verdict,
    /// Of TLS, what is known beside; else empty.
    pub tls: TlsCoverage,
}

/// What is known of connections with TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsCoverage {
    /// What of them was read.
    pub reading: Reading,
    /// Name of the server that the client asked for (SNI); empty if none was seen.
    pub server_name: Arc<str>,
    /// The version that both agreed on, else the highest that was offered; empty if no hello was seen.
    pub version: Arc<str>,
    /// The protocol that both agreed on, or those that were offered, joined by `,`; empty if none.
    pub alpn: Arc<str>,
}

/// What of connections with TLS was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// There is no TLS, or a row of before it was known.
    #[default]
    Unknown,
    /// The plaintext, which carried this.
    Read(Verdict),
    /// Nothing, for this reason (kebab-case).
    Unread(Arc<str>),
    /// Sessions whose plaintext was read, and whose connection was never found.
    Unattributed,
}

impl Reading {
    /// As it is stored.
    pub fn stored(&self) -> String {
        match self {
            Reading::Unknown => String::new(),
            Reading::Read(verdict) => verdict.name().to_owned(),
            Reading::Unread(reason) => format!("!{reason}"),
            Reading::Unattributed => "?".to_owned(),
        }
    }

    /// What was stored so.
    pub fn of_stored(text: &str) -> Option<Reading> {
        Some(match text {
            "" => Reading::Unknown,
            "?" => Reading::Unattributed,
            _ => match text.strip_prefix('!') {
                Some(reason) => Reading::Unread(reason.into()),
                None => Reading::Read(Verdict::of_name(text)?),
            },
        })
    }
}

impl CoverageKey {
    /// Connections without TLS, or of which nothing more is known.
    pub fn plain(workload: Arc<Workload>, port: u16, verdict: Verdict) -> Self {
        CoverageKey { workload, port, verdict, tls: TlsCoverage::default() }
    }

    /// Whether what they carried was read.
    pub fn is_read(&self) -> bool {
        match self.tls.reading {
            Reading::Read(_) | Reading::Unattributed => true,
            Reading::Unread(_) => false,
            Reading::Unknown => self.verdict.is_read(),
        }
    }
}

/// Sums over those connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoverageStats {
    /// Connections; of [`Reading::Unattributed`] sessions.
    pub connections: u64,
    /// Bytes both ways as TCP counted them, known at their end.
    pub bytes: u64,
    /// Bytes of plaintext that were read from TLS.
    pub plaintext_bytes: u64,
    /// Bytes of what would have been read that were not captured.
    pub lost_bytes: u64,
}
