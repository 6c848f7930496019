//! Documents as tables for people. Nothing is shown here that JSON does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::doctor::{Doctor, Outcome};
use super::document::{
    Callers, Coverage, EndpointRow, Endpoints, FieldRow, Fields, Latency, Report, ServiceReport,
};
use super::escape::for_terminal;
use super::findings::stored;
use super::format;
use super::ledger::{Ledger, Sums, class};
use super::losses::meaning;
use super::noise::Noise;
use super::status::{RunRow, Status};
use super::sums::{self, encrypted, field_name, place, short_time, whereabouts};
pub use super::table::Style;
use super::table::{Cell, Columns, Page, number, plain};
use crate::inventory::noise::PATHS_MAX;

const ENDPOINTS: Columns = Columns {
    names: &[
        "SERVICE",
        "METHOD",
        "PATH",
        "CALLS",
        "STATUS",
        "CONFIRMED",
        "P50",
        "P95",
        "FIELDS IN+OUT",
        "AUTH",
        "CALLERS",
        "FIRST SEEN",
        "LAST SEEN",
    ],
    right: &["CALLS", "P50", "P95", "FIELDS IN+OUT", "CALLERS"],
    expendable: &["FIRST SEEN", "P50", "LAST SEEN", "CALLERS", "P95", "FIELDS IN+OUT", "CONFIRMED"],
};

/// The same within one service.
const SERVICE_ENDPOINTS: Columns = Columns {
    names: ENDPOINTS.names.split_at(1).1,
    right: ENDPOINTS.right,
    expendable: ENDPOINTS.expendable,
};

const CALLERS: Columns = Columns {
    names: &[
        "CALLER",
        "WHERE",
        "SERVICE",
        "METHOD",
        "PATH",
        "AUTH",
        "CALLS",
        "REFUSED",
        "ENCRYPTED",
        "FIRST SEEN",
        "LAST SEEN",
    ],
    right: &["CALLS", "REFUSED"],
    expendable: &["FIRST SEEN", "LAST SEEN", "WHERE", "ENCRYPTED"],
};

const SERVICE_CALLERS: Columns = Columns {
    names: &["CALLER", "WHERE", "AUTH", "ENDPOINTS", "CALLS", "REFUSED"],
    right: &["ENDPOINTS", "CALLS", "REFUSED"],
    expendable: &["WHERE"],
};

const FIELDS: Columns = Columns {
    names: &[
        "SERVICE", "METHOD", "PATH", "PLACE", "FIELD", "TYPES", "FORMATS", "CLASSES", "SEEN", "REQUIRED",
    ],
    right: &["SEEN"],
    expendable: &["REQUIRED", "SEEN", "FORMATS", "CLASSES"],
};

const SERVICE_FIELDS: Columns = Columns {
    names: &["PLACE", "FIELD", "TYPES", "FORMATS", "CLASSES", "ENDPOINTS", "CALLS"],
    right: &["ENDPOINTS", "CALLS"],
    expendable: &["ENDPOINTS", "CLASSES"],
};

const NOISE: Columns = Columns {
    names: &["SERVICE", "WHAT", "METHOD", "PATH", "CALLS", "STATUS", "CALLERS", "FIRST SEEN", "LAST SEEN"],
    right: &["CALLS", "CALLERS"],
    expendable: &["FIRST SEEN", "LAST SEEN", "CALLERS"],
};

const SCANNERS: Columns = Columns {
    names: &["SCANNER", "WHERE", "CALLS", "MISSED", "PATHS", "SERVICES", "FIRST SEEN", "LAST SEEN"],
    right: &["CALLS", "MISSED", "PATHS", "SERVICES"],
    expendable: &["FIRST SEEN", "LAST SEEN", "WHERE"],
};

const COVERAGE: Columns = Columns {
    names: &["PROGRAM", "WHERE", "PORT", "CARRIES", "READ", "CONNECTIONS", "BYTES"],
    right: &["PORT", "CONNECTIONS", "BYTES"],
    expendable: &["WHERE"],
};

const CLASSES: Columns = Columns {
    names: &["CLASS", "CONNECTIONS", "BYTES", "PLAINTEXT", "LOST"],
    right: &["CONNECTIONS", "BYTES", "PLAINTEXT", "LOST"],
    expendable: &[],
};

const LEDGER: Columns = Columns {
    names: &[
        "PROGRAM",
        "WHERE",
        "PORT",
        "CLASS",
        "REASON",
        "NAME",
        "TLS",
        "ALPN",
        "CONNECTIONS",
        "BYTES",
        "LOST",
    ],
    right: &["PORT", "CONNECTIONS", "BYTES", "LOST"],
    expendable: &["WHERE", "ALPN", "LOST"],
};

const REASONS: Columns = Columns { names: &["REASON", "MEANS"], right: &[], expendable: &[] };

const LOSSES: Columns = Columns { names: &["LOSS", "COUNT", "MEANS"], right: &["COUNT"], expendable: &[] };

/// `apicensus report`.
pub fn report(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    if report.services.is_empty() {
        page.text.push_str("no endpoint\n");
    }
    for service in &report.services {
        page.heading(&service.name);
        page.text.push_str(&format!(
            "  {}, {}\n",
            format::count(service.endpoints.len() as u64, "endpoint"),
            format::count(sums::calls(service), "call")
        ));
        let transports = sums::transports(service);
        if !transports.is_empty() {
            page.text.push_str(&format!("  transport: {transports}\n"));
        }
        page.text.push('\n');
        let rows = service.endpoints.iter().map(|e| endpoint_cells(&e.endpoint)).collect();
        page.table(&SERVICE_ENDPOINTS, rows);
        page.text.push('\n');
        service_callers(service, &mut page);
        service_fields(service, &mut page);
    }
    if let Some(found) = &report.findings {
        stored::text(found, &mut page);
    }
    page.text.push_str(&noise_line(report));
    page.text.push_str(&coverage_line(&report.coverage));
    page.text.push_str(&losses_line(&report.losses));
    page.end()
}

/// `apicensus endpoints`.
pub fn endpoints(endpoints: &Endpoints, style: Style) -> String {
    let mut page = Page::new(style);
    if endpoints.endpoints.is_empty() {
        return "no endpoint\n".to_owned();
    }
    let rows = endpoints.endpoints.iter().map(|row| {
        let mut cells = vec![plain(&row.name.service)];
        cells.extend(endpoint_cells(row));
        cells
    });
    let rows = rows.collect();
    page.table(&ENDPOINTS, rows);
    page.end()
}

/// `apicensus callers`.
pub fn callers(callers: &Callers, style: Style) -> String {
    let mut page = Page::new(style);
    if callers.callers.is_empty() {
        return "no caller\n".to_owned();
    }
    let rows = callers.callers.iter().map(|row| {
        vec![
            plain(&row.caller.caller.name),
            plain(&place(&row.caller.caller)),
            plain(&row.endpoint.service),
            plain(&row.endpoint.method),
            plain(&row.endpoint.path),
            plain(&row.caller.credential),
            number(row.caller.calls),
            number(row.caller.refused),
            plain(&encrypted(row.caller.encrypted_calls, row.caller.calls)),
            plain(&short_time(&row.caller.first_seen)),
            plain(&short_time(&row.caller.last_seen)),
        ]
    });
    page.table(&CALLERS, rows.collect());
    page.end()
}

/// `apicensus fields`.
pub fn fields(fields: &Fields, style: Style) -> String {
    let mut page = Page::new(style);
    if fields.fields.is_empty() {
        return "no field\n".to_owned();
    }
    let rows = fields.fields.iter().map(|FieldRow { endpoint, field }| {
        vec![
            plain(&endpoint.service),
            plain(&endpoint.method),
            plain(&endpoint.path),
            plain(&field.place),
            plain(field_name(&field.place, &field.name)),
            plain(&field.types.join(", ")),
            plain(&field.formats.join(", ")),
            plain(&field.classes.join(", ")),
            plain(&format!("{}/{}", field.calls, field.of)),
            plain(if field.required { "yes" } else { "no" }),
        ]
    });
    page.table(&FIELDS, rows.collect());
    page.end()
}

/// `apicensus noise`.
pub fn noise(noise: &Noise, style: Style) -> String {
    let mut page = Page::new(style);
    if noise.noise.is_empty() && noise.scanners.is_empty() {
        return "no noise\n".to_owned();
    }
    let rows = noise.noise.iter().map(|row| {
        vec![
            plain(&row.service),
            plain(&row.class),
            plain(&row.method),
            plain(&row.path),
            number(row.calls),
            statuses(&row.statuses),
            number(row.caller_count),
            plain(&short_time(&row.first_seen)),
            plain(&short_time(&row.last_seen)),
        ]
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    if !rows.is_empty() {
        page.table(&NOISE, rows);
    }
    let scanners = noise.scanners.iter().map(|row| {
        let many = row.paths >= PATHS_MAX;
        vec![
            plain(&row.caller.name),
            plain(&place(&row.caller)),
            number(row.calls),
            number(row.missed),
            plain(&format!("{}{}", if many { ">" } else { "" }, row.paths)),
            number(row.services),
            plain(&short_time(&row.first_seen)),
            plain(&short_time(&row.last_seen)),
        ]
    });
    let scanners: Vec<Vec<Cell>> = scanners.collect();
    if scanners.is_empty() {
        page.text.push_str("\nno scanner\n");
    } else {
        page.text.push('\n');
        page.table(&SCANNERS, scanners);
    }
    page.end()
}

/// `apicensus status`.
pub fn status(status: &Status, style: Style) -> String {
    let mut page = Page::new(style);
    page.text.push_str(&format!("store {}\n", for_terminal(&status.store)));
    let Some((last, earlier)) = status.runs.split_first() else {
        page.text.push_str("no run yet\n");
        return page.end();
    };
    page.text.push_str(&run_line(last));
    if !last.coverage.is_empty() {
        let rows = last.coverage.iter().map(|row| {
            vec![
                plain(&row.program),
                plain(&whereabouts(row.container.as_deref(), &row.cgroup)),
                number(row.port.into()),
                plain(&class(row)),
                plain(if row.readable { "yes" } else { "no" }),
                number(row.connections),
                plain(&format::bytes(row.bytes)),
            ]
        });
        page.text.push('\n');
        page.table(&COVERAGE, rows.collect());
        page.text.push('\n');
    }
    page.text.push_str(&coverage_line(&last.coverage));
    losses(&last.losses, &mut page);
    if !earlier.is_empty() {
        page.text.push('\n');
        page.heading("earlier runs");
        page.text.push('\n');
        for run in earlier {
            page.text.push_str(&run_line(run));
        }
    }
    page.end()
}

/// `apicensus doctor`.
pub fn doctor(doctor: &Doctor, style: Style) -> String {
    let mut text = String::new();
    for check in &doctor.checks {
        let (word, colour) = match check.outcome {
            Outcome::Ok => ("ok      ", 32),
            Outcome::Degraded => ("degraded", 33),
            Outcome::Failed => ("not ok  ", 31),
        };
        let word = if style.colour { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() };
        text.push_str(&format!("{word}  {}: {}\n", for_terminal(&check.name), for_terminal(&check.detail)));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("          -> {}\n", for_terminal(remedy)));
        }
    }
    text.push_str(if doctor.can_capture { "capture is possible\n" } else { "capture is not possible\n" });
    text
}

fn endpoint_cells(row: &EndpointRow) -> Vec<Cell> {
    let (p50, p95) = match row.latency_ms {
        Some(Latency { p50, p95 }) => (format::duration(p50), format::duration(p95)),
        None => (String::new(), String::new()),
    };
    vec![
        plain(&row.name.method),
        plain(&row.name.path),
        number(row.calls),
        answers(row),
        plain(&row.doubt.as_ref().map_or("yes".to_owned(), |doubt| format!("no: {doubt}"))),
        plain(&p50),
        plain(&p95),
        plain(&format!("{}+{}", row.request_fields, row.response_fields)),
        plain(&row.credentials.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        number(row.caller_count),
        plain(&short_time(&row.first_seen)),
        plain(&short_time(&row.last_seen)),
    ]
}

/// Statuses, with those of RPCs that failed, and how many messages streams had: `2xx 3, NOT_FOUND 1,
/// messages 3+9`.
fn answers(row: &EndpointRow) -> Cell {
    let failed = row.rpc_statuses.iter().filter(|(status, _)| *status != "OK");
    let failed = failed.map(|(status, calls)| format!(", {status}\u{a0}{calls}"));
    let messages =
        row.stream.iter().filter(|stream| stream.kind != "none").map(|stream| {
            format!(", messages\u{a0}{}+{}", stream.request_messages, stream.response_messages)
        });
    let more: String = failed.chain(messages).collect();
    statuses(&row.statuses).with(&more)
}

/// `2xx 10, 4xx 2`.
fn statuses(statuses: &BTreeMap<String, u64>) -> Cell {
    let classes = sums::status_classes(statuses);
    let text: Vec<String> = classes.iter().map(|(class, calls)| format!("{class}\u{a0}{calls}")).collect();
    let cell = plain(&text.join(", "));
    if classes.contains_key("5xx") { cell.alarming() } else { cell }
}

/// Callers over all endpoints of a service.
fn service_callers(service: &ServiceReport, page: &mut Page) {
    let sums = sums::callers(service);
    if sums.is_empty() {
        return;
    }
    let rows = sums.iter().map(|sum| {
        vec![
            plain(&sum.party.name),
            plain(&place(sum.party)),
            plain(sum.credential),
            number(sum.endpoints),
            number(sum.calls),
            number(sum.refused),
        ]
    });
    page.table(&SERVICE_CALLERS, rows.collect());
    page.text.push('\n');
}

/// Fields over all endpoints of a service.
fn service_fields(service: &ServiceReport, page: &mut Page) {
    let sums = sums::fields(service);
    if sums.is_empty() {
        return;
    }
    let join = |names: &BTreeSet<&str>| plain(&names.iter().copied().collect::<Vec<_>>().join(", "));
    let rows = sums.iter().map(|sum| {
        vec![
            plain(sum.place),
            plain(field_name(sum.place, sum.name)),
            join(&sum.types),
            join(&sum.formats),
            join(&sum.classes),
            number(sum.endpoints),
            number(sum.calls),
        ]
    });
    page.table(&SERVICE_FIELDS, rows.collect());
    page.text.push('\n');
}

fn run_line(run: &RunRow) -> String {
    let end = match (&run.ended, &run.flushed) {
        (Some(ended), _) => format!("ended {}", short_time(ended)),
        (None, Some(flushed)) => format!("last flush {}, no orderly end yet", short_time(flushed)),
        (None, None) => "nothing stored yet".to_owned(),
    };
    format!(
        "run {}: front end {}, scope {}, started {}, {end}, {}\n",
        run.id,
        for_terminal(&run.front_end),
        for_terminal(&run.scope),
        short_time(&run.started),
        format::count(run.calls, "call"),
    )
}

/// Noise by class, in one line.
fn noise_line(report: &Report) -> String {
    let mut parts: Vec<String> = report
        .noise
        .iter()
        .map(|(class, sum)| format!("{class} {}", format::count(sum.calls, "call")))
        .collect();
    if report.scanners > 0 {
        parts.push(format::count(report.scanners, "scanner"));
    }
    if parts.is_empty() { "noise: none\n".to_owned() } else { format!("noise: {}\n", parts.join("; ")) }
}

/// Connections and bytes by what they carried, in one line.
fn coverage_line(coverage: &[Coverage]) -> String {
    let mut sums: BTreeMap<(bool, String), (u64, u64)> = BTreeMap::new();
    for row in coverage {
        let sum = sums.entry((!row.readable, class(row))).or_default();
        sum.0 = sum.0.saturating_add(row.connections);
        sum.1 = sum.1.saturating_add(row.bytes);
    }
    if sums.is_empty() {
        return "coverage: no connection seen\n".to_owned();
    }
    let parts = sums.iter().map(|((unreadable, verdict), (connections, bytes))| {
        let not = if *unreadable { ", not read" } else { "" };
        format!("{verdict} {} ({}{not})", format::count(*connections, "connection"), format::bytes(*bytes))
    });
    format!("coverage: {}\n", parts.collect::<Vec<_>>().join("; "))
}

/// `apicensus coverage`.
pub fn ledger(ledger: &Ledger, style: Style) -> String {
    let mut page = Page::new(style);
    let sums = |name: &str, sums: &Sums| {
        vec![
            plain(name),
            number(sums.connections),
            plain(&format::bytes(sums.bytes)),
            plain(&format::bytes(sums.plaintext_bytes)),
            plain(&format::bytes(sums.lost_bytes)),
        ]
    };
    if ledger.rows.is_empty() {
        page.text.push_str("no connection seen\n");
        return page.end();
    }
    let mut rows: Vec<_> = ledger.classes.iter().map(|(name, class)| sums(name, class)).collect();
    rows.push(sums("all connections", &ledger.total));
    page.table(&CLASSES, rows);
    page.text.push('\n');
    let rows = ledger.rows.iter().map(|row| {
        let at = &row.coverage;
        let or_dash = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
        vec![
            plain(&at.program),
            plain(&whereabouts(at.container.as_deref(), &at.cgroup)),
            number(at.port.into()),
            plain(&row.class),
            or_dash(&at.reason),
            or_dash(&at.server_name),
            or_dash(&at.tls_version),
            or_dash(&at.alpn),
            number(at.connections),
            plain(&format::bytes(at.bytes)),
            plain(&format::bytes(at.lost_bytes)),
        ]
    });
    page.table(&LEDGER, rows.collect());
    if !ledger.reasons.is_empty() {
        page.text.push('\n');
        let rows = ledger.reasons.iter().map(|(name, meaning)| vec![plain(name), plain(meaning)]);
        page.table(&REASONS, rows.collect());
    }
    page.end()
}

/// One line per loss with what it means.
fn losses(losses: &BTreeMap<String, u64>, page: &mut Page) {
    let rows: Vec<Vec<Cell>> = losses
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(cause, count)| vec![plain(cause), number(*count), plain(meaning(cause).unwrap_or("-"))])
        .collect();
    if rows.is_empty() {
        page.text.push_str("losses: none\n");
    } else {
        page.text.push('\n');
        page.table(&LOSSES, rows);
    }
}

fn losses_line(losses: &BTreeMap<String, u64>) -> String {
    let losses = losses.iter().filter(|(_, count)| **count > 0);
    let parts: Vec<String> =
        losses.map(|(cause, count)| format!("{} {count}", for_terminal(cause))).collect();
    if parts.is_empty() { "losses: none\n".to_owned() } else { format!("losses: {}\n", parts.join(", ")) }
}
