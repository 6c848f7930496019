//! Ring records -> [`Event`]s, field by field. A record that is too short, of another ABI version or
//! of an unknown kind is counted and skipped, never a reason to stop.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use schema::limits::COMM_BYTES;
use schema::record::{
    ABI_VERSION, BindRecord, CloseRecord, DataRecord, ExecRecord, FLAG_BURST_START, INBOUND, KIND_BIND,
    KIND_CLOSE, KIND_DATA, KIND_EXEC, KIND_OPEN, KIND_PAIR, OUTBOUND, OpenRecord, PairRecord, VERDICT_HTTP1,
    VERDICT_HTTP2, VERDICT_OTHER, VERDICT_TLS, u8_at, u16_at, u32_at, u64_at,
};

use super::tls::watch::{Hint, Watch};
use super::workload::{Process, Workloads};
use super::{Connection, Event, Segment, Session};
use crate::counter::{Counter, Counters};
use crate::flow::{ConnectionId, Direction, FourTuple, Timestamp, Verdict};
use crate::limits::TLS_CONNECTIONS_MAX;

/// Decodes the records of one run.
pub struct Decoder {
    workloads: Workloads,
    watch: Watch,
    /// Processes of connections with TLS, and when these were opened by the monotonic clock.
    encrypted: HashMap<ConnectionId, (u32, u64)>,
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
        Self::with(Workloads::new(), epoch_offset_ns)
    }

    fn with(workloads: Workloads, epoch_offset_ns: u64) -> Self {
        Decoder { workloads, watch: Watch::default(), encrypted: HashMap::new(), epoch_offset_ns }
    }

    /// Tells whoever sets probes what the records say of processes, and asks it why a connection was not
    /// read.
    pub fn tell(&mut self, watch: Watch) {
        self.watch = watch;
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
            (Some(ABI_VERSION), Some(KIND_BIND)) => bind(record),
            (Some(ABI_VERSION), Some(KIND_EXEC)) if record.len() >= size_of::<ExecRecord>() => {
                // Of whole length: the member is there.
                let process = member!(u32_at, record, ExecRecord, process).unwrap_or_default();
                self.watch.hint(Hint::Began(process));
                return None;
            }
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
        let local = (
            std::mem::offset_of!(OpenRecord, local_address),
            member!(u16_at, record, OpenRecord, local_port)?,
        );
        let remote = (
            std::mem::offset_of!(OpenRecord, remote_address),
            member!(u16_at, record, OpenRecord, remote_port)?,
        );
        let tuple = tuple_at(record, family, local, remote)?;
        let process = Process {
            id: member!(u32_at, record, OpenRecord, process)?,
            cgroup: member!(u64_at, record, OpenRecord, cgroup)?,
            comm: comm_at(record, std::mem::offset_of!(OpenRecord, comm))?,
        };
        let monotonic_ns = member!(u64_at, record, OpenRecord, timestamp_ns)?;
        let at = self.time(monotonic_ns);
        let id = ConnectionId(member!(u64_at, record, OpenRecord, connection)?);
        let carrier = member!(u64_at, record, OpenRecord, carrier)?;
        let session = (member!(u8_at, record, OpenRecord, session)? != 0)
            .then_some(Session { carrier: (carrier != 0).then_some(ConnectionId(carrier)) });
        if verdict == Verdict::Tls && session.is_none() {
            self.watch.hint(Hint::Carries(process.id));
            if self.encrypted.len() < TLS_CONNECTIONS_MAX {
                self.encrypted.insert(id, (process.id, monotonic_ns));
            }
        }
        Some(Event::Opened(Connection {
            id,
            tuple,
            workload: Some(self.workloads.of(process, Timestamp(monotonic_ns))),
            verdict: Some(verdict),
            session,
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

    fn close(&mut self, record: &[u8]) -> Option<Event<'static>> {
        let connection = ConnectionId(member!(u64_at, record, CloseRecord, connection)?);
        let unread = self.encrypted.remove(&connection).map(|(process, at)| self.watch.unread(process, at));
        Some(Event::Closed {
            connection,
            unread,
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

fn bind(record: &[u8]) -> Option<Event<'static>> {
    let family = member!(u8_at, record, BindRecord, family)?;
    let local =
        (std::mem::offset_of!(BindRecord, local_address), member!(u16_at, record, BindRecord, local_port)?);
    let remote =
        (std::mem::offset_of!(BindRecord, remote_address), member!(u16_at, record, BindRecord, remote_port)?);
    Some(Event::Bound {
        session: ConnectionId(member!(u64_at, record, BindRecord, session)?),
        carrier: ConnectionId(member!(u64_at, record, BindRecord, carrier)?),
        tuple: tuple_at(record, family, local, remote)?,
    })
}

/// Two addresses, each by the place of its bytes and its port.
fn tuple_at(record: &[u8], family: u8, local: (usize, u16), remote: (usize, u16)) -> Option<FourTuple> {
    let address = |(offset, port): (usize, u16)| -> Option<SocketAddr> {
        let bytes: [u8; 16] = record.get(offset..offset + 16)?.try_into().ok()?;
        let [a, b, c, d, ..] = bytes;
        let ip = match family {
            4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            6 => IpAddr::V6(Ipv6Addr::from(bytes)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    };
    Some(FourTuple { local: address(local)?, remote: address(remote)? })
}

fn comm_at(record: &[u8], offset: usize) -> Option<[u8; COMM_BYTES]> {
    record.get(offset..offset + COMM_BYTES)?.try_into().ok()
}

/// Any bytes as records, one after the other, each behind a byte with its length: no panic, and no event
/// that says less than its bytes.
pub fn fuzz(mut data: &[u8]) {
    let nowhere = std::path::Path::new("/nonexistent");
    let mut decoder = Decoder::with(Workloads::below(nowhere, nowhere), u64::MAX / 2);
    let mut counters = Counters::default();
    while let Some((&length, rest)) = data.split_first() {
        let (record, rest) = rest.split_at(rest.len().min(usize::from(length)));
        data = rest;
        if let Some(Event::Segment(segment)) = decoder.decode(record, &mut counters) {
            assert!(segment.span >= segment.bytes.len() as u64, "more bytes than there were");
        }
    }
}
