//! `cargo xtask eval`: how right the sensor is on data that it was not tuned on.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::{build, layout, setup, shell};

/// What to judge.
#[derive(Subcommand)]
pub enum What {
    /// Path templates, on traffic made from public API descriptions; `-- --help` for its options.
    Templates {
        /// OpenAPI documents (JSON) or folders of them, instead of the public collection.
        #[arg(long = "documents")]
        documents: Vec<PathBuf>,
        /// Arguments of the evaluation, after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Judges and prints.
pub fn run(what: &What) -> Result<()> {
    let What::Templates { documents, arguments } = what;
    setup::toolchain::ensure()?;
    build::ebpf()?;
    let documents = match documents.is_empty() {
        true => {
            setup::servers::ensure_collection()?;
            vec![layout::collection()]
        }
        false => documents.clone(),
    };
    let mut cargo = shell::cargo();
    cargo.args(["run", "--release", "--package", "sensor", "--example", "template_eval", "--"]);
    // Paths as typed are below the folder that the user is in, cargo's is the root.
    let here = std::env::current_dir()?;
    shell::run(cargo.args(documents.iter().map(|path| here.join(path))).args(arguments))
}
