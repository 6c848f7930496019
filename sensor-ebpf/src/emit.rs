//! Reserve, fill, submit; or count the loss by its cause. User memory is read straight into the
//! ring: no scratch buffer that a preempting program could overwrite.

use core::mem::MaybeUninit;

use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use schema::limits::{
    PAYLOAD_BYTES_MAX, PAYLOAD_CLASSES_BYTES, RECORDS_PER_OPERATION_MAX, RING_BYTES, RING_RESERVED_BYTES,
    RING_WAKEUP_BYTES,
};
use schema::loss::Loss;
use schema::record::{
    ABI_VERSION, BindRecord, CloseRecord, DataRecord, ExecRecord, INBOUND, KIND_BIND, KIND_CLOSE, KIND_DATA,
    KIND_EXEC, KIND_OPEN, KIND_PAIR, OUTBOUND, OpenRecord, PairRecord, VERDICT_HTTP1,
};

use crate::maps::{self, RING};
use crate::read;
use crate::socket::{GATHERED_BYTES, SocketState};

/// Span of ring fill in which a record wakes the agent: wide enough that one record of a few CPUs
/// lands in it on the way up, narrow enough that a slow agent is not woken by each.
const WAKEUP_SPAN_BYTES: u64 = 256 * 1024;

/// A data record with room for `N` bytes.
#[repr(C)]
struct Slot<const N: usize> {
    head: DataRecord,
    payload: [u8; N],
}

/// One piece of an operation.
#[derive(Clone, Copy)]
pub struct Piece {
    /// Connection.
    pub connection: u64,
    /// Where it begins.
    pub position: u64,
    /// Address in user memory.
    pub address: u64,
    /// Bytes to copy.
    pub length: u64,
    /// Bytes it stands for.
    pub span: u64,
    /// `INBOUND` or `OUTBOUND`.
    pub direction: u8,
    /// `FLAG_*`.
    pub flags: u8,
    /// Number of the [`Loss`] that says why `span` is more than `length`; zero if it is not.
    pub cause: u8,
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_ktime_get_ns() }
}

#[inline(always)]
fn wakeup(fill: u64) -> u64 {
    let threshold = RING_WAKEUP_BYTES as u64;
    if fill >= threshold && fill < threshold + WAKEUP_SPAN_BYTES {
        BPF_RB_FORCE_WAKEUP as u64
    } else {
        BPF_RB_NO_WAKEUP as u64
    }
}

/// Bit positions in the number that carries the small members of a piece.
const META_FLAGS: u64 = 8;
const META_CAUSE: u64 = 16;

impl Piece {
    #[inline(always)]
    fn meta(&self) -> u64 {
        self.direction as u64 | (self.flags as u64) << META_FLAGS | (self.cause as u64) << META_CAUSE
    }

    #[inline(always)]
    fn of_meta(connection: u64, position: u64, address: u64, length: u64, span: u64, meta: u64) -> Self {
        Piece {
            connection,
            position,
            address,
            length,
            span,
            direction: meta as u8,
            flags: (meta >> META_FLAGS) as u8,
            cause: (meta >> META_CAUSE) as u8,
        }
    }

    #[inline(always)]
    fn head(&self, payload_bytes: u64, cause: u8) -> DataRecord {
        DataRecord {
            abi_version: ABI_VERSION,
            kind: KIND_DATA,
            direction: self.direction,
            flags: self.flags,
            cause,
            reserved: 0,
            payload_bytes: payload_bytes as u32,
            span_bytes: self.span as u32,
            connection: self.connection,
            position: self.position,
            timestamp_ns: now(),
        }
    }

    /// Copies the piece from user memory into a slot of `N` bytes.
    #[inline(always)]
    fn copy<const N: usize>(&self, fill: u64) {
        let Some(mut entry) = RING.reserve::<Slot<N>>(0) else {
            maps::count(Loss::RingFull as u8, self.span);
            return;
        };
        let slot: *mut Slot<N> = entry.as_mut_ptr();
        let length = read::clamped(self.length, N as u64);
        // SAFETY: `length` is at most N, the room behind the head.
        let whole = unsafe { read::user((&raw mut (*slot).payload).cast(), length, self.address) };
        let head = if whole {
            self.head(length, 0)
        } else {
            maps::count(Loss::ReadFault as u8, self.span);
            self.head(0, Loss::ReadFault as u8)
        };
        // SAFETY: reserved above.
        unsafe { (&raw mut (*slot).head).write(head) };
        entry.submit(wakeup(fill));
    }

    /// Copies the segments one behind the other into a slot of `M` bytes, twice the `N` that they are
    /// at the most: so much the verifier must allow for, which does not add their lengths up.
    #[inline(always)]
    fn join<const N: usize, const M: usize>(&self, fill: u64, parts: &[Iovec; JOINED_SEGMENTS]) -> u32 {
        let Some(mut entry) = RING.reserve::<Slot<M>>(0) else {
            maps::count(Loss::RingFull as u8, self.span);
            return 1;
        };
        let slot: *mut Slot<M> = entry.as_mut_ptr();
        let mut filled = 0;
        let mut i = 0;
        while i < JOINED_SEGMENTS {
            let left = self.length - filled;
            let part = parts[i];
            let length = read::clamped(if part.length < left { part.length } else { left }, N as u64);
            let at = read::clamped(filled, N as u64);
            if length > 0 {
                // SAFETY: `at` and `length` are at most N each, the room is M = 2 N.
                let whole = unsafe {
                    let to = (&raw mut (*slot).payload).cast::<u8>().add(at as usize);
                    read::user(to, length, part.address)
                };
                if !whole {
                    entry.discard(BPF_RB_NO_WAKEUP as u64);
                    return 0;
                }
            }
            filled = at + length;
            i += 1;
        }
        if filled != self.length {
            // Not all of it stands in these segments.
            entry.discard(BPF_RB_NO_WAKEUP as u64);
            return 0;
        }
        // SAFETY: reserved above.
        unsafe { (&raw mut (*slot).head).write(self.head(filled, 0)) };
        entry.submit(wakeup(fill));
        1
    }

    /// A record without payload: the position moves, the bytes are missing.
    #[inline(always)]
    fn length_only(&self, fill: u64) {
        let Some(mut entry) = RING.reserve::<DataRecord>(0) else {
            maps::count(Loss::RingFull as u8, self.span);
            return;
        };
        maps::count(self.cause, self.span);
        entry.write(self.head(0, self.cause));
        entry.submit(wakeup(fill));
    }
}

/// Sends the bytes of one user buffer, in as many records as it takes.
#[inline(always)]
pub fn copies(piece: &Piece) {
    emit_copies(piece.connection, piece.position, piece.address, piece.length, piece.meta());
}

/// Sends a short vector as one record; false if that was not possible and nothing was sent.
#[inline(always)]
pub fn joined(piece: &Piece, vector: u64, segments: u64) -> bool {
    let lengths = piece.length | segments << 32;
    emit_joined(piece.connection, piece.position, vector, lengths, piece.meta()) != 0
}

/// Sends a record without payload.
#[inline(always)]
pub fn missing(piece: &Piece) {
    emit_missing(piece.connection, piece.position, piece.span, piece.meta());
}

/// Body of [`copies`]. Exported and of plain numbers, which makes it a global function to the
/// verifier: checked once by itself, not again on each of the many paths to it. The same holds for
/// the two below.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn emit_copies(connection: u64, position: u64, address: u64, length: u64, meta: u64) -> u32 {
    let mut position = position;
    let mut address = address;
    let mut left = length;
    let mut meta = meta;
    let mut i = 0;
    while i < RECORDS_PER_OPERATION_MAX && left > 0 {
        i += 1;
        let most = PAYLOAD_BYTES_MAX as u64;
        let length = if left < most { left } else { most };
        emit_copy(connection, position, address, length, meta);
        meta &= !(0xff << META_FLAGS);
        position += length;
        address += length;
        left -= length;
    }
    if left > 0 {
        emit_missing(connection, position, left, meta | (Loss::BodyBudget as u64) << META_CAUSE);
    }
    0
}

/// Sends at the most [`PAYLOAD_BYTES_MAX`] bytes, in the smallest slot that holds them.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn emit_copy(connection: u64, position: u64, address: u64, length: u64, meta: u64) -> u32 {
    let piece = Piece::of_meta(connection, position, address, length, length, meta);
    let Some(fill) = fill_for_payload() else {
        maps::count(Loss::RingFull as u8, piece.span);
        return 0;
    };
    if length <= PAYLOAD_CLASSES_BYTES[0] as u64 {
        piece.copy::<{ PAYLOAD_CLASSES_BYTES[0] }>(fill);
    } else if length <= PAYLOAD_CLASSES_BYTES[1] as u64 {
        piece.copy::<{ PAYLOAD_CLASSES_BYTES[1] }>(fill);
    } else if length <= PAYLOAD_CLASSES_BYTES[2] as u64 {
        piece.copy::<{ PAYLOAD_CLASSES_BYTES[2] }>(fill);
    } else {
        piece.copy::<{ PAYLOAD_CLASSES_BYTES[3] }>(fill);
    }
    0
}

/// Segments that one record takes at the most. Servers write a head and a body.
pub const JOINED_SEGMENTS: usize = 4;

/// Largest operation that is sent as one record although it is a vector.
pub const JOINED_BYTES_MAX: u64 = PAYLOAD_CLASSES_BYTES[2] as u64;

/// `struct iovec`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Iovec {
    address: u64,
    length: u64,
}

/// Sends a vector of 2 to [`JOINED_SEGMENTS`] segments and at the most [`JOINED_BYTES_MAX`] bytes as one
/// record: every read of user memory and every reservation is dear, so it takes one read for the
/// vector, one for each segment, and one record. Zero if it could not; then nothing was sent.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn emit_joined(connection: u64, position: u64, vector: u64, lengths: u64, meta: u64) -> u32 {
    let (length, segments) = (lengths & 0xffff_ffff, lengths >> 32);
    let mut parts = [Iovec { address: 0, length: 0 }; JOINED_SEGMENTS];
    let size = read::clamped(segments * size_of::<Iovec>() as u64, size_of_val(&parts) as u64);
    // SAFETY: `size` is at most that of the local.
    if !unsafe { read::user((&raw mut parts).cast(), size, vector) } {
        return 0;
    }
    let piece = Piece::of_meta(connection, position, 0, length, length, meta);
    let Some(fill) = fill_for_payload() else {
        maps::count(Loss::RingFull as u8, length);
        return 1;
    };
    if length <= PAYLOAD_CLASSES_BYTES[0] as u64 {
        piece.join::<{ PAYLOAD_CLASSES_BYTES[0] }, { 2 * PAYLOAD_CLASSES_BYTES[0] }>(fill, &parts)
    } else if length <= PAYLOAD_CLASSES_BYTES[1] as u64 {
        piece.join::<{ PAYLOAD_CLASSES_BYTES[1] }, { 2 * PAYLOAD_CLASSES_BYTES[1] }>(fill, &parts)
    } else {
        piece.join::<{ PAYLOAD_CLASSES_BYTES[2] }, { 2 * PAYLOAD_CLASSES_BYTES[2] }>(fill, &parts)
    }
}

/// Body of [`missing`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn emit_missing(connection: u64, position: u64, span: u64, meta: u64) -> u32 {
    let piece = Piece::of_meta(connection, position, 0, 0, span, meta);
    match fill_for_payload() {
        Some(fill) => piece.length_only(fill),
        None => maps::count(Loss::RingFull as u8, span),
    }
    0
}

/// Bytes in the ring, or `None` if only its reserved part is left.
#[inline(always)]
fn fill_for_payload() -> Option<u64> {
    let fill = RING.query(BPF_RB_AVAIL_DATA as u64);
    (fill <= (RING_BYTES - RING_RESERVED_BYTES) as u64).then_some(fill)
}

#[inline(always)]
fn gathered_bytes(state: &SocketState) -> [u8; GATHERED_BYTES] {
    // SAFETY: the same bytes, of the same number.
    unsafe { core::mem::transmute(state.gathered) }
}

/// Sends the `length` bytes gathered for the verdict, which earlier operations moved.
#[inline(always)]
pub fn gathered(state: &SocketState, direction: u8, flags: u8, position: u64, length: u64) {
    if fill_for_payload().is_none() {
        maps::count(Loss::RingFull as u8, length);
        return;
    }
    let Some(mut entry) = RING.reserve::<Slot<GATHERED_BYTES>>(0) else {
        maps::count(Loss::RingFull as u8, length);
        return;
    };
    let piece = Piece {
        connection: state.connection,
        position,
        address: 0,
        length,
        span: length,
        direction,
        flags,
        cause: 0,
    };
    entry.write(Slot { head: piece.head(length, 0), payload: gathered_bytes(state) });
    entry.submit(BPF_RB_NO_WAKEUP as u64);
}

/// Sends a control record; these may use the reserved part of the ring. False if even that is full.
#[inline(always)]
fn control<T: 'static>(fill: impl FnOnce(&mut MaybeUninit<T>)) -> bool {
    control_with::<T>(BPF_RB_NO_WAKEUP as u64, fill)
}

/// The same, which may wake the agent.
#[inline(always)]
fn control_with<T: 'static>(wakeup: u64, fill: impl FnOnce(&mut MaybeUninit<T>)) -> bool {
    let Some(mut entry) = RING.reserve::<T>(0) else {
        maps::count(Loss::ControlRingFull as u8, 0);
        return false;
    };
    fill(&mut entry);
    entry.submit(wakeup);
    true
}

#[inline(always)]
fn address_bytes(address: &[u64; 2]) -> [u8; 16] {
    // SAFETY: both are sixteen bytes without padding.
    unsafe { core::mem::transmute(*address) }
}

/// Tells the agent that a connection has its verdict. False if it could not be told.
#[inline(always)]
pub fn open(state: &SocketState, verdict: u8) -> bool {
    control::<OpenRecord>(|slot| {
        slot.write(OpenRecord {
            abi_version: ABI_VERSION,
            kind: KIND_OPEN,
            verdict,
            family: state.family,
            session: state.session,
            local_port: state.tuple.local_port,
            remote_port: state.tuple.remote_port,
            reserved2: 0,
            process: state.process,
            network_namespace: state.network_namespace,
            reserved3: 0,
            connection: state.connection,
            carrier: state.carrier,
            cgroup: state.cgroup,
            timestamp_ns: now(),
            local_address: address_bytes(&state.tuple.local_address),
            remote_address: address_bytes(&state.tuple.remote_address),
            comm: state.comm,
        });
    })
}

/// Tells the agent which connection carries a session that it knows already.
#[inline(always)]
pub fn bind(state: &SocketState) {
    control::<BindRecord>(|slot| {
        slot.write(BindRecord {
            abi_version: ABI_VERSION,
            kind: KIND_BIND,
            family: state.family,
            local_port: state.tuple.local_port,
            remote_port: state.tuple.remote_port,
            session: state.connection,
            carrier: state.carrier,
            local_address: address_bytes(&state.tuple.local_address),
            remote_address: address_bytes(&state.tuple.remote_address),
        });
    });
}

/// Tells the agent that a process runs another program now.
#[inline(always)]
pub fn exec(process: u32) {
    // At once: the program may live for some milliseconds only.
    control_with::<ExecRecord>(BPF_RB_FORCE_WAKEUP as u64, |slot| {
        slot.write(ExecRecord { abi_version: ABI_VERSION, kind: KIND_EXEC, reserved: 0, process });
    });
}

/// Tells the agent that `mirrored` says the same as `kept`.
#[inline(always)]
pub fn pair(kept: &SocketState, mirrored: &SocketState) {
    control::<PairRecord>(|slot| {
        slot.write(PairRecord {
            abi_version: ABI_VERSION,
            kind: KIND_PAIR,
            reserved: 0,
            process: mirrored.process,
            kept: kept.connection,
            mirrored: mirrored.connection,
            cgroup: mirrored.cgroup,
            timestamp_ns: now(),
            comm: mirrored.comm,
        });
    });
}

/// Tells the agent that a socket is gone.
#[inline(always)]
pub fn close(state: &SocketState, unseen: [u32; 2]) {
    control::<CloseRecord>(|slot| {
        slot.write(CloseRecord {
            abi_version: ABI_VERSION,
            kind: KIND_CLOSE,
            reserved: 0,
            // The requests come in at the end that serves, and go out at the other. Streams of HTTP/2 share
            // bursts: nothing is told by their number.
            request_bursts: if state.verdict != VERDICT_HTTP1 {
                0
            } else if state.serves != 0 {
                state.bursts[INBOUND as usize]
            } else {
                state.bursts[OUTBOUND as usize]
            },
            connection: state.connection,
            inbound_bytes: state.position[0],
            outbound_bytes: state.position[1],
            inbound_unseen_bytes: unseen[0],
            outbound_unseen_bytes: unseen[1],
            timestamp_ns: now(),
        });
    });
}
