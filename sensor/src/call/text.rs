//! The format of a text: bytes of a value in, [`Facts`] out. One pass over the first bytes tells
//! which kinds of characters there are; only the formats that these allow are then checked in full.

use super::Facts;

/// Bytes looked at to choose a format.
const HEAD_BYTES: usize = 48;

/// Longest text whose format is checked; longer ones are plain text.
const FORMAT_BYTES_MAX: usize = 8192;

const DIGIT: u8 = 1;
const HEX_LETTER: u8 = 2;
const LETTER: u8 = 4;
const DASH: u8 = 8;
const DOT: u8 = 16;
const COLON: u8 = 32;
const AT: u8 = 64;
/// Everything else; the rare formats that allow some of it look for themselves.
const REST: u8 = 128;

/// Bytes between two looks at whether a format is still possible.
const STRIDE: usize = 8;

/// Kind of each byte.
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut table = [REST; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEX_LETTER,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            b'-' => DASH,
            b'.' => DOT,
            b':' => COLON,
            b'@' => AT,
            _ => REST,
        };
        byte += 1;
    }
    table
}

const IN_URI: u8 = 1;
const IN_LOCAL_PART: u8 = 2;
const IN_DOMAIN: u8 = 4;
/// In a URI behind its scheme, with nothing more to look at.
const PLAIN_IN_URI: u8 = 8;

/// Where each byte may stand: in a URI behind its scheme (RFC 3986, and what is sent uncoded in
/// practice), in the local part and in the domain of a mail address (RFC 6532 takes all of UTF-8).
static PLACES: [u8; 256] = places();

const fn places() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        let named = character.is_ascii_alphanumeric() || byte >= 0x80;
        table[byte] = match character {
            0..=b' ' | 0x7f | b'"' | b'<' | b'>' | b'\\' => 0,
            b'^' | b'`' | b'{' | b'|' | b'}' => IN_LOCAL_PART,
            b'-' => PLAIN_IN_URI | IN_URI | IN_LOCAL_PART | IN_DOMAIN,
            b'#' | b'%' => IN_URI | IN_LOCAL_PART,
            b'!' | b'$' | b'&' | b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'_' | b'~' | b'.' => {
                PLAIN_IN_URI | IN_URI | IN_LOCAL_PART
            }
            _ if byte >= 0x80 => IN_URI | IN_LOCAL_PART | IN_DOMAIN,
            _ if named => PLAIN_IN_URI | IN_URI | IN_LOCAL_PART | IN_DOMAIN,
            b'(' | b')' | b',' | b';' => PLAIN_IN_URI | IN_URI,
            _ => IN_URI,
        };
        byte += 1;
    }
    table
}

fn all_may(text: &[u8], place: u8) -> bool {
    text.iter().fold(place, |may, &byte| may & PLACES[usize::from(byte)]) != 0
}

/// Facts of one text value.
pub(super) fn facts_of_text(text: &[u8]) -> Facts {
    let (first, head) = match text {
        [] => return Facts::STRING | Facts::EMPTY,
        _ if text.len() > FORMAT_BYTES_MAX => return Facts::STRING | Facts::TEXT,
        [first, ..] => (*first, &text[..text.len().min(HEAD_BYTES)]),
    };
    // The most frequent formats, told by their length first.
    match text.len() {
        36 if is_uuid(text) => return Facts::STRING | Facts::UUID,
        10 if is_date(text) => return Facts::STRING | Facts::DATE,
        20.. if text[10] == b'T' && is_full_date_time(text) && is_date_time(text) => {
            return Facts::STRING | Facts::DATE_TIME;
        }
        _ => {}
    }
    // A date with a time may have a space in it, nothing else may.
    let spaced = first.is_ascii_digit();
    let mut kinds = 0;
    let mut strides = head.chunks_exact(STRIDE);
    for stride in &mut strides {
        let mut space = false;
        for &byte in stride {
            kinds |= KINDS[usize::from(byte)];
            space |= byte == b' ';
        }
        if space && !spaced {
            return Facts::STRING | Facts::TEXT;
        }
    }
    for &byte in strides.remainder() {
        kinds |= KINDS[usize::from(byte)];
    }
    const CHECKED: u32 = Facts::DIGITS.0 | Facts::DECIMAL.0 | Facts::DATE_TIME.0 | Facts::EMAIL.0;
    match format_of(text, kinds) {
        None => Facts::STRING | Facts::TEXT,
        Some(format) if format.0 & CHECKED != 0 && !is_regular(text, format) => {
            Facts::STRING | format | Facts::IRREGULAR
        }
        Some(format) => Facts::STRING | format,
    }
}

/// The text is of the format to the letter, for programs that check: the looks above are for finding.
fn is_regular(text: &[u8], format: Facts) -> bool {
    match format {
        Facts::DIGITS => text[0] != b'0' || text.len() == 1,
        Facts::DECIMAL => {
            let unsigned = text.strip_prefix(b"-").unwrap_or(text);
            !matches!(unsigned, [b'+', ..] | [b'0', b'0'..=b'9', ..])
        }
        Facts::DATE_TIME => is_full_date_time(text),
        Facts::EMAIL => is_plain_email(text),
        _ => true,
    }
}

/// RFC 3339 section 5.6, of what is a date-time already: `T`, seconds and a zone; no leap second.
fn is_full_date_time(text: &[u8]) -> bool {
    let zoned = matches!(text, [.., b'Z'] | [.., b'+' | b'-', _, _, b':', _, _]);
    zoned && text[10] == b'T' && text[16] == b':' && text[17] != b'6'
}

/// RFC 5321 section 4.1.2, of what is a mail address already: ASCII, a dot-string and host names.
fn is_plain_email(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', text) else { return false };
    let label = |label: &[u8]| label[0] != b'-' && label[label.len() - 1] != b'-';
    text.is_ascii()
        && !text[..at].windows(2).any(|pair| pair == b"..")
        && text.len() <= 254
        && text[at + 1..].split(|&byte| byte == b'.').all(label)
}

/// RFC 3986, of what is a URI with `://` already: ASCII, whole percent codes, an authority of a host
/// name or dotted quad with at most one user and one port, at most one fragment.
fn is_plain_uri(text: &[u8]) -> bool {
    let Some(rest) = memchr::memchr(b':', text).and_then(|colon| text.get(colon + 3..)) else { return false };
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let host = match memchr::memchr(b'@', authority) {
        Some(at) => &authority[at + 1..],
        None => authority,
    };
    let (host, port) = match memchr::memchr(b':', host) {
        Some(at) => host.split_at(at),
        None => (host, &b""[..]),
    };
    let coded =
        |at: usize| rest.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
    text.is_ascii()
        && !host.is_empty()
        && !host.contains(&b'@')
        && port.iter().skip(1).all(u8::is_ascii_digit)
        && !rest.iter().any(|byte| b"[]".contains(byte))
        && memchr::memchr_iter(b'#', after).count() <= 1
        && memchr::memchr_iter(b'%', rest).all(coded)
}

fn format_of(text: &[u8], kinds: u8) -> Option<Facts> {
    const LETTERS: u8 = HEX_LETTER | LETTER;
    let found = |yes: bool, format: Facts| yes.then_some(format);
    if kinds & !LETTERS == 0 {
        return match text {
            b"true" | b"false" => Some(Facts::BOOLEAN_TEXT),
            _ => found(is_base64(text), Facts::BASE64),
        };
    }
    if kinds == DIGIT {
        return match text.iter().all(u8::is_ascii_digit) {
            true => Some(Facts::DIGITS),
            false => found(is_hex(text), Facts::HEX),
        };
    }
    if kinds & AT != 0 && is_email(text) {
        return Some(Facts::EMAIL);
    }
    if kinds & DASH != 0 {
        let dashed = if is_uuid(text) {
            Facts::UUID
        } else if is_date(text) {
            Facts::DATE
        } else if is_date_time(text) {
            Facts::DATE_TIME
        } else {
            Facts::NONE
        };
        if dashed != Facts::NONE {
            return Some(dashed);
        }
    }
    if kinds & COLON != 0 {
        if let Some(regular) = uri(text) {
            return Some(if regular { Facts::URI } else { Facts::URI | Facts::IRREGULAR });
        }
        return found(is_ipv6(text), Facts::IPV6);
    }
    if kinds & DOT != 0 && kinds & DIGIT != 0 && kinds & LETTERS == 0 {
        if is_ipv4(text) {
            return Some(Facts::IPV4);
        }
        return found(is_decimal(text), Facts::DECIMAL);
    }
    if text.starts_with(b"eyJ") && is_jwt(text) {
        return Some(Facts::JWT);
    }
    if kinds & !(DIGIT | HEX_LETTER) == 0 && is_hex(text) {
        return Some(Facts::HEX);
    }
    if kinds == DIGIT | DASH || (kinds & (REST | LETTERS) == REST && kinds & DIGIT != 0) {
        return found(is_decimal(text), Facts::DECIMAL);
    }
    found(is_base64(text), Facts::BASE64)
}

/// RFC 9562 section 4: 8-4-4-4-12 hex digits.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    let Ok(text) = <&[u8; 36]>::try_from(text) else { return false };
    // Without a branch for each byte: ids are the most frequent of all formats.
    let dashes = [8, 13, 18, 23].iter().all(|&at| text[at] == b'-');
    dashes && text.iter().map(|byte| u8::from(byte.is_ascii_hexdigit())).sum::<u8>() == 32
}

fn number(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |sum: u32, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// RFC 3339 full-date, with the days of each month.
pub(super) fn is_date(text: &[u8]) -> bool {
    let &[_, _, _, _, b'-', _, _, b'-', _, _] = text else { return false };
    let (Some(year), Some(month), Some(day)) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]))
    else {
        return false;
    };
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// RFC 3339 date-time; a space for `T` and a missing zone are allowed, as databases print them.
pub(super) fn is_date_time(text: &[u8]) -> bool {
    if text.len() < 16 || text.len() > 40 || !matches!(text[10], b'T' | b't' | b' ') || !is_date(&text[..10])
    {
        return false;
    }
    let clock = |t: &[u8]| match t {
        &[a, b, b':', c, d] => {
            number(&[a, b]).is_some_and(|hour| hour < 24) && number(&[c, d]).is_some_and(|minute| minute < 60)
        }
        _ => false,
    };
    if !clock(&text[11..16]) {
        return false;
    }
    let mut rest = &text[16..];
    if let [b':', a, b, after @ ..] = rest {
        if number(&[*a, *b]).is_none_or(|second| second > 60) {
            return false;
        }
        rest = after;
        if let [b'.', after @ ..] = rest {
            let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            rest = &after[digits..];
        }
    }
    match rest {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', zone @ ..] => match zone {
            [_, _, b':', _, _] => clock(zone),
            &[a, b, c, d] => clock(&[a, b, b':', c, d]),
            _ => false,
        },
        _ => false,
    }
}

/// A local part and a domain with a dot, of the characters that mail systems take.
pub(super) fn is_email(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', text) else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let local_fits = (1..=64).contains(&local.len())
        && all_may(local, IN_LOCAL_PART)
        && local[0] != b'.'
        && local[local.len() - 1] != b'.';
    local_fits
        && (3..=253).contains(&domain.len())
        && domain.contains(&b'.')
        && domain
            .split(|&b| b == b'.')
            .all(|label| (1..=63).contains(&label.len()) && all_may(label, IN_DOMAIN))
}

/// A scheme, `://`, something, and nothing that a URI cannot hold (RFC 3986 section 3): whether it is
/// one to the letter.
fn uri(text: &[u8]) -> Option<bool> {
    let colon = text.iter().take(24).position(|&b| b == b':')?;
    let is_scheme = colon > 0
        && text[0].is_ascii_alphabetic()
        && text[..colon].iter().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b));
    let rest = text[colon..].strip_prefix(b"://").filter(|rest| is_scheme && !rest.is_empty())?;
    let may = rest.iter().fold(IN_URI | PLAIN_IN_URI, |may, &byte| may & PLACES[usize::from(byte)]);
    match may {
        0 => None,
        IN_URI => Some(is_plain_uri(text)),
        _ => Some(!matches!(rest[0], b'/' | b'?')),
    }
}

fn is_ipv4(text: &[u8]) -> bool {
    (7..=15).contains(&text.len())
        && std::str::from_utf8(text).is_ok_and(|t| t.parse::<std::net::Ipv4Addr>().is_ok())
}

fn is_ipv6(text: &[u8]) -> bool {
    (2..=45).contains(&text.len())
        && std::str::from_utf8(text).is_ok_and(|t| t.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_base64url(text: &[u8]) -> bool {
    alphabets_of(text) & (PLAIN | OUTSIDE) == 0
}

/// RFC 7519 compact form: three base64url parts (five if encrypted), the first an object. `eyJ` is
/// how `{"` begins in base64.
pub(super) fn is_jwt(text: &[u8]) -> bool {
    if !text.starts_with(b"eyJ") || text.len() > FORMAT_BYTES_MAX {
        return false;
    }
    let mut parts = 0;
    for part in text.split(|&b| b == b'.') {
        parts += 1;
        // The signature of an unsecured token and the key of a direct one are empty.
        if !is_base64url(part) || (parts == 1 && part.len() < 12) {
            return false;
        }
    }
    parts == 3 || parts == 5
}

/// Eight or more hex digits, at least one decimal and one letter.
pub(super) fn is_hex(text: &[u8]) -> bool {
    text.len() >= 8
        && text.iter().all(u8::is_ascii_hexdigit)
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// `-12`, `+3.5`, `0.25`.
fn is_decimal(text: &[u8]) -> bool {
    let unsigned = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    let mut parts = unsigned.split(|&b| b == b'.');
    let digits =
        |part: Option<&[u8]>| part.is_some_and(|p| !p.is_empty() && p.iter().all(u8::is_ascii_digit));
    text.len() <= 40
        && digits(parts.next())
        && match parts.next() {
            None => true,
            fraction => digits(fraction) && parts.next().is_none(),
        }
}

const UPPER: u8 = 1;
const LOWER: u8 = 2;
const DECIMAL: u8 = 4;
const PLAIN: u8 = 8;
const URL: u8 = 16;
const OUTSIDE: u8 = 32;

/// What each byte is in base64 (RFC 4648 sections 4 and 5).
static ALPHABETS: [u8; 256] = alphabets();

const fn alphabets() -> [u8; 256] {
    let mut table = [OUTSIDE; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => DECIMAL,
            b'+' | b'/' => PLAIN,
            b'-' | b'_' => URL,
            _ => OUTSIDE,
        };
        byte += 1;
    }
    table
}

/// All that the bytes are, up to one of no alphabet.
fn alphabets_of(text: &[u8]) -> u8 {
    let mut seen = 0;
    for stride in text.chunks(64) {
        seen = stride.iter().fold(seen, |seen, &byte| seen | ALPHABETS[usize::from(byte)]);
        if seen & OUTSIDE != 0 {
            break;
        }
    }
    seen
}

/// Of 16 or more characters of one of the two alphabets, with upper case, lower case and (in short
/// ones) decimals: words and paths have not all three.
fn is_base64(text: &[u8]) -> bool {
    if text.len() < 16 {
        return false;
    }
    let unpadded = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] => rest,
        _ => text,
    };
    let seen = alphabets_of(unpadded);
    if seen & OUTSIDE != 0 {
        return false;
    }
    let has = |kind: u8| seen & kind != 0;
    let (plain, url) = (has(PLAIN), has(URL));
    let padded = unpadded.len() < text.len();
    let lengths_fit = if padded { text.len().is_multiple_of(4) } else { url || text.len() % 4 != 1 };
    has(UPPER)
        && has(LOWER)
        && has(DECIMAL)
        && !(plain && url)
        && lengths_fit
        && (!plain || text.len().is_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        facts_of_text(text.as_bytes()).formats().names().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn formats_are_told_apart() {
        for (text, format) in [
            ("", ""),
            ("plain words here", "text"),
            ("word", "text"),
            ("deadbeef", "text"),
            ("true", "boolean-text"),
            ("42", "digits"),
            ("-42", "decimal"),
            ("+4.20", "decimal"),
            ("4.2", "decimal"),
            ("4.2.1", "text"),
            ("1-2", "text"),
            ("6f1c2a9e-8b1d-4c3e-9f00-0123456789ab", "uuid"),
            ("6f1c2a9e-8b1d-4c3e-9f00-0123456789ag", "text"),
            ("2024-02-29", "date"),
            ("2023-02-29", "text"),
            ("2024-13-01", "text"),
            ("2024-02-29T12:30:00Z", "date-time"),
            ("2024-02-29 12:30", "date-time"),
            ("2024-02-29T12:30:00.123456+02:00", "date-time"),
            ("2024-02-29T25:30:00Z", "text"),
            ("ada@example.org", "email"),
            ("@ada", "text"),
            ("a@b", "text"),
            ("https://example.org/a?b=c", "uri"),
            ("https://", "text"),
            ("note: something", "text"),
            ("10.0.0.1", "ipv4"),
            ("256.0.0.1", "text"),
            ("::1", "ipv6"),
            ("2001:db8::5", "ipv6"),
            ("12:30", "text"),
            ("0123abcd", "hex"),
            ("5f3a001122", "hex"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "jwt"),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "jwt"),
            ("eyJx.eyJ.s", "text"),
            ("SGVsbG8gV29ybGQhIDEyMw==", "base64"),
            ("shortBase64=", "text"),
            ("some-slug-of-words", "text"),
        ] {
            assert_eq!(names(text), format, "{text}");
        }
    }

    #[test]
    fn lenient_readings_are_marked() {
        for (text, regular) in [
            ("42", true),
            ("0", true),
            ("007", false),
            ("-0.5", true),
            ("+4.20", false),
            ("00.5", false),
            ("2024-02-29T12:30:00Z", true),
            ("2024-02-29T12:30:00.5+02:00", true),
            ("2024-02-29T12:30:00", false),
            ("2024-02-29 12:30:00Z", false),
            ("2024-02-29T12:30Z", false),
            ("2024-02-29T12:30:00+0200", false),
            ("2024-12-31T23:59:60Z", false),
            ("ada@example.org", true),
            ("a..b@example.org", false),
            ("ada@-example.org", false),
            ("\u{e4}da@example.org", false),
            ("https://u@example.org:80/a%20b?c#d", true),
            ("https://example.org/%zz", false),
            ("https://example.org:x/", false),
            ("https://example.org/a#b#c", false),
            ("https://example.org/\u{e4}", false),
            ("https://[::1]/", false),
        ] {
            let facts = facts_of_text(text.as_bytes());
            assert!(!facts.contains(Facts::TEXT), "{text}");
            assert_eq!(!facts.contains(Facts::IRREGULAR), regular, "{text}");
        }
    }

    #[test]
    fn long_texts_are_plain_text() {
        assert_eq!(names(&"1".repeat(FORMAT_BYTES_MAX + 1)), "text");
        let long_hex = format!("{}abc", "1".repeat(60));
        assert_eq!(names(&long_hex), "hex");
    }
}
