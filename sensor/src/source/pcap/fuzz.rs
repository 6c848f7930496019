//! Any bytes as a capture, as packets of any link layer, and as segments of few connections: no panic,
//! bounded memory, and events that hold together.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::{Capture, CaptureFile, Flows, Packet, TcpSegment};
use crate::counter::Counters;
use crate::flow::Timestamp;
use crate::source::Event;

/// Link layers that are read, and one that is not.
const LINKS: [i32; 13] = [1, 0, 108, 12, 14, 101, 228, 229, 113, 276, 9, 50, 147];

/// Reads `data` as a capture file.
pub fn fuzz(data: &[u8]) {
    let (mut capture, mut watch) = (Capture::default(), Watch::default());
    let Ok(mut file) = CaptureFile::open(std::io::Cursor::new(data.to_vec())) else { return };
    while let Ok(true) = file.next(&mut |packet| capture.take(packet, &mut |event| watch.see(&event))) {}
    capture.end(&mut |event| watch.see(&event));
    watch.end();
}

/// Reads `data` as packets: each is a byte that chooses the link layer and two of length (little-endian)
/// before its bytes.
pub fn fuzz_packets(mut data: &[u8]) {
    let (mut capture, mut watch) = (Capture::default(), Watch::default());
    let mut at = 0;
    while let &[link, low, high, ref rest @ ..] = data {
        at += 1_000_000;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let (bytes, rest) = rest.split_at(rest.len().min(length));
        data = rest;
        let link = LINKS[usize::from(link) % LINKS.len()];
        capture.take(&Packet { at: Timestamp(at), link, bytes }, &mut |event| watch.see(&event));
    }
    capture.end(&mut |event| watch.see(&event));
    watch.end();
}

/// Reads `data` as segments. Each is nine bytes (flags of TCP; bits 0 and 1 which client, bit 2 from the
/// server, bit 3 whether it acknowledges, bits 4 and up tens of seconds that pass; sequence number and
/// acknowledgment, two bytes each, that count in steps of 16,384; length; missing bytes; extra sequence) and its payload.
pub fn fuzz_flows(mut data: &[u8]) {
    let (mut flows, mut watch) = (Flows::default(), Watch::default());
    let mut counters = Counters::default();
    let mut at = 0;
    while let &[flags, kind, s_high, s_low, a_high, a_low, length, missing, near, ref rest @ ..] = data {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        at += 1_000_000 + u64::from(kind >> 4) * 10_000_000_000;
        let number = |high: u8, low: u8, near: u8| {
            (u32::from(u16::from_be_bytes([high, low])) << 16).wrapping_add(u32::from(near))
        };
        let client = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 50_000 + u16::from(kind & 3));
        let server = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80);
        let (source, destination) = if kind & 4 == 0 { (client, server) } else { (server, client) };
        let segment = TcpSegment {
            source,
            destination,
            overlay: 0,
            sequence: number(s_high, s_low, near),
            acknowledgment: (kind & 8 != 0).then(|| number(a_high, a_low, near)),
            syn: flags & 2 != 0,
            fin: flags & 1 != 0,
            rst: flags & 4 != 0,
            push: flags & 8 != 0,
            payload,
            span: payload.len() as u32 + u32::from(missing),
        };
        flows.take(&segment, Timestamp(at), &mut counters, &mut |event| watch.see(&event));
    }
    flows.end(&mut |event| watch.see(&event));
    watch.end();
}

/// What must hold of the events of a capture: all of a connection stand between its opening and its close.
#[derive(Default)]
struct Watch {
    open: HashMap<u64, [u64; 2]>,
    opened: u64,
}

impl Watch {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Opened(connection) => {
                self.opened += 1;
                assert_eq!(connection.id.0, self.opened, "numbers do not count up");
                self.open.insert(connection.id.0, [0; 2]);
            }
            Event::Segment(segment) => {
                let ends = self.open.get_mut(&segment.connection.0).expect("a segment of no connection");
                assert!(segment.span > 0 && segment.span >= segment.bytes.len() as u64);
                let end = &mut ends[segment.direction.index()];
                *end = (*end).max(segment.position + segment.span);
            }
            Event::Received { connection, .. } => assert!(self.open.contains_key(&connection.0)),
            Event::Closed { connection, .. } => {
                assert!(self.open.remove(&connection.0).is_some(), "closed twice");
            }
            Event::Paired { .. } | Event::Bound { .. } => unreachable!("no capture says so"),
        }
    }

    fn end(self) {
        assert!(self.open.is_empty(), "a connection was left open");
    }
}
