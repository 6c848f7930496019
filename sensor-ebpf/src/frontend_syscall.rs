//! Front end of older kernels: the BTF tracepoint `sys_exit`. One hook at the end of every system
//! call: its registers still hold the arguments, so no state is carried over from the entry.

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
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

/// `S_IFMT` and `S_IFSOCK`.
const FILE_TYPE: u16 = 0o170_000;
const FILE_SOCKET: u16 = 0o140_000;

/// Direction of a system call that can move socket bytes.
#[inline(always)]
fn direction_of(number: u32) -> Option<u8> {
    if number == setting!(syscalls.read)
        || number == setting!(syscalls.recvfrom)
        || number == setting!(syscalls.recvmsg)
        || number == setting!(syscalls.readv)
        || number == setting!(syscalls.recvmmsg)
    {
        Some(INBOUND)
    } else if number == setting!(syscalls.write)
        || number == setting!(syscalls.sendto)
        || number == setting!(syscalls.sendmsg)
        || number == setting!(syscalls.writev)
        || number == setting!(syscalls.sendmmsg)
        || number == setting!(syscalls.sendfile)
        || number == setting!(syscalls.splice)
    {
        Some(OUTBOUND)
    } else {
        None
    }
}

/// A system call ended.
#[inline(always)]
pub fn on_exit(context: &BtfTracePointContext) {
    let returned = context.arg::<i64>(1);
    if returned <= 0 {
        return;
    }
    let regs = context.arg::<*const u8>(0);
    // SAFETY: `regs` is BTF-typed by the tracepoint, the offsets are constants.
    let argument = |index: usize| unsafe { read::load::<u64>(regs, setting!(offsets.regs_arguments[index])) };
    // SAFETY: as above.
    let number = unsafe { read::load::<u32>(regs, setting!(offsets.regs_number)) };
    let Some(mut direction) = direction_of(number) else { return };
    let splice = number == setting!(syscalls.splice);
    let mut sk = socket_of(if splice { argument(2) } else { argument(0) });
    if sk == 0 && splice {
        // From a socket into a pipe: the other descriptor.
        sk = socket_of(argument(0));
        direction = INBOUND;
    }
    if sk == 0 {
        return;
    }
    let state = match SOCKETS.get_ptr_mut(sk) {
        Some(state) => state,
        None => {
            let family: u16 = read::kernel(sk, setting!(offsets.skc_family));
            if !socket::is_internet(family) {
                return;
            }
            match socket::create(sk, returned as u64, direction) {
                Some(state) => state,
                None => return,
            }
        }
    };
    // SAFETY: the map gave it; see `SocketState` on concurrency.
    let state = unsafe { &mut *state };
    if !capture::is_watched(state, direction) {
        if state.verdict == VERDICT_TLS {
            tls::on_carrier(state, direction, returned as u64);
        }
        return;
    }
    // SAFETY: as above.
    let mut buffer = unsafe { UserBuffer::of_registers(regs, direction == OUTBOUND) };
    // SAFETY: takes nothing.
    let task = unsafe { bpf_get_current_task() };
    if read::kernel::<u32>(task, setting!(offsets.task_status)) & setting!(compat_flag) != 0 {
        buffer.opaque = Loss::Compat as u8;
    }
    let sequence = capture::sequence_probed(sk, direction);
    // A batch returns the number of its messages; how many bytes they were, TCP knows.
    let batch = number == setting!(syscalls.sendmmsg) || number == setting!(syscalls.recvmmsg);
    let moved = if batch { capture::moved_since(state, direction, sequence) } else { returned as u64 };
    if moved > 0 {
        capture::on_operation(state, &Operation { sk, moved, direction, buffer, sequence });
        if state.verdict == VERDICT_TLS {
            tls::on_carrier(state, direction, moved);
        }
    }
}

/// Address of the `struct sock` behind a file descriptor of the current task; zero if there is none.
/// A global function to the verifier: see `emit::emit_copies`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn socket_of(descriptor: u64) -> u64 {
    let descriptor = descriptor & 0xffff_ffff;
    let (size, array): (u32, u64);
    if setting!(typed_task) != 0 {
        // SAFETY: the current task is BTF-typed, and what is reached from it with constant offsets.
        unsafe {
            let task = bpf_get_current_task_btf() as *const u8;
            let files = read::load::<*const u8>(task, setting!(offsets.task_files));
            let table = read::load::<*const u8>(files, setting!(offsets.files_fdt));
            size = read::load(table, setting!(offsets.fdt_max_fds));
            array = read::load(table, setting!(offsets.fdt_fd));
        }
    } else {
        // SAFETY: takes nothing.
        let task = unsafe { bpf_get_current_task() };
        let files: u64 = read::kernel(task, setting!(offsets.task_files));
        let table: u64 = read::kernel(files, setting!(offsets.files_fdt));
        size = read::kernel(table, setting!(offsets.fdt_max_fds));
        array = read::kernel(table, setting!(offsets.fdt_fd));
    }
    if descriptor >= size as u64 {
        return 0;
    }
    let file: u64 = read::kernel(array + descriptor * 8, 0);
    if file == 0 {
        return 0;
    }
    let inode: u64 = read::kernel(file, setting!(offsets.file_inode));
    let mode: u16 = read::kernel(inode, setting!(offsets.inode_mode));
    if mode & FILE_TYPE != FILE_SOCKET {
        return 0;
    }
    let socket: u64 = read::kernel(file, setting!(offsets.file_private_data));
    read::kernel(socket, setting!(offsets.socket_sk))
}
