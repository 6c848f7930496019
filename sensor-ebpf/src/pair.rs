//! Both ends of a connection on one host are two sockets. The server's is kept, if it can be read:
//! it sees whole requests, and the other names the caller.

use aya_ebpf::bindings::BPF_ANY;
use schema::record::{INBOUND, OUTBOUND, VERDICT_TLS};

use crate::capture;
use crate::emit;
use crate::maps::{SOCKETS, TUPLES};
use crate::socket::{self, MIRRORED, SocketState};

/// Bytes that may be on their way between two ends.
const NEAR_BYTES: i32 = 1 << 24;

/// Enters a socket that has just been found to carry HTTP, pairs it with its other end if that is
/// known, and tells the agent: the opening of this one first, unless it is the one that is left.
///
/// Both ends may run this at once: each enters itself before it looks, so that one sees the other, and
/// both decide alike. Should neither, the call is reported from both ends. False if the agent could not
/// be told: then nothing has changed.
#[inline(always)]
pub fn open(state: &mut SocketState) -> bool {
    let key = state.key;
    let _ = TUPLES.insert(state.tuple, key, BPF_ANY as u64);
    let other = other_end(state);
    let Some(other) = other else { return emit::open(state, state.verdict) };
    // SAFETY: the map gave it. The verdict is one byte; a race writes the same value twice.
    let other = unsafe { &mut *other };
    if state.verdict == VERDICT_TLS {
        // Both ends go on: whoever holds one may be the only one whose sessions can be read.
        if !emit::open(state, state.verdict) {
            return false;
        }
        if state.serves != 0 {
            emit::pair(state, other)
        } else {
            emit::pair(other, state)
        }
        return true;
    }
    if state.serves != 0 {
        if !emit::open(state, state.verdict) {
            return false;
        }
        other.verdict = MIRRORED;
        emit::pair(state, other);
    } else {
        state.verdict = MIRRORED;
        emit::pair(other, state);
    }
    true
}

/// Pairs a session of which the connection was found after it had been opened.
#[inline(always)]
pub fn late(state: &mut SocketState) {
    if !socket::is_followed(state.verdict) {
        return;
    }
    let _ = TUPLES.insert(state.tuple, state.key, BPF_ANY as u64);
    let Some(other) = other_end(state) else { return };
    // SAFETY: the map gave it; see `open`.
    let other = unsafe { &mut *other };
    if state.serves != 0 {
        other.verdict = MIRRORED;
        emit::pair(state, other);
    } else {
        state.verdict = MIRRORED;
        emit::pair(other, state);
    }
}

#[inline(always)]
fn other_end(state: &SocketState) -> Option<*mut SocketState> {
    let key = state.key;
    let reversed = state.tuple.reversed();
    let other_key = TUPLES.get_ptr(reversed)?;
    // SAFETY: the map gave it. The socket may be gone and its address used again: what is found there
    // is compared below.
    let other_key = unsafe { *other_key };
    // A TCP self-connection: one socket is both ends.
    if other_key == key {
        return None;
    }
    let other = SOCKETS.get_ptr_mut(other_key)?;
    // SAFETY: as above.
    let end = unsafe { &*other };
    let same = end.tuple == reversed
        && end.verdict == state.verdict
        && end.serves != state.serves
        && near(sequence(end, OUTBOUND), sequence(state, INBOUND))
        && near(sequence(state, OUTBOUND), sequence(end, INBOUND));
    same.then_some(other)
}

/// The socket's count of a direction; of a session, that of the socket that carries it.
#[inline(always)]
fn sequence(state: &SocketState, direction: u8) -> u32 {
    let sk = if state.session != 0 { state.sk } else { state.key };
    capture::sequence_probed(sk, direction)
}

/// Whether two sequence numbers can be of one connection at about one time. Both ends count a
/// direction by the same numbers, which begin at random: addresses that exist twice (two namespaces,
/// or a connection of before) do not pair.
#[inline(always)]
fn near(one: u32, other: u32) -> bool {
    let apart = one.wrapping_sub(other) as i32;
    apart > -NEAR_BYTES && apart < NEAR_BYTES
}
