//! **spec-drift**: an endpoint is specified, and what it does differs: the type or format of a field, a
//! status, a media type, a required field that is missing, or the base path.
//!
//! Fires once for each field, status, media type. Does not fire for what the specification allows and
//! nobody uses (subset semantics), for 5xx, which is failure and no interface, nor for undocumented
//! fields, which have a rule of their own.
//!
//! Clients and gateways that believe the specification break or let wrong data through. Change the
//! specification if the service is right, the service if it is not.

use std::sync::Arc;

use crate::findings::evidence::{field_name, observed_name};
use crate::findings::{Check, Context, Finding, Findings, Level, Looked, Rule};
use crate::inventory::catalog::Service;
use crate::inventory::compare::{Difference, DifferenceKind};
use crate::inventory::{Seen, SmallMap};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "spec-drift",
    title: "Endpoint differs from its specification",
    level: Level::Warning,
    owasp: &["API9"],
    rationale: "Tests, clients and gateways are made from the specification: where the service does \
                something else they check the wrong thing.",
    remediation: "Decide which of the two is right, and change the other; check it in the build so that \
                  they stay together.",
    checks: &[Check::Endpoint(check), Check::Service(check_service)],
};

fn check(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for difference in looked.differences {
        let Some((level, name)) = drift(difference) else { continue };
        let mut finding = looked.finding(&RULE, message(difference)).level(level).of_name(name);
        if let Some(field) = &difference.field {
            let seen = looked.field_seen(field);
            // What is missing is not seen: of it the endpoint's calls tell.
            if difference.kind != DifferenceKind::MissingRequired {
                if !context.settings.counts(seen) {
                    continue;
                }
                finding = finding.shown(looked.field(field).calls, seen);
            }
            finding = finding.at(field);
        }
        if let Some(calls) = calls(looked, difference) {
            finding.calls = calls;
        }
        findings.add(finding.against(difference));
    }
}

fn check_service(_: &Context<'_>, service: &Service, differences: &[Difference], findings: &mut Findings) {
    // Those of endpoints come with their endpoints.
    for difference in differences.iter().filter(|found| found.kind == DifferenceKind::BasePath) {
        let Some((level, name)) = drift(difference) else { continue };
        let mut seen = Seen::default();
        service.endpoints.iter().for_each(|endpoint| seen.merge(endpoint.stats.seen));
        let calls =
            service.endpoints.iter().fold(0u64, |sum, endpoint| sum.saturating_add(endpoint.stats.calls));
        let mut finding = Finding::of_service(&RULE, service, message(difference)).level(level).of_name(name);
        finding.subject.endpoint = difference.endpoint.clone();
        findings.add(finding.shown(calls, seen).against(difference));
    }
}

/// How bad a difference is if it is one of this rule, and what tells it from others at the same place.
fn drift(difference: &Difference) -> Option<(Level, String)> {
    Some(match difference.kind {
        DifferenceKind::TypeDrift => (Level::Warning, "type".to_owned()),
        DifferenceKind::FormatDrift => (Level::Note, "format".to_owned()),
        DifferenceKind::MissingRequired => (Level::Warning, "missing-required".to_owned()),
        DifferenceKind::BasePath => (Level::Warning, "base-path".to_owned()),
        DifferenceKind::UndocumentedContentType => {
            (Level::Warning, format!("content-type {}", observed_name(difference)))
        }
        DifferenceKind::UndocumentedStatus => {
            let level = match status(difference) {
                Some(500..) => return None,
                Some(400..) => Level::Note,
                _ => Level::Warning,
            };
            (level, format!("status {}", observed_name(difference)))
        }
        _ => return None,
    })
}

fn status(difference: &Difference) -> Option<u16> {
    difference.observed.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

/// Calls that show it, if they are counted apart.
fn calls(looked: &Looked<'_>, difference: &Difference) -> Option<u64> {
    let stats = looked.stats();
    match difference.kind {
        DifferenceKind::UndocumentedStatus => stats.statuses.get(&status(difference)?).copied(),
        DifferenceKind::UndocumentedContentType => {
            let media = observed_name(difference).split(' ').next()?;
            let of = |types: &SmallMap<Arc<str>, u64>| {
                types.iter().find(|(name, _)| &***name == media).map(|(_, calls)| *calls)
            };
            of(&stats.response_types).or_else(|| of(&stats.request_types))
        }
        _ => None,
    }
}

fn message(difference: &Difference) -> String {
    let field = difference.field.as_ref().map(field_name);
    let field = field.as_deref().unwrap_or_default();
    let what = match difference.kind {
        DifferenceKind::TypeDrift => format!("type of {field}"),
        DifferenceKind::FormatDrift => format!("format of {field}"),
        DifferenceKind::MissingRequired => {
            return format!("{field} is required, and calls without it were answered with 2xx");
        }
        DifferenceKind::BasePath => "base path or server".to_owned(),
        DifferenceKind::UndocumentedContentType => "content type".to_owned(),
        _ => "status".to_owned(),
    };
    match (difference.specified.as_str(), difference.observed.as_str()) {
        (_, "") => format!("{what}: not as specified"),
        ("", observed) => format!("{what}: {observed} is not specified"),
        (specified, observed) => format!("{what}: specified {specified}, observed {observed}"),
    }
}
