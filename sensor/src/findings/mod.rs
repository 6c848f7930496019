//! What is wrong: rules over the catalog and the specifications give findings. Pure: time, settings and
//! specifications come in; what became of a finding (acknowledged, resolved) is kept in the store.

mod evaluate;
mod evidence;
mod fingerprint;
mod name;
pub mod network;
mod paths;
pub mod rules;
mod sensitive;
mod settings;
mod state;
mod strength;
pub mod suppress;
mod unknown;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use evaluate::{check_endpoint, check_service, evaluate, evaluate_endpoint};
pub use evidence::peer_name;
pub use network::Network;
pub use rules::{RULES, is_evaluated};
pub use state::{Reason, Transition, apply, reconcile};
pub use unknown::{ABOUT_UNKNOWN, Unknown};

use crate::call::{Credential, Method};
use crate::flow::Timestamp;
use crate::inventory::catalog::{Catalog, Endpoint, Service};
use crate::inventory::compare::Difference;
use crate::inventory::policy::Policy;
use crate::inventory::spec::Specs;
use crate::inventory::{FieldKey, Inventory, Seen};

/// How bad it is (SARIF 2.1.0 section 3.27.10), least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Should be looked at.
    Warning,
    /// Should be mended.
    Error,
}

/// One check with its manual page.
pub struct Rule {
    /// Kebab-case, stable for ever.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// Of its findings, unless one says otherwise.
    pub level: Level,
    /// Ids of the OWASP API Security Top 10 2023 (`API1` to `API10`); may be empty.
    pub owasp: &'static [&'static str],
    /// Why it matters.
    pub rationale: &'static str,
    /// What to do.
    pub remediation: &'static str,
    /// What it looks at, each once.
    pub checks: &'static [Check],
}

/// How much a rule looks at, so that one changed endpoint does not ask for all of them again.
pub enum Check {
    /// One endpoint with its differences.
    Endpoint(fn(&Context<'_>, &Looked<'_>, &mut Findings)),
    /// One service with the differences of the whole.
    Service(fn(&Context<'_>, &Service, &[Difference], &mut Findings)),
    /// Everything.
    Whole(fn(&Context<'_>, &mut Findings)),
}

/// What all rules may ask.
pub struct Context<'a> {
    /// What exists.
    pub catalog: &'a Catalog,
    /// With losses and coverage.
    pub inventory: &'a Inventory,
    /// What is specified.
    pub specs: &'a Specs,
    /// What was asked for.
    pub settings: &'a Settings,
}

/// One endpoint as the rules see it.
pub struct Looked<'a> {
    /// Its service.
    pub service: &'a Service,
    /// It.
    pub endpoint: &'a Endpoint,
    /// How it differs from its specifications.
    pub differences: &'a [Difference],
    /// When its service counts as learnt: what was first seen from then on is new.
    pub learnt_at: Timestamp,
}

/// What people set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The time of asking.
    pub now: Timestamp,
    /// How far back findings look: what was last seen before is history. Also the window of orphans.
    pub window_ns: u64,
    /// For how long a service is learnt before anything at it counts as new.
    pub learning_ns: u64,
    /// Networks besides the private ones that are inside.
    pub internal: Vec<Network>,
    /// Sensitive data that may go to external callers, by name of the class; e-mail addresses of users, say.
    pub public_classes: BTreeSet<String>,
    /// Who may call what, if that was said.
    pub policy: Option<Arc<Policy>>,
}

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Id of its rule.
    pub rule: &'static str,
    /// How bad.
    pub level: Level,
    /// What it is about: this and the rule make it the same finding the next time.
    pub subject: Subject,
    /// What was found, one sentence; names and counts, never values.
    pub message: String,
    /// Calls that show it.
    pub calls: u64,
    /// First and last of them; the empty interval (`Seen::default()`) if no call shows it, as of orphans.
    pub seen: Seen,
    /// Who was involved, most calls first, then by name; at most [`crate::limits::EDGES_SHOWN`].
    pub edges: Vec<Edge>,
    /// Where a specification says otherwise: its name and a JSON pointer.
    pub specified: Option<(Arc<str>, String)>,
}

/// What a finding is about. Order and form are stable: the fingerprint is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Service; empty if it is about the sensor's view as a whole.
    pub service: Arc<str>,
    /// Endpoint.
    pub endpoint: Option<(Method, String)>,
    /// Field.
    pub field: Option<FieldKey>,
    /// Caller by name (program or address), or another name that tells it from its like: a class, a status.
    pub of: Option<String>,
}

/// Who called with which kind of credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Program and container, or address.
    pub caller: String,
    /// Kind of credential.
    pub credential: Credential,
    /// Calls.
    pub calls: u64,
}

/// Stable identity of a finding: 32 hex digits of a hash of rule and subject, the same on every
/// installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub String);

/// Findings gathered by rules.
#[derive(Default)]
pub struct Findings(Vec<Finding>);

/// What became of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Which.
    pub kind: StateKind,
    /// First and last time that an evaluation gave it.
    pub found: Seen,
    /// First and last call that showed it, in any evaluation.
    pub shown: Seen,
    /// Since when it is of this kind.
    pub since: Timestamp,
    /// Who acknowledged it, until when, and why.
    pub acknowledged: Option<Acknowledgement>,
}

/// Kinds of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    /// There, and nobody said that it is known.
    Open,
    /// There, and somebody said that it is known.
    Acknowledged,
    /// No longer there.
    Resolved,
    /// There again after it was gone, or after its acknowledgement ran out.
    Reopened,
}

/// Somebody said that a finding is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// Until when; `None` for ever.
    pub until: Option<Timestamp>,
    /// Why.
    pub why: String,
}
