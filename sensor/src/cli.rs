//! What the user typed, word for word. Nothing is looked up or checked here past the form of one
//! value: `config` does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub mod diff;
pub mod findings;
pub mod spec;
pub mod policy;
pub mod replay;

/// `apicensus`: which APIs exist, who calls them, and which data passes through them.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "apicensus",
    version,
    about = "Discover network APIs from live traffic, passively",
    long_about = "Discover network APIs from live traffic, passively.\n\n\
        An eBPF program copies HTTP at kernel sockets, or capture files are read; what is kept are endpoints, callers, fields \
        and counts. No value from traffic is ever stored.",
    after_help = EXAMPLES,
    after_long_help = EXAMPLES_LONG,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  apicensus doctor                                  can this machine capture?
  apicensus run --cgroup /system.slice/app.service  capture one service
  apicensus replay api.pcap                         read a capture file instead
  apicensus report                                  what was found

`apicensus COMMAND --help` says more.";

const EXAMPLES_LONG: &str = "Examples:
  apicensus doctor                                  can this machine capture?
  apicensus run --cgroup /system.slice/app.service  capture one service
  apicensus run --netns demo --duration 60          capture a network namespace for a minute
  apicensus report                                  what was found
  apicensus endpoints --service api.example:8080 --since 2h
  apicensus fields --path '/users/*' --format json

Exit codes: 0 done, 1 findings at or above --fail-on, 2 usage or configuration, 3 environment (kernel, privileges, unknown scope), 4 store.";

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Where the inventory is kept: `sqlite:PATH`, or just a path
    #[arg(
        long,
        global = true,
        value_name = "STORE",
        env = "APICENSUS_STORE",
        hide_env_values = true,
        default_value = crate::config::STORE_DEFAULT
    )]
    pub store: String,
    /// Log more (-v debug, -vv trace)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Log less (-q warnings, -qq errors)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Log filter that wins over -v and -q, e.g. `info,sensor::source=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "APICENSUS_LOG", hide_env_values = true)]
    pub log: Option<String>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Capture HTTP traffic of a scope into the store
    Run(Run),
    /// Read captured packets (pcap, pcapng) into the store
    Replay(replay::Replay),
    /// Read HTTP archives (HAR) into the store
    ImportHar(replay::ImportHar),
    /// Show the whole inventory, or write it as a page
    Report(Report),
    /// List endpoints
    Endpoints(Endpoints),
    /// List who calls which endpoint
    Callers(Query),
    /// List the fields that data passes through
    Fields(Query),
    /// List what was called and is no endpoint: misses, files, probes, scanners
    Noise(Query),
    /// List what came, went or changed
    Diff(diff::Diff),
    /// Say what is wrong: undocumented, outdated, unprotected, exposed
    Findings(findings::Findings),
    /// Keep specifications, to compare what was found with
    #[command(subcommand, disable_help_subcommand = true, arg_required_else_help = true)]
    Spec(spec::Spec),
    /// Check policies
    #[command(subcommand, disable_help_subcommand = true, arg_required_else_help = true)]
    Policy(policy::Policy),
    /// Write what was found in the form of other tools
    #[command(subcommand, disable_help_subcommand = true, arg_required_else_help = true)]
    Export(Export),
    /// Show the ledger of connections: what was read, what not, and why
    Coverage(Coverage),
    /// Show the last runs: scope, losses by cause, coverage
    Status(Output),
    /// Check whether this machine can capture, and what is missing
    Doctor(Output),
    /// Print a completion script for a shell
    #[command(after_help = "Example: apicensus completions bash > /etc/bash_completion.d/apicensus")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// `endpoints`.
#[derive(Args, Clone, Debug)]
pub struct Endpoints {
    /// What to show.
    #[command(flatten)]
    pub query: Query,
    /// Say segment by segment why paths read as they do
    #[arg(long)]
    pub explain: bool,
}

/// What people say about routes.
#[derive(Args, Clone, Debug, Default)]
pub struct Routes {
    /// YAML or JSON file with rules for path templates: `split`, `collapse`, `name`, `never`
    #[arg(
        long,
        value_name = "FILE",
        env = "APICENSUS_HINTS",
        hide_env_values = true,
        help_heading = "Routes"
    )]
    pub hints: Option<PathBuf>,
    /// OpenAPI document whose paths win over all else, for the services that it names, or for SERVICE
    /// (may be given again)
    #[arg(long, value_name = "[SERVICE=]FILE", help_heading = "Routes")]
    pub openapi: Vec<String>,
}

/// `coverage`.
#[derive(Args, Clone, Copy, Debug)]
#[command(
    after_help = "Every connection is counted once, with the bytes that TCP counted, where it ended or was last \
    seen. One within this host counts at the end that serves."
)]
pub struct Coverage {
    /// Only the run of that number, as `apicensus status` shows it
    #[arg(long, value_name = "NUMBER")]
    pub run: Option<i64>,
    /// How to show it.
    #[command(flatten)]
    pub output: Output,
}

/// `report`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Filters narrow each other, as in `apicensus endpoints --help`.\n\nExamples:
  apicensus report --format html --output inventory.html
  apicensus report --format markdown --service 'api.*' > API.md")]
pub struct Report {
    /// For people, for programs (JSON follows the schemas in schema/json), or as one file to pass on
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// File to write, made or replaced; else standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What to show.
    #[command(flatten)]
    pub filters: ExportFilters,
}

/// `--format` of the whole inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables
    Text,
    /// One JSON document
    Json,
    /// One page that needs no network: filter, sorting, details, a picture of who calls what
    Html,
    /// GitHub-flavoured Markdown
    #[value(alias = "md")]
    Markdown,
}

/// `export`.
#[derive(Clone, Debug, Subcommand)]
pub enum Export {
    /// OpenAPI documents, one per service
    Openapi(OpenApi),
    /// Policies that allow exactly what was seen and granted
    Policy(policy::ExportPolicy),
}

/// `export openapi`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "One service goes to standard output, several go to a folder, a file for each.\n\nExamples:
  apicensus export openapi --service api.example:8080
  apicensus export openapi --service 'api.*' --path /v2 --openapi-version 3.0 --format yaml
  apicensus export openapi --output openapi/"
)]
pub struct OpenApi {
    /// Which version of the specification
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = OpenApiVersion::V3_1)]
    pub openapi_version: OpenApiVersion,
    /// How it is written
    #[arg(long, value_enum, default_value_t = DocumentFormat::Json)]
    pub format: DocumentFormat,
    /// Folder for one file per service, made if it is missing
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// What to export.
    #[command(flatten)]
    pub filters: ExportFilters,
}

/// `--openapi-version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OpenApiVersion {
    /// 3.1.0
    #[value(name = "3.1")]
    V3_1,
    /// 3.0.3
    #[value(name = "3.0")]
    V3_0,
}

/// `--format` of documents for other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Which endpoints; as in [`Query`].
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// Only services of this name; `*` stands for any text
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub service: Option<String>,
    /// Only this method
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub method: Option<String>,
    /// Only this path template and what is below it, or templates of this form
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub path: Option<String>,
}

/// Which part of the inventory is exported; as in [`Query`].
#[derive(Args, Clone, Debug)]
pub struct ExportFilters {
    /// Which endpoints.
    #[command(flatten)]
    pub which: Which,
    /// Only endpoints that this caller called: program, address, container id or cgroup
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub caller: Option<String>,
    /// Only endpoints seen since: a duration before now (30m, 2h, 7d) or an RFC 3339 time
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub since: Option<String>,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}

impl From<ExportFilters> for Query {
    fn from(filters: ExportFilters) -> Query {
        let ExportFilters { which: Which { service, method, path }, caller, since, routes } = filters;
        Query { output: Output { format: Format::Json }, service, method, path, caller, since, routes }
    }
}

/// `run`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A scope is required: one or more of --netns, --cgroup and --pid, or --host. Several \
    narrow each other.\n\nExamples:
  apicensus run --netns demo
  apicensus run --cgroup /kubepods.slice --port 8080 --port 8443
  apicensus run --pid 4711 --pid 4712 --duration 60
  apicensus run --host --exclude-port 9100 --metrics-file /var/lib/node_exporter/apicensus.prom

Stops at Ctrl-C, SIGTERM or after --duration, after a last flush."
)]
pub struct Run {
    /// Network namespace: a name of `ip netns`, a path such as /proc/PID/ns/net, or an inode number
    #[arg(long, value_name = "NETNS", help_heading = "Scope")]
    pub netns: Option<String>,
    /// cgroup v2 with all below it: its directory, or its path below the cgroup root
    #[arg(long, value_name = "PATH", help_heading = "Scope")]
    pub cgroup: Option<PathBuf>,
    /// Process, all its threads (may be given again)
    #[arg(long, value_name = "PID", help_heading = "Scope")]
    pub pid: Vec<u32>,
    /// Everything on this host
    #[arg(long, help_heading = "Scope", conflicts_with_all = ["netns", "cgroup", "pid"])]
    pub host: bool,
    /// Only connections with this local or remote port (may be given again)
    #[arg(long, value_name = "PORT", help_heading = "Scope", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Vec<u16>,
    /// No connection with this local or remote port (may be given again)
    #[arg(long, value_name = "PORT", help_heading = "Scope", value_parser = clap::value_parser!(u16).range(1..))]
    pub exclude_port: Vec<u16>,

    /// Where in the kernel to look
    #[arg(long, value_enum, default_value_t = FrontEnd::Auto, help_heading = "Capture")]
    pub front_end: FrontEnd,
    /// Bytes of one socket operation that are copied at the most; the rest is counted by its length
    #[arg(long, value_name = "BYTES", default_value_t = 65536, help_heading = "Capture",
          value_parser = clap::value_parser!(u32).range(512..=262_144))]
    pub operation_bytes_max: u32,
    /// Bytes of one burst that are copied at the most: of one direction without any of the other
    /// between. The rest is counted by its length, so that fields of a long body may be missing
    #[arg(long, value_name = "BYTES", default_value_t = 262144, help_heading = "Capture",
          value_parser = clap::value_parser!(u32).range(512..=16_777_216))]
    pub burst_bytes_max: u32,

    /// Do not read TLS: set no probes in TLS libraries, only count what is encrypted
    #[arg(long, help_heading = "Capture")]
    pub no_tls: bool,

    /// Milliseconds between two flushes: what a crash can lose
    #[arg(long, value_name = "MS", default_value_t = 1000, help_heading = "Output",
          value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    pub flush_ms: u64,
    /// Stop by itself after that many seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Output",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub duration: Option<u64>,
    /// Prometheus text, rewritten as a whole once per --flush-ms
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub metrics_file: Option<PathBuf>,
    /// Folder of specifications that is looked at every 10 s (a mounted ConfigMap, say): what is new or
    /// changed is stored as by `apicensus spec add`
    #[arg(long, value_name = "DIR", help_heading = "Specifications")]
    pub spec_dir: Option<PathBuf>,
    /// What they are for, instead of the services that they name (may be given again)
    #[arg(long, value_name = "NAME", help_heading = "Specifications", requires = "spec_dir")]
    pub spec_service: Vec<String>,
    /// Who is told of findings.
    #[command(flatten)]
    pub telling: findings::Telling,
    /// How findings are judged.
    #[command(flatten)]
    pub judging: findings::Judging,
    /// What messages are.
    #[command(flatten)]
    pub messages: Messages,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}

/// What people say about messages.
#[derive(Args, Clone, Debug, Default)]
pub struct Messages {
    /// Descriptor set (`protoc --include_imports --descriptor_set_out`, `buf build`) by which fields of gRPC
    /// have names and types instead of numbers (may be given again)
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    pub descriptor_set: Vec<PathBuf>,
}

/// `--front-end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FrontEnd {
    /// The first of the two that works here
    Auto,
    /// Tracepoints of sockets: least cost, kernel 6.3 and later
    Socket,
    /// Tracepoints of system calls: kernel 5.10 and later
    Syscall,
}

/// How a command answers.
#[derive(Args, Clone, Copy, Debug)]
pub struct Output {
    /// For people or for programs (JSON follows the schemas in schema/json)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables
    Text,
    /// One JSON document
    Json,
}

/// What to show.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Filters narrow each other. `*` stands for any text within a path segment or name, `**` \
    for any text.\n\nExamples:
  --service 'api.*'      services whose name begins with api.
  --path /users          /users and all below it
  --path '/users/*'      one segment below /users
  --caller curl          calls of the program curl
  --since 2h             seen in the last two hours"
)]
pub struct Query {
    /// How to answer.
    #[command(flatten)]
    pub output: Output,
    /// Only services of this name
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub service: Option<String>,
    /// Only this method
    #[arg(long, value_name = "METHOD", help_heading = "Filters")]
    pub method: Option<String>,
    /// Only this path template and what is below it, or templates of this form
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub path: Option<String>,
    /// Only calls of this caller: program, address, container id or cgroup
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub caller: Option<String>,
    /// Only what was seen since: a duration before now (30m, 2h, 7d) or an RFC 3339 time
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub since: Option<String>,
    /// What people say about routes.
    #[command(flatten)]
    pub routes: Routes,
}
