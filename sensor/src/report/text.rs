//! Documents as tables for people. Nothing is shown here that JSON does not have.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::doctor::{Doctor, Outcome};
use super::document::{
    Callers, Coverage, EndpointRow, Endpoints, FieldRow, Fields, Latency, Party, Report, ServiceReport,
};
use super::escape::for_terminal;
use super::format;
use super::status::{RunRow, Status};

/// How tables are drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; `None` for as wide as the content is.
    pub width: Option<u16>,
    /// With colour and bold.
    pub colour: bool,
}

/// `apicensus report`.
pub fn report(report: &Report, style: Style) -> String {
    let mut text = String::new();
    if report.services.is_empty() {
        text.push_str("no endpoint\n");
    }
    for service in &report.services {
        let calls = service.endpoints.iter().map(|e| e.endpoint.calls).sum();
        text.push_str(&heading(&service.name, style));
        text.push_str(&format!(
            "  {}, {}\n\n",
            format::count(service.endpoints.len() as u64, "endpoint"),
            format::count(calls, "call")
        ));
        text.push_str(&service_endpoints(service, style));
        text.push_str(&service_callers(service, style));
        text.push_str(&service_fields(service, style));
    }
    text.push_str(&coverage_line(&report.coverage));
    text.push_str(&losses_line(&report.losses));
    text
}

/// `apicensus endpoints`.
pub fn endpoints(endpoints: &Endpoints, style: Style) -> String {
    let mut table = table(
        style,
        &[
            "SERVICE",
            "METHOD",
            "PATH",
            "CALLS",
            "STATUS",
            "P50",
            "P95",
            "FIELDS",
            "AUTH",
            "CALLERS",
            "FIRST SEEN",
            "LAST SEEN",
        ],
    );
    for row in &endpoints.endpoints {
        let mut cells = vec![plain(&row.name.service)];
        cells.extend(endpoint_cells(row, style));
        table.add_row(cells);
    }
    right(&mut table, &[3, 5, 6, 7, 9]);
    draw(&table, endpoints.endpoints.is_empty(), "no endpoint")
}

/// `apicensus callers`.
pub fn callers(callers: &Callers, style: Style) -> String {
    let mut table = table(
        style,
        &[
            "CALLER",
            "WHERE",
            "SERVICE",
            "METHOD",
            "PATH",
            "AUTH",
            "CALLS",
            "REFUSED",
            "FIRST SEEN",
            "LAST SEEN",
        ],
    );
    for row in &callers.callers {
        table.add_row(vec![
            plain(&row.caller.caller.name),
            plain(&place(&row.caller.caller)),
            plain(&row.endpoint.service),
            plain(&row.endpoint.method),
            plain(&row.endpoint.path),
            plain(&row.caller.credential),
            plain(&row.caller.calls.to_string()),
            plain(&row.caller.refused.to_string()),
            plain(short_time(&row.caller.first_seen)),
            plain(short_time(&row.caller.last_seen)),
        ]);
    }
    right(&mut table, &[6, 7]);
    draw(&table, callers.callers.is_empty(), "no caller")
}

/// `apicensus fields`.
pub fn fields(fields: &Fields, style: Style) -> String {
    let mut table = table(
        style,
        &["SERVICE", "METHOD", "PATH", "PLACE", "FIELD", "TYPES", "FORMATS", "SEEN", "REQUIRED"],
    );
    for FieldRow { endpoint, field } in &fields.fields {
        table.add_row(vec![
            plain(&endpoint.service),
            plain(&endpoint.method),
            plain(&endpoint.path),
            plain(&field.place),
            plain(&field.name),
            plain(&field.types.join(", ")),
            plain(&field.formats.join(", ")),
            plain(&format!("{}/{}", field.calls, field.of)),
            plain(if field.required { "yes" } else { "no" }),
        ]);
    }
    right(&mut table, &[7]);
    draw(&table, fields.fields.is_empty(), "no field")
}

/// `apicensus status`.
pub fn status(status: &Status, style: Style) -> String {
    let mut text = format!("store {}\n", for_terminal(&status.store));
    let Some((last, earlier)) = status.runs.split_first() else {
        text.push_str("no run yet\n");
        return text;
    };
    text.push_str(&run_line(last));
    if !last.coverage.is_empty() {
        let mut table =
            table(style, &["PROGRAM", "CGROUP", "PORT", "CARRIES", "READ", "CONNECTIONS", "BYTES"]);
        for row in &last.coverage {
            table.add_row(vec![
                plain(&row.program),
                plain(&row.cgroup),
                plain(&row.port.to_string()),
                plain(&row.verdict),
                plain(if row.readable { "yes" } else { "no" }),
                plain(&row.connections.to_string()),
                plain(&format::bytes(row.bytes)),
            ]);
        }
        right(&mut table, &[2, 5, 6]);
        text.push('\n');
        text.push_str(&draw(&table, false, ""));
        text.push('\n');
    }
    text.push_str(&coverage_line(&last.coverage));
    text.push_str(&losses_line(&last.losses));
    if !earlier.is_empty() {
        text.push_str(&heading("\nearlier runs", style));
        text.push('\n');
        for run in earlier {
            text.push_str(&run_line(run));
        }
    }
    text
}

/// `apicensus doctor`.
pub fn doctor(doctor: &Doctor, style: Style) -> String {
    let mut text = String::new();
    for check in &doctor.checks {
        let (word, colour) = match check.outcome {
            Outcome::Ok => ("ok      ", Color::Green),
            Outcome::Degraded => ("degraded", Color::Yellow),
            Outcome::Failed => ("not ok  ", Color::Red),
        };
        let word = if style.colour { coloured(word, colour) } else { word.to_owned() };
        text.push_str(&format!("{word}  {}: {}\n", for_terminal(&check.name), for_terminal(&check.detail)));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("          -> {}\n", for_terminal(remedy)));
        }
    }
    text.push_str(if doctor.can_capture { "capture is possible\n" } else { "capture is not possible\n" });
    text
}

fn service_endpoints(service: &ServiceReport, style: Style) -> String {
    let mut table = table(
        style,
        &[
            "METHOD",
            "PATH",
            "CALLS",
            "STATUS",
            "P50",
            "P95",
            "FIELDS",
            "AUTH",
            "CALLERS",
            "FIRST SEEN",
            "LAST SEEN",
        ],
    );
    for endpoint in &service.endpoints {
        table.add_row(endpoint_cells(&endpoint.endpoint, style));
    }
    right(&mut table, &[2, 4, 5, 6, 8]);
    draw(&table, false, "") + "\n"
}

fn endpoint_cells(row: &EndpointRow, style: Style) -> Vec<Cell> {
    let (p50, p95) = match row.latency_ms {
        Some(Latency { p50, p95 }) => (format::duration(p50), format::duration(p95)),
        None => (String::new(), String::new()),
    };
    vec![
        plain(&row.name.method),
        plain(&row.name.path),
        plain(&row.calls.to_string()),
        statuses(&row.statuses, style),
        plain(&p50),
        plain(&p95),
        plain(&format!("{}+{}", row.request_fields, row.response_fields)),
        plain(&row.credentials.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        plain(&row.caller_count.to_string()),
        plain(short_time(&row.first_seen)),
        plain(short_time(&row.last_seen)),
    ]
}

/// `2xx 10, 4xx 2`.
fn statuses(statuses: &BTreeMap<String, u64>, style: Style) -> Cell {
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    for (status, calls) in statuses {
        let class = match status.as_bytes() {
            [class @ b'1'..=b'9', _, _] => format!("{}xx", char::from(*class)),
            _ => "none".to_owned(),
        };
        *classes.entry(class).or_default() += calls;
    }
    let text: Vec<String> = classes.iter().map(|(class, calls)| format!("{class} {calls}")).collect();
    let cell = plain(&text.join(", "));
    match classes.contains_key("5xx") && style.colour {
        true => cell.fg(Color::Red),
        false => cell,
    }
}

/// Callers over all endpoints of a service.
fn service_callers(service: &ServiceReport, style: Style) -> String {
    let mut sums: BTreeMap<(&Party, &str), (BTreeSet<usize>, u64, u64)> = BTreeMap::new();
    for (number, endpoint) in service.endpoints.iter().enumerate() {
        for caller in &endpoint.callers {
            let sum = sums.entry((&caller.caller, &caller.credential)).or_default();
            sum.0.insert(number);
            sum.1 += caller.calls;
            sum.2 += caller.refused;
        }
    }
    if sums.is_empty() {
        return String::new();
    }
    let mut table = table(style, &["CALLER", "WHERE", "AUTH", "ENDPOINTS", "CALLS", "REFUSED"]);
    for ((party, credential), (endpoints, calls, refused)) in &sums {
        table.add_row(vec![
            plain(&party.name),
            plain(&place(party)),
            plain(credential),
            plain(&endpoints.len().to_string()),
            plain(&calls.to_string()),
            plain(&refused.to_string()),
        ]);
    }
    right(&mut table, &[3, 4, 5]);
    draw(&table, false, "") + "\n"
}

/// Fields over all endpoints of a service.
fn service_fields(service: &ServiceReport, style: Style) -> String {
    type Sum<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>, u64, u64);
    let mut sums: BTreeMap<(&str, &str), Sum<'_>> = BTreeMap::new();
    for endpoint in &service.endpoints {
        for field in &endpoint.fields {
            let sum = sums.entry((&field.place, &field.name)).or_default();
            sum.0.extend(field.types.iter().map(String::as_str));
            sum.1.extend(field.formats.iter().map(String::as_str));
            sum.2 += 1;
            sum.3 += field.calls;
        }
    }
    if sums.is_empty() {
        return String::new();
    }
    let mut table = table(style, &["PLACE", "FIELD", "TYPES", "FORMATS", "ENDPOINTS", "CALLS"]);
    for ((place, name), (types, formats, endpoints, calls)) in &sums {
        table.add_row(vec![
            plain(place),
            plain(name),
            plain(&types.iter().copied().collect::<Vec<_>>().join(", ")),
            plain(&formats.iter().copied().collect::<Vec<_>>().join(", ")),
            plain(&endpoints.to_string()),
            plain(&calls.to_string()),
        ]);
    }
    right(&mut table, &[4, 5]);
    draw(&table, false, "") + "\n"
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

/// Connections and bytes by what they carried, in one line.
fn coverage_line(coverage: &[Coverage]) -> String {
    let mut sums: BTreeMap<(bool, &str), (u64, u64)> = BTreeMap::new();
    for row in coverage {
        let sum = sums.entry((!row.readable, &row.verdict)).or_default();
        sum.0 = sum.0.saturating_add(row.connections);
        sum.1 = sum.1.saturating_add(row.bytes);
    }
    if sums.is_empty() {
        return "coverage: no connection seen\n".to_owned();
    }
    let parts: Vec<String> = sums
        .iter()
        .map(|((unreadable, verdict), (connections, bytes))| {
            let not = if *unreadable { ", not read" } else { "" };
            format!(
                "{verdict} {} ({}{not})",
                format::count(*connections, "connection"),
                format::bytes(*bytes)
            )
        })
        .collect();
    format!("coverage: {}\n", parts.join("; "))
}

fn losses_line(losses: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = losses
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(cause, n)| format!("{} {n}", for_terminal(cause)))
        .collect();
    if parts.is_empty() { "losses: none\n".to_owned() } else { format!("losses: {}\n", parts.join(", ")) }
}

/// Container, cgroup or address: where a party is, as short as it is telling.
fn place(party: &Party) -> String {
    match (&party.container, &party.cgroup, &party.program) {
        (Some(container), _, _) => format!("container {}", container.chars().take(12).collect::<String>()),
        (None, Some(cgroup), _) if cgroup != "/" => cgroup.clone(),
        (None, _, Some(_)) => "this host".to_owned(),
        (None, _, None) => party.address.clone(),
    }
}

/// Seconds are enough for people.
fn short_time(rfc3339: &str) -> &str {
    rfc3339.split_once('.').map_or(rfc3339, |(seconds, _)| seconds)
}

fn table(style: Style, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // Never asked from here: what the terminal is comes with the style.
    table.force_no_tty();
    match style.width {
        Some(width) => table.set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if style.colour {
        table.enforce_styling();
    }
    let cell = |name: &&str| {
        if style.colour { Cell::new(name).add_attribute(Attribute::Bold) } else { Cell::new(name) }
    };
    table.set_header(header.iter().map(cell));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn right(table: &mut Table, columns: &[usize]) {
    for &column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn draw(table: &Table, is_empty: bool, nothing: &str) -> String {
    if is_empty {
        return format!("{nothing}\n");
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn plain(text: &str) -> Cell {
    Cell::new(for_terminal(text))
}

fn heading(text: &str, style: Style) -> String {
    let text = if text.starts_with('\n') { text.to_owned() } else { for_terminal(text).into_owned() };
    if style.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text }
}

fn coloured(text: &str, colour: Color) -> String {
    let code = match colour {
        Color::Green => 32,
        Color::Yellow => 33,
        _ => 31,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
