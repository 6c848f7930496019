//! The dynamic table of one direction (RFC 7541 section 2.3.2), as far as it is known.
//!
//! An index counts from the newest entry, and only inserting moves it. So an entry whose insertion
//! was seen is found under its true index for as long as *every* insertion after it was seen, whatever
//! is known of the entries before and of the table's size: eviction takes from the old end and moves
//! no index. This makes a late join sound. What lies past the entries held is unknown, and is said to
//! be; after a loss, when insertions may have been missed, [`Table::forget`] lets all entries go. The
//! size only bounds memory and tells when nothing older can be left (the table has "turned over"):
//! from then on an index past the end is an error of the sender and no longer merely unknown.

use std::collections::VecDeque;

use super::statics;
use crate::limits::HPACK_TABLE_BYTES_MAX;

/// Bytes that an entry counts besides its name and value (RFC 7541 section 4.1).
const ENTRY_OVERHEAD: usize = 32;

/// Size of a table at the beginning (RFC 9113 section 6.5.2).
const SIZE_INITIAL: usize = 4096;

/// The table of one direction.
pub(super) struct Table {
    /// Newest first.
    entries: VecDeque<Entry>,
    /// Sizes of all entries held; of one without a name what it has at the least.
    size: usize,
    /// What the sender keeps it under, if that is known.
    size_max: Option<usize>,
    /// No entry can be older than those held.
    whole: bool,
}

struct Entry {
    /// Name, then value.
    bytes: Box<[u8]>,
    /// Length of the name; `None` if it is not known.
    name_length: Option<usize>,
}

/// What an index stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An entry; the name may be unknown.
    Entry(Option<&'a [u8]>, &'a [u8]),
    /// An entry from before the bytes that were seen.
    Unknown,
    /// No table of a sender can have it.
    Nothing,
}

impl Table {
    /// The table of a direction that was not seen from its beginning.
    pub fn unknown() -> Self {
        Table { entries: VecDeque::new(), size: 0, size_max: None, whole: false }
    }

    /// The empty table at the beginning of a connection.
    pub fn new() -> Self {
        Table { size_max: Some(SIZE_INITIAL), whole: true, ..Table::unknown() }
    }

    /// Insertions may have been missed: nothing is known of any entry, nor of the size.
    pub fn forget(&mut self) {
        *self = Table::unknown();
    }

    /// Bytes held.
    pub fn buffered_bytes(&self) -> usize {
        self.size + self.entries.capacity() * size_of::<Entry>()
    }

    pub fn find(&self, index: usize) -> Found<'_> {
        if index == 0 {
            return Found::Nothing;
        }
        if let Some(&(name, value)) = statics::ENTRIES.get(index - 1) {
            return Found::Entry(Some(name), value);
        }
        match self.entries.get(index - 1 - statics::ENTRIES.len()) {
            Some(Entry { bytes, name_length: Some(length) }) => {
                // An entry is made of a name of this length and what follows it.
                let (name, value) = bytes.split_at(*length);
                Found::Entry(Some(name), value)
            }
            Some(Entry { bytes, name_length: None }) => Found::Entry(None, bytes),
            None if self.whole => Found::Nothing,
            None => Found::Unknown,
        }
    }

    /// Takes a new entry. True if older ones were let go that the sender may still have.
    pub fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) -> bool {
        let bytes = [name.unwrap_or_default(), value].concat().into_boxed_slice();
        self.size += bytes.len() + ENTRY_OVERHEAD;
        self.entries.push_front(Entry { bytes, name_length: name.map(<[u8]>::len) });
        self.evict()
    }

    /// Takes a size update (RFC 7541 section 6.3).
    pub fn resize(&mut self, size_max: usize) -> bool {
        self.size_max = Some(size_max);
        // With no room there is nothing left that could be unknown.
        self.whole |= size_max < ENTRY_OVERHEAD;
        self.evict()
    }

    /// Lets go what the sender has let go for certain, then what is too much to hold.
    fn evict(&mut self) -> bool {
        if let Some(size_max) = self.size_max {
            while self.size > size_max && self.pop() {
                // It went from the old end: all that was older is gone as well.
                self.whole = true;
            }
        }
        let mut dropped = false;
        while self.size > HPACK_TABLE_BYTES_MAX && self.pop() {
            self.whole = false;
            dropped = true;
        }
        dropped
    }

    fn pop(&mut self) -> bool {
        let Some(entry) = self.entries.pop_back() else { return false };
        self.size -= entry.bytes.len() + ENTRY_OVERHEAD;
        true
    }
}
