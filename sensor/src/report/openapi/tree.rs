//! The fields of one body as a tree: JSON pointers with their sums in, nodes with members, items and
//! a place for keys that are data out. What came while a name was held back is counted with those
//! keys; here it is laid under the name too, so that nothing is claimed of it that it did not keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{Facts, Place};
use crate::inventory::{EndpointStats, FieldStats};
use crate::limits::JSON_DEPTH_MAX;

/// Nodes that may be laid under other names; past that a value is anything.
const COPIES_MAX: usize = 65_536;

/// One place in a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) sums: FieldStats,
    pub(super) members: BTreeMap<String, Node>,
    /// Items of arrays.
    pub(super) items: Option<Box<Node>>,
    /// Values under keys that are data.
    pub(super) rest: Option<Box<Node>>,
    /// Nothing may be said of it.
    pub(super) unknown: bool,
    /// The texts that it has, if there are no others; `None` for those not shown.
    pub(super) values: Vec<Option<Arc<str>>>,
}

/// The tree of a body; `None` if none was read at this place.
pub(super) fn of_body(stats: &EndpointStats, place: Place) -> Option<Node> {
    let mut root = Node::default();
    let mut any = false;
    for (key, sums) in stats.fields.iter().filter(|(key, _)| key.place == place) {
        let mut node = &mut root;
        let mut depth = 0;
        for part in key.name.split('/').skip(1) {
            depth += 1;
            if depth > JSON_DEPTH_MAX {
                break;
            }
            node = match part {
                "*" => node.items.get_or_insert_default(),
                "{key}" => node.rest.get_or_insert_default(),
                name => node.members.entry(name.to_owned()).or_default(),
            };
        }
        if depth <= JSON_DEPTH_MAX {
            node.sums.merge(*sums);
            node.values = stats.values.get(key).map(|v| v.values().cloned().collect()).unwrap_or_default();
            any = true;
        }
    }
    root.settle(&mut { COPIES_MAX });
    any.then_some(root)
}

impl Node {
    /// The member is required: all objects had it.
    pub(super) fn requires(&self, member: &Node) -> bool {
        self.sums.objects > 0 && member.sums.present == self.sums.objects
    }

    /// Lays values of keys under the names that were held back; as deep as bodies are read.
    fn settle(&mut self, copies: &mut usize) {
        if self.sums.facts.contains(Facts::FULL) {
            self.members.values_mut().for_each(|member| member.unknown = true);
            (self.items, self.rest) = (None, None);
        }
        if let Some(rest) = &self.rest {
            let own =
                self.members.values().map(|member| u64::from(member.sums.held)).fold(0, u64::saturating_add);
            // Names that nobody knows: each may be any of those that were held back once.
            let open = rest.sums.present > own;
            for member in self.members.values_mut().filter(|m| m.sums.facts.contains(Facts::LATE)) {
                if !open && member.sums.held == 0 {
                    continue;
                }
                let size = rest.size(*copies);
                if size > *copies {
                    member.unknown = true;
                    continue;
                }
                *copies -= size;
                member.sums.objects = member.sums.objects.saturating_add(rest.sums.objects);
                if open {
                    member.sums.facts |= rest.sums.facts;
                }
                // Values that came before are among those of the rest.
                member.values.clear();
                member.adopt(rest);
            }
            if !open && !rest.sums.facts.contains(Facts::DATA) {
                // All that stood for other names has found its name.
                self.rest = None;
            }
        }
        let parts = self.members.values_mut();
        let parts = parts.chain(self.items.as_deref_mut()).chain(self.rest.as_deref_mut());
        parts.for_each(|part| part.settle(copies));
    }

    /// Nodes below and this one, or more than `most`.
    fn size(&self, most: usize) -> usize {
        let parts = self.members.values().chain(self.items.as_deref()).chain(self.rest.as_deref());
        let mut size = 1;
        for part in parts {
            if size > most {
                break;
            }
            size += part.size(most - size);
        }
        size
    }

    /// Adds what is below another node.
    fn adopt(&mut self, other: &Node) {
        for (name, theirs) in &other.members {
            self.members.entry(name.clone()).or_default().unite(theirs);
        }
        if let Some(theirs) = &other.items {
            self.items.get_or_insert_default().unite(theirs);
        }
        if let Some(theirs) = &other.rest {
            self.rest.get_or_insert_default().unite(theirs);
        }
    }

    fn unite(&mut self, other: &Node) {
        self.sums.merge(other.sums);
        self.values.clear();
        self.unknown |= other.unknown;
        self.adopt(other);
    }
}
