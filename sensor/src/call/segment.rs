//! The shape of a path segment that is no word: bytes in, [`SegmentKind`] out.

use super::SegmentKind;
use super::text::{is_date, is_date_time, is_email, is_hex, is_uuid};

/// The shape, if the segment has one that no word has.
pub(crate) fn shape(segment: &[u8]) -> Option<SegmentKind> {
    let digits = match segment {
        [b'-', rest @ ..] => rest,
        _ => segment,
    };
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        return Some(SegmentKind::Integer);
    }
    if is_uuid(segment) {
        return Some(SegmentKind::Uuid);
    }
    if is_hex(segment) {
        return Some(SegmentKind::Hex);
    }
    if is_date(segment) || is_date_time(segment) {
        return Some(SegmentKind::Date);
    }
    // "With an `@`": an address without a dot is somebody's too.
    (segment.contains(&b'@') || is_email(segment)).then_some(SegmentKind::Email)
}

/// `v1`, `v2.1`, `v1beta2`: of a version, not of a value.
pub(super) fn is_version(segment: &[u8]) -> bool {
    let Some(rest) = segment.strip_prefix(b"v").or_else(|| segment.strip_prefix(b"V")) else { return false };
    let number = |text: &[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let letters = rest.iter().position(u8::is_ascii_alphabetic).unwrap_or(rest.len());
    let (numbers, suffix) = rest.split_at(letters);
    let stage = [&b"alpha"[..], b"beta", b"rc"].iter().find_map(|stage| suffix.strip_prefix(*stage));
    numbers.len() <= 8
        && numbers.split(|&byte| byte == b'.').all(number)
        && (suffix.is_empty() || stage.is_some_and(|after| after.is_empty() || number(after)))
}

/// `2`, `1.1`, `2010-04-01`: of a version where nothing but prefixes stands before.
pub(super) fn is_bare_version(segment: &[u8]) -> bool {
    let number = |text: &[u8]| (1..=2).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_date(segment)
        || (segment.len() <= 8
            && segment.split(|&byte| byte == b'.').all(number)
            && segment.iter().filter(|&&byte| byte == b'.').count() <= 2)
}

/// Words behind which a version or a first segment may still stand.
pub(crate) const PREFIXES: &[&str] =
    &["api", "apis", "rest", "ws", "public", "internal", "external", "private", "services", "service"];

/// A version or one of [`PREFIXES`].
pub(crate) fn is_prefix(word: &str) -> bool {
    is_version(word.as_bytes())
        || is_bare_version(word.as_bytes())
        || PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (segment, kind) in [
            ("42", Some(SegmentKind::Integer)),
            ("-7", Some(SegmentKind::Integer)),
            ("6f1c2a9e-8b1d-4c3e-9f00-0123456789ab", Some(SegmentKind::Uuid)),
            ("5f3a00aa", Some(SegmentKind::Hex)),
            ("2024-01-31", Some(SegmentKind::Date)),
            ("2024-01-31T10:00:00Z", Some(SegmentKind::Date)),
            ("ada@example.org", Some(SegmentKind::Email)),
            ("pets", None),
            ("facade", None),
            ("abc-123", None),
        ] {
            assert_eq!(shape(segment.as_bytes()), kind, "{segment}");
        }
    }

    #[test]
    fn versions() {
        for yes in ["v1", "v2.1", "V3", "v1beta1", "v1alpha", "v1.2.3"] {
            assert!(is_version(yes.as_bytes()), "{yes}");
        }
        for yes in ["2", "1.1", "10", "2.0.1", "2010-04-01"] {
            assert!(is_bare_version(yes.as_bytes()) && is_prefix(yes), "{yes}");
        }
        for no in ["", "123", "1.", "1.123", "1.2.3.4", "2010-04", "v1"] {
            assert!(!is_bare_version(no.as_bytes()), "{no}");
        }
        for no in ["v", "v12345", "vendor", "v1x", "v1beta12345", "v1..2", "1"] {
            assert!(!is_version(no.as_bytes()), "{no}");
        }
    }
}
