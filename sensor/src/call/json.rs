//! JSON bytes in, fields with their types out, in one pass and without building values (RFC 8259;
//! several values in a row are taken, so NDJSON is too). A cut body gives the fields up to the cut.
//! Keys are guessed from the order in which they came last time, so that most are one comparison.

use super::classify::DIGITS_MIN;
use super::fields::{Fields, HEAD, NONE};
use super::text::facts_of_text;
use super::tree::Outcome;
use super::{Facts, FieldNames, Place};
use crate::counter::{Counter, Counters};
use crate::limits::{JSON_DEPTH_MAX, RECORDS_MANY};

/// Before each value of a sequence (RFC 7464).
const SEPARATOR: u8 = 0x1e;

/// Longest string with escapes that is decoded to look at its format, in bytes.
const UNESCAPED_BYTES_MAX: usize = 256;

#[derive(Clone, Copy)]
struct Frame {
    node: u32,
    /// Last key met in an object; the items' node in an array.
    last: u32,
    /// Where this object or array begins: its number.
    number: u32,
    /// Commas met.
    commas: u32,
    object: bool,
}

/// Adds the fields of the part of a body from `start` on to `fields`; `whole` if nothing of the body is
/// missing. Parts of one body are given with all that is before them, so that no two objects of it begin
/// at one place.
pub(super) fn scan(
    bytes: &[u8],
    start: usize,
    whole: bool,
    place: Place,
    fields: &mut Fields,
    counters: &mut Counters,
) -> Outcome {
    // A byte order mark may be ignored (RFC 8259 section 8.1).
    let mark = bytes.get(start..).is_some_and(|bytes| bytes.starts_with(b"\xef\xbb\xbf"));
    let at = if mark { start + 3 } else { start };
    let holder = if start == 0 { HEAD } else { at as u32 };
    let mut scanner = Scanner { bytes, at, fields, counters, stand_in: false, too_deep: false };
    let root = FieldNames::root(place);
    let outcome = scanner.values(root, holder).err().unwrap_or(Outcome::Whole);
    if scanner.too_deep {
        counters.add(Counter::JsonTooDeep);
    }
    if !whole || outcome != Outcome::Whole {
        fields.mark(root, Facts::PARTIAL);
    }
    outcome
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: &'a mut Fields,
    counters: &'a mut Counters,
    /// The field of the key read last stands for other names too.
    stand_in: bool,
    too_deep: bool,
}

impl Scanner<'_> {
    fn values(&mut self, root: u32, mut holder: u32) -> Result<(), Outcome> {
        // What is around the frame on the top, which is around the next value.
        let mut frame = Frame { node: NONE, last: NONE, number: HEAD, commas: 0, object: false };
        let mut stack = [frame; JSON_DEPTH_MAX];
        let mut depth = 0;
        let mut node = root;
        loop {
            // A value of `node` begins.
            let mut closed = true;
            let facts = match self.space()? {
                b'"' => self.string(node)?,
                b'-' | b'0'..=b'9' => self.number(node)?,
                first @ (b'{' | b'[') => {
                    self.at += 1;
                    match (self.space(), first) {
                        (Ok(b'}'), b'{') => {
                            self.at += 1;
                            Facts::OBJECT | Facts::EMPTY
                        }
                        (Ok(b']'), b'[') => {
                            self.at += 1;
                            Facts::ARRAY | Facts::EMPTY
                        }
                        _ => {
                            closed = false;
                            if first == b'{' { Facts::OBJECT } else { Facts::ARRAY }
                        }
                    }
                }
                b't' => self.literal(b"true", Facts::BOOLEAN)?,
                b'f' => self.literal(b"false", Facts::BOOLEAN)?,
                b'n' => self.literal(b"null", Facts::NULL)?,
                _ => return Err(Outcome::Malformed),
            };
            if self.stand_in {
                self.stand_in = false;
                self.fields.add_stand_in(node, facts, holder, self.counters);
            } else {
                self.fields.add(node, facts, holder, self.counters);
            }
            let object = facts.contains(Facts::OBJECT);
            if object {
                self.fields.add_object(node);
            }
            if !closed && depth == JSON_DEPTH_MAX {
                self.too_deep = true;
                self.skip_nested()?;
                closed = true;
            } else if !closed {
                let last = if object { NONE } else { self.fields.names.items(node, self.counters) };
                stack[depth] = frame;
                depth += 1;
                // No two begin at one place.
                frame = Frame { node, last, number: self.at as u32, commas: 0, object };
            }
            // Behind a value, or behind the bracket that opened one.
            loop {
                if depth == 0 {
                    // Whatever follows the value on the top is one more value.
                    if self.space().is_err() {
                        return Ok(());
                    }
                    node = root;
                    holder = self.at as u32;
                    break;
                }
                if closed {
                    match (self.space()?, frame.object) {
                        (b',', _) => {
                            self.at += 1;
                            frame.commas += 1;
                        }
                        (b'}', true) | (b']', false) => {
                            if frame.commas as usize >= RECORDS_MANY - 1 && !frame.object {
                                self.fields.tally.array(self.fields.objects(frame.last));
                            }
                            self.at += 1;
                            depth -= 1;
                            frame = stack[depth];
                            continue;
                        }
                        _ => return Err(Outcome::Malformed),
                    }
                }
                holder = frame.number;
                if frame.object {
                    frame.last = self.key(frame.node, frame.last)?;
                }
                node = frame.last;
                break;
            }
        }
    }

    /// Skips white space and shows the next byte.
    #[inline(always)]
    fn space(&mut self) -> Result<u8, Outcome> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => self.spaces(),
        }
    }

    #[inline(never)]
    fn spaces(&mut self) -> Result<u8, Outcome> {
        loop {
            match self.bytes.get(self.at) {
                Some(&(b' ' | b'\n' | b'\r' | b'\t' | SEPARATOR)) => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Outcome::Cut),
            }
        }
    }

    /// Reads a key and the colon behind it.
    #[inline]
    fn key(&mut self, parent: u32, last: u32) -> Result<u32, Outcome> {
        if self.space()? != b'"' {
            return Err(Outcome::Malformed);
        }
        let start = self.at + 1;
        let guess = self.fields.names.guess(parent, last);
        let field = match self.fields.names.guess_holds(guess, &self.bytes[start..]) {
            Some(length) => {
                self.at = start + length + 1;
                guess
            }
            None => self.key_unguessed(parent, last)?,
        };
        if self.space()? != b':' {
            return Err(Outcome::Malformed);
        }
        self.at += 1;
        Ok(field)
    }

    #[inline(never)]
    fn key_unguessed(&mut self, parent: u32, last: u32) -> Result<u32, Outcome> {
        let start = self.at + 1;
        let guess = self.fields.names.second_guess(parent, last);
        if let Some(length) = self.fields.names.guess_holds(guess, &self.bytes[start..]) {
            self.at = start + length + 1;
            return Ok(guess);
        }
        let (end, escaped) = string_end(self.bytes, start)?;
        self.at = end + 1;
        let key = &self.bytes[start..end];
        let names = &mut self.fields.names;
        let field = if escaped {
            names.child(parent, &unescape(key), self.bytes, self.counters)
        } else {
            names.child(parent, key, self.bytes, self.counters)
        };
        names.learn(parent, last, field);
        self.stand_in = names.is_stand_in(field);
        if field == NONE {
            self.fields.mark(parent, Facts::FULL);
        }
        Ok(field)
    }

    #[inline]
    fn string(&mut self, node: u32) -> Result<Facts, Outcome> {
        let start = self.at + 1;
        match plain_string(&self.bytes[start..]) {
            Some(text) => {
                self.at = start + text.len() + 1;
                Ok(self.plain(node, text))
            }
            None => self.string_closer(node),
        }
    }

    #[inline(always)]
    fn plain(&mut self, node: u32, text: &[u8]) -> Facts {
        let facts = facts_of_text(text);
        self.fields.classify(node, facts, text, self.counters);
        self.fields.text(node, facts, text, self.counters)
    }

    #[inline(never)]
    fn string_closer(&mut self, node: u32) -> Result<Facts, Outcome> {
        let start = self.at + 1;
        let (end, escaped) = string_end(self.bytes, start)?;
        self.at = end + 1;
        let text = &self.bytes[start..end];
        Ok(match escaped {
            false => self.plain(node, text),
            true if text.len() <= UNESCAPED_BYTES_MAX => {
                let plain = unescape(text);
                let facts = facts_of_text(&plain);
                self.fields.classify(node, facts, &plain, self.counters);
                facts | Facts::OPEN
            }
            true => {
                // Keys in PEM are long and have line ends, but none where they begin.
                let facts = Facts::STRING | Facts::TEXT;
                self.fields.classify(node, facts, text, self.counters);
                facts | Facts::OPEN
            }
        })
    }

    /// RFC 8259 section 6. The integer that a cut left of a number counts as one.
    #[inline]
    fn number(&mut self, node: u32) -> Result<Facts, Outcome> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return Err(Outcome::Malformed);
        }
        let mut facts = Facts::INTEGER;
        if self.bytes.get(self.at) == Some(&b'.') {
            facts = Facts::NUMBER;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            facts = Facts::NUMBER;
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        if facts == Facts::INTEGER && digits >= DIGITS_MIN {
            self.fields.classify_integer(node, &self.bytes[start..self.at], self.counters);
        }
        Ok(facts)
    }

    #[inline]
    fn digits(&mut self) -> Result<usize, Outcome> {
        let start = self.at;
        // In bounds: what came before was there.
        let count = self.bytes[start..].iter().position(|byte| !byte.is_ascii_digit());
        self.at = start + count.unwrap_or(self.bytes.len() - start);
        match self.at - start {
            0 if self.at == self.bytes.len() => Err(Outcome::Cut),
            0 => Err(Outcome::Malformed),
            count => Ok(count),
        }
    }

    #[inline]
    fn literal(&mut self, word: &[u8], facts: Facts) -> Result<Facts, Outcome> {
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(word) {
            return Err(if word.starts_with(rest) { Outcome::Cut } else { Outcome::Malformed });
        }
        self.at += word.len();
        Ok(facts)
    }

    /// Skips the rest of a value whose bracket was just read; only brackets and strings are told
    /// apart in it.
    fn skip_nested(&mut self) -> Result<(), Outcome> {
        let mut open = 1_usize;
        while open > 0 {
            match self.bytes.get(self.at) {
                None => return Err(Outcome::Cut),
                Some(b'{' | b'[') => open += 1,
                Some(b'}' | b']') => open -= 1,
                Some(b'"') => self.at = string_end(self.bytes, self.at + 1)?.0,
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = ONES << 7;

/// Marks (in the top bit of each byte) a quote, a backslash or a control byte; marks above the
/// lowest may be wrong.
#[inline]
fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let zero = |w: u64| w.wrapping_sub(ONES) & !w;
    (zero(quote) | zero(slash) | (word.wrapping_sub(ONES * 0x20) & !word)) & TOPS
}

/// The string that `rest` begins with, if it ends before long and has nothing in it that must be looked at.
#[inline(always)]
fn plain_string(rest: &[u8]) -> Option<&[u8]> {
    let words = rest.chunks_exact(8).take(8).enumerate();
    for (at, chunk) in words {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let found = marks(u64::from_le_bytes(word));
        if found != 0 {
            let end = at * 8 + found.trailing_zeros() as usize / 8;
            return (rest[end] == b'"').then(|| &rest[..end]);
        }
    }
    None
}

/// Where the string that begins at `start` ends (at its quote), and whether escapes are in it.
#[inline]
fn string_end(bytes: &[u8], start: usize) -> Result<(usize, bool), Outcome> {
    let mut at = start;
    let mut escaped = false;
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let found = marks(u64::from_le_bytes(*chunk));
            if found != 0 {
                at += found.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
            if at - start == 64 {
                at = long_string(bytes, at)?;
            }
        }
        match bytes.get(at) {
            None => return Err(Outcome::Cut),
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += match bytes.get(at + 1) {
                    None => return Err(Outcome::Cut),
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') => {
                        let digits = &bytes[at + 2..bytes.len().min(at + 6)];
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return Err(Outcome::Malformed);
                        }
                        2 + digits.len()
                    }
                    Some(_) => return Err(Outcome::Malformed),
                };
            }
            Some(0..0x20) => return Err(Outcome::Malformed),
            Some(_) => at += 1,
        }
    }
}

/// Goes on in a string that is already long with the search that is best for long ones.
#[cold]
fn long_string(bytes: &[u8], at: usize) -> Result<usize, Outcome> {
    let rest = &bytes[at..];
    let length = memchr::memchr2(b'"', b'\\', rest).ok_or(Outcome::Cut)?;
    if rest[..length].iter().any(|&byte| byte < 0x20) {
        return Err(Outcome::Malformed);
    }
    Ok(at + length)
}

/// The text of a string whose escapes are known to be valid; a lone surrogate becomes U+FFFD.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..slash]);
        rest = &rest[slash + 1..];
        let [code, after @ ..] = rest else { break };
        rest = after;
        plain.push(match code {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let digits = rest.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
                let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0xfffd);
                rest = rest.get(4..).unwrap_or_default();
                let character = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => *other,
        });
    }
    plain.extend_from_slice(rest);
    plain
}
