//! Whole commands as a user meets them: exit code, standard output, standard error.

use std::path::Path;
use std::process::Command;

use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::inventory::catalog::Catalog;
use sensor::report::document::Report;
use sensor::report::findings::stored::StoredFindings;
use sensor::report::noise::Noise;
use sensor::report::text::{self, Style};
use sensor::report::{html, json, markdown};
use sensor::store::Store;
use sensor::store::sqlite::SqliteStore;
use sqlx::Executor;

use crate::store_fixture::{NEW_YEAR, SECOND, noisy_shop, run_start, shop};
use crate::store_sqlite::{connect, execute};

/// Runs the command in `folder`, where relative paths of stores are.
pub fn apicensus(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts");
    format!(
        "exit code {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().expect("it was not killed"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}

fn in_empty_folder(arguments: &[&str]) -> String {
    apicensus(tempfile::tempdir().expect("a folder").path(), arguments)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// A folder with the shop in `apis.db`.
fn shop_folder() -> tempfile::TempDir {
    folder_with(&shop())
}

pub fn folder_with(inventory: &Inventory) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    block_on(async {
        let mut store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        let run = store.begin_run(&run_start()).await.expect("a run");
        store.merge(run, 1, inventory, Timestamp(NEW_YEAR + 60 * SECOND)).await.expect("merges");
        store.end_run(run, Timestamp(NEW_YEAR + 61 * SECOND)).await.expect("ends");
        store.close().await.expect("closes");
    });
    folder
}

#[test]
fn help() {
    insta::assert_snapshot!("help", in_empty_folder(&["--help"]));
    insta::assert_snapshot!("help_run", in_empty_folder(&["run", "--help"]));
    insta::assert_snapshot!("help_endpoints", in_empty_folder(&["endpoints", "--help"]));
    insta::assert_snapshot!("help_report", in_empty_folder(&["report", "--help"]));
}

#[test]
fn reports_of_a_shop() {
    let folder = shop_folder();
    for (name, arguments) in [
        ("report_text", &["report"][..]),
        ("report_json", &["report", "--format", "json"]),
        ("endpoints_text", &["endpoints"]),
        ("callers_text", &["callers", "--caller", "python3*"]),
        ("fields_text", &["fields", "--path", "/users"]),
        ("fields_json", &["fields", "--method", "post", "--format", "json"]),
        ("status_text", &["status"]),
        ("report_since", &["endpoints", "--since", "2025-01-01T02:00:00+01:00"]),
        ("report_nothing", &["endpoints", "--service", "nobody"]),
    ] {
        let arguments = [&["--store", "apis.db"], arguments].concat();
        insta::assert_snapshot!(name, apicensus(folder.path(), &arguments));
    }
}

#[test]
fn reports_as_files() {
    let folder = folder_with(&noisy_shop());
    let catalog = Catalog::of(&noisy_shop());
    // Nothing was evaluated.
    let none = StoredFindings::default();
    let (report, noise) = (Report::of(&catalog, &noisy_shop()).with_findings(none), Noise::of(&catalog));
    for (format, file, expected) in [
        ("html", "shop.html", html::render(&report, &noise)),
        ("markdown", "shop.md", markdown::render(&report, &noise)),
        ("md", "again.md", markdown::render(&report, &noise)),
        ("json", "shop.json", json::render(&report)),
        ("text", "shop.txt", text::report(&report, Style::default())),
    ] {
        let arguments = ["--store", "apis.db", "report", "--format", format];
        let printed = apicensus(folder.path(), &arguments);
        assert_eq!(printed, format!("exit code 0\n--- stdout\n{expected}--- stderr\n"));
        let quiet = apicensus(folder.path(), &[&arguments[..], &["--output", file]].concat());
        assert_eq!(quiet, "exit code 0\n--- stdout\n--- stderr\n");
        let written = std::fs::read_to_string(folder.path().join(file)).expect("a file");
        assert!(written == expected, "{file} is not what is printed");
    }
    let arguments = ["--store", "apis.db", "report", "--format", "html", "--output", "no/such/folder/a.html"];
    insta::assert_snapshot!("report_nowhere", apicensus(folder.path(), &arguments));
}

#[test]
fn noise_of_a_shop() {
    let folder = folder_with(&noisy_shop());
    for (name, arguments) in [
        ("noise_text", &["noise"][..]),
        ("noise_json", &["noise", "--method", "post", "--format", "json"]),
        ("noise_nothing", &["noise", "--service", "nobody"]),
        ("noise_endpoints", &["endpoints", "--path", "/users"]),
    ] {
        let arguments = [&["--store", "apis.db"], arguments].concat();
        insta::assert_snapshot!(name, apicensus(folder.path(), &arguments));
    }
}

#[test]
fn stores_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    block_on(async {
        let path = folder.path().join("newer.db");
        SqliteStore::create(&path).await.expect("a new store").close().await.expect("closes");
        execute(&path, "PRAGMA user_version = 99").await;
    });
    std::fs::write(folder.path().join("notes.txt"), "no database at all, but many words ".repeat(99))
        .expect("writable");
    for (name, arguments) in [
        ("store_missing", ["--store", "missing.db", "report"]),
        ("store_newer", ["--store", "sqlite:newer.db", "report"]),
        ("store_foreign", ["--store", "notes.txt", "status"]),
        ("store_unknown_kind", ["--store", "postgres://here/apis", "status"]),
    ] {
        insta::assert_snapshot!(name, apicensus(folder.path(), &arguments));
    }
}

/// A run refuses a store that it could not flush to before it captures anything.
#[test]
fn a_run_checks_its_store_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |store: &str| apicensus(folder.path(), &["--store", store, "run", "--host"]);
    let nowhere = run("no/such/folder/apis.db");
    assert!(nowhere.starts_with("exit code 4"), "{nowhere}");
    assert!(nowhere.contains("cannot open the store no/such/folder/apis.db: No such file"), "{nowhere}");
    block_on(async {
        let path = folder.path().join("locked.db");
        SqliteStore::create(&path).await.expect("a new store").close().await.expect("closes");
        let mut other = connect(&path).await;
        other.execute("BEGIN EXCLUSIVE").await.expect("a lock");
        insta::assert_snapshot!("store_locked", run("locked.db"));
    });
    block_on(async {
        let path = folder.path().join("apis.db");
        let mut store = SqliteStore::create(&path).await.expect("a new store");
        store.install_key().await.expect("a key");
        std::fs::remove_file(sensor::store::key::path_of(&path)).expect("removable");
        insta::assert_snapshot!("store_without_key", run("apis.db"));
    });
}

#[test]
fn mistakes_of_the_user() {
    for (name, arguments) in [
        ("no_scope", &["run"][..]),
        ("unknown_netns", &["run", "--netns", "no-such-namespace"]),
        ("unknown_netns_inode", &["run", "--netns", "17"]),
        ("netns_of_another_kind", &["run", "--netns", "/proc/self/ns/mnt"]),
        ("unknown_pid", &["run", "--pid", "4194304999"]),
        ("host_and_more", &["run", "--host", "--pid", "1"]),
        ("too_many_ports", &too_many_ports()),
        ("metrics_nowhere", &["run", "--host", "--metrics-file", "/no/such/folder/m.prom"]),
        ("bad_since", &["report", "--since", "yesterday-ish"]),
        ("bad_path", &["report", "--path", "users"]),
        ("bad_method", &["report", "--method", "GET /"]),
        ("bad_format", &["report", "--format", "yaml"]),
        ("bad_log_filter", &["report", "--log", "a=b=c"]),
        ("unknown_command", &["reprot"]),
    ] {
        insta::assert_snapshot!(name, in_empty_folder(arguments));
    }
    let unknown = in_empty_folder(&["run", "--cgroup", "/no-such-cgroup"]);
    assert!(unknown.starts_with("exit code 3") && unknown.contains("cgroup"), "{unknown}");
}

fn too_many_ports() -> Vec<&'static str> {
    let mut arguments = vec!["run", "--host"];
    for _ in 0..17 {
        arguments.extend(["--port", "80"]);
    }
    arguments
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = in_empty_folder(&["completions", shell]);
        assert!(script.starts_with("exit code 0"), "{script}");
        for command in ["run", "report", "endpoints", "callers", "fields", "noise", "status", "doctor"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = shop_folder();
    let program = env!("CARGO_BIN_EXE_apicensus");
    let output = Command::new("sh")
        .args(["-c", "\"$0\" --store apis.db report --format json | true; echo ${PIPESTATUS:-}", program])
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
