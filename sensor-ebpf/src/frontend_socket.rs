//! Front end of kernels from 6.3 on: the BTF tracepoints `sock_send_length` and `sock_recv_length`
//! fire once per socket operation, after it, in the caller's context, with the socket itself.
//!
//! <https://github.com/torvalds/linux/blob/v6.3/include/trace/events/sock.h> (`sock_msg_length`)

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use aya_ebpf::programs::BtfTracePointContext;
use schema::loss::Loss;
use schema::record::{INBOUND, OUTBOUND, VERDICT_TLS};

use crate::capture::{self, Operation};
use crate::maps::SOCKETS;
use crate::offsets::setting;
use crate::read;
use crate::socket;
use crate::tls;
use crate::user_buffer::UserBuffer;

/// `MSG_OOB | MSG_PEEK | MSG_ERRQUEUE`: a receive that moves no bytes of the stream.
const RECEIVE_IGNORED: u64 = 0x1 | 0x2 | 0x2000;
/// `PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD` (`include/linux/sched.h`).
const KERNEL_TASK: u32 = 0x10 | 0x4000 | 0x0020_0000;

/// A send ended.
#[inline(always)]
pub fn on_send(context: &BtfTracePointContext) {
    on_length(context, OUTBOUND);
}

/// A receive ended.
#[inline(always)]
pub fn on_receive(context: &BtfTracePointContext) {
    if context.arg::<u64>(2) & RECEIVE_IGNORED != 0 {
        return;
    }
    on_length(context, INBOUND);
}

#[inline(always)]
fn on_length(context: &BtfTracePointContext, direction: u8) {
    let moved = context.arg::<i32>(1);
    if moved <= 0 {
        return;
    }
    let sk = context.arg::<*const u8>(0);
    // SAFETY: `sk` is BTF-typed by the tracepoint, so is what is reached from it.
    unsafe {
        if !socket::is_internet(read::load(sk, setting!(offsets.skc_family))) {
            return;
        }
        if setting!(scope.network_namespace) != 0 {
            let net = read::load::<*const u8>(sk, setting!(offsets.skc_net));
            let inside = socket::namespace_in_scope(read::load(net, setting!(offsets.net_inum)));
            // The agent's own probe may be elsewhere.
            if !inside && !socket::is_probing() {
                return;
            }
        }
    }
    let key = sk as u64;
    let state = match SOCKETS.get_ptr_mut(key) {
        Some(state) => state,
        None => match socket::create(key, moved as u64, direction) {
            Some(state) => state,
            None => return,
        },
    };
    // SAFETY: the map gave it; see `SocketState` on concurrency.
    let state = unsafe { &mut *state };
    if !capture::is_watched(state, direction) {
        if state.verdict == VERDICT_TLS {
            tls::on_carrier(state, direction, moved as u64);
        }
        return;
    }
    let operation = Operation {
        sk: key,
        moved: moved as u64,
        direction,
        // SAFETY: `sk` is BTF-typed.
        buffer: unsafe { buffer(sk, direction) },
        // SAFETY: as above.
        sequence: unsafe { capture::sequence_trusted(sk, direction) },
    };
    capture::on_operation(state, &operation);
    if state.verdict == VERDICT_TLS {
        tls::on_carrier(state, direction, moved as u64);
    }
}

/// The user memory of the current task's system call, if that call is about this very socket.
///
/// The hook also fires for work that is not the task's own call (a file on NFS, io_uring task work):
/// then the registers say something unrelated.
///
/// # Safety
/// `sk` is a BTF-typed `struct sock`.
#[inline(always)]
unsafe fn buffer(sk: *const u8, direction: u8) -> UserBuffer {
    // SAFETY: all pointers are BTF-typed: the current task, its registers, and what is reached from
    // them with constant offsets.
    unsafe {
        let task = bpf_get_current_task_btf();
        let typed = task as *const u8;
        if read::load::<u32>(typed, setting!(offsets.task_flags)) & KERNEL_TASK != 0 {
            return UserBuffer::opaque(Loss::IoUring);
        }
        if read::load::<u32>(typed, setting!(offsets.task_status)) & setting!(compat_flag) != 0 {
            return UserBuffer::opaque(Loss::Compat);
        }
        let regs = bpf_task_pt_regs(task) as *const u8;
        let buffer = UserBuffer::of_registers(regs, direction == OUTBOUND);
        if buffer.opaque != 0 {
            return buffer;
        }
        let socket = read::load::<*const u8>(sk, setting!(offsets.sk_socket));
        let file = read::load::<u64>(socket, setting!(offsets.socket_file));
        let files = read::load::<*const u8>(typed, setting!(offsets.task_files));
        let table = read::load::<*const u8>(files, setting!(offsets.files_fdt));
        let size = read::load::<u32>(table, setting!(offsets.fdt_max_fds)) as u64;
        let array = read::load::<u64>(table, setting!(offsets.fdt_fd));
        let descriptor = buffer.descriptor & 0xffff_ffff;
        if file == 0 || descriptor >= size || read::kernel::<u64>(array + descriptor * 8, 0) != file {
            return UserBuffer::opaque(Loss::ForeignSyscall);
        }
        buffer
    }
}
