//! Protobuf messages without their schema (<https://protobuf.dev/programming-guides/encoding/>) ->
//! fields by number and wire type. What a length-delimited field is cannot be known for sure: a text if
//! it is printable UTF-8, else a message if it reads as one to its end, else bytes.

use super::Facts;
use super::tree::{Outcome, Tree};
use crate::limits::PROTOBUF_LEVELS_MAX;

/// Reads one message.
pub(super) fn scan(bytes: &[u8], tree: &mut Tree<'_>) -> Outcome {
    tree.begin_object();
    let outcome = message(bytes, tree);
    tree.close();
    outcome
}

/// Field numbers that one message is told apart by, for what comes more than once.
const NUMBERS_MAX: usize = 64;

/// A message that is being read.
struct Level<'a> {
    rest: &'a [u8],
    /// Numbers met in it.
    met: smallvec::SmallVec<[u32; 16]>,
}

/// One field as it stands on the wire.
enum Wire<'a> {
    Integer(u64),
    Fixed,
    Bytes(&'a [u8]),
}

fn message(bytes: &[u8], tree: &mut Tree<'_>) -> Outcome {
    let mut levels = vec![Level { rest: bytes, met: Default::default() }];
    while let Some(level) = levels.last_mut() {
        if level.rest.is_empty() {
            levels.pop();
            if !levels.is_empty() {
                tree.close();
            }
            continue;
        }
        let (number, wire, rest) = match field(level.rest) {
            Ok(read) => read,
            Err(outcome) => {
                // Inner ones were read to their end before.
                while levels.pop().is_some() && !levels.is_empty() {
                    tree.close();
                }
                return outcome;
            }
        };
        level.rest = rest;
        let again = level.met.contains(&number);
        if !again && level.met.len() < NUMBERS_MAX {
            level.met.push(number);
        }
        let mut digits = [0; 10];
        tree.known_key(decimal(number, &mut digits));
        match wire {
            Wire::Integer(number) => tree.integer(i128::from(number as i64)),
            Wire::Fixed => tree.value(Facts::NUMBER),
            // A message of defaults, or a text that was said to be empty.
            Wire::Bytes([]) => tree.value(Facts::OBJECT | Facts::EMPTY),
            Wire::Bytes(text) if is_text(text) => tree.string(text),
            Wire::Bytes(inner) if levels.len() < PROTOBUF_LEVELS_MAX && is_message(inner) => {
                if again {
                    tree.repeated();
                }
                tree.begin_object();
                levels.push(Level { rest: inner, met: Default::default() });
                continue;
            }
            Wire::Bytes(bytes) => tree.bytes(bytes),
        }
        if again {
            tree.repeated();
        }
    }
    Outcome::Whole
}

/// A field's number, its value and what follows.
fn field(bytes: &[u8]) -> Result<(u32, Wire<'_>, &[u8]), Outcome> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).map_err(|_| Outcome::Malformed)?;
    if number == 0 || number > 0x1fff_ffff {
        return Err(Outcome::Malformed);
    }
    let fixed = |count| rest.split_at_checked(count).map(|(_, rest)| rest).ok_or(Outcome::Cut);
    match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (number, Wire::Integer(value), rest)),
        1 => Ok((number, Wire::Fixed, fixed(8)?)),
        5 => Ok((number, Wire::Fixed, fixed(4)?)),
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
