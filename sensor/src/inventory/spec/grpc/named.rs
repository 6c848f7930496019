//! A descriptor set as what the reader of messages needs: names and kinds of fields.

use std::collections::HashMap;

use super::{Set, is_message};
use crate::call::{Descriptors, FieldKind, FieldType};

impl Set<'_> {
    /// Its methods and messages.
    pub(super) fn descriptors(&self) -> Descriptors {
        let places: HashMap<&str, usize> =
            self.messages.iter().map(|message| message.name.as_str()).zip(0..).collect();
        let kind = |field: &super::Field<'_>| match field.kind {
            1 | 2 => FieldKind::Number,
            3..=5 | 13 | 14 => FieldKind::Integer,
            6 | 7 | 15 | 16 => FieldKind::Fixed,
            8 => FieldKind::Boolean,
            9 => FieldKind::Text,
            12 => FieldKind::Bytes,
            17 | 18 => FieldKind::Signed,
            of if is_message(of) => match places.get(field.of) {
                Some(&at) if self.messages[at].is_entry => FieldKind::Map(at),
                Some(&at) if of == 11 => FieldKind::Message(at),
                _ => FieldKind::Unknown,
            },
            _ => FieldKind::Unknown,
        };
        let message = |message: &super::Message<'_>| {
            let fields = message.fields.iter().filter_map(|field| {
                let name = if field.json.is_empty() { field.name } else { field.json };
                let number = u32::try_from(field.number).ok()?;
                let is_repeated = field.is_repeated;
                Some((number, FieldType { name: name.into(), kind: kind(field), is_repeated }))
            });
            fields.collect()
        };
        let methods = self.methods.iter().filter_map(|method| {
            let messages = [*places.get(method.takes)?, *places.get(method.gives)?];
            Some((format!("/{}/{}", method.service, method.name), messages))
        });
        Descriptors { methods: methods.collect(), messages: self.messages.iter().map(message).collect() }
    }
}
