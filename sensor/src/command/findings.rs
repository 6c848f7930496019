//! `apicensus findings`: evaluates, keeps the states, lists; and what people say of findings.

use std::time::Duration;

use super::{blocking, deliver, print, show, style};
use crate::cli;
use crate::cli::findings::{Findings as Typed, FindingsCommand, FindingsFormat, Judging};
use crate::config::findings::{Chosen, Filter};
use crate::config::{self, Failure};
use crate::findings::suppress::{Suppressions, suppress};
use crate::findings::{Acknowledgement, Fingerprint, RULES, StateKind};
use crate::flow::Timestamp;
use crate::pipeline::evaluate::{self, Evaluation, Looked};
use crate::report::findings::document::{Findings, Item, LookedAt, Rules};
use crate::report::findings::{html, markdown, sarif, text};
use crate::report::json;
use crate::report::text::Style;
use crate::store::findings::{FindingStore, Known, KnownFinding};
use crate::store::specs::{SpecStore, warn_of_foreign};
use crate::store::sqlite::SqliteStore;
use crate::store::{self, StoreError};

/// How long the states wait for another program's lock before they are shown without being kept.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Does what was asked for; exit code 1 for findings at or above `--fail-on`.
pub(super) fn findings(store: &config::Store, typed: &Typed) -> Result<u8, Failure> {
    match &typed.command {
        None => list(store, typed),
        Some(FindingsCommand::Ack(ack)) => {
            let now = store::now();
            let known = config::findings::acknowledgement(&ack.by, ack.until.as_deref(), &ack.why, now)?;
            say(store, &Chosen::of(&ack.which)?, Some(&known), now)
        }
        Some(FindingsCommand::Unack(unack)) => say(store, &Chosen::of(&unack.which)?, None, store::now()),
        Some(FindingsCommand::Rules { rule, output }) => {
            let rules = Rules::of(rule.as_deref());
            match rule {
                Some(rule) if rules.rules.is_empty() => Err(Failure::Usage(format!(
                    "there is no rule `{rule}`; `apicensus findings rules` lists them"
                ))),
                _ => show(*output, &rules, text::rules),
            }
        }
        Some(FindingsCommand::Show { fingerprint, output, judging, routes }) => {
            let prefix = config::findings::fingerprint(fingerprint)?;
            let judged = judge(store, judging, routes)?;
            let chosen = one(&judged.evaluation.known, &prefix)?;
            let items = judged.items().filter(|item| *item.fingerprint == chosen);
            show(*output, &Findings::of(judged.looked_at.clone(), items, true), text::finding_in_full)
        }
    }
}

/// What one evaluation gave, with what need not be told.
struct Judged {
    evaluation: Evaluation,
    looked_at: LookedAt,
    suppressions: Suppressions,
    now: Timestamp,
}

impl Judged {
    /// What is there, and what is gone.
    fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.evaluation.known.iter().filter_map(|(fingerprint, known)| {
            let found = self.evaluation.found.get(fingerprint);
            // Neither found nor gone: out of sight of a narrower look.
            if found.is_none() && known.state.kind != StateKind::Resolved {
                return None;
            }
            let suppressed = found.and_then(|found| suppress(&self.suppressions, found, self.now));
            Some(Item {
                fingerprint,
                rule: &known.rule,
                level: known.level,
                subject: &known.subject,
                message: &known.message,
                found,
                state: &known.state,
                suppressed: suppressed.map(|entry| &*entry.why),
            })
        })
    }
}

fn judge(store: &config::Store, judging: &Judging, routes: &cli::Routes) -> Result<Judged, Failure> {
    let now = store::now();
    let (settings, is_whole) = config::findings::settings(judging, now)?;
    let suppressions = config::findings::suppressions(judging, now)?;
    let guidance = config::guidance(routes)?;
    let (looked, evaluation) = blocking(async {
        let mut opened = SqliteStore::open(&store.path).await?;
        opened.wait_for_lock(LOCK_WAIT).await?;
        warn_of_foreign(&opened.specs().await?);
        let looked = evaluate::look(&opened, &guidance, false).await?;
        let evaluation = evaluate::evaluate(&mut opened, &looked, &settings, is_whole).await?;
        Ok((looked, evaluation))
    })?;
    if let Some(error) = &evaluation.unwritten {
        tracing::warn!("the states of findings are shown but not kept: {error}");
    }
    let looked_at = looked_at(&looked, settings.since(), now);
    Ok(Judged { evaluation, looked_at, suppressions, now })
}

fn looked_at(looked: &Looked, since: Timestamp, now: Timestamp) -> LookedAt {
    let endpoints = looked.catalog.services.iter().map(|service| service.endpoints.len() as u64);
    LookedAt::new(
        [
            looked.catalog.services.len() as u64,
            endpoints.sum(),
            looked.specs.iter().count() as u64,
            RULES.len() as u64,
        ],
        since,
        now,
    )
}

fn list(store: &config::Store, typed: &Typed) -> Result<u8, Failure> {
    let filter = Filter::of(&typed.filters)?;
    let judged = judge(store, &typed.judging, &typed.routes)?;
    let met =
        || judged.items().filter(|item| filter.meets(item.rule, item.level, item.state.kind, item.subject));
    // A state that was asked for by name is shown.
    let all = typed.all || filter.state == Some(StateKind::Resolved);
    let document = Findings::of(judged.looked_at.clone(), met(), all);
    let text = match typed.format {
        FindingsFormat::Text if typed.output.is_some() => text::findings(&document, Style::default()),
        FindingsFormat::Text => text::findings(&document, style()),
        FindingsFormat::Json => json::render(&document),
        FindingsFormat::Sarif => sarif::render(&document),
        FindingsFormat::Markdown => markdown::render(&document),
        FindingsFormat::Html => html::render(&document),
    };
    deliver(&text, typed.output.as_deref())?;
    let least = typed.fail_on.map(config::findings::level);
    let failed = least.is_some_and(|least| met().any(|item| item.is_pending() && item.level >= least));
    Ok(u8::from(failed))
}

/// The one finding whose fingerprint begins so.
fn one(known: &Known, prefix: &str) -> Result<Fingerprint, Failure> {
    let mut meant = known.keys().filter(|fingerprint| fingerprint.0.starts_with(prefix));
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => {
            Err(Failure::Usage(format!("several findings begin with {prefix}; give more digits")))
        }
        (None, _) => Err(Failure::Usage(format!(
            "no finding begins with {prefix}; `apicensus findings --all` lists them"
        ))),
    }
}

/// Keeps that findings are known, or no longer; prints which.
fn say(
    store: &config::Store,
    chosen: &Chosen,
    known: Option<&Acknowledgement>,
    now: Timestamp,
) -> Result<u8, Failure> {
    let mut answer = Ok(Known::new());
    blocking(async {
        let mut opened = SqliteStore::open(&store.path).await?;
        opened.wait_for_lock(LOCK_WAIT).await?;
        opened
            .revise(|all| {
                answer = meant(all, chosen).map(|meant| said(meant, known, now));
                answer.as_ref().map_or(Known::new(), Known::clone)
            })
            .await?;
        opened.close().await?;
        Ok::<_, StoreError>(())
    })?;
    let verb = if known.is_some() { "acknowledged" } else { "open again" };
    let mut lines = String::new();
    for (fingerprint, finding) in answer? {
        let digits = fingerprint.0.get(..8).unwrap_or(&fingerprint.0);
        lines.push_str(&format!("{digits}  {} {verb}\n", finding.rule));
    }
    print(lines.as_bytes())
}

fn meant(all: &Known, chosen: &Chosen) -> Result<Known, Failure> {
    match chosen {
        Chosen::Prefix(prefix) => {
            let fingerprint = one(all, prefix)?;
            Ok(all.get(&fingerprint).map(|known| (fingerprint, known.clone())).into_iter().collect())
        }
        Chosen::Filter(filter) => {
            let meant = all.iter().filter(|(_, known)| {
                let KnownFinding { rule, level, subject, state, .. } = known;
                state.kind != StateKind::Resolved && filter.meets(rule, *level, state.kind, subject)
            });
            let meant: Known =
                meant.map(|(fingerprint, known)| (fingerprint.clone(), known.clone())).collect();
            if meant.is_empty() {
                return Err(Failure::Usage(
                    "no finding is meant; `apicensus findings` finds and lists them".to_owned(),
                ));
            }
            Ok(meant)
        }
    }
}

/// The findings with what was said of them; what was said before already stays as it is.
fn said(meant: Known, known: Option<&Acknowledgement>, now: Timestamp) -> Known {
    let changed = meant.into_iter().map(|(fingerprint, mut finding)| {
        let state = &mut finding.state;
        if state.kind != StateKind::Resolved {
            let kind = if known.is_some() { StateKind::Acknowledged } else { StateKind::Open };
            // An open one stays open, as it was reopened.
            let stays = state.kind == kind || (known.is_none() && state.kind == StateKind::Reopened);
            if !stays {
                (state.kind, state.since) = (kind, now);
            }
        }
        state.acknowledged = known.cloned();
        (fingerprint, finding)
    });
    changed.collect()
}
