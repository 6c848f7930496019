//! A batch of JSON-RPC (section 6 of its specification) or of GraphQL -> an exchange for each call in it,
//! with the answer that belongs to it: by its id, or by its place.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{operation, socket};
use crate::counter::{Counter, Counters};
use crate::limits::BATCH_CALLS_MAX;
use crate::protocol::{Exchange, Message};

/// The calls of an exchange: itself, if it is no batch; of messages of a WebSocket those in them before it.
pub fn split(exchange: Exchange, counters: &mut Counters, mut each: impl FnMut(Exchange, &mut Counters)) {
    for operation in socket::operations(&exchange, counters) {
        each(operation, counters);
    }
    let Some(parts) = parts(&exchange) else { return each(exchange, counters) };
    if parts.len() > BATCH_CALLS_MAX {
        counters.add_many(Counter::BatchFull, (parts.len() - BATCH_CALLS_MAX) as u64);
    }
    for (request, response) in parts.into_iter().take(BATCH_CALLS_MAX) {
        each(
            Exchange {
                request: part(&exchange.request, request),
                response: exchange.response.as_ref().map(|whole| part(whole, response.unwrap_or_default())),
                direction: exchange.direction,
                follows: exchange.follows,
                notes: exchange.notes,
            },
            counters,
        );
    }
}

/// Bodies of the request and of the answer to it, if there is one.
type Part = (Vec<u8>, Option<Vec<u8>>);

/// Those of each call, if it is a batch.
fn parts(exchange: &Exchange) -> Option<Vec<Part>> {
    let Message { body, body_whole: true, pieces, .. } = &exchange.request else { return None };
    if !pieces.is_empty() || body.trim_ascii_start().first() != Some(&b'[') {
        return None;
    }
    if !operation::speaks(body) {
        return None;
    }
    let asked: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let is_rpc = asked.first().is_some_and(|first| first.get().contains("\"jsonrpc\""));
    let is_graphql = asked.first().is_some_and(|first| {
        serde_json::from_str::<Query>(first.get()).is_ok_and(|query| query.query.is_some())
            || first.get().contains("\"persistedQuery\"")
    });
    if !is_rpc && !is_graphql {
        return None;
    }
    let answers: Vec<&RawValue> = exchange
        .response
        .as_ref()
        .and_then(|response| serde_json::from_slice(&response.body).ok())
        .unwrap_or_default();
    let bytes = |value: &RawValue| value.get().as_bytes().to_vec();
    if !is_rpc {
        return Some(
            asked
                .iter()
                .enumerate()
                .map(|(at, one)| (bytes(one), answers.get(at).map(|a| bytes(a))))
                .collect(),
        );
    }
    let by_id: HashMap<String, &RawValue> =
        answers.iter().filter_map(|answer| Some((id(answer)?, *answer))).collect();
    let answer = |one: &RawValue| id(one).and_then(|id| by_id.get(&id).map(|answer| bytes(answer)));
    Some(asked.iter().map(|one| (bytes(one), answer(one))).collect())
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    query: Option<String>,
}

fn id(value: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Numbered<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    serde_json::from_str::<Numbered<'_>>(value.get()).ok()?.id.map(|id| id.get().to_owned())
}

fn part(whole: &Message, body: Vec<u8>) -> Message {
    Message {
        head: whole.head.again(),
        body_bytes: body.len() as u64,
        body,
        pieces: Vec::new(),
        messages: 0,
        body_whole: whole.body_whole,
        first_byte: whole.first_byte,
        last_byte: whole.last_byte,
    }
}
