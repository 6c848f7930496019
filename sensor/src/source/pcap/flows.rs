//! TCP segments -> connections: which there are, which side serves, and where in its direction each
//! segment stands, as 64-bit positions that do not wrap.
//!
//! The side that sent the first SYN asks; without one the side with the lower port serves. A segment
//! that says nothing new is passed on all the same: `stream` knows which bytes it has. No reset is
//! believed that is far from where its direction is, nor an acknowledgment. Where a burst begins is found out
//! by `stream`, which has the segments in order: each says what its sender had of the other direction.

use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use hashbrown::HashMap;

use super::TcpSegment;
use crate::counter::{Counter, Counters};
use crate::flow::{ConnectionId, Direction, FourTuple, Timestamp};
use crate::limits::{FLOW_IDLE_NS, FLOWS_MAX, RESET_DISTANCE_MAX};
use crate::source::{Burst, Connection, Event, Segment};

/// Connections of one capture.
#[derive(Default)]
pub struct Flows {
    flows: HashMap<Key, Flow>,
    numbers: u64,
    /// When idle ones were looked for.
    swept: Timestamp,
}

/// Both ends, the lower first, so that both directions have one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    low: SocketAddr,
    high: SocketAddr,
    overlay: u64,
}

/// One number for each end where that is enough: this is asked for each packet.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [self.low, self.high] {
            match end {
                SocketAddr::V4(end) => {
                    state.write_u64(u64::from(end.ip().to_bits()) << 16 | u64::from(end.port()));
                }
                SocketAddr::V6(end) => end.hash(state),
            }
        }
        state.write_u64(self.overlay);
    }
}

struct Flow {
    /// Given at its first byte: connections that carry nothing are nobody's business.
    id: Option<ConnectionId>,
    tuple: FourTuple,
    /// It was ended; what still comes of it is old news, until a new one begins.
    ended: bool,
    /// Towards the server, and from it.
    lanes: [Lane; 2],
    last: Timestamp,
}

#[derive(Clone, Copy, Default)]
struct Lane {
    /// Sequence number of position 0, once known.
    base: Option<u32>,
    /// Its SYN was seen, so position 0 is the first byte of the direction; or its first that the other side
    /// had not had when that was first seen to send.
    begun: bool,
    /// The furthest position seen.
    end: u64,
    /// Where the direction ends, by its FIN.
    fin: Option<u64>,
    /// Something came out of order: what the other side has of this direction is news.
    watched: bool,
}

impl Lane {
    /// The position next to the furthest one that a sequence number can stand for, once the base is known;
    /// negative before the first byte.
    fn position(&self, sequence: u32) -> Option<i64> {
        let expected = self.base?.wrapping_add(self.end as u32);
        Some(self.end as i64 + i64::from(sequence.wrapping_sub(expected) as i32))
    }

    /// The bytes before an acknowledgment's number.
    fn bytes_before(&self, acknowledgment: u32) -> u64 {
        let position = self.position(acknowledgment).and_then(|at| u64::try_from(at).ok());
        let position = position.filter(|at| *at <= self.end + RESET_DISTANCE_MAX).unwrap_or_default();
        // The end of a direction takes a number too.
        position.min(self.fin.unwrap_or(u64::MAX))
    }
}

impl Flows {
    /// Takes a segment.
    pub fn take(
        &mut self,
        segment: &TcpSegment<'_>,
        at: Timestamp,
        counters: &mut Counters,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if at.since(self.swept) > FLOW_IDLE_NS / 4 {
            self.sweep(at, FLOW_IDLE_NS, counters, sink);
        }
        let (low, high) = match segment.source <= segment.destination {
            true => (segment.source, segment.destination),
            false => (segment.destination, segment.source),
        };
        let key = Key { low, high, overlay: segment.overlay };
        let opens = segment.syn && !segment.rst;
        if !self.flows.contains_key(&key) {
            // What is left of a connection that carries nothing any more.
            if !opens && (segment.span == 0 || segment.rst) {
                return;
            }
            let mut idle_ns = FLOW_IDLE_NS;
            while self.flows.len() >= FLOWS_MAX {
                idle_ns /= 2;
                self.sweep(at, idle_ns, counters, sink);
                if idle_ns == 0 && self.flows.len() >= FLOWS_MAX {
                    // A clock that stands still, as in some made captures.
                    return counters.add(Counter::ConnectionsFull);
                }
            }
            self.flows.insert(key, Flow::new(segment, at));
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        if opens && flow.is_over(segment) {
            flow.end(at, sink);
            *flow = Flow::new(segment, at);
        }
        flow.last = flow.last.max(at);
        if !flow.ended {
            flow.take(segment, at, &mut self.numbers, sink);
        }
    }

    /// Ends all.
    pub fn end(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        let mut flows: Vec<Flow> = self.flows.drain().map(|(_, flow)| flow).collect();
        // The same capture gives the same events.
        flows.sort_by_key(|flow| flow.id);
        for mut flow in flows {
            flow.end(flow.last, sink);
        }
    }

    /// Lets those go that have been silent for longer than `idle_ns`.
    fn sweep(
        &mut self,
        at: Timestamp,
        idle_ns: u64,
        counters: &mut Counters,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        self.swept = at;
        let gone = self.flows.extract_if(|_, flow| at.since(flow.last) > idle_ns);
        let mut gone: Vec<Flow> = gone.map(|(_, flow)| flow).collect();
        gone.sort_by_key(|flow| flow.id);
        for mut flow in gone {
            if flow.id.is_some() && !flow.ended {
                counters.add(Counter::ConnectionIdle);
            }
            flow.end(at, sink);
        }
    }
}

impl Flow {
    fn new(segment: &TcpSegment<'_>, at: Timestamp) -> Flow {
        let by_syn = segment.syn.then_some(segment.acknowledgment.is_some());
        let from_server = by_syn.unwrap_or(segment.source.port() < segment.destination.port());
        let (local, remote) = match from_server {
            true => (segment.source, segment.destination),
            false => (segment.destination, segment.source),
        };
        let tuple = FourTuple { local, remote };
        Flow { id: None, tuple, ended: false, lanes: [Lane::default(); 2], last: at }
    }

    fn direction(&self, segment: &TcpSegment<'_>) -> Direction {
        if segment.source == self.tuple.local { Direction::Outbound } else { Direction::Inbound }
    }

    /// A SYN that is no repetition of what began this connection: the ports are used again.
    fn is_over(&self, segment: &TcpSegment<'_>) -> bool {
        let lane = &self.lanes[self.direction(segment).index()];
        match lane.base {
            Some(base) => base != segment.sequence.wrapping_add(1),
            // Its first direction is known already, and this is the answer; or all of it is over.
            None => self.ended || (segment.acknowledgment.is_none() && self.id.is_some()),
        }
    }

    fn take(
        &mut self,
        segment: &TcpSegment<'_>,
        at: Timestamp,
        numbers: &mut u64,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let direction = self.direction(segment);
        let lane = &mut self.lanes[direction.index()];
        // A SYN takes one number itself.
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        if lane.base.is_none() && (segment.syn || segment.span > 0) {
            lane.base = Some(sequence);
            lane.begun = segment.syn;
        }
        let position = lane.position(sequence);
        if segment.rst {
            if position.is_none_or(|p| p.abs_diff(lane.end as i64) <= RESET_DISTANCE_MAX) {
                self.end(at, sink);
            }
            return;
        }
        if let Some(position) = position
            && segment.span > 0
        {
            self.data(segment, direction, position, at, numbers, sink);
        }
        self.acknowledge(segment, direction.reverse(), at, sink);
        let lane = &mut self.lanes[direction.index()];
        if segment.fin
            && let Some(fin) = position.and_then(|p| u64::try_from(p + i64::from(segment.span)).ok())
        {
            lane.fin = Some(fin);
            lane.watched |= position.is_some_and(|p| p > lane.end as i64);
            lane.end = lane.end.max(fin);
        }
        // With both ends known and reached, nothing more can come that was not there; what is missing
        // may still be sent again.
        let is_done = |lane: &Lane| lane.fin.is_some_and(|fin| lane.end >= fin && !lane.watched);
        if self.lanes.iter().all(is_done) {
            self.end(at, sink);
        }
    }

    fn data(
        &mut self,
        segment: &TcpSegment<'_>,
        direction: Direction,
        position: i64,
        at: Timestamp,
        numbers: &mut u64,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let other = &mut self.lanes[direction.reverse().index()];
        if let (None, Some(number)) = (other.base, segment.acknowledgment) {
            // Its SYN was not seen. What comes behind these bytes and is not seen is missing.
            (other.base, other.begun) = (Some(number), true);
        }
        let id = *self.id.get_or_insert_with(|| {
            *numbers += 1;
            let id = ConnectionId(*numbers);
            let begun = self.lanes.map(|lane| lane.begun);
            let tuple = self.tuple;
            sink(Event::Opened(Connection {
                id,
                tuple,
                workload: None,
                verdict: None,
                session: None,
                begun,
                at,
            }));
            id
        });
        let lane = &mut self.lanes[direction.index()];
        // What was before the capture began stays out.
        let early = usize::try_from(-position.min(0)).unwrap_or(usize::MAX);
        let bytes = segment.payload.get(early..).unwrap_or_default();
        let span = u64::from(segment.span).saturating_sub(early as u64);
        if span == 0 {
            return;
        }
        let position = position.max(0) as u64;
        lane.watched |= position != lane.end;
        lane.end = lane.end.max(position + span);
        let other = &mut self.lanes[direction.reverse().index()];
        let had = segment.acknowledgment.map_or(0, |number| other.bytes_before(number));
        // It answers what was not seen.
        other.watched |= had > other.end;
        let burst = Burst::After { had, pushed: segment.push };
        sink(Event::Segment(Segment { connection: id, direction, position, bytes, span, burst, at }));
    }

    /// What the sender has of the other direction, where that matters.
    fn acknowledge(
        &self,
        segment: &TcpSegment<'_>,
        direction: Direction,
        at: Timestamp,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let lane = &self.lanes[direction.index()];
        let (Some(id), Some(number), true) = (self.id, segment.acknowledgment, lane.watched) else { return };
        if let Some(position) = lane.position(number).and_then(|at| u64::try_from(at).ok()) {
            sink(Event::Received { connection: id, direction, position, at });
        }
    }

    fn end(&mut self, at: Timestamp, sink: &mut impl FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(connection) = self.id {
            let bytes = self.lanes.map(|lane| lane.end.min(lane.fin.unwrap_or(u64::MAX)));
            sink(Event::Closed {
                connection,
                at,
                bytes,
                request_bursts: 0,
                unseen_bytes: [0; 2],
                unread: None,
            });
        }
    }
}
