//! Which connection carries which session of TLS, and what the ledger says of both. A connection is one
//! entry, made when it ends: until then a session may be found in it. Sessions are no connections; they say
//! what was read of the one that carries them.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Connection, Pipeline, record};
use crate::counter::Counter;
use crate::flow::{ConnectionId, FourTuple, Peer, Timestamp, Transport, Verdict, Workload, unread};
use crate::inventory::{CoverageKey, CoverageStats, Reading, TlsCoverage};
use crate::limits::{PAIRS_AHEAD_MAX, SERVER_NAMES_MAX, TLS_ENDED_MAX, TLS_HELD_NS};
use crate::protocol::tls;
use crate::source::Segment;

/// Bytes of one direction in which its hello is looked for.
const HELLO_BYTES: usize = schema::limits::HELLO_BYTES as usize;

/// Kind of a record of TLS that holds a hello (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// Stands for all names of servers past [`SERVER_NAMES_MAX`].
const MORE_NAMES: &str = "(more names)";

/// A socket with TLS.
#[derive(Default)]
pub(super) struct Carrier {
    /// First bytes of each direction, until what they say is known.
    hellos: [First; 2],
    /// What the other end of it on this host runs.
    pub(super) other: Option<Arc<Workload>>,
    said: Said,
}

/// The beginning of one direction.
enum First {
    Bytes(Vec<u8>),
    Known(Option<Box<tls::Hello>>),
}

impl First {
    fn hello(&self) -> Option<tls::Hello> {
        match self {
            First::Bytes(bytes) => tls::read(bytes),
            First::Known(hello) => hello.as_deref().cloned(),
        }
    }
}

impl Default for First {
    fn default() -> Self {
        First::Bytes(Vec::new())
    }
}

/// What sessions said of the connection that carries them.
#[derive(Clone, Copy, Default)]
struct Said {
    /// What they carry: of several the one that says most.
    read: Option<Verdict>,
    /// Plaintext of those that ended before it.
    plaintext_bytes: u64,
    missing: u64,
    /// Calls told of by sessions of the end that counts, and of the other.
    calls: [u64; 2],
}

impl Said {
    fn merge(&mut self, other: Said) {
        self.read = [self.read, other.read].into_iter().flatten().min();
        self.plaintext_bytes += other.plaintext_bytes;
        self.missing += other.missing;
        self.calls[0] += other.calls[0];
        self.calls[1] += other.calls[1];
    }
}

/// What is left of a socket with TLS that ended.
enum Ended {
    /// Its row.
    Row(CoverageKey),
    /// The end that counts.
    Mirror(ConnectionId),
}

/// A session of TLS.
pub(super) struct Carried {
    by: Option<ConnectionId>,
    since: Timestamp,
}

/// What the ledger must remember beside the connections that are open.
#[derive(Default)]
pub(super) struct Ledger {
    /// Sessions of which the connection is not known yet.
    waiting: HashSet<ConnectionId>,
    /// Connections that ended not long ago.
    ended: VecDeque<(ConnectionId, Ended)>,
    /// What the other end said of connections that are not open yet.
    ahead: HashMap<ConnectionId, Said>,
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
    pub(super) fn new(since: Timestamp) -> Self {
        Carried { by: None, since }
    }
}

impl Carrier {
    /// Takes bytes of a hello, as far as they come in order. They are kept until it is whole.
    pub(super) fn hello(&mut self, segment: &Segment<'_>) {
        let first = &mut self.hellos[segment.direction.index()];
        let First::Bytes(bytes) = first else { return };
        if segment.position != bytes.len() as u64 {
            return;
        }
        let room = HELLO_BYTES.saturating_sub(bytes.len()).min(segment.bytes.len());
        bytes.extend_from_slice(&segment.bytes[..room]);
        let hello = tls::read(bytes);
        let is_whole = hello.as_ref().is_some_and(|hello| hello.whole);
        let is_none = bytes.first().is_some_and(|kind| *kind != HANDSHAKE);
        if is_whole || is_none || bytes.len() >= HELLO_BYTES {
            *first = First::Known(hello.map(Box::new));
        }
    }

    /// How what is inside was carried; of the protocols only the one that both agreed on.
    fn transport(&self, inside: Option<Verdict>) -> Transport {
        let hellos = self.hellos.each_ref().map(First::hello);
        let chosen = hellos.iter().flatten().find(|hello| !hello.is_client);
        let agreed = chosen.and_then(|hello| hello.alpn.first().copied());
        Transport::Tls {
            version: chosen.and_then(|hello| hello.version),
            alpn: agreed.or((inside == Some(Verdict::Http2)).then_some(tls::Alpn::Http2)),
        }
    }

    /// What the hellos say: facts, and whether the owner of the socket serves.
    fn facts(&self) -> (TlsCoverage, Option<bool>) {
        let mut facts = TlsCoverage::default();
        let hellos = self.hellos.each_ref().map(First::hello);
        let [inbound, outbound] = hellos.each_ref().map(|hello| hello.as_ref().map(|hello| hello.is_client));
        let serves = inbound.or(outbound.map(|is_client| !is_client));
        let [offered, chosen] =
            [true, false].map(|is_client| hellos.iter().flatten().find(|hello| hello.is_client == is_client));
        let version = chosen.and_then(|hello| hello.version);
        let version = version.or(offered.and_then(|hello| hello.version));
        facts.version = version.map_or("", tls::Version::name).into();
        let agreed = chosen.map(|hello| &hello.alpn).filter(|alpn| !alpn.is_empty());
        if let Some(alpn) = agreed.or(offered.map(|hello| &hello.alpn)) {
            // Not in the client's order, which would make many rows of few facts.
            let mut alpn = alpn.clone();
            alpn.sort_unstable();
            facts.alpn = alpn.iter().map(|alpn| alpn.name()).collect::<Vec<_>>().join(",").into();
        }
        if let Some(name) = offered.and_then(|hello| hello.server_name.as_deref()) {
            facts.server_name = name.into();
        }
        (facts, serves)
    }
}

impl Pipeline {
    /// The end of a connection that counts.
    fn kept(&self, id: ConnectionId) -> ConnectionId {
        if let Some(connection) = self.connections.get(&id) {
            return connection.mirror.unwrap_or(id);
        }
        let ended = self.ledger.ended.iter().rev().find(|(ended, _)| *ended == id);
        match ended {
            Some((_, Ended::Mirror(kept))) => *kept,
            _ => id,
        }
    }

    /// What is said of a connection that counts, while it is open.
    fn said(&mut self, kept: ConnectionId) -> Option<&mut Said> {
        let connection = self.connections.get_mut(&kept)?;
        connection.tls.as_mut().map(|tls| &mut tls.said)
    }

    /// A session told of calls.
    pub(super) fn told(&mut self, session: ConnectionId, calls: u64) {
        let connection = self.connections.get(&session);
        let Some(carrier) = connection.and_then(|c| c.session.as_ref()).and_then(|s| s.by) else { return };
        let kept = self.kept(carrier);
        if let Some(said) = self.said(kept) {
            said.calls[usize::from(kept != carrier)] += calls;
        }
    }

    /// How many calls of its connection the other end told of.
    pub(super) fn told_by_other(&self, connection: &Connection) -> usize {
        let Some(carrier) = connection.session.as_ref().and_then(|session| session.by) else { return 0 };
        let kept = self.kept(carrier);
        let tls = self.connections.get(&kept).and_then(|kept| kept.tls.as_ref());
        let calls = tls.map_or(0, |tls| tls.said.calls[usize::from(kept == carrier)]);
        usize::try_from(calls).unwrap_or(usize::MAX)
    }

    /// Two sockets with TLS are the ends of one connection: what was said of one is said of the other.
    pub(super) fn move_to_kept(&mut self, kept: ConnectionId, mirrored: ConnectionId) {
        let Some(said) = self.said(mirrored).map(std::mem::take) else { return };
        // Of the mirrored end, now that it is known to be that.
        let said = Said { calls: [0, said.calls[0]], ..said };
        if let Some(of_kept) = self.said(kept) {
            of_kept.merge(said);
        } else if self.ledger.ahead.len() < PAIRS_AHEAD_MAX {
            self.ledger.ahead.insert(kept, said);
        }
    }

    /// A socket with TLS opened, of which something may have been said already.
    pub(super) fn opened_late(&mut self, id: ConnectionId) {
        if let Some(ahead) = self.ledger.ahead.remove(&id)
            && let Some(said) = self.said(id)
        {
            said.merge(ahead);
        }
    }

    /// A session is carried by a connection; `tuple` where its parties are still to be told.
    pub(super) fn carried(&mut self, session: ConnectionId, carrier: ConnectionId, tuple: Option<FourTuple>) {
        let kept = self.kept(carrier);
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let Some(carried) = &mut connection.session else { return };
        carried.by = Some(carrier);
        let verdict = connection.verdict;
        // The other end of the connection, if it is on this host.
        let other = if kept == carrier {
            self.connections.get(&kept).and_then(|kept| kept.tls.as_ref()).and_then(|tls| tls.other.clone())
        } else {
            self.connections.get(&kept).map(|kept| kept.workload.clone())
        };
        if let Some(said) = self.said(kept) {
            said.merge(Said { read: verdict, ..Said::default() });
        }
        let hellos = self.connections.get(&kept).or(self.connections.get(&carrier));
        let transport = hellos.and_then(|carrier| carrier.tls.as_ref()).map(|tls| tls.transport(verdict));
        let Some(connection) = self.connections.get_mut(&session) else { return };
        if let Some(tuple) = tuple {
            connection.port = tuple.local.port().min(tuple.remote.port());
        }
        let Some(work) = &mut connection.work else { return };
        let parties = &mut work.parties;
        parties.transport = transport.unwrap_or(Transport::TLS);
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
        let by_other = self.connections.get(&session).map_or(0, |connection| self.told_by_other(connection));
        let told = usize::try_from(told).unwrap_or(usize::MAX).max(by_other);
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
        for exchange in held.into_iter().skip(told) {
            record(exchange, &work.parties, reader, recorder, counters, calls);
        }
        let told = *calls - before;
        connection.calls += told;
        self.told(session, told);
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
        let ended = match (connection.mirror, connection.tls) {
            (Some(kept), _) => Ended::Mirror(kept),
            (None, Some(tls)) => {
                let (mut facts, serves) = tls.facts();
                let port = match serves {
                    Some(serves) => connection.ports[usize::from(!serves)],
                    None => connection.port,
                };
                facts.reading = match tls.said.read {
                    Some(verdict) => Reading::Read(verdict),
                    None => Reading::Unread(why.unwrap_or(unread::STILL_OPEN).into()),
                };
                if tls.said.read == Some(Verdict::Http2) {
                    facts.alpn = tls::Alpn::Http2.name().into();
                }
                let workload = connection.workload;
                facts.server_name = self.ledger.name(&workload, port, facts.server_name);
                let key = CoverageKey { workload, port, verdict: Verdict::Tls, tls: facts };
                let Said { plaintext_bytes, missing: lost_bytes, .. } = tls.said;
                let stats = CoverageStats { connections: 1, bytes, plaintext_bytes, lost_bytes };
                self.recorder.coverage(&key, stats);
                Ended::Row(key)
            }
            (None, None) => return,
        };
        if self.ledger.ended.len() >= TLS_ENDED_MAX {
            self.ledger.ended.pop_front();
        }
        self.ledger.ended.push_back((id, ended));
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
        if let Some(said) = self.said(kept) {
            said.merge(Said { plaintext_bytes, missing, ..Said::default() });
            return;
        }
        let row = self.ledger.ended.iter().rev().find_map(|(id, ended)| match ended {
            Ended::Row(key) if *id == kept => Some(key),
            _ => None,
        });
        if let Some(key) = row {
            let stats = CoverageStats { plaintext_bytes, lost_bytes: missing, ..Default::default() };
            self.recorder.coverage(key, stats);
        }
    }
}
