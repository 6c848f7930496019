//! Values against schemas: types of JSON, and texts where all values are texts.

use super::DifferenceKind;
use crate::call::Facts;
use crate::inventory::spec::{SchemaId, Schemas};

/// Formats that are numbers as texts. What is signed reads as a decimal.
const INTEGERS: Facts = Facts(Facts::DIGITS.0 | Facts::DECIMAL.0);
const BOOLEANS: Facts = Facts::BOOLEAN_TEXT;

/// What of texts is outside of a schema: which kind of difference, what is specified, what was seen;
/// `None` if all may be.
pub(super) fn texts_outside(
    schemas: Schemas<'_>,
    places: &[SchemaId],
    seen: Facts,
) -> Option<(DifferenceKind, String, Facts)> {
    let types = schemas.types(places);
    let takes = |fact: Facts| types.missing(fact) == Facts::NONE;
    if takes(Facts::STRING) {
        // A text may be any of the other types too.
        let only =
            !takes(Facts::INTEGER) && !takes(Facts::NUMBER) && !takes(Facts::BOOLEAN) && !takes(Facts::ARRAY);
        return if only { format_outside(schemas, places, seen) } else { None };
    }
    if takes(Facts::ARRAY) || takes(Facts::OBJECT) {
        // Lists stand in one text, with any sign between.
        return None;
    }
    let mut allowed = Facts::NONE;
    if takes(Facts::INTEGER) || takes(Facts::NUMBER) {
        allowed |= INTEGERS;
    }
    if takes(Facts::BOOLEAN) {
        allowed |= BOOLEANS;
    }
    let wrong = Facts(seen.formats().0 & !allowed.0);
    (allowed != Facts::NONE && wrong != Facts::NONE).then(|| (DifferenceKind::TypeDrift, types.text(), wrong))
}

/// What of texts is outside of the formats that are specified.
pub(super) fn format_outside(
    schemas: Schemas<'_>,
    places: &[SchemaId],
    seen: Facts,
) -> Option<(DifferenceKind, String, Facts)> {
    let formats = schemas.formats(places);
    let mut wrong = seen.formats();
    for format in &formats {
        wrong = Facts(wrong.0 & format.violated(seen).0);
    }
    if formats.is_empty() || wrong == Facts::NONE {
        return None;
    }
    let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    Some((DifferenceKind::FormatDrift, names.join(" or "), wrong))
}

/// Values have neither members nor items.
pub(super) fn is_scalar(schemas: Schemas<'_>, place: SchemaId) -> bool {
    let types = schemas.types(&[place]);
    types.missing(Facts::OBJECT | Facts::ARRAY) == Facts::OBJECT | Facts::ARRAY
}
