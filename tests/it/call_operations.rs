//! Operations behind a path: which they are, what vouches for their names, what their outcome is; and
//! messages of protobuf by the names of a descriptor set.

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor::call::{Call, CallClass, Place, Reader, path_text, split};
use sensor::counter::Counters;
use sensor::inventory::spec::read_descriptors;
use sensor::protocol::{Message, Protocol};

use crate::call_exchange::{KEY, exchange, parties};

fn calls(reader: &mut Reader, request: &str, response: &str) -> Vec<Call> {
    let mut counters = Counters::default();
    let mut calls = Vec::new();
    split(exchange(request, response), &mut counters, |one, counters| {
        calls.extend(reader.read(one, &parties(2), counters));
    });
    calls
}

fn call(request: &str, response: &str) -> Call {
    let mut calls = calls(&mut Reader::new(KEY), request, response);
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

fn posted(body: &str, headers: &str) -> String {
    format!("POST /api/graphql HTTP/1.1\nHost: a\nContent-Type: application/json\n{headers}\n{body}")
}

fn answered(body: &str) -> String {
    format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{body}")
}

/// The path with the marks of names left out.
fn path(call: &Call) -> String {
    path_text(&call.path).replace("~=", "")
}

#[test]
fn operations_of_graphql() {
    let data = answered(r#"{"data":{"pet":null}}"#);
    let named =
        posted(r#"{"query":"query GetUser($id: ID) { user(id: $id) { id } }","variables":{"id":"7"}}"#, "");
    let one = call(&named, &data);
    assert_eq!(path(&one), "/api/graphql/#query/GetUser");
    // The server has answered with data, so that its schema has the field.
    let bare = posted(r#"{"query":"mutation { zorkPet(name: \"wilhelmina\") { id } }"}"#, "");
    assert_eq!(path(&call(&bare, &data)), "/api/graphql/#mutation/zorkPet");
    let refused = call(&bare, &answered(r#"{"errors":[{"message":"no"}],"data":null}"#));
    assert!(!path(&refused).contains("zorkPet"), "nobody vouches for it: {}", path(&refused));
    // A name that is no dictionary's is a client's own.
    let own = posted(r#"{"query":"query Wilhelmina { user { id } }"}"#, "");
    assert!(!path(&call(&own, &data)).contains("Wilhelmina"));
    // Which of several is said beside the document.
    let several =
        r#"{"query":"query GetUser {user{id}} query GetOrder {order{id}}","operationName":"GetOrder"}"#;
    assert_eq!(path(&call(&posted(several, ""), &data)), "/api/graphql/#query/GetOrder");
    let hash =
        r#"{"operationName":"GetUser","extensions":{"persistedQuery":{"version":1,"sha256Hash":"ab"}}}"#;
    assert_eq!(path(&call(&posted(hash, ""), &data)), "/api/graphql/#persisted/GetUser");
    let get = "GET /graphql?query=query%20GetUser%7Buser%7Bid%7D%7D HTTP/1.1\nHost: a\n";
    assert_eq!(path(&call(get, &data)), "/graphql/#query/GetUser");
    for text in [r#"{"query":"query planning"}"#, r#"{"query":{"match":{"title":"x"}}}"#] {
        assert_eq!(path(&call(&posted(text, ""), &data)), "/api/graphql", "a search is no operation");
    }
}

#[test]
fn operations_of_json_rpc_and_mcp() {
    let asked = posted(r#"{"jsonrpc":"2.0","id":1,"method":"eth_zorkBalance","params":["0x1"]}"#, "");
    let done = call(&asked, &answered(r#"{"jsonrpc":"2.0","id":1,"result":"0x2"}"#));
    assert_eq!((path(&done).as_str(), done.outcome), ("/api/graphql/#jsonrpc/eth_zorkBalance", Some(200)));
    let none = call(&asked, &answered(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#));
    assert!(!path(&none).contains("zork"), "{}", path(&none));
    assert_eq!((none.class, none.outcome, none.status), (CallClass::Missed, Some(501), Some(200)));
    let tool = posted(
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"zork_weather","arguments":{"city":"x"}}}"#,
        "Mcp-Session-Id: 1\n",
    );
    let events = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n\
                  event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}\n\n";
    // The blank lines of the text form end its head; the events follow it.
    let used = call(&tool, events);
    assert_eq!(path(&used), "/api/graphql/#mcp/tools/call/zork_weather");
    let begun =
        posted(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"x"}}"#, "");
    assert_eq!(path(&call(&begun, &answered("{}"))), "/api/graphql/#mcp/initialize");
}

#[test]
fn operations_in_batches_are_calls_of_their_own() {
    let batch = posted(
        r#"[{"jsonrpc":"2.0","id":1,"method":"getUser","params":{"userId":1}},
            {"jsonrpc":"2.0","id":2,"method":"getOrder"},{"jsonrpc":"2.0","method":"notify"}]"#,
        "",
    );
    // In any order, and without an answer to the last one.
    let answers = answered(
        r#"[{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":""}},{"jsonrpc":"2.0","id":1,"result":{"name":"x"}}]"#,
    );
    let mut reader = Reader::new(KEY);
    let all = calls(&mut reader, &batch, &answers);
    let rows: Vec<(String, Option<u16>)> = all.iter().map(|call| (path(call), call.outcome)).collect();
    assert_eq!(rows[0], ("/api/graphql/#jsonrpc/getUser".to_owned(), Some(200)));
    assert_eq!(rows[1], ("/api/graphql/#jsonrpc/getOrder".to_owned(), Some(400)));
    assert_eq!(rows.len(), 3);
    let has =
        |call: &Call, name: &str| call.fields.iter().any(|seen| &**reader.names().name(seen.field) == name);
    assert!(has(&all[0], "/params/userId") && has(&all[0], "/result/name"));
    assert!(!has(&all[1], "/params/userId") && !has(&all[1], "/result/name"));
    let graphql = posted(r#"[{"query":"{ user { id } }"},{"query":"{ order { id } }"}]"#, "");
    let data = answered(r#"[{"data":{"user":{}}},{"data":{"order":{}}}]"#);
    let paths: Vec<String> = calls(&mut reader, &graphql, &data).iter().map(path).collect();
    assert_eq!(paths, ["/api/graphql/#query/user", "/api/graphql/#query/order"]);
    let plain = posted(r#"[{"id":1},{"id":2}]"#, "");
    assert_eq!(calls(&mut reader, &plain, &data).len(), 1, "an array is no batch");
}

#[test]
fn operations_of_soap() {
    let body = "<s:Envelope xmlns:s=\"x\"><s:Header><a/></s:Header><s:Body><m:GetZork><m:id>7</m:id></m:GetZork></s:Body></s:Envelope>";
    let asked = |head: &str| format!("POST /soap HTTP/1.1\nHost: a\n{head}\n{body}");
    let done = "HTTP/1.1 200 OK\nContent-Type: text/xml\n\n<s:Envelope/>";
    let one = call(&asked("Content-Type: text/xml\nSOAPAction: \"http://x/GetZork\"\n"), done);
    assert_eq!(path(&one), "/soap/#soap/GetZork");
    assert_eq!(path(&call(&asked("Content-Type: application/soap+xml\n"), done)), "/soap/#soap/GetZork");
}

#[test]
fn operations_of_grpc_are_paths() {
    let asked =
        "POST /zork.v1.Greeter/SayZork HTTP/1.1\nHost: a\nContent-Type: application/grpc\nTe: trailers\n";
    let said =
        |status: u16| format!("HTTP/1.1 200 OK\nContent-Type: application/grpc\nGrpc-Status: {status}\n");
    let done = call(asked, &said(0));
    assert_eq!(path(&done), "/zork.v1.Greeter/SayZork");
    assert_eq!((done.rpc_status, done.outcome, done.status), (Some(0), Some(200), Some(200)));
    let missing = call(asked, &said(5));
    assert_eq!(
        (missing.class, missing.outcome),
        (CallClass::Found, Some(404)),
        "what was asked for is not there"
    );
    let unknown = call(asked, &said(12));
    assert_eq!((unknown.class, unknown.outcome), (CallClass::Missed, Some(501)));
    assert!(!path(&unknown).contains("SayZork"), "{}", path(&unknown));
}

#[test]
fn messages_have_names_by_a_descriptor_set() {
    let set = include_bytes!("../data/specs/grpc/shop.binpb");
    let mut reader = Reader::new(KEY);
    reader.describe(Arc::new(read_descriptors("shop.binpb", set).expect("a descriptor set")));
    // order_id: 300, customer_email, lines: { sku, price, sizes: packed 1, 2 }, gifts: { "zork": { sku } },
    // state: 1, on_account: true, parent: { order_id: 7 }, signature: 2 bytes
    let body =
        b"\x08\xac\x02\x12\x06a@b.de\x1a\x11\x0a\x02xy\x11\x00\x00\x00\x00\x00\x00\xf0\x3f\x1a\x02\x01\x02\
        \x22\x0b\x0a\x04zork\x12\x03\x0a\x01z\x28\x01\x40\x01\x4a\x02\x08\x07\x52\x02\xff\xfe";
    let mut raw = exchange(
        "POST /shop.v1.Orders/Create HTTP/1.1\nHost: a\nContent-Type: application/grpc\n",
        "HTTP/1.1 200 OK\nContent-Type: application/grpc\nGrpc-Status: 0\n",
    );
    raw.request.body = body.to_vec();
    raw.request.body_bytes = body.len() as u64;
    raw.request.pieces = vec![body.len() as u32];
    let call = reader.read(raw, &parties(2), &mut Counters::default()).expect("a call");
    let names = reader.names();
    let fields: BTreeMap<String, String> = call
        .fields
        .iter()
        .filter(|seen| names.place(seen.field) == Place::RequestBody)
        .map(|seen| {
            let types = seen.facts.types().names().collect::<Vec<_>>().join("+");
            (names.name(seen.field).to_string(), types)
        })
        .collect();
    let expected = [
        ("", "object"),
        ("/customerEmail", "string"),
        ("/gifts", "object"),
        ("/gifts/{key}", "object"),
        ("/gifts/{key}/sku", "string"),
        ("/lines", "array"),
        ("/lines/*", "object"),
        ("/lines/*/price", "number"),
        ("/lines/*/sizes", "array"),
        ("/lines/*/sizes/*", "integer"),
        ("/lines/*/sku", "string"),
        ("/onAccount", "boolean"),
        ("/orderId", "integer"),
        ("/parent", "object"),
        ("/parent/orderId", "integer"),
        ("/signature", "string"),
        ("/state", "integer"),
    ];
    let expected = expected.map(|(name, types)| (name.to_owned(), types.to_owned()));
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn operations_of_graphql_in_a_websocket_are_calls_of_their_own() {
    let mut part = exchange(
        "GET /api/graphql HTTP/1.1\nHost: a\nUpgrade: websocket\n\n",
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n",
    );
    part.follows = true;
    (part.notes.protocol, part.notes.upgraded) = (Protocol::WebSocket, true);
    let texts = |message: &mut Message, texts: &[&str]| {
        for text in texts {
            message.body.extend(text.bytes());
            message.pieces.push(message.body.len() as u32);
        }
        message.messages = texts.len() as u64;
        message.body_bytes = message.body.len() as u64;
    };
    texts(
        &mut part.request,
        &[
            r#"{"type":"connection_init"}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":"subscription GetOrder { order { id } }"}}"#,
            r#"{"id":"2","type":"start","payload":{"query":"query GetUser { user { id } }","variables":{"count":7}}}"#,
            r#"{"id":"3","type":"complete"}"#,
        ],
    );
    texts(
        part.response.as_mut().expect("the handshake's"),
        &[
            r#"{"type":"connection_ack"}"#,
            r#"{"id":"1","type":"next","payload":{"data":{"order":{"id":1}}}}"#,
            r#"{"id":"1","type":"next","payload":{"data":{"order":{"id":2}}}}"#,
            r#"{"id":"2","type":"data","payload":{"data":{"user":{"id":3}}}}"#,
        ],
    );
    let mut reader = Reader::new(KEY);
    let (mut counters, mut calls) = (Counters::default(), Vec::new());
    split(part, &mut counters, |one, counters| calls.extend(reader.read(one, &parties(2), counters)));
    let told: Vec<_> = calls.iter().map(|call| (path(call), call.follows, call.messages)).collect();
    assert_eq!(
        told,
        [
            ("/api/graphql/#subscription/GetOrder".to_owned(), false, [1, 2]),
            ("/api/graphql/#query/GetUser".to_owned(), false, [1, 1]),
            ("/api/graphql".to_owned(), true, [4, 4]),
        ]
    );
    assert_eq!(calls[0].latency_ns, None);
}

#[test]
fn a_method_of_grpc_that_is_not_there_is_nobodys_name() {
    let asked = "POST /zork.v1.Pets/Wilhelmina HTTP/1.1\nHost: a\nContent-Type: application/grpc\n\n";
    let answer =
        |status: u16| format!("HTTP/1.1 200 OK\nContent-Type: application/grpc\ngrpc-status: {status}\n\n");
    assert_eq!(path(&call(asked, &answer(0))), "/zork.v1.Pets/Wilhelmina");
    let missing = call(asked, &answer(12));
    // As it is stored: no word of a path has a brace.
    assert_eq!(path(&missing), "/%7Bservice}/%7Bmethod}");
    assert_eq!((missing.class, missing.outcome), (CallClass::Missed, Some(501)));
}

#[test]
fn documents_of_a_body_that_streams_are_its_messages() {
    let asked = "GET /events HTTP/1.1\nHost: a\n\n";
    let answer = |media: &str, body: &str| format!("HTTP/1.1 200 OK\nContent-Type: {media}\n\n{body}");
    let messages = |media: &str, body: &str| call(asked, &answer(media, body)).messages[1];
    let events = "event: a\ndata: {\"id\":1}\n\n: nothing\n\ndata: 1\ndata: 2\n\ndata: cut";
    assert_eq!(messages("text/event-stream", events), 2);
    assert_eq!(messages("application/x-ndjson", "{\"id\":1}\n\n{\"id\":2}\n{\"id\":3}"), 3);
    assert_eq!(messages("application/json", "{\"id\":1}"), 0);
}
