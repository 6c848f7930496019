//! Why the kernel program did not copy bytes, or did not see a connection: one number per cause.
//!
//! A cause stands in a data record when its bytes are known to be missing, and indexes the per-CPU
//! counters. Numbers and names are stable for ever: add at the end.

/// One cause. `as u8` is the wire value, `as u32` the index of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Loss {
    /// Nothing is missing. Never counted.
    None = 0,
    /// The ring had no room for payload: the agent was too slow.
    RingFull = 1,
    /// The ring had no room even for a control record.
    ControlRingFull = 2,
    /// The user's memory could not be read (paged out, unmapped meanwhile, or wrong address).
    ReadFault = 3,
    /// More sockets than the state table holds.
    StateFull = 4,
    /// The burst or operation was longer than the budget.
    BodyBudget = 5,
    /// The operation was made by io_uring or by a kernel thread: no user buffer to read.
    IoUring = 6,
    /// `sendfile` or `splice`: bytes that never were in user memory.
    Splice = 7,
    /// `sendmmsg` or `recvmmsg`: which message it was is not known at the hook.
    MessageBatch = 8,
    /// `MSG_TRUNC`: the bytes were dropped by the kernel.
    Truncated = 9,
    /// More vector segments than are followed.
    VectorTooLong = 10,
    /// A 32-bit task on a 64-bit kernel: its registers mean something else.
    Compat = 11,
    /// The call that the task is in does not name this socket.
    ForeignSyscall = 12,
    /// Two tasks used one direction of one socket at the same time, or an operation was missed:
    /// the socket's own counters do not agree with the position.
    Unordered = 13,
    /// `MSG_OOB`: urgent data, outside of the stream that the other side reads.
    Urgent = 14,
    /// The socket operation was one that the program does not know.
    UnknownSyscall = 15,
    /// A process outside of the scope used a socket that one inside uses too.
    OutOfScope = 16,
}

impl Loss {
    /// Number of causes, and of counters.
    pub const COUNT: u32 = 17;

    /// All causes in order of their number.
    pub const ALL: [Loss; Self::COUNT as usize] = [
        Loss::None,
        Loss::RingFull,
        Loss::ControlRingFull,
        Loss::ReadFault,
        Loss::StateFull,
        Loss::BodyBudget,
        Loss::IoUring,
        Loss::Splice,
        Loss::MessageBatch,
        Loss::Truncated,
        Loss::VectorTooLong,
        Loss::Compat,
        Loss::ForeignSyscall,
        Loss::Unordered,
        Loss::Urgent,
        Loss::UnknownSyscall,
        Loss::OutOfScope,
    ];

    /// Kebab-case name, as metrics and reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Loss::None => "none",
            Loss::RingFull => "ring-full",
            Loss::ControlRingFull => "control-ring-full",
            Loss::ReadFault => "read-fault",
            Loss::StateFull => "state-full",
            Loss::BodyBudget => "body-budget",
            Loss::IoUring => "io-uring",
            Loss::Splice => "splice",
            Loss::MessageBatch => "message-batch",
            Loss::Truncated => "truncated",
            Loss::VectorTooLong => "vector-too-long",
            Loss::Compat => "compat-32-bit",
            Loss::ForeignSyscall => "foreign-syscall",
            Loss::Unordered => "unordered",
            Loss::Urgent => "urgent-data",
            Loss::UnknownSyscall => "unknown-syscall",
            Loss::OutOfScope => "out-of-scope",
        }
    }
}
