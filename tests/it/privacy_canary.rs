//! Invariant 1: canaries in every place of an exchange are in nothing that leaves `call`.

use proptest::prelude::*;
use sensor::call::{Reader, path_text};
use sensor::counter::Counters;
use sensor::inventory::Recorder;
use sensor::inventory::catalog::Catalog;

use crate::call_exchange::{KEY, exchange, parties};

/// Random-looking and word-like values, each used in one place only.
const CANARIES: &[&str] = &[
    "wilhelmina",
    "x9fq2zb7tk",
    "4929123456781234",
    "ottokar",
    "zq81-77ab-cc",
    "ludmilla",
    "8f14e45fceea167a",
    "theodolinde",
    "hk7pq0wz",
    "adalbert",
    "bd307a3ec329e10a",
    "kunigunde",
    "c0ffee1234567890",
    "mechthild",
    "siegbert",
    "walburga",
    "gundula",
    "irmgard",
    "eberhard",
    "hildegund",
    "k7qz0pr4st",
    "roswitha",
    "77120945511",
    "edeltraud",
    "friedlinde",
    "gertraude",
    "heidelore",
];

fn exchanges() -> Vec<(String, String)> {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJnZXJ0cmF1ZGUifQ.c2lnbmF0dXJl";
    vec![
        (
            format!(
                "GET /users/wilhelmina/x9fq2zb7tk/4929123456781234;ottokar=1/ludmilla%40x.org?name=theodolinde&kunigunde&c0ffee1234567890=1&q=adalbert HTTP/1.1\n\
                 Host: shop.example\nUser-Agent: mechthild\nX-Customer: siegbert\nAuthorization: Bearer walburga\n\
                 Cookie: theme=gundula; JSESSIONID=irmgard; 8f14e45fceea167a=1\nX-Token: {jwt}\n\
                 Referer: http://x/eberhard\nX-k7qz0pr4st: 1\n"
            ),
            "HTTP/1.1 200 OK\nSet-Cookie: sid=hildegund; Domain=roswitha\nContent-Type: application/json\nX-Trace: ottokar\nLocation: /edeltraud\n\n\
             {\"name\":\"friedlinde\",\"card\":4929123456781234,\"77120945511\":{\"a\":1},\"ottokar@example.org\":2,\
             \"bd307a3ec329e10a\":3,\"heidelore von gertraude\":4,\"k7Qz0pR4sT\":5,\"list\":[\"hk7pq0wz\",\"wilhelm\\u0069na\"]}"
                .to_owned(),
        ),
        (
            "POST http://eberhard:irmgard@shop.example/login HTTP/1.1\nHost: other\nAuthorization: Basic b3R0b2thcjp3aWxoZWxtaW5h\n\
             Content-Type: application/x-www-form-urlencoded; charset=ottokar\n\n\
             user=ottokar&password=wilhelmina&c0ffee1234567890=x&mechthild"
                .to_owned(),
            "HTTP/1.1 403 siegbert\nContent-Type: text/gundula\n\nhildegund roswitha".to_owned(),
        ),
        (
            "PUT /upload/edeltraud.png HTTP/1.1\nHost: shop.example\nX-Api-Key: friedlinde\nContent-Type: multipart/form-data; boundary=walburga\n\n\
             --walburga\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nheidelore\r\n\
             --walburga\r\nContent-Disposition: form-data; name=\"file\"; filename=\"adalbert.png\"\r\nContent-Type: image/ludmilla\r\n\r\nkunigunde\r\n\
             --walburga\r\nContent-Disposition: form-data; name=\"ottokar@example.org\"\r\n\r\n1\r\n--walburga--\r\n"
                .to_owned(),
            "HTTP/1.1 200 OK\nContent-Type: application/vnd.theodolinde+json\n\n{\"a\":\"broken by wilhelmina".to_owned(),
        ),
        (
            "WILHELMINA /x HTTP/1.1\nHost: wilhelmina @ ottokar\n".to_owned(),
            String::new(),
        ),
        (
            "GET /a/zq81-77ab-cc?access_token=ottokar HTTP/1.1\nHost: shop.example\nContent-Type: application/json\n\nottokar {\"adalbert\"".to_owned(),
            String::new(),
        ),
    ]
}

#[test]
fn no_canary_leaves_the_call_stage() {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    let mut out = String::new();
    let planted: String =
        exchanges().iter().map(|(request, response)| format!("{request}{response}")).collect();
    for canary in CANARIES {
        assert!(planted.to_lowercase().contains(canary), "{canary} is planted");
    }
    // Often, but from one caller and less often than route words are shown after.
    for _ in 0..15 {
        for (request, response) in exchanges() {
            let call =
                reader.read(exchange(&request, &response), &parties(2), &mut counters).expect("a call");
            out.push_str(&format!("{call:?}\n{}\n", path_text(&call.path)));
            recorder.record(&call, &mut counters);
        }
        recorder.words(reader.take_words());
    }
    let inventory = recorder.take(reader.names());
    out.push_str(&format!("{inventory:?}\n{:?}\n{:?}", Catalog::of(&inventory), counters.named()));
    // The test looks at what is really there.
    for kept in
        ["shop.example", "users", "/name", "theme", "X-Customer", "title", "password", "{key}", "{name}"]
    {
        assert!(out.contains(&kept.to_lowercase()), "{kept}");
    }
    let lower = out.to_lowercase();
    for canary in CANARIES {
        assert!(!lower.contains(canary), "{canary}");
    }
    for coded in ["b3R0b2thcjp3aWxoZWxtaW5h", "eyJzdWIi", "wilhelm"] {
        assert!(!out.contains(coded), "{coded}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Any value in any place of a value; the prefix keeps it from being a route word by chance.
    #[test]
    fn no_value_leaves_the_call_stage(canary in "qx[a-zA-Z0-9]{6,30}", calls in 1..250_usize, callers in 1..5_u8) {
        let (mut reader, mut recorder, mut counters) = (Reader::new(KEY), Recorder::new(KEY), Counters::default());
        let request = format!(
            "POST /users/{canary}/x%20{canary}/{canary}@x.org?q={canary}&{canary} HTTP/1.1\nHost: shop.example\nX-A: {canary}\n\
             Authorization: {canary} {canary}\nCookie: a={canary}\nContent-Type: application/json; x={canary}\n\n\
             {{\"a\":\"{canary}\",\"b\":[\"x {canary}\"],\"{canary}@x.org\":1,\"{canary} x\":1"
        );
        let response = format!("HTTP/1.1 200 {canary}\nSet-Cookie: a={canary}; Path={canary}\nContent-Type: {canary}\n\n{canary}");
        let mut out = String::new();
        for number in 0..calls {
            let parties = parties(2 + number as u8 % callers);
            let call = reader.read(exchange(&request, &response), &parties, &mut counters).expect("a call");
            recorder.record(&call, &mut counters);
            if number % 50 == 0 {
                out.push_str(&format!("{call:?}"));
            }
        }
        recorder.words(reader.take_words());
        let inventory = recorder.take(reader.names());
        out.push_str(&format!("{inventory:?}{:?}", Catalog::of(&inventory)));
        prop_assert!(out.contains("shop.example"));
        prop_assert!(!out.to_lowercase().contains(&canary.to_lowercase()));
    }
}
