//! A killed sensor: what was flushed is there, the rest is not, and the store opens.
//!
//! The test starts its own binary again as the victim, so that only a process of its own is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sensor::flow::Timestamp;
use sensor::store::Store;
use sensor::store::sqlite::SqliteStore;

use crate::store_fixture::{run_start, shop, wide};
use crate::store_sqlite::connect;

const FOLDER: &str = "APICENSUS_TEST_FOLDER";

/// Runs the test of that name again as a process with mounts of its own and a 2 MiB file system on
/// a folder; `Some(folder)` in that process, `None` in the first one when the other went well.
pub fn again_in_own_mounts(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"mount -t tmpfs -o size=2m none "$1" && exec "$2" --exact "$3" --nocapture"#;
    let output = Command::new("unshare")
        // As root of a namespace of its own where it is not root already.
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().expect("its own path"))
        .arg(test)
        .env(FOLDER, folder.path())
        .output()
        .expect("unshare of util-linux is there");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
    None
}

#[test]
fn a_killed_sensor_loses_only_what_was_not_flushed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return victim(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..3u64 {
        let mut child = Command::new(std::env::current_exe().expect("its own path"))
            .args(["--exact", "store_crash::a_killed_sensor_loses_only_what_was_not_flushed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let flushed = lines
            .map(|line| line.expect("text"))
            .filter_map(|line| line.strip_prefix("flushed ").and_then(|n| n.parse::<u64>().ok()))
            .find(|n| *n >= 5 + round)
            .expect("it flushes until it is killed");
        child.kill().expect("SIGKILL");
        child.wait().expect("ends");
        check(&folder.path().join("apis.db"), flushed);
    }
}

fn victim(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut store = SqliteStore::create(&folder.join("apis.db")).await.expect("opens");
        let run = store.begin_run(&run_start()).await.expect("a run");
        let mut delta = wide(50, 10);
        delta.merge(shop());
        for flushes in 1..10_000u64 {
            store.merge(run, flushes + 1, &delta, Timestamp(flushes)).await.expect("merges");
            println!("flushed {flushes}");
        }
        panic!("nobody killed it");
    });
}

fn check(path: &Path, flushed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(path).await.expect("opens after the kill");
        let runs = store.runs().await.expect("runs");
        assert_eq!(runs[0].ended, None);
        let per_flush = 50 + 17;
        assert_eq!(runs[0].calls % per_flush, 0, "whole flushes only");
        assert!(runs[0].calls >= flushed * per_flush, "{} of {flushed} flushes", runs[0].calls / per_flush);
        let stored = store.load().await.expect("loads");
        let calls: u64 = stored.endpoints.values().map(|stats| stats.calls).sum();
        assert_eq!(calls, runs.iter().map(|run| run.calls).sum::<u64>());
        for stats in stored.endpoints.values() {
            assert_eq!(stats.calls, stats.statuses.values().sum::<u64>());
        }
        let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&mut connect(path).await)
            .await
            .expect("checks");
        assert_eq!(sound, "ok");
    });
}
