//! `export policy` and `policy check` as a user meets them: exit codes, files that are read back, and
//! findings that decide what is exported.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli_commands::folder_with;
use crate::findings_command::{granted, stored};
use crate::policy_export::inventory;

const IDENTITIES: &str = "callers:
  - {name: web, namespace: front, labels: {app: web}, service_account: web}
  - {name: 'cron*', namespace: jobs, labels: {app: cron}, service_account: cron}
services:
  - {name: 'shop.example:8080', namespace: shop, labels: {app: shop}}
  - {name: pay.example, namespace: pay, labels: {app: pay}, port: 9090}
";

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

fn folder() -> tempfile::TempDir {
    let folder = folder_with(&inventory(&[1, 6, 3, 4, 7, 5]));
    fs::write(folder.path().join("identities.yaml"), IDENTITIES).expect("writable");
    folder
}

fn export(folder: &Path, form: &str, rest: &[&str]) -> (i32, String, String) {
    apicensus(folder, &[&["export", "policy", "--format", form], rest].concat())
}

#[test]
fn every_form_is_read_back_and_denies_nothing() {
    let folder = folder();
    let folder = folder.path();
    for form in ["kubernetes", "cilium", "istio"] {
        let (code, _, errors) =
            export(folder, form, &["--identities", "identities.yaml", "--output", &format!("of-{form}")]);
        assert_eq!((code, errors.as_str()), (0, ""), "{form}");
        let check = |more: &[&str]| {
            apicensus(
                folder,
                &[&["policy", "check", &format!("of-{form}"), "--identities", "identities.yaml"], more]
                    .concat(),
            )
        };
        let (code, out, errors) = check(&[]);
        assert_eq!((code, errors.as_str()), (0, ""), "{form}: {out}");
        assert!(out.starts_with("nothing of 11 granted edges would be denied\n"), "{form}: {out}");
        assert_eq!(out.contains("NetworkPolicy knows callers and ports only"), form == "kubernetes", "{out}");

        // One caller taken out by hand.
        let path = folder.join(format!("of-{form}/apicensus-pay-example.yaml"));
        let text = fs::read_to_string(&path).expect("readable");
        assert!(text.contains("192.0.2.7/32"));
        fs::write(&path, text.replace("192.0.2.7/32", "192.0.2.8/32")).expect("writable");
        let (code, out, errors) = check(&[]);
        assert_eq!((code, errors.as_str()), (1, ""), "{form}: {out}");
        let (_, json, _) = check(&["--format", "json"]);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let denied = json["denied"].as_array().expect("rows");
        assert_eq!(denied.len(), 2, "GET / and POST /payments: {json}");
        assert!(denied.iter().all(|row| row["caller"] == "192.0.2.7" && row["service"] == "pay.example"));

        // A member that nobody knows is an error, not a way in.
        fs::write(&path, text.replace("spec:", "spec:\n  extra: 1")).expect("writable");
        let (code, _, errors) = check(&[]);
        assert_eq!(code, 2);
        assert!(errors.contains("`spec.extra`: this is not supported"), "{errors}");
    }
    // A single file of several documents, without identities: nothing can be judged, and that is said.
    let (_, text, _) = export(folder, "istio", &["--identities", "identities.yaml"]);
    fs::write(folder.join("all.yaml"), text).expect("writable");
    assert_eq!(apicensus(folder, &["policy", "check", "all.yaml", "--identities", "identities.yaml"]).0, 0);
    let (code, _, errors) = apicensus(folder, &["policy", "check", "all.yaml"]);
    assert_eq!(code, 2);
    assert!(errors.contains("some names have no identity in the cluster"), "{errors}");
    // Our own form has no identities.
    let (_, text, _) = export(folder, "edges", &[]);
    fs::write(folder.join("own.yaml"), text).expect("writable");
    assert_eq!(apicensus(folder, &["policy", "check", "own.yaml"]).0, 0);
    assert_eq!(apicensus(folder, &["policy", "check", "own.yaml", "--identities", "identities.yaml"]).0, 2);
    fs::create_dir(folder.join("empty")).expect("a folder");
    assert_eq!(apicensus(folder, &["policy", "check", "empty"]).0, 2);
}

/// What an open finding says to be unknown becomes no part of a policy, until somebody knows it.
#[test]
fn only_what_is_acknowledged_is_exported() {
    let folder = stored(&granted());
    let folder = folder.path();
    let edges = |more: &[&str]| {
        let (code, text, errors) = export(folder, "edges", more);
        assert_eq!(code, 0, "{errors}");
        (text.matches("caller: ").count(), text, errors)
    };
    let (all, text, errors) = edges(&[]);
    assert!(all > 1 && errors.is_empty(), "{text}");
    assert_eq!(edges(&["--acknowledged"]).0, all, "nothing is unknown yet");

    fs::write(folder.join("nobody.yaml"), "services:\n  none.example:\n    GET: [{caller: x, path: /}]\n")
        .expect("writable");
    assert_eq!(apicensus(folder, &["findings", "--policy", "nobody.yaml"]).0, 0);
    let (none, text, errors) = edges(&["--acknowledged"]);
    assert_eq!(none, 0, "{text}");
    assert!(
        text.matches("# not allowed, an open finding about it is not acknowledged: ").count() >= all,
        "{text}"
    );
    assert!(errors.contains("left out for an open finding, of "), "{errors}");
    assert_eq!(edges(&[]).0, all, "the default is what was observed");

    // One path is known: its edges pass, with an end to come too.
    let ack = |more: &[&str]| {
        let arguments =
            [&["findings", "ack", "--rule", "policy-violation", "--by", "ann", "--why", "known"], more]
                .concat();
        assert_eq!(apicensus(folder, &arguments).0, 0);
    };
    let (_, json, _) = apicensus(
        folder,
        &["findings", "--policy", "nobody.yaml", "--rule", "policy-violation", "--format", "json"],
    );
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let row = &json["findings"][0];
    let (path, method) = (row["path"].as_str().expect("a path"), row["method"].as_str().expect("a method"));
    ack(&["--path", path, "--method", method, "--until", "1d"]);
    let (some, text, _) = edges(&["--acknowledged"]);
    assert!(some > 0 && (some < all || json["findings"].as_array().expect("rows").len() == 1), "{text}");
    ack(&["--service", "*"]);
    let (again, _, errors) = edges(&["--acknowledged"]);
    assert_eq!((again, errors.as_str()), (all, ""));

    // As manifests: a service with nothing known is closed.
    assert_eq!(apicensus(folder, &["findings", "unack", "--rule", "policy-violation"]).0, 0);
    fs::write(
        folder.join("all.yaml"),
        "callers: [{name: '*', namespace: a, labels: {app: a}}]\nservices: [{name: '*', namespace: b, labels: {app: b}}]\n",
    )
    .expect("writable");
    let (code, text, errors) = export(folder, "kubernetes", &["--identities", "all.yaml", "--acknowledged"]);
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("ingress: []") && !text.contains("from:"), "{text}");
}
