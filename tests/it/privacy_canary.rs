//! Invariant 1: canaries in every place of an exchange are in nothing that leaves `call`.
//!
//! What is allowed to be stored of what a sender wrote, and only this: names of services (`Host`, or
//! the authority of the target) whatever the answer, at most so many in a run; methods and media types
//! of closed lists; words of the dictionary; other path words and names of fields once they are shown
//! to be structure (`call/evidence.rs`, `call/held.rs`), which no number of the same request is.

use std::fs;

use proptest::prelude::*;
use sensor::call::{DataClass, Reader, path_text};
use sensor::counter::Counters;
use sensor::flow::Timestamp;
use sensor::inventory::Recorder;
use sensor::inventory::catalog::Catalog;
use sensor::report::document::Report;
use sensor::report::json;
use sensor::store::Store;
use sensor::store::sqlite::SqliteStore;

use crate::call_exchange::{KEY, exchange, parties};
use crate::store_fixture::{NEW_YEAR, run_start};

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
    }
    let inventory = recorder.take(&reader);
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

/// Exchanges with names of people where routes and fields have names. The last of each is the canary.
const NAMED: &[(&str, &str, &[&str])] = &[
    ("GET /annegret HTTP/1.1", "HTTP/1.1 200 OK", &["annegret"]),
    ("GET /api/v1/berthilde/orders HTTP/1.1", "HTTP/1.1 200 OK", &["berthilde"]),
    ("GET /team/brunhilde HTTP/1.1", "HTTP/1.1 200 OK", &["brunhilde"]),
    ("GET /profile/cordula/photo HTTP/1.1", "HTTP/1.1 200 OK", &["cordula"]),
    ("GET /users/7/friends/dietlinde HTTP/1.1", "HTTP/1.1 200 OK", &["dietlinde"]),
    (
        "GET /scores HTTP/1.1",
        "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{\"scores\":{\"dagmar\":1,\"elfriede\":{\"n\":2}},\"friederike\":3}",
        &["dagmar", "elfriede", "friederike"],
    ),
    (
        "POST /scores HTTP/1.1\nContent-Type: application/json\n\n[{\"gQx7zz\":1,\"user_gisela\":2,\"giselherCount\":3}]",
        "HTTP/1.1 200 OK",
        &["gqx7zz", "gisela", "giselher"],
    ),
    ("GET /search?gerlinde HTTP/1.1", "HTTP/1.1 200 OK", &["gerlinde"]),
    ("GET /search?hannelore=1&by-helmtrud=2 HTTP/1.1", "HTTP/1.1 200 OK", &["hannelore", "helmtrud"]),
    (
        "GET / HTTP/1.1\nCookie: theme=dark; ingeborg=1\nX-Karoline: 1",
        "HTTP/1.1 200 OK\nSet-Cookie: jutta=1; Path=/\nX-Lieselotte: 1",
        &["ingeborg", "karoline", "jutta", "lieselotte"],
    ),
    (
        "POST /upload HTTP/1.1\nContent-Type: multipart/form-data; boundary=b\n\n\
         --b\r\nContent-Disposition: form-data; name=\"margarete\"; filename=\"notburga.png\"\r\n\r\nx\r\n--b--\r\n",
        "HTTP/1.1 200 OK",
        &["margarete", "notburga"],
    ),
    (
        "POST /login HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\nottilie=1&pauline&user=2",
        "HTTP/1.1 200 OK",
        &["ottilie", "pauline"],
    ),
    ("GET /roswitha HTTP/1.1\nHost: petronella.example", "HTTP/1.1 404 Not Found", &["roswitha"]),
    ("GET / HTTP/1.1\nHost: not a host siglinde", "HTTP/1.1 400 Bad Request", &["siglinde"]),
];

/// A name may be anywhere that programs give names. The same request from one caller shows none of
/// them, however often it comes; the service is named by its `Host`, and that alone is stored.
#[test]
fn names_of_people_are_no_names_of_fields_and_routes() {
    for repeat in [1, 5, 60] {
        let (mut reader, mut recorder, mut counters) =
            (Reader::new(KEY), Recorder::new(KEY), Counters::default());
        let mut out = String::new();
        for _ in 0..repeat {
            for (request, response, _) in NAMED {
                let (line, rest) = request.split_once(" HTTP/1.1").expect("a start line");
                let host = if request.contains("Host:") { "" } else { "\nHost: shop.example" };
                let request = format!("{line} HTTP/1.1{host}{rest}");
                let raw = exchange(&request, response);
                let call = reader.read(raw, &parties(2), &mut counters).expect("a call");
                out.push_str(&format!("{call:?}\n{}\n", path_text(&call.path)));
                recorder.record(&call, &mut counters);
            }
        }
        let inventory = recorder.take(&reader);
        out.push_str(&format!("{inventory:?}\n{:?}\n{:?}", Catalog::of(&inventory), counters.named()));
        let lower = out.to_lowercase();
        for kept in ["petronella.example", "/scores/{key}/n", "/{key}", "theme", "orders", "photo", "{name}"]
        {
            assert!(lower.contains(kept), "{kept}");
        }
        let lower = lower.replace("petronella.example", "");
        for canary in NAMED.iter().flat_map(|(_, _, canaries)| *canaries).chain(&["petronella"]) {
            assert!(!lower.contains(canary), "{canary} after {repeat}");
        }
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
        let inventory = recorder.take(&reader);
        out.push_str(&format!("{inventory:?}{:?}", Catalog::of(&inventory)));
        prop_assert!(out.contains("shop.example"));
        prop_assert!(!out.to_lowercase().contains(&canary.to_lowercase()));
    }
}

/// Valid values of every class, which are looked at more closely than others; and the texts within
/// credentials, coded or not. Each with what of it must be nowhere.
fn sensitive_values() -> Vec<(String, Vec<String>)> {
    let base64 = |text: &str| base64_url(text.as_bytes());
    let claims = "{\"iss\":\"https://hildegard.example\",\"sub\":\"sieglinde\",\"name\":\"Kriemhild\",\
                  \"ssn\":\"219-09-9999\",\"phone_number\":\"+49 30 9876543\",\"email\":\"brunhild@example.org\"}";
    let jwt = format!(
        "{}.{}.{}",
        base64("{\"alg\":\"RS256\",\"kid\":\"gudrun\"}"),
        base64(claims),
        base64("signed by ute")
    );
    let parts = jwt.split('.').map(str::to_owned);
    let claimed = ["hildegard", "sieglinde", "kriemhild", "219-09-9999", "9876543", "brunhild", "gudrun"];
    let inside = parts.chain(claimed.map(str::to_owned)).collect();
    let plain = |text: &str| (text.to_owned(), vec![text.to_owned()]);
    vec![
        plain("4012888888881881"),
        ("4012-8888-8888-1881".to_owned(), vec!["4012-8888".to_owned(), "8888-1881".to_owned()]),
        plain("DE89370400440532013000"),
        plain("kunigunde@example.org"),
        plain("078-05-1120"),
        plain("RSSMRA85T10A562S"),
        plain("86095742719"),
        plain("+4930123456789"),
        plain("1985-07-30"),
        plain("ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6"),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), vec!["private key-".to_owned()]),
        plain("hunter2wilhelmina"),
        (jwt, inside),
    ]
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, at| word << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

/// The value in every place, under names that say what it is and under others.
fn exchanges_with(value: &str, host: usize) -> Vec<(String, String)> {
    let names = ["card", "ssn", "password", "token", "email", "birthdate", "phone", "national_id", "x"];
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":\"{value}\"")).collect();
    let number = if value.bytes().all(|byte| byte.is_ascii_digit()) { value } else { "1" };
    let body = format!(
        "{{{},\"{value}\":1,\"number\":{number},\"list\":[\"{value}\",{number}]}}",
        members.join(",")
    );
    let coded = value.replace('+', "%2B").replace(' ', "%20");
    let pairs: Vec<String> = names.iter().map(|name| format!("{name}={coded}")).collect();
    let basic = base64_url(format!("{value}:{value}").as_bytes()).replace('-', "+").replace('_', "/");
    let padded = format!("{basic}{}", "=".repeat((4 - basic.len() % 4) % 4));
    let mut exchanges = vec![(
        format!(
            "POST /users/{coded}/cards/{coded};jsessionid={coded}?{}&{coded} HTTP/1.1\nHost: shop{host}.example\nX-Api-Key: {value}\nOrigin: https://{coded}\n\
             X-Token: {value}\nCookie: sid={value}; a={value}\nX-Forwarded-Client-Cert: By=x;URI=spiffe://{value};Subject=\"CN={value}\"\n\
             Signature-Input: s=();keyid=\"{value}\"\nContent-Type: application/json\n\n{body}",
            pairs.join("&")
        ),
        format!(
            "HTTP/1.1 200 OK\nSet-Cookie: sid={value}\nX-Contact: {value}\nContent-Type: application/json\n\n{body}"
        ),
    )];
    for scheme in
        ["Bearer ", "", "Digest username=", "AWS4-HMAC-SHA256 Credential=", "Token ", "Signature keyId="]
    {
        let request =
            format!("GET /users/7 HTTP/1.1\nHost: shop{host}.example\nAuthorization: {scheme}{value}\n");
        let error =
            format!("{{\"error\":\"Traceback (most recent call last): {value}\",\"detail\":\"{value}\"}}");
        exchanges.push((request, format!("HTTP/1.1 500 X\nContent-Type: application/json\n\n{error}")));
    }
    for header in ["X-Forwarded-Client-Cert: URI=spiffe://", "X-SSL-Client-S-DN: CN=", "Client-Cert: :"] {
        let request = format!("GET /users/8 HTTP/1.1\nHost: shop{host}.example\n{header}{value}\n");
        exchanges.push((request, "HTTP/1.1 200 OK\n".to_owned()));
    }
    let form = format!(
        "POST /login HTTP/1.1\nHost: shop{host}.example\nAuthorization: Basic {padded}\n\
         Content-Type: application/x-www-form-urlencoded\n\n{}",
        pairs.join("&")
    );
    exchanges.push((form, "HTTP/1.1 200 OK\n".to_owned()));
    exchanges
}

/// What is looked at to say that it is sensitive leaves no more behind than that: neither in the call nor
/// in the database nor in any report.
#[tokio::test]
async fn sensitive_values_leave_their_class_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let run = store.begin_run(&run_start()).await.expect("a run");
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(KEY), Recorder::new(KEY), Counters::default());
    let mut out = String::new();
    // From one caller: what many send as the name of a field is a name.
    for round in 0..6_u64 {
        for (host, (value, _)) in sensitive_values().into_iter().enumerate() {
            for (request, response) in exchanges_with(&value, host) {
                let raw = exchange(&request, &response);
                let call = reader.read(raw, &parties(2), &mut counters).expect("a call");
                out.push_str(&format!("{call:?}\n"));
                recorder.record(&call, &mut counters);
            }
        }
        let delta = recorder.take(&reader);
        out.push_str(&format!("{delta:?}\n"));
        let sequence = round + 1;
        store.merge(run, sequence, &delta, Timestamp(NEW_YEAR)).await.expect("merges");
    }
    let inventory = store.load().await.expect("loads");
    let catalog = Catalog::of(&inventory);
    let report = Report::of(&catalog, &inventory);
    out.push_str(&format!("{inventory:?}\n{catalog:?}\n{report:?}\n{:?}", counters.named()));
    out.push_str(&json::render(&report));
    for class in DataClass::ALL {
        assert!(out.contains(&format!("\"{}\"", class.name())), "{} was found", class.name());
    }
    for kept in ["credential-in-url", "sensitive-in-url", "verbose-error", "certificate", "principal: Some("]
    {
        assert!(out.contains(kept), "{kept}");
    }
    store.close().await.expect("closes");
    let mut bytes = out.into_bytes();
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        bytes.extend(fs::read(entry.expect("an entry").path()).expect("readable"));
    }
    bytes.make_ascii_lowercase();
    for canary in sensitive_values().into_iter().flat_map(|(_, canaries)| canaries) {
        let needle = canary.to_ascii_lowercase().into_bytes();
        assert!(needle.len() >= 6 && memchr::memmem::find(&bytes, &needle).is_none(), "{canary}");
        let coded = base64_url(&needle);
        assert!(
            memchr::memmem::find(&bytes, coded.to_ascii_lowercase().as_bytes()).is_none(),
            "{canary} coded"
        );
    }
}
