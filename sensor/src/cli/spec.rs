//! `apicensus spec` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

/// `spec`.
#[derive(Clone, Debug, Subcommand)]
pub enum Spec {
    /// Keep specifications in the store: of a file, or all of a folder
    Add(Add),
    /// List those that are kept
    List(Output),
    /// Show one with its operations
    Show(Show),
    /// Forget one, or one of its versions
    Remove(Remove),
}

/// `spec add`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "OpenAPI 3.x and Swagger 2.0 (.yaml, .yml, .json), descriptor sets of Protocol Buffers (.binpb, .pb, \
    .desc, .protoset), GraphQL schemas (.graphql, .graphqls, .gql). Nothing is stored if any of them is wrong. All \
    versions are kept.\n\nExamples:
  apicensus spec add openapi.yaml --service api.example:8080
  apicensus spec add shop.binpb --service shop:50051
  apicensus spec add specs/"
)]
pub struct Add {
    /// File, or folder with files
    #[arg(value_name = "FILE|DIR")]
    pub path: PathBuf,
    /// Service that it is for; `*` stands for any text (may be given again). Else those of its servers
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// What to call it; else its title, or the name of the file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// `spec show`.
#[derive(Args, Clone, Debug)]
pub struct Show {
    /// Its name, as in `apicensus spec list`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only this version
    #[arg(long = "version", value_name = "VERSION", id = "of_version")]
    pub version: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub output: Output,
}

/// `spec remove`.
#[derive(Args, Clone, Debug)]
pub struct Remove {
    /// Its name, as in `apicensus spec list`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only this version
    #[arg(long = "version", value_name = "VERSION", id = "of_version")]
    pub version: Option<String>,
}
