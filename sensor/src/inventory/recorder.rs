//! Calls in, the change since the last flush out. Made for the steady state: a call to a known
//! endpoint with a known set of fields is a few look-ups and sums; names and maps are only built
//! when the change is taken. Bounded: what is over a bound is counted, and stays visible.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hashbrown::{HashMap, HashTable};
use smallvec::SmallVec;

use super::budget::{Application, Budget};
use super::learner::Learner;
use super::{
    Answered, CallerKey, CallerStats, ClassKey, ClassStats, CoverageKey, CoverageStats, EndpointKey,
    EndpointStats, FieldKey, FieldStats, Histogram, Inventory, Messages, Page, Principals, Seen, SignStats,
    SmallMap, Values, merge_values,
};
use crate::call::hash::Seed;
use crate::call::{
    Call, CallClass, Credential, DataClass, FieldId, FieldNames, FieldSeen, Method, Path, Reader, Segment,
    SegmentKind, Sign, ValueSeen,
};
use crate::counter::{Counter, Counters};
use crate::flow::{Peer, Timestamp, Transport};
use crate::limits::{
    CALLERS_PER_ENDPOINT_MAX, CALLERS_PER_NOISE_ROW_MAX, COVERAGE_MAX, ENDPOINTS_MAX,
    SERVERS_PER_ENDPOINT_MAX,
};

/// Sets of fields kept apart per endpoint before they are added up field by field.
const SHAPES_MAX: usize = 8;

/// Calls after which the sums of a set are added up: each is at most the bytes of a body.
const SHAPE_CALLS_MAX: u64 = 2048;

/// Path word of the row that counts, per service and class, the calls over the bound of rows; also the
/// name of the service that counts the calls over the bound of services. No `Host` reads like it.
pub const OVER_BUDGET: &str = "{over-budget}";

/// Records calls of one thread.
pub struct Recorder {
    seed: Seed,
    endpoints: HashTable<Box<Entry>>,
    /// Those of them that are endpoints; the others are bounded by their budget.
    found: usize,
    budget: Budget,
    learner: Learner,
    rest: Inventory,
}

struct Entry {
    hash: u64,
    key: EndpointKey,
    calls: u64,
    seen: Seen,
    latency: Histogram,
    request_bytes: u64,
    response_bytes: u64,
    statuses: SmallVec<[(u16, u64); 4]>,
    rpc_statuses: SmallVec<[(u16, u64); 2]>,
    messages: Messages,
    /// As many as there are; most endpoints have one.
    transports: SmallVec<[(Transport, u64); 1]>,
    request_types: SmallVec<[(&'static str, u64); 2]>,
    response_types: SmallVec<[(&'static str, u64); 2]>,
    contents: SmallVec<[((u16, &'static str), u64); 2]>,
    /// Most recently used first.
    shapes: Vec<Shape>,
    /// Fields of sets that had to leave `shapes`.
    fields: HashMap<u32, FieldStats, BuildSeed>,
    /// At most as many as the reader watches.
    values: Vec<ValueSeen>,
    callers: HashTable<Caller>,
    servers: HashTable<(Arc<Peer>, u64)>,
    answered: Answered,
    page: Page,
    /// As many as there are.
    signs: SmallVec<[(Sign, SignStats); 2]>,
    /// Bounded by the fields of an endpoint, each of a few classes.
    classes: Vec<((FieldId, DataClass), ClassStats)>,
}

/// Calls that had the same set of fields.
struct Shape {
    calls: u64,
    seen: Seen,
    /// Sums; of so few calls that they fit, see [`SHAPE_CALLS_MAX`].
    fields: Vec<FieldSeen>,
}

/// The sums of one field over the calls of a [`Shape`].
fn stats(sum: &FieldSeen, calls: u64, seen: Seen) -> FieldStats {
    let [present, objects] = [sum.present, sum.objects].map(u64::from);
    FieldStats { calls, facts: sum.facts, present, objects, held: 0, seen }
}

struct Caller {
    peer: Arc<Peer>,
    credential: Credential,
    stats: CallerStats,
}

/// Makes hashers of a [`Seed`].
#[derive(Clone, Copy)]
struct BuildSeed(Seed);

struct SeedHasher(Seed, u64);

impl std::hash::BuildHasher for BuildSeed {
    type Hasher = SeedHasher;

    fn build_hasher(&self) -> SeedHasher {
        SeedHasher(self.0, 0)
    }
}

impl std::hash::Hasher for SeedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.1 = self.0.bytes(self.1, bytes);
    }

    fn write_u32(&mut self, number: u32) {
        self.1 = self.0.number(self.1, u64::from(number));
    }

    fn finish(&self) -> u64 {
        self.1
    }
}

impl Recorder {
    /// An empty recorder; `key` is the installation's own and seeds its tables.
    pub fn new(key: [u8; 16]) -> Recorder {
        let seed = Seed::new(key);
        Recorder {
            seed,
            endpoints: HashTable::new(),
            found: 0,
            budget: Budget::new(seed),
            learner: Learner::default(),
            rest: Inventory::default(),
        }
    }

    /// Adds one call.
    pub fn record(&mut self, call: &Call, counters: &mut Counters) {
        let seed = self.seed;
        let hash = endpoint_hash(seed, &call.service, call.method, &call.path, call.class);
        let same = |e: &Entry| {
            e.key.method.0 == call.method.0
                && e.key.class == call.class
                && *e.key.service == *call.service
                && e.key.path == call.path
        };
        if let Some(entry) = self.endpoints.find_mut(hash, |e| same(e)) {
            entry.record(seed, call, counters);
            return;
        }
        let (hash, key) = self.place(call, counters);
        if let Some(entry) = self.endpoints.find_mut(hash, |e| e.key == key) {
            entry.record(seed, call, counters);
            return;
        }
        self.entry(hash, key).record(seed, call, counters);
    }

    /// Where a call is counted whose endpoint has no changes in memory: there if the bounds allow it,
    /// else with its hidden words as values, else under its service and class only, else under that of
    /// all services that are too many.
    fn place(&mut self, call: &Call, counters: &mut Counters) -> (u64, EndpointKey) {
        let own = EndpointKey {
            service: call.service.clone(),
            method: call.method,
            path: call.path.clone(),
            class: call.class,
        };
        let admitted = self.budget.admits_service(&call.service, call.class);
        if admitted && let Some(hash) = self.admits(&own, call, false) {
            return (hash, own);
        }
        counters.add(match (admitted, call.class) {
            (false, _) => Counter::ServicesFull,
            (true, CallClass::Found) => Counter::EndpointsFull,
            (true, _) => Counter::NoiseFull,
        });
        let mut values = own.clone();
        for segment in &mut values.path {
            if let Segment::Hidden(_) = segment {
                *segment = Segment::Parameter(SegmentKind::Text);
            }
        }
        if admitted
            && values != own
            && let Some(hash) = self.admits(&values, call, true)
        {
            return (hash, values);
        }
        let service = if admitted { own.service } else { OVER_BUDGET.into() };
        let path: Path = [Segment::Word(OVER_BUDGET.into())].into_iter().collect();
        let over = EndpointKey { service, method: Method::OTHER, path, class: call.class };
        let hash = self.hash(&over);
        // As many as services and classes.
        self.budget.note(hash);
        (hash, over)
    }

    /// Hash of a row of an admitted service if it may be recorded.
    fn admits(&mut self, key: &EndpointKey, call: &Call, is_coarse: bool) -> Option<u64> {
        let hash = self.hash(key);
        let is_found = key.class == CallClass::Found;
        if is_found && self.found >= ENDPOINTS_MAX {
            return None;
        }
        let row = Application { hash, service: &key.service, class: key.class, page: call.page, is_coarse };
        if self.budget.admits(&row) {
            return Some(hash);
        }
        // What an endpoint misses is part of it, however many others are guessed at: there are no more
        // such rows than endpoints.
        let found = EndpointKey { class: CallClass::Found, ..key.clone() };
        if !is_found && self.budget.knows(self.hash(&found)) {
            self.budget.note(hash);
            return Some(hash);
        }
        None
    }

    fn hash(&self, key: &EndpointKey) -> u64 {
        endpoint_hash(self.seed, &key.service, key.method, &key.path, key.class)
    }

    fn entry(&mut self, hash: u64, key: EndpointKey) -> &mut Entry {
        self.found += usize::from(key.class == CallClass::Found);
        let entry = Box::new(Entry::new(hash, key, self.seed));
        self.endpoints.insert_unique(hash, entry, |entry| entry.hash).into_mut()
    }

    /// Adds to the ledger of connections.
    pub fn coverage(&mut self, key: &CoverageKey, more: CoverageStats) {
        let full = self.rest.coverage.len() >= COVERAGE_MAX;
        match self.rest.coverage.get_mut(key) {
            Some(sum) => sum.merge(more),
            None if full => self.loss(Counter::CoverageFull.name(), 1),
            None => drop(self.rest.coverage.insert(key.clone(), more)),
        }
    }

    /// Adds to a named loss (a counter's name); `count` is what was lost since the last time.
    pub fn loss(&mut self, name: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.rest.losses.get_mut(name) {
            Some(sum) => *sum = sum.saturating_add(count),
            None => drop(self.rest.losses.insert(name.into(), count)),
        }
    }

    /// Rows met in this run: endpoints, and what is counted beside them.
    pub fn endpoints(&self) -> usize {
        self.budget.rows()
    }

    /// The change since the last time, with the words that are shown by now to be route words; `reader` is
    /// the one that made the calls.
    pub fn take(&mut self, reader: &Reader) -> Inventory {
        self.change(reader, false)
    }

    /// As [`Recorder::take`], at the end: all words that can be shown are.
    pub fn finish(&mut self, reader: &Reader) -> Inventory {
        self.change(reader, true)
    }

    fn change(&mut self, reader: &Reader, last: bool) -> Inventory {
        let mut inventory = std::mem::take(&mut self.rest);
        self.found = 0;
        for entry in self.endpoints.drain() {
            let (key, stats) = entry.expand(reader.names());
            self.learner.observe(&key, &stats);
            inventory.endpoints.insert(key, stats);
        }
        let words = self.learner.route_words(last);
        if !words.is_empty() {
            inventory.words = reader.texts(&words);
        }
        inventory
    }
}

fn endpoint_hash(seed: Seed, service: &str, method: Method, path: &Path, class: CallClass) -> u64 {
    let mut hash = seed.bytes(seed.bytes(class as u64, service.as_bytes()), method.0.as_bytes());
    for segment in path {
        hash = match segment {
            Segment::Word(word) => seed.bytes(hash, word.as_bytes()),
            Segment::Name(name) => seed.bytes(!hash, name.as_bytes()),
            Segment::Hidden(hidden) => seed.number(hash, *hidden),
            // No hidden word has the hash of a shape.
            Segment::Parameter(kind) => seed.number(!hash, *kind as u64),
            Segment::File(kind, extension) => {
                seed.number(!hash, (*kind as u64) << 8 | *extension as u64 | 1 << 16)
            }
        };
    }
    hash
}

/// Hash of what makes a caller one: the workload if it is known, else the address.
fn peer_hash(seed: Seed, peer: &Peer) -> u64 {
    match (&peer.workload, peer.address) {
        (Some(workload), _) => seed.bytes(1, workload.program.as_bytes()),
        (None, IpAddr::V4(address)) => seed.bytes(4, &address.octets()),
        (None, IpAddr::V6(address)) => seed.bytes(6, &address.octets()),
    }
}

fn is_same_caller(one: &Peer, other: &Peer) -> bool {
    match (&one.workload, &other.workload) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.address == other.address,
        _ => false,
    }
}

/// A caller's name: a workload is listed once, whatever its address, so its address is left out
/// (`0.0.0.0`); an address that is IPv4 in IPv6 clothing is listed as IPv4.
fn caller_peer(peer: &Peer) -> Peer {
    match &peer.workload {
        Some(workload) => {
            Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), workload: Some(workload.clone()) }
        }
        None => Peer { address: peer.address.to_canonical(), workload: None },
    }
}

fn count<K: PartialEq, const N: usize>(counts: &mut SmallVec<[(K, u64); N]>, key: K)
where
    [(K, u64); N]: smallvec::Array<Item = (K, u64)>,
{
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => counts.push((key, 1)),
    }
}

impl Entry {
    fn new(hash: u64, key: EndpointKey, seed: Seed) -> Entry {
        Entry {
            hash,
            key,
            calls: 0,
            seen: Seen::default(),
            latency: Histogram::default(),
            request_bytes: 0,
            response_bytes: 0,
            statuses: SmallVec::new(),
            rpc_statuses: SmallVec::new(),
            messages: Messages::default(),
            transports: SmallVec::new(),
            request_types: SmallVec::new(),
            response_types: SmallVec::new(),
            contents: SmallVec::new(),
            shapes: Vec::new(),
            fields: HashMap::with_hasher(BuildSeed(seed)),
            values: Vec::new(),
            callers: HashTable::new(),
            servers: HashTable::new(),
            answered: Answered::default(),
            page: Page::None,
            signs: SmallVec::new(),
            classes: Vec::new(),
        }
    }

    fn record(&mut self, seed: Seed, call: &Call, counters: &mut Counters) {
        self.seen.record(call.at);
        self.messages.merge(Messages { sums: call.messages, most: call.messages });
        if call.follows {
            // The call was counted when it began; here is what came since.
            self.request_bytes = self.request_bytes.saturating_add(call.request_bytes);
            self.response_bytes = self.response_bytes.saturating_add(call.response_bytes);
            return self.record_fields(call);
        }
        self.calls += 1;
        if let Some(latency_ns) = call.latency_ns {
            self.latency.record(latency_ns);
        }
        self.request_bytes = self.request_bytes.saturating_add(call.request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(call.response_bytes);
        // At most 1,000 statuses and the closed list of types: bounded by what they are.
        count(&mut self.statuses, call.status.unwrap_or(0));
        count(&mut self.transports, call.transport);
        if let Some(status) = call.rpc_status {
            count(&mut self.rpc_statuses, status);
        }
        if let Some(media) = call.request_type {
            count(&mut self.request_types, media);
        }
        if let Some(media) = call.response_type {
            count(&mut self.response_types, media);
            count(&mut self.contents, (call.status.unwrap_or(0), media));
        }
        if call.outcome.is_some_and(|status| status < 400) {
            let seen = Seen { first: call.at, last: call.at };
            self.answered.merge(Answered { seen, callers: call.caller_bit, paths: call.path_bit });
        }
        if let Some(page) = call.page {
            self.page = self.page.merge(Page::One(page));
        }
        self.record_fields(call);
        let seen = Seen { first: call.at, last: call.at };
        for sign in call.signs.iter() {
            match self.signs.iter_mut().find(|(known, _)| *known == sign) {
                Some((_, sum)) => {
                    sum.calls += 1;
                    sum.seen.merge(seen);
                }
                None => self.signs.push((sign, SignStats { calls: 1, seen })),
            }
        }
        self.record_caller(seed, call, counters);
        self.record_server(seed, &call.server, counters);
    }

    fn record_fields(&mut self, call: &Call) {
        // A missed call may turn out to be one of an endpoint; the rest has no fields.
        if matches!(self.key.class, CallClass::Found | CallClass::Missed) {
            self.record_shape(&call.fields, call.at);
            for claim in &call.claims {
                let present = u64::from(claim.count);
                // What was held back came in earlier calls, of which no time is known.
                let (facts, held) = (claim.facts, claim.count);
                let more = FieldStats { facts, present, held, ..FieldStats::default() };
                self.fields.entry(claim.field.0).or_default().merge(more);
            }
            self.values.extend(call.values.iter().cloned());
            self.record_classes(call);
        }
    }

    fn record_classes(&mut self, call: &Call) {
        let seen = Seen { first: call.at, last: call.at };
        for more in &call.classes {
            let key = (more.field, more.class);
            let values = u64::from(more.values);
            // Sorted: an answer of many fields may have many.
            match self.classes.binary_search_by_key(&key, |(key, _)| *key) {
                Ok(at) => {
                    let sum = &mut self.classes[at].1;
                    sum.values = sum.values.saturating_add(values);
                    sum.seen.merge(seen);
                }
                Err(at) => self.classes.insert(at, (key, ClassStats { values, seen })),
            }
        }
    }

    fn record_shape(&mut self, fields: &[FieldSeen], now: Timestamp) {
        let same = |shape: &Shape| {
            shape.fields.len() == fields.len()
                && shape.fields.iter().zip(fields).all(|(one, other)| one.field == other.field)
        };
        let known = self.shapes.iter().position(same);
        if let Some(at) = known.filter(|&at| self.shapes[at].calls < SHAPE_CALLS_MAX) {
            self.shapes[..=at].rotate_right(1);
            let shape = &mut self.shapes[0];
            shape.calls += 1;
            shape.seen.record(now);
            for (sum, more) in shape.fields.iter_mut().zip(fields) {
                sum.facts |= more.facts;
                sum.present += more.present;
                sum.objects += more.objects;
            }
            return;
        }
        let oldest = (self.shapes.len() == SHAPES_MAX).then_some(SHAPES_MAX - 1);
        if let Some(at) = known.or(oldest) {
            let shape = self.shapes.remove(at);
            self.add_up(shape);
        }
        let seen = Seen { first: now, last: now };
        self.shapes.insert(0, Shape { calls: 1, seen, fields: fields.to_vec() });
    }

    fn add_up(&mut self, shape: Shape) {
        for sum in shape.fields {
            self.fields.entry(sum.field.0).or_default().merge(stats(&sum, shape.calls, shape.seen));
        }
    }

    fn record_caller(&mut self, seed: Seed, call: &Call, counters: &mut Counters) {
        let hash = seed.number(peer_hash(seed, &call.caller), call.credential as u64);
        let same = |caller: &Caller| {
            caller.credential == call.credential
                && (Arc::ptr_eq(&caller.peer, &call.caller) || is_same_caller(&caller.peer, &call.caller))
        };
        let refused = u64::from(call.outcome.is_some_and(|status| status >= 400));
        let seen = Seen { first: call.at, last: call.at };
        let is = |statuses: &[u16]| call.outcome.is_some_and(|status| statuses.contains(&status));
        let one = CallerStats {
            calls: 1,
            refused,
            granted: u64::from(matches!(call.outcome, Some(200..300))),
            denied: u64::from(is(&[401, 403])),
            encrypted: u64::from(!call.transport.is_clear()),
            seen,
            paths: call.path_bit,
            principals: Principals::one(call.principal),
        };
        let callers_max = match self.key.class {
            CallClass::Found => CALLERS_PER_ENDPOINT_MAX,
            _ => CALLERS_PER_NOISE_ROW_MAX,
        };
        if let Some(known) = self.callers.find_mut(hash, same) {
            known.stats.merge(one);
        } else if self.callers.len() < callers_max {
            let caller = Caller { peer: call.caller.clone(), credential: call.credential, stats: one };
            self.callers.insert_unique(hash, caller, |caller| {
                seed.number(peer_hash(seed, &caller.peer), caller.credential as u64)
            });
        } else {
            counters.add(Counter::CallersFull);
        }
    }

    fn record_server(&mut self, seed: Seed, server: &Arc<Peer>, counters: &mut Counters) {
        let hash = peer_hash(seed, server);
        let same = |known: &(Arc<Peer>, u64)| Arc::ptr_eq(&known.0, server) || *known.0 == **server;
        if let Some((_, calls)) = self.servers.find_mut(hash, same) {
            *calls += 1;
        } else if self.servers.len() < SERVERS_PER_ENDPOINT_MAX {
            self.servers.insert_unique(hash, (server.clone(), 1), |(peer, _)| peer_hash(seed, peer));
        } else {
            counters.add(Counter::ServersFull);
        }
    }

    fn expand(mut self, names: &FieldNames) -> (EndpointKey, EndpointStats) {
        let named = |field: FieldId, stats: FieldStats| {
            (FieldKey { place: names.place(field), name: names.name(field).clone() }, stats)
        };
        let mut shapes = std::mem::take(&mut self.shapes);
        let fields = match (shapes.pop(), self.fields.is_empty()) {
            // Most often there is one set of fields, and nothing to add up.
            (Some(Shape { calls, seen, fields }), true) if shapes.is_empty() => {
                fields.iter().map(|sum| named(sum.field, stats(sum, calls, seen))).collect()
            }
            (last, _) => {
                shapes.into_iter().chain(last).for_each(|shape| self.add_up(shape));
                self.fields.drain().map(|(field, stats)| named(FieldId(field), stats)).collect()
            }
        };
        // Those that come to one name are added up.
        let callers = self.callers.into_iter().map(|Caller { peer, credential, stats }| {
            (CallerKey { peer: caller_peer(&peer), credential }, stats)
        });
        let servers = self.servers.into_iter().map(|(peer, calls)| {
            (Peer { address: peer.address.to_canonical(), workload: peer.workload.clone() }, calls)
        });
        let typed = |counts: SmallVec<[(&'static str, u64); 2]>| {
            counts.into_iter().map(|(media, calls)| (Arc::from(media), calls)).collect()
        };
        let values = self.values.into_iter().map(|ValueSeen { field, hash, word }| {
            let key = FieldKey { place: names.place(field), name: names.name(field).clone() };
            (key, Values::from([(hash, word)]))
        });
        let values = SmallMap::of(values, |sum, more| merge_values(sum, std::mem::take(more)));
        let classes = self.classes.into_iter().map(|((field, class), stats)| {
            let field = FieldKey { place: names.place(field), name: names.name(field).clone() };
            (ClassKey { field, class }, stats)
        });
        let mut stats = EndpointStats {
            calls: self.calls,
            seen: self.seen,
            statuses: self.statuses.into_iter().collect(),
            rpc_statuses: self.rpc_statuses.into_iter().collect(),
            messages: self.messages,
            transports: self.transports.into_iter().collect(),
            latency: self.latency,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            request_types: typed(self.request_types),
            response_types: typed(self.response_types),
            contents: self
                .contents
                .into_iter()
                .map(|((status, media), calls)| ((status, Arc::from(media)), calls))
                .collect(),
            fields,
            values,
            callers: SmallMap::of(callers, |sum: &mut CallerStats, more| sum.merge(std::mem::take(more))),
            servers: SmallMap::of(servers, |sum: &mut u64, more| *sum = sum.saturating_add(*more)),
            answered: self.answered,
            page: self.page,
            signs: self.signs.into_iter().collect(),
            classes: SmallMap::of(classes, |sum, more| {
                sum.values = sum.values.saturating_add(more.values);
                sum.seen.merge(more.seen);
            }),
        };
        stats.settle_values();
        (self.key, stats)
    }
}
