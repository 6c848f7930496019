//! Undoes the codings of a captured body, of the content and of the transfer: gzip, deflate (zlib or raw), br, zstd.
//!
//! Only where the media type makes the body worth reading; any other coded body is let go. Keeps the
//! decoded prefix of a body that is cut, broken or over a limit.

use std::io::Read;

use crate::counter::{Counter, Counters};
use crate::limits::{CODINGS_MAX, DECODED_BYTES_MAX, EXPANSION_MAX, ZSTD_WINDOW_BYTES_MAX};
use crate::protocol::Message;

/// A content coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// How the decoding of one layer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole,
    Limit,
    Broken,
}

impl Coding {
    /// The coding of that name (RFC 9110 section 8.4.1, RFC 7932, RFC 8878), any case.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        match name {
            name if is_one_of(name, &[b"gzip", b"x-gzip"]) => Some(Coding::Gzip),
            name if is_one_of(name, &[b"deflate"]) => Some(Coding::Deflate),
            name if is_one_of(name, &[b"br"]) => Some(Coding::Brotli),
            name if is_one_of(name, &[b"zstd"]) => Some(Coding::Zstd),
            _ => None,
        }
    }
}

/// Replaces the captured body by its decoded form.
pub(super) fn undo(message: &mut Message, counters: &mut Counters) {
    let (codings, count) = match codings(message) {
        Ok((_, 0)) => return,
        Ok(found) => found,
        Err(counter) => {
            counters.add(counter);
            message.body = Vec::new();
            message.body_whole = false;
            return;
        }
    };
    if !worth_reading(fields(message, b"content-type").next()) {
        message.body = Vec::new();
        message.body_whole = false;
        return;
    }
    let limit = message.body.len().saturating_mul(EXPANSION_MAX).min(DECODED_BYTES_MAX);
    // The last one named was applied last.
    for &coding in codings[..count].iter().rev() {
        let (body, outcome) = decode(coding, &message.body, limit);
        message.body = body;
        match outcome {
            Outcome::Whole => {}
            Outcome::Limit => {
                counters.add(Counter::CodingLimit);
                message.body_whole = false;
            }
            // The end of a cut body is missing: no news.
            Outcome::Broken if !message.body_whole => {}
            Outcome::Broken => {
                counters.add(Counter::CodingMalformed);
                message.body_whole = false;
            }
        }
    }
}

/// The codings in the order in which they were applied, and how many there are.
fn codings(message: &Message) -> Result<([Coding; CODINGS_MAX], usize), Counter> {
    let mut codings = [Coding::Gzip; CODINGS_MAX];
    let mut count = 0;
    // Most bodies are not coded: the lengths of the two names tell without looking at a byte.
    if !message.head.headers.iter().any(|(name, _)| matches!(name.end.wrapping_sub(name.start), 16 | 17)) {
        return Ok((codings, 0));
    }
    // A coding of the transfer was applied after those of the content. A parameter makes it unknown.
    let content = fields(message, b"content-encoding");
    let transfer = fields(message, b"transfer-encoding");
    for coding in content.chain(transfer).flat_map(|value| value.split(|&b| b == b',')) {
        let known = match coding.trim_ascii() {
            b"" => continue,
            name if is_one_of(name, &[b"identity", b"chunked"]) => continue,
            name => Coding::of_name(name),
        };
        match (known, codings.get_mut(count)) {
            (Some(known), Some(slot)) => *slot = known,
            (Some(_), None) => return Err(Counter::CodingLimit),
            (None, _) => return Err(Counter::CodingUnknown),
        }
        count += 1;
    }
    Ok((codings, count))
}

fn fields<'a>(message: &'a Message, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    message.head.fields().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn is_one_of(name: &[u8], known: &[&[u8]]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Media types in which names of fields can be found; a body without a type may be one of them.
fn worth_reading(media_type: Option<&[u8]>) -> bool {
    let Some(media_type) = media_type else { return true };
    let essence = media_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let contains = |word: &[u8]| essence.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    // The messages of gRPC and Connect are taken apart afterwards.
    let begins = |word: &[u8]| essence.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    essence.is_empty()
        || [&b"json"[..], b"form", b"xml", b"msgpack", b"cbor", b"protobuf"].into_iter().any(contains)
        || [&b"text/"[..], b"multipart/", b"application/grpc", b"application/connect+"]
            .into_iter()
            .any(begins)
}

/// The decoded form of `body`, at most `limit` bytes of it.
pub(super) fn decode(coding: Coding, body: &[u8], limit: usize) -> (Vec<u8>, Outcome) {
    match coding {
        Coding::Gzip => read(flate2::read::MultiGzDecoder::new(body), limit),
        Coding::Deflate if is_zlib(body) => read(flate2::read::ZlibDecoder::new(body), limit),
        // RFC 9110 section 8.4.1.2: some send deflate without the zlib wrapper.
        Coding::Deflate => read(flate2::read::DeflateDecoder::new(body), limit),
        Coding::Brotli => read(brotli_decompressor::Decompressor::new(body, 4096), limit),
        Coding::Zstd => {
            match ruzstd::decoding::StreamingDecoder::new_with_max_window_size(body, ZSTD_WINDOW_BYTES_MAX) {
                Ok(decoder) => read(decoder, limit),
                Err(_) => (Vec::new(), Outcome::Broken),
            }
        }
    }
}

/// RFC 1950 section 2.2: method 8 and a check over the first two bytes.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, &[cmf, flg, ..] if cmf & 0x0f == 8 && u16::from_be_bytes([cmf, flg]) % 31 == 0)
}

fn read(mut from: impl Read, limit: usize) -> (Vec<u8>, Outcome) {
    let mut decoded = Vec::new();
    let mut piece = [0; 8192];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return (decoded, Outcome::Whole),
            Ok(length) => {
                // `length` is at most the size of `piece`.
                let take = length.min(limit - decoded.len());
                decoded.extend_from_slice(&piece[..take]);
                if take < length {
                    return (decoded, Outcome::Limit);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return (decoded, Outcome::Broken),
        }
    }
}
