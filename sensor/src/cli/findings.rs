//! What the user typed of `findings`, and of the sinks that a run tells.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Routes};

/// `findings`.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "Exit code 1 says that a finding of the level of --fail-on or above is open. Acknowledged and \
    suppressed findings do not count.\nStates are kept in the store; with --since or --learning nothing is \
    marked as resolved.\n\nExamples:
  apicensus findings                                 what is wrong
  apicensus findings --fail-on error                 in a pipeline
  apicensus findings --format sarif --output apis.sarif
  apicensus findings ack 3f2a9c01 --by ann --until 90d --why 'behind the gateway'
  apicensus findings rules missing-auth              why, and what to do"
)]
pub struct Findings {
    /// Something else than the list.
    #[command(subcommand)]
    pub command: Option<FindingsCommand>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = FindingsFormat::Text)]
    pub format: FindingsFormat,
    /// File to write, made or replaced; else standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 1 if a finding of this level or above is open
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub fail_on: Option<TypedLevel>,
    /// Resolved and suppressed ones too
    #[arg(long)]
    pub all: bool,
    /// What to show.
    #[command(flatten)]
    pub filters: FindingFilters,
    /// What is looked at.
    #[command(flatten)]
    pub judging: Judging,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}

/// Which findings.
#[derive(Args, Clone, Debug, Default)]
pub struct FindingFilters {
    /// Only of services of this name; `*` stands for any text
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub service: Option<String>,
    /// Only of rules of this id; `*` stands for any text
    #[arg(long, value_name = "RULE", help_heading = "Filters")]
    pub rule: Option<String>,
    /// Only of this level or above
    #[arg(long, value_enum, help_heading = "Filters")]
    pub level: Option<TypedLevel>,
    /// Only in this state
    #[arg(long, value_enum, help_heading = "Filters")]
    pub state: Option<TypedState>,
    /// Only about this path template and what is below it, or templates of this form
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub path: Option<String>,
    /// Only about this method
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub method: Option<String>,
}

/// What findings are made of.
#[derive(Args, Clone, Debug, Default)]
pub struct Judging {
    /// How far back to look, for what is specified and not called too: 30d unless told
    #[arg(long, value_name = "TIME", help_heading = "Judging")]
    pub since: Option<String>,
    /// For how long a service is learnt before anything at it counts as new: 7d unless told
    #[arg(long, value_name = "DURATION", help_heading = "Judging")]
    pub learning: Option<String>,
    /// Network that is inside besides the private ones, as 203.0.113.0/24 (may be given again)
    #[arg(long, value_name = "CIDR", help_heading = "Judging")]
    pub internal: Vec<String>,
    /// File that names findings which need not be told, by rule and subject
    #[arg(
        long,
        value_name = "FILE",
        env = "APICENSUS_SUPPRESS",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub suppress: Option<PathBuf>,
    /// File that says who may call what: granted calls outside of it are findings
    #[arg(long, value_name = "FILE", help_heading = "Judging")]
    pub policy: Option<PathBuf>,
}

/// Besides the list.
#[derive(Clone, Debug, Subcommand)]
pub enum FindingsCommand {
    /// Say that findings are known, by whom, until when, and why
    Ack(Ack),
    /// Take that back
    Unack(Unack),
    /// List the rules, or say all about one
    Rules {
        /// Id of a rule
        rule: Option<String>,
        /// How to answer.
        #[command(flatten)]
        output: Output,
    },
    /// Say all about one finding
    Show {
        /// Its fingerprint, or the first 8 digits or more
        fingerprint: String,
        /// How to answer.
        #[command(flatten)]
        output: Output,
        /// What is looked at.
        #[command(flatten)]
        judging: Judging,
        /// What people say about routes.
        #[command(flatten)]
        routes: Routes,
    },
}

/// Which findings to acknowledge.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// Fingerprint, or the first 8 digits or more
    #[arg(
        required_unless_present_any = ["rule", "service", "path"],
        conflicts_with_all = ["rule", "service", "path", "method"]
    )]
    pub fingerprint: Option<String>,
    /// All of rules of this id
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// All of services of this name
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// All about this path template and what is below it
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// All about this method
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
}

/// `findings ack`.
#[derive(Args, Clone, Debug)]
pub struct Ack {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Who says so
    #[arg(long, value_name = "WHO")]
    pub by: String,
    /// Until when: a duration from now (90d) or a time (2026-12-31T00:00:00Z); else for ever
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub why: String,
}

/// `findings unack`.
#[derive(Args, Clone, Debug)]
pub struct Unack {
    /// Which.
    #[command(flatten)]
    pub which: Which,
}

/// `--format` of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// For people
    Text,
    /// One JSON document, see schema/json/findings.json
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitHub-flavoured Markdown
    #[value(alias = "md")]
    Markdown,
    /// One page that needs no network
    Html,
}

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TypedLevel {
    /// Worth knowing
    Note,
    /// Should be looked at
    Warning,
    /// Should be mended
    Error,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TypedState {
    /// There
    Open,
    /// There, and known
    Acknowledged,
    /// Gone
    Resolved,
    /// There again
    Reopened,
}

/// Who is told of findings during a run.
#[derive(Args, Clone, Debug)]
pub struct Telling {
    /// Evaluate findings during the run; also with any of the options below
    #[arg(long, help_heading = "Findings")]
    pub findings: bool,
    /// Seconds between two evaluations
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = "Findings",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub evaluate_secs: u64,
    /// Tell an HTTP address, as JSON or in Slack's form: URL[,form=json|slack] (may be given again).
    /// An address with a secret is better set as APICENSUS_WEBHOOK
    #[arg(
        long,
        value_name = "URL[,form=FORM]",
        env = "APICENSUS_WEBHOOK",
        hide_env_values = true,
        help_heading = "Findings"
    )]
    pub webhook: Vec<String>,
    /// Tell an OpenTelemetry collector: address of OTLP/HTTP logs, as http://host:4318/v1/logs
    #[arg(long, value_name = "URL", help_heading = "Findings")]
    pub otlp_logs: Option<String>,
    /// Append each change as a line of JSON
    #[arg(long, value_name = "PATH", help_heading = "Findings")]
    pub events_file: Option<PathBuf>,
    /// Tell syslog (RFC 5424): unix:/dev/log, udp:HOST:PORT or tcp:HOST:PORT
    #[arg(long, value_name = "TARGET", help_heading = "Findings")]
    pub syslog: Option<String>,
    /// Tell only of this level or above
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = TypedLevel::Note, help_heading = "Findings")]
    pub tell: TypedLevel,
}
