//! Rows that are no endpoint, past a bound, into one row per service and class: each run may bring new
//! ones, and a store that is scanned for years must not grow for years. No call is lost by it, only
//! which path it was on. What was seen last stays, and what an endpoint missed.

use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;

use super::write_facts::trim_principals;
use crate::call::{Segment, path_text};
use crate::inventory::OVER_BUDGET;

/// Folds all but the last `kept` rows, in the transaction that the connection is in.
pub(super) async fn fold_noise(connection: &mut SqliteConnection, kept: usize) -> Result<(), sqlx::Error> {
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM endpoint WHERE class <> 'found'")
        .fetch_one(&mut *connection)
        .await?;
    if rows <= kept as i64 {
        return Ok(());
    }
    let over = path_text(&[Segment::Word(OVER_BUDGET.into())].into_iter().collect());
    connection
        .execute("CREATE TEMP TABLE old (id INTEGER PRIMARY KEY, service_id INTEGER, class TEXT)")
        .await?;
    let old = "INSERT INTO old
         SELECT id, service_id, class FROM endpoint
         WHERE class <> 'found' AND path <> ?1 AND NOT EXISTS
             (SELECT 1 FROM endpoint AS found WHERE found.service_id = endpoint.service_id
              AND found.method = endpoint.method AND found.path = endpoint.path AND found.class = 'found')
         ORDER BY last_ns DESC, id DESC LIMIT -1 OFFSET ?2";
    sqlx::query(old).bind(&over).bind(kept as i64).execute(&mut *connection).await?;
    for sql in [
        "INSERT INTO endpoint (service_id, method, path, class, calls, first_ns, last_ns, request_bytes,
                               response_bytes, answered_first_ns, answered_last_ns, answered_callers,
                               answered_paths, page)
         SELECT service_id, 'OTHER', ?1, class, sum(calls), min(first_ns), max(last_ns), sum(request_bytes),
                sum(response_bytes), min(answered_first_ns), max(answered_last_ns), 0, 0, NULL
         FROM endpoint WHERE id IN (SELECT id FROM old) GROUP BY service_id, class
         ON CONFLICT DO UPDATE SET
             calls = min(9223372036854775807, calls + excluded.calls),
             first_ns = min(first_ns, excluded.first_ns),
             last_ns = max(last_ns, excluded.last_ns),
             request_bytes = min(9223372036854775807, request_bytes + excluded.request_bytes),
             response_bytes = min(9223372036854775807, response_bytes + excluded.response_bytes),
             answered_first_ns = min(answered_first_ns, excluded.answered_first_ns),
             answered_last_ns = max(answered_last_ns, excluded.answered_last_ns)",
        "INSERT INTO status (endpoint_id, status, calls)
         SELECT into_.id, status, sum(status.calls)
         FROM status JOIN old ON old.id = endpoint_id
         JOIN endpoint AS into_ ON into_.service_id = old.service_id AND into_.method = 'OTHER'
                               AND into_.path = ?1 AND into_.class = old.class
         WHERE true GROUP BY into_.id, status
         ON CONFLICT DO UPDATE SET calls = min(9223372036854775807, calls + excluded.calls)",
        "INSERT INTO transport (endpoint_id, transport, calls)
         SELECT into_.id, transport, sum(transport.calls)
         FROM transport JOIN old ON old.id = endpoint_id
         JOIN endpoint AS into_ ON into_.service_id = old.service_id AND into_.method = 'OTHER'
                               AND into_.path = ?1 AND into_.class = old.class
         WHERE true GROUP BY into_.id, transport
         ON CONFLICT DO UPDATE SET calls = min(9223372036854775807, calls + excluded.calls)",
        // One of several sets of bits is a part of all of them together: at least as many, still.
        "INSERT INTO edge (endpoint_id, peer_id, credential, calls, refused, granted, denied, first_ns,
                           last_ns, paths, encrypted)
         SELECT into_.id, peer_id, credential, sum(edge.calls), sum(refused), sum(granted), sum(denied),
                min(edge.first_ns), max(edge.last_ns), max(paths), sum(encrypted)
         FROM edge JOIN old ON old.id = endpoint_id
         JOIN endpoint AS into_ ON into_.service_id = old.service_id AND into_.method = 'OTHER'
                               AND into_.path = ?1 AND into_.class = old.class
         WHERE true GROUP BY into_.id, peer_id, credential
         ON CONFLICT DO UPDATE SET
             calls = min(9223372036854775807, calls + excluded.calls),
             refused = min(9223372036854775807, refused + excluded.refused),
             granted = min(9223372036854775807, granted + excluded.granted),
             denied = min(9223372036854775807, denied + excluded.denied),
             first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns),
             paths = paths | excluded.paths,
             encrypted = min(9223372036854775807, encrypted + excluded.encrypted)",
        "INSERT INTO edge_principal (endpoint_id, peer_id, credential, principal)
         SELECT DISTINCT into_.id, peer_id, credential, principal
         FROM edge_principal JOIN old ON old.id = endpoint_id
         JOIN endpoint AS into_ ON into_.service_id = old.service_id AND into_.method = 'OTHER'
                               AND into_.path = ?1 AND into_.class = old.class
         WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO sign (endpoint_id, sign, calls, first_ns, last_ns)
         SELECT into_.id, sign, sum(sign.calls), min(sign.first_ns), max(sign.last_ns)
         FROM sign JOIN old ON old.id = endpoint_id
         JOIN endpoint AS into_ ON into_.service_id = old.service_id AND into_.method = 'OTHER'
                               AND into_.path = ?1 AND into_.class = old.class
         WHERE true GROUP BY into_.id, sign
         ON CONFLICT DO UPDATE SET
             calls = min(9223372036854775807, calls + excluded.calls),
             first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)",
    ] {
        sqlx::query(sql).bind(&over).execute(&mut *connection).await?;
    }
    let folded: Vec<i64> = sqlx::query_scalar("SELECT id FROM endpoint WHERE path = ?1 AND class <> 'found'")
        .bind(&over)
        .fetch_all(&mut *connection)
        .await?;
    trim_principals(connection, &folded).await?;
    // What refers to them goes with them; their fields and classes are not kept.
    connection.execute("DELETE FROM endpoint WHERE id IN (SELECT id FROM old); DROP TABLE old").await?;
    Ok(())
}
