//! A measurement, not a check: what reading and recording one exchange costs on this machine.
//! `cargo test --release -p sensor --test it call_cost -- --ignored --nocapture`

use std::hint::black_box;
use std::time::{Duration, Instant};

use sensor::call::{Reader, Segment};
use sensor::counter::Counters;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{Inventory, Recorder};
use sensor::protocol::Exchange;

use crate::call_exchange::{KEY, exchange, parties};

/// Exchanges of one measured round; made before, since making them is not what is measured. So few
/// that they are still in the processor's cache, as they are behind `protocol`.
const ROUND: usize = 100;
const ROUNDS: usize = 2000;

/// An order of about 1.5 KB with 50 keys; `n` varies its values.
fn body(n: usize) -> String {
    let item = |i: usize| {
        format!(
            "{{\"sku\":\"SKU-{:05}\",\"name\":\"Item number {i} of this rather long order, in blue and green, extra large\",\"quantity\":{},\"unitPrice\":{}.95,\"currency\":\"EUR\",\
             \"weightGrams\":{},\"inStock\":true,\"discount\":null}}",
            n * 7 + i,
            1 + n % 9,
            n % 300,
            n % 5000
        )
    };
    format!(
        "{{\"id\":{n},\"orderNumber\":\"ORD-2024-{n:06}\",\"status\":\"processing\",\"createdAt\":\"2024-03-{:02}T10:15:30Z\",\
         \"updatedAt\":\"2024-03-{:02}T11:15:30.123Z\",\"customer\":{{\"id\":\"6f1c2a9e-8b1d-4c3e-9f00-{n:012x}\",\
         \"email\":\"customer{n}@example.org\",\"firstName\":\"Somebody\",\"lastName\":\"Something\",\"phone\":\"+49 30 {n:07}\",\
         \"vip\":false}},\"shippingAddress\":{{\"street\":\"Long Street {}\",\"city\":\"Sometown\",\"postalCode\":\"{:05}\",\
         \"country\":\"DE\",\"instructions\":\"Please ring twice, wait for a minute or two and then leave the parcel with the neighbours on the second floor, who are at home most of the day\"}},\"items\":[{},{},{}],\
         \"payment\":{{\"method\":\"card\",\"amount\":{}.5,\"reference\":\"{:032x}\"}},\"tags\":[\"express\",\"gift\"],\
         \"callbackUrl\":\"https://hooks.example.org/orders/{n}/events?source=shop&kind=status\",\"total\":{}.85}}",
        1 + n % 28,
        1 + n % 28,
        n % 100,
        n % 100_000,
        item(1),
        item(2),
        item(3),
        n % 900,
        n * 31,
        n % 900
    )
}

fn exchanges() -> Vec<Exchange> {
    (0..ROUND)
        .map(|n| {
            exchange(
                &format!(
                    "GET /api/v1/customers/{n}/orders/{}?expand=items HTTP/1.1\nHost: shop.example\nUser-Agent: test/1.0\nAccept: */*\n\
                     Accept-Encoding: gzip\nConnection: keep-alive\nAuthorization: Bearer abcdef{n}\nX-Request-Id: 6f1c2a9e-8b1d-4c3e-9f00-{n:012x}\n",
                    n * 3
                ),
                &format!(
                    "HTTP/1.1 200 OK\nServer: nginx\nDate: Tue, 05 Mar 2024 10:00:00 GMT\nContent-Type: application/json\n\
                     Content-Length: 1500\nConnection: keep-alive\nX-Rate-Limit: 100\n\n{}",
                    body(n)
                ),
            )
        })
        .collect()
}

/// Time of a piece in a round of many, of the round that one in ten was quicker than: others use
/// the machine too.
fn undisturbed(mut rounds: Vec<Duration>, pieces: usize) -> f64 {
    rounds.sort_unstable();
    rounds[rounds.len() / 10].as_nanos() as f64 / pieces as f64
}

#[test]
#[ignore = "a measurement"]
fn cost_of_a_call() {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    let parties = parties(2);
    let (mut read, mut recorded, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let bytes =
        exchanges().iter().map(|e| e.response.as_ref().map_or(0, |r| r.body.len())).sum::<usize>() / ROUND;
    let mut fields = 0;
    for _ in 0..ROUNDS {
        let raw = exchanges();
        let start = Instant::now();
        for exchange in &raw {
            let body = &exchange.response.as_ref().expect("a response").body;
            black_box(serde_json::from_slice::<serde::de::IgnoredAny>(body)).expect("JSON");
        }
        floor.push(start.elapsed());
        let mut calls = Vec::with_capacity(ROUND);
        let start = Instant::now();
        for exchange in raw {
            calls.push(reader.read(exchange, &parties, &mut counters).expect("a call"));
        }
        read.push(start.elapsed());
        let start = Instant::now();
        for call in &calls {
            recorder.record(call, &mut counters);
        }
        recorded.push(start.elapsed());
        fields = calls[0].fields.len();
    }
    let inventory = recorder.take(&reader);
    assert_eq!(inventory.endpoints.values().map(|stats| stats.calls).sum::<u64>(), (ROUND * ROUNDS) as u64);
    let whole = undisturbed(read, ROUND);
    println!("body {bytes} B, {fields} fields in the call, {} endpoint(s)", inventory.endpoints.len());
    println!("read    {whole:7.0} ns");
    println!("record  {:7.0} ns", undisturbed(recorded, ROUND));
    println!("serde_json IgnoredAny over the body {:.0} ns", undisturbed(floor, ROUND));
    println!("json    {:.0} MB/s", bytes as f64 * 1000.0 / json_only());
}

/// Nanoseconds a body costs: a large body of many, less the same exchange without.
fn json_only() -> f64 {
    let lines: String = (0..100).map(|n| body(n) + "\n").collect();
    let (mut reader, mut counters) = (Reader::new(KEY), Counters::default());
    let mut times = Vec::new();
    for _ in 0..200 {
        let raw = exchange(
            "GET / HTTP/1.1\n",
            &format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{lines}"),
        );
        let start = Instant::now();
        black_box(reader.read(raw, &parties(2), &mut counters));
        times.push(start.elapsed());
    }
    assert!(counters.named().is_empty());
    undisturbed(times, 100)
}

#[test]
#[ignore = "a measurement"]
fn cost_of_ten_thousand_endpoints() {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    let parties = parties(2);
    let mut whole = Inventory::default();
    let mut next = 0;
    for _ in 0..3 {
        let before = resident_kb();
        let mut took = Duration::ZERO;
        for raw in (0..10_000 / ROUND).flat_map(|_| exchanges()) {
            let mut call = reader.read(raw, &parties, &mut counters).expect("a call");
            call.path.push(Segment::Hidden(next));
            next += 1;
            let start = Instant::now();
            recorder.record(&call, &mut counters);
            took += start.elapsed();
        }
        let after = resident_kb();
        let start = Instant::now();
        let delta = recorder.take(&reader);
        let taken = start.elapsed();
        let start = Instant::now();
        let count = delta.endpoints.len();
        whole.merge(delta);
        println!(
            "{count} new endpoints: record {:.0} ns each, {} KB more resident, take {taken:.0?}, merge {:.0?}",
            took.as_nanos() as f64 / count as f64,
            after.saturating_sub(before),
            start.elapsed()
        );
    }
    let start = Instant::now();
    let catalog = Catalog::of(&whole);
    println!(
        "catalog of {} in {:.0?}, {} KB resident",
        whole.endpoints.len(),
        start.elapsed(),
        resident_kb()
    );
    assert_eq!(catalog.services.len(), 1);
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
