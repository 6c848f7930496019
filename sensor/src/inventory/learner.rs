//! Which hidden words may be shown. Keeps the paths of this run's endpoints of the services that have
//! such words, settles their templates now and then, and names the words that turned out to be
//! literals with enough behind them that they are nobody's name:
//!
//! * words that are made of several English words as programmers join them: from [`CALLS_MIN`] calls;
//! * one English word, or several with dashes or nothing between: from [`CALLS_ENGLISH_MIN`] calls of two
//!   callers or on three paths;
//! * any other: from [`CALLS_OTHER_MIN`] calls of three callers or on five paths.
//!
//! The last two are shown behind a plural only where values or known words stand beside them, or values
//! behind them.
//!
//! Only answered calls (status below 400) count. What can still slip through: where few names stand
//! directly behind a host or a singular word, one that many call in several ways looks like a route.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::template::{Company, Guide, Templates};
use super::{EndpointKey, EndpointStats};
use crate::call::lexicon::class_of;
use crate::call::words::is_plural;
use crate::call::{CallClass, Method, Path, Segment, WordClass};
use crate::limits::LEARNT_PATHS_MAX;

const CALLS_MIN: u64 = 3;
const CONFIDENCE_MIN: f64 = 0.6;

const CALLS_ENGLISH_MIN: u64 = 4;

const CALLS_OTHER_MIN: u64 = 10;
const CONFIDENCE_OTHER_MIN: f64 = 0.8;

/// Part of the calls so far that must have come since a service was settled last, and calls for each of
/// its paths: then settling costs little of all time.
const MORE_PART: u64 = 2;
const CALLS_PER_PATH: u64 = 8;

/// Paths of one run.
#[derive(Default)]
pub(super) struct Learner {
    services: HashMap<Arc<str>, Service>,
    paths: usize,
}

#[derive(Default)]
struct Service {
    rows: BTreeMap<(Path, Method), Row>,
    calls: u64,
    settled_at: u64,
    /// There are paths that came since, or literals that may be shown with more behind them.
    is_open: bool,
    shown: HashSet<u64>,
}

#[derive(Clone, Copy, Default)]
struct Row {
    calls: u64,
    answered: Behind,
}

/// What is behind a word.
#[derive(Clone, Copy, Default)]
struct Behind {
    calls: u64,
    /// A bit of 64 for each caller, and for each path as it was sent.
    callers: u64,
    paths: u64,
}

impl Learner {
    /// Takes the change of one endpoint in.
    pub(super) fn observe(&mut self, key: &EndpointKey, stats: &EndpointStats) {
        if key.class != CallClass::Found {
            return;
        }
        let hidden = key.path.iter().any(|segment| matches!(segment, Segment::Hidden(_)));
        let service = match self.services.get_mut(&key.service) {
            Some(service) => service,
            None if hidden => self.services.entry(key.service.clone()).or_default(),
            None => return,
        };
        service.calls = service.calls.saturating_add(stats.calls);
        let at = (key.path.clone(), key.method);
        if self.paths >= LEARNT_PATHS_MAX && !service.rows.contains_key(&at) {
            return;
        }
        let before = service.rows.len();
        let row = service.rows.entry(at).or_default();
        row.calls = row.calls.saturating_add(stats.calls);
        let refused = stats.statuses.iter().filter(|(status, _)| !(1..400).contains(*status));
        let refused = refused.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
        row.answered.calls = row.answered.calls.saturating_add(stats.calls.saturating_sub(refused));
        row.answered.callers |= stats.answered.callers;
        row.answered.paths |= stats.answered.paths;
        let new = service.rows.len() - before;
        service.is_open |= new > 0;
        self.paths += new;
    }

    /// Hidden words that were shown to be route words since the last time; `last`: of all that was seen.
    pub(super) fn route_words(&mut self, last: bool) -> Vec<u64> {
        let mut words = Vec::new();
        for service in self.services.values_mut() {
            let more = service.calls - service.settled_at;
            let paths = service.rows.len() as u64;
            // Often while it is young, later where something may be to learn.
            let young = more > (service.settled_at / MORE_PART).max(paths.min(service.settled_at));
            let new = service.is_open && more > paths * CALLS_PER_PATH;
            if young || new || (last && more > 0) {
                service.settled_at = service.calls;
                service.learn(&mut words);
            }
        }
        words
    }
}

impl Service {
    fn learn(&mut self, words: &mut Vec<u64>) {
        let mut templates = Templates::default();
        for ((path, method), row) in &self.rows {
            templates.add(path, *method, row.calls);
        }
        templates.settle(&Guide::default());
        let mut behind: HashMap<u32, Behind> = HashMap::new();
        for ((path, _), row) in &self.rows {
            for node in templates.hidden_along(path) {
                let sum = behind.entry(node).or_default();
                sum.calls = sum.calls.saturating_add(row.answered.calls);
                sum.callers |= row.answered.callers;
                sum.paths |= row.answered.paths;
            }
        }
        self.is_open = false;
        for (hidden, node, decision) in templates.hidden_literals() {
            if self.shown.contains(&hidden) {
                continue;
            }
            let behind = behind.get(&node).copied().unwrap_or_default();
            let company = templates.company(node);
            if may_be_shown(class_of(hidden), company, decision.confidence(), &behind) {
                self.shown.insert(hidden);
                words.push(hidden);
            } else {
                self.is_open = true;
            }
        }
    }
}

/// Enough is behind a word that was judged to be a literal.
fn may_be_shown(class: WordClass, company: Company, confidence: f64, behind: &Behind) -> bool {
    let (calls, callers, paths) = (behind.calls, behind.callers.count_ones(), behind.paths.count_ones());
    // Where a plural stands alone, an only name reads like a route: `/users/alice`.
    let known_place = !company.parent.is_some_and(is_plural)
        || company.values
        || company.words >= 2
        || (company.values_behind && paths >= 3);
    match class {
        WordClass::EnglishPairCamel
        | WordClass::EnglishPairSnake
        | WordClass::EnglishRowCamel
        | WordClass::EnglishRowSnake => calls >= CALLS_MIN && confidence >= CONFIDENCE_MIN,
        // `boxscores`, but `ortwin` too.
        WordClass::English
        | WordClass::Compound
        | WordClass::EnglishPairKebab
        | WordClass::EnglishRowKebab => {
            known_place
                && calls >= CALLS_ENGLISH_MIN
                && confidence >= CONFIDENCE_MIN
                && (callers >= 2 || paths >= 3)
        }
        WordClass::Plain
        | WordClass::PlainParts
        | WordClass::Digits
        | WordClass::Dotted
        | WordClass::Short
        | WordClass::Code => {
            known_place
                && calls >= CALLS_OTHER_MIN
                && confidence >= CONFIDENCE_OTHER_MIN
                && (callers >= 3 || paths >= 5)
        }
    }
}
