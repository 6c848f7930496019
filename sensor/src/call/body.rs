//! The body of a message -> fields, by its media type and, where that says nothing, by how it begins. Each
//! message of a stream is a document of its own.

use super::descriptor::Typed;
use super::fields::Fields;
use super::media::{Syntax, is_json_start, media_type};
use super::tree::{Outcome, Tree};
use super::words::Dictionary;
use super::{Place, cbor, events, form, json, msgpack, protobuf, xml};
use crate::counter::{Counter, Counters};
use crate::protocol::Message;

/// Adds the fields of a body; false if it should have some and was not read to its end.
pub(super) fn read(
    message: &Message,
    content_type: Option<&[u8]>,
    place: Place,
    typed: Option<Typed<'_>>,
    fields: &mut Fields,
    words: &Dictionary,
    counters: &mut Counters,
) -> bool {
    let syntax = content_type.map_or(Syntax::Unknown, |value| media_type(value).1);
    if message.body.is_empty() {
        return message.body_bytes == 0 || syntax == Syntax::Opaque;
    }
    let mut reader = Documents { message, content_type, place, typed, fields, words, counters };
    if message.pieces.is_empty() {
        return reader.document(syntax, 0, message.body.len(), message.body_whole);
    }
    let mut start = 0;
    let mut whole = message.body_whole;
    for &end in &message.pieces {
        let end = (end as usize).min(message.body.len());
        if start < end {
            whole &= reader.document(syntax, start, end, true);
        }
        start = start.max(end);
    }
    whole
}

/// Messages of a stream: counted where they were framed, else those in its captured body that are whole.
pub(super) fn messages(message: &Message, content_type: Option<&[u8]>) -> u64 {
    if message.messages > 0 || message.body.is_empty() {
        return message.messages;
    }
    match content_type.map(media_type) {
        Some((_, Syntax::Events)) => events::count(&message.body),
        Some(("application/x-ndjson" | "application/ndjson" | "application/jsonl", _)) => {
            let lines = message.body.split_inclusive(|&byte| byte == b'\n');
            let whole = |line: &&[u8]| message.body_whole || line.ends_with(b"\n");
            lines.filter(whole).filter(|line| !line.trim_ascii().is_empty()).count() as u64
        }
        _ => 0,
    }
}

struct Documents<'a> {
    message: &'a Message,
    content_type: Option<&'a [u8]>,
    place: Place,
    /// The protobuf message that it is.
    typed: Option<Typed<'a>>,
    fields: &'a mut Fields,
    words: &'a Dictionary,
    counters: &'a mut Counters,
}

impl Documents<'_> {
    /// Reads what stands from `start` to `end`; `whole` if that is all of it.
    fn document(&mut self, syntax: Syntax, start: usize, end: usize, whole: bool) -> bool {
        let Documents { message, place, fields, counters, .. } = self;
        // In bounds: pieces lie in the body, one behind the other.
        let bytes = &message.body[..end];
        let part = &bytes[start..];
        let request = *place == Place::RequestBody;
        let (outcome, malformed) = match syntax {
            Syntax::Json => {
                (json::scan(bytes, start, whole, *place, fields, counters), Counter::JsonMalformed)
            }
            // Command line clients call everything a form.
            Syntax::Unknown | Syntax::Form if is_json_start(part) => {
                json::scan(bytes, start, whole, *place, fields, counters);
                return whole;
            }
            Syntax::Form if request => {
                form::pairs(part, Place::Form, self.words, fields, counters, |_, _, _, _| {});
                return whole;
            }
            Syntax::Multipart if request => {
                let boundary = self.content_type.and_then(|value| form::parameter(value, b"boundary"));
                if let Some(boundary) = boundary {
                    form::multipart(part, boundary, fields, counters);
                }
                return whole;
            }
            Syntax::Xml => (xml::scan(part, whole, *place, fields, counters), Counter::XmlMalformed),
            Syntax::Events => {
                events::scan(bytes, start, *place, fields, counters);
                return whole;
            }
            Syntax::Protobuf | Syntax::MessagePack | Syntax::Cbor => {
                let mut tree = Tree::new(*place, start, bytes, fields, counters);
                let outcome = match syntax {
                    Syntax::Protobuf => protobuf::scan(part, self.typed, &mut tree),
                    Syntax::Cbor => cbor::scan(part, &mut tree),
                    _ => msgpack::scan(part, &mut tree),
                };
                tree.end(outcome, whole);
                (outcome, Counter::BinaryMalformed)
            }
            Syntax::Form | Syntax::Multipart | Syntax::Unknown | Syntax::Opaque => return true,
        };
        if outcome == Outcome::Malformed || (outcome == Outcome::Cut && whole) {
            counters.add(malformed);
        }
        whole && outcome == Outcome::Whole
    }
}
