//! **sensitive-to-external**: data of a sensitive class goes to callers outside, or to a server outside.
//!
//! Fires once for each endpoint and class. In responses to external callers that were granted: cards,
//! account numbers, national ids, passwords, secrets and private keys as errors; mail addresses,
//! telephone numbers and birth dates as warnings, as notes if all those callers presented a credential,
//! since then it is mostly their own. In requests to external servers: a warning or note. Does not fire
//! for classes that people called public, for tokens that a sign-in gives, for passwords and secrets in
//! requests, which a sign-in needs, nor where a proxy hides from the sensor who is outside.
//!
//! What has left cannot be called back. Leave out what the caller does not need, mask the rest, and note
//! classes that are meant to go out as public.

use std::collections::BTreeMap;

use crate::call::{Credential, DataClass, Place};
use crate::findings::evidence::{count, edges, field_name, granted, listed};
use crate::findings::network::is_external;
use crate::findings::sensitive::{Sensitive, is_response, is_secret, sensitive, weight};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::{CallerKey, Seen};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "sensitive-to-external",
    title: "Sensitive data goes outside",
    level: Level::Warning,
    owasp: &["API3", "API10"],
    rationale: "Personal data, payment data and secrets that leave the own networks cannot be called back, \
                and most laws and contracts want it known where they go.",
    remediation: "Leave out what the other side does not need and mask the rest; record who receives it and \
                  why; name classes that may go out in the settings.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    if looked.stats().classes.is_empty() {
        return;
    }
    responses(context, looked, findings);
    requests(context, looked, findings);
}

fn responses(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let settings = context.settings;
    let outside = |key: &CallerKey| is_external(&key.peer, settings);
    let granted_out = looked.granted(settings, outside);
    if granted_out.calls == 0 {
        return;
    }
    let is_nobody = |key: &CallerKey| outside(key) && key.credential == Credential::None;
    let is_public = granted(looked.endpoint, settings, is_nobody).calls > 0;
    for (class, fields) in by_class(context, looked, |found| is_response(found.field)) {
        let Some(level) = weight(class) else { continue };
        let level = if level == Level::Warning && !is_public { Level::Note } else { level };
        let message = format!(
            "{} in responses to external callers ({}): {}",
            class.name(),
            count(granted_out.calls, "call"),
            names(&fields)
        );
        let by = edges(looked.stats(), |key, _| outside(key), |caller| caller.granted);
        let finding = looked.finding(&RULE, message).level(level).of_name(class.name());
        findings.add(finding.shown(granted_out.calls, hull(&fields)).by(by));
    }
}

fn requests(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let stats = looked.stats();
    let outside = stats.servers.iter().filter(|(server, _)| is_external(server, context.settings));
    let calls = outside.fold(0u64, |sum, (_, calls)| sum.saturating_add(*calls));
    if calls == 0 {
        return;
    }
    let is = |found: &Sensitive<'_>| {
        matches!(found.field.place, Place::Query | Place::Form | Place::RequestBody)
            && !is_secret(found.class)
    };
    for (class, fields) in by_class(context, looked, is) {
        let level = match weight(class) {
            None => continue,
            Some(Level::Error) => Level::Warning,
            Some(_) => Level::Note,
        };
        let message = format!("{} in requests to an external server: {}", class.name(), names(&fields));
        let finding =
            looked.finding(&RULE, message).level(level).of_name(format!("request {}", class.name()));
        findings.add(finding.shown(calls, hull(&fields)));
    }
}

fn by_class<'a>(
    context: &Context<'_>,
    looked: &'a Looked<'_>,
    is: impl Fn(&Sensitive<'a>) -> bool,
) -> BTreeMap<DataClass, Vec<Sensitive<'a>>> {
    let mut classes: BTreeMap<DataClass, Vec<Sensitive<'a>>> = BTreeMap::new();
    for found in sensitive(looked, context.settings) {
        if is(&found) && !context.settings.is_public(found.class) {
            classes.entry(found.class).or_default().push(found);
        }
    }
    classes
}

fn names(fields: &[Sensitive<'_>]) -> String {
    let names: Vec<String> = fields.iter().map(|found| field_name(found.field)).collect();
    listed(names.iter().map(String::as_str))
}

fn hull(fields: &[Sensitive<'_>]) -> Seen {
    let mut seen = Seen::default();
    fields.iter().for_each(|found| seen.merge(found.stats.seen));
    seen
}
