//! The flusher: nothing is lost while the store is away, what passes the bound is counted, the end
//! comes in bounded time.

use std::path::Path;
use std::time::{Duration, Instant};

use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::store::flush::{FlushOptions, FlushState, Flusher};
use sensor::store::memory::MemoryStore;
use sensor::store::sqlite::SqliteStore;
use sensor::store::{Run, RunId, RunStart, Store, StoreError};
use sqlx::Executor;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::store_crash::again_in_own_mounts;
use crate::store_fixture::{run_start, shop, wide};
use crate::store_sqlite::connect;

const SHOP_CALLS: u64 = 17;

fn quick() -> FlushOptions {
    FlushOptions {
        retry_first: Duration::from_millis(5),
        retry_max: Duration::from_millis(20),
        shutdown: Duration::from_millis(300),
        ..FlushOptions::default()
    }
}

async fn until(state: &mut watch::Receiver<FlushState>, wanted: impl FnMut(&FlushState) -> bool) {
    let waited = timeout(Duration::from_secs(20), state.wait_for(wanted)).await.map(|state| state.is_ok());
    assert!(waited == Ok(true), "waited 20 s, it stands at {:?}", *state.borrow());
}

fn without_losses(mut inventory: Inventory) -> Inventory {
    inventory.losses.clear();
    inventory
}

#[tokio::test]
async fn failures_are_tried_again_and_lose_nothing() {
    let mut store = MemoryStore::default();
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.fail(3);
    let (flusher, deltas, mut state) = Flusher::new(store, run, quick());
    let flusher = tokio::spawn(flusher.run());
    deltas.send(shop()).await.expect("it takes deltas");
    until(&mut state, |state| state.retried == 3 && state.failing).await;
    deltas.send(shop()).await.expect("it takes deltas");
    until(&mut state, |state| !state.failing && state.calls == 2 * SHOP_CALLS).await;
    drop(deltas);
    let store = flusher.await.expect("no panic").expect("all is written");
    let stored = store.load().await.expect("loads");
    let mut expected = shop();
    expected.merge(shop());
    assert_eq!(without_losses(stored.clone()), without_losses(expected));
    assert_eq!(stored.losses["flush-retried"], 3);
    assert_eq!(stored.losses.get("flush-dropped"), None);
    assert!(store.runs().await.expect("runs")[0].ended.is_some());
}

#[tokio::test]
async fn what_was_stored_although_the_store_said_no_is_stored_once() {
    let mut store = MemoryStore::default();
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.forget(2);
    let (flusher, deltas, mut state) = Flusher::new(store, run, quick());
    let flusher = tokio::spawn(flusher.run());
    for round in 1..=3 {
        deltas.send(shop()).await.expect("it takes deltas");
        until(&mut state, |state| !state.failing && state.calls == round * SHOP_CALLS).await;
    }
    drop(deltas);
    let store = flusher.await.expect("no panic").expect("all is written");
    let mut expected = shop();
    expected.merge(shop());
    expected.merge(shop());
    let stored = store.load().await.expect("loads");
    assert_eq!(without_losses(stored.clone()), without_losses(expected));
    assert!(stored.losses["flush-retried"] >= 1);
}

#[tokio::test]
async fn past_the_bound_calls_are_dropped_and_counted_one_by_one() {
    let mut store = MemoryStore::default();
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.fail(6);
    let (flusher, deltas, mut state) =
        Flusher::new(store, run, FlushOptions { pending_rows_max: 100, ..quick() });
    let flusher = tokio::spawn(flusher.run());
    // 10 endpoints of 8 rows fit, 10 more do not.
    deltas.send(wide(10, 5)).await.expect("it takes deltas");
    until(&mut state, |state| state.failing).await;
    deltas.send(wide(10, 5)).await.expect("it takes deltas");
    until(&mut state, |state| !state.failing && state.flushes > 0).await;
    drop(deltas);
    let store = flusher.await.expect("no panic").expect("the rest is written");
    let stored = store.load().await.expect("loads");
    let calls: u64 = stored.endpoints.values().map(|stats| stats.calls).sum();
    assert_eq!((calls, stored.losses["flush-dropped"]), (10, 10), "stored + dropped = sent");
    assert_eq!(state.borrow().dropped, 10);
}

#[tokio::test]
async fn the_end_comes_in_bounded_time() {
    let mut store = MemoryStore::default();
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.fail(u32::MAX);
    let (flusher, deltas, state) = Flusher::new(store, run, quick());
    deltas.send(shop()).await.expect("it takes deltas");
    drop(deltas);
    let start = Instant::now();
    let result = timeout(Duration::from_secs(10), flusher.run()).await.expect("bounded");
    match result {
        Err(StoreError::Late { source: Some(cause), .. }) => {
            assert!(matches!(*cause, StoreError::Locked { .. }), "{cause:?}");
        }
        other => panic!("{:?}", other.map(|_| "written")),
    }
    assert!(start.elapsed() >= quick().shutdown, "it tried for the whole time");
    assert_eq!(state.borrow().dropped, SHOP_CALLS);
}

/// A store that never answers, as a hung disk.
struct Hung;

impl Store for Hung {
    async fn begin_run(&mut self, _: &RunStart) -> Result<RunId, StoreError> {
        Ok(RunId(1))
    }
    async fn merge(&mut self, _: RunId, _: u64, _: &Inventory, _: Timestamp) -> Result<(), StoreError> {
        std::future::pending().await
    }
    async fn end_run(&mut self, _: RunId, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
    async fn load(&self) -> Result<Inventory, StoreError> {
        Ok(Inventory::default())
    }
    async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_hung_store_neither_blocks_the_pipeline_nor_the_end() {
    let (flusher, deltas, _) = Flusher::new(Hung, RunId(1), quick());
    let flusher = tokio::spawn(flusher.run());
    for _ in 0..100 {
        let sent = timeout(Duration::from_secs(5), deltas.send(shop())).await;
        sent.expect("it takes deltas while the store hangs").expect("it lives");
    }
    drop(deltas);
    let result = timeout(Duration::from_secs(10), flusher).await.expect("bounded").expect("no panic");
    assert!(matches!(result, Err(StoreError::Late { .. })));
}

#[tokio::test]
async fn a_lock_of_another_program_is_waited_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    store.wait_for_lock(Duration::from_millis(10)).await.expect("a number");
    let run = store.begin_run(&run_start()).await.expect("a run");
    let mut other = connect(&path).await;
    other.execute("BEGIN EXCLUSIVE").await.expect("a lock");
    let (flusher, deltas, mut state) = Flusher::new(store, run, quick());
    let flusher = tokio::spawn(flusher.run());
    deltas.send(shop()).await.expect("it takes deltas");
    until(&mut state, |state| state.failing && state.retried >= 2).await;
    other.execute("ROLLBACK").await.expect("unlocks");
    until(&mut state, |state| state.calls == SHOP_CALLS).await;
    drop(deltas);
    let store = flusher.await.expect("no panic").expect("all is written");
    assert_eq!(without_losses(store.load().await.expect("loads")), without_losses(shop()));
}

/// In mounts of its own: a file system of 2 MiB that is full, then is not.
#[test]
fn a_full_disk_is_waited_out() {
    let Some(folder) = again_in_own_mounts("store_flush::a_full_disk_is_waited_out") else { return };
    let _ = tracing_subscriber::fmt().with_ansi(false).try_init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(full_disk(&folder));
}

async fn full_disk(folder: &Path) {
    let path = folder.join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.merge(run, 1, &shop(), Timestamp(1)).await.expect("there is room");
    let next = store.begin_run(&run_start()).await.expect("a run of the flusher");
    let filler = folder.join("filler");
    let full = std::fs::write(&filler, vec![0; 4 << 20]);
    assert_eq!(full.expect_err("2 MiB are less than 4").kind(), std::io::ErrorKind::StorageFull);
    let delta = wide(200, 20);
    match store.merge(run, 2, &delta, Timestamp(2)).await {
        Err(StoreError::Full { path: full }) => assert_eq!(full, path),
        other => panic!("{other:?}"),
    }
    let (flusher, deltas, mut state) = Flusher::new(store, next, quick());
    let flusher = tokio::spawn(flusher.run());
    deltas.send(delta.clone()).await.expect("it takes deltas");
    until(&mut state, |state| state.failing && state.retried >= 2).await;
    let reader = SqliteStore::open(&path).await.expect("a full disk can be read");
    assert_eq!(reader.load().await.expect("loads"), shop(), "what was stored stays");
    drop(reader);
    std::fs::remove_file(&filler).expect("makes room");
    until(&mut state, |state| state.calls == 200).await;
    drop(deltas);
    let store = flusher.await.expect("no panic").expect("all is written");
    let mut expected = shop();
    expected.merge(delta);
    assert_eq!(without_losses(store.load().await.expect("loads")), without_losses(expected));
}
