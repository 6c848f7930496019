//! What the sensor makes of requests: real messages through the protocol reader, the privacy border and
//! the recorder, deltas merged as a store does, templates of the whole.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use sensor::call::{CallClass, Parties, Path, Reader};
use sensor::counter::Counters;
use sensor::flow::{Direction, Peer, Timestamp, Transport, Verdict};
use sensor::inventory::template::{Guide, Templates};
use sensor::inventory::{Inventory, Recorder};
use sensor::protocol::{Connection, Exchange};
use sensor::stream::Chunk;

use super::traffic::{CALLERS, Request, blank};

const KEY: [u8; 16] = *b"key of this test";

/// Calls between two flushes.
const FLUSH_CALLS: usize = 500;

/// Rounds of the same requests before the steady state.
const ROUNDS: usize = 8;

/// What came out.
pub struct Outcome {
    /// Template of each request, parameters as `{}`; literals that may not be shown are `~…`.
    pub templates: Vec<String>,
    pub inventory: Inventory,
    pub paths: Vec<(Path, CallClass)>,
}

/// What a sensor stored, with the paths of its calls.
struct Fed {
    inventory: Inventory,
    paths: Vec<(Path, CallClass)>,
}

/// Feeds requests to a sensor; also gives the nanoseconds that each took from the privacy border to the
/// recorder, with its part of flushes.
fn feed(requests: &[&Request]) -> (Fed, Vec<u64>) {
    let mut reader = Reader::new(KEY);
    let mut recorder = Recorder::new(KEY);
    let mut counters = Counters::default();
    let mut inventory = Inventory::default();
    let peer = |last: usize| {
        Arc::new(Peer { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last as u8)), workload: None })
    };
    let server = peer(200);
    let callers: Vec<Arc<Peer>> = (0..CALLERS).map(peer).collect();
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut paths = Vec::with_capacity(requests.len());
    let mut times = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let text = format!("{} {} HTTP/1.1\r\nhost: api.test\r\n\r\n", request.method, request.path);
        let body = format!("{{\"number\":{number}}}");
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = Connection::new(Some(Verdict::Http1));
        let at = Timestamp(1_000_000_000 + number as u64 * 1_000_000);
        for (direction, text) in [(Direction::Inbound, &text), (Direction::Outbound, &response)] {
            let chunk = Chunk::Bytes { direction, bytes: text.as_bytes(), burst_start: true, at };
            connection.push(chunk, &mut counters, &mut exchanges);
        }
        connection.push(Chunk::End { at, certain: true }, &mut counters, &mut exchanges);
        let parties = Parties {
            local: server.clone(),
            remote: callers[request.caller].clone(),
            local_port: 80,
            remote_port: 40_000,
            transport: Transport::Clear,
        };
        let exchange = exchanges.pop().expect("the exchange that was just sent");
        let started = Instant::now();
        let call = reader.read(exchange, &parties, &mut counters).expect("a request");
        recorder.record(&call, &mut counters);
        let delta =
            ((number + 1) % FLUSH_CALLS == 0 || number + 1 == requests.len()).then(|| recorder.take(&reader));
        times.push(started.elapsed().as_nanos() as u64);
        if let Some(delta) = delta {
            inventory.merge(delta);
        }
        paths.push((call.path, call.class));
    }
    (Fed { inventory, paths }, times)
}

/// Takes requests through the sensor.
pub fn run(requests: &[Request]) -> Outcome {
    let requests: Vec<&Request> = requests.iter().collect();
    let (Fed { inventory, paths }, _) = feed(&requests);
    let mut templates = Templates::default();
    for (key, stats) in inventory.endpoints.iter().filter(|(key, _)| key.class == CallClass::Found) {
        templates.add(&key.path, key.method, stats.calls);
    }
    templates.settle(&Guide::default());
    let mut texts = HashMap::new();
    let of = |(path, class): &(Path, CallClass)| {
        let node = templates.locate(path).filter(|_| *class == CallClass::Found);
        match node {
            Some(node) => texts
                .entry(node)
                .or_insert_with(|| blank(&templates.template(node, &inventory.words).0))
                .clone(),
            None => "(none)".to_owned(),
        }
    };
    let templates = paths.iter().map(of).collect();
    Outcome { templates, inventory, paths }
}

/// Nanoseconds that reading and recording a request takes more, when all of it was seen before, than the
/// same requests for `/status`; flushes and learning included.
pub fn path_cost_ns(requests: &[Request]) -> f64 {
    let plain: Vec<Request> =
        requests.iter().map(|r| Request { path: "/status".to_owned(), truth: String::new(), ..*r }).collect();
    let mut best = [f64::MAX; 2];
    // In turn, so that a busy machine slows both.
    for _ in 0..3 {
        for (best, requests) in best.iter_mut().zip([requests, &plain[..]]) {
            let again: Vec<&Request> = (0..ROUNDS).flat_map(|_| requests).collect();
            let (_, times) = feed(&again);
            // The last round, but for the last flush, which settles everything once more.
            let warm = &times[times.len() - requests.len()..times.len() - 1];
            *best = best.min(warm.iter().sum::<u64>() as f64 / warm.len() as f64);
        }
    }
    best[0] - best[1]
}
