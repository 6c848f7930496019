//! Path words under observation: segments that could be words of a route or somebody's name. Their
//! text stays here; what leaves is a hash, and the text only once the service's traffic has shown that
//! it is a route word (`inventory::learner` asks for it).
//!
//! A place (one path behind one service) keeps unknown words apart as long as there are few: past
//! [`NAMES_MAX`] words that read like names, or [`WORDS_MAX`] that read like programmers' words, all of
//! that group are values there for ever. Since the number of different words only grows, the order in
//! which they come does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashTable;

use super::hidden::WordKey;
use super::{Extension, SegmentKind, WordClass};
use crate::counter::{Counter, Counters};
use crate::limits::PATH_WORDS_MAX;

/// Different unknown words at one place that read like names, before they are values.
pub(crate) const NAMES_MAX: usize = 32;

/// As [`NAMES_MAX`] for words that read like a programmer's: no API lists more behind one path.
pub(crate) const WORDS_MAX: usize = 128;

/// Which of both a word reads like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// `alice`, `red-apple`, `user7`.
    Names,
    /// `currentlyPlaying`, `direct_income`, `boxscores`.
    Words,
}

impl Group {
    /// Both.
    pub(crate) const ALL: [Group; 2] = [Group::Names, Group::Words];

    /// Group of a class.
    pub(crate) fn of(class: WordClass) -> Group {
        match class {
            WordClass::English
            | WordClass::EnglishRowKebab
            | WordClass::Plain
            | WordClass::Digits
            | WordClass::Dotted
            | WordClass::Short
            | WordClass::Code => Group::Names,
            WordClass::EnglishPairCamel
            | WordClass::EnglishPairKebab
            | WordClass::EnglishPairSnake
            | WordClass::EnglishRowCamel
            | WordClass::EnglishRowSnake
            | WordClass::PlainParts
            | WordClass::Compound => Group::Words,
        }
    }

    /// Words of the group that one place keeps apart.
    pub(crate) const fn room(self) -> usize {
        match self {
            Group::Names => NAMES_MAX,
            Group::Words => WORDS_MAX,
        }
    }

    /// Kind of the values that the group's words are where there are more.
    pub(crate) const fn kind(self) -> SegmentKind {
        match self {
            Group::Names => SegmentKind::Names,
            Group::Words => SegmentKind::Words,
        }
    }
}

/// What a segment reads like.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) class: WordClass,
    pub(super) extension: Option<Extension>,
}

/// Where a segment stands.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// Hash of the service and of the segments before.
    pub(super) place: u64,
    /// The same with all unknown words before as one: a word has one hash behind all of them.
    pub(super) pattern: u64,
}

struct Candidate {
    hidden: u64,
    place: u64,
    text: Box<str>,
    /// Calls, halved at each sweep.
    sightings: u32,
}

struct Place {
    place: u64,
    /// Different words of each group. Not less when one is let go.
    words: [u16; 2],
}

/// The table of words under observation, bounded by [`PATH_WORDS_MAX`].
pub(super) struct Evidence {
    /// Hides words.
    pub(super) key: WordKey,
    candidates: HashTable<Candidate>,
    places: HashTable<Place>,
}

impl Evidence {
    pub(super) fn new(key: [u8; 16]) -> Evidence {
        Evidence { key: WordKey::new(key), candidates: HashTable::new(), places: HashTable::new() }
    }

    /// The place has more words of the group than it keeps apart.
    pub(super) fn is_full(&self, place: u64, group: Group) -> bool {
        self.places
            .find(place, |known| known.place == place)
            .is_some_and(|known| usize::from(known.words[group as usize]) > group.room())
    }

    /// Hash of an unknown word that its place keeps apart, else the kind of value that it is there. A
    /// new word is only taken up if the call `teaches`: scanners must not fill places. Else its hash is
    /// given all the same, so that no order matters.
    pub(super) fn sight(
        &mut self,
        spot: Spot,
        text: &[u8],
        look: Look,
        teaches: bool,
        counters: &mut Counters,
    ) -> Result<u64, SegmentKind> {
        let group = Group::of(look.class);
        if self.is_full(spot.place, group) {
            return Err(group.kind());
        }
        let hidden = self.key.hide(spot.pattern, text, look);
        let id = (hidden, spot.place);
        let hash = |hidden: u64, place: u64| hidden ^ place.rotate_left(32);
        let is = |c: &Candidate| (c.hidden, c.place) == id;
        if let Some(known) = self.candidates.find_mut(hash(hidden, spot.place), is) {
            known.sightings = known.sightings.saturating_add(1);
            return Ok(hidden);
        }
        if !teaches {
            // Told apart all the same: what is found later must not change how this one is kept.
            return Ok(hidden);
        }
        if self.candidates.len() >= PATH_WORDS_MAX {
            self.sweep(counters);
        }
        let full = self.places.len() >= PATH_WORDS_MAX;
        let place = spot.place;
        let words = match self.places.find_mut(place, |known| known.place == place) {
            Some(known) => &mut known.words,
            // Past all bounds: then nothing new is told apart.
            None if full => {
                counters.add(Counter::PathWordsFull);
                return Err(SegmentKind::Text);
            }
            None => {
                let new = Place { place, words: [0; 2] };
                &mut self.places.insert_unique(place, new, |known| known.place).into_mut().words
            }
        };
        let count = &mut words[group as usize];
        *count = count.saturating_add(1);
        if usize::from(*count) > group.room() {
            return Err(group.kind());
        }
        // Only ASCII comes here.
        let text = String::from_utf8_lossy(text).into();
        let candidate = Candidate { hidden, place, text, sightings: 1 };
        self.candidates.insert_unique(hash(hidden, place), candidate, |c| hash(c.hidden, c.place));
        Ok(hidden)
    }

    /// Lets go of words whose place is full, then of those seen least.
    fn sweep(&mut self, counters: &mut Counters) {
        let before = self.candidates.len();
        let places = &self.places;
        let full = |place: u64| {
            let known = places.find(place, |known| known.place == place);
            known.is_some_and(|known| {
                Group::ALL.iter().any(|group| usize::from(known.words[*group as usize]) > group.room())
            })
        };
        self.candidates.retain(|candidate| !full(candidate.place));
        while self.candidates.len() >= PATH_WORDS_MAX / 2 {
            self.candidates.retain(|candidate| {
                candidate.sightings /= 2;
                candidate.sightings > 0
            });
        }
        counters.add_many(Counter::PathWordsFull, (before - self.candidates.len()) as u64);
    }

    /// Texts of those of the words that are under observation.
    pub(super) fn texts(&self, words: &[u64]) -> BTreeMap<u64, Arc<str>> {
        let mut wanted = words.to_vec();
        wanted.sort_unstable();
        let found = self.candidates.iter().filter(|c| wanted.binary_search(&c.hidden).is_ok());
        found.map(|c| (c.hidden, Arc::from(&*c.text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Look = Look { class: WordClass::Plain, extension: None };
    const WORD: Look = Look { class: WordClass::Compound, extension: None };

    fn spot(place: u64) -> Spot {
        Spot { place, pattern: 1 }
    }

    fn word(number: usize) -> String {
        number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
    }

    #[test]
    fn few_words_stay_apart_and_many_are_values() {
        let (mut evidence, mut counters) = (Evidence::new([3; 16]), Counters::default());
        let mut sight = |place, text: &str, look, teaches| {
            evidence.sight(spot(place), text.as_bytes(), look, teaches, &mut counters)
        };
        for number in 0..NAMES_MAX {
            assert!(sight(1, &word(number), NAME, true).is_ok());
        }
        for number in 100..200 {
            assert!(sight(1, &word(number), NAME, false).is_ok(), "these take no place");
        }
        assert_eq!(sight(1, "one-more", NAME, true), Err(SegmentKind::Names));
        assert_eq!(sight(1, "a", NAME, true), Err(SegmentKind::Names), "from then on all of them");
        assert!(sight(1, "listAll", WORD, true).is_ok(), "the other group is not");
        assert!(sight(2, "a", NAME, true).is_ok(), "nor another place");
        for number in 0..=WORDS_MAX {
            assert_eq!(sight(3, &word(number), WORD, true).is_ok(), number < WORDS_MAX);
        }
    }

    #[test]
    fn texts_of_what_is_under_observation() {
        let (mut evidence, mut counters) = (Evidence::new([3; 16]), Counters::default());
        let hidden = evidence.sight(spot(1), b"wombats", NAME, true, &mut counters).unwrap();
        assert_eq!(evidence.texts(&[hidden, 5]), [(hidden, Arc::from("wombats"))].into());
        let other = Spot { place: 1, pattern: 2 };
        assert_ne!(evidence.sight(other, b"wombats", NAME, true, &mut counters), Ok(hidden));
        assert_eq!(evidence.sight(spot(2), b"wombats", NAME, true, &mut counters), Ok(hidden));
    }

    #[test]
    fn the_table_is_bounded() {
        let (mut evidence, mut counters) = (Evidence::new([3; 16]), Counters::default());
        for number in 0..3 * PATH_WORDS_MAX {
            let _ = evidence.sight(spot(number as u64), b"wombats", NAME, true, &mut counters);
            assert!(evidence.candidates.len() <= PATH_WORDS_MAX && evidence.places.len() <= PATH_WORDS_MAX);
        }
        assert!(counters.count(Counter::PathWordsFull) > 0);
    }
}
