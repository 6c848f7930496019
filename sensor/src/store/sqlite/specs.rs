//! Specifications, row <-> model.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::SqliteStore;
use super::read::ReadError;
use crate::flow::Timestamp;
use crate::inventory::spec::{MODEL_VERSION, Spec};
use crate::store::StoreError;
use crate::store::specs::{Added, GivenSpec, KeptSpec, SpecStore};

type Result<T> = std::result::Result<T, ReadError>;

impl SpecStore for SqliteStore {
    async fn add_specs(
        &mut self,
        given: &[GivenSpec],
        at: Timestamp,
    ) -> std::result::Result<Vec<Added>, StoreError> {
        let result = match self.writer().await {
            Ok(writer) => add(writer, given, at).await,
            Err(error) => Err(error.into()),
        };
        self.settle_read(result)
    }

    async fn specs(&self) -> std::result::Result<Vec<KeptSpec>, StoreError> {
        let mut reader = self.reader().await?;
        kept(&mut reader).await.map_err(|error| error.at(self.path()))
    }

    async fn load_specs(&self) -> std::result::Result<Vec<Spec>, StoreError> {
        let mut reader = self.reader().await?;
        load(&mut reader).await.map_err(|error| error.at(self.path()))
    }

    async fn remove_spec(
        &mut self,
        name: &str,
        version: Option<&str>,
    ) -> std::result::Result<u64, StoreError> {
        let result = match self.writer().await {
            Ok(writer) => remove(writer, name, version).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }
}

async fn add(connection: &mut SqliteConnection, given: &[GivenSpec], at: Timestamp) -> Result<Vec<Added>> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut done = Vec::new();
    for GivenSpec { spec, digest } in given {
        let known: Option<(String, i64)> =
            sqlx::query_as("SELECT digest, model_version FROM spec WHERE name = ? AND version = ?")
                .bind(&spec.name)
                .bind(&spec.version)
                .fetch_optional(&mut *transaction)
                .await?;
        let outcome = match known {
            Some((known, form)) if known == *digest && form == i64::from(MODEL_VERSION) => Added::Unchanged,
            Some(_) => Added::Replaced,
            None => Added::Added,
        };
        done.push(outcome);
        if outcome == Added::Unchanged {
            continue;
        }
        sqlx::query(
            "INSERT OR REPLACE INTO spec (name, version, title, format, services, operations, digest, added_ns,
                                          model_version, model)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&spec.name)
        .bind(&spec.version)
        .bind(&spec.title)
        .bind(spec.format.name())
        .bind(json(&spec.services)?)
        .bind(spec.operations.len() as i64)
        .bind(digest)
        .bind(i64::try_from(at.0).unwrap_or(i64::MAX))
        .bind(MODEL_VERSION)
        .bind(json(spec)?)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(done)
}

/// Models are structs, numbers and texts: those always serialize.
fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| ReadError::Foreign("spec"))
}

async fn kept(connection: &mut SqliteConnection) -> Result<Vec<KeptSpec>> {
    let rows = sqlx::query(
        "SELECT name, version, title, format, services, operations, added_ns, model_version FROM spec
         ORDER BY name, version",
    )
    .fetch_all(connection)
    .await?;
    let kept = rows.iter().map(|row| {
        let services: String = row.try_get("services")?;
        Ok(KeptSpec {
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            title: row.try_get("title")?,
            format: row.try_get("format")?,
            services: serde_json::from_str(&services).map_err(|_| ReadError::Foreign("spec"))?,
            operations: u64::try_from(row.try_get::<i64, _>("operations")?).unwrap_or(0),
            added: Timestamp(u64::try_from(row.try_get::<i64, _>("added_ns")?).unwrap_or(0)),
            is_foreign: row.try_get::<i64, _>("model_version")? != i64::from(MODEL_VERSION),
        })
    });
    kept.collect()
}

async fn load(connection: &mut SqliteConnection) -> Result<Vec<Spec>> {
    let models: Vec<String> =
        sqlx::query_scalar("SELECT model FROM spec WHERE model_version = ? ORDER BY name, version")
            .bind(MODEL_VERSION)
            .fetch_all(connection)
            .await?;
    let specs =
        models.iter().map(|model| serde_json::from_str(model).map_err(|_| ReadError::Foreign("spec")));
    specs.collect()
}

async fn remove(
    connection: &mut SqliteConnection,
    name: &str,
    version: Option<&str>,
) -> std::result::Result<u64, sqlx::Error> {
    let removed = sqlx::query("DELETE FROM spec WHERE name = ? AND version = coalesce(?, version)")
        .bind(name)
        .bind(version)
        .execute(connection)
        .await?;
    Ok(removed.rows_affected())
}
