//! Any bytes to a conversation with holes, played to the end: no panic, nothing held afterwards.
//!
//! An instruction is two bytes: what follows (bit 0 direction, bit 1 burst start, bit 2 a hole) and
//! how many bytes. A hole takes its length and no bytes.

use super::http1::Connection;
use crate::counter::Counters;
use crate::flow::{Direction, Timestamp};
use crate::stream::Chunk;

/// Plays `data` and checks what must hold for any input.
pub fn fuzz(mut data: &[u8]) {
    let mut connection = Connection::new();
    let mut counters = Counters::default();
    let mut out = Vec::new();
    let mut at = Timestamp(0);
    while let &[kind, length, ref rest @ ..] = data {
        at = Timestamp(at.0 + 1);
        let direction = if kind & 1 == 0 { Direction::Inbound } else { Direction::Outbound };
        let burst_start = kind & 2 != 0;
        let taken = if kind & 4 == 0 { rest.len().min(usize::from(length)) } else { 0 };
        let (bytes, rest) = rest.split_at(taken);
        data = rest;
        let chunk = match (bytes, length) {
            ([], 0) => continue,
            ([], length) => Chunk::Gap { direction, length: u64::from(length), burst_start, at },
            (bytes, _) => Chunk::Bytes { direction, bytes, burst_start, at },
        };
        connection.push(chunk, &mut counters, &mut out);
    }
    connection.push(Chunk::End { at, certain: true }, &mut counters, &mut out);
    assert_eq!(connection.buffered_bytes(), 0);
    for exchange in &out {
        let whole = exchange.request.head.fields().all(|(name, _)| !name.is_empty());
        assert!(whole, "a field without a name");
    }
}
