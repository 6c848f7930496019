//! What the sensor makes of requests: real messages through the protocol reader, the privacy border and
//! the recorder, deltas merged as a store does, templates of the whole.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sensor::call::{CallClass, Parties, Path, Reader};
use sensor::counter::Counters;
use sensor::flow::{Direction, Peer, Timestamp};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::template::{Guide, Templates};
use sensor::inventory::{Inventory, Recorder};
use sensor::protocol::{Connection, Exchange};
use sensor::stream::Chunk;

use super::traffic::{CALLERS, Request};

const KEY: [u8; 16] = *b"key of this test";

/// Calls between two flushes.
const FLUSH_CALLS: usize = 500;

/// What came out.
pub struct Outcome {
    /// Template of each request, parameters as `{}`; literals that may not be shown are `~…`.
    pub templates: Vec<String>,
    /// Endpoints in the catalog.
    pub endpoints: usize,
    /// Rows that were stored.
    pub rows: usize,
    pub inventory: Inventory,
    pub paths: Vec<(Path, CallClass)>,
}

/// Takes requests through the sensor.
pub fn run(requests: &[Request]) -> Outcome {
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
    for (number, request) in requests.iter().enumerate() {
        let text = format!("{} {} HTTP/1.1\r\nhost: api.test\r\n\r\n", request.method, request.path);
        let body = format!("{{\"number\":{number}}}");
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = Connection::new();
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
        };
        let exchange = exchanges.pop().expect("the exchange that was just sent");
        let call = reader.read(exchange, &parties, &mut counters).expect("a request");
        recorder.record(&call, &mut counters);
        paths.push((call.path, call.class));
        if (number + 1) % FLUSH_CALLS == 0 || number + 1 == requests.len() {
            inventory.merge(recorder.take(&reader));
        }
    }
    let catalog = Catalog::of(&inventory);
    let mut templates = Templates::default();
    for (key, stats) in inventory.endpoints.iter().filter(|(key, _)| key.class == CallClass::Found) {
        templates.add(&key.path, key.method, stats.calls);
    }
    templates.settle(&Guide::default());
    let mut texts = HashMap::new();
    let of = |(path, class): &(Path, CallClass)| {
        let node = templates.locate(path).filter(|_| *class == CallClass::Found);
        match node {
            Some(node) => {
                texts.entry(node).or_insert_with(|| blank(&templates.template(node, &inventory.words).0)).clone()
            }
            None => "(none)".to_owned(),
        }
    };
    let templates = paths.iter().map(of).collect();
    let endpoints = catalog.services.iter().map(|service| service.endpoints.len()).sum();
    Outcome { templates, endpoints, rows: inventory.endpoints.len(), inventory, paths }
}

/// Words of the inventory by hash.
pub fn words(inventory: &Inventory) -> &BTreeMap<u64, Arc<str>> {
    &inventory.words
}

/// A template with `{}` for each parameter.
fn blank(template: &str) -> String {
    let mut text = String::new();
    let mut open = false;
    for character in template.chars() {
        match character {
            '{' => {
                open = true;
                text.push_str("{}");
            }
            '}' => open = false,
            _ if !open => text.push(character),
            _ => {}
        }
    }
    text
}
