//! What readers of bodies that are not JSON tell about values, in the order in which they stand ->
//! fields, by the same rules as those of JSON. Bounds the depth; what is deeper is passed over.

use super::fields::{Fields, HEAD, NONE};
use super::text::facts_of_text;
use super::{Facts, FieldNames, Place};
use crate::counter::{Counter, Counters};
use crate::limits::{JSON_DEPTH_MAX, RECORDS_MANY};

/// How the reading of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every byte was read.
    Whole,
    /// The bytes ended within a value.
    Cut,
    /// A byte that the grammar does not allow.
    Malformed,
}

/// Takes so many bytes off the front.
pub(super) fn take<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], Outcome> {
    let count = usize::try_from(count).map_err(|_| Outcome::Cut)?;
    let (taken, behind) = rest.split_at_checked(count).ok_or(Outcome::Cut)?;
    *rest = behind;
    Ok(taken)
}

/// The big-endian number of at most 8 bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Of bytes that are no text, or whose text is not looked at.
pub(super) const BYTES: Facts = Facts(Facts::STRING.0 | Facts::TEXT.0 | Facts::OPEN.0);

/// One document of a body on its way into fields.
pub(super) struct Tree<'a> {
    fields: &'a mut Fields,
    counters: &'a mut Counters,
    /// All that the document was sent in.
    text: &'a [u8],
    stack: Vec<Frame>,
    root: u32,
    /// Number of the last object or array; no two of a body have one.
    number: u32,
    /// Levels that are open past the bound.
    ignored: usize,
    too_deep: bool,
}

struct Frame {
    node: u32,
    number: u32,
    object: bool,
    /// Field of the next value: of the key read last, or of the items.
    next: u32,
    stand_in: bool,
    /// Values so far.
    values: u32,
}

impl<'a> Tree<'a> {
    /// A document that begins at `base` of its body.
    pub(super) fn new(
        place: Place,
        base: usize,
        text: &'a [u8],
        fields: &'a mut Fields,
        counters: &'a mut Counters,
    ) -> Tree<'a> {
        let root = FieldNames::root(place);
        // Two numbers at most stand for one byte.
        let number = (base as u32).saturating_mul(2);
        Tree { fields, counters, text, stack: Vec::new(), root, number, ignored: 0, too_deep: false }
    }

    /// The document ended as `outcome` says; `whole` if nothing of its body is missing.
    pub(super) fn end(self, outcome: Outcome, whole: bool) {
        if self.too_deep {
            self.counters.add(Counter::JsonTooDeep);
        }
        if !whole || outcome != Outcome::Whole {
            self.fields.mark(self.root, Facts::PARTIAL);
        }
    }

    /// The next value of the object has this name.
    pub(super) fn key(&mut self, key: &[u8]) {
        if self.ignored > 0 {
            return;
        }
        let Some(frame) = self.stack.last_mut() else { return };
        frame.next = self.fields.names.child(frame.node, key, self.text, self.counters);
        frame.stand_in = self.fields.names.is_stand_in(frame.next);
        if frame.next == NONE {
            let node = frame.node;
            self.fields.mark(node, Facts::FULL);
        }
    }

    /// The next value of the object has this name, which no sender chose: a field number, or one of ours.
    pub(super) fn known_key(&mut self, key: &[u8]) {
        if self.ignored > 0 {
            return;
        }
        let Some(frame) = self.stack.last_mut() else { return };
        frame.next = self.fields.names.literal(frame.node, key, self.counters);
        frame.stand_in = false;
    }

    /// An object begins.
    pub(super) fn begin_object(&mut self) {
        self.begin(true);
    }

    /// An array begins.
    pub(super) fn begin_array(&mut self) {
        self.begin(false);
    }

    fn begin(&mut self, object: bool) {
        if self.ignored > 0 || self.stack.len() >= JSON_DEPTH_MAX {
            self.too_deep |= self.ignored == 0;
            if self.ignored == 0 {
                self.value(if object { Facts::OBJECT } else { Facts::ARRAY });
            }
            self.ignored += 1;
            return;
        }
        let node = self.put(if object { Facts::OBJECT } else { Facts::ARRAY });
        if object {
            self.fields.add_object(node);
        }
        let next = if object { NONE } else { self.fields.names.items(node, self.counters) };
        self.number = self.number.saturating_add(1);
        self.stack.push(Frame { node, number: self.number, object, next, stand_in: false, values: 0 });
    }

    /// The object or array that began last ends.
    pub(super) fn close(&mut self) {
        if self.ignored > 0 {
            self.ignored -= 1;
            return;
        }
        let Some(frame) = self.stack.pop() else { return };
        if frame.values == 0 {
            self.fields.mark(frame.node, Facts::EMPTY);
        }
        if frame.values as usize >= RECORDS_MANY && !frame.object {
            self.fields.tally.array(self.fields.objects(frame.next));
        }
    }

    /// A text.
    pub(super) fn string(&mut self, text: &[u8]) {
        let facts = facts_of_text(text);
        let node = self.put(facts);
        self.fields.classify(node, facts, text, self.counters);
        let facts = self.fields.text(node, facts, text, self.counters);
        self.fields.mark(node, facts);
    }

    /// An integer.
    pub(super) fn integer(&mut self, value: i128) {
        let node = self.put(Facts::INTEGER);
        if value > 9_999_999 {
            self.fields.classify_integer(node, value.to_string().as_bytes(), self.counters);
        }
    }

    /// Bytes that are no text.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.value(match bytes.is_empty() {
            true => Facts::STRING | Facts::EMPTY,
            false => BYTES,
        });
    }

    /// Any other value, by its facts.
    pub(super) fn value(&mut self, facts: Facts) {
        self.put(facts);
    }

    /// Adds a value to the field whose turn it is; the field.
    fn put(&mut self, facts: Facts) -> u32 {
        if self.ignored > 0 {
            return NONE;
        }
        let (node, holder, stand_in) = match self.stack.last_mut() {
            Some(frame) => {
                frame.values = frame.values.saturating_add(1);
                (frame.next, frame.number, frame.stand_in)
            }
            None => {
                let holder = if self.number == 0 { HEAD } else { self.number };
                self.number = self.number.saturating_add(1);
                (self.root, holder, false)
            }
        };
        if stand_in {
            self.fields.add_stand_in(node, facts, holder, self.counters);
        } else {
            self.fields.add(node, facts, holder, self.counters);
        }
        node
    }

    /// The field that was read last came before in the same object.
    pub(super) fn repeated(&mut self) {
        if let Some(frame) = self.stack.last() {
            self.fields.mark(frame.next, Facts::REPEATED);
        }
    }
}
