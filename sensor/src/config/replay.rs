//! `apicensus replay` and `import-har`, checked: what is no file is said before anything is read.

use std::path::{Path, PathBuf};

use super::{Failure, guidance};
use crate::cli;
use crate::inventory::guidance::Guidance;
use crate::pipeline::replay::Kind;

/// What to read.
#[derive(Clone, Debug)]
pub struct Replay {
    /// In this order.
    pub files: Vec<PathBuf>,
    /// What they are.
    pub kind: Kind,
    /// What people say about routes.
    pub guidance: Guidance,
}

impl Replay {
    /// Checks that the files are there.
    pub fn of(files: &[PathBuf], kind: Kind, routes: &cli::Routes) -> Result<Replay, Failure> {
        for path in files.iter().filter(|path| *path != Path::new("-")) {
            let there = std::fs::metadata(path).map_err(|error| {
                Failure::environment_because(format!("cannot read {}", path.display()), error)
            })?;
            if there.is_dir() {
                return Err(Failure::environment(format!(
                    "cannot read {}: it is a folder; name the files in it",
                    path.display()
                )));
            }
        }
        if files.iter().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(Failure::Usage("`-` can be given once: there is one standard input".to_owned()));
        }
        Ok(Replay { files: files.to_vec(), kind, guidance: guidance(routes)? })
    }
}
