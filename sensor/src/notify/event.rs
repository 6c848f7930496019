//! What is told: that a finding came into a state. Names and counts, harmless to terminals and logs.

use serde::{Deserialize, Serialize};

use crate::findings::{Fingerprint, Level, RULES, StateKind};
use crate::flow::Timestamp;
use crate::report::escape::for_terminal;
use crate::store::findings::{Known, KnownFinding, Note, Told};

/// A finding came into a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// The same whenever the same event is told: fingerprint, state and its beginning.
    pub id: String,
    /// `open`, `acknowledged`, `resolved` or `reopened`.
    pub state: String,
    /// When it came into that state, RFC 3339.
    pub at: String,
    /// The same in nanoseconds since 1970.
    pub at_ns: u64,
    /// Identity of the finding.
    pub fingerprint: String,
    /// Id of the rule.
    pub rule: String,
    /// Its title; empty for a rule of another version.
    pub title: String,
    /// `error`, `warning` or `note`.
    pub level: String,
    /// Ids of the OWASP API Security Top 10 2023.
    pub owasp: Vec<String>,
    /// What was found.
    pub message: String,
    /// What to do.
    pub remediation: String,
    /// Service; may be empty.
    pub service: String,
    /// Method of the endpoint; may be empty.
    pub method: String,
    /// Path template of the endpoint; may be empty.
    pub path: String,
    /// Place and name of the field; may be empty.
    pub field: String,
    /// What tells it from its like; may be empty.
    pub of: String,
}

impl Event {
    /// The event of a finding's state.
    pub fn of(Fingerprint(fingerprint): &Fingerprint, known: &KnownFinding) -> Event {
        let KnownFinding { rule, level, subject, message, state } = known;
        let text = |text: &str| for_terminal(text).into_owned();
        let page = RULES.iter().find(|page| page.id == rule);
        let endpoint = subject.endpoint.as_ref();
        let field = subject.field.as_ref();
        let at = jiff::Timestamp::from_nanosecond(i128::from(state.since.0)).unwrap_or_default();
        Event {
            schema_version: 1,
            id: format!("{fingerprint}-{}-{}", state.kind.name(), state.since.0),
            state: state.kind.name().to_owned(),
            at: format!("{at:.3}"),
            at_ns: state.since.0,
            fingerprint: fingerprint.clone(),
            rule: text(rule),
            title: page.map_or(String::new(), |page| page.title.to_owned()),
            level: level.name().to_owned(),
            owasp: page.map_or(Vec::new(), |page| page.owasp.iter().map(|id| (*id).to_owned()).collect()),
            message: text(message),
            remediation: page.map_or(String::new(), |page| page.remediation.to_owned()),
            service: text(&subject.service),
            method: endpoint.map_or(String::new(), |(method, _)| method.name().to_owned()),
            path: endpoint.map_or(String::new(), |(_, path)| text(path)),
            field: field
                .map_or(String::new(), |field| text(&format!("{} {}", field.place.name(), field.name))),
            of: subject.of.as_deref().map_or(String::new(), text),
        }
    }

    /// `GET /users/{userId} at shop:8080`, or the service.
    pub fn place(&self) -> String {
        match (self.path.is_empty(), self.service.is_empty()) {
            (true, true) => "everything".to_owned(),
            (true, false) => self.service.clone(),
            _ => format!("{} {} at {}", self.method, self.path, self.service),
        }
    }

    /// The event as one line of JSON.
    pub fn line(&self) -> String {
        // Texts and numbers always serialize; line breaks are escaped in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a sink is still to be told: of what is there, and of what became of that which it was told of.
/// `is_told` leaves out what is suppressed.
pub fn untold(
    known: &Known,
    told: &Told,
    least: Level,
    is_told: impl Fn(&Fingerprint, &KnownFinding) -> bool,
) -> Vec<Note> {
    let untold = known.iter().filter(|(fingerprint, finding)| {
        let state = (finding.state.kind, finding.state.since);
        let before = told.get(fingerprint);
        let matters = match finding.state.kind {
            StateKind::Open | StateKind::Reopened => finding.level >= least,
            StateKind::Acknowledged | StateKind::Resolved => before.is_some(),
        };
        matters && !before.is_some_and(|states| states.contains(&state)) && is_told(fingerprint, finding)
    });
    let mut notes: Vec<(Timestamp, Note)> = untold
        .map(|(fingerprint, finding)| {
            let (transition, since) = (finding.state.kind, finding.state.since);
            let body = Event::of(fingerprint, finding).line();
            (since, Note { fingerprint: fingerprint.clone(), transition, since, body })
        })
        .collect();
    notes.sort_by(|one, other| (one.0, &one.1.fingerprint).cmp(&(other.0, &other.1.fingerprint)));
    notes.into_iter().map(|(_, note)| note).collect()
}
