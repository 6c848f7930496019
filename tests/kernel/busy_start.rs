//! Connections that carry calls all the while the sensor starts: what is sent on them after it says
//! that it captures is all reported. Idle connections of before are `scope`'s.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::netns::Netns;
use crate::rig::live;
use crate::sensor::Sensor;
use crate::servers::{Kind, Server, Tally};
use crate::traffic::Connection;

const CONNECTIONS: usize = 4;
const CALLS_AFTER: usize = 200;

#[test]
fn connections_busy_at_the_start_are_seen() {
    let Some(_turn) = live() else { return };
    for front_end in ["socket", "syscall"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let netns = Netns::create().expect("a network namespace");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let server = Server::start(Kind::Go, &netns, address, folder.path()).expect("the server starts");
        let (capturing, busy) = (AtomicBool::new(false), AtomicUsize::new(0));
        let call = || -> anyhow::Result<(Tally, Tally)> {
            let (mut before, mut after) = (Tally::new(), Tally::new());
            let mut connection = netns.within(|| Connection::open(server.address()))??;
            let mut number = 0;
            while !capturing.load(Ordering::Relaxed) {
                connection.send(number, &mut before)?;
                if number == 0 {
                    busy.fetch_add(1, Ordering::Relaxed);
                }
                number += 1;
            }
            (0..CALLS_AFTER).try_for_each(|number| connection.send(number, &mut after))?;
            Ok((before, after))
        };
        let (sensor, tallies) = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(call)).collect();
            while busy.load(Ordering::Relaxed) < CONNECTIONS && !callers.iter().any(|c| c.is_finished()) {
                std::thread::yield_now();
            }
            let sensor = Sensor::start(folder.path(), &["--netns", netns.name(), "--front-end", front_end]);
            capturing.store(true, Ordering::Relaxed);
            let tallies: Vec<_> =
                callers.into_iter().map(|c| c.join().expect("no panic").expect("calls")).collect();
            (sensor.expect("the sensor captures"), tallies)
        });
        let store = sensor.stop().expect("the sensor stops in order");
        let stored: u64 = store.tally().expect("endpoints").values().sum();
        let before: u64 = tallies.iter().flat_map(|(before, _)| before.values()).sum();
        let after: u64 = tallies.iter().flat_map(|(_, after)| after.values()).sum();
        assert_eq!(after, (CONNECTIONS * CALLS_AFTER) as u64);
        assert!(stored >= after, "{front_end}: {stored} calls stored, {after} were made after the start");
        assert!(stored <= before + after, "{front_end}: {stored} calls stored, {} made", before + after);
    }
}
