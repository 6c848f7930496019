//! Open findings into the question whether an edge of the inventory is known: one that nobody documented,
//! met before or said to know must not become part of a policy by having happened. It is asked by service,
//! endpoint and caller, so a finding about an endpoint is about all of its callers.

use std::collections::BTreeSet;

use super::rules::{new_caller, new_endpoint, policy_violation, rogue_service, undocumented_endpoint};
use super::{Settings, Subject};
use crate::call::Method;
use crate::inventory::policy::Edge;

/// Rules whose open findings say that somebody or something is not known.
pub const ABOUT_UNKNOWN: [&str; 5] = [
    new_caller::RULE.id,
    new_endpoint::RULE.id,
    policy_violation::RULE.id,
    rogue_service::RULE.id,
    undocumented_endpoint::RULE.id,
];

/// What open findings are about.
#[derive(Clone, Debug, Default)]
pub struct Unknown {
    services: BTreeSet<String>,
    endpoints: BTreeSet<(String, Method, String)>,
    callers: BTreeSet<(String, String)>,
}

impl Unknown {
    /// Of findings that are open, by rule and subject; those of other rules say nothing here.
    pub fn of<'a>(open: impl IntoIterator<Item = (&'a str, &'a Subject)>) -> Unknown {
        let mut unknown = Unknown::default();
        for (rule, subject) in open.into_iter().filter(|(rule, _)| ABOUT_UNKNOWN.contains(rule)) {
            let service = subject.service.to_string();
            match (&subject.endpoint, &subject.of) {
                (Some((method, path)), _) => {
                    unknown.endpoints.insert((service, *method, path.clone()));
                }
                (None, Some(of)) if rule == new_caller::RULE.id => {
                    unknown.callers.insert((service, of.clone()));
                }
                (None, _) => {
                    unknown.services.insert(service);
                }
            }
        }
        unknown
    }

    /// A finding is about the edge, its endpoint, its caller at the service, or its service.
    pub fn has(&self, edge: &Edge<'_>, settings: &Settings) -> bool {
        let service = edge.service.to_string();
        if self.services.contains(&service) {
            return true;
        }
        let caller = (service.clone(), new_caller::name(&edge.key.peer, settings));
        self.callers.contains(&caller)
            || self.endpoints.contains(&(service, edge.endpoint.method, edge.endpoint.template.clone()))
    }
}
