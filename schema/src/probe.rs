//! What a probe in a TLS library is at: the cookie that the agent attaches it with.

/// `int SSL_read(SSL *, void *, int)` and others that return how many bytes they gave.
pub const CALL_READ: u64 = 1;
/// `int SSL_read_ex(SSL *, void *, size_t, size_t *)`: one if it worked, the count behind the pointer.
pub const CALL_READ_EX: u64 = 2;
/// `int SSL_write(SSL *, const void *, int)` and others that return how many bytes they took.
pub const CALL_WRITE: u64 = 3;
/// `int SSL_write_ex(SSL *, const void *, size_t, size_t *)`.
pub const CALL_WRITE_EX: u64 = 4;
/// `int SSL_write_ex2(SSL *, const void *, size_t, uint64_t, size_t *)`.
pub const CALL_WRITE_EX2: u64 = 6;
/// `ossl_ssize_t SSL_sendfile(SSL *, int, off_t, size_t, int)`: bytes that never are in the caller's memory.
pub const CALL_SENDFILE: u64 = 5;
