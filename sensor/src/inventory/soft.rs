//! Soft misses: found rows of a server that answers any path with success. Decided by comparing the
//! keyed hashes of HTML documents over all rows, never by one row alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::noise::is_over_budget_path;
use super::{EndpointKey, EndpointStats, Inventory, Page};
use crate::call::{CallClass, Path, Segment, SegmentKind, path_text};

/// Rows, at the least, that a page of HTML must be the answer of, to be no answer.
const HTML_ROWS_MIN: usize = 3;

/// Raw paths under those rows, at the least.
const HTML_PATHS_MIN: u32 = 5;

/// Rows of servers that answer any path with success (the page of a single-page application, a
/// catch-all). An HTML document is taken for such a page if it, and nothing else, is the answer of
/// [`HTML_ROWS_MIN`] forms of paths or more, with [`HTML_PATHS_MIN`] raw paths or more: no two endpoints
/// show the same page. One form alone never is enough: `/unsubscribe/{token}`. Other bodies have no mark:
/// an API that answers `{}` everywhere is one.
///
/// Then all rows with that page are soft misses, whatever the method and the service, but for the root,
/// whose page it is.
pub(super) fn soft_missed(inventory: &Inventory) -> BTreeSet<&EndpointKey> {
    let mut pages: BTreeMap<u32, Vec<(&EndpointKey, &EndpointStats)>> = BTreeMap::new();
    for (key, stats) in &inventory.endpoints {
        if let (CallClass::Found, Page::One(page)) = (key.class, stats.page)
            && !key.path.is_empty()
        {
            pages.entry(page).or_default().push((key, stats));
        }
    }
    let soft = pages.into_values().filter(|rows| is_soft(rows));
    soft.flatten().map(|(key, _)| key).collect()
}

fn is_soft(rows: &[(&EndpointKey, &EndpointStats)]) -> bool {
    // Of one service at least: the same error page at two hosts may be two endpoints'.
    let mut services: BTreeMap<&Arc<str>, (BTreeSet<String>, u32)> = BTreeMap::new();
    for (key, stats) in rows {
        if key.method.0 == "GET" && stats.answered.paths != 0 && !is_over_budget_path(&key.path) {
            let (forms, paths) = services.entry(&key.service).or_default();
            forms.insert(coarse(&key.path));
            *paths = paths.saturating_add(stats.answered.paths.count_ones());
        }
    }
    services.values().any(|(forms, paths)| forms.len() >= HTML_ROWS_MIN && *paths >= HTML_PATHS_MIN)
}

/// Words that are not known yet are one place: how many stay apart is up to bounds.
fn coarse(path: &Path) -> String {
    let mut path = path.clone();
    for segment in &mut path {
        if let Segment::Hidden(_) | Segment::Parameter(SegmentKind::Names | SegmentKind::Words) = segment {
            *segment = Segment::Parameter(SegmentKind::Text);
        }
    }
    path_text(&path)
}
