//! **verbose-errors**: answers with 4xx or 5xx hold a stack trace or the error of a database.
//!
//! Fires by the forms that common languages and databases give these. Does not fire for messages and
//! codes that an application writes itself, however long.
//!
//! They tell names of files, tables, queries and versions, from which attackers read where to push.
//! Answer with a general text and an id, and log the rest under that id.

use crate::call::Sign;
use crate::findings::evidence::count;
use crate::findings::{Check, Context, Findings, Level, Looked, Rule};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "verbose-errors",
    title: "Errors tell about the inside",
    level: Level::Warning,
    owasp: &["API8"],
    rationale: "Stack traces and errors of databases tell names of files, tables and versions, and often that an input reaches a query.",
    remediation: "Answer errors with a general message and an id (RFC 9457), log the details under that id, and turn debug modes off.",
    checks: &[Check::Endpoint(check)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    let message =
        |calls| format!("{} answered with a stack trace or an error of a database", count(calls, "call"));
    if let Some(finding) = looked.by_sign(context.settings, &RULE, Sign::VerboseError, message, |_| true) {
        findings.add(finding);
    }
}
