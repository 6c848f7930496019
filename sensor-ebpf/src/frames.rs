//! Heads of HTTP/2 frames (RFC 9113 sections 4.1 and 6) at the start of an operation: whether a
//! connection whose preface was not seen carries HTTP/2, and what an operation begins with. The agent's
//! `protocol/http2/frame.rs` judges by the same rules, but of whole bursts.

use crate::capture::Operation;
use crate::read;

/// Bytes of a frame's head.
const HEAD_BYTES: u64 = 9;

/// Largest payload that every receiver takes (RFC 9113 section 4.2).
const PAYLOAD_BYTES_INITIAL: u64 = 16_384;

const DATA: u64 = 0;

/// Set in the result of [`frames_start`] where more than one plausible head speaks for frames.
const CERTAIN: u32 = 1 << 8;

/// Whether an operation is a plausible beginning of frames: two heads in a row, since one alone is met by
/// chance, or one whose length is that of the operation to the byte.
#[inline(always)]
pub fn begin(operation: &Operation) -> bool {
    start(operation) & CERTAIN != 0
}

/// Whether an operation begins with a frame other than DATA.
#[inline(always)]
pub fn begin_with_control(operation: &Operation) -> bool {
    let found = start(operation);
    found != 0 && found & 0xff != DATA as u32 + 1
}

#[inline(always)]
fn start(operation: &Operation) -> u32 {
    match operation.buffer.segment(0, operation.moved) {
        Some((address, length)) if operation.buffer.opaque == 0 => frames_start(address, length),
        _ => 0,
    }
}

/// Looks at the bytes at a user address: zero if they are no frame's head, else one more than its kind,
/// and [`CERTAIN`]. A global function to the verifier: see `emit::emit_copies`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn frames_start(address: u64, length: u64) -> u32 {
    if length < HEAD_BYTES {
        return 0;
    }
    let Some((payload, kind)) = head_at(address) else { return 0 };
    let found = kind as u32 + 1;
    let end = HEAD_BYTES + payload;
    if end == length || end + HEAD_BYTES <= length && head_at(address + end).is_some() {
        found | CERTAIN
    } else {
        found
    }
}

/// Length and kind of the frame whose head is there, if it is plausible.
#[inline(always)]
fn head_at(address: u64) -> Option<(u64, u64)> {
    let mut words = [0u64; 2];
    // SAFETY: the local has room for sixteen bytes.
    if !unsafe { read::user(words.as_mut_ptr().cast(), HEAD_BYTES, address) } {
        return None;
    }
    let first = u64::from_be(words[0]);
    let (length, kind, flags) = (first >> 40, first >> 32 & 0xff, first >> 24 & 0xff);
    // The highest bit is reserved and to be ignored.
    let stream = (first & 0x7f_ffff) << 8 | words[1] & 0xff;
    let on_stream = stream != 0;
    let (allowed, fits) = match kind {
        DATA => (0x9, on_stream),
        // HEADERS
        1 => (0x2d, on_stream && length > 0),
        // PRIORITY
        2 => (0, on_stream && length == 5),
        // RST_STREAM
        3 => (0, on_stream && length == 4),
        // SETTINGS
        4 => (1, !on_stream && length % 6 == 0),
        // PUSH_PROMISE
        5 => (0xc, on_stream && length >= 4),
        // PING
        6 => (1, !on_stream && length == 8),
        // GOAWAY
        7 => (0, !on_stream && length >= 8),
        // WINDOW_UPDATE
        8 => (0, length == 4),
        // CONTINUATION
        9 => (4, on_stream),
        _ => return None,
    };
    (fits && flags & !allowed == 0 && length <= PAYLOAD_BYTES_INITIAL).then_some((length, kind))
}
