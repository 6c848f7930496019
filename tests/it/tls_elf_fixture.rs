//! Small ELF files made by hand, for forms that no compiler here writes.

use std::fs::File;
use std::io::Write;

/// Where the whole file is loaded.
pub const BASE: u64 = 0x40_0000;

/// An executable of one segment, without sections.
pub struct Image {
    bytes: Vec<u8>,
    dynamic: Option<(u64, u64)>,
}

impl Image {
    pub fn new() -> Image {
        // Room for the head and two program headers.
        Image { bytes: vec![0; 64 + 2 * 56], dynamic: None }
    }

    /// Appends at the next multiple of 16 and says where that is in the file.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        at
    }

    /// Appends a dynamic table.
    pub fn dynamic(&mut self, entries: &[(u64, u64)]) {
        let at = self.put(&words(entries.iter().flat_map(|&(tag, value)| [tag, value])));
        self.dynamic = Some((at, entries.len() as u64 * 16));
    }

    /// The file, complete.
    pub fn bytes(mut self) -> Vec<u8> {
        let length = self.bytes.len() as u64;
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(16, 0);
        // An executable for x86-64, of version 1.
        head.extend([2, 0, 62, 0, 1, 0, 0, 0]);
        head.extend(words([BASE, 64, 0]));
        head.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
        // Loaded, to be read and run.
        head.extend([1, 0, 0, 0, 5, 0, 0, 0]);
        head.extend(words([0, BASE, BASE, length, length, 4096]));
        if let Some((at, length)) = self.dynamic {
            head.extend([2, 0, 0, 0, 4, 0, 0, 0]);
            head.extend(words([at, BASE + at, BASE + at, length, length, 8]));
        }
        self.bytes[..head.len()].copy_from_slice(&head);
        self.bytes
    }
}

pub fn words(words: impl IntoIterator<Item = u64>) -> Vec<u8> {
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// An open file with these bytes, gone when it is closed.
pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("bytes in it");
    file
}

/// A library that exports `names`, each with one return instruction, in the order in which it gives
/// their offsets; found by the hash table of System V.
pub fn library(names: &[&str]) -> (Vec<u8>, Vec<u64>) {
    let mut image = Image::new();
    let mut strings = vec![0];
    let mut symbols = vec![0; 24];
    let mut offsets = Vec::new();
    for name in names {
        let code = image.put(&[0xc3]);
        offsets.push(code);
        symbols.extend((strings.len() as u32).to_le_bytes());
        // A global function in section 1.
        symbols.extend([0x12, 0, 1, 0]);
        symbols.extend(words([BASE + code, 1]));
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
    }
    // One bucket: a chain of all.
    let count = names.len() as u32 + 1;
    let chain = (1..count).map(|index| (index + 1) % count);
    let hash: Vec<u8> = [1, count, 1, 0].into_iter().chain(chain).flat_map(u32::to_le_bytes).collect();
    let (hash, strings_bytes) = (image.put(&hash), strings.len() as u64);
    let (strings, symbols) = (image.put(&strings), image.put(&symbols));
    image.dynamic(&[(4, BASE + hash), (5, BASE + strings), (6, BASE + symbols), (10, strings_bytes), (0, 0)]);
    (image.bytes(), offsets)
}

/// A Go program of before 1.18, without sections: `form` is the first byte of its table (0xfa for 1.16
/// and 1.17), the version stands behind a pointer. Gives the file and where `Read` begins: nine bytes
/// with returns at 3 and 8.
pub fn old_go(form: u8, version: &str) -> (Vec<u8>, u64) {
    let mut image = Image::new();
    let code = image.put(&[
        0x48, 0x89, 0xd8, 0xc3, 0x48, 0x85, 0xc0, 0x90, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
    ]);
    let next = image.put(&[0xc3]);
    let text = image.put(version.as_bytes());
    let string = image.put(&words([BASE + text, version.len() as u64]));
    let mut build = b"\xff Go buildinf:\x08\x00".to_vec();
    build.extend(words([BASE + string, BASE + string]));
    image.put(&build);
    let names = b"\0main.main\0crypto/tls.(*Conn).Read\0crypto/tls.(*Conn).Reader\0";
    let place = |name: &[u8]| names.windows(name.len()).position(|window| window == name).expect("a name");
    // Table, names, then functions: pairs of entry and place, the end, and an entry and a name of each.
    let head_bytes = 8 + 7 * 8;
    let functions = (head_bytes + names.len() as u64).next_multiple_of(8);
    let known = 2 * 16 + 8;
    let mut table = vec![form, 0xff, 0xff, 0xff, 0, 0, 1, 8];
    table.extend(words([2, 1, head_bytes, functions, functions, functions, functions]));
    table.extend_from_slice(names);
    table.resize(functions as usize, 0);
    table.extend(words([BASE + code, known, BASE + next, known + 16, BASE + next + 1]));
    for (entry, name) in [(code, place(b"crypto/tls.(*Conn).Read\0")), (next, place(b"main.main"))] {
        table.extend(words([BASE + entry, name as u64]));
    }
    image.put(&table);
    (image.bytes(), code)
}
