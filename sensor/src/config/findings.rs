//! What was typed of `findings` into settings, filters and acknowledgements, checked.

use std::time::Duration;

use jiff::{SpanRelativeTo, Unit};

use super::{Failure, since};
use crate::call::Method;
use crate::cli::findings::{FindingFilters, Judging, TypedLevel, TypedState, Which};
use crate::findings::suppress::Suppressions;
use crate::findings::{Acknowledgement, Level, Settings, StateKind, Subject};
use crate::flow::Timestamp;
use crate::limits::SUPPRESSIONS_BYTES_MAX;
use crate::report::filter::Glob;

/// Bytes of a name or a reason that people give.
const TEXT_BYTES_MAX: usize = 1000;

/// Digits of a shortened fingerprint.
const DIGITS_MIN: usize = 8;

/// What is judged, and whether what is not found may count as gone.
pub fn settings(typed: &Judging, now: Timestamp) -> Result<(Settings, bool), Failure> {
    let mut settings = Settings::default_at(now);
    if let Some(text) = &typed.since {
        settings.window_ns = now.0.saturating_sub(since(text, now)?.0);
    }
    if let Some(text) = &typed.learning {
        settings.learning_ns = nanoseconds(text).ok_or_else(|| {
            Failure::Usage(format!("cannot read --learning `{text}`; give a duration such as 7d"))
        })?;
    }
    for text in &typed.internal {
        let network =
            text.parse().map_err(|fault| Failure::Usage(format!("cannot read --internal: {fault}")))?;
        settings.internal.push(network);
    }
    if let Some(path) = &typed.policy {
        settings.policy = Some(super::policy::policy(path)?.into());
    }
    // A narrower look must not make what it does not show look mended.
    let is_whole = typed.since.is_none() && typed.learning.is_none();
    Ok((settings, is_whole))
}

/// Reads the file that names findings which need not be told; warns of entries that say nothing any more.
pub fn suppressions(typed: &Judging, now: Timestamp) -> Result<Suppressions, Failure> {
    let Some(path) = &typed.suppress else { return Ok(Suppressions::default()) };
    let text = super::guidance::text("--suppress", path, SUPPRESSIONS_BYTES_MAX)?;
    let read = Suppressions::read(&text)
        .map_err(|fault| Failure::Usage(format!("cannot read --suppress {}: {fault}", path.display())))?;
    for warning in read.warnings(now) {
        tracing::warn!("--suppress {}: {warning}", path.display());
    }
    Ok(read)
}

/// `7d`, `2h`.
fn nanoseconds(text: &str) -> Option<u64> {
    let seconds =
        text.parse::<jiff::Span>().ok()?.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()?;
    if seconds < 0.0 {
        return None;
    }
    u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).ok()
}

/// Conditions that narrow each other; the default meets all findings.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Services by name.
    pub service: Option<Glob>,
    /// Rules by id.
    pub rule: Option<Glob>,
    /// Least level.
    pub level: Option<Level>,
    /// State.
    pub state: Option<StateKind>,
    /// Path templates.
    pub path: Option<Glob>,
    /// Method.
    pub method: Option<Method>,
}

impl Filter {
    /// Checks the filters of a list.
    pub fn of(typed: &FindingFilters) -> Result<Filter, Failure> {
        Ok(Filter {
            service: typed.service.as_deref().map(Glob::name),
            rule: typed.rule.as_deref().map(Glob::name),
            level: typed.level.map(level),
            state: typed.state.map(|state| match state {
                TypedState::Open => StateKind::Open,
                TypedState::Acknowledged => StateKind::Acknowledged,
                TypedState::Resolved => StateKind::Resolved,
                TypedState::Reopened => StateKind::Reopened,
            }),
            path: path(typed.path.as_deref())?,
            method: method(typed.method.as_deref())?,
        })
    }

    /// Whether a finding meets all of them.
    pub fn meets(&self, rule: &str, level: Level, state: StateKind, subject: &Subject) -> bool {
        let endpoint = subject.endpoint.as_ref();
        self.service.as_ref().is_none_or(|glob| glob.matches(&subject.service))
            && self.rule.as_ref().is_none_or(|glob| glob.matches(rule))
            && self.level.is_none_or(|least| level >= least)
            && self.state.is_none_or(|wanted| wanted == state)
            && self.path.as_ref().is_none_or(|glob| endpoint.is_some_and(|(_, path)| glob.matches(path)))
            && self.method.is_none_or(|wanted| endpoint.is_some_and(|(method, _)| *method == wanted))
    }
}

/// Which findings are meant.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// By the beginning of a fingerprint.
    Prefix(String),
    /// By what they are about.
    Filter(Box<Filter>),
}

impl Chosen {
    /// Checks what was typed.
    pub fn of(typed: &Which) -> Result<Chosen, Failure> {
        match &typed.fingerprint {
            Some(digits) => Ok(Chosen::Prefix(fingerprint(digits)?)),
            None => Ok(Chosen::Filter(Box::new(Filter {
                service: typed.service.as_deref().map(Glob::name),
                rule: typed.rule.as_deref().map(Glob::name),
                path: path(typed.path.as_deref())?,
                method: method(typed.method.as_deref())?,
                ..Filter::default()
            }))),
        }
    }
}

/// The beginning of a fingerprint, in small letters.
pub fn fingerprint(typed: &str) -> Result<String, Failure> {
    let digits = typed.to_ascii_lowercase();
    if (DIGITS_MIN..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    Err(Failure::Usage(format!(
        "`{typed}` is no fingerprint; give {DIGITS_MIN} to 32 hex digits as `apicensus findings` shows them"
    )))
}

/// Who says that it is known.
pub fn acknowledgement(
    by: &str,
    until: Option<&str>,
    why: &str,
    now: Timestamp,
) -> Result<Acknowledgement, Failure> {
    for (option, text) in [("--by", by), ("--why", why)] {
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Failure::Usage(format!("{option} needs a text of 1 to {TEXT_BYTES_MAX} bytes")));
        }
    }
    let until = match until {
        None => None,
        Some(text) => {
            let at = match text.parse::<jiff::Timestamp>() {
                Ok(at) => u64::try_from(at.as_nanosecond()).ok(),
                Err(_) => nanoseconds(text).map(|ahead| now.0.saturating_add(ahead)),
            };
            let at = at.filter(|at| *at > now.0).ok_or_else(|| {
                Failure::Usage(format!(
                    "cannot read --until `{text}`; give a duration from now such as 90d, or a time to come such \
                     as 2026-12-31T00:00:00Z"
                ))
            })?;
            Some(Timestamp(at))
        }
    };
    Ok(Acknowledgement { by: by.to_owned(), until, why: why.to_owned() })
}

/// The level that was typed.
pub fn level(typed: TypedLevel) -> Level {
    match typed {
        TypedLevel::Note => Level::Note,
        TypedLevel::Warning => Level::Warning,
        TypedLevel::Error => Level::Error,
    }
}

fn path(typed: Option<&str>) -> Result<Option<Glob>, Failure> {
    match typed {
        Some(path) if !path.starts_with(['/', '*']) => {
            Err(Failure::Usage(format!("--path must begin with `/` or `*`, not as `{path}` does")))
        }
        path => Ok(path.map(Glob::path)),
    }
}

fn method(typed: Option<&str>) -> Result<Option<Method>, Failure> {
    typed
        .map(|typed| {
            Method::of_name(&typed.to_ascii_uppercase())
                .ok_or_else(|| Failure::Usage(format!("`{typed}` is no method; one is a word such as GET")))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_end_in_the_future_or_never() {
        let now = Timestamp(1_700_000_000_000_000_000);
        let day = 86_400_000_000_000;
        let until = |text| acknowledgement("ann", Some(text), "known", now).map(|known| known.until);
        assert_eq!(until("2d").expect("a duration"), Some(Timestamp(now.0 + 2 * day)));
        assert!(until("2023-11-15T00:00:00Z").expect("a time").is_some());
        assert!(until("2023-11-01T00:00:00Z").is_err(), "it is over already");
        assert!(until("soon").is_err() && until("-1d").is_err());
        assert!(acknowledgement(" ", None, "known", now).is_err());
        assert!(acknowledgement("ann", None, "", now).is_err());
    }

    #[test]
    fn fingerprints_are_hex_digits() {
        assert_eq!(fingerprint("3F2A9c01").expect("eight digits"), "3f2a9c01");
        for wrong in ["3f2a9c0", "3f2a9c0x", ""] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }
}
