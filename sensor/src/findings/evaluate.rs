//! Runs the rules: over everything, or over one endpoint that changed. Each endpoint is compared with
//! its specifications once, for all rules. What is of one rule and subject is one finding.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::merged;
use super::{Check, Context, Finding, Findings, Looked, RULES, Subject};
use crate::flow::Timestamp;
use crate::inventory::OVER_BUDGET;
use crate::inventory::catalog::{Endpoint, Service};
use crate::inventory::compare::{self, Comparison, Difference};
use crate::inventory::confirm::Doubt;

/// All findings, worst first, then by service, endpoint and rule; each fingerprint once.
pub fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    for service in context.catalog.services.iter().filter(|service| *service.name != *OVER_BUDGET) {
        let learnt_at = context.learnt_at(service);
        let comparison = Comparison::of(context.specs, service);
        for endpoint in &service.endpoints {
            look(context, service, endpoint, &comparison, learnt_at, &mut findings);
        }
        let differences = comparison.whole(context.window());
        check_service(context, service, &differences, &mut findings);
    }
    // Services that only specifications know.
    let mut unseen: BTreeMap<Arc<str>, Vec<Difference>> = BTreeMap::new();
    for difference in compare::unseen(context.specs, context.catalog, context.window()) {
        unseen.entry(difference.service.clone()).or_default().push(difference);
    }
    for (name, differences) in unseen {
        let service = Service { name, endpoints: Vec::new() };
        check_service(context, &service, &differences, &mut findings);
    }
    for rule in RULES {
        for check in rule.checks {
            if let Check::Whole(check) = check {
                check(context, &mut findings);
            }
        }
    }
    findings.settled()
}

/// The findings of the rules that look at single endpoints, for one that changed; in the same order.
/// Those of whole services are only found by [`evaluate`].
pub fn evaluate_endpoint(context: &Context<'_>, service: &Service, endpoint: &Endpoint) -> Vec<Finding> {
    let mut findings = Findings::default();
    if *service.name != *OVER_BUDGET {
        let comparison = Comparison::of(context.specs, service);
        look(context, service, endpoint, &comparison, context.learnt_at(service), &mut findings);
    }
    findings.settled()
}

fn look(
    context: &Context<'_>,
    service: &Service,
    endpoint: &Endpoint,
    comparison: &Comparison<'_>,
    learnt_at: Timestamp,
    findings: &mut Findings,
) {
    // The row of calls over a bound mixes endpoints: what is true of the sum is true of none.
    if !context.settings.counts(endpoint.stats.seen) || endpoint.evidence().1 == Some(Doubt::OverBudget) {
        return;
    }
    let differences = comparison.endpoint(endpoint);
    check_endpoint(context, &Looked { service, endpoint, differences: &differences, learnt_at }, findings);
}

/// Asks every rule about one endpoint whose differences are known.
pub fn check_endpoint(context: &Context<'_>, looked: &Looked<'_>, findings: &mut Findings) {
    for rule in RULES {
        for check in rule.checks {
            if let Check::Endpoint(check) = check {
                check(context, looked, findings);
            }
        }
    }
}

/// Asks every rule about one service whose differences are known.
pub fn check_service(
    context: &Context<'_>,
    service: &Service,
    differences: &[Difference],
    findings: &mut Findings,
) {
    for rule in RULES {
        for check in rule.checks {
            if let Check::Service(check) = check {
                check(context, service, differences, findings);
            }
        }
    }
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// One finding for each rule and subject, worst first, then by subject and rule.
    pub fn settled(self) -> Vec<Finding> {
        let mut one: BTreeMap<(&'static str, Subject), Finding> = BTreeMap::new();
        for finding in self.0 {
            let key = (finding.rule, finding.subject.clone());
            let sum = match one.remove(&key) {
                Some(known) => merged(known, finding),
                None => finding,
            };
            one.insert(key, sum);
        }
        let mut findings: Vec<Finding> = one.into_values().collect();
        findings.sort_by(|one, other| {
            let by_place =
                |finding: &Finding| (finding.subject.service.clone(), finding.subject.endpoint.clone());
            (other.level.cmp(&one.level))
                .then_with(|| by_place(one).cmp(&by_place(other)))
                .then_with(|| (one.rule, &one.subject).cmp(&(other.rule, &other.subject)))
        });
        findings
    }
}
