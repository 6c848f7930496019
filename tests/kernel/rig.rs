//! That the servers and the traffic of the live tests agree with each other, without any sensor: only
//! then does a difference to the report mean something.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::netns::Netns;
use crate::servers::{Kind, Server};
use crate::traffic::{self, Load};

static LIVE: Mutex<()> = Mutex::new(());

/// Lets one live test run at a time: they measure, and there may be two cores only. `None` if live
/// tests are to be skipped.
pub fn live() -> Option<MutexGuard<'static, ()>> {
    if std::env::var_os("APICENSUS_SKIP_LIVE").is_some_and(|value| value == "1") {
        // Not by a print macro: the test runner would swallow it.
        let line = "LIVE TEST SKIPPED (APICENSUS_SKIP_LIVE=1): nothing was captured from a kernel\n";
        std::io::stderr().write_all(line.as_bytes()).ok();
        return None;
    }
    assert!(rustix::process::geteuid().is_root(), "live tests need root, or APICENSUS_SKIP_LIVE=1");
    Some(LIVE.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn servers_log_exactly_what_was_sent() {
    let Some(_turn) = live() else { return };
    for kind in Kind::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let server = Server::start(kind, &netns, address, folder.path()).expect("the server starts");
        let load = Load { calls: 2000, connections: 50, calls_per_second: 0 };
        let started = std::time::Instant::now();
        let sent = traffic::drive(&netns, server.address(), load).expect("traffic");
        println!("{kind:?}: {} calls in {} ms", load.calls, started.elapsed().as_millis());
        assert_eq!(sent.values().sum::<u64>(), 2000);
        assert_eq!(server.stop().expect("the server stops"), sent, "{kind:?}");
    }
}

#[test]
fn a_namespace_is_gone_when_dropped() {
    let Some(_turn) = live() else { return };
    let netns = Netns::create().expect("a network namespace");
    let path = netns.path();
    assert!(path.exists());
    let output = netns.command("ip").args(["-o", "link"]).output().expect("ip");
    let links = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(links.lines().count(), 1, "only loopback: {links}");
    drop(netns);
    assert!(!path.exists());
}
