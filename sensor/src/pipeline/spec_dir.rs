//! A folder of specifications that is watched while a run captures (a mounted ConfigMap, say): what is new
//! or changed goes into the store, by a connection of its own. A file that is broken is told once, and what
//! is stored of it stays; so does what is stored of a file that is gone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::spec::{Gathered, ReadSpec, Said, gather};
use crate::limits::{SPEC_FOLDER_FILES_MAX, SPEC_FOLDER_LEVELS_MAX};
use crate::store::specs::{Added, SpecStore};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, StoreError};

/// Time between two looks.
pub const EVERY: Duration = Duration::from_secs(10);

/// A file as it was at the last look: where it really is, so that a link that leads elsewhere is a change.
type FileState = (PathBuf, u64, Option<SystemTime>);

/// Looks at a folder again and again, until it is dropped; the specifications are for `services`, or for
/// those that they name.
pub async fn watch(folder: PathBuf, services: Vec<String>, store: PathBuf, every: Duration) {
    let mut last: Option<Vec<FileState>> = None;
    let mut told: BTreeSet<String> = BTreeSet::new();
    loop {
        let (of, said) = (folder.clone(), Said { services: services.clone(), name: None });
        let before = last.take();
        let looked = tokio::task::spawn_blocking(move || {
            let mut now = Vec::new();
            files(&of, 0, &mut now);
            now.sort();
            let changed = before.as_ref() != Some(&now);
            (now, changed.then(|| gather(&of, &said)))
        });
        if let Ok((now, gathered)) = looked.await {
            last = Some(now);
            let (gathered, mut faults) = match gathered {
                Some(Ok(Gathered { good, bad })) => (good, bad.into_iter().map(|(_, line)| line).collect()),
                Some(Err(failure)) => (Vec::new(), BTreeSet::from([failure.to_string()])),
                None => (Vec::new(), told.clone()),
            };
            faults.difference(&told).for_each(|line| tracing::warn!("{line}; what is stored of it stays"));
            std::mem::swap(&mut told, &mut faults);
            if let Err(error) = keep(&store, gathered).await {
                tracing::warn!("cannot store the specifications of {}: {error}", folder.display());
                // Tried again at the next look.
                last = None;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// Stores what was read; says what that changed.
async fn keep(store: &Path, read: Vec<ReadSpec>) -> Result<(), StoreError> {
    if read.is_empty() {
        return Ok(());
    }
    let given: Vec<_> = read.into_iter().map(|read| read.given).collect();
    let mut opened = SqliteStore::open(store).await?;
    let done = opened.add_specs(&given, store::now()).await?;
    opened.close().await?;
    for (given, done) in given.iter().zip(done).filter(|(_, done)| *done != Added::Unchanged) {
        let (name, version) = (&given.spec.name, &given.spec.version);
        tracing::info!(name, version, "specification {}", done.name());
    }
    Ok(())
}

/// Every file below a folder, links followed, within bounds.
fn files(folder: &Path, level: usize, all: &mut Vec<FileState>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if all.len() >= SPEC_FOLDER_FILES_MAX {
            return;
        }
        if metadata.is_dir() {
            if level < SPEC_FOLDER_LEVELS_MAX {
                files(&path, level + 1, all);
            }
        } else {
            let place = fs::canonicalize(&path).unwrap_or(path);
            all.push((place, metadata.len(), metadata.modified().ok()));
        }
    }
}
