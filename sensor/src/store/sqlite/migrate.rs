//! Which schema a file has, and how it is brought to the newest. Forward only, each step in one
//! transaction; what is not ours or is newer is refused untouched.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::failure;
use crate::store::StoreError;

/// One file per schema version, in order. Files are never changed once released.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../../schema/sql/sqlite/0001_inventory.sql"),
    include_str!("../../../../schema/sql/sqlite/0002_right.sql"),
    include_str!("../../../../schema/sql/sqlite/0003_findings.sql"),
    include_str!("../../../../schema/sql/sqlite/0004_protocols.sql"),
    include_str!("../../../../schema/sql/sqlite/0005_ledger.sql"),
    include_str!("../../../../schema/sql/sqlite/0006_transport.sql"),
];

/// Newest schema version that this program knows.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// "APIC" in SQLite's application id (offset 68 of the file), by which our files are recognised.
const APPLICATION_ID: i64 = 0x4150_4943;

/// Whether the file is an empty database; an error if it is somebody else's or newer.
pub(super) async fn inspect(connection: &mut SqliteConnection, path: &Path) -> Result<bool, StoreError> {
    let fail = |error| failure(path, error);
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(fail)?;
    let version = version(connection).await.map_err(fail)?;
    if application == APPLICATION_ID {
        return if version > SCHEMA_VERSION {
            Err(StoreError::Newer { path: path.to_owned(), found: version, known: SCHEMA_VERSION })
        } else {
            Ok(false)
        };
    }
    let objects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await.map_err(fail)?;
    if application != 0 || version != 0 || objects != 0 {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    Ok(true)
}

/// Brings the schema to [`SCHEMA_VERSION`].
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let fail = |error| failure(path, error);
    if version(connection).await.map_err(fail)? == SCHEMA_VERSION {
        return Ok(());
    }
    // A table that is made anew must not take with it what refers to it. Has no effect in a transaction;
    // after a failure the connection is not used again. See https://sqlite.org/lang_altertable.html#otheralter
    connection.execute("PRAGMA foreign_keys = OFF").await.map_err(fail)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    // Read again under the lock: another process may have done it meanwhile.
    let from = version(&mut transaction).await.map_err(fail)?;
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        transaction.execute(sqlx::raw_sql(*sql)).await.map_err(fail)?;
        // Safe: the only things put in are numbers. A pragma takes no bound parameter.
        let version =
            format!("PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID}", index + 1);
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(version))).await.map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)?;
    connection.execute("PRAGMA foreign_keys = ON").await.map_err(fail)?;
    Ok(())
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}
