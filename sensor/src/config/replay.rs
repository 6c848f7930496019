//! `apicensus replay` and `import-har`, checked: what is no file is said before anything is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, guidance};
use crate::call::Descriptors;
use crate::cli;
use crate::inventory::guidance::Guidance;
use crate::inventory::spec;
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
    /// What they say of messages.
    pub descriptors: Option<Arc<Descriptors>>,
}

impl Replay {
    /// Checks that the files are there.
    pub fn of(
        files: &[PathBuf],
        kind: Kind,
        routes: &cli::Routes,
        messages: &cli::Messages,
    ) -> Result<Replay, Failure> {
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
        Ok(Replay {
            files: files.to_vec(),
            kind,
            guidance: guidance(routes)?,
            descriptors: descriptors(messages)?,
        })
    }
}

/// Reads descriptor sets.
pub(super) fn descriptors(typed: &cli::Messages) -> Result<Option<Arc<Descriptors>>, Failure> {
    let mut all: Option<Descriptors> = None;
    for path in &typed.descriptor_set {
        let bytes = std::fs::read(path).map_err(|error| {
            Failure::Usage(format!("cannot read --descriptor-set {}: {error}", path.display()))
        })?;
        let read = spec::read_descriptors(&path.display().to_string(), &bytes)
            .map_err(|fault| Failure::Usage(format!("cannot read --descriptor-set: {fault}")))?;
        match &mut all {
            Some(all) => all.add(read),
            None => all = Some(read),
        }
    }
    Ok(all.map(Arc::new))
}
