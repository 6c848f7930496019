//! Any bytes to segments in any order: no panic, and nothing held after the end.
//!
//! An instruction is four bytes: flags (bit 0 direction, bit 1 burst start, bit 2 that the source leaves it to
//! the reader, bit 3 a push; the rest in fours what the sender had), position, length and missing bytes. The
//! first byte of all chooses the policy.

use super::{Assembler, Chunk, Ordering};
use crate::counter::Counters;
use crate::flow::{ConnectionId, Direction, Timestamp};
use crate::source::{Burst, Segment};

/// Plays `data` and checks what must hold for any input.
pub fn fuzz(data: &[u8]) {
    let Some((&policy, mut data)) = data.split_first() else { return };
    let ordering = if policy & 1 == 0 { Ordering::AsDelivered } else { Ordering::Reorder };
    let mut assembler = Assembler::new(ordering, [policy & 2 == 0, policy & 4 == 0]);
    let mut counters = Counters::default();
    let mut sink = |chunk: Chunk<'_>, _: &mut Counters| match chunk {
        Chunk::Bytes { bytes, .. } => assert!(!bytes.is_empty()),
        Chunk::Gap { length, .. } => assert!(length > 0),
        Chunk::End { .. } => {}
    };
    while let &[flags, position, length, missing, ref rest @ ..] = data {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        let had = u64::from(flags >> 4) * 4;
        let burst = match flags & 4 != 0 && ordering == Ordering::Reorder {
            true => Burst::After { had, pushed: flags & 8 != 0 },
            false => (flags & 2 != 0).into(),
        };
        let segment = Segment {
            connection: ConnectionId(0),
            direction: if flags & 1 == 0 { Direction::Inbound } else { Direction::Outbound },
            position: u64::from(position),
            bytes,
            span: bytes.len() as u64 + u64::from(missing),
            burst,
            at: Timestamp(0),
        };
        assembler.push(&segment, &mut counters, &mut sink);
    }
    assembler.end(Timestamp(0), None, &mut counters, &mut sink);
    assert_eq!(assembler.buffered_bytes(), 0);
}
