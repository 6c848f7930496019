//! TLS libraries in running processes: which binaries a process maps, and what each offers to probes.

pub mod binary;
pub mod mapped;
pub mod watch;
