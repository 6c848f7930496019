//! What was called and is no endpoint: missed paths, pages that answer for any path, files of web
//! pages, health checks, preflights, and the callers that only try paths out. Decided when the
//! inventory is read, from rows that were told apart by the calls themselves, so no order matters:
//!
//! * a missed call, or a probe, that fits a template which found calls made is a call of that endpoint;
//! * found rows that all have one and the same page are *soft misses*, see [`soft_missed`];
//! * what somebody said is no endpoint is *excluded*, whatever its page;
//! * a caller of whose calls half or more missed, on [`SCANNED_PATHS_MIN`] paths or more, is a scanner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalog::Service;
use super::fit::Templates;
use super::{EndpointKey, EndpointStats, Inventory, OVER_BUDGET, Page, Seen};
use crate::call::{CallClass, Method, Path, Segment, SegmentKind, path_text};
use crate::flow::Peer;

/// Different paths that somebody must have missed to be a scanner.
const SCANNED_PATHS_MIN: u64 = 20;

/// Rows, at the least, that a page of HTML must be the answer of, to be no answer.
const HTML_ROWS_MIN: usize = 3;

/// Raw paths under those rows, at the least.
const HTML_PATHS_MIN: u32 = 5;

/// Rows of guesses that any other body must be the answer of, to be no answer: APIs do answer `{}` here
/// and there.
const GUESSED_ROWS_MIN: usize = 6;

/// Raw paths under those rows, at the least.
const GUESSED_PATHS_MIN: u32 = 32;

/// Raw paths under one row from which on a set of 64 bits says nothing of how often each was called.
const PATHS_MANY: u32 = 32;

/// Everything beside the endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noise {
    /// By service, class, path and method.
    pub rows: Vec<NoiseRow>,
    /// By what they are, the ones that missed most first.
    pub scanners: Vec<Scanner>,
}

/// Calls of one class and method on paths of one form.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseRow {
    /// Authority.
    pub service: Arc<str>,
    /// Why it is noise.
    pub class: NoiseClass,
    /// Words that may be shown, and shapes.
    pub path: String,
    /// Method.
    pub method: Method,
    /// Sums.
    pub stats: EndpointStats,
}

/// Why calls are noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoiseClass {
    /// Nothing was there: 404, 405, 410, 501.
    Missed,
    /// Answered with the page that the service gives for any path.
    SoftMissed,
    /// Files of web pages.
    StaticFile,
    /// Probes.
    HealthCheck,
    /// CORS preflights.
    Preflight,
    /// Somebody said that it is no endpoint ([`super::guidance::Rule::Never`]).
    Excluded,
}

impl NoiseClass {
    /// Kebab-case name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            NoiseClass::Missed => CallClass::Missed.name(),
            NoiseClass::SoftMissed => "soft-missed",
            NoiseClass::StaticFile => CallClass::StaticFile.name(),
            NoiseClass::HealthCheck => CallClass::HealthCheck.name(),
            NoiseClass::Preflight => CallClass::Preflight.name(),
            NoiseClass::Excluded => "excluded",
        }
    }
}

/// A caller that tries paths out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanner {
    /// Who, with any credential.
    pub peer: Peer,
    /// All its calls.
    pub calls: u64,
    /// Those that were missed, softly too.
    pub missed: u64,
    /// Different paths that it missed, about; [`PATHS_MAX`] stands for that many or more.
    pub paths: u64,
    /// When it missed them.
    pub seen: Seen,
    /// Missed calls by service.
    pub services: BTreeMap<Arc<str>, u64>,
}

/// The most that a set of 64 bits can tell of different paths.
pub const PATHS_MAX: u64 = 256;

/// Whether a path, as stored or as shown, is that of the calls over a bound.
pub(super) fn is_over_budget(template: &str) -> bool {
    template.strip_prefix('/') == Some(OVER_BUDGET)
}

impl Noise {
    /// What is beside the endpoints of `services`; what turns out to be theirs is added to them. `words`
    /// are texts of hidden words.
    pub(super) fn beside(
        inventory: &Inventory,
        words: &BTreeMap<u64, Arc<str>>,
        soft: &BTreeSet<&EndpointKey>,
        excluded: &BTreeSet<&EndpointKey>,
        services: &mut [Service],
    ) -> Noise {
        let mut rows: BTreeMap<(Arc<str>, NoiseClass, String, Method), EndpointStats> = BTreeMap::new();
        let mut callers: BTreeMap<Peer, Scanner> = BTreeMap::new();
        let mut templates: BTreeMap<Arc<str>, (usize, Templates)> = BTreeMap::new();
        for (at, service) in services.iter().enumerate() {
            templates.insert(service.name.clone(), (at, Templates::of(&service.endpoints)));
        }
        let mut fitted: Vec<(usize, usize, &EndpointStats)> = Vec::new();
        for (key, stats) in &inventory.endpoints {
            let class = match key.class {
                CallClass::Found if excluded.contains(key) => Some(NoiseClass::Excluded),
                CallClass::Found if soft.contains(key) => Some(NoiseClass::SoftMissed),
                CallClass::Found => None,
                CallClass::Missed => Some(NoiseClass::Missed),
                CallClass::StaticFile => Some(NoiseClass::StaticFile),
                CallClass::HealthCheck => Some(NoiseClass::HealthCheck),
                CallClass::Preflight => Some(NoiseClass::Preflight),
            };
            let fitting = match (class, templates.get(&key.service)) {
                (Some(NoiseClass::Missed | NoiseClass::HealthCheck), Some((at, templates)))
                    if !is_over_budget_path(&key.path) =>
                {
                    let any_value = class == Some(NoiseClass::Missed);
                    let path = texts(&key.path, words);
                    templates.fitting(key.method, &path, any_value).map(|endpoint| (*at, endpoint))
                }
                _ => None,
            };
            let class = class.filter(|_| fitting.is_none());
            count(&mut callers, key, stats, class);
            if let Some((service, endpoint)) = fitting {
                fitted.push((service, endpoint, stats));
            } else if let Some(class) = class {
                let path = shown(&key.path, words);
                let row = (key.service.clone(), class, path, key.method);
                rows.entry(row).or_default().merge(stats.clone());
            }
        }
        for (service, endpoint, stats) in fitted {
            services[service].endpoints[endpoint].stats.merge(stats.clone());
        }
        let rows = rows.into_iter().map(|((service, class, path, method), stats)| NoiseRow {
            service,
            class,
            path,
            method,
            stats,
        });
        Noise { rows: rows.collect(), scanners: scanners(callers) }
    }
}

/// Adds the callers of one row to the sums over all rows.
fn count(
    callers: &mut BTreeMap<Peer, Scanner>,
    key: &EndpointKey,
    stats: &EndpointStats,
    class: Option<NoiseClass>,
) {
    let missed = matches!(class, Some(NoiseClass::Missed | NoiseClass::SoftMissed));
    for (caller, sums) in &stats.callers {
        let sum = callers.entry(caller.peer.clone()).or_insert_with(|| Scanner {
            peer: caller.peer.clone(),
            calls: 0,
            missed: 0,
            paths: 0,
            seen: Seen::default(),
            services: BTreeMap::new(),
        });
        sum.calls = sum.calls.saturating_add(sums.calls);
        if missed {
            sum.missed = sum.missed.saturating_add(sums.calls);
            // A set of bits until all are counted.
            sum.paths |= sums.paths;
            sum.seen.merge(sums.seen);
            let of_service = sum.services.entry(key.service.clone()).or_default();
            *of_service = of_service.saturating_add(sums.calls);
        }
    }
}

fn scanners(callers: BTreeMap<Peer, Scanner>) -> Vec<Scanner> {
    let mut scanners: Vec<Scanner> = callers
        .into_values()
        .map(|caller| Scanner { paths: different(caller.paths), ..caller })
        .filter(|caller| caller.paths >= SCANNED_PATHS_MIN && caller.missed >= caller.calls - caller.missed)
        .collect();
    scanners.sort_by(|one, other| other.missed.cmp(&one.missed).then_with(|| one.peer.cmp(&other.peer)));
    scanners
}

/// About how many different things set those bits (linear counting).
fn different(bits: u64) -> u64 {
    let unset = f64::from(bits.count_zeros());
    if unset == 0.0 { PATHS_MAX } else { (-64.0 * (unset / 64.0).ln()).round() as u64 }
}

/// Texts of the segments, `None` for values and for words that may not be shown.
fn texts<'a>(path: &'a Path, words: &'a BTreeMap<u64, Arc<str>>) -> Vec<Option<&'a str>> {
    let text = |segment: &'a Segment| match segment {
        Segment::Word(word) => Some(&**word),
        Segment::Hidden(hash) => words.get(hash).map(|word| &**word),
        Segment::Parameter(_) | Segment::File(..) => None,
    };
    path.iter().map(text).collect()
}

/// The path as people see it: what may not be shown is `{text}`.
fn shown(path: &Path, words: &BTreeMap<u64, Arc<str>>) -> String {
    let mut path = path.clone();
    for segment in &mut path {
        if let Segment::Hidden(hash) = segment {
            *segment = match words.get(hash) {
                Some(word) => Segment::Word(word.clone()),
                None => Segment::Parameter(SegmentKind::Text),
            };
        }
    }
    path_text(&path)
}

/// Rows of servers that answer any path with success (the page of a single-page application, a
/// catch-all). A body is taken for such a page if it, and nothing else, is the answer of
///
/// * [`HTML_ROWS_MIN`] rows or more of `GET` with [`HTML_PATHS_MIN`] raw paths or more, if it is HTML:
///   no two endpoints show the same page. One row alone never is enough: `/unsubscribe/{token}`;
/// * [`GUESSED_ROWS_MIN`] rows or more of `GET` that were guessed, with [`GUESSED_PATHS_MIN`] raw paths or
///   more, and at most a third as many that were not, if it is anything else. A row is guessed if there is a word in it that nobody knows, and hardly a path of it
///   was asked for twice. So `{"ok":true}` of an API stays an endpoint wherever it is really used.
///
/// Then all rows of the service with that page are soft misses, whatever the method, but for the root,
/// whose page it is; and if it is HTML, those of all services, where the same program answers.
pub(super) fn soft_missed(inventory: &Inventory) -> BTreeSet<&EndpointKey> {
    let mut pages: BTreeMap<(&Arc<str>, u32), Vec<Row>> = BTreeMap::new();
    for (key, stats) in &inventory.endpoints {
        if let (CallClass::Found, Page::One(page)) = (key.class, stats.page)
            && !key.path.is_empty()
        {
            pages.entry((&key.service, page)).or_default().push((key, stats));
        }
    }
    let kinds: BTreeMap<(&Arc<str>, u32), Soft> =
        pages.iter().filter_map(|(page, rows)| Some((*page, softness(rows)?))).collect();
    let anywhere = kinds.iter().filter(|(_, soft)| **soft == Soft::Html).map(|((_, page), _)| *page);
    let anywhere: BTreeSet<u32> = anywhere.collect();
    let soft = pages.into_iter().filter(|((service, page), rows)| {
        kinds.contains_key(&(*service, *page))
            || (anywhere.contains(page) && rows.iter().all(|(_, stats)| is_html(stats)))
    });
    soft.flat_map(|(_, rows)| rows).map(|(key, _)| key).collect()
}

type Row<'a> = (&'a EndpointKey, &'a EndpointStats);

/// By which of the two rules a page is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Soft {
    Html,
    Guessed,
}

fn is_html(stats: &EndpointStats) -> bool {
    !stats.response_types.is_empty() && stats.response_types.keys().all(|media| media.contains("html"))
}

fn is_over_budget_path(path: &Path) -> bool {
    matches!(&path[..], [Segment::Word(word)] if **word == *OVER_BUDGET)
}

fn softness(rows: &[Row]) -> Option<Soft> {
    let asked = rows.iter().filter(|(key, stats)| key.method.0 == "GET" && stats.answered.paths != 0);
    // Words that are not known yet are one place: how many stay apart is up to bounds.
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut html = true;
    for (key, stats) in asked.filter(|(key, _)| !is_over_budget_path(&key.path)) {
        let place = places.entry(coarse(&key.path)).or_insert(Place { paths: 0, is_guessed: true });
        place.paths = place.paths.saturating_add(stats.answered.paths.count_ones());
        place.is_guessed &= is_guessed(key, stats);
        html &= is_html(stats);
    }
    let paths: u32 = places.values().map(|place| place.paths).fold(0, u32::saturating_add);
    let by_html = html && places.len() >= HTML_ROWS_MIN && paths >= HTML_PATHS_MIN;
    let guesses = places.values().filter(|place| place.is_guessed);
    let guessed_paths = guesses.clone().fold(0u32, |sum, place| sum.saturating_add(place.paths));
    let by_guesses = guesses.clone().count() >= GUESSED_ROWS_MIN
        && guessed_paths >= GUESSED_PATHS_MIN
        && guesses.count() * 4 >= places.len() * 3;
    if by_html { Some(Soft::Html) } else { by_guesses.then_some(Soft::Guessed) }
}

/// Paths of one form that had one and the same answer.
struct Place {
    paths: u32,
    is_guessed: bool,
}

/// There is a word in the path that nobody knows, and hardly a path of it was asked for twice.
fn is_guessed(key: &EndpointKey, stats: &EndpointStats) -> bool {
    let unknown = key.path.iter().any(|segment| {
        matches!(segment, Segment::Hidden(_) | Segment::Parameter(SegmentKind::Text | SegmentKind::Hex))
    });
    let paths = stats.answered.paths.count_ones();
    unknown && (paths >= PATHS_MANY || stats.calls <= 2 * u64::from(paths))
}

fn coarse(path: &Path) -> String {
    let mut path = path.clone();
    for segment in &mut path {
        if let Segment::Hidden(_) = segment {
            *segment = Segment::Parameter(SegmentKind::Text);
        }
    }
    path_text(&path)
}
