//! Documents as JSON, and the JSON Schema of each, which is committed in `schema/json`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::diff::Diff;
use super::doctor::Doctor;
use super::document::{Callers, Endpoints, Fields, Report};
use super::escape;
use super::findings::document::{Findings, Rules};
use super::ledger::Ledger;
use super::noise::Noise;
use super::policy::PolicyCheck;
use super::replay::Replay;
use super::spec::{SpecPages, Specs};
use super::status::Status;

/// The document, indented, with a line break at the end.
pub fn render(document: &impl Serialize) -> String {
    // The documents are structs of texts, numbers and maps with text keys: those always serialize.
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut json = escape::for_json(&json).into_owned();
    json.push('\n');
    json
}

/// File name (without `.json`) and schema of every document.
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("report", schema::<Report>()),
        ("endpoints", schema::<Endpoints>()),
        ("callers", schema::<Callers>()),
        ("fields", schema::<Fields>()),
        ("noise", schema::<Noise>()),
        ("diff", schema::<Diff>()),
        ("findings", schema::<Findings>()),
        ("finding-rules", schema::<Rules>()),
        ("specs", schema::<Specs>()),
        ("spec", schema::<SpecPages>()),
        ("replay", schema::<Replay>()),
        ("coverage", schema::<Ledger>()),
        ("status", schema::<Status>()),
        ("policy-check", schema::<PolicyCheck>()),
        ("doctor", schema::<Doctor>()),
    ]
}

fn schema<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    render(&settings.into_generator().into_root_schema_for::<T>())
}
