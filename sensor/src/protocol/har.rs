//! HTTP archives (HAR 1.2, <http://www.softwareishard.com/blog/har-12-spec/>) as browsers, proxies and
//! test tools write them -> exchanges, entry by entry, so that memory does not follow the size of the file.
//!
//! Lenient: what is missing or of another type than it should be is taken as not there. Bodies are as the
//! client saw them, codings undone. Messages of WebSockets are taken where Chrome notes them.

mod entry;

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Exchange, Head, Message, Notes, Protocol, Range32, StartLine};
use crate::flow::{Direction, Timestamp, Transport};
use crate::limits::{ARCHIVE_ENTRY_BYTES_MAX, DECODED_BYTES_MAX};

/// One entry of an archive.
pub struct Archived {
    /// What was asked and answered, as the client saw it.
    pub exchange: Exchange,
    /// Who wrote the archive, as it calls itself.
    pub creator: String,
    /// Address of the server, where it is known.
    pub server: Option<IpAddr>,
    /// Port of the server, by the URL.
    pub port: u16,
    /// By the URL: of TLS no more is known.
    pub transport: Transport,
}

/// Why an archive could not be read to its end. It holds nothing out of the archive.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The bytes could not be had.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is JSON until there.
    #[error(
        "it ends at line {line}, column {column} (about byte {byte}), within the archive; the entries before it were read"
    )]
    Truncated {
        /// Of the text, from 1.
        line: usize,
        /// Of the line, from 1.
        column: usize,
        /// From the beginning, at most a buffer further than it.
        byte: u64,
    },
    /// Something else than JSON from there on.
    #[error(
        "it is no JSON at line {line}, column {column} (about byte {byte}); the entries before it were read"
    )]
    Malformed {
        /// As above.
        line: usize,
        /// As above.
        column: usize,
        /// As above.
        byte: u64,
    },
    /// JSON of something else.
    #[error("it is no HTTP archive: it has no `log` with `entries`")]
    Foreign,
}

/// Reads an archive and hands its entries on, in their order, until `sink` says no.
///
/// # Errors
/// It is no archive, or broken from some point on; what comes before is handed on.
pub fn read(from: impl Read, mut sink: impl FnMut(Archived) -> bool) -> Result<(), Fault> {
    let mut from = BufReader::with_capacity(1 << 16, from);
    // A byte order mark, as some tools write.
    if from.fill_buf().map_err(Fault::Unreadable)?.starts_with(b"\xef\xbb\xbf") {
        from.consume(3);
    }
    let far = Rc::new(Far::default());
    let mut json = serde_json::Deserializer::from_reader(Counted { from, far: far.clone() });
    let mut state =
        State { sink: &mut sink, far: far.clone(), creator: String::new(), found: false, stopped: false };
    let read = Archive(&mut state).deserialize(&mut json);
    let (found, stopped) = (state.found, state.stopped);
    let (byte, malformed) = (far.read.get(), |line, column, byte| Fault::Malformed { line, column, byte });
    match read {
        _ if stopped => Ok(()),
        Ok(()) if found => Ok(()),
        Ok(()) => Err(Fault::Foreign),
        Err(error) => {
            use serde_json::error::Category;
            let (line, column) = (error.line(), error.column());
            Err(match error.classify() {
                Category::Io => Fault::Unreadable(error.into()),
                Category::Eof if byte == 0 => Fault::Foreign,
                Category::Eof => Fault::Truncated { line, column, byte },
                Category::Data | Category::Syntax if !found => Fault::Foreign,
                Category::Data | Category::Syntax => malformed(line, column, byte),
            })
        }
    }
}

/// How far the bytes are.
#[derive(Default)]
struct Far {
    read: Cell<u64>,
    /// Where the entry began that is being read.
    entry: Cell<u64>,
}

struct Counted<R> {
    from: R,
    far: Rc<Far>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        let read = self.far.read.get() + length as u64;
        self.far.read.set(read);
        if read - self.far.entry.get() > ARCHIVE_ENTRY_BYTES_MAX {
            return Err(io::Error::other(format!(
                "an entry is longer than {ARCHIVE_ENTRY_BYTES_MAX} bytes at byte {read}"
            )));
        }
        Ok(length)
    }
}

struct State<'a> {
    sink: &'a mut dyn FnMut(Archived) -> bool,
    far: Rc<Far>,
    creator: String,
    found: bool,
    stopped: bool,
}

/// The whole archive.
struct Archive<'a, 'b>(&'a mut State<'b>);
/// Its member `log`.
struct Log<'a, 'b>(&'a mut State<'b>);
/// The entries of that, handed on as they come.
struct Entries<'a, 'b>(&'a mut State<'b>);

impl<'de> DeserializeSeed<'de> for Archive<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> DeserializeSeed<'de> for Log<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Archive<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an HTTP archive")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(entry::Name)? {
            match key.as_str() {
                "log" => map.next_value_seed(Log(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Log<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(entry::Name)? {
            match key.as_str() {
                "creator" => {
                    let creator = map.next_value_seed(entry::Entry)?;
                    let name = creator.get("name").and_then(Value::as_str).unwrap_or_default();
                    self.0.creator = name.to_owned();
                }
                "entries" => map.next_value_seed(Entries(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let state = self.0;
        state.found = true;
        state.far.entry.set(state.far.read.get());
        while let Some(entry) = seq.next_element_seed(entry::Entry)? {
            state.far.entry.set(state.far.read.get());
            if let Some(archived) = archived(&entry, &state.creator)
                && !(state.sink)(archived)
            {
                state.stopped = true;
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// The exchange of an entry; `None` if it has no request.
fn archived(entry: &Value, creator: &str) -> Option<Archived> {
    let (asked, answered) = (entry.get("request")?, entry.get("response"));
    let method = text(asked, "method").filter(|method| !method.is_empty())?;
    let url = Url::of(text(asked, "url")?)?;
    let started = text(entry, "startedDateTime").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let started = started.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).unwrap_or_default();
    let timing = |name: &str| milliseconds(entry.get("timings").and_then(|timings| timings.get(name)));
    let after =
        |at: u64, phases: &[&str]| phases.iter().fold(at, |at, phase| at.saturating_add(timing(phase)));
    let asked_at = after(started, &["blocked", "dns", "connect"]);
    let answered_at = after(asked_at, &["send", "wait"]);
    let ended_at =
        started.saturating_add(milliseconds(entry.get("time"))).max(after(answered_at, &["receive"]));

    let mut head = Builder::default();
    let method = head.add(method.as_bytes());
    // A query right behind the host, as people write it.
    let slash = if url.target.starts_with('?') { "/" } else { "" };
    let target = head.add(format!("{slash}{}", url.target).as_bytes());
    head.fields(asked);
    if !head.has("host") {
        head.field("host", url.authority);
    }
    if !head.has("cookie") {
        let pair = |cookie: &Value| Some(format!("{}={}", text(cookie, "name")?, text(cookie, "value")?));
        let cookies: Vec<String> = items(asked, "cookies").filter_map(pair).collect();
        if !cookies.is_empty() {
            head.field("cookie", &cookies.join("; "));
        }
    }
    let posted = asked.get("postData");
    let body = posted.map(posted_body).unwrap_or_default();
    if let Some(kind) = posted.and_then(|posted| text(posted, "mimeType"))
        && !head.has("content-type")
    {
        head.field("content-type", kind);
    }
    let start = StartLine::Request { method, target, minor_version: 1 };
    let mut request = head.message(start, body, size(asked.get("bodySize")), asked_at, asked_at);

    let mut response = answered.and_then(|answered| {
        let status = answered.get("status").and_then(Value::as_u64);
        // Zero stands for "none came".
        let status = status.and_then(|status| u16::try_from(status).ok()).filter(|s| *s >= 100)?;
        let mut head = Builder::default();
        head.fields(answered);
        let content = answered.get("content");
        if let Some(kind) = content.and_then(|content| text(content, "mimeType"))
            && !head.has("content-type")
        {
            head.field("content-type", kind);
        }
        let body = content.map(content_body).unwrap_or_default();
        let size =
            size(content.and_then(|content| content.get("size"))).or_else(|| size(answered.get("bodySize")));
        Some(head.message(
            StartLine::Response { status, minor_version: 1 },
            body,
            size,
            answered_at,
            ended_at,
        ))
    });

    let version = text(asked, "httpVersion").unwrap_or_default().to_ascii_lowercase();
    let mut notes = Notes::default();
    if version.starts_with("h2") || version.starts_with("http/2") {
        notes.protocol = Protocol::Http2;
    }
    if entry.get("_webSocketMessages").is_some_and(Value::is_array) {
        notes.protocol = Protocol::WebSocket;
        notes.upgraded = true;
        for message in items(entry, "_webSocketMessages") {
            let sent = text(message, "type") == Some("send");
            match (sent, &mut response) {
                (true, _) => piece(&mut request, message),
                (false, Some(response)) => piece(response, message),
                (false, None) => {}
            }
        }
    }
    let exchange = Exchange { request, response, direction: Direction::Inbound, follows: false, notes };
    let server = text(entry, "serverIPAddress").map(|text| text.trim_matches(['[', ']']));
    let server = server.and_then(|text| text.parse().ok());
    Some(Archived { exchange, creator: creator.to_owned(), server, port: url.port, transport: url.transport })
}

/// The parts of a URL that matter; credentials in it and what is behind `#` are left out.
struct Url<'a> {
    authority: &'a str,
    target: &'a str,
    port: u16,
    transport: Transport,
}

impl Url<'_> {
    fn of(url: &str) -> Option<Url<'_>> {
        let (scheme, rest) = url.split_once("://")?;
        let (usual, transport) = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => (80, Transport::Clear),
            "https" | "wss" => (443, Transport::TLS),
            // Files, data, extensions.
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let named = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let target = if target.is_empty() { "/" } else { target };
        Some(Url { authority, target, port: named.unwrap_or(usual), transport })
    }
}

/// Writes a head: one buffer, ranges into it.
#[derive(Default)]
struct Builder {
    bytes: Vec<u8>,
    headers: Vec<(Range32, Range32)>,
}

impl Builder {
    fn add(&mut self, text: &[u8]) -> Range32 {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        Range32 { start, end: self.bytes.len() as u32 }
    }

    fn field(&mut self, name: &str, value: &str) {
        let name = self.add(name.as_bytes());
        let value = self.add(value.trim().as_bytes());
        self.headers.push((name, value));
    }

    /// The header fields of a request or response; those of HTTP/2 that begin with a colon stand
    /// elsewhere too.
    fn fields(&mut self, of: &Value) {
        for header in items(of, "headers") {
            if let (Some(name), Some(value)) = (text(header, "name"), text(header, "value"))
                && !name.is_empty()
                && !name.starts_with(':')
            {
                self.field(name, value);
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes()))
    }

    fn message(
        self,
        start: StartLine,
        mut body: Vec<u8>,
        size: Option<u64>,
        first_byte: u64,
        last_byte: u64,
    ) -> Message {
        let length = body.len() as u64;
        let body_bytes = size.unwrap_or(length).max(length);
        body.truncate(DECODED_BYTES_MAX);
        let body_whole = body.len() as u64 == body_bytes;
        let Builder { bytes, headers } = self;
        let (first_byte, last_byte) = (Timestamp(first_byte), Timestamp(last_byte));
        let head = Head { bytes, start, headers };
        Message { head, body, pieces: Vec::new(), messages: 0, body_whole, body_bytes, first_byte, last_byte }
    }
}

/// The body of a request: its text, or its form.
fn posted_body(posted: &Value) -> Vec<u8> {
    if let Some(text) = text(posted, "text").filter(|text| !text.is_empty()) {
        return decoded(text, posted);
    }
    let form: Vec<String> = items(posted, "params")
        .filter_map(|param| {
            Some(format!("{}={}", quoted(text(param, "name")?), quoted(text(param, "value").unwrap_or(""))))
        })
        .collect();
    form.join("&").into_bytes()
}

/// A name or value of a form that is sure to be read as one again.
fn quoted(text: &str) -> String {
    text.replace('%', "%25").replace('&', "%26").replace('=', "%3D").replace('+', "%2B")
}

fn content_body(content: &Value) -> Vec<u8> {
    text(content, "text").map(|text| decoded(text, content)).unwrap_or_default()
}

/// The bytes of a text that may be written in base64.
fn decoded(text: &str, of: &Value) -> Vec<u8> {
    let base64 = of.get("encoding").and_then(Value::as_str).is_some_and(|e| e.eq_ignore_ascii_case("base64"));
    match base64.then(|| STANDARD.decode(text.as_bytes())) {
        Some(Ok(bytes)) => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

/// Adds a message of a WebSocket; those with opcode 1 are text, others only counted.
fn piece(message: &mut Message, of: &Value) {
    message.messages += 1;
    let Some(text) = text(of, "data").filter(|_| of.get("opcode").and_then(Value::as_f64) == Some(1.0))
    else {
        return;
    };
    message.body_bytes += text.len() as u64;
    if message.body.len() + text.len() > DECODED_BYTES_MAX {
        message.body_whole = false;
        return;
    }
    message.body.extend_from_slice(text.as_bytes());
    message.pieces.push(message.body.len() as u32);
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn items<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A time in nanoseconds; -1 stands for "does not apply".
fn milliseconds(value: Option<&Value>) -> u64 {
    let milliseconds = value.and_then(Value::as_f64).unwrap_or_default();
    // Saturates: no archive spans more than some hours.
    (milliseconds.max(0.0) * 1e6) as u64
}

/// A number of bytes; -1 stands for "not known".
fn size(value: Option<&Value>) -> Option<u64> {
    let size = value.and_then(Value::as_f64).filter(|size| *size >= 0.0)?;
    Some(size as u64)
}

/// Any bytes as an archive: no panic, and entries that are whole in themselves.
pub fn fuzz(data: &[u8]) {
    let read = read(data, |Archived { exchange, .. }| {
        assert!(matches!(exchange.request.head.start, StartLine::Request { .. }));
        for message in [Some(&exchange.request), exchange.response.as_ref()].into_iter().flatten() {
            assert!(message.pieces.is_sorted() && message.body.len() <= DECODED_BYTES_MAX);
            assert!(message.pieces.last().is_none_or(|&end| end as usize <= message.body.len()));
        }
        true
    });
    if let Err(fault) = read {
        assert!(!fault.to_string().is_empty());
    }
}
