//! First bytes of a would-be message to a verdict: request, response, neither, or not yet known.
//!
//! It asks for the whole start line, since on a resynchronised direction it is all that tells a
//! message from the middle of a body. HTTP/0.9 and versions past 1.1 are "neither".

use memchr::memchr;

use super::{METHODS, http2};
use crate::flow::Verdict;

/// What bytes at the start of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A request line.
    Request,
    /// A status line.
    Response,
    /// No start of an HTTP/1 message.
    Neither,
    /// Fits so far; the line is not whole.
    More,
}

/// What the beginning of a burst says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// It carries this.
    Is(Verdict),
    /// Too few bytes.
    More,
    /// Nothing of what is known here.
    Neither,
}

/// Verdict on a connection by the first bytes of a burst. The kernel's program gives the same, but for
/// HTTP/2 that it did not see begin.
pub(super) fn verdict(bytes: &[u8]) -> Guess {
    // A handshake record of TLS 1.0 to 1.3 (RFC 8446 section 5.1) with a hello in it.
    if let [0x16, 0x03, 0..=4, _, _, 1 | 2, ..] = bytes {
        return Guess::Is(Verdict::Tls);
    }
    if bytes.len() < 6 && [0x16, 0x03].starts_with(&bytes[..bytes.len().min(2)]) {
        return Guess::More;
    }
    match start(bytes) {
        Start::Request if !is_known_method(bytes) => Guess::Neither,
        Start::Request | Start::Response => Guess::Is(Verdict::Http1),
        Start::More => Guess::More,
        Start::Neither => http2::guess(bytes),
    }
}

/// What a status line begins with.
pub(super) const VERSION: &[u8] = b"HTTP/1.";

/// Bytes of a method token. The longest registered one has 17.
const METHOD_BYTES_MAX: usize = 32;

/// Verdict on `bytes`, which begin at the first byte of a start line.
pub(super) fn start(bytes: &[u8]) -> Start {
    match prefix(bytes) {
        Start::Neither => Start::Neither,
        kind => match memchr(b'\n', bytes) {
            // In bounds: memchr's result is an index of `bytes`.
            Some(end) => line(kind, bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end])),
            None => Start::More,
        },
    }
}

/// Verdict on the first few bytes alone: `More` if they are too few to tell.
pub(super) fn prefix(bytes: &[u8]) -> Start {
    if bytes.starts_with(VERSION) {
        return Start::Response;
    }
    if VERSION.starts_with(bytes) {
        return Start::More;
    }
    match bytes.iter().take(METHOD_BYTES_MAX + 1).position(|&b| !is_token(b)) {
        Some(length) if length > 0 && bytes.get(length) == Some(&b' ') => Start::Request,
        None if bytes.len() <= METHOD_BYTES_MAX => Start::More,
        _ => Start::Neither,
    }
}

fn line(kind: Start, line: &[u8]) -> Start {
    let fits = match kind {
        Start::Request => {
            let version = line.len().checked_sub(9).and_then(|at| line.get(at..)).unwrap_or_default();
            // Method, two spaces and one byte of target besides the version.
            line.len() >= 9 + 3 && (version == b" HTTP/1.1" || version == b" HTTP/1.0")
        }
        Start::Response => {
            matches!(line.get(7..9), Some(b"0 " | b"1 "))
                && line[9..]
                    .trim_ascii_start()
                    .get(..3)
                    .is_some_and(|code| code.iter().all(u8::is_ascii_digit))
        }
        _ => false,
    };
    if fits { kind } else { Start::Neither }
}

/// The method of a request line is a known one. Where the place was lost, a token is not enough: it
/// may be the end of a body with the method behind it.
pub(super) fn is_known_method(bytes: &[u8]) -> bool {
    METHODS
        .iter()
        .any(|method| bytes.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" ")))
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
