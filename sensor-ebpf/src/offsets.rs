//! The read-only configuration, set by the agent before load.

use schema::control::Config;
use schema::limits::SCOPE_PORTS_MAX;

/// Set by the loader. In `.rodata`, frozen: its members are constants to the verifier.
#[unsafe(no_mangle)]
static CONFIG: Config = Config {
    scope: schema::control::Scope {
        cgroup: 0,
        cgroup_level: 0,
        network_namespace: 0,
        processes: 0,
        ports_len: 0,
        ports_excluded_len: 0,
        reserved: 0,
        ports: [0; SCOPE_PORTS_MAX],
        ports_excluded: [0; SCOPE_PORTS_MAX],
    },
    offsets: schema::control::Offsets {
        task_files: 0,
        task_flags: 0,
        task_status: 0,
        files_fdt: 0,
        fdt_fd: 0,
        fdt_max_fds: 0,
        file_private_data: 0,
        file_inode: 0,
        inode_mode: 0,
        socket_sk: 0,
        socket_file: 0,
        sk_socket: 0,
        sk_type: 0,
        sk_protocol: 0,
        sk_shutdown: 0,
        skc_family: 0,
        skc_net: 0,
        skc_daddr: 0,
        skc_rcv_saddr: 0,
        skc_dport: 0,
        skc_num: 0,
        skc_v6_daddr: 0,
        skc_v6_rcv_saddr: 0,
        net_inum: 0,
        tcp_copied_seq: 0,
        tcp_write_seq: 0,
        tcp_bytes_received: 0,
        tcp_bytes_acked: 0,
        task_nsproxy: 0,
        nsproxy_net: 0,
        regs_arguments: [0; 6],
        regs_number: 0,
    },
    syscalls: schema::control::Syscalls {
        read: 0,
        write: 0,
        readv: 0,
        writev: 0,
        sendto: 0,
        recvfrom: 0,
        sendmsg: 0,
        recvmsg: 0,
        sendmmsg: 0,
        recvmmsg: 0,
        sendfile: 0,
        splice: 0,
        io_uring_enter: 0,
    },
    own_process: 0,
    operation_bytes_max: 0,
    burst_bytes_max: 0,
    compat_flag: 0,
    typed_task: 0,
    tls: 0,
};

/// The configuration. Members must be read with [`setting!`], or the compiler folds the zeros above.
pub fn config() -> *const Config {
    &raw const CONFIG
}

/// Reads one member of the configuration as the loader set it.
macro_rules! setting {
    ($($member:tt)+) => {
        {
            // SAFETY: a member of a static.
            #[allow(unused_unsafe)]
            let value =
                unsafe { core::ptr::read_volatile(&raw const (*$crate::offsets::config()).$($member)+) };
            value
        }
    };
}
pub(crate) use setting;
