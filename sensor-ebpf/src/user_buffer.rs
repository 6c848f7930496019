//! Where the bytes of a system call stand in user memory: a buffer, a vector, or nowhere readable.

use schema::limits::VECTOR_SEGMENTS_MAX;
use schema::loss::Loss;

use crate::offsets::setting;
use crate::read;

/// Receive flags of the socket API that matter here (`include/linux/socket.h`).
const MSG_OOB: u64 = 0x1;
const MSG_PEEK: u64 = 0x2;
const MSG_TRUNC: u64 = 0x20;
const MSG_ERRQUEUE: u64 = 0x2000;

/// `struct user_msghdr`: offsets of `msg_iov` and `msg_iovlen` on 64-bit kernels.
const MSGHDR_IOV: u64 = 16;
const MSGHDR_IOVLEN: u64 = 24;

/// User memory of one operation.
#[derive(Clone, Copy)]
pub struct UserBuffer {
    /// Address of the buffer, or of the `struct iovec` array.
    pub address: u64,
    /// Zero: `address` is a plain buffer. Otherwise the number of vector segments.
    pub segments: u64,
    /// File descriptor that the call names.
    pub descriptor: u64,
    /// Number of the [`Loss`] that says why the bytes cannot be read; zero if they can.
    pub opaque: u8,
    /// The operation moves no bytes of the stream (a peek, urgent data, the error queue).
    pub ignored: bool,
}

impl UserBuffer {
    /// Bytes that cannot be read, for this reason.
    #[inline(always)]
    pub fn opaque(loss: Loss) -> Self {
        UserBuffer { address: 0, segments: 0, descriptor: u64::MAX, opaque: loss as u8, ignored: false }
    }

    /// Bytes at an address.
    #[inline(always)]
    pub fn plain(descriptor: u64, address: u64) -> Self {
        UserBuffer { address, segments: 0, descriptor, opaque: 0, ignored: false }
    }

    #[inline(always)]
    fn vector(descriptor: u64, address: u64, segments: u64) -> Self {
        UserBuffer { address, segments, descriptor, opaque: 0, ignored: false }
    }

    #[inline(always)]
    fn message(descriptor: u64, header: u64) -> Self {
        let (Some(address), Some(segments)) =
            (read::user_number(header + MSGHDR_IOV), read::user_number(header + MSGHDR_IOVLEN))
        else {
            return UserBuffer { descriptor, ..Self::opaque(Loss::ReadFault) };
        };
        Self::vector(descriptor, address, segments)
    }

    /// Takes out what its flags say about a receive.
    #[inline(always)]
    fn received(mut self, flags: u64) -> Self {
        if flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE) != 0 {
            self.ignored = true;
        }
        if flags & MSG_TRUNC != 0 {
            self.opaque = Loss::Truncated as u8;
        }
        self
    }

    /// Urgent data stands outside of the stream that the other side reads.
    #[inline(always)]
    fn sent(mut self, flags: u64) -> Self {
        if flags & MSG_OOB != 0 {
            self.opaque = Loss::Urgent as u8;
        }
        self
    }

    /// Reads the saved user registers of the task: system call, descriptor, buffer.
    ///
    /// # Safety
    /// `regs` is a BTF-typed pointer to the task's `struct pt_regs`.
    #[inline(always)]
    pub unsafe fn of_registers(regs: *const u8, outbound: bool) -> Self {
        // SAFETY: as above.
        let mut buffer = unsafe { Self::by_syscall(regs, outbound) };
        // Each call above leaves its own constants; what follows must not be verified once for each.
        buffer.opaque = read::unlinked(buffer.opaque as u64) as u8;
        buffer.segments = read::unlinked(if buffer.segments > 0xffff { 0xffff } else { buffer.segments });
        buffer
    }

    #[inline(always)]
    unsafe fn by_syscall(regs: *const u8, outbound: bool) -> Self {
        // SAFETY: BTF-typed, constant offsets.
        let (number, a0, a1, a2, a3) = unsafe {
            (
                read::load::<u32>(regs, setting!(offsets.regs_number)),
                read::load::<u64>(regs, setting!(offsets.regs_arguments[0])),
                read::load::<u64>(regs, setting!(offsets.regs_arguments[1])),
                read::load::<u64>(regs, setting!(offsets.regs_arguments[2])),
                read::load::<u64>(regs, setting!(offsets.regs_arguments[3])),
            )
        };
        if outbound {
            if number == setting!(syscalls.write) {
                Self::plain(a0, a1)
            } else if number == setting!(syscalls.sendto) {
                Self::plain(a0, a1).sent(a3)
            } else if number == setting!(syscalls.writev) {
                Self::vector(a0, a1, a2)
            } else if number == setting!(syscalls.sendmsg) {
                Self::message(a0, a1).sent(a2)
            } else if number == setting!(syscalls.sendmmsg) {
                UserBuffer { descriptor: a0, ..Self::opaque(Loss::MessageBatch) }
            } else if number == setting!(syscalls.sendfile) {
                UserBuffer { descriptor: a0, ..Self::opaque(Loss::Splice) }
            } else if number == setting!(syscalls.splice) {
                UserBuffer { descriptor: a2, ..Self::opaque(Loss::Splice) }
            } else {
                Self::other(number)
            }
        } else if number == setting!(syscalls.read) {
            Self::plain(a0, a1)
        } else if number == setting!(syscalls.recvfrom) {
            Self::plain(a0, a1).received(a3)
        } else if number == setting!(syscalls.readv) {
            Self::vector(a0, a1, a2)
        } else if number == setting!(syscalls.recvmsg) {
            Self::message(a0, a1).received(a2)
        } else if number == setting!(syscalls.recvmmsg) {
            UserBuffer { descriptor: a0, ..Self::opaque(Loss::MessageBatch) }.received(a3)
        } else if number == setting!(syscalls.splice) {
            UserBuffer { descriptor: a0, ..Self::opaque(Loss::Splice) }
        } else {
            Self::other(number)
        }
    }

    #[inline(always)]
    fn other(number: u32) -> Self {
        Self::opaque(if number == setting!(syscalls.io_uring_enter) {
            Loss::IoUring
        } else {
            Loss::UnknownSyscall
        })
    }

    /// Address and length of vector segment `index`; `None` at the end or if it cannot be read.
    #[inline(always)]
    pub fn segment(&self, index: u64, total: u64) -> Option<(u64, u64)> {
        if self.segments == 0 {
            return (index == 0).then_some((self.address, total));
        }
        if index >= self.segments || index >= VECTOR_SEGMENTS_MAX as u64 {
            return None;
        }
        let mut entry = [0u64; 2];
        // SAFETY: sixteen bytes (`struct iovec`) into a local of sixteen.
        unsafe { read::user((&raw mut entry).cast(), 16, self.address + index * 16) }
            .then_some((entry[0], entry[1]))
    }
}
