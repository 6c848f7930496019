//! What was typed into what each stage needs, checked against this machine: names become inodes and
//! ids, texts become times. After this, nothing can be misspelt any more.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SpanRelativeTo, Unit};

use crate::call::{Descriptors, Method};
use crate::cli;
use crate::flow::Timestamp;
use crate::inventory::guidance::Guidance;
use crate::report::filter::{Filter, Glob};
use crate::store::StoreError;

pub mod findings;
mod guidance;
pub mod policy;
mod replay;
pub mod scope;
pub mod telling;
pub mod spec;

pub use guidance::guidance;
pub use replay::Replay;
pub use scope::Scope;

/// Why a command could not do its work, by exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Usage or configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// This machine: kernel, privileges, a scope that does not exist. Exit code 3.
    #[error("{what}")]
    Environment {
        /// What is wrong and what to do.
        what: String,
        /// Why.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The store: exit code 4.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// A failure of this machine without a deeper cause.
    pub fn environment(what: impl Into<String>) -> Failure {
        Failure::Environment { what: what.into(), source: None }
    }

    /// A failure of this machine with its cause.
    pub fn environment_because(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Failure {
        Failure::Environment { what: what.into(), source: Some(source.into()) }
    }

    /// Exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Environment { .. } => 3,
            Failure::Store(_) => 4,
        }
    }
}

/// Where the inventory is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// SQLite file.
    pub path: PathBuf,
    /// It is the default path, whose folder is made where it is missing.
    pub is_default: bool,
}

/// Default of `--store`.
pub const STORE_DEFAULT: &str = "sqlite:/var/lib/apicensus/apicensus.db";

/// `run`, checked.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where to write.
    pub store: Store,
    /// What to capture.
    pub scope: Scope,
    /// What people say about routes.
    pub guidance: Guidance,
    /// Where in the kernel to look.
    pub front_end: FrontEnd,
    /// Bytes of one operation that are copied at the most.
    pub operation_bytes_max: u32,
    /// Bytes of one burst that are copied at the most.
    pub burst_bytes_max: u32,
    /// TLS libraries get probes.
    pub tls: bool,
    /// Time between two flushes.
    pub flush: Duration,
    /// When to stop by itself.
    pub duration: Option<Duration>,
    /// Where to write metrics.
    pub metrics_file: Option<PathBuf>,
    /// What to do about findings, if anything.
    pub telling: Option<telling::Telling>,
    /// Folder of specifications that is watched.
    pub spec_dir: Option<PathBuf>,
    /// Services that they are for; empty: those that they name.
    pub spec_services: Vec<String>,
    /// What people say of messages.
    pub descriptors: Option<Arc<Descriptors>>,
}

/// Which front end is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// The first that works.
    Auto,
    /// `sock_send_length` and `sock_recv_length`.
    Socket,
    /// `sys_exit`.
    Syscall,
}

impl Store {
    /// Reads `sqlite:PATH` or a path.
    pub fn of(text: &str) -> Result<Store, Failure> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            // A path may hold a colon; a word before one without a slash is meant as a kind of store.
            Some((kind, _)) if !kind.contains(['/', '.']) => {
                return Err(Failure::Usage(format!(
                    "unknown kind of store `{kind}:`; this version knows sqlite:PATH"
                )));
            }
            _ => text,
        };
        if path.is_empty() || path == ":memory:" {
            return Err(Failure::Usage(
                "--store needs the path of a file, as in sqlite:/tmp/apis.db".to_owned(),
            ));
        }
        Ok(Store { path: PathBuf::from(path), is_default: text == STORE_DEFAULT })
    }
}

impl Run {
    /// Checks `run` against this machine.
    pub fn of(typed: &cli::Run, store: Store) -> Result<Run, Failure> {
        let scope = Scope::of(typed)?;
        if let Some(path) = &typed.metrics_file {
            check_folder("--metrics-file", path)?;
        }
        Ok(Run {
            store,
            scope,
            guidance: guidance(&typed.routes)?,
            front_end: match typed.front_end {
                cli::FrontEnd::Auto => FrontEnd::Auto,
                cli::FrontEnd::Socket => FrontEnd::Socket,
                cli::FrontEnd::Syscall => FrontEnd::Syscall,
            },
            operation_bytes_max: typed.operation_bytes_max.min(typed.burst_bytes_max),
            burst_bytes_max: typed.burst_bytes_max,
            tls: !typed.no_tls,
            flush: Duration::from_millis(typed.flush_ms),
            duration: typed.duration.map(Duration::from_secs),
            metrics_file: typed.metrics_file.clone(),
            spec_dir: typed.spec_dir.clone(),
            spec_services: typed.spec_service.clone(),
            descriptors: replay::descriptors(&typed.messages)?,
            telling: telling::Telling::of(&typed.telling, &typed.judging, crate::store::now())?,
        })
    }
}

/// Found now rather than at the first flush.
fn check_folder(option: &str, file: &Path) -> Result<(), Failure> {
    let folder = match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(Failure::Usage(format!("{option} needs the path of a file"))),
    };
    match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        _ => Err(Failure::environment(format!(
            "cannot write {option}: there is no folder {}",
            folder.display()
        ))),
    }
}

impl fmt::Display for FrontEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrontEnd::Auto => "auto",
            FrontEnd::Socket => "socket",
            FrontEnd::Syscall => "syscall",
        })
    }
}

/// The filter of a query; `now` is what durations count back from.
pub fn filter(typed: &cli::Query, now: Timestamp) -> Result<Filter, Failure> {
    if let Some(path) = &typed.path
        && !path.starts_with(['/', '*'])
    {
        return Err(Failure::Usage(format!("--path must begin with `/` or `*`, not as `{path}` does")));
    }
    let method = match &typed.method {
        None => None,
        Some(typed) => match Method::of_name(&typed.to_ascii_uppercase()) {
            Some(method) => Some(method.name().to_owned()),
            None => {
                return Err(Failure::Usage(format!("`{typed}` is no method; one is a word such as GET")));
            }
        },
    };
    Ok(Filter {
        service: typed.service.as_deref().map(Glob::name),
        method,
        path: typed.path.as_deref().map(Glob::path),
        caller: typed.caller.as_deref().map(Glob::name),
        since: typed.since.as_deref().map(|text| since(text, now)).transpose()?,
    })
}

/// A duration before `now`, or a time.
pub(crate) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(u64::try_from(at.as_nanosecond()).unwrap_or(0)));
    }
    let span = text.parse::<jiff::Span>().ok();
    let back = span.and_then(|span| span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok());
    match back {
        Some(seconds) if seconds >= 0.0 => {
            let back = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_nanos();
            Ok(Timestamp(now.0.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX))))
        }
        _ => Err(Failure::Usage(format!(
            "cannot read the time `{text}`; give a duration such as 30m, 2h or 7d, or a time such as \
             2026-01-31T08:00:00Z"
        ))),
    }
}
