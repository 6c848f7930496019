//! `apicensus coverage`: the ledger of connections, each once, by what of it was read and why not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{Coverage, SCHEMA_VERSION};
use super::fill::coverage;
use super::reasons;
use crate::inventory::{CoverageKey, CoverageStats};

/// All connections that were seen.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Ledger {
    /// Version of this document's form.
    pub schema_version: u32,
    /// Sums over all.
    pub total: Sums,
    /// Sums by class, as in `class` of the rows.
    pub classes: BTreeMap<String, Sums>,
    /// By program and port, those with the most connections first.
    pub rows: Vec<Row>,
    /// What the reasons that come up mean, by their names.
    pub reasons: BTreeMap<String, String>,
}

/// Sums over connections.
#[derive(Clone, Copy, Debug, Default, JsonSchema, Serialize)]
pub struct Sums {
    /// Connections.
    pub connections: u64,
    /// Bytes both ways as TCP counted them.
    pub bytes: u64,
    /// Plaintext that was read from TLS.
    pub plaintext_bytes: u64,
    /// Bytes that would have been read and were not captured; `apicensus status` has the causes.
    pub lost_bytes: u64,
}

/// Connections of one kind at one port of one program.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Row {
    /// `http1`, `http2`, `other` (no HTTP) in clear; `tls-http1`, `tls-http2`, `tls-other` read inside of
    /// TLS; `tls-unread`; `tls-unattributed`: sessions that were read and whose connection was never found
    /// (counted beside the connections, with no bytes of TCP).
    pub class: String,
    /// The connections.
    #[serde(flatten)]
    pub coverage: Coverage,
}

impl Sums {
    fn add(&mut self, row: &Coverage) {
        for (sum, more) in [
            (&mut self.connections, row.connections),
            (&mut self.bytes, row.bytes),
            (&mut self.plaintext_bytes, row.plaintext_bytes),
            (&mut self.lost_bytes, row.lost_bytes),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

impl Ledger {
    /// Of the rows of an inventory, or of a run.
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a CoverageKey, &'a CoverageStats)>) -> Ledger {
        let mut ledger = Ledger {
            schema_version: SCHEMA_VERSION,
            total: Sums::default(),
            classes: BTreeMap::new(),
            rows: Vec::new(),
            reasons: BTreeMap::new(),
        };
        for (key, stats) in rows {
            let row = coverage((key, stats));
            let class = class(&row);
            if class != UNATTRIBUTED {
                ledger.total.add(&row);
            }
            ledger.classes.entry(class.clone()).or_default().add(&row);
            if let Some(reason) = &row.reason {
                ledger.reasons.entry(reason.clone()).or_insert_with(|| reasons::meaning(reason).to_owned());
            }
            ledger.rows.push(Row { class, coverage: row });
        }
        ledger.rows.sort_by_key(|row| std::cmp::Reverse((row.coverage.connections, row.coverage.bytes)));
        ledger
    }
}

const UNATTRIBUTED: &str = "tls-unattributed";

/// What kind of connections a row is of.
pub(super) fn class(row: &Coverage) -> String {
    match (&*row.verdict, &row.inside) {
        ("tls", Some(inside)) => format!("tls-{inside}"),
        ("tls", None) if row.readable => UNATTRIBUTED.to_owned(),
        ("tls", None) => "tls-unread".to_owned(),
        (verdict, _) => verdict.to_owned(),
    }
}
