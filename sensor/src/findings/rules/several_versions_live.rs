//! **several-versions-live**: the same route is called under an older and a newer version (`/v1/users`
//! and `/v2/users`).
//!
//! Fires once for each older version of a service, with the routes that a newer one has as well, if both
//! were answered within the window. Does not fire for routes that only one version has, nor for versions
//! in headers or hosts. A deprecated version in a specification is **zombie-endpoint** besides.
//!
//! Fixes and checks go into the newest version; attackers try the others. Move the callers below, then
//! switch the older version off.

use std::collections::BTreeMap;

use crate::call::Method;
use crate::findings::evidence::{count, edges_of, listed};
use crate::findings::paths::unversioned;
use crate::findings::{Check, Context, Finding, Findings, Level, Rule};
use crate::inventory::Seen;
use crate::inventory::catalog::{Endpoint, Service};
use crate::inventory::compare::Difference;

/// See the file's comment.
pub const RULE: Rule = Rule {
    id: "several-versions-live",
    title: "An older version is still in use beside a newer one",
    level: Level::Note,
    owasp: &["API9"],
    rationale: "Both versions work on the same data, and checks, limits and fixes tend to go into the newer \
                one only.",
    remediation: "Move the callers below to the newer version, announce an end of the older one (Sunset \
                  header, RFC 8594), and switch it off.",
    checks: &[Check::Service(check)],
};

/// Endpoints of one route by version, each with its version as it stands in the path.
type Versions<'a> = BTreeMap<(u32, u32), Vec<(&'a str, &'a Endpoint)>>;

/// Endpoints of one older version, with the newest version of their routes.
struct Older<'a> {
    endpoints: Vec<&'a Endpoint>,
    newest: (u32, u32),
    newer: &'a str,
}

fn check(context: &Context<'_>, service: &Service, _: &[Difference], findings: &mut Findings) {
    let mut routes: BTreeMap<(String, Method), Versions<'_>> = BTreeMap::new();
    for endpoint in &service.endpoints {
        let is_live = context.settings.counts(endpoint.stats.seen) && endpoint.evidence().0.successes > 0;
        if let Some((route, version, text)) = unversioned(&endpoint.template).filter(|_| is_live) {
            let versions = routes.entry((route, endpoint.method)).or_default();
            versions.entry(version).or_default().push((text, endpoint));
        }
    }
    // By the older version: its endpoints, and the newest version of each of these.
    let mut older: BTreeMap<&str, Older<'_>> = BTreeMap::new();
    for versions in routes.values() {
        let Some((&newest, of_newest)) = versions.last_key_value() else { continue };
        let Some((text, _)) = of_newest.first() else { continue };
        for (name, endpoint) in versions.range(..newest).flat_map(|(_, endpoints)| endpoints) {
            let older = older.entry(*name).or_insert(Older { endpoints: Vec::new(), newest, newer: text });
            older.endpoints.push(endpoint);
            if newest > older.newest {
                (older.newest, older.newer) = (newest, text);
            }
        }
    }
    for (name, Older { mut endpoints, newer, .. }) in older {
        endpoints.sort_by(|one, other| (&one.template, one.method).cmp(&(&other.template, other.method)));
        let mut seen = Seen::default();
        endpoints.iter().for_each(|endpoint| seen.merge(endpoint.stats.seen));
        let calls = endpoints.iter().fold(0u64, |sum, endpoint| sum.saturating_add(endpoint.stats.calls));
        let routes: Vec<String> = endpoints
            .iter()
            .map(|endpoint| format!("{} {}", endpoint.method.name(), endpoint.template))
            .collect();
        let routes = listed(routes.iter().map(String::as_str));
        let message = format!("{name} is in use beside {newer} ({}): {routes}", count(calls, "call"));
        let by =
            edges_of(endpoints.iter().map(|endpoint| &endpoint.stats), |_, _| true, |caller| caller.calls);
        findings.add(Finding::of_service(&RULE, service, message).of_name(name).shown(calls, seen).by(by));
    }
}
