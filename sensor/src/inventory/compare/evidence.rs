//! How many calls of an endpoint were answered how: what may be said of fields of which only sums over
//! all calls are known. A call that the server refused as wrong proves nothing of what it takes.

use crate::inventory::{EndpointStats, FieldStats};

/// Counts of calls.
#[derive(Clone, Copy)]
pub(super) struct Evidence {
    /// Answered with 2xx.
    pub(super) granted: u64,
    /// Not so.
    pub(super) others: u64,
    /// Not answered, or as wrong (400, 415, 422 and their like), or with 5xx.
    pub(super) doubtful: u64,
}

impl Evidence {
    pub(super) fn of(stats: &EndpointStats) -> Evidence {
        let sum = |wanted: fn(u16) -> bool| {
            let calls = stats.statuses.iter().filter(|(status, _)| wanted(**status));
            calls.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls))
        };
        let granted = sum(|status| (200..300).contains(&status));
        let answered = sum(|_| true);
        // Refusals of who asks, or because of how things stand, say nothing about the form of a call.
        let doubtful = sum(|status| match status {
            401 | 403 | 404 | 409 | 410 | 412 | 423 | 425 | 428 | 429 => false,
            status => !(200..400).contains(&status),
        });
        let unanswered = stats.calls.saturating_sub(answered);
        Evidence {
            granted,
            others: stats.calls.saturating_sub(granted),
            doubtful: doubtful.saturating_add(unanswered),
        }
    }

    /// One of so many calls was taken: there are more of them than calls that may have been refused for it.
    pub(super) fn is_taken(self, calls: u64) -> bool {
        calls > self.doubtful
    }

    /// A value of those that are `wrong` was taken: there are no doubtful calls, or no other values.
    pub(super) fn is_value_taken(self, field: &FieldStats, only_wrong: bool) -> bool {
        self.doubtful == 0 || (only_wrong && self.is_taken(field.calls))
    }
}
