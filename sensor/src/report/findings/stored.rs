//! Findings as the store keeps them, for the inventory's report: how many are open, by level and rule, and
//! the errors among them. Nothing is evaluated here: it is as of the last `apicensus findings`, or run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{FindingRow, Item, Summary, is_open};
use crate::findings::Level;
use crate::findings::rules::rule;
use crate::flow::Timestamp;
use crate::report::format::{self, count, grouped};
use crate::report::html::markup::Markup;
use crate::report::sums::minute;
use crate::report::table::{Columns, Page, number, plain};

/// Errors that a report lists.
const ERRORS_SHOWN: usize = 50;

/// Where all of them are.
const ALL: &str = "apicensus findings";

/// The part of a report.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
pub struct StoredFindings {
    /// When an evaluation found something the last time, RFC 3339; empty if none ever did.
    pub last_found: String,
    /// How many there are about what is reported; none counts as suppressed here.
    pub summary: Summary,
    /// Rules with open findings: those with the worst first, then by id.
    pub rules: Vec<RuleSum>,
    /// Open findings of level error, by rule and place; at most 50.
    pub errors: Vec<FindingRow>,
    /// Open findings of level error that are not listed.
    pub errors_left_out: u64,
}

/// Open findings of a rule.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct RuleSum {
    /// Id.
    pub rule: String,
    /// One line; empty for a rule of another version.
    pub title: String,
    /// `error`, `warning` or `note`: the worst of them.
    pub level: String,
    /// How many.
    pub open: u64,
}

impl StoredFindings {
    /// Of all items; an acknowledgement that ran out is none.
    pub fn of<'a>(items: impl IntoIterator<Item = Item<'a>>, now: Timestamp) -> StoredFindings {
        let mut summary = Summary::default();
        let mut last: Option<Timestamp> = None;
        let mut rules: BTreeMap<&str, (Level, u64)> = BTreeMap::new();
        let mut errors = Vec::new();
        for item in items {
            last = last.max(Some(item.state.found.last));
            summary.add_at(&item, now);
            if is_open(item.state, now) {
                let (worst, open) = rules.entry(item.rule).or_insert((item.level, 0));
                *worst = item.level.max(*worst);
                *open += 1;
                if item.level == Level::Error {
                    errors.push(item);
                }
            }
        }
        errors.sort_by(|one, other| (one.rule, one.subject).cmp(&(other.rule, other.subject)));
        let mut rules: Vec<_> = rules.into_iter().collect();
        rules.sort_by_key(|(id, (level, _))| (Reverse(*level), *id));
        StoredFindings {
            last_found: last.map_or(String::new(), format::time),
            summary,
            rules: rules
                .into_iter()
                .map(|(id, (level, open))| RuleSum {
                    rule: id.to_owned(),
                    title: rule(id).map_or(String::new(), |rule| rule.title.to_owned()),
                    level: level.name().to_owned(),
                    open,
                })
                .collect(),
            errors: errors.iter().take(ERRORS_SHOWN).map(FindingRow::of).collect(),
            errors_left_out: errors.len().saturating_sub(ERRORS_SHOWN) as u64,
        }
    }

    /// One sentence.
    fn line(&self) -> String {
        if self.last_found.is_empty() {
            return "none are stored".to_owned();
        }
        let Summary { errors, warnings, notes, acknowledged, resolved, .. } = self.summary;
        let mut line = format!(
            "{}, {}, {} open",
            count(errors, "error"),
            count(warnings, "warning"),
            count(notes, "note")
        );
        for (number, word) in [(acknowledged, "acknowledged"), (resolved, "resolved")] {
            if number > 0 {
                line.push_str(&format!(", {} {word}", grouped(number)));
            }
        }
        line.push_str(&format!("; last found {} UTC", minute(&self.last_found)));
        line
    }

    /// What is not listed.
    fn beyond(&self) -> Option<String> {
        (self.errors_left_out > 0)
            .then(|| format!("{} not listed here", count(self.errors_left_out, "more error")))
    }
}

const RULES: Columns =
    Columns { names: &["RULE", "LEVEL", "OPEN", "TITLE"], right: &["OPEN"], expendable: &["TITLE"] };

const ERRORS: Columns = Columns {
    names: &["FINDING", "RULE", "SERVICE", "WHERE", "OF", "WHAT"],
    right: &[],
    expendable: &["OF", "WHAT"],
};

/// Tables for a terminal.
pub(in crate::report) fn text(findings: &StoredFindings, page: &mut Page) {
    if !findings.rules.is_empty() {
        page.heading("Findings");
        let rows = findings
            .rules
            .iter()
            .map(|sum| vec![plain(&sum.rule), plain(&sum.level), number(sum.open), plain(&sum.title)]);
        page.table(&RULES, rows.collect());
        page.text.push('\n');
    }
    if !findings.errors.is_empty() {
        let rows = findings.errors.iter().map(|row| {
            vec![
                plain(digits(row)),
                plain(&row.rule),
                plain(&row.service),
                plain(&row.place()),
                plain(row.of.as_deref().unwrap_or_default()),
                plain(&row.message),
            ]
        });
        page.table(&ERRORS, rows.collect());
        page.text.push('\n');
    }
    if let Some(beyond) = findings.beyond() {
        page.text.push_str(&format!("({beyond})\n"));
    }
    page.text.push_str(&format!("findings: {}; `{ALL}` evaluates and lists them\n", findings.line()));
}

/// A section of the page.
pub(in crate::report) fn html(findings: &StoredFindings, page: &mut Markup) {
    page.raw("<section id=findings><h2>Findings</h2><p>").text(&findings.line()).raw(".</p>");
    if !findings.rules.is_empty() {
        page.raw(
            "<div class=scroll><table class=plain><caption>Open, by rule</caption><thead><tr><th scope=col>Rule</th>\
            <th scope=col>Level</th><th scope=col class=n>Open</th><th scope=col>What it is about</th></tr></thead><tbody>",
        );
        for sum in &findings.rules {
            page.raw("<tr><td><code>").text(&sum.rule).raw("</code></td><td class=").raw(
                match sum.level.as_str() {
                    "error" => "bad>error",
                    "warning" => "warn>warning",
                    _ => "quiet>note",
                },
            );
            page.raw("</td><td class=n>")
                .number(sum.open)
                .raw("</td><td>")
                .text(&sum.title)
                .raw("</td></tr>");
        }
        page.raw("</tbody></table></div>");
    }
    if !findings.errors.is_empty() {
        page.raw(
            "<div class=scroll><table class=plain><caption>Open errors</caption><thead><tr><th scope=col>Where</th>\
            <th scope=col>Rule</th><th scope=col>What</th><th scope=col>Finding</th></tr></thead><tbody>",
        );
        for row in &findings.errors {
            page.raw("<tr><td><code>").text(&row.place()).raw("</code>");
            if row.path.is_some() {
                page.raw("<br>").text(&row.service);
            }
            if let Some(of) = &row.of {
                page.raw("<br>").text(of);
            }
            page.raw("</td><td><code>").text(&row.rule).raw("</code></td><td>").text(&row.message);
            page.raw("</td><td><code>").text(digits(row)).raw("</code></td></tr>");
        }
        page.raw("</tbody></table></div>");
    }
    if let Some(beyond) = findings.beyond() {
        page.raw("<p class=cut>").text(&beyond).raw(".</p>");
    }
    page.raw("<p class=quiet><code>")
        .raw(ALL)
        .raw("</code> evaluates and lists all of them.</p></section>\n");
}

/// As much of a fingerprint as commands need.
pub(in crate::report) fn digits(row: &FindingRow) -> &str {
    row.fingerprint.get(..8).unwrap_or(&row.fingerprint)
}

/// What Markdown says above its tables.
pub(in crate::report) fn markdown_line(findings: &StoredFindings) -> String {
    let beyond = findings.beyond().map_or(String::new(), |beyond| format!(" {beyond}."));
    format!("{}.{beyond} `{ALL}` evaluates and lists all of them.", findings.line())
}
