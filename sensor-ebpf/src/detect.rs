//! First bytes of a burst -> verdict. The only look into payload that the kernel takes.

use schema::limits::DETECT_BYTES;
use schema::record::{VERDICT_HTTP1, VERDICT_HTTP2, VERDICT_TLS};

/// What the first bytes of a burst say.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Detected {
    /// Too few of them.
    Undecided = 0,
    /// Nothing that is known.
    Nothing = 1,
    /// A start line of a request.
    Request = 2,
    /// A start line of a response.
    Response = 3,
    /// The HTTP/2 connection preface (RFC 9113 section 3.4).
    Http2 = 4,
    /// A TLS handshake record (RFC 8446 section 5.1).
    Tls = 5,
    /// Frames of HTTP/2 without a preface: told by `frames`, not here.
    Frames = 6,
}

impl Detected {
    /// The verdict for the wire, zero where there is none.
    #[inline(always)]
    pub fn verdict(self) -> u8 {
        match self {
            Detected::Undecided | Detected::Nothing => 0,
            Detected::Request | Detected::Response => VERDICT_HTTP1,
            Detected::Http2 | Detected::Frames => VERDICT_HTTP2,
            Detected::Tls => VERDICT_TLS,
        }
    }
}

impl Detected {
    #[inline(always)]
    fn of_code(code: u32) -> Self {
        match code {
            1 => Detected::Nothing,
            2 => Detected::Request,
            3 => Detected::Response,
            4 => Detected::Http2,
            5 => Detected::Tls,
            _ => Detected::Undecided,
        }
    }
}

/// Judges the first `length` of sixteen bytes, given as two little-endian numbers.
///
/// A request begins with a registered method (RFC 9110, RFC 4918 and others; told by its first four
/// letters), a space, then `/`, `*`, `h` or `H`; after `CONNECT` anything. A response is `HTTP/1.`. A
/// connection with another method is found by its first response: commands of mail and file transfer
/// protocols look alike, and carry passwords.
#[inline(always)]
pub fn detect(first: u64, second: u64, length: u64) -> Detected {
    Detected::of_code(detect_start(first, second, length))
}

/// Body of [`detect`], a global function to the verifier: see `emit::emit_copies`. Returns the number
/// of a [`Detected`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn detect_start(first: u64, second: u64, length: u64) -> u32 {
    judge(first, second, length) as u32
}

#[inline(always)]
fn judge(first: u64, second: u64, length: u64) -> Detected {
    let byte = |i: u64| (if i < 8 { first >> (8 * i) } else { second >> (8 * (i - 8)) }) as u8;
    // Any of the four kinds of record: a connection may be older than the sensor.
    if length >= 1 && byte(0) >= 0x14 && byte(0) <= 0x17 {
        return if length < 3 {
            Detected::Undecided
        } else if byte(1) == 3 && byte(2) <= 4 {
            Detected::Tls
        } else {
            Detected::Nothing
        };
    }
    let mut i = 0;
    while i < DETECT_BYTES as u64 - 1 {
        if i >= length {
            return Detected::Undecided;
        }
        let here = byte(i);
        if here == b' ' && i >= 3 {
            if i + 1 >= length {
                return Detected::Undecided;
            }
            let next = byte(i + 1);
            if first as u32 == u32::from_le_bytes(*b"PRI ") && next == b'*' {
                return Detected::Http2;
            }
            if !is_method(first as u32) {
                return Detected::Nothing;
            }
            let connect = i == 7 && first as u32 == u32::from_le_bytes(*b"CONN");
            return if next == b'/' || next == b'*' || next == b'h' || next == b'H' || connect {
                Detected::Request
            } else {
                Detected::Nothing
            };
        }
        if here == b'/' && i == 4 {
            if length < 7 {
                return Detected::Undecided;
            }
            let http = first as u32 == u32::from_le_bytes(*b"HTTP");
            return if http && byte(5) == b'1' && byte(6) == b'.' {
                Detected::Response
            } else {
                Detected::Nothing
            };
        }
        if !(here.is_ascii_uppercase() || here == b'-' || here == b'_') {
            return Detected::Nothing;
        }
        i += 1;
    }
    Detected::Nothing
}

/// Whether the first four bytes are those of a registered method.
#[inline(always)]
fn is_method(four: u32) -> bool {
    let mut i = 0;
    while i < METHODS.len() {
        if four == u32::from_le_bytes(*METHODS[i]) {
            return true;
        }
        i += 1;
    }
    false
}

const METHODS: [&[u8; 4]; 32] = [
    b"GET ", b"POST", b"PUT ", b"DELE", b"PATC", b"HEAD", b"OPTI", b"CONN", b"TRAC", b"PROP", b"MKCO",
    b"MKCA", b"MKAC", b"MKRE", b"MKWO", b"COPY", b"MOVE", b"LOCK", b"UNLO", b"REPO", b"SEAR", b"QUER",
    b"PURG", b"LINK", b"UNLI", b"BIND", b"REBI", b"UNBI", b"ACL ", b"MERG", b"CHEC", b"VERS",
];
