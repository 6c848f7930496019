//! The JSON scanner against serde_json: same fields with the same types for any document, and for
//! any cut of it a part of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sensor::call::{Facts, Place, Reader};
use sensor::counter::{Counter, Counters};
use serde_json::{Map, Value, json};

use crate::call_exchange::{KEY, exchange, parties};

/// Fields of a response body, by pointer, with their types.
fn scan(reader: &mut Reader, body: &[u8], whole: bool) -> (BTreeMap<String, Facts>, Counters) {
    let mut counters = Counters::default();
    let mut raw = exchange("GET / HTTP/1.1\nHost: a\n", "HTTP/1.1 200 OK\nContent-Type: application/json\n");
    let response = raw.response.as_mut().expect("a response");
    response.body = body.to_vec();
    response.body_bytes = body.len() as u64;
    response.body_whole = whole;
    let call = reader.read(raw, &parties(2), &mut counters).expect("a call");
    let names = reader.names();
    let fields = call.fields.iter().filter(|seen| names.place(seen.field) == Place::ResponseBody);
    (fields.map(|seen| (names.name(seen.field).to_string(), seen.facts)).collect(), counters)
}

/// The same from a parsed value.
fn walk(value: &Value, pointer: &str, fields: &mut BTreeMap<String, u32>) {
    let empty = Facts::EMPTY.0;
    let facts = match value {
        Value::Null => Facts::NULL.0,
        Value::Bool(_) => Facts::BOOLEAN.0,
        Value::Number(number) if number.is_f64() => Facts::NUMBER.0,
        Value::Number(_) => Facts::INTEGER.0,
        Value::String(text) => Facts::STRING.0 | if text.is_empty() { empty } else { 0 },
        Value::Array(items) => {
            items.iter().for_each(|item| walk(item, &format!("{pointer}/*"), fields));
            Facts::ARRAY.0 | if items.is_empty() { empty } else { 0 }
        }
        Value::Object(members) => {
            for (key, value) in members {
                // Kept keys of this test are known words; all others are made to be data.
                let known = key.bytes().all(|byte| byte.is_ascii_alphabetic()) && !key.is_empty();
                walk(value, &format!("{pointer}/{}", if known { key } else { "{key}" }), fields);
            }
            Facts::OBJECT.0 | if members.is_empty() { empty } else { 0 }
        }
    };
    *fields.entry(pointer.to_owned()).or_default() |= facts;
}

fn types(fields: &BTreeMap<String, Facts>) -> BTreeMap<String, u32> {
    fields.iter().map(|(name, facts)| (name.clone(), facts.types().0)).collect()
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e30..1e30f64).prop_map(Value::from),
        "\\PC{0,100}".prop_map(Value::from),
        "[\\x00-\\x7f]{0,12}".prop_map(Value::from),
    ];
    let key =
        prop_oneof![8 => "[a-e]|id|name|userId|items", 1 => "[0-9]{1,9}", 1 => "\"?\\\\?é[\\x00-\\x20]{0,2}"];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn same_fields_as_serde_json(documents in proptest::collection::vec((document(), any::<bool>()), 1..4)) {
        let mut reader = Reader::new(KEY);
        for (value, pretty) in &documents {
            let text = if *pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
            let (fields, counters) = scan(&mut reader, &text.unwrap(), true);
            let mut expected = BTreeMap::new();
            walk(value, "", &mut expected);
            prop_assert_eq!(types(&fields), expected);
            prop_assert_eq!(counters.count(Counter::JsonMalformed), 0);
        }
    }

    #[test]
    fn a_cut_gives_a_part(value in document(), at in any::<prop::sample::Index>()) {
        let text = serde_json::to_vec(&value).unwrap();
        let mut reader = Reader::new(KEY);
        let cut = &text[..at.index(text.len())];
        let (fields, counters) = scan(&mut reader, cut, false);
        prop_assert_eq!(counters.count(Counter::JsonMalformed), 0);
        let mut expected = BTreeMap::new();
        walk(&value, "", &mut expected);
        for name in fields.keys() {
            // A key that is cut is not counted: it has no end.
            prop_assert!(expected.contains_key(name), "{name}");
        }
    }

    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        scan(&mut Reader::new(KEY), &bytes, true);
    }

    #[test]
    fn malformed_exactly_when_serde_json_says_so(text in "[\\[\\]{}:,\"a0-9.eE+\\- tfn\\\\u]{0,12}") {
        let valid = serde_json::Deserializer::from_str(&text).into_iter::<serde::de::IgnoredAny>().all(|v| v.is_ok())
            && !text.trim().is_empty();
        let (_, counters) = scan(&mut Reader::new(KEY), text.as_bytes(), true);
        if !text.is_empty() && valid {
            prop_assert_eq!(counters.count(Counter::JsonMalformed), 0, "{}", text);
        }
        // Values in a row need no space between them here: `1"a"` is borne.
        let single = serde_json::from_str::<serde::de::IgnoredAny>(&format!("[{text}]")).is_ok();
        let (_, counters) = scan(&mut Reader::new(KEY), format!("[{text}]").as_bytes(), true);
        prop_assert_eq!(counters.count(Counter::JsonMalformed) == 0, single, "[{}]", text);
    }
}

#[test]
fn arrays_maps_and_lines() {
    let mut reader = Reader::new(KEY);
    let body =
        br#"{"items":[{"id":1},{"id":"x","tags":[]},7],"byUser":{"42":{"n":1},"ada@example.org":{"n":null}}}
{"items":null}
"#;
    let (fields, counters) = scan(&mut reader, body, true);
    let named: BTreeMap<String, Vec<_>> =
        fields.iter().map(|(name, facts)| (name.clone(), facts.types().names().collect())).collect();
    insta::assert_json_snapshot!(named);
    assert!(counters.named().is_empty(), "{:?}", counters.named());
}

#[test]
fn a_repeated_order_of_keys_is_read_like_the_first() {
    let mut reader = Reader::new(KEY);
    let first = scan(&mut reader, br#"{"a":1,"b":2,"c":{"a":3}}"#, true).0;
    for _ in 0..2 {
        assert_eq!(scan(&mut reader, br#"{"a":1,"b":2,"c":{"a":3}}"#, true).0, first);
        assert_eq!(scan(&mut reader, br#"{"c":{"a":3},"b":2,"a":1}"#, true).0, first);
        // Keys that begin like the guessed ones.
        let longer = scan(&mut reader, br#"{"at":1,"bid":2,"c":{"add":3}}"#, true).0;
        assert_eq!(longer.keys().collect::<Vec<_>>(), ["", "/at", "/bid", "/c", "/c/add"]);
    }
}

#[test]
fn depth_is_bounded() {
    let mut reader = Reader::new(KEY);
    let deep = format!("{}1{}", "{\"a\":[".repeat(5000), "]}".repeat(5000));
    let (fields, counters) = scan(&mut reader, deep.as_bytes(), true);
    assert_eq!(fields.len(), sensor::limits::JSON_DEPTH_MAX + 1);
    assert_eq!(counters.named(), BTreeMap::from([("json-too-deep", 1)]));
}

#[test]
fn names_are_bounded_per_object() {
    let mut reader = Reader::new(KEY);
    let words: Map<String, Value> = (0..2000).map(|n| (letters(n), json!(1))).collect();
    let (fields, counters) = scan(&mut reader, &serde_json::to_vec(&words).unwrap(), true);
    assert_eq!(fields.len(), sensor::limits::FIELD_CHILDREN_MAX + 2);
    assert!(fields.contains_key("/{key}"));
    assert!(counters.count(Counter::FieldNamesFull) > 0);
}

/// Single letters with dashes between: a name that is never taken for data.
fn letters(mut number: usize) -> String {
    let mut text = String::from("k");
    while number > 0 {
        text.extend(['-', char::from(b'a' + (number % 26) as u8)]);
        number /= 26;
    }
    text
}

/// Names of fields of a body in the first call and in the last of some, where `n` stands for what
/// changes from one to the next.
fn first_and_last(body: &str, calls: u32) -> [Vec<String>; 2] {
    let mut reader = Reader::new(KEY);
    let all: Vec<Vec<String>> = (0..calls)
        .map(|n| {
            scan(&mut reader, body.replace('#', &n.to_string()).as_bytes(), true).0.into_keys().collect()
        })
        .collect();
    [all[0].clone(), all[all.len() - 1].clone()]
}

#[test]
fn unknown_keys_are_held_back_until_they_come_in_other_documents() {
    let map = r##"{"id":1,"byUser":{"alice":1,"bob":{"n":2}}}"##;
    let held = ["", "/byUser", "/byUser/{key}", "/byUser/{key}/n", "/id"];
    assert_eq!(first_and_last(map, 100), [held, held]);
    let record = r##"{"id":#,"wombatCount":1,"frob":{"n":2}}"##;
    let first = ["", "/id", "/{key}", "/{key}/n"];
    assert_eq!(first_and_last(record, 3), [first, first]);
    assert_eq!(first_and_last(record, 4)[1], ["", "/frob", "/frob/n", "/id", "/wombatCount"]);
}

#[test]
fn many_unknown_keys_under_one_parent_are_data_whatever_comes() {
    let members: Vec<String> = (0..30).map(|n| format!("\"wombat{}\":#", letters(n + 1))).collect();
    let [first, last] = first_and_last(&format!("{{\"id\":1,{}}}", members.join(",")), 60);
    assert_eq!(first, ["", "/id", "/{key}"]);
    assert_eq!(last, first);
}
