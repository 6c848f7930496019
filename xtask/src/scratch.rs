//! A folder for one run, removed when dropped unless the user named it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder.
pub struct Scratch {
    folder: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes the folder that the user wants to keep, else one of its own for `purpose`.
    pub fn make(purpose: &str, keep: Option<&Path>) -> Result<Self> {
        let folder = match keep {
            Some(folder) => folder.to_path_buf(),
            None => std::env::temp_dir().join(format!("apicensus-{purpose}-{}", std::process::id())),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize().context("cannot resolve a folder that was just made")?;
        Ok(Scratch { folder, keep: keep.is_some() })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}
