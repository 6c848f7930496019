//! What a path parameter takes, as far as a document says so in a way that stored segments can be held
//! against: a shape, or a list of texts. What is not known to be refused is taken.

use serde::{Deserialize, Serialize};

use crate::call::{Segment, SegmentKind};

/// Values of a path parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Takes {
    /// Any text.
    #[default]
    Any,
    /// Decimal digits with or without a sign.
    Integer,
    /// A number.
    Number,
    /// RFC 9562 text form.
    Uuid,
    /// RFC 3339 date, with or without a time.
    Date,
    /// `true` or `false`.
    Boolean,
    /// Hex digits.
    Hex,
    /// One of these.
    Enum(Vec<String>),
}

impl Takes {
    /// Nothing is said.
    pub(super) fn is_any(&self) -> bool {
        *self == Takes::Any
    }

    /// Whether a stored segment can be a value; `text` of a word, as far as it is known.
    pub(in crate::inventory) fn fits(&self, segment: &Segment, text: Option<&str>) -> bool {
        if let Some(text) = text {
            return self.takes_text(text);
        }
        match segment {
            Segment::Word(word) | Segment::Name(word) => self.takes_text(word),
            Segment::Hidden(_) => matches!(self, Takes::Any | Takes::Enum(_)),
            Segment::Parameter(kind) => self.takes_kind(*kind),
            // What an extension stands behind is a text.
            Segment::File(..) => matches!(self, Takes::Any | Takes::Enum(_)),
        }
    }

    /// Whether values of a shape can be taken.
    pub(in crate::inventory) fn takes_kind(&self, kind: SegmentKind) -> bool {
        let is = |kinds: &[SegmentKind]| kinds.contains(&kind);
        match self {
            Takes::Any => true,
            Takes::Integer => is(&[SegmentKind::Integer]),
            Takes::Number => is(&[SegmentKind::Integer, SegmentKind::Text]),
            Takes::Uuid => is(&[SegmentKind::Uuid]),
            Takes::Date => is(&[SegmentKind::Date]),
            // Words are summed as texts.
            Takes::Boolean => is(&[SegmentKind::Text]),
            Takes::Hex => is(&[SegmentKind::Integer, SegmentKind::Hex, SegmentKind::Text]),
            Takes::Enum(texts) => match kind {
                SegmentKind::Integer => {
                    texts.iter().any(|text| text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()))
                }
                SegmentKind::Text | SegmentKind::Names | SegmentKind::Words => true,
                _ => false,
            },
        }
    }

    /// Whether a text can be taken.
    pub(in crate::inventory) fn takes_text(&self, text: &str) -> bool {
        match self {
            Takes::Any => true,
            Takes::Integer => text.parse::<i128>().is_ok(),
            Takes::Number => text.parse::<f64>().is_ok(),
            Takes::Boolean => matches!(text, "true" | "false"),
            Takes::Hex => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Takes::Enum(texts) => texts.iter().any(|known| known == text),
            Takes::Uuid => false,
            // It may have been taken for a version.
            Takes::Date => text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
        }
    }

    /// For people: `integer`, `uuid`, `one of a, b`.
    pub fn text(&self) -> String {
        match self {
            Takes::Any => "any text".to_owned(),
            Takes::Integer => "integer".to_owned(),
            Takes::Number => "number".to_owned(),
            Takes::Uuid => "uuid".to_owned(),
            Takes::Date => "date".to_owned(),
            Takes::Boolean => "boolean".to_owned(),
            Takes::Hex => "hex digits".to_owned(),
            Takes::Enum(texts) => {
                let shown: Vec<&str> = texts.iter().take(8).map(String::as_str).collect();
                format!("one of {}{}", shown.join(", "), if texts.len() > 8 { ", ..." } else { "" })
            }
        }
    }
}
