//! A report as GitHub-flavoured Markdown: the same tables as the page, for a repository, a ticket or a
//! review. All names from traffic stand in code spans, where nothing is a link, a mention or markup.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::document::{EndpointReport, Report, ServiceReport};
use super::escape::for_terminal;
use super::findings::stored::{self, StoredFindings};
use super::format::{self, bytes, count, grouped};
use super::ledger::class;
use super::noise::Noise;
use super::sums::{self, Totals, doubt, field_name, minute, place, status_classes, whereabouts};
use super::unseen::{self, Unseen};
use crate::inventory::noise::PATHS_MAX;

/// Rows of one kind in the whole file: endpoints, callers, fields, noise. GitHub shows files up to about
/// half a megabyte.
const ROWS_MAX: usize = 5_000;

/// The file.
pub fn render(report: &Report, noise: &Noise) -> String {
    let mut page = Page::default();
    let totals = Totals::of(report);
    page.line("# API inventory");
    if totals.endpoints == 0 {
        page.paragraph("No endpoint was seen.");
    } else {
        page.paragraph(&format!(
            "What was called from {} to {} UTC, as seen at the sockets of this host.",
            minute(totals.first_seen),
            minute(totals.last_seen)
        ));
    }
    page.table(
        &["Services", "Endpoints", "Unconfirmed", "Calls", "Callers", "Fields", "Calls to no endpoint"],
        "rrrrrrr",
        &[[
            totals.services,
            totals.endpoints,
            totals.unconfirmed,
            totals.calls,
            totals.callers,
            totals.fields,
            totals.noise.calls,
        ]
        .map(grouped)
        .to_vec()],
    );
    not_seen(report, &mut page);
    if let Some(found) = &report.findings {
        findings(found, &mut page);
    }
    let mut room = Room { endpoints: ROWS_MAX, callers: ROWS_MAX, fields: ROWS_MAX };
    for service in &report.services {
        self::service(service, &mut room, &mut page);
    }
    self::noise(noise, &mut page);
    page.paragraph(&format!(
        "Made by apicensus {}. Names, shapes and counts; no value from traffic.",
        env!("CARGO_PKG_VERSION")
    ));
    page.0
}

/// Rows that may still be written.
struct Room {
    endpoints: usize,
    callers: usize,
    fields: usize,
}

fn findings(found: &StoredFindings, page: &mut Page) {
    page.heading("## Findings");
    page.paragraph(&stored::markdown_line(found));
    let rows = found
        .rules
        .iter()
        .map(|sum| vec![code(&sum.rule), sum.level.clone(), grouped(sum.open), text(&sum.title)]);
    page.table(&["Rule", "Level", "Open", "What it is about"], "llrl", &rows.collect::<Vec<_>>());
    let rows = found.errors.iter().map(|row| {
        vec![
            code(stored::digits(row)),
            code(&row.rule),
            code(&row.service),
            code(&row.place()),
            text(&row.message),
        ]
    });
    page.table(&["Error", "Rule", "Service", "Where", "What"], "lllll", &rows.collect::<Vec<_>>());
}

fn not_seen(report: &Report, page: &mut Page) {
    let unseen = Unseen::of(report);
    page.heading("## What the sensor could not see");
    page.paragraph(&format!("**{}**", unseen.headline));
    page.line("");
    for (who, words) in &unseen.unreadable {
        page.line(&format!("* {}: {}", code(who), words));
    }
    for sentence in unseen::ALWAYS {
        page.line(&format!("* {sentence}"));
    }
    if !report.coverage.is_empty() {
        page.heading("### Coverage");
        let rows = report.coverage.iter().take(ROWS_MAX).map(|row| {
            vec![
                code(&row.program),
                code(&whereabouts(row.container.as_deref(), &row.cgroup)),
                row.port.to_string(),
                code(&class(row)),
                if row.readable { "yes" } else { "**no**" }.to_owned(),
                grouped(row.connections),
                bytes(row.bytes),
            ]
        });
        page.table(
            &["Program", "Where", "Port", "Carries", "Read", "Connections", "Bytes"],
            "llrllrr",
            &rows.collect::<Vec<_>>(),
        );
        page.beyond(report.coverage.len(), ROWS_MAX, "apicensus report --format json");
    }
    if !unseen.losses.is_empty() {
        page.heading("### Losses");
        let rows = unseen.losses.iter().map(|loss| {
            vec![loss.meaning.to_owned(), grouped(loss.count), loss.cost.name().to_owned(), code(&loss.cause)]
        });
        page.table(&["What happened", "Times", "Costs", "Name"], "lrll", &rows.collect::<Vec<_>>());
    }
}

fn service(service: &ServiceReport, room: &mut Room, page: &mut Page) {
    page.heading(&format!("## {}", code(&service.name)));
    page.paragraph(&format!(
        "{}, {}.",
        count(service.endpoints.len() as u64, "endpoint"),
        count(sums::calls(service), "call")
    ));
    let transports = sums::transports(service);
    if !transports.is_empty() {
        page.paragraph(&format!("Transport: {transports}."));
    }
    let rows = service.endpoints.iter().take(room.endpoints).map(endpoint);
    page.table(
        &[
            "Method",
            "Path",
            "Calls",
            "Answers",
            "p95",
            "Fields",
            "Credential",
            "Callers",
            "Confirmed",
            "Last seen",
        ],
        "llrlrrlrll",
        &rows.collect::<Vec<_>>(),
    );
    page.beyond(service.endpoints.len(), room.endpoints, "apicensus endpoints");
    room.endpoints = room.endpoints.saturating_sub(service.endpoints.len());
    let callers = sums::callers(service);
    if !callers.is_empty() {
        page.heading("### Callers");
        let rows = callers.iter().take(room.callers).map(|sum| {
            vec![
                code(&sum.party.name),
                code(&place(sum.party)),
                code(sum.credential),
                grouped(sum.endpoints),
                grouped(sum.calls),
                grouped(sum.refused),
            ]
        });
        page.table(
            &["Caller", "Where", "Credential", "Endpoints", "Calls", "Refused"],
            "lllrrr",
            &rows.collect::<Vec<_>>(),
        );
        page.beyond(callers.len(), room.callers, "apicensus callers");
        room.callers = room.callers.saturating_sub(callers.len());
    }
    let fields = sums::fields(service);
    if !fields.is_empty() {
        page.heading("### Fields");
        let join = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        let rows = fields.iter().take(room.fields).map(|sum| {
            vec![
                code(sum.place),
                code(field_name(sum.place, sum.name)),
                code(&join(&sum.types)),
                code(&join(&sum.formats)),
                code(&join(&sum.classes)),
                grouped(sum.endpoints),
                grouped(sum.calls),
            ]
        });
        page.table(
            &["Place", "Field", "Types", "Formats", "Classes", "Endpoints", "Calls"],
            "lllllrr",
            &rows.collect::<Vec<_>>(),
        );
        page.beyond(fields.len(), room.fields, "apicensus fields");
        room.fields = room.fields.saturating_sub(fields.len());
    }
}

fn endpoint(endpoint: &EndpointReport) -> Vec<String> {
    let row = &endpoint.endpoint;
    vec![
        code(&row.name.method),
        code(&row.name.path),
        grouped(row.calls),
        statuses(&row.statuses),
        row.latency_ms.map_or(String::new(), |latency| format::duration(latency.p95)),
        grouped(endpoint.fields.len() as u64),
        code(&row.credentials.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        grouped(row.caller_count),
        row.doubt.as_deref().map_or("yes".to_owned(), |name| text(doubt(name))),
        minute(&row.last_seen),
    ]
}

fn statuses(statuses: &BTreeMap<String, u64>) -> String {
    let classes = status_classes(statuses);
    classes.iter().map(|(class, calls)| format!("{class} {}", grouped(*calls))).collect::<Vec<_>>().join(", ")
}

fn noise(noise: &Noise, page: &mut Page) {
    page.heading("## Noise");
    page.paragraph(
        "What was called and is no endpoint: paths that nothing answered at, pages given for any path, files of web \
         pages, health checks, preflights.",
    );
    if noise.noise.is_empty() && noise.scanners.is_empty() {
        page.paragraph("None.");
    }
    if !noise.noise.is_empty() {
        let rows = noise.noise.iter().take(ROWS_MAX).map(|row| {
            vec![
                code(&row.class),
                code(&row.service),
                code(&row.method),
                code(&row.path),
                grouped(row.calls),
                statuses(&row.statuses),
                grouped(row.caller_count),
                minute(&row.last_seen),
            ]
        });
        page.table(
            &["What", "Service", "Method", "Path", "Calls", "Answers", "Callers", "Last seen"],
            "llllrlrl",
            &rows.collect::<Vec<_>>(),
        );
        page.beyond(noise.noise.len(), ROWS_MAX, "apicensus noise");
    }
    if !noise.scanners.is_empty() {
        page.heading("### Scanners");
        let rows = noise.scanners.iter().take(ROWS_MAX).map(|row| {
            let over = if row.paths >= PATHS_MAX { "over " } else { "" };
            vec![
                code(&row.caller.name),
                code(&place(&row.caller)),
                grouped(row.calls),
                grouped(row.missed),
                format!("{over}{}", row.paths),
                grouped(row.services),
                minute(&row.last_seen),
            ]
        });
        page.table(
            &["Caller", "Where", "Calls", "Missed", "Paths", "Services", "Last seen"],
            "llrrrrl",
            &rows.collect::<Vec<_>>(),
        );
        page.beyond(noise.scanners.len(), ROWS_MAX, "apicensus noise");
    }
}

/// Markdown so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn heading(&mut self, line: &str) {
        self.line("");
        self.line(line);
    }

    fn paragraph(&mut self, text: &str) {
        self.line("");
        self.line(text);
    }

    /// Cells are Markdown already; `sides` has `l` or `r` for each column.
    fn table(&mut self, names: &[&str], sides: &str, rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        self.line("");
        self.line(&format!("| {} |", names.join(" | ")));
        let rules: Vec<&str> = sides.chars().map(|side| if side == 'r' { "---:" } else { "---" }).collect();
        self.line(&format!("| {} |", rules.join(" | ")));
        for row in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(self.0, "| {} |", row.join(" | "));
        }
    }

    fn beyond(&mut self, all: usize, room: usize, command: &str) {
        if all > room {
            self.paragraph(&format!(
                "*{} not in this file; see `{command}`.*",
                count((all - room) as u64, "more row")
            ));
        }
    }
}

/// Text of any origin as a code span for a table cell. Between its fences nothing is markup but the pipe,
/// which a table takes first (GFM 4.10); a fence is longer than any run of backticks inside (6.3).
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = for_terminal(text).replace('|', "\\|");
    let run = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if run == 0 && !text.starts_with(' ') && !text.ends_with(' ') {
        return format!("`{text}`");
    }
    let fence = "`".repeat(run + 1);
    format!("{fence} {text} {fence}")
}

/// Text of any origin without a code span: everything that Markdown or HTML might act on is escaped.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in for_terminal(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c if c.is_ascii_punctuation() && !matches!(c, '-' | ',' | '.' | ':' | '/' | '(' | ')') => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_anything() {
        assert_eq!(code("/users/{id}"), "`/users/{id}`");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(" x"), "`  x `");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(code(""), "");
        assert_eq!(text("<b>*x*|_"), "&lt;b&gt;\\*x\\*\\|\\_");
    }
}
