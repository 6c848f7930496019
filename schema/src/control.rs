//! What the agent tells the kernel program before it is loaded: one read-only value.
//!
//! Kernel member offsets come from the running kernel's BTF, since a Rust program has no CO-RE.
//! As read-only data they are constants to the verifier, so that a member of a trusted pointer is
//! one load and needs no helper call.

use crate::limits::SCOPE_PORTS_MAX;

/// Offsets in bytes of kernel structure members, from `/sys/kernel/btf/vmlinux`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Offsets {
    /// `task_struct.files`
    pub task_files: u32,
    /// `task_struct.flags`
    pub task_flags: u32,
    /// `task_struct.thread_info.status` (x86) or `.flags` (arm64), which has `Config::compat_flag`
    pub task_status: u32,
    /// `files_struct.fdt`
    pub files_fdt: u32,
    /// `fdtable.fd`
    pub fdt_fd: u32,
    /// `fdtable.max_fds`
    pub fdt_max_fds: u32,
    /// `file.private_data`
    pub file_private_data: u32,
    /// `file.f_inode`
    pub file_inode: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `socket.sk`
    pub socket_sk: u32,
    /// `socket.file`
    pub socket_file: u32,
    /// `sock.sk_socket`
    pub sk_socket: u32,
    /// `sock.sk_type`
    pub sk_type: u32,
    /// `sock.sk_protocol`
    pub sk_protocol: u32,
    /// `sock.sk_shutdown`
    pub sk_shutdown: u32,
    /// `sock_common.skc_family`
    pub skc_family: u32,
    /// `sock_common.skc_net`
    pub skc_net: u32,
    /// `sock_common.skc_daddr`
    pub skc_daddr: u32,
    /// `sock_common.skc_rcv_saddr`
    pub skc_rcv_saddr: u32,
    /// `sock_common.skc_dport`
    pub skc_dport: u32,
    /// `sock_common.skc_num`
    pub skc_num: u32,
    /// `sock_common.skc_v6_daddr`
    pub skc_v6_daddr: u32,
    /// `sock_common.skc_v6_rcv_saddr`
    pub skc_v6_rcv_saddr: u32,
    /// `net.ns.inum`
    pub net_inum: u32,
    /// `tcp_sock.copied_seq`
    pub tcp_copied_seq: u32,
    /// `tcp_sock.write_seq`
    pub tcp_write_seq: u32,
    /// `tcp_sock.bytes_received`
    pub tcp_bytes_received: u32,
    /// `tcp_sock.bytes_acked`
    pub tcp_bytes_acked: u32,
    /// `task_struct.nsproxy`
    pub task_nsproxy: u32,
    /// `nsproxy.net_ns`
    pub nsproxy_net: u32,
    /// `pt_regs` members that hold the six arguments of a system call.
    pub regs_arguments: [u32; 6],
    /// `pt_regs` member that holds the number of the system call.
    pub regs_number: u32,
}

/// Numbers of the system calls that carry socket bytes, on this architecture.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Syscalls {
    pub read: u32,
    pub write: u32,
    pub readv: u32,
    pub writev: u32,
    pub sendto: u32,
    pub recvfrom: u32,
    pub sendmsg: u32,
    pub recvmsg: u32,
    pub sendmmsg: u32,
    pub recvmmsg: u32,
    pub sendfile: u32,
    pub splice: u32,
    pub io_uring_enter: u32,
}

/// Which sockets are looked at. Zero means "any" everywhere.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Scope {
    /// cgroup v2 id: only processes at or below it.
    pub cgroup: u64,
    /// Depth of that cgroup below the root.
    pub cgroup_level: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Non-zero: only processes in the `PROCESSES` map.
    pub processes: u32,
    /// Entries of `ports` in use; zero means every port.
    pub ports_len: u32,
    /// Entries of `ports_excluded` in use.
    pub ports_excluded_len: u32,
    /// Zero.
    pub reserved: u32,
    /// Only connections with one of these as local or remote port.
    pub ports: [u16; SCOPE_PORTS_MAX],
    /// No connection with one of these as local or remote port.
    pub ports_excluded: [u16; SCOPE_PORTS_MAX],
}

/// The read-only value `CONFIG` of the kernel program.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Config {
    pub scope: Scope,
    pub offsets: Offsets,
    pub syscalls: Syscalls,
    /// Process (thread group) of the agent: always left out, except while probing.
    pub own_process: u32,
    /// Bytes of one operation that are copied at the most.
    pub operation_bytes_max: u32,
    /// Bytes of one burst (bytes of one direction without any of the other) that are copied at the
    /// most.
    pub burst_bytes_max: u32,
    /// Bit of `Offsets::task_status` that marks a 32-bit system call.
    pub compat_flag: u32,
    /// Non-zero: the kernel has `bpf_get_current_task_btf` (5.11).
    pub typed_task: u32,
    /// Non-zero: TLS libraries are probed, so sockets that carry TLS are told apart by their sessions.
    pub tls: u32,
}

const _: () = assert!(size_of::<Offsets>() == 37 * 4);
const _: () = assert!(size_of::<Syscalls>() == 13 * 4);
const _: () = assert!(size_of::<Scope>() == 8 + 6 * 4 + 4 * SCOPE_PORTS_MAX);
const _: () =
    assert!(size_of::<Config>() == size_of::<Scope>() + size_of::<Offsets>() + size_of::<Syscalls>() + 24);

// SAFETY: `repr(C)`, integers and arrays of them only, no padding (asserted above).
#[cfg(feature = "user")]
unsafe impl aya::Pod for Config {}
