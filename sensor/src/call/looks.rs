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

/// Frequent codes of languages and countries.
const CODES: &[&[u8]] = &[
    b"aa", b"ab", b"ae", b"af", b"am", b"ar", b"at", b"au", b"az", b"be", b"bg", b"bn", b"br", b"bs", b"ca",
    b"ch", b"cl", b"cn", b"co", b"cs", b"cy", b"cz", b"da", b"de", b"dk", b"el", b"en", b"es", b"et", b"eu",
    b"fa", b"fi", b"fr", b"ga", b"gb", b"gl", b"gr", b"gu", b"he", b"hi", b"hr", b"hu", b"hy", b"id", b"ie",
    b"il", b"in", b"is", b"it", b"ja", b"jp", b"ka", b"kk", b"km", b"kn", b"ko", b"kr", b"ku", b"la", b"lb",
    b"lo", b"lt", b"lu", b"lv", b"mk", b"ml", b"mn", b"mr", b"ms", b"mt", b"mx", b"my", b"nb", b"ne", b"nl",
    b"nn", b"no", b"nz", b"pa", b"pe", b"ph", b"pl", b"ps", b"pt", b"ro", b"ru", b"sa", b"se", b"sg", b"si",
    b"sk", b"sl", b"so", b"sq", b"sr", b"sv", b"sw", b"ta", b"te", b"th", b"tl", b"tr", b"ua", b"uk", b"ur",
    b"us", b"uz", b"vi", b"vn", b"xh", b"yi", b"za", b"zh", b"zu",
];

/// Frequent codes of countries and currencies with three letters.
const LONG_CODES: &[&[u8]] = &[
    b"aud", b"aus", b"bra", b"btc", b"cad", b"can", b"chf", b"chn", b"cny", b"deu", b"esp", b"eth", b"eur",
    b"fra", b"gbp", b"gbr", b"ind", b"inr", b"ita", b"jpn", b"jpy", b"mex", b"nld", b"usa", b"usd",
];

/// Reads like a code of a language, a country or a currency (ISO 639-1, 3166-1, 4217), or like `en-US`.
pub(crate) fn is_code(segment: &[u8]) -> bool {
    let is = |codes: &[&[u8]], part: &[u8]| codes.iter().any(|code| part.eq_ignore_ascii_case(code));
    match segment {
        [_, _] => is(CODES, segment),
        [_, _, _] => is(LONG_CODES, segment),
        [a, b, b'-' | b'_', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_alphabetic()),
        _ => false,
    }
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
    fn parts_of_names() {
        let split = |text: &'static str| {
            parts(text.as_bytes()).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(split("orderItems"), ["order", "Items"]);
        assert_eq!(split("HTTPServer_v2.json"), ["HTTP", "Server", "v2", "json"]);
        assert_eq!(split("--"), Vec::<String>::new());
    }
}
