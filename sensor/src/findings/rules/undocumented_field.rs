//! **undocumented-field**: a member of a body, a parameter, a header or a cookie that the specification
//! of its endpoint does not have, in requests or in responses.
//!
//! Fires once for each field. Does not fire where the specification leaves the place open
//! (`additionalProperties`, no schema at all), nor for undocumented endpoints: all of theirs is. A field
//! that was last seen before the window is history. With sensitive data it is **excessive-data** as
//! well, in requests that were accepted perhaps **mass-assignment**.
//!
//! Clients come to rely on what is sent, documented or not, and reviews of the document miss it.
//! Document the field, or stop sending and taking it.

use super::mass_assignment;
use crate::call::Place;
use crate::findings::evidence::{count, field_name};
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::compare::DifferenceKind;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "undocumented-field",
    title: "Field in no specification of its endpoint",
    level: Level::Warning,
    owasp: &["API3", "API9"],
    rationale: "A field that is not specified was not reviewed: a response may tell more than was meant, a \
                request may set more than was meant.",
    remediation: "Add the field to the specification if it is meant to be there; otherwise do not send it, \
                  or refuse it in requests.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for difference in looked.differences {
        let level = match difference.kind {
            DifferenceKind::UndocumentedField => Level::Warning,
            DifferenceKind::UndocumentedParameter => Level::Note,
            _ => continue,
        };
        let Some(field) = &difference.field else { continue };
        if mass_assignment::is_one(context, looked, difference) {
            continue;
        }
        let seen = looked.field_seen(field);
        if !context.settings.counts(seen) {
            continue;
        }
        let calls = looked.field(field).calls;
        let side = match field.place {
            Place::ResponseHeader | Place::SetCookie | Place::ResponseBody | Place::ErrorBody => "sent",
            Place::Query | Place::RequestHeader | Place::Cookie | Place::Form | Place::RequestBody => {
                "received"
            }
        };
        let message =
            format!("{} is {side} in {} and not specified", field_name(field), count(calls, "call"));
        let finding = looked.finding(&RULE, message).level(level).at(field).shown(calls, seen);
        findings.add(finding.against(difference));
    }
}
