//! Writes ring records as the kernel program does, member by member into the layouts of `schema`.

use std::mem::offset_of;

use schema::record::{
    ABI_VERSION, CloseRecord, DataRecord, KIND_CLOSE, KIND_DATA, KIND_OPEN, OpenRecord, VERDICT_HTTP1,
};

/// One server-side socket.
pub struct Socket {
    /// Number of the connection.
    pub connection: u64,
    /// Last byte of its local address in 10.0.0.0/24.
    pub local: u8,
    /// Local port.
    pub local_port: u16,
    /// Last byte of the caller's address in 10.0.1.0/24.
    pub remote: u8,
    /// Caller's port.
    pub remote_port: u16,
    /// Bytes so far, inbound and outbound.
    pub bytes: [u64; 2],
}

/// A piece of a stream: one socket operation.
pub struct Piece<'a> {
    /// `INBOUND` or `OUTBOUND`.
    pub direction: u8,
    /// Sum of `FLAG_*`.
    pub flags: u8,
    /// Its bytes.
    pub payload: &'a [u8],
}

macro_rules! put {
    ($record:expr, $layout:ty, $($member:ident = $value:expr),* $(,)?) => {$(
        let value = $value.to_le_bytes();
        $record[offset_of!($layout, $member)..][..value.len()].copy_from_slice(&value);
    )*};
}

/// The record of a new connection.
pub fn open(record: &mut Vec<u8>, socket: &Socket, timestamp_ns: u64) {
    record.clear();
    record.resize(size_of::<OpenRecord>(), 0);
    put!(
        record,
        OpenRecord,
        abi_version = ABI_VERSION,
        kind = KIND_OPEN,
        verdict = VERDICT_HTTP1,
        family = 4_u8,
        local_port = socket.local_port,
        remote_port = socket.remote_port,
        process = std::process::id(),
        connection = socket.connection,
        cgroup = 1_u64,
        timestamp_ns = timestamp_ns,
    );
    record[offset_of!(OpenRecord, local_address)..][..4].copy_from_slice(&[10, 0, 0, socket.local]);
    record[offset_of!(OpenRecord, remote_address)..][..4].copy_from_slice(&[10, 0, 1, socket.remote]);
    record[offset_of!(OpenRecord, comm)..][..5].copy_from_slice(b"bench");
}

/// The record of the next piece of a connection.
pub fn data(record: &mut Vec<u8>, socket: &mut Socket, piece: &Piece<'_>, timestamp_ns: u64) {
    let length = piece.payload.len() as u32;
    let position = &mut socket.bytes[usize::from(piece.direction)];
    record.clear();
    record.resize(size_of::<DataRecord>(), 0);
    put!(
        record,
        DataRecord,
        abi_version = ABI_VERSION,
        kind = KIND_DATA,
        direction = piece.direction,
        flags = piece.flags,
        payload_bytes = length,
        span_bytes = length,
        connection = socket.connection,
        position = *position,
        timestamp_ns = timestamp_ns,
    );
    *position += u64::from(length);
    record.extend_from_slice(piece.payload);
}

/// The record of the end of a connection.
pub fn close(record: &mut Vec<u8>, socket: &Socket, timestamp_ns: u64) {
    record.clear();
    record.resize(size_of::<CloseRecord>(), 0);
    put!(
        record,
        CloseRecord,
        abi_version = ABI_VERSION,
        kind = KIND_CLOSE,
        connection = socket.connection,
        inbound_bytes = socket.bytes[0],
        outbound_bytes = socket.bytes[1],
        timestamp_ns = timestamp_ns,
    );
}
