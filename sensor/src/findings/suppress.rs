//! Suppression files: YAML or JSON text into entries that say which findings are known and need not be
//! told. Whatever is not understood is a fault with its line. An entry that ran out suppresses nothing.
//!
//! ```yaml
//! - rule: undocumented-endpoint   # each of these may have `*` for any characters; a finding must fit all
//!   service: shop:8080
//!   method: GET
//!   path: /internal/*
//!   field: response-body/email    # or the name alone
//!   caller: prometheus            # or another name that the finding is told from its like by
//!   until: 2026-12-31             # this day is still suppressed (UTC); or a time as 2026-12-31T12:00:00Z
//!   by: ops
//!   why: scraped inside, see OPS-17
//! ```

use super::rules::RULES;
use super::{Finding, Subject};
use crate::call::{Method, fits};
use crate::flow::Timestamp;
use crate::inventory::yaml::{self, Fault, Node, Value};
use crate::limits::{EDGES_SHOWN, SUPPRESSIONS_MAX};

const FORM: &str = "an entry has `why`, one or more of `rule`, `service`, `method`, `path`, `field` and \
                    `caller`, and may have `until` and `by`";

/// All entries of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions(Vec<Suppression>);

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppression {
    /// Line of the file where it begins, from 1; 0 in a JSON file whose lines are not known.
    pub line: usize,
    /// Pattern of rule ids.
    pub rule: Option<String>,
    /// Pattern of services.
    pub service: Option<String>,
    /// Pattern of methods.
    pub method: Option<String>,
    /// Pattern of path templates.
    pub path: Option<String>,
    /// Pattern of fields, by name or by place and name.
    pub field: Option<String>,
    /// Pattern of callers.
    pub caller: Option<String>,
    /// From then on it suppresses nothing.
    pub until: Option<Timestamp>,
    /// Who says so.
    pub by: Option<String>,
    /// Why it need not be told.
    pub why: String,
}

/// The first entry in force that fits a finding.
pub fn suppress<'a>(all: &'a Suppressions, finding: &Finding, now: Timestamp) -> Option<&'a Suppression> {
    all.0.iter().find(|entry| !entry.is_over(now) && entry.covers(finding))
}

impl Suppressions {
    /// Reads the text of a file; an empty one has none.
    ///
    /// # Errors
    /// It is no list of entries, or an entry is wrong.
    pub fn read(text: &str) -> Result<Suppressions, Fault> {
        let Some(node) = yaml::read(text, yaml::SHALLOW)? else { return Ok(Suppressions::default()) };
        let items = match &node.value {
            Value::List(items) => items,
            Value::Scalar(text) if text.is_empty() => return Ok(Suppressions::default()),
            _ => {
                let what = format!("there is {} and no list of entries; {FORM}", node.kind());
                return Err(Fault::at(node.line, what));
            }
        };
        if items.len() > SUPPRESSIONS_MAX {
            let what = format!("there are {} entries; {SUPPRESSIONS_MAX} are read", items.len());
            return Err(Fault::at(0, what));
        }
        items.iter().map(entry).collect::<Result<_, _>>().map(Suppressions)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &Suppression> {
        self.0.iter()
    }

    /// What people should know: entries that ran out, one sentence each.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let over = self.0.iter().filter(|entry| entry.is_over(now));
        over.map(|entry| {
            let line = match entry.line {
                0 => String::new(),
                line => format!("line {line}: "),
            };
            format!("{line}this suppression has run out and suppresses nothing ({})", entry.why)
        })
        .collect()
    }
}

impl Suppression {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn covers(&self, finding: &Finding) -> bool {
        let Subject { service, endpoint, field, of } = &finding.subject;
        let fits_one = |pattern: &Option<String>, text: Option<&str>| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| fits(pattern, text)),
        };
        let (method, path) = endpoint.as_ref().map(|(method, path)| (method.name(), path.as_str())).unzip();
        fits_one(&self.rule, Some(finding.rule))
            && fits_one(&self.service, Some(service))
            && fits_one(&self.method, method)
            && fits_one(&self.path, path)
            && self.field.as_ref().is_none_or(|pattern| {
                field.as_ref().is_some_and(|field| {
                    let (name, place) = (&*field.name, field.place.name());
                    // Pointers begin with a slash, other names do not.
                    let slash = if name.starts_with('/') { "" } else { "/" };
                    fits(pattern, name) || fits(pattern, &format!("{place}{slash}{name}"))
                })
            })
            && self.caller.as_ref().is_none_or(|pattern| {
                let is_of = of.as_ref().is_some_and(|of| fits(pattern, of));
                // All callers have to be known; where some may not be listed nobody can say so.
                let is_all_listed = (1..EDGES_SHOWN).contains(&finding.edges.len());
                is_of || (is_all_listed && finding.edges.iter().all(|edge| fits(pattern, &edge.caller)))
            })
    }
}

fn entry(node: &Node) -> Result<Suppression, Fault> {
    let Value::Map(members) = &node.value else {
        return Err(Fault::at(node.line, format!("there is {} and no entry; {FORM}", node.kind())));
    };
    let mut entry = Suppression { line: node.line, ..Suppression::default() };
    let mut is_narrow = false;
    for (at, (key, line, node)) in members.iter().enumerate() {
        let fault = |what: String| Err(Fault::at(*line, what));
        if members.iter().take(at).any(|(other, ..)| other == key) {
            return fault(format!("`{key}` stands twice in one entry; begin each entry with `-`"));
        }
        let text = match node.text().map(str::trim) {
            Some("") => return fault(format!("`{key}` is empty; leave it out, or write `*` for any")),
            Some(text) => text.to_owned(),
            None => return fault(format!("`{key}` needs a text, and there is {}", node.kind())),
        };
        match key.as_str() {
            "why" => entry.why = text,
            "by" => entry.by = Some(text),
            "until" => match until(&text) {
                Some(until) => entry.until = Some(until),
                None => {
                    return fault(format!(
                        "`{text}` is no day or time; `until` is as 2026-12-31 or 2026-12-31T12:00:00Z"
                    ));
                }
            },
            "rule" if !RULES.iter().any(|rule| fits(&text, rule.id)) => {
                return fault(format!("there is no rule `{text}`"));
            }
            "method" if !text.contains('*') && Method::of_name(&text).is_none() => {
                return fault(format!("`{text}` is no method; they are written as `GET`"));
            }
            "rule" | "service" | "method" | "path" | "field" | "caller" => {
                is_narrow = true;
                *match key.as_str() {
                    "rule" => &mut entry.rule,
                    "service" => &mut entry.service,
                    "method" => &mut entry.method,
                    "path" => &mut entry.path,
                    "field" => &mut entry.field,
                    _ => &mut entry.caller,
                } = Some(text);
            }
            _ => return fault(format!("unknown key `{key}`; {FORM}")),
        }
    }
    if entry.why.is_empty() {
        return Err(Fault::at(node.line, format!("`why` is missing; {FORM}")));
    }
    if !is_narrow {
        return Err(Fault::at(node.line, format!("this would suppress everything; {FORM}")));
    }
    Ok(entry)
}

/// The end of a day in UTC, or a time.
fn until(text: &str) -> Option<Timestamp> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let day: jiff::civil::Date = text.parse().ok()?;
            day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    // Years beyond 2554 are for ever.
    let ns = at.as_nanosecond().clamp(0, i128::from(u64::MAX));
    Some(Timestamp(ns.try_into().unwrap_or(u64::MAX)))
}
