//! Invariant 7: any partition and any order of the calls gives the same inventory.

use proptest::prelude::*;
use sensor::call::{CallClass, Parties, Reader, Segment, path_text};
use sensor::counter::{Counter, Counters};
use sensor::flow::{Alpn, Timestamp, TlsVersion, Transport, Verdict};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{CoverageKey, CoverageStats, Inventory, OVER_BUDGET, Recorder};
use sensor::limits::{COVERAGE_MAX, ENDPOINTS_MAX, ENDPOINTS_PER_SERVICE_MAX, SERVICES_MAX};

use crate::call_exchange::{KEY, exchange, parties, workload};

/// One of four in turn.
fn carried(at: u32) -> Transport {
    let tls13 = |alpn| Transport::Tls { version: Some(TlsVersion::Tls13), alpn };
    [Transport::Clear, Transport::TLS, tls13(None), tls13(Some(Alpn::Http2))][at as usize % 4]
}

/// One call in short: path, body and status by number, caller, time.
type Short = (u8, u8, u8, u8, u32);

fn record(reader: &mut Reader, recorder: &mut Recorder, &(path, body, status, caller, at): &Short) {
    let path = ["/", "/users/7", "/users/wombat", "/orders/5f3a00aa11/items?page=2", "/wombats"]
        [usize::from(path % 5)];
    let body = match body % 6 {
        0 => "{\"a\":1}".to_owned(),
        1 => "{\"a\":\"2024-01-31\",\"b\":[1,2.5]}".to_owned(),
        2 => "[]".to_owned(),
        3 if at % 2 == 0 => "{\"a\":\"4012-8888-8888-1881\",\"b\":[\"a@b.co\",1]}".to_owned(),
        3 => String::new(),
        // Known names: when others are shown is up to what one sensor sees.
        n => format!("{{\"k-{}\":null}}", char::from(b'a' + n + caller % 9)),
    };
    let status = [200, 201, 404, 500][usize::from(status % 4)];
    let response = format!("HTTP/1.1 {status} X\nContent-Type: application/json\n\n{body}");
    let method = if caller % 2 == 0 { "GET" } else { "POST" };
    let credential = match caller % 4 {
        0 => String::new(),
        1 => format!("X-Api-Key: {body}\n"),
        2 => format!("Cookie: sid={at}; contact=a@b.co\n"),
        _ => "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl\n".to_owned(),
    };
    let head = format!("{method} {path} HTTP/1.1\nHost: svc{}\n{credential}", caller % 2);
    let mut raw = exchange(&head, &response);
    raw.request.first_byte = Timestamp(u64::from(at));
    let mut counters = Counters::default();
    let parties = Parties { transport: carried(at), ..parties(caller % 7) };
    let call = reader.read(raw, &parties, &mut counters).expect("a call");
    recorder.record(&call, &mut counters);
    let key = CoverageKey::plain(workload("nginx"), u16::from(caller), Verdict::Http1);
    recorder.coverage(&key, CoverageStats { connections: 1, ..Default::default() });
    recorder.coverage(&key, CoverageStats { bytes: u64::from(at), ..Default::default() });
    recorder.loss("gap", u64::from(caller));
    assert!(counters.named().is_empty());
}

/// The calls read by as many sensors as there are parts, each flushing now and then, in that order.
fn inventory(parts: &[Vec<Short>], flush_every: usize) -> Inventory {
    let mut whole = Inventory::default();
    for part in parts {
        let (mut reader, mut recorder) = (Reader::new(KEY), Recorder::new(KEY));
        for (number, short) in part.iter().enumerate() {
            record(&mut reader, &mut recorder, short);
            if number % flush_every == 0 {
                whole.merge(recorder.take(&reader));
            }
        }
        let rest = recorder.take(&reader);
        assert!(recorder.take(&reader).is_empty());
        whole.merge(rest);
    }
    // Which words are shown depends on what one sensor saw of them.
    whole.words.clear();
    whole
}

fn shorts() -> impl Strategy<Value = Vec<Short>> {
    proptest::collection::vec(any::<Short>(), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_partition_and_order_gives_the_same(
        (calls, shuffled) in shorts().prop_flat_map(|calls| (Just(calls.clone()), Just(calls).prop_shuffle())),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        flush_every in 1..20_usize,
    ) {
        let one = inventory(&[calls], 1000);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(shuffled.len())).collect();
        cuts.extend([0, shuffled.len()]);
        cuts.sort_unstable();
        let parts: Vec<Vec<Short>> = cuts.windows(2).map(|cut| shuffled[cut[0]..cut[1]].to_vec()).collect();
        let other = inventory(&parts, flush_every);
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(Catalog::of(&one), Catalog::of(&other));
    }

    #[test]
    fn merging_is_commutative_and_associative(a in shorts(), b in shorts(), c in shorts()) {
        let [a, b, c] = [a, b, c].map(|calls| inventory(&[calls], 7));
        let merged = |one: &Inventory, other: &Inventory| {
            let mut sum = one.clone();
            sum.merge(other.clone());
            sum
        };
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &Inventory::default()), a);
    }
}

#[test]
fn sums_are_exact() {
    let calls: Vec<Short> = (0..200_u32).map(|n| (1, (n % 3) as u8, (n % 4) as u8, 2, n)).collect();
    let inventory = inventory(&[calls], 50);
    // One row of what was found, one of what was missed.
    let classes: Vec<CallClass> = inventory.endpoints.keys().map(|key| key.class).collect();
    assert_eq!(classes, [CallClass::Found, CallClass::Missed]);
    let catalog = Catalog::of(&inventory);
    let [endpoint] = &*catalog.services[0].endpoints else { panic!("{catalog:?}") };
    let stats = &endpoint.stats;
    assert_eq!(stats.calls, 200);
    assert_eq!(stats.statuses.get(&404), Some(&50));
    assert_eq!(stats.statuses.values().sum::<u64>(), 200);
    assert_eq!((stats.seen.first, stats.seen.last), (Timestamp(0), Timestamp(199)));
    let (_, caller) = stats.callers.iter().next().unwrap();
    assert_eq!((caller.calls, caller.refused), (200, 100));
    assert_eq!((caller.encrypted, caller.in_clear(), stats.encrypted()), (150, 50, 150));
    let transports: Vec<_> = stats.transports.iter().map(|(name, calls)| (name.name(), *calls)).collect();
    let expected = [("clear", 50), ("tls", 50), ("tls1.3", 50), ("tls1.3 h2", 50)];
    assert_eq!(transports, expected.map(|(name, calls)| (name.into(), calls)));
    // Half of the calls are errors, whose bodies are fields of their own.
    let calls_of = |name: &str| {
        let fields = stats.fields.iter().filter(|(key, _)| key.place.is_json() && &*key.name == name);
        fields.map(|(_, field)| field.calls).collect::<Vec<_>>()
    };
    assert_eq!(
        (calls_of(""), calls_of("/a"), calls_of("/b/*")),
        (vec![100, 100], vec![67, 67], vec![34, 33])
    );
    assert_eq!(stats.servers.values().sum::<u64>(), 200);
    assert_eq!(stats.latency.count(), 200);
}

/// Records a call on a path or at a service of a number, `count` of them.
fn many(recorder: &mut Recorder, count: usize, vary: impl Fn(&mut sensor::call::Call, usize)) -> Counters {
    let (mut reader, mut counters) = (Reader::new(KEY), Counters::default());
    let mut call =
        reader.read(exchange("GET /a HTTP/1.1\nHost: a\n", ""), &parties(2), &mut counters).unwrap();
    for number in 0..count {
        vary(&mut call, number);
        recorder.record(&call, &mut counters);
    }
    counters
}

fn calls_at(inventory: &Inventory, service: &str, path: &str) -> Option<u64> {
    let found =
        |key: &sensor::inventory::EndpointKey| *key.service == *service && path_text(&key.path) == path;
    inventory.endpoints.iter().find(|(key, _)| found(key)).map(|(_, stats)| stats.calls)
}

const OVER_PATH: &str = "/%7Bover-budget}";

#[test]
fn endpoints_over_the_bound_stay_visible() {
    let mut recorder = Recorder::new(KEY);
    let count = ENDPOINTS_MAX + 10;
    let counters = many(&mut recorder, count, |call, number| {
        call.service = format!("s{}", number / 1000).into();
        call.path = [Segment::Word(format!("w{number}").into())].into_iter().collect();
    });
    assert_eq!(counters.count(Counter::EndpointsFull), 10);
    let inventory = recorder.take(&Reader::new(KEY));
    assert_eq!(inventory.endpoints.len(), ENDPOINTS_MAX + 1);
    assert_eq!(calls_at(&inventory, &format!("s{}", (count - 1) / 1000), OVER_PATH), Some(10));
    assert_eq!(recorder.endpoints(), ENDPOINTS_MAX + 1);
}

#[test]
fn endpoints_of_a_service_are_bounded_per_run() {
    let mut recorder = Recorder::new(KEY);
    let word = |call: &mut sensor::call::Call, number: usize| {
        call.path = [Segment::Word(format!("w{number}").into())].into_iter().collect();
    };
    for flush in 0..2 {
        let counters = many(&mut recorder, ENDPOINTS_PER_SERVICE_MAX + 10, word);
        assert_eq!(counters.count(Counter::EndpointsFull), 10);
        let inventory = recorder.take(&Reader::new(KEY));
        assert_eq!(inventory.endpoints.len(), ENDPOINTS_PER_SERVICE_MAX + 1, "{flush}");
        assert_eq!(calls_at(&inventory, "a", OVER_PATH), Some(10));
    }
    // A hidden word over the bound is counted with the values at its place.
    let counters = many(&mut recorder, 10, |call, number| {
        call.path = [Segment::Word("w1".into()), Segment::Hidden(number as u64)].into_iter().collect();
    });
    assert_eq!(counters.count(Counter::EndpointsFull), 10);
    let inventory = recorder.take(&Reader::new(KEY));
    assert_eq!(calls_at(&inventory, "a", "/w1/{text}"), Some(10));
}

#[test]
fn services_are_bounded_per_run() {
    let mut recorder = Recorder::new(KEY);
    for _ in 0..2 {
        let counters = many(&mut recorder, SERVICES_MAX + 10, |call, number| {
            call.service = format!("s{number}").into();
        });
        assert_eq!(counters.count(Counter::ServicesFull), 10);
        let inventory = recorder.take(&Reader::new(KEY));
        assert_eq!(inventory.endpoints.len(), SERVICES_MAX + 1);
        assert_eq!(calls_at(&inventory, OVER_BUDGET, OVER_PATH), Some(10));
    }
}

#[test]
fn kinds_of_connections_are_bounded() {
    let mut recorder = Recorder::new(KEY);
    let key = |port| CoverageKey::plain(workload("nginx"), port, Verdict::Other);
    for port in 0..COVERAGE_MAX as u16 + 10 {
        recorder.coverage(&key(port), CoverageStats { connections: 1, ..Default::default() });
        recorder.coverage(&key(port), CoverageStats { bytes: 7, ..Default::default() });
    }
    let inventory = recorder.take(&Reader::new(KEY));
    assert_eq!(inventory.coverage.len(), COVERAGE_MAX);
    assert_eq!(inventory.losses.get("coverage-full"), Some(&20));
}
