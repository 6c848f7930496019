//! Path words under observation: segments that could be words of a route or somebody's name. Their
//! text stays here; what leaves is a hash of the word and its place, and the text only once it is
//! shown to be a route word there. The one place of that rule: a word is shown when [`is_open`] says
//! that its place may show any, and behind that very path either
//!
//! * it was in [`CALLS_MIN`] answered calls (status below 400) of [`CALLERS_MIN`] callers, the calls
//!   went on in two ways at least (another next segment, or another method), and at most
//!   [`SIBLINGS_MAX`] such words were answered there: where there are more, they are values; or
//! * it was in [`CALLS_LONG_MIN`] answered calls over [`LONG_NS`] of time, and at most
//!   [`SIBLINGS_LONG_MAX`] such words were answered there.
//!
//! What can still slip through: where a service has few names directly behind its host or behind a
//! singular word (`/alice`, `/team/alice`), one that many call in several ways looks like a route. So
//! does one that is asked for all day with at most two others. Words once shown stay shown.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::{HashSet, HashTable};
use siphasher::sip::SipHasher13;

use super::Segment;
use super::looks::parts;
use super::words::singular;
use crate::counter::{Counter, Counters};
use crate::flow::Timestamp;
use crate::limits::PATH_WORDS_MAX;

/// Answered calls that suffice with the other evidence.
const CALLS_MIN: u32 = 50;

/// Callers that must have made them.
const CALLERS_MIN: usize = 3;

/// Words under observation behind one path that may still all be route words.
const SIBLINGS_MAX: u32 = 12;

/// Answered calls that suffice over a long time, whoever made them: a leaf has one method often, and
/// a service of the inside one caller.
const CALLS_LONG_MIN: u32 = 5_000;

/// That long time, in nanoseconds.
const LONG_NS: u64 = 24 * 3600 * 1_000_000_000;

/// As [`SIBLINGS_MAX`] for words shown by time.
const SIBLINGS_LONG_MAX: u32 = 3;

/// What is known of the call that a segment was seen in.
#[derive(Clone, Copy)]
pub(super) struct Sighting {
    /// Hash of the service and of the segments before.
    pub(super) before: u64,
    /// Hash of the caller.
    pub(super) caller: u64,
    /// When.
    pub(super) at: Timestamp,
    /// The call was answered with a status below 400.
    pub(super) answered: bool,
    /// Number that stands for what comes behind, and for the method; `None` if that says nothing.
    pub(super) next: Option<u64>,
}

/// A segment at one place: behind one path.
struct Candidate {
    hidden: u64,
    before: u64,
    text: Box<str>,
    /// Calls, halved at each sweep.
    sightings: u32,
    /// Answered calls.
    calls: u32,
    first: Timestamp,
    callers: [u64; CALLERS_MIN],
    callers_known: usize,
    next: Option<u64>,
    /// Calls went on in two ways.
    branches: bool,
    shown: bool,
}

struct Place {
    before: u64,
    /// Words answered here. Not less when one is let go.
    siblings: u32,
}

/// The table of words under observation, bounded by [`PATH_WORDS_MAX`].
pub(super) struct Evidence {
    key: [u8; 16],
    candidates: HashTable<Candidate>,
    places: HashTable<Place>,
    shown: BTreeMap<u64, Arc<str>>,
}

impl Evidence {
    pub(super) fn new(key: [u8; 16]) -> Evidence {
        Evidence { key, candidates: HashTable::new(), places: HashTable::new(), shown: BTreeMap::new() }
    }

    /// Keyed hash of a segment behind one path, the same in all runs of one installation. The same
    /// word behind another path has another: showing one shows nothing of the other.
    pub(super) fn hidden(&self, before: u64, text: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&before.to_le_bytes());
        hasher.write(text);
        hasher.finish()
    }

    /// Counts one sighting of a word whose place [`is_open`]; `hidden` is its hash there.
    pub(super) fn sight(&mut self, hidden: u64, text: &[u8], sighting: &Sighting, counters: &mut Counters) {
        let before = sighting.before;
        if self.candidates.len() >= PATH_WORDS_MAX && self.candidate(hidden).is_none() {
            self.sweep(counters);
        }
        let candidate = self.candidates.entry(hidden, |c| c.hidden == hidden, |c| c.hidden);
        let entry = candidate.or_insert_with(|| Candidate {
            hidden,
            before,
            // Only ASCII comes here.
            text: String::from_utf8_lossy(text).into(),
            sightings: 0,
            calls: 0,
            first: sighting.at,
            callers: [0; CALLERS_MIN],
            callers_known: 0,
            next: None,
            branches: false,
            shown: false,
        });
        let candidate = entry.into_mut();
        candidate.sightings = candidate.sightings.saturating_add(1);
        if candidate.shown || !sighting.answered {
            return;
        }
        let place = self.places.entry(before, |place| place.before == before, |place| place.before);
        let place = place.or_insert(Place { before, siblings: 0 }).into_mut();
        if candidate.calls == 0 {
            place.siblings = place.siblings.saturating_add(1);
        }
        candidate.count(sighting);
        if candidate.is_route(sighting.at, place.siblings) {
            candidate.shown = true;
            self.shown.insert(hidden, Arc::from(&*candidate.text));
        }
    }

    fn candidate(&self, hidden: u64) -> Option<&Candidate> {
        self.candidates.find(hidden, |c| c.hidden == hidden)
    }

    /// Lets go of the words seen least. Each sweep makes the next one bite deeper, so that one
    /// always makes room in the end; those that were seen often stay longest.
    fn sweep(&mut self, counters: &mut Counters) {
        let full = self.candidates.len();
        while self.candidates.len() >= PATH_WORDS_MAX {
            self.candidates.retain(|candidate| {
                candidate.sightings /= 2;
                candidate.sightings > 0
            });
        }
        counters.add_many(Counter::PathWordsFull, (full - self.candidates.len()) as u64);
        let kept: HashSet<u64> = self.candidates.iter().map(|candidate| candidate.before).collect();
        // Where there were many words they are values: that is worth knowing for longer.
        let mut room = PATH_WORDS_MAX;
        self.places.retain(|place| {
            room = room.saturating_sub(1);
            kept.contains(&place.before) || (place.siblings > SIBLINGS_MAX && room > 0)
        });
    }

    /// Words shown since the last time.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Arc<str>> {
        std::mem::take(&mut self.shown)
    }
}

impl Candidate {
    fn count(&mut self, sighting: &Sighting) {
        self.calls = self.calls.saturating_add(1);
        self.first = self.first.min(sighting.at);
        let known = self.callers_known;
        if known < CALLERS_MIN && !self.callers[..known].contains(&sighting.caller) {
            self.callers[known] = sighting.caller;
            self.callers_known += 1;
        }
        if let Some(next) = sighting.next {
            self.branches |= *self.next.get_or_insert(next) != next;
        }
    }

    fn is_route(&self, now: Timestamp, siblings: u32) -> bool {
        let by_structure = self.calls >= CALLS_MIN
            && self.callers_known == CALLERS_MIN
            && self.branches
            && siblings <= SIBLINGS_MAX;
        let by_time =
            self.calls >= CALLS_LONG_MIN && now.since(self.first) >= LONG_NS && siblings <= SIBLINGS_LONG_MAX;
        by_structure || by_time
    }
}

/// A word that is in no dictionary may ever be shown behind this segment (`None`: it is the first).
/// Behind a plural most such words are somebody's (`/users/alice`), and a list that small shows
/// nobody; behind a value, or behind what may be one, nothing is known of the place.
pub(crate) fn is_open(before: Option<&Segment>) -> bool {
    match before {
        None => true,
        Some(Segment::Word(word)) => !is_collection(word),
        Some(Segment::Hidden(_) | Segment::Parameter(_)) => false,
    }
}

/// The segment names many things of one kind, so that one of them is likely to follow.
fn is_collection(segment: &str) -> bool {
    /// Plurals that are followed by routes.
    const PREFIXES: &[&str] = &["apis", "services"];
    let Some(last) = parts(segment.as_bytes()).last().and_then(|last| std::str::from_utf8(last).ok()) else {
        return false;
    };
    let last = last.to_ascii_lowercase();
    !PREFIXES.contains(&&*last) && singular(&last) != last
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: u64 = 3600 * 1_000_000_000;

    struct Rig(Evidence, Counters);

    impl Rig {
        fn new() -> Rig {
            Rig(Evidence::new([3; 16]), Counters::default())
        }

        /// Sees a word `calls` times from as many callers as given, one after the other, going on in
        /// as many ways.
        fn see(&mut self, text: &str, calls: u64, callers: u64, ways: u64) -> &mut Rig {
            self.see_over(text, calls, callers, ways, 0)
        }

        fn see_over(&mut self, text: &str, calls: u64, callers: u64, ways: u64, ns: u64) -> &mut Rig {
            for call in 0..calls {
                let at = Timestamp(HOUR_NS + ns / calls.max(2) * (call + 1));
                let next = Some(call % ways);
                let sighting = Sighting { before: 7, caller: call % callers, at, answered: true, next };
                self.sight(text, &sighting);
            }
            self
        }

        fn sight(&mut self, text: &str, sighting: &Sighting) {
            let hidden = self.0.hidden(sighting.before, text.as_bytes());
            self.0.sight(hidden, text.as_bytes(), sighting, &mut self.1);
        }

        fn shown(&mut self) -> Vec<String> {
            self.0.take().values().map(|word| word.to_string()).collect()
        }
    }

    #[test]
    fn calls_callers_and_ways_show_a_word() {
        let mut rig = Rig::new();
        assert!(rig.see("wombats", 49, 3, 2).shown().is_empty());
        assert_eq!(rig.see("wombats", 1, 3, 2).shown(), ["wombats"]);
        assert!(rig.see("wombats", 100, 3, 2).shown().is_empty(), "only once");
        for (calls, callers, ways) in [(4000, 2, 2), (4000, 1, 2), (4000, 3, 1), (49, 3, 2)] {
            assert!(Rig::new().see("alice", calls, callers, ways).shown().is_empty());
        }
    }

    #[test]
    fn refused_calls_show_nothing() {
        let mut rig = Rig::new();
        for call in 0..10_000 {
            let at = Timestamp(call * HOUR_NS);
            let sighting =
                Sighting { before: 7, caller: call % 9, at, answered: false, next: Some(call % 9) };
            rig.sight("alice", &sighting);
        }
        assert!(rig.shown().is_empty());
    }

    #[test]
    fn a_day_of_calls_shows_a_word_among_few() {
        assert_eq!(Rig::new().see_over("wombats", 6000, 1, 1, 30 * HOUR_NS).shown(), ["wombats"]);
        assert!(Rig::new().see_over("wombats", 6000, 1, 1, 20 * HOUR_NS).shown().is_empty());
        assert!(Rig::new().see_over("wombats", 4000, 1, 1, 30 * HOUR_NS).shown().is_empty());
        let mut rig = Rig::new();
        for other in ["alice", "bob", "carol"] {
            rig.see(other, 1, 1, 1);
        }
        assert!(rig.see_over("wombats", 6000, 1, 1, 30 * HOUR_NS).shown().is_empty());
    }

    #[test]
    fn many_siblings_are_values() {
        let mut rig = Rig::new();
        for n in 0..SIBLINGS_MAX as usize {
            rig.see(&"n".repeat(n + 1), 1, 1, 1);
        }
        assert!(rig.see("wombats", 5000, 3, 2).shown().is_empty());
    }

    #[test]
    fn members_of_a_collection_are_never_shown() {
        for (word, open) in [
            ("users", false),
            ("order-items", false),
            ("orderItems", false),
            ("user", true),
            ("status", true),
            ("apis", true),
            ("v1", true),
        ] {
            assert_eq!(is_open(Some(&Segment::Word(word.into()))), open, "{word}");
        }
        assert!(is_open(None));
        assert!(!is_open(Some(&Segment::Hidden(1))));
        assert!(!is_open(Some(&Segment::Parameter(crate::call::SegmentKind::Integer))));
    }

    #[test]
    fn a_word_has_another_hash_at_another_place() {
        let evidence = Evidence::new([3; 16]);
        assert_eq!(evidence.hidden(1, b"ford"), evidence.hidden(1, b"ford"));
        assert_ne!(evidence.hidden(1, b"ford"), evidence.hidden(2, b"ford"));
    }

    #[test]
    fn a_full_table_lets_go_of_what_was_seen_least() {
        let mut rig = Rig::new();
        rig.see("wombats", 40, 3, 2);
        let name = |n: usize| {
            let letters =
                n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
            format!("x{letters}")
        };
        for n in 0..3 * PATH_WORDS_MAX {
            let at = Timestamp(HOUR_NS);
            let sighting = Sighting { before: n as u64, caller: 1, at, answered: true, next: None };
            rig.sight(&name(n), &sighting);
            assert!(rig.0.candidates.len() <= PATH_WORDS_MAX);
        }
        assert!(rig.0.places.len() <= 2 * PATH_WORDS_MAX);
        assert!(rig.1.count(Counter::PathWordsFull) >= PATH_WORDS_MAX as u64);
        assert_eq!(rig.see("wombats", 10, 3, 2).shown(), ["wombats"], "still learnt, and not forgotten");
    }
}
