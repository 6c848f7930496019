//! Member offsets of the running kernel, from its BTF, and the numbers of its system calls.

use std::io;
use std::path::Path;

use btfparse::{Offset, Readable, TypeInformation};
use schema::control::{Offsets, Syscalls};

use super::KernelError;

/// Where a kernel built with `CONFIG_DEBUG_INFO_BTF` shows its types.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// The whole file (5 MB): it is read byte by byte, millions of system calls if each went to the file.
struct Btf(Vec<u8>);

impl Readable for Btf {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.0.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
}

/// Looks members up by structure and path, and remembers the first that is missing.
struct Members<'a> {
    types: &'a TypeInformation,
    missing: Option<String>,
}

impl Members<'_> {
    fn of(&mut self, structure: &str, path: &str) -> u32 {
        let found = self.types.id_of(structure).map(|id| self.types.offset_of(id, path));
        match found {
            Some(Ok((_, Offset::ByteOffset(offset)))) => offset,
            _ => {
                self.missing.get_or_insert_with(|| format!("{structure}.{path}"));
                0
            }
        }
    }
}

/// Reads all offsets; about 0.15 s.
///
/// # Errors
/// No BTF, or a kernel whose structures have no member of an expected name.
pub fn read() -> Result<Offsets, KernelError> {
    read_from(Path::new(BTF_PATH))
}

fn read_from(path: &Path) -> Result<Offsets, KernelError> {
    let bytes = std::fs::read(path).map_err(|cause| KernelError::NoBtf { path: path.to_owned(), cause })?;
    let types =
        TypeInformation::new(&Btf(bytes)).map_err(|_| KernelError::BadBtf { path: path.to_owned() })?;
    let mut members = Members { types: &types, missing: None };
    let m = &mut members;
    let offsets = Offsets {
        task_files: m.of("task_struct", "files"),
        task_flags: m.of("task_struct", "flags"),
        task_status: m.of("task_struct", COMPAT_MEMBER),
        files_fdt: m.of("files_struct", "fdt"),
        fdt_fd: m.of("fdtable", "fd"),
        fdt_max_fds: m.of("fdtable", "max_fds"),
        file_private_data: m.of("file", "private_data"),
        file_inode: m.of("file", "f_inode"),
        inode_mode: m.of("inode", "i_mode"),
        socket_sk: m.of("socket", "sk"),
        socket_file: m.of("socket", "file"),
        sk_socket: m.of("sock", "sk_socket"),
        sk_type: m.of("sock", "sk_type"),
        sk_protocol: m.of("sock", "sk_protocol"),
        sk_shutdown: m.of("sock", "sk_shutdown"),
        skc_family: m.of("sock", "__sk_common.skc_family"),
        skc_net: m.of("sock", "__sk_common.skc_net.net"),
        skc_daddr: m.of("sock", "__sk_common.skc_daddr"),
        skc_rcv_saddr: m.of("sock", "__sk_common.skc_rcv_saddr"),
        skc_dport: m.of("sock", "__sk_common.skc_dport"),
        skc_num: m.of("sock", "__sk_common.skc_num"),
        skc_v6_daddr: m.of("sock", "__sk_common.skc_v6_daddr"),
        skc_v6_rcv_saddr: m.of("sock", "__sk_common.skc_v6_rcv_saddr"),
        net_inum: m.of("net", "ns.inum"),
        tcp_copied_seq: m.of("tcp_sock", "copied_seq"),
        tcp_write_seq: m.of("tcp_sock", "write_seq"),
        tcp_bytes_received: m.of("tcp_sock", "bytes_received"),
        tcp_bytes_acked: m.of("tcp_sock", "bytes_acked"),
        task_nsproxy: m.of("task_struct", "nsproxy"),
        nsproxy_net: m.of("nsproxy", "net_ns"),
        regs_arguments: REGISTERS.map(|register| m.of(REGISTERS_STRUCT, register)),
        regs_number: m.of(REGISTERS_STRUCT, NUMBER_REGISTER),
    };
    match members.missing {
        Some(member) => Err(KernelError::NoMember { member }),
        None => Ok(offsets),
    }
}

#[cfg(target_arch = "x86_64")]
mod arch {
    pub const REGISTERS_STRUCT: &str = "pt_regs";
    pub const REGISTERS: [&str; 6] = ["di", "si", "dx", "r10", "r8", "r9"];
    pub const NUMBER_REGISTER: &str = "orig_ax";
    pub const COMPAT_MEMBER: &str = "thread_info.status";
    /// `TS_COMPAT`
    pub const COMPAT_FLAG: u32 = 0x2;
}

#[cfg(target_arch = "aarch64")]
mod arch {
    // `regs[0]` holds the return value once the call has ended; `orig_x0` keeps the argument.
    pub const REGISTERS_STRUCT: &str = "pt_regs";
    pub const REGISTERS: [&str; 6] = ["orig_x0", "regs[1]", "regs[2]", "regs[3]", "regs[4]", "regs[5]"];
    pub const NUMBER_REGISTER: &str = "syscallno";
    pub const COMPAT_MEMBER: &str = "thread_info.flags";
    /// `_TIF_32BIT`
    pub const COMPAT_FLAG: u32 = 1 << 22;
}

pub use arch::COMPAT_FLAG;
use arch::{COMPAT_MEMBER, NUMBER_REGISTER, REGISTERS, REGISTERS_STRUCT};

/// Numbers of this architecture.
pub fn syscalls() -> Syscalls {
    Syscalls {
        read: libc::SYS_read as u32,
        write: libc::SYS_write as u32,
        readv: libc::SYS_readv as u32,
        writev: libc::SYS_writev as u32,
        sendto: libc::SYS_sendto as u32,
        recvfrom: libc::SYS_recvfrom as u32,
        sendmsg: libc::SYS_sendmsg as u32,
        recvmsg: libc::SYS_recvmsg as u32,
        sendmmsg: libc::SYS_sendmmsg as u32,
        recvmmsg: libc::SYS_recvmmsg as u32,
        sendfile: libc::SYS_sendfile as u32,
        splice: libc::SYS_splice as u32,
        io_uring_enter: libc::SYS_io_uring_enter as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_btf_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinux");
        assert!(matches!(read_from(&path), Err(KernelError::NoBtf { .. })));
        std::fs::write(&path, b"not BTF at all").unwrap();
        assert!(matches!(read_from(&path), Err(KernelError::BadBtf { .. })));
    }
}
