//! Hellos of real clients and servers, whole, in pieces, cut at every byte and damaged.

use sensor::protocol::tls::{Alpn, Hello, Version, fuzz, read};

/// The bytes of one hello of `tests/data/tls/hellos.txt`.
pub fn hello(name: &str) -> Vec<u8> {
    let text = include_str!("../data/tls/hellos.txt").replace("\\\n", "");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a hello");
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    line.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub const HELLOS: [&str; 6] = ["openssl_13", "openssl_12", "curl", "node", "server_13", "server_12"];

fn offered(server_name: Option<&str>, alpn: &[Alpn], version: Version) -> Hello {
    Hello {
        is_client: true,
        server_name: server_name.map(str::to_owned),
        alpn: alpn.to_vec(),
        version: Some(version),
        encrypted_hello: false,
        whole: true,
    }
}

#[test]
fn hellos_of_clients_say_name_protocols_and_highest_version() {
    let both = [Alpn::Http2, Alpn::Http11];
    let read = |name| read(&hello(name)).expect("a hello");
    assert_eq!(read("openssl_13"), offered(Some("shop.example"), &both, Version::Tls13));
    assert_eq!(read("openssl_12"), offered(None, &[], Version::Tls12));
    assert_eq!(read("curl"), offered(Some("api.shop.example"), &both, Version::Tls13));
    assert_eq!(read("node"), offered(Some("node.example"), &[], Version::Tls13));
}

#[test]
fn hellos_of_servers_say_what_is_chosen() {
    let chosen = |alpn: &[Alpn], version| Hello { is_client: false, ..offered(None, alpn, version) };
    assert_eq!(read(&hello("server_13")), Some(chosen(&[], Version::Tls13)));
    assert_eq!(read(&hello("server_12")), Some(chosen(&[Alpn::Http11], Version::Tls12)));
}

/// The same handshake in records of `size` bytes.
fn split(hello: &[u8], size: usize) -> Vec<u8> {
    let head = |length: usize| [22, 3, 1, (length >> 8) as u8, length as u8];
    hello[5..]
        .chunks(size)
        .flat_map(|part| head(part.len()).into_iter().chain(part.iter().copied()))
        .collect()
}

#[test]
fn records_may_be_of_any_size() {
    for name in ["openssl_13", "openssl_12", "curl", "node"] {
        let hello = hello(name);
        for size in [1, 2, 7, 64, 300] {
            assert_eq!(read(&split(&hello, size)), read(&hello), "{name} in records of {size}");
        }
    }
}

#[test]
fn a_cut_hello_gives_what_came_and_nothing_else() {
    for name in HELLOS {
        let bytes = hello(name);
        let whole = read(&bytes).expect("a hello");
        let mut known = 0;
        for length in 0..=bytes.len() {
            let Some(cut) = read(&bytes[..length]) else {
                assert_eq!(known, 0, "{name} was there and is not at {length}");
                continue;
            };
            assert!(cut.server_name.is_none() || cut.server_name == whole.server_name, "{name} {length}");
            assert!(whole.alpn.starts_with(&cut.alpn), "{name} {length}");
            assert!(!cut.whole || cut == whole, "{name} is not whole at {length}");
            let more = 1 + usize::from(cut.server_name.is_some()) + cut.alpn.len() + usize::from(cut.whole);
            assert!(more >= known, "{name} knows less at {length}");
            known = more;
        }
        assert!(known > 1, "{name}");
    }
}

/// A client's hello with these extensions and nothing else.
fn with_extensions(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut bytes = vec![22, 3, 1];
    bytes.extend((body.len() as u16 + 4).to_be_bytes());
    bytes.extend([1, 0, (body.len() >> 8) as u8, body.len() as u8]);
    bytes.extend(body);
    bytes
}

fn with_name(name: &[u8]) -> Option<String> {
    let length = name.len() as u16;
    let mut extension = vec![0, 0];
    extension.extend((length + 5).to_be_bytes());
    extension.extend((length + 3).to_be_bytes());
    extension.push(0);
    extension.extend(length.to_be_bytes());
    extension.extend(name);
    let hello = read(&with_extensions(&extension)).expect("a hello");
    assert!(hello.whole);
    hello.server_name
}

#[test]
fn only_a_dns_name_is_a_name() {
    assert_eq!(with_name(b"a-1.B_c.example").as_deref(), Some("a-1.b_c.example"));
    assert_eq!(with_name(b"localhost").as_deref(), Some("localhost"));
    let long = vec!["a".repeat(63); 4].join(".");
    assert_eq!(with_name(&long.as_bytes()[..253]).map(|name| name.len()), Some(253));
    let refused: [&[u8]; 9] = [
        b"",
        b".",
        b"a..b",
        b"a.example.",
        b"user@host",
        b"10.0.0.1",
        b"a b",
        b"\xc3\xa9.example",
        long.as_bytes(),
    ];
    for name in refused {
        assert_eq!(with_name(name), None, "{}", name.escape_ascii());
    }
    assert_eq!(with_name("a".repeat(64).as_bytes()), None);
}

#[test]
fn invented_values_are_left_out() {
    // GREASE among versions and protocols, one of those of an unknown name, ECH.
    let extensions = [
        0, 43, 0, 7, 6, 0x5a, 0x5a, 3, 4, 3, 3, //
        0, 16, 0, 15, 0, 13, 2, 0xca, 0xca, 6, b's', b'p', b'd', b'y', b'/', b'9', 2, b'h', b'2', //
        0xfe, 0x0d, 0, 0,
    ];
    let hello = read(&with_extensions(&extensions)).expect("a hello");
    let expected =
        Hello { encrypted_hello: true, ..offered(None, &[Alpn::Other, Alpn::Http2], Version::Tls13) };
    assert_eq!(hello, expected);
}

#[test]
fn other_bytes_are_no_hello() {
    let hello = hello("curl");
    let others: [&[u8]; 6] =
        [b"", b"GET / HTTP/1.1\r\n", &[22], &[22, 3, 1, 0, 0], &[21, 3, 1, 0, 2, 2, 40], &hello[5..]];
    for bytes in others {
        assert_eq!(read(bytes), None);
    }
    assert_eq!(read(&[22, 3, 3, 0, 6, 4, 0, 0, 2, 3, 3]), None, "a session ticket");
    assert_eq!(read(&[22, 3, 3, 0, 6, 1, 0, 0, 2, 9, 9]), None, "a version of nobody");
}

#[test]
fn damage_breaks_nothing() {
    let mut number = 1u64;
    for name in HELLOS {
        for _ in 0..5000 {
            let mut bytes = hello(name);
            for _ in 0..4 {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = (number >> 33) as usize % bytes.len();
                bytes[place] = (number >> 24) as u8;
            }
            fuzz(&bytes);
        }
    }
}
