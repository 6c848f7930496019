//! The tables of the page: endpoints, callers, fields, noise. Readable without a script; each has a
//! bound and says what is beyond it.

use std::collections::{BTreeMap, BTreeSet};

use super::LeftOut;
use super::data::Cut;
use super::markup::Markup;
use crate::inventory::noise::PATHS_MAX;
use crate::report::document::{EndpointRow, Report};
use crate::report::format;
use crate::report::noise::Noise;
use crate::report::sums::{self, doubt, field_name, minute, place, status_classes};

/// Rows of all callers; of each service no fewer than `ROWS_PER_SERVICE_MIN`, as long as there is room.
const CALLER_ROWS_MAX: usize = 2_000;

/// Rows of all fields.
const FIELD_ROWS_MAX: usize = 4_000;

/// Rows of noise, and of scanners.
const NOISE_ROWS_MAX: usize = 500;

/// The filter, which only the script shows, and the endpoints by service.
pub(super) fn endpoints(report: &Report, left_out: LeftOut, cut: Cut, page: &mut Markup) {
    page.raw("<section id=endpoints><h2>Endpoints</h2>");
    if left_out.endpoints > 0 || cut != Cut::default() {
        page.raw("<div class=cut><p>To keep this file of a size that opens, it leaves out:</p><ul>");
        let line = |number: u64, noun, page: &mut Markup| {
            if number > 0 {
                page.raw("<li>").count(number, noun);
            }
        };
        line(left_out.endpoints, "endpoint", page);
        if left_out.endpoints > 0 {
            page.raw(" with the fewest calls (").count(left_out.calls, "call").raw(" together)</li>");
        }
        line(cut.fields, "field", page);
        if cut.fields > 0 {
            page.raw(" of endpoints with many: each shows the ones that most calls had</li>");
        }
        line(cut.callers, "caller", page);
        if cut.callers > 0 {
            page.raw(" of endpoints with many: each shows the ones that called most, and is found by those only</li>");
        }
        page.raw("</ul><p>Filters of the command (<code>--service</code>, <code>--path</code>) make a smaller report, \
            <code>--format json</code> has all of it.</p></div>");
    }
    if report.services.iter().all(|service| service.endpoints.is_empty()) {
        page.raw("<p>None.</p></section>\n");
        return;
    }
    page.raw(FILTER);
    page.raw("<div class=scroll><table id=list><thead><tr><th scope=col data-sort=path>Endpoint</th>\
        <th scope=col data-sort=calls class=n>Calls</th><th scope=col data-sort=failed>Answers</th>\
        <th scope=col data-sort=p95 class=n>Time, p95</th><th scope=col data-sort=fields class=n>Fields</th>\
        <th scope=col data-sort=auth>Credential</th><th scope=col data-sort=callers class=n>Callers</th>\
        <th scope=col data-sort=confirmed>Confirmed</th><th scope=col data-sort=last>Last seen</th></tr></thead>\n");
    for (number, service) in report.services.iter().enumerate() {
        if service.endpoints.is_empty() {
            continue;
        }
        page.raw("<tbody id=s")
            .digits(number as u64)
            .raw("><tr class=group><th colspan=9 scope=rowgroup><b>");
        page.text(&service.name)
            .raw("</b> <small>")
            .count(service.endpoints.len() as u64, "endpoint")
            .raw(", ");
        page.count(sums::calls(service), "call");
        let transports = sums::transports(service);
        if !transports.is_empty() {
            page.raw("; ").text(&transports);
        }
        page.raw("</small></th></tr>\n");
        for endpoint in &service.endpoints {
            row(&endpoint.endpoint, endpoint.fields.len() as u64, page);
        }
        page.raw("</tbody>\n");
    }
    page.raw("</table></div><p id=none hidden>No endpoint is like that.</p>\
        <noscript><p class=quiet>Fields, callers and answers of each single endpoint are shown by the script of this \
        page, which is off; <code>apicensus report --format json</code> has them.</p></noscript></section>\n");
}

const FILTER: &str = "<form id=filter hidden role=search>\
    <label class=wide>Filter<input type=search name=q autocomplete=off spellcheck=false \
    placeholder=\"words of path, service, caller; method:post, caller:curl, auth:none, field:email, confirmed:no\"></label>\
    <label>Service<select name=service><option value=\"\">all</option></select></label>\
    <label>Method<select name=method><option value=\"\">all</option></select></label>\
    <label>Caller<select name=caller><option value=\"\">all</option></select></label>\
    <label>Credential<select name=auth><option value=\"\">all</option></select></label>\
    <label>Confirmed<select name=confirmed><option value=\"\">all</option><option value=yes>yes</option>\
    <option value=no>no</option></select></label>\
    <label class=check><input type=checkbox name=flat> one list</label>\
    <button type=reset>Clear</button><output id=count aria-live=polite></output></form>";

fn row(row: &EndpointRow, fields: u64, page: &mut Markup) {
    page.raw("<tr class=e><th scope=row>");
    method(&row.name.method, page);
    page.path(&row.name.path).raw("</th><td class=n>").number(row.calls).raw("</td><td>");
    statuses(&row.statuses, page);
    page.raw("</td><td class=n>");
    if let Some(latency) = row.latency_ms {
        page.text(&format::duration(latency.p95));
    }
    page.raw("</td><td class=n>").number(fields).raw("</td><td>");
    for (index, credential) in row.credentials.keys().enumerate() {
        page.raw(if index > 0 { ", " } else { "" }).text(credential);
    }
    page.raw("</td><td class=n>").number(row.caller_count).raw("</td><td>");
    match &row.doubt {
        None => page.raw("yes"),
        Some(name) => page.raw("<span class=doubt>").text(doubt(name)).raw("</span>"),
    };
    page.raw("</td><td class=t>").text(&minute(&row.last_seen)).raw("</td></tr>\n");
}

fn method(method: &str, page: &mut Markup) {
    // Methods that change something stand out.
    page.raw(match method {
        "GET" | "HEAD" | "OPTIONS" => "<span class=m>",
        "POST" => "<span class=\"m post\">",
        "PUT" | "PATCH" => "<span class=\"m put\">",
        "DELETE" => "<span class=\"m delete\">",
        _ => "<span class=\"m other\">",
    });
    page.text(method).raw("</span> ");
}

fn statuses(statuses: &BTreeMap<String, u64>, page: &mut Markup) {
    for (index, (class, calls)) in status_classes(statuses).iter().enumerate() {
        page.raw(if index > 0 { " " } else { "" });
        page.raw(match class.as_bytes() {
            [b'5', ..] => "<span class=bad>",
            [b'4', ..] => "<span class=warn>",
            [b'2', ..] => "<span class=ok>",
            _ => "<span>",
        });
        page.text(class).raw("\u{a0}").number(*calls).raw("</span>");
    }
}

/// Callers by service.
pub(super) fn callers(report: &Report, page: &mut Markup) {
    page.raw("<section id=callers><h2>Callers</h2>");
    let (mut room, mut beyond) = (CALLER_ROWS_MAX, 0);
    let mut is_open = false;
    for service in &report.services {
        let mut sums = sums::callers(service);
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.calls));
        beyond += sums.len().saturating_sub(room) as u64;
        if sums.is_empty() || room == 0 {
            continue;
        }
        if !is_open {
            page.raw("<div class=scroll><table class=plain><thead><tr><th scope=col>Caller</th><th scope=col>Where</th>\
                <th scope=col>Credential</th><th scope=col class=n>Endpoints</th><th scope=col class=n>Calls</th>\
                <th scope=col class=n>Refused</th></tr></thead>\n");
            is_open = true;
        }
        page.raw("<tbody><tr class=group><th colspan=6 scope=rowgroup><b>").text(&service.name);
        page.raw("</b></th></tr>\n");
        for sum in sums.iter().take(room) {
            page.raw("<tr><td>").text(&sum.party.name).raw("</td><td>").text(&place(sum.party));
            if sum.party.address != place(sum.party) && sum.party.address != sum.party.name {
                page.raw(" <small>").text(&sum.party.address).raw("</small>");
            }
            page.raw("</td><td>").text(sum.credential).raw("</td><td class=n>").number(sum.endpoints);
            page.raw("</td><td class=n>").number(sum.calls);
            page.raw(if sum.refused.saturating_mul(2) >= sum.calls {
                "</td><td class=\"n bad\">"
            } else {
                "</td><td class=n>"
            });
            page.number(sum.refused).raw("</td></tr>\n");
        }
        page.raw("</tbody>");
        room = room.saturating_sub(sums.len());
    }
    page.raw(if is_open { "</table></div>" } else { "<p>None.</p>" });
    beyond_note(beyond, "caller", "<code>apicensus callers</code>", page);
    page.raw("</section>\n");
}

/// Fields by service.
pub(super) fn fields(report: &Report, page: &mut Markup) {
    page.raw("<section id=fields><h2>Fields</h2><p class=quiet>Names and types of what was sent and answered, over all \
        endpoints of a service; never a value.</p>");
    let (mut room, mut beyond, mut any) = (FIELD_ROWS_MAX, 0, false);
    let share = (FIELD_ROWS_MAX / report.services.len().max(1)).max(50);
    for service in &report.services {
        let mut sums = sums::fields(service);
        if sums.is_empty() {
            continue;
        }
        any = true;
        let all = sums.len();
        let shown = room.min(share.max(room / 4));
        if all > shown {
            sums.sort_by_key(|sum| std::cmp::Reverse(sum.calls));
            sums.truncate(shown);
            sums.sort_by_key(|sum| (sum.place, sum.name));
        }
        beyond += (all - sums.len()) as u64;
        room -= sums.len();
        if sums.is_empty() {
            continue;
        }
        page.raw("<details><summary><b>").text(&service.name).raw("</b> <small>").count(all as u64, "field");
        page.raw(
            "</small></summary><div class=scroll><table class=plain><thead><tr><th scope=col>Place</th>\
            <th scope=col>Field</th><th scope=col>Types</th><th scope=col>Formats</th><th scope=col>Classes</th>\
            <th scope=col class=n>Endpoints</th><th scope=col class=n>Calls</th></tr></thead><tbody>\n",
        );
        let join = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        for sum in sums {
            page.raw("<tr><td>").text(sum.place).raw("</td><td>").path(field_name(sum.place, sum.name));
            page.raw("</td><td>").text(&join(&sum.types)).raw("</td><td>").text(&join(&sum.formats));
            page.raw("</td><td>").text(&join(&sum.classes));
            page.raw("</td><td class=n>").number(sum.endpoints).raw("</td><td class=n>").number(sum.calls);
            page.raw("</td></tr>\n");
        }
        page.raw("</tbody></table></div></details>\n");
    }
    if !any {
        page.raw("<p>None.</p>");
    }
    beyond_note(beyond, "field", "<code>apicensus fields</code>", page);
    page.raw("</section>\n");
}

/// What was called and is no endpoint, and who only tries paths out.
pub(super) fn noise(noise: &Noise, page: &mut Markup) {
    page.raw("<section id=noise><h2>Noise</h2><p class=quiet>What was called and is no endpoint: paths that nothing \
        answered at, pages given for any path, files of web pages, health checks, preflights.</p>");
    if noise.noise.is_empty() {
        page.raw("<p>None.</p>");
    } else {
        let mut rows: Vec<_> = noise.noise.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.calls));
        let beyond = rows.len().saturating_sub(NOISE_ROWS_MAX);
        rows.truncate(NOISE_ROWS_MAX);
        page.raw("<details><summary><b>By path</b> <small>").count(noise.noise.len() as u64, "row");
        page.raw("</small></summary><div class=scroll><table class=plain><thead><tr><th scope=col>What</th>\
            <th scope=col>Service</th><th scope=col>Path</th><th scope=col class=n>Calls</th><th scope=col>Answers</th>\
            <th scope=col class=n>Callers</th><th scope=col>Last seen</th></tr></thead><tbody>\n");
        for row in rows {
            page.raw("<tr><td>").text(&row.class).raw("</td><td>").text(&row.service).raw("</td><td>");
            method(&row.method, page);
            page.path(&row.path).raw("</td><td class=n>").number(row.calls).raw("</td><td>");
            statuses(&row.statuses, page);
            page.raw("</td><td class=n>").number(row.caller_count).raw("</td><td class=t>");
            page.text(&minute(&row.last_seen)).raw("</td></tr>\n");
        }
        page.raw("</tbody></table></div>");
        beyond_note(beyond as u64, "row", "<code>apicensus noise</code>", page);
        page.raw("</details>");
    }
    if !noise.scanners.is_empty() {
        page.raw("<div class=scroll><table class=plain><caption>Scanners: callers that only try paths out</caption><thead>\
            <tr><th scope=col>Caller</th><th scope=col>Where</th><th scope=col class=n>Calls</th>\
            <th scope=col class=n>Missed</th><th scope=col class=n>Paths</th><th scope=col class=n>Services</th>\
            <th scope=col>Last seen</th></tr></thead><tbody>\n");
        for scanner in noise.scanners.iter().take(NOISE_ROWS_MAX) {
            page.raw("<tr><td>").text(&scanner.caller.name).raw("</td><td>").text(&place(&scanner.caller));
            page.raw("</td><td class=n>")
                .number(scanner.calls)
                .raw("</td><td class=n>")
                .number(scanner.missed);
            page.raw("</td><td class=n>").raw(if scanner.paths >= PATHS_MAX { "over\u{a0}" } else { "" });
            page.number(scanner.paths)
                .raw("</td><td class=n>")
                .number(scanner.services)
                .raw("</td><td class=t>");
            page.text(&minute(&scanner.last_seen)).raw("</td></tr>\n");
        }
        page.raw("</tbody></table></div>");
        let beyond = noise.scanners.len().saturating_sub(NOISE_ROWS_MAX);
        beyond_note(beyond as u64, "scanner", "<code>apicensus noise</code>", page);
    }
    page.raw("</section>\n");
}

fn beyond_note(beyond: u64, noun: &'static str, command: &'static str, page: &mut Markup) {
    if beyond > 0 {
        page.raw("<p class=cut>").count(beyond, noun).raw(" with fewer calls not in this file; see ");
        page.raw(command).raw(".</p>");
    }
}
