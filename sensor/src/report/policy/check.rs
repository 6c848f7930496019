//! What a policy would have denied of what was granted, as a document and as a table.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::replay::{Asked, Kind, Manifests, Sample, Verdict, samples};
use super::{From, Identities, pods_of};
use crate::inventory::catalog::{Catalog, Endpoint};
use crate::inventory::policy::{Edge, Judge, Pattern, Policy, edges};
use crate::report::document::{EndpointName, SCHEMA_VERSION};
use crate::report::table::{Columns, Page, Style, number, plain};
use crate::report::{escape, format};

/// `apicensus policy check`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PolicyCheck {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// Kinds of manifests that were read; none for our own form.
    pub kinds: Vec<String>,
    /// Edges that were granted and could be judged: callers of endpoints, by kind of credential.
    pub checked: u64,
    /// Those that the policy does not allow, by endpoint and caller.
    pub denied: Vec<Denied>,
    /// Services that no manifest is about: they are open to all.
    pub open_services: Vec<String>,
    /// Callers that could not be judged, as nobody said who they are in the cluster.
    pub unmapped_callers: Vec<String>,
    /// Services that could not be judged, as nobody said who they are in the cluster.
    pub unmapped_services: Vec<String>,
    /// What the kinds cannot tell apart, and what was taken for granted.
    pub notes: Vec<String>,
}

/// An edge that was granted and is not allowed.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Denied {
    /// Where.
    #[serde(flatten)]
    pub endpoint: EndpointName,
    /// Program and cgroup, or address.
    pub caller: String,
    /// Kind of credential.
    pub credential: String,
    /// Calls answered with 2xx.
    pub granted: u64,
    /// RFC 3339.
    pub last_seen: String,
    /// Kind of the manifests that deny it; null for our own form.
    pub by: Option<String>,
}

impl Denied {
    fn of(edge: &Edge<'_>, by: Option<Kind>) -> Denied {
        Denied {
            endpoint: EndpointName {
                service: edge.service.to_string(),
                method: edge.endpoint.method.name().to_owned(),
                path: edge.endpoint.template.clone(),
            },
            caller: edge.caller(),
            credential: edge.key.credential.name().to_owned(),
            granted: edge.stats.granted,
            last_seen: format::time(edge.stats.seen.last),
            by: by.map(|kind| kind.name().to_owned()),
        }
    }
}

impl PolicyCheck {
    /// Replays the edges of a catalog. The policy is taken for all that is allowed: a service that it does
    /// not name is denied.
    pub fn of(policy: &Policy, catalog: &Catalog) -> PolicyCheck {
        let denied = Judge::of(policy).violations(catalog);
        let denied = denied.iter().map(|edge| Denied::of(edge, None));
        PolicyCheck {
            denied: denied.collect(),
            checked: edges(catalog).filter(|edge| edge.stats.granted > 0).count() as u64,
            ..PolicyCheck::new()
        }
    }

    /// Replays the edges of a catalog against manifests, with who is who in their cluster. Whose pods no
    /// manifest selects is open to all and so denies nothing.
    pub fn of_manifests(manifests: &Manifests, identities: &Identities, catalog: &Catalog) -> PolicyCheck {
        let index = manifests.index();
        let mut check = PolicyCheck::new();
        let (mut open, mut callers, mut services) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut last: Option<(*const Endpoint, Vec<Sample>)> = None;
        for edge in edges(catalog).filter(|edge| edge.stats.granted > 0) {
            let name = edge.caller();
            let (to, from) = (pods_of(edge.service, identities), From::any(&name, identities));
            let (Some(to), Some(from)) = (to, from) else {
                if to.is_none() {
                    services.insert(edge.service.to_string());
                } else {
                    callers.insert(name);
                }
                continue;
            };
            // The edges of an endpoint come in a row.
            let endpoint: *const Endpoint = edge.endpoint;
            let known = last.take().filter(|(of, _)| *of == endpoint);
            let (_, samples) = last.insert(
                known.unwrap_or_else(|| (endpoint, samples(edge.endpoint, &Pattern::of(edge.endpoint)))),
            );
            check.checked += 1;
            let asked = Asked {
                from,
                to,
                port: to.port_of(edge.service),
                host: edge.service,
                method: edge.endpoint.method.name(),
                samples,
            };
            match index.judge(&asked) {
                Verdict::Allowed => {}
                Verdict::Open => drop(open.insert(edge.service.to_string())),
                Verdict::Denied(kind) => check.denied.push(Denied::of(&edge, Some(kind))),
            }
        }
        let kinds = manifests.kinds();
        let l7 = [Kind::CiliumNetworkPolicy, Kind::AuthorizationPolicy];
        if kinds.contains(&Kind::NetworkPolicy) {
            check.notes.push(
                "NetworkPolicy knows callers and ports only: any call of an allowed caller passes it, whatever \
                 its method and path"
                    .to_owned(),
            );
        }
        if kinds.iter().any(|kind| l7.contains(kind)) {
            check
                .notes
                .push("paths with parameters were tried with examples of each kind of value".to_owned());
        }
        check.notes.push(
            "callers that the identities name were judged by their labels and principals, all others by address"
                .to_owned(),
        );
        check.kinds = kinds.into_iter().map(|kind| kind.name().to_owned()).collect();
        check.open_services = open.into_iter().collect();
        check.unmapped_callers = callers.into_iter().collect();
        check.unmapped_services = services.into_iter().collect();
        check
    }

    /// What to tell of names without an identity; `None` if all have what they need.
    pub fn unmapped_text(&self) -> Option<String> {
        let names = |names: &[String], what: &str| -> String {
            names.iter().map(|name| format!("\n  {what} {}", escape::for_terminal(name))).collect()
        };
        let text = names(&self.unmapped_callers, "caller") + &names(&self.unmapped_services, "service");
        (!text.is_empty()).then(|| {
            format!(
                "some names have no identity in the cluster, what they call or are called was not judged; say who \
                 they are with --identities:{text}"
            )
        })
    }

    fn new() -> PolicyCheck {
        PolicyCheck {
            schema_version: SCHEMA_VERSION,
            kinds: Vec::new(),
            checked: 0,
            denied: Vec::new(),
            open_services: Vec::new(),
            unmapped_callers: Vec::new(),
            unmapped_services: Vec::new(),
            notes: Vec::new(),
        }
    }
}

const DENIED: Columns = Columns {
    names: &["CALLER", "SERVICE", "METHOD", "PATH", "AUTH", "CALLS", "LAST SEEN"],
    right: &["CALLS"],
    expendable: &["LAST SEEN", "AUTH"],
};

/// As a table.
pub fn check_text(check: &PolicyCheck, style: Style) -> String {
    let mut notes: String = check.notes.iter().map(|note| format!("note: {note}\n")).collect();
    for service in &check.open_services {
        notes.push_str(&format!("open to all, no policy is about it: {}\n", escape::for_terminal(service)));
    }
    if check.denied.is_empty() {
        return format!(
            "nothing of {} would be denied\n{notes}",
            format::count(check.checked, "granted edge")
        );
    }
    let mut page = Page::new(style);
    let rows = check.denied.iter().map(|row| {
        vec![
            plain(&row.caller),
            plain(&row.endpoint.service),
            plain(&row.endpoint.method),
            plain(&row.endpoint.path),
            plain(&row.credential),
            number(row.granted),
            plain(&row.last_seen),
        ]
    });
    page.table(&DENIED, rows.collect());
    page.end() + &notes
}
