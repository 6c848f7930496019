//! Live tests on this machine's kernel, as root: real servers in network namespaces of their own, the
//! sensor on those, and what it reports against what was sent.
//!
//! Where eBPF is refused they fail. `APICENSUS_SKIP_LIVE=1` leaves them out, loudly.

mod actor;
mod badinput;
mod busy_start;
mod completeness;
mod conformance;
mod exchange;
mod insecure;
#[allow(dead_code, reason = "xtask's demo and benchmarks use the rest")]
mod netns;
mod packets;
mod privacy;
mod privileges;
#[allow(dead_code, reason = "xtask's demo and benchmarks use the rest")]
mod process;
mod recording;
mod replay;
mod rig;
mod scenario;
mod scope;
mod secret;
mod sensor;
#[allow(dead_code, reason = "xtask's demo and benchmarks use the rest")]
mod servers;
mod tls;
mod traffic;
mod tshark;
mod watch;
mod web;
