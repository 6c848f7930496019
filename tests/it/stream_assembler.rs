//! The assembler alone: order, overlap, holes, bounds.

use proptest::prelude::*;
use sensor::counter::{Counter, Counters};
use sensor::flow::{ConnectionId, Direction, Timestamp};
use sensor::limits::REORDER_BYTES_MAX;
use sensor::source::Segment;
use sensor::stream::{Assembler, Chunk, Ordering};

/// What came out of one direction: bytes, or the length of a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    Bytes(Vec<u8>, bool),
    Gap(u64, bool),
    End(bool),
}

struct Rig {
    assembler: Assembler,
    counters: Counters,
    out: Vec<Out>,
    held_bytes_max: usize,
}

impl Rig {
    fn new(ordering: Ordering) -> Self {
        let assembler = Assembler::new(ordering, [ordering == Ordering::AsDelivered; 2]);
        Rig { assembler, counters: Counters::default(), out: Vec::new(), held_bytes_max: 0 }
    }

    fn push(&mut self, position: u64, bytes: &[u8], missing: u64, burst_start: bool) {
        let segment = Segment {
            connection: ConnectionId(1),
            direction: Direction::Inbound,
            position,
            bytes,
            span: bytes.len() as u64 + missing,
            burst: burst_start.into(),
            at: Timestamp(position),
        };
        let out = &mut self.out;
        self.assembler.push(&segment, &mut self.counters, &mut |chunk, _| out.push(note(chunk)));
        self.held_bytes_max = self.held_bytes_max.max(self.assembler.buffered_bytes());
    }

    fn end(&mut self, bytes: Option<[u64; 2]>) {
        let out = &mut self.out;
        self.assembler.end(Timestamp(9), bytes, &mut self.counters, &mut |chunk, _| out.push(note(chunk)));
    }
}

fn note(chunk: Chunk<'_>) -> Out {
    match chunk {
        Chunk::Bytes { bytes, burst_start, .. } => Out::Bytes(bytes.to_vec(), burst_start),
        Chunk::Gap { length, burst_start, .. } => Out::Gap(length, burst_start),
        Chunk::End { certain, .. } => Out::End(certain),
    }
}

fn bytes(text: &str) -> Out {
    Out::Bytes(text.as_bytes().to_vec(), false)
}

fn first(text: &str) -> Out {
    Out::Bytes(text.as_bytes().to_vec(), true)
}

#[test]
fn stream_in_order_a_jump_is_a_hole_at_once() {
    let mut rig = Rig::new(Ordering::AsDelivered);
    rig.push(0, b"ab", 0, false);
    rig.push(2, b"cd", 0, false);
    rig.push(10, b"kl", 0, true);
    assert_eq!(rig.out, [first("ab"), bytes("cd"), Out::Gap(6, false), first("kl")]);
    assert_eq!(rig.counters.count(Counter::Gap), 1);
}

#[test]
fn stream_in_order_what_lies_before_the_first_segment_is_missing() {
    let mut rig = Rig::new(Ordering::AsDelivered);
    rig.push(3, b"de", 0, false);
    assert_eq!(rig.out, [Out::Gap(3, false), bytes("de")]);
}

#[test]
fn stream_bytes_past_the_payload_are_a_gap_behind_it() {
    let mut rig = Rig::new(Ordering::AsDelivered);
    rig.push(0, b"ab", 3, true);
    rig.push(5, b"", 4, true);
    rig.push(9, b"jk", 0, false);
    assert_eq!(rig.out, [first("ab"), Out::Gap(3, false), Out::Gap(4, true), bytes("jk")]);
}

#[test]
fn stream_old_and_overlapping_bytes_are_dropped_and_counted() {
    let mut rig = Rig::new(Ordering::AsDelivered);
    rig.push(0, b"abcd", 0, true);
    rig.push(0, b"XX", 0, true);
    rig.push(2, b"XXef", 0, true);
    rig.push(3, b"X", 5, true);
    assert_eq!(rig.out, [first("abcd"), bytes("ef"), Out::Gap(3, false)]);
    assert_eq!(rig.counters.count(Counter::SegmentDuplicate), 3);
}

#[test]
fn stream_the_end_names_what_is_missing_behind_the_last_segment() {
    let mut rig = Rig::new(Ordering::AsDelivered);
    rig.push(0, b"ab", 0, true);
    rig.end(Some([5, 7]));
    rig.end(None);
    rig.push(5, b"late", 0, false);
    assert_eq!(rig.out, [first("ab"), Out::Gap(3, false), Out::Gap(7, false), Out::End(true)]);
}

#[test]
fn stream_reorder_waits_and_the_first_copy_wins() {
    let mut rig = Rig::new(Ordering::Reorder);
    rig.push(100, b"ab", 0, true);
    rig.push(106, b"gh", 0, false);
    rig.push(103, b"DEFGHI", 0, false);
    assert_eq!(rig.out, [first("ab")]);
    rig.push(102, b"cxxxx", 0, false);
    assert_eq!(rig.out[1..], [bytes("c"), bytes("DEF"), bytes("gh"), bytes("I")]);
    assert_eq!(rig.assembler.buffered_bytes(), 0);
}

#[test]
fn stream_reorder_flush_declares_the_holes() {
    let mut rig = Rig::new(Ordering::Reorder);
    rig.push(0, b"ab", 0, true);
    rig.push(4, b"ef", 2, false);
    rig.push(9, b"j", 0, true);
    let out = &mut rig.out;
    rig.assembler.flush(&mut rig.counters, &mut |chunk, _| out.push(note(chunk)));
    let gap = |length| Out::Gap(length, false);
    assert_eq!(rig.out, [first("ab"), gap(2), bytes("ef"), gap(2), gap(1), first("j")]);
    rig.push(10, b"k", 0, false);
    assert_eq!(rig.out.last(), Some(&bytes("k")));
}

#[test]
fn stream_reorder_window_is_bounded() {
    let mut rig = Rig::new(Ordering::Reorder);
    rig.push(0, b"a", 0, true);
    for i in 0..10_000u64 {
        rig.push(100 + 200 * i, &[b'x'; 100], 0, false);
    }
    assert!(rig.held_bytes_max <= REORDER_BYTES_MAX);
    assert!(rig.counters.count(Counter::ReorderFull) > 0);
    rig.end(None);
    let seen: usize = rig.out.iter().map(|o| if let Out::Bytes(b, _) = o { b.len() } else { 0 }).sum();
    assert_eq!(seen, 1 + 10_000 * 100);
}

#[test]
fn stream_positions_at_the_edge_do_not_overflow() {
    for ordering in [Ordering::AsDelivered, Ordering::Reorder] {
        let mut rig = Rig::new(ordering);
        rig.push(0, b"a", 0, true);
        rig.push(u64::MAX - 1, b"abcd", u64::MAX - 8, false);
        rig.push(u64::MAX, b"x", 0, false);
        rig.push(5, b"y", u64::MAX - 10, false);
        rig.end(Some([u64::MAX, 3]));
        assert_eq!(rig.out.last(), Some(&Out::End(true)));
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(500);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Pieces of one text in any order, overlapping, some twice: the text.
    #[test]
    fn stream_reorder_any_order_gives_the_text(
        length in 1usize..300,
        pieces in prop::collection::vec((0usize..300, 1usize..40, any::<u16>()), 0..60),
    ) {
        let text: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let cover = (0..length).step_by(7).map(|at| (at, 7usize, 40_000u16.wrapping_mul(at as u16)));
        let mut all: Vec<_> = pieces.into_iter().filter(|p| p.0 < length).chain(cover).collect();
        all.sort_by_key(|&(_, _, key)| key);
        let mut rig = Rig::new(Ordering::Reorder);
        rig.push(0, &text[..1], 0, true);
        for (at, size, _) in all {
            rig.push(at as u64, &text[at..(at + size).min(length)], 0, false);
        }
        let seen: Vec<u8> = rig.out.iter().flat_map(|o| match o {
            Out::Bytes(bytes, _) => bytes.clone(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(seen, text);
        prop_assert_eq!(rig.assembler.buffered_bytes(), 0);
    }

    /// Whatever comes: bytes stand where they belong, and bytes plus gaps have no hole.
    #[test]
    fn stream_every_byte_is_handed_on_or_said_to_be_missing(
        pieces in prop::collection::vec((0u64..400, 0usize..40, 0u64..20, any::<bool>()), 1..60),
        reorder in any::<bool>(),
    ) {
        let ordering = if reorder { Ordering::Reorder } else { Ordering::AsDelivered };
        let base = if reorder { pieces.iter().find(|p| p.1 as u64 + p.2 > 0).map_or(0, |p| p.0) } else { 0 };
        let mut rig = Rig::new(ordering);
        let mut end = base;
        for &(at, size, missing, burst) in &pieces {
            let bytes: Vec<u8> = (at..at + size as u64).map(|i| (i % 251) as u8).collect();
            rig.push(at, &bytes, missing, burst);
            if size as u64 + missing > 0 {
                end = end.max(at + size as u64 + missing);
            }
        }
        rig.end(None);
        let mut next = base;
        for out in &rig.out {
            match out {
                Out::Bytes(bytes, _) => {
                    prop_assert!(!bytes.is_empty());
                    for &byte in bytes {
                        prop_assert_eq!(byte, (next % 251) as u8);
                        next += 1;
                    }
                }
                Out::Gap(length, _) => {
                    prop_assert!(*length > 0);
                    next += length;
                }
                Out::End(certain) => prop_assert!(!certain),
            }
        }
        prop_assert_eq!(next, end);
    }
}
