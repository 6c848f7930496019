//! The seeds of the fuzz targets: small inputs that reach far, made of the fixtures, and inputs that once
//! broke something. Every one is played here too, so that what was mended stays so.

use std::fs;
use std::path::{Path, PathBuf};

use sensor::flow::Direction;

use crate::packets::*;
use crate::{http1_conversation, http1_fixtures, http2_conversation, tls_elf_fixture, tls_hello};

type Target = (&'static str, fn(&[u8]));

/// As in `tests/fuzz/fuzz_targets`.
const TARGETS: [Target; 19] = [
    ("binary", sensor::source::tls::binary::fuzz),
    ("body", sensor::call::fuzz),
    ("capture", sensor::source::pcap::fuzz),
    ("descriptors", sensor::inventory::spec::fuzz::fuzz_descriptors),
    ("envelope", sensor::protocol::fuzz_envelope),
    ("flows", sensor::source::pcap::fuzz_flows),
    ("graphql", sensor::inventory::spec::fuzz::fuzz_graphql),
    ("har", sensor::protocol::har::fuzz),
    ("hpack", sensor::protocol::http2::hpack::fuzz),
    ("http1", sensor::protocol::fuzz),
    ("http2", sensor::protocol::http2::fuzz),
    ("openapi", sensor::inventory::spec::fuzz::fuzz_openapi),
    ("packet", sensor::source::pcap::fuzz_packets),
    ("pipeline", sensor::pipeline::fuzz),
    ("record", sensor::source::decode::fuzz),
    ("stream", sensor::stream::fuzz),
    ("tls", sensor::protocol::tls::fuzz),
    ("websocket", sensor::protocol::websocket::fuzz),
    ("yaml", sensor::inventory::spec::fuzz::fuzz_yaml),
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn no_seed_breaks_its_target() {
    for (name, fuzz) in TARGETS {
        let seeds = files(&tests().join("fuzz/seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            println!("{}", seed.display());
            fuzz(&fs::read(seed).expect("a seed"));
        }
    }
    let mut names: Vec<String> = files(&tests().join("fuzz/fuzz_targets"))
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| name.to_owned()), "targets that are not played here");
}

/// `cargo test -p sensor --test it write_the_seeds -- --ignored` after a change of fixtures or of the form
/// of an input. What broke something once has names of its own and stays.
#[test]
#[ignore = "writes into the repository"]
fn write_the_seeds() {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = tests().join("fuzz/seeds").join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("a seed");
    };
    let mut all = Vec::new();
    for (path, text) in http1_fixtures::fixtures() {
        let (steps, _) = http1_conversation::parse(&text);
        let parts: Vec<_> =
            steps.iter().map(|s| (s.direction, &s.bytes[..], s.span - s.bytes.len() as u64)).collect();
        all.push((path, chunks(&parts), parts_of_pipeline(&parts)));
    }
    // Few, and those that are short: the fuzzer multiplies them.
    for (path, chunks, pipeline) in all.iter().filter(|(_, chunks, _)| chunks.len() < 700) {
        let name = path.file_stem().expect("a name").to_string_lossy();
        if ["chunked", "pipelining", "upgrade", "coding_gzip", "gap_in_chunk", "trailer_malformed"]
            .contains(&&*name)
        {
            write("http1", &name, chunks);
            write("pipeline", &format!("http1_{name}"), pipeline);
        }
    }
    for (path, text) in http2_conversation::fixtures() {
        let (pieces, _) = http2_conversation::parse(&text);
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let parts: Vec<_> = pieces.iter().map(|p| (p.direction, &p.bytes[..], p.gap)).collect();
        if ["concurrent", "continuation", "promise", "grpc_streaming", "size_update", "late"]
            .contains(&&*name)
        {
            write("http2", &name, &chunks(&parts));
            write("pipeline", &format!("http2_{name}"), &parts_of_pipeline(&parts));
        }
    }
    let mut blocks = vec![1];
    for block in [
        &b"\x82\x86\x84\x41\x0fwww.example.com"[..],
        b"\x82\x86\x84\xbe\x58\x08no-cache",
        b"\x3f\xe1\x1f\x40\x01a\x81\x1f",
    ] {
        blocks.push(block.len() as u8);
        blocks.extend(block);
    }
    write("hpack", "blocks", &blocks);
    let message = [&[0, 0, 0, 0, 7][..], b"\x08\x96\x01\x12\x02hi", &[128, 0, 0, 0, 3], b"a:b"].concat();
    write("envelope", "grpc_web", &[&[2, 3][..], &message].concat());
    write("envelope", "text", &[&[1, 200][..], b"AAAAAAcIlgESAmhp"].concat());
    let frames = [
        &[0, 9][..],
        b"\x81\x83\x01\x02\x03\x04zk@",
        &[1, 9],
        b"\xc1\x07\xf2H\xcd\xc9\xc9\x07\x00",
        &[7, 5, 1, 2],
        b"\x88\x00",
    ];
    for name in tls_hello::HELLOS {
        write("tls", name, &tls_hello::hello(name));
    }
    write("binary", "go_1_17", &tls_elf_fixture::old_go(0xfa, "go1.17.13").0);
    write("binary", "openssl", &tls_elf_fixture::library(&["SSL_read", "SSL_write", "SSL_free"]).0);
    write("websocket", "frames", &frames.concat());
    write(
        "stream",
        "segments",
        &[&[7][..], &[0, 4, 4, 0], b"late", &[0, 0, 4, 2], b"held", &[3, 0, 1, 0], b"x"].concat(),
    );
    let mut talk = Talk::new(50_000);
    talk.call("/users", "{\"a\":1}");
    talk.close();
    let packets = wrapped(&talk.segments, Segment::frame);
    write("capture", "ethernet.pcap", &pcap(1, &packets));
    write("capture", "ethernet.pcapng", &pcapng(1, &packets[..5]));
    let (mut flows, mut walk) = (Vec::new(), Vec::new());
    for segment in &talk.segments {
        let near = |number: u32| number as u8;
        let kind = if segment.from_client { 8 } else { 12 };
        let length = segment.payload.len() as u8;
        flows.extend([segment.flags, kind, 0, 0, 0, 0, length, 0, near(segment.sequence)]);
        flows.extend(&segment.payload);
        let inner = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &segment.frame()].concat();
        let tunnel = ipv6([8, 9], 0, &extension(UDP, &udp(4789, &inner)));
        let piece = ipv4_fragment([1, 2], TCP, 0x2000, 1, &segment.tcp()[..16]);
        for (link, packet) in [(0, segment.frame()), (5, tunnel), (5, piece)] {
            walk.push(link);
            walk.extend((packet.len() as u16).to_le_bytes());
            walk.extend(packet);
        }
    }
    write("flows", "conversation", &flows);
    write("packet", "tunnels", &walk);
    let mut record = vec![schema::record::ABI_VERSION as u8, 0, 0, 0];
    record.resize(120, 4);
    for kind in 0..5 {
        record[2] = kind;
        write("record", &format!("kind{kind}"), &[&[record.len() as u8][..], &record].concat());
    }
    let bodies: [(&str, u8, u8, &[u8]); 10] = [
        ("json", 0, 0, b"{\"a\":[1,\"b@c.de\",{\"d\":null}],\"e\":1.5e3}"),
        ("form", 1, 0, b"a=1&b=%41+c&card=4111111111111111"),
        ("multipart", 2, 0, b"--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n1\r\n--b--\r\n"),
        ("xml", 3, 0, b"<?xml version=\"1.0\"?><a x=\"1\"><b>2</b><![CDATA[c]]></a>"),
        ("events", 4, 0, b"event: a\ndata: {\"b\":1}\n\ndata: [DONE]\n\n"),
        ("protobuf", 6, 0, b"\x08\x96\x01\x12\x05hello\x1a\x02\x08\x01\x25\x00\x00\x80\x3f"),
        ("msgpack", 7, 0, b"\x82\xa1a\x93\x01\xc0\xc3\xa1b\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("cbor", 8, 0, b"\xa2\x61a\x83\x01\xf6\xf5\x61b\x9f\x01\xff"),
        ("graphql", 0, 1, b"[{\"query\":\"query A($b: Int = 1) { c(d: $b) { ...E } } fragment E on F { g }\",\"variables\":{\"b\":2}}]"),
        ("mcp", 0, 2, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"arguments\":{\"b\":1}}}"),
    ];
    for (name, media, target, body) in bodies {
        write("body", name, &[&[media, media, target, 0, 255][..], body].concat());
        write("body", &format!("{name}_response"), &[&[media, media, target, 0, 0][..], body].concat());
    }
    for (target, path) in [
        ("descriptors", "grpc/shop.binpb"),
        ("graphql", "graphql/shop.graphqls"),
        ("openapi", "shop.yaml"),
        ("openapi", "shop-1.json"),
        ("yaml", "shop.yaml"),
    ] {
        let bytes = fs::read(tests().join("data/specs").join(path)).expect("a fixture");
        write(target, Path::new(path).file_name().and_then(|name| name.to_str()).expect("a name"), &bytes);
    }
    write("yaml", "anchors", b"a: &x [1, {b: 2}]\nc: *x\nd: |\n  text\n---\n- !t 'q'\n");
    write("har", "chrome", crate::har_import::CHROME.as_bytes());
}

/// Chunks as the targets of protocols read them.
fn chunks(parts: &[(Direction, &[u8], u64)]) -> Vec<u8> {
    let mut seed = Vec::new();
    let mut last = None;
    for &(direction, bytes, gap) in parts {
        let way = u8::from(direction == Direction::Outbound);
        let mut first = if last.replace(direction) != Some(direction) { 2 } else { 0 };
        for part in bytes.chunks(255) {
            seed.extend([way | first, part.len() as u8]);
            seed.extend(part);
            first = 0;
        }
        if gap > 0 {
            seed.extend([way | first | 4, gap.min(255) as u8]);
        }
    }
    seed
}

/// The same as segments of one connection.
fn parts_of_pipeline(parts: &[(Direction, &[u8], u64)]) -> Vec<u8> {
    let mut seed = vec![4];
    let mut last = None;
    for &(direction, bytes, gap) in parts {
        let way = if direction == Direction::Outbound { 4 } else { 0 };
        let mut first = if last.replace(direction) != Some(direction) { 8 } else { 0 };
        let count = bytes.len().div_ceil(255);
        for (number, part) in bytes.chunks(255).enumerate() {
            let missing = if number + 1 == count { gap.min(255) as u8 } else { 0 };
            seed.extend([way | first, missing, part.len() as u8]);
            seed.extend(part);
            first = 0;
        }
    }
    seed.extend([128, 0, 0]);
    seed
}
