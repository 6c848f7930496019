//! Turns the segments of one connection into chunks in order, with every hole said once.
//!
//! Where two segments overlap, the bytes that came first win, whatever a later copy says. A hole ends
//! when the window is full, when the other side has had for a while what is missing, or when the owner
//! calls `flush`.

use std::collections::BTreeMap;

use super::Chunk;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, StreamOffset, Timestamp};
use crate::limits::{HOLE_ACKNOWLEDGMENTS_MAX, HOLE_WAIT_NS, REORDER_BYTES_MAX};
use crate::source::Segment;

/// How a source orders the segments of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// As they were sent: a jump in position is a hole at once. Nothing is ever held.
    AsDelivered,
    /// As a network delivered them: later ones wait for earlier ones in a bounded window.
    Reorder,
}

/// Bookkeeping bytes that a held piece is taken to cost besides its payload.
const PIECE_BYTES: usize = 128;

/// Both directions of one connection.
#[derive(Debug)]
pub struct Assembler {
    ordering: Ordering,
    lanes: [Lane; 2],
    ended: bool,
}

#[derive(Debug, Default)]
struct Lane {
    /// Position of the next byte to hand on; `None` before the first segment.
    next: Option<StreamOffset>,
    /// Pieces behind a hole by position. They never overlap.
    held: BTreeMap<StreamOffset, Piece>,
    held_bytes: usize,
    /// How often the other side said that it has what is missing, since the hole is the first one.
    acknowledged: u32,
}

#[derive(Debug)]
struct Piece {
    payload: Payload,
    burst_start: bool,
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

impl Assembler {
    /// An assembler for one connection. `begun`, of the inbound and the outbound direction: position
    /// 0 is its first byte; else it begins with the first segment that comes.
    pub fn new(ordering: Ordering, begun: [bool; 2]) -> Self {
        let lanes = begun.map(|begun| Lane { next: begun.then_some(0), ..Lane::default() });
        Assembler { ordering, lanes, ended: false }
    }

    /// Takes one segment and hands on what is now in order. Bytes that are next in line are passed
    /// through borrowed. The counters are lent to `sink` so that the next stage can use them too.
    pub fn push(
        &mut self,
        segment: &Segment<'_>,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let span = segment.span.max(segment.bytes.len() as u64);
        if self.ended || span == 0 {
            return;
        }
        let direction = segment.direction;
        let lane = &mut self.lanes[direction.index()];
        // Position zero is where the source first saw the direction: as good as a burst start.
        let burst_start = segment.burst_start || (segment.position == 0 && lane.next() == 0);
        let next = *lane.next.get_or_insert(segment.position);
        if segment.position > next && self.ordering == Ordering::Reorder {
            lane.hold(segment, span, burst_start, counters);
            while lane.held_bytes > REORDER_BYTES_MAX {
                counters.add(Counter::ReorderFull);
                lane.give_up(direction, counters, sink);
            }
            return;
        }
        lane.skip_to(segment.position, direction, segment.at, counters, sink);
        if lane.held.is_empty() {
            lane.deliver_segment(segment, span, burst_start, counters, sink);
        } else {
            // What came before it and lies in it wins.
            lane.hold(segment, span, burst_start, counters);
            lane.drain(direction, Some(segment.position), counters, sink);
        }
    }

    /// The other side has all bytes of `direction` before `position`: a hole before them will not be
    /// filled, unless the source itself is out of order, for which it is left open a little longer.
    pub fn received(
        &mut self,
        direction: Direction,
        position: StreamOffset,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let lane = &mut self.lanes[direction.index()];
        let Some((&first, piece)) = lane.held.first_key_value() else { return };
        if position < first || position <= lane.next() {
            return;
        }
        lane.acknowledged += 1;
        if lane.acknowledged >= HOLE_ACKNOWLEDGMENTS_MAX || at.since(piece.at) >= HOLE_WAIT_NS {
            lane.give_up(direction, counters, sink);
        }
    }

    /// Declares what is still missing as gaps and hands on all that was held behind it.
    pub fn flush(&mut self, counters: &mut Counters, sink: &mut impl FnMut(Chunk<'_>, &mut Counters)) {
        // The direction whose held bytes were seen first goes first: a request before its response.
        let mut order = [Direction::Inbound, Direction::Outbound];
        order.sort_by_key(|d| self.lanes[d.index()].held.values().map(|p| p.at).min());
        for direction in order {
            let lane = &mut self.lanes[direction.index()];
            while !lane.held.is_empty() {
                lane.give_up(direction, counters, sink);
            }
        }
    }

    /// The connection ended: hands on what is left, then [`Chunk::End`], once. `bytes` are the
    /// lengths of the inbound and outbound direction, if the source knows them: what is missing
    /// behind the last segment is a gap then.
    pub fn end(
        &mut self,
        at: Timestamp,
        bytes: Option<[u64; 2]>,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        if !self.ended {
            self.flush(counters, sink);
            self.ended = true;
            for direction in [Direction::Inbound, Direction::Outbound] {
                let total = bytes.map_or(0, |bytes| bytes[direction.index()]);
                self.lanes[direction.index()].skip_to(total, direction, at, counters, sink);
            }
            sink(Chunk::End { at, certain: bytes.is_some() }, counters);
        }
    }

    /// Bytes held behind holes, both directions.
    pub fn buffered_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.held_bytes).sum()
    }
}

impl Lane {
    fn next(&self) -> StreamOffset {
        self.next.unwrap_or_default()
    }

    fn skip_to(
        &mut self,
        position: StreamOffset,
        direction: Direction,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let length = position.saturating_sub(self.next());
        if length > 0 {
            self.next = Some(position);
            counters.add(Counter::Gap);
            sink(Chunk::Gap { direction, length, burst_start: false, at }, counters);
        }
    }

    /// Hands on a segment that begins at or before `next`, with nothing held: its bytes, then the gap
    /// behind them.
    fn deliver_segment(
        &mut self,
        segment: &Segment<'_>,
        span: u64,
        burst_start: bool,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let (direction, at, position) = (segment.direction, segment.at, segment.position);
        let seen = self.next().saturating_sub(position);
        if seen > 0 {
            counters.add(Counter::SegmentDuplicate);
        }
        if seen >= span {
            return;
        }
        let bytes = usize::try_from(seen).ok().and_then(|n| segment.bytes.get(n..)).unwrap_or_default();
        let missing = span - seen - bytes.len() as u64;
        let mut burst_start = burst_start && seen == 0;
        if !bytes.is_empty() {
            self.next = Some(self.next().saturating_add(bytes.len() as u64));
            sink(Chunk::Bytes { direction, bytes, burst_start, at }, counters);
            burst_start = false;
        }
        if missing > 0 {
            self.next = Some(self.next().saturating_add(missing));
            counters.add(Counter::Gap);
            sink(Chunk::Gap { direction, length: missing, burst_start, at }, counters);
        }
    }

    /// Keeps the parts of a segment that were not handed on and that no held piece covers yet.
    fn hold(&mut self, segment: &Segment<'_>, span: u64, burst_start: bool, counters: &mut Counters) {
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
                    let burst_start = burst_start && start == segment.position;
                    self.held.insert(start, Piece { payload, burst_start, at: segment.at });
                }
            }
            from = skip_to.max(from + 1);
        }
        if overlapped {
            counters.add(Counter::SegmentDuplicate);
        }
    }

    /// Hands on held pieces as long as they follow without a hole. Where the hole before them was filled,
    /// only the piece at `filled` may begin a burst: of those that came early it was a guess.
    fn drain(
        &mut self,
        direction: Direction,
        filled: Option<StreamOffset>,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let mut next = self.next();
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= next) {
            let (position, piece) = entry.remove_entry();
            self.held_bytes -= piece.payload.cost();
            let (bytes, span): (&[u8], u64) = match &piece.payload {
                Payload::Bytes(bytes) => (bytes, bytes.len() as u64),
                Payload::Missing(length) => (&[], *length),
            };
            let (burst_start, at) = (piece.burst_start, piece.at);
            let seen = next.saturating_sub(position);
            if seen >= span {
                continue;
            }
            let burst_start = burst_start && seen == 0 && filled.is_none_or(|filled| filled == position);
            next = position.saturating_add(span);
            self.next = Some(next);
            match bytes.get(seen as usize..) {
                Some(bytes) if !bytes.is_empty() => {
                    sink(Chunk::Bytes { direction, bytes, burst_start, at }, counters);
                }
                _ => {
                    counters.add(Counter::Gap);
                    sink(Chunk::Gap { direction, length: span - seen, burst_start, at }, counters);
                }
            }
        }
    }

    /// Declares the hole before the first held piece and hands on what follows it.
    fn give_up(
        &mut self,
        direction: Direction,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        if let Some((&position, piece)) = self.held.first_key_value() {
            self.acknowledged = 0;
            let at = piece.at;
            self.skip_to(position, direction, at, counters, sink);
            self.drain(direction, None, counters, sink);
        }
    }
}
