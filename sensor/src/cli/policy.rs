//! `apicensus export policy` and `apicensus policy check` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ExportFilters, Query};

/// `export policy`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Only edges with calls answered with 2xx are allowed; the others are listed as comments. Kubernetes, \
    Cilium and Istio know pods, the sensor does not: --identities says who is who. What has no identity is left out \
    and named, with exit code 2.\n\nExamples:
  apicensus export policy --format edges > policy.yaml
  apicensus export policy --format opa --output opa/
  apicensus export policy --format cilium --identities identities.yaml --observed-since 30d
  apicensus export policy --format kubernetes --identities identities.yaml --acknowledged"
)]
pub struct ExportPolicy {
    /// For which tool
    #[arg(long, value_enum)]
    pub format: PolicyFormat,
    /// Folder for the files, made if it is missing; needed for OPA, which has two
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// YAML or JSON file: `callers` and `services`, each with `name`, `namespace`, `labels`, `service_account`,
    /// `principal`, `port`
    #[arg(long, value_name = "FILE")]
    pub identities: Option<PathBuf>,
    /// Only edges last seen since: a duration before now (30d) or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub observed_since: Option<String>,
    /// Only callers of an endpoint that it granted so often, with whatever credentials
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_calls: u64,
    /// Only edges that no open finding says to be unknown: new-caller, new-endpoint, policy-violation,
    /// undocumented-endpoint or rogue-service, of the endpoint, its service or the caller; acknowledged ones pass
    #[arg(long)]
    pub acknowledged: bool,
    /// Only confirmed endpoints
    #[arg(long)]
    pub confirmed: bool,
    /// What to export.
    #[command(flatten)]
    pub filters: ExportFilters,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    /// NetworkPolicy: callers and ports
    Kubernetes,
    /// CiliumNetworkPolicy: callers, methods, paths
    Cilium,
    /// AuthorizationPolicy of Istio 1.22 and later: callers, methods, paths
    Istio,
    /// Module of Rego v1 and its data
    Opa,
    /// Own form, as `policy check` and `findings --policy` read it
    Edges,
}

/// `policy`.
#[derive(Clone, Debug, Subcommand)]
pub enum Policy {
    /// List what was granted and a policy would deny; exit code 1 if there is anything
    Check(Check),
}

/// `policy check`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Manifests are NetworkPolicy, CiliumNetworkPolicy and AuthorizationPolicy (ALLOW), as exported or edited; \
    a member that is not supported is an error, with exit code 2. NetworkPolicy knows callers and ports only. Exit code 1 \
    says that calls would be denied, 2 that names have no identity and were not judged.\n\nExamples:
  apicensus policy check policy.yaml
  apicensus policy check manifests/ --identities identities.yaml"
)]
pub struct Check {
    /// Policy in our own form, data.json of an export for OPA, or manifests: a YAML file of one or more, or a folder
    #[arg(value_name = "FILE|DIR")]
    pub file: PathBuf,
    /// For manifests: who is who in the cluster, as for `export policy`
    #[arg(long, value_name = "FILE")]
    pub identities: Option<PathBuf>,
    /// How to answer, what to look at.
    #[command(flatten)]
    pub query: Query,
}
