//! **mass-assignment**: a request body that was accepted has a field that the specification does not
//! have and that looks like one of the stored object.
//!
//! Fires for POST, PUT and PATCH with answers of 2xx, if the field's name reads like a privilege or a
//! state (`role`, `isAdmin`, `balance`, `verified`, `owner`...: an error) or stands in the response as
//! well (a warning). Does not fire for documented fields, for requests that were all refused, nor
//! without a specification, since then nobody said what may be set.
//!
//! Frameworks copy members of the body into the object by name, also those that the caller should not
//! set. Take the fields that may be set from a list, and refuse others (`additionalProperties: false`).

use std::collections::BTreeSet;

use crate::call::{Method, Place};
use crate::findings::evidence::{count, field_name};
use crate::findings::paths::member;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};
use crate::inventory::compare::{Difference, DifferenceKind};

/// Names of what callers should not set, without separators and in lower case.
const PRIVILEGES: &[&str] = &[
    "accountbalance",
    "accountid",
    "accounttype",
    "active",
    "admin",
    "approved",
    "authorities",
    "balance",
    "createdby",
    "credit",
    "credits",
    "emailverified",
    "enabled",
    "group",
    "groups",
    "isactive",
    "isadmin",
    "isapproved",
    "isowner",
    "isstaff",
    "issuperuser",
    "isverified",
    "owner",
    "ownerid",
    "paid",
    "permission",
    "permissions",
    "plan",
    "privileges",
    "role",
    "roleid",
    "roles",
    "scope",
    "scopes",
    "staff",
    "status",
    "superuser",
    "tenant",
    "tenantid",
    "userid",
    "usertype",
    "verified",
];

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "mass-assignment",
    title: "Undocumented field accepted in a request",
    level: Level::Warning,
    owasp: &["API3"],
    rationale: "If members of a body are copied into the stored object by name, a caller can set what only \
                the service should: a role, an owner, a balance.",
    remediation: "Copy only fields from a list of those that callers may set, and refuse bodies with others; \
                  check whether the field below changed anything.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for difference in looked.differences {
        let (Some((level, why)), Some(field)) = (why(context, looked, difference), &difference.field) else {
            continue;
        };
        let (calls, seen) = (looked.field(field).calls, looked.field_seen(field));
        let message =
            format!("{} is accepted in {}, not specified, {why}", field_name(field), count(calls, "call"));
        let finding = looked.finding(&RULE, message).level(level).at(field).shown(calls, seen);
        findings.add(finding.against(difference));
    }
}

/// A difference is told by this rule, and need not be told again as a field that is not documented.
pub(super) fn is_one(context: &Context<'_>, looked: &Looked<'_>, difference: &Difference) -> bool {
    why(context, looked, difference).is_some()
}

/// How bad it is that a field is accepted, and why; `None` if that is nothing of this rule.
fn why(context: &Context<'_>, looked: &Looked<'_>, difference: &Difference) -> Option<(Level, &'static str)> {
    let writes = matches!(looked.endpoint.method, Method("POST" | "PUT" | "PATCH"));
    let field = difference.field.as_ref().filter(|_| difference.kind == DifferenceKind::UndocumentedField)?;
    let is_sent = matches!(field.place, Place::Form | Place::RequestBody);
    if !writes || !is_sent || looked.successes() == 0 || !context.settings.counts(looked.field_seen(field)) {
        return None;
    }
    let name = plain(member(&field.name));
    if PRIVILEGES.binary_search(&name.as_str()).is_ok() {
        return Some((Level::Error, "and its name reads like a privilege or a state"));
    }
    let is_told = response_names(looked).contains(&name);
    is_told.then_some((Level::Warning, "and the response has a field of the same name"))
}

fn response_names(looked: &Looked<'_>) -> BTreeSet<String> {
    let fields = looked.stats().fields.keys().filter(|key| key.place == Place::ResponseBody);
    let names = fields.map(|key| plain(member(&key.name)));
    // Names that are data, and the body as a whole, are no names.
    names.filter(|name| !name.is_empty() && !name.starts_with('{')).collect()
}

/// `is_admin`, `isAdmin` and `is-admin` are one name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn privileges_are_sorted() {
        assert!(super::PRIVILEGES.is_sorted());
    }
}
