//! Kernel side of apicensus: entry points only. Attribute, call, return.
//!
//! Two front ends see socket operations, one of them is attached: `sock_send_length` and
//! `sock_recv_length` (kernel 6.3 and later), or `sys_exit`. Both end in [`capture::on_operation`].
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod capture;
mod detect;
mod emit;
mod frames;
mod frontend_socket;
mod frontend_syscall;
mod maps;
mod offsets;
mod pair;
mod read;
mod socket;
mod tls;
mod user_buffer;

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_attach_cookie;
use aya_ebpf::macros::{btf_tracepoint, uprobe, uretprobe};
use aya_ebpf::programs::{BtfTracePointContext, ProbeContext, RetProbeContext};
use aya_log_ebpf::debug;

/// `(struct sock *sk, int ret, int flags)`, after every send on any socket.
#[btf_tracepoint(function = "sock_send_length")]
pub fn sock_send_length(context: BtfTracePointContext) -> i32 {
    frontend_socket::on_send(&context);
    0
}

/// `(struct sock *sk, int ret, int flags)`, after every receive on any socket.
#[btf_tracepoint(function = "sock_recv_length")]
pub fn sock_recv_length(context: BtfTracePointContext) -> i32 {
    frontend_socket::on_receive(&context);
    0
}

/// `(struct pt_regs *regs, long ret)`, at the end of every system call.
#[btf_tracepoint(function = "sys_exit")]
pub fn sys_exit(context: BtfTracePointContext) -> i32 {
    frontend_syscall::on_exit(&context);
    0
}

/// `(struct sock *sk)`, when a TCP socket is destroyed: closed by both its user and the protocol.
#[btf_tracepoint(function = "tcp_destroy_sock")]
pub fn tcp_destroy_sock(context: BtfTracePointContext) -> i32 {
    if let Some((connection, [inbound, outbound])) = socket::on_destroy(context.arg::<*const u8>(0)) {
        // Off unless the agent asks for it at load, and then no instruction at all.
        debug!(
            &context,
            "connection {} closed after {} bytes in, {} bytes out", connection, inbound, outbound
        );
    }
    0
}

/// `(struct task_struct *task, pid_t old_pid, struct linux_binprm *binprm)`, when a process runs another
/// program.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec(_context: BtfTracePointContext) -> i32 {
    tls::on_exec();
    0
}

/// At the entry of a function of a TLS library that moves plaintext; the cookie says of which kind.
#[uprobe]
pub fn tls_enter(context: ProbeContext) -> u32 {
    // SAFETY: the context of this program; its registers.
    let (kind, regs) = unsafe { (bpf_get_attach_cookie(context.as_ptr()), &*context.regs) };
    tls::on_enter(regs, kind);
    0
}

/// At the return of one of these.
#[uretprobe]
pub fn tls_return(context: RetProbeContext) -> u32 {
    // SAFETY: the context of this program.
    tls::on_return(unsafe { &*context.regs });
    0
}

/// At the entry of a function that frees a session: `void SSL_free(SSL *)` and the like.
#[uprobe]
pub fn tls_free(context: ProbeContext) -> u32 {
    tls::on_free(context.arg(0).unwrap_or(0));
    0
}

/// At the entry of `(*Conn).Read` and `(*Conn).Write` of Go's `crypto/tls`.
#[uprobe]
pub fn go_enter(context: ProbeContext) -> u32 {
    // SAFETY: the context of this program; its registers.
    let (kind, regs) = unsafe { (bpf_get_attach_cookie(context.as_ptr()), &*context.regs) };
    tls::on_go_enter(regs, kind);
    0
}

/// At each return instruction of the first. Never a uretprobe: Go moves its stacks.
#[uprobe]
pub fn go_exit(context: ProbeContext) -> u32 {
    // SAFETY: the context of this program.
    tls::on_go_exit(unsafe { &*context.regs });
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // No program here can panic: the verifier would refuse the loop.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
