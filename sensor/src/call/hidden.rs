//! The hash that stands for a path word whose text may not be shown: a function of the installation's
//! key, of what stands before, and of the word. The one place of that rule, for the reader that hides
//! words and for those who know the key and a word and want to recognise it.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::Segment;
use super::evidence::Look;
use super::hash::Seed;
use super::lexicon::{mark, without_mark};

/// Knows the installation's key.
#[derive(Clone, Copy)]
pub struct WordKey {
    key: [u8; 16],
    seed: Seed,
}

impl WordKey {
    /// Of the installation's key.
    pub fn new(key: [u8; 16]) -> WordKey {
        WordKey { key, seed: Seed::new(key) }
    }

    /// Number of the pattern with which paths of a service begin.
    pub(crate) fn start(&self, service: &str) -> u64 {
        self.seed.bytes(0, service.as_bytes())
    }

    /// Number of the pattern that one more segment makes: all that is no word in clear is the same.
    pub(crate) fn behind(&self, pattern: u64, segment: &Segment) -> u64 {
        match segment {
            Segment::Word(word) => self.seed.bytes(pattern, word.as_bytes()),
            Segment::Name(name) => self.seed.bytes(!pattern, name.as_bytes()),
            Segment::Hidden(_) | Segment::Parameter(_) | Segment::File(..) => self.seed.number(pattern, 1),
        }
    }

    fn hash(&self, pattern: u64, text: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&pattern.to_le_bytes());
        hasher.write(text);
        hasher.finish()
    }

    /// Hash of a word behind one pattern, the same in all runs of one installation. The same word behind
    /// another pattern has another: showing one shows nothing of the other.
    pub(super) fn hide(&self, pattern: u64, text: &[u8], look: Look) -> u64 {
        mark(self.hash(pattern, text), look.class, look.extension)
    }

    /// The hidden word behind that pattern is this text.
    pub(crate) fn is(&self, hidden: u64, pattern: u64, text: &str) -> bool {
        without_mark(hidden) == without_mark(self.hash(pattern, text.as_bytes()))
    }
}
