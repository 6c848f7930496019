//! `apicensus endpoints --explain` for people: under each endpoint one line per segment of its path.

use super::document::{Endpoints, Explanation, Weight};
use super::escape::for_terminal;
use super::format;
use super::table::{Page, Style};

/// The text.
pub fn explained(endpoints: &Endpoints, style: Style) -> String {
    if endpoints.endpoints.is_empty() {
        return "no endpoint\n".to_owned();
    }
    let mut page = Page::new(style);
    let mut service = None;
    for row in &endpoints.endpoints {
        if service != Some(&row.name.service) {
            if service.is_some() {
                page.text.push('\n');
            }
            page.heading(&row.name.service);
            page.text.push('\n');
            service = Some(&row.name.service);
        }
        page.text.push_str(&format!(
            "\n{} {}  {}, {}\n",
            row.name.method,
            for_terminal(&row.name.path),
            format::count(row.calls, "call"),
            sure(row.confidence),
        ));
        let segments = row.explanation.iter().flatten().map(|segment| {
            [
                for_terminal(&segment.segment).into_owned(),
                segment.taken_for.clone(),
                if segment.said { "said".to_owned() } else { sure(segment.confidence) },
                format::count(segment.calls, "call"),
                variety(segment),
                weights(segment),
            ]
        });
        aligned(&segments.collect::<Vec<_>>(), &mut page);
    }
    page.end()
}

/// Indented lines; terminals wrap what is too long.
fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]], page: &mut Page) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let cells: String = row.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}")).collect();
        page.text.push_str(&format!("  {}\n", cells.trim_end()));
    }
}

fn sure(confidence: f64) -> String {
    format!("{:.0} %", confidence * 100.0)
}

/// `3 words, integer, uuid`.
fn variety(segment: &Explanation) -> String {
    let words = (segment.words > 0).then(|| format::count(segment.words, "word"));
    words.into_iter().chain(segment.shapes.keys().cloned()).collect::<Vec<_>>().join(", ")
}

/// The weightiest evidence: `+ several English words, - behind a plural`.
fn weights(segment: &Explanation) -> String {
    const SHOWN_MAX: usize = 3;
    let shown = segment.evidence.iter().filter(|evidence| evidence.weight != 0.0).take(SHOWN_MAX);
    let shown =
        shown.map(|Weight { what, weight }| format!("{} {what}", if *weight > 0.0 { '+' } else { '-' }));
    shown.collect::<Vec<_>>().join(", ")
}
