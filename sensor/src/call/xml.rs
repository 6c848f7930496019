//! XML 1.0 -> fields: an element with attributes or elements in it is an object, any other a text;
//! attributes are named `@name`, a text beside other things `#text`. Prefixes are left out. Entities
//! that a document defines are not expanded, so that none can grow.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::fields::{Fields, NONE};
use super::text::facts_of_text;
use super::tree::Outcome;
use super::{Facts, FieldNames, Place};
use crate::counter::{Counter, Counters};
use crate::limits::JSON_DEPTH_MAX;

/// Bytes of a text that are put together to look at its format.
const TEXT_BYTES_MAX: usize = 8192;

struct Frame {
    node: u32,
    number: u32,
    /// Number of the element around it.
    holder: u32,
    stand_in: bool,
    /// It has attributes or elements.
    object: bool,
    text: Vec<u8>,
    /// Fields that it has, for those that come again.
    met: smallvec::SmallVec<[u32; 8]>,
}

/// Adds the fields of a document to `fields`; `whole` if nothing of the body is missing.
pub(super) fn scan(
    bytes: &[u8],
    whole: bool,
    place: Place,
    fields: &mut Fields,
    counters: &mut Counters,
) -> Outcome {
    let mut reader = Reader::from_reader(bytes);
    // An end that has no beginning is told by the stack here.
    reader.config_mut().check_end_names = false;
    let root = FieldNames::root(place);
    let mut scanner =
        Scanner { bytes, fields, counters, stack: Vec::new(), number: 0, ignored: 0, deep: false };
    scanner.fields.add(root, Facts::OBJECT, 0, scanner.counters);
    scanner.fields.add_object(root);
    let outcome = loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => scanner.begin(root, &start),
            Ok(Event::Empty(start)) => {
                scanner.begin(root, &start);
                scanner.end();
            }
            Ok(Event::End(_)) => scanner.end(),
            Ok(Event::Text(text)) => scanner.text(text.as_bytes()),
            Ok(Event::CData(text)) => scanner.text(text.as_bytes()),
            // One of the five that XML has, or a number; a space is as good to know what it is a part of.
            Ok(Event::GeneralRef(_)) => scanner.text(b" "),
            Ok(Event::Eof) if scanner.stack.is_empty() => break Outcome::Whole,
            Ok(Event::Eof) => break Outcome::Cut,
            Ok(Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_)) => {}
            Err(quick_xml::Error::Syntax(_)) => break Outcome::Cut,
            Err(_) => break Outcome::Malformed,
        }
    };
    while !scanner.stack.is_empty() {
        scanner.end();
    }
    if scanner.deep {
        scanner.counters.add(Counter::JsonTooDeep);
    }
    if !whole || outcome != Outcome::Whole {
        fields.mark(root, Facts::PARTIAL);
    }
    outcome
}

struct Scanner<'a> {
    bytes: &'a [u8],
    fields: &'a mut Fields,
    counters: &'a mut Counters,
    stack: Vec<Frame>,
    number: u32,
    /// Elements open past the bound.
    ignored: usize,
    deep: bool,
}

impl Scanner<'_> {
    fn begin(&mut self, root: u32, start: &BytesStart<'_>) {
        if self.ignored > 0 || self.stack.len() >= JSON_DEPTH_MAX {
            self.deep |= self.ignored == 0;
            self.ignored += 1;
            return;
        }
        let (parent, holder) = match self.stack.last_mut() {
            Some(frame) => {
                frame.object = true;
                (frame.node, frame.number)
            }
            None => (root, 0),
        };
        let name = start.local_name();
        let node = self.fields.names.child(parent, name.as_ref().as_bytes(), self.bytes, self.counters);
        let stand_in = self.fields.names.is_stand_in(node);
        self.number = self.number.saturating_add(1);
        let number = self.number;
        self.stack.push(Frame {
            node,
            number,
            holder,
            stand_in,
            object: false,
            text: Vec::new(),
            met: Default::default(),
        });
        for attribute in start.attributes().with_checks(false).flatten() {
            let key = attribute.key;
            // What declares prefixes is no data.
            if key.as_ref() == "xmlns" || key.prefix().is_some_and(|prefix| prefix.as_ref() == "xmlns") {
                continue;
            }
            let mut name = b"@".to_vec();
            name.extend_from_slice(key.local_name().as_ref().as_bytes());
            if let Some(frame) = self.stack.last_mut() {
                frame.object = true;
            }
            self.leaf(node, number, &name, attribute.value.as_bytes());
        }
    }

    fn text(&mut self, text: &[u8]) {
        if self.ignored > 0 {
            return;
        }
        if let Some(frame) = self.stack.last_mut() {
            let room = TEXT_BYTES_MAX - frame.text.len().min(TEXT_BYTES_MAX);
            frame.text.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    fn end(&mut self) {
        if self.ignored > 0 {
            self.ignored -= 1;
            return;
        }
        let Some(frame) = self.stack.pop() else { return };
        let text = frame.text.trim_ascii();
        if frame.object {
            if !text.is_empty() {
                self.leaf(frame.node, frame.number, b"#text", text);
            }
            self.add(&frame, Facts::OBJECT);
            self.fields.add_object(frame.node);
        } else {
            let facts = facts_of_text(text);
            self.add(&frame, facts);
            self.fields.classify(frame.node, facts, text, self.counters);
            let facts = self.fields.text(frame.node, facts, text, self.counters);
            self.fields.mark(frame.node, facts);
        }
    }

    /// Adds an element to the one around it.
    fn add(&mut self, frame: &Frame, facts: Facts) {
        if frame.node == NONE {
            return;
        }
        if frame.stand_in {
            return self.fields.add_stand_in(frame.node, facts, frame.holder, self.counters);
        }
        self.fields.add(frame.node, facts, frame.holder, self.counters);
        if let Some(around) = self.stack.last_mut() {
            if around.met.contains(&frame.node) {
                self.fields.mark(frame.node, Facts::REPEATED);
            } else if around.met.len() < JSON_DEPTH_MAX {
                around.met.push(frame.node);
            }
        }
    }

    /// An attribute, or a text beside other things.
    fn leaf(&mut self, parent: u32, holder: u32, name: &[u8], text: &[u8]) {
        let names = &mut self.fields.names;
        let node = match name {
            b"#text" => names.literal(parent, name, self.counters),
            _ => names.child(parent, name, self.bytes, self.counters),
        };
        let facts = facts_of_text(text);
        if names.is_stand_in(node) {
            return self.fields.add_stand_in(node, facts, holder, self.counters);
        }
        self.fields.add(node, facts, holder, self.counters);
        self.fields.classify(node, facts, text, self.counters);
    }
}
