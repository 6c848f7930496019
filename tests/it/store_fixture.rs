//! Inventories for the tests of stores, reports and commands: one by hand, any number at random.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::collection::btree_map;
use proptest::prelude::*;
use sensor::call::{
    CallClass, Credential, DataClass, Facts, Method, Path, Place, Segment, SegmentKind, Sign,
};
use sensor::flow::{Alpn, Peer, Timestamp, TlsVersion, Transport, Verdict, Workload};
use sensor::inventory::{
    Answered, CallerKey, CallerStats, ClassKey, ClassStats, CoverageKey, CoverageStats, EndpointKey,
    EndpointStats, FieldKey, FieldStats, Histogram, Inventory, Messages, Page, Principals, Reading, Seen,
    SignStats, SmallMap, TlsCoverage,
};
use sensor::store::RunStart;

/// 2025-01-01T00:00:00Z.
pub const NEW_YEAR: u64 = 1_735_689_600 * SECOND;
/// In nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

pub fn run_start() -> RunStart {
    RunStart {
        version: "0.1.0".to_owned(),
        front_end: "socket".to_owned(),
        scope: "netns 4026532123".to_owned(),
        at: Timestamp(NEW_YEAR),
    }
}

pub fn workload(program: &str, cgroup: &str, container: Option<&str>) -> Arc<Workload> {
    Arc::new(Workload {
        program: program.into(),
        cgroup: cgroup.into(),
        container: container.map(Into::into),
    })
}

fn peer(address: &str, workload: Option<Arc<Workload>>) -> Peer {
    Peer { address: address.parse().expect("an address"), workload }
}

fn word(word: &str) -> Segment {
    Segment::Word(word.into())
}

fn key(service: &str, method: &'static str, path: &[Segment]) -> EndpointKey {
    EndpointKey {
        service: service.into(),
        method: Method(method),
        path: path.iter().cloned().collect(),
        class: CallClass::Found,
    }
}

fn seen(first_s: u64, last_s: u64) -> Seen {
    Seen { first: Timestamp(NEW_YEAR + first_s * SECOND), last: Timestamp(NEW_YEAR + last_s * SECOND) }
}

fn field(place: Place, name: &str, calls: u64, facts: Facts) -> (FieldKey, FieldStats) {
    let objects = if facts.contains(Facts::OBJECT) { calls } else { 0 };
    (
        FieldKey { place, name: name.into() },
        FieldStats { calls, facts, present: calls, objects, held: 0, ..FieldStats::default() },
    )
}

fn tls(version: TlsVersion, alpn: Alpn) -> Transport {
    Transport::Tls { version: Some(version), alpn: Some(alpn) }
}

/// A shop with two services, three callers, an unreadable connection and some losses. One field has
/// a name that a terminal must not see as it is.
pub fn shop() -> Inventory {
    let curl = CallerKey {
        peer: peer("127.0.0.1", Some(workload("curl", "/user.slice", None))),
        credential: Credential::None,
    };
    let id = "4f2d0a6c9b1e4f2d0a6c9b1e4f2d0a6c9b1e4f2d0a6c9b1e4f2d0a6c9b1e4f2d";
    let container = workload("python3.13", "/system.slice/docker-4f2d.scope", Some(id));
    let web = CallerKey { peer: peer("172.17.0.2", Some(container)), credential: Credential::Bearer };
    let far = CallerKey { peer: peer("192.0.2.7", None), credential: Credential::Basic };
    let nginx = peer("127.0.0.1", Some(workload("nginx", "/system.slice/nginx.service", None)));
    let mut latency = Histogram::default();
    latency.buckets[9] = 10;
    latency.buckets[14] = 2;
    let users = EndpointStats {
        calls: 12,
        seen: seen(0, 3600),
        statuses: SmallMap::from([(200, 9), (404, 2), (0, 1)]),
        rpc_statuses: SmallMap::new(),
        messages: Messages::default(),
        latency,
        request_bytes: 0,
        response_bytes: 12_345,
        request_types: SmallMap::new(),
        response_types: SmallMap::from([("application/json".into(), 10)]),
        contents: SmallMap::from([((200, "application/json".into()), 10)]),
        fields: SmallMap::from([
            field(Place::Query, "expand", 3, Facts::STRING | Facts::TEXT),
            field(Place::RequestHeader, "authorization", 12, Facts::STRING | Facts::JWT),
            field(Place::ResponseBody, "", 10, Facts::OBJECT),
            field(Place::ResponseBody, "/email", 9, Facts::STRING | Facts::NULL | Facts::EMAIL),
            field(Place::ResponseBody, "/id", 10, Facts::INTEGER),
        ]),
        values: SmallMap::new(),
        transports: SmallMap::from([(Transport::Clear, 2), (tls(TlsVersion::Tls13, Alpn::Http2), 10)]),
        callers: SmallMap::from([
            (
                curl.clone(),
                CallerStats { calls: 2, refused: 2, seen: seen(0, 5), paths: 1, ..CallerStats::default() },
            ),
            (
                web.clone(),
                CallerStats {
                    calls: 10,
                    refused: 0,
                    encrypted: 10,
                    seen: seen(10, 3600),
                    paths: 1,
                    ..CallerStats::default()
                },
            ),
        ]),
        servers: SmallMap::from([(nginx.clone(), 12)]),
        answered: Answered { seen: seen(10, 3600), callers: 1, paths: 0b1011 },
        page: Page::Several,
        signs: SmallMap::from([(Sign::JwtNoExpiry, SignStats { calls: 7, seen: seen(10, 3600) })]),
        classes: SmallMap::from([(
            ClassKey {
                field: FieldKey { place: Place::ResponseBody, name: "/email".into() },
                class: DataClass::Email,
            },
            ClassStats { values: 8, seen: seen(10, 3600) },
        )]),
    };
    let mut latency = Histogram::default();
    latency.buckets[12] = 4;
    let orders = EndpointStats {
        calls: 4,
        seen: seen(60, 120),
        statuses: SmallMap::from([(201, 3), (503, 1)]),
        latency,
        request_bytes: 4096,
        response_bytes: 200,
        request_types: SmallMap::from([("application/json".into(), 4)]),
        response_types: SmallMap::from([("application/json".into(), 3)]),
        contents: SmallMap::from([((201, "application/json".into()), 3)]),
        fields: SmallMap::from([
            field(Place::Cookie, "session", 4, Facts::STRING | Facts::BASE64),
            field(Place::RequestBody, "", 4, Facts::OBJECT),
            field(Place::RequestBody, "/items", 4, Facts::ARRAY),
            field(Place::RequestBody, "/items/*", 4, Facts::OBJECT),
            field(Place::RequestBody, "/items/*/sku", 4, Facts::STRING),
            field(Place::RequestBody, "/note\u{1b}[31m\u{202e}", 1, Facts::NULL),
        ]),
        values: SmallMap::new(),
        transports: SmallMap::from([(Transport::Clear, 1), (tls(TlsVersion::Tls12, Alpn::Http11), 3)]),
        callers: SmallMap::from([(
            web,
            CallerStats {
                calls: 4,
                refused: 1,
                encrypted: 3,
                seen: seen(60, 120),
                paths: 1,
                ..CallerStats::default()
            },
        )]),
        servers: SmallMap::from([(nginx, 4)]),
        answered: Answered { seen: seen(60, 119), callers: 1, paths: 1 },
        page: Page::Several,
        ..EndpointStats::default()
    };
    let health = EndpointStats {
        calls: 1,
        seen: seen(7200, 7200),
        statuses: SmallMap::from([(200, 1)]),
        callers: SmallMap::from([(
            far,
            CallerStats { calls: 1, refused: 0, seen: seen(7200, 7200), paths: 1, ..CallerStats::default() },
        )]),
        answered: Answered { seen: seen(7200, 7200), callers: 2, paths: 1 },
        page: Page::One(7),
        ..EndpointStats::default()
    };
    let integer = Segment::Parameter(SegmentKind::Integer);
    Inventory {
        endpoints: BTreeMap::from([
            (key("api.shop.example:8080", "GET", &[word("users"), integer]), users),
            (key("api.shop.example:8080", "POST", &[word("orders")]), orders),
            (key("metrics.example", "GET", &[word("health")]), health),
        ]),
        words: BTreeMap::from([(0x1234, "users".into()), (u64::MAX, "orders".into())]),
        coverage: BTreeMap::from([
            (
                coverage_key("nginx", 8080, Verdict::Http1),
                CoverageStats { connections: 7, bytes: 70_000, ..Default::default() },
            ),
            (
                coverage_key("curl", 443, Verdict::Tls),
                CoverageStats { connections: 2, bytes: 4_000, ..Default::default() },
            ),
        ]),
        losses: BTreeMap::from([("gap".into(), 1), ("ring-full".into(), 3)]),
    }
}

/// The shop with what is no endpoint: misses of an endpoint and of none, a file, a probe, and more
/// misses than are told apart.
pub fn noisy_shop() -> Inventory {
    let mut shop = shop();
    let scanner = CallerKey { peer: peer("198.51.100.9", None), credential: Credential::None };
    let integer = Segment::Parameter(SegmentKind::Integer);
    let text = Segment::Parameter(SegmentKind::Text);
    for (class, method, path, status, calls) in [
        (CallClass::Missed, "GET", vec![word("users"), integer], 404, 3),
        (CallClass::Missed, "GET", vec![text], 404, 40),
        (CallClass::Missed, "POST", vec![word("admin"), Segment::Hidden(1)], 405, 2),
        (CallClass::Missed, "OTHER", vec![word("{over-budget}")], 404, 900),
        (CallClass::StaticFile, "GET", vec![word("assets"), word("{file}")], 200, 5),
        (CallClass::HealthCheck, "GET", vec![word("healthz")], 200, 60),
        (CallClass::Preflight, "OPTIONS", vec![word("orders")], 204, 4),
    ] {
        let missed = class == CallClass::Missed;
        let refused = if missed { calls } else { 0 };
        let caller = CallerStats {
            calls,
            refused,
            seen: seen(10, 70),
            paths: u64::MAX >> 8,
            ..CallerStats::default()
        };
        let stats = EndpointStats {
            calls,
            seen: seen(10, 70),
            statuses: SmallMap::from([(status, calls)]),
            callers: SmallMap::from([(scanner.clone(), caller)]),
            ..EndpointStats::default()
        };
        shop.endpoints.insert(EndpointKey { class, ..key("api.shop.example:8080", method, &path) }, stats);
    }
    shop
}

fn coverage_key(program: &str, port: u16, verdict: Verdict) -> CoverageKey {
    CoverageKey::plain(workload(program, "/system.slice", None), port, verdict)
}

/// Many endpoints with many fields, all names different from endpoint to endpoint.
pub fn wide(endpoints: usize, fields: usize) -> Inventory {
    let mut inventory = Inventory::default();
    let caller = CallerKey { peer: peer("192.0.2.7", None), credential: Credential::Basic };
    for number in 0..endpoints {
        let stats = EndpointStats {
            calls: 1,
            seen: seen(0, 1),
            statuses: SmallMap::from([(200, 1)]),
            fields: (0..fields)
                .map(|f| {
                    field(Place::ResponseBody, &format!("/items/*/member_{number}_{f}"), 1, Facts::STRING)
                })
                .collect(),
            callers: SmallMap::from([(
                caller.clone(),
                CallerStats { calls: 1, refused: 0, seen: seen(0, 1), paths: 1, ..CallerStats::default() },
            )]),
            ..EndpointStats::default()
        };
        inventory.endpoints.insert(key("wide", "GET", &[word(&format!("w{number}"))]), stats);
    }
    inventory
}

fn name() -> impl Strategy<Value = Arc<str>> {
    // Few, so that inventories meet; with characters that SQL, paths and terminals treat specially.
    prop_oneof![
        Just("a"),
        Just("b"),
        Just("/x/*/y"),
        Just("it's"),
        Just("%2F~{}"),
        Just("nul\0nul"),
        Just("é\u{202e}"),
        Just(""),
    ]
    .prop_map(Into::into)
}

fn count() -> impl Strategy<Value = u64> {
    1u64..1_000_000
}

fn any_seen() -> impl Strategy<Value = Seen> {
    (NEW_YEAR..NEW_YEAR + SECOND, 0..SECOND)
        .prop_map(|(first, length)| Seen { first: Timestamp(first), last: Timestamp(first + length) })
}

fn any_workload() -> impl Strategy<Value = Arc<Workload>> {
    let container = prop_oneof![Just(None), Just(Some(Arc::from("4f2d0a6c9b1e")))];
    (name(), name(), container)
        .prop_map(|(program, cgroup, container)| Arc::new(Workload { program, cgroup, container }))
}

fn any_peer() -> impl Strategy<Value = Peer> {
    let address = prop_oneof![Just("10.0.0.1"), Just("::1"), Just("::ffff:10.0.0.1"), Just("2001:db8::7")];
    let address = address.prop_map(|text| text.parse::<IpAddr>().expect("an address"));
    (address, proptest::option::of(any_workload())).prop_map(|(address, workload)| Peer { address, workload })
}

fn any_transport() -> impl Strategy<Value = Transport> {
    use proptest::{option, sample};
    let tls = (option::of(sample::select(&TlsVersion::ALL[..])), option::of(sample::select(&Alpn::ALL[..])));
    prop_oneof![Just(Transport::Clear), tls.prop_map(|(version, alpn)| Transport::Tls { version, alpn })]
}

fn any_path() -> impl Strategy<Value = Path> {
    let word =
        prop_oneof![Just("a"), Just("v1"), Just("it's%2F~"), Just("{integer}"), Just("~00"), Just("é")];
    let segment = prop_oneof![
        word.prop_map(|word| Segment::Word(word.into())),
        any::<u64>().prop_map(Segment::Hidden),
        Just(Segment::Parameter(SegmentKind::Integer)),
        Just(Segment::Parameter(SegmentKind::Uuid)),
    ];
    proptest::collection::vec(segment, 0..3).prop_map(|segments| segments.into_iter().collect())
}

fn field_key() -> impl Strategy<Value = FieldKey> {
    let place = prop_oneof![Just(Place::Query), Just(Place::RequestBody), Just(Place::SetCookie)];
    (place, name()).prop_map(|(place, name)| FieldKey { place, name })
}

fn any_stats() -> impl Strategy<Value = EndpointStats> {
    let field = field_key();
    // A field of which only earlier calls are known has not been seen at any time.
    let at = prop_oneof![any_seen(), Just(Seen::default())];
    let facts = (count(), any::<u32>(), count(), count(), any::<u32>(), at);
    let facts = facts.prop_map(|(calls, facts, present, objects, held, seen)| FieldStats {
        calls,
        facts: Facts(facts),
        present,
        objects,
        held,
        seen,
    });
    let credential = prop_oneof![Just(Credential::None), Just(Credential::Jwt)];
    let caller = (any_peer(), credential).prop_map(|(peer, credential)| CallerKey { peer, credential });
    // More than are kept of two together.
    let principals = proptest::collection::vec(any::<u64>(), 0..14).prop_map(Principals::from_iter);
    let caller_stats = ([(); 5].map(|()| count()), any_seen(), any::<u64>(), principals).prop_map(
        |([calls, refused, granted, denied, encrypted], seen, paths, principals)| CallerStats {
            calls,
            refused,
            granted,
            denied,
            encrypted,
            seen,
            paths,
            principals,
        },
    );
    let sign = proptest::sample::select(Sign::ALL);
    let sign_stats = (count(), any_seen()).prop_map(|(calls, seen)| SignStats { calls, seen });
    let class = (field_key(), proptest::sample::select(DataClass::ALL))
        .prop_map(|(field, class)| ClassKey { field, class });
    let class_stats = (count(), any_seen()).prop_map(|(values, seen)| ClassStats { values, seen });
    let findings = (btree_map(sign, sign_stats, 0..3), btree_map(class, class_stats, 0..3));
    let buckets = proptest::collection::vec((0usize..28, count()), 0..4).prop_map(|filled| {
        let mut latency = Histogram::default();
        for (bucket, calls) in filled {
            latency.buckets[bucket] = calls;
        }
        latency
    });
    let media = || prop_oneof![Just("application/json"), Just("text/plain")].prop_map(Arc::<str>::from);
    let sums = (
        count(),
        any_seen(),
        count(),
        count(),
        btree_map(prop_oneof![Just(0u16), 200u16..205], count(), 0..3),
    );
    let contents = btree_map((200u16..204, media()), count(), 0..3);
    let transports = btree_map(any_transport(), count(), 0..4);
    let types = (btree_map(media(), count(), 0..2), btree_map(media(), count(), 0..2), contents, transports);
    let word = prop_oneof![Just(None), Just(Some("pending".into())), Just(Some("open".into()))];
    let values = proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u64, word), 0..4);
    let parties = (btree_map(caller, caller_stats, 0..3), btree_map(any_peer(), count(), 0..3));
    let answered = (any_seen(), any::<u64>(), any::<u64>()).prop_map(|(seen, callers, paths)| Answered {
        seen,
        callers,
        paths,
    });
    let page = prop_oneof![Just(Page::None), (0..3u32).prop_map(Page::One), Just(Page::Several)];
    (sums, buckets, types, (btree_map(field, facts, 0..4), values), parties, findings, answered, page)
        .prop_map(
            |(
                (calls, seen, request_bytes, response_bytes, statuses),
                latency,
                types,
                (fields, some),
                parties,
                findings,
                answered,
                page,
            )| {
                // Of fields that are not open.
                let closed: Vec<&FieldKey> = fields
                    .iter()
                    .filter(|(_, f)| !f.facts.contains(Facts::OPEN))
                    .map(|(key, _)| key)
                    .collect();
                let mut values: BTreeMap<FieldKey, BTreeMap<u64, Option<Arc<str>>>> = BTreeMap::new();
                for (at, hash, word) in some.into_iter().filter(|_| !closed.is_empty()) {
                    values.entry((*at.get(&closed)).clone()).or_default().insert(hash, word);
                }
                let values = values.into_iter().map(|(key, values)| (key, small(values)));
                EndpointStats {
                    values: values.collect(),
                    calls,
                    seen,
                    rpc_statuses: statuses.iter().map(|(status, calls)| (status % 17, *calls)).collect(),
                    messages: Messages {
                        sums: [request_bytes, response_bytes],
                        most: [request_bytes % 9, response_bytes % 7],
                    },
                    statuses: small(statuses),
                    latency,
                    request_bytes,
                    response_bytes,
                    request_types: small(types.0),
                    response_types: small(types.1),
                    contents: small(types.2),
                    transports: small(types.3),
                    fields: small(fields),
                    callers: small(parties.0),
                    servers: small(parties.1),
                    answered,
                    page,
                    signs: small(findings.0),
                    classes: small(findings.1),
                }
            },
        )
}

fn small<K: Ord, V>(map: BTreeMap<K, V>) -> SmallMap<K, V> {
    map.into_iter().collect()
}

/// Any inventory over few names, so that several of them meet.
pub fn any_inventory() -> impl Strategy<Value = Inventory> {
    let method = prop_oneof![Just(Method("GET")), Just(Method("OTHER"))];
    let class = proptest::sample::select(CallClass::ALL);
    let endpoint = (name(), method, any_path(), class)
        .prop_map(|(service, method, path, class)| EndpointKey { service, method, path, class });
    let verdict =
        prop_oneof![Just(Verdict::Http1), Just(Verdict::Http2), Just(Verdict::Tls), Just(Verdict::Other)];
    let reading = prop_oneof![
        Just(Reading::Unknown),
        Just(Reading::Read(Verdict::Http2)),
        Just(Reading::Unread("no-probe".into())),
        Just(Reading::Unattributed),
    ];
    let tls = (reading, name(), name(), name()).prop_map(|(reading, server_name, version, alpn)| {
        TlsCoverage { reading, server_name, version, alpn }
    });
    let coverage_key = (any_workload(), 80u16..82, verdict, tls)
        .prop_map(|(workload, port, verdict, tls)| CoverageKey { workload, port, verdict, tls });
    let coverage =
        (count(), count(), count(), count()).prop_map(|(connections, bytes, plaintext_bytes, lost_bytes)| {
            CoverageStats { connections, bytes, plaintext_bytes, lost_bytes }
        });
    (
        btree_map(endpoint, any_stats(), 0..4),
        btree_map(any::<u64>(), name(), 0..3),
        btree_map(coverage_key, coverage, 0..3),
        btree_map(name(), count(), 0..3),
    )
        .prop_map(|(endpoints, words, coverage, losses)| Inventory {
            endpoints,
            words,
            coverage,
            losses,
        })
}
