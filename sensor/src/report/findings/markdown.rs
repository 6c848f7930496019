//! Findings as GitHub-flavoured Markdown, for a ticket or the comment of a pull request. Names from
//! traffic stand in code spans, as in the inventory's Markdown.

use std::fmt::Write;

use super::document::{FindingRow, Findings};
use super::owasp;
use super::text::{state, summary_line};
use crate::report::format::grouped;
use crate::report::markdown::{code, text};
use crate::report::sums::minute;

/// Findings in one file. GitHub shows files up to about half a megabyte.
const ROWS_MAX: usize = 2_000;

/// The file.
pub fn render(document: &Findings) -> String {
    let mut page = String::from("# API findings\n\n");
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{}.", text(&summary_line(&document.summary, &document.looked_at)));
    let mut last: Option<(&str, &str)> = None;
    for row in document.findings.iter().take(ROWS_MAX) {
        if last.is_none_or(|(level, _)| level != row.level) {
            let _ = writeln!(page, "\n## {}s", capital(&row.level));
        }
        if last != Some((&row.level, &row.rule)) {
            rule(document, &row.rule, &mut page);
        }
        last = Some((&row.level, &row.rule));
        finding(row, &mut page);
    }
    let more = document.findings.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        let _ = writeln!(page, "\n{} more; see `apicensus findings --format json`.", grouped(more as u64));
    }
    let _ = writeln!(
        page,
        "\nMade by apicensus {}. Names, shapes and counts; no value from traffic.",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn rule(document: &Findings, id: &str, page: &mut String) {
    let Some(rule) = document.rule(id) else {
        let _ = writeln!(page, "\n### {}\n", code(id));
        return;
    };
    let _ = writeln!(page, "\n### {}: {}\n", code(id), text(&rule.title));
    let _ = writeln!(page, "{}\n\n**What to do:** {}\n", text(&rule.rationale), text(&rule.remediation));
    if !rule.owasp.is_empty() {
        let titles: Vec<String> = rule.owasp.iter().map(|id| owasp::titled(id)).collect();
        let _ = writeln!(page, "OWASP: {}\n", titles.join(", "));
    }
}

fn finding(row: &FindingRow, page: &mut String) {
    let _ = write!(page, "* {}", code(&row.place()));
    if row.path.is_some() {
        let _ = write!(page, " at {}", code(&row.service));
    }
    if let Some(field) = row.field_text() {
        let _ = write!(page, ", field {}", code(&field));
    }
    let _ = write!(page, ": {}", text(&row.message));
    if !row.edges.is_empty() {
        let edges = row
            .edges
            .iter()
            .map(|edge| format!("{} ({}, {})", code(&edge.caller), edge.credential, grouped(edge.calls)));
        let _ = write!(page, " By {}.", edges.collect::<Vec<_>>().join(", "));
    }
    if let Some(place) = &row.specified {
        let _ = write!(page, " See {} {}.", code(&place.specification), code(&place.pointer));
    }
    let _ = write!(page, " *{}*", text(&state(row)));
    if !row.last_seen.is_empty() {
        let _ = write!(page, ", last seen {}", minute(&row.last_seen));
    }
    let _ = writeln!(page, " ({})", code(row.fingerprint.get(..8).unwrap_or(&row.fingerprint)));
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
