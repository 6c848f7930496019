//! CBOR (RFC 8949) -> fields, definite and indefinite lengths. Tags are passed over, except that a text
//! with one is still a text; keys of maps that are no texts count as data.

use super::Facts;
use super::tree::{BYTES, Outcome, Tree, number, take};
use crate::limits::BINARY_LEVELS_MAX;

/// Reads the values of a body, one behind the other (RFC 8742).
pub(super) fn scan(bytes: &[u8], tree: &mut Tree<'_>) -> Outcome {
    let mut reader = Reader { rest: bytes, open: Vec::new() };
    while !reader.rest.is_empty() || !reader.open.is_empty() {
        if let Err(outcome) = reader.item(tree) {
            return outcome;
        }
    }
    Outcome::Whole
}

struct Reader<'a> {
    rest: &'a [u8],
    open: Vec<Open>,
}

/// A map or an array that is open.
#[derive(Clone, Copy)]
struct Open {
    /// What is still to come; `None` until a break.
    left: Option<u64>,
    map: bool,
    /// The next item of a map is a key.
    key: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], Outcome> {
        take(&mut self.rest, count)
    }

    /// Major type and argument (section 3); no argument stands for an indefinite length or a break.
    fn head(&mut self) -> Result<(u8, Option<u64>, u8), Outcome> {
        let first = self.take(1)?[0];
        let (major, short) = (first >> 5, first & 0x1f);
        let argument = match short {
            0..=23 => Some(u64::from(short)),
            24..=27 => Some(number(self.take(1 << (short - 24))?)),
            31 if matches!(major, 2..=5 | 7) => None,
            _ => return Err(Outcome::Malformed),
        };
        Ok((major, argument, short))
    }

    fn item(&mut self, tree: &mut Tree<'_>) -> Result<(), Outcome> {
        while let Some(top) = self.open.last() {
            if top.left != Some(0) {
                break;
            }
            self.open.pop();
            tree.close();
            if self.open.is_empty() {
                return Ok(());
            }
        }
        let mut head = self.head()?;
        while head.0 == 6 {
            head = self.head()?;
        }
        let (major, argument, short) = head;
        if (major, argument) == (7, None) {
            // A break: not in the middle of a pair, and only where the length was left open.
            return match self.open.pop() {
                Some(Open { left: None, map, key }) if !map || key => {
                    tree.close();
                    Ok(())
                }
                _ => Err(Outcome::Malformed),
            };
        }
        let is_key = match self.open.last_mut() {
            Some(top) => {
                top.left = top.left.map(|left| left - 1);
                let is_key = top.map && top.key;
                top.key = !top.key;
                is_key
            }
            None => false,
        };
        match (major, argument) {
            (0, Some(number)) => self.integer(i128::from(number), is_key, tree),
            (1, Some(number)) => self.integer(-1 - i128::from(number), is_key, tree),
            (2 | 3, Some(length)) => {
                let text = self.take(length)?;
                match (major, is_key) {
                    (_, true) => tree.key(text),
                    (3, false) => tree.string(text),
                    (_, false) => tree.bytes(text),
                }
            }
            (2 | 3, None) => {
                // Pieces of the same type until a break; the format of the whole is not looked at.
                loop {
                    match self.head()? {
                        (7, None, _) => break,
                        (piece, Some(length), _) if piece == major => drop(self.take(length)?),
                        _ => return Err(Outcome::Malformed),
                    }
                }
                if is_key { tree.key(b"0") } else { tree.value(BYTES) }
            }
            (4 | 5, count) => {
                let map = major == 5;
                if is_key || self.open.len() >= BINARY_LEVELS_MAX {
                    return Err(Outcome::Malformed);
                }
                if map {
                    tree.begin_object()
                } else {
                    tree.begin_array()
                }
                let left = match count {
                    Some(count) => Some(if map { count.checked_mul(2).ok_or(Outcome::Cut)? } else { count }),
                    None => None,
                };
                self.open.push(Open { left, map, key: true });
                if left == Some(0) && self.open.len() == 1 {
                    self.open.pop();
                    tree.close();
                }
            }
            _ => {
                let facts = match short {
                    20 | 21 => Facts::BOOLEAN,
                    25..=27 => Facts::NUMBER,
                    // null, undefined, and simple values that nobody registered.
                    _ => Facts::NULL,
                };
                if is_key { tree.key(b"0") } else { tree.value(facts) }
            }
        }
        Ok(())
    }

    fn integer(&self, number: i128, is_key: bool, tree: &mut Tree<'_>) {
        if is_key { tree.key(number.to_string().as_bytes()) } else { tree.integer(number) }
    }
}
