//! Live tests on this machine's kernel, as root: real servers in network namespaces of their own, the
//! sensor on those, and what it reports against what was sent.
//!
//! Where eBPF is refused they fail. `APICENSUS_SKIP_LIVE=1` leaves them out, loudly.

mod netns;
mod process;
mod rig;
mod servers;
mod traffic;
