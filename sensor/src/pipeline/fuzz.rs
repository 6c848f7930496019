//! Any bytes through all stages, from segments to the inventory: no panic, bounded memory, and nothing
//! held afterwards.
//!
//! The first byte says what the source knows of the connections (bits 0 and 1 the verdict, bit 2 their
//! beginning). An instruction is three bytes: flags (bits 0 and 1 which connection, bit 2 the direction,
//! bit 3 a burst begins, bit 4 it stands earlier, bit 5 a minute passes, bit 6 the other side has it, bit
//! 7 the connection ends), missing bytes, length; then the bytes.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};

use super::Pipeline;
use crate::flow::{ConnectionId, Direction, FourTuple, Timestamp, Verdict};
use crate::limits::BUFFERED_BYTES_MAX;
use crate::source::{Connection, Event, Segment};
use crate::stream::Ordering;

/// Inputs that one pipeline takes: making one takes longer than hundreds of them.
const INPUTS: u32 = 256;

thread_local! {
    static PIPELINE: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

struct Kept {
    pipeline: Pipeline,
    inputs: u32,
    /// Of the last connection.
    number: u64,
}

/// Plays `data` and checks what must hold for any input.
pub fn fuzz(data: &[u8]) {
    let Some((&known, mut data)) = data.split_first() else { return };
    let ordering = if known & 8 == 0 { Ordering::Reorder } else { Ordering::AsDelivered };
    let made = || Kept { pipeline: Pipeline::new(ordering, [7; 16]), inputs: 0, number: 0 };
    let Kept { mut pipeline, inputs, mut number } = PIPELINE.take().unwrap_or_else(made);
    pipeline.ordering = ordering;
    let verdict = [None, Some(Verdict::Http1), Some(Verdict::Http2), None][usize::from(known & 3)];
    // By connection: its number, once it is open, and the positions of both directions.
    let mut lanes = [(None, [0u64; 2]); 4];
    let mut at = Timestamp(0);
    while let &[flags, missing, length, ref rest @ ..] = data {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        at = Timestamp(at.0 + if flags & 32 == 0 { 1_000_000 } else { 60_000_000_000 });
        let lane = usize::from(flags & 3);
        let (open, ends) = &mut lanes[lane];
        let id = *open.get_or_insert_with(|| {
            number += 1;
            let tuple = FourTuple {
                local: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80),
                remote: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 50_000 + lane as u16),
            };
            let (id, begun) = (ConnectionId(number), [known & 4 != 0; 2]);
            pipeline.take(Event::Opened(Connection {
                id,
                tuple,
                workload: None,
                verdict,
                session: None,
                begun,
                at,
            }));
            id
        });
        let direction = if flags & 4 == 0 { Direction::Inbound } else { Direction::Outbound };
        let end = &mut ends[direction.index()];
        let position = if flags & 16 == 0 { *end } else { end.saturating_sub(u64::from(missing)) };
        let span = bytes.len() as u64 + if flags & 16 == 0 { u64::from(missing) } else { 0 };
        if span > 0 {
            *end = (*end).max(position + span);
            pipeline.take(Event::Segment(Segment {
                connection: id,
                direction,
                position,
                bytes,
                span,
                burst: (flags & 8 != 0).into(),
                at,
            }));
        }
        if flags & 64 != 0 {
            pipeline.take(Event::Received { connection: id, direction, position: *end, at });
        }
        if flags & 128 != 0 {
            let bytes = std::mem::take(ends);
            *open = None;
            pipeline.take(Event::Closed {
                connection: id,
                at,
                bytes,
                request_bursts: 0,
                unseen_bytes: [0; 2],
                unread: None,
            });
        }
        assert!(pipeline.buffered_bytes <= BUFFERED_BYTES_MAX, "too much is held");
    }
    for (open, bytes) in lanes {
        if let Some(connection) = open {
            pipeline.take(Event::Closed {
                connection,
                at,
                bytes,
                request_bursts: 0,
                unseen_bytes: [0; 2],
                unread: None,
            });
        }
    }
    assert_eq!(pipeline.buffered_bytes, 0, "something is left");
    assert!(pipeline.connections.is_empty());
    pipeline.take_delta();
    if inputs < INPUTS {
        PIPELINE.set(Some(Kept { pipeline, inputs: inputs + 1, number }));
    } else {
        pipeline.finish();
        pipeline.take_delta();
    }
}
