//! Hints and OpenAPI documents as a user meets them: applied to what a store has already, taken back
//! without a trace, and refused with a word on what is wrong.

use std::path::Path;
use std::process::Command;

use sensor::call::Reader;
use sensor::counter::Counters;
use sensor::flow::Timestamp;
use sensor::inventory::guidance::{Guidance, read_hints, read_openapi};
use sensor::inventory::{Inventory, Recorder};
use sensor::store::sqlite::SqliteStore;
use sensor::store::{RunStart, Store, key};
use serde_json::Value;

use crate::call_exchange::{exchange, parties};

/// Names that could be somebody's.
const NAMES: &[&str] = &[
    "alfric",
    "bertolt",
    "cunibert",
    "dietlinde",
    "ekkehard",
    "fridolin",
    "gundula",
    "hiltrud",
    "isolde",
    "jolanthe",
    "kriemhild",
    "lothar",
    "mechthild",
    "notburga",
    "ottokar",
    "pankraz",
    "quirin",
    "radegund",
    "sieglinde",
    "theudebert",
];

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Calls of `GET path` at a service, through a reader that knows what `guidance` says.
fn inventory(key: [u8; 16], guidance: &Guidance, calls: &[(&str, String)]) -> Inventory {
    let (mut reader, mut recorder, mut counters) =
        (Reader::new(key), Recorder::new(key), Counters::default());
    reader.know(guidance.route_words());
    for (at, (service, path)) in calls.iter().enumerate() {
        let request = format!("GET {path} HTTP/1.1\nHost: {service}\n");
        let response = format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{{\"at\":{at}}}");
        let call = reader.read(exchange(&request, &response), &parties(at as u8 % 4 + 2), &mut counters);
        recorder.record(&call.expect("a call"), &mut counters);
    }
    recorder.take(&reader)
}

/// A folder with `apis.db` and its key.
fn stored(calls: &[(&str, String)]) -> tempfile::TempDir {
    stored_with(&Guidance::default(), calls)
}

fn stored_with(guidance: &Guidance, calls: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    block_on(async {
        let mut store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        let key = store.install_key().await.expect("a key");
        let start = RunStart {
            version: "0".to_owned(),
            front_end: "socket".to_owned(),
            scope: "test".to_owned(),
            at: Timestamp(1),
        };
        let run = store.begin_run(&start).await.expect("a run");
        store.merge(run, 1, &inventory(key, guidance, calls), Timestamp(2)).await.expect("merges");
        store.close().await.expect("closes");
    });
    folder
}

/// Each path several times.
fn calls(service: &str, paths: impl IntoIterator<Item = String>) -> Vec<(&str, String)> {
    let paths: Vec<String> = paths.into_iter().collect();
    (0..8).flat_map(|_| paths.iter().map(|path| (service, path.clone()))).collect()
}

fn apicensus(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it was not killed"), text(output.stdout), text(output.stderr))
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    let (code, out, errors) = apicensus(folder, &arguments);
    assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

/// `service template calls` of each endpoint.
fn endpoints(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let rows = json(folder, &[&["endpoints"], arguments].concat());
    let rows = rows["endpoints"].as_array().expect("rows").clone();
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    rows.iter()
        .map(|row| format!("{} {} {}", text(row, "service"), text(row, "path"), row["calls"]))
        .collect()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("writable");
}

fn names_below(prefix: &str) -> impl Iterator<Item = String> {
    NAMES.iter().map(move |name| format!("{prefix}/{name}"))
}

/// With and without the option, and without it again: as before.
fn before_and_after(folder: &Path, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let before = endpoints(folder, &[]);
    let after = endpoints(folder, arguments);
    assert_eq!(endpoints(folder, &[]), before, "{arguments:?}");
    (before, after)
}

fn has(rows: &[String], row: &str) -> bool {
    rows.iter().any(|known| known == row)
}

#[test]
fn split_shows_a_word_that_is_stored_as_a_hash() {
    let numbers = || (1..40).map(|number| format!("/members/{number}"));
    let mut all = calls("shop:8080", names_below("/members").chain(numbers()));
    all.extend(calls("other", names_below("/members").chain(numbers())));
    let folder = stored(&all);
    let folder = folder.path();
    write(folder, "hints.yaml", "- service: shop:*\n  split: /members/lothar\n");
    let (before, after) = before_and_after(folder, &["--hints", "hints.yaml"]);
    assert_eq!(before, ["other /members/{memberId} 472", "shop:8080 /members/{memberId} 472"]);
    assert_eq!(
        after,
        ["other /members/{memberId} 472", "shop:8080 /members/lothar 8", "shop:8080 /members/{memberId} 464"]
    );
    // A word that was never there changes nothing.
    write(folder, "hints.yaml", "- split: /members/xaver\n- split: /xaver/lothar\n");
    assert_eq!(endpoints(folder, &["--hints", "hints.yaml"]), before);
    // Without the key it is not recognised, and the user is told once.
    write(folder, "hints.yaml", "- split: /members/lothar\n");
    std::fs::remove_file(key::path_of(&folder.join("apis.db"))).expect("removable");
    let (code, out, errors) = apicensus(folder, &["endpoints", "--hints", "hints.yaml"]);
    assert_eq!(code, 0);
    assert!(!out.contains("lothar"), "{out}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("apply to words that are stored in clear only: there is no key"), "{errors}");
    // Nor with that of another installation.
    std::fs::write(key::path_of(&folder.join("apis.db")), [7; 16]).expect("writable");
    let (_, out, errors) = apicensus(folder, &["endpoints", "--hints", "hints.yaml"]);
    assert!(!out.contains("lothar") && errors.contains("was made with another key"), "{out}{errors}");
}

#[test]
fn collapse_makes_one_parameter_of_words() {
    let words = ["search", "export", "import", "preview"];
    let folder = stored(&calls("shop", words.iter().map(|word| format!("/link/{word}/items"))));
    let folder = folder.path();
    write(folder, "hints.json", r#"[{"collapse": "/link/*"}]"#);
    let (before, after) = before_and_after(folder, &["--hints", "hints.json"]);
    assert_eq!(before.len(), 4, "{before:?}");
    assert_eq!(after, ["shop /link/{linkName}/items 32"]);
    // The later rule of two counts.
    write(folder, "hints.yaml", "- collapse: /link/*\n- split: /link/search\n- name: /link/{}\n  as: what\n");
    assert_eq!(
        endpoints(folder, &["--hints", "hints.yaml"]),
        ["shop /link/search/items 8", "shop /link/{what}/items 24"]
    );
}

#[test]
fn name_names_a_parameter() {
    let folder = stored(&calls("shop", (1..9).map(|number| format!("/users/{number}/orders/{number}7"))));
    let folder = folder.path();
    write(folder, "hints.yaml", "- name: /users/{}\n  as: login\n- name: /users/*/orders/{x}\n  as: login\n");
    let (before, after) = before_and_after(folder, &["--hints", "hints.yaml"]);
    assert_eq!(before, ["shop /users/{userId}/orders/{orderId} 64"]);
    assert_eq!(after, ["shop /users/{login}/orders/{login2} 64"], "each name once in a path");
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "callers"])
        .current_dir(folder)
        .env_clear()
        .env("APICENSUS_HINTS", "hints.yaml")
        .output()
        .expect("the program starts");
    let callers = String::from_utf8(output.stdout).expect("text");
    assert!(callers.contains("/users/{login}/orders/{login2}"), "{callers}");
}

#[test]
fn never_makes_noise() {
    let mut all =
        calls("shop", ["/internal/debug", "/internal/debug/vars", "/internal/debugger"].map(str::to_owned));
    all.extend(calls("shop", ["/internal/lothar/state".to_owned(), "/orders".to_owned()]));
    let folder = stored(&all);
    let folder = folder.path();
    write(folder, "hints.yaml", "- never: /internal/debug\n- never: /internal/lothar/*\n");
    let (before, after) = before_and_after(folder, &["--hints", "hints.yaml"]);
    assert_eq!(before.len(), 5, "{before:?}");
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(has(&after, "shop /orders 8"), "{after:?}");
    let noise = json(folder, &["noise", "--hints", "hints.yaml"]);
    let rows = noise["noise"].as_array().expect("rows");
    let rows: Vec<String> =
        rows.iter().map(|row| format!("{} {} {}", row["class"], row["path"], row["calls"])).collect();
    assert_eq!(
        rows,
        [
            "\"never\" \"/internal/debug\" 8",
            "\"never\" \"/internal/debug/vars\" 8",
            "\"never\" \"/internal/lothar/state\" 8",
        ]
    );
    assert_eq!(json(folder, &["noise"])["noise"], Value::Array(Vec::new()));
    let report = json(folder, &["report", "--hints", "hints.yaml"]);
    assert_eq!(report["noise"]["never"]["calls"], 24);
}

const DOCUMENT: &str = r"
openapi: 3.1.0
info: { title: shop, version: '1' }
servers:
  - url: https://shop.example:8080/v2
  - url: http://localhost:8080/v2
paths:
  /members/{login}: { get: {}, delete: {} }
  /members/lothar: { get: {} }
  /members/{member}/quxes/{quxId}.json: { get: {} }
  /tiles/{x},{y}: { get: {} }
  /search/{what}: { get: {} }
  /internal/debug: { get: {} }
";

#[test]
fn routes_of_a_document_win() {
    let all: Vec<String> = names_below("/v2/members")
        .chain(names_below("/v2/members").map(|path| format!("{path}/quxes/42.json")))
        .chain((10..20).map(|number| format!("/v2/tiles/{number}.5,{number}.7")))
        .chain(["export", "import", "preview"].map(|word| format!("/v2/search/{word}")))
        .chain(["/v2/internal/debug".to_owned(), "/v2/orders".to_owned()])
        .collect();
    let folder = stored(&calls("shop.example:8080", all));
    let folder = folder.path();
    write(folder, "shop.yaml", DOCUMENT);
    let hints = "- collapse: /v2/members/*\n- never: /v2/internal\n- split: /v2/search/export\n\
                 - name: /v2/search/*\n  as: other\n";
    write(folder, "hints.yaml", hints);
    let (before, after) = before_and_after(folder, &["--openapi", "shop.yaml", "--hints", "hints.yaml"]);
    assert_ne!(before, after);
    assert_eq!(
        after,
        [
            "shop.example:8080 /v2/internal/debug 8",
            "shop.example:8080 /v2/members/lothar 8",
            "shop.example:8080 /v2/members/{login} 152",
            "shop.example:8080 /v2/members/{member}/quxes/{quxId}.json 160",
            "shop.example:8080 /v2/orders 8",
            "shop.example:8080 /v2/search/{what} 24",
            "shop.example:8080 /v2/tiles/{x},{y} 80",
        ]
    );
    // For the services that are named, and only those.
    for option in ["shop.example:8080=shop.yaml", "*=shop.yaml", "SHOP.*=shop.yaml"] {
        let rows = endpoints(folder, &["--openapi", option]);
        assert!(has(&rows, "shop.example:8080 /v2/tiles/{x},{y} 80"), "{option}");
    }
    let (code, out, errors) = apicensus(folder, &["endpoints", "--openapi", "other=shop.yaml"]);
    assert_eq!((code, out), (0, apicensus(folder, &["endpoints"]).1));
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("no service of the store is other; say which it is with"), "{errors}");
    // The other commands too.
    let fields = apicensus(folder, &["fields", "--openapi", "shop.yaml"]).1;
    assert!(fields.contains("/v2/tiles/{x},{y}"), "{fields}");
    let document = apicensus(folder, &["export", "openapi", "--openapi", "shop.yaml"]).1;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let names = &document["paths"]["/v2/tiles/{x},{y}"]["get"]["parameters"];
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&"x".into(), &"y".into()), "{names}");
}

#[test]
fn a_reader_that_was_told_keeps_words_in_clear_where_they_were_said() {
    let guidance = Guidance {
        hints: read_hints("- split: /queens/radegund\n").expect("hints"),
        documents: read_openapi(DOCUMENT, Some("shop")).expect("a document"),
    };
    let numbers = |prefix: &'static str| (1..40).map(move |number| format!("{prefix}/{number}"));
    let paths: Vec<String> = names_below("/queens")
        .chain(numbers("/queens"))
        .chain(names_below("/users"))
        .chain(numbers("/users"))
        .chain(names_below("/v2/members"))
        .collect();
    let folder = stored_with(&guidance, &calls("shop", paths));
    let rows = endpoints(folder.path(), &[]);
    assert!(has(&rows, "shop /queens/radegund 8"), "{rows:?}");
    assert!(has(&rows, "shop /users/{userId} 472"), "{rows:?}");
    let database =
        ["apis.db", "apis.db-wal"].map(|name| std::fs::read(folder.path().join(name)).unwrap_or_default());
    let holds =
        |text: &str| database.iter().any(|file| memchr::memmem::find(file, text.as_bytes()).is_some());
    assert!(holds("/queens/radegund") && holds("/v2/members/lothar"));
    assert!(!holds("/users/radegund") && !holds("/users/lothar") && !holds("mechthild"));
}

#[test]
fn explanations_are_told() {
    let folder = stored(&calls("shop", (1..9).map(|number| format!("/users/{number}/orders"))));
    let folder = folder.path();
    let plain = json(folder, &["endpoints"]);
    assert!(plain["endpoints"][0].get("explanation").is_none());
    let rows = json(folder, &["endpoints", "--explain"]);
    let row = &rows["endpoints"][0];
    assert!(row["confidence"].as_f64().is_some_and(|sure| sure > 0.5 && sure <= 1.0), "{row}");
    assert_eq!(row["confidence"], plain["endpoints"][0]["confidence"]);
    let explanation = row["explanation"].as_array().expect("segments");
    let parts: Vec<(&str, &str)> = explanation
        .iter()
        .map(|part| (part["segment"].as_str().expect("text"), part["taken_for"].as_str().expect("text")))
        .collect();
    assert_eq!(parts, [("users", "literal"), ("{userId}", "parameter"), ("orders", "literal")]);
    assert_eq!(explanation[1]["shapes"], serde_json::json!({"integer": 64}));
    assert!(!explanation[2]["evidence"].as_array().expect("evidence").is_empty());
    let (_, text, _) = apicensus(folder, &["endpoints", "--explain"]);
    assert!(text.contains("GET /users/{userId}/orders  64 calls, "), "{text}");
    assert!(text.contains("{userId}  parameter  100 %  64 calls  integer"), "{text}");
    write(folder, "hints.yaml", "- split: /users\n");
    let (_, text, _) = apicensus(folder, &["endpoints", "--explain", "--hints", "hints.yaml"]);
    assert!(text.contains("users     literal    said"), "{text}");
}

#[test]
fn files_that_are_wrong_are_named() {
    let folder = stored(&calls("shop", ["/orders".to_owned()]));
    let folder = folder.path();
    write(folder, "bad.yaml", "- split: /a/b\n- collapse: /a/b\n");
    write(folder, "v4.json", "{\"openapi\": \"4.0\", \"paths\": {}}");
    std::fs::write(folder.join("latin.yaml"), b"- split: /a\n- split: /caf\xe9\n").expect("writable");
    for (option, file, error) in [
        (
            "--hints",
            "missing.yaml",
            "error: cannot read --hints missing.yaml: No such file or directory (os error 2)\n",
        ),
        (
            "--hints",
            "bad.yaml",
            "error: cannot read --hints bad.yaml: line 2: `collapse` needs `*` or `{}` at the end, as in `/a/b/*`\n",
        ),
        ("--hints", "latin.yaml", "error: cannot read --hints latin.yaml: line 2: this is no UTF-8\n"),
        (
            "--openapi",
            "v4.json",
            "error: cannot read --openapi v4.json: line 1: version `4.0` is not known; 2.0, 3.0 and 3.1 are\n",
        ),
        (
            "--openapi",
            "shop=none.json",
            "error: cannot read --openapi none.json: No such file or directory (os error 2)\n",
        ),
    ] {
        let (code, out, errors) = apicensus(folder, &["report", option, file]);
        assert_eq!((code, out.as_str(), errors.as_str()), (2, "", error));
    }
    let (code, _, errors) = apicensus(folder, &["run", "--pid", "1", "--hints", "bad.yaml"]);
    assert_eq!(code, 2, "{errors}");
}
