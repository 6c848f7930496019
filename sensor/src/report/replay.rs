//! `apicensus replay` and `import-har`: what was read of each file, for people and programs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::SCHEMA_VERSION;
use super::losses::meaning;
use super::table::{Columns, Page, Style, plain};

/// The document.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Replay {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// In the order in which they were read.
    pub files: Vec<FileRow>,
    /// Calls read of all files.
    pub calls: u64,
    /// What was lost, refused or passed over, by cause.
    pub losses: BTreeMap<String, u64>,
    /// It was stopped before the end; what was read is stored.
    pub interrupted: bool,
}

/// One file.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FileRow {
    /// As it was named.
    pub file: String,
    /// Packets in it; zero for archives.
    pub packets: u64,
    /// TCP connections that begin in it; zero for archives.
    pub connections: u64,
    /// Calls that end in it.
    pub calls: u64,
    /// Why it could not be read to its end; null if it could.
    pub error: Option<String>,
}

const COLUMNS: Columns = Columns {
    names: &["FILE", "PACKETS", "CONNECTIONS", "CALLS", "READ"],
    right: &["PACKETS", "CONNECTIONS", "CALLS"],
    expendable: &[],
};

impl Replay {
    /// Of rows and of the losses of the run.
    pub fn of(files: Vec<FileRow>, losses: &BTreeMap<String, u64>, interrupted: bool) -> Replay {
        let calls = files.iter().map(|file| file.calls).sum();
        Replay { schema_version: SCHEMA_VERSION, files, calls, losses: losses.clone(), interrupted }
    }
}

/// As a table, and what was lost in words.
pub fn text(replay: &Replay, style: Style) -> String {
    let mut page = Page::new(style);
    let row = |file: &FileRow| {
        let read = if file.error.is_some() { "in part" } else { "whole" };
        vec![
            plain(&file.file),
            plain(&file.packets.to_string()),
            plain(&file.connections.to_string()),
            plain(&file.calls.to_string()),
            plain(read),
        ]
    };
    page.table(&COLUMNS, replay.files.iter().map(row).collect());
    for (cause, count) in &replay.losses {
        let meaning = meaning(cause).unwrap_or("a loss that this version does not know");
        page.text.push_str(&format!("{count} {cause}: {meaning}\n"));
    }
    page.end()
}
