//! Findings as one page that needs no network, in the manner of the inventory's page: the same style,
//! markup and policy. The script filters by level, rule and text; without it everything is shown.

use super::document::{FindingRow, Findings};
use super::owasp;
use super::text::{state, summary_line};
use crate::report::html::markup::Markup;
use crate::report::html::{STYLE, content_policy};
use crate::report::sums::minute;

/// Findings on the page; the worst ones, where there are more.
const ROWS_MAX: usize = 5_000;

const SCRIPT: &str = include_str!("../assets/findings.js");

const POLICY: &str = content_policy!("APICENSUS_FINDINGS_JS_SHA256");

/// The page.
pub fn render(document: &Findings) -> String {
    let mut page = Markup::default();
    head(document, &mut page);
    filters(document, &mut page);
    let shown = document.findings.iter().take(ROWS_MAX);
    let mut last: Option<(&str, &str)> = None;
    for row in shown {
        if last != Some((&row.level, &row.rule)) {
            if last.is_some() {
                page.raw("</tbody></table></div></section>\n");
            }
            group(document, row, &mut page);
        }
        last = Some((&row.level, &row.rule));
        finding(row, &mut page);
    }
    if last.is_some() {
        page.raw("</tbody></table></div></section>\n");
    }
    let more = document.findings.len().saturating_sub(ROWS_MAX) as u64;
    if more > 0 {
        page.raw("<p class=cut>").count(more, "finding").raw(" more: see --format json.</p>");
    }
    page.raw("</main>\n<footer><p>Made by apicensus ").raw(env!("CARGO_PKG_VERSION"));
    page.raw(". Times are UTC. This file loads nothing and sends nothing.</p></footer>\n<script>");
    page.raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.end()
}

fn head(document: &Findings, page: &mut Markup) {
    page.raw("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n");
    page.raw("<meta http-equiv=Content-Security-Policy content=\"").raw(POLICY).raw("\">\n");
    page.raw("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=color-scheme content=\"light dark\">\n<meta name=referrer content=no-referrer>\n");
    page.raw("<title>API findings</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
    page.raw("<header><h1>API findings</h1><p class=lead>");
    page.text(&summary_line(&document.summary, &document.looked_at)).raw(". As of ");
    page.text(&minute(&document.looked_at.at)).raw(" UTC.</p></header>\n<main>\n<dl class=tiles>");
    let sums = &document.summary;
    for (name, number) in [
        ("Errors", sums.errors),
        ("Warnings", sums.warnings),
        ("Notes", sums.notes),
        ("Acknowledged", sums.acknowledged),
        ("Suppressed", sums.suppressed),
        ("Resolved", sums.resolved),
    ] {
        page.raw("<div><dt>").raw(name).raw("</dt><dd>").number(number).raw("</dd></div>");
    }
    page.raw("</dl>\n");
}

fn filters(document: &Findings, page: &mut Markup) {
    page.raw(
        "<form id=filter hidden><label class=wide>Find<input type=search id=find \
        placeholder=\"service, path, field, text\"></label><label>Level<select id=level><option value=\"\">all\
        <option>error<option>warning<option>note</select></label><label>Rule<select id=rule><option value=\"\">all",
    );
    for rule in &document.rules {
        page.raw("<option>").text(&rule.id);
    }
    page.raw("</select></label><output id=count></output></form>\n");
}

fn group(document: &Findings, row: &FindingRow, page: &mut Markup) {
    page.raw("<section data-level=\"").text(&row.level).raw("\" data-rule=\"").text(&row.rule).raw("\"><h2>");
    page.raw(match row.level.as_str() {
        "error" => "<span class=bad>error</span> ",
        "warning" => "<span class=warn>warning</span> ",
        _ => "<span class=quiet>note</span> ",
    });
    match document.rule(&row.rule) {
        Some(rule) => {
            page.text(&rule.title).raw(" <small><code>").text(&rule.id).raw("</code></small></h2><p>");
            page.text(&rule.rationale).raw("</p><p><b>What to do:</b> ").text(&rule.remediation).raw("</p>");
            for id in &rule.owasp {
                page.raw("<p class=quiet>OWASP ").text(&owasp::titled(id)).raw("</p>");
            }
        }
        None => {
            page.text(&row.rule).raw("</h2>");
        }
    }
    page.raw(
        "<div class=scroll><table><thead><tr><th scope=col>Where<th scope=col>What<th scope=col>Who\
        <th scope=col>State<th scope=col>Last seen<th scope=col>Fingerprint</tr></thead><tbody>",
    );
}

fn finding(row: &FindingRow, page: &mut Markup) {
    page.raw("<tr><td>");
    match (&row.method, &row.path) {
        (Some(method), Some(path)) => {
            page.raw("<b>").text(method).raw("</b> ").path(path).raw("<br><small>").text(&row.service);
            page.raw("</small>");
        }
        _ => {
            page.text(&row.place());
        }
    }
    if let Some(field) = row.field_text() {
        page.raw("<br><small>field <code>").text(&field).raw("</code></small>");
    }
    page.raw("</td><td>").text(&row.message);
    if let Some(place) = &row.specified {
        page.raw("<br><small>see ").text(&place.specification).raw(" <code>").text(&place.pointer);
        page.raw("</code></small>");
    }
    page.raw("</td><td>");
    for edge in &row.edges {
        page.text(&edge.caller).raw(" <small>").text(&edge.credential).raw(", ").count(edge.calls, "call");
        page.raw("</small><br>");
    }
    page.raw("</td><td>").text(&state(row)).raw("</td><td class=t>").text(&minute(&row.last_seen));
    page.raw("</td><td><code>").text(row.fingerprint.get(..8).unwrap_or(&row.fingerprint));
    page.raw("</code></td></tr>");
}
