//! `apicensus status`: the last runs, newest first, each with its losses and its coverage.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{Coverage, SCHEMA_VERSION};
use super::fill::coverage;
use super::format;
use crate::flow::Timestamp;
use crate::inventory::{CoverageKey, CoverageStats};

/// The document.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Status {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// The file.
    pub store: String,
    /// Newest first.
    pub runs: Vec<RunRow>,
}

/// One run of a sensor.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RunRow {
    /// Its number in the store.
    pub id: i64,
    /// Version of the sensor.
    pub version: String,
    /// `socket` or `syscall`.
    pub front_end: String,
    /// What was captured.
    pub scope: String,
    /// RFC 3339.
    pub started: String,
    /// Last time that something was stored, RFC 3339; null before the first.
    pub flushed: Option<String>,
    /// Orderly end, RFC 3339; null while it runs and after a crash.
    pub ended: Option<String>,
    /// Calls stored.
    pub calls: u64,
    /// By cause.
    pub losses: BTreeMap<String, u64>,
    /// Connections by workload, port and verdict.
    pub coverage: Vec<Coverage>,
}

/// One run as the store tells it, member by member as in [`RunRow`].
#[allow(missing_docs)]
pub struct RunFacts<'a> {
    pub id: i64,
    pub version: &'a str,
    pub front_end: &'a str,
    pub scope: &'a str,
    pub started: Timestamp,
    pub flushed: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub calls: u64,
    pub losses: &'a BTreeMap<String, u64>,
    pub coverage: &'a BTreeMap<CoverageKey, CoverageStats>,
}

impl Status {
    /// The document of these runs.
    pub fn of<'a>(store: &str, runs: impl IntoIterator<Item = RunFacts<'a>>) -> Status {
        let runs = runs.into_iter().map(|run| RunRow {
            id: run.id,
            version: run.version.to_owned(),
            front_end: run.front_end.to_owned(),
            scope: run.scope.to_owned(),
            started: format::time(run.started),
            flushed: run.flushed.map(format::time),
            ended: run.ended.map(format::time),
            calls: run.calls,
            losses: run.losses.clone(),
            coverage: run.coverage.iter().map(coverage).collect(),
        });
        Status { schema_version: SCHEMA_VERSION, store: store.to_owned(), runs: runs.collect() }
    }
}
