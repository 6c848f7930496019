//! Path words under observation: segments that could be words of a route or somebody's name. Their
//! text stays here; what leaves is a keyed hash, and the text only once it is shown to be a route
//! word. A segment is shown to be one when, behind one and the same path,
//!
//! * it was in [`CALLS_OF_SEVERAL`] answered calls (status below 400) of two callers or more, or in
//!   [`CALLS_OF_ONE`] answered calls, and
//! * at most [`SIBLINGS_MAX`] such segments were answered there: where there are more, they are
//!   values, and
//! * the segment before is no plural: behind `/users`, what is in no dictionary is most often
//!   somebody, and a list that small shows nobody.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::hash::Seed;
use super::looks::parts;
use super::words::singular;
use crate::counter::{Counter, Counters};
use crate::limits::PATH_WORDS_MAX;

/// Answered calls that suffice when two callers or more made them.
const CALLS_OF_SEVERAL: u32 = 20;

/// Answered calls that suffice whoever made them.
const CALLS_OF_ONE: u32 = 200;

/// Words under observation behind one path that may still all be route words.
const SIBLINGS_MAX: u32 = 24;

/// What is known of the call that a segment was seen in.
#[derive(Clone, Copy)]
pub(super) struct Sighting<'a> {
    /// Hash of the caller.
    pub(super) caller: u64,
    /// Hash of the service and of the segments before.
    pub(super) before: u64,
    /// The segment before as sent, empty for the first one.
    pub(super) parent: &'a [u8],
    /// The call was answered with a status below 400.
    pub(super) answered: bool,
}

/// A segment at one place: behind one path.
struct Candidate {
    hidden: u64,
    before: u64,
    text: Box<str>,
    calls: u32,
    caller: Option<u64>,
    several: bool,
    shown: bool,
}

struct Place {
    before: u64,
    siblings: u32,
}

/// The table of words under observation, bounded by [`PATH_WORDS_MAX`].
pub(super) struct Evidence {
    key: [u8; 16],
    seed: Seed,
    candidates: HashTable<Candidate>,
    places: HashTable<Place>,
    shown: BTreeMap<u64, Arc<str>>,
}

impl Evidence {
    pub(super) fn new(key: [u8; 16], seed: Seed) -> Evidence {
        Evidence { key, seed, candidates: HashTable::new(), places: HashTable::new(), shown: BTreeMap::new() }
    }

    /// Keyed hash of a segment, the same in all runs of one installation.
    pub(super) fn hidden(&self, text: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(text);
        hasher.finish()
    }

    /// Counts one sighting; `None` when the table is full and the segment is not in it.
    pub(super) fn sight(&mut self, text: &[u8], sighting: &Sighting, counters: &mut Counters) -> Option<u64> {
        let hidden = self.hidden(text);
        let (seed, before) = (self.seed, sighting.before);
        let hash = seed.number(before, hidden);
        let candidate = match self.candidates.find_mut(hash, |c| c.hidden == hidden && c.before == before) {
            Some(known) => known,
            None => {
                if self.candidates.len() >= PATH_WORDS_MAX {
                    counters.add(Counter::PathWordsFull);
                    return None;
                }
                // Only ASCII letters come here.
                let text = String::from_utf8_lossy(text).into();
                let new =
                    Candidate { hidden, before, text, calls: 0, caller: None, several: false, shown: false };
                let rehash = |c: &Candidate| seed.number(c.before, c.hidden);
                self.candidates.insert_unique(hash, new, rehash).into_mut()
            }
        };
        if candidate.shown || !sighting.answered {
            return Some(hidden);
        }
        if candidate.calls == 0 {
            self.places
                .entry(before, |place| place.before == before, |place| place.before)
                .or_insert(Place { before, siblings: 0 })
                .get_mut()
                .siblings += 1;
        }
        candidate.calls = candidate.calls.saturating_add(1);
        candidate.several |= candidate.caller.is_some_and(|first| first != sighting.caller);
        candidate.caller.get_or_insert(sighting.caller);
        let enough = if candidate.several { CALLS_OF_SEVERAL } else { CALLS_OF_ONE };
        if candidate.calls >= enough {
            let place = self.places.find(before, |place| place.before == before);
            if place.is_some_and(|place| place.siblings <= SIBLINGS_MAX) && !is_collection(sighting.parent) {
                candidate.shown = true;
                self.shown.insert(hidden, Arc::from(&*candidate.text));
            }
        }
        Some(hidden)
    }

    /// Words shown since the last time.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Arc<str>> {
        std::mem::take(&mut self.shown)
    }
}

/// The segment names many things of one kind, so that one of them is likely to follow.
fn is_collection(segment: &[u8]) -> bool {
    /// Plurals that are followed by routes.
    const PREFIXES: &[&str] = &["apis", "services"];
    let Some(last) = parts(segment).last().and_then(|last| std::str::from_utf8(last).ok()) else {
        return false;
    };
    let last = last.to_ascii_lowercase();
    !PREFIXES.contains(&&*last) && singular(&last) != last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(evidence: &mut Evidence, text: &str, caller: u64, answered: bool) {
        let sighting = Sighting { caller, before: 7, parent: b"v1", answered };
        evidence.sight(text.as_bytes(), &sighting, &mut Counters::default());
    }

    fn fresh() -> Evidence {
        Evidence::new([3; 16], Seed::new([3; 16]))
    }

    #[test]
    fn two_callers_show_a_word_in_twenty_calls() {
        let mut evidence = fresh();
        for call in 0..19 {
            sight(&mut evidence, "wombats", call % 2, true);
            sight(&mut evidence, "missing", call % 2, false);
        }
        assert!(evidence.take().is_empty());
        sight(&mut evidence, "wombats", 0, true);
        sight(&mut evidence, "missing", 0, false);
        let shown = evidence.take();
        assert_eq!(shown.get(&evidence.hidden(b"wombats")).map(|w| &**w), Some("wombats"));
        assert_eq!(shown.len(), 1);
        assert!(evidence.take().is_empty());
    }

    #[test]
    fn one_caller_needs_two_hundred() {
        let mut evidence = fresh();
        for _ in 0..199 {
            sight(&mut evidence, "wombats", 1, true);
        }
        assert!(evidence.take().is_empty());
        sight(&mut evidence, "wombats", 1, true);
        assert_eq!(evidence.take().len(), 1);
    }

    #[test]
    fn members_of_a_collection_are_never_shown() {
        for (parent, shown) in [
            ("users", 0),
            ("order-items", 0),
            ("orderItems", 0),
            ("user", 1),
            ("status", 1),
            ("apis", 1),
            ("", 1),
        ] {
            let mut evidence = fresh();
            for call in 0..300 {
                let sighting =
                    Sighting { caller: call % 2, before: 7, parent: parent.as_bytes(), answered: true };
                evidence.sight(b"wombat", &sighting, &mut Counters::default());
            }
            assert_eq!(evidence.take().len(), shown, "{parent}");
        }
    }

    #[test]
    fn many_siblings_are_values() {
        let mut evidence = fresh();
        let name = |n: u32| {
            format!("name{}", char::from(b'a' + (n % 26) as u8).to_string().repeat(1 + n as usize / 26))
        };
        for n in 0..=SIBLINGS_MAX {
            sight(&mut evidence, &name(n), 1, true);
        }
        for _ in 0..300 {
            sight(&mut evidence, &name(0), 1, true);
            sight(&mut evidence, &name(1), 2, true);
        }
        assert!(evidence.take().is_empty());
    }

    #[test]
    fn the_table_is_bounded() {
        let mut evidence = fresh();
        let mut counters = Counters::default();
        for n in 0..PATH_WORDS_MAX as u64 {
            let sighting = Sighting { caller: 1, before: n, parent: b"", answered: true };
            assert!(evidence.sight(b"wombats", &sighting, &mut counters).is_some());
        }
        let sighting = Sighting { caller: 1, before: u64::MAX, parent: b"", answered: true };
        assert_eq!(evidence.sight(b"wombats", &sighting, &mut counters), None);
        assert_eq!(counters.count(Counter::PathWordsFull), 1);
    }
}
