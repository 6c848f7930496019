//! Reads a body of known framing: undoes the chunked coding (RFC 9112 section 7.1), counts what
//! passed, keeps what fits. Strict: a chunk that breaks the grammar ends the reading, since servers
//! that disagree on chunks are how requests are smuggled. A bare LF is no end of a chunk line.

use memchr::memchr;

use super::head::{self, Refused};
use crate::limits::{BODY_BYTES_MAX, CHUNK_LINE_BYTES_MAX, HEAD_BYTES_MAX};
use crate::protocol::Message;

/// A body being read.
pub(super) enum Body {
    /// So many bytes are left.
    Bytes(u64),
    Chunked(Chunked),
    UntilClose,
}

/// Where in a chunked body the reader stands.
pub(super) struct Chunked {
    at: Place,
    /// Value of the chunk-size line so far, then bytes left of the chunk.
    size: u64,
    /// Bytes of the line so far.
    line_bytes: usize,
    trailer: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the hex digits.
    Size,
    /// In what follows them: white space and extensions.
    Extension,
    /// Behind the CR of the size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
}

/// What became of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All was used, the body goes on.
    More,
    /// The body ended after so many bytes of the piece.
    Done(usize),
    /// It breaks the grammar.
    Malformed,
}

/// What became of a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// It lay within bytes whose number is known: the position is certain.
    Inside,
    /// It ended exactly where the body does.
    Finished,
    /// It went on past the end of the body, into what followed.
    Past,
    /// Where it ended is not known: maybe within the body, maybe past it.
    Lost,
}

impl Body {
    pub fn chunked() -> Self {
        Body::Chunked(Chunked { at: Place::Size, size: 0, line_bytes: 0, trailer: Vec::new() })
    }

    /// Bytes held besides the message.
    pub fn buffered_bytes(&self) -> usize {
        match self {
            Body::Chunked(chunked) => chunked.trailer.capacity(),
            _ => 0,
        }
    }

    /// Takes the next bytes of the direction.
    pub fn read(&mut self, bytes: &[u8], message: &mut Message) -> Step {
        match self {
            Body::Bytes(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                keep(message, &bytes[..take], *left);
                *left -= take as u64;
                if *left == 0 { Step::Done(take) } else { Step::More }
            }
            Body::Chunked(chunked) => chunked.read(bytes, message),
            Body::UntilClose => {
                keep(message, bytes, 0);
                Step::More
            }
        }
    }

    /// Takes the knowledge that `length` bytes are missing.
    pub fn skip(&mut self, length: u64, message: &mut Message) -> Hole {
        message.body_whole = false;
        match self {
            Body::Bytes(left) => {
                let inside = length.min(*left);
                message.body_bytes += inside;
                *left -= inside;
                match (length > inside, *left) {
                    (true, _) => Hole::Past,
                    (false, 0) => Hole::Finished,
                    (false, _) => Hole::Inside,
                }
            }
            Body::Chunked(chunked) if chunked.at == Place::Data && length <= chunked.size => {
                message.body_bytes += length;
                chunked.size -= length;
                if chunked.size == 0 {
                    chunked.at = Place::DataCr;
                }
                Hole::Inside
            }
            Body::Chunked(_) => Hole::Lost,
            Body::UntilClose => {
                message.body_bytes = message.body_bytes.saturating_add(length);
                Hole::Inside
            }
        }
    }
}

/// Counts body bytes and keeps them up to the limit, never past a hole. `expected` bytes are
/// announced: a hint for one allocation, not trusted past what is here.
fn keep(message: &mut Message, bytes: &[u8], expected: u64) {
    message.body_bytes = message.body_bytes.saturating_add(bytes.len() as u64);
    if !message.body_whole {
        return;
    }
    let room = BODY_BYTES_MAX - message.body.len().min(BODY_BYTES_MAX);
    let take = bytes.len().min(room);
    if message.body.is_empty() && expected > bytes.len() as u64 {
        // A body that comes in several pieces: twice what is here spares the first few moves.
        message.body.reserve_exact((bytes.len() * 2).min(expected as usize).min(BODY_BYTES_MAX));
    }
    message.body.extend_from_slice(&bytes[..take]);
    message.body_whole = take == bytes.len();
}

impl Chunked {
    fn read(&mut self, bytes: &[u8], message: &mut Message) -> Step {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.at {
                Place::Data => {
                    // `at` is an index of `bytes`, and `take` at most the rest.
                    let take = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - at);
                    keep(message, &bytes[at..at + take], 0);
                    self.size -= take as u64;
                    at += take;
                    if self.size == 0 {
                        self.at = Place::DataCr;
                    }
                    continue;
                }
                Place::Trailer => {
                    return match self.read_trailer(&bytes[at..], message) {
                        Step::Done(used) => Step::Done(at + used),
                        step => step,
                    };
                }
                place => match self.read_line(place, byte) {
                    Some(next) => self.at = next,
                    None => return Step::Malformed,
                },
            }
            at += 1;
        }
        Step::More
    }

    /// One byte of the framing around chunk data; `None` if it does not belong there.
    fn read_line(&mut self, place: Place, byte: u8) -> Option<Place> {
        self.line_bytes += 1;
        if self.line_bytes > CHUNK_LINE_BYTES_MAX {
            return None;
        }
        Some(match (place, byte) {
            (Place::Size, _) if byte.is_ascii_hexdigit() => {
                let digit = (byte as char).to_digit(16)?;
                // The top four bits must be free, or the size would overflow.
                self.size = (self.size >> 60 == 0).then(|| self.size << 4 | u64::from(digit))?;
                Place::Size
            }
            // At least one digit must have come.
            (Place::Size, b'\r') if self.line_bytes > 1 => Place::SizeLf,
            (Place::Size, b';' | b' ' | b'\t') if self.line_bytes > 1 => Place::Extension,
            (Place::Extension, b'\r') => Place::SizeLf,
            (Place::Extension, b'\n' | 0) => return None,
            (Place::Extension, _) => Place::Extension,
            (Place::SizeLf, b'\n') if self.size == 0 => Place::Trailer,
            (Place::SizeLf, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => {
                self.line_bytes = 0;
                Place::Size
            }
            _ => return None,
        })
    }

    fn read_trailer(&mut self, bytes: &[u8], message: &mut Message) -> Step {
        if self.trailer.is_empty() && bytes.starts_with(b"\r\n") {
            return Step::Done(2);
        }
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let take = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            if message.head.bytes.len() + self.trailer.len() + take > HEAD_BYTES_MAX {
                return Step::Malformed;
            }
            self.trailer.extend_from_slice(&rest[..take]);
            used += take;
            let ended = self.trailer.ends_with(b"\n\r\n")
                || self.trailer.ends_with(b"\n\n")
                || self.trailer == b"\r\n"
                || self.trailer == b"\n";
            if ended {
                return match self.add_trailers(message) {
                    Ok(()) => Step::Done(used),
                    Err(_) => Step::Malformed,
                };
            }
        }
        Step::More
    }

    fn add_trailers(&mut self, message: &mut Message) -> Result<(), Refused> {
        let section = std::mem::take(&mut self.trailer);
        let fields = head::trailers(&section, message.head.bytes.len())?;
        if !fields.is_empty() {
            message.head.bytes.extend_from_slice(&section);
            message.head.headers.extend(fields);
        }
        Ok(())
    }
}
