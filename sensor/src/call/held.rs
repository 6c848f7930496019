//! Names of fields that are in no vocabulary, held back until they are shown to be names and not
//! data used as keys (`{"alice": 1}`, `?alice=1`). Their text is not kept here, a hash of it is. The
//! one place of that rule: a name is shown when, at one endpoint and under one parent,
//!
//! * it was in [`SIGHTINGS_MIN`] different texts (a text is the whole query, head, cookie line or
//!   body that the name stands in; the same one from another caller is another), and
//! * at most [`SIBLINGS_MAX`] such names came there: where there are more, they are keys of a map.
//!
//! What can still slip through: the keys of a map that stays as small, in documents that change
//! around them. A name once shown is known under its parent wherever it comes then.

use hashbrown::{HashSet, HashTable};

use super::Facts;
use super::hash::Seed;
use crate::counter::{Counter, Counters};
use crate::limits::FIELD_NAMES_HELD_MAX;

/// Different texts that show a name.
const SIGHTINGS_MIN: usize = 4;

/// Names that are in no vocabulary under one parent that may still all be names.
const SIBLINGS_MAX: u32 = 24;

struct Name {
    hash: u64,
    place: u64,
    texts: [u64; SIGHTINGS_MIN],
    sightings: u32,
    /// Sightings in all while it was held back, and what the values looked like.
    instances: u32,
    facts: Facts,
}

/// A parent at one endpoint.
struct Place {
    hash: u64,
    /// Names that came, one more than [`SIBLINGS_MAX`] for a map. Not less when one is let go.
    siblings: u32,
}

/// The names held back, bounded by [`FIELD_NAMES_HELD_MAX`].
pub(super) struct Held {
    seed: Seed,
    names: HashTable<Name>,
    places: HashTable<Place>,
    /// Hash of the endpoint, and of the caller.
    endpoint: u64,
    caller: u64,
    /// Where the text begins that was hashed last in this call, how long it is, and its hash.
    text: (usize, usize, u64),
    /// Hash of the name sighted last, if it was held back.
    last: u64,
}

impl Held {
    pub(super) fn new(seed: Seed) -> Held {
        let (names, places) = (HashTable::new(), HashTable::new());
        Held { seed, names, places, endpoint: 0, caller: 0, text: (0, 0, 0), last: 0 }
    }

    /// What comes now is of this endpoint and this caller.
    pub(super) fn begin(&mut self, endpoint: u64, caller: u64) {
        (self.endpoint, self.caller, self.text) = (endpoint, caller, (0, 0, 0));
    }

    /// The endpoint that names are of now.
    pub(super) fn endpoint(&self) -> u64 {
        self.endpoint
    }

    /// Counts one sighting of a name under a parent in a text; true if it is shown.
    pub(super) fn sight(&mut self, parent: u32, name: &[u8], text: &[u8], counters: &mut Counters) -> bool {
        let place_hash = self.seed.number(self.endpoint, u64::from(parent));
        let hash = self.seed.bytes(place_hash, name);
        self.last = 0;
        let known = self.places.find_mut(place_hash, |place| place.hash == place_hash);
        if known.as_ref().is_some_and(|place| place.siblings > SIBLINGS_MAX) {
            return false;
        }
        if let Some(known) = self.names.find(hash, |name| name.hash == hash)
            && known.sightings as usize == SIGHTINGS_MIN
        {
            return true;
        }
        let text = self.text(text);
        if let Some(known) = self.names.find_mut(hash, |name| name.hash == hash) {
            if !known.texts[..known.sightings as usize].contains(&text) {
                known.texts[known.sightings as usize] = text;
                known.sightings += 1;
            }
            let shown = known.sightings as usize == SIGHTINGS_MIN;
            if !shown {
                known.instances = known.instances.saturating_add(1);
                self.last = hash;
            }
            return shown;
        }
        if self.names.len() >= FIELD_NAMES_HELD_MAX {
            self.sweep(counters);
        }
        let place = self.places.entry(place_hash, |place| place.hash == place_hash, |place| place.hash);
        let place = place.or_insert(Place { hash: place_hash, siblings: 0 }).into_mut();
        place.siblings += 1;
        if place.siblings <= SIBLINGS_MAX {
            let mut texts = [0; SIGHTINGS_MIN];
            texts[0] = text;
            let facts = Facts::NONE;
            let name = Name { hash, place: place_hash, texts, sightings: 1, instances: 1, facts };
            self.names.insert_unique(hash, name, |name| name.hash);
            self.last = hash;
        }
        false
    }

    /// Says what the value of the name sighted last looked like.
    pub(super) fn value(&mut self, facts: Facts) {
        let last = std::mem::take(&mut self.last);
        if last != 0
            && let Some(name) = self.names.find_mut(last, |name| name.hash == last)
        {
            name.facts |= facts;
        }
    }

    /// Takes how often a name under a parent came at this endpoint while it was held back, and what its
    /// values looked like.
    pub(super) fn claim(&mut self, parent: u32, name: &[u8]) -> (u32, Facts) {
        let place_hash = self.seed.number(self.endpoint, u64::from(parent));
        let hash = self.seed.bytes(place_hash, name);
        match self.names.find_mut(hash, |name| name.hash == hash) {
            Some(name) => (std::mem::take(&mut name.instances), std::mem::take(&mut name.facts)),
            None => (0, Facts::NONE),
        }
    }

    /// Hash of a text and of who sent it. A text may be long and have many names in it.
    fn text(&mut self, text: &[u8]) -> u64 {
        // All texts of one call are alive until its end: one place in memory is one text.
        let at = (text.as_ptr() as usize, text.len());
        if (self.text.0, self.text.1) != at {
            self.text = (at.0, at.1, self.seed.bytes(self.caller, text));
        }
        self.text.2
    }

    /// Makes room: first goes what was seen once, then all else.
    fn sweep(&mut self, counters: &mut Counters) {
        let full = self.names.len();
        self.names.retain(|name| name.sightings > 1);
        if self.names.len() > FIELD_NAMES_HELD_MAX / 2 {
            self.names.clear();
        }
        counters.add_many(Counter::FieldNamesHeldFull, (full - self.names.len()) as u64);
        let kept: HashSet<u64> = self.names.iter().map(|name| name.place).collect();
        // That a parent is a map is worth knowing for longer.
        let mut room = FIELD_NAMES_HELD_MAX;
        self.places.retain(|place| {
            room = room.saturating_sub(1);
            kept.contains(&place.hash) || (place.siblings > SIBLINGS_MAX && room > 0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (Held, Counters) {
        let mut held = Held::new(Seed::new([5; 16]));
        held.begin(1, 1);
        (held, Counters::default())
    }

    #[test]
    fn different_texts_show_a_name() {
        let (mut held, mut counters) = fresh();
        for repeat in 0..60 {
            assert!(!held.sight(7, b"wombat", b"the same", &mut counters), "{repeat}");
        }
        let texts = ["one", "two", "three"];
        let shown = texts.map(|text| held.sight(7, b"wombat", text.as_bytes(), &mut counters));
        assert_eq!(shown, [false, false, true]);
        assert!(held.sight(7, b"wombat", b"the same", &mut counters));
        assert!(!held.sight(8, b"wombat", b"four", &mut counters), "under another parent");
        held.begin(2, 1);
        assert!(!held.sight(7, b"wombat", b"four", &mut counters), "at another endpoint");
    }

    #[test]
    fn the_same_text_of_another_caller_is_another() {
        let (mut held, mut counters) = fresh();
        let shown = [1, 2, 2, 3, 4].map(|caller| {
            held.begin(1, caller);
            held.sight(7, b"wombat", b"the same", &mut counters)
        });
        assert_eq!(shown, [false, false, false, false, true]);
    }

    #[test]
    fn many_names_under_one_parent_are_keys_of_a_map() {
        let (mut held, mut counters) = fresh();
        let names: Vec<String> = (0..=SIBLINGS_MAX).map(|n| format!("name{n}")).collect();
        for text in ["one", "two", "three", "four", "five"] {
            for name in &names {
                assert!(!held.sight(7, name.as_bytes(), text.as_bytes(), &mut counters));
            }
        }
        // One fewer are names.
        for (n, text) in ["one", "two", "three", "four"].into_iter().enumerate() {
            for name in &names[1..] {
                assert_eq!(held.sight(8, name.as_bytes(), text.as_bytes(), &mut counters), n == 3);
            }
        }
    }

    #[test]
    fn a_full_table_lets_go_of_what_was_seen_least() {
        let (mut held, mut counters) = fresh();
        let texts: Vec<String> = (0..4).map(|n| n.to_string()).collect();
        for text in &texts[..3] {
            assert!(!held.sight(7, b"wombat", text.as_bytes(), &mut counters));
        }
        for number in 0..3 * FIELD_NAMES_HELD_MAX as u64 {
            held.begin(number, 1);
            held.sight(7, b"wombat", b"text", &mut counters);
            assert!(held.names.len() <= FIELD_NAMES_HELD_MAX);
        }
        assert!(held.places.len() <= 2 * FIELD_NAMES_HELD_MAX);
        assert!(counters.count(Counter::FieldNamesHeldFull) >= FIELD_NAMES_HELD_MAX as u64);
        held.begin(1, 1);
        assert!(held.sight(7, b"wombat", texts[3].as_bytes(), &mut counters), "not forgotten");
    }
}
