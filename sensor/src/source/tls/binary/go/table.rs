//! Go's table of functions -> addresses of a few of them by name. The table is read once from end to end,
//! some MB in large programs, in small pieces. The start of the code, to which its entries are relative
//! since Go 1.18, stands in its head; in a position-independent program as a relocation, and since Go
//! 1.26 only in the runtime's `moduledata`, which is found as that which points to the table.

use std::ops::Range;

use memchr::memmem::Finder;

use super::{FUNCTIONS, Function};
use crate::limits::{GO_FUNCTIONS_MAX, GO_RELOCATIONS_MAX};
use crate::source::tls::binary::bytes::{Bytes, Fault};
use crate::source::tls::binary::elf::{Elf, u32_of, u64_of};

/// Beginnings of the forms: a number, two zero bytes, steps of one byte, addresses of eight.
const GO_1_2: [u8; 8] = [0xfb, 0xff, 0xff, 0xff, 0, 0, 1, 8];
const GO_1_16: [u8; 8] = [0xfa, 0xff, 0xff, 0xff, 0, 0, 1, 8];
const GO_1_18: [u8; 8] = [0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8];
const GO_1_20: [u8; 8] = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];

/// Members of `moduledata`, the same from 1.16 to 1.26: the table first, `text` after six slices, a
/// pointer and two addresses.
const MODULE_TEXT: u64 = 176;

/// Functions of the names that are looked for; there is one of each.
const FOUND_MAX: usize = 2 * FUNCTIONS.len();

/// What was found.
pub(super) enum Form {
    Known(Table),
    /// Before 1.16.
    Old,
    /// A section of that name holds something else.
    Unknown,
}

/// Where its parts are in the file.
pub(super) struct Table {
    at: u64,
    /// Entries are relative to the start of the code and have four bytes, else addresses of eight.
    relative: bool,
    count: u64,
    names: Range<u64>,
    functions: u64,
}

/// A function and where its code ends, as addresses.
pub(super) struct Found {
    pub(super) function: Function,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The table of a Go program; `None` in any other.
pub(super) fn find(elf: &Elf, bytes: &mut Bytes) -> Result<Option<Form>, Fault> {
    let sections = &elf.sections;
    let at = match &sections.go_table {
        Some(range) => range.start,
        None if sections.known && sections.go_build.is_none() => return Ok(None),
        // Other linkers put the table of a position-independent program among other constants.
        None => match search(elf, bytes)? {
            Some(at) => at,
            None if sections.known => return Ok(Some(Form::Unknown)),
            None => return Ok(None),
        },
    };
    let relative = match bytes.array(at)? {
        GO_1_20 | GO_1_18 => true,
        GO_1_16 => false,
        GO_1_2 => return Ok(Some(Form::Old)),
        _ => return Ok(Some(Form::Unknown)),
    };
    let words: [u8; 72] = bytes.array(at)?;
    // After the beginning: functions, files, the start of the code (not in 1.16), then the parts.
    let parts = if relative { 32 } else { 24 };
    let part = |index: usize| at.saturating_add(u64_of(&words, parts + index * 8));
    let table = Table { at, relative, count: u64_of(&words, 8), names: part(0)..part(1), functions: part(4) };
    if table.count > GO_FUNCTIONS_MAX {
        return Err(Fault::TooLarge);
    }
    Ok(Some(Form::Known(table)))
}

/// Where no section says it: the beginning of a form, with a table behind it that holds together.
fn search(elf: &Elf, bytes: &mut Bytes) -> Result<Option<u64>, Fault> {
    let needles = [GO_1_20, GO_1_18, GO_1_16].map(|form| Finder::new(&form).into_owned());
    for range in elf.constants() {
        let range = range.start..range.end.min(bytes.length());
        let mut places = Vec::new();
        bytes.search(range, &needles, |_, at, seen| {
            // As many files and functions as a program may have; other programs hold these bytes too.
            let plausible = |at| (1..=GO_FUNCTIONS_MAX).contains(&u64_of(seen, at));
            if at % 8 == 0 && plausible(8) && plausible(16) {
                places.push(at);
            }
            places.len() < 16
        })?;
        if let Some(&at) = places.first() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Whether the first of [`FUNCTIONS`] is named anywhere: of a table that cannot be read.
pub(super) fn is_named(elf: &Elf, bytes: &mut Bytes) -> Result<bool, Fault> {
    let needle = [Finder::new(FUNCTIONS[0].0)];
    let mut named = false;
    for range in elf.constants() {
        let range = range.start..range.end.min(bytes.length());
        bytes.search(range, &needle, |_, _, _| {
            named = true;
            false
        })?;
    }
    Ok(named)
}

impl Table {
    /// Those of [`FUNCTIONS`] that the program has.
    pub(super) fn functions(&self, elf: &Elf, bytes: &mut Bytes) -> Result<Vec<Found>, Fault> {
        let names = self.places(bytes)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = if self.relative { self.text(elf, bytes)? } else { 0 };
        // Pairs of entry and place of what is known of it; a last entry is the end of the code.
        let width = if self.relative { 4 } else { 8 };
        let number = |pair: &[u8], index: usize| match width {
            4 => u64::from(u32_of(pair, index * 4)),
            _ => u64_of(pair, index * 8),
        };
        let mut pairs: Vec<(u64, u64)> = Vec::with_capacity(self.count as usize + 1);
        let end = self.functions.saturating_add(self.count * 2 * width);
        match width {
            4 => bytes.entries::<8>(self.functions..end, |_, pair| {
                pairs.push((number(pair, 0), number(pair, 1)));
                true
            })?,
            _ => bytes.entries::<16>(self.functions..end, |_, pair| {
                pairs.push((number(pair, 0), number(pair, 1)));
                true
            })?,
        }
        let mut last = [0; 8];
        bytes.read(end, &mut last[..width as usize])?;
        pairs.push((number(&last, 0), 0));
        let mut found = Vec::new();
        let mut window = Window::default();
        for [(start, known), (end, _)] in pairs.array_windows() {
            // Its entry once more, then the place of the name among the names.
            let at = self.functions.saturating_add(*known).saturating_add(width);
            let name = window.u32(bytes, at)?;
            if let Some(&(_, function)) = names.iter().find(|&&(place, _)| place == name) {
                if found.len() >= FOUND_MAX {
                    return Err(Fault::Malformed);
                }
                found.push(Found {
                    function,
                    start: text.wrapping_add(*start),
                    end: text.wrapping_add(*end),
                });
            }
        }
        Ok(found)
    }

    /// Where the names stand among the names.
    fn places(&self, bytes: &mut Bytes) -> Result<Vec<(u32, Function)>, Fault> {
        let needles: Vec<Finder> = FUNCTIONS.iter().map(|(name, _)| Finder::new(name)).collect();
        let mut places = Vec::new();
        bytes.search(self.names.clone(), &needles, |index, at, seen| {
            let (name, function) = FUNCTIONS[index];
            if seen.get(name.len()) == Some(&0)
                && let Ok(place) = u32::try_from(at - self.names.start)
            {
                places.push((place, function));
            }
            places.len() < 64
        })?;
        Ok(places)
    }

    /// The address to which entries are relative.
    fn text(&self, elf: &Elf, bytes: &mut Bytes) -> Result<u64, Fault> {
        let inside = bytes.u64(self.at + 24)?;
        if inside != 0 {
            return Ok(inside);
        }
        let address = elf.address(self.at).ok_or(Fault::Malformed)?;
        // Pointers of a position-independent program: address of each and what it points to.
        let mut pointers = Vec::new();
        if let Some((relocations, length)) = elf.dynamic(bytes)?.and_then(|dynamic| dynamic.relocations) {
            const RELATIVE: u32 = 8;
            let at = elf.offset(relocations)?;
            let end = at.saturating_add(length.min(GO_RELOCATIONS_MAX * 24));
            bytes.entries::<24>(at..end, |_, entry| {
                if u32_of(entry, 8) == RELATIVE {
                    pointers.push((u64_of(entry, 0), u64_of(entry, 16)));
                }
                true
            })?;
            pointers.sort_unstable();
        }
        let pointer =
            |at: u64| pointers.binary_search_by_key(&at, |&(at, _)| at).ok().map(|index| pointers[index].1);
        if let Some(text) = pointer(address.wrapping_add(24)) {
            return Ok(text);
        }
        for &(module, target) in &pointers {
            if target == address
                && let Some(text) = pointer(module.wrapping_add(MODULE_TEXT))
                && elf.code_offset(text).is_ok()
            {
                return Ok(text);
            }
        }
        self.module(elf, bytes, address)
    }

    /// The start of the code from `moduledata` whose pointers are in place.
    fn module(&self, elf: &Elf, bytes: &mut Bytes, address: u64) -> Result<u64, Fault> {
        let needle = [Finder::new(&address.to_le_bytes()).into_owned()];
        let mut places = Vec::new();
        for range in elf.constants() {
            let range = range.start..range.end.min(bytes.length());
            bytes.search(range, &needle, |_, at, _| {
                places.push(at);
                places.len() < 256
            })?;
        }
        for at in places {
            match bytes.u64(at.saturating_add(MODULE_TEXT)) {
                Ok(text) if at % 8 == 0 && elf.code_offset(text).is_ok() => return Ok(text),
                Ok(_) | Err(Fault::Malformed) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::Malformed)
    }
}

/// Numbers at places that mostly go up, from pieces of the file.
#[derive(Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

/// Bytes of such a piece.
const WINDOW_BYTES: u64 = 32 * 1024;

impl Window {
    fn u32(&mut self, bytes: &mut Bytes, at: u64) -> Result<u32, Fault> {
        let end = self.at + self.bytes.len() as u64;
        if at < self.at || at.saturating_add(4) > end {
            let length = bytes.length().saturating_sub(at).min(WINDOW_BYTES);
            self.bytes.resize(length as usize, 0);
            self.at = at;
            bytes.read(at, &mut self.bytes)?;
        }
        let number = self.bytes.get((at - self.at) as usize..).and_then(|rest| rest.first_chunk());
        number.map(|chunk| u32::from_le_bytes(*chunk)).ok_or(Fault::Malformed)
    }
}
