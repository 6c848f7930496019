//! Capture files that are cut, broken, compressed or something else: what could be read is kept, and one
//! sentence says where it ends and why. `replay` as a user meets it.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::packets::*;
use crate::replay_wire::read;

/// A call for each of these paths, one after the other.
const PATHS: [&str; 3] = ["/users", "/orders", "/items"];

fn packets() -> Vec<(u64, Vec<u8>)> {
    let mut talk = Talk::new(50_000);
    for path in PATHS {
        talk.call(path, "{\"id\":1}");
    }
    talk.close();
    wrapped(&talk.segments, Segment::frame)
}

/// Where each block begins, by the lengths in the file.
fn borders(file: &[u8], is_next: bool) -> Vec<usize> {
    let number = |at: usize| {
        let bytes: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes) as usize
    };
    let mut at = if is_next { 0 } else { 24 };
    let mut borders = vec![0];
    while at < file.len() {
        borders.push(at);
        at += if is_next { number(at + 4) } else { 16 + number(at + 8) };
    }
    borders.push(file.len());
    borders.dedup();
    borders
}

#[test]
fn a_file_cut_at_any_byte_gives_what_came_before_and_says_where() {
    for (file, is_next) in [(pcap(1, &packets()), false), (pcapng(1, &packets()), true)] {
        let borders = borders(&file, is_next);
        let mut most = 0;
        for end in 0..=file.len() {
            let found = read(&[&file[..end]]);
            assert!(found.calls.len() >= most, "a call was lost at {end}");
            most = found.calls.len();
            let error = found.error.map(|error| error.to_string());
            let begin = *borders.iter().rfind(|&&border| border <= end).expect("zero is one");
            let expected = match end {
                0 => Some("it is empty".to_owned()),
                _ if begin == end => None,
                _ => Some(format!(
                    "it ends within a packet or block that begins at byte {begin}; what comes before was read"
                )),
            };
            assert_eq!(error, expected, "cut at {end}");
        }
        assert_eq!(most, 3);
    }
}

#[test]
fn a_file_with_any_byte_changed_is_read_without_harm() {
    for file in [pcap(1, &packets()), pcapng(1, &packets())] {
        for at in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut broken = file.clone();
                broken[at] ^= change;
                // Checks that its events hold together.
                sensor::source::pcap::fuzz(&broken);
            }
        }
    }
}

#[test]
fn a_block_that_cannot_be_says_so_with_its_place() {
    let whole = pcap(1, &packets());
    let sixth = borders(&whole, false)[6];
    let mut broken = whole.clone();
    // A packet of almost 4 GiB, and one of 64 MiB, which are longer than the file.
    for length in [0xffff_fff0_u32, 64 << 20] {
        broken[sixth + 8..sixth + 12].copy_from_slice(&length.to_le_bytes());
        let error = read(&[&broken]).error.map(|error| error.to_string()).expect("it is broken");
        assert!(
            error.contains(&format!(" at byte {sixth}")) && error.ends_with("what comes before was read"),
            "{error}"
        );
    }
    let whole = pcapng(1, &packets());
    let fifth = borders(&whole, true)[5];
    let mut broken = whole.clone();
    // The length behind the block is another than that before it.
    broken[fifth + 4..fifth + 8].copy_from_slice(&13_u32.to_le_bytes());
    let error = read(&[&broken]).error.map(|error| error.to_string()).expect("it is broken");
    assert!(error.contains(&format!("the block at byte {fifth} is malformed")), "{error}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn compressed_files_are_read_and_one_that_is_cut_says_so() {
    let file = pcapng(1, &packets());
    let (first, second) = file.split_at(file.len() / 2);
    for compressed in
        [gzip(&file), zstd(&file), [gzip(first), gzip(second)].concat(), [zstd(first), zstd(second)].concat()]
    {
        let found = read(&[&compressed]);
        assert!(found.error.is_none(), "{:?}", found.error);
        assert_eq!(found.calls.len(), 3);
        let mut most = 0;
        for end in 1..compressed.len() - 1 {
            let found = read(&[&compressed[..end]]);
            assert!(found.error.is_some() || end * 3 > compressed.len(), "cut at {end}");
            most = most.max(found.calls.len());
        }
        assert!(most <= 3);
    }
    // What is decompressed before the cut is read: an incompressible filler makes blocks that are whole.
    let mut long = packets();
    let mut noise = 1_u64;
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..1000)
            .map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 56) as u8
            })
            .collect();
        long.push((START_NS, ethernet(0x88b5, &bytes)));
    }
    for compressed in [gzip(&pcap(1, &long)), zstd(&pcap(1, &long))] {
        let found = read(&[&compressed[..compressed.len() - 20_000]]);
        let error = found.error.map(|error| error.to_string()).expect("it is cut");
        assert!(error.contains("byte ") && error.ends_with("what comes before was read"), "{error}");
        assert_eq!(found.calls.len(), 3, "{error}");
    }
}

/// Runs `replay`; exit code, the document, and standard error.
fn replay(folder: &Path, files: &[&str], input: Option<&[u8]>) -> (i32, Option<Value>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "replay", "--format", "json"])
        .args(files)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Smaller than a pipe, or read to its end.
    child.stdin.take().expect("a pipe").write_all(input.unwrap_or_default()).expect("it reads");
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    let code = child.wait().expect("it ends").code().expect("it was not killed");
    (code, serde_json::from_str(&out).ok(), err)
}

#[test]
fn several_files_and_standard_input_are_one_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let packets = packets();
    // The border lies within the second call.
    let (first, second) = packets.split_at(6);
    std::fs::write(folder.path().join("1.pcap"), pcap(1, first)).expect("a file");
    std::fs::write(folder.path().join("2.pcapng.gz"), gzip(&pcapng(1, second))).expect("a file");
    let (code, document, said) = replay(folder.path(), &["1.pcap", "2.pcapng.gz"], None);
    assert_eq!(code, 0, "{said}");
    assert_eq!(document.expect("a document")["calls"], 3);
    let (code, document, said) = replay(folder.path(), &["-"], Some(&zstd(&pcap(1, &packets))));
    assert_eq!(code, 0, "{said}");
    assert_eq!(document.expect("a document")["calls"], 3);
}

#[test]
fn what_is_broken_or_foreign_is_said_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = pcap(1, &packets());
    let cut = &file[..file.len() - 10];
    let begin = borders(cut, false).into_iter().rfind(|&border| border < cut.len()).expect("a border");
    let xz = [&[0xfd][..], b"7zXZ\0", &[0; 64]].concat();
    let others: [(&str, &[u8], String); 8] = [
        (
            "cut.pcap",
            cut,
            format!(
                "it ends within a packet or block that begins at byte {begin}; what comes before was read"
            ),
        ),
        ("empty.pcap", b"", "it is empty".to_owned()),
        ("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", "it is no pcap or pcapng file".to_owned()),
        (
            "a.har",
            b"{\"log\":{\"entries\":[]}}",
            "it is no pcap or pcapng file; HTTP archives (.har) are for `apicensus import-har`".to_owned(),
        ),
        (
            "a.pcap.xz",
            &xz,
            "it is no pcap or pcapng file: it is compressed with xz; decompress it first".to_owned(),
        ),
        (
            "a.bz2",
            b"BZh91AY&SY",
            "it is no pcap or pcapng file: it is compressed with bzip2; decompress it first".to_owned(),
        ),
        ("a.txt", b"hello, world", "it is no pcap or pcapng file".to_owned()),
        (
            "short",
            b"\xd4\xc3",
            "it ends within a packet or block that begins at byte 0; what comes before was read".to_owned(),
        ),
    ];
    for (name, bytes, why) in &others {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
        std::fs::write(folder.path().join("whole.pcap"), &file).expect("a file");
        let (code, _, said) = replay(folder.path(), &[name, "whole.pcap"], None);
        assert_eq!(code, 3, "{name}: {said}");
        assert!(said.contains(&format!("cannot read {name}: {why}")), "{name}: {said}");
    }
    let (code, _, said) = replay(folder.path(), &["missing.pcap"], None);
    assert_eq!(code, 3);
    assert!(said.contains("cannot read missing.pcap: No such file"), "{said}");
    // All of the whole ones were stored, and what the cut one had.
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "endpoints", "--format", "json"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for path in PATHS {
        assert!(text.contains(path), "{path} is not in {text}");
    }
}
