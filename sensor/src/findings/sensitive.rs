//! Sensitive data of an endpoint by field and class, as rules ask for it: by a vote over the values of
//! a field, so that one order number that passes for a card makes no finding.

use super::{Level, Looked, Settings};
use crate::call::{DataClass, Place};
use crate::inventory::{ClassStats, EndpointStats, FieldKey};

/// One class of sensitive data at one field.
pub(super) struct Sensitive<'a> {
    pub field: &'a FieldKey,
    pub class: DataClass,
    pub stats: ClassStats,
}

/// What there is of it within the window, in the order of fields.
pub(super) fn sensitive<'a>(looked: &'a Looked<'_>, settings: &Settings) -> Vec<Sensitive<'a>> {
    let stats = looked.stats();
    let mut all = Vec::new();
    for (key, found) in &stats.classes {
        if settings.counts(found.seen) && is_voted(stats, &key.field, key.class, found) {
            all.push(Sensitive { field: &key.field, class: key.class, stats: *found });
        }
    }
    all
}

/// What a class tells by its form or name needs one value, what digits may pass for by chance half of
/// those that were seen.
fn is_voted(stats: &EndpointStats, field: &FieldKey, class: DataClass, found: &ClassStats) -> bool {
    match class {
        DataClass::Password | DataClass::Secret | DataClass::Token | DataClass::PrivateKey => {
            found.values > 0
        }
        DataClass::Card
        | DataClass::Iban
        | DataClass::Email
        | DataClass::Phone
        | DataClass::UsSsn
        | DataClass::NationalId
        | DataClass::BirthDate => {
            let present = stats.fields.get(field).map_or(0, |field| field.present);
            found.values > 0 && found.values.saturating_mul(2) >= present
        }
    }
}

/// How bad it is that data of the class goes where it should not; `None` for what goes to callers in the
/// course of things, as a token that a login gives.
pub(super) const fn weight(class: DataClass) -> Option<Level> {
    match class {
        DataClass::Card
        | DataClass::Iban
        | DataClass::UsSsn
        | DataClass::NationalId
        | DataClass::Password
        | DataClass::Secret
        | DataClass::PrivateKey => Some(Level::Error),
        DataClass::Email | DataClass::Phone | DataClass::BirthDate => Some(Level::Warning),
        DataClass::Token => None,
    }
}

/// What nobody should be told, whoever asks.
pub(super) const fn is_secret(class: DataClass) -> bool {
    matches!(class, DataClass::Password | DataClass::Secret | DataClass::PrivateKey)
}

/// It is in the body of an answer that was no error.
pub(super) const fn is_response(field: &FieldKey) -> bool {
    matches!(field.place, Place::ResponseBody)
}
