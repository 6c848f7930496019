//! Plaintext at the border of a TLS library: calls into it -> operations of a session, which go the way
//! of a socket's ([`capture::on_operation`]). A session has a [`SocketState`] of its own, under a key
//! made of the process and the address of the library's object.
//!
//! Which socket carries a session is never guessed from the past: it is the one that the library works
//! on within a call on the same thread; where the program moves the ciphertext itself, the one whose
//! operations have the right length, twice in a row ([`TLS_AGREEMENTS`]).

use aya_ebpf::bindings::{BPF_ANY, pt_regs};
use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_get_current_task};
use schema::limits::{TLS_AGREEMENTS, TLS_OVERHEAD_BYTES};
use schema::loss::Loss;
use schema::probe::{CALL_READ, CALL_READ_EX, CALL_SENDFILE, CALL_WRITE_EX, CALL_WRITE_EX2};
use schema::record::{INBOUND, OUTBOUND, VERDICT_TLS};

use crate::capture::{self, Operation};
use crate::emit;
use crate::maps::{SOCKETS, TLS_CALLS, TLS_THREADS};
use crate::offsets::setting;
use crate::pair;
use crate::read;
use crate::socket::{self, SocketState};
use crate::user_buffer::UserBuffer;

/// One thread, or one goroutine: by the address of its `g`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Caller {
    process: u64,
    id: u64,
}

/// A call into a TLS library that has not returned yet.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TlsCall {
    /// Address of the library's object.
    session: u64,
    /// Where the plaintext is or goes.
    buffer: u64,
    /// Where the count goes, if the call returns it by a pointer.
    count: u64,
    /// Stack pointer at the entry; zero for a goroutine, whose stack may move.
    stack: u64,
    /// The last socket with TLS that was worked on within the call.
    socket: u64,
    /// `CALL_*`.
    kind: u64,
}

/// What a thread moved last, of a program that moves ciphertext itself.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TlsThread {
    /// Socket from which ciphertext was received last, and how much.
    socket: u64,
    received: u64,
    /// Plaintext that sessions gave since, in how many calls.
    read: u64,
    reads: u64,
    /// Session that was written to since the last send; one for several.
    session: u64,
    written: u64,
    writes: u64,
}

const SEVERAL: u64 = 1;

/// Registers by their part in a call: the C calling convention, and Go's own (register ABI of Go 1.17,
/// <https://go.dev/s/regabi>).
#[cfg(bpf_target_arch = "x86_64")]
mod registers {
    use aya_ebpf::bindings::pt_regs;

    /// Bytes of the stack that a return takes away: the return address.
    pub const RETURN_BYTES: u64 = 8;

    /// The first, second, fourth and fifth.
    pub fn arguments(regs: &pt_regs) -> [u64; 4] {
        [regs.rdi, regs.rsi, regs.rcx, regs.r8]
    }
    pub fn returned(regs: &pt_regs) -> u64 {
        regs.rax
    }
    pub fn stack(regs: &pt_regs) -> u64 {
        regs.rsp
    }
    pub fn go_arguments(regs: &pt_regs) -> [u64; 3] {
        [regs.rax, regs.rbx, regs.rcx]
    }
    pub fn goroutine(regs: &pt_regs) -> u64 {
        regs.r14
    }
}

#[cfg(bpf_target_arch = "aarch64")]
mod registers {
    use aya_ebpf::bindings::pt_regs;

    pub const RETURN_BYTES: u64 = 0;

    pub fn arguments(regs: &pt_regs) -> [u64; 4] {
        [regs.regs[0], regs.regs[1], regs.regs[3], regs.regs[4]]
    }
    pub fn returned(regs: &pt_regs) -> u64 {
        regs.regs[0]
    }
    pub fn stack(regs: &pt_regs) -> u64 {
        regs.sp
    }
    pub fn go_arguments(regs: &pt_regs) -> [u64; 3] {
        [regs.regs[0], regs.regs[1], regs.regs[2]]
    }
    pub fn goroutine(regs: &pt_regs) -> u64 {
        regs.regs[28]
    }
}

/// The user address space ends below 2^47 on every architecture with four levels of page tables, objects
/// of an allocator stand at multiples of 16: no two sessions of a host have the same key but by an
/// address 2^45 apart. The kernel's addresses have the highest bit.
#[inline(always)]
fn session_key(process: u32, session: u64) -> u64 {
    (process as u64 & 0x3f_ffff) << 41 | (session >> 4) & 0x1ff_ffff_ffff
}

#[inline(always)]
fn process() -> u32 {
    // SAFETY: takes nothing.
    (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
}

#[inline(always)]
fn thread() -> Caller {
    // SAFETY: takes nothing.
    let both = unsafe { bpf_get_current_pid_tgid() };
    Caller { process: both >> 32, id: both & 0xffff_ffff }
}

#[inline(always)]
fn goroutine(address: u64) -> Caller {
    Caller { process: process() as u64, id: address }
}

/// Inode number of the current task's network namespace.
#[inline(always)]
fn task_network_namespace() -> u32 {
    // SAFETY: takes nothing.
    let task = unsafe { bpf_get_current_task() };
    let proxy: u64 = read::kernel(task, setting!(offsets.task_nsproxy));
    let net: u64 = read::kernel(proxy, setting!(offsets.nsproxy_net));
    read::kernel(net, setting!(offsets.net_inum))
}

/// Whether calls of the current task are looked at: probes stand in files, for all who run them.
#[inline(always)]
fn is_in_scope() -> bool {
    process() != setting!(own_process)
        && (setting!(scope.network_namespace) == 0 || socket::namespace_in_scope(task_network_namespace()))
        && socket::task_in_scope()
}

/// A process began to run another program: the agent looks at what that has for TLS.
#[inline(always)]
pub fn on_exec() {
    if is_in_scope() {
        emit::exec(process());
    }
}

/// A function of the library begins; `kind` is one of `CALL_*`.
#[inline(always)]
pub fn on_enter(regs: &pt_regs, kind: u64) {
    if !is_in_scope() {
        return;
    }
    let key = thread();
    let [session, buffer, fourth, fifth] = registers::arguments(regs);
    let stack = registers::stack(regs);
    if let Some(outer) = TLS_CALLS.get_ptr(key) {
        // SAFETY: the map gave it.
        let outer = unsafe { &*outer };
        // One function of the library calls another: the outer one tells. An entry that is not below the
        // known one on the stack means that the known one never returned.
        if stack < outer.stack {
            return;
        }
    }
    let call = TlsCall {
        session,
        buffer,
        count: if kind == CALL_READ_EX || kind == CALL_WRITE_EX {
            fourth
        } else if kind == CALL_WRITE_EX2 {
            fifth
        } else {
            0
        },
        stack,
        socket: 0,
        kind,
    };
    let _ = TLS_CALLS.insert(key, call, BPF_ANY as u64);
}

/// A function of the library returns.
#[inline(always)]
pub fn on_return(regs: &pt_regs) {
    let key = thread();
    let Some(found) = TLS_CALLS.get_ptr(key) else { return };
    // SAFETY: the map gave it.
    let call = unsafe { *found };
    // The return address is gone from the stack by now.
    if registers::stack(regs) != call.stack + registers::RETURN_BYTES {
        return;
    }
    let _ = TLS_CALLS.remove(key);
    if call.buffer == 0 && call.kind != CALL_SENDFILE {
        // It sent what an earlier call had given (`gnutls_record_send` of nothing).
        return;
    }
    let returned = registers::returned(regs) as i32;
    let moved = if call.count != 0 {
        if returned != 1 {
            return;
        }
        read::user_number(call.count).unwrap_or(0)
    } else if returned > 0 {
        returned as u64
    } else {
        return;
    };
    finish(&call, moved);
}

/// A session's object is freed.
#[inline(always)]
pub fn on_free(session: u64) {
    if is_in_scope() {
        let key = session_key(process(), session);
        tls_end(key);
    }
}

/// `(*Conn).Read` or `(*Conn).Write` of Go's `crypto/tls` begins: receiver, then the slice.
///
/// What is written is taken at once. Another goroutine reads what comes next, on another CPU, and may be
/// told of it before this one is that its write has ended: the answer would stand before its question.
#[inline(always)]
pub fn on_go_enter(regs: &pt_regs, kind: u64) {
    if !is_in_scope() {
        return;
    }
    let [session, buffer, length] = registers::go_arguments(regs);
    let call = TlsCall { session, buffer, count: 0, stack: 0, socket: go_socket(session), kind };
    if kind == CALL_READ {
        let _ = TLS_CALLS.insert(goroutine(registers::goroutine(regs)), call, BPF_ANY as u64);
    } else if length != 0 {
        finish(&call, length);
    }
}

/// `(*Conn).Read` returns `(n int, err error)`.
#[inline(always)]
pub fn on_go_exit(regs: &pt_regs) {
    let key = goroutine(registers::goroutine(regs));
    let Some(found) = TLS_CALLS.get_ptr(key) else { return };
    // SAFETY: the map gave it.
    let call = unsafe { *found };
    let _ = TLS_CALLS.remove(key);
    let moved = registers::returned(regs) as i64;
    if moved > 0 {
        finish(&call, moved as u64);
    }
}

/// The socket of a Go connection, if it is one with TLS: `tls.Conn.conn` (an interface: type, data) ->
/// `net.TCPConn.fd` -> `net.netFD.pfd.Sysfd`. A program may have wrapped its connection: what is found
/// there must be a socket that carries TLS, or nothing is.
#[inline(always)]
fn go_socket(session: u64) -> u64 {
    let Some(connection) = read::user_number(session + 8) else { return 0 };
    let Some(descriptor) = read::user_number(connection) else { return 0 };
    let Some(number) = read::user_number(descriptor + 16) else { return 0 };
    let socket = crate::frontend_syscall::socket_of(number);
    match SOCKETS.get_ptr(socket) {
        // SAFETY: the map gave it.
        Some(state) if unsafe { (*state).verdict } == VERDICT_TLS => socket,
        _ => 0,
    }
}

/// A call moved plaintext.
#[inline(always)]
fn finish(call: &TlsCall, moved: u64) {
    let moved = if moved > 0xff_ffff { 0xff_ffff } else { moved };
    // Apart from what follows: both need much of the stack.
    tls_begin(call.session, call.socket, moved);
    tls_moved(call.session, call.buffer, call.socket, moved, call.kind);
}

/// Makes sure that a session has a state. A global function to the verifier: see `emit::emit_copies`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tls_begin(session: u64, socket: u64, moved: u64) -> u32 {
    let key = session_key(process(), session);
    if socket != 0 {
        leave_other(key, socket);
    }
    if SOCKETS.get_ptr(key).is_none() {
        socket::create_session(key, moved);
    }
    0
}

/// Body of [`finish`], a global function to the verifier.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tls_moved(session: u64, buffer: u64, socket: u64, moved: u64, kind: u64) -> u32 {
    let key = session_key(process(), session);
    let outbound = kind != CALL_READ && kind != CALL_READ_EX;
    let direction = if outbound { OUTBOUND } else { INBOUND };
    let Some(state) = SOCKETS.get_ptr_mut(key) else { return 0 };
    // SAFETY: the map gave it.
    let state = unsafe { &mut *state };
    if state.carrier == 0 {
        if socket != 0 {
            bind(key, state, socket);
        } else {
            match_call(key, moved, direction);
        }
    }
    if !capture::is_watched(state, direction) || state.carrier == 0 && socket::has_ports() {
        return 0;
    }
    let moved = read::unlinked(moved);
    let operation = Operation {
        sk: state.sk,
        moved,
        direction,
        buffer: if kind == CALL_SENDFILE {
            UserBuffer::opaque(Loss::Splice)
        } else {
            UserBuffer::plain(u64::MAX, buffer)
        },
        sequence: state.sequence(direction).wrapping_add(moved as u32),
    };
    capture::on_operation(state, &operation);
    0
}

/// The library's object was given to another connection, without a word of its being freed.
#[inline(always)]
fn leave_other(key: u64, socket: u64) {
    if let Some(state) = SOCKETS.get_ptr(key) {
        // SAFETY: the map gave it.
        let bound = unsafe { (*state).sk };
        if bound != 0 && bound != socket {
            tls_end(key);
        }
    }
}

/// Ends a session. A global function to the verifier: see `emit::emit_copies`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tls_end(key: u64) -> u32 {
    let Some(found) = SOCKETS.get_ptr_mut(key) else { return 0 };
    // SAFETY: the map gave it.
    let state = unsafe { &mut *found };
    if let Some(carrier) = SOCKETS.get_ptr_mut(state.sk) {
        // SAFETY: as above.
        let carrier = unsafe { &mut *carrier };
        if carrier.sk == key {
            carrier.sk = 0;
        }
    }
    socket::forget(state, [0; 2]);
    0
}

/// Ties a session to the socket that carries it, if that one carries TLS.
#[inline(always)]
fn bind(key: u64, state: &mut SocketState, socket: u64) {
    let Some(found) = SOCKETS.get_ptr_mut(socket) else { return };
    // SAFETY: the map gave it.
    let carrier = unsafe { &mut *found };
    if carrier.verdict != VERDICT_TLS {
        return;
    }
    carrier.sk = key;
    state.sk = socket;
    state.carrier = carrier.connection;
    state.family = carrier.family;
    state.tuple = carrier.tuple;
    // Sessions pair with sessions: the other end of the socket itself has the tuple as it is.
    state.tuple.network_namespace ^= u32::MAX;
    state.network_namespace = carrier.network_namespace;
    if state.verdict != socket::UNKNOWN {
        emit::bind(state);
        pair::late(state);
    }
}

/// A socket with TLS moved ciphertext.
#[inline(always)]
pub fn on_carrier(state: &SocketState, direction: u8, moved: u64) {
    if setting!(tls) != 0 {
        // The key as a number: the verifier takes no pointer for one.
        tls_carried(state.key, state.sk, direction as u64, moved);
    }
}

/// Body of [`on_carrier`], a global function to the verifier. `session`: the one that is known to be
/// carried, or zero.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tls_carried(key: u64, session: u64, direction: u64, moved: u64) -> u32 {
    let caller = thread();
    if let Some(call) = TLS_CALLS.get_ptr_mut(caller) {
        // SAFETY: the map gave it; only this thread works on it.
        unsafe { (*call).socket = key };
        return 0;
    }
    if session != 0 {
        return 0;
    }
    if let Some(found) = TLS_THREADS.get_ptr_mut(caller) {
        // SAFETY: as above.
        let thread = unsafe { &mut *found };
        if direction == OUTBOUND as u64 {
            if thread.session > SEVERAL && fits(moved, thread.written, thread.writes) {
                tls_observe(thread.session, key);
            }
            thread.session = 0;
            thread.written = 0;
            thread.writes = 0;
        } else {
            thread.socket = key;
            thread.received = moved;
            thread.read = 0;
            thread.reads = 0;
        }
    } else if direction == INBOUND as u64 {
        let thread =
            TlsThread { socket: key, received: moved, read: 0, reads: 0, session: 0, written: 0, writes: 0 };
        let _ = TLS_THREADS.insert(caller, thread, BPF_ANY as u64);
    }
    0
}

/// A session moved plaintext without a socket operation in the call.
#[inline(always)]
fn match_call(key: u64, moved: u64, direction: u8) {
    let caller = thread();
    let Some(found) = TLS_THREADS.get_ptr_mut(caller) else { return };
    // SAFETY: the map gave it; only this thread works on it.
    let thread = unsafe { &mut *found };
    if direction == INBOUND {
        thread.read += moved;
        thread.reads += 1;
        if thread.socket != 0 && fits(thread.received, thread.read, thread.reads) {
            tls_observe(key, thread.socket);
        }
    } else {
        thread.session = if thread.session == 0 || thread.session == key { key } else { SEVERAL };
        thread.written += moved;
        thread.writes += 1;
    }
}

/// Whether so much ciphertext can be that plaintext, moved in so many records.
#[inline(always)]
fn fits(ciphertext: u64, plaintext: u64, records: u64) -> bool {
    let [least, most] = TLS_OVERHEAD_BYTES;
    ciphertext >= plaintext + least * records && ciphertext <= plaintext + most * records
}

/// One more sign that a socket carries a session. A global function to the verifier.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tls_observe(session: u64, socket: u64) -> u32 {
    let Some(found) = SOCKETS.get_ptr_mut(session) else { return 0 };
    // SAFETY: the map gave it.
    let state = unsafe { &mut *found };
    if state.carrier != 0 {
        return 0;
    }
    if state.candidate != socket {
        state.candidate = socket;
        state.agreements = 1;
        return 0;
    }
    state.agreements += 1;
    if state.agreements >= TLS_AGREEMENTS {
        bind(session, state, socket);
    }
    0
}
