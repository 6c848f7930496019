//! A file of any size read in small pieces, with a bound on the bytes of all reads together: that also
//! bounds the time, whatever a damaged file claims. Nothing is mapped, so that a file that is cut while
//! it is read gives an error, not a signal.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memchr::memmem::Finder;

use crate::limits::BINARY_READ_BYTES_MAX;

/// Bytes of one piece when a range is read from end to end.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes that a search shows of each place.
const SEEN_BYTES: usize = 64;

/// Why bytes are not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The place lies outside of the file, or the number there makes no sense.
    Malformed,
    /// The file takes more reading than is allowed.
    TooLarge,
    /// The system refused to read.
    Unreadable,
}

/// The file and what was read of it.
pub(super) struct Bytes<'a> {
    file: &'a File,
    length: u64,
    left: u64,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(file: &'a File) -> Result<Self, Fault> {
        let metadata = file.metadata().map_err(|_| Fault::Unreadable)?;
        Ok(Bytes { file, length: metadata.len(), left: BINARY_READ_BYTES_MAX })
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let wanted = buffer.len() as u64;
        match offset.checked_add(wanted) {
            Some(end) if end <= self.length => {}
            _ => return Err(Fault::Malformed),
        }
        self.left = self.left.checked_sub(wanted).ok_or(Fault::TooLarge)?;
        // The file may have become shorter meanwhile.
        self.file.read_exact_at(buffer, offset).map_err(|_| Fault::Unreadable)
    }

    /// The first `N` bytes at `offset`.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Fault> {
        let mut buffer = [0; N];
        self.read(offset, &mut buffer)?;
        Ok(buffer)
    }

    pub(super) fn u32(&mut self, offset: u64) -> Result<u32, Fault> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, offset: u64) -> Result<u64, Fault> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Whether exactly `text` and a zero byte stand at `offset`.
    pub(super) fn is_text(&mut self, offset: u64, text: &str) -> Result<bool, Fault> {
        let mut buffer = [0; 128];
        let Some(buffer) = buffer.get_mut(..=text.len()) else { return Ok(false) };
        match self.read(offset, buffer) {
            Ok(()) => Ok(buffer.strip_suffix(&[0]) == Some(text.as_bytes())),
            Err(Fault::Malformed) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Entries of `N` bytes in `range`, in order, until `each` says that it is enough (`false`). What is
    /// left at the end and no whole entry is not looked at.
    pub(super) fn entries<const N: usize>(
        &mut self,
        range: Range<u64>,
        mut each: impl FnMut(u64, &[u8; N]) -> bool,
    ) -> Result<(), Fault> {
        let mut buffer = vec![0; PIECE_BYTES / N * N];
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(buffer.len() as u64) as usize;
            let piece = &mut buffer[..length];
            self.read(at, piece)?;
            for (index, entry) in piece.as_chunks().0.iter().enumerate() {
                if !each(at + (index * N) as u64, entry) {
                    return Ok(());
                }
            }
            at += length as u64;
        }
        Ok(())
    }

    /// Hands over every place in `range` where one of `needles` (at most 64 bytes each) stands, with its
    /// index and up to 64 bytes from there on, until `each` says that it is enough (`false`). Places of
    /// one needle come in order.
    pub(super) fn search(
        &mut self,
        range: Range<u64>,
        needles: &[Finder<'_>],
        mut each: impl FnMut(usize, u64, &[u8]) -> bool,
    ) -> Result<(), Fault> {
        let mut buffer = vec![0; PIECE_BYTES + SEEN_BYTES];
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(buffer.len() as u64) as usize;
            let piece = &mut buffer[..length];
            self.read(at, piece)?;
            // What begins in the overlap is found in the next piece.
            let last = at + length as u64 == range.end;
            let begins = if last { length } else { PIECE_BYTES };
            for (index, needle) in needles.iter().enumerate() {
                for place in needle.find_iter(piece).take_while(|&place| place < begins) {
                    let seen = &piece[place..length.min(place + SEEN_BYTES)];
                    if !each(index, at + place as u64, seen) {
                        return Ok(());
                    }
                }
            }
            at += begins as u64;
        }
        Ok(())
    }
}
