//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>) -> fields. Keys of maps that
//! are no texts count as data; extension types are bytes.

use super::Facts;
use super::tree::{BYTES, Outcome, Tree, number, take};
use crate::limits::BINARY_LEVELS_MAX;

/// Reads the values of a body, one behind the other.
pub(super) fn scan(bytes: &[u8], tree: &mut Tree<'_>) -> Outcome {
    let mut reader = Reader { rest: bytes, open: Vec::new() };
    while !reader.rest.is_empty() || !reader.open.is_empty() {
        if let Err(outcome) = reader.value(tree) {
            return outcome;
        }
    }
    Outcome::Whole
}

struct Reader<'a> {
    rest: &'a [u8],
    /// What is still to come of each map or array that is open: values, and for maps keys too.
    open: Vec<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    left: u64,
    map: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], Outcome> {
        take(&mut self.rest, count)
    }

    /// A big-endian number of so many bytes, at most 8.
    fn number(&mut self, count: u64) -> Result<u64, Outcome> {
        Ok(number(self.take(count)?))
    }

    fn value(&mut self, tree: &mut Tree<'_>) -> Result<(), Outcome> {
        // Maps and arrays that are full end first.
        while let Some(top) = self.open.last_mut() {
            if top.left > 0 {
                break;
            }
            self.open.pop();
            tree.close();
            if self.open.is_empty() {
                return Ok(());
            }
        }
        let is_key = match self.open.last_mut() {
            Some(top) => {
                let is_key = top.map && top.left % 2 == 0;
                top.left -= 1;
                is_key
            }
            None => false,
        };
        let marker = self.take(1)?[0];
        let text = match marker {
            0xa0..=0xbf => Some(u64::from(marker & 0x1f)),
            0xd9 => Some(self.number(1)?),
            0xda => Some(self.number(2)?),
            0xdb => Some(self.number(4)?),
            _ => None,
        };
        if let Some(length) = text {
            let text = self.take(length)?;
            if is_key {
                tree.key(text)
            } else {
                tree.string(text)
            }
            return Ok(());
        }
        let integer = match marker {
            0x00..=0x7f => Some(i128::from(marker)),
            0xe0..=0xff => Some(i128::from(marker as i8)),
            0xcc => Some(i128::from(self.number(1)?)),
            0xcd => Some(i128::from(self.number(2)?)),
            0xce => Some(i128::from(self.number(4)?)),
            0xcf => Some(i128::from(self.number(8)?)),
            0xd0 => Some(i128::from(self.number(1)? as i8)),
            0xd1 => Some(i128::from(self.number(2)? as i16)),
            0xd2 => Some(i128::from(self.number(4)? as i32)),
            0xd3 => Some(i128::from(self.number(8)? as i64)),
            _ => None,
        };
        if let Some(integer) = integer {
            if is_key {
                tree.key(integer.to_string().as_bytes())
            } else {
                tree.integer(integer)
            }
            return Ok(());
        }
        let container = match marker {
            0x80..=0x8f => Some((true, u64::from(marker & 0x0f))),
            0xde => Some((true, self.number(2)?)),
            0xdf => Some((true, self.number(4)?)),
            0x90..=0x9f => Some((false, u64::from(marker & 0x0f))),
            0xdc => Some((false, self.number(2)?)),
            0xdd => Some((false, self.number(4)?)),
            _ => None,
        };
        if let Some((map, count)) = container {
            if is_key || self.open.len() >= BINARY_LEVELS_MAX {
                return Err(Outcome::Malformed);
            }
            if map {
                tree.begin_object()
            } else {
                tree.begin_array()
            }
            let left = if map { count * 2 } else { count };
            self.open.push(Open { left, map });
            if left == 0 && self.open.len() == 1 {
                self.open.pop();
                tree.close();
            }
            return Ok(());
        }
        let facts = match marker {
            0xc0 => Facts::NULL,
            0xc2 | 0xc3 => Facts::BOOLEAN,
            0xca => self.take(4).map(|_| Facts::NUMBER)?,
            0xcb => self.take(8).map(|_| Facts::NUMBER)?,
            // Bytes and extensions, by the length of their length and of their type.
            0xc4..=0xc6 => {
                let length = self.number(1 << (marker - 0xc4))?;
                self.take(length).map(|_| BYTES)?
            }
            0xc7..=0xc9 => {
                let length = self.number(1 << (marker - 0xc7))?;
                self.take(length + 1).map(|_| BYTES)?
            }
            0xd4..=0xd8 => self.take((1 << (marker - 0xd4)) + 1).map(|_| BYTES)?,
            _ => return Err(Outcome::Malformed),
        };
        if is_key {
            tree.key(b"0")
        } else {
            tree.value(facts)
        }
        Ok(())
    }
}
