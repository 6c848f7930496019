//! Soft misses: found rows of a server that answers any path with success. Decided by comparing the
//! keyed hashes of response bodies over all rows of a service, never by one row alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::noise::is_over_budget_path;
use super::{EndpointKey, EndpointStats, Inventory, Page};
use crate::call::{CallClass, Path, Segment, SegmentKind, path_text};

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

/// Rows of servers that answer any path with success (the page of a single-page application, a
/// catch-all). A body is taken for such a page if it, and nothing else, is the answer of
///
/// * [`HTML_ROWS_MIN`] rows or more of `GET` with [`HTML_PATHS_MIN`] raw paths or more, if it is HTML:
///   no two endpoints show the same page. One row alone never is enough: `/unsubscribe/{token}`;
/// * [`GUESSED_ROWS_MIN`] rows or more of `GET` that were guessed, with [`GUESSED_PATHS_MIN`] raw paths or
///   more, and at most a third as many that were not, if it is anything else. A row is guessed if there
///   is a word in it that nobody knows, and hardly a path of it was asked for twice. So `{"ok":true}` of
///   an API stays an endpoint wherever it is really used.
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
    let unknown = key.path.iter().any(|segment| match segment {
        Segment::Hidden(_) | Segment::File(..) => true,
        Segment::Parameter(kind) => {
            !matches!(kind, SegmentKind::Integer | SegmentKind::Uuid | SegmentKind::Date)
        }
        Segment::Word(_) => false,
    });
    let paths = stats.answered.paths.count_ones();
    unknown && (paths >= PATHS_MANY || stats.calls <= 2 * u64::from(paths))
}

fn coarse(path: &Path) -> String {
    let mut path = path.clone();
    for segment in &mut path {
        if let Segment::Hidden(_) | Segment::Parameter(SegmentKind::Names | SegmentKind::Words) = segment {
            *segment = Segment::Parameter(SegmentKind::Text);
        }
    }
    path_text(&path)
}
