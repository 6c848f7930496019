//! Forms of paths as regular expressions of RE2, anchored: what Cilium and OPA match.

use crate::call::SegmentKind;
use crate::inventory::policy::{Part, Pattern};

/// A raw path with or without a query, a slash at its end or not: it is the same endpoint.
pub(super) fn path(pattern: &Pattern) -> String {
    let mut text = "^".to_owned();
    for segment in &pattern.segments {
        text.push('/');
        segment.iter().for_each(|part| text.push_str(&one(part, true)));
    }
    text.push_str(if pattern.below { "(/[^?]*)?" } else { "/?" });
    if pattern.segments.is_empty() && !pattern.below {
        text = "^/".to_owned();
    }
    text.push_str("([?].*)?$");
    text
}

/// One decoded segment.
pub(super) fn segment(parts: &[Part]) -> String {
    let parts: String = parts.iter().map(|part| one(part, false)).collect();
    format!("^{parts}$")
}

fn one(part: &Part, is_raw: bool) -> String {
    match part {
        Part::Text(text) if is_raw => literal(&coded(text)),
        Part::Text(text) => literal(text),
        Part::Value { kind, .. } => match kind {
            SegmentKind::Integer => "-?[0-9]+",
            SegmentKind::Uuid => {
                "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
            }
            SegmentKind::Hex => "[0-9a-fA-F]{8,}",
            SegmentKind::Date => "[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt +%][^/?]*)?",
            SegmentKind::Email if is_raw => "[^/?]*(@|%40)[^/?]*",
            SegmentKind::Email => "[^/?]*@[^/?]*",
            SegmentKind::Text | SegmentKind::Names | SegmentKind::Words if is_raw => "[^/?]+",
            SegmentKind::Text | SegmentKind::Names | SegmentKind::Words => "[^/]+",
        }
        .to_owned(),
    }
}

/// A text and nothing else.
pub(super) fn literal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && c.is_ascii() && !matches!(c, '-' | '_' | '/' | ':' | '~' | '%' | ' ')
        {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// As clients write it in a path (RFC 3986 section 3.3).
pub(super) fn coded(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b';' | b'=' | b':' | b'@' => coded.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => coded.push(byte.into()),
            _ => coded.push_str(&format!("%{byte:02X}")),
        }
    }
    coded
}
