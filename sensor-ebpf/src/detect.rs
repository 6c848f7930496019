//! First bytes of a burst -> verdict. The only look into payload that the kernel takes.

use schema::limits::DETECT_BYTES;
use schema::record::{VERDICT_HTTP1, VERDICT_HTTP2, VERDICT_TLS};

/// What the first bytes of a burst say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// Too few of them.
    Undecided,
    /// Nothing that is known.
    Nothing,
    /// A start line of a request.
    Request,
    /// A start line of a response.
    Response,
    /// The HTTP/2 connection preface (RFC 9113 section 3.4).
    Http2,
    /// A TLS handshake record (RFC 8446 section 5.1).
    Tls,
}

impl Detected {
    /// The verdict for the wire, zero where there is none.
    #[inline(always)]
    pub fn verdict(self) -> u8 {
        match self {
            Detected::Undecided | Detected::Nothing => 0,
            Detected::Request | Detected::Response => VERDICT_HTTP1,
            Detected::Http2 => VERDICT_HTTP2,
            Detected::Tls => VERDICT_TLS,
        }
    }
}

/// Judges the first `length` of `bytes`.
///
/// A request is a token of capital letters, `-` and `_` (3 to 14 of them), a space, then `/`, `*`,
/// `h` or `H`; after `CONNECT` anything. A response is `HTTP/1.`.
#[inline(never)]
pub fn detect(bytes: &[u8; 2 * DETECT_BYTES], length: u64) -> Detected {
    if length >= 1 && bytes[0] == 0x16 {
        return if length < 3 {
            Detected::Undecided
        } else if bytes[1] == 3 && bytes[2] <= 4 {
            Detected::Tls
        } else {
            Detected::Nothing
        };
    }
    let mut i = 0;
    while i < DETECT_BYTES - 1 {
        if i as u64 >= length {
            return Detected::Undecided;
        }
        let byte = bytes[i & (2 * DETECT_BYTES - 1)];
        if byte == b' ' && i >= 3 {
            if i as u64 + 1 >= length {
                return Detected::Undecided;
            }
            let next = bytes[(i + 1) & (2 * DETECT_BYTES - 1)];
            if i == 3 && bytes[0] == b'P' && bytes[1] == b'R' && bytes[2] == b'I' && next == b'*' {
                return Detected::Http2;
            }
            let connect = i == 7 && bytes[0] == b'C' && bytes[3] == b'N' && bytes[6] == b'T';
            return if next == b'/' || next == b'*' || next == b'h' || next == b'H' || connect {
                Detected::Request
            } else {
                Detected::Nothing
            };
        }
        if byte == b'/' && i == 4 {
            if length < 7 {
                return Detected::Undecided;
            }
            let http = bytes[0] == b'H' && bytes[1] == b'T' && bytes[2] == b'T' && bytes[3] == b'P';
            return if http && bytes[5] == b'1' && bytes[6] == b'.' {
                Detected::Response
            } else {
                Detected::Nothing
            };
        }
        if !(byte.is_ascii_uppercase() || byte == b'-' || byte == b'_') {
            return Detected::Nothing;
        }
        i += 1;
    }
    Detected::Nothing
}
