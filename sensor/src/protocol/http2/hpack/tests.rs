//! The examples of RFC 7541 appendix C, and joins at each of their blocks.

use super::*;

type Owned = (Option<Vec<u8>>, Option<Vec<u8>>);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex"))
        .collect()
}

fn decode(decoder: &mut Decoder, block: &str) -> Result<Vec<Owned>, Malformed> {
    let mut fields = Vec::new();
    let own = |text: Option<&[u8]>| text.map(<[u8]>::to_vec);
    decoder.decode(&hex(block), |(name, value)| fields.push((own(name), own(value))))?;
    Ok(fields)
}

fn known(fields: &[(&str, &str)]) -> Vec<Owned> {
    fields.iter().map(|(n, v)| (Some(n.as_bytes().to_vec()), Some(v.as_bytes().to_vec()))).collect()
}

const REQUESTS: [&[(&str, &str)]; 3] = [
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
        ("cache-control", "no-cache"),
    ],
    &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ],
];

const PLAIN: [&str; 3] = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
];

const CODED: [&str; 3] = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
];

#[test]
fn requests_of_appendix_c() {
    for blocks in [PLAIN, CODED] {
        let mut decoder = Decoder::new();
        for (block, fields) in blocks.iter().zip(REQUESTS) {
            assert_eq!(decode(&mut decoder, block), Ok(known(fields)));
        }
    }
}

const RESPONSES: [&str; 3] = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960\
     d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
];

const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

/// C.6: a table of 256 bytes, so that entries are evicted.
#[test]
fn responses_of_appendix_c_with_eviction() {
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, "3fe101"), Ok(Vec::new()), "256 bytes");
    let first = [
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    assert_eq!(decode(&mut decoder, RESPONSES[0]), Ok(known(&first)));
    let second = [(":status", "307"), first[1], first[2], first[3]];
    assert_eq!(decode(&mut decoder, RESPONSES[1]), Ok(known(&second)));
    let third = [
        (":status", "200"),
        first[1],
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        first[3],
        ("content-encoding", "gzip"),
        ("set-cookie", COOKIE),
    ];
    assert_eq!(decode(&mut decoder, RESPONSES[2]), Ok(known(&third)));
    // 215 bytes in three entries: a fourth that is older is an error now.
    assert_eq!(decode(&mut decoder, "c1"), Err(Malformed));
}

#[test]
fn who_joins_late_says_what_it_knows() {
    let mut late = Decoder::joined();
    let fields = decode(&mut late, CODED[2]).expect("it is in order");
    assert_eq!(fields[3], (None, None), "the authority was inserted before");
    assert_eq!(fields[4], known(REQUESTS[2])[4]);
    // The newest entry is the one that was seen, and one before it is still unknown.
    assert_eq!(decode(&mut late, "be"), Ok(vec![known(REQUESTS[2])[4].clone()]));
    assert_eq!(decode(&mut late, "bf"), Ok(vec![(None, None)]));
    // An entry whose name is unknown keeps its place and its value.
    assert_eq!(decode(&mut late, "7f000161"), Ok(vec![(None, Some(b"a".to_vec()))]));
    assert_eq!(decode(&mut late, "be"), Ok(vec![(None, Some(b"a".to_vec()))]));
    assert_eq!(decode(&mut late, "bf"), Ok(vec![known(REQUESTS[2])[4].clone()]));
}

#[test]
fn a_table_that_turned_over_is_known() {
    let mut late = Decoder::joined();
    assert_eq!(decode(&mut late, "20"), Ok(Vec::new()), "a table of no bytes");
    assert_eq!(decode(&mut late, "be"), Err(Malformed), "nothing can be in it");
    let mut late = Decoder::joined();
    // 64 bytes: room for one entry of these.
    decode(&mut late, "3f21").expect("a size");
    decode(&mut late, PLAIN[2]).expect("in order");
    assert_eq!(decode(&mut late, "bf"), Ok(vec![(None, None)]), "an older one may fit");
    decode(&mut late, PLAIN[2]).expect("in order");
    assert_eq!(decode(&mut late, "bf"), Err(Malformed), "none fits");
}

#[test]
fn broken_blocks_are_refused() {
    for block in ["80", "40", "4001", "ff", "ffffffffffff", "00", "0085", "7fffffffffff7f", "be"] {
        assert_eq!(decode(&mut Decoder::new(), block), Err(Malformed), "{block}");
    }
    // An integer may be longer than it need be.
    assert_eq!(decode(&mut Decoder::new(), "3fe181808000"), Ok(Vec::new()));
}

#[test]
fn the_table_held_is_bounded() {
    let mut decoder = Decoder::new();
    // A size of a mebibyte, then entries of 4 KiB.
    decode(&mut decoder, "3fe1ff3f").expect("a size");
    let mut block = vec![0x40, 1, b'a', 0x7f, 0x81, 0x1f];
    block.extend(vec![b'x'; 4096]);
    for _ in 0..40 {
        decoder.decode(&block, |_| {}).expect("in order");
    }
    assert!(decoder.dropped());
    assert!(decoder.buffered_bytes() < 2 * crate::limits::HPACK_TABLE_BYTES_MAX);
    let index = |n: u8| vec![0x80 | (61 + n)];
    let mut seen = Vec::new();
    decoder.decode(&index(5), |(name, _)| seen.push(name.is_some())).expect("in order");
    decoder.decode(&index(30), |(name, _)| seen.push(name.is_some())).expect("unknown, not wrong");
    assert_eq!(seen, [true, false]);
}
