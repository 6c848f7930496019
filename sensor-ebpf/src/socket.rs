//! What is known of one socket, from its first bytes until it is destroyed.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use aya_ebpf::helpers::generated::{
    bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_get_current_comm,
    bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns,
};
use schema::limits::{COMM_BYTES, DETECT_BYTES, HELLO_BYTES, SCOPE_PORTS_MAX};
use schema::loss::Loss;
use schema::record::{INBOUND, OUTBOUND, VERDICT_HTTP1, VERDICT_HTTP2, VERDICT_OTHER, VERDICT_TLS};

use crate::maps::{self, OUTSIDE, PROBING, PROCESSES, SOCKETS, TUPLES};
use crate::offsets::setting;
use crate::{emit, read, tls};

/// `AF_INET`, `AF_INET6`, `SOCK_STREAM`, `IPPROTO_TCP`.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const SOCK_STREAM: u16 = 1;
const IPPROTO_TCP: u16 = 6;

/// Room for the first bytes of a burst: a power of two that leaves the verifier room for a copy of
/// [`DETECT_BYTES`] at up to twice as far from the beginning.
pub const GATHERED_BYTES: usize = 4 * DETECT_BYTES;

/// Verdicts beside those of the wire (`schema::record::VERDICT_*`).
pub const UNKNOWN: u8 = 0;
/// The other end of this connection is captured already.
pub const MIRRORED: u8 = 101;

/// Whether connections with that verdict are copied.
#[inline(always)]
pub fn is_followed(verdict: u8) -> bool {
    verdict == VERDICT_HTTP1 || verdict == VERDICT_HTTP2
}

/// Whether the first bytes of that direction of a connection with TLS are still to be copied.
#[inline(always)]
pub fn wants_hello(state: &SocketState, direction: u8) -> bool {
    let index = (direction & 1) as usize;
    let bursts = state.bursts[index] + (state.last_direction != direction) as u32;
    state.verdict == VERDICT_TLS && bursts <= 1 && state.position[index] < HELLO_BYTES
}

/// No bytes yet in either direction.
pub const NO_DIRECTION: u8 = 2;

/// Addresses and ports of a socket from its own side; the key by which its other end is found.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Tuple {
    /// Network order; IPv4 in the first four bytes.
    pub local_address: [u64; 2],
    /// As above.
    pub remote_address: [u64; 2],
    /// Host order.
    pub local_port: u16,
    /// Host order.
    pub remote_port: u16,
    /// Network namespace where the addresses are loopback (they mean another machine in each),
    /// else zero.
    pub network_namespace: u32,
}

impl SocketState {
    /// The TCP sequence number that comes next.
    #[inline(always)]
    pub fn sequence(&self, direction: u8) -> u32 {
        let direction = (direction & 1) as usize;
        self.base[direction].wrapping_add(self.position[direction] as u32)
    }
}

impl Tuple {
    /// The same connection from the other side.
    #[inline(always)]
    pub fn reversed(&self) -> Tuple {
        Tuple {
            local_address: self.remote_address,
            remote_address: self.local_address,
            local_port: self.remote_port,
            remote_port: self.local_port,
            network_namespace: self.network_namespace,
        }
    }
}

/// State of one socket. Two CPUs may work on one (a reader and a writer, rarely two of a kind): members
/// are per direction where that matters, and positions are checked against the socket's own sequence
/// numbers.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SocketState {
    /// What it is known by in the table: the address of the `struct sock`, or the key of a session.
    pub key: u64,
    /// Number of the connection.
    pub connection: u64,
    /// Of a session of TLS: address of the `struct sock` that carries it, zero while that is not known. Of
    /// a socket: key of the session that it is known to carry, or zero.
    pub sk: u64,
    /// Of a session: number of the connection that carries it, zero while that is not known.
    pub carrier: u64,
    /// Of a session: address of the socket that the last sign spoke for.
    pub candidate: u64,
    /// Bytes that TCP had received, and had delivered to the other side, at about the first operation.
    pub moved_before: [u64; 2],
    /// Bytes so far, per direction. With `base` it is also the TCP sequence number that comes next: one
    /// word, so that two CPUs cannot leave the two at odds.
    pub position: [u64; 2],
    /// cgroup v2 id of the process of the first operation.
    pub cgroup: u64,
    /// Addresses.
    pub tuple: Tuple,
    /// TCP sequence number of position zero, per direction.
    pub base: [u32; 2],
    /// Bytes of the current burst.
    pub burst_bytes: u32,
    /// Bursts since the verdict, per direction.
    pub bursts: [u32; 2],
    /// Process of the first operation.
    pub process: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// One of `VERDICT_*`, or of the constants above.
    pub verdict: u8,
    /// Bursts without a verdict.
    pub bursts_tested: u8,
    /// Operations of the current burst that were looked at for a verdict.
    pub burst_operations: u8,
    /// Direction of the last operation.
    pub last_direction: u8,
    /// Bytes in `gathered`.
    pub gathered_bytes: u8,
    /// 4 or 6.
    pub family: u8,
    /// 1 if this end answers requests.
    pub serves: u8,
    /// Per direction, until it turns: its operations and the socket's count did not agree.
    pub uncertain: [u8; 2],
    /// Of a session: signs in a row that spoke for `candidate`.
    pub agreements: u8,
    /// 1: a session of TLS.
    pub session: u8,
    /// Zero.
    pub reserved: u8,
    /// First bytes of the current burst.
    pub gathered: [u64; GATHERED_BYTES / 8],
    /// Name of the process.
    pub comm: [u8; COMM_BYTES],
}

/// Whether the agent is trying the hooks with sockets of its own.
#[inline(always)]
pub fn is_probing() -> bool {
    PROBING.get(0).is_some_and(|&probing| probing != 0)
}

/// Whether the current task is in the scope of processes and cgroups. Asked for every operation where
/// the scope names any, since a socket can be inherited and passed on.
#[inline(always)]
pub fn task_in_scope() -> bool {
    setting!(scope.processes) == 0 && setting!(scope.cgroup) == 0 || is_task_in_scope() != 0
}

/// The rest of [`task_in_scope`], a global function to the verifier: see `emit::emit_copies`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn is_task_in_scope() -> u32 {
    judge_task() as u32
}

#[inline(always)]
fn judge_task() -> bool {
    if setting!(scope.processes) != 0 {
        // SAFETY: takes nothing.
        let process = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
        if PROCESSES.get_ptr(process).is_none() && !is_probing() {
            return false;
        }
    }
    let cgroup = setting!(scope.cgroup);
    if cgroup != 0 {
        // SAFETY: takes a number, gives a number.
        let ancestor = unsafe { bpf_get_current_ancestor_cgroup_id(setting!(scope.cgroup_level) as i32) };
        return ancestor == cgroup || is_probing();
    }
    true
}

/// Whether a network namespace may be looked at by processes other than the agent.
#[inline(always)]
pub fn namespace_in_scope(inode: u32) -> bool {
    let wanted = setting!(scope.network_namespace);
    wanted == 0 || wanted == inode
}

/// Whether the scope names ports: then nothing can be said of a session without its connection.
#[inline(always)]
pub fn has_ports() -> bool {
    setting!(scope.ports_len) != 0 || setting!(scope.ports_excluded_len) != 0
}

#[inline(always)]
fn ports_in_scope(local: u16, remote: u16) -> bool {
    let excluded = setting!(scope.ports_excluded_len) as usize;
    let wanted = setting!(scope.ports_len) as usize;
    let mut listed = wanted == 0;
    let mut i = 0;
    while i < SCOPE_PORTS_MAX {
        if i < excluded {
            let port = setting!(scope.ports_excluded[i]);
            if port == local || port == remote {
                return false;
            }
        }
        if i < wanted {
            let port = setting!(scope.ports[i]);
            if port == local || port == remote {
                listed = true;
            }
        }
        i += 1;
    }
    listed
}

/// State of a socket that has none yet; `None` if it is no TCP socket, not in scope, or if there is no
/// room for it. `moved` is what the current operation moved, in `direction`.
#[inline(always)]
pub fn create(sk: u64, moved: u64, direction: u8) -> Option<*mut SocketState> {
    try_create(sk, moved, direction);
    SOCKETS.get_ptr_mut(sk)
}

/// Makes the state of a session of TLS, which moved so many bytes.
#[inline(always)]
pub fn create_session(key: u64, moved: u64) {
    // SAFETY: plain numbers; padding does not exist.
    let mut state: SocketState = unsafe { core::mem::zeroed() };
    state.session = 1;
    state.family = 4;
    enter(key, &mut state, moved);
}

/// Fills in what is known of the current task, and puts the state into the table.
#[inline(always)]
fn enter(key: u64, state: &mut SocketState, moved: u64) {
    state.key = key;
    state.last_direction = NO_DIRECTION;
    // SAFETY: take nothing, or a local buffer with its length.
    unsafe {
        state.process = (bpf_get_current_pid_tgid() >> 32) as u32;
        state.cgroup = bpf_get_current_cgroup_id();
        bpf_get_current_comm(state.comm.as_mut_ptr().cast(), COMM_BYTES as u32);
        // The time alone could repeat on two CPUs, never on one.
        state.connection = (bpf_ktime_get_ns() << 8) | (bpf_get_smp_processor_id() as u64 & 0xff);
    }
    // By reference: a copy of it would be past the stack. Another CPU may have been first.
    #[allow(clippy::needless_borrows_for_generic_args, reason = "a copy is past the stack")]
    if SOCKETS.insert(key, &*state, BPF_NOEXIST as u64).is_err() && SOCKETS.get_ptr(key).is_none() {
        maps::count(Loss::StateFull as u8, moved);
    }
}

#[inline(never)]
fn try_create(sk: u64, moved: u64, direction: u8) {
    // SAFETY: takes nothing.
    let process = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
    let own = process == setting!(own_process);
    // While the agent probes, its own sockets are looked at and no others: what it would learn of
    // them now is thrown away.
    if own != is_probing() || !(own || task_in_scope()) || OUTSIDE.get_ptr(sk).is_some() {
        return;
    }
    let kind: u16 = read::kernel(sk, setting!(offsets.sk_type));
    let protocol: u16 = read::kernel(sk, setting!(offsets.sk_protocol));
    if kind != SOCK_STREAM || protocol != IPPROTO_TCP {
        return;
    }
    let family: u16 = read::kernel(sk, setting!(offsets.skc_family));
    let net: u64 = read::kernel(sk, setting!(offsets.skc_net));
    let network_namespace: u32 = read::kernel(net, setting!(offsets.net_inum));

    // SAFETY: plain numbers; padding does not exist.
    let mut state: SocketState = unsafe { core::mem::zeroed() };
    state.network_namespace = network_namespace;
    let (local, remote, version) = addresses(sk, family);
    state.family = version;
    state.tuple.local_address = local;
    state.tuple.remote_address = remote;
    state.tuple.local_port = read::kernel(sk, setting!(offsets.skc_num));
    state.tuple.remote_port = u16::from_be(read::kernel(sk, setting!(offsets.skc_dport)));
    if is_loopback(&local, version) || is_loopback(&remote, version) {
        state.tuple.network_namespace = network_namespace;
    }
    let inside = namespace_in_scope(network_namespace)
        && ports_in_scope(state.tuple.local_port, state.tuple.remote_port);
    if !(own || inside) {
        let _ = OUTSIDE.insert(sk, 1, BPF_ANY as u64);
        return;
    }
    // What it carries may never be followed: then these say how much it was.
    state.base = [
        read::kernel(sk, setting!(offsets.tcp_copied_seq)),
        read::kernel(sk, setting!(offsets.tcp_write_seq)),
    ];
    let direction = (direction & 1) as usize;
    state.base[direction] = state.base[direction].wrapping_sub(moved as u32);
    state.moved_before = [
        read::kernel(sk, setting!(offsets.tcp_bytes_received)),
        read::kernel(sk, setting!(offsets.tcp_bytes_acked)),
    ];
    enter(sk, &mut state, moved);
}

/// Local and remote address and IP version. A v4-mapped IPv6 address (`::ffff:a.b.c.d`) is IPv4.
#[inline(always)]
fn addresses(sk: u64, family: u16) -> ([u64; 2], [u64; 2], u8) {
    if family == AF_INET6 {
        let mut local = [0u64; 2];
        let mut remote = [0u64; 2];
        let (offset_local, offset_remote) =
            (setting!(offsets.skc_v6_rcv_saddr), setting!(offsets.skc_v6_daddr));
        local[0] = read::kernel(sk, offset_local);
        local[1] = read::kernel(sk, offset_local + 8);
        remote[0] = read::kernel(sk, offset_remote);
        remote[1] = read::kernel(sk, offset_remote + 8);
        let mapped = |address: &[u64; 2]| address[0] == 0 && address[1] as u32 == 0xffff_0000;
        if !(mapped(&local) && mapped(&remote)) {
            return (local, remote, 6);
        }
        return ([local[1] >> 32, 0], [remote[1] >> 32, 0], 4);
    }
    let local: u32 = read::kernel(sk, setting!(offsets.skc_rcv_saddr));
    let remote: u32 = read::kernel(sk, setting!(offsets.skc_daddr));
    ([local as u64, 0], [remote as u64, 0], 4)
}

#[inline(always)]
fn is_loopback(address: &[u64; 2], version: u8) -> bool {
    if version == 4 { address[0] as u8 == 127 } else { address[0] == 0 && address[1] == 1u64.to_be() }
}

/// Whether a socket can be TCP at all. Cheap: decides before any look-up.
#[inline(always)]
pub fn is_internet(family: u16) -> bool {
    family == AF_INET || family == AF_INET6
}

/// The socket is destroyed: drop its state and tell the agent. Gives the connection's number and its
/// bytes, if it was one that was followed.
#[inline(always)]
pub fn on_destroy(sk: *const u8) -> Option<(u64, [u64; 2])> {
    let key = sk as u64;
    let Some(found) = SOCKETS.get_ptr_mut(key) else {
        let _ = OUTSIDE.remove(key);
        return None;
    };
    // SAFETY: the map gave it; nothing else works on a destroyed socket.
    let state = unsafe { &mut *found };
    if state.verdict == UNKNOWN {
        // It carried something, in too few bursts to be sure.
        state.verdict = VERDICT_OTHER;
        emit::open(state, VERDICT_OTHER);
    }
    // What it carried ends with it.
    if state.session == 0 && state.sk != 0 {
        tls::tls_end(state.sk);
    }
    let mut unseen = [0u32; 2];
    // A reset by this end clears the counters: nothing can be said then.
    let received: u64 = read::kernel(key, setting!(offsets.tcp_bytes_received));
    let is_reset = received == 0 && (state.position[INBOUND as usize] != 0 || state.moved_before[0] != 0);
    if !is_reset {
        let now: [u32; 2] = [
            read::kernel(key, setting!(offsets.tcp_copied_seq)),
            read::kernel(key, setting!(offsets.tcp_write_seq)),
        ];
        let wide = [received, read::kernel(key, setting!(offsets.tcp_bytes_acked))];
        let followed = is_followed(state.verdict);
        let mut direction = 0;
        while direction < 2 {
            if followed {
                // One more than the last byte is the FIN, which takes a number too.
                let behind = now[direction].wrapping_sub(state.sequence(direction as u8)) as i32;
                if behind > 1 {
                    unseen[direction] = behind as u32 - 1;
                }
            } else {
                let moved = now[direction].wrapping_sub(state.base[direction]);
                let about = wide[direction].saturating_sub(state.moved_before[direction]);
                state.position[direction] = unwrapped(moved, about, direction);
            }
            direction += 1;
        }
    }
    let closed = (state.connection, state.position);
    forget(state, unseen);
    Some(closed)
}

/// A count of bytes of which the lower 32 bits are known exactly, and all of them about. Of a direction
/// that was sent the FIN took a number too.
#[inline(always)]
fn unwrapped(low: u32, about: u64, direction: usize) -> u64 {
    let low = low as u64;
    let turns = (about + (1 << 31)).saturating_sub(low) >> 32;
    (low + (turns << 32)).saturating_sub((direction == OUTBOUND as usize) as u64)
}

/// Tells the agent that a socket or a session is gone, and drops its state.
#[inline(always)]
pub fn forget(state: &SocketState, unseen: [u32; 2]) {
    let key = state.key;
    if state.verdict != UNKNOWN {
        emit::close(state, unseen);
    }
    // SAFETY: the map gave it.
    if let Some(owner) = TUPLES.get_ptr(state.tuple)
        && unsafe { *owner } == key
    {
        let _ = TUPLES.remove(state.tuple);
    }
    let _ = SOCKETS.remove(key);
}
