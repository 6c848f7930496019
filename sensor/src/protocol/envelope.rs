//! Takes the length-prefixed messages of gRPC, gRPC-Web and streaming Connect apart as they come: each
//! captured one, its compression undone, is a piece of the body; all are counted. What ends a stream
//! in its body (trailers of gRPC-Web, the error of Connect) becomes fields.
//!
//! The prefix is a byte of flags and four of length. A message is captured whole or not at all, but
//! for a first one that is longer than the limit. It does not look into messages.

mod base64;
mod fuzz;

pub use fuzz::fuzz;

use serde::Deserialize;

use self::base64::Base64;
use super::coding::{self, Coding, Outcome};
use super::{Head, Message, Range32};
use crate::counter::{Counter, Counters};
use crate::limits::{
    BODY_BYTES_MAX, DECODED_BYTES_MAX, ENVELOPE_END_BYTES_MAX, EXPANSION_MAX, HEAD_BYTES_MAX, HEADERS_MAX,
    PIECES_MAX,
};

/// Bytes of the prefix of a message.
const PREFIX_BYTES: usize = 5;

/// The message is compressed: gRPC over HTTP/2 "Compressed-Flag"; the same in the others.
const COMPRESSED: u8 = 0x01;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Grpc,
    /// Trailers in the body, marked by the highest bit (PROTOCOL-WEB of gRPC).
    Web,
    /// The end of the stream marked by the second bit (Connect protocol, streaming).
    Connect,
}

/// The reader of one direction of a stream.
pub(super) struct Envelope {
    kind: Kind,
    /// The whole stream is in base64.
    text: Option<Base64>,
    /// `Some(None)`: one that is not known.
    coding: Option<Option<Coding>>,
    prefix: [u8; PREFIX_BYTES],
    filled: usize,
    /// Bytes left of the message.
    left: u64,
    place: Place,
    /// A compressed message, or what ends the stream.
    held: Vec<u8>,
    /// Where the message that is read begins in the body.
    began: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Prefix,
    /// A message that goes into the body as it is.
    Plain,
    /// A compressed message, held until it is whole.
    Coded,
    /// The end of the stream, held; compressed or not.
    End {
        coded: bool,
    },
    /// A message that is not captured.
    Passed,
    /// The end of the stream, too long to be held.
    PassedEnd,
    /// The place was lost.
    Lost,
}

impl Envelope {
    /// The reader that the fields of a message ask for, if they do.
    pub fn of(head: &Head) -> Option<Self> {
        let media_type = head.field("content-type")?;
        let essence = media_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let begins = |word: &str| {
            let rest = essence.split_at_checked(word.len());
            rest.filter(|(begin, _)| begin.eq_ignore_ascii_case(word.as_bytes())).map(|(_, rest)| rest)
        };
        let ends = |rest: Option<&[u8]>| matches!(rest, Some([] | [b'+', ..]));
        let (kind, text, coding) = if ends(begins("application/grpc")) {
            (Kind::Grpc, false, "grpc-encoding")
        } else if ends(begins("application/grpc-web-text")) {
            (Kind::Web, true, "grpc-encoding")
        } else if ends(begins("application/grpc-web")) {
            (Kind::Web, false, "grpc-encoding")
        } else if matches!(begins("application/connect"), Some([b'+', ..])) {
            (Kind::Connect, false, "connect-content-encoding")
        } else {
            return None;
        };
        Some(Envelope {
            kind,
            text: text.then(Base64::default),
            coding: head
                .field(coding)
                .filter(|name| !name.eq_ignore_ascii_case(b"identity"))
                .map(Coding::of_name),
            prefix: [0; PREFIX_BYTES],
            filled: 0,
            left: 0,
            place: Place::Prefix,
            held: Vec::new(),
            began: 0,
        })
    }

    /// Bytes held besides the message.
    pub fn buffered_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Takes the next bytes of the stream. At most `room` bytes more are held.
    pub fn read(&mut self, bytes: &[u8], room: usize, message: &mut Message, counters: &mut Counters) {
        let Some(mut text) = self.text.take() else {
            return self.read_binary(bytes, room, message, counters);
        };
        let mut plain = [0; 768];
        for part in bytes.chunks(1020) {
            let (length, is_base64) = text.decode(part, &mut plain);
            // `length` is what was written of `plain`.
            self.read_binary(&plain[..length], room, message, counters);
            if !is_base64 {
                self.lose(message, counters);
            }
        }
        self.text = Some(text);
    }

    fn read_binary(&mut self, mut bytes: &[u8], room: usize, message: &mut Message, counters: &mut Counters) {
        while !bytes.is_empty() {
            if self.place == Place::Lost {
                return;
            }
            if self.place == Place::Prefix {
                let take = bytes.len().min(PREFIX_BYTES - self.filled);
                // `filled` stays below the length of the prefix.
                self.prefix[self.filled..self.filled + take].copy_from_slice(&bytes[..take]);
                self.filled += take;
                bytes = &bytes[take..];
                if self.filled == PREFIX_BYTES {
                    self.filled = 0;
                    self.begin(room, message, counters);
                }
            } else {
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (part, rest) = bytes.split_at(take);
                match self.place {
                    Place::Plain => {
                        let fits = part.len().min(BODY_BYTES_MAX.saturating_sub(message.body.len()));
                        message.body.extend_from_slice(&part[..fits]);
                        message.body_whole &= fits == part.len();
                    }
                    Place::Coded | Place::End { .. } => self.held.extend_from_slice(part),
                    Place::Prefix | Place::Passed | Place::PassedEnd | Place::Lost => {}
                }
                self.left -= take as u64;
                bytes = rest;
            }
            if self.place != Place::Prefix && self.left == 0 {
                self.finish(room, message, counters);
            }
        }
    }

    /// The prefix is whole.
    fn begin(&mut self, room: usize, message: &mut Message, counters: &mut Counters) {
        let [flags, a, b, c, d] = self.prefix;
        self.left = u64::from(u32::from_be_bytes([a, b, c, d]));
        self.began = message.body.len();
        let length = usize::try_from(self.left).unwrap_or(usize::MAX);
        let coded = flags & COMPRESSED != 0;
        let end = match (self.kind, flags & !COMPRESSED) {
            (_, 0) => false,
            (Kind::Web, 0x80) | (Kind::Connect, 0x02) => true,
            _ => return self.lose(message, counters),
        };
        if end {
            let fits = length <= ENVELOPE_END_BYTES_MAX;
            if !fits {
                counters.add(Counter::HeadTooLarge);
            }
            self.place = if fits { Place::End { coded } } else { Place::PassedEnd };
            return;
        }
        self.place = Place::Passed;
        let space = BODY_BYTES_MAX.saturating_sub(message.body.len()).min(room);
        if message.pieces.len() >= PIECES_MAX {
            counters.add(Counter::PiecesFull);
        } else if coded {
            if !matches!(self.coding, Some(Some(_))) {
                counters.add(Counter::CodingUnknown);
            } else if length <= space {
                self.place = Place::Coded;
            }
        } else if length <= space || (message.body.is_empty() && space == BODY_BYTES_MAX) {
            self.place = Place::Plain;
        }
        message.body_whole &= self.place != Place::Passed;
    }

    /// The message is over.
    fn finish(&mut self, room: usize, message: &mut Message, counters: &mut Counters) {
        let held = std::mem::take(&mut self.held);
        message.messages += u64::from(self.is_in_message());
        match std::mem::replace(&mut self.place, Place::Prefix) {
            Place::Plain => piece(message),
            Place::Coded => {
                let room = DECODED_BYTES_MAX.saturating_sub(message.body.len()).min(room);
                if let Some(decoded) = self.undo(&held, room, &mut message.body_whole, counters) {
                    message.body.extend_from_slice(&decoded);
                    piece(message);
                }
            }
            Place::End { coded } => {
                let decoded;
                let end = if coded {
                    decoded = self.undo(&held, ENVELOPE_END_BYTES_MAX, &mut true, counters);
                    decoded.as_deref().unwrap_or_default()
                } else {
                    &held
                };
                match self.kind {
                    Kind::Web => add_trailers(&mut message.head, end),
                    Kind::Connect | Kind::Grpc => add_error(&mut message.head, end),
                }
            }
            Place::Lost => self.place = Place::Lost,
            Place::Prefix | Place::Passed | Place::PassedEnd => {}
        }
    }

    /// In one that counts.
    fn is_in_message(&self) -> bool {
        matches!(self.place, Place::Plain | Place::Coded | Place::Passed)
    }

    fn undo(&self, coded: &[u8], room: usize, whole: &mut bool, counters: &mut Counters) -> Option<Vec<u8>> {
        let limit = coded.len().saturating_mul(EXPANSION_MAX).min(room);
        let Some(Some(coding)) = self.coding else { return None };
        // Nothing compresses to nothing; some do not compress it and say they did.
        let (decoded, outcome) = match coded {
            [] => (Vec::new(), Outcome::Whole),
            coded => coding::decode(coding, coded, limit),
        };
        *whole &= outcome == Outcome::Whole;
        match outcome {
            Outcome::Whole => {}
            Outcome::Limit => counters.add(Counter::CodingLimit),
            Outcome::Broken => {
                counters.add(Counter::CodingMalformed);
                return None;
            }
        }
        Some(decoded)
    }

    /// Takes the knowledge that `length` bytes are missing: within a message it goes on behind it.
    pub fn skip(&mut self, length: u64, message: &mut Message, counters: &mut Counters) {
        message.body_whole = false;
        let inside = !matches!(self.place, Place::Prefix | Place::Lost);
        if self.text.is_some() || !inside || length > self.left {
            return self.lose(message, counters);
        }
        self.left -= length;
        self.drop_message(message);
        self.place = if self.is_in_message() { Place::Passed } else { Place::PassedEnd };
        if self.left == 0 {
            message.messages += u64::from(self.is_in_message());
            self.place = Place::Prefix;
        }
    }

    fn lose(&mut self, message: &mut Message, counters: &mut Counters) {
        if self.place != Place::Lost {
            counters.add(Counter::EnvelopeMalformed);
        }
        self.drop_message(message);
        message.messages += u64::from(self.is_in_message());
        self.place = Place::Lost;
        message.body_whole = false;
    }

    fn drop_message(&mut self, message: &mut Message) {
        self.held = Vec::new();
        if self.place == Place::Plain {
            message.body.truncate(self.began);
        }
    }

    /// The stream is over: what was begun and not finished is no message.
    pub fn end(&mut self, message: &mut Message) {
        let between = matches!(self.place, Place::Prefix if self.filled == 0);
        message.body_whole &= between;
        self.drop_message(message);
        message.messages += u64::from(self.is_in_message());
        self.place = Place::Lost;
    }

    /// The part of the body that belongs to a message under way, taken off it.
    pub fn split_off(&mut self, message: &mut Message) -> Vec<u8> {
        if self.place != Place::Plain {
            return Vec::new();
        }
        message.body.split_off(std::mem::take(&mut self.began).min(message.body.len()))
    }
}

/// A body that was captured whole or in part, taken apart at its end.
pub(super) fn open(message: &mut Message, counters: &mut Counters) {
    let Some(mut envelope) = Envelope::of(&message.head) else { return };
    let body = std::mem::take(&mut message.body);
    envelope.read(&body, BODY_BYTES_MAX, message, counters);
    envelope.end(message);
}

/// What was added to the body since the last one is a document.
fn piece(message: &mut Message) {
    // A body is far below 4 GiB.
    message.pieces.push(message.body.len() as u32);
}

/// Lines of trailers as HTTP/1 writes them.
fn add_trailers(head: &mut Head, lines: &[u8]) {
    for line in lines.split(|&b| b == b'\n') {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        // In bounds: it is an index of `line`.
        add_field(head, line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
    }
}

/// The code of the error with which a stream of Connect ended.
fn add_error(head: &mut Head, end: &[u8]) {
    #[derive(Deserialize)]
    struct End {
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: Option<String>,
    }
    if let Ok(End { error: Some(Error { code: Some(code) }) }) = serde_json::from_slice(end) {
        add_field(head, b"connect-error-code", code.as_bytes());
    }
}

fn add_field(head: &mut Head, name: &[u8], value: &[u8]) {
    let full = head.bytes.len() + name.len() + value.len() > HEAD_BYTES_MAX;
    if name.is_empty() || full || head.headers.len() >= HEADERS_MAX {
        return;
    }
    let mut keep = |text: &[u8]| {
        let start = head.bytes.len() as u32;
        head.bytes.extend_from_slice(text);
        Range32 { start, end: head.bytes.len() as u32 }
    };
    let field = (keep(name), keep(value));
    head.headers.push(field);
}

#[cfg(test)]
mod tests;
