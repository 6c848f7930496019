//! Bytes of one message head to a parsed [`Head`] with the facts that framing needs, in one pass
//! over its fields (RFC 9112).
//!
//! As servers do, it takes a bare LF as the end of a line, several spaces in the start line and, in
//! responses only, obs-fold and white space before a colon. obs-fold or such white space in a
//! request is malformed. It decides nothing: contradictions are facts too.

use std::mem::MaybeUninit;

use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::protocol::{Head, Range32, StartLine};

/// What the fields say about the length of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub content_length: ContentLength,
    pub transfer: Transfer,
}

/// All Content-Length fields together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ContentLength {
    #[default]
    Absent,
    /// One value, maybe repeated (RFC 9112 section 6.3 item 5).
    Bytes(u64),
    /// Not a number, or several numbers.
    Conflict,
}

/// All Transfer-Encoding fields together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transfer {
    #[default]
    Absent,
    /// `chunked` and nothing else.
    Chunked,
    /// Other codings, then `chunked`: the framing is known, the content is coded.
    CodedChunked,
    /// `chunked` is not among them.
    Other,
    /// `chunked` is not last, comes twice, or the field is empty.
    Conflict,
}

/// A head that was read.
pub(super) struct Parsed {
    pub start: StartLine,
    pub headers: Vec<(Range32, Range32)>,
    pub facts: Facts,
    /// Bytes of the head, the empty line included.
    pub length: usize,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its end is not there yet.
    Partial,
    TooLarge,
    Malformed,
}

impl Parsed {
    /// The head, owning `bytes`, which begin with it.
    pub fn into_head(self, bytes: Vec<u8>) -> Head {
        Head { bytes, start: self.start, headers: self.headers }
    }
}

/// Parses the request head at the start of `bytes`.
pub(super) fn request(bytes: &[u8]) -> Result<Parsed, Refused> {
    let mut storage = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_request_line_delimiters(true);
    let status = config.parse_request_with_uninit_headers(&mut request, bytes, &mut storage);
    let length = complete(status)?;
    let (Some(method), Some(target), Some(minor_version)) = (request.method, request.path, request.version)
    else {
        return Err(Refused::Malformed);
    };
    let start = StartLine::Request {
        method: range(bytes, method.as_bytes()),
        target: range(bytes, target.as_bytes()),
        minor_version,
    };
    let (headers, facts) = fields(bytes, request.headers);
    Ok(Parsed { start, headers, facts, length })
}

/// Parses the response head at the start of `bytes`.
pub(super) fn response(bytes: &[u8]) -> Result<Parsed, Refused> {
    let mut storage = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    let status = config.parse_response_with_uninit_headers(&mut response, bytes, &mut storage);
    let length = complete(status)?;
    let (Some(status), Some(minor_version)) = (response.code, response.version) else {
        return Err(Refused::Malformed);
    };
    if status < 100 {
        return Err(Refused::Malformed);
    }
    let (headers, facts) = fields(bytes, response.headers);
    Ok(Parsed { start: StartLine::Response { status, minor_version }, headers, facts, length })
}

/// Parses a trailer section, empty line included, that stands at `offset` of a head's bytes.
pub(super) fn trailers(section: &[u8], offset: usize) -> Result<Vec<(Range32, Range32)>, Refused> {
    let mut storage = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::parse_headers(section, &mut storage) {
        Ok(httparse::Status::Complete((_, headers))) => {
            let moved = |r: Range32| Range32 { start: r.start + offset as u32, end: r.end + offset as u32 };
            Ok(fields(section, headers).0.into_iter().map(|(n, v)| (moved(n), moved(v))).collect())
        }
        Ok(httparse::Status::Partial) => Err(Refused::Malformed),
        Err(error) => Err(refused(error)),
    }
}

fn complete(status: httparse::Result<usize>) -> Result<usize, Refused> {
    match status {
        Ok(httparse::Status::Complete(length)) if length > HEAD_BYTES_MAX => Err(Refused::TooLarge),
        Ok(httparse::Status::Complete(length)) => Ok(length),
        Ok(httparse::Status::Partial) => Err(Refused::Partial),
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: httparse::Error) -> Refused {
    match error {
        httparse::Error::TooManyHeaders => Refused::TooLarge,
        _ => Refused::Malformed,
    }
}

/// Where `part`, a slice of `whole`, stands in it. Heads are far below 4 GiB.
fn range(whole: &[u8], part: &[u8]) -> Range32 {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if part.is_empty() || start > HEAD_BYTES_MAX {
        return Range32 { start: 0, end: 0 };
    }
    Range32 { start: start as u32, end: (start + part.len()) as u32 }
}

fn fields(whole: &[u8], headers: &[httparse::Header<'_>]) -> (Vec<(Range32, Range32)>, Facts) {
    let mut ranges = Vec::with_capacity(headers.len());
    let mut facts = Facts::default();
    for header in headers {
        let name = header.name.as_bytes();
        ranges.push((range(whole, name), range(whole, header.value)));
        // Lengths first: almost all fields are left with one comparison.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => facts.content_length.add(header.value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => facts.transfer.add(header.value),
            _ => {}
        }
    }
    (ranges, facts)
}

impl ContentLength {
    fn add(&mut self, value: &[u8]) {
        for item in value.split(|&b| b == b',') {
            *self = match (*self, decimal(item.trim_ascii())) {
                (ContentLength::Absent, Some(bytes)) => ContentLength::Bytes(bytes),
                (ContentLength::Bytes(known), Some(bytes)) if known == bytes => *self,
                _ => ContentLength::Conflict,
            };
        }
    }
}

/// Digits only: no sign, no space, no overflow.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

impl Transfer {
    fn add(&mut self, value: &[u8]) {
        let before = *self;
        for item in value.split(|&b| b == b',') {
            let item = item.trim_ascii();
            if item.is_empty() {
                continue;
            }
            let chunked = item.eq_ignore_ascii_case(b"chunked");
            *self = match (*self, chunked) {
                (Transfer::Absent, true) => Transfer::Chunked,
                (Transfer::Other, true) => Transfer::CodedChunked,
                (Transfer::Absent | Transfer::Other, false) => Transfer::Other,
                _ => Transfer::Conflict,
            };
        }
        if before == *self && before == Transfer::Absent {
            *self = Transfer::Conflict;
        }
    }
}
