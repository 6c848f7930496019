//! Which fields hold sensitive data: the vote of their values. A value says what it may be, many of them
//! say what the field is; what its name says lowers how many are wanted. A pure function of what is
//! stored, so that a better vote judges old traffic too.

use super::{ClassKey, ClassStats, EndpointStats, FieldKey};
use crate::call::DataClass;
use crate::call::classify::Context;

/// Fewest values that may vote where one of ten passes by chance.
const VOTES_MIN: u64 = 3;

/// What of a field's values must be of a class.
struct Quorum {
    /// Percent of them.
    share: u64,
    /// Fewest.
    values: u64,
}

impl Quorum {
    fn of(class: DataClass, named: bool) -> Quorum {
        let quorum = |share, values| Quorum { share, values };
        match class {
            // Nothing else reads so.
            DataClass::Secret | DataClass::PrivateKey => quorum(0, 1),
            // Among other texts, and by the name alone.
            DataClass::Iban | DataClass::Email | DataClass::Password | DataClass::Token => quorum(10, 1),
            DataClass::BirthDate => quorum(20, 1),
            DataClass::Phone => quorum(50, 1),
            DataClass::Card | DataClass::UsSsn | DataClass::NationalId if named => quorum(50, 1),
            DataClass::Card | DataClass::UsSsn | DataClass::NationalId => quorum(80, VOTES_MIN),
        }
    }
}

impl EndpointStats {
    /// Fields that hold sensitive data, with its class and how many of their values were of it, in the
    /// order of their names. A field may be of several classes.
    pub fn data_classes(&self) -> impl Iterator<Item = (&FieldKey, DataClass, &ClassStats)> {
        self.classes
            .iter()
            .filter(|(key, stats)| self.is_of(key, stats))
            .map(|(key, stats)| (&key.field, key.class, stats))
    }

    /// The classes of one field, in their order.
    pub fn classes_of<'a>(&'a self, field: &'a FieldKey) -> impl Iterator<Item = DataClass> + 'a {
        self.data_classes().filter(move |(key, ..)| *key == field).map(|(_, class, _)| class)
    }

    fn is_of(&self, key: &ClassKey, stats: &ClassStats) -> bool {
        let named = Context::of(key.field.place, &key.field.name).supports(key.class);
        let Quorum { share, values } = Quorum::of(key.class, named);
        let Some(field) = self.fields.get(&key.field) else { return stats.values >= values && share == 0 };
        // What came while the name was held back is counted elsewhere, with its classes.
        let stands_in = key.field.name.ends_with("{key}") || key.field.name.ends_with("{name}");
        let all = if stands_in { field.calls } else { field.present.saturating_sub(u64::from(field.held)) };
        let all = all.max(stats.values);
        stats.values >= values && u128::from(stats.values) * 100 >= u128::from(all) * u128::from(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Place;
    use crate::inventory::{FieldStats, SmallMap};

    fn field(name: &str) -> FieldKey {
        FieldKey { place: Place::ResponseBody, name: name.into() }
    }

    /// The field is of a class that so many of so many values had.
    fn is(name: &str, class: DataClass, values: u64, present: u64) -> bool {
        let stats = EndpointStats {
            fields: SmallMap::from([(
                field(name),
                FieldStats { calls: present, present, ..Default::default() },
            )]),
            classes: SmallMap::from([(
                ClassKey { field: field(name), class },
                ClassStats { values, ..Default::default() },
            )]),
            ..EndpointStats::default()
        };
        stats.data_classes().next().is_some()
    }

    #[test]
    fn values_vote() {
        use DataClass::{Card, Email, NationalId, Password, Phone, Secret, UsSsn};
        assert!(is("/note", Secret, 1, 1_000_000) && !is("/note", Email, 1, 11) && is("/note", Email, 1, 10));
        // One of ten numbers of the right length passes by chance.
        assert!(!is("/id", Card, 2, 2) && !is("/id", Card, 100, 1000) && is("/id", Card, 4, 5));
        assert!(is("/cardNumber", Card, 1, 2) && !is("/cardNumber", Card, 1, 3));
        assert!(is("/ssn", UsSsn, 1, 1) && !is("/code", UsSsn, 1, 1) && is("/code", UsSsn, 3, 3));
        assert!(is("/bsn", NationalId, 1, 1) && !is("/nr", NationalId, 79, 100));
        assert!(is("/phone", Phone, 1, 2) && is("/contact", Phone, 1, 1) && is("/password", Password, 1, 9));
    }

    #[test]
    fn what_was_held_back_has_no_vote() {
        let key = field("/kennwort");
        let held = FieldStats { calls: 4, present: 7, held: 3, ..Default::default() };
        let mut stats = EndpointStats { fields: SmallMap::from([(key.clone(), held)]), ..Default::default() };
        let class = ClassKey { field: key.clone(), class: DataClass::Card };
        stats.classes.insert(class, ClassStats { values: 4, ..Default::default() });
        assert_eq!(stats.classes_of(&key).collect::<Vec<_>>(), [DataClass::Card]);
    }
}
