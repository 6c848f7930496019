//! Any bytes to a conversation with holes, played to the end: no panic, bounded memory, nothing held
//! afterwards. Instructions are those of [`crate::protocol::fuzz()`], but for bit 3 of the first byte:
//! before the bytes goes the preface; and bit 4: 11 s pass.

use super::Connection;
use super::frame::PREFACE;
use crate::counter::Counters;
use crate::flow::{Direction, Timestamp};
use crate::limits::STREAMS_BYTES_MAX;
use crate::stream::Chunk;

/// Plays `data` and checks what must hold for any input.
pub fn fuzz(mut data: &[u8]) {
    let mut connection = Connection::new();
    let mut counters = Counters::default();
    let mut out = Vec::new();
    let mut at = Timestamp(0);
    while let &[kind, length, ref rest @ ..] = data {
        at = Timestamp(at.0 + if kind & 16 == 0 { 1 } else { 11_000_000_000 });
        let direction = if kind & 1 == 0 { Direction::Inbound } else { Direction::Outbound };
        let burst_start = kind & 2 != 0;
        let taken = if kind & 4 == 0 { rest.len().min(usize::from(length)) } else { 0 };
        let (bytes, rest) = rest.split_at(taken);
        data = rest;
        if kind & 8 != 0 {
            let chunk = Chunk::Bytes { direction, bytes: PREFACE, burst_start, at };
            connection.push(chunk, &mut counters, &mut out);
        }
        let chunk = match (bytes, length) {
            ([], 0) => continue,
            ([], length) => Chunk::Gap { direction, length: u64::from(length), burst_start, at },
            (bytes, _) => Chunk::Bytes { direction, bytes, burst_start, at },
        };
        connection.push(chunk, &mut counters, &mut out);
        assert!(connection.buffered_bytes() < 2 * STREAMS_BYTES_MAX, "too much is held");
    }
    connection.push(Chunk::End { at, certain: true }, &mut counters, &mut out);
    assert_eq!(connection.buffered_bytes(), 0);
    for exchange in &out {
        let whole = exchange.request.head.fields().all(|(name, _)| !name.is_empty());
        assert!(whole, "a field without a name");
        for message in [Some(&exchange.request), exchange.response.as_ref()].into_iter().flatten() {
            assert!(message.pieces.is_sorted(), "pieces out of order");
            assert!(message.pieces.last().is_none_or(|&end| end as usize <= message.body.len()));
            assert!(message.pieces.len() as u64 <= message.messages);
        }
    }
}
