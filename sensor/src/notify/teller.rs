//! Queues what sinks are still to be told, and delivers what waits. A sink that is away is left alone
//! for longer and longer; a note that a sink refuses again and again is given up.

use std::time::{Duration, Instant};

use super::event::untold;
use super::wire::{Answer, Wire};
use super::{Event, Sink};
use crate::findings::{Fingerprint, Level};
use crate::flow::Timestamp;
use crate::limits::NOTIFICATION_REFUSALS_MAX;
use crate::store::findings::{Delivery, FindingStore, Known, KnownFinding, WaitingNote};
use crate::store::{StoreError, now};

/// Notes that are read from the store at once.
const BATCH: usize = 64;

/// Pauses after failures.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// After the first one; doubles with each further one.
    pub first: Duration,
    /// The longest.
    pub max: Duration,
}

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses { first: Duration::from_secs(2), max: Duration::from_secs(600) }
    }
}

/// What was told since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Notes that were taken.
    pub delivered: u64,
    /// Tries that failed.
    pub retried: u64,
    /// Notes given up, since too many waited or the sink refused them.
    pub dropped: u64,
}

/// All sinks.
pub struct Teller {
    sinks: Vec<Receiver>,
    least: Level,
    pauses: Pauses,
    wire: Wire,
    tally: Tally,
}

/// A sink and how it stands.
struct Receiver {
    sink: Sink,
    failures: u32,
    not_before: Timestamp,
}

impl Teller {
    /// Tells those sinks of findings of that level or above.
    pub fn new(sinks: Vec<Sink>, least: Level, pauses: Pauses) -> Teller {
        let receiver = |sink| Receiver { sink, failures: 0, not_before: Timestamp(0) };
        Teller {
            sinks: sinks.into_iter().map(receiver).collect(),
            least,
            pauses,
            wire: Wire::new(),
            tally: Tally::default(),
        }
    }

    /// There is somebody to tell.
    pub fn has_sinks(&self) -> bool {
        !self.sinks.is_empty()
    }

    /// What was told.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Queues what each sink does not know yet; `is_told` leaves out what is suppressed.
    ///
    /// # Errors
    /// The store cannot be read or written; then the next time makes up for it.
    pub async fn enqueue(
        &mut self,
        store: &mut impl FindingStore,
        known: &Known,
        is_told: impl Fn(&Fingerprint, &KnownFinding) -> bool,
    ) -> Result<(), StoreError> {
        for receiver in &self.sinks {
            let name = receiver.sink.name();
            let notes = untold(known, &store.told(name).await?, self.least, &is_told);
            if !notes.is_empty() {
                self.tally.dropped += store.enqueue(name, &notes, now()).await?;
            }
        }
        Ok(())
    }

    /// Delivers what waits, until nothing is due, no sink takes any, or `deadline`.
    ///
    /// # Errors
    /// The store cannot be read or written; then what was delivered last may be told again, with the
    /// same id.
    pub async fn deliver(
        &mut self,
        store: &mut impl FindingStore,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        for index in 0..self.sinks.len() {
            while Instant::now() < deadline {
                // The index is below the length.
                let Some(receiver) = self.sinks.get(index) else { break };
                let at = now();
                if at < receiver.not_before {
                    break;
                }
                let due = store.due(receiver.sink.name(), at, BATCH).await?;
                if due.is_empty() {
                    break;
                }
                for note in due {
                    if Instant::now() >= deadline || !self.deliver_one(store, index, note).await? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the sink takes more.
    async fn deliver_one(
        &mut self,
        store: &mut impl FindingStore,
        index: usize,
        waiting: WaitingNote,
    ) -> Result<bool, StoreError> {
        let Some(receiver) = self.sinks.get_mut(index) else { return Ok(false) };
        let Ok(event) = serde_json::from_str::<Event>(&waiting.note.body) else {
            // Written by a version whose form is another.
            self.tally.dropped += 1;
            store.settle_note(waiting.id, Delivery::GivenUp, now()).await?;
            return Ok(true);
        };
        let answer = self.wire.send(&receiver.sink, &event, now().0);
        let at = now();
        match answer {
            Answer::Taken => {
                if receiver.failures > 0 {
                    tracing::info!(sink = receiver.sink.name(), "the sink takes notifications again");
                }
                receiver.failures = 0;
                self.tally.delivered += 1;
                store.settle_note(waiting.id, Delivery::Delivered, at).await?;
                Ok(true)
            }
            Answer::Refused(status) => {
                if waiting.attempts + 1 >= NOTIFICATION_REFUSALS_MAX {
                    self.tally.dropped += 1;
                    tracing::warn!(
                        sink = receiver.sink.name(),
                        status,
                        "the sink refused a notification for good"
                    );
                    store.settle_note(waiting.id, Delivery::GivenUp, at).await?;
                } else {
                    self.tally.retried += 1;
                    let next = after(at, pause(self.pauses, waiting.attempts));
                    store.settle_note(waiting.id, Delivery::Later(next), at).await?;
                }
                Ok(true)
            }
            Answer::Away(why, wanted) => {
                if receiver.failures == 0 {
                    let sink = receiver.sink.name();
                    tracing::warn!(sink, "the sink takes no notifications, they wait: {why}");
                }
                self.tally.retried += 1;
                let wait = pause(self.pauses, receiver.failures).max(wanted.unwrap_or_default());
                receiver.failures = receiver.failures.saturating_add(1);
                receiver.not_before = after(at, wait);
                store.settle_note(waiting.id, Delivery::Later(receiver.not_before), at).await?;
                Ok(false)
            }
        }
    }
}

fn pause(pauses: Pauses, failures: u32) -> Duration {
    pauses.first.saturating_mul(1 << failures.min(16)).min(pauses.max)
}

fn after(at: Timestamp, wait: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = Pauses { first: Duration::from_secs(2), max: Duration::from_secs(60) };
        assert_eq!([0, 1, 4, 5, 99].map(|n| pause(pauses, n).as_secs()), [2, 4, 32, 60, 60]);
    }
}
