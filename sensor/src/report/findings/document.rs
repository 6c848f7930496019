//! The form of `apicensus findings`: what was looked at, what was found, and the rules behind it.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use crate::findings::rules::RULES;
use crate::findings::{Edge, Finding, Fingerprint, Level, Rule, State, StateKind, Subject};
use crate::flow::Timestamp;
use crate::report::document::SCHEMA_VERSION;
use crate::report::format;

/// The document.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Findings {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// How many there are, also of those that are not listed.
    pub summary: Summary,
    /// Those that were asked for: the worst first, then by rule, service, path and method.
    pub findings: Vec<FindingRow>,
    /// The rules that they name, by id.
    pub rules: Vec<RuleRow>,
}

/// What was looked at.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Services with endpoints.
    pub services: u64,
    /// Endpoints, whatever the filters.
    pub endpoints: u64,
    /// Specifications in force.
    pub specifications: u64,
    /// Rules.
    pub rules: u64,
    /// Beginning of the window, RFC 3339.
    pub since: String,
    /// When, RFC 3339.
    pub at: String,
}

/// How many findings there are that meet the filters.
#[derive(Clone, Copy, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Open and reopened ones of level error.
    pub errors: u64,
    /// Open and reopened ones of level warning.
    pub warnings: u64,
    /// Open and reopened ones of level note.
    pub notes: u64,
    /// Acknowledged ones of any level.
    pub acknowledged: u64,
    /// Those that a suppression file names.
    pub suppressed: u64,
    /// Those that are gone.
    pub resolved: u64,
}

/// One problem.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    /// Stable identity: 32 hex digits.
    pub fingerprint: String,
    /// Id of its rule.
    pub rule: String,
    /// `error`, `warning` or `note`.
    pub level: String,
    /// `open`, `acknowledged`, `resolved` or `reopened`.
    pub state: String,
    /// When it came into this state, RFC 3339.
    pub since: String,
    /// What was found.
    pub message: String,
    /// Authority of the service; empty if it is about the sensor's view as a whole.
    pub service: String,
    /// Request method, if it is about an endpoint.
    pub method: Option<String>,
    /// Path template, if it is about an endpoint.
    pub path: Option<String>,
    /// The field, if it is about one.
    pub field: Option<FieldName>,
    /// What tells it from its like: a caller, a class, a status.
    pub of: Option<String>,
    /// Calls that show it; null where it is gone.
    pub calls: Option<u64>,
    /// First of them, RFC 3339; may be empty.
    pub first_seen: String,
    /// Last of them, RFC 3339; may be empty.
    pub last_seen: String,
    /// When it was found first, RFC 3339.
    pub first_found: String,
    /// When it was found last, RFC 3339.
    pub last_found: String,
    /// Who called, those with most calls first; at most a few.
    pub edges: Vec<EdgeRow>,
    /// Where a specification says otherwise.
    pub specified: Option<Specified>,
    /// Who said that it is known.
    pub acknowledged: Option<AcknowledgedBy>,
    /// Why a suppression file says that it need not be told; may be empty.
    pub suppressed: Option<String>,
}

/// A place for data.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct FieldName {
    /// `query`, `request-body`, ...
    pub place: String,
    /// Name, or JSON pointer.
    pub name: String,
}

/// Who called with which kind of credential.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct EdgeRow {
    /// Program and container, or address.
    pub caller: String,
    /// Kind of credential.
    pub credential: String,
    /// Calls.
    pub calls: u64,
}

/// A place in a specification.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Specified {
    /// Its name.
    pub specification: String,
    /// JSON pointer into it; may be empty.
    pub pointer: String,
}

/// Somebody said that a finding is known.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct AcknowledgedBy {
    /// Who.
    pub by: String,
    /// Until when, RFC 3339; null for ever.
    pub until: Option<String>,
    /// Why.
    pub why: String,
}

/// `apicensus findings rules`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Rules {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By id.
    pub rules: Vec<RuleRow>,
}

/// The manual page of a rule.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct RuleRow {
    /// Id.
    pub id: String,
    /// One line.
    pub title: String,
    /// Level of its findings, unless one says otherwise.
    pub level: String,
    /// Ids of the OWASP API Security Top 10 2023.
    pub owasp: Vec<String>,
    /// Why it matters.
    pub rationale: String,
    /// What to do.
    pub remediation: String,
}

/// A finding with what became of it, of which a row is made.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its identity.
    pub fingerprint: &'a Fingerprint,
    /// Id of its rule.
    pub rule: &'a str,
    /// How bad.
    pub level: Level,
    /// What it is about.
    pub subject: &'a Subject,
    /// What was found.
    pub message: &'a str,
    /// As it was found now; `None` where it is gone.
    pub found: Option<&'a Finding>,
    /// What became of it.
    pub state: &'a State,
    /// Why it is suppressed, if it is.
    pub suppressed: Option<&'a str>,
}

impl Item<'_> {
    /// Somebody has to look at it: neither known, suppressed nor gone.
    pub fn is_pending(&self) -> bool {
        self.suppressed.is_none() && matches!(self.state.kind, StateKind::Open | StateKind::Reopened)
    }
}

impl LookedAt {
    /// Numbers of services, endpoints, specifications and rules; the window and the time of asking.
    pub fn new(
        [services, endpoints, specifications, rules]: [u64; 4],
        since: Timestamp,
        at: Timestamp,
    ) -> LookedAt {
        let (since, at) = (format::time(since), format::time(at));
        LookedAt { services, endpoints, specifications, rules, since, at }
    }
}

impl Findings {
    /// The document of items that meet the filters; resolved and suppressed ones are listed with `all`.
    pub fn of<'a>(looked_at: LookedAt, items: impl IntoIterator<Item = Item<'a>>, all: bool) -> Findings {
        let mut summary = Summary::default();
        let mut listed: Vec<Item<'a>> = Vec::new();
        for item in items {
            summary.add(&item);
            let is_shown = item.is_pending()
                || (item.suppressed.is_none() && item.state.kind == StateKind::Acknowledged);
            if all || is_shown {
                listed.push(item);
            }
        }
        listed.sort_by(|a, b| {
            let order = |item: &Item<'a>| (Reverse(item.level), item.rule);
            order(a).cmp(&order(b)).then_with(|| place(a.subject).cmp(&place(b.subject)))
        });
        let mut ids: Vec<&str> = listed.iter().map(|item| item.rule).collect();
        ids.sort_unstable();
        ids.dedup();
        let rules = RULES.iter().filter(|rule| ids.contains(&rule.id)).map(|rule| RuleRow::of(rule));
        Findings {
            schema_version: SCHEMA_VERSION,
            looked_at,
            summary,
            findings: listed.iter().map(FindingRow::of).collect(),
            rules: rules.collect(),
        }
    }

    /// The rule of a row; `None` for a rule of another version.
    pub(super) fn rule(&self, id: &str) -> Option<&RuleRow> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// By service, path, method, then the rest.
fn place(subject: &Subject) -> impl Ord + '_ {
    let Subject { service, endpoint, field, of } = subject;
    (service, endpoint.as_ref().map(|(method, path)| (path, *method)), field, of)
}

/// Somebody has to look at it: it is there, and no acknowledgement of it is in force.
pub(super) fn is_open(state: &State, now: Timestamp) -> bool {
    match state.kind {
        StateKind::Open | StateKind::Reopened => true,
        StateKind::Acknowledged => !state.is_acknowledged(now),
        StateKind::Resolved => false,
    }
}

impl Summary {
    /// As it would be counted then: an acknowledgement may have run out since.
    pub(super) fn add_at(&mut self, item: &Item<'_>, now: Timestamp) {
        if item.state.kind == StateKind::Acknowledged && is_open(item.state, now) {
            let state = State { kind: StateKind::Open, ..item.state.clone() };
            return self.add(&Item { state: &state, ..*item });
        }
        self.add(item);
    }

    fn add(&mut self, item: &Item<'_>) {
        let number = match (item.state.kind, item.level) {
            (StateKind::Resolved, _) => &mut self.resolved,
            _ if item.suppressed.is_some() => &mut self.suppressed,
            (StateKind::Acknowledged, _) => &mut self.acknowledged,
            (_, Level::Error) => &mut self.errors,
            (_, Level::Warning) => &mut self.warnings,
            (_, Level::Note) => &mut self.notes,
        };
        *number += 1;
    }
}

impl FindingRow {
    /// The row of one finding.
    pub fn of(item: &Item<'_>) -> FindingRow {
        let Item { fingerprint, rule, level, subject, message, found, state, suppressed } = *item;
        let seen = |at: fn(&Finding) -> Timestamp| {
            found.filter(|found| found.calls > 0).map_or(String::new(), |found| format::time(at(found)))
        };
        FindingRow {
            fingerprint: fingerprint.0.clone(),
            rule: rule.to_owned(),
            level: level.name().to_owned(),
            state: state.kind.name().to_owned(),
            since: format::time(state.since),
            message: message.to_owned(),
            service: subject.service.to_string(),
            method: subject.endpoint.as_ref().map(|(method, _)| method.name().to_owned()),
            path: subject.endpoint.as_ref().map(|(_, path)| path.clone()),
            field: subject.field.as_ref().map(|field| FieldName {
                place: field.place.name().to_owned(),
                name: field.name.to_string(),
            }),
            of: subject.of.clone(),
            calls: found.map(|found| found.calls),
            first_seen: seen(|found| found.seen.first),
            last_seen: seen(|found| found.seen.last),
            first_found: format::time(state.found.first),
            last_found: format::time(state.found.last),
            edges: found.map_or(Vec::new(), |found| found.edges.iter().map(EdgeRow::of).collect()),
            specified: found.and_then(|found| found.specified.as_ref()).map(|(name, pointer)| Specified {
                specification: name.to_string(),
                pointer: pointer.clone(),
            }),
            acknowledged: state.acknowledged.as_ref().map(|known| AcknowledgedBy {
                by: known.by.clone(),
                until: known.until.map(format::time),
                why: known.why.clone(),
            }),
            suppressed: suppressed.map(str::to_owned),
        }
    }

    /// `GET /users/{userId}`, the service where it is about no endpoint, or the whole.
    pub(in crate::report) fn place(&self) -> String {
        match (&self.method, &self.path) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            _ if self.service.is_empty() => "everything".to_owned(),
            _ => self.service.clone(),
        }
    }

    /// `response-body /email`, `/` standing for a whole body.
    pub(super) fn field_text(&self) -> Option<String> {
        let field = self.field.as_ref()?;
        Some(format!("{} {}", field.place, if field.name.is_empty() { "/" } else { &field.name }))
    }
}

impl EdgeRow {
    fn of(edge: &Edge) -> EdgeRow {
        EdgeRow {
            caller: edge.caller.clone(),
            credential: edge.credential.name().to_owned(),
            calls: edge.calls,
        }
    }
}

impl RuleRow {
    /// The manual page of a rule.
    pub fn of(rule: &Rule) -> RuleRow {
        RuleRow {
            id: rule.id.to_owned(),
            title: rule.title.to_owned(),
            level: rule.level.name().to_owned(),
            owasp: rule.owasp.iter().map(|id| (*id).to_owned()).collect(),
            rationale: rule.rationale.to_owned(),
            remediation: rule.remediation.to_owned(),
        }
    }
}

impl Rules {
    /// All rules, or those of one id.
    pub fn of(id: Option<&str>) -> Rules {
        let rules = RULES.iter().filter(|rule| id.is_none_or(|id| rule.id == id));
        Rules { schema_version: SCHEMA_VERSION, rules: rules.map(|rule| RuleRow::of(rule)).collect() }
    }
}
