//! Bodies that are not JSON: the same document gives the same fields in each of them, and nothing that
//! is cut or broken does harm.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sensor::call::{Facts, Place, Reader};
use sensor::counter::{Counter, Counters};
use serde_json::{Value, json};

use crate::call_exchange::{KEY, exchange, parties};

/// Fields of a response body by pointer, and what was counted.
fn scan(media: &str, body: &[u8], pieces: &[u32]) -> (BTreeMap<String, (Facts, u32)>, Counters) {
    let mut counters = Counters::default();
    let mut reader = Reader::new(KEY);
    let head = format!("HTTP/1.1 200 OK\nContent-Type: {media}\n");
    let mut raw = exchange("GET / HTTP/1.1\nHost: a\n", &head);
    let response = raw.response.as_mut().expect("a response");
    response.body = body.to_vec();
    response.body_bytes = body.len() as u64;
    response.pieces = pieces.to_vec();
    let call = reader.read(raw, &parties(2), &mut counters).expect("a call");
    let names = reader.names();
    let fields = call.fields.iter().filter(|seen| names.place(seen.field) == Place::ResponseBody);
    let row =
        |seen: &sensor::call::FieldSeen| (names.name(seen.field).to_string(), (seen.facts, seen.present));
    (fields.map(row).collect(), counters)
}

fn named(fields: &BTreeMap<String, (Facts, u32)>) -> Vec<String> {
    fields
        .iter()
        .map(|(name, (facts, _))| format!("{name} {}", facts.names().collect::<Vec<_>>().join("+")))
        .collect()
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite() && n.fract() != 0.0).prop_map(Value::from),
        "[a-z@.0-9 -]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let key = prop::sample::select(vec!["id", "name", "items", "price", "status", "9f3a81c2d4e5"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Value>()),
        ]
    })
}

/// What is told of a document must not depend on the form that it is written in.
fn comparable(fields: &BTreeMap<String, (Facts, u32)>) -> BTreeMap<String, (u32, u32)> {
    fields.iter().map(|(name, (facts, present))| (name.clone(), (facts.0, *present))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bodies_of_one_document_give_the_same_fields(document in document(), cut in any::<prop::sample::Index>()) {
        let text = serde_json::to_vec(&document).expect("JSON");
        let (expected, _) = scan("application/json", &text, &[]);
        let packed = rmp_serde::to_vec_named(&document).expect("MessagePack");
        let mut cbor = Vec::new();
        ciborium::into_writer(&document, &mut cbor).expect("CBOR");
        for (media, body) in [("application/msgpack", packed), ("application/cbor", cbor)] {
            let (fields, counters) = scan(media, &body, &[]);
            prop_assert_eq!(comparable(&fields), comparable(&expected), "{}", media);
            prop_assert_eq!(counters.count(Counter::BinaryMalformed), 0);
            let (part, _) = scan(media, &body[..cut.index(body.len())], &[]);
            for (name, (facts, _)) in part {
                prop_assert!(expected.contains_key(&name), "{} is invented", name);
                prop_assert!(expected[&name].0.types().contains(facts.types()));
            }
        }
    }

    #[test]
    fn bodies_of_any_bytes_are_borne(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for media in ["application/msgpack", "application/cbor", "application/grpc", "text/xml", "text/event-stream"] {
            scan(media, &body, &[]);
        }
    }
}

#[test]
fn bodies_of_several_documents_count_each_object() {
    let body = br#"{"id":1}{"id":2,"name":"x"}{"id":3}"#;
    let (fields, _) = scan("application/json", body, &[8, 27, 35]);
    let (whole, _) = scan("application/x-ndjson", body, &[]);
    assert_eq!(comparable(&fields), comparable(&whole));
    assert_eq!((fields[""].1, fields["/id"].1, fields["/name"].1), (3, 3, 1));
    let sequence = b"\x1e{\"id\":1}\n\x1e{\"id\":2}\n";
    let (fields, counters) = scan("application/json-seq", sequence, &[]);
    assert_eq!(fields["/id"].1, 2);
    assert_eq!(counters.count(Counter::JsonMalformed), 0);
}

#[test]
fn bodies_of_events_give_the_fields_of_their_data() {
    let body = b": hello\nevent: price\nid: 7\ndata: {\"price\": 3,\ndata: \"name\": \"x\"}\n\n\
        data: {\"price\": 4}\r\n\r\ndata: plain text\n\ndata: {\"id\": 1";
    let (fields, _) = scan("text/event-stream", body, &[]);
    assert_eq!(
        named(&fields),
        [" object", "/name string+text", "/price integer"],
        "an open event is none yet"
    );
    assert_eq!(fields["/price"].1, 2);
}

#[test]
fn bodies_in_xml_give_elements_and_attributes() {
    let body = br#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]>
      <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
        <order id="17"><item><name>n&amp;1</name><price>3.50</price></item>
        <item><name/><price>4</price></item><note lang="de">text</note></order></s:Body></s:Envelope>"#;
    let (fields, counters) = scan("text/xml; charset=utf-8", body, &[]);
    let order = "/Envelope/Body/order";
    let expected = [
        " object".to_owned(),
        "/Envelope object".to_owned(),
        "/Envelope/Body object".to_owned(),
        format!("{order} object"),
        format!("{order}/@id string+digits"),
        format!("{order}/item object"),
        format!("{order}/item/name string+empty+text"),
        format!("{order}/item/price string+digits+decimal"),
        format!("{order}/note object"),
        format!("{order}/note/#text string+text"),
        format!("{order}/note/@lang string+text"),
    ];
    let mut sorted = expected.to_vec();
    sorted.sort();
    assert_eq!(named(&fields), sorted);
    assert!(fields[&format!("{order}/item")].0.contains(Facts::REPEATED));
    assert_eq!(counters.count(Counter::XmlMalformed), 0);
    let (_, counters) = scan("application/soap+xml", &body[..200], &[]);
    assert_eq!(counters.count(Counter::XmlMalformed), 1, "it is cut though it says that it is whole");
}

#[test]
fn bodies_in_protobuf_give_numbers() {
    // 1: "anna", 2: 150, 3: { 1: "x" }, 3: { 1: "y" }, 4: fixed32, 6: bytes, 7: {}
    let body = b"\x0a\x04anna\x10\x96\x01\x1a\x03\x0a\x01x\x1a\x03\x0a\x01y\x25\x00\x00\x80\x3f\x32\x03\xff\xfe\xfd\x3a\x00";
    for media in ["application/grpc+proto", "application/x-protobuf"] {
        let (fields, counters) = scan(media, body, &[]);
        assert_eq!(
            named(&fields),
            [
                " object",
                "/1 string+text",
                "/2 integer",
                "/3 object",
                "/3/1 string+text",
                "/4 number",
                "/6 string+text",
                "/7 object+empty"
            ]
        );
        assert!(fields["/3"].0.contains(Facts::REPEATED));
        assert_eq!(counters.count(Counter::BinaryMalformed), 0);
    }
    let (_, counters) = scan("application/grpc", b"\x0a\x04an", &[]);
    assert_eq!(counters.count(Counter::BinaryMalformed), 1);
}

#[test]
fn bodies_that_nest_without_end_are_bounded() {
    let deep = json!([[[[[]]]]]).to_string();
    let (_, counters) = scan("application/json", deep.as_bytes(), &[]);
    assert_eq!(counters.count(Counter::JsonTooDeep), 0);
    for (media, piece) in
        [("application/msgpack", &b"\x91"[..]), ("application/cbor", b"\x81"), ("text/xml", b"<a>")]
    {
        let (fields, counters) = scan(media, &piece.repeat(100_000), &[]);
        assert!(fields.len() < 200, "{media}: {} fields", fields.len());
        assert_eq!(counters.count(Counter::JsonTooDeep), 1, "{media}");
    }
}
