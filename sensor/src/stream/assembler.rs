//! Turns the segments of one connection into chunks in order, with every hole said once.
//!
//! Where two segments overlap, the bytes that came first win, whatever a later copy says. Where the source
//! tells what a sender had of the other direction, bytes wait for that too: so both directions come in an
//! order in which they can have been sent, whatever order they were captured in, and a hole is said before
//! what was sent after it. A hole ends when the window is full, when the other side has had for a while what
//! is missing, or when the owner calls `flush`.
//!
//! There a burst begins with bytes whose sender had more of the other direction than with its bytes before;
//! behind a gap, in which that may have changed, only with those that begin just where the other side's last
//! bytes say that it was.

use super::Chunk;
use super::lane::{Lane, needs};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, StreamOffset, Timestamp};
use crate::limits::{HOLE_ACKNOWLEDGMENTS_MAX, HOLE_WAIT_NS, REORDER_BYTES_MAX};
use crate::source::{Burst, Segment};

/// How a source orders the segments of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// As they were sent: a jump in position is a hole at once. Nothing is ever held.
    AsDelivered,
    /// As a network delivered them: later ones wait for earlier ones in a bounded window.
    Reorder,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Assembler {
    ordering: Ordering,
    lanes: [Lane; 2],
    /// When the latest came of what was handed on: what waited came no earlier than what it waited for.
    clock: Timestamp,
    /// The source tells what senders had.
    told: bool,
    ended: bool,
}

impl Assembler {
    /// An assembler for one connection. `begun`, of the inbound and the outbound direction: position
    /// 0 is its first byte; else it begins with the first segment that comes.
    pub fn new(ordering: Ordering, begun: [bool; 2]) -> Self {
        let lanes = begun.map(Lane::new);
        Assembler { ordering, lanes, clock: Timestamp::default(), told: false, ended: false }
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
        self.told |= matches!(segment.burst, Burst::After { .. });
        let (direction, ordering, clock, told) = (segment.direction, self.ordering, self.clock, self.told);
        let [lane, other] = self.both(direction);
        let next = *lane.next.get_or_insert(segment.position);
        if ordering == Ordering::AsDelivered {
            lane.skip_to(segment.position, direction, None, segment.at, counters, sink);
            return lane.deliver(segment, span, other.had, segment.at, counters, sink);
        }
        if segment.position > next || needs(segment.burst) > other.next() || !lane.is_empty() {
            // What came before it and lies in it wins.
            lane.hold(segment, span, counters);
        } else {
            let at = if told { clock.max(segment.at) } else { segment.at };
            lane.deliver(segment, span, other.had, at, counters, sink);
            self.clock = if told { at } else { clock };
        }
        self.drain(Some(segment.position), counters, sink);
        while self.lanes[direction.index()].held_bytes > REORDER_BYTES_MAX {
            counters.add(Counter::ReorderFull);
            self.give_up(direction, counters, sink);
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
        let Some((missing_to, since)) = self.hole(direction) else { return };
        if position < missing_to {
            return;
        }
        let lane = &mut self.lanes[direction.index()];
        lane.acknowledged += 1;
        if lane.acknowledged >= HOLE_ACKNOWLEDGMENTS_MAX || at.since(since) >= HOLE_WAIT_NS {
            self.skip(direction, missing_to, since, counters, sink);
        }
    }

    /// Declares what is still missing as gaps and hands on all that was held behind it.
    pub fn flush(&mut self, counters: &mut Counters, sink: &mut impl FnMut(Chunk<'_>, &mut Counters)) {
        loop {
            // The direction whose held bytes were seen first goes first: a request before its response.
            let held = [Direction::Inbound, Direction::Outbound]
                .into_iter()
                .filter_map(|direction| Some((self.lanes[direction.index()].held_since()?, direction)));
            let Some((_, direction)) = held.min_by_key(|&(at, _)| at) else { return };
            self.give_up(direction, counters, sink);
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
                let turned_at = self.turned_at(direction);
                self.lanes[direction.index()].skip_to(total, direction, turned_at, at, counters, sink);
            }
            sink(Chunk::End { at, certain: bytes.is_some() }, counters);
        }
    }

    /// Bytes held behind holes, both directions.
    pub fn buffered_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.held_bytes).sum()
    }

    fn both(&mut self, direction: Direction) -> [&mut Lane; 2] {
        let [inbound, outbound] = &mut self.lanes;
        match direction {
            Direction::Inbound => [inbound, outbound],
            Direction::Outbound => [outbound, inbound],
        }
    }

    /// What the other side had of `direction` when it last sent, if the source tells.
    fn turned_at(&self, direction: Direction) -> Option<StreamOffset> {
        self.told.then(|| self.lanes[direction.reverse().index()].had)
    }

    /// Where a hole of `direction` ends that something waits for, and since when.
    fn hole(&self, direction: Direction) -> Option<(StreamOffset, Timestamp)> {
        let lane = &self.lanes[direction.index()];
        let next = lane.next();
        let own = lane.first().map(|(position, _, at)| (position, at));
        let other = self.lanes[direction.reverse().index()].first().map(|(_, needs, at)| (needs, at));
        let holes = [own, other].into_iter().flatten();
        // Where the next piece is there and waits itself, none is missing.
        holes.min_by_key(|&(end, _)| end).filter(|&(end, _)| end > next)
    }

    /// Hands on all that is in order.
    fn drain(
        &mut self,
        filled: Option<StreamOffset>,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let mut any = true;
        while std::mem::take(&mut any) {
            for direction in [Direction::Inbound, Direction::Outbound] {
                if self.lanes[direction.index()].is_empty() {
                    continue;
                }
                let mut clock = self.clock;
                let [lane, other] = self.both(direction);
                any |= lane.drain(direction, [other.next(), other.had], filled, &mut clock, counters, sink);
                self.clock = clock;
            }
        }
    }

    /// Says that `direction` has a hole up to `end`, known by what came `at`, and hands on what waited.
    fn skip(
        &mut self,
        direction: Direction,
        end: StreamOffset,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let (at, turned_at) = (at.max(self.clock), self.turned_at(direction));
        self.lanes[direction.index()].skip_to(end, direction, turned_at, at, counters, sink);
        self.drain(None, counters, sink);
    }

    /// Gives up what the first held piece of a direction waits for.
    fn give_up(
        &mut self,
        direction: Direction,
        counters: &mut Counters,
        sink: &mut impl FnMut(Chunk<'_>, &mut Counters),
    ) {
        let Some((position, needs, at)) = self.lanes[direction.index()].first() else { return };
        if position > self.lanes[direction.index()].next() {
            return self.skip(direction, position, at, counters, sink);
        }
        let reverse = direction.reverse();
        match self.hole(reverse) {
            Some((end, _)) => self.skip(reverse, end.min(needs), at, counters, sink),
            // Both wait for each other: no honest peers sent that.
            None => {
                let mut clock = self.clock;
                let [lane, other] = self.both(direction);
                lane.drain(direction, [StreamOffset::MAX, other.had], None, &mut clock, counters, sink);
                self.clock = clock;
                self.drain(None, counters, sink);
            }
        }
    }
}
