//! Sensitive data of an endpoint by field and class, as rules ask for it: what the vote of the values
//! says ([`crate::inventory::EndpointStats::data_classes`]), within the window.

use super::{Level, Looked, Settings};
use crate::call::{DataClass, Place};
use crate::inventory::{ClassStats, FieldKey};

/// One class of sensitive data at one field.
pub(super) struct Sensitive<'a> {
    pub field: &'a FieldKey,
    pub class: DataClass,
    pub stats: ClassStats,
}

/// What there is of it within the window, in the order of fields.
pub(super) fn sensitive<'a>(looked: &'a Looked<'_>, settings: &Settings) -> Vec<Sensitive<'a>> {
    let voted = looked.stats().data_classes().filter(|(.., stats)| settings.counts(stats.seen));
    voted.map(|(field, class, stats)| Sensitive { field, class, stats: *stats }).collect()
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
