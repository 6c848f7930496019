//! Operations of GraphQL in the messages of a WebSocket (`graphql-transport-ws`, and the older `graphql-ws`)
//! -> an exchange for each, with what came for it in the same part. The messages stay as well where they are.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::operation;
use crate::counter::{Counter, Counters};
use crate::limits::BATCH_CALLS_MAX;
use crate::protocol::{Exchange, Message, Notes, Protocol};

/// A message of either protocol.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// What is asked in the messages of a part that follows.
pub(super) fn operations(exchange: &Exchange, counters: &mut Counters) -> Vec<Exchange> {
    let Exchange { request, response, direction, follows: true, notes } = exchange else { return Vec::new() };
    if notes.protocol != Protocol::WebSocket || !operation::speaks(&request.body) {
        return Vec::new();
    }
    let asked = told(request).filter(|told| matches!(told.kind, "subscribe" | "start"));
    let asked: Vec<Told<'_>> = asked.filter(|told| told.payload.is_some()).collect();
    if asked.len() > BATCH_CALLS_MAX {
        counters.add_many(Counter::BatchFull, (asked.len() - BATCH_CALLS_MAX) as u64);
    }
    let answers: Vec<Told<'_>> = response.iter().flat_map(told).collect();
    let one = |asked: &Told<'_>| {
        let id = asked.id.map(RawValue::get);
        let of_it = answers.iter().filter(|told| told.id.map(RawValue::get) == id);
        let data = of_it.filter(|told| matches!(told.kind, "next" | "data")).filter_map(|told| told.payload);
        Exchange {
            request: message(request, asked.payload.into_iter()),
            response: response.as_ref().map(|response| message(response, data)),
            direction: *direction,
            follows: false,
            // It is no upgrade: that is the exchange that this one follows.
            notes: Notes { upgraded: false, ..*notes },
        }
    };
    asked.iter().take(BATCH_CALLS_MAX).map(one).collect()
}

/// The messages that may be of these protocols.
fn told(message: &Message) -> impl Iterator<Item = Told<'_>> {
    let mut start = 0;
    message.pieces.iter().filter_map(move |&end| {
        let piece = message.body.get(start..end as usize);
        start = end as usize;
        serde_json::from_slice(piece?).ok()
    })
}

/// With the payloads as its documents.
fn message<'a>(part: &Message, payloads: impl Iterator<Item = &'a RawValue>) -> Message {
    let (mut body, mut pieces) = (Vec::new(), Vec::new());
    for payload in payloads {
        body.extend_from_slice(payload.get().as_bytes());
        // Fits: a body has fewer bytes than that.
        pieces.push(body.len() as u32);
    }
    Message {
        head: part.head.again(),
        messages: pieces.len() as u64,
        body_bytes: body.len() as u64,
        body,
        pieces,
        body_whole: true,
        first_byte: part.first_byte,
        last_byte: part.last_byte,
    }
}
