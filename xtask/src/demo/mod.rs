//! demo
use anyhow::Result;
/// Options of `demo`.
#[derive(clap::Args)]
pub struct Options {}
/// Runs it.
pub fn run(_: &Options) -> Result<()> {
    anyhow::bail!("not yet")
}
