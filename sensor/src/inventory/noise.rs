//! What was called and is no endpoint: missed paths, pages that answer for any path, files of web
//! pages, health checks, preflights, and the callers that only try paths out. Decided when the
//! inventory is read, from rows that were told apart by the calls themselves, so no order matters:
//!
//! * a missed call, or a probe, that fits a template which found calls made is a call of that endpoint;
//! * found rows that all have one and the same page are *soft misses* ([`super::soft`]);
//! * what people said wins ([`super::aside`]);
//! * a caller of whose calls half or more missed, on [`SCANNED_PATHS_MIN`] paths or more, is a scanner.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aside::Aside;
use super::catalog::Service;
use super::fit::Places;
use super::{EndpointKey, EndpointStats, Inventory, OVER_BUDGET, Seen};
use crate::call::{CallClass, Method, Path, Segment, SegmentKind, UNKNOWN};
use crate::flow::Peer;

/// Different paths that somebody must have missed to be a scanner.
const SCANNED_PATHS_MIN: u64 = 20;

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
    /// People said that it is none.
    Never,
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
            NoiseClass::Never => "never",
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

/// Whether a path, as stored or as shown, is that of the calls over a bound, or of those whose path is not
/// known.
pub(crate) fn is_over_budget(template: &str) -> bool {
    matches!(template.strip_prefix('/'), Some(OVER_BUDGET | UNKNOWN))
}

pub(crate) fn is_over_budget_path(path: &Path) -> bool {
    matches!(&path[..], [Segment::Word(word)] if matches!(&**word, OVER_BUDGET | UNKNOWN))
}

impl Noise {
    /// What is beside the endpoints of `services`; what turns out to be theirs is added to them. `words`
    /// are texts of hidden words; `places` says by name where a service is and what its templates are.
    pub(super) fn beside(
        inventory: &Inventory,
        words: &BTreeMap<u64, Arc<str>>,
        aside: &Aside,
        services: &mut [Service],
        places: &BTreeMap<Arc<str>, (usize, Places)>,
    ) -> Noise {
        let mut rows: BTreeMap<(Arc<str>, NoiseClass, String, Method), EndpointStats> = BTreeMap::new();
        let mut callers: BTreeMap<Peer, Scanner> = BTreeMap::new();
        let mut fitted: Vec<(usize, usize, &EndpointStats)> = Vec::new();
        for (key, stats) in &inventory.endpoints {
            let class = aside.class(key);
            let may_fit = match class {
                Some(NoiseClass::Missed) => !is_over_budget_path(&key.path),
                // A probe asks for one path: only who asks for the same makes it an endpoint's.
                Some(NoiseClass::HealthCheck) => {
                    inventory.endpoints.contains_key(&EndpointKey { class: CallClass::Found, ..key.clone() })
                }
                _ => false,
            };
            let places = places.get(&key.service).filter(|_| may_fit);
            let fitting = places.and_then(|(service, places)| {
                places.endpoint(key.method, &key.path).map(|endpoint| (*service, endpoint))
            });
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

/// The path as people see it: what may not be shown is `{text}`.
fn shown(path: &Path, words: &BTreeMap<u64, Arc<str>>) -> String {
    let mut text = String::new();
    for segment in path {
        text.push('/');
        match segment {
            Segment::Word(word) | Segment::Name(word) => text.push_str(word),
            Segment::Hidden(hash) => text.push_str(words.get(hash).map_or("{text}", |word| word)),
            Segment::Parameter(SegmentKind::Names | SegmentKind::Words) => text.push_str("{text}"),
            Segment::Parameter(kind) => text.push_str(&format!("{{{}}}", kind.name())),
            Segment::File(kind, extension) => {
                text.push_str(&format!("{{{}}}.{}", kind.name(), extension.name()));
            }
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}
