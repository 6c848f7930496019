//! Ring records -> [`Event`]s, field by field. A record that is too short, of another ABI version or
//! of an unknown kind is counted and skipped, never a reason to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use schema::limits::COMM_BYTES;
use schema::record::{
    ABI_VERSION, CloseRecord, DataRecord, FLAG_BURST_START, INBOUND, KIND_CLOSE, KIND_DATA, KIND_OPEN,
    KIND_PAIR, OUTBOUND, OpenRecord, PairRecord, VERDICT_HTTP1, VERDICT_HTTP2, VERDICT_OTHER, VERDICT_TLS,
    u8_at, u16_at, u32_at, u64_at,
};

use super::workload::{Process, Workloads};
use super::{Connection, Event, Segment};
use crate::counter::{Counter, Counters};
use crate::flow::{ConnectionId, Direction, FourTuple, Timestamp, Verdict};

/// Decodes the records of one run.
pub struct Decoder {
    workloads: Workloads,
    /// Added to the kernel's monotonic clock to get the time since the epoch, in nanoseconds.
    epoch_offset_ns: u64,
}

/// Reads the member at its place in the layout.
macro_rules! member {
    ($read:ident, $record:expr, $layout:ty, $member:ident) => {
        $read($record, std::mem::offset_of!($layout, $member))
    };
}

impl Decoder {
    /// `epoch_offset_ns`: see [`Decoder::set_epoch_offset`].
    pub fn new(epoch_offset_ns: u64) -> Self {
        Decoder { workloads: Workloads::new(), epoch_offset_ns }
    }

    /// Follows a change of the wall clock: nanoseconds from the monotonic clock to the epoch.
    pub fn set_epoch_offset(&mut self, nanoseconds: u64) {
        self.epoch_offset_ns = nanoseconds;
    }

    /// The event of one record, or `None` with a counter.
    pub fn decode<'a>(&mut self, record: &'a [u8], counters: &mut Counters) -> Option<Event<'a>> {
        let event = match (u16_at(record, 0), u8_at(record, 2)) {
            (Some(ABI_VERSION), Some(KIND_DATA)) => self.data(record),
            (Some(ABI_VERSION), Some(KIND_OPEN)) => self.open(record),
            (Some(ABI_VERSION), Some(KIND_PAIR)) => self.pair(record),
            (Some(ABI_VERSION), Some(KIND_CLOSE)) => self.close(record),
            _ => None,
        };
        if event.is_none() {
            counters.add(Counter::RecordMalformed);
        }
        event
    }

    fn time(&self, monotonic_ns: u64) -> Timestamp {
        Timestamp(monotonic_ns.saturating_add(self.epoch_offset_ns))
    }

    fn data<'a>(&self, record: &'a [u8]) -> Option<Event<'a>> {
        let direction = match member!(u8_at, record, DataRecord, direction)? {
            INBOUND => Direction::Inbound,
            OUTBOUND => Direction::Outbound,
            _ => return None,
        };
        let payload_bytes = member!(u32_at, record, DataRecord, payload_bytes)? as usize;
        let bytes = record.get(size_of::<DataRecord>()..)?.get(..payload_bytes)?;
        let span = u64::from(member!(u32_at, record, DataRecord, span_bytes)?);
        if span < bytes.len() as u64 {
            return None;
        }
        Some(Event::Segment(Segment {
            connection: ConnectionId(member!(u64_at, record, DataRecord, connection)?),
            direction,
            position: member!(u64_at, record, DataRecord, position)?,
            bytes,
            span,
            burst: (member!(u8_at, record, DataRecord, flags)? & FLAG_BURST_START != 0).into(),
            at: self.time(member!(u64_at, record, DataRecord, timestamp_ns)?),
        }))
    }

    fn open(&mut self, record: &[u8]) -> Option<Event<'static>> {
        let verdict = match member!(u8_at, record, OpenRecord, verdict)? {
            VERDICT_HTTP1 => Verdict::Http1,
            VERDICT_HTTP2 => Verdict::Http2,
            VERDICT_TLS => Verdict::Tls,
            VERDICT_OTHER => Verdict::Other,
            _ => return None,
        };
        let family = member!(u8_at, record, OpenRecord, family)?;
        let address = |offset: usize, port: u16| -> Option<SocketAddr> {
            let bytes: [u8; 16] = record.get(offset..offset + 16)?.try_into().ok()?;
            let [a, b, c, d, ..] = bytes;
            let ip = match family {
                4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
                6 => IpAddr::V6(Ipv6Addr::from(bytes)),
                _ => return None,
            };
            Some(SocketAddr::new(ip, port))
        };
        let local = address(
            std::mem::offset_of!(OpenRecord, local_address),
            member!(u16_at, record, OpenRecord, local_port)?,
        )?;
        let remote = address(
            std::mem::offset_of!(OpenRecord, remote_address),
            member!(u16_at, record, OpenRecord, remote_port)?,
        )?;
        let process = Process {
            id: member!(u32_at, record, OpenRecord, process)?,
            cgroup: member!(u64_at, record, OpenRecord, cgroup)?,
            comm: comm_at(record, std::mem::offset_of!(OpenRecord, comm))?,
        };
        let monotonic_ns = member!(u64_at, record, OpenRecord, timestamp_ns)?;
        let at = self.time(monotonic_ns);
        Some(Event::Opened(Connection {
            id: ConnectionId(member!(u64_at, record, OpenRecord, connection)?),
            tuple: FourTuple { local, remote },
            workload: Some(self.workloads.of(process, Timestamp(monotonic_ns))),
            verdict: Some(verdict),
            begun: [true; 2],
            at,
        }))
    }

    fn pair(&mut self, record: &[u8]) -> Option<Event<'static>> {
        let process = Process {
            id: member!(u32_at, record, PairRecord, process)?,
            cgroup: member!(u64_at, record, PairRecord, cgroup)?,
            comm: comm_at(record, std::mem::offset_of!(PairRecord, comm))?,
        };
        let monotonic_ns = member!(u64_at, record, PairRecord, timestamp_ns)?;
        Some(Event::Paired {
            kept: ConnectionId(member!(u64_at, record, PairRecord, kept)?),
            mirrored: ConnectionId(member!(u64_at, record, PairRecord, mirrored)?),
            workload: self.workloads.of(process, Timestamp(monotonic_ns)),
        })
    }

    fn close(&self, record: &[u8]) -> Option<Event<'static>> {
        Some(Event::Closed {
            connection: ConnectionId(member!(u64_at, record, CloseRecord, connection)?),
            at: self.time(member!(u64_at, record, CloseRecord, timestamp_ns)?),
            bytes: [
                member!(u64_at, record, CloseRecord, inbound_bytes)?,
                member!(u64_at, record, CloseRecord, outbound_bytes)?,
            ],
            request_bursts: member!(u32_at, record, CloseRecord, request_bursts)?,
            unseen_bytes: [
                member!(u32_at, record, CloseRecord, inbound_unseen_bytes)?,
                member!(u32_at, record, CloseRecord, outbound_unseen_bytes)?,
            ],
        })
    }
}

fn comm_at(record: &[u8], offset: usize) -> Option<[u8; COMM_BYTES]> {
    record.get(offset..offset + COMM_BYTES)?.try_into().ok()
}

/// Any bytes as records, one after the other, each behind a byte with its length: no panic, and no event
/// that says less than its bytes.
pub fn fuzz(mut data: &[u8]) {
    let nowhere = std::path::Path::new("/nonexistent");
    let mut decoder =
        Decoder { workloads: Workloads::below(nowhere, nowhere), epoch_offset_ns: u64::MAX / 2 };
    let mut counters = Counters::default();
    while let Some((&length, rest)) = data.split_first() {
        let (record, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        if let Some(Event::Segment(segment)) = decoder.decode(record, &mut counters) {
            assert!(segment.span >= segment.bytes.len() as u64, "more bytes than there were");
        }
    }
}
