//! Templates do not depend on who saw what when: any order, any partition over sensors, any flushes, any
//! order of merges, a delta told twice under one number; and what is learnt later re-templates what was
//! stored before.

use proptest::prelude::*;
use sensor::call::Reader;
use sensor::counter::Counters;
use sensor::flow::Timestamp;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{Inventory, Recorder};
use sensor::store::Store;
use sensor::store::memory::MemoryStore;

use crate::call_exchange::{KEY, exchange, parties};
use crate::store_fixture::run_start;

/// A call in short: form of the path, two values, status.
type Short = (u8, u8, u8, u8);

/// More names than one place keeps apart, and words that no dictionary has.
fn path(&(form, one, other, _): &Short) -> String {
    let name = |n: u8| format!("quo{}{}x", char::from(b'a' + n % 26), char::from(b'a' + n / 26));
    let word = |n: u8| ["wombatBurrow", "quokkaNest", "koalaTree", "numbatLog"][usize::from(n % 4)];
    match form % 7 {
        0 => format!("/users/{}", name(one)),
        1 => format!("/users/{}/{}", name(one), word(other)),
        2 => format!("/{}/{}", word(one), name(other)),
        3 => format!("/{}/{}/status", name(one % 50), name(other % 50)),
        4 => format!("/orders/{one}/items/{}.json", name(other)),
        5 => format!("/files/{}.{}", name(one), ["json", "xml", "pdf"][usize::from(other % 3)]),
        _ => format!("/search/{}", ["users", "orders", "items", "tags"][usize::from(one % 4)]),
    }
}

fn sensor(calls: &[Short], flush_every: usize) -> Vec<Inventory> {
    let (mut reader, mut recorder) = (Reader::new(KEY), Recorder::new(KEY));
    let mut deltas = Vec::new();
    for (number, short) in calls.iter().enumerate() {
        let status = [200, 201, 404, 302, 500][usize::from(short.3 % 5)];
        let response =
            format!("HTTP/1.1 {status} X\nContent-Type: application/json\n\n{{\"id\":{}}}", short.1);
        let raw = exchange(&format!("GET {} HTTP/1.1\nHost: a\n", path(short)), &response);
        let call = reader.read(raw, &parties(2 + short.2 % 3), &mut Counters::default()).expect("a call");
        recorder.record(&call, &mut Counters::default());
        if number % flush_every == flush_every - 1 {
            deltas.push(recorder.take(&reader));
        }
    }
    deltas.push(recorder.take(&reader));
    deltas
}

/// The catalog of deltas merged in that order. Which words are shown depends on what one sensor saw, the
/// templates do not: they are compared without.
fn catalog(deltas: impl IntoIterator<Item = Inventory>) -> Catalog {
    let mut whole = Inventory::default();
    for delta in deltas {
        whole.merge(delta);
    }
    whole.words.clear();
    Catalog::of(&whole)
}

fn shorts(count: usize) -> impl Strategy<Value = Vec<Short>> {
    proptest::collection::vec(any::<Short>(), 1..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_order_and_partition_gives_the_same_templates(
        (calls, shuffled) in shorts(400).prop_flat_map(|c| (Just(c.clone()), Just(c).prop_shuffle())),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        flush_every in 1..90_usize,
        backwards: bool,
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(shuffled.len())).collect();
        cuts.extend([0, shuffled.len()]);
        cuts.sort_unstable();
        let mut deltas: Vec<Inventory> =
            cuts.windows(2).flat_map(|cut| sensor(&shuffled[cut[0]..cut[1]], flush_every)).collect();
        if backwards {
            deltas.reverse();
        }
        prop_assert_eq!(catalog(sensor(&calls, 1000)), catalog(deltas));
    }

    #[test]
    fn a_delta_that_comes_twice_changes_nothing(calls in shorts(120), again in any::<u64>()) {
        let deltas = sensor(&calls, 25);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let stored = runtime.block_on(async {
            let mut store = MemoryStore::default();
            let run = store.begin_run(&run_start()).await.expect("a run");
            for (number, delta) in (1..).zip(&deltas) {
                for _ in 0..=(again >> number & 1) {
                    store.merge(run, number, delta, Timestamp(1)).await.expect("merged");
                }
            }
            store.load().await.expect("loaded")
        });
        prop_assert_eq!(catalog([stored]), catalog(deltas));
    }
}

#[test]
fn what_is_learnt_later_holds_for_what_was_stored_before() {
    let early: Vec<Short> = (0..4).map(|n| (0, n, 0, 0)).collect();
    let late: Vec<Short> = (0..120_u8).map(|n| (0, n % 60, 0, 0)).collect();
    let before = catalog(sensor(&early, 100));
    let after = catalog([sensor(&early, 100), sensor(&late, 100)].concat());
    let templates = |catalog: &Catalog| -> Vec<(String, u64)> {
        catalog.services[0].endpoints.iter().map(|e| (e.template.clone(), e.stats.calls)).collect()
    };
    assert!(!templates(&before).is_empty());
    assert_eq!(templates(&after), [("/users/{userName}".to_owned(), 124)]);
}
