//! Whether a name or a path segment reads like something a programmer wrote or like data. Looks at
//! characters only; words are known by [`super::words`].

use super::text::{is_hex, is_uuid};

/// Longest key that is kept at all, in bytes.
const KEY_BYTES_MAX: usize = 64;

/// Longest key that is kept without looking at its parts, in bytes.
const KEY_BYTES_PLAIN: usize = 24;

/// Longest part of a longer key.
const KEY_PART_BYTES_MAX: usize = 16;

/// Digits in a row that no name has (`iso8601` has four).
const DIGITS_IN_A_ROW_MAX: usize = 4;

/// A field name that is data: an id, a date, an address, a random token, free text. Such names are
/// keys of maps, and are never kept.
pub(super) fn looks_like_data(key: &[u8]) -> bool {
    let Some(&first) = key.first() else { return true };
    let named = |(at, &byte): (usize, &u8)| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'[' | b']' => true,
        b'$' | b'@' => at == 0,
        _ => false,
    };
    if key.len() > KEY_BYTES_MAX || !key.iter().enumerate().all(named) {
        return true;
    }
    let digits = key.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = key.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 || is_uuid(key) || (first.is_ascii_digit() && key.contains(&b'.')) {
        return true;
    }
    if key.iter().filter(|&&byte| byte == b':').count() > 2 {
        return true;
    }
    let data_part = |part: &[u8]| {
        (digits > 0 && is_hex(part))
            || (part.len() >= DIGITS_IN_A_ROW_MAX && part.iter().all(u8::is_ascii_digit))
            || longest_run(part, u8::is_ascii_digit) > DIGITS_IN_A_ROW_MAX
    };
    if digits > 0 && key.split(|byte| !byte.is_ascii_alphanumeric()).any(data_part) {
        return true;
    }
    is_random(key)
        || (key.len() > KEY_BYTES_PLAIN
            && parts(key).any(|part| part.len() > KEY_PART_BYTES_MAX || consonants_in_a_row(part) > 6))
}

/// Kinds of characters change as often as in random text: `x9Fq2Zb7`, not `getUserById` or `ipv4`.
pub(super) fn is_random(text: &[u8]) -> bool {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let mut changes = 0;
    for pair in text.windows(2) {
        let (before, after) = (kind(pair[0]), kind(pair[1]));
        // A capital before small letters is how words begin.
        if before != after && before != 0 && after != 0 && (before, after) != (2, 1) {
            changes += 1;
        }
    }
    text.len() >= 8 && changes * 3 > text.len()
}

/// ASCII letters, alone or in at most three parts with `-`, `_` or `.` between, 2 to 24 bytes, with
/// vowels as words have them, not random.
pub(super) fn is_word_like(segment: &[u8]) -> bool {
    const SEGMENT_BYTES_MAX: usize = 24;
    const PARTS_MAX: usize = 3;
    let named = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.');
    (2..=SEGMENT_BYTES_MAX).contains(&segment.len())
        && segment.iter().all(named)
        && segment[0].is_ascii_alphabetic()
        && !is_random(segment)
        && parts(segment).take(PARTS_MAX + 1).count() <= PARTS_MAX
        && parts(segment).all(|part| consonants_in_a_row(part) < 6)
}

fn longest_run(text: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for byte in text {
        run = if belongs(byte) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn consonants_in_a_row(part: &[u8]) -> usize {
    longest_run(part, |byte| byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(byte))
}

/// Parts of a name: cut at everything that is no letter or digit, and where camel case says
/// (`orderItems`, `HTTPServer`).
pub(crate) fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(u8::is_ascii_alphanumeric)?;
        rest = &rest[start..];
        let mut end = 1;
        while let Some(&byte) = rest.get(end) {
            let before = rest[end - 1];
            let next_small = rest.get(end + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = byte.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next_small);
            if hump || !byte.is_ascii_alphanumeric() {
                break;
            }
            end += 1;
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_data() {
        for name in [
            "id",
            "user_id",
            "userId",
            "getUserById",
            "X-Request-Id",
            "@type",
            "$ref",
            "filter[name]",
            "sha256",
            "iso8601",
            "ipv4",
            "address1",
            "x-amz-meta-owner",
            "xml:lang",
            "spring.datasource.url",
            "2fa_enabled",
            "createdAtTimestampUtcFormatted",
            "oauth2",
            "HTTPServer",
            "base64",
            "_links",
            "p50",
            "t1",
            "k8s",
        ] {
            assert!(!looks_like_data(name.as_bytes()), "{name}");
        }
        for data in [
            "",
            "42",
            "10.0.0.1",
            "2024-01-31",
            "ada@example.org",
            "6f1c2a9e-8b1d-4c3e-9f00-0123456789ab",
            "5f3a00aa",
            "user_5f3a00aa11",
            "user-10293",
            "order123456",
            "Ada Lovelace",
            "x9Fq2Zb7Tk",
            "a/b",
            "00:1b:44:11:3a:b7",
            "wilhelminavonundzuhohenzollern",
            "é",
            "k7Qz0pR4sT",
            "*",
            "{key}",
            "a~b",
        ] {
            assert!(looks_like_data(data.as_bytes()), "{data}");
        }
    }

    #[test]
    fn words_and_tokens() {
        for word in ["pets", "order-items", "orderItems", "onboardingStatus", "foo", "ada"] {
            assert!(is_word_like(word.as_bytes()), "{word}");
        }
        for token in ["a", "v2x", "qzxrtbkl", "how-to-build-a-house", "aBcDeFgHiJ", "-a", "caf\u{e9}"] {
            assert!(!is_word_like(token.as_bytes()), "{token}");
        }
    }

    #[test]
    fn parts_of_names() {
        let split = |text: &'static str| {
            parts(text.as_bytes()).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(split("orderItems"), ["order", "Items"]);
        assert_eq!(split("HTTPServer_v2.json"), ["HTTP", "Server", "v2", "json"]);
        assert_eq!(split("--"), Vec::<String>::new());
    }
}
