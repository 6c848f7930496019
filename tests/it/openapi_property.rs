//! Any JSON documents: each of them is taken by the schema that was learnt from them and from any
//! others, whatever the order, the cuts into deltas and the sensors.

use proptest::prelude::*;
use sensor::call::Reader;
use sensor::counter::Counters;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{Inventory, Recorder};
use sensor::report::json;
use sensor::report::openapi::{self, Version};
use serde_json::{Map, Value};

use crate::call_exchange::{KEY, exchange, parties};
use crate::openapi_judge::{validator, without_nullable};

/// What one sensor learns of the bodies, flushed after each `flush_every`.
fn learn(bodies: &[&Value], flush_every: usize) -> Vec<Inventory> {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    let mut deltas = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let response = format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{body}");
        let call =
            reader.read(exchange("GET /items HTTP/1.1\nHost: a\n", &response), &parties(2), &mut counters);
        recorder.record(&call.expect("a call"), &mut counters);
        if number % flush_every == flush_every - 1 {
            deltas.push(recorder.take(&reader));
        }
    }
    deltas.push(recorder.take(&reader));
    deltas
}

fn schema(inventory: &Inventory, version: Version) -> Value {
    let documents = openapi::documents(&Catalog::of(inventory), version);
    let mut document: Value = serde_json::from_str(&json::render(&documents[0].1)).expect("JSON");
    if version == Version::V3_0 {
        without_nullable(&mut document);
    }
    let media = &document["paths"]["/items"]["get"]["responses"]["200"]["content"]["application/json"];
    media["schema"].clone()
}

/// Names: known words, words that are held back until they are shown, and data.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "id|name|userId|items|status",
        4 => "wombat|frobnicate|quux|zorp",
        1 => "[0-9]{1,9}",
        1 => "\"?\\\\?é[\\x00-\\x20/~]{0,2}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,6}",
        2 => "\\PC{0,30}",
        1 => "20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\\.[0-9]{1,3})?)?(Z|z|[+-][0-2][0-9]:?[0-5][0-9])?)?",
        1 => "[a-z.é-]{1,8}@[a-z.é-]{1,8}\\.[a-z]{2}",
        1 => "https?://([a-z]{1,3}@)?[a-z0-9.:\\[\\]-]{1,9}(:[0-9a]{1,3})?/[ -~é]{0,9}",
        1 => "[0-9]{1,3}(\\.[0-9]{1,3}){3}",
        1 => "[0-9a-f:]{2,12}|::[0-9a-f]{1,4}",
        1 => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e30..1e30f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_document_is_taken_by_the_schema_of_any_superset(
        documents in proptest::collection::vec(document(), 1..14),
        repeats in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
        sensors in 1..4_usize,
        flush_every in 1..9_usize,
        order in any::<u64>(),
    ) {
        let mut bodies: Vec<&Value> = documents.iter().collect();
        bodies.extend(repeats.iter().map(|at| at.get(&documents)));
        let parts = bodies.chunks(bodies.len().div_ceil(sensors));
        let mut deltas: Vec<Inventory> = parts.flat_map(|part| learn(part, flush_every)).collect();
        let mut forward = Inventory::default();
        deltas.iter().for_each(|delta| forward.merge(delta.clone()));
        let mut other = Inventory::default();
        while !deltas.is_empty() {
            let at = order as usize % deltas.len();
            other.merge(deltas.swap_remove(at));
        }
        for version in [Version::V3_0, Version::V3_1] {
            let schema_of = schema(&forward, version);
            prop_assert_eq!(&schema_of, &schema(&other, version));
            let validator = validator(&schema_of);
            for body in &documents {
                let errors: Vec<String> =
                    validator.iter_errors(body).map(|e| format!("{} at {}", e, e.instance_path())).collect();
                prop_assert!(errors.is_empty(), "{version:?} {errors:?}\n{body}\n{schema_of:#}");
            }
        }
    }
}
