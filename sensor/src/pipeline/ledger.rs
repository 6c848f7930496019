//! Which connection carries which session of TLS, and what the ledger says of both. A connection is one
//! entry, made when it ends: until then a session may be found in it. Sessions are no connections; they say
//! what was read of the one that carries them.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Connection, Pipeline, record};
use crate::counter::Counter;
use crate::flow::{ConnectionId, FourTuple, Peer, Timestamp, Verdict, Workload};
use crate::inventory::{CoverageKey, CoverageStats, Reading, TlsCoverage};
use crate::limits::{SERVER_NAMES_MAX, TLS_ENDED_MAX, TLS_HELD_NS};
use crate::protocol::tls;
use crate::source::Segment;
use crate::source::tls::watch::unread;

/// Bytes of one direction in which its hello is looked for.
const HELLO_BYTES: usize = schema::limits::HELLO_BYTES as usize;

/// Stands for all names of servers past [`SERVER_NAMES_MAX`].
const MORE_NAMES: &str = "(more names)";

/// A socket with TLS.
#[derive(Default)]
pub(super) struct Carrier {
    /// First bytes of each direction, until what they say is known.
    hellos: [Vec<u8>; 2],
    /// What the other end of it on this host runs.
    pub(super) other: Option<Arc<Workload>>,
    /// What its session carries.
    read: Option<Verdict>,
    /// Plaintext of sessions that ended before it.
    plaintext_bytes: u64,
    missing: u64,
}

/// A session of TLS.
pub(super) struct Carried {
    verdict: Option<Verdict>,
    by: Option<ConnectionId>,
    since: Timestamp,
}

/// What the ledger must remember beside the connections that are open.
#[derive(Default)]
pub(super) struct Ledger {
    /// Sessions of which the connection is not known yet.
    waiting: HashSet<ConnectionId>,
    /// Rows of connections that ended not long ago.
    ended: VecDeque<(ConnectionId, CoverageKey)>,
    names: HashMap<(Arc<Workload>, u16), HashSet<Arc<str>>>,
}

impl Ledger {
    pub(super) fn waits(&mut self, session: ConnectionId) {
        self.waiting.insert(session);
    }

    /// A name of a server, or what stands for too many.
    fn name(&mut self, workload: &Arc<Workload>, port: u16, name: Arc<str>) -> Arc<str> {
        if name.is_empty() {
            return name;
        }
        if self.names.len() >= crate::limits::COVERAGE_MAX {
            self.names.clear();
        }
        let names = self.names.entry((workload.clone(), port)).or_default();
        if names.len() >= SERVER_NAMES_MAX && !names.contains(&name) {
            return MORE_NAMES.into();
        }
        names.insert(name.clone());
        name
    }
}

impl Carried {
    pub(super) fn new(verdict: Option<Verdict>, since: Timestamp) -> Self {
        Carried { verdict, by: None, since }
    }
}

impl Carrier {
    /// Takes bytes of a hello, as far as they come in order.
    pub(super) fn hello(&mut self, segment: &Segment<'_>) {
        let hello = &mut self.hellos[segment.direction.index()];
        if segment.position == hello.len() as u64 {
            let room = HELLO_BYTES.saturating_sub(hello.len()).min(segment.bytes.len());
            hello.extend_from_slice(&segment.bytes[..room]);
        }
    }

    /// What the hellos say.
    fn said(&self) -> TlsCoverage {
        let mut said = TlsCoverage::default();
        let hellos = self.hellos.each_ref().map(|hello| tls::read(hello));
        let [offered, chosen] =
            [true, false].map(|is_client| hellos.iter().flatten().find(|hello| hello.is_client == is_client));
        let version = chosen.and_then(|hello| hello.version);
        let version = version.or(offered.and_then(|hello| hello.version));
        said.version = version.map_or("", tls::Version::name).into();
        let agreed = chosen.map(|hello| &hello.alpn).filter(|alpn| !alpn.is_empty());
        if let Some(alpn) = agreed.or(offered.map(|hello| &hello.alpn)) {
            said.alpn = alpn.iter().map(|alpn| alpn.name()).collect::<Vec<_>>().join(",").into();
        }
        if let Some(name) = offered.and_then(|hello| hello.server_name.as_deref()) {
            said.server_name = name.into();
        }
        said
    }
}

impl Pipeline {
    /// The end of a connection that counts.
    fn kept(&self, id: ConnectionId) -> ConnectionId {
        self.connections.get(&id).and_then(|connection| connection.mirror).unwrap_or(id)
    }

    /// A session is carried by a connection; `tuple` where its parties are still to be told.
    pub(super) fn carried(&mut self, session: ConnectionId, carrier: ConnectionId, tuple: Option<FourTuple>) {
        let kept = self.kept(carrier);
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let Some(carried) = &mut connection.session else { return };
        carried.by = Some(carrier);
        let verdict = carried.verdict;
        // The other end of the connection, if it is on this host.
        let other = if kept == carrier {
            self.connections.get(&kept).and_then(|kept| kept.tls.as_ref()).and_then(|tls| tls.other.clone())
        } else {
            self.connections.get(&kept).map(|kept| kept.workload.clone())
        };
        if let Some(tls) = self.connections.get_mut(&kept).and_then(|kept| kept.tls.as_mut()) {
            // Of several the one that says most.
            tls.read = [tls.read, verdict].into_iter().flatten().min();
        }
        let Some(connection) = self.connections.get_mut(&session) else { return };
        if let Some(tuple) = tuple {
            connection.port = tuple.local.port().min(tuple.remote.port());
        }
        let Some(work) = &mut connection.work else { return };
        let parties = &mut work.parties;
        if let Some(tuple) = tuple {
            let workload = parties.local.workload.clone();
            parties.local = Arc::new(Peer { address: tuple.local.ip(), workload });
            (parties.local_port, parties.remote_port) = (tuple.local.port(), tuple.remote.port());
        }
        let address = tuple.map_or(parties.remote.address, |tuple| tuple.remote.ip());
        let workload = parties.remote.workload.clone().or(other);
        parties.remote = Arc::new(Peer { address, workload });
    }

    /// The connection of a session was found.
    pub(super) fn bind(&mut self, session: ConnectionId, carrier: ConnectionId, tuple: FourTuple) {
        self.ledger.waiting.remove(&session);
        self.carried(session, carrier, Some(tuple));
        // Both ends of a connection within this host may be read: the other one tells of itself at once.
        let kept = self.kept(carrier);
        let is_local = kept != carrier
            || self
                .connections
                .get(&kept)
                .and_then(|c| c.tls.as_ref())
                .is_some_and(|tls| tls.other.is_some());
        if !is_local {
            self.release(session, 0);
        }
    }

    /// Records what a session holds back, but for the first `told` exchanges.
    pub(super) fn release(&mut self, session: ConnectionId, told: u64) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let is_known = connection.session.as_ref().is_some_and(|session| session.by.is_some());
        let Some(work) = &mut connection.work else { return };
        let Some(held) = work.held.take() else { return };
        self.ledger.waiting.remove(&session);
        if !is_known && !held.is_empty() {
            self.counters.add(Counter::SessionUnattributed);
        }
        let Pipeline { reader, recorder, counters, calls, .. } = self;
        let before = *calls;
        for exchange in held.into_iter().skip(usize::try_from(told).unwrap_or(usize::MAX)) {
            record(exchange, &work.parties, reader, recorder, counters, calls);
        }
        connection.calls += *calls - before;
    }

    /// Records what sessions have held back for too long.
    pub(super) fn release_late(&mut self) {
        let now = self.now;
        let late = |id: &ConnectionId| {
            let session = self.connections.get(id).and_then(|connection| connection.session.as_ref());
            session.is_none_or(|session| now.since(session.since) > TLS_HELD_NS)
        };
        let late: Vec<ConnectionId> = self.ledger.waiting.iter().copied().filter(late).collect();
        for id in late {
            self.ledger.waiting.remove(&id);
            self.release(id, 0);
        }
    }

    /// A socket with TLS or a session ended.
    pub(super) fn end_tls(
        &mut self,
        id: ConnectionId,
        connection: Connection,
        bytes: u64,
        why: Option<&'static str>,
    ) {
        self.ledger.waiting.remove(&id);
        if let Some(session) = &connection.session {
            if connection.mirror.is_none() {
                self.end_session(session, &connection, bytes);
            }
            return;
        }
        if connection.mirror.is_some() {
            return;
        }
        let Some(tls) = connection.tls else { return };
        let mut said = tls.said();
        said.reading = match tls.read {
            Some(verdict) => Reading::Read(verdict),
            None => Reading::Unread(why.unwrap_or(unread::SWITCHED_OFF).into()),
        };
        if tls.read == Some(Verdict::Http2) {
            said.alpn = tls::Alpn::Http2.name().into();
        }
        said.server_name = self.ledger.name(&connection.workload, connection.port, said.server_name);
        let (workload, port) = (connection.workload, connection.port);
        let key = CoverageKey { workload, port, verdict: Verdict::Tls, tls: said };
        let (plaintext_bytes, lost_bytes) = (tls.plaintext_bytes, tls.missing);
        let stats = CoverageStats { connections: 1, bytes, plaintext_bytes, lost_bytes };
        self.recorder.coverage(&key, stats);
        if self.ledger.ended.len() >= TLS_ENDED_MAX {
            self.ledger.ended.pop_front();
        }
        self.ledger.ended.push_back((id, key));
    }

    fn end_session(&mut self, session: &Carried, connection: &Connection, plaintext_bytes: u64) {
        let missing = connection.missing;
        let Some(carrier) = session.by else {
            let mut key = CoverageKey::plain(connection.workload.clone(), connection.port, Verdict::Tls);
            key.tls.reading = Reading::Unattributed;
            let stats =
                CoverageStats { connections: 1, plaintext_bytes, lost_bytes: missing, ..Default::default() };
            self.recorder.coverage(&key, stats);
            return;
        };
        let kept = self.kept(carrier);
        if let Some(tls) = self.connections.get_mut(&kept).and_then(|kept| kept.tls.as_mut()) {
            tls.plaintext_bytes += plaintext_bytes;
            tls.missing += missing;
        } else if let Some((_, key)) = self.ledger.ended.iter().rev().find(|(id, _)| *id == kept) {
            let stats = CoverageStats { plaintext_bytes, lost_bytes: missing, ..Default::default() };
            self.recorder.coverage(key, stats);
        }
    }
}
