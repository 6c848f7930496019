//! The fields of one header block to a [`Head`], written as HTTP/1's is: `:authority` as `host`, the
//! crumbs of a cookie as one (RFC 9113 section 8.2.3), `:protocol` as `upgrade` (RFC 8441).
//!
//! What is unknown is left out; a start line without method or target has empty ranges.

use super::hpack::Field;
use crate::counter::{Counter, Counters};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::protocol::{Head, Range32, StartLine};

/// The fields of a block, as they are decoded.
#[derive(Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    headers: Vec<(Range32, Range32)>,
    method: Option<Range32>,
    path: Option<Range32>,
    authority: Option<Range32>,
    protocol: Option<Range32>,
    scheme: bool,
    /// `Some(None)`: there is one, and it is not known or no status.
    status: Option<Option<u16>>,
    crumbs: usize,
    unknown: u64,
    /// The block itself could not be read.
    lost: bool,
    /// More than is kept.
    over: bool,
    /// A field without a name.
    malformed: bool,
}

/// What a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
    /// Trailers, or a head of which no pseudo field is known.
    Neither,
}

/// The head of a request.
pub(super) struct RequestHead {
    pub head: Head,
    pub target_unknown: bool,
    /// Not all fields are known.
    pub fields_unknown: bool,
    /// The stream carries something else once it is answered (CONNECT).
    pub tunnel: bool,
}

const EMPTY: Range32 = Range32 { start: 0, end: 0 };

impl Fields {
    /// The fields of a block that could not be read.
    pub fn lost() -> Self {
        Fields { lost: true, ..Fields::default() }
    }

    /// Takes the next field of the block.
    pub fn add(&mut self, (name, value): Field<'_>) {
        let Some(name) = name else {
            self.unknown += 1;
            return;
        };
        if name.first() == Some(&b':') {
            return self.add_pseudo(name, value);
        }
        let Some(value) = value else {
            self.unknown += 1;
            return;
        };
        if self.headers.len() >= HEADERS_MAX {
            self.over = true;
            return;
        }
        if name.is_empty() {
            self.malformed = true;
            return;
        }
        let (Some(name), Some(value)) = (self.keep(name), self.keep(value)) else { return };
        self.crumbs += usize::from(name.of(&self.bytes) == b"cookie");
        self.headers.push((name, value));
    }

    fn add_pseudo(&mut self, name: &[u8], value: Option<&[u8]>) {
        self.unknown += u64::from(value.is_none());
        match name {
            b":method" => self.method = Some(value.and_then(|v| self.keep(v)).unwrap_or(EMPTY)),
            b":path" => self.path = Some(value.and_then(|v| self.keep(v)).unwrap_or(EMPTY)),
            b":authority" => self.authority = Some(value.and_then(|v| self.keep(v)).unwrap_or(EMPTY)),
            b":protocol" => self.protocol = Some(value.and_then(|v| self.keep(v)).unwrap_or(EMPTY)),
            b":scheme" => self.scheme = true,
            b":status" => self.status = Some(value.and_then(status)),
            _ => {}
        }
    }

    fn keep(&mut self, text: &[u8]) -> Option<Range32> {
        let start = self.bytes.len();
        if start + text.len() > HEAD_BYTES_MAX {
            self.over = true;
            return None;
        }
        self.bytes.extend_from_slice(text);
        // Far below 4 GiB: see the limit.
        Some(Range32 { start: start as u32, end: self.bytes.len() as u32 })
    }

    pub fn kind(&self) -> Kind {
        if self.status.is_some() {
            Kind::Response
        } else if self.method.is_some() || self.path.is_some() || self.authority.is_some() || self.scheme {
            Kind::Request
        } else {
            Kind::Neither
        }
    }

    /// Counts what was left out.
    pub fn count(&self, counters: &mut Counters) {
        counters.add_many(Counter::FieldUnknown, self.unknown);
        if self.over {
            counters.add(Counter::HeadTooLarge);
        }
        if self.malformed {
            counters.add(Counter::HeadMalformed);
        }
    }

    /// Not all fields of the block are known.
    pub fn is_partly_unknown(&self) -> bool {
        self.unknown > 0 || self.lost
    }

    /// The status, if these are the fields of a response and it is known.
    pub fn status(&self) -> Option<u16> {
        self.status.flatten()
    }

    pub fn into_request(mut self) -> RequestHead {
        let method = self.method.unwrap_or(EMPTY);
        let connect = method.of(&self.bytes) == b"CONNECT";
        // RFC 9113 section 8.5: CONNECT has an authority and no path, unless it asks for a protocol.
        let target = if connect && self.path.is_none() { self.authority } else { self.path };
        let target_unknown = method == EMPTY || target.is_none_or(|target| target == EMPTY);
        let target = target.filter(|_| !target_unknown).unwrap_or(EMPTY);
        let has_host = self.headers.iter().any(|(name, _)| name.of(&self.bytes) == b"host");
        for (name, value) in
            [(&b"upgrade"[..], self.protocol), (b"host", self.authority.filter(|_| !has_host))]
        {
            let Some(value) = value.filter(|value| value.start < value.end) else { continue };
            if let Some(name) = self.keep(name) {
                self.headers.insert(0, (name, value));
            }
        }
        let start = StartLine::Request { method, target, minor_version: 1 };
        RequestHead {
            target_unknown,
            fields_unknown: self.is_partly_unknown(),
            tunnel: connect,
            head: self.into_head(start),
        }
    }

    /// The head of a response of this status.
    pub fn into_response(self, status: u16) -> Head {
        self.into_head(StartLine::Response { status, minor_version: 1 })
    }

    fn into_head(mut self, start: StartLine) -> Head {
        if self.crumbs > 1 {
            self.join_cookie();
        }
        self.bytes.shrink_to_fit();
        self.headers.shrink_to_fit();
        Head { bytes: self.bytes, start, headers: self.headers }
    }

    fn join_cookie(&mut self) {
        let mut joined = Vec::new();
        for (name, value) in &self.headers {
            if name.of(&self.bytes) == b"cookie" {
                if !joined.is_empty() {
                    joined.extend_from_slice(b"; ");
                }
                joined.extend_from_slice(value.of(&self.bytes));
            }
        }
        // Too long to be held twice: the crumbs stay what they are.
        let Some(joined) = self.keep(&joined) else { return };
        let mut first = true;
        let Fields { bytes, headers, .. } = self;
        headers.retain_mut(|(name, value)| {
            if name.of(bytes) != b"cookie" {
                return true;
            }
            *value = joined;
            std::mem::take(&mut first)
        });
    }

    /// Adds the fields to a head, as trailers.
    pub fn append_to(self, head: &mut Head) -> bool {
        let base = head.bytes.len();
        if base + self.bytes.len() > HEAD_BYTES_MAX || head.headers.len() + self.headers.len() > HEADERS_MAX {
            return false;
        }
        head.bytes.extend_from_slice(&self.bytes);
        let moved =
            |range: Range32| Range32 { start: range.start + base as u32, end: range.end + base as u32 };
        head.headers.extend(self.headers.into_iter().map(|(name, value)| (moved(name), moved(value))));
        true
    }
}

/// Three digits from 100 on.
fn status(value: &[u8]) -> Option<u16> {
    match *value {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}
