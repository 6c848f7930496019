//! One raw [`Exchange`] in, one [`Call`] out. The exchange is consumed: what this file does not put
//! into the call is gone. Keeps the names and words that it met, never a value.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashTable;

use super::classify::{self, Context};
use super::evidence::Spot;
use super::fields::{Fields, HEAD, NONE};
use super::hash::Seed;
use super::header::{Headers, Role};
use super::media::media_type;
use super::operation::{Name, Operation};
use super::segment::is_prefix;
use super::text::facts_of_text;
use super::words::{Position, Words};
use super::{
    Call, CallClass, Credential, DataClass, Descriptors, Facts, FieldNames, Method, Path, Place, RouteWords,
    Segment, SegmentKind, Sign, auth, body, class, form, mark, operation, risk, target,
};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Peer, Transport};
use crate::limits::PATH_SEGMENTS_MAX;
use crate::protocol::{Exchange, Head, Protocol, StartLine};

/// Path word of calls whose target is not known.
pub const UNKNOWN: &str = "{unknown}";

/// Authorities whose checked form is remembered.
const AUTHORITIES_REMEMBERED_MAX: usize = 4096;

/// Shortest value of a path that may be of a class, in bytes.
const SEGMENT_BYTES_MIN: usize = 9;

/// Both ends of a connection, as the owner of the observed socket sees them.
#[derive(Clone, Debug)]
pub struct Parties {
    /// The owner of the observed socket.
    pub local: Arc<Peer>,
    /// The other side.
    pub remote: Arc<Peer>,
    /// The owner's port.
    pub local_port: u16,
    /// The other side's port.
    pub remote_port: u16,
    /// What the connection puts around its bytes.
    pub transport: Transport,
}

/// Reads exchanges. One per thread of the pipeline; field numbers are only valid with its names.
pub struct Reader {
    key: [u8; 16],
    seed: Seed,
    fields: Fields,
    words: Words,
    headers: Headers,
    /// Away while an exchange is read.
    tokens: Option<Box<auth::Tokens>>,
    authorities: HashTable<(Box<[u8]>, Arc<str>)>,
    said: RouteWords,
    descriptors: Option<Arc<Descriptors>>,
    /// The last caller with its hash: calls of one connection come together.
    caller: Option<(Arc<Peer>, u64)>,
}

/// What was found in a head on the way through its fields.
#[derive(Default)]
struct Carried<'a> {
    host: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    allow_origin: Option<&'a [u8]>,
    allow_credentials: Option<&'a [u8]>,
}

impl Reader {
    /// A reader for one run; `key` is the installation's own and hides path words.
    pub fn new(key: [u8; 16]) -> Reader {
        let seed = Seed::new(key);
        let words = Words::new(key, seed);
        Reader {
            key,
            seed,
            fields: Fields::new(key, seed, words.dictionary.clone()),
            words,
            headers: Headers::new(seed),
            tokens: None,
            authorities: HashTable::new(),
            said: RouteWords::default(),
            descriptors: None,
            caller: None,
        }
    }

    /// Words that people said are of routes are kept in clear from now on, where they were said.
    pub fn know(&mut self, words: RouteWords) {
        self.said = words;
    }

    /// Messages of these methods are read by name and type from now on.
    pub fn describe(&mut self, descriptors: Arc<Descriptors>) {
        self.descriptors = Some(descriptors);
    }

    /// Names of the fields that calls refer to.
    pub fn names(&self) -> &FieldNames {
        &self.fields.names
    }

    /// Texts of path words that were shown to be route words, as far as they are still remembered.
    pub fn texts(&self, hidden: &[u64]) -> BTreeMap<u64, Arc<str>> {
        self.words.evidence.texts(hidden)
    }

    /// Drops every value of an exchange. `None` if it does not begin with a request.
    pub fn read(&mut self, exchange: Exchange, parties: &Parties, counters: &mut Counters) -> Option<Call> {
        // Empty, unless the last exchange ended in a panic that was caught.
        self.fields.take_classes();
        self.fields.take();
        self.fields.take_values();
        let Exchange { request, response, direction, follows, notes } = &exchange;
        let StartLine::Request { method, target: raw_target, .. } = &request.head.start else { return None };
        let method = Method::of_token(method.of(&request.head.bytes));
        let raw_target = raw_target.of(&request.head.bytes);
        // One that asks for a protocol has a path (RFC 8441 section 4).
        let connect = method.0 == "CONNECT" && !raw_target.starts_with(b"/");
        let target = target::parse(raw_target, connect);
        let (server, server_port, caller) = match direction {
            Direction::Inbound => (&parties.local, parties.local_port, &parties.remote),
            Direction::Outbound => (&parties.remote, parties.remote_port, &parties.local),
        };
        let status = response.as_ref().and_then(|response| match response.head.start {
            StartLine::Response { status, .. } => Some(status),
            StartLine::Request { .. } => None,
        });

        let caller_hash = self.caller_hash(caller);
        // Which endpoint is not known yet; headers are alike in all of one server.
        let port = self.seed.number(0, u64::from(server_port));
        self.fields.names.begin(self.address_hash(port, server.address), caller_hash);
        // Made at the start, and anew after a panic that was caught.
        let mut tokens =
            self.tokens.take().unwrap_or_else(|| Box::new(auth::Tokens::new(self.key, self.seed)));
        let mut evidence = auth::Evidence::new(&mut tokens, request.first_byte);
        let asked = self.head(&request.head, Some(&mut evidence), counters);
        evidence.path(target.path);
        let service = match target.authority {
            Some(authority) => self.authority(authority, target.default_port),
            None => asked.host.and_then(|host| self.authority(host, target.default_port)),
        };
        let service = service.unwrap_or_else(|| self.address(server, server_port));
        let at_service = self.seed.bytes(0, service.as_bytes());
        let path_bit = mark::path_bit(self.seed, at_service, target.path);
        // A message of a WebSocket, with the head of its handshake.
        let in_socket = notes.protocol == Protocol::WebSocket && !notes.upgraded && !follows;
        let request_type = if in_socket { Some(&b"application/json"[..]) } else { asked.content_type };
        let operation = operation::of(request, response.as_ref(), request_type, target.query);
        let operation = operation.unwrap_or_default();
        let outcome = operation.outcome.or(status);
        // An RPC that finds no such thing was found itself.
        let missed = match operation.rpc_status {
            Some(_) => operation.is_unknown.then_some(501),
            None if operation.is_unknown => Some(501),
            None => status,
        };
        // What is not there teaches nothing: scanners would fill all places.
        let teaches = missed.is_none_or(|status| !matches!(status, 404 | 405 | 410 | 501));
        let (mut path, pattern) = if notes.target_unknown {
            ([Segment::Word(UNKNOWN.into())].into_iter().collect(), at_service)
        } else {
            self.path(target.path, &service, at_service, teaches, &operation, counters)
        };
        self.fields.names.begin(pattern, caller_hash);
        // The inventory tells endpoints apart by the shapes of values and by hidden words too.
        let method_hash = self.seed.bytes(pattern, method.0.as_bytes());
        let endpoint = path.iter().fold(method_hash, |hash, segment| match segment {
            Segment::Word(_) | Segment::Name(_) => hash,
            Segment::Hidden(hidden) => self.seed.number(hash, *hidden),
            Segment::Parameter(kind) => self.seed.number(hash, *kind as u64),
            Segment::File(kind, extension) => {
                self.seed.number(hash, 1 << 16 | (*kind as u64) << 8 | *extension as u64)
            }
        });
        self.fields.names.set_kind(method_hash);
        self.fields.set_endpoint(endpoint, caller_hash);
        let (fields, words) = (&mut self.fields, &self.words.dictionary);
        form::pairs(target.query, Place::Query, words, fields, counters, |name, value, facts, counters| {
            evidence.query(name, value, facts, counters);
        });
        let mut authentication = evidence.finish();
        if notes.fields_unknown && authentication.credential == Credential::None {
            authentication.credential = Credential::Unknown;
        }
        self.tokens = Some(tokens);
        let descriptors = self.descriptors.clone();
        let typed = |response| {
            let path = std::str::from_utf8(target.path).ok().filter(|_| operation.is_path)?;
            descriptors.as_deref()?.of_method(path, response)
        };
        let mut unread = !body::read(
            request,
            asked.content_type,
            Place::RequestBody,
            typed(false),
            fields,
            words,
            counters,
        );
        let mut answered = Carried::default();
        if let Some(response) = response {
            answered = self.head(&response.head, None, counters);
            let place =
                if outcome.is_some_and(|s| s >= 400) { Place::ErrorBody } else { Place::ResponseBody };
            let (fields, words) = (&mut self.fields, &self.words.dictionary);
            unread |=
                !body::read(response, answered.content_type, place, typed(true), fields, words, counters);
        }
        let mut signs = authentication.signs(request.first_byte, outcome);
        let risks = self.fields.tally.risks;
        // What is told as a credential is not told again as data.
        let is_credential = risks.key_in_url || signs.contains(Sign::CredentialInUrl);
        let risky = [
            (Sign::CredentialInUrl, is_credential),
            (Sign::SensitiveInUrl, risks.in_url || (risks.token_in_url && !is_credential)),
            (Sign::ManyRecords, risks.many_records && matches!(status, Some(200..300))),
            (Sign::BodyUnread, unread),
            (
                Sign::VerboseError,
                status.is_some_and(|s| s >= 400)
                    && response.as_ref().is_some_and(|r| risk::is_verbose(&r.body)),
            ),
            (
                Sign::CorsAnyOriginWithCredentials,
                risk::lets_anyone_read(
                    asked.origin,
                    answered.allow_origin,
                    answered.allow_credentials,
                    &service,
                ),
            ),
        ];
        risky.into_iter().filter(|(_, is)| *is).for_each(|(sign, _)| signs.add(sign));
        let Parties { local, remote, transport, .. } = parties;
        let is_far = risk::is_between_hosts(local.address, remote.address, remote.workload.is_some());
        if is_far && transport.is_clear() {
            risk::in_clear(&mut signs, authentication.credential, risks.anywhere);
        }
        let typed = |carried: &Carried, body_bytes: u64| match carried.content_type {
            Some(value) if body_bytes > 0 => Some(media_type(value).0),
            _ => None,
        };
        let response_bytes = response.as_ref().map_or(0, |response| response.body_bytes);
        let response_type = typed(&answered, response_bytes);
        let class = class::class(&class::Traits {
            method,
            target: &target,
            status: if operation.rpc_status.is_some() { missed.or(Some(200)) } else { missed },
            response_type,
            user_agent: asked.user_agent,
            asks_for_origin: method.0 == "OPTIONS" && is_preflight(&request.head),
            credential: authentication.credential,
            request_bytes: request.body_bytes,
        });
        class::coarse(class, &mut path);
        let page = match response {
            Some(response) if class == CallClass::Found && matches!(status, Some(200..300)) => {
                mark::page(&self.key, self.seed, response)
            }
            _ => None,
        };
        let classes = self.fields.take_classes();
        let (fields, claims) = self.fields.take();
        let values = self.fields.take_values();
        Some(Call {
            at: request.first_byte,
            class,
            service,
            method,
            path,
            status,
            rpc_status: operation.rpc_status,
            outcome,
            follows: *follows,
            messages: [
                body::messages(request, asked.content_type),
                response.as_ref().map_or(0, |response| body::messages(response, answered.content_type)),
            ],
            // When which of the messages came is not known.
            latency_ns: response
                .as_ref()
                .filter(|_| !in_socket)
                .map(|response| response.first_byte.since(request.first_byte)),
            request_bytes: request.body_bytes,
            response_bytes,
            request_type: typed(&asked, request.body_bytes),
            response_type,
            credential: authentication.credential,
            transport: *transport,
            server: server.clone(),
            caller: caller.clone(),
            path_bit,
            caller_bit: mark::bit(self.seed, caller_hash),
            page,
            fields,
            claims,
            values,
            classes,
            signs,
            principal: authentication.principal,
        })
    }

    fn head<'a>(
        &mut self,
        head: &'a Head,
        mut evidence: Option<&mut auth::Evidence>,
        counters: &mut Counters,
    ) -> Carried<'a> {
        let request = evidence.is_some();
        let place = if request { Place::RequestHeader } else { Place::ResponseHeader };
        let mut carried = Carried::default();
        let mut before = self.headers.start(request);
        for (name, value) in head.fields() {
            before = self.headers.find(name, before);
            let header = self.headers.header(before);
            let mut field = |fields: &mut Fields, text: &[u8], facts: Facts, counters: &mut Counters| {
                let known = &mut header.fields[usize::from(!request)];
                if *known == NONE {
                    let root = FieldNames::root(place);
                    let field = fields.names.child(root, &header.name, &head.bytes, counters);
                    if fields.names.is_stand_in(field) {
                        fields.classify(field, facts, text, counters);
                        return fields.add_stand_in(field, facts, HEAD, counters);
                    }
                    *known = field;
                }
                fields.classify(*known, facts, text, counters);
                fields.add_outside(*known, facts, counters);
            };
            match header.role {
                Role::Plumbing => {}
                // The first one counts: a second Host is an attack (RFC 9112 section 3.2).
                Role::Host if request => drop(carried.host.get_or_insert(value)),
                Role::ContentType => drop(carried.content_type.get_or_insert(value)),
                Role::UserAgent => drop(carried.user_agent.get_or_insert(value)),
                Role::Cookie if request => {
                    let line = value;
                    for (name, value) in form::cookies(line) {
                        let facts = facts_of_text(value);
                        if let Some(evidence) = &mut evidence {
                            evidence.cookie(name, value, facts, counters);
                        }
                        self.fields.add_named(Place::Cookie, (name, value), facts, line, counters);
                    }
                }
                Role::SetCookie if !request => {
                    let line = value;
                    if let Some((name, value)) = form::cookie(line) {
                        let facts = facts_of_text(value);
                        self.fields.add_named(Place::SetCookie, (name, value), facts, line, counters);
                    }
                }
                Role::AllowOrigin => drop(carried.allow_origin.get_or_insert(value)),
                Role::AllowCredentials => drop(carried.allow_credentials.get_or_insert(value)),
                Role::Authorization => {
                    if let Some(evidence) = &mut evidence {
                        evidence.authorization(value, counters);
                    }
                    let facts = if value.is_empty() { Facts::EMPTY } else { Facts::TEXT };
                    field(&mut self.fields, b"", Facts::STRING | facts, counters);
                }
                role
                @ (Role::Key | Role::Field | Role::Origin | Role::Certificate | Role::SignatureInput) => {
                    let facts = facts_of_text(value);
                    let mut text = value;
                    match (role, &mut evidence) {
                        (Role::Certificate, Some(evidence)) => evidence.certificate(&header.name, value),
                        (Role::SignatureInput, Some(evidence)) => evidence.signature(value),
                        (Role::Origin, _) => drop(carried.origin.get_or_insert(value)),
                        (_, Some(evidence)) => evidence.header(role == Role::Key, value, facts, counters),
                        (_, None) => {}
                    }
                    if request && role == Role::Key {
                        // A key where keys belong.
                        text = b"";
                    }
                    field(&mut self.fields, text, facts, counters);
                }
                Role::Host | Role::Cookie | Role::SetCookie => {}
            }
        }
        carried
    }

    fn authority(&mut self, raw: &[u8], default_port: Option<u16>) -> Option<Arc<str>> {
        let seed = self.seed;
        let context = default_port.map_or(0, u64::from);
        let hash = seed.bytes(context, raw);
        // Only port 80 is remembered: nearly all, and the raw text alone then tells which.
        let usual = default_port == Some(80);
        if usual && let Some((_, known)) = self.authorities.find(hash, |(known, _)| **known == *raw) {
            return Some(known.clone());
        }
        let checked: Arc<str> = target::authority(raw, default_port)?.into();
        if usual {
            if self.authorities.len() >= AUTHORITIES_REMEMBERED_MAX {
                self.authorities.clear();
            }
            let entry = (raw.into(), checked.clone());
            self.authorities.insert_unique(hash, entry, |(raw, _)| seed.bytes(80, raw));
        }
        Some(checked)
    }

    fn address(&mut self, server: &Peer, port: u16) -> Arc<str> {
        target::authority_of_address(server.address, port).into()
    }

    fn address_hash(&self, context: u64, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.seed.number(context, u64::from(u32::from(address))),
            IpAddr::V6(address) => self.seed.bytes(context, &address.octets()),
        }
    }

    fn caller_hash(&mut self, caller: &Arc<Peer>) -> u64 {
        if let Some((known, hash)) = &self.caller
            && Arc::ptr_eq(known, caller)
        {
            return *hash;
        }
        let hash = match &caller.workload {
            Some(workload) => {
                let program = self.seed.bytes(1, workload.program.as_bytes());
                self.seed.bytes(program, workload.cgroup.as_bytes())
            }
            None => self.address_hash(0, caller.address),
        };
        self.caller = Some((caller.clone(), hash));
        hash
    }

    /// The path and the hash that stands for the service and its pattern.
    fn path(
        &mut self,
        raw: &[u8],
        name: &str,
        service: u64,
        teaches: bool,
        operation: &Operation,
        counters: &mut Counters,
    ) -> (Path, u64) {
        if raw == b"*" {
            return ([Segment::Word("*".into())].into_iter().collect(), service);
        }
        let mut segments = target::Segments::new();
        target::segments(raw, &mut segments);
        // Room for an operation behind it.
        let room = PATH_SEGMENTS_MAX - operation.mark.map_or(0, |_| 1 + operation.names.len());
        if segments.len() > room {
            counters.add(Counter::PathTooLong);
            segments.truncate(room);
        }
        let mut path = Path::new();
        let mut spot = Spot { place: service, pattern: service };
        let mut leading = true;
        let mut said = self.said.start(service, name);
        let count = segments.len();
        for (at, coded) in segments.into_iter().enumerate() {
            let text = form::decode(coded, false);
            let position = Position { spot, leading, last: at + 1 == count, teaches };
            // A service and its method.
            let is_last_two = at + 2 >= count;
            let is_name = operation.is_path && is_last_two;
            // Nobody vouches for what is not there, and it teaches nothing of what is.
            let made_up = if at + 1 < count { "{service}" } else { "{method}" };
            let segment = match self.said.next(&mut said, &text) {
                _ if is_name => self.name(&text, true, position, counters),
                _ if operation.is_made_up && is_last_two => Segment::Word(made_up.into()),
                Some(word) => Segment::Word(word),
                None => self.words.segment(&text, position, counters),
            };
            self.sensitive_segment(&segment, &text, path.last());
            self.advance(&mut spot, &segment);
            leading = leading && matches!(&segment, Segment::Word(word) if is_prefix(word));
            path.push(segment);
        }
        if let Some(mark) = operation.mark {
            let mark = Segment::Name(mark.into());
            self.advance(&mut spot, &mark);
            path.push(mark);
            for (at, Name { text, vouched }) in operation.names.iter().enumerate() {
                let last = at + 1 == operation.names.len();
                let position = Position { spot, leading: false, last, teaches };
                let segment = self.name(text.as_bytes(), *vouched, position, counters);
                self.advance(&mut spot, &segment);
                path.push(segment);
            }
        }
        (path, spot.pattern)
    }

    /// Goes on to the place behind a segment.
    fn advance(&self, spot: &mut Spot, segment: &Segment) {
        spot.pattern = self.words.evidence.key.behind(spot.pattern, segment);
        spot.place = match segment {
            Segment::Word(word) => self.seed.bytes(spot.place, word.as_bytes()),
            Segment::Name(name) => self.seed.bytes(!spot.place, name.as_bytes()),
            Segment::Hidden(hidden) => self.seed.number(spot.place, *hidden),
            // All values at one place lead to the same next place.
            Segment::Parameter(_) | Segment::File(..) => self.seed.number(spot.place, 1),
        };
    }

    /// The name of an operation: in clear if somebody vouches for it, else as any word of a path.
    fn name(&mut self, text: &[u8], vouched: bool, position: Position, counters: &mut Counters) -> Segment {
        if let Ok(name) = std::str::from_utf8(text)
            && operation::is_identifier(name)
            && (vouched || self.words.dictionary.is_name(text))
        {
            return Segment::Name(name.into());
        }
        match self.words.segment(text, position, counters) {
            Segment::Word(word) => Segment::Name(word),
            other => other,
        }
    }

    /// Looks whether a value in the path is of a class, of which one value is enough to say so; the word
    /// before it is as good as a name.
    fn sensitive_segment(&mut self, segment: &Segment, text: &[u8], before: Option<&Segment>) {
        let kind = match segment {
            Segment::Word(_) | Segment::Name(_) | Segment::Hidden(_) => return,
            Segment::Parameter(kind) | Segment::File(kind, _) => *kind,
        };
        let class = match kind {
            SegmentKind::Email => Some(DataClass::Email),
            SegmentKind::Integer | SegmentKind::Text | SegmentKind::Hex
                if text.len() >= SEGMENT_BYTES_MIN =>
            {
                let context = match before {
                    Some(Segment::Word(word)) => Context::of_route(word),
                    _ => Context::NONE,
                };
                let found = classify::of_text(text, facts_of_text(text), context);
                found.filter(|found| found.sure).map(|found| found.class)
            }
            _ => None,
        };
        if let Some(class) = class {
            self.fields.tally.in_url(class);
        }
    }
}

/// A browser asks before the call itself (Fetch standard, "CORS-preflight request").
fn is_preflight(head: &Head) -> bool {
    head.field("origin").is_some() && head.field("access-control-request-method").is_some()
}
