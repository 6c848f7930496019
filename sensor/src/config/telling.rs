//! Who is told of findings during a run, and how they are judged there, checked.

use std::time::Duration;

use super::findings::{level, settings, suppressions};
use super::{Failure, check_folder};
use crate::cli::findings::{Judging, Telling as Typed};
use crate::findings::suppress::Suppressions;
use crate::findings::{Level, Settings};
use crate::flow::Timestamp;
use crate::notify::Sink;

/// What a run does about findings.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Time between two evaluations.
    pub every: Duration,
    /// Who is told.
    pub sinks: Vec<Sink>,
    /// Of findings of this level or above.
    pub least: Level,
    /// How findings are judged; the time is that of the start.
    pub settings: Settings,
    /// What need not be told.
    pub suppressions: Suppressions,
}

impl Telling {
    /// `None` where nobody asked for findings.
    pub fn of(typed: &Typed, judging: &Judging, now: Timestamp) -> Result<Option<Telling>, Failure> {
        let wrong = |option: &'static str| {
            move |fault: String| Failure::Usage(format!("cannot use {option}: {fault}"))
        };
        let mut sinks = Vec::new();
        for typed in typed.webhook.iter().filter(|typed| !typed.is_empty()) {
            sinks.push(Sink::webhook(typed).map_err(wrong("--webhook"))?);
        }
        if let Some(url) = &typed.otlp_logs {
            sinks.push(Sink::otlp_logs(url).map_err(wrong("--otlp-logs"))?);
        }
        if let Some(path) = &typed.events_file {
            check_folder("--events-file", path)?;
            sinks.push(Sink::file(path.clone()));
        }
        if let Some(target) = &typed.syslog {
            sinks.push(Sink::syslog(target).map_err(wrong("--syslog"))?);
        }
        if sinks.is_empty() && !typed.findings {
            return Ok(None);
        }
        Ok(Some(Telling {
            every: Duration::from_secs(typed.evaluate_secs),
            sinks,
            least: level(typed.tell),
            settings: settings(judging, now)?.0,
            suppressions: suppressions(judging, now)?,
        }))
    }
}
