//! Findings for a terminal: by level, then rule, with the reason and the remedy once per rule and what,
//! where and who for each finding. Lines are filled to the width of the terminal, or to 80 columns.

use std::fmt::Write;

use super::document::{FindingRow, Findings, LookedAt, RuleRow, Rules, Summary};
use super::owasp;
use crate::report::escape::for_terminal;
use crate::report::format::{count, grouped};
use crate::report::sums::minute;
use crate::report::table::{Columns, Page, Style, plain, wrap};

/// Width where there is no terminal.
const WIDTH: u16 = 80;

/// Digits of a fingerprint that are shown: `apicensus findings ack` takes as few.
const DIGITS: usize = 8;

const RULES: Columns = Columns { names: &["RULE", "LEVEL", "OWASP", "TITLE"], right: &[], expendable: &[] };

/// `apicensus findings`.
pub fn findings(document: &Findings, style: Style) -> String {
    let mut page = Lines::new(style);
    let mut last: Option<(&str, &str)> = None;
    for row in &document.findings {
        if last.is_none_or(|(level, _)| level != row.level) {
            page.heading(&format!("{}S", row.level.to_uppercase()), row.level == "error");
        }
        if last != Some((&row.level, &row.rule)) {
            rule_heading(&row.rule, document.rule(&row.rule), &mut page);
        }
        last = Some((&row.level, &row.rule));
        finding(row, &mut page);
    }
    page.line(&summary_line(&document.summary, &document.looked_at));
    let hidden = document.summary.resolved + document.summary.suppressed;
    if hidden > 0 && !document.findings.iter().any(|row| row.is_hidden_by_default()) {
        page.line("(resolved and suppressed ones are listed with --all)");
    }
    page.text
}

/// `apicensus findings show`: all that is known of each.
pub fn finding_in_full(document: &Findings, style: Style) -> String {
    let mut page = Lines::new(style);
    for row in &document.findings {
        page.heading(&format!("{} {}", row.level, row.rule), row.level == "error");
        let fact = |page: &mut Lines, name: &str, text: &str| {
            if !text.is_empty() {
                page.filled(&format!("{name:<13}"), 13, text);
            }
        };
        fact(&mut page, "What", &row.message);
        fact(&mut page, "Where", &row.place());
        fact(&mut page, "Service", &row.service);
        fact(&mut page, "Field", &row.field_text().unwrap_or_default());
        fact(&mut page, "Of", row.of.as_deref().unwrap_or_default());
        if let Some(calls) = row.calls.filter(|calls| *calls > 0) {
            let span =
                format!("{}, {} to {}", grouped(calls), minute(&row.first_seen), minute(&row.last_seen));
            fact(&mut page, "Calls", &span);
        }
        fact(&mut page, "Callers", &edges(row));
        fact(&mut page, "Specified", &specified(row));
        fact(&mut page, "State", &state(row));
        fact(&mut page, "Found", &format!("{} to {}", minute(&row.first_found), minute(&row.last_found)));
        fact(&mut page, "Fingerprint", &row.fingerprint);
        if let Some(rule) = document.rule(&row.rule) {
            manual(rule, &mut page);
        }
    }
    page.text
}

/// `apicensus findings rules`: a table; one rule's manual page.
pub fn rules(document: &Rules, style: Style) -> String {
    if let [rule] = &document.rules[..] {
        let mut page = Lines::new(style);
        page.heading(&format!("{}: {}", rule.id, rule.title), false);
        page.filled(&format!("{:<13}", "Level"), 13, &rule.level);
        manual(rule, &mut page);
        return page.text;
    }
    let mut page = Page::new(style);
    let rows = document.rules.iter().map(|rule| {
        vec![plain(&rule.id), plain(&rule.level), plain(&rule.owasp.join(" ")), plain(&rule.title)]
    });
    page.table(&RULES, rows.collect());
    page.end()
}

/// What was found, and in what, in one line.
pub(super) fn summary_line(summary: &Summary, looked: &LookedAt) -> String {
    let looked = format!(
        "{} of {}, {}",
        count(looked.endpoints, "endpoint"),
        count(looked.services, "service"),
        count(looked.specifications, "specification")
    );
    let Summary { errors, warnings, notes, acknowledged, suppressed, resolved } = *summary;
    if errors + warnings + notes + acknowledged + suppressed + resolved == 0 {
        return format!("no findings; looked at {looked}");
    }
    let mut parts =
        vec![format!("{}, {}, {}", count(errors, "error"), count(warnings, "warning"), count(notes, "note"))];
    for (number, word) in [(acknowledged, "acknowledged"), (suppressed, "suppressed"), (resolved, "resolved")]
    {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    format!("{}; looked at {looked}", parts.join(", "))
}

fn rule_heading(id: &str, rule: Option<&RuleRow>, page: &mut Lines) {
    let Some(rule) = rule else {
        page.heading(id, false);
        return;
    };
    let owasp = if rule.owasp.is_empty() { String::new() } else { format!(" ({})", rule.owasp.join(", ")) };
    page.heading(&format!("{id}: {}{owasp}", rule.title), false);
    page.filled("  Why: ", 7, &rule.rationale);
    page.filled("  Do:  ", 7, &rule.remediation);
}

fn manual(rule: &RuleRow, page: &mut Lines) {
    for (name, text) in [("Why", &rule.rationale), ("What to do", &rule.remediation)] {
        page.filled(&format!("{name:<13}"), 13, text);
    }
    for id in &rule.owasp {
        page.filled(&format!("{:<13}", "OWASP"), 13, &owasp::titled(id));
    }
}

fn finding(row: &FindingRow, page: &mut Lines) {
    const INDENT: usize = DIGITS + 4;
    let digits: String = row.fingerprint.chars().take(DIGITS).collect();
    let mut place = row.place();
    if row.path.is_some() {
        let _ = write!(place, " at {}", row.service);
    }
    page.filled(&format!("  {digits}  "), INDENT, &place);
    page.filled("", INDENT, &row.message);
    let field = row.field_text().map(|field| format!("field {field}"));
    for more in [field, said(&edges(row)), said(&specified(row))].into_iter().flatten() {
        page.filled("", INDENT, &more);
    }
    let state = state(row);
    if state != "open" {
        page.filled("", INDENT, &state);
    }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `by curl (none) 10 calls, ...`.
fn edges(row: &FindingRow) -> String {
    let each = row
        .edges
        .iter()
        .map(|edge| format!("{} ({}) {}", edge.caller, edge.credential, count(edge.calls, "call")));
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() { all } else { format!("by {all}") }
}

fn specified(row: &FindingRow) -> String {
    match &row.specified {
        Some(place) if place.pointer.is_empty() => format!("see {}", place.specification),
        Some(place) => format!("see {} at {}", place.specification, place.pointer),
        None => String::new(),
    }
}

pub(super) fn state(row: &FindingRow) -> String {
    let mut text = row.state.clone();
    if let Some(known) = row.acknowledged.as_ref().filter(|_| row.state == "acknowledged") {
        let until = known.until.as_deref().map_or(String::new(), |until| format!(" until {}", minute(until)));
        text = format!("acknowledged by {}{until}: {}", known.by, known.why);
    } else if row.state != "open" {
        let _ = write!(text, " since {}", minute(&row.since));
    }
    match &row.suppressed {
        Some(why) if why.is_empty() => format!("{text}, suppressed"),
        Some(why) => format!("{text}, suppressed: {why}"),
        None => text,
    }
}

impl FindingRow {
    fn is_hidden_by_default(&self) -> bool {
        self.suppressed.is_some() || self.state == "resolved"
    }
}

/// Text under construction.
struct Lines {
    text: String,
    width: usize,
    colour: bool,
}

impl Lines {
    fn new(style: Style) -> Lines {
        let width = usize::from(style.width.unwrap_or(WIDTH)).clamp(40, 120);
        Lines { text: String::new(), width, colour: style.colour }
    }

    fn line(&mut self, text: &str) {
        self.filled("", 0, text);
    }

    /// A paragraph behind a lead, its further lines indented.
    fn filled(&mut self, lead: &str, indent: usize, text: &str) {
        let safe = for_terminal(text);
        for (number, line) in wrap(&safe, self.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if number == 0 { lead } else { "" };
            let _ = writeln!(self.text, "{}", format!("{lead:<indent$}{line}").trim_end());
        }
    }

    /// A line in bold with an empty one before it, except at the top.
    fn heading(&mut self, text: &str, is_alarming: bool) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        for line in wrap(&for_terminal(text), self.width) {
            let _ = match (self.colour, is_alarming) {
                (false, _) => writeln!(self.text, "{line}"),
                (true, false) => writeln!(self.text, "\u{1b}[1m{line}\u{1b}[0m"),
                (true, true) => writeln!(self.text, "\u{1b}[1;31m{line}\u{1b}[0m"),
            };
        }
    }
}
