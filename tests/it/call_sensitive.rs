//! Classes, signs and principals of whole calls, and of the inventory that sums them.

use std::net::IpAddr;
use std::sync::Arc;

use sensor::call::{Call, Credential, DataClass, Parties, Place, Reader, Sign};
use sensor::counter::Counters;
use sensor::flow::{Direction, Peer, Timestamp, TlsVersion, Transport};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{EndpointStats, Inventory, Recorder};

use crate::call_exchange::{KEY, exchange, parties, peer, read, workload};

/// What a call says, on one host.
fn local() -> Parties {
    Parties { remote: peer(2, Some("curl")), ..parties(2) }
}

fn read_at(parties: &Parties, request: &str, response: &str) -> Call {
    let mut counters = Counters::default();
    Reader::new(KEY).read(exchange(request, response), parties, &mut counters).expect("a call")
}

/// Names of the signs of a call between programs of one host.
fn signs(request: &str, response: &str) -> String {
    let call = read_at(&local(), request, response);
    call.signs.iter().map(Sign::name).collect::<Vec<_>>().join(" ")
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\nHost: shop.example\n{headers}")
}

fn json(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\nContent-Type: application/json\n{headers}\n{body}")
}

/// Place, name, class and values of all that is sensitive in a call.
fn classes(request: &str, response: &str) -> Vec<(Place, String, DataClass, u32)> {
    let mut reader = Reader::new(KEY);
    let call = read(&mut reader, request, response);
    let names = reader.names();
    let classes = call.classes.iter();
    classes
        .map(|seen| (names.place(seen.field), names.name(seen.field).to_string(), seen.class, seen.values))
        .collect()
}

#[test]
fn classes_in_every_place() {
    let request = "POST /orders?email=a%40b.co HTTP/1.1\nHost: a\nX-Contact: c@d.co\nCookie: contact=e@f.co\n\
                   Content-Type: application/json\n\n\
                   {\"card\":{\"number\":4012888888881881},\"ssn\":\"078-05-1120\",\"password\":\"hunter2\",\
                    \"phone\":2025550143,\"iban\":\"DE89\\u00203704 0044 0532 0130 00\",\"id\":4012888888881880}";
    let key = format!("-----BEGIN PRIVATE KEY-----\\n{}", "MIIE\\n".repeat(100));
    let response = json(
        200,
        "",
        &format!(
            "{{\"key\":\"{key}\",\"dateOfBirth\":\"1985-07-30\",\"access_token\":\"0123456789abcdef0123456789abcdef\",\
              \"emails\":[\"a@b.co\",\"c@d.co\"],\"items\":[{{\"email\":\"a@b.co\"}},{{\"email\":\"c@d.co\"}},{{\"email\":\"\"}}]}}"
        ),
    );
    let expected = [
        (Place::Query, "email", DataClass::Email, 1),
        (Place::RequestHeader, "x-contact", DataClass::Email, 1),
        (Place::Cookie, "contact", DataClass::Email, 1),
        (Place::RequestBody, "/card/number", DataClass::Card, 1),
        (Place::RequestBody, "/ssn", DataClass::UsSsn, 1),
        (Place::RequestBody, "/password", DataClass::Password, 1),
        (Place::RequestBody, "/phone", DataClass::Phone, 1),
        (Place::RequestBody, "/iban", DataClass::Iban, 1),
        (Place::ResponseBody, "/key", DataClass::PrivateKey, 1),
        (Place::ResponseBody, "/dateOfBirth", DataClass::BirthDate, 1),
        (Place::ResponseBody, "/access_token", DataClass::Token, 1),
        // As many arrays as it has, and as many objects.
        (Place::ResponseBody, "/emails/*", DataClass::Email, 1),
        (Place::ResponseBody, "/items/*/email", DataClass::Email, 2),
    ];
    let mut found = classes(request, &response);
    found.sort();
    let mut expected = expected.map(|(place, name, class, values)| (place, name.to_owned(), class, values));
    expected.sort();
    assert_eq!(found, expected);
    for body in ["user[password]=hunter2&x=1", "user%5Bpassword%5D=hunter2"] {
        let form =
            format!("POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\n{body}");
        let expected = (Place::Form, "user[password]".to_owned(), DataClass::Password, 1);
        assert_eq!(classes(&form, ""), [expected], "{body}");
    }
}

#[test]
fn credentials_of_a_call_are_no_data() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let secret = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let headers = format!(
        "Authorization: Bearer {jwt}\nX-Token: {jwt}\nX-Api-Key: {secret}\nPrivate-Token: {secret}\n\
         Cookie: token=0123456789abcdef0123456789abcdef; password=x; t={jwt}\n"
    );
    let response = "HTTP/1.1 200 OK\nSet-Cookie: token=0123456789abcdef0123456789abcdef\n";
    assert_eq!(classes(&get("/", &headers), response), []);
}

#[test]
fn signs_of_the_url() {
    for (target, expected) in [
        ("/users/7?page=2", ""),
        ("/?api_key=abc", "credential-in-url"),
        ("/?access_token=abc", "credential-in-url"),
        ("/?password=hunter2", "credential-in-url"),
        ("/?ssn=078051120", "sensitive-in-url"),
        ("/?email=a%40b.co", "sensitive-in-url"),
        ("/users/a@b.co", "sensitive-in-url"),
        ("/users/a%40b.co/orders", "sensitive-in-url"),
        ("/cards/4012888888881881", "sensitive-in-url"),
        ("/x/4012-8888-8888-1881", "sensitive-in-url"),
        ("/x/078-05-1120", "sensitive-in-url"),
        ("/x/DE89370400440532013000", "sensitive-in-url"),
        // By itself a number of sixteen digits is an id, even if it happens to fit.
        ("/orders/4012888888881881", ""),
        ("/orders?id=4012888888881881", ""),
        ("/orders/1735689600123", ""),
        ("/x/6f1c2a9e-8b1d-4c3e-9f00-0123456789ab", ""),
        ("/x/da39a3ee5e6b4b0d3255bfef95601890afd80709", ""),
        ("/x;jsessionid=0a1b2c", "credential-in-url"),
    ] {
        assert_eq!(signs(&get(target, ""), "HTTP/1.1 200 OK\n"), expected, "{target}");
    }
}

#[test]
fn signs_of_tokens() {
    // {"sub":"1"} without an end, as RS256, none, and HS256 with the key `secret`.
    let rs = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";
    let of = |token: &str, status: u16| {
        signs(&get("/", &format!("Authorization: Bearer {token}\n")), &json(status, "", "{}"))
    };
    assert_eq!(of(rs, 200), "jwt-no-expiry");
    assert_eq!(of(none, 200), "jwt-none jwt-no-expiry");
    assert_eq!((of(none, 401), of(rs, 403)), (String::new(), String::new()));
    // Expired at second 1, called at second 1 and at second 62 of the epoch.
    let expired = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl";
    assert_eq!(of(expired, 200), "");
    let mut later = exchange(&get("/", &format!("Cookie: t={expired}\n")), "HTTP/1.1 200 OK\n");
    later.request.first_byte = Timestamp(62_000_000_000);
    let call = Reader::new(KEY).read(later, &local(), &mut Counters::default()).expect("a call");
    assert!(call.signs.contains(Sign::JwtExpiredAccepted));
}

#[test]
fn signs_of_answers() {
    let list = |items: usize, item: &str| format!("[{}]", vec![item; items].join(","));
    let cors = |origin: &str| {
        format!("Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Origin: {origin}\n")
    };
    for (request, response, expected) in [
        (get("/", ""), json(500, "", "{\"e\":\"Traceback (most recent call last):\"}"), "verbose-error"),
        (get("/", ""), json(200, "", "{\"e\":\"Traceback (most recent call last):\"}"), ""),
        (get("/", ""), json(200, "", &list(100, "{\"id\":1}")), "many-records"),
        (get("/", ""), json(200, "", &format!("{{\"a\":{}}}", list(100, "{}"))), "many-records"),
        (get("/", ""), json(200, "", &list(99, "{\"id\":1}")), ""),
        (get("/", ""), json(404, "", &list(100, "{\"id\":1}")), ""),
        // A line of a chart.
        (get("/", ""), json(200, "", &list(1000, "0.5")), ""),
        (get("/", ""), json(200, "", "{\"a\":"), "body-unread"),
        (
            get("/", "Origin: https://evil.example\n"),
            json(200, &cors("https://evil.example"), "{}"),
            "cors-any-origin-with-credentials",
        ),
        (
            get("/", "Origin: https://www.shop.example\n"),
            json(200, &cors("https://www.shop.example"), "{}"),
            "",
        ),
        (get("/", "Origin: https://evil.example\n"), json(200, &cors("https://www.shop.example"), "{}"), ""),
        (get("/", ""), json(200, &cors("*"), "{}"), "cors-any-origin-with-credentials"),
        (get("/", ""), json(200, "Access-Control-Allow-Origin: *\n", "{}"), ""),
    ] {
        let mut response = response;
        if !response.contains("\n\n") {
            response.push('\n');
        }
        assert_eq!(signs(&request, &response), expected, "{request} {response}");
    }
}

#[test]
fn signs_of_the_network() {
    let card = "{\"cardNumber\":\"4012888888881881\"}";
    let basic = get("/", "Authorization: Basic YTpi\n");
    let names = |parties: &Parties, request: &str, response: &str| {
        let call = read_at(parties, request, response);
        call.signs.iter().map(Sign::name).collect::<Vec<_>>().join(" ")
    };
    let far = parties(2);
    assert_eq!(names(&far, &get("/", ""), &json(200, "", "{\"email\":\"a@b.co\"}")), "clear-transport");
    assert_eq!(
        names(&far, &basic, &json(200, "", card)),
        "clear-transport credential-in-clear basic-in-clear sensitive-in-clear"
    );
    assert_eq!(names(&far, &get("/", "X-Api-Key: a\n"), ""), "clear-transport credential-in-clear");
    assert_eq!(names(&local(), &basic, &json(200, "", card)), "");
    let here = |address: &str| {
        let peer = Peer { address: address.parse::<IpAddr>().expect("an address"), workload: None };
        Parties { remote: Arc::new(peer), ..parties(2) }
    };
    for address in ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.0.0.1"] {
        assert_eq!(names(&here(address), &basic, ""), "", "{address}");
    }
    let tls = Transport::Tls { version: Some(TlsVersion::Tls13), alpn: None };
    let inside = Parties { transport: tls, ..parties(2) };
    assert_eq!(names(&inside, &basic, &json(200, "", card)), "");
    assert_eq!(read_at(&inside, &basic, "").transport, tls);
    assert_eq!(read_at(&far, &basic, "").transport, Transport::Clear);
    // The same from the side of the one who asks.
    let mut outbound = exchange(&basic, "");
    outbound.direction = Direction::Outbound;
    let call = Reader::new(KEY).read(outbound, &far, &mut Counters::default()).expect("a call");
    assert!(call.signs.contains(Sign::BasicInClear));
    assert_eq!(call.caller.workload, Some(workload("nginx")));
}

#[test]
fn principals_are_the_same_in_all_runs_of_one_installation() {
    let principal =
        |key: [u8; 16], headers: &str| read(&mut Reader::new(key), &get("/", headers), "").principal;
    let basic = "Authorization: Basic dXNlcjpwYXNz\n";
    assert!(principal(KEY, basic).is_some());
    assert_eq!(principal(KEY, basic), principal(KEY, "Authorization: Basic dXNlcjpvdGhlcg==\n"));
    assert_ne!(principal(KEY, basic), principal([1; 16], basic));
    assert_ne!(principal(KEY, basic), principal(KEY, "X-Api-Key: user\n"));
    assert_eq!(principal(KEY, ""), None);
    assert_eq!(principal(KEY, "Cookie: sid=1\n"), principal(KEY, "Cookie: a=b; sid=1\n"));
}

fn inventory(calls: &[(String, String)]) -> Inventory {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    for (request, response) in calls {
        let call = reader.read(exchange(request, response), &local(), &mut counters).expect("a call");
        recorder.record(&call, &mut counters);
    }
    recorder.take(&reader)
}

fn only(inventory: &Inventory) -> EndpointStats {
    let catalog = Catalog::of(inventory);
    let [endpoint] = &*catalog.services[0].endpoints else { panic!("{catalog:?}") };
    endpoint.stats.clone()
}

#[test]
fn the_vote_of_many_values() {
    let calls = |body: fn(u64) -> String, count: u64| {
        let call = |n| (get("/orders/7", ""), json(200, "", &body(n)));
        let stats = only(&inventory(&(0..count).map(call).collect::<Vec<_>>()));
        stats
            .data_classes()
            .map(|(key, class, _)| format!("{} {}", key.name, class.name()))
            .collect::<Vec<_>>()
    };
    // Ids in a row: one of ten fits the check digit.
    assert_eq!(calls(|n| format!("{{\"id\":{}}}", 4_012_888_888_881_000 + n), 200), [""; 0]);
    assert_eq!(calls(|_| "{\"id\":4012888888881881}".to_owned(), 2), [""; 0]);
    let cards = |n: u64| {
        format!(
            "{{\"value\":\"{}\"}}",
            ["4012888888881881", "5555555555554444", "378282246310005"][n as usize % 3]
        )
    };
    assert_eq!(calls(cards, 3), ["/value card"]);
    assert_eq!(
        calls(|n| format!("{{\"cardNumber\":{}}}", 4_012_888_888_881_881 + 10 * (n % 2)), 2),
        ["/cardNumber card"]
    );
    // A mail address in every twentieth comment does not make comments addresses.
    let comment =
        |n: u64| format!("{{\"comment\":\"{}\"}}", if n.is_multiple_of(20) { "a@b.co" } else { "thank you" });
    assert_eq!(calls(comment, 100), [""; 0]);
    let secret = |n: u64| {
        let value =
            if n == 50 { format!("ghp_{}", "a1B2c3D4e5F6".repeat(3)) } else { "thank you".to_owned() };
        format!("{{\"comment\":\"{value}\"}}")
    };
    assert_eq!(calls(secret, 100), ["/comment secret"]);
    let items = |_| format!("{{\"list\":[{}\"a@b.co\"]}}", "\"some text\",".repeat(99));
    assert_eq!(calls(items, 5), [""; 0]);
}

#[test]
fn sums_of_signs_and_principals() {
    let call = |n: u64, status: u16| {
        let token = format!("Authorization: Bearer token{n}\n");
        (get("/orders?api_key=abc", &token), json(status, "", "{}"))
    };
    let calls = [call(1, 200), call(2, 200), call(2, 201), call(3, 401), call(3, 403), call(1, 500)];
    let stats = only(&inventory(&calls));
    let sign = stats.signs.get(&Sign::CredentialInUrl).expect("it is there");
    assert_eq!((sign.calls, sign.seen.first), (6, Timestamp(1_000_000_000)));
    let callers: Vec<_> = stats.callers.iter().collect();
    let [(key, caller)] = &callers[..] else { panic!("{callers:?}") };
    assert_eq!(key.credential, Credential::Bearer);
    assert_eq!((caller.calls, caller.refused, caller.granted, caller.denied), (6, 3, 3, 2));
    assert_eq!(caller.principals.count(), 3);
}
