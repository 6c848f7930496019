//! A report as one page: a file that needs no network, tables that need no script. The script adds the
//! filter, sorting and the details of each endpoint; the picture is drawn here.
//!
//! Names on it are the text of whoever sent the traffic. They pass `markup`, and the page's own policy
//! lets no script and no style run but the two that are part of this program.

mod data;
mod graph;
pub(super) mod markup;
mod picture;
mod tables;

use markup::Markup;

use super::document::Report;
use super::findings::stored;
use super::noise::Noise;
use super::sums::{Totals, minute};
use super::unseen::{self, Cost, Unseen};

/// Endpoints in the table; those with most calls, where there are more.
const ENDPOINTS_MAX: usize = 10_000;

pub(super) const STYLE: &str = include_str!("assets/report.css");
const SCRIPT: &str = include_str!("assets/report.js");

/// The policy of a page whose script has the hash that `build.rs` puts there under this name: nothing is
/// fetched, nothing is sent, and only our style and that script work.
macro_rules! content_policy {
    ($script_sha256:literal) => {
        concat!(
            "default-src 'none'; style-src 'sha256-",
            env!("APICENSUS_REPORT_CSS_SHA256"),
            "'; script-src 'sha256-",
            env!($script_sha256),
            "'; base-uri 'none'; form-action 'none'"
        )
    };
}
pub(super) use content_policy;

const POLICY: &str = content_policy!("APICENSUS_REPORT_JS_SHA256");

/// The page.
pub fn render(report: &Report, noise: &Noise) -> String {
    let (shown, left_out) = with_most_calls(report, ENDPOINTS_MAX);
    let mut data = Markup::default();
    let cut = data::append(shown.as_ref().unwrap_or(report), ENDPOINTS_MAX, &mut data);
    let mut page = Markup::default();
    head(&mut page);
    let totals = Totals::of(report);
    let unseen = Unseen::of(report);
    summary(&totals, report.findings.is_some(), &mut page);
    not_seen(&unseen, &mut page);
    if let Some(found) = &report.findings {
        stored::html(found, &mut page);
    }
    page.raw("<section id=picture><h2>Who calls what</h2>");
    picture::draw(report, &mut page);
    page.raw("</section>\n");
    tables::endpoints(shown.as_ref().unwrap_or(report), left_out, cut, &mut page);
    tables::callers(report, &mut page);
    tables::fields(report, &mut page);
    tables::noise(noise, &mut page);
    page.raw("</main>\n<footer><p>Made by apicensus ").raw(env!("CARGO_PKG_VERSION"));
    page.raw(". Times are UTC. This file loads nothing and sends nothing.</p></footer>\n");
    page.append(data);
    page.raw("<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.end()
}

/// Endpoints that are left out, and their calls.
#[derive(Clone, Copy, Default)]
struct LeftOut {
    endpoints: u64,
    calls: u64,
}

/// The same report with the endpoints that were called most; `None` if that is all of them.
fn with_most_calls(report: &Report, max: usize) -> (Option<Report>, LeftOut) {
    let endpoints = report.services.iter().flat_map(|service| &service.endpoints);
    let mut order: Vec<(u64, usize)> =
        endpoints.enumerate().map(|(index, each)| (each.endpoint.calls, index)).collect();
    if order.len() <= max {
        return (None, LeftOut::default());
    }
    order.sort_unstable_by_key(|&(calls, index)| (std::cmp::Reverse(calls), index));
    let mut keep = vec![false; order.len()];
    let mut left_out = LeftOut::default();
    for (rank, (calls, index)) in order.into_iter().enumerate() {
        if rank >= max {
            left_out.endpoints += 1;
            left_out.calls = left_out.calls.saturating_add(calls);
        } else if let Some(keep) = keep.get_mut(index) {
            *keep = true;
        }
    }
    let mut shown = report.clone();
    let mut keep = keep.into_iter();
    for service in &mut shown.services {
        service.endpoints.retain(|_| keep.next().unwrap_or(false));
    }
    (Some(shown), left_out)
}

fn head(page: &mut Markup) {
    page.raw("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n");
    page.raw("<meta http-equiv=Content-Security-Policy content=\"").raw(POLICY).raw("\">\n");
    page.raw("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=color-scheme content=\"light dark\">\n<meta name=referrer content=no-referrer>\n");
    page.raw("<title>API inventory</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
    page.raw("<a class=skip href=\"#endpoints\">Skip to the endpoints</a>\n");
}

fn summary(totals: &Totals<'_>, has_findings: bool, page: &mut Markup) {
    page.raw("<header><h1>API inventory</h1><p class=lead>");
    if totals.endpoints == 0 {
        page.raw("No endpoint was seen.");
    } else {
        page.raw("What was called from ").text(&minute(totals.first_seen)).raw(" to ");
        page.text(&minute(totals.last_seen)).raw(" UTC, as seen at the sockets of this host.");
    }
    page.raw("</p><nav aria-label=Sections><a href=\"#unseen\">Not seen</a>");
    if has_findings {
        page.raw("<a href=\"#findings\">Findings</a>");
    }
    page.raw(
        "<a href=\"#picture\">Who calls what</a>\
        <a href=\"#endpoints\">Endpoints</a><a href=\"#callers\">Callers</a><a href=\"#fields\">Fields</a>\
        <a href=\"#noise\">Noise</a></nav></header>\n<main>\n<dl class=tiles>",
    );
    let tile = |page: &mut Markup, name: &'static str, number: u64| {
        page.raw("<div><dt>").raw(name).raw("</dt><dd>").number(number).raw("</dd>");
    };
    tile(page, "Services", totals.services);
    page.raw("</div>");
    tile(page, "Endpoints", totals.endpoints);
    if totals.unconfirmed > 0 {
        page.raw("<dd class=more>").number(totals.unconfirmed).raw(" unconfirmed</dd>");
    }
    page.raw("</div>");
    tile(page, "Calls", totals.calls);
    page.raw("</div>");
    tile(page, "Callers", totals.callers);
    page.raw("</div>");
    tile(page, "Fields", totals.fields);
    page.raw("</div>");
    tile(page, "Noise", totals.noise.calls);
    page.raw("<dd class=more>calls to no endpoint</dd></div></dl>\n");
}

fn not_seen(unseen: &Unseen, page: &mut Markup) {
    page.raw("<section id=unseen class=\"").raw(if unseen.incomplete {
        "notice incomplete"
    } else {
        "notice"
    });
    page.raw("\"><h2>What the sensor could not see</h2><p class=headline>")
        .text(&unseen.headline)
        .raw("</p>");
    if !unseen.unreadable.is_empty() {
        page.raw("<ul>");
        for (who, words) in &unseen.unreadable {
            page.raw("<li><b>").text(who).raw("</b>: ").text(words).raw("</li>");
        }
        page.raw("</ul>");
    }
    if !unseen.losses.is_empty() {
        page.raw(
            "<div class=scroll><table class=plain><caption>Lost, refused or capped</caption><thead><tr>\
            <th scope=col>What happened</th><th scope=col class=n>Times</th><th scope=col>Costs</th>\
            <th scope=col>Name</th></tr></thead><tbody>",
        );
        for loss in &unseen.losses {
            page.raw("<tr><td>").text(loss.meaning).raw("</td><td class=n>").number(loss.count);
            page.raw(if loss.cost == Cost::Calls { "</td><td class=bad>" } else { "</td><td>" });
            page.raw(loss.cost.name()).raw("</td><td><code>").text(&loss.cause).raw("</code></td></tr>");
        }
        page.raw("</tbody></table></div>");
    }
    page.raw("<p>Always true:</p><ul class=quiet>");
    for sentence in unseen::ALWAYS {
        page.raw("<li>").raw(sentence).raw("</li>");
    }
    page.raw("</ul></section>\n");
}
