//! Merging: sums add up, sets unite, intervals take their hull. Each of these is commutative and
//! associative, so any split of the calls merges to the same inventory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{
    Answered, CallerStats, CoverageStats, EndpointStats, FieldStats, Inventory, Messages, Page, Seen, Values,
};
use crate::call::Facts;
use crate::flow::Timestamp;
use crate::limits::FIELD_VALUES_MAX;

/// Adds the values of one map to another, key by key.
fn merge_map<K: Ord, V>(into: &mut BTreeMap<K, V>, from: BTreeMap<K, V>, mut merge: impl FnMut(&mut V, V)) {
    if into.is_empty() {
        *into = from;
        return;
    }
    for (key, value) in from {
        match into.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(mut entry) => merge(entry.get_mut(), value),
        }
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

impl Inventory {
    /// Adds what another inventory saw.
    pub fn merge(&mut self, other: Inventory) {
        merge_map(&mut self.endpoints, other.endpoints, EndpointStats::merge);
        // One key has one text; should two installations' keys ever meet, the order must not matter.
        merge_map(&mut self.words, other.words, |word, other| {
            if other < *word {
                *word = other;
            }
        });
        merge_map(&mut self.coverage, other.coverage, |sum, more| sum.merge(more));
        merge_map(&mut self.losses, other.losses, add);
    }

    /// Nothing was seen, nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
            && self.words.is_empty()
            && self.coverage.is_empty()
            && self.losses.is_empty()
    }
}

impl EndpointStats {
    /// Adds the calls of another.
    pub fn merge(&mut self, other: EndpointStats) {
        add(&mut self.calls, other.calls);
        self.seen.merge(other.seen);
        self.statuses.merge(other.statuses, add);
        self.rpc_statuses.merge(other.rpc_statuses, add);
        self.messages.merge(other.messages);
        self.latency.merge(&other.latency);
        add(&mut self.request_bytes, other.request_bytes);
        add(&mut self.response_bytes, other.response_bytes);
        self.request_types.merge(other.request_types, add);
        self.response_types.merge(other.response_types, add);
        self.contents.merge(other.contents, add);
        self.fields.merge(other.fields, |sum, more| sum.merge(more));
        self.values.merge(other.values, merge_values);
        self.settle_values();
        self.transports.merge(other.transports, add);
        self.callers.merge(other.callers, |sum, more| sum.merge(more));
        self.servers.merge(other.servers, add);
        self.answered.merge(other.answered);
        self.page = self.page.merge(other.page);
        self.signs.merge(other.signs, |sum, more| {
            add(&mut sum.calls, more.calls);
            sum.seen.merge(more.seen);
        });
        self.classes.merge(other.classes, |sum, more| {
            add(&mut sum.values, more.values);
            sum.seen.merge(more.seen);
        });
    }
}

impl Messages {
    /// Adds those of other calls.
    pub fn merge(&mut self, other: Messages) {
        for side in 0..2 {
            add(&mut self.sums[side], other.sums[side]);
            self.most[side] = self.most[side].max(other.most[side]);
        }
    }
}

impl Answered {
    /// Adds the calls of another.
    pub fn merge(&mut self, other: Answered) {
        self.seen.merge(other.seen);
        self.callers |= other.callers;
        self.paths |= other.paths;
    }
}

impl Page {
    /// What both together are.
    #[must_use]
    pub fn merge(self, other: Page) -> Page {
        match (self, other) {
            (Page::None, page) | (page, Page::None) => page,
            (one, other) if one == other => one,
            _ => Page::Several,
        }
    }
}

/// Adds values of one field. A word is known by each sensor in its own time.
pub(crate) fn merge_values(values: &mut Values, more: Values) {
    values.merge(more, |word, other| match (&word, other) {
        (Some(known), Some(other)) if other >= *known => {}
        (_, None) => {}
        (_, other) => *word = other,
    });
}

impl EndpointStats {
    /// Forgets the values of fields that turned out to be open; those with too many are.
    pub(crate) fn settle_values(&mut self) {
        let fields = &mut self.fields;
        self.values.retain(|key, values| {
            let Some(field) = fields.value_mut(key) else { return true };
            if values.len() > FIELD_VALUES_MAX {
                field.facts |= Facts::OPEN;
            }
            !field.facts.contains(Facts::OPEN)
        });
    }
}

impl FieldStats {
    /// Adds the calls of another.
    pub fn merge(&mut self, other: FieldStats) {
        add(&mut self.calls, other.calls);
        self.facts |= other.facts;
        add(&mut self.present, other.present);
        add(&mut self.objects, other.objects);
        self.held = self.held.saturating_add(other.held);
        self.seen.merge(other.seen);
    }
}

impl CallerStats {
    /// Adds the calls of another.
    pub fn merge(&mut self, other: CallerStats) {
        add(&mut self.calls, other.calls);
        add(&mut self.refused, other.refused);
        add(&mut self.granted, other.granted);
        add(&mut self.denied, other.denied);
        add(&mut self.encrypted, other.encrypted);
        self.seen.merge(other.seen);
        self.paths |= other.paths;
        self.principals.merge(&other.principals);
    }
}

impl CoverageStats {
    /// Adds the connections of another.
    pub fn merge(&mut self, other: CoverageStats) {
        add(&mut self.connections, other.connections);
        add(&mut self.bytes, other.bytes);
        add(&mut self.plaintext_bytes, other.plaintext_bytes);
        add(&mut self.lost_bytes, other.lost_bytes);
    }
}

impl Seen {
    /// Widens the interval to hold a point in time.
    pub fn record(&mut self, at: Timestamp) {
        self.merge(Seen { first: at, last: at });
    }

    /// Takes the hull of both.
    pub fn merge(&mut self, other: Seen) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}
