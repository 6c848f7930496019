//! File extensions that path segments end in: of `42.json` the shape of `42` and the extension are
//! kept, so that `/users/{userId}.json` is a route.

use super::{Extension, SegmentKind};

impl Extension {
    /// A segment as what stands before the extension and the extension, if it has one of the list.
    pub(super) fn split(segment: &[u8]) -> Option<(&[u8], Extension)> {
        let dot = memchr::memrchr(b'.', segment).filter(|&dot| dot > 0)?;
        let name = std::str::from_utf8(&segment[dot + 1..]).ok()?;
        let extension = Extension::of_name(name)?;
        Some((&segment[..dot], extension))
    }

    /// The extension that a word ends in.
    pub(crate) fn of_word(word: &str) -> Option<Extension> {
        Extension::split(word.as_bytes()).map(|(_, extension)| extension)
    }

    /// A number from 1 to 15.
    pub(super) const fn code(self) -> u64 {
        self as u64 + 1
    }

    /// The extension of a number, none for any other.
    pub(super) fn of_code(code: u64) -> Option<Extension> {
        let at = usize::try_from(code).ok()?.checked_sub(1)?;
        Extension::ALL.get(at).copied()
    }
}

/// A value with an extension as canonical text: `{integer}.json`.
pub(super) fn text(kind: SegmentKind, extension: Extension) -> String {
    format!("{{{}}}.{}", kind.name(), extension.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_and_codes() {
        assert_eq!(Extension::split(b"42.json"), Some((&b"42"[..], Extension::Json)));
        assert_eq!(Extension::split(b"a.b.xml"), Some((&b"a.b"[..], Extension::Xml)));
        for none in [&b"json"[..], b".json", b"42.", b"42.exe", b"42.JSON", b""] {
            assert_eq!(Extension::split(none), None);
        }
        for &extension in Extension::ALL {
            assert!((1..16).contains(&extension.code()));
            assert_eq!(Extension::of_code(extension.code()), Some(extension));
        }
        assert_eq!(Extension::of_code(0), None);
    }
}
