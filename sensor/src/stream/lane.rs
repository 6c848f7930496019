//! One direction of a connection: what was handed on of it, and what is held behind a hole. Knows nothing of
//! the other direction but what its own segments say of it.

use std::collections::BTreeMap;

use super::Chunk;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, StreamOffset, Timestamp};
use crate::source::{Burst, Segment};

/// Bookkeeping bytes that a held piece is taken to cost besides its payload.
const PIECE_BYTES: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Position of the next byte to hand on; `None` before the first segment.
    pub next: Option<StreamOffset>,
    /// Pieces behind a hole, or ahead of what their sender had, by position. They never overlap.
    held: BTreeMap<StreamOffset, Piece>,
    pub held_bytes: usize,
    /// How often the other side said that it has what is missing next.
    pub acknowledged: u32,
    /// Bytes of the other direction that the sender had when it sent what was handed on last.
    pub had: StreamOffset,
    /// What was handed on last was bytes, and not the end of what a program wrote.
    goes_on: bool,
    /// What was handed on last was a gap.
    after_gap: bool,
}

/// A piece of a segment, or a hole that the source told of.
#[derive(Debug)]
struct Piece {
    payload: Payload,
    burst: Burst,
    at: Timestamp,
}

#[derive(Debug)]
enum Payload {
    Bytes(Vec<u8>),
    Missing(u64),
}

impl Payload {
    fn span(&self) -> u64 {
        match self {
            Payload::Bytes(bytes) => bytes.len() as u64,
            Payload::Missing(length) => *length,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Payload::Bytes(bytes) => bytes.len() + PIECE_BYTES,
            Payload::Missing(_) => PIECE_BYTES,
        }
    }
}

/// Bytes of the other direction that a sender must have had.
pub(super) fn needs(burst: Burst) -> StreamOffset {
    match burst {
        Burst::After { had, .. } => had,
        Burst::Begins | Burst::GoesOn => 0,
    }
}

impl Lane {
    /// A direction of which nothing was seen; `begun`: its first byte is at position zero.
    pub fn new(begun: bool) -> Lane {
        Lane { next: begun.then_some(0), ..Lane::default() }
    }

    pub fn next(&self) -> StreamOffset {
        self.next.unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Of the first held piece: its position, what it needs of the other direction, and when it came.
    pub fn first(&self) -> Option<(StreamOffset, StreamOffset, Timestamp)> {
        let (&position, piece) = self.held.first_key_value()?;
        Some((position, needs(piece.burst), piece.at))
    }

    /// When the oldest of what is held came.
    pub fn held_since(&self) -> Option<Timestamp> {
        self.held.values().map(|piece| piece.at).min()
    }

    /// Whether a burst begins at the next byte. `turned_at`: what the other side had of this direction when
    /// it last sent.
    fn begins(&mut self, burst: Burst, turned_at: StreamOffset) -> bool {
        let Burst::After { had, pushed } = burst else { return burst == Burst::Begins };
        let more = had > self.had;
        self.had = self.had.max(had);
        let goes_on = std::mem::replace(&mut self.goes_on, !pushed);
        // Behind a gap the turn may have been in the gap.
        more && if self.after_gap { self.next() == turned_at } else { !goes_on }
    }

    /// Says that all up to `position` is missing, if it is not there.
    pub fn skip_to(
        &mut self,
        position: StreamOffset,
        direction: Direction,
        turned_at: Option<StreamOffset>,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let from = self.next();
        let length = position.saturating_sub(from);
        if length > 0 {
            self.next = Some(position);
            self.acknowledged = 0;
            (self.after_gap, self.goes_on) = (true, false);
            counters.add(Counter::Gap);
            let burst_start = turned_at == Some(from);
            sink(Chunk::Gap { direction, length, burst_start, at }, counters);
        }
    }

    /// Hands on a segment that begins at or before `next`, with nothing held: its bytes, then the gap
    /// behind them.
    pub fn deliver(
        &mut self,
        segment: &Segment<'_>,
        span: u64,
        turned_at: StreamOffset,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let (direction, position) = (segment.direction, segment.position);
        let seen = self.next().saturating_sub(position);
        if seen > 0 {
            counters.add(Counter::SegmentDuplicate);
        }
        if seen >= span {
            return;
        }
        let bytes = usize::try_from(seen).ok().and_then(|n| segment.bytes.get(n..)).unwrap_or_default();
        let missing = span - seen - bytes.len() as u64;
        // Position zero is where the source first saw the direction: as good as a burst start.
        let begins = self.begins(segment.burst, turned_at) | (position == 0);
        let mut burst_start = begins && seen == 0;
        if !bytes.is_empty() {
            self.advance(bytes.len() as u64);
            sink(Chunk::Bytes { direction, bytes, burst_start, at }, counters);
            burst_start = false;
        }
        if missing > 0 {
            self.advance(missing);
            (self.after_gap, self.goes_on) = (true, false);
            counters.add(Counter::Gap);
            sink(Chunk::Gap { direction, length: missing, burst_start, at }, counters);
        }
    }

    fn advance(&mut self, length: u64) {
        self.next = Some(self.next().saturating_add(length));
        self.acknowledged = 0;
        self.after_gap = false;
    }

    /// Keeps the parts of a segment that were not handed on and that no held piece covers yet.
    pub fn hold(&mut self, segment: &Segment<'_>, span: u64, counters: &mut Counters) {
        let payload_end = segment.position.saturating_add(segment.bytes.len() as u64);
        let end = segment.position.saturating_add(span);
        let mut from = segment.position.max(self.next());
        // A piece that begins before the segment may reach into it.
        if let Some((&position, piece)) = self.held.range(..from).next_back() {
            from = from.max(position.saturating_add(piece.payload.span()));
        }
        let mut overlapped = from > segment.position;
        while from < end {
            let (until, skip_to) = match self.held.range(from..end).next() {
                Some((&position, piece)) => {
                    overlapped = true;
                    (position, position.saturating_add(piece.payload.span()))
                }
                None => (end, end),
            };
            for (start, stop) in [(from, until.min(payload_end)), (from.max(payload_end), until)] {
                if start < stop {
                    let payload = if stop <= payload_end {
                        let offset = (start - segment.position) as usize;
                        let length = (stop - start) as usize;
                        // In bounds: both ends lie between the position and the payload's end.
                        Payload::Bytes(segment.bytes[offset..offset + length].to_vec())
                    } else {
                        Payload::Missing(stop - start)
                    };
                    self.held_bytes += payload.cost();
                    let burst = match segment.burst {
                        Burst::Begins if start > segment.position => Burst::GoesOn,
                        Burst::After { had, .. } if stop < end => Burst::After { had, pushed: false },
                        burst => burst,
                    };
                    self.held.insert(start, Piece { payload, burst, at: segment.at });
                }
            }
            from = skip_to.max(from + 1);
        }
        if overlapped {
            counters.add(Counter::SegmentDuplicate);
        }
    }

    /// Hands on held pieces as long as they follow without a hole and need no more than `there` of the other
    /// direction. `clock` is when the latest came that was handed on. True if anything was handed on. Where the
    /// hole before them was filled at `filled`, of bursts that the source told of only one there is certain.
    pub fn drain(
        &mut self,
        direction: Direction,
        other: [StreamOffset; 2],
        filled: Option<StreamOffset>,
        clock: &mut Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) -> bool {
        let [there, turned_at] = other;
        let mut any = false;
        while let Some(entry) = self.held.first_entry() {
            let next = self.next.unwrap_or_default();
            if *entry.key() > next || needs(entry.get().burst) > there {
                break;
            }
            let (position, piece) = entry.remove_entry();
            self.held_bytes -= piece.payload.cost();
            let (bytes, span): (&[u8], u64) = match &piece.payload {
                Payload::Bytes(bytes) => (bytes, bytes.len() as u64),
                Payload::Missing(length) => (&[], *length),
            };
            let seen = next.saturating_sub(position);
            if seen >= span {
                continue;
            }
            any = true;
            let mut at = piece.at;
            let mut certain = seen == 0;
            if matches!(piece.burst, Burst::After { .. }) {
                at = at.max(*clock);
                *clock = at;
            } else {
                certain &= filled.is_none_or(|filled| filled == position);
            }
            let burst_start = (self.begins(piece.burst, turned_at) | (position == 0)) && certain;
            self.advance(span - seen);
            match bytes.get(seen as usize..) {
                Some(bytes) if !bytes.is_empty() => {
                    sink(Chunk::Bytes { direction, bytes, burst_start, at }, counters);
                }
                _ => {
                    (self.after_gap, self.goes_on) = (true, false);
                    counters.add(Counter::Gap);
                    sink(Chunk::Gap { direction, length: span - seen, burst_start, at }, counters);
                }
            }
        }
        any
    }
}
