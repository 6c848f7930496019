//! What people said of protobuf messages, as far as reading them needs it: which message a method takes and
//! gives, and of each field its name and kind.

use std::collections::HashMap;
use std::sync::Arc;

/// Messages of descriptor sets.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    /// By path (`/shop.Orders/Get`): the messages of request and response.
    pub methods: HashMap<String, [usize; 2]>,
    /// Fields of each message by number.
    pub messages: Vec<HashMap<u32, FieldType>>,
}

/// A field of a message.
#[derive(Clone, Debug)]
pub struct FieldType {
    /// As in JSON.
    pub name: Arc<str>,
    /// What it holds.
    pub kind: FieldKind,
    /// Any number of it.
    pub is_repeated: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `bool`.
    Boolean,
    /// An integer of any width, or an enum.
    Integer,
    /// An integer of zigzag coding.
    Signed,
    /// An integer of a fixed width.
    Fixed,
    /// `float` or `double`.
    Number,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// A message, by its place.
    Message(usize),
    /// A map, by the place of its entries.
    Map(usize),
    /// A message that is not in the set, or a group.
    Unknown,
}

impl Descriptors {
    /// Adds another set; what both have is that of the first.
    pub fn add(&mut self, more: Descriptors) {
        let offset = self.messages.len();
        let moved = |kind: FieldKind| match kind {
            FieldKind::Message(at) => FieldKind::Message(at + offset),
            FieldKind::Map(at) => FieldKind::Map(at + offset),
            kind => kind,
        };
        for mut message in more.messages {
            message.values_mut().for_each(|field| field.kind = moved(field.kind));
            self.messages.push(message);
        }
        for (path, messages) in more.methods {
            self.methods.entry(path).or_insert(messages.map(|at| at + offset));
        }
    }

    /// The message that a method takes, or gives.
    pub(super) fn of_method(&self, path: &str, response: bool) -> Option<Typed<'_>> {
        let message = self.methods.get(path)?[usize::from(response)];
        Some(Typed { descriptors: self, message })
    }
}

/// A message whose fields are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed<'a> {
    descriptors: &'a Descriptors,
    message: usize,
}

impl<'a> Typed<'a> {
    pub(super) fn field(self, number: u32) -> Option<&'a FieldType> {
        self.descriptors.messages.get(self.message)?.get(&number)
    }

    pub(super) fn inner(self, message: usize) -> Typed<'a> {
        Typed { message, ..self }
    }
}
