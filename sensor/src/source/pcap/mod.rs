//! Capture files -> [`Event`](super::Event)s: `file` takes packets out of pcap and pcapng, `packet`
//! finds the TCP segments in them, also inside of tunnels, `flows` makes connections of those.
//!
//! It puts nothing in order: positions are given, and `stream` does the rest.

mod file;
mod flows;
mod fragments;
mod fuzz;
mod packet;

pub use file::{CaptureFile, FileError, Packet};
pub use flows::Flows;
pub use fuzz::{fuzz, fuzz_flows, fuzz_packets};
pub use packet::{TcpSegment, Walker};

use super::Event;
use crate::counter::Counters;

/// Packets of one capture in, events out.
#[derive(Default)]
pub struct Capture {
    walker: Walker,
    flows: Flows,
    packets: u64,
    counters: Counters,
}

impl Capture {
    /// Takes one packet.
    pub fn take(&mut self, packet: &Packet<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.packets += 1;
        let Capture { walker, flows, counters, .. } = self;
        walker.walk(packet, counters, &mut |segment, counters| {
            flows.take(segment, packet.at, counters, sink);
        });
    }

    /// The capture ended: so do all of its connections.
    pub fn end(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        self.flows.end(sink);
    }

    /// What was counted since the last time.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// Packets taken.
    pub fn packets(&self) -> u64 {
        self.packets
    }
}
