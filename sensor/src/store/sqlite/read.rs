//! Rows into an inventory. All tables are read in one transaction, so that a sensor that flushes
//! meanwhile does not tear what is read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::{failure, read_facts};
use crate::call::{CallClass, Credential, Facts, Method, Place, path_of_text};
use crate::flow::{Peer, Timestamp, Verdict, Workload};
use crate::inventory::{
    Answered, CallerKey, CallerStats, CoverageKey, CoverageStats, EndpointKey, EndpointStats, FieldKey,
    FieldStats, Histogram, Inventory, Page, Reading, Seen, SmallMap, TlsCoverage, Values, merge_values,
};
use crate::limits::RUNS_KEPT;
use crate::store::{Run, RunId, RunStart, StoreError};

/// Why reading failed, before the file's name is known.
pub(super) enum ReadError {
    Database(sqlx::Error),
    /// A table holds something that this program does not write.
    Foreign(&'static str),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        ReadError::Database(error)
    }
}

impl ReadError {
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            ReadError::Database(error) => failure(path, error),
            ReadError::Foreign(table) => StoreError::Damaged {
                path: path.to_owned(),
                what: format!("table {table} holds a row that apicensus does not write"),
            },
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, ReadError>;

pub(super) async fn meta(
    connection: &mut SqliteConnection,
    name: &str,
) -> std::result::Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM meta WHERE name = ?").bind(name).fetch_optional(connection).await
}

pub(super) async fn inventory(connection: &mut SqliteConnection) -> Result<Inventory> {
    let mut transaction = connection.begin().await?;
    let workloads = workloads(&mut transaction).await?;
    let peers = peers(&mut transaction, &workloads).await?;
    let mut endpoints = endpoints(&mut transaction).await?;
    counts(&mut transaction, &mut endpoints).await?;
    fields(&mut transaction, &mut endpoints).await?;
    values(&mut transaction, &mut endpoints).await?;
    edges(&mut transaction, &peers, &mut endpoints).await?;
    read_facts::signs(&mut transaction, &mut endpoints).await?;
    read_facts::transports(&mut transaction, &mut endpoints).await?;
    read_facts::protocols(&mut transaction, &mut endpoints).await?;
    read_facts::classes(&mut transaction, &mut endpoints).await?;
    read_facts::principals(&mut transaction, &peers, &mut endpoints).await?;
    let inventory = Inventory {
        endpoints: endpoints.into_values().collect(),
        words: words(&mut transaction).await?,
        coverage: coverage(&mut transaction, &workloads).await?,
        losses: losses(&mut transaction).await?,
    };
    transaction.commit().await?;
    Ok(inventory)
}

pub(super) async fn runs(connection: &mut SqliteConnection) -> Result<Vec<Run>> {
    let mut transaction = connection.begin().await?;
    let workloads = workloads(&mut transaction).await?;
    type Row = (i64, String, String, String, i64, Option<i64>, Option<i64>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, version, front_end, scope, started_ns, flushed_ns, ended_ns, calls FROM run
         ORDER BY id DESC LIMIT ?",
    )
    .bind(RUNS_KEPT as i64)
    .fetch_all(&mut *transaction)
    .await?;
    let mut runs = Vec::with_capacity(rows.len());
    for (id, version, front_end, scope, started, flushed, ended, calls) in rows {
        let losses: Vec<(String, i64)> = sqlx::query_as("SELECT cause, count FROM run_loss WHERE run_id = ?")
            .bind(id)
            .fetch_all(&mut *transaction)
            .await?;
        let coverage: Vec<CoverageRow> = sqlx::query_as(
            "SELECT workload_id, port, verdict, reading, server_name, tls_version, alpn, connections, bytes,
                 plaintext_bytes, lost_bytes FROM run_coverage WHERE run_id = ?",
        )
        .bind(id)
        .fetch_all(&mut *transaction)
        .await?;
        runs.push(Run {
            id: RunId(id),
            start: RunStart { version, front_end, scope, at: time(started) },
            flushed: flushed.map(time),
            ended: ended.map(time),
            calls: number(calls),
            losses: losses.into_iter().map(|(cause, count)| (cause, number(count))).collect(),
            coverage: coverage
                .into_iter()
                .map(|row| coverage_of(row, &workloads, "run_coverage"))
                .collect::<Result<_>>()?,
        });
    }
    transaction.commit().await?;
    Ok(runs)
}

async fn workloads(connection: &mut SqliteConnection) -> Result<HashMap<i64, Arc<Workload>>> {
    let mut rows = sqlx::query_as::<_, (i64, String, String, String)>(
        "SELECT id, program, cgroup, container FROM workload",
    )
    .fetch(connection);
    let mut workloads = HashMap::new();
    while let Some((id, program, cgroup, container)) = rows.try_next().await? {
        let container = (!container.is_empty()).then(|| container.into());
        workloads
            .insert(id, Arc::new(Workload { program: program.into(), cgroup: cgroup.into(), container }));
    }
    Ok(workloads)
}

async fn peers(
    connection: &mut SqliteConnection,
    workloads: &HashMap<i64, Arc<Workload>>,
) -> Result<HashMap<i64, Peer>> {
    let mut rows =
        sqlx::query_as::<_, (i64, String, Option<i64>)>("SELECT id, address, workload_id FROM peer")
            .fetch(connection);
    let mut peers = HashMap::new();
    while let Some((id, address, workload)) = rows.try_next().await? {
        let address: IpAddr = address.parse().map_err(|_| ReadError::Foreign("peer"))?;
        let workload = match workload {
            Some(id) => Some(workloads.get(&id).ok_or(ReadError::Foreign("peer"))?.clone()),
            None => None,
        };
        peers.insert(id, Peer { address, workload });
    }
    Ok(peers)
}

pub(super) type Endpoints = HashMap<i64, (EndpointKey, EndpointStats)>;

async fn endpoints(connection: &mut SqliteConnection) -> Result<Endpoints> {
    let mut rows = sqlx::query(
        "SELECT endpoint.id, name, method, path, class, calls, first_ns, last_ns, request_bytes,
                response_bytes, answered_first_ns, answered_last_ns, answered_callers, answered_paths, page
         FROM endpoint JOIN service ON service.id = service_id",
    )
    .fetch(connection);
    let mut services = Interner::default();
    let mut endpoints = Endpoints::new();
    while let Some(row) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("endpoint");
        let key = EndpointKey {
            service: services.shared(row.try_get("name")?),
            method: Method::of_name(row.try_get("method")?).ok_or_else(foreign)?,
            path: path_of_text(row.try_get("path")?).ok_or_else(foreign)?,
            class: CallClass::of_name(row.try_get("class")?).ok_or_else(foreign)?,
        };
        let page = match row.try_get::<Option<i64>, _>("page")? {
            None => Page::None,
            Some(-1) => Page::Several,
            Some(hash) => Page::One(u32::try_from(hash).map_err(|_| foreign())?),
        };
        let integer = |column| row.try_get::<i64, _>(column);
        let stats = EndpointStats {
            calls: number(integer("calls")?),
            seen: Seen { first: time(integer("first_ns")?), last: time(integer("last_ns")?) },
            request_bytes: number(integer("request_bytes")?),
            response_bytes: number(integer("response_bytes")?),
            answered: Answered {
                seen: Seen {
                    first: time(integer("answered_first_ns")?),
                    last: time(integer("answered_last_ns")?),
                },
                callers: bits(integer("answered_callers")?),
                paths: bits(integer("answered_paths")?),
            },
            page,
            ..EndpointStats::default()
        };
        endpoints.insert(integer("id")?, (key, stats));
    }
    Ok(endpoints)
}

async fn counts(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    {
        let sql = "SELECT endpoint_id, status, calls FROM status";
        let mut rows = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch(&mut *connection);
        while let Some((endpoint, status, calls)) = rows.try_next().await? {
            let (_, stats) = endpoints.get_mut(&endpoint).ok_or(ReadError::Foreign("status"))?;
            let status = u16::try_from(status).map_err(|_| ReadError::Foreign("status"))?;
            stats.statuses.insert(status, number(calls));
        }
    }
    {
        let sql = "SELECT endpoint_id, bucket, calls FROM latency";
        let mut rows = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch(&mut *connection);
        while let Some((endpoint, bucket, calls)) = rows.try_next().await? {
            let (_, stats) = endpoints.get_mut(&endpoint).ok_or(ReadError::Foreign("latency"))?;
            let Histogram { buckets } = &mut stats.latency;
            let slot = usize::try_from(bucket).ok().and_then(|bucket| buckets.get_mut(bucket));
            *slot.ok_or(ReadError::Foreign("latency"))? = number(calls);
        }
    }
    let mut names = Interner::default();
    {
        let sql = "SELECT endpoint_id, status, media_type, calls FROM content";
        let mut rows = sqlx::query_as::<_, (i64, i64, String, i64)>(sql).fetch(&mut *connection);
        while let Some((endpoint, status, name, calls)) = rows.try_next().await? {
            let (_, stats) = endpoints.get_mut(&endpoint).ok_or(ReadError::Foreign("content"))?;
            let status = u16::try_from(status).map_err(|_| ReadError::Foreign("content"))?;
            stats.contents.insert((status, names.shared(&name)), number(calls));
        }
    }
    let sql = "SELECT endpoint_id, side, media_type, calls FROM media_type";
    let mut rows = sqlx::query_as::<_, (i64, String, String, i64)>(sql).fetch(connection);
    while let Some((endpoint, side, name, calls)) = rows.try_next().await? {
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or(ReadError::Foreign("media_type"))?;
        let types = match side.as_str() {
            "request" => &mut stats.request_types,
            "response" => &mut stats.response_types,
            _ => return Err(ReadError::Foreign("media_type")),
        };
        types.insert(names.shared(&name), number(calls));
    }
    Ok(())
}

async fn fields(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    let sql = "SELECT endpoint_id, place, name, calls, facts, present, objects, held, first_ns, last_ns
               FROM field";
    let mut rows = sqlx::query(sql).fetch(connection);
    let mut field_names = Interner::default();
    while let Some(row) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("field");
        let integer = |column: usize| row.try_get::<i64, _>(column);
        let (_, stats) = endpoints.get_mut(&integer(0)?).ok_or_else(foreign)?;
        let place = Place::of_name(row.try_get(1)?).ok_or_else(foreign)?;
        let key = FieldKey { place, name: field_names.shared(row.try_get(2)?) };
        let field = FieldStats {
            calls: number(integer(3)?),
            facts: Facts(u32::try_from(integer(4)?).map_err(|_| foreign())?),
            present: number(integer(5)?),
            objects: number(integer(6)?),
            held: u32::try_from(integer(7)?).map_err(|_| foreign())?,
            seen: Seen { first: time(integer(8)?), last: time(integer(9)?) },
        };
        stats.fields.insert(key, field);
    }
    Ok(())
}

async fn values(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    {
        type Row = (i64, String, String, String, Option<String>);
        let sql = "SELECT endpoint_id, place, name, hash, word FROM field_value
                   ORDER BY endpoint_id, place, name, hash";
        let mut rows = sqlx::query_as::<_, Row>(sql).fetch(connection);
        let mut texts = Interner::default();
        while let Some((endpoint, place, name, hash, word)) = rows.try_next().await? {
            let foreign = || ReadError::Foreign("field_value");
            let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
            let place = Place::of_name(&place).ok_or_else(foreign)?;
            let hash = u64::from_str_radix(&hash, 16).map_err(|_| foreign())?;
            let value = Values::from([(hash, word.map(|word| texts.shared(&word)))]);
            let more = SmallMap::from([(FieldKey { place, name: texts.shared(&name) }, value)]);
            stats.values.merge(more, merge_values);
        }
    }
    endpoints.values_mut().for_each(|(_, stats)| stats.settle_values());
    Ok(())
}

async fn edges(
    connection: &mut SqliteConnection,
    peers: &HashMap<i64, Peer>,
    endpoints: &mut Endpoints,
) -> Result<()> {
    {
        let sql =
            "SELECT endpoint_id, peer_id, credential, calls, refused, granted, denied, first_ns, last_ns,
                          paths, encrypted
                   FROM edge";
        let mut rows = sqlx::query(sql).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let foreign = || ReadError::Foreign("edge");
            let integer = |column: usize| row.try_get::<i64, _>(column);
            let (_, stats) = endpoints.get_mut(&integer(0)?).ok_or_else(foreign)?;
            let key = CallerKey {
                peer: peers.get(&integer(1)?).ok_or_else(foreign)?.clone(),
                credential: Credential::of_name(row.try_get(2)?).ok_or_else(foreign)?,
            };
            let caller = CallerStats {
                calls: number(integer(3)?),
                refused: number(integer(4)?),
                granted: number(integer(5)?),
                denied: number(integer(6)?),
                seen: Seen { first: time(integer(7)?), last: time(integer(8)?) },
                paths: bits(integer(9)?),
                encrypted: number(integer(10)?),
                ..CallerStats::default()
            };
            stats.callers.insert(key, caller);
        }
    }
    let sql = "SELECT endpoint_id, peer_id, calls FROM server";
    let mut rows = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch(connection);
    while let Some((endpoint, peer, calls)) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("server");
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        stats.servers.insert(peers.get(&peer).ok_or_else(foreign)?.clone(), number(calls));
    }
    Ok(())
}

async fn words(connection: &mut SqliteConnection) -> Result<BTreeMap<u64, Arc<str>>> {
    let mut rows = sqlx::query_as::<_, (String, String)>("SELECT hash, word FROM word").fetch(connection);
    let mut words = BTreeMap::new();
    while let Some((hash, word)) = rows.try_next().await? {
        let hash = u64::from_str_radix(&hash, 16).map_err(|_| ReadError::Foreign("word"))?;
        words.insert(hash, word.into());
    }
    Ok(words)
}

type CoverageRow = (i64, i64, String, String, String, String, String, i64, i64, i64, i64);

async fn coverage(
    connection: &mut SqliteConnection,
    workloads: &HashMap<i64, Arc<Workload>>,
) -> Result<BTreeMap<CoverageKey, CoverageStats>> {
    let sql =
        "SELECT workload_id, port, verdict, reading, server_name, tls_version, alpn, connections, bytes,
               plaintext_bytes, lost_bytes FROM coverage";
    let mut rows = sqlx::query_as::<_, CoverageRow>(sql).fetch(connection);
    let mut coverage = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        let (key, stats) = coverage_of(row, workloads, "coverage")?;
        coverage.insert(key, stats);
    }
    Ok(coverage)
}

fn coverage_of(
    (workload, port, verdict, reading, name, version, alpn, connections, bytes, plaintext, lost): CoverageRow,
    workloads: &HashMap<i64, Arc<Workload>>,
    table: &'static str,
) -> Result<(CoverageKey, CoverageStats)> {
    let foreign = || ReadError::Foreign(table);
    let key = CoverageKey {
        workload: workloads.get(&workload).ok_or_else(foreign)?.clone(),
        port: u16::try_from(port).map_err(|_| foreign())?,
        verdict: Verdict::of_name(&verdict).ok_or_else(foreign)?,
        tls: TlsCoverage {
            reading: Reading::of_stored(&reading).ok_or_else(foreign)?,
            server_name: name.into(),
            version: version.into(),
            alpn: alpn.into(),
        },
    };
    let stats = CoverageStats {
        connections: number(connections),
        bytes: number(bytes),
        plaintext_bytes: number(plaintext),
        lost_bytes: number(lost),
    };
    Ok((key, stats))
}

async fn losses(connection: &mut SqliteConnection) -> Result<BTreeMap<Arc<str>, u64>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT cause, count FROM loss").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(cause, count)| (cause.into(), number(count))).collect())
}

/// Shares equal texts: names of fields come thousands of times.
#[derive(Default)]
pub(super) struct Interner(HashSet<Arc<str>>);

impl Interner {
    pub(super) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

pub(super) fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// A set of 64 bits, bit by bit.
fn bits(set: i64) -> u64 {
    u64::from_ne_bytes(set.to_ne_bytes())
}

/// The largest stands for the "never" of an empty hull.
pub(super) fn time(at: i64) -> Timestamp {
    if at == i64::MAX { Timestamp(u64::MAX) } else { Timestamp(number(at)) }
}
