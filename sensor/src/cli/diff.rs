//! `apicensus diff` as typed.

use clap::{ArgGroup, Args, ValueEnum};

use super::{ExportFilters, Query, Routes, Which};

/// `diff`.
#[derive(Args, Clone, Debug)]
#[command(
    group(ArgGroup::new("stretch").required(true).args(["since", "between", "against"])),
    after_help = "--since and --between go by when things were first and last seen: what was away for a while \
    and came back never left. --against compares two stores, types of fields too.\n\nExamples:
  apicensus diff --since 7d
  apicensus diff --between 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z --service 'api.*'
  apicensus diff --against /backup/apicensus.db --format markdown > CHANGES.md"
)]
pub struct Diff {
    /// What came or went since: a duration before now (30m, 2h, 7d) or an RFC 3339 time
    #[arg(long, value_name = "TIME", help_heading = "Compared")]
    pub since: Option<String>,
    /// What came between two times, and what went before the first; what came later is left out
    #[arg(long, value_names = ["FROM", "TO"], num_args = 2, help_heading = "Compared")]
    pub between: Option<Vec<String>>,
    /// Another store, an older copy say: what is different now
    #[arg(long, value_name = "STORE", help_heading = "Compared")]
    pub against: Option<String>,
    /// For people, for programs (JSON follows the schemas in schema/json), or to pass on
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,
    /// Which endpoints.
    #[command(flatten)]
    pub which: Which,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// A table
    Text,
    /// One JSON document
    Json,
    /// GitHub-flavoured Markdown
    #[value(alias = "md")]
    Markdown,
}

impl From<Diff> for Query {
    /// What is looked at: a time is what it is about, not a filter.
    fn from(typed: Diff) -> Query {
        let Diff { which, routes, .. } = typed;
        ExportFilters { which, caller: None, since: None, routes }.into()
    }
}
