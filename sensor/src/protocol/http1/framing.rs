//! Where a message ends: RFC 9112 section 6.3 as a pure function of its head and, for a response,
//! of the request that it answers. What contradicts itself is [`Framing::Conflict`], never a guess.

use super::head::{ContentLength, Facts, Transfer};

/// What a request's method means for its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

impl Asked {
    /// Methods are case-sensitive.
    pub fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        }
    }
}

/// How the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After so many bytes, at least 1.
    Bytes(u64),
    Chunked,
    /// With the connection.
    UntilClose,
    /// The head contradicts itself.
    Conflict,
    /// The connection goes over to another protocol.
    Upgrade,
}

/// Framing of a request.
pub(super) fn request(facts: &Facts, minor_version: u8) -> Framing {
    match (facts.transfer, facts.content_length) {
        (Transfer::Absent, ContentLength::Absent | ContentLength::Bytes(0)) => Framing::None,
        (Transfer::Absent, ContentLength::Bytes(bytes)) => Framing::Bytes(bytes),
        // HTTP/1.0 has no transfer codings (section 6.1: "faulty").
        (Transfer::Chunked | Transfer::CodedChunked, ContentLength::Absent) if minor_version >= 1 => {
            Framing::Chunked
        }
        _ => Framing::Conflict,
    }
}

/// Framing of a response with a status other than the 1xx that go before it.
pub(super) fn response(facts: &Facts, minor_version: u8, status: u16, asked: Asked) -> Framing {
    match (status, asked) {
        (101, _) | (200..=299, Asked::Connect) => return Framing::Upgrade,
        (204 | 304, _) | (_, Asked::Head) => return Framing::None,
        _ => {}
    }
    match (facts.transfer, facts.content_length) {
        (Transfer::Absent, ContentLength::Absent) => Framing::UntilClose,
        (Transfer::Other, ContentLength::Absent) if minor_version >= 1 => Framing::UntilClose,
        _ => request(facts, minor_version),
    }
}
