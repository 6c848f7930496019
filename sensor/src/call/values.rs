//! Texts of a field that are few, short and words of our own vocabulary: members of a closed set, as
//! `pending` and `shipped` are. The one place of that rule. A text that is no such word makes its
//! field *open*, once and for all, and nothing is kept of it, not even a hash; so do fields whose
//! name speaks of a person, of a secret or of what is nobody's business ([`is_sensitive`]).
//!
//! Of a word a keyed hash goes into the inventory when it is first met, so that every sensor knows
//! how large the set is; its text only when it is shown to be no one's own: see [`Entry::shows`].
//! Both say only which of some thousand public words it is.

use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::hash::Seed;
use super::looks::parts;
use super::words::Dictionary;
use super::{FieldId, FieldNames, ValueSeen};
use crate::counter::{Counter, Counters};
use crate::limits::{FIELD_VALUES_MAX, VALUES_WATCHED_MAX};

/// Longest text that may be a member, in bytes.
const VALUE_BYTES_MAX: usize = 24;

/// Parts of a member: more are a sentence.
const VALUE_PARTS_MAX: usize = 3;

/// Texts that a field has had, of how many callers, before one of them is shown.
const SIGHTINGS_MIN: u32 = 50;
const CALLERS_MIN: usize = 3;

/// Times that the text itself has come.
const VALUE_SIGHTINGS_MIN: u32 = 5;

/// The two counts where callers cannot be told apart, behind a gateway.
const SIGHTINGS_ALONE_MIN: u32 = 2000;
const VALUE_SIGHTINGS_ALONE_MIN: u32 = 50;

/// Parts of a field's own name behind which no text is looked at: of people, secrets, and what is
/// protected (GDPR article 9).
const SENSITIVE: &[&str] = &[
    "account",
    "address",
    "age",
    "alias",
    "answer",
    "assignee",
    "auth",
    "author",
    "birth",
    "birthday",
    "birthplace",
    "blood",
    "body",
    "by",
    "caste",
    "children",
    "citizenship",
    "city",
    "code",
    "comment",
    "contact",
    "cookie",
    "country",
    "credential",
    "credentials",
    "creed",
    "cvc",
    "cvv",
    "customer",
    "diagnosis",
    "disability",
    "dob",
    "education",
    "email",
    "employee",
    "employer",
    "ethnic",
    "ethnicity",
    "faith",
    "family",
    "father",
    "fingerprint",
    "first",
    "from",
    "gender",
    "genetic",
    "handle",
    "health",
    "hint",
    "iban",
    "income",
    "job",
    "key",
    "language",
    "last",
    "lastname",
    "location",
    "login",
    "mail",
    "marital",
    "marriage",
    "married",
    "medical",
    "medication",
    "member",
    "message",
    "mobile",
    "mood",
    "mother",
    "name",
    "names",
    "nationality",
    "nick",
    "nickname",
    "note",
    "notes",
    "occupation",
    "orientation",
    "origin",
    "otp",
    "owner",
    "parent",
    "partner",
    "party",
    "passcode",
    "passphrase",
    "passport",
    "password",
    "patient",
    "person",
    "phone",
    "pin",
    "place",
    "political",
    "politics",
    "pregnant",
    "profession",
    "pronoun",
    "pronouns",
    "pwd",
    "race",
    "recipient",
    "region",
    "relationship",
    "religion",
    "religious",
    "reporter",
    "salary",
    "salt",
    "secret",
    "sender",
    "session",
    "sex",
    "sexual",
    "sid",
    "signature",
    "spouse",
    "ssn",
    "street",
    "student",
    "subject",
    "surname",
    "tax",
    "text",
    "title",
    "to",
    "token",
    "town",
    "tribe",
    "union",
    "user",
    "username",
    "vote",
    "weight",
    "who",
    "zip",
];

/// Parts of any name above it that do the same.
const SENSITIVE_ABOVE: &[&str] = &[
    "auth",
    "biometric",
    "biometrics",
    "credential",
    "credentials",
    "diagnosis",
    "disability",
    "ethnicity",
    "gender",
    "genetic",
    "health",
    "medical",
    "medication",
    "patient",
    "politics",
    "religion",
    "secret",
    "secrets",
    "sex",
    "sexual",
];

/// Endpoints under watch, as the inventory tells them apart. Past that all fields count as open.
const ENDPOINTS_WATCHED_MAX: usize = 16_384;

/// Words of 64 bits in the sets of open fields of all endpoints together: 4 MiB.
const OPEN_WORDS_MAX: usize = 512 * 1024;

/// Fields under watch.
pub(super) struct Values {
    seed: Seed,
    key: [u8; 16],
    dictionary: Arc<Dictionary>,
    endpoints: Vec<Endpoint>,
    by_hash: HashTable<u32>,
    /// The endpoint that is read now, taken out of its place in `endpoints`.
    now: Endpoint,
    at: Option<usize>,
    /// Where among the closed fields the next one is expected: they come in one order.
    cursor: usize,
    /// Words of all sets of open fields, and closed fields of all endpoints.
    words: usize,
    closed: usize,
    /// Hash of who calls now.
    caller: u64,
    /// Members met for the first time, or shown, in this call.
    seen: Vec<ValueSeen>,
}

/// One endpoint.
#[derive(Default)]
struct Endpoint {
    hash: u64,
    /// A bit for each field that is open, from the field 64 times `base` on: numbers of fields that came
    /// together are near each other.
    open: Vec<u64>,
    base: usize,
    /// Fields that had no other texts than members, in the order in which they came first.
    closed: Vec<Entry>,
}

/// One field of one endpoint.
struct Entry {
    field: u32,
    sightings: u32,
    /// The first callers.
    callers: [u64; CALLERS_MIN],
    members: Vec<Member>,
}

struct Member {
    quick: u64,
    hash: u64,
    sightings: u32,
    is_shown: bool,
}

impl Entry {
    /// A text that came so often may be shown: the set has been seen often and from several sides.
    fn shows(&self, member: &Member) -> bool {
        let several = self.callers.iter().all(|caller| *caller != 0)
            && self.sightings >= SIGHTINGS_MIN
            && member.sightings >= VALUE_SIGHTINGS_MIN;
        several || (self.sightings >= SIGHTINGS_ALONE_MIN && member.sightings >= VALUE_SIGHTINGS_ALONE_MIN)
    }
}

/// The name of a field, or one above it, speaks of what must stay unknown.
pub(super) fn is_sensitive(name: &str) -> bool {
    let is_in = |list: &[&str], part: &[u8]| {
        let small = part.to_ascii_lowercase();
        let stem = small.strip_suffix(b"s").unwrap_or(&small);
        list.iter().any(|word| word.as_bytes() == small || word.as_bytes() == stem)
    };
    // Of items and of keys that are data the name above is the own one.
    let mut named = name.rsplit('/').filter(|part| !part.is_empty() && !matches!(*part, "*" | "{key}"));
    let own = named.next().unwrap_or_default();
    // A name that is not known, or none, says nothing in favour.
    own.is_empty()
        || own == "{name}"
        || parts(own.as_bytes()).any(|part| is_in(SENSITIVE, part))
        || named.any(|above| parts(above.as_bytes()).any(|part| is_in(SENSITIVE_ABOVE, part)))
}

impl Values {
    pub(super) fn new(seed: Seed, key: [u8; 16], dictionary: Arc<Dictionary>) -> Values {
        Values {
            seed,
            key,
            dictionary,
            endpoints: Vec::new(),
            by_hash: HashTable::new(),
            now: Endpoint::default(),
            at: None,
            cursor: 0,
            words: 0,
            closed: 0,
            caller: 0,
            seen: Vec::new(),
        }
    }

    /// What comes now is of this endpoint and this caller.
    pub(super) fn begin(&mut self, endpoint: u64, caller: u64) {
        // Zero stands for none.
        (self.caller, self.cursor) = (caller | 1, 0);
        if self.at.is_some() && self.now.hash == endpoint {
            return;
        }
        let now = std::mem::take(&mut self.now);
        if let Some(at) = self.at {
            self.endpoints[at] = now;
        }
        let endpoints = &self.endpoints;
        let known = self.by_hash.find(endpoint, |&at| endpoints[at as usize].hash == endpoint);
        self.at = match known {
            Some(&at) => Some(at as usize),
            None if endpoints.len() < ENDPOINTS_WATCHED_MAX => {
                let at = endpoints.len();
                self.endpoints.push(Endpoint { hash: endpoint, ..Endpoint::default() });
                let endpoints = &self.endpoints;
                self.by_hash.insert_unique(endpoint, at as u32, |&at| endpoints[at as usize].hash);
                Some(at)
            }
            None => None,
        };
        if let Some(at) = self.at {
            self.now = std::mem::take(&mut self.endpoints[at]);
            // By it the place is found while its content is here.
            self.endpoints[at].hash = endpoint;
        }
    }

    /// The members met for the first time, or shown, since the last time.
    pub(super) fn take(&mut self) -> Vec<ValueSeen> {
        std::mem::take(&mut self.seen)
    }

    /// Looks at a text without a format of a field; true if the field is open.
    #[inline]
    pub(super) fn look(
        &mut self,
        field: u32,
        text: &[u8],
        names: &FieldNames,
        counters: &mut Counters,
    ) -> bool {
        let open = self.now.open.get((field as usize / 64).wrapping_sub(self.now.base));
        open.is_some_and(|bits| bits >> (field % 64) & 1 != 0)
            || text.len() > VALUE_BYTES_MAX
            || self.look_closer(field, text, names, counters)
    }

    #[inline(never)]
    fn look_closer(&mut self, field: u32, text: &[u8], names: &FieldNames, counters: &mut Counters) -> bool {
        let closed = &self.now.closed;
        let at = match closed.get(self.cursor) {
            Some(entry) if entry.field == field => Some(self.cursor),
            // Items of one array.
            _ if self.cursor > 0 && closed.get(self.cursor - 1).is_some_and(|entry| entry.field == field) => {
                Some(self.cursor - 1)
            }
            _ => closed.iter().position(|entry| entry.field == field),
        };
        let Some(at) = at.or_else(|| self.watch(field, names, counters)) else {
            self.set_open(field, counters);
            return true;
        };
        self.cursor = at + 1;
        let opens = !self.sight(at, text, names);
        if opens {
            self.now.closed.remove(at);
            self.closed -= 1;
            self.set_open(field, counters);
        }
        opens
    }

    fn set_open(&mut self, field: u32, counters: &mut Counters) {
        let Endpoint { open, base, .. } = &mut self.now;
        let word = field as usize / 64;
        if open.is_empty() {
            *base = word;
        }
        let before = base.saturating_sub(word);
        let behind = (word + 1).saturating_sub(*base + open.len());
        if self.at.is_none() || self.words + before + behind > OPEN_WORDS_MAX {
            return counters.add(Counter::FieldValuesFull);
        }
        self.words += before + behind;
        open.reserve_exact(before + behind);
        open.splice(..0, std::iter::repeat_n(0, before));
        open.resize(open.len() + behind, 0);
        *base -= before;
        open[word - *base] |= 1 << (field % 64);
    }

    /// Watches a field that came for the first time, unless it must not or there is no room.
    fn watch(&mut self, field: u32, names: &FieldNames, counters: &mut Counters) -> Option<usize> {
        if names.is_sensitive(field) {
            return None;
        }
        // With no room in the sets it would not be known that it was open once.
        if self.at.is_none() || self.closed >= VALUES_WATCHED_MAX || self.words + 1024 > OPEN_WORDS_MAX {
            counters.add(Counter::FieldValuesFull);
            return None;
        }
        self.closed += 1;
        let (sightings, callers, members) = (0, [0; CALLERS_MIN], Vec::new());
        self.now.closed.reserve_exact(1);
        self.now.closed.push(Entry { field, sightings, callers, members });
        Some(self.now.closed.len() - 1)
    }

    /// Counts a sighting; false if the text opens the field.
    fn sight(&mut self, at: usize, text: &[u8], names: &FieldNames) -> bool {
        let quick = self.seed.bytes(2, text);
        let entry = &mut self.now.closed[at];
        let field = entry.field;
        let at = match entry.members.iter().position(|member| member.quick == quick) {
            Some(at) => at,
            None => {
                let is_word = parts(text).take(VALUE_PARTS_MAX + 1).count() <= VALUE_PARTS_MAX
                    && self.dictionary.is_route(text);
                if !is_word || entry.members.len() == FIELD_VALUES_MAX {
                    return false;
                }
                let hash = hash(&self.key, self.now.hash, names, field, text);
                // Most sets stay as small as they are.
                entry.members.reserve_exact(1);
                entry.members.push(Member { quick, hash, sightings: 0, is_shown: false });
                self.seen.push(ValueSeen { field: FieldId(field), hash, word: None });
                entry.members.len() - 1
            }
        };
        if entry.members[at].is_shown {
            return true;
        }
        entry.sightings = entry.sightings.saturating_add(1);
        entry.members[at].sightings = entry.members[at].sightings.saturating_add(1);
        if !entry.callers.contains(&self.caller)
            && let Some(free) = entry.callers.iter_mut().find(|caller| **caller == 0)
        {
            *free = self.caller;
        }
        if entry.shows(&entry.members[at]) {
            let member = &mut entry.members[at];
            member.is_shown = true;
            // All its bytes were shown to be ASCII when it became a member.
            let word = Some(String::from_utf8_lossy(text).into());
            self.seen.push(ValueSeen { field: FieldId(field), hash: member.hash, word });
        }
        true
    }
}

/// Keyed hash of a member, the same in all runs of one installation, and another one in every other
/// field and at every other endpoint.
fn hash(key: &[u8; 16], endpoint: u64, names: &FieldNames, field: u32, text: &[u8]) -> u64 {
    let (place, name) = (names.place(FieldId(field)), names.name(FieldId(field)));
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(b"value");
    hasher.write(&endpoint.to_le_bytes());
    hasher.write(place.name().as_bytes());
    hasher.write(name.as_bytes());
    hasher.write(b"\0");
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_speak_of_people_or_secrets_are_left_alone() {
        for name in [
            "/gender",
            "/customer/gender",
            "/firstName",
            "/user_name",
            "/users/*/religion",
            "/health/status",
            "/patient/state/*",
            "/token",
            "/apiKeys/*",
            "",
            "/*",
            "{name}",
            "/owner",
            "/names/{key}",
            "sex",
            "/assignedTo",
            "/createdBy",
            "/maritalStatus",
            "/language",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in [
            "/status",
            "/orders/*/status",
            "/state/{key}",
            "sort",
            "/payment/method",
            "/type",
            "/user/status",
        ] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
