//! A path without values as one line of text and back, as stores keep it:
//! `/pets/{integer}/~5f3a00112233aabb`, `/graphql/~=#query/~=pets`. Words stand as they are; the few bytes that would read as
//! something else are percent-coded, so that every path comes back as it was.

use std::fmt::Write;
use std::sync::Arc;

use super::{Extension, Path, Segment, SegmentKind, extension};
use crate::limits::PATH_SEGMENTS_MAX;

/// Canonical text of a path; `/` for the empty one.
pub fn path_text(path: &Path) -> String {
    let mut text = String::with_capacity(32);
    for segment in path {
        text.push('/');
        match segment {
            Segment::Word(word) => push_word(&mut text, word),
            // Writing to a string cannot fail.
            Segment::Name(name) => {
                text.push_str("~=");
                push_word(&mut text, name);
            }
            Segment::Hidden(hash) => drop(write!(text, "~{hash:016x}")),
            Segment::Parameter(kind) => drop(write!(text, "{{{}}}", kind.name())),
            Segment::File(kind, extension) => text.push_str(&extension::text(*kind, *extension)),
        }
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

fn push_word(text: &mut String, word: &str) {
    for character in word.chars() {
        match character {
            '/' | '%' | '{' | '~' => drop(write!(text, "%{:02X}", character as u32)),
            _ => text.push(character),
        }
    }
}

/// The path of a canonical text; `None` if it is none.
pub fn path_of_text(text: &str) -> Option<Path> {
    let rest = text.strip_prefix('/')?;
    if rest.is_empty() {
        return Some(Path::new());
    }
    let mut path = Path::new();
    for part in rest.split('/') {
        if path.len() == PATH_SEGMENTS_MAX {
            return None;
        }
        path.push(segment_of_text(part)?);
    }
    Some(path)
}

fn segment_of_text(part: &str) -> Option<Segment> {
    if let Some(name) = part.strip_prefix("~=") {
        return word_of_text(name).map(Segment::Name);
    }
    if let Some(hash) = part.strip_prefix('~') {
        let canonical = hash.len() == 16 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        return canonical.then(|| u64::from_str_radix(hash, 16).ok().map(Segment::Hidden))?;
    }
    if let Some(kind) = part.strip_prefix('{') {
        let (kind, behind) = kind.split_once('}')?;
        let kind = SegmentKind::of_name(kind)?;
        return match behind.strip_prefix('.') {
            None => behind.is_empty().then_some(Segment::Parameter(kind)),
            Some(extension) => Extension::of_name(extension).map(|extension| Segment::File(kind, extension)),
        };
    }
    word_of_text(part).map(Segment::Word)
}

fn word_of_text(part: &str) -> Option<Arc<str>> {
    let mut word = String::with_capacity(part.len());
    let mut pieces = part.split('%');
    word.push_str(pieces.next()?);
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        word.push(match code {
            "2F" => '/',
            "25" => '%',
            "7B" => '{',
            "7E" => '~',
            _ => return None,
        });
        word.push_str(rest);
    }
    (!word.is_empty()).then(|| Arc::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment() -> impl Strategy<Value = Segment> {
        prop_oneof![
            "[a-z.{}~%/*-]{1,12}".prop_map(|word| Segment::Word(word.into())),
            "\\PC{1,6}".prop_map(|word| Segment::Word(word.into())),
            "[#a-zA-Z./~=]{1,12}".prop_map(|word| Segment::Name(word.into())),
            any::<u64>().prop_map(Segment::Hidden),
            proptest::sample::select(SegmentKind::ALL).prop_map(Segment::Parameter),
            (proptest::sample::select(SegmentKind::ALL), proptest::sample::select(Extension::ALL))
                .prop_map(|(kind, extension)| Segment::File(kind, extension)),
        ]
    }

    proptest! {
        #[test]
        fn text_leads_back_to_the_path(segments in proptest::collection::vec(segment(), 0..PATH_SEGMENTS_MAX)) {
            let path: Path = segments.into_iter().collect();
            prop_assert_eq!(path_of_text(&path_text(&path)), Some(path));
        }

        #[test]
        fn any_text_that_is_a_path_is_canonical(text in "/[a-z0-9{}~%/]{0,24}") {
            if let Some(path) = path_of_text(&text) {
                prop_assert_eq!(path_of_text(&path_text(&path)), Some(path));
            }
        }
    }

    #[test]
    fn the_form_is_stable() {
        let path: Path = [
            Segment::Word("pets".into()),
            Segment::Parameter(SegmentKind::Integer),
            Segment::Hidden(0x5f3a),
            Segment::Word("{over-budget}".into()),
        ]
        .into_iter()
        .collect();
        assert_eq!(path_text(&path), "/pets/{integer}/~0000000000005f3a/%7Bover-budget}");
        assert_eq!(path_text(&Path::new()), "/");
        for wrong in ["", "pets", "/pets/", "//", "/{nothing}", "/~12", "/~=", "/a%2", "/a%41"] {
            assert_eq!(path_of_text(wrong), None, "{wrong}");
        }
    }
}
