//! What people set, and what counts when they set nothing.

use std::collections::BTreeSet;

use super::{Context, Settings};
use crate::call::DataClass;
use crate::flow::Timestamp;
use crate::inventory::Seen;
use crate::inventory::catalog::Service;
use crate::inventory::compare::Window;

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

impl Settings {
    /// As if nothing was set: a window of 30 days, 7 days of learning, only private networks inside, no
    /// sensitive data for everybody.
    pub fn default_at(now: Timestamp) -> Settings {
        Settings {
            now,
            window_ns: 30 * DAY_NS,
            learning_ns: 7 * DAY_NS,
            internal: Vec::new(),
            public_classes: BTreeSet::new(),
            policy: None,
        }
    }

    /// What was last seen before is history.
    pub fn since(&self) -> Timestamp {
        Timestamp(self.now.0.saturating_sub(self.window_ns))
    }

    /// What was seen then counts: it was, and the last time within the window.
    pub fn counts(&self, seen: Seen) -> bool {
        seen.first <= seen.last && seen.last >= self.since()
    }

    /// Data of the class may go to anybody.
    pub fn is_public(&self, class: DataClass) -> bool {
        self.public_classes.contains(class.name())
    }
}

impl Context<'_> {
    /// The window as comparisons take it.
    pub fn window(&self) -> Window {
        Window { since: self.settings.since() }
    }

    /// When the service counts as learnt.
    pub fn learnt_at(&self, service: &Service) -> Timestamp {
        let first = service.endpoints.iter().map(|endpoint| endpoint.stats.seen.first).min();
        Timestamp(first.unwrap_or_default().0.saturating_add(self.settings.learning_ns))
    }

    /// What was first seen then is new: learning was over, and it is not history yet.
    pub fn is_new(&self, first: Timestamp, learnt_at: Timestamp) -> bool {
        first >= learnt_at && first >= self.settings.since() && first <= self.settings.now
    }
}
