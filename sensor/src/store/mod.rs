//! Where the inventory is kept: deltas are merged in, the whole is read back.
//!
//! [`Store`] is the contract; [`sqlite`] and [`memory`] fulfil it and pass one test suite. A store
//! never decides what is kept: it adds, unites and takes hulls, so that any order of merges gives
//! the same content. It does not know templates: those are a pure function of what is loaded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::flow::Timestamp;
use crate::inventory::{CoverageKey, CoverageStats, Inventory};

pub mod findings;
pub mod flush;
pub mod key;
pub mod memory;
pub mod specs;
pub mod sqlite;

/// Keeps inventories of any number of runs.
///
/// There is no filter on [`Store::load`]: templates are learnt from all endpoints of a service, so
/// filtering before templating would change the result. Reports filter the catalog instead.
pub trait Store: Send {
    /// Notes that a sensor began to capture.
    fn begin_run(&mut self, run: &RunStart) -> impl Future<Output = Result<RunId, StoreError>> + Send;

    /// Adds a delta to the inventory and to the sums of its run, all of it or nothing. On `Err` it may be
    /// either: then the very same delta is given again with the same `sequence`. Deltas of a run count
    /// up from 1; one whose number is not above the last that was added changes nothing.
    fn merge(
        &mut self,
        run: RunId,
        sequence: u64,
        delta: &Inventory,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes that a sensor stopped in an orderly way.
    fn end_run(&mut self, run: RunId, at: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Everything merged so far, as of one moment.
    fn load(&self) -> impl Future<Output = Result<Inventory, StoreError>> + Send;

    /// The last runs, newest first, at most [`crate::limits::RUNS_KEPT`].
    fn runs(&self) -> impl Future<Output = Result<Vec<Run>, StoreError>> + Send;
}

/// The wall clock: when a run began, a delta was stored, or a query was asked.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Number of one run in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// What is known of a run when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// Version of the sensor.
    pub version: String,
    /// Front end in use: `socket` or `syscall`.
    pub front_end: String,
    /// What is captured, as one line for people.
    pub scope: String,
    /// When capturing began.
    pub at: Timestamp,
}

/// One run as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// How it began.
    pub start: RunStart,
    /// Last time that something was stored.
    pub flushed: Option<Timestamp>,
    /// Orderly end; `None` while it runs and after a crash.
    pub ended: Option<Timestamp>,
    /// Calls stored.
    pub calls: u64,
    /// Losses of this run by cause.
    pub losses: BTreeMap<String, u64>,
    /// Coverage of this run.
    pub coverage: BTreeMap<CoverageKey, CoverageStats>,
}

/// Why a store could not be opened, written or read. All of them mean exit code 4.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no file there.
    #[error("there is no store at {path}; start `apicensus run` to make one, or name another with --store")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file belongs to something else.
    #[error("{path} is not a database of apicensus; name another file with --store")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error(
        "the store {path} has schema version {found}, this apicensus knows up to {known}; \
         use the newer apicensus that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// Another program holds it.
    #[error("the store {path} is locked by another program; close it or try again")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// No room.
    #[error("no space left on the file system of {path}: it is full; free some space there")]
    Full {
        /// The store's file, or its key's.
        path: PathBuf,
    },
    /// Content that this program did not write.
    #[error("the store {path} is damaged: {what}; restore it from a copy or start a new one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any content.
        what: String,
    },
    /// The key file.
    #[error("{what} {path}{remedy}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What could not be done.
        what: &'static str,
        /// What to do, with the punctuation before it.
        remedy: &'static str,
        /// Why, if the system said so.
        source: Option<std::io::Error>,
    },
    /// The file or its folder cannot be used.
    #[error("cannot open the store {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It did not answer in time.
    #[error("the store did not take the last changes within {after_s} s; they are lost")]
    Late {
        /// How long was waited.
        after_s: u64,
        /// Why the last try before failed, if there was one.
        source: Option<Box<StoreError>>,
    },
    /// Anything else that the database says.
    #[error("cannot use the store {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
