//! Sensitive data met in the call that is read: values by field and class, and what of it a rule asks
//! about. Made for calls that have none.

use super::classify::Found;
use super::{ClassSeen, DataClass, FieldId, Place};
use crate::counter::{Counter, Counters};
use crate::limits::{CALL_CLASSES_MAX, RECORDS_MANY};

/// What was found so far.
#[derive(Default)]
pub(super) struct Tally {
    found: Vec<ClassSeen>,
    /// Where the last one was: fields come in one order.
    cursor: usize,
    pub(super) risks: Risks,
}

/// What of it a rule asks about.
#[derive(Clone, Copy, Default)]
pub(super) struct Risks {
    /// In the query or the path, what opens nothing.
    pub(super) in_url: bool,
    /// There, a token: a credential, unless it is a link's that is used once.
    pub(super) token_in_url: bool,
    /// There, what opens something: a password, a key.
    pub(super) key_in_url: bool,
    /// Anywhere in the call, addresses of mail apart.
    pub(super) anywhere: bool,
    /// An array has many objects.
    pub(super) many_records: bool,
}

impl Tally {
    /// Counts a value of a field. Where credentials of a call stand, they are no data.
    #[cold]
    pub(super) fn note(&mut self, field: FieldId, place: Place, found: Found, counters: &mut Counters) {
        let Found { class, sure } = found;
        if matches!(place, Place::RequestHeader | Place::Cookie | Place::SetCookie)
            && matches!(class, DataClass::Token | DataClass::Secret | DataClass::Password)
        {
            return;
        }
        self.risks.anywhere |= found.is_secret();
        if place == Place::Query && sure {
            self.in_url(class);
        }
        let same = |seen: &ClassSeen| seen.field == field && seen.class == class;
        let next = self.cursor + 1;
        let near = [self.cursor, next].into_iter().find(|&at| self.found.get(at).is_some_and(same));
        match near.or_else(|| self.found.iter().position(same)) {
            Some(at) => {
                self.found[at].values = self.found[at].values.saturating_add(1);
                self.cursor = at;
            }
            None if self.found.len() < CALL_CLASSES_MAX => {
                self.cursor = self.found.len();
                self.found.push(ClassSeen { field, class, values: 1 });
            }
            None => counters.add(Counter::ClassesFull),
        }
    }

    /// Notes a class in the path or query.
    pub(super) fn in_url(&mut self, class: DataClass) {
        self.risks.anywhere |= class != DataClass::Email;
        match class {
            DataClass::Password | DataClass::Secret | DataClass::PrivateKey => self.risks.key_in_url = true,
            DataClass::Token => self.risks.token_in_url = true,
            _ => self.risks.in_url = true,
        }
    }

    /// Notes an array with many items, so many of which are objects.
    #[cold]
    pub(super) fn array(&mut self, objects: u32) {
        self.risks.many_records |= objects as usize >= RECORDS_MANY;
    }

    /// Takes what was found, sorted; `counts` tells the values of a field in this call, and the number
    /// that they count as. A share of an array's items counts as that share of arrays, but what is a
    /// secret counts.
    pub(super) fn take(&mut self, counts: impl Fn(FieldId) -> (u32, u32)) -> Vec<ClassSeen> {
        (self.cursor, self.risks) = (0, Risks::default());
        let mut found = std::mem::take(&mut self.found);
        found.retain_mut(|seen| {
            let (values, present) = counts(seen.field);
            if values == 0 {
                // There was no room for the field.
                return false;
            }
            if values > present {
                let share = u64::from(seen.values) * u64::from(present);
                let rounded = (share + u64::from(values) / 2) / u64::from(values);
                let one = matches!(seen.class, DataClass::Secret | DataClass::PrivateKey);
                // Not more than `present`, of which it is a share.
                seen.values = (rounded as u32).max(u32::from(one)).min(present);
            }
            seen.values > 0
        });
        found.sort_unstable_by_key(|seen| (seen.field, seen.class));
        found
    }
}
