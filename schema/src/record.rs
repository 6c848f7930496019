//! What the kernel program writes into the ring. Little-endian, no padding, no `bool`, no `usize`.
//!
//! One ring carries control and data records in the order in which they happened; a data record is
//! followed by its payload. The agent decodes field by field ([`u16_at`] and friends) and treats a
//! short or foreign record as a counted loss, never as a reason to stop.

use crate::limits::COMM_BYTES;

/// Version of all layouts here. A record with another one is refused and counted.
pub const ABI_VERSION: u16 = 2;

/// Values of `kind`.
pub const KIND_DATA: u8 = 1;
/// See [`OpenRecord`].
pub const KIND_OPEN: u8 = 2;
/// See [`PairRecord`].
pub const KIND_PAIR: u8 = 3;
/// See [`CloseRecord`].
pub const KIND_CLOSE: u8 = 4;
/// See [`BindRecord`].
pub const KIND_BIND: u8 = 5;
/// See [`ExecRecord`].
pub const KIND_EXEC: u8 = 6;

/// Bytes that the socket's owner received.
pub const INBOUND: u8 = 0;
/// Bytes that the socket's owner sent.
pub const OUTBOUND: u8 = 1;

/// `flags` of a data record: its first byte is the first after bytes of the other direction.
pub const FLAG_BURST_START: u8 = 1;

/// Verdicts of an [`OpenRecord`].
pub const VERDICT_HTTP1: u8 = 1;
/// The HTTP/2 connection preface.
pub const VERDICT_HTTP2: u8 = 2;
/// A TLS record.
pub const VERDICT_TLS: u8 = 3;
/// None of the above within the budget of attempts.
pub const VERDICT_OTHER: u8 = 4;

/// Head of a data record: `payload_bytes` bytes follow it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct DataRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_DATA`].
    pub kind: u8,
    /// [`INBOUND`] or [`OUTBOUND`].
    pub direction: u8,
    /// Sum of `FLAG_*`.
    pub flags: u8,
    /// [`crate::loss::Loss`] number: why `span_bytes` is more than `payload_bytes`.
    pub cause: u8,
    /// Zero.
    pub reserved: u16,
    /// Bytes that follow this head.
    pub payload_bytes: u32,
    /// Bytes of the stream that this record stands for, from `position` on; those past the payload
    /// are missing.
    pub span_bytes: u32,
    /// Number of the connection, unique for one run of the sensor.
    pub connection: u64,
    /// Bytes of this direction before this record, counted from where the connection got its verdict.
    pub position: u64,
    /// Monotonic clock in nanoseconds.
    pub timestamp_ns: u64,
}

/// A connection has got its verdict. Comes before every data record of its connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OpenRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_OPEN`].
    pub kind: u8,
    /// One of `VERDICT_*`.
    pub verdict: u8,
    /// Address family: 4 or 6. A v4-mapped v6 socket says 4.
    pub family: u8,
    /// 1: the plaintext of a TLS session, not what a socket moved.
    pub session: u8,
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, host order.
    pub remote_port: u16,
    /// Zero.
    pub reserved2: u16,
    /// Process (thread group) that made the first operation.
    pub process: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Zero.
    pub reserved3: u32,
    /// Number of the connection.
    pub connection: u64,
    /// Of a session: number of the connection that carries it, zero while it is not known; then the
    /// addresses are zero too.
    pub carrier: u64,
    /// cgroup v2 id of the process.
    pub cgroup: u64,
    /// Monotonic clock in nanoseconds.
    pub timestamp_ns: u64,
    /// Network order; an IPv4 address fills the first four bytes.
    pub local_address: [u8; 16],
    /// As `local_address`.
    pub remote_address: [u8; 16],
    /// Name of the process, zero-filled.
    pub comm: [u8; COMM_BYTES],
}

/// Both ends of one connection are on this host: `mirrored` is no longer captured, `kept` is.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct PairRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_PAIR`].
    pub kind: u8,
    /// Zero.
    pub reserved: u8,
    /// Process at the mirrored end.
    pub process: u32,
    /// Connection whose records continue.
    pub kept: u64,
    /// Connection whose records, past and future, say the same again.
    pub mirrored: u64,
    /// cgroup v2 id of the process at the mirrored end.
    pub cgroup: u64,
    /// Monotonic clock in nanoseconds.
    pub timestamp_ns: u64,
    /// Name of the process at the mirrored end.
    pub comm: [u8; COMM_BYTES],
}

/// The socket is gone.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CloseRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_CLOSE`].
    pub kind: u8,
    /// Zero.
    pub reserved: u8,
    /// Bursts in the direction of the requests: without pipelining, how many requests there were.
    pub request_bursts: u32,
    /// Number of the connection.
    pub connection: u64,
    /// Bytes received while the sensor watched.
    pub inbound_bytes: u64,
    /// Bytes sent while the sensor watched.
    pub outbound_bytes: u64,
    /// Bytes that TCP delivered to the owner and no hook saw.
    pub inbound_unseen_bytes: u32,
    /// Bytes that TCP took from the owner and no hook saw.
    pub outbound_unseen_bytes: u32,
    /// Monotonic clock in nanoseconds.
    pub timestamp_ns: u64,
}

/// The connection that carries a TLS session was found after the session was told of.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct BindRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_BIND`].
    pub kind: u8,
    /// Address family: 4 or 6.
    pub family: u8,
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, host order.
    pub remote_port: u16,
    /// Number of the session.
    pub session: u64,
    /// Number of the connection that carries it.
    pub carrier: u64,
    /// As in an [`OpenRecord`].
    pub local_address: [u8; 16],
    /// As in an [`OpenRecord`].
    pub remote_address: [u8; 16],
}

/// A process in scope began to run another program.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ExecRecord {
    /// [`ABI_VERSION`].
    pub abi_version: u16,
    /// [`KIND_EXEC`].
    pub kind: u8,
    /// Zero.
    pub reserved: u8,
    /// Process (thread group).
    pub process: u32,
}

const _: () = assert!(size_of::<DataRecord>() == 40);
const _: () = assert!(size_of::<OpenRecord>() == 104);
const _: () = assert!(size_of::<BindRecord>() == 56);
const _: () = assert!(size_of::<ExecRecord>() == 8);
const _: () = assert!(size_of::<PairRecord>() == 56);
const _: () = assert!(size_of::<CloseRecord>() == 48);

macro_rules! reader {
    ($name:ident, $type:ty) => {
        /// The number at `offset` of a record, or `None` if the record is too short.
        pub fn $name(record: &[u8], offset: usize) -> Option<$type> {
            let end = offset.checked_add(size_of::<$type>())?;
            Some(<$type>::from_le_bytes(record.get(offset..end)?.try_into().ok()?))
        }
    };
}
reader!(u8_at, u8);
reader!(u16_at, u16);
reader!(u32_at, u32);
reader!(u64_at, u64);
