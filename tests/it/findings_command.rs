//! `apicensus findings` as a user meets it: exit codes, states, acknowledgements, suppression, forms.

use std::path::Path;
use std::process::Command;

use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::store::sqlite::SqliteStore;
use sensor::store::{Store, now};
use serde_json::Value;

use crate::store_fixture::{NEW_YEAR, run_start, shop};
use crate::store_sqlite::connect;

fn apicensus(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "findings"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it was not killed"), text(output.stdout), text(output.stderr))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The shop as if it had been seen just now: its times moved to an hour ago.
fn fresh() -> Inventory {
    let mut shop = shop();
    let ahead = now().0 - NEW_YEAR - 4 * 3600 * 1_000_000_000;
    let moved = |at: &mut Timestamp| at.0 += if at.0 == u64::MAX || at.0 == 0 { 0 } else { ahead };
    for stats in shop.endpoints.values_mut() {
        for seen in [&mut stats.seen, &mut stats.answered.seen] {
            moved(&mut seen.first);
            moved(&mut seen.last);
        }
        let signs = std::mem::take(&mut stats.signs).into_iter().map(|(sign, mut sums)| {
            moved(&mut sums.seen.first);
            moved(&mut sums.seen.last);
            (sign, sums)
        });
        stats.signs = signs.collect();
        let classes = std::mem::take(&mut stats.classes).into_iter().map(|(class, mut sums)| {
            moved(&mut sums.seen.first);
            moved(&mut sums.seen.last);
            (class, sums)
        });
        stats.classes = classes.collect();
        let callers = std::mem::take(&mut stats.callers);
        stats.callers = callers
            .into_iter()
            .map(|(key, mut caller)| {
                moved(&mut caller.seen.first);
                moved(&mut caller.seen.last);
                (key, caller)
            })
            .collect();
    }
    shop
}

fn stored(inventory: &Inventory) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    block_on(async {
        let mut store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        let run = store.begin_run(&run_start()).await.expect("a run");
        store.merge(run, 1, inventory, now()).await.expect("merges");
        store.close().await.expect("closes");
    });
    folder
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, errors) = apicensus(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

fn rows(document: &Value) -> Vec<Value> {
    document["findings"].as_array().expect("rows").clone()
}

#[test]
fn nothing_seen_is_nothing_found() {
    let folder = stored(&Inventory::default());
    let (code, out, errors) = apicensus(folder.path(), &["--fail-on", "note"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(out, "no findings; looked at 0 endpoints of 0 services, 0 specifications\n");
}

#[test]
fn what_is_found_fails_until_it_is_acknowledged() {
    let folder = stored(&fresh());
    let folder = folder.path();
    let first = json(folder, &[]);
    let found = rows(&first);
    assert!(!found.is_empty(), "the shop has something to find");
    assert!(found.iter().all(|row| row["state"] == "open"));
    assert_eq!(apicensus(folder, &["--fail-on", "note"]).0, 1);
    // Again: the same findings in the same state since the same time.
    let again = rows(&json(folder, &[]));
    let same = |row: &Value| (row["fingerprint"].clone(), row["state"].clone(), row["since"].clone());
    assert_eq!(found.iter().map(same).collect::<Vec<_>>(), again.iter().map(same).collect::<Vec<_>>());

    let one = found.iter().find(|row| row["service"] != "").expect("one about a service");
    let prefix = &one["fingerprint"].as_str().expect("digits")[..8];
    let (code, out, errors) = apicensus(folder, &["ack", prefix, "--by", "ann", "--why", "known, OPS-17"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(out.starts_with(prefix) && out.ends_with(" acknowledged\n"), "{out}");
    let row = &rows(&json(folder, &["--state", "acknowledged"]))[0];
    assert_eq!(row["acknowledged"]["by"], "ann");
    let (_, text, _) = apicensus(folder, &["show", prefix]);
    assert!(text.contains("acknowledged by ann: known, OPS-17"), "{text}");

    for service in first["findings"].as_array().expect("rows").iter().map(|row| row["service"].clone()) {
        let service = service.as_str().expect("a name");
        if !service.is_empty() {
            let arguments = ["ack", "--service", service, "--by", "ann", "--until", "90d", "--why", "known"];
            assert_eq!(apicensus(folder, &arguments).0, 0);
        }
    }
    let open = rows(&json(folder, &["--state", "open"]));
    assert!(open.iter().all(|row| row["service"] == ""), "{open:?}");
    let service = one["service"].as_str().expect("a name");
    assert_eq!(apicensus(folder, &["--fail-on", "note", "--service", service]).0, 0);

    assert_eq!(apicensus(folder, &["unack", prefix]).0, 0);
    assert_eq!(apicensus(folder, &["--fail-on", "note", "--service", service]).0, 1);
    assert_eq!(
        rows(&json(folder, &["--state", "open"])).iter().filter(|row| row["service"] != "").count(),
        1
    );
}

#[test]
fn every_form_says_the_same_and_sarif_keeps_its_schema() {
    let folder = stored(&fresh());
    let folder = folder.path();
    let found = rows(&json(folder, &[]));
    let schema = include_str!("../data/sarif/sarif-2.1.0-rtm.5.json");
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    // The pattern of languages in it is no regular expression of ECMA 262: a bracket too many.
    for of in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][of]["properties"]["language"];
        assert!(language.as_object_mut().expect("a schema").remove("pattern").is_some());
    }
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let check = || {
        let (code, out, errors) = apicensus(folder, &["--format", "sarif"]);
        assert_eq!((code, errors.as_str()), (0, ""));
        let log: Value = serde_json::from_str(&out).expect("JSON");
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|e| format!("{e} at {}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}");
        log
    };
    let log = check();
    assert_eq!(log["runs"][0]["results"].as_array().expect("results").len(), found.len());
    let mut spoilt = log.clone();
    spoilt["runs"][0]["results"][0]["level"] = Value::from("bad");
    assert!(!validator.is_valid(&spoilt), "the schema finds nothing");
    let prefix = &found[0]["fingerprint"].as_str().expect("digits")[..8];
    apicensus(folder, &["ack", prefix, "--by", "ann", "--why", "known"]);
    let log = check();
    let results = log["runs"][0]["results"].as_array().expect("results");
    let suppressed =
        results.iter().filter(|result| !result["suppressions"].as_array().expect("a list").is_empty());
    assert_eq!(suppressed.count(), 1);
    for format in ["text", "markdown", "html"] {
        let (code, out, errors) = apicensus(folder, &["--format", format]);
        assert_eq!((code, errors.as_str()), (0, ""));
        for row in &found {
            let digits = &row["fingerprint"].as_str().expect("digits")[..8];
            assert!(out.contains(digits), "{format} lacks {digits}");
        }
        assert!(!out.contains('\u{1b}'));
        if format == "text" {
            assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
        }
    }
}

#[test]
fn suppressed_findings_do_not_count_and_broken_files_are_named() {
    let folder = stored(&fresh());
    let folder = folder.path();
    std::fs::write(folder.join("known.yaml"), "- rule: '*'\n  why: a demo\n").expect("writable");
    let arguments = ["--suppress", "known.yaml", "--fail-on", "note"];
    let (code, out, errors) = apicensus(folder, &arguments);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.contains(" suppressed; looked at "), "{out}");
    let all = rows(&json(folder, &["--suppress", "known.yaml", "--all"]));
    assert!(!all.is_empty() && all.iter().all(|row| row["suppressed"] == "a demo"));
    std::fs::write(folder.join("bad.yaml"), "- rule: missing-auth\n  whi: typo\n").expect("writable");
    let (code, out, errors) = apicensus(folder, &["--suppress", "bad.yaml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(errors.starts_with("error: cannot read --suppress bad.yaml: line "), "{errors}");
}

#[test]
fn a_store_that_is_locked_is_shown_all_the_same() {
    let folder = stored(&fresh());
    let (code, out, errors) = block_on(async {
        use sqlx::Executor;
        let mut other = connect(&folder.path().join("apis.db")).await;
        other.execute("BEGIN IMMEDIATE").await.expect("a lock");
        apicensus(folder.path(), &["--format", "json"])
    });
    assert_eq!(code, 0, "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("shown but not kept"), "{errors}");
    let document: Value = serde_json::from_str(&out).expect("JSON");
    assert!(!rows(&document).is_empty());
    let (code, _, errors) = apicensus(folder.path(), &["ack", "00000000", "--by", "a", "--why", "b"]);
    assert_eq!(code, 2, "nothing was kept: {errors}");
}

#[test]
fn mistakes_are_named() {
    let folder = stored(&fresh());
    for (arguments, error) in [
        (&["rules", "no-such-rule"][..], "there is no rule `no-such-rule`"),
        (&["show", "3f"], "`3f` is no fingerprint"),
        (&["--internal", "10.0.0.0/99"], "--internal"),
        (&["--learning", "soon"], "cannot read --learning `soon`"),
        (&["ack", "--rule", "*", "--by", "a", "--why", "b", "--until", "2001-01-01T00:00:00Z"], "--until"),
        (&["ack", "--by", "a", "--why", "b"], "required"),
    ] {
        let (code, out, errors) = apicensus(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?} {errors}");
        assert!(errors.contains(error), "{errors}");
    }
    let (code, out, _) = apicensus(folder.path(), &["rules"]);
    assert!(code == 0 && sensor::findings::RULES.iter().all(|rule| out.contains(rule.id)), "{out}");
}
