//! **orphan-endpoint**: a specification has an operation that was not called within the window.
//!
//! Fires as a note, once for each operation. Does not mean that the route is dead: the sensor may not
//! have run where it is called, or it is called once a year (see **blind-spot** and the coverage in the
//! report). Does not fire for the operations of a path whose other methods are in use, unless they too
//! went uncalled.
//!
//! What nobody calls is attack surface without use, and its faults go unnoticed. Ask its owner; take it
//! out of service and specification if nobody needs it.

use crate::findings::{Check, Context, Finding, Findings, Level, Rule};
use crate::inventory::catalog::Service;
use crate::inventory::compare::{Difference, DifferenceKind};

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "orphan-endpoint",
    title: "Specified endpoint that nobody calls",
    level: Level::Note,
    owasp: &["API9"],
    rationale: "A route that is specified and never used is attack surface without use, or the \
                specification describes what does not exist.",
    remediation: "Check that the sensor can see its traffic; if it can and the route is not needed, remove \
                  it from the service and from the specification.",
    checks: &[Check::Service(check)],
};

fn check(_: &Context<'_>, service: &Service, differences: &[Difference], findings: &mut Findings) {
    for difference in differences.iter().filter(|found| found.kind == DifferenceKind::Orphan) {
        let message = "specified, and not called within the window".to_owned();
        let mut finding = Finding::of_service(&RULE, service, message).against(difference);
        finding.subject.endpoint = difference.endpoint.clone();
        if difference.endpoint.is_none() {
            // A whole specification without a service: one finding for each of them.
            finding.subject.of = difference.spec.as_ref().map(|spec| spec.to_string());
        }
        findings.add(finding);
    }
}
