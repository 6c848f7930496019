//! Reports: schemas are up to date, real documents keep them, filters narrow, nothing harmful is
//! printed.

use std::fs;
use std::path::PathBuf;

use sensor::flow::{Timestamp, Verdict};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{CoverageStats, Inventory, Reading, TlsCoverage};
use sensor::report::doctor::{CheckRow, Doctor, Outcome};
use sensor::report::document::{Callers, Endpoints, Fields, Report};
use sensor::report::filter::{Filter, Glob};
use sensor::report::findings::stored::StoredFindings;
use sensor::report::json;
use sensor::report::ledger::Ledger;
use sensor::report::noise::Noise;
use sensor::report::status::{RunFacts, Status};
use sensor::report::text::{self, Style};
use serde_json::Value;

use crate::store_fixture::{NEW_YEAR, SECOND, noisy_shop, shop};

fn schema_path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/json")).join(format!("{name}.json"))
}

/// `UPDATE_SCHEMAS=1 cargo test -p sensor --test it schemas` rewrites the files.
#[test]
fn committed_schemas_are_up_to_date() {
    let schemas = json::schemas();
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (name, schema) in &schemas {
        let path = schema_path(name);
        if update && fs::read_to_string(&path).unwrap_or_default() != *schema {
            fs::write(&path, schema).expect("writable");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == *schema, "{} is not what the code says; see UPDATE_SCHEMAS", path.display());
    }
    let files = fs::read_dir(schema_path("x").parent().expect("a folder")).expect("the folder").count();
    assert_eq!(files, schemas.len(), "schema/json holds a file that no document has");
}

/// Every member must be in the schema: a schema alone lets any other pass.
fn closed(mut schema: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.values_mut().for_each(close);
                if map.get("properties").is_some() && map.get("additionalProperties").is_none() {
                    map.insert("additionalProperties".to_owned(), Value::Bool(false));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

fn assert_keeps(name: &str, document: &str) {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(schema_path(name)).expect("committed")).expect("JSON");
    let validator = jsonschema::validator_for(&closed(schema)).expect("a schema");
    let document: Value = serde_json::from_str(document).expect("JSON");
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
    let mut spoilt = document.clone();
    spoilt.as_object_mut().expect("an object").remove("schema_version");
    assert!(!validator.is_valid(&spoilt), "{name}: the schema finds nothing");
}

fn status_of(inventory: &Inventory) -> Status {
    let losses = inventory.losses.iter().map(|(cause, n)| (cause.to_string(), *n)).collect();
    let run = |id, ended| RunFacts {
        id,
        version: "0.1.0",
        front_end: "socket",
        scope: "netns 4026532123",
        started: Timestamp(NEW_YEAR),
        flushed: Some(Timestamp(NEW_YEAR + 60 * SECOND)),
        ended,
        calls: 17,
        losses: &losses,
        coverage: &inventory.coverage,
    };
    Status::of("/tmp/apis.db", [run(2, None), run(1, Some(Timestamp(NEW_YEAR + 61 * SECOND)))])
}

fn doctor_rows() -> Doctor {
    let row = |name: &str, outcome, detail: &str, remedy: Option<&str>| CheckRow {
        name: name.to_owned(),
        outcome,
        detail: detail.to_owned(),
        remedy: remedy.map(str::to_owned),
    };
    Doctor::of(vec![
        row("kernel", Outcome::Ok, "6.18.0", None),
        row(
            "tracefs",
            Outcome::Degraded,
            "not mounted",
            Some("mount -t tracefs tracefs /sys/kernel/tracing"),
        ),
        row(
            "BTF",
            Outcome::Failed,
            "no /sys/kernel/btf/vmlinux",
            Some("use a kernel with CONFIG_DEBUG_INFO_BTF"),
        ),
    ])
}

#[test]
fn documents_keep_their_schemas() {
    for inventory in [shop(), noisy_shop(), Inventory::default()] {
        let catalog = Catalog::of(&inventory);
        let report = Report::of(&catalog, &inventory);
        assert_keeps("report", &json::render(&report));
        assert_keeps("report", &json::render(&report.with_findings(StoredFindings::default())));
        assert_keeps("endpoints", &json::render(&Endpoints::of(&catalog)));
        assert_keeps("callers", &json::render(&Callers::of(&catalog)));
        assert_keeps("fields", &json::render(&Fields::of(&catalog)));
        assert_keeps("noise", &json::render(&Noise::of(&catalog)));
        assert_keeps("coverage", &json::render(&Ledger::of(&inventory.coverage)));
        assert_keeps("status", &json::render(&status_of(&inventory)));
    }
    assert_keeps("doctor", &json::render(&doctor_rows()));
}

#[test]
fn tables_fit_the_width_and_hold_nothing_harmful() {
    let inventory = noisy_shop();
    let catalog = Catalog::of(&inventory);
    for width in [80, 120, 400] {
        let style = Style { width: Some(width), colour: false };
        for text in [
            text::report(&Report::of(&catalog, &inventory), style),
            text::endpoints(&Endpoints::of(&catalog), style),
            text::callers(&Callers::of(&catalog), style),
            text::fields(&Fields::of(&catalog), style),
            text::noise(&Noise::of(&catalog), style),
        ] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
            for line in text.lines() {
                let limit = usize::from(width);
                assert!(
                    line.chars().count() <= limit || line.starts_with(['(', 'c', 'n']),
                    "over {width}: {line}"
                );
            }
        }
    }
    let narrow = text::endpoints(&Endpoints::of(&catalog), Style { width: Some(90), colour: false });
    assert!(narrow.contains("/users/{userId}") && narrow.contains("(no room for CALLERS"), "{narrow}");
    let harmful = ['\u{1b}', '\u{202e}'];
    assert!(!json::render(&Fields::of(&catalog)).contains(harmful));
    let coloured = text::endpoints(&Endpoints::of(&catalog), Style { width: Some(200), colour: true });
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn the_ledger_counts_every_connection_once() {
    let inventory = shop();
    let key = |reading, name: &str| {
        let mut key = inventory.coverage.keys().next().expect("a row").clone();
        key.verdict = Verdict::Tls;
        key.tls =
            TlsCoverage { reading, server_name: name.into(), version: "tls1.3".into(), alpn: "h2".into() };
        key
    };
    let stats = |connections| CoverageStats {
        connections,
        bytes: 1000 * connections,
        plaintext_bytes: 0,
        lost_bytes: 0,
    };
    let rows = [
        (
            key(Reading::Read(Verdict::Http2), "shop.example"),
            CoverageStats { plaintext_bytes: 700, ..stats(5) },
        ),
        (key(Reading::Unread("no-symbols".into()), "bank.example"), stats(3)),
        (key(Reading::Unattributed, ""), CoverageStats { bytes: 0, ..stats(2) }),
    ];
    let all: std::collections::BTreeMap<_, _> = inventory.coverage.clone().into_iter().chain(rows).collect();
    let ledger = Ledger::of(&all);
    let in_clear: u64 = inventory.coverage.values().map(|stats| stats.connections).sum();
    assert_eq!(ledger.total.connections, in_clear + 8, "sessions without a connection are none");
    assert_eq!(ledger.classes["tls-http2"].plaintext_bytes, 700);
    assert_eq!(ledger.reasons.keys().collect::<Vec<_>>(), ["no-symbols"]);
    insta::assert_snapshot!("coverage_text", text::ledger(&ledger, Style::default()));
    assert_keeps("coverage", &json::render(&ledger));
}

#[test]
fn status_and_doctor_as_text() {
    insta::assert_snapshot!("status_text", text::status(&status_of(&shop()), Style::default()));
    insta::assert_snapshot!("doctor_text", text::doctor(&doctor_rows(), Style::default()));
}

fn paths(filter: &Filter) -> Vec<String> {
    let catalog = filter.apply(Catalog::of(&shop()));
    let endpoints = catalog.services.iter().flat_map(|service| &service.endpoints);
    endpoints.map(|endpoint| format!("{} {}", endpoint.method.0, endpoint.stats.callers.len())).collect()
}

#[test]
fn filters_narrow_each_other() {
    let all = Filter::default();
    assert_eq!(paths(&all), ["POST 1", "GET 2", "GET 1"]);
    let post = Filter { method: Some("POST".to_owned()), ..all.clone() };
    assert_eq!(paths(&post), ["POST 1"]);
    let shop = Filter { service: Some(Glob::name("api.*")), ..all.clone() };
    assert_eq!(paths(&shop), ["POST 1", "GET 2"]);
    assert_eq!(paths(&Filter { path: Some(Glob::path("/users")), ..all.clone() }), ["GET 2"]);
    assert_eq!(paths(&Filter { path: Some(Glob::path("/use")), ..all.clone() }), [""; 0]);
    // Only the caller that is asked for is left on the endpoint.
    assert_eq!(paths(&Filter { caller: Some(Glob::name("curl")), ..all.clone() }), ["GET 1"]);
    assert_eq!(paths(&Filter { caller: Some(Glob::name("192.0.2.7")), ..all.clone() }), ["GET 1"]);
    assert_eq!(
        paths(&Filter { caller: Some(Glob::name("4f2d0a6c9b1e")), ..all.clone() }),
        ["POST 1", "GET 1"]
    );
    let since = Filter { since: Some(Timestamp(NEW_YEAR + 3600 * SECOND)), ..all.clone() };
    assert_eq!(paths(&since), ["GET 1", "GET 1"]);
    assert_eq!(paths(&Filter { method: Some("POST".to_owned()), ..since }), [""; 0]);
}

#[test]
fn filters_narrow_noise_too() {
    let rows = |filter: &Filter| {
        let catalog = filter.apply(Catalog::of(&noisy_shop()));
        (catalog.noise.rows.len(), catalog.noise.scanners.len())
    };
    let all = Filter::default();
    assert_eq!(rows(&all), (6, 1));
    assert_eq!(rows(&Filter { method: Some("GET".to_owned()), ..all.clone() }), (3, 1));
    assert_eq!(rows(&Filter { path: Some(Glob::path("/admin")), ..all.clone() }), (1, 1));
    assert_eq!(rows(&Filter { service: Some(Glob::name("metrics.*")), ..all.clone() }), (0, 0));
    assert_eq!(rows(&Filter { caller: Some(Glob::name("198.51.100.9")), ..all.clone() }), (6, 1));
    assert_eq!(rows(&Filter { caller: Some(Glob::name("curl")), ..all.clone() }), (0, 0));
    assert_eq!(rows(&Filter { since: Some(Timestamp(NEW_YEAR + 71 * SECOND)), ..all }), (0, 0));
}

/// Whatever the width, a line ends where a name has a joint.
#[test]
fn names_are_not_broken_within_words() {
    let inventory = crate::page_fixture::company(60, 3, 9);
    let catalog = Catalog::of(&inventory);
    let report = Report::of(&catalog, &inventory);
    let names = || {
        let endpoints = report.services.iter().flat_map(|service| &service.endpoints);
        endpoints.flat_map(|each| [&each.endpoint.name.service, &each.endpoint.name.path])
    };
    for width in [72, 80, 100, 120] {
        let style = Style { width: Some(width), colour: false };
        for text in [
            text::report(&report, style),
            text::endpoints(&Endpoints::of(&catalog), style),
            text::callers(&Callers::of(&catalog), style),
            text::fields(&Fields::of(&catalog), style),
        ] {
            for piece in names().flat_map(|name| name.split_inclusive(['/', '.', '-'])) {
                assert!(text.contains(piece), "{piece} is broken at {width}:\n{text}");
            }
            let tables = text.lines().filter(|line| !line.starts_with(['(', 'c', 'n', 'l']));
            tables
                .for_each(|line| assert!(line.chars().count() <= usize::from(width), "over {width}: {line}"));
        }
    }
}
