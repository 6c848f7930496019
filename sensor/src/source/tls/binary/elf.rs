//! The frame of an ELF file (System V ABI, 64 bit, x86-64): which bytes are loaded where, and where the
//! dynamic table and the sections are. Sections may be stripped and are never needed for what is
//! exported; a file whose sections make no sense counts as stripped of them, as for the loader.

use std::ops::Range;

use super::bytes::{Bytes, Fault};

/// Program headers that are read; linkers write about a dozen.
const LOADS_MAX: u16 = 256;
/// Section headers that are read; linkers write about 40, kernels of compilers some thousand.
const SECTIONS_MAX: u16 = 8192;
/// Entries of the dynamic table that are read; linkers write about 30.
const DYNAMIC_MAX: u64 = 1024;

/// An ELF file of this architecture.
pub(super) struct Elf {
    loads: Vec<Load>,
    dynamic: Option<Range<u64>>,
    /// The sections that matter.
    pub(super) sections: Sections,
}

/// A part of the file that is loaded.
struct Load {
    address: u64,
    file: Range<u64>,
    executable: bool,
}

/// Where sections lie in the file.
#[derive(Default)]
pub(super) struct Sections {
    /// There are headers, so that what is not named is not there.
    pub(super) known: bool,
    /// Symbols and their names.
    pub(super) symbols: Option<(Range<u64>, Range<u64>)>,
    /// `.gopclntab`, or what it is called in a position-independent program.
    pub(super) go_table: Option<Range<u64>>,
    /// `.go.buildinfo`.
    pub(super) go_build: Option<Range<u64>>,
}

/// The head of a file.
pub(super) enum Head {
    /// No ELF file.
    Other,
    /// ELF for something else.
    Foreign,
    /// ELF for this architecture.
    Elf(Elf),
}

/// What the dynamic table names; addresses, not offsets.
#[derive(Default)]
pub(super) struct Dynamic {
    pub(super) symbols: u64,
    pub(super) strings: u64,
    pub(super) strings_bytes: u64,
    pub(super) hash: Option<u64>,
    pub(super) gnu_hash: Option<u64>,
    /// Relocations with addend: address and bytes.
    pub(super) relocations: Option<(u64, u64)>,
}

/// Reads the frame.
pub(super) fn read(bytes: &mut Bytes) -> Result<Head, Fault> {
    if bytes.length() < 4 || bytes.array::<4>(0)? != *b"\x7fELF" {
        return Ok(Head::Other);
    }
    let head: [u8; 64] = match bytes.array(0) {
        Err(Fault::Malformed) if bytes.length() >= 20 && is_foreign(&bytes.array::<20>(0)?) => {
            return Ok(Head::Foreign);
        }
        other => other?,
    };
    if is_foreign(&head) {
        return Ok(Head::Foreign);
    }
    let (loads, dynamic) = segments(bytes, u64_of(&head, 32), u16_of(&head, 54), u16_of(&head, 56))?;
    let sections = match sections(bytes, &head) {
        Ok(sections) => sections,
        Err(Fault::Malformed) => Sections::default(),
        Err(fault) => return Err(fault),
    };
    Ok(Head::Elf(Elf { loads, dynamic, sections }))
}

/// Not 64 bit, little endian, an executable or a library, x86-64. `head` has 20 bytes or more.
fn is_foreign(head: &[u8]) -> bool {
    const CLASS_64: u8 = 2;
    const LITTLE_ENDIAN: u8 = 1;
    const X86_64: u16 = 62;
    head.get(4..6) != Some(&[CLASS_64, LITTLE_ENDIAN]) || u16_of(head, 18) != X86_64
}

type Segments = (Vec<Load>, Option<Range<u64>>);

fn segments(bytes: &mut Bytes, at: u64, size: u16, count: u16) -> Result<Segments, Fault> {
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    const EXECUTABLE: u32 = 1;
    if size != 56 || count > LOADS_MAX {
        return Err(Fault::Malformed);
    }
    let (mut loads, mut dynamic) = (Vec::new(), None);
    for index in 0..u64::from(count) {
        let header: [u8; 56] = bytes.array(at.saturating_add(index * 56))?;
        let start = u64_of(&header, 8);
        let file = start..start.checked_add(u64_of(&header, 32)).ok_or(Fault::Malformed)?;
        match u32_of(&header, 0) {
            LOAD => loads.push(Load {
                address: u64_of(&header, 16),
                file,
                executable: u32_of(&header, 4) & EXECUTABLE != 0,
            }),
            DYNAMIC => dynamic = Some(file),
            _ => {}
        }
    }
    Ok((loads, dynamic))
}

fn sections(bytes: &mut Bytes, head: &[u8; 64]) -> Result<Sections, Fault> {
    const SYMBOLS: u32 = 2;
    const IN_NO_FILE: u32 = 8;
    let (at, count) = (u64_of(head, 40), u16_of(head, 60));
    if at == 0 || count == 0 {
        return Ok(Sections::default());
    }
    if u16_of(head, 58) != 64 || count > SECTIONS_MAX {
        return Err(Fault::Malformed);
    }
    let mut headers = vec![0; usize::from(count) * 64];
    bytes.read(at, &mut headers)?;
    let headers: &[[u8; 64]] = headers.as_chunks().0;
    let range = |header: &[u8; 64]| {
        let start = u64_of(header, 24);
        (u32_of(header, 4) != IN_NO_FILE).then(|| start..start.saturating_add(u64_of(header, 32)))
    };
    let names = headers.get(usize::from(u16_of(head, 62))).and_then(range).ok_or(Fault::Malformed)?;
    let mut sections = Sections { known: true, ..Sections::default() };
    for header in headers {
        let Some(place) = range(header) else { continue };
        if u32_of(header, 4) == SYMBOLS {
            let strings = headers.get(u32_of(header, 40) as usize).and_then(range);
            sections.symbols = strings.map(|strings| (place.clone(), strings));
        }
        let name = names.start.saturating_add(u64::from(u32_of(header, 0)));
        // Few begin like that: the rest is not worth more reads.
        if !matches!(&bytes.array::<4>(name), Ok([b'.', b'g', b'o', _] | [b'.', b'd', b'a', b't'])) {
            continue;
        }
        if bytes.is_text(name, ".gopclntab")? || bytes.is_text(name, ".data.rel.ro.gopclntab")? {
            sections.go_table = Some(place);
        } else if bytes.is_text(name, ".go.buildinfo")? {
            sections.go_build = Some(place);
        }
    }
    Ok(sections)
}

impl Elf {
    /// Where the byte at `address` stands in the file.
    pub(super) fn offset(&self, address: u64) -> Result<u64, Fault> {
        place(self.loads.iter(), address)
    }

    /// The same, of code only.
    pub(super) fn code_offset(&self, address: u64) -> Result<u64, Fault> {
        place(self.loads.iter().filter(|load| load.executable), address)
    }

    /// The address at which the byte at `offset` of the file is loaded.
    pub(super) fn address(&self, offset: u64) -> Option<u64> {
        let load = self.loads.iter().find(|load| load.file.contains(&offset))?;
        load.address.checked_add(offset - load.file.start)
    }

    /// Parts of the file that are loaded and hold data. Linkers that do not separate code put constants
    /// into the first part, whatever else is there.
    pub(super) fn constants(&self) -> impl Iterator<Item = Range<u64>> {
        self.loads
            .iter()
            .filter(|load| !load.executable || load.file.start == 0)
            .map(|load| load.file.clone())
    }

    /// The dynamic table; `None` in a static program.
    pub(super) fn dynamic(&self, bytes: &mut Bytes) -> Result<Option<Dynamic>, Fault> {
        let Some(range) = self.dynamic.clone() else { return Ok(None) };
        let range = range.start..range.end.min(range.start.saturating_add(DYNAMIC_MAX * 16));
        let mut dynamic = Dynamic::default();
        let (mut relocations, mut relocations_bytes) = (0, 0);
        bytes.entries::<16>(range, |_, entry| {
            let value = u64_of(entry, 8);
            match u64_of(entry, 0) {
                0 => return false,
                4 => dynamic.hash = Some(value),
                5 => dynamic.strings = value,
                6 => dynamic.symbols = value,
                7 => relocations = value,
                8 => relocations_bytes = value,
                10 => dynamic.strings_bytes = value,
                0x6fff_fef5 => dynamic.gnu_hash = Some(value),
                _ => {}
            }
            true
        })?;
        if relocations != 0 && relocations_bytes != 0 {
            dynamic.relocations = Some((relocations, relocations_bytes));
        }
        Ok(Some(dynamic))
    }
}

fn place<'a>(mut loads: impl Iterator<Item = &'a Load>, address: u64) -> Result<u64, Fault> {
    let inside = |load: &&Load| {
        address.checked_sub(load.address).is_some_and(|into| into < load.file.end - load.file.start)
    };
    loads.find(inside).map(|load| load.file.start + (address - load.address)).ok_or(Fault::Malformed)
}

/// Numbers in a header of fixed size; the callers' offsets lie in it, anything else reads as zero.
pub(super) fn u64_of(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// See [`u64_of`].
pub(super) fn u32_of(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// See [`u64_of`].
pub(super) fn u16_of(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u16::from_le_bytes(*chunk))
}
