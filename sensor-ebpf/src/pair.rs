//! Both ends of a connection on one host are two sockets. The server's is kept, if it can be read:
//! it sees whole requests, and the other names the caller.

use aya_ebpf::bindings::BPF_ANY;

use crate::emit;
use crate::maps::{SOCKETS, TUPLES};
use crate::socket::{MIRRORED, SocketState};

/// Enters a socket that has just been found to carry HTTP, and pairs it with its other end if that
/// is known. Both ends may run this at once: each enters itself before it looks, so that at least
/// one sees the other, and both decide alike.
#[inline(always)]
pub fn pair(key: u64, state: &mut SocketState) {
    let _ = TUPLES.insert(state.tuple, key, BPF_ANY as u64);
    let Some(other_key) = TUPLES.get_ptr(state.tuple.reversed()) else { return };
    // SAFETY: the map gave it; a stale key finds no state, or one that is compared below.
    let other_key = unsafe { *other_key };
    if other_key == key {
        // A TCP self-connection: one socket is both ends.
        return;
    }
    let Some(other) = SOCKETS.get_ptr_mut(other_key) else { return };
    // SAFETY: the map gave it. The verdict is one byte; a race writes the same value twice.
    let other = unsafe { &mut *other };
    if other.verdict != state.verdict || other.serves == state.serves {
        return;
    }
    if state.serves != 0 {
        other.verdict = MIRRORED;
        emit::pair(state, other);
    } else {
        state.verdict = MIRRORED;
        emit::pair(other, state);
    }
}
