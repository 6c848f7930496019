//! What real binaries offer to probes, compared with what binutils say of them; forms made by hand;
//! files that are cut, damaged or for other machines.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sensor::source::tls::binary::{Binary, Function, Library, Moment, Obstacle, Probe, read};

use crate::tls_elf_fixture::{Image, file, library, old_go};

fn installed(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let found = path.is_file().then_some(path);
    if found.is_none() {
        eprintln!("not installed: the test is left out");
    }
    found
}

fn of(path: &Path) -> Binary {
    read(&File::open(path).expect("a file"))
}

fn output(program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    let output = Command::new(program).args(arguments).arg(path).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}

/// The offset in the file of the exported function `name`, by `nm` and `readelf`.
fn exported(path: &Path, name: &str) -> Option<u64> {
    let symbols = output("nm", &["-D", "--defined-only"], path)?;
    let address = symbols.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (address, _, symbol) = (words.next()?, words.next()?, words.next()?);
        (symbol.split('@').next() == Some(name)).then(|| hex(address))
    })?;
    output("readelf", &["-lW"], path)?.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &["LOAD", offset, start, _, length, ..] = &words[..] else { return None };
        let into = address.checked_sub(hex(start))?;
        (into < hex(length)).then(|| hex(offset) + into)
    })
}

fn compare_exported(path: &str, library: Library, names: &[(&str, Function)]) {
    let Some(path) = installed(path) else { return };
    if Command::new("nm").arg("--version").output().is_err() {
        return;
    }
    let binary = of(&path);
    assert_eq!((binary.library, binary.obstacle), (Some(library), None));
    for &(name, function) in names {
        let offset = exported(&path, name).unwrap_or_else(|| panic!("{name} is not exported"));
        for moment in [Moment::Entry, Moment::Return] {
            let ends = !matches!(function, Function::SslFree | Function::GnutlsDeinit);
            let expected = moment == Moment::Entry || ends;
            let probe = Probe { function, moment, offset };
            assert_eq!(binary.probes.contains(&probe), expected, "{name} {moment:?}");
        }
    }
    let places: BTreeSet<_> = binary.probes.iter().map(|probe| (probe.offset, probe.moment)).collect();
    assert_eq!(places.len(), binary.probes.len(), "two functions at one place");
}

const OPENSSL: &[(&str, Function)] = &[
    ("SSL_read", Function::SslRead),
    ("SSL_read_ex", Function::SslReadEx),
    ("SSL_read_early_data", Function::SslReadEarlyData),
    ("SSL_write", Function::SslWrite),
    ("SSL_write_ex", Function::SslWriteEx),
    ("SSL_write_early_data", Function::SslWriteEarlyData),
    ("SSL_do_handshake", Function::SslDoHandshake),
    ("SSL_free", Function::SslFree),
];

const LIBSSL: &str = "/usr/lib/x86_64-linux-gnu/libssl.so.3";

#[test]
fn libraries_and_node_are_as_binutils_see_them() {
    compare_exported(LIBSSL, Library::OpenSsl, OPENSSL);
    compare_exported("/usr/bin/node", Library::OpenSsl, OPENSSL);
    compare_exported(
        "/usr/lib/x86_64-linux-gnu/libgnutls.so.30",
        Library::GnuTls,
        &[
            ("gnutls_record_recv", Function::GnutlsRecordRecv),
            ("gnutls_record_recv_seq", Function::GnutlsRecordRecvSeq),
            ("gnutls_record_send", Function::GnutlsRecordSend),
            ("gnutls_record_send2", Function::GnutlsRecordSend2),
            ("gnutls_record_uncork", Function::GnutlsRecordUncork),
            ("gnutls_handshake", Function::GnutlsHandshake),
            ("gnutls_deinit", Function::GnutlsDeinit),
        ],
    );
}

#[test]
fn nothing_else_is_taken_for_tls() {
    for path in ["/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/bin/sh"]
    {
        if let Some(path) = installed(path) {
            assert_eq!(of(&path), Binary::default(), "{}", path.display());
        }
    }
    assert_eq!(read(&file(b"#!/bin/sh\n")), Binary::default());
    assert_eq!(read(&file(b"")), Binary::default());
}

const GO_SERVER: &str = "target/tools/go-server";
const GO: [(&str, Function); 3] = [
    ("crypto/tls.(*Conn).Read", Function::GoRead),
    ("crypto/tls.(*Conn).Write", Function::GoWrite),
    ("crypto/tls.(*Conn).Close", Function::GoClose),
];

#[test]
fn go_functions_and_their_returns_are_as_objdump_sees_them() {
    let Some(path) = installed(GO_SERVER) else { return };
    let binary = of(&path);
    assert_eq!((binary.library, binary.obstacle), (Some(Library::Go), None));
    assert!(binary.version.as_deref().is_some_and(|version| version.starts_with("go1.")));
    for (name, function) in GO {
        let one = format!("--disassemble={name}");
        let Some(text) = output("objdump", &["-d", "-F", "--no-show-raw-insn", &one], &path) else { return };
        let head = text.lines().find(|line| line.contains(&format!("<{name}> (File Offset"))).expect("it");
        let start = hex(head.split(' ').next().expect("an address"));
        let offset = hex(head.split("File Offset: ").nth(1).expect("one").trim_end_matches("):"));
        let returns: BTreeSet<u64> = text
            .lines()
            .filter_map(|line| line.trim().split_once(":\t"))
            .filter(|(_, instruction)| instruction.starts_with("ret"))
            .map(|(address, _)| hex(address) - start + offset)
            .collect();
        assert!(!returns.is_empty(), "{name}");
        let at = |moment| -> BTreeSet<u64> {
            let of = |probe: &&Probe| probe.function == function && probe.moment == moment;
            binary.probes.iter().filter(of).map(|probe| probe.offset).collect()
        };
        // Behind the check of the stack, which is passed twice where the stack has to grow.
        let mut instructions = text.lines().filter_map(|line| line.trim().split_once(":\t"));
        instructions.find(|(_, instruction)| instruction.starts_with("jbe")).expect("a check of the stack");
        let (body, _) = instructions.next().expect("a body");
        assert_eq!(at(Moment::Entry), BTreeSet::from([hex(body) - start + offset]), "{name}");
        assert_eq!(at(Moment::Return), BTreeSet::new(), "a uretprobe crashes Go");
        let exits = if function == Function::GoClose { BTreeSet::new() } else { returns };
        assert_eq!(at(Moment::Exit), exits, "{name}");
    }
}

/// Where a probe is dear, in a virtual machine above all, the same calls are seen elsewhere: OpenSSL's thin
/// wrappers call one inner function, which begins with a push of a register.
#[test]
fn probes_stand_where_they_cost_least() {
    let Some(path) = installed(LIBSSL) else { return };
    let file = fs::File::open(&path).expect("a file");
    let binary = sensor::source::tls::binary::read(&file);
    let cheap = sensor::source::tls::binary::cheap(&file, &binary);
    assert!(cheap.len() < binary.probes.len());
    let transfers = [Function::SslReadEx, Function::SslWriteEx];
    for function in transfers {
        let places: BTreeSet<u64> =
            cheap.iter().filter(|probe| probe.function == function).map(|probe| probe.offset).collect();
        let [place] = places.into_iter().collect::<Vec<_>>()[..] else { panic!("not one place: {cheap:?}") };
        let bytes = fs::read(&path).expect("bytes");
        let code = &bytes[place as usize..place as usize + 2];
        let is_push = matches!(code, [0x50..=0x57, _] | [0x41, 0x50..=0x57]);
        assert!(is_push, "{function:?} begins with {code:x?}");
        // Entered by the wrappers and by nothing that peeks.
        assert!(cheap.iter().all(|probe| !matches!(probe.function, Function::SslRead | Function::SslWrite)));
    }
}

/// The same file as if `sstrip` had taken its sections.
fn without_sections(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[40..48].fill(0);
    bytes[58..64].fill(0);
    bytes
}

#[test]
fn stripped_programs_and_files_without_sections_offer_the_same() {
    for path in [GO_SERVER, LIBSSL].into_iter().filter_map(installed) {
        let whole = of(&path);
        let bytes = fs::read(&path).expect("bytes");
        assert_eq!(read(&file(&without_sections(bytes))), whole, "{}", path.display());
        let folder = tempfile::tempdir().expect("a folder");
        let stripped = folder.path().join("stripped");
        let strip = Command::new("strip").arg("-o").arg(&stripped).arg(&path).status();
        if strip.is_ok_and(|status| status.success()) {
            assert_eq!(of(&stripped).probes.len(), whole.probes.len(), "{}", path.display());
            assert_eq!(of(&stripped).library, whole.library);
        }
    }
}

#[test]
fn a_program_with_rustls_is_said_to_have_it() {
    // The sensor itself, for notifications; it holds the texts of the others as well.
    let binary = of(Path::new(env!("CARGO_BIN_EXE_apicensus")));
    let rustls = Library::Rustls;
    assert_eq!((binary.library, binary.obstacle), (Some(rustls), Some(Obstacle::Unsupported(rustls))));
    assert!(binary.probes.is_empty());
}

#[test]
fn libraries_by_their_names_with_the_older_hash_table() {
    let (bytes, offsets) = library(&["SSL_read", "SSL_write", "SSL_free", "SSL_readable"]);
    let binary = read(&file(&bytes));
    assert_eq!((binary.library, binary.obstacle), (Some(Library::OpenSsl), None));
    let probe = |function, moment, index: usize| Probe { function, moment, offset: offsets[index] };
    let expected = [
        probe(Function::SslRead, Moment::Entry, 0),
        probe(Function::SslRead, Moment::Return, 0),
        probe(Function::SslWrite, Moment::Entry, 1),
        probe(Function::SslWrite, Moment::Return, 1),
        probe(Function::SslFree, Moment::Entry, 2),
    ];
    assert_eq!(binary.probes, expected);
    let library_of = |names: &[&str]| read(&file(&library(names).0));
    let boring = library_of(&["SSL_read", "SSL_write", "SSL_CTX_set_grease_enabled"]);
    assert_eq!((boring.library, boring.probes.len()), (Some(Library::BoringSsl), 4));
    let unsupported = [
        ("SSL_ImportFD", Library::Nss),
        ("JNI_CreateJavaVM", Library::Java),
        ("mbedtls_ssl_read", Library::MbedTls),
        ("wolfSSL_read", Library::WolfSsl),
        ("s2n_recv", Library::S2n),
    ];
    for (name, library) in unsupported {
        let binary = library_of(&[name]);
        assert_eq!((binary.library, binary.obstacle), (Some(library), Some(Obstacle::Unsupported(library))));
        assert!(binary.probes.is_empty());
    }
    assert_eq!(library_of(&["SSL_free"]), Binary::default(), "nothing that moves plaintext");
}

#[test]
fn stripped_static_libraries_are_named() {
    let texts: [(&[u8], Library); 3] = [
        (b"\0../ssl/ssl_lib.c\0", Library::OpenSsl),
        (b"\0third_party/boringssl/src/ssl/ssl_lib.cc\0", Library::BoringSsl),
        (b"SSLv3/TLS write client hello\0", Library::OpenSsl),
    ];
    for (text, library) in texts {
        let mut image = Image::new();
        // Over the border of two pieces of reading.
        let before = 65_536 - 64 - 2 * 56 - 16;
        image.put(&vec![b'x'; before]);
        image.put(text);
        let binary = read(&file(&image.bytes()));
        assert_eq!((binary.library, binary.obstacle), (Some(library), Some(Obstacle::NoSymbols(library))));
    }
    assert_eq!(read(&file(&Image::new().bytes())), Binary::default());
}

#[test]
fn go_of_before_1_18() {
    let (bytes, start) = old_go(0xfa, "go1.17.13");
    let binary = read(&file(&bytes));
    let probe = |moment, offset| Probe { function: Function::GoRead, moment, offset };
    assert_eq!(binary.obstacle, None);
    assert_eq!((binary.library, binary.version.as_deref()), (Some(Library::Go), Some("go1.17.13")));
    assert_eq!(
        binary.probes,
        [probe(Moment::Entry, start), probe(Moment::Exit, start + 3), probe(Moment::Exit, start + 8)]
    );
    let binary = read(&file(&old_go(0xfa, "go1.16.15").0));
    assert_eq!((binary.probes.len(), binary.obstacle), (0, Some(Obstacle::GoTooOld)));
    let binary = read(&file(&old_go(0xfb, "go1.15.2").0));
    assert_eq!(binary, Binary::default(), "not found without sections");
    // What is no instruction (a prefix without one) must not be probed around.
    let mut broken = bytes;
    broken[start as usize + 4] = 0x06;
    assert_eq!(read(&file(&broken)).obstacle, Some(Obstacle::GoCodeUnknown));
}

#[test]
fn other_machines_are_said_to_be_others() {
    let (bytes, _) = library(&["SSL_read", "SSL_write"]);
    for (place, value) in [(18, 183), (4, 1), (5, 2)] {
        let mut bytes = bytes.clone();
        bytes[place] = value;
        assert_eq!(read(&file(&bytes)).obstacle, Some(Obstacle::ForeignArchitecture));
    }
}

/// What must hold of any file, and quickly.
fn check(file: &File, what: &str) {
    let begun = Instant::now();
    let binary = read(file);
    assert!(begun.elapsed() < Duration::from_secs(2), "{what} takes {:?}", begun.elapsed());
    let length = file.metadata().expect("its length").len();
    assert!(binary.probes.iter().all(|probe| probe.offset < length), "{what}: a probe outside");
    assert!(binary.obstacle.is_none() || binary.probes.len() < 256, "{what}");
}

#[test]
fn a_cut_file_has_an_obstacle_and_no_panic() {
    for path in [LIBSSL, GO_SERVER].into_iter().filter_map(installed) {
        let bytes = fs::read(&path).expect("bytes");
        let file = file(&bytes);
        let steps = 300;
        for step in (0..=steps).rev() {
            let length = bytes.len() * step / steps;
            file.set_len(length as u64).expect("a cut");
            check(&file, &format!("{} of {length} bytes", path.display()));
            if (64..4096).contains(&length) {
                assert_eq!(read(&file).obstacle, Some(Obstacle::Malformed));
            }
        }
        for length in 0..200 {
            file.set_len(length).expect("a length");
            check(&file, &format!("{} of {length} bytes", path.display()));
        }
    }
}

#[test]
fn a_damaged_file_gives_no_panic() {
    let mut number = 7u64;
    let mut next = |below: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    let (go, _) = old_go(0xfa, "go1.17.13");
    let (named, _) = library(&["SSL_read", "SSL_write", "SSL_free"]);
    let mut inputs = vec![(go, 4000), (named, 4000)];
    for path in [LIBSSL, GO_SERVER].into_iter().filter_map(installed) {
        inputs.push((fs::read(&path).expect("bytes"), 300));
    }
    for (bytes, rounds) in inputs {
        let mut file = file(&bytes);
        for round in 0..rounds {
            // Heads and tables are what is read; elsewhere most damage is not seen.
            let places: Vec<u64> = (0..4)
                .map(|place| next(if place < 2 { 1024.min(bytes.len() as u64) } else { bytes.len() as u64 }))
                .collect();
            for &place in &places {
                let value = [0xff, 0x00, 0x7f, next(256) as u8][next(4) as usize];
                file.seek(SeekFrom::Start(place)).expect("a place");
                file.write_all(&[value]).expect("a byte");
            }
            check(&file, &format!("{} bytes damaged, round {round}", bytes.len()));
            for &place in &places {
                file.seek(SeekFrom::Start(place)).expect("a place");
                file.write_all(&[bytes[place as usize]]).expect("a byte");
            }
        }
        assert_eq!(read(&file), read(&crate::tls_elf_fixture::file(&bytes)), "all is mended");
    }
}
