//! `apicensus diff`.

use super::{load, print, style};
use crate::cli::diff::{Diff as Typed, DiffFormat};
use crate::config::{self, Failure};
use crate::inventory::diff::{Stretch, between, by_time};
use crate::report::diff::{self, Diff};
use crate::report::json;
use crate::store;

/// Compares and prints.
pub(super) fn diff(store: &config::Store, typed: &Typed) -> Result<u8, Failure> {
    let now = store::now();
    let time = |text: &str| config::since(text, now);
    let query = typed.clone().into();
    let changes = if let Some(other) = &typed.against {
        let (_, before) = load(&config::Store::of(other)?, &query)?;
        let (_, after) = load(store, &query)?;
        between(&before, &after)
    } else {
        let stretch = match (&typed.since, typed.between.as_deref()) {
            (Some(since), _) => Stretch { from: time(since)?, to: None },
            (None, Some([from, to])) => Stretch { from: time(from)?, to: Some(time(to)?) },
            (None, _) => return Err(Failure::Usage("--since, --between or --against is needed".to_owned())),
        };
        if stretch.to.is_some_and(|to| to <= stretch.from) {
            return Err(Failure::Usage("--between needs the earlier time first".to_owned()));
        }
        by_time(&load(store, &query)?.1, stretch)
    };
    let document = Diff::of(&changes);
    let text = match typed.format {
        DiffFormat::Text => diff::text(&document, style()),
        DiffFormat::Json => json::render(&document),
        DiffFormat::Markdown => diff::markdown(&document),
    };
    print(text.as_bytes())
}
