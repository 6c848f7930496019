//! IP fragments -> whole payloads (RFC 791, RFC 8200 section 4.5), a bounded number at a time.
//!
//! What overlaps is taken as it comes; a fragment that contradicts others ends its packet.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

use crate::counter::{Counter, Counters};
use crate::limits::FRAGMENTED_PACKETS_MAX;

/// What fragments of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub identification: u32,
    pub protocol: u8,
    pub overlay: u64,
}

/// One piece.
pub struct Fragment<'a> {
    pub offset: IpFragOffset,
    pub more: bool,
    pub bytes: &'a [u8],
}

/// Packets of which some fragments have come.
#[derive(Default)]
pub struct Fragments {
    waiting: HashMap<FragmentKey, (u64, IpDefragBuf)>,
    /// In the order of their first fragments; those that are done stay until they come to the front.
    order: VecDeque<(u64, FragmentKey)>,
    count: u64,
}

impl Fragments {
    /// Takes a piece; the whole payload if it was the last one that was missing.
    pub fn take(
        &mut self,
        key: FragmentKey,
        fragment: &Fragment<'_>,
        counters: &mut Counters,
    ) -> Option<Vec<u8>> {
        let number = match self.waiting.get(&key) {
            Some(&(number, _)) => number,
            None => {
                self.make_room(counters);
                self.count += 1;
                self.order.push_back((self.count, key));
                let buffer = IpDefragBuf::new(IpNumber(key.protocol), Vec::new(), Vec::new());
                self.waiting.insert(key, (self.count, buffer));
                self.count
            }
        };
        let (_, buffer) = self.waiting.get_mut(&key)?;
        let added = buffer.add(fragment.offset, fragment.more, fragment.bytes);
        if added.is_ok() && !buffer.is_complete() {
            return None;
        }
        let (_, buffer) = self.waiting.remove(&key)?;
        if self.order.back().is_some_and(|&(last, _)| last == number) {
            self.order.pop_back();
        }
        match added {
            Ok(()) => Some(buffer.take_bufs().0),
            Err(_) => {
                counters.add(Counter::FragmentLost);
                None
            }
        }
    }

    /// Lets the oldest go.
    fn make_room(&mut self, counters: &mut Counters) {
        while self.order.len() >= FRAGMENTED_PACKETS_MAX {
            let Some((number, key)) = self.order.pop_front() else { return };
            if self.waiting.get(&key).is_some_and(|&(waiting, _)| waiting == number) {
                self.waiting.remove(&key);
                counters.add(Counter::FragmentLost);
            }
        }
    }
}
