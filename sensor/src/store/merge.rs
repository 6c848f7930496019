//! Adds one inventory to another. Stands in until the inventory has its own.

use std::collections::BTreeMap;

use crate::call::Facts;
use crate::inventory::{EndpointStats, Inventory, Seen};

impl Inventory {
    /// Adds what another inventory saw.
    pub fn merge(&mut self, other: Inventory) {
        merge(self, &other);
    }

    /// Nothing was seen, nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
            && self.words.is_empty()
            && self.coverage.is_empty()
            && self.losses.is_empty()
    }
}

fn merge(into: &mut Inventory, from: &Inventory) {
    for (key, stats) in &from.endpoints {
        merge_endpoint(into.endpoints.entry(key.clone()).or_default(), stats);
    }
    for (hash, word) in &from.words {
        let slot = into.words.entry(*hash).or_insert_with(|| word.clone());
        if word < slot {
            *slot = word.clone();
        }
    }
    for (key, stats) in &from.coverage {
        let slot = into.coverage.entry(key.clone()).or_default();
        slot.connections = slot.connections.saturating_add(stats.connections);
        slot.bytes = slot.bytes.saturating_add(stats.bytes);
    }
    add(&mut into.losses, &from.losses);
}

fn merge_endpoint(into: &mut EndpointStats, from: &EndpointStats) {
    into.calls = into.calls.saturating_add(from.calls);
    hull(&mut into.seen, from.seen);
    add(&mut into.statuses, &from.statuses);
    for (slot, count) in into.latency.buckets.iter_mut().zip(from.latency.buckets) {
        *slot = slot.saturating_add(count);
    }
    into.request_bytes = into.request_bytes.saturating_add(from.request_bytes);
    into.response_bytes = into.response_bytes.saturating_add(from.response_bytes);
    add(&mut into.request_types, &from.request_types);
    add(&mut into.response_types, &from.response_types);
    for (key, stats) in &from.fields {
        let slot = into.fields.entry(key.clone()).or_default();
        slot.calls = slot.calls.saturating_add(stats.calls);
        slot.facts = Facts(slot.facts.0 | stats.facts.0);
    }
    for (key, stats) in &from.callers {
        let slot = into.callers.entry(key.clone()).or_default();
        slot.calls = slot.calls.saturating_add(stats.calls);
        slot.refused = slot.refused.saturating_add(stats.refused);
        hull(&mut slot.seen, stats.seen);
    }
    add(&mut into.servers, &from.servers);
}

fn add<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        let slot = into.entry(key.clone()).or_default();
        *slot = slot.saturating_add(*count);
    }
}

fn hull(into: &mut Seen, from: Seen) {
    into.first = into.first.min(from.first);
    into.last = into.last.max(from.last);
}
