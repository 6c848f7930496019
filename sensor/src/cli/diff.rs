//! `apicensus diff` as typed.

use clap::{ArgGroup, Args, ValueEnum};

use super::ExportFilters;

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
    /// What to show.
    #[command(flatten)]
    pub filters: DiffFilters,
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

/// As in [`super::Query`]; a time is what it is about, not a filter.
#[derive(Args, Clone, Debug)]
pub struct DiffFilters {
    /// Only services of this name; `*` stands for any text
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub service: Option<String>,
    /// Only this method
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub method: Option<String>,
    /// Only this path template and what is below it, or templates of this form
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub path: Option<String>,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: super::Routes,
}

impl From<DiffFilters> for super::Query {
    fn from(filters: DiffFilters) -> super::Query {
        let DiffFilters { service, method, path, routes } = filters;
        ExportFilters { service, method, path, caller: None, since: None, routes }.into()
    }
}
