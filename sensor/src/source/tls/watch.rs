//! What the decoder of records and the thread that sets probes tell each other: processes that want a
//! look one way, what is known of the TLS of processes the other way.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::flow::unread;
use crate::limits::{TLS_HINTS_MAX, TLS_PROCESSES_MAX};

/// A process that wants a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It runs another program now.
    Began(u32),
    /// A connection of it carries TLS.
    Carries(u32),
    /// No process: the capture ends.
    Stop,
}

/// What is known of the TLS of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When a library of it got its probes, in nanoseconds of the monotonic clock; `None` if none has.
    pub probed_ns: Option<u64>,
    /// What stands in the way of a library of it.
    pub obstacle: Option<&'static str>,
}

/// The decoder's end.
#[derive(Clone, Default)]
pub struct Watch {
    ends: Option<(SyncSender<Hint>, Facts)>,
}

/// What is known of processes, by their ids.
pub type Facts = Arc<Mutex<HashMap<u32, Known>>>;

impl Watch {
    /// Both ends: the decoder's, and the hints and facts of the other.
    pub fn new() -> (Watch, Receiver<Hint>, Facts) {
        let (sender, receiver) = sync_channel(TLS_HINTS_MAX);
        let facts = Facts::default();
        (Watch { ends: Some((sender, facts.clone())) }, receiver, facts)
    }

    /// A process wants a look. One hint too many is dropped: processes are gone through now and then.
    pub fn hint(&self, hint: Hint) {
        if let Some((sender, _)) = &self.ends {
            match sender.try_send(hint) {
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
    }

    /// The capture ends: whoever sets probes is to take them away.
    pub fn stop(&self) {
        if let Some((sender, _)) = &self.ends {
            // An error means that it has ended already.
            let _ = sender.send(Hint::Stop);
        }
    }

    /// What stood in the way of reading a connection of that process which began at `opened_ns` of the
    /// monotonic clock.
    pub fn unread(&self, process: u32, opened_ns: u64) -> &'static str {
        let Some((_, facts)) = &self.ends else { return unread::SWITCHED_OFF };
        match facts.lock().unwrap_or_else(PoisonError::into_inner).get(&process) {
            None => unread::PROCESS_UNKNOWN,
            Some(Known { probed_ns: Some(probed), .. }) if *probed > opened_ns => unread::ATTACHED_LATE,
            Some(Known { probed_ns: Some(_), .. }) => unread::NOT_ATTRIBUTED,
            Some(Known { obstacle: Some(obstacle), .. }) => obstacle,
            Some(_) => unread::NO_PROBE,
        }
    }
}

/// Remembers what is known of a process; of more than [`TLS_PROCESSES_MAX`] none is kept.
pub fn remember(facts: &Facts, process: u32, known: Known) {
    let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
    if facts.len() < TLS_PROCESSES_MAX || facts.contains_key(&process) {
        facts.insert(process, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_follows_from_what_is_known() {
        let (watch, hints, facts) = Watch::new();
        watch.hint(Hint::Began(7));
        assert_eq!(hints.try_recv(), Ok(Hint::Began(7)));
        assert_eq!(watch.unread(7, 100), unread::PROCESS_UNKNOWN);
        remember(&facts, 7, Known { probed_ns: None, obstacle: None });
        assert_eq!(watch.unread(7, 100), unread::NO_PROBE);
        remember(&facts, 7, Known { probed_ns: None, obstacle: Some("no-symbols") });
        assert_eq!(watch.unread(7, 100), "no-symbols");
        remember(&facts, 7, Known { probed_ns: Some(200), obstacle: Some("no-symbols") });
        assert_eq!(watch.unread(7, 100), unread::ATTACHED_LATE);
        assert_eq!(watch.unread(7, 300), unread::NOT_ATTRIBUTED);
        assert_eq!(Watch::default().unread(7, 300), unread::SWITCHED_OFF);
    }

    #[test]
    fn hints_beyond_the_bound_are_dropped() {
        let (watch, hints, _) = Watch::new();
        for process in 0..2 * TLS_HINTS_MAX as u32 {
            watch.hint(Hint::Carries(process));
        }
        assert_eq!(hints.try_iter().count(), TLS_HINTS_MAX);
    }
}
