//! What a path segment looks like that is in no dictionary: bytes in, a [`WordClass`] out, or none if
//! no route word reads like that. Says nothing of what the segment is: that is for the evidence of a
//! service's traffic. English words (`english.txt`, from SCOWL, see `english.LICENSE`) count as looks only and
//! are never a reason to keep a text.

use hashbrown::HashTable;

use super::hash::Seed;
use super::looks::{is_code, is_random, parts};
use super::words::{Dictionary, singular};
use super::{Extension, WordClass};

static ENGLISH: &str = include_str!("english.txt");

/// Longest segment that can be a route word, in bytes.
const SEGMENT_BYTES_MAX: usize = 40;

/// Digits that a route word may have.
const DIGITS_MAX: usize = 4;

/// Parts of a route word (`createQuoteWithGeneratingReference`).
const PARTS_MAX: usize = 8;

/// English words that a part may be made of without a sign between (`boxscorescoring`).
const COMPOUND_MAX: u8 = 4;

/// Longest English word that is looked for inside of a part, in bytes.
const ENGLISH_BYTES_MAX: usize = 14;

/// Words of two letters that compounds are made with.
const SHORT_WORDS: &[&[u8]] = &[b"id", b"by", b"to", b"of", b"in", b"on", b"or", b"is", b"up", b"my"];

const CLASS_BITS: u32 = 4;
const EXTENSION_BITS: u32 = 4;
const MARK_BITS: u32 = CLASS_BITS + EXTENSION_BITS;

/// English words.
pub(super) struct Lexicon {
    seed: Seed,
    english: HashTable<&'static str>,
}

impl Lexicon {
    pub(super) fn new(seed: Seed) -> Lexicon {
        let mut english = HashTable::with_capacity(32_768);
        for word in ENGLISH.lines() {
            english.insert_unique(seed.bytes(0, word.as_bytes()), word, |w| seed.bytes(0, w.as_bytes()));
        }
        Lexicon { seed, english }
    }

    fn has(&self, word: &[u8]) -> bool {
        self.english.find(self.seed.bytes(0, word), |known| known.as_bytes() == word).is_some()
    }

    /// A word in lower case, or its singular, is English.
    fn knows(&self, dictionary: &Dictionary, word: &[u8]) -> bool {
        let one = std::str::from_utf8(word).map(singular);
        self.has(word)
            || one.is_ok_and(|one| one.len() < word.len() && self.has(one.as_bytes()))
            || dictionary.knows(word, false)
    }

    /// The part is made of at most [`COMPOUND_MAX`] English words.
    fn is_compound(&self, dictionary: &Dictionary, part: &[u8]) -> bool {
        const NEVER: u8 = u8::MAX;
        let mut fewest = [NEVER; SEGMENT_BYTES_MAX + 1];
        fewest[0] = 0;
        for end in 1..=part.len() {
            for start in end.saturating_sub(ENGLISH_BYTES_MAX)..end {
                let word = &part[start..end];
                if fewest[start] < COMPOUND_MAX
                    && fewest[start] + 1 < fewest[end]
                    && (word.len() > 2 || SHORT_WORDS.contains(&word))
                    && self.knows(dictionary, word)
                {
                    fewest[end] = fewest[start] + 1;
                }
            }
        }
        fewest[part.len()] != NEVER
    }

    /// The class of a decoded segment; `None` if no route word reads like that.
    pub(super) fn class(&self, dictionary: &Dictionary, segment: &[u8]) -> Option<WordClass> {
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~:$-".contains(byte);
        if segment.len() > SEGMENT_BYTES_MAX || !segment.iter().all(named) || is_random(segment) {
            return None;
        }
        let digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
        let count = parts(segment).take(PARTS_MAX + 1).count();
        if digits > DIGITS_MAX || count > PARTS_MAX || !segment.iter().any(u8::is_ascii_alphabetic) {
            return None;
        }
        if is_code(segment) {
            return Some(WordClass::Code);
        }
        if digits > 0 {
            return Some(WordClass::Digits);
        }
        if segment.len() <= 2 {
            return Some(WordClass::Short);
        }
        if segment.contains(&b'.') {
            return Some(WordClass::Dotted);
        }
        let lower = segment.to_ascii_lowercase();
        // The same cuts as in the segment itself: letters only change their case.
        let mut at = 0;
        let mut words = parts(segment).map(|part| {
            let start = at + lower[at..].windows(part.len()).position(|w| w.eq_ignore_ascii_case(part))?;
            at = start + part.len();
            Some(&lower[start..at])
        });
        let mut english = true;
        let mut compound = true;
        for word in &mut words {
            let word = word?;
            english = english && self.knows(dictionary, word);
            compound = compound && (english || self.is_compound(dictionary, word));
        }
        let joint = match () {
            () if segment.contains(&b'-') => b'-',
            () if segment.contains(&b'_') => b'_',
            () => b'C',
        };
        Some(match (english, compound, count, joint) {
            (true, _, 1, _) => WordClass::English,
            (true, _, 2, b'-') => WordClass::EnglishPairKebab,
            (true, _, 2, b'_') => WordClass::EnglishPairSnake,
            (true, _, 2, _) => WordClass::EnglishPairCamel,
            (true, _, _, b'-') => WordClass::EnglishRowKebab,
            (true, _, _, b'_') => WordClass::EnglishRowSnake,
            (true, _, _, _) => WordClass::EnglishRowCamel,
            (false, true, _, _) => WordClass::Compound,
            (false, false, 1, _) => WordClass::Plain,
            (false, false, _, _) => WordClass::PlainParts,
        })
    }
}

/// Puts class and extension of a hidden word into the low bits of its hash.
pub(super) fn mark(hash: u64, class: WordClass, extension: Option<Extension>) -> u64 {
    let extension = extension.map_or(0, Extension::code);
    hash >> MARK_BITS << MARK_BITS | extension << CLASS_BITS | class as u64
}

/// What of a hidden word's hash is of its text.
pub(super) fn without_mark(hidden: u64) -> u64 {
    hidden >> MARK_BITS
}

/// Class of a hidden word.
pub(crate) fn class_of(hidden: u64) -> WordClass {
    let at = (hidden & ((1 << CLASS_BITS) - 1)) as usize;
    WordClass::ALL.get(at).copied().unwrap_or(WordClass::Plain)
}

/// Extension of a hidden word.
pub(crate) fn extension_of(hidden: u64) -> Option<Extension> {
    Extension::of_code(hidden >> CLASS_BITS & ((1 << EXTENSION_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let seed = Seed::new([1; 16]);
        let (lexicon, dictionary) = (Lexicon::new(seed), Dictionary::new(seed));
        let class = |text: &str| lexicon.class(&dictionary, text.as_bytes());
        for (text, expected) in [
            ("wombat", Some(WordClass::English)),
            ("hourlyReport", Some(WordClass::EnglishPairCamel)),
            ("profit-loss", Some(WordClass::EnglishPairKebab)),
            ("profit_loss", Some(WordClass::EnglishPairSnake)),
            ("profitAndLoss", Some(WordClass::EnglishRowCamel)),
            ("profit-and-loss", Some(WordClass::EnglishRowKebab)),
            ("profit_and_loss", Some(WordClass::EnglishRowSnake)),
            ("boxscorescoring", Some(WordClass::Compound)),
            ("qwrtz", Some(WordClass::Plain)),
            ("qwrtz-plm", Some(WordClass::PlainParts)),
            ("fr", Some(WordClass::Code)),
            ("de-CH", Some(WordClass::Code)),
            ("qx", Some(WordClass::Short)),
            ("md5sum", Some(WordClass::Digits)),
            ("list.wombats", Some(WordClass::Dotted)),
            ("x9Fq2Zb7Tk", None),
            ("a b", None),
            ("caf\u{e9}", None),
            ("12345", None),
            ("user12345", None),
            ("", None),
            ("--", None),
        ] {
            assert_eq!(class(text), expected, "{text}");
        }
        assert_eq!(class(&"a".repeat(41)), None);
    }

    #[test]
    fn marks_lead_back() {
        for &class in WordClass::ALL {
            let hidden = mark(u64::MAX, class, Some(Extension::Json));
            assert_eq!((class_of(hidden), extension_of(hidden)), (class, Some(Extension::Json)));
            assert_eq!(extension_of(mark(u64::MAX, class, None)), None);
        }
        assert_ne!(mark(1 << 60, WordClass::Plain, None), mark(1 << 61, WordClass::Plain, None));
    }
}
