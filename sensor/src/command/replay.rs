//! `apicensus replay` and `import-har`.

use super::{Failure, config, open, print, runtime, style};
use crate::cli::{Format, Output};
use crate::pipeline;
use crate::report::{json, replay};
use crate::telemetry::Progress;

/// Reads the files and prints what was read.
pub(super) fn replay(
    store: &config::Store,
    config: &config::Replay,
    output: Output,
    progress: &Progress,
) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let (store, key) = runtime.block_on(open(store))?;
    let read = runtime.block_on(pipeline::replay::run(config, progress, store, key))?;
    let text = match output.format {
        Format::Text => replay::text(&read, style()),
        Format::Json => json::render(&read),
    };
    print(text.as_bytes())?;
    let broken: Vec<String> = read
        .files
        .iter()
        .filter_map(|row| Some(format!("cannot read {}: {}", row.file, row.error.as_ref()?)))
        .collect();
    match broken.is_empty() {
        false => Err(Failure::environment(broken.join("\n"))),
        true if read.interrupted => {
            Err(Failure::environment("stopped before the end; what was read is stored"))
        }
        true => Ok(0),
    }
}
