//! Names of query parameters, urlencoded form fields, multipart parts and cookies, with the facts
//! of their values. Values and file names are looked at and dropped.

use std::borrow::Cow;

use memchr::memmem;

use super::fields::Fields;
use super::text::facts_of_text;
use super::words::Dictionary;
use super::{Facts, FieldNames, Place};
use crate::counter::Counters;

/// Decodes `%xx` and, where `plus_is_space`, `+`. A `%` without two hex digits stays as it is.
pub(crate) fn decode(text: &[u8], plus_is_space: bool) -> Cow<'_, [u8]> {
    let coded = |byte: &u8| *byte == b'%' || (plus_is_space && *byte == b'+');
    let Some(first) = text.iter().position(coded) else { return Cow::Borrowed(text) };
    let mut plain = text[..first].to_vec();
    let mut rest = &text[first..];
    while let [byte, after @ ..] = rest {
        rest = after;
        plain.push(match byte {
            b'+' if plus_is_space => b' ',
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    rest = after;
                    hex_value(*high) << 4 | hex_value(*low)
                }
                _ => b'%',
            },
            other => *other,
        });
    }
    Cow::Owned(plain)
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Names of `a=1&b=2`. A piece without `=` is a value as likely as a name: its text is kept only if
/// it is made of dictionary words. Returns the union of all facts.
pub(super) fn pairs(
    text: &[u8],
    place: Place,
    words: &Dictionary,
    fields: &mut Fields,
    counters: &mut Counters,
    mut each: impl FnMut(&[u8], &[u8], Facts, &mut Counters),
) {
    for pair in text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        match memchr::memchr(b'=', pair) {
            Some(equals) => {
                let name = decode(&pair[..equals], true);
                let value = decode(&pair[equals + 1..], true);
                let facts = facts_of_text(&value);
                each(&name, &value, facts, counters);
                fields.add_value(place, (&name, &value), facts, text, counters);
            }
            None => {
                let name = decode(pair, true);
                let facts = Facts::STRING | Facts::EMPTY;
                if words.is_route(&name) {
                    fields.add_named(place, (&name, b""), facts, text, counters);
                } else {
                    let field = fields.names.data(FieldNames::root(place), counters);
                    fields.add_outside(field, facts | Facts::DATA, counters);
                }
            }
        }
    }
}

/// Parts of a `multipart/form-data` body (RFC 7578) that begin in the bytes given.
pub(super) fn multipart(body: &[u8], boundary: &[u8], fields: &mut Fields, counters: &mut Counters) {
    let mut line = b"--".to_vec();
    line.extend_from_slice(boundary);
    let finder = memmem::Finder::new(&line);
    let mut starts = finder.find_iter(body).map(|at| at + line.len()).peekable();
    while let Some(start) = starts.next() {
        let end = starts.peek().map_or(body.len(), |next| next - line.len());
        let part = &body[start..end];
        let Some(blank) = memmem::find(part, b"\r\n\r\n") else { continue };
        let (head, value) = (&part[..blank], &part[blank + 4..]);
        let Some(disposition) = disposition(head) else { continue };
        let Some(name) = parameter(disposition, b"name") else { continue };
        let value = value.strip_suffix(b"\r\n").unwrap_or(value);
        let (value, facts) = match parameter(disposition, b"filename") {
            Some(_) => (&b""[..], Facts::STRING),
            None => (value, facts_of_text(value)),
        };
        fields.add_named(Place::Form, (name, value), facts, body, counters);
    }
}

fn disposition(head: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"content-disposition:";
    head.split(|&byte| byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
        .map(|line| line[NAME.len()..].trim_ascii())
}

/// Value of a parameter behind the first `;` of a header value, without its quotes.
pub(super) fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = &value[memchr::memchr(b';', value)?..];
    while let [b';', after @ ..] = rest.trim_ascii_start() {
        let after = after.trim_ascii_start();
        let name_end = memchr::memchr2(b'=', b';', after).unwrap_or(after.len());
        let this = after[..name_end].trim_ascii_end();
        let text = after[name_end..].strip_prefix(b"=").unwrap_or_default();
        let (found, end) = match text.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = memchr::memchr(b'"', quoted)?;
                (&quoted[..end], end + 2)
            }
            None => {
                let end = memchr::memchr(b';', text).unwrap_or(text.len());
                (text[..end].trim_ascii_end(), end)
            }
        };
        if this.eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = &text[end..];
        if after.get(name_end) == Some(&b';') {
            rest = &after[name_end..];
        }
    }
    None
}

/// Pairs of a `Cookie` header (RFC 6265 section 4.2).
pub(super) fn cookies(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    value.split(|&byte| byte == b';').filter_map(cookie)
}

/// Name and value at the start of a `Set-Cookie` header or of a piece of a `Cookie` header.
pub(super) fn cookie(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = piece.split(|&byte| byte == b';').next()?;
    let equals = memchr::memchr(b'=', pair)?;
    let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    (!name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_coding_is_undone_once() {
        assert_eq!(&*decode(b"a%20b+c%2520%zz%4", true), b"a b c%20%zz%4");
        assert_eq!(&*decode(b"a+b", false), b"a+b");
    }

    #[test]
    fn parameters_of_header_values() {
        let value = b"form-data; name=\"a;b\"; filename=x.txt ;flag; size = 3";
        assert_eq!(parameter(value, b"name"), Some(&b"a;b"[..]));
        assert_eq!(parameter(value, b"filename"), Some(&b"x.txt"[..]));
        assert_eq!(parameter(value, b"boundary"), None);
        assert_eq!(parameter(b"form-data", b"name"), None);
    }
}
