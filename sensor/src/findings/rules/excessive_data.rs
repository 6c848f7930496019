//! **excessive-data**: responses tell more than they should: sensitive data in fields that the
//! specification does not have, sensitive data in bulk (a hundred records and more in one answer), or
//! passwords, secrets and private keys at all.
//!
//! Fires once for each field and class, and once for each endpoint in bulk. Does not fire for tokens,
//! which a sign-in gives, for error bodies, nor for classes that people called public unless nobody
//! should be told them at all. The secret in an answer to a POST is a warning only: whoever makes a key is
//! told it once.
//!
//! Objects are sent as they are stored, and clients show a part of them. Choose the fields of answers one
//! by one, page lists, and never send what only the service needs.

use crate::call::{Method, Place, Sign};
use crate::findings::evidence::{count, field_name, listed};
use crate::findings::sensitive::{is_response, is_secret, sensitive, weight};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::Seen;
use crate::inventory::compare::DifferenceKind;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "excessive-data",
    title: "Responses tell more than they should",
    level: Level::Warning,
    owasp: &["API3"],
    rationale: "Whole objects are sent and the client shows a part of them; whoever looks at the answer \
                itself gets the rest, in bulk where lists are long.",
    remediation: "Choose the fields of each answer one by one, never send passwords, hashes and keys, and \
                  bound the length of lists on the server.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let settings = context.settings;
    let mut found = sensitive(looked, settings);
    found.retain(|found| is_response(found.field) && weight(found.class).is_some());
    found.retain(|found| is_secret(found.class) || !settings.is_public(found.class));
    for found in &found {
        let difference = looked.differences.iter().find(|difference| {
            difference.kind == DifferenceKind::UndocumentedField
                && difference.field.as_ref() == Some(found.field)
        });
        let level = match (is_secret(found.class), difference, weight(found.class)) {
            (true, ..) if looked.endpoint.method == Method("POST") => Level::Warning,
            (true, ..) => Level::Error,
            (false, Some(_), Some(level)) => level,
            (false, ..) => continue,
        };
        let why = if difference.is_some() { " that is not specified" } else { "" };
        let values = count(found.stats.values, "value");
        let message = format!("{} in {}{why} ({values})", found.class.name(), field_name(found.field));
        let calls = looked.field(found.field).calls;
        let mut finding =
            looked.finding(&RULE, message).level(level).at(found.field).of_name(found.class.name());
        if let Some(difference) = difference {
            finding = finding.against(difference);
        }
        findings.add(finding.shown(calls, found.stats.seen));
    }
    let in_bulk = looked.sign(settings, Sign::ManyRecords);
    let (Some(many), false) = (in_bulk, found.is_empty()) else { return };
    let mut seen = many.seen;
    let mut data = Seen::default();
    found.iter().for_each(|found| data.merge(found.stats.seen));
    seen.merge(data);
    // Only what is in lists comes in bulk.
    let in_lists = found.iter().filter(|found| found.field.name.contains('*'));
    let names: Vec<String> =
        in_lists.map(|found| format!("{} in {}", found.class.name(), found.field.name)).collect();
    if !names.is_empty() {
        debug_assert!(found.iter().all(|found| found.field.place == Place::ResponseBody), "kept above");
        let names = listed(names.iter().map(String::as_str));
        let answers = count(many.calls, "answer");
        let message = format!("{answers} with 100 records or more held sensitive data: {names}");
        findings.add(looked.finding(&RULE, message).of_name("many-records").shown(many.calls, seen));
    }
}
