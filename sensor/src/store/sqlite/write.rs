//! A delta into rows, in one transaction. Every statement adds, unites or takes a hull, so that the
//! order of merges does not matter. Sums stop at the largest integer rather than become inexact.

use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::batch::Batch;
use super::fold::fold_noise;
use super::ids::Ids;
use super::write_facts;
use crate::call::{Facts, Place, path_text};
use crate::flow::Timestamp;
use crate::inventory::{CoverageKey, CoverageStats, EndpointKey, EndpointStats, Inventory, Page};
use crate::limits::{FIELD_VALUES_MAX, NOISE_ROWS_KEPT, RUNS_KEPT};
use crate::store::{RunId, RunStart};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Runs of which the number of the last delta is kept.
const DELIVERED_RUNS_KEPT: i64 = 10_000;

const ADD_CALLS: &str = "calls = min(9223372036854775807, calls + excluded.calls)";

pub(super) async fn begin_run(connection: &mut SqliteConnection, run: &RunStart) -> Result<RunId> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO run (version, front_end, scope, started_ns) VALUES (?, ?, ?, ?) RETURNING id",
    )
    .bind(&run.version)
    .bind(&run.front_end)
    .bind(&run.scope)
    .bind(time(run.at))
    .fetch_one(&mut *transaction)
    .await?;
    // A sensor that is restarted for ever must not grow its store for ever.
    sqlx::query("DELETE FROM run WHERE id <= (SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?)")
        .bind(RUNS_KEPT as i64)
        .execute(&mut *transaction)
        .await?;
    fold_noise(&mut transaction, NOISE_ROWS_KEPT).await?;
    // A sensor may outlive the list of runs; deltas of one that old do not come again.
    sqlx::query("DELETE FROM delivered WHERE run_id = ? OR run_id <= ?")
        .bind(id)
        .bind(id - DELIVERED_RUNS_KEPT)
        .execute(&mut *transaction)
        .await?;
    settle_values(&mut transaction).await?;
    transaction.commit().await?;
    Ok(RunId(id))
}

pub(super) async fn end_run(connection: &mut SqliteConnection, run: RunId, at: Timestamp) -> Result<()> {
    sqlx::query("UPDATE run SET ended_ns = ? WHERE id = ?")
        .bind(time(at))
        .bind(run.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn meta(connection: &mut SqliteConnection, name: &str, value: &str) -> Result<()> {
    sqlx::query("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(name)
        .bind(value)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn merge(
    connection: &mut SqliteConnection,
    run: RunId,
    sequence: u64,
    delta: &Inventory,
    at: Timestamp,
) -> Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let fresh = sqlx::query(
        "INSERT INTO delivered (run_id, sequence) VALUES (?, ?)
         ON CONFLICT DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > sequence",
    )
    .bind(run.0)
    .bind(number(sequence))
    .execute(&mut *transaction)
    .await?;
    if fresh.rows_affected() == 0 {
        return transaction.rollback().await;
    }
    let mut ids = Ids::default();
    let endpoints = endpoints(&mut transaction, &mut ids, delta).await?;
    counts(&mut transaction, &endpoints).await?;
    fields(&mut transaction, &endpoints).await?;
    edges(&mut transaction, &mut ids, &endpoints).await?;
    write_facts::signs(&mut transaction, &endpoints).await?;
    write_facts::transports(&mut transaction, &endpoints).await?;
    write_facts::protocols(&mut transaction, &endpoints).await?;
    write_facts::classes(&mut transaction, &endpoints).await?;
    write_facts::principals(&mut transaction, &mut ids, &endpoints).await?;
    words(&mut transaction, delta).await?;
    coverage(&mut transaction, &mut ids, run, delta).await?;
    losses(&mut transaction, run, delta).await?;
    // No row if the run is older than those that are kept: its sums above stay all the same.
    sqlx::query("UPDATE run SET flushed_ns = max(ifnull(flushed_ns, 0), ?), calls = calls + ? WHERE id = ?")
        .bind(time(at))
        .bind(number(delta.endpoints.values().fold(0, |sum, stats| stats.calls.saturating_add(sum))))
        .bind(run.0)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Endpoints of a delta with their row ids.
pub(super) type Endpoints<'a> = Vec<(i64, &'a EndpointStats)>;

async fn endpoints<'a>(
    connection: &mut SqliteConnection,
    ids: &mut Ids<'a>,
    delta: &'a Inventory,
) -> Result<Endpoints<'a>> {
    let mut endpoints = Vec::with_capacity(delta.endpoints.len());
    for (EndpointKey { service, method, path, class }, stats) in &delta.endpoints {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO endpoint (service_id, method, path, class, calls, first_ns, last_ns, request_bytes,
                                   response_bytes, answered_first_ns, answered_last_ns, answered_callers,
                                   answered_paths, page)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (service_id, method, path, class) DO UPDATE SET
                 calls = min(9223372036854775807, calls + excluded.calls),
                 first_ns = min(first_ns, excluded.first_ns),
                 last_ns = max(last_ns, excluded.last_ns),
                 request_bytes = min(9223372036854775807, request_bytes + excluded.request_bytes),
                 response_bytes = min(9223372036854775807, response_bytes + excluded.response_bytes),
                 answered_first_ns = min(answered_first_ns, excluded.answered_first_ns),
                 answered_last_ns = max(answered_last_ns, excluded.answered_last_ns),
                 answered_callers = answered_callers | excluded.answered_callers,
                 answered_paths = answered_paths | excluded.answered_paths,
                 page = CASE WHEN page IS NULL THEN excluded.page
                             WHEN excluded.page IS NULL OR excluded.page = page THEN page
                             ELSE -1 END
             RETURNING id",
        )
        .bind(ids.service(connection, service).await?)
        .bind(method.name())
        .bind(path_text(path))
        .bind(class.name())
        .bind(number(stats.calls))
        .bind(time(stats.seen.first))
        .bind(time(stats.seen.last))
        .bind(number(stats.request_bytes))
        .bind(number(stats.response_bytes))
        .bind(time(stats.answered.seen.first))
        .bind(time(stats.answered.seen.last))
        .bind(bits(stats.answered.callers))
        .bind(bits(stats.answered.paths))
        .bind(page(stats.page))
        .fetch_one(&mut *connection)
        .await?;
        endpoints.push((id, stats));
    }
    Ok(endpoints)
}

async fn counts(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let mut batch = Batch::new("INSERT INTO status (endpoint_id, status, calls)", 3, ADD_CALLS);
    for (endpoint, stats) in endpoints {
        for (status, calls) in &stats.statuses {
            batch.bind(*endpoint).bind(i64::from(*status)).bind(number(*calls)).row(connection).await?;
        }
    }
    batch.finish(connection).await?;

    let mut batch = Batch::new("INSERT INTO latency (endpoint_id, bucket, calls)", 3, ADD_CALLS);
    for (endpoint, stats) in endpoints {
        for (bucket, calls) in stats.latency.buckets.iter().enumerate() {
            if *calls > 0 {
                batch.bind(*endpoint).bind(bucket as i64).bind(number(*calls)).row(connection).await?;
            }
        }
    }
    batch.finish(connection).await?;

    let into = "INSERT INTO media_type (endpoint_id, side, media_type, calls)";
    let mut batch = Batch::new(into, 4, ADD_CALLS);
    for (endpoint, stats) in endpoints {
        for (side, types) in [("request", &stats.request_types), ("response", &stats.response_types)] {
            for (name, calls) in types {
                batch.bind(*endpoint).bind(side).bind(&**name).bind(number(*calls)).row(connection).await?;
            }
        }
    }
    batch.finish(connection).await?;

    let into = "INSERT INTO content (endpoint_id, status, media_type, calls)";
    let mut batch = Batch::new(into, 4, ADD_CALLS);
    for (endpoint, stats) in endpoints {
        for ((status, name), calls) in &stats.contents {
            batch.bind(*endpoint).bind(i64::from(*status)).bind(&**name);
            batch.bind(number(*calls)).row(connection).await?;
        }
    }
    batch.finish(connection).await
}

async fn fields(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let upsert = "calls = min(9223372036854775807, calls + excluded.calls), facts = facts | excluded.facts,
                  present = min(9223372036854775807, present + excluded.present),
                  objects = min(9223372036854775807, objects + excluded.objects),
                  held = min(4294967295, held + excluded.held),
                  first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
    let into = "INSERT INTO field (endpoint_id, place, name, calls, facts, present, objects, held,
                                   first_ns, last_ns)";
    let mut batch = Batch::new(into, 10, upsert);
    // Texts that are shared are handed over as they are; all others are copied for each row.
    let places: Vec<Arc<str>> = Place::ALL.iter().map(|place| place.name().into()).collect();
    for (endpoint, stats) in endpoints {
        for (key, field) in &stats.fields {
            let Facts(facts) = field.facts;
            batch.bind(*endpoint).bind(places[key.place as usize].clone()).bind(key.name.clone());
            batch.bind(number(field.calls)).bind(i64::from(facts));
            batch.bind(number(field.present)).bind(number(field.objects));
            batch.bind(i64::from(field.held));
            batch.bind(time(field.seen.first)).bind(time(field.seen.last)).row(connection).await?;
        }
    }
    batch.finish(connection).await?;

    // The smaller word wins, as in memory.
    let upsert = "word = min(ifnull(word, excluded.word), ifnull(excluded.word, word))";
    let into = "INSERT INTO field_value (endpoint_id, place, name, hash, word)";
    let mut batch = Batch::new(into, 5, upsert);
    for (endpoint, stats) in endpoints {
        for (key, values) in &stats.values {
            for (hash, word) in values {
                batch.bind(*endpoint).bind(key.place.name()).bind(&*key.name);
                batch.bind(format!("{hash:016x}")).bind(word.as_deref()).row(connection).await?;
            }
        }
    }
    batch.finish(connection).await
}

/// Forgets the values of fields that turned out to be open; those with too many are.
async fn settle_values(connection: &mut SqliteConnection) -> Result<()> {
    sqlx::query(
        "UPDATE field SET facts = facts | ? WHERE (endpoint_id, place, name) IN
           (SELECT endpoint_id, place, name FROM field_value
            GROUP BY endpoint_id, place, name HAVING count(*) > ?)",
    )
    .bind(i64::from(Facts::OPEN.0))
    .bind(FIELD_VALUES_MAX as i64)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM field_value WHERE (endpoint_id, place, name) IN
           (SELECT endpoint_id, place, name FROM field WHERE facts & ? != 0)",
    )
    .bind(i64::from(Facts::OPEN.0))
    .execute(connection)
    .await?;
    Ok(())
}

async fn edges<'a>(
    connection: &mut SqliteConnection,
    ids: &mut Ids<'a>,
    endpoints: &Endpoints<'a>,
) -> Result<()> {
    let into =
        "INSERT INTO edge (endpoint_id, peer_id, credential, calls, refused, granted, denied, first_ns,
                           last_ns, paths, encrypted)";
    let upsert = "calls = min(9223372036854775807, calls + excluded.calls),
                  refused = min(9223372036854775807, refused + excluded.refused),
                  granted = min(9223372036854775807, granted + excluded.granted),
                  denied = min(9223372036854775807, denied + excluded.denied),
                  first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns),
                  paths = paths | excluded.paths,
                  encrypted = min(9223372036854775807, encrypted + excluded.encrypted)";
    let mut batch = Batch::new(into, 11, upsert);
    for (endpoint, stats) in endpoints {
        for (key, caller) in &stats.callers {
            batch.bind(*endpoint).bind(ids.peer(connection, &key.peer).await?);
            batch.bind(key.credential.name());
            batch.bind(number(caller.calls)).bind(number(caller.refused));
            batch.bind(number(caller.granted)).bind(number(caller.denied));
            batch.bind(time(caller.seen.first)).bind(time(caller.seen.last));
            batch.bind(bits(caller.paths)).bind(number(caller.encrypted)).row(connection).await?;
        }
    }
    batch.finish(connection).await?;

    let mut batch = Batch::new("INSERT INTO server (endpoint_id, peer_id, calls)", 3, ADD_CALLS);
    for (endpoint, stats) in endpoints {
        for (peer, calls) in &stats.servers {
            let peer = ids.peer(connection, peer).await?;
            batch.bind(*endpoint).bind(peer).bind(number(*calls)).row(connection).await?;
        }
    }
    batch.finish(connection).await
}

async fn words(connection: &mut SqliteConnection, delta: &Inventory) -> Result<()> {
    // The smaller word wins: two words of one hash are a wonder, but then order must not matter.
    let mut batch = Batch::new("INSERT INTO word (hash, word)", 2, "word = min(word, excluded.word)");
    for (hash, word) in &delta.words {
        batch.bind(format!("{hash:016x}")).bind(&**word).row(connection).await?;
    }
    batch.finish(connection).await
}

async fn coverage<'a>(
    connection: &mut SqliteConnection,
    ids: &mut Ids<'a>,
    run: RunId,
    delta: &'a Inventory,
) -> Result<()> {
    let upsert = "connections = min(9223372036854775807, connections + excluded.connections),
                  bytes = min(9223372036854775807, bytes + excluded.bytes),
                  plaintext_bytes = min(9223372036854775807, plaintext_bytes + excluded.plaintext_bytes),
                  lost_bytes = min(9223372036854775807, lost_bytes + excluded.lost_bytes)";
    let into = "INSERT INTO coverage (workload_id, port, verdict, reading, server_name, tls_version, alpn,
                connections, bytes, plaintext_bytes, lost_bytes)";
    let mut all = Batch::new(into, 11, upsert);
    let into =
        "INSERT INTO run_coverage (run_id, workload_id, port, verdict, reading, server_name, tls_version,
                alpn, connections, bytes, plaintext_bytes, lost_bytes)";
    let mut one = Batch::new(into, 12, upsert);
    let run_is_kept = run_is_kept(connection, run).await?;
    for (key, stats) in &delta.coverage {
        let workload = ids.workload(connection, &key.workload).await?;
        if run_is_kept {
            one.bind(run.0);
            coverage_row(&mut one, workload, key, stats);
            one.row(connection).await?;
        }
        coverage_row(&mut all, workload, key, stats);
        all.row(connection).await?;
    }
    all.finish(connection).await?;
    one.finish(connection).await
}

fn coverage_row(batch: &mut Batch, workload: i64, key: &CoverageKey, stats: &CoverageStats) {
    batch.bind(workload).bind(i64::from(key.port)).bind(key.verdict.name()).bind(key.tls.reading.stored());
    batch.bind(key.tls.server_name.clone()).bind(key.tls.version.clone()).bind(key.tls.alpn.clone());
    for count in [stats.connections, stats.bytes, stats.plaintext_bytes, stats.lost_bytes] {
        batch.bind(number(count));
    }
}

async fn losses(connection: &mut SqliteConnection, run: RunId, delta: &Inventory) -> Result<()> {
    let upsert = "count = min(9223372036854775807, count + excluded.count)";
    let mut all = Batch::new("INSERT INTO loss (cause, count)", 2, upsert);
    let mut one = Batch::new("INSERT INTO run_loss (run_id, cause, count)", 3, upsert);
    let run_is_kept = run_is_kept(connection, run).await?;
    for (cause, count) in &delta.losses {
        all.bind(&**cause).bind(number(*count)).row(connection).await?;
        if run_is_kept {
            one.bind(run.0).bind(&**cause).bind(number(*count)).row(connection).await?;
        }
    }
    all.finish(connection).await?;
    one.finish(connection).await
}

async fn run_is_kept(connection: &mut SqliteConnection, run: RunId) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM run WHERE id = ?)")
        .bind(run.0)
        .fetch_one(connection)
        .await
}

/// A count as SQLite keeps it; stops at the largest rather than wrap.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A time as SQLite keeps it; the "never" of an empty hull becomes the largest.
pub(super) fn time(at: Timestamp) -> i64 {
    number(at.0)
}

/// A set of 64 bits, bit by bit: SQLite's integers have a sign.
fn bits(set: u64) -> i64 {
    i64::from_ne_bytes(set.to_ne_bytes())
}

fn page(page: Page) -> Option<i64> {
    match page {
        Page::None => None,
        Page::One(hash) => Some(i64::from(hash)),
        Page::Several => Some(-1),
    }
}
