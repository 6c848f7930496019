//! The inventory in one SQLite file: WAL, one writer, any number of readers.
//!
//! Opening refuses what is not ours or is newer, and brings older files forward. A merge is one
//! transaction, so a crash loses at most what was not flushed yet.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::{Run, RunId, RunStart, Store, StoreError, key};
use crate::flow::Timestamp;
use crate::inventory::Inventory;

mod batch;
mod findings;
mod fold;
mod ids;
mod migrate;
mod read;
mod read_facts;
mod specs;
mod write;
mod write_facts;

pub use migrate::SCHEMA_VERSION;

/// How long a reader or the first opening waits for another program's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that the write-ahead log is cut back to after a checkpoint.
const JOURNAL_BYTES_MAX: &str = "67108864";

/// Bytes of page cache: small, so that the sensor stays small; negative means KiB to SQLite.
const CACHE_KIB: &str = "-4096";

/// Rows that the database's thread may be ahead of the reader: each time it stops costs more than a
/// hundred rows.
const ROWS_AHEAD: usize = 4096;

/// An open SQLite store.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteConnectOptions,
    writer: Option<SqliteConnection>,
}

impl SqliteStore {
    /// Opens the store at `path`, making it (mode 0600) where there is none.
    pub async fn create(path: &Path) -> Result<SqliteStore, StoreError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(file_failure(path, source)),
        }
        Self::connect(path, true).await
    }

    /// Opens the store at `path`, which must exist.
    pub async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        match File::open(path) {
            Ok(_) => Self::connect(path, false).await,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::Missing { path: path.to_owned() })
            }
            Err(source) => Err(StoreError::File { path: path.to_owned(), source }),
        }
    }

    /// Makes the folder of `path` (mode 0700) where it is missing.
    pub fn make_folder(path: &Path) -> Result<(), StoreError> {
        match path.parent() {
            Some(folder) => DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|source| file_failure(path, source)),
            None => Ok(()),
        }
    }

    async fn connect(path: &Path, may_initialize: bool) -> Result<SqliteStore, StoreError> {
        let fail = |error| failure(path, error);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        // Looked at with nothing set first: a file that is not ours must stay as it is.
        let mut inspector = options.connect().await.map_err(fail)?;
        let fresh = migrate::inspect(&mut inspector, path).await?;
        inspector.close().await.map_err(fail)?;
        if fresh && !may_initialize {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("journal_size_limit", JOURNAL_BYTES_MAX)
            .pragma("cache_size", CACHE_KIB);
        let mut writer = options.connect().await.map_err(fail)?;
        migrate::migrate(&mut writer, path).await?;
        Ok(SqliteStore { path: path.to_owned(), options, writer: Some(writer) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets how long a write waits for another program's lock; the [`super::flush::Flusher`] wants
    /// it short, since it tries again by itself.
    pub async fn wait_for_lock(&mut self, time: Duration) -> Result<(), StoreError> {
        self.options = self.options.clone().busy_timeout(time);
        // Closed before the next one opens: closing takes a lock of its own.
        let closed = match self.writer.take() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        };
        self.settle(closed)
    }

    /// The connection that writes, made anew after a failure: SQLite ends a transaction by itself
    /// when a disk is full, which leaves the library's idea of it wrong.
    async fn writer(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.options.connect().await?,
        };
        Ok(self.writer.insert(writer))
    }

    fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.writer = None;
            failure(&self.path, error)
        })
    }

    fn settle_read<T>(&mut self, result: Result<T, read::ReadError>) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.writer = None;
            error.at(&self.path)
        })
    }

    /// A connection that only reads.
    async fn reader(&self) -> Result<SqliteConnection, StoreError> {
        self.options.connect().await.map_err(|error| failure(&self.path, error))
    }

    /// The key of this installation, made when the store is new.
    ///
    /// A keyed hash of a fixed text in the store tells whether key and store belong together: with
    /// another key the words of all paths would be counted twice.
    pub async fn install_key(&mut self) -> Result<[u8; key::KEY_BYTES], StoreError> {
        let stored = match self.writer().await {
            Ok(writer) => read::meta(writer, KEY_CHECK).await,
            Err(error) => Err(error),
        };
        let stored = self.settle(stored)?;
        let key = match (key::read(&self.path)?, &stored) {
            (Some(key), _) => key,
            (None, None) => key::create(&self.path)?,
            (None, Some(_)) => {
                return Err(StoreError::Key {
                    path: key::path_of(&self.path),
                    what: "the store is there but not its key",
                    remedy: "; restore it from a copy, or start a new store",
                    source: None,
                });
            }
        };
        let check = key::check(&key);
        match stored {
            Some(stored) if stored == check => {}
            Some(_) => {
                return Err(StoreError::Key {
                    path: key::path_of(&self.path),
                    what: "the store was made with another key than",
                    remedy: "; restore the key from a copy, or start a new store",
                    source: None,
                });
            }
            None => {
                let written = match self.writer().await {
                    Ok(writer) => write::meta(writer, KEY_CHECK, &check).await,
                    Err(error) => Err(error),
                };
                self.settle(written)?;
            }
        }
        Ok(key)
    }

    /// The key of this installation, for readers: none is made.
    ///
    /// # Errors
    /// It is not there, may not be read, or belongs to another store.
    pub async fn key(&self) -> Result<[u8; key::KEY_BYTES], StoreError> {
        let wrong =
            |what, remedy| StoreError::Key { path: key::path_of(&self.path), what, remedy, source: None };
        let Some(key) = key::read(&self.path)? else {
            return Err(wrong("there is no key", "; restore it from a copy"));
        };
        let mut reader = self.options.connect().await.map_err(|error| failure(&self.path, error))?;
        let stored = read::meta(&mut reader, KEY_CHECK).await.map_err(|error| failure(&self.path, error))?;
        match stored {
            Some(stored) if stored != key::check(&key) => {
                Err(wrong("the store was made with another key than", "; restore the key from a copy"))
            }
            _ => Ok(key),
        }
    }

    /// Ends the connection after moving the write-ahead log into the database.
    pub async fn close(mut self) -> Result<(), StoreError> {
        let closed = match self.writer.take() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        };
        self.settle(closed)
    }
}

const KEY_CHECK: &str = "key-check";

impl Store for SqliteStore {
    async fn begin_run(&mut self, run: &RunStart) -> Result<RunId, StoreError> {
        let result = match self.writer().await {
            Ok(writer) => write::begin_run(writer, run).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }

    async fn merge(
        &mut self,
        run: RunId,
        sequence: u64,
        delta: &Inventory,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let result = match self.writer().await {
            Ok(writer) => write::merge(writer, run, sequence, delta, at).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }

    async fn end_run(&mut self, run: RunId, at: Timestamp) -> Result<(), StoreError> {
        let result = match self.writer().await {
            Ok(writer) => write::end_run(writer, run, at).await,
            Err(error) => Err(error),
        };
        self.settle(result)
    }

    async fn load(&self) -> Result<Inventory, StoreError> {
        let mut reader = self.options.connect().await.map_err(|error| failure(&self.path, error))?;
        read::inventory(&mut reader).await.map_err(|error| error.at(&self.path))
    }

    async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let mut reader = self.options.connect().await.map_err(|error| failure(&self.path, error))?;
        read::runs(&mut reader).await.map_err(|error| error.at(&self.path))
    }
}

/// Turns an error of the database into one that says what to do. Codes: <https://sqlite.org/rescode.html>
fn failure(path: &Path, error: sqlx::Error) -> StoreError {
    const BUSY: u32 = 5;
    const IO: u32 = 10;
    const LOCKED: u32 = 6;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const NOT_A_DATABASE: u32 = 26;
    let path = path.to_owned();
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    // The low byte is the primary code, the rest only says more.
    match code.map(|code| code & 0xff) {
        Some(BUSY | LOCKED) => StoreError::Locked { path },
        Some(FULL) => StoreError::Full { path },
        // What SQLite cannot lengthen on a full disk by something else than a write, as its shared
        // memory (4874), is an I/O error to it. So is a damaged disk: the space that is left tells.
        Some(IO) if is_full(&path) => StoreError::Full { path },
        Some(NOT_A_DATABASE) => StoreError::Foreign { path },
        Some(CORRUPT) => StoreError::Damaged { path, what: "its pages contradict each other".to_owned() },
        _ => StoreError::Database { path, source: Box::new(error) },
    }
}

fn file_failure(path: &Path, source: std::io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path },
        _ => StoreError::File { path, source },
    }
}

/// Less space than this is none: SQLite lengthens its shared memory by 32 KiB at once.
const SPACE_BYTES_MIN: u64 = 65_536;

/// Whether nothing to speak of is left on the file system of that file's folder.
fn is_full(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::statvfs(folder)
        .is_ok_and(|system| system.f_bavail.saturating_mul(system.f_frsize) < SPACE_BYTES_MIN)
}
