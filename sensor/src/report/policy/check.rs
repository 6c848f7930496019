//! What a policy would have denied of what was granted, as a document and as a table.

use schemars::JsonSchema;
use serde::Serialize;

use crate::inventory::catalog::Catalog;
use crate::inventory::policy::{Judge, Policy, edges};
use crate::report::document::{EndpointName, SCHEMA_VERSION};
use crate::report::format;
use crate::report::table::{Columns, Page, Style, number, plain};

/// `apicensus policy check`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PolicyCheck {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// Edges that were granted: callers of endpoints, by kind of credential.
    pub checked: u64,
    /// Those that the policy does not allow, by endpoint and caller.
    pub denied: Vec<Denied>,
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
}

impl PolicyCheck {
    /// Replays the edges of a catalog. The policy is taken for all that is allowed: a service that it does
    /// not name is denied.
    pub fn of(policy: &Policy, catalog: &Catalog) -> PolicyCheck {
        let denied = Judge::of(policy).violations(catalog).into_iter().map(|edge| Denied {
            endpoint: EndpointName {
                service: edge.service.to_string(),
                method: edge.endpoint.method.name().to_owned(),
                path: edge.endpoint.template.clone(),
            },
            caller: edge.caller(),
            credential: edge.key.credential.name().to_owned(),
            granted: edge.stats.granted,
            last_seen: format::time(edge.stats.seen.last),
        });
        PolicyCheck {
            schema_version: SCHEMA_VERSION,
            checked: edges(catalog).filter(|edge| edge.stats.granted > 0).count() as u64,
            denied: denied.collect(),
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
    if check.denied.is_empty() {
        return format!("nothing of {} would be denied\n", format::count(check.checked, "granted edge"));
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
    page.end()
}
