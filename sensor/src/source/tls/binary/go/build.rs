//! The version of Go that built a program, from `.go.buildinfo` (`debug/buildinfo` of Go's source): since
//! 1.18 as a text in place, before as the address of a string.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::source::tls::binary::bytes::{Bytes, Fault};
use crate::source::tls::binary::elf::{Elf, u64_of};

/// Bytes of a version's first word: `go1.26.1`, `go1.25-20250209-RC00`, `devel`.
const VERSION_BYTES_MAX: usize = 64;

/// `go1.22.3`, if the file says it.
pub(super) fn version(elf: &Elf, bytes: &mut Bytes) -> Result<Option<String>, Fault> {
    const MAGIC: &[u8] = b"\xff Go buildinf:";
    const IN_PLACE: u8 = 2;
    const BIG_ENDIAN: u8 = 1;
    let Some(at) = (match elf.sections.go_build.clone() {
        Some(Range { start, .. }) => Some(start),
        None => search(elf, bytes, MAGIC)?,
    }) else {
        return Ok(None);
    };
    let head: [u8; 32] = bytes.array(at)?;
    if !head.starts_with(MAGIC) || head[15] & BIG_ENDIAN != 0 {
        return Ok(None);
    }
    let (place, length) = if head[15] & IN_PLACE != 0 {
        // Numbers of seven bits a byte; texts of 16 KiB and more are no versions.
        match bytes.array(at + 32)? {
            [low, _] if low < 0x80 => (at + 33, u64::from(low)),
            [low, high] if high < 0x80 => (at + 34, u64::from(low & 0x7f) | u64::from(high) << 7),
            _ => return Ok(None),
        }
    } else {
        let string: [u8; 16] = bytes.array(elf.offset(u64_of(&head, 16))?)?;
        (elf.offset(u64_of(&string, 0))?, u64_of(&string, 8))
    };
    let mut buffer = [0; VERSION_BYTES_MAX];
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(VERSION_BYTES_MAX);
    let text = &mut buffer[..length];
    bytes.read(place, text)?;
    // Commits and experiments follow after a space.
    let word = text.split(|&byte| byte == b' ').next().unwrap_or_default();
    let plain = word.iter().all(|byte| byte.is_ascii_graphic());
    Ok((plain && !word.is_empty()).then(|| String::from_utf8_lossy(word).into_owned()))
}

/// Where a stripped program without sections has it: in what is loaded, not in code.
fn search(elf: &Elf, bytes: &mut Bytes, magic: &[u8]) -> Result<Option<u64>, Fault> {
    let needle = [Finder::new(magic)];
    for range in elf.constants() {
        let mut found = None;
        let range = range.start..range.end.min(bytes.length());
        bytes.search(range, &needle, |_, at, _| {
            // Aligned to 16, which tells it from the texts of programs that look for it.
            found = (at % 16 == 0).then_some(at);
            found.is_none()
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// 22 of `go1.22.3`; `None` of a version of the future or of a development tree (`devel +abc`).
pub(super) fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("go1.")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
