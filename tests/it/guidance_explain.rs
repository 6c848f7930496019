//! Explanations and guidance do not depend on the order in which an inventory came together.

use proptest::prelude::*;
use sensor::call::Reader;
use sensor::counter::Counters;
use sensor::inventory::catalog::{Catalog, Reading};
use sensor::inventory::guidance::{Guidance, read_hints, read_openapi};
use sensor::inventory::{Inventory, Recorder};

use crate::call_exchange::{KEY, exchange, parties};

const SEGMENTS: &[&str] = &[
    "users",
    "orders",
    "v1",
    "search",
    "7",
    "42.json",
    "alfric",
    "gundula",
    "lothar",
    "listAll",
    "wombats",
    "2024-01-31",
    "6f1c2a9e-8b1d-4c3e-9f00-0123456789ab",
    "1.5,2.5",
    "x9Fq2Zb7Tk",
];

const HINTS: &str = "- split: /users/lothar
- collapse: /orders/*
- name: /users/{}
  as: login
- never: /search/wombats
";

const DOCUMENT: &str = "openapi: 3.0.0
paths:
  /users/{name}/orders: {get: {}}
  /users/lothar/orders: {get: {}}
  /v1/{id}.json: {get: {}}
  /v1/{x},{y}: {get: {}}
  /v1/wombats/{rest}: {get: {}}
";

fn guidance() -> Guidance {
    Guidance {
        hints: read_hints(HINTS).expect("hints"),
        documents: read_openapi(DOCUMENT, Some("shop")).expect("a document"),
    }
}

/// What one sensor saw.
fn seen(calls: &[(usize, Vec<usize>)]) -> Inventory {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    for (service, path) in calls {
        let path: Vec<&str> = path.iter().map(|&at| SEGMENTS[at]).collect();
        let service = ["shop", "other"][*service];
        let request = format!("GET /{} HTTP/1.1\nHost: {service}\n", path.join("/"));
        let call = reader.read(exchange(&request, "HTTP/1.1 200 OK\n\n"), &parties(2), &mut counters);
        recorder.record(&call.expect("a call"), &mut counters);
    }
    recorder.take(&reader)
}

fn call() -> impl Strategy<Value = (usize, Vec<usize>)> {
    (0..2usize, proptest::collection::vec(0..SEGMENTS.len(), 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_inventory_has_one_explanation(
        calls in proptest::collection::vec(call(), 1..60),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 60),
        nodes in 1..4usize,
    ) {
        let mut shuffled = calls.clone();
        for (at, index) in order.iter().enumerate().take(calls.len()) {
            shuffled.swap(at, index.index(calls.len()));
        }
        let parts: Vec<Inventory> = shuffled.chunks(shuffled.len().div_ceil(nodes)).map(seen).collect();
        let mut merged = Inventory::default();
        parts.into_iter().rev().for_each(|part| merged.merge(part));
        let mut whole = Inventory::default();
        whole.merge(seen(&calls));
        // What a run shows is up to what it saw.
        whole.words.clear();
        merged.words.clear();
        let guidance = guidance();
        for guidance in [None, Some(&guidance)] {
            for key in [None, Some(&KEY)] {
                let reading = Reading { guidance, key, explain: true };
                let (one, other) = (Catalog::read(&whole, reading), Catalog::read(&merged, reading));
                let explained = |catalog: &Catalog| -> Vec<_> {
                    let endpoints = catalog.services.iter().flat_map(|service| &service.endpoints);
                    endpoints
                        .map(|e| (e.template.clone(), e.explanation.clone(), e.confidence.to_bits(), e.stats.calls))
                        .collect()
                };
                prop_assert_eq!(explained(&one), explained(&other));
                for endpoint in one.services.iter().flat_map(|service| &service.endpoints) {
                    let segments = endpoint.template.split('/').filter(|segment| !segment.is_empty());
                    let told = endpoint.explanation.iter().map(|told| told.segment.as_str());
                    prop_assert!(segments.eq(told.filter(|segment| !segment.is_empty())));
                    prop_assert!((0.0..=1.0).contains(&endpoint.confidence));
                }
            }
        }
    }
}
