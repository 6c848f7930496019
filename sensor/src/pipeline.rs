//! The only file that knows the order of the stages: an [`Event`] goes in, and what it completes is
//! in the recorder when [`Pipeline::take`] returns. Synchronous and without a clock; [`live`] is the
//! rim that feeds it from the kernel, [`replay`] the one that feeds it from files.

pub mod evaluate;
mod fuzz;
mod ledger;
#[cfg(feature = "kernel")]
pub mod live;
pub mod replay;
pub mod spec_dir;
pub mod watch;

pub use fuzz::fuzz;

use ledger::{Carried, Carrier, Ledger};

use hashbrown::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::call::{self, Descriptors, Parties, Reader, RouteWords};
use crate::counter::{Counter, Counters};
use crate::flow::{ConnectionId, Peer, Timestamp, Transport, Verdict, Workload, unread};
use crate::inventory::Recorder;
use crate::inventory::{CoverageKey, CoverageStats, Inventory, Reading};
use crate::limits::{
    ARCHIVE_CREATOR_BYTES_MAX, BUFFERED_BYTES_MAX, CONNECTION_IDLE_NS, CONNECTIONS_MAX, PAIRS_AHEAD_MAX,
    TLS_HELD_MAX,
};
use crate::protocol::har::Archived;
use crate::protocol::{self, Exchange};
use crate::source::{self, Event, Segment};
use crate::stream::{Assembler, Chunk, Ordering};

/// Stands in the coverage for the programs behind a capture file.
const NOBODY: &str = "(not known)";

/// All stages from stream to inventory, for one source.
pub struct Pipeline {
    ordering: Ordering,
    connections: HashMap<ConnectionId, Connection>,
    /// Workloads at the other end of connections that are not open yet.
    pairs_ahead: HashMap<ConnectionId, Arc<Workload>>,
    /// Mirrors whose opening has not come yet: both ends may be at work on two CPUs.
    mirrors_ahead: HashMap<ConnectionId, ConnectionId>,
    ledger: Ledger,
    reader: Reader,
    recorder: Recorder,
    counters: Counters,
    /// What of `counters` went into deltas already.
    counters_taken: Counters,
    /// Room for the exchanges that one chunk completes.
    exchanges: Vec<Exchange>,
    buffered_bytes: usize,
    calls: u64,
    opened: u64,
    is_finished: bool,
    now: Timestamp,
    /// Stands for what runs at the ends of connections of which a source cannot know.
    nobody: Arc<Workload>,
}

struct Connection {
    workload: Arc<Workload>,
    /// The lower of the two.
    port: u16,
    /// The owner's, the other side's.
    ports: [u16; 2],
    /// As far as known.
    verdict: Option<Verdict>,
    /// It is in the coverage: known to be no mirror of another, since it completed something.
    counted: bool,
    /// It says the same as this other one: neither read nor counted.
    mirror: Option<ConnectionId>,
    last: Timestamp,
    /// Calls reported of it.
    calls: u64,
    /// Bytes that were told of and not captured.
    missing: u64,
    /// Of a socket with TLS.
    tls: Option<Box<Carrier>>,
    /// Of a session of TLS.
    session: Option<Carried>,
    /// `None`: nothing of it is read (not HTTP/1, the mirror of another, or given up).
    work: Option<Box<Work>>,
}

struct Work {
    assembler: Assembler,
    protocol: protocol::Connection,
    parties: Parties,
    /// Of a session whose connection is not known yet: what waits for it.
    held: Option<Vec<Exchange>>,
    buffered_bytes: usize,
    /// Where the next segment of each direction begins, and whether one ever began later: then
    /// records of this connection were lost.
    next: [u64; 2],
    is_lossy: bool,
}

impl Connection {
    fn coverage(&self) -> CoverageKey {
        let verdict = self.verdict.unwrap_or(Verdict::Other);
        let mut key = CoverageKey::plain(self.workload.clone(), self.port, verdict);
        if verdict == Verdict::Tls {
            // No source told of it, it was found to be so.
            key.tls.reading = Reading::Unread(unread::NO_KEYS.into());
        }
        key
    }

    /// Counts it in the coverage, once. What TLS carries is known at its end, and its sessions are in it.
    fn count(&mut self, recorder: &mut Recorder) {
        if self.tls.is_none() && self.session.is_none() && !std::mem::replace(&mut self.counted, true) {
            recorder.coverage(&self.coverage(), CoverageStats { connections: 1, ..Default::default() });
        }
    }
}

impl Pipeline {
    /// An empty pipeline; `key` is the installation's.
    pub fn new(ordering: Ordering, key: [u8; 16]) -> Self {
        Pipeline {
            ordering,
            connections: HashMap::new(),
            pairs_ahead: HashMap::new(),
            mirrors_ahead: HashMap::new(),
            ledger: Ledger::default(),
            reader: Reader::new(key),
            recorder: Recorder::new(key),
            counters: Counters::default(),
            counters_taken: Counters::default(),
            exchanges: Vec::new(),
            buffered_bytes: 0,
            calls: 0,
            opened: 0,
            is_finished: false,
            now: Timestamp(0),
            nobody: Arc::new(Workload { program: NOBODY.into(), cgroup: "/".into(), container: None }),
        }
    }

    /// Words that people said are of routes are kept in clear from now on.
    pub fn know(&mut self, words: RouteWords) {
        self.reader.know(words);
    }

    /// Messages of these methods are read by name and type from now on.
    pub fn describe(&mut self, descriptors: Option<Arc<Descriptors>>) {
        if let Some(descriptors) = descriptors {
            self.reader.describe(descriptors);
        }
    }

    /// Counters of all stages, for the source to add its own.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Calls recorded so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Connections opened so far.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Endpoints met so far.
    pub fn endpoints(&self) -> u64 {
        self.recorder.endpoints() as u64
    }

    /// Takes one event through all stages.
    pub fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Opened(connection) => self.open(connection),
            Event::Segment(segment) => self.segment(&segment),
            Event::Received { connection, direction, position, at } => {
                self.advance(connection, at, |assembler, counters, mut sink| {
                    assembler.received(direction, position, at, counters, &mut sink);
                });
            }
            Event::Paired { kept, mirrored, workload } => self.pair(kept, mirrored, workload),
            Event::Bound { session, carrier, tuple } => self.bind(session, carrier, tuple),
            Event::Closed { connection, at, bytes, request_bursts, unseen_bytes, unread } => {
                self.close(connection, at, bytes, request_bursts, unseen_bytes, unread);
            }
        }
    }

    /// Takes an exchange that was written down by somebody else.
    pub fn take_exchange(&mut self, archived: Archived) {
        let Archived { exchange, creator, server, port, transport } = archived;
        self.now = self.now.max(exchange.request.first_byte);
        // Who wrote it down is the caller: a browser, a proxy, a test tool.
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let program = match creator.is_empty() || creator.len() > ARCHIVE_CREATOR_BYTES_MAX {
            true => NOBODY.into(),
            false => creator.into(),
        };
        let workload = Arc::new(Workload { program, cgroup: "/".into(), container: None });
        let parties = Parties {
            local: Arc::new(Peer { address: server.unwrap_or(nowhere), workload: None }),
            remote: Arc::new(Peer { address: nowhere, workload: Some(workload) }),
            local_port: port,
            remote_port: 0,
            transport,
        };
        let Pipeline { reader, recorder, counters, calls, .. } = self;
        let read = catch_unwind(AssertUnwindSafe(|| {
            record(exchange, &parties, reader, recorder, counters, calls);
        }));
        if read.is_err() {
            self.counters.add(Counter::ConnectionPanic);
        }
    }

    /// The change since the last time: calls, coverage, words and counted losses.
    pub fn take_delta(&mut self) -> Inventory {
        self.release_late();
        for &counter in Counter::ALL {
            let count = self.counters.count(counter);
            let more = count - self.counters_taken.count(counter);
            if more > 0 {
                self.recorder.loss(counter.name(), more);
                self.counters_taken.add_many(counter, more);
            }
        }
        match self.is_finished {
            true => self.recorder.finish(&self.reader),
            false => self.recorder.take(&self.reader),
        }
    }

    /// Adds to a loss that the source counted itself.
    pub fn loss(&mut self, name: &str, count: u64) {
        self.recorder.loss(name, count);
    }

    /// The source ended: what is in flight is reported as far as it is known.
    pub fn finish(&mut self) {
        self.is_finished = true;
        let mut open: Vec<ConnectionId> = self.connections.keys().copied().collect();
        // What carries a session after the session, and the end that counts after the other.
        open.sort_by_key(|id| {
            let connection = &self.connections[id];
            (connection.tls.is_some(), connection.mirror.is_none(), *id)
        });
        for id in open {
            if let Some(connection) = self.connections.remove(&id) {
                self.end(id, connection, self.now, None, [0; 2], None);
            }
        }
    }

    fn open(&mut self, opened: source::Connection) {
        self.now = self.now.max(opened.at);
        if self.connections.contains_key(&opened.id) {
            // Told twice, by two CPUs at work on one socket.
            return;
        }
        self.opened += 1;
        if self.connections.len() >= CONNECTIONS_MAX {
            self.evict_idle();
        }
        if self.connections.len() >= CONNECTIONS_MAX {
            self.counters.add(Counter::ConnectionsFull);
            return;
        }
        let source::Connection { id, tuple, workload, verdict, session, begun, at } = opened;
        let port = tuple.local.port().min(tuple.remote.port());
        let carrier = session.and_then(|session| session.carrier);
        let work = verdict.is_none_or(Verdict::is_read).then(|| {
            Box::new(Work {
                assembler: Assembler::new(self.ordering, begun),
                protocol: match self.ordering {
                    Ordering::AsDelivered => protocol::Connection::new(verdict),
                    Ordering::Reorder => protocol::Connection::new(verdict).with_holes_first(),
                },
                parties: Parties {
                    local: Arc::new(Peer { address: tuple.local.ip(), workload: workload.clone() }),
                    remote: Arc::new(Peer {
                        address: tuple.remote.ip(),
                        workload: self.pairs_ahead.remove(&id),
                    }),
                    local_port: tuple.local.port(),
                    remote_port: tuple.remote.port(),
                    transport: if session.is_some() { Transport::TLS } else { Transport::Clear },
                },
                held: (session.is_some() && carrier.is_none()).then(Vec::new),
                buffered_bytes: 0,
                next: [0; 2],
                is_lossy: false,
            })
        });
        let mirror = self.mirrors_ahead.remove(&id);
        let work = work.filter(|_| mirror.is_none());
        let workload = workload.unwrap_or_else(|| self.nobody.clone());
        let is_tls = verdict == Some(Verdict::Tls) && session.is_none();
        let mut connection = Connection {
            workload,
            port,
            ports: [tuple.local.port(), tuple.remote.port()],
            verdict,
            counted: false,
            mirror,
            last: at,
            calls: 0,
            missing: 0,
            tls: is_tls.then(Box::default),
            session: session.map(|_| Carried::new(at)),
            work,
        };
        if verdict.is_some() && connection.work.is_none() {
            connection.count(&mut self.recorder);
        }
        self.connections.insert(id, connection);
        if is_tls {
            self.opened_late(id);
        }
        match (session, carrier) {
            (Some(_), Some(carrier)) => self.carried(id, carrier, None),
            (Some(_), None) => self.ledger.waits(id),
            (None, _) => {}
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        if let Some(connection) = self.connections.get_mut(&segment.connection) {
            if let Some(tls) = &mut connection.tls {
                tls.hello(segment);
                connection.last = segment.at;
                return;
            }
            connection.missing += segment.span - segment.bytes.len() as u64;
            let in_order = matches!(self.ordering, Ordering::AsDelivered);
            if let Some(work) = &mut connection.work {
                let next = &mut work.next[segment.direction.index()];
                work.is_lossy |= segment.position > *next;
                // Where segments may come out of order, a hole is none yet.
                if in_order {
                    connection.missing += segment.position.saturating_sub(*next);
                }
                *next = segment.position.saturating_add(segment.span).max(*next);
            }
        }
        self.advance(segment.connection, segment.at, |assembler, counters, mut sink| {
            assembler.push(segment, counters, &mut sink);
        });
    }

    /// Lets a connection's assembler hand on what it has, and takes that through the stages.
    fn advance(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        step: impl FnOnce(&mut Assembler, &mut Counters, &mut dyn FnMut(Chunk<'_>, &mut Counters)),
    ) {
        self.now = self.now.max(at);
        let Some(connection) = self.connections.get_mut(&id) else {
            self.counters.add(Counter::ConnectionUnknown);
            return;
        };
        connection.last = at;
        let Some(work) = &mut connection.work else { return };
        let (calls_before, mut carries) = (self.calls, connection.verdict);
        let Pipeline { reader, recorder, counters, exchanges, calls, .. } = self;
        // One connection's bug must not end the sensor: it loses that connection.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let Work { assembler, protocol, parties, held, .. } = &mut **work;
            step(assembler, counters, &mut |chunk, counters| protocol.push(chunk, counters, exchanges));
            if let Some(held) = held {
                held.append(exchanges);
            }
            for exchange in exchanges.drain(..) {
                record(exchange, parties, reader, recorder, counters, calls);
            }
            carries = protocol.verdict();
            assembler.buffered_bytes() + protocol.buffered_bytes()
        }));
        let completed = self.calls - calls_before;
        connection.calls += completed;
        let held = std::mem::replace(&mut work.buffered_bytes, *read.as_ref().unwrap_or(&0));
        self.buffered_bytes = self.buffered_bytes + work.buffered_bytes - held;
        let trouble = match read {
            Err(_) => {
                self.exchanges.clear();
                Some(Counter::ConnectionPanic)
            }
            Ok(_) if self.buffered_bytes > BUFFERED_BYTES_MAX => Some(Counter::BuffersFull),
            Ok(_) => None,
        };
        if let Some(counter) = trouble {
            counters.add(counter);
        }
        // What it carried first is what it is counted as, whatever it went over to.
        connection.verdict = connection.verdict.or(carries);
        if trouble.is_some() || carries.is_some_and(|verdict| !verdict.is_read()) {
            self.buffered_bytes -= work.buffered_bytes;
            connection.work = None;
        }
        if completed > 0 {
            connection.count(&mut self.recorder);
            self.told(id, completed);
        }
        let Some(connection) = self.connections.get(&id) else { return };
        let waits = connection.work.as_ref().and_then(|work| work.held.as_ref());
        if waits.is_some_and(|held| held.len() > TLS_HELD_MAX) {
            self.release(id, 0);
        }
    }

    fn pair(&mut self, kept: ConnectionId, mirrored: ConnectionId, workload: Arc<Workload>) {
        let mut told = 0;
        self.move_to_kept(kept, mirrored);
        if let Some(connection) = self.connections.get_mut(&mirrored) {
            // What it carried so far is carried by the kept one too.
            connection.mirror = Some(kept);
            told = connection.calls;
            if let Some(work) = connection.work.take() {
                self.buffered_bytes -= work.buffered_bytes;
            }
        } else if self.mirrors_ahead.len() < PAIRS_AHEAD_MAX {
            self.mirrors_ahead.insert(mirrored, kept);
        }
        // What the kept one holds back was told by the other already, as far as that came.
        self.release(kept, told);
        if let Some(connection) = self.connections.get_mut(&kept) {
            if let Some(tls) = &mut connection.tls {
                tls.other = Some(workload.clone());
            }
            if let Some(work) = &mut connection.work {
                let address = work.parties.remote.address;
                work.parties.remote = Arc::new(Peer { address, workload: Some(workload) });
            }
        } else if self.pairs_ahead.len() < PAIRS_AHEAD_MAX {
            self.pairs_ahead.insert(kept, workload);
        }
    }

    fn close(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        bytes: [u64; 2],
        request_bursts: u32,
        unseen_bytes: [u32; 2],
        unread: Option<&'static str>,
    ) {
        self.now = self.now.max(at);
        self.pairs_ahead.remove(&id);
        self.mirrors_ahead.remove(&id);
        let requests = u64::from(request_bursts);
        let Some(connection) = self.connections.remove(&id) else {
            // Refused above, or its opening was lost: all of its calls are.
            self.counters.add_many(Counter::CallsLost, requests);
            return;
        };
        // Where no record was lost, each call is reported or counted by its own cause. A connection that
        // was given up is no better off than one that lost records.
        let is_lossy = match &connection.work {
            Some(work) => work.is_lossy || work.next != bytes,
            None => connection.mirror.is_none(),
        };
        let unseen_bytes = unseen_bytes.map(u64::from);
        if connection.mirror.is_none() {
            self.counters.add_many(Counter::UnseenBytes, unseen_bytes[0] + unseen_bytes[1]);
        }
        let (reported, calls_before) = (connection.calls, self.calls);
        let totals = [bytes[0] + unseen_bytes[0], bytes[1] + unseen_bytes[1]];
        self.end(id, connection, at, Some(totals), unseen_bytes, unread);
        if is_lossy {
            let reported = reported + (self.calls - calls_before);
            self.counters.add_many(Counter::CallsLost, requests.saturating_sub(reported));
        }
    }

    /// Ends the streams of a connection, records what that completes and counts it. `bytes`: how many
    /// each direction carried, if the source knows.
    fn end(
        &mut self,
        id: ConnectionId,
        mut connection: Connection,
        at: Timestamp,
        bytes: Option<[u64; 2]>,
        unseen: [u64; 2],
        unread: Option<&'static str>,
    ) {
        let seen = connection.work.as_ref().map(|work| work.next);
        let told = self.told_by_other(&connection);
        if let Some(mut work) = connection.work.take() {
            self.buffered_bytes -= work.buffered_bytes;
            let Pipeline { reader, recorder, counters, exchanges, calls, .. } = self;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let Work { assembler, protocol, parties, held, .. } = &mut *work;
                assembler.end(at, bytes, counters, &mut |chunk, counters| {
                    protocol.push(chunk, counters, exchanges);
                });
                if let Some(held) = held {
                    held.append(exchanges);
                    exchanges.extend(held.drain(..).skip(told));
                }
                for exchange in exchanges.drain(..) {
                    record(exchange, parties, reader, recorder, counters, calls);
                }
                connection.verdict = connection.verdict.or(protocol.verdict());
            }));
            if ended.is_err() {
                self.exchanges.clear();
                self.counters.add(Counter::ConnectionPanic);
            }
        }
        // Of one that is still open, as many as were seen.
        let [inbound, outbound] = bytes.or(seen).unwrap_or_default();
        let bytes = inbound.saturating_add(outbound);
        if connection.tls.is_some() || connection.session.is_some() {
            self.end_tls(id, connection, bytes, unread);
        } else if connection.mirror.is_none() {
            connection.count(&mut self.recorder);
            let lost_bytes = if connection.verdict.is_some_and(Verdict::is_read) {
                connection.missing + unseen[0] + unseen[1]
            } else {
                0
            };
            let stats = CoverageStats { bytes, lost_bytes, ..Default::default() };
            self.recorder.coverage(&connection.coverage(), stats);
        }
    }

    /// Lets go of connections whose end was not seen for a long time.
    fn evict_idle(&mut self) {
        let now = self.now;
        let idle: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| now.since(connection.last) > CONNECTION_IDLE_NS)
            .map(|(&id, _)| id)
            .collect();
        for id in idle {
            if let Some(connection) = self.connections.remove(&id) {
                self.counters.add(Counter::ConnectionIdle);
                self.end(id, connection, now, None, [0; 2], None);
            }
        }
    }
}

/// The last steps of one exchange: its values are dropped, the call is added to the sums.
fn record(
    exchange: Exchange,
    parties: &Parties,
    reader: &mut Reader,
    recorder: &mut Recorder,
    counters: &mut Counters,
    calls: &mut u64,
) {
    call::split(exchange, counters, |exchange, counters| {
        if let Some(call) = reader.read(exchange, parties, counters) {
            recorder.record(&call, counters);
            *calls += u64::from(!call.follows);
        }
    });
}
