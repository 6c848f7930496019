//! Every map, with its worst-case memory.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use schema::limits::{RING_BYTES, SCOPE_PROCESSES_MAX, SOCKETS_MAX, TLS_CALLS_MAX};
use schema::loss::Loss;

use crate::socket::{SocketState, Tuple};
use crate::tls::{Caller, TlsCall, TlsThread};

/// Records for the agent. 16 MiB.
#[map]
pub static RING: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// State by address of the `struct sock`. 65,536 x about 290 B = 18 MiB.
#[map]
pub static SOCKETS: HashMap<u64, SocketState> = HashMap::with_max_entries(SOCKETS_MAX, 0);

/// Addresses of sockets that were found to be out of scope, so that it is not asked again for each
/// operation. Apart from the others: a host full of them must not crowd out those in scope.
/// 65,536 x about 80 B = 5 MiB.
#[map]
pub static OUTSIDE: LruHashMap<u64, u8> = LruHashMap::with_max_entries(SOCKETS_MAX, 0);

/// Address of the `struct sock` by its own tuple, HTTP sockets only. 65,536 x about 100 B = 6 MiB.
#[map]
pub static TUPLES: HashMap<Tuple, u64> = HashMap::with_max_entries(SOCKETS_MAX, 0);

/// Processes in scope, when the scope names any. 1,024 x about 64 B.
#[map]
pub static PROCESSES: HashMap<u32, u8> = HashMap::with_max_entries(SCOPE_PROCESSES_MAX, 0);

/// Calls into TLS libraries that have not returned. The least recently used go first: one whose thread
/// was killed in it never returns. 16,384 x about 130 B = 2 MiB.
#[map]
pub static TLS_CALLS: LruHashMap<Caller, TlsCall> = LruHashMap::with_max_entries(TLS_CALLS_MAX, 0);

/// Threads that move the ciphertext of sessions themselves. 16,384 x about 140 B = 2 MiB.
#[map]
pub static TLS_THREADS: LruHashMap<Caller, TlsThread> = LruHashMap::with_max_entries(TLS_CALLS_MAX, 0);

/// Operations and bytes lost, by number of the cause. 16 x 16 B a CPU.
#[map]
pub static LOSSES: PerCpuArray<[u64; 2]> = PerCpuArray::with_max_entries(Loss::COUNT, 0);

/// One value: not zero while the agent probes the hooks with sockets of its own.
#[map]
pub static PROBING: Array<u32> = Array::with_max_entries(1, 0);

/// Counts a loss of `bytes`; `cause` is the number of a [`Loss`].
#[inline(always)]
pub fn count(cause: u8, bytes: u64) {
    if let Some(slot) = LOSSES.get_ptr_mut(cause as u32) {
        // SAFETY: a per-CPU slot that the map just gave; a preempting program on the same CPU can
        // cost a count, never memory.
        unsafe {
            (*slot)[0] = (*slot)[0].wrapping_add(1);
            (*slot)[1] = (*slot)[1].wrapping_add(bytes);
        }
    }
}
