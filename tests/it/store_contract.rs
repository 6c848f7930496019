//! What every store owes: merging in any order and partition, then loading, is the same as merging
//! in memory; runs keep their own sums. One suite, run against each store.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sensor::flow::Timestamp;
use sensor::inventory::Inventory;
use sensor::limits::RUNS_KEPT;
use sensor::store::memory::MemoryStore;
use sensor::store::sqlite::SqliteStore;
use sensor::store::{RunId, Store};

use crate::store_fixture::{NEW_YEAR, any_inventory, run_start, shop};

/// Makes an empty store; what it lives in is kept with it.
trait Make {
    type Store: Store;
    async fn make() -> (Self::Store, tempfile::TempDir);
}

struct Memory;
struct Sqlite;

impl Make for Memory {
    type Store = MemoryStore;
    async fn make() -> (MemoryStore, tempfile::TempDir) {
        (MemoryStore::default(), tempfile::tempdir().expect("a folder"))
    }
}

impl Make for Sqlite {
    type Store = SqliteStore;
    async fn make() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::create(&folder.path().join("apis.db")).await.expect("a new store");
        (store, folder)
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn merged(parts: &[Inventory]) -> Inventory {
    let mut whole = Inventory::default();
    for part in parts {
        whole.merge(part.clone());
    }
    whole
}

fn any_order_gives_the_same<M: Make>(parts: &[Inventory], order: &[usize]) -> TestCaseResult {
    block_on(async {
        let expected = merged(parts);
        let (mut store, _folder) = M::make().await;
        let run = store.begin_run(&run_start()).await.expect("a run");
        for (number, &index) in (1..).zip(order) {
            store.merge(run, number, &parts[index], Timestamp(NEW_YEAR)).await.expect("merges");
        }
        prop_assert_eq!(store.load().await.expect("loads"), expected.clone());
        // Once more as a whole: what comes out can go in again, as when stores are joined.
        let (mut joined, _folder) = M::make().await;
        joined.merge(run, 1, &expected, Timestamp(NEW_YEAR)).await.expect("merges");
        prop_assert_eq!(joined.load().await.expect("loads"), expected);
        Ok(())
    })
}

/// Each delta comes as often as the second number says, and now and then an old one comes once more:
/// what a flusher does that is not told what became of its write, and what a slow one may do.
fn what_comes_twice_counts_once<M: Make>(parts: &[(Inventory, u8, Option<u8>)]) -> TestCaseResult {
    block_on(async {
        let (mut store, _folder) = M::make().await;
        let run = store.begin_run(&run_start()).await.expect("a run");
        let other = store.begin_run(&run_start()).await.expect("a run");
        let mut expected = Inventory::default();
        for (number, (part, times, again)) in (1..).zip(parts) {
            for _ in 0..=*times {
                store.merge(run, number, part, Timestamp(NEW_YEAR)).await.expect("merges");
            }
            if let Some(again) = again {
                let old = u64::from(*again) % number + 1;
                let part = &parts[old as usize - 1].0;
                store.merge(run, old, part, Timestamp(NEW_YEAR)).await.expect("merges");
            }
            expected.merge(part.clone());
        }
        prop_assert_eq!(store.load().await.expect("loads"), expected.clone());
        let calls =
            |inventory: &Inventory| inventory.endpoints.values().map(|stats| stats.calls).sum::<u64>();
        let stored = store.runs().await.expect("runs");
        prop_assert_eq!(stored[1].calls, parts.iter().map(|(part, ..)| calls(part)).sum::<u64>());
        // The numbers are those of one run.
        store.merge(other, 1, &parts[0].0, Timestamp(NEW_YEAR)).await.expect("merges");
        expected.merge(parts[0].0.clone());
        prop_assert_eq!(store.load().await.expect("loads"), expected);
        Ok(())
    })
}

fn runs_keep_their_own_sums<M: Make>() {
    block_on(async {
        let (mut store, _folder) = M::make().await;
        let first = store.begin_run(&run_start()).await.expect("a run");
        store.merge(first, 1, &shop(), Timestamp(NEW_YEAR + 5)).await.expect("merges");
        store.merge(first, 2, &shop(), Timestamp(NEW_YEAR + 7)).await.expect("merges");
        store.end_run(first, Timestamp(NEW_YEAR + 9)).await.expect("ends");
        let second = store.begin_run(&run_start()).await.expect("a run");
        let runs = store.runs().await.expect("runs");
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
        assert_eq!((runs[0].calls, runs[0].flushed, runs[0].ended), (0, None, None));
        let run = &runs[1];
        assert_eq!(run.start, run_start());
        assert_eq!((run.calls, run.losses["ring-full"]), (34, 6));
        assert_eq!(run.flushed, Some(Timestamp(NEW_YEAR + 7)));
        assert_eq!(run.ended, Some(Timestamp(NEW_YEAR + 9)));
        assert_eq!(run.coverage, merged(&[shop(), shop()]).coverage);
    });
}

fn old_runs_go_and_their_sums_stay<M: Make>() {
    block_on(async {
        let (mut store, _folder) = M::make().await;
        let first = store.begin_run(&run_start()).await.expect("a run");
        store.merge(first, 1, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
        for _ in 0..RUNS_KEPT {
            store.begin_run(&run_start()).await.expect("a run");
        }
        // A sensor that outlives the list of runs still stores what it sees.
        store.merge(first, 2, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
        store.end_run(first, Timestamp(NEW_YEAR)).await.expect("ends");
        let runs = store.runs().await.expect("runs");
        assert_eq!(runs.len(), RUNS_KEPT);
        assert!(runs.iter().all(|run| run.id > first && run.calls == 0));
        assert_eq!(store.load().await.expect("loads"), merged(&[shop(), shop()]));
    });
}

fn sums_stop_at_the_largest_number<M: Make>() {
    block_on(async {
        let (mut store, _folder) = M::make().await;
        let mut part = shop();
        for stats in part.endpoints.values_mut() {
            stats.request_bytes = i64::MAX as u64 - 1;
        }
        for number in 1..=3 {
            store.merge(RunId(1), number, &part, Timestamp(NEW_YEAR)).await.expect("merges");
        }
        let loaded = store.load().await.expect("loads");
        assert!(loaded.endpoints.values().all(|stats| stats.request_bytes >= i64::MAX as u64));
    });
}

macro_rules! contract {
    ($store:ident, $make:ty) => {
        mod $store {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
                #[test]
                fn any_order_gives_the_same(
                    (parts, order) in proptest::collection::vec(any_inventory(), 1..5).prop_flat_map(|parts| {
                        let order = Just((0..parts.len()).collect::<Vec<_>>()).prop_shuffle();
                        (Just(parts), order)
                    })
                ) {
                    super::any_order_gives_the_same::<$make>(&parts, &order)?;
                }

                #[test]
                fn what_comes_twice_counts_once(
                    parts in proptest::collection::vec(
                        (any_inventory(), 0..3u8, proptest::option::of(any::<u8>())),
                        1..5,
                    )
                ) {
                    super::what_comes_twice_counts_once::<$make>(&parts)?;
                }
            }

            #[test]
            fn runs_keep_their_own_sums() {
                super::runs_keep_their_own_sums::<$make>();
            }

            #[test]
            fn old_runs_go_and_their_sums_stay() {
                super::old_runs_go_and_their_sums_stay::<$make>();
            }

            #[test]
            fn sums_stop_at_the_largest_number() {
                super::sums_stop_at_the_largest_number::<$make>();
            }
        }
    };
}

contract!(memory, Memory);
contract!(sqlite, Sqlite);
