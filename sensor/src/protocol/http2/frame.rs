//! Frame heads (RFC 9113 sections 4.1 and 6): what they say, what makes one wrong, and what makes
//! bytes of unknown origin a plausible beginning of frames. It looks at no payload.

use crate::limits::FRAME_SEARCH_BYTES_MAX;

/// What a client sends first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head.
pub(super) const HEAD_BYTES: usize = 9;

/// Bytes of the largest payload that each side takes without having said so (section 4.2).
pub(super) const PAYLOAD_BYTES_INITIAL: usize = 16_384;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// RFC 7838, RFC 8336, RFC 9218: the registered extensions that are in use.
const ALTSVC: u8 = 10;
const ORIGIN: u8 = 12;
const PRIORITY_UPDATE: u8 = 16;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITIZED: u8 = 0x20;

/// The setting that allows larger payloads.
const SETTINGS_MAX_FRAME_SIZE: u16 = 5;

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// Bytes of payload.
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    /// 0 for the connection.
    pub stream: u32,
}

/// What bytes of unknown origin are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    Preface,
    Frames,
    Neither,
    /// Fits so far.
    More,
}

impl FrameHead {
    pub fn read(bytes: &[u8; HEAD_BYTES]) -> Self {
        let &[a, b, c, kind, flags, s, t, u, v] = bytes;
        FrameHead {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            // The highest bit is reserved and to be ignored.
            stream: u32::from_be_bytes([s, t, u, v]) & 0x7fff_ffff,
        }
    }

    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// No rule is broken that makes a receiver give up the connection.
    pub fn fits(self) -> bool {
        let FrameHead { length, kind, stream, .. } = self;
        match kind {
            DATA | HEADERS | CONTINUATION => stream != 0,
            PRIORITY => stream != 0 && length == 5,
            RST_STREAM => stream != 0 && length == 4,
            SETTINGS => stream == 0 && length % 6 == 0 && (length == 0 || !self.has(ACK)),
            PUSH_PROMISE => stream != 0 && length >= 4,
            PING => stream == 0 && length == 8,
            GOAWAY => stream == 0 && length >= 8,
            WINDOW_UPDATE => length == 4,
            _ => true,
        }
    }

    /// As it is sent, in a place where anything else may stand: a known kind, no flag without a
    /// meaning, a length that every other side takes.
    fn is_plausible(self) -> bool {
        let flags = match self.kind {
            DATA => END_STREAM | PADDED,
            HEADERS => END_STREAM | END_HEADERS | PADDED | PRIORITIZED,
            PUSH_PROMISE => END_HEADERS | PADDED,
            SETTINGS | PING => ACK,
            CONTINUATION => END_HEADERS,
            PRIORITY | RST_STREAM | GOAWAY | WINDOW_UPDATE => 0,
            ALTSVC => 0,
            ORIGIN | PRIORITY_UPDATE if self.stream == 0 => 0,
            _ => return false,
        };
        self.fits()
            && self.flags & !flags == 0
            && self.length <= PAYLOAD_BYTES_INITIAL
            && (self.kind != HEADERS || self.length > 0)
            && (!self.has(PADDED) || matches!(self.kind, SETTINGS | PING) || self.length > 0)
    }

    /// May follow `before` (section 6.10: nothing comes between the parts of a header block).
    fn may_follow(self, before: Option<FrameHead>) -> bool {
        let open = before.filter(|before| {
            matches!(before.kind, HEADERS | PUSH_PROMISE | CONTINUATION) && !before.has(END_HEADERS)
        });
        match open {
            Some(open) => self.kind == CONTINUATION && self.stream == open.stream,
            None => self.kind != CONTINUATION,
        }
    }
}

/// Verdict on bytes at the start of a burst: the preface, or two plausible frame heads in a row (one
/// alone is met by chance). `ended`: the burst is over; then whole frames and nothing else will do,
/// since a length that fits to the byte is as good as a second head.
pub(super) fn beginning(bytes: &[u8], ended: bool) -> Beginning {
    if bytes.starts_with(PREFACE) {
        return Beginning::Preface;
    }
    if PREFACE.starts_with(bytes) {
        return if ended { Beginning::Neither } else { Beginning::More };
    }
    let more = match ended {
        false if bytes.len() <= FRAME_SEARCH_BYTES_MAX => Beginning::More,
        _ => Beginning::Neither,
    };
    let Some((first, payload)) = plausible(bytes, None) else { return more };
    let Some(first) = first else { return Beginning::Neither };
    match payload.get(first.length..) {
        None => more,
        Some([]) if ended => Beginning::Frames,
        Some(behind) => match plausible(behind, Some(first)) {
            Some((Some(_), _)) => Beginning::Frames,
            Some((None, _)) => Beginning::Neither,
            None => more,
        },
    }
}

/// The head at the start of `bytes` and what follows it: `None` if it is not whole, `Some(None)` if it
/// is none.
fn plausible(bytes: &[u8], before: Option<FrameHead>) -> Option<(Option<FrameHead>, &[u8])> {
    let (head, payload) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let head = FrameHead::read(head);
    Some(((head.is_plausible() && head.may_follow(before)).then_some(head), payload))
}

/// The payload without padding: of DATA, HEADERS and PUSH_PROMISE. `None` if there is more padding
/// than payload.
pub(super) fn unpadded(head: FrameHead, payload: &[u8]) -> Option<&[u8]> {
    if !head.has(PADDED) {
        return Some(payload);
    }
    let (&padding, payload) = payload.split_first()?;
    payload.get(..payload.len().checked_sub(usize::from(padding))?)
}

/// The largest payload that the sender of these settings takes, if it says so.
pub(super) fn payload_bytes_max(settings: &[u8]) -> Option<usize> {
    let (settings, _) = settings.as_chunks::<6>();
    let size = settings.iter().rev().find(|s| u16::from_be_bytes([s[0], s[1]]) == SETTINGS_MAX_FRAME_SIZE)?;
    let bytes = u32::from_be_bytes([size[2], size[3], size[4], size[5]]) as usize;
    (PAYLOAD_BYTES_INITIAL..1 << 24).contains(&bytes).then_some(bytes)
}
