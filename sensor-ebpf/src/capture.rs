//! One body for both front ends: socket operation -> state -> verdict -> budget -> ring.

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use schema::limits::{
    DETECT_BURSTS_MAX, DETECT_BYTES, DETECT_OPERATIONS_MAX, HELLO_BYTES, PAYLOAD_CLASSES_BYTES,
    VECTOR_SEGMENTS_MAX,
};
use schema::loss::Loss;
use schema::record::{FLAG_BURST_START, INBOUND, OUTBOUND, VERDICT_HTTP2, VERDICT_OTHER, VERDICT_TLS};

use crate::detect::{Detected, detect};
use crate::emit::{self, Piece};
use crate::frames;
use crate::offsets::setting;
use crate::pair;
use crate::read;
use crate::socket::{self, MIRRORED, SocketState, UNKNOWN};
use crate::user_buffer::UserBuffer;

/// Segments of a vector in which the first bytes of an operation are looked for.
const DETECT_SEGMENTS: u64 = 3;

/// Times the budget of a burst that one of HTTP/2 may have: many streams share it, and with a head that is
/// not copied the place among the frames and HPACK's table are lost for all of them.
const HTTP2_BURST_BUDGETS: u32 = 4;

/// Bytes of each operation of HTTP/2 that are copied past that: senders mostly begin one with the head of a
/// frame, which says how long a hole may be passed by. The smallest reservation.
const HTTP2_PAST_BUDGET_BYTES: u64 = PAYLOAD_CLASSES_BYTES[0] as u64;

/// One finished socket operation.
pub struct Operation {
    /// Address of the `struct sock`.
    pub sk: u64,
    /// Bytes that it moved, at least 1.
    pub moved: u64,
    /// `INBOUND` or `OUTBOUND`.
    pub direction: u8,
    /// Where its bytes are.
    pub buffer: UserBuffer,
    /// The socket's own count behind the last byte of this direction (`copied_seq`, `write_seq`).
    pub sequence: u32,
}

/// Whether an operation in that direction is of interest at all.
#[inline(always)]
pub fn is_watched(state: &SocketState, direction: u8) -> bool {
    // A burst that was found to begin with no message cannot become one later.
    let tested = state.burst_operations >= DETECT_OPERATIONS_MAX && state.last_direction == direction;
    socket::is_followed(state.verdict)
        || state.verdict == UNKNOWN && !tested
        || socket::wants_hello(state, direction)
}

/// `copied_seq` or `write_seq` through a trusted pointer.
///
/// # Safety
/// `sk` is a BTF-typed `struct sock`.
#[inline(always)]
pub unsafe fn sequence_trusted(sk: *const u8, direction: u8) -> u32 {
    // SAFETY: as above; null is checked.
    unsafe {
        let tcp = bpf_skc_to_tcp_sock(sk.cast_mut().cast()) as *const u8;
        if tcp.is_null() {
            return 0;
        }
        if direction == INBOUND {
            read::load(tcp, setting!(offsets.tcp_copied_seq))
        } else {
            read::load(tcp, setting!(offsets.tcp_write_seq))
        }
    }
}

/// The same by a probe read.
#[inline(always)]
pub fn sequence_probed(sk: u64, direction: u8) -> u32 {
    if direction == INBOUND {
        read::kernel(sk, setting!(offsets.tcp_copied_seq))
    } else {
        read::kernel(sk, setting!(offsets.tcp_write_seq))
    }
}

/// Bytes that a direction moved since its last operation, by the socket's own count.
#[inline(always)]
pub fn moved_since(state: &SocketState, direction: u8, sequence: u32) -> u64 {
    let moved = sequence.wrapping_sub(state.sequence(direction)) as i32;
    if moved > 0 { moved as u64 } else { 0 }
}

/// Where an operation stands in its direction.
struct Place {
    position: u64,
    span: u64,
    /// The socket's counters agree that the operation's bytes are exactly these.
    exact: bool,
}

/// Moves the direction's position past the operation.
///
/// Where the socket's count and the operation do not agree, another task sent or received at the same
/// time, or an operation was missed. From then on a hook that comes late could take the place of
/// another operation of the same length: nothing of this direction is certain until it turns.
///
/// `None`: its bytes were already accounted for, as part of a span that an operation of another
/// task declared missing.
#[inline(always)]
fn advance(state: &mut SocketState, operation: &Operation) -> Option<Place> {
    let direction = (operation.direction & 1) as usize;
    let moved = operation.moved;
    let uncertain = &raw mut state.uncertain[direction];
    let next = &raw mut state.position[direction];
    // SAFETY: members of the state. The position is read before the mark and written after it, so
    // that a task which sees the new position sees the mark too.
    let position = unsafe { core::ptr::read_volatile(next) };
    let expected = state.base[direction].wrapping_add(position as u32).wrapping_add(moved as u32);
    let ahead = operation.sequence.wrapping_sub(expected) as i32;
    // The end of a direction takes a number too, and may be read together with its last bytes.
    let agrees = ahead == 0 || ahead == 1 && is_shut(operation);
    if !agrees {
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(uncertain, 1) };
        if ahead < 0 {
            crate::maps::count(Loss::Unordered as u8, moved);
            return None;
        }
    }
    let span = if agrees { moved } else { moved + ahead as u64 };
    // SAFETY: as above.
    let exact = unsafe { core::ptr::read_volatile(uncertain) } == 0;
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(next, position + span) };
    Some(Place { position, span, exact })
}

/// Whether the direction of an operation has ended (`RCV_SHUTDOWN` 1, `SEND_SHUTDOWN` 2).
#[inline(always)]
fn is_shut(operation: &Operation) -> bool {
    let bit = if operation.direction == INBOUND { 1u8 } else { 2 };
    read::kernel::<u8>(operation.sk, setting!(offsets.sk_shutdown)) & bit != 0
}

/// Copies the first bytes of an operation to `to`, [`DETECT_BYTES`] if there are so many and a few more
/// if they stand in several segments; zero if they cannot be read.
///
/// # Safety
/// `to` has room for twice [`DETECT_BYTES`].
#[inline(always)]
unsafe fn first_bytes(operation: &Operation, to: *mut u8) -> u64 {
    if operation.buffer.opaque != 0 {
        return 0;
    }
    let mut filled = 0;
    let mut index = 0;
    while index < DETECT_SEGMENTS && filled < DETECT_BYTES as u64 {
        let Some((address, segment)) = operation.buffer.segment(index, operation.moved) else { break };
        index += 1;
        let left = operation.moved - filled;
        let length = read::clamped(if segment < left { segment } else { left }, DETECT_BYTES as u64);
        let at = read::clamped(filled, DETECT_BYTES as u64);
        // SAFETY: `at` and `length` are at most DETECT_BYTES each.
        if length > 0 && !unsafe { read::user(to.add(at as usize), length, address) } {
            break;
        }
        filled = read::unlinked(at + length);
    }
    filled
}

/// Gathers the first bytes of a burst and judges them. Returns the verdict and how many of the
/// gathered bytes came with earlier operations.
#[inline(always)]
fn gather(state: &mut SocketState, operation: &Operation) -> (Detected, u64) {
    let before = state.gathered_bytes as u64;
    state.burst_operations += 1;
    let at = read::clamped(before, DETECT_BYTES as u64);
    // SAFETY: `at` is at most DETECT_BYTES, the room is three times that.
    let length = unsafe { first_bytes(operation, state.gathered.as_mut_ptr().cast::<u8>().add(at as usize)) };
    if length == 0 {
        return (Detected::Nothing, before);
    }
    let gathered = before + length;
    state.gathered_bytes = if gathered < DETECT_BYTES as u64 { gathered as u8 } else { DETECT_BYTES as u8 };
    (detect(state.gathered[0], state.gathered[1], gathered), before)
}

/// Whether an operation begins with what must not be missed: a start line, or a frame other than DATA.
#[inline(always)]
fn begins_message(state: &SocketState, operation: &Operation) -> bool {
    if state.verdict == VERDICT_HTTP2 {
        return frames::begin_with_control(operation);
    }
    let Some((address, length)) = operation.buffer.segment(0, operation.moved) else { return false };
    let mut bytes = [0u64; DETECT_BYTES / 8];
    let length = read::clamped(length, DETECT_BYTES as u64);
    // SAFETY: `length` is at most the size of the local.
    let readable = unsafe { read::user(bytes.as_mut_ptr().cast(), length, address) };
    readable && matches!(detect(bytes[0], bytes[1], length), Detected::Request | Detected::Response)
}

/// What to do with an operation of a socket that has no verdict yet.
/// `None`: nothing yet. `Some(before)`: it is HTTP now, and `before` bytes were gathered earlier.
#[inline(never)]
fn judge(state: &mut SocketState, operation: &Operation) -> Option<u64> {
    let (mut detected, before) = gather(state, operation);
    // One that was open before the sensor: its preface is gone, its frames go on.
    if matches!(detected, Detected::Nothing) && before == 0 && frames::begin(operation) {
        detected = Detected::Frames;
    }
    match detected {
        Detected::Undecided => return None,
        Detected::Nothing => {
            state.burst_operations = DETECT_OPERATIONS_MAX;
            if state.bursts_tested >= DETECT_BURSTS_MAX && emit::open(state, VERDICT_OTHER) {
                state.verdict = VERDICT_OTHER;
            }
            return None;
        }
        _ => state.verdict = detected.verdict(),
    }
    if !socket::is_followed(state.verdict) && state.verdict != VERDICT_TLS {
        if !emit::open(state, state.verdict) {
            state.verdict = UNKNOWN;
        }
        return None;
    }
    // From here on it is followed: positions count from the beginning of this burst.
    let direction = (operation.direction & 1) as usize;
    state.bursts = [0; 2];
    state.bursts[direction] = 1;
    state.position = [0; 2];
    state.position[direction] = before;
    if state.session == 0 {
        state.base = [sequence_probed(operation.sk, INBOUND), sequence_probed(operation.sk, OUTBOUND)];
    }
    state.base[direction] = operation.sequence.wrapping_sub((before + operation.moved) as u32);
    state.serves = if matches!(detected, Detected::Tls) && state.bursts_tested <= 1 {
        // The client speaks first.
        (operation.direction == INBOUND) as u8
    } else if matches!(detected, Detected::Frames | Detected::Tls) {
        // Frames look alike both ways; ports of clients are the high ones.
        (state.tuple.local_port < state.tuple.remote_port) as u8
    } else {
        let request = !matches!(detected, Detected::Response);
        (request == (operation.direction == INBOUND)) as u8
    };
    if !pair::open(state) {
        // The agent knows nothing of it: another try at the next burst.
        state.verdict = UNKNOWN;
        state.burst_operations = DETECT_OPERATIONS_MAX;
        return None;
    }
    if state.verdict == MIRRORED {
        return None;
    }
    Some(before)
}

/// Takes one operation of a watched socket.
#[inline(always)]
pub fn on_operation(state: &mut SocketState, operation: &Operation) {
    if operation.buffer.ignored {
        return;
    }
    let outside = !socket::task_in_scope();
    if outside && state.verdict == UNKNOWN {
        return;
    }
    let mut flags = 0;
    if state.last_direction != operation.direction {
        state.last_direction = operation.direction;
        state.burst_bytes = 0;
        state.burst_operations = 0;
        state.gathered_bytes = 0;
        flags = FLAG_BURST_START;
        let direction = (operation.direction & 1) as usize;
        state.uncertain[direction] = 0;
        state.bursts[direction] = state.bursts[direction].wrapping_add(1);
        state.bursts_tested = state.bursts_tested.saturating_add(1);
    }
    if state.verdict == UNKNOWN {
        let Some(before) = judge(state, operation) else { return };
        flags = FLAG_BURST_START;
        if before > 0 {
            emit::gathered(state, operation.direction, flags, 0, before);
            flags = 0;
        }
    }
    let Some(place) = advance(state, operation) else { return };
    send(state, operation, &place, flags, outside);
}

/// Sends the bytes of an operation as one record or as several.
#[inline(always)]
fn send(state: &mut SocketState, operation: &Operation, place: &Place, flags: u8, outside: bool) {
    let mut piece = Piece {
        connection: state.connection,
        position: place.position,
        address: 0,
        length: 0,
        span: place.span,
        direction: operation.direction & OUTBOUND,
        flags,
        cause: operation.buffer.opaque,
    };
    let http2 = state.verdict == VERDICT_HTTP2;
    let burst_bytes_max = setting!(burst_bytes_max) * if http2 { HTTP2_BURST_BUDGETS } else { 1 };
    let mut burst_before = state.burst_bytes;
    if burst_before >= burst_bytes_max && begins_message(state, operation) {
        // The tail of a body and the next message in one burst.
        burst_before = 0;
    }
    state.burst_bytes = burst_before.saturating_add(place.span as u32);
    if outside {
        piece.cause = Loss::OutOfScope as u8;
    } else if !place.exact {
        piece.cause = Loss::Unordered as u8;
    }
    // An operation of HTTP/2 is no part of one body: its frames are of any stream.
    let mut budget = if state.verdict == VERDICT_TLS {
        HELLO_BYTES as u32
    } else if http2 {
        burst_bytes_max
    } else {
        setting!(operation_bytes_max)
    } as u64;
    if piece.cause == 0 && burst_before >= burst_bytes_max {
        if http2 {
            budget = HTTP2_PAST_BUDGET_BYTES;
        } else {
            piece.cause = Loss::BodyBudget as u8;
        }
    }
    let mut left = 0;
    if piece.cause == 0 {
        left = if operation.moved < budget { operation.moved } else { budget };
    }
    let segments = operation.buffer.segments;
    if segments >= 2
        && segments <= emit::JOINED_SEGMENTS as u64
        && left == operation.moved
        && left <= emit::JOINED_BYTES_MAX
    {
        piece.length = left;
        if emit::joined(&piece, operation.buffer.address, segments) {
            return;
        }
        piece.length = 0;
    }
    let mut rest = place.span - left;
    let mut index = 0;
    while index < VECTOR_SEGMENTS_MAX as u64 && left > 0 {
        let Some((address, length)) = operation.buffer.segment(index, operation.moved) else { break };
        index += 1;
        let length = read::unlinked(if length < left { length } else { left });
        if length > 0 {
            piece.address = address;
            piece.length = length;
            piece.span = length;
            emit::copies(&piece);
            piece.flags = 0;
            piece.position += length;
        }
        left = read::unlinked(left - length);
    }
    rest += left;
    if rest > 0 {
        if piece.cause == 0 {
            piece.cause = if left > 0 { Loss::VectorTooLong } else { Loss::BodyBudget } as u8;
        }
        piece.length = 0;
        piece.span = rest;
        emit::missing(&piece);
    }
}
