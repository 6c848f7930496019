//! What this machine can do: one check per line, each with why not and what to do.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::SCHEMA_VERSION;

/// One thing that was looked at.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    /// Short name, such as `kernel` or `front end socket`.
    pub name: String,
    /// How it stands.
    pub outcome: Outcome,
    /// What was found: a version, a path, an error.
    pub detail: String,
    /// What to do about it; null if nothing has to be done.
    pub remedy: Option<String>,
}

/// How one check stands.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Works.
    Ok,
    /// Does not work, but capture is possible without it.
    Degraded,
    /// Does not work, and without it there is no capture.
    Failed,
}

/// `apicensus doctor`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Doctor {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// No check failed.
    pub can_capture: bool,
    /// In the order in which they were made.
    pub checks: Vec<CheckRow>,
}

impl Doctor {
    /// The document of these checks.
    pub fn of(checks: Vec<CheckRow>) -> Doctor {
        let can_capture = !checks.is_empty() && checks.iter().all(|check| check.outcome != Outcome::Failed);
        Doctor { schema_version: SCHEMA_VERSION, can_capture, checks }
    }
}
