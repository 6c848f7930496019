//! How segments of templates read: words as they are, unknown ones as their hash, parameters named
//! after the literal before them: `/users/{userId}`, `/days/{dayDate}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::Value;
use crate::call::words::singular;
use crate::call::{Segment, SegmentKind};
use crate::inventory::catalog::Parameter;

/// A literal as text; `~` and eight hex digits where its text is not shown.
pub(super) fn literal(segment: &Segment, words: &BTreeMap<u64, Arc<str>>) -> Arc<str> {
    match segment {
        Segment::Word(word) | Segment::Name(word) => word.clone(),
        Segment::Hidden(hidden) => match words.get(hidden) {
            Some(word) => word.clone(),
            None => format!("~{:08x}", hidden >> 32).into(),
        },
        Segment::Parameter(_) | Segment::File(..) => Arc::from(""),
    }
}

/// `order-items` and `OrderItems` to `orderItem`.
pub(super) fn base(word: &str) -> String {
    let mut parts: Vec<String> = crate::call::looks::parts(word.as_bytes())
        .map(|part| String::from_utf8_lossy(part).to_ascii_lowercase())
        .collect();
    if let Some(last) = parts.last_mut() {
        *last = singular(last).into_owned();
    }
    let mut base = String::new();
    for part in parts {
        match part.chars().next() {
            Some(first) if !base.is_empty() => {
                base.push(first.to_ascii_uppercase());
                base.push_str(&part[first.len_utf8()..]);
            }
            _ => base.push_str(&part),
        }
    }
    base
}

/// The shape of all values, text if they differ or are words.
pub(super) fn kind(value: &Value) -> SegmentKind {
    let mut kinds = value.kinds.keys().copied();
    match (kinds.next(), kinds.next()) {
        (Some(SegmentKind::Names | SegmentKind::Words), _) => SegmentKind::Text,
        (Some(kind), None) if value.words == 0 => kind,
        _ => SegmentKind::Text,
    }
}

/// Name of a parameter behind a literal whose [`base`] is given, empty if there is none.
pub(super) fn parameter(base: &str, value: &Value) -> String {
    let worded = |kind: &SegmentKind| matches!(kind, SegmentKind::Names | SegmentKind::Words);
    let what = match kind(value) {
        SegmentKind::Date => "Date",
        SegmentKind::Email => "Email",
        SegmentKind::Text if value.kinds.keys().all(worded) => "Name",
        _ => "Id",
    };
    if base.is_empty() { what.to_ascii_lowercase() } else { format!("{base}{what}") }
}

/// The name, with a number if it is taken.
pub(super) fn unique(name: String, taken: &[Parameter]) -> String {
    let mut number = 1;
    let mut unique = name.clone();
    while taken.iter().any(|other| other.name == unique) {
        number += 1;
        unique = format!("{name}{number}");
    }
    unique
}
