//! What a connection may hold, and what it says when a bound is reached.

use sensor::counter::{Counter, Counters};
use sensor::flow::{Direction, Timestamp, Verdict};
use sensor::limits::{BODY_BYTES_MAX, DECODED_BYTES_MAX, PIPELINE_BYTES_MAX, PIPELINE_MAX};
use sensor::protocol::{Connection, Exchange};
use sensor::stream::Chunk;

struct Rig {
    connection: Connection,
    counters: Counters,
    out: Vec<Exchange>,
    now: u64,
}

impl Default for Rig {
    fn default() -> Rig {
        let connection = Connection::new(Some(Verdict::Http1));
        Rig { connection, counters: Counters::default(), out: Vec::new(), now: 0 }
    }
}

impl Rig {
    fn push(&mut self, direction: Direction, bytes: &[u8], burst_start: bool) {
        self.now += 1;
        let chunk = Chunk::Bytes { direction, bytes, burst_start, at: Timestamp(self.now) };
        self.connection.push(chunk, &mut self.counters, &mut self.out);
    }
}

const CLIENT: Direction = Direction::Inbound;
const SERVER: Direction = Direction::Outbound;

#[test]
fn http1_more_requests_in_flight_than_the_bound_are_no_longer_paired() {
    let mut rig = Rig::default();
    for number in 0..=PIPELINE_MAX {
        rig.push(CLIENT, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", number == 0);
    }
    assert_eq!(rig.counters.count(Counter::PipelineFull), 1);
    assert_eq!(rig.out.len(), PIPELINE_MAX + 1);
    assert!(rig.out.iter().all(|exchange| exchange.response.is_none()));
    rig.push(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
    assert_eq!(rig.counters.count(Counter::RequestMissing), 1);
    assert_eq!(rig.connection.buffered_bytes(), 0);
}

#[test]
fn http1_bodies_in_flight_are_bounded() {
    let mut rig = Rig::default();
    let mut held_bytes_max = 0;
    let body = vec![b'x'; BODY_BYTES_MAX];
    for number in 0..200 {
        let head = format!("POST /x HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        rig.push(CLIENT, head.as_bytes(), number == 0);
        rig.push(CLIENT, &body, false);
        held_bytes_max = held_bytes_max.max(rig.connection.buffered_bytes());
        rig.out.clear();
    }
    assert!(held_bytes_max > BODY_BYTES_MAX);
    assert!(held_bytes_max < PIPELINE_BYTES_MAX + DECODED_BYTES_MAX, "{held_bytes_max}");
    assert_eq!(rig.counters.count(Counter::PipelineFull), 1);
}

#[test]
fn http1_between_messages_nothing_is_held() {
    let mut rig = Rig::default();
    for _ in 0..3 {
        let head =
            format!("POST /x HTTP/1.1\r\nX-Large: {}\r\nContent-Length: 100000\r\n\r\n", "y".repeat(50_000));
        let (first, second) = head.as_bytes().split_at(30_000);
        rig.push(CLIENT, first, true);
        assert!(rig.connection.buffered_bytes() >= 30_000);
        rig.push(CLIENT, second, false);
        rig.push(CLIENT, &vec![b'z'; 100_000], false);
        assert!(rig.connection.buffered_bytes() >= 150_000);
        rig.push(SERVER, b"HTTP/1.1 204 No Content\r\n\r\n", true);
        assert_eq!(rig.connection.buffered_bytes(), 0);
    }
    assert_eq!(rig.out.len(), 3);
}

#[test]
fn http1_a_head_costs_time_in_proportion_to_its_length() {
    // Byte by byte: if each byte looked at all before it, this would take minutes.
    let mut rig = Rig::default();
    for _ in 0..20 {
        let head = format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n", "p".repeat(30_000), "y".repeat(30_000));
        for (index, byte) in head.bytes().enumerate() {
            rig.push(CLIENT, &[byte], index == 0);
        }
        rig.push(SERVER, b"HTTP/1.1 204 No Content\r\n\r\n", true);
    }
    assert_eq!(rig.out.len(), 20);
}
