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

pub fn apicensus(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
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
pub fn fresh() -> Inventory {
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

/// The same, and all calls were answered with 2xx.
pub fn granted() -> Inventory {
    let mut shop = fresh();
    for stats in shop.endpoints.values_mut() {
        stats.callers.retain(|_, caller| {
            caller.granted = caller.calls;
            true
        });
    }
    shop
}

pub fn stored(inventory: &Inventory) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    block_on(async {
        let mut store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        let run = store.begin_run(&run_start()).await.expect("a run");
        store.merge(run, 1, inventory, now()).await.expect("merges");
        store.close().await.expect("closes");
    });
    folder
}

pub fn json(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, errors) = apicensus(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

pub fn rows(document: &Value) -> Vec<Value> {
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

/// The end of an acknowledgement is waited for: nothing but the time makes the finding open again.
#[test]
fn an_acknowledgement_that_runs_out_opens_the_finding_again() {
    let folder = stored(&fresh());
    let folder = folder.path();
    let found = rows(&json(folder, &[]));
    let one = found.iter().find(|row| row["service"] != "").expect("one about a service");
    let digits = &one["fingerprint"].as_str().expect("digits")[..8];
    let past = ["ack", digits, "--by", "ann", "--why", "known", "--until", "2020-01-01T00:00:00Z"];
    let (code, _, errors) = apicensus(folder, &past);
    assert_eq!(code, 2);
    assert!(errors.contains("a time to come"), "{errors}");

    let ends = std::time::Instant::now() + std::time::Duration::from_secs(4);
    assert_eq!(apicensus(folder, &["ack", digits, "--by", "ann", "--why", "known", "--until", "4s"]).0, 0);
    let state = || {
        let all = rows(&json(folder, &[]));
        let row =
            all.iter().find(|row| row["fingerprint"] == one["fingerprint"]).expect("it is there").clone();
        (row["state"].as_str().expect("a state").to_owned(), row["acknowledged"].clone())
    };
    let (first, by) = state();
    if std::time::Instant::now() < ends {
        assert_eq!((first.as_str(), &by["by"]), ("acknowledged", &Value::from("ann")));
    }
    // Its end, by the program's own clock: polled, since both clocks are the same.
    let patience = ends + std::time::Duration::from_secs(60);
    let (last, by) = loop {
        let (state, by) = state();
        if state != "acknowledged" || std::time::Instant::now() > patience {
            break (state, by);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    assert_eq!((last.as_str(), by), ("reopened", Value::Null));
    assert!(std::time::Instant::now() >= ends, "not before its time");
    let service = one["service"].as_str().expect("a name");
    let rule = one["rule"].as_str().expect("a rule");
    assert_eq!(apicensus(folder, &["--fail-on", "note", "--service", service, "--rule", rule]).0, 1);
}

/// What was not evaluated for want of its input stays as it is: not gone, and not found again.
#[test]
fn a_rule_without_its_input_leaves_its_findings_alone() {
    let folder = stored(&granted());
    let folder = folder.path();
    std::fs::write(
        folder.join("nobody.yaml"),
        "services:\n  none.example:\n    GET: [{caller: x, path: /}]\n",
    )
    .expect("writable");
    let all = "services:\n  '*':\n    '*': [{caller: '*', path: '/**'}]\n";
    std::fs::write(folder.join("all.yaml"), all).expect("writable");
    let of = |document: &Value, rule: &str| -> Vec<Value> {
        let of_rule = rows(document).into_iter().filter(|row| row["rule"] == rule);
        of_rule
            .map(|row| serde_json::json!([row["fingerprint"], row["state"], row["since"], row["last_found"]]))
            .collect()
    };
    let stored = || -> Vec<Value> {
        block_on(async {
            use sensor::store::findings::FindingStore;
            let store = SqliteStore::open(&folder.join("apis.db")).await.expect("a store");
            let known = store.known().await.expect("readable");
            known
                .iter()
                .filter(|(_, known)| known.rule == "policy-violation" || known.rule == "rogue-service")
                .map(|(fingerprint, known)| {
                    serde_json::json!([
                        fingerprint.0,
                        known.rule,
                        known.state.kind.name(),
                        known.state.since.0,
                        known.state.found.last.0
                    ])
                })
                .collect()
        })
    };
    let found = of(&json(folder, &["--policy", "nobody.yaml"]), "policy-violation");
    assert!(!found.is_empty() && found.iter().all(|row| row[1] == "open"), "{found:?}");
    let before = stored();
    // Without the policy, twice: nothing of the kind changes.
    for _ in 0..2 {
        let document = json(folder, &["--all"]);
        assert_eq!(of(&document, "policy-violation"), Vec::<Value>::new(), "they are out of sight");
        assert_eq!(stored(), before);
    }
    // With one that allows all, they are gone; with the first, they are there again.
    json(folder, &["--policy", "all.yaml"]);
    assert!(stored().iter().all(|row| row[2] == "resolved"), "{:?}", stored());
    json(folder, &[]);
    assert!(stored().iter().all(|row| row[2] == "resolved"), "{:?}", stored());
    let again = of(&json(folder, &["--policy", "nobody.yaml"]), "policy-violation");
    assert!(!again.is_empty() && again.iter().all(|row| row[1] == "reopened"), "{again:?}");

    // Specifications: with none at all, nobody can say that a service is no longer rogue.
    let spec = "openapi: 3.0.3\ninfo: {title: other, version: '1'}\nservers: [{url: 'http://other.example'}]\npaths:\n  /a: {get: {responses: {'200': {description: ok}}}}\n";
    std::fs::write(folder.join("other.yaml"), spec).expect("writable");
    let command = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
            .args(["--store", "apis.db"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    command(&["spec", "add", "other.yaml", "--service", "other.example", "--name", "other"]);
    let rogue = of(&json(folder, &[]), "rogue-service");
    assert!(!rogue.is_empty(), "the shop is in no specification");
    let before = stored();
    command(&["spec", "remove", "other"]);
    json(folder, &[]);
    assert_eq!(stored(), before, "without specifications the rule did not look");

    // The report says what is stored, and evaluates nothing.
    let report: Value = serde_json::from_str(&command(&["report", "--format", "json"])).expect("JSON");
    let open = before.iter().filter(|row| row[1] == "rogue-service").count();
    let sums = report["findings"]["rules"].as_array().expect("rules");
    assert!(sums.iter().any(|sum| sum["rule"] == "rogue-service" && sum["open"] == open), "{sums:?}");
    let errors = report["findings"]["errors"].as_array().expect("rows");
    assert!(errors.iter().any(|row| row["rule"] == "policy-violation"), "{errors:?}");
    assert!(errors.iter().all(|row| row["level"] == "error" && row["state"] != "acknowledged"));
    assert_eq!(stored(), before);
    for (form, told) in
        [("text", "policy-violation"), ("markdown", "## Findings"), ("html", "<section id=findings>")]
    {
        let text = command(&["report", "--format", form]);
        assert!(text.contains(told) && text.contains("apicensus findings"), "{form}: {text}");
    }
    let other: Value =
        serde_json::from_str(&command(&["report", "--format", "json", "--service", "nobody"])).expect("JSON");
    assert_eq!(other["findings"]["errors"], serde_json::json!([]), "of what is shown only");
}
