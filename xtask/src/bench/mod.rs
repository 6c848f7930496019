//! bench
use anyhow::Result;
/// What to measure.
#[derive(clap::Subcommand)]
pub enum What {
    /// Live
    Live,
}
/// Runs it.
pub fn run(_: &What) -> Result<()> {
    anyhow::bail!("not yet")
}
