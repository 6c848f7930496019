//! Signs, transports, classes and principals of a delta into rows, in the transaction of [`super::write`]: the same
//! sums, hulls and unions. Of the principals of an edge the smallest few stay, as in memory.

use sqlx::sqlite::SqliteConnection;

use super::batch::Batch;
use super::ids::Ids;
use super::write::{Endpoints, number, time};
use crate::inventory::Messages;
use crate::limits::PRINCIPALS_KEPT;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn signs(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let upsert = "calls = min(9223372036854775807, calls + excluded.calls),
                  first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
    let into = "INSERT INTO sign (endpoint_id, sign, calls, first_ns, last_ns)";
    let mut batch = Batch::new(into, 5, upsert);
    for (endpoint, stats) in endpoints {
        for (sign, sum) in &stats.signs {
            batch.bind(*endpoint).bind(sign.name()).bind(number(sum.calls));
            batch.bind(time(sum.seen.first)).bind(time(sum.seen.last)).row(connection).await?;
        }
    }
    batch.finish(connection).await
}

pub(super) async fn transports(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let upsert = "calls = min(9223372036854775807, calls + excluded.calls)";
    let mut batch = Batch::new("INSERT INTO transport (endpoint_id, transport, calls)", 3, upsert);
    for (endpoint, stats) in endpoints {
        for (transport, calls) in &stats.transports {
            batch.bind(*endpoint).bind(transport.name()).bind(number(*calls)).row(connection).await?;
        }
    }
    batch.finish(connection).await
}

/// Statuses of RPCs and messages of streams; most endpoints have none.
pub(super) async fn protocols(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let upsert = "calls = min(9223372036854775807, calls + excluded.calls)";
    let mut batch = Batch::new("INSERT INTO rpc_status (endpoint_id, status, calls)", 3, upsert);
    for (endpoint, stats) in endpoints {
        for (status, calls) in &stats.rpc_statuses {
            batch.bind(*endpoint).bind(i64::from(*status)).bind(number(*calls)).row(connection).await?;
        }
    }
    batch.finish(connection).await?;
    for (endpoint, stats) in endpoints.iter().filter(|(_, stats)| stats.messages != Messages::default()) {
        let Messages { sums, most } = stats.messages;
        sqlx::query(
            "UPDATE endpoint SET
                 request_messages = min(9223372036854775807, request_messages + ?),
                 response_messages = min(9223372036854775807, response_messages + ?),
                 request_messages_most = max(request_messages_most, ?),
                 response_messages_most = max(response_messages_most, ?)
             WHERE id = ?",
        )
        .bind(number(sums[0]))
        .bind(number(sums[1]))
        .bind(number(most[0]))
        .bind(number(most[1]))
        .bind(*endpoint)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn classes(connection: &mut SqliteConnection, endpoints: &Endpoints<'_>) -> Result<()> {
    let upsert = "count = min(9223372036854775807, count + excluded.count),
                  first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";
    let into = "INSERT INTO data_class (endpoint_id, place, name, class, count, first_ns, last_ns)";
    let mut batch = Batch::new(into, 7, upsert);
    for (endpoint, stats) in endpoints {
        for (key, sum) in &stats.classes {
            batch.bind(*endpoint).bind(key.field.place.name()).bind(&*key.field.name);
            batch.bind(key.class.name()).bind(number(sum.values));
            batch.bind(time(sum.seen.first)).bind(time(sum.seen.last)).row(connection).await?;
        }
    }
    batch.finish(connection).await
}

pub(super) async fn principals<'a>(
    connection: &mut SqliteConnection,
    ids: &mut Ids<'a>,
    endpoints: &Endpoints<'a>,
) -> Result<()> {
    let into = "INSERT INTO edge_principal (endpoint_id, peer_id, credential, principal)";
    let mut batch = Batch::new(into, 4, "principal = excluded.principal");
    let mut touched = Vec::new();
    for (endpoint, stats) in endpoints {
        for (key, caller) in &stats.callers {
            for principal in caller.principals.iter() {
                batch.bind(*endpoint).bind(ids.peer(connection, &key.peer).await?);
                batch.bind(key.credential.name()).bind(format!("{principal:016x}")).row(connection).await?;
                if touched.last() != Some(endpoint) {
                    touched.push(*endpoint);
                }
            }
        }
    }
    batch.finish(connection).await?;
    if touched.is_empty() { Ok(()) } else { trim_principals(connection, &touched).await }
}

/// Forgets all but the smallest principals of each edge of some endpoints: a sensor that runs for ever
/// would else add some with each flush.
pub(super) async fn trim_principals(connection: &mut SqliteConnection, endpoints: &[i64]) -> Result<()> {
    let list = endpoints.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    sqlx::query(
        "DELETE FROM edge_principal WHERE (endpoint_id, peer_id, credential, principal) IN
           (SELECT endpoint_id, peer_id, credential, principal FROM
              (SELECT endpoint_id, peer_id, credential, principal, row_number() OVER
                   (PARTITION BY endpoint_id, peer_id, credential ORDER BY principal) AS rank
               FROM edge_principal WHERE endpoint_id IN (SELECT value FROM json_each(?)))
            WHERE rank > ?)",
    )
    .bind(format!("[{list}]"))
    .bind(PRINCIPALS_KEPT as i64)
    .execute(connection)
    .await?;
    Ok(())
}
