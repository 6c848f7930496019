//! Protobuf messages (<https://protobuf.dev/programming-guides/encoding/>) -> fields by name and type where
//! a descriptor set was given, else by number and wire type. What a length-delimited field is cannot be known for sure: a text if
//! it is printable UTF-8, else a message if it reads as one to its end, else bytes.

use super::Facts;
use super::descriptor::{FieldKind, FieldType, Typed};
use super::tree::{Outcome, Tree};
use crate::limits::PROTOBUF_LEVELS_MAX;

/// Reads one message; `typed` if it is known what it is.
pub(super) fn scan(bytes: &[u8], typed: Option<Typed<'_>>, tree: &mut Tree<'_>) -> Outcome {
    tree.begin_object();
    let outcome = message(bytes, typed, tree);
    tree.close();
    outcome
}

/// Field numbers that one message is told apart by, for what comes more than once.
const NUMBERS_MAX: usize = 64;

/// A message that is being read.
struct Level<'a> {
    rest: &'a [u8],
    typed: Option<Typed<'a>>,
    /// Objects and arrays that end with it.
    closes: u8,
    /// Numbers met in it.
    met: smallvec::SmallVec<[u32; 16]>,
}

/// One field as it stands on the wire.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Integer(u64),
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

fn message<'a>(bytes: &'a [u8], typed: Option<Typed<'a>>, tree: &mut Tree<'_>) -> Outcome {
    let mut levels = vec![Level { rest: bytes, typed, closes: 0, met: Default::default() }];
    while let Some(level) = levels.last_mut() {
        if level.rest.is_empty() {
            (0..level.closes).for_each(|_| tree.close());
            levels.pop();
            continue;
        }
        let (number, wire, rest) = match field(level.rest) {
            Ok(read) => read,
            Err(outcome) => {
                levels.iter().rev().for_each(|level| (0..level.closes).for_each(|_| tree.close()));
                return outcome;
            }
        };
        level.rest = rest;
        let again = level.met.contains(&number);
        if !again && level.met.len() < NUMBERS_MAX {
            level.met.push(number);
        }
        let typed = level.typed;
        let known = typed.and_then(|typed| typed.field(number));
        let below = match (typed, known) {
            (Some(typed), Some(of)) => {
                tree.known_key(of.name.as_bytes());
                of_type(typed, of, wire, levels.len(), tree)
            }
            _ => {
                let mut digits = [0; 10];
                tree.known_key(decimal(number, &mut digits));
                of_wire(wire, again, levels.len(), tree)
            }
        };
        levels.extend(below);
    }
    Outcome::Whole
}

/// A field of which only the wire type is known; the message in it, if it is one.
fn of_wire<'a>(wire: Wire<'a>, again: bool, levels: usize, tree: &mut Tree<'_>) -> Option<Level<'a>> {
    match wire {
        Wire::Integer(number) => tree.integer(i128::from(number as i64)),
        Wire::Fixed(_) => tree.value(Facts::NUMBER),
        // A message of defaults, or a text that was said to be empty.
        Wire::Bytes([]) => tree.value(Facts::OBJECT | Facts::EMPTY),
        Wire::Bytes(text) if is_text(text) => tree.string(text),
        Wire::Bytes(inner) if levels < PROTOBUF_LEVELS_MAX && is_message(inner) => {
            if again {
                tree.repeated();
            }
            tree.begin_object();
            return Some(Level { rest: inner, typed: None, closes: 1, met: Default::default() });
        }
        Wire::Bytes(bytes) => tree.bytes(bytes),
    }
    if again {
        tree.repeated();
    }
    None
}

/// A field of known type; the message in it, if it is one.
fn of_type<'a>(
    typed: Typed<'a>,
    of: &FieldType,
    wire: Wire<'a>,
    levels: usize,
    tree: &mut Tree<'_>,
) -> Option<Level<'a>> {
    let inner = |bytes, message, closes| {
        let typed = Some(typed.inner(message));
        Some(Level { rest: bytes, typed, closes, met: Default::default() })
    };
    let deep = levels >= PROTOBUF_LEVELS_MAX;
    match (of.kind, wire) {
        (FieldKind::Map(entry), Wire::Bytes(bytes)) => {
            // One entry: its key names a member.
            tree.begin_object();
            let entry = typed.inner(entry);
            let (mut key, mut value) = (None, None);
            let mut rest = bytes;
            while let Ok((number, wire, after)) = field(rest) {
                *(if number == 1 { &mut key } else { &mut value }) = Some(wire);
                rest = after;
            }
            match key {
                Some(Wire::Bytes(text)) => tree.key(text),
                Some(Wire::Integer(number)) => tree.key(number.to_string().as_bytes()),
                _ => tree.key(b"0"),
            }
            let value_type = entry.field(2)?;
            return match (value_type.kind, value) {
                (FieldKind::Message(message), Some(Wire::Bytes(bytes))) if !deep => {
                    tree.begin_object();
                    inner(bytes, message, 2)
                }
                (kind, value) => {
                    scalar(kind, value.unwrap_or(Wire::Integer(0)), tree);
                    tree.close();
                    None
                }
            };
        }
        (FieldKind::Message(message), Wire::Bytes(bytes)) if !deep => {
            if of.is_repeated {
                tree.begin_array();
            }
            tree.begin_object();
            return inner(bytes, message, 1 + u8::from(of.is_repeated));
        }
        (kind, wire) if of.is_repeated => {
            tree.begin_array();
            match (kind, wire) {
                // Packed: the first one tells what all are.
                (FieldKind::Text | FieldKind::Bytes | FieldKind::Unknown, wire) => scalar(kind, wire, tree),
                (_, Wire::Bytes([])) => {}
                (_, Wire::Bytes(packed)) => match varint(packed) {
                    Ok((number, _)) => scalar(kind, Wire::Integer(number), tree),
                    Err(_) => tree.bytes(packed),
                },
                (_, wire) => scalar(kind, wire, tree),
            }
            tree.close();
        }
        (kind, wire) => scalar(kind, wire, tree),
    }
    None
}

fn scalar(kind: FieldKind, wire: Wire<'_>, tree: &mut Tree<'_>) {
    match (kind, wire) {
        (FieldKind::Boolean, Wire::Integer(_)) => tree.value(Facts::BOOLEAN),
        (FieldKind::Signed, Wire::Integer(number)) => {
            tree.integer(i128::from((number >> 1) as i64 ^ -((number & 1) as i64)));
        }
        (FieldKind::Number, _) => tree.value(Facts::NUMBER),
        (_, Wire::Integer(number)) => tree.integer(i128::from(number as i64)),
        (FieldKind::Fixed, Wire::Fixed(bytes)) => {
            let number = bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
            tree.integer(i128::from(number));
        }
        (_, Wire::Fixed(_)) => tree.value(Facts::NUMBER),
        (FieldKind::Text, Wire::Bytes(text)) => tree.string(text),
        (_, Wire::Bytes(bytes)) => tree.bytes(bytes),
    }
}

/// A field's number, its value and what follows.
fn field(bytes: &[u8]) -> Result<(u32, Wire<'_>, &[u8]), Outcome> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).map_err(|_| Outcome::Malformed)?;
    if number == 0 || number > 0x1fff_ffff {
        return Err(Outcome::Malformed);
    }
    let fixed = |count| {
        let (bytes, rest) = rest.split_at_checked(count).ok_or(Outcome::Cut)?;
        Ok((number, Wire::Fixed(bytes), rest))
    };
    match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (number, Wire::Integer(value), rest)),
        1 => fixed(8),
        5 => fixed(4),
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| Outcome::Cut)?;
            let (bytes, rest) = rest.split_at_checked(length).ok_or(Outcome::Cut)?;
            Ok((number, Wire::Bytes(bytes), rest))
        }
        // Groups are gone since proto3.
        _ => Err(Outcome::Malformed),
    }
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Outcome> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Ok((value, &bytes[at + 1..]));
        }
    }
    Err(if bytes.len() < 10 { Outcome::Cut } else { Outcome::Malformed })
}

/// UTF-8 without control characters.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte >= 0x20 && byte != 0x7f) && std::str::from_utf8(bytes).is_ok()
}

/// All of it reads as fields; what is in them is not looked at.
fn is_message(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match field(bytes) {
            Ok((_, _, rest)) => bytes = rest,
            Err(_) => return false,
        }
    }
    true
}

fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        // Ten digits are enough for 32 bits.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}
