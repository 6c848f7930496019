//! Captures of the same conversation as any network may deliver it: in every link layer and tunnel, out of
//! order, twice, in part. What must come of it stands beside each.

use proptest::prelude::*;
use sensor::call::path_text;
use sensor::counter::Counters;
use sensor::inventory::Inventory;
use sensor::pipeline::Pipeline;
use sensor::source::pcap::{Capture, CaptureFile, FileError};
use sensor::stream::Ordering;

use crate::packets::*;

/// What was made of a capture.
pub struct Read {
    /// `GET shop.example/users 200 x2`, in order.
    pub calls: Vec<String>,
    /// All that is known.
    pub inventory: Inventory,
    /// Of the source.
    pub counters: Counters,
    /// Why it did not go on to the end.
    pub error: Option<FileError>,
}

/// Reads captures as one, as `replay` does.
pub fn read(files: &[&[u8]]) -> Read {
    let mut pipeline = Pipeline::new(Ordering::Reorder, *b"0123456789abcdef");
    let mut capture = Capture::default();
    let mut error = None;
    for file in files {
        let opened = CaptureFile::open(std::io::Cursor::new(file.to_vec()));
        let outcome = opened.and_then(|mut file| {
            while file.next(&mut |packet| capture.take(packet, &mut |event| pipeline.take(event)))? {}
            Ok(())
        });
        error = error.or(outcome.err());
    }
    capture.end(&mut |event| pipeline.take(event));
    pipeline.finish();
    let inventory = pipeline.take_delta();
    let mut calls = Vec::new();
    for (key, stats) in &inventory.endpoints {
        let name = format!("{} {}{}", key.method.0, key.service, path_text(&key.path));
        calls.extend(stats.statuses.iter().map(|(status, count)| format!("{name} {status} x{count}")));
    }
    calls.sort();
    Read { calls, inventory, counters: capture.take_counters(), error }
}

/// A capture on Ethernet.
fn file(segments: &[Segment]) -> Vec<u8> {
    pcap(1, &wrapped(segments, Segment::frame))
}

fn calls(segments: &[Segment]) -> Vec<String> {
    let read = read(&[&file(segments)]);
    assert!(read.error.is_none(), "{:?}", read.error);
    read.calls
}

const BOTH: [&str; 2] = ["GET shop.example/orders 200 x1", "GET shop.example/users 200 x1"];

/// Two calls of one connection, in segments of 40 bytes: each message has several.
fn two_calls(talk: &mut Talk) {
    for (path, body) in [("/users", "{\"name\":\"a\"}"), ("/orders", "[{\"price\":1},{\"price\":2}]")] {
        talk.write(true, request(path).as_bytes(), 40);
        talk.write(false, response(body).as_bytes(), 40);
    }
}

fn conversation() -> Vec<Segment> {
    let mut talk = Talk::new(50_000);
    two_calls(&mut talk);
    talk.close();
    talk.segments
}

#[test]
fn every_link_layer_and_tunnel_gives_the_same_calls() {
    type Wrap = fn(&Segment) -> Vec<u8>;
    fn gre(flags: [u8; 2], kind: u16, before: &[u8], inner: &[u8]) -> Vec<u8> {
        ipv4([8, 9], 47, &[&flags[..], &kind.to_be_bytes(), before, inner].concat())
    }
    let cases: &[(&str, u32, Wrap)] = &[
        ("Ethernet", 1, |s| s.frame()),
        ("Ethernet, IPv6", 1, |s| ethernet(IPV6, &s.ipv6())),
        ("Ethernet, padded to 60 bytes and with a check sequence", 1, |s| {
            let mut frame = s.frame();
            frame.resize(frame.len().max(60) + 4, 0xee);
            frame
        }),
        ("VLAN", 1, |s| ethernet(0x8100, &tagged(IPV4, &s.ipv4()))),
        ("QinQ", 1, |s| ethernet(0x88a8, &tagged(0x8100, &tagged(IPV6, &s.ipv6())))),
        ("MPLS, two labels", 1, |s| ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], &s.ipv4()].concat())),
        ("PPPoE", 1, |s| ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 0, 0, 0x21][..], &s.ipv4()].concat())),
        ("Linux cooked", 113, |s| {
            [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0][..], &s.ipv4()].concat()
        }),
        ("Linux cooked 2", 276, |s| {
            let head = [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            [&head[..], &s.ipv6()].concat()
        }),
        ("raw", 101, |s| s.ipv4()),
        ("raw, IPv6", 101, |s| s.ipv6()),
        ("raw, old number", 12, |s| s.ipv4()),
        ("IPv4 only", 228, |s| s.ipv4()),
        ("IPv6 only", 229, |s| s.ipv6()),
        ("null", 0, |s| [&2u32.to_le_bytes()[..], &s.ipv4()].concat()),
        ("loop", 108, |s| [&24u32.to_be_bytes()[..], &s.ipv6()].concat()),
        ("PPP", 9, |s| [&[0xff, 3, 0, 0x21][..], &s.ipv4()].concat()),
        ("IPv4 with options", 101, |s| {
            let mut packet = s.ipv4();
            packet[0] = 0x46;
            let total = (packet.len() as u16 + 4).to_be_bytes();
            packet[2..4].copy_from_slice(&total);
            packet.splice(20..20, [1, 1, 1, 0]);
            packet
        }),
        ("IPv6 with extension headers", 101, |s| {
            // Hop by hop, destination options, routing, then TCP.
            ipv6(s.ends6(), 0, &extension(60, &extension(43, &routing(TCP, &s.tcp()))))
        }),
        ("IPv6 with an atomic fragment", 101, |s| {
            ipv6(s.ends6(), 44, &ipv6_fragment(TCP, 0, s.sequence, &s.tcp()))
        }),
        ("VXLAN", 1, |s| {
            let inner = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &s.frame()].concat();
            ethernet(IPV4, &ipv4([8, 9], UDP, &udp(4789, &inner)))
        }),
        ("GENEVE with an option", 1, |s| {
            let head = [2, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 1, 2, 1, 9, 9, 9, 9];
            ethernet(IPV6, &ipv6([8, 9], UDP, &udp(6081, &[&head[..], &s.frame()].concat())))
        }),
        ("GENEVE without Ethernet", 101, |s| {
            ipv4([8, 9], UDP, &udp(6081, &[&[0, 0, 8, 0, 0, 0, 7, 0][..], &s.ipv4()].concat()))
        }),
        ("GRE", 101, |s| gre([0, 0], IPV4, &[], &s.ipv4())),
        ("GRE with check sum, key and sequence", 101, |s| gre([0xb0, 0], IPV6, &[1; 12], &s.ipv6())),
        ("GRE with a frame", 101, |s| gre([0x20, 0], 0x6558, &[0, 0, 0, 7], &s.frame())),
        ("ERSPAN", 101, |s| gre([0, 0], 0x88be, &[], &s.frame())),
        ("ERSPAN II", 101, |s| gre([0x10, 0], 0x88be, &[0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &s.frame())),
        ("ERSPAN III", 101, |s| {
            let before = [0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            gre([0x10, 0], 0x22eb, &before, &s.frame())
        }),
        ("ERSPAN III with more", 101, |s| {
            let before = [&[0, 0, 0, 1, 0x20][..], &[0; 10], &[1], &[0; 8]].concat();
            gre([0x10, 0], 0x22eb, &before, &s.frame())
        }),
        ("IP in IP", 101, |s| ipv4([8, 9], 4, &s.ipv4())),
        ("IPv6 in IP", 101, |s| ipv4([8, 9], 41, &s.ipv6())),
        ("VXLAN in GRE in IP in IP", 101, |s| {
            let inner = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &s.frame()].concat();
            ipv4([6, 5], 4, &gre([0, 0], IPV4, &[], &ipv4([3, 4], UDP, &udp(4789, &inner))))
        }),
    ];
    for (name, link, wrap) in cases {
        let packets = wrapped(&conversation(), wrap);
        let whole = read(&[&pcap(*link, &packets)]);
        assert_eq!(whole.calls, BOTH, "{name}: {:?}", whole.counters.named());
        assert!(whole.error.is_none() && whole.counters.named().is_empty(), "{name}");
        let next = read(&[&pcapng(*link as u16, &packets)]);
        assert_eq!(next.inventory, whole.inventory, "{name}, pcapng");
    }
}

/// A routing header of type 0 without addresses.
fn routing(next: u8, payload: &[u8]) -> Vec<u8> {
    [&[next, 0, 0, 0, 0, 0, 0, 0][..], payload].concat()
}

#[test]
fn the_same_addresses_in_two_overlays_are_two_connections() {
    let mut packets = Vec::new();
    for segment in conversation() {
        for network in [7, 8] {
            let inner = [&[8, 0, 0, 0, 0, 0, network, 0][..], &segment.frame()].concat();
            packets.push((segment.at, ipv4([8, 9], UDP, &udp(4789, &inner))));
        }
    }
    let read = read(&[&pcap(101, &packets)]);
    assert_eq!(read.calls, ["GET shop.example/orders 200 x2", "GET shop.example/users 200 x2"]);
}

#[test]
fn fragments_in_any_order_make_the_packet() {
    let mut talk = Talk::new(50_000);
    talk.write(true, request("/users?page=1234567890").as_bytes(), SEGMENT_BYTES);
    talk.write(false, response("{\"name\":\"abcdefgh\"}").as_bytes(), SEGMENT_BYTES);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for version in [4, 6] {
        for order in orders {
            let mut packets = Vec::new();
            for (number, segment) in talk.segments.iter().enumerate() {
                let bytes = segment.tcp();
                if bytes.len() < 48 {
                    packets.push((segment.at, if version == 4 { segment.ipv4() } else { segment.ipv6() }));
                    continue;
                }
                let parts = [(0, &bytes[..24]), (24, &bytes[24..48]), (48, &bytes[48..])];
                for part in order {
                    let (offset, piece) = parts[part];
                    let more = part < 2;
                    let packet = if version == 4 {
                        let place = (offset as u16 / 8) | if more { 0x2000 } else { 0 };
                        ipv4_fragment(segment.ends4(), TCP, place, number as u16, piece)
                    } else {
                        let place = offset as u16 | u16::from(more);
                        ipv6(segment.ends6(), 44, &ipv6_fragment(TCP, place, number as u32, piece))
                    };
                    packets.push((segment.at, packet));
                }
            }
            let read = read(&[&pcap(101, &packets)]);
            assert_eq!(read.calls, ["GET shop.example/users 200 x1"], "IPv{version} {order:?}");
        }
    }
}

#[test]
fn everything_twice_is_counted_once() {
    let segments = conversation();
    let twice: Vec<Segment> = segments.iter().flat_map(|s| [s.clone(), s.clone()]).collect();
    assert_eq!(calls(&twice), BOTH);
    // Sent again, with more in front and behind.
    let mut talk = Talk::new(50_000);
    two_calls(&mut talk);
    let first = talk.segments[3].clone();
    let mut joined = first.clone();
    joined.payload.extend(&talk.segments[4].payload);
    talk.segments.insert(5, joined);
    talk.segments.insert(6, first);
    talk.close();
    assert_eq!(calls(&talk.segments), BOTH);
}

#[test]
fn of_bytes_that_contradict_each_other_the_first_win() {
    let mut talk = Talk::new(50_000);
    talk.write(true, request("/users").as_bytes(), SEGMENT_BYTES);
    let mut lie = talk.segments[3].clone();
    lie.payload = request("/login").into_bytes();
    talk.segments.push(lie);
    talk.write(false, response("{}").as_bytes(), SEGMENT_BYTES);
    assert_eq!(calls(&talk.segments), ["GET shop.example/users 200 x1"]);
    // The same behind a hole: the later part comes first, then the whole with other bytes.
    let mut talk = Talk::new(50_000);
    let text = request("/users");
    talk.write(true, text.as_bytes(), 10);
    let hidden: Vec<Segment> = talk.segments.drain(3..4).collect();
    let mut lie = hidden[0].clone();
    lie.payload = [&text.as_bytes()[..10], &b"x".repeat(text.len() - 10)[..]].concat();
    talk.segments.push(lie);
    talk.write(false, response("{}").as_bytes(), SEGMENT_BYTES);
    assert_eq!(calls(&talk.segments), ["GET shop.example/users 200 x1"]);
}

#[test]
fn a_segment_that_is_lost_costs_its_call_only() {
    let mut whole = conversation();
    // Slow enough for a hole to be known as one.
    for segment in &mut whole {
        segment.at = START_NS + (segment.at - START_NS) * 500;
    }
    let mut full = 0;
    for lost in 3..whole.len() - 3 {
        let mut segments = whole.clone();
        segments.remove(lost);
        let calls = calls(&segments);
        // A call whose head is not whole is not there or without status; nothing else is ever said.
        for call in &calls {
            assert!(
                call.starts_with("GET shop.example/users ") || call.starts_with("GET shop.example/orders "),
                "{call} without segment {lost}"
            );
        }
        // Behind a lost end of a request, which response is whose is not certain, and not said.
        assert!(!calls.is_empty(), "nothing without segment {lost}");
        full += usize::from(calls.iter().any(|call| call.contains(" 200 ")));
    }
    assert!(full * 4 > (whole.len() - 6) * 3, "{full} of {}", whole.len() - 6);
}

#[test]
fn sequence_numbers_that_begin_again_are_no_hole() {
    for before in [0, 1, 20, 50, 100] {
        let mut talk = Talk::from(50_000, 0u32.wrapping_sub(before), 0u32.wrapping_sub(before + 30));
        two_calls(&mut talk);
        talk.close();
        assert_eq!(calls(&talk.segments), BOTH, "{before} bytes before");
    }
}

#[test]
fn ports_that_are_used_again_are_a_new_connection() {
    let mut segments = conversation();
    let mut again = Talk::from(50_000, 900_000, 800_000);
    again.call("/items", "{}");
    let last = segments.last().map_or(0, |s| s.at);
    segments.extend(again.segments.into_iter().map(|s| Segment { at: s.at + last - START_NS, ..s }));
    let three =
        ["GET shop.example/items 200 x1", "GET shop.example/orders 200 x1", "GET shop.example/users 200 x1"];
    assert_eq!(calls(&segments), three);
    // The first one was never ended.
    segments.retain(|s| s.flags & FIN == 0);
    assert_eq!(calls(&segments), three);
}

#[test]
fn a_reset_ends_a_connection_and_a_forged_one_does_not() {
    let mut talk = Talk::new(50_000);
    talk.call("/users", "{}");
    talk.write(true, request("/orders").as_bytes(), SEGMENT_BYTES);
    talk.send(false, RESET | ACK, &[]);
    assert_eq!(calls(&talk.segments), ["GET shop.example/orders 0 x1", "GET shop.example/users 200 x1"]);
    let mut segments = conversation();
    let mut forged = segments[4].clone();
    (forged.flags, forged.payload) = (RESET, Vec::new());
    forged.sequence = forged.sequence.wrapping_add(1 << 30);
    segments.insert(5, forged);
    assert_eq!(calls(&segments), BOTH);
}

#[test]
fn a_capture_that_begins_in_the_middle_says_what_it_saw() {
    let whole = conversation();
    // Without the handshake nothing is missing.
    assert_eq!(calls(&whole[3..]), BOTH);
    let second = whole.iter().position(|s| s.payload.starts_with(b"GET /orders")).expect("the second call");
    for from in 3..=second {
        let calls = calls(&whole[from..]);
        assert!(calls.contains(&BOTH[0].to_owned()), "from segment {from}: {calls:?}");
        assert!(calls.len() <= 2, "from segment {from}: {calls:?}");
        for call in &calls {
            assert!(!call.contains(' ') || call.contains("/users") || call.contains("/orders"), "{call}");
        }
    }
}

#[test]
fn files_in_a_row_are_one_capture_wherever_the_border_is() {
    let segments = conversation();
    for border in 0..=segments.len() {
        let (first, second) = segments.split_at(border);
        let first = file(first);
        let second = pcapng(1, &wrapped(second, Segment::frame));
        assert_eq!(read(&[&first, &second]).calls, BOTH, "border at segment {border}");
    }
}

/// Segments behind the handshake, those of each row of `by` turned about.
fn disordered(segments: &[Segment], keys: &[u8], window: usize) -> Vec<Segment> {
    let (handshake, rest) = segments.split_at(3);
    let mut order: Vec<(usize, &Segment)> = rest
        .iter()
        .enumerate()
        .map(|(place, segment)| {
            (place + usize::from(keys.get(place).copied().unwrap_or(0)) % window, segment)
        })
        .collect();
    order.sort_by_key(|(place, _)| *place);
    let mut segments = handshake.to_vec();
    // The clock of who captured counts up all the same.
    let times = rest.iter().map(|segment| segment.at);
    segments.extend(order.into_iter().zip(times).map(|((_, s), at)| Segment { at, ..s.clone() }));
    segments
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn packets_out_of_order_in_both_directions_invent_nothing(
        keys in prop::collection::vec(any::<u8>(), 40),
        window in 1..8usize,
    ) {
        // A response that comes before its request is not always paired with it; it is never given to
        // another one, and both calls are there.
        let whole = conversation();
        let calls = calls(&disordered(&whole, &keys, window));
        prop_assert_eq!(calls.len(), 2, "{:?}", calls);
        for (call, path) in calls.iter().zip(["/orders", "/users"]) {
            let known = [200, 0].map(|status| format!("GET shop.example{path} {status} x1"));
            prop_assert!(known.contains(call), "{}", call);
        }
    }

    #[test]
    fn packets_of_one_side_in_any_order_give_the_same_inventory(
        keys in prop::collection::vec(any::<u8>(), 40),
    ) {
        // One message at a time: what its receiver says comes when it has it all.
        let mut talk = Talk::new(50_000);
        talk.write(true, request("/users").as_bytes(), 8);
        let turn = talk.segments.len();
        talk.write(false, response("{\"name\":\"abc\",\"items\":[1,2,3]}").as_bytes(), 8);
        let whole = read(&[&file(&talk.segments)]);
        let (asked, answered) = talk.segments.split_at(turn);
        let mut segments = disordered(asked, &keys, 40);
        // The handshake's place is taken by nothing: its first three stay.
        segments.extend(disordered(answered, &keys, 40));
        let read = read(&[&file(&segments)]);
        prop_assert_eq!(&read.calls, &whole.calls);
        let fields = |inventory: &Inventory| -> Vec<_> {
            let all = inventory.endpoints.values().flat_map(|stats| stats.fields.iter());
            all.map(|(key, stats)| (key.clone(), stats.facts, stats.present)).collect()
        };
        prop_assert_eq!(fields(&read.inventory), fields(&whole.inventory));
    }
}
