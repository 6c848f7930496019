//! `apicensus export openapi` as a user meets it, and documents of what a store gives back.

use std::path::Path;
use std::process::Command;

use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::inventory::catalog::Catalog;
use sensor::report::json;
use sensor::report::openapi::{self, Version};
use sensor::store::Store;
use sensor::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::openapi_traffic::{Talk, conversations, deltas};
use crate::store_fixture::run_start;
use crate::store_sqlite::execute;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Exit code, standard output and standard error of an export from `apis.db` in `folder`.
fn export(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "export", "openapi"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it was not killed"), text(output.stdout), text(output.stderr))
}

/// A folder with `apis.db`, and the deltas merged in memory.
fn stored(talks: &[Talk]) -> (tempfile::TempDir, Inventory) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = Inventory::default();
    block_on(async {
        let mut store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        let run = store.begin_run(&run_start()).await.expect("a run");
        for (number, delta) in (1..).zip(deltas(talks, 29)) {
            store.merge(run, number, &delta, Timestamp(1)).await.expect("merges");
            whole.merge(delta);
        }
        store.close().await.expect("closes");
    });
    (folder, whole)
}

#[test]
fn a_store_gives_the_documents_of_what_was_seen() {
    let (folder, whole) = stored(&conversations(700));
    for (option, version) in [("3.0", Version::V3_0), ("3.1", Version::V3_1)] {
        for (service, document) in openapi::documents(&Catalog::of(&whole), version) {
            let typed = ["--openapi-version", option, "--service", &service];
            let (code, json, errors) = export(folder.path(), &typed);
            assert_eq!((code, errors.as_str()), (0, ""));
            assert_eq!(json, json::render(&document));
            let (_, yaml, _) = export(folder.path(), &[&typed[..], &["--format", "yaml"]].concat());
            assert_eq!(yaml, openapi::yaml(&document));
        }
    }
}

#[test]
fn several_services_need_a_folder() {
    let (folder, _) = stored(&conversations(100));
    let (code, out, errors) = export(folder.path(), &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!("export_several", errors);
    let (code, out, errors) = export(folder.path(), &["--service", "nobody"]);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!("export_nothing", errors);
    let (code, out, errors) = export(folder.path(), &["--output", "new/folder"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let files = ["odd.example.json", "people.example.json", "shop.example_8080.json"];
    assert_eq!(out, files.map(|name| format!("new/folder/{name}\n")).concat());
    for (name, service) in files.iter().zip(["odd.example", "people.example", "shop.example:8080"]) {
        let file = std::fs::read_to_string(folder.path().join("new/folder").join(name)).expect("a file");
        assert_eq!(file, export(folder.path(), &["--service", service]).1);
    }
    std::fs::write(folder.path().join("taken"), "").expect("writable");
    let (code, _, errors) = export(folder.path(), &["--output", "taken"]);
    assert!(code == 3 && errors.contains("cannot write taken"), "{code} {errors}");
}

#[test]
fn filters_narrow_the_document() {
    let (folder, _) = stored(&conversations(300));
    let paths = |arguments: &[&str]| -> Vec<String> {
        let (_, out, _) = export(folder.path(), &[&["--service", "shop*"], arguments].concat());
        let document: Value = serde_json::from_str(&out).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let each = |(path, item): (&String, &Value)| {
            item.as_object()
                .expect("an item")
                .keys()
                .map(|method| format!("{method} {path}"))
                .collect::<Vec<_>>()
        };
        paths.iter().flat_map(each).collect()
    };
    assert_eq!(paths(&["--method", "delete"]), ["delete /api/v1/orders/{orderId}"]);
    assert_eq!(paths(&["--path", "/api/v1/orders", "--method", "POST"]), ["post /api/v1/orders"]);
    assert_eq!(paths(&["--path", "**/items/*"]), ["get /api/v1/orders/{orderId}/items/{itemId}"]);
}

#[test]
fn help_of_the_export() {
    let (_, out, _) = export(Path::new("/"), &["--help"]);
    insta::assert_snapshot!("help_export_openapi", out);
}

/// What a store of the first schema version says of members is not enough to call one required.
#[test]
fn rows_of_the_first_schema_never_make_a_member_required() {
    let talks: Vec<Talk> = (0..20)
        .map(|n| Talk::new("a.example", "POST", "/orders").json(&json!({"id": n})).answer(204, "", ""))
        .collect();
    let required = |folder: &Path| -> Value {
        let (_, out, errors) = export(folder, &[]);
        let document: Value = serde_json::from_str(&out).expect(&errors);
        let body = &document["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"];
        body["schema"]["required"].clone()
    };
    let (fresh, _) = stored(&talks);
    assert_eq!(required(fresh.path()), json!(["id"]));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    block_on(async {
        let schema = include_str!("../../schema/sql/sqlite/0001_inventory.sql");
        std::fs::write(&path, "").expect("writable");
        execute(&path, schema).await;
        execute(
            &path,
            "PRAGMA user_version = 1; PRAGMA application_id = 1095780675;
             INSERT INTO service VALUES (1, 'a.example');
             INSERT INTO endpoint VALUES (1, 1, 'POST', '/orders', 5, 0, 1, 10, 0);
             INSERT INTO media_type VALUES (1, 'request', 'application/json', 5);
             INSERT INTO field VALUES (1, 'request-body', '', 5, 32), (1, 'request-body', '/id', 5, 4)",
        )
        .await;
        let mut store = SqliteStore::open(&path).await.expect("brought forward");
        let run = store.begin_run(&run_start()).await.expect("a run");
        for (number, delta) in (1..).zip(deltas(&talks, 100)) {
            store.merge(run, number, &delta, Timestamp(1)).await.expect("merges");
        }
        store.close().await.expect("closes");
    });
    assert_eq!(required(folder.path()), Value::Null);
}
