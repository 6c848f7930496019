//! What is particular to the SQLite store: files, modes, versions, keys, locks, speed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sensor::call::{CallClass, Sign, path_text};
use sensor::flow::{Timestamp, Transport};
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{EndpointKey, Inventory, Principals, SignStats, SmallMap};
use sensor::limits::{NOISE_ROWS_KEPT, PRINCIPALS_KEPT};
use sensor::store::key;
use sensor::store::sqlite::{SCHEMA_VERSION, SqliteStore};
use sensor::store::{RunId, Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::store_fixture::{NEW_YEAR, SECOND, noisy_shop, run_start, shop, wide};

pub async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.expect("connects")
}

/// Runs a statement and closes the file again, so that it is as it stays.
pub async fn execute(path: &Path, sql: &'static str) {
    let mut connection = connect(path).await;
    connection.execute(sql).await.expect("a statement");
    connection.close().await.expect("closes");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_new_store_and_its_key_are_for_their_owner_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let key = store.install_key().await.expect("a key");
    store.merge(RunId(1), 1, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
    let names = ["apis.db", "apis.db-wal", "apis.db-shm", "apis.db.key"];
    assert_eq!(names.map(|name| mode(&folder.path().join(name))), [0o600; 4]);
    assert_eq!(fs::read(key::path_of(&path)).expect("the key"), key);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        names.len(),
        "nothing is left behind"
    );

    let mut again = SqliteStore::open(&path).await.expect("the same store");
    assert_eq!(again.install_key().await.expect("the same key"), key);
    let text = names.map(|name| fs::read(folder.path().join(name)).expect("readable"));
    for bytes in &text[..3] {
        assert!(!bytes.windows(key.len()).any(|window| window == key), "the key is in the database");
    }
}

#[tokio::test]
async fn a_lost_wrong_or_unreadable_key_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    store.install_key().await.expect("a key");
    let key = key::path_of(&path);
    let mut error = async || store.install_key().await.expect_err("no key, no store").to_string();
    fs::write(&key, [7; 16]).expect("writable");
    assert!(error().await.starts_with("the store was made with another key than"));
    fs::write(&key, [7; 17]).expect("writable");
    assert!(error().await.starts_with("there are not 16 bytes in the key"));
    fs::remove_file(&key).expect("removable");
    assert!(error().await.starts_with("the store is there but not its key"));
    fs::create_dir(&key).expect("a folder in its place");
    assert!(error().await.starts_with("cannot read the key"));
}

#[tokio::test]
async fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.db");
    assert!(matches!(SqliteStore::open(&missing).await, Err(StoreError::Missing { .. })));
    assert!(!missing.exists());

    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "these are notes and no database, longer than a header of one hundred bytes is, so that it is read\n"
            .repeat(9),
    )
    .expect("writable");
    let before = fs::read(&text).expect("readable");
    assert!(matches!(SqliteStore::create(&text).await, Err(StoreError::Foreign { .. })));
    assert!(fs::read(&text).expect("readable") == before, "it was written to");

    let other = folder.path().join("other.db");
    execute(&other, "CREATE TABLE cats (name TEXT)").await;
    let before = fs::read(&other).expect("readable");
    assert!(matches!(SqliteStore::create(&other).await, Err(StoreError::Foreign { .. })));
    assert!(fs::read(&other).expect("readable") == before, "it was written to");

    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").expect("writable");
    assert!(matches!(SqliteStore::open(&empty).await, Err(StoreError::Foreign { .. })));

    let nowhere = folder.path().join("no/such/folder.db");
    assert!(matches!(SqliteStore::create(&nowhere).await, Err(StoreError::File { .. })));
}

#[tokio::test]
async fn a_newer_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    SqliteStore::create(&path).await.expect("a new store").close().await.expect("closes");
    execute(&path, "PRAGMA user_version = 99").await;
    let before = fs::read(&path).expect("readable");
    for result in [SqliteStore::create(&path).await, SqliteStore::open(&path).await] {
        match result {
            Err(StoreError::Newer { found: 99, known, .. }) => assert_eq!(known, SCHEMA_VERSION),
            other => panic!("{other:?}"),
        }
    }
    assert!(fs::read(&path).expect("readable") == before, "it was written to");
}

#[tokio::test]
async fn foreign_rows_are_damage_and_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    store.merge(RunId(1), 1, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
    let mut connection = connect(&path).await;
    for (spoil, mend) in [
        (
            "UPDATE field SET place = 'secret-place' WHERE place = 'query'",
            "UPDATE field SET place = 'query' WHERE place = 'secret-place'",
        ),
        (
            "UPDATE status SET status = 70000 WHERE status = 404",
            "UPDATE status SET status = 404 WHERE status = 70000",
        ),
        (
            "UPDATE latency SET bucket = -1 WHERE bucket = 9",
            "UPDATE latency SET bucket = 9 WHERE bucket = -1",
        ),
        (
            "UPDATE peer SET address = 'nowhere' WHERE address = '192.0.2.7'",
            "UPDATE peer SET address = '192.0.2.7' WHERE address = 'nowhere'",
        ),
    ] {
        assert!(connection.execute(spoil).await.expect("spoils").rows_affected() > 0, "{spoil}");
        let error = store.load().await.expect_err("a row of nobody");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret-place") && !error.to_string().contains("nowhere"));
        connection.execute(mend).await.expect("mends");
    }
    assert_eq!(store.load().await.expect("whole again"), shop());
}

#[tokio::test]
async fn a_locked_store_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    store.wait_for_lock(Duration::from_millis(20)).await.expect("a number");
    let mut other = connect(&path).await;
    other.execute("BEGIN EXCLUSIVE").await.expect("a lock");
    assert!(matches!(store.begin_run(&run_start()).await, Err(StoreError::Locked { .. })));
    let merge = store.merge(RunId(1), 1, &shop(), Timestamp(NEW_YEAR)).await;
    assert!(matches!(merge, Err(StoreError::Locked { .. })), "{merge:?}");
    other.execute("ROLLBACK").await.expect("unlocks");
    store.merge(RunId(1), 1, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
    assert_eq!(store.load().await.expect("once"), shop());
}

#[tokio::test]
async fn two_sensors_can_share_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut one = SqliteStore::create(&path).await.expect("a new store");
    let mut two = SqliteStore::create(&path).await.expect("the same store");
    let start = run_start();
    let (first, second) = tokio::join!(one.begin_run(&start), two.begin_run(&start));
    let (first, second) = (first.expect("a run"), second.expect("a run"));
    assert_ne!(first, second);
    let (shop, mut expected) = (shop(), shop());
    expected.merge(shop.clone());
    let (a, b) = tokio::join!(
        one.merge(first, 1, &shop, Timestamp(NEW_YEAR)),
        two.merge(second, 1, &shop, Timestamp(NEW_YEAR))
    );
    a.and(b).expect("both merge");
    assert_eq!(one.load().await.expect("loads"), expected);
}

/// A store of the first version, with an endpoint, a path that was always missed, and their rows.
#[tokio::test]
async fn an_older_store_is_brought_forward() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    execute(&path, include_str!("../../schema/sql/sqlite/0001_inventory.sql")).await;
    execute(
        &path,
        "INSERT INTO service VALUES (1, 'a');
         INSERT INTO endpoint VALUES (3, 1, 'GET', '/users', 9, 5, 7, 0, 0), (4, 1, 'GET', '/gone', 2, 5, 6, 0, 0),
                                     (5, 1, 'GET', '/mixed', 2, 5, 6, 0, 0);
         INSERT INTO status VALUES (3, 200, 9), (4, 404, 2), (5, 200, 1), (5, 404, 1);
         INSERT INTO field VALUES (3, 'query', 'page', 4, 1);
         INSERT INTO peer VALUES (1, '192.0.2.7', NULL);
         INSERT INTO edge VALUES (3, 1, 'none', 9, 0, 5, 7);
         PRAGMA application_id = 1095780675; PRAGMA user_version = 1;",
    )
    .await;
    let mut store = SqliteStore::open(&path).await.expect("it is brought forward");
    let loaded = store.load().await.expect("loads");
    let rows: Vec<_> = loaded.endpoints.iter().map(|(key, stats)| (key.class.name(), stats.calls)).collect();
    assert_eq!(rows, [("missed", 2), ("found", 2), ("found", 9)]);
    let users = loaded.endpoints.values().find(|stats| stats.calls == 9).expect("it is there");
    assert_eq!((users.fields.len(), users.callers.len(), users.statuses.get(&200)), (1, 1, Some(&9)));
    let field = users.fields.values().next().expect("a field");
    assert_eq!((field.seen.first, field.seen.last), (Timestamp(5), Timestamp(7)));
    assert_eq!((users.answered.seen.first, users.answered.seen.last), (Timestamp(5), Timestamp(7)));
    // What is inside of TLS could not be read then.
    assert_eq!(users.transports, SmallMap::from([(Transport::Clear, 9)]));
    assert!(users.callers.values().all(|caller| caller.encrypted == 0));
    // What refers to an endpoint still does, and goes with it.
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.merge(run, 1, &shop(), Timestamp(NEW_YEAR)).await.expect("merges");
    let mut connection = connect(&path).await;
    for sql in ["PRAGMA foreign_key_check", "SELECT * FROM endpoint_view", "SELECT * FROM edge_view"] {
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("a query");
        assert_eq!(rows.is_empty(), sql.starts_with("PRAGMA"), "{sql}");
    }
    connection.execute("PRAGMA foreign_keys = ON; DELETE FROM endpoint WHERE id = 3").await.expect("deletes");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM edge WHERE endpoint_id = 3")
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    assert_eq!(left, 0);
}

/// A store of the second version: what is new of its rows is not known, or that of their endpoint.
#[tokio::test]
async fn a_store_of_the_second_version_is_brought_forward() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    execute(&path, include_str!("../../schema/sql/sqlite/0001_inventory.sql")).await;
    execute(&path, include_str!("../../schema/sql/sqlite/0002_right.sql")).await;
    execute(
        &path,
        "INSERT INTO service VALUES (1, 'a');
         INSERT INTO endpoint VALUES (3, 1, 'GET', '/users', 'found', 9, 5, 7, 0, 0, 5, 7, 1, 1, NULL);
         INSERT INTO field VALUES (3, 'query', 'page', 4, 1, 4, 0, 0);
         INSERT INTO peer VALUES (1, '192.0.2.7', NULL);
         INSERT INTO edge VALUES (3, 1, 'jwt', 9, 2, 5, 7, 1);
         PRAGMA application_id = 1095780675; PRAGMA user_version = 2;",
    )
    .await;
    let store = SqliteStore::open(&path).await.expect("it is brought forward");
    let loaded = store.load().await.expect("loads");
    let (_, users) = loaded.endpoints.iter().next().expect("it is there");
    let field = users.fields.values().next().expect("a field");
    assert_eq!((field.seen.first, field.seen.last), (Timestamp(5), Timestamp(7)));
    let caller = users.callers.values().next().expect("a caller");
    assert_eq!((caller.calls, caller.refused, caller.granted, caller.denied), (9, 2, 0, 0));
    assert_eq!((caller.principals.count(), users.signs.len(), users.classes.len()), (0, 0, 0));
}

/// However many principals there are, the smallest few of each edge are kept, and no more rows.
#[tokio::test]
async fn principals_of_an_edge_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let run = store.begin_run(&run_start()).await.expect("a run");
    let mut all = Principals::default();
    for flush in 1..=20_u64 {
        let mut delta = shop();
        for stats in delta.endpoints.values_mut() {
            let keys: Vec<_> = stats.callers.keys().cloned().collect();
            for key in keys {
                let caller = stats.callers.value_mut(&key).expect("it is there");
                caller.principals =
                    (0..10).map(|n| (flush * 10 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
                all.merge(&caller.principals);
            }
        }
        store.merge(run, flush, &delta, Timestamp(NEW_YEAR)).await.expect("merges");
    }
    let loaded = store.load().await.expect("loads");
    let callers: Vec<_> = loaded.endpoints.values().flat_map(|stats| stats.callers.values()).collect();
    assert!(callers.iter().all(|caller| caller.principals == all), "{callers:?}");
    let mut connection = connect(&path).await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM edge_principal")
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    assert_eq!(rows as usize, callers.len() * PRINCIPALS_KEPT);
}

/// Scans of many runs: the oldest misses become one row, no call is lost, endpoints keep their misses.
#[tokio::test]
async fn noise_of_many_runs_is_folded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let run = store.begin_run(&run_start()).await.expect("a run");
    store.merge(run, 1, &noisy_shop(), Timestamp(NEW_YEAR)).await.expect("merges");
    let mut scan = Inventory::default();
    for (number, (key, mut stats)) in wide(NOISE_ROWS_KEPT + 100, 1).endpoints.into_iter().enumerate() {
        // Later than the misses of the shop, one after the other.
        stats.seen.last = Timestamp(NEW_YEAR + 3600 * SECOND + number as u64);
        let seen = stats.seen;
        stats.signs.insert(Sign::CredentialInUrl, SignStats { calls: 1, seen });
        for caller in stats.callers.keys().cloned().collect::<Vec<_>>() {
            let sums = stats.callers.value_mut(&caller).expect("it is there");
            (sums.denied, sums.principals) = (1, Principals::one(Some(number as u64)));
            sums.encrypted = number as u64 % 2;
        }
        let transport = if number % 2 == 0 { Transport::Clear } else { Transport::TLS };
        stats.transports.insert(transport, 1);
        scan.endpoints.insert(EndpointKey { class: CallClass::Missed, ..key }, stats);
    }
    store.merge(run, 2, &scan, Timestamp(NEW_YEAR)).await.expect("merges");
    let before = store.load().await.expect("loads");
    store.begin_run(&run_start()).await.expect("a run");
    let after = store.load().await.expect("loads");
    let noise = |inventory: &Inventory| {
        inventory.endpoints.keys().filter(|key| key.class != CallClass::Found).count()
    };
    // Those over a bound, and what the endpoint missed, are besides.
    assert!(noise(&after) <= NOISE_ROWS_KEPT + 8 && noise(&before) > NOISE_ROWS_KEPT + 100);
    let sums = |inventory: &Inventory| {
        let stats = inventory.endpoints.values();
        let callers = stats.clone().flat_map(|s| s.callers.values().map(|c| c.calls)).sum::<u64>();
        let statuses = stats.clone().flat_map(|s| s.statuses.values().copied()).sum::<u64>();
        let denied = stats.clone().flat_map(|s| s.callers.values().map(|c| c.denied)).sum::<u64>();
        let signs = stats.clone().flat_map(|s| s.signs.values().map(|s| s.calls)).sum::<u64>();
        let encrypted = stats.clone().flat_map(|s| s.callers.values().map(|c| c.encrypted)).sum::<u64>();
        let mut transports = SmallMap::new();
        stats.clone().for_each(|s| transports.merge(s.transports.clone(), |sum, more| *sum += more));
        let calls = stats.map(|s| s.calls).sum::<u64>();
        (calls, callers, statuses, denied, signs, encrypted, transports)
    };
    assert_eq!(sums(&after), sums(&before));
    let over = |service: &str| {
        let rows = after.endpoints.iter();
        let over =
            |key: &EndpointKey| *key.service == *service && path_text(&key.path).contains("over-budget");
        rows.filter(|(key, _)| over(key))
            .map(|(key, stats)| (key.class.name(), stats.calls))
            .collect::<Vec<_>>()
    };
    assert_eq!(over("wide"), [("missed", 100)]);
    let folded = after.endpoints.iter().find(|(key, stats)| &*key.service == "wide" && stats.calls == 100);
    let principals =
        folded.expect("it is there").1.callers.values().next().expect("a caller").principals.clone();
    assert_eq!(principals, (0..100).collect());
    assert_eq!(
        over("api.shop.example:8080"),
        [("missed", 942), ("static-file", 5), ("health-check", 60), ("preflight", 4)]
    );
    let users = Catalog::of(&after).services[0].endpoints[1].clone();
    assert_eq!((users.method.name(), users.stats.statuses.get(&404)), ("GET", Some(&5)));
}

/// Every file of `schema/sql/sqlite` is a migration that is applied, and none is missing.
#[test]
fn the_schema_version_is_the_number_of_migrations() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/sql/sqlite"));
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names.len() as i64, SCHEMA_VERSION);
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)) && name.ends_with(".sql"), "{name}");
    }
}

/// Prints times of a large delta; the bound is far above them, for machines that are busy.
#[tokio::test]
async fn a_large_delta_takes_seconds_at_the_most() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apis.db");
    let mut store = SqliteStore::create(&path).await.expect("a new store");
    let delta = wide(10_000, 30);
    for (number, what) in [(1, "insert"), (2, "update")] {
        let start = Instant::now();
        store.merge(RunId(1), number, &delta, Timestamp(NEW_YEAR)).await.expect("merges");
        println!("{what} 10,000 endpoints x 30 fields: {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    let start = Instant::now();
    let loaded = store.load().await.expect("loads");
    println!("load: {:?}, file {} MiB", start.elapsed(), fs::metadata(&path).expect("a file").len() >> 20);
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(loaded.endpoints.len(), 10_000);
}
