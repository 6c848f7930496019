//! Proof that a front end works on this kernel: bytes of the agent's own over a loopback pair must
//! come back from the ring, byte for byte. Never decided by kernel version.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::Capture;
use crate::counter::Counters;
use crate::flow::Direction;
use crate::source::Event;
use crate::source::decode::Decoder;

const REQUEST: &[u8] = b"GET /apicensus-probe HTTP/1.1\r\nHost: probe\r\n\r\n";
const TIMEOUT: Duration = Duration::from_secs(3);

/// Sends a request to itself and looks for it.
///
/// # Errors
/// What was missing, in one sentence.
pub fn run(capture: &mut Capture) -> Result<(), String> {
    let pair = || -> std::io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect_timeout(&listener.local_addr()?, TIMEOUT)?;
        let (server, _) = listener.accept()?;
        server.set_read_timeout(Some(TIMEOUT))?;
        Ok((client, server))
    };
    let (mut client, mut server) =
        pair().map_err(|cause| format!("the probe needs a loopback connection (is `lo` up?): {cause}"))?;
    let mut bytes = [0u8; REQUEST.len()];
    client
        .write_all(REQUEST)
        .and_then(|()| server.read_exact(&mut bytes))
        .map_err(|cause| format!("the probe's loopback connection broke: {cause}"))?;

    let mut decoder = Decoder::new(0);
    let mut counters = Counters::default();
    let port = client.local_addr().map(|address| address.port()).unwrap_or(0);
    let (mut opened, mut seen) = (false, false);
    let deadline = Instant::now() + TIMEOUT;
    while !(opened && seen) {
        capture.drain(usize::MAX, |record| match decoder.decode(record, &mut counters) {
            Some(Event::Opened(connection)) if connection.tuple.local.port() == port => opened = true,
            Some(Event::Segment(segment)) => {
                seen |= segment.direction == Direction::Outbound && segment.bytes == REQUEST;
            }
            _ => (),
        });
        if Instant::now() > deadline {
            return Err(match (opened, seen) {
                (false, false) => "the hooks did not fire for the probe's own connection".to_owned(),
                _ => "the probe's own bytes did not come back as they were sent".to_owned(),
            });
        }
        if !(opened && seen) {
            capture
                .wait(Duration::from_millis(5))
                .map_err(|cause| format!("the ring cannot be polled: {cause}"))?;
        }
    }
    Ok(())
}
