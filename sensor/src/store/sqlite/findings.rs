//! States of findings and the queue of notes, row <-> domain.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::SqliteStore;
use super::read::ReadError;
use crate::call::{Method, Place};
use crate::counter::Counter;
use crate::findings::{Acknowledgement, Fingerprint, Level, State, StateKind, Subject};
use crate::flow::Timestamp;
use crate::inventory::{FieldKey, Seen};
use crate::limits::{FINDINGS_RESOLVED_KEPT, NOTIFICATIONS_QUEUED_MAX};
use crate::store::StoreError;
use crate::store::findings::{Delivery, FindingStore, Known, KnownFinding, Note, Told, WaitingNote};

type Result<T> = std::result::Result<T, ReadError>;

impl FindingStore for SqliteStore {
    async fn known(&self) -> std::result::Result<Known, StoreError> {
        let mut reader = self.reader().await?;
        known(&mut reader).await.map_err(|error| error.at(self.path()))
    }

    async fn revise<F>(&mut self, revise: F) -> std::result::Result<Known, StoreError>
    where
        F: FnOnce(&Known) -> Known + Send,
    {
        let result = match self.writer().await {
            Ok(writer) => revised(writer, revise).await,
            Err(error) => Err(error.into()),
        };
        self.settle_read(result)
    }

    async fn told(&self, sink: &str) -> std::result::Result<Told, StoreError> {
        let mut reader = self.reader().await?;
        told(&mut reader, sink).await.map_err(|error| error.at(self.path()))
    }

    async fn enqueue(
        &mut self,
        sink: &str,
        notes: &[Note],
        at: Timestamp,
    ) -> std::result::Result<u64, StoreError> {
        let result = match self.writer().await {
            Ok(writer) => enqueue(writer, sink, notes, at).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }

    async fn due(
        &self,
        sink: &str,
        at: Timestamp,
        count: usize,
    ) -> std::result::Result<Vec<WaitingNote>, StoreError> {
        let mut reader = self.reader().await?;
        due(&mut reader, sink, at, count).await.map_err(|error| error.at(self.path()))
    }

    async fn settle_note(
        &mut self,
        id: i64,
        delivery: Delivery,
        at: Timestamp,
    ) -> std::result::Result<(), StoreError> {
        let result = match self.writer().await {
            Ok(writer) => settle(writer, id, delivery, at).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }
}

async fn known(connection: &mut SqliteConnection) -> Result<Known> {
    let rows = sqlx::query(
        "SELECT fingerprint, rule, level, subject, message, state, found_first_ns, found_last_ns,
                shown_first_ns, shown_last_ns, since_ns, ack_by, ack_until_ns, ack_why FROM finding",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(finding).collect()
}

fn finding(row: &SqliteRow) -> Result<(Fingerprint, KnownFinding)> {
    let foreign = || ReadError::Foreign("finding");
    let level: String = row.try_get("level")?;
    let kind: String = row.try_get("state")?;
    let subject: String = row.try_get("subject")?;
    let acknowledged = match row.try_get::<Option<String>, _>("ack_by")? {
        None => None,
        Some(by) => Some(Acknowledgement {
            by,
            until: row.try_get::<Option<i64>, _>("ack_until_ns")?.map(time),
            why: row.try_get::<Option<String>, _>("ack_why")?.unwrap_or_default(),
        }),
    };
    let known = KnownFinding {
        rule: row.try_get("rule")?,
        level: Level::of_name(&level).ok_or_else(foreign)?,
        subject: subject_of(&subject).ok_or_else(foreign)?,
        message: row.try_get("message")?,
        state: State {
            kind: StateKind::of_name(&kind).ok_or_else(foreign)?,
            found: Seen {
                first: time(row.try_get("found_first_ns")?),
                last: time(row.try_get("found_last_ns")?),
            },
            shown: Seen {
                first: time(row.try_get("shown_first_ns")?),
                last: time(row.try_get("shown_last_ns")?),
            },
            since: time(row.try_get("since_ns")?),
            acknowledged,
        },
    };
    Ok((Fingerprint(row.try_get("fingerprint")?), known))
}

async fn revised(connection: &mut SqliteConnection, revise: impl FnOnce(&Known) -> Known) -> Result<Known> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut all = known(&mut transaction).await?;
    let changed = revise(&all);
    for (fingerprint, finding) in &changed {
        write(&mut transaction, fingerprint, finding).await?;
    }
    all.extend(changed);
    forget_resolved(&mut transaction, &mut all).await?;
    transaction.commit().await?;
    Ok(all)
}

async fn write(
    connection: &mut SqliteConnection,
    Fingerprint(fingerprint): &Fingerprint,
    finding: &KnownFinding,
) -> std::result::Result<(), sqlx::Error> {
    let KnownFinding { rule, level, subject, message, state } = finding;
    let acknowledged = state.acknowledged.as_ref();
    sqlx::query(
        "INSERT INTO finding (fingerprint, rule, level, subject, message, state, found_first_ns,
                              found_last_ns, shown_first_ns, shown_last_ns, since_ns, ack_by, ack_until_ns,
                              ack_why)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (fingerprint) DO UPDATE SET
             level = excluded.level, message = excluded.message, state = excluded.state,
             found_first_ns = excluded.found_first_ns, found_last_ns = excluded.found_last_ns,
             shown_first_ns = excluded.shown_first_ns, shown_last_ns = excluded.shown_last_ns,
             since_ns = excluded.since_ns, ack_by = excluded.ack_by,
             ack_until_ns = excluded.ack_until_ns, ack_why = excluded.ack_why",
    )
    .bind(fingerprint)
    .bind(rule)
    .bind(level.name())
    .bind(subject_text(subject))
    .bind(message)
    .bind(state.kind.name())
    .bind(nanoseconds(state.found.first))
    .bind(nanoseconds(state.found.last))
    .bind(nanoseconds(state.shown.first))
    .bind(nanoseconds(state.shown.last))
    .bind(nanoseconds(state.since))
    .bind(acknowledged.map(|known| &*known.by))
    .bind(acknowledged.and_then(|known| known.until).map(nanoseconds))
    .bind(acknowledged.map(|known| &*known.why))
    .execute(connection)
    .await?;
    Ok(())
}

/// What is long gone goes, with its notes.
async fn forget_resolved(connection: &mut SqliteConnection, all: &mut Known) -> Result<()> {
    let resolved = all.iter().filter(|(_, finding)| finding.state.kind == StateKind::Resolved);
    let mut resolved: Vec<(Timestamp, Fingerprint)> =
        resolved.map(|(fingerprint, finding)| (finding.state.since, fingerprint.clone())).collect();
    if resolved.len() <= FINDINGS_RESOLVED_KEPT {
        return Ok(());
    }
    resolved.sort_unstable();
    resolved.truncate(resolved.len() - FINDINGS_RESOLVED_KEPT);
    for (_, fingerprint) in resolved {
        sqlx::query("DELETE FROM finding WHERE fingerprint = ?")
            .bind(&fingerprint.0)
            .execute(&mut *connection)
            .await?;
        all.remove(&fingerprint);
    }
    Ok(())
}

async fn told(connection: &mut SqliteConnection, sink: &str) -> Result<Told> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT fingerprint, transition, since_ns FROM notification WHERE sink = ?")
            .bind(sink)
            .fetch_all(connection)
            .await?;
    let mut told = Told::new();
    for (fingerprint, transition, since) in rows {
        let kind = StateKind::of_name(&transition).ok_or(ReadError::Foreign("notification"))?;
        told.entry(Fingerprint(fingerprint)).or_default().insert((kind, time(since)));
    }
    Ok(told)
}

async fn enqueue(
    connection: &mut SqliteConnection,
    sink: &str,
    notes: &[Note],
    at: Timestamp,
) -> std::result::Result<u64, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for Note { fingerprint, transition, since, body } in notes {
        let added = sqlx::query(
            "INSERT INTO notification (sink, fingerprint, transition, since_ns, body, created_ns, attempts,
                                       next_try_ns)
             SELECT ?, fingerprint, ?, ?, ?, ?, 0, ? FROM finding WHERE fingerprint = ?
             ON CONFLICT DO NOTHING",
        )
        .bind(sink)
        .bind(transition.name())
        .bind(nanoseconds(*since))
        .bind(body)
        .bind(nanoseconds(at))
        .bind(nanoseconds(at))
        .bind(&fingerprint.0)
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() == 0 {
            continue;
        }
        // What was told of it before the last time is no longer asked for.
        sqlx::query(
            "DELETE FROM notification WHERE sink = ? AND fingerprint = ? AND delivered_ns IS NOT NULL
             AND id NOT IN (SELECT id FROM notification WHERE sink = ? AND fingerprint = ?
                            ORDER BY id DESC LIMIT 2)",
        )
        .bind(sink)
        .bind(&fingerprint.0)
        .bind(sink)
        .bind(&fingerprint.0)
        .execute(&mut *transaction)
        .await?;
    }
    // They count as told, so that they do not come again the next minute; only their text goes.
    let dropped = sqlx::query(
        "UPDATE notification SET delivered_ns = 0, body = '' WHERE id IN
           (SELECT id FROM notification WHERE delivered_ns IS NULL ORDER BY id DESC LIMIT -1 OFFSET ?)",
    )
    .bind(NOTIFICATIONS_QUEUED_MAX as i64)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    count_dropped(&mut transaction, dropped).await?;
    transaction.commit().await?;
    Ok(dropped)
}

async fn count_dropped(
    connection: &mut SqliteConnection,
    count: u64,
) -> std::result::Result<(), sqlx::Error> {
    if count > 0 {
        sqlx::query(
            "INSERT INTO loss (cause, count) VALUES (?, ?)
             ON CONFLICT DO UPDATE SET count = min(9223372036854775807, count + excluded.count)",
        )
        .bind(Counter::NotificationsDropped.name())
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn due(
    connection: &mut SqliteConnection,
    sink: &str,
    at: Timestamp,
    count: usize,
) -> Result<Vec<WaitingNote>> {
    let rows: Vec<(i64, String, String, i64, String, i64)> = sqlx::query_as(
        "SELECT id, fingerprint, transition, since_ns, body, attempts FROM notification
         WHERE sink = ? AND delivered_ns IS NULL AND next_try_ns <= ? ORDER BY id LIMIT ?",
    )
    .bind(sink)
    .bind(nanoseconds(at))
    .bind(i64::try_from(count).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let notes = rows.into_iter().map(|(id, fingerprint, transition, since, body, attempts)| {
        let transition = StateKind::of_name(&transition).ok_or(ReadError::Foreign("notification"))?;
        let note = Note { fingerprint: Fingerprint(fingerprint), transition, since: time(since), body };
        Ok(WaitingNote { id, note, attempts: u32::try_from(attempts).unwrap_or(u32::MAX) })
    });
    notes.collect()
}

async fn settle(
    connection: &mut SqliteConnection,
    id: i64,
    delivery: Delivery,
    at: Timestamp,
) -> std::result::Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    match delivery {
        Delivery::Delivered => {
            sqlx::query("UPDATE notification SET delivered_ns = ?, body = '' WHERE id = ?")
                .bind(nanoseconds(at))
                .bind(id)
                .execute(&mut *transaction)
                .await?;
        }
        Delivery::Later(next) => {
            sqlx::query("UPDATE notification SET attempts = attempts + 1, next_try_ns = ? WHERE id = ?")
                .bind(nanoseconds(next))
                .bind(id)
                .execute(&mut *transaction)
                .await?;
        }
        Delivery::GivenUp => {
            let sql = "UPDATE notification SET delivered_ns = 0, body = '' WHERE id = ?";
            sqlx::query(sql).bind(id).execute(&mut *transaction).await?;
            count_dropped(&mut transaction, 1).await?;
        }
    }
    transaction.commit().await
}

fn subject_text(subject: &Subject) -> String {
    let Subject { service, endpoint, field, of } = subject;
    let mut members = BTreeMap::from([("service", json!(&**service))]);
    if let Some((method, path)) = endpoint {
        members.insert("method", json!(method.name()));
        members.insert("path", json!(path));
    }
    if let Some(FieldKey { place, name }) = field {
        members.insert("place", json!(place.name()));
        members.insert("name", json!(&**name));
    }
    if let Some(of) = of {
        members.insert("of", json!(of));
    }
    json!(members).to_string()
}

fn subject_of(text: &str) -> Option<Subject> {
    let json: Value = serde_json::from_str(text).ok()?;
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let endpoint = match (text("method"), text("path")) {
        (Some(method), Some(path)) => Some((Method::of_name(method)?, path.to_owned())),
        _ => None,
    };
    let field = match (text("place"), text("name")) {
        (Some(place), Some(name)) => Some(FieldKey { place: Place::of_name(place)?, name: name.into() }),
        _ => None,
    };
    Some(Subject { service: text("service")?.into(), endpoint, field, of: text("of").map(str::to_owned) })
}

/// The largest stands for the "never" of an empty hull.
fn time(at: i64) -> Timestamp {
    if at == i64::MAX { Timestamp(u64::MAX) } else { Timestamp(u64::try_from(at).unwrap_or(0)) }
}

fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
