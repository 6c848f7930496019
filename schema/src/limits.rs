//! The bounds that the kernel program and the agent must agree on, each with its unit and reason.

/// Sizes of a ring reservation's payload in bytes. A record takes the smallest that holds its copy,
/// since the verifier wants a constant size; more classes would only add branches.
pub const PAYLOAD_CLASSES_BYTES: [usize; 4] = [512, 2048, 8192, 32768];

/// Largest copy of one record in bytes: the largest payload class.
pub const PAYLOAD_BYTES_MAX: usize = PAYLOAD_CLASSES_BYTES[3];

/// Records that one user buffer (of a vector: one segment) may be split into; what is past them is
/// sent as length only.
/// 8 x 32 KiB covers the largest reads and writes that servers make (256 KiB buffers).
pub const RECORDS_PER_OPERATION_MAX: usize = 8;

/// Segments of a user vector (`readv`, `writev`, `sendmsg`, `recvmsg`) that are followed;
/// nginx and Node use at most a handful, and each costs one bounded copy.
pub const VECTOR_SEGMENTS_MAX: usize = 16;

/// Bytes that are gathered at the start of a burst to tell HTTP from other traffic.
pub const DETECT_BYTES: usize = 16;

/// Bursts without a verdict after which a socket is left alone. Not one: a connection that was open
/// before the sensor may begin with the middle of a body.
pub const DETECT_BURSTS_MAX: u8 = 4;

/// Operations within one burst after which it counts as tested even if fewer than
/// [`DETECT_BYTES`] were gathered.
pub const DETECT_OPERATIONS_MAX: u8 = 16;

/// Sockets that the kernel program keeps state for. About 240 B each, 15 MiB in all.
pub const SOCKETS_MAX: u32 = 65_536;

/// Bytes of each direction of a connection with TLS that are copied: its hellos, which say to whom and how.
pub const HELLO_BYTES: u64 = 4096;

/// Calls into TLS libraries that are known at a time, and threads with sessions of which the connection is
/// not known yet. About 120 B each.
pub const TLS_CALLS_MAX: u32 = 16_384;

/// Overhead of one TLS record in bytes: head, nonce, tag or mac and padding (RFC 8446 section 5.2, RFC 5246
/// section 6.2.3), at the least and at the most with a cipher that is in use.
pub const TLS_OVERHEAD_BYTES: [u64; 2] = [21, 64];

/// Operations of a connection whose length must fit what a session moved before the two belong together.
pub const TLS_AGREEMENTS: u8 = 2;

/// Size of the ring in bytes: a power of two. At 4 KiB a call this is 4,000 calls between two polls.
pub const RING_BYTES: u32 = 16 * 1024 * 1024;

/// Part of the ring that only control records (open, pair, close) may use, so that a burst of payload
/// never costs a control record: losing one of those spoils all that follows on its connection.
pub const RING_RESERVED_BYTES: u32 = 2 * 1024 * 1024;

/// Fill of the ring in bytes at which the kernel wakes the agent before its next poll. Half: a wake-up
/// costs the server that causes it some microseconds, so at an ordinary rate the polls come first.
pub const RING_WAKEUP_BYTES: u32 = RING_BYTES / 2;

/// Ports that one scope list can hold; each is compared once per new socket.
pub const SCOPE_PORTS_MAX: usize = 16;

/// Processes that a scope can name.
pub const SCOPE_PROCESSES_MAX: u32 = 1024;

/// Bytes of a process name in the kernel (`TASK_COMM_LEN`).
pub const COMM_BYTES: usize = 16;
