//! **new-sensitive-field**: a field holds data of a sensitive class that it did not hold while its
//! service was learnt.
//!
//! Fires once for each field and class, a warning for cards, ids, secrets and the like, else a note. Does
//! not fire while the service is learnt, for tokens, for classes that people called public, nor for what
//! an older version of the sensor did not look at: at each endpoint learning begins when its fields were
//! first told apart in time.
//!
//! New data of this kind is a change that data protection has to know of. Check that it is meant to be
//! there, and who receives it.

use crate::findings::evidence::{count, field_name};
use crate::findings::sensitive::{sensitive, weight};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::flow::Timestamp;

/// Fields that are first known so long after their endpoint are from after an upgrade of the sensor.
const UPGRADE_NS: u64 = 3600 * 1_000_000_000;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "new-sensitive-field",
    title: "New sensitive data in a field",
    level: Level::Note,
    owasp: &["API3"],
    rationale: "Personal data, payment data or secrets travel where they did not before, so records of \
                processing, masking and reviews do not know of it yet.",
    remediation: "Check that the change was meant and who receives the field; leave it out or mask it \
                  otherwise.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let stats = looked.stats();
    if stats.classes.is_empty() {
        return;
    }
    let known_since = stats.fields.values().map(|field| field.seen.first).min().unwrap_or_default();
    let learnt_at = if known_since.since(stats.seen.first) > UPGRADE_NS {
        Timestamp(known_since.0.saturating_add(context.settings.learning_ns)).max(looked.learnt_at)
    } else {
        looked.learnt_at
    };
    for found in sensitive(looked, context.settings) {
        let is_news = weight(found.class).is_some() && !context.settings.is_public(found.class);
        if is_news && context.is_new(found.stats.seen.first, learnt_at) {
            let is_grave = weight(found.class) == Some(Level::Error);
            let level = if is_grave { Level::Warning } else { Level::Note };
            let values = count(found.stats.values, "value");
            let message = format!(
                "{} in {}, which had none before ({values})",
                found.class.name(),
                field_name(found.field)
            );
            let calls = looked.field(found.field).calls;
            let finding =
                looked.finding(&RULE, message).level(level).at(found.field).of_name(found.class.name());
            findings.add(finding.shown(calls, found.stats.seen));
        }
    }
}
