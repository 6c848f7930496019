//! `apicensus noise`: what was called and is no endpoint, and who only tries paths out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{Party, SCHEMA_VERSION};
use super::fill::{party, statuses};
use super::format;
use crate::inventory::catalog::Catalog;
use crate::inventory::noise;

/// The document.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Noise {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By service, class, path and method.
    pub noise: Vec<NoiseRow>,
    /// Who only tries paths out, the ones that missed most first.
    pub scanners: Vec<ScannerRow>,
}

/// Calls of one kind and method on paths of one form.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct NoiseRow {
    /// Authority of the service; `{over-budget}` for all that are too many.
    pub service: String,
    /// `missed`, `soft-missed` (answered with the page that the service gives for any path),
    /// `static-file`, `health-check`, `preflight`, or `never` where people said that it is none.
    pub class: String,
    /// Request method; `OTHER` where they are not told apart.
    pub method: String,
    /// Words of routes, shapes of values, `{text}` for words that are not known to be of a route,
    /// `{file}` for names of files; `/{over-budget}` for the paths that are too many.
    pub path: String,
    /// Calls seen.
    pub calls: u64,
    /// Calls by status code; `none` where no response was seen.
    pub statuses: BTreeMap<String, u64>,
    /// Different callers.
    pub caller_count: u64,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
}

/// A caller of whose calls half or more missed, on many paths.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ScannerRow {
    /// Who.
    pub caller: Party,
    /// All its calls.
    pub calls: u64,
    /// Those that missed, softly too.
    pub missed: u64,
    /// Different paths that it missed, about; 256 stands for that many or more.
    pub paths: u64,
    /// Services at which it missed some.
    pub services: u64,
    /// When it missed the first one, RFC 3339.
    pub first_seen: String,
    /// When it missed the last one, RFC 3339.
    pub last_seen: String,
}

/// All noise of one class, in `apicensus report`.
#[derive(Clone, Copy, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
pub struct NoiseSum {
    /// Rows that `apicensus noise` lists.
    pub rows: u64,
    /// Calls.
    pub calls: u64,
}

impl Noise {
    /// The noise of a filtered catalog.
    pub fn of(catalog: &Catalog) -> Noise {
        let rows = catalog.noise.rows.iter().map(row);
        let scanners = catalog.noise.scanners.iter().map(|scanner| ScannerRow {
            caller: party(&scanner.peer),
            calls: scanner.calls,
            missed: scanner.missed,
            paths: scanner.paths,
            services: scanner.services.len() as u64,
            first_seen: format::time(scanner.seen.first),
            last_seen: format::time(scanner.seen.last),
        });
        Noise { schema_version: SCHEMA_VERSION, noise: rows.collect(), scanners: scanners.collect() }
    }
}

fn row(row: &noise::NoiseRow) -> NoiseRow {
    NoiseRow {
        service: row.service.to_string(),
        class: row.class.name().to_owned(),
        method: row.method.name().to_owned(),
        path: row.path.clone(),
        calls: row.stats.calls,
        statuses: statuses(&row.stats),
        caller_count: row.stats.caller_count(),
        first_seen: format::time(row.stats.seen.first),
        last_seen: format::time(row.stats.seen.last),
    }
}

/// Sums by class.
pub(super) fn sums(catalog: &Catalog) -> BTreeMap<String, NoiseSum> {
    let mut sums: BTreeMap<String, NoiseSum> = BTreeMap::new();
    for row in &catalog.noise.rows {
        let sum = sums.entry(row.class.name().to_owned()).or_default();
        sum.rows += 1;
        sum.calls = sum.calls.saturating_add(row.stats.calls);
    }
    sums
}
