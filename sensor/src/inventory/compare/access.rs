//! Credentials that callers used against the security that is declared. Only calls answered with 2xx
//! count. Client certificates are seen only where a proxy tells of them, and session cookies and
//! certificates may come beside anything: none of them makes a difference.

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Difference, DifferenceKind, Seen};
use crate::call::{Credential, Place, carries_credential};
use crate::inventory::FieldKey;
use crate::inventory::catalog::Endpoint;
use crate::inventory::spec::{ParameterPlace, Scheme};

impl Comparison<'_> {
    /// What specifications that speak of security say of an endpoint: `Some(true)`, it lets anybody in;
    /// `Some(false)`, it asks for a credential; `None`, nothing.
    pub fn is_open(&self, endpoint: &Endpoint) -> Option<bool> {
        let documented = self.documented(&self.covering.newest, endpoint);
        let own = documented.iter().map(|(one, _)| one).filter(|one| {
            one.operation.method == endpoint.method.name() && one.version.spec.declares_security
        });
        let is_open = |security: &Vec<Vec<Scheme>>| security.is_empty() || security.iter().any(Vec::is_empty);
        own.map(|one| is_open(&one.operation.security)).reduce(|one, other| one || other)
    }
}

impl Seen<'_> {
    pub(super) fn access(&self, found: &mut Vec<Difference>) {
        let mut granted: BTreeMap<Credential, u64> = BTreeMap::new();
        for (key, caller) in &self.endpoint.stats.callers {
            let sum = granted.entry(key.credential).or_default();
            *sum = sum.saturating_add(caller.granted);
        }
        granted.retain(|_, calls| *calls > 0);
        let securities = || self.operations.iter().map(|one| &one.operation.security);
        let declared = || -> String {
            let alternatives = securities()
                .flatten()
                .map(|schemes| schemes.iter().map(Scheme::text).collect::<Vec<_>>().join(" and "));
            let alternatives: BTreeSet<String> = alternatives.collect();
            alternatives.into_iter().collect::<Vec<_>>().join(", or ")
        };
        if let Some(&without) = granted.get(&Credential::None) {
            let lets_in = |security: &Vec<Vec<Scheme>>| {
                security.is_empty() || security.iter().any(|schemes| self.may_be_unseen(schemes, without))
            };
            if !securities().any(lets_in) {
                let difference = self.differs(DifferenceKind::AuthMissing);
                let observed = format!("{without} calls without credentials answered with 2xx");
                found.push(Difference { specified: declared(), observed, ..difference });
            }
        }
        let is_declared = |kind: &Credential| {
            self.operations.iter().any(|one| {
                let security = &one.operation.security;
                // An operation that is open to all says nothing of who may come with what.
                (security.is_empty() && one.version.spec.declares_security)
                    || security.iter().flatten().any(|scheme| scheme.kinds().contains(kind))
                    || (!security.is_empty() && security.iter().all(Vec::is_empty))
            })
        };
        let beside =
            [Credential::None, Credential::SessionCookie, Credential::Certificate, Credential::Unknown];
        for (kind, calls) in granted {
            if beside.contains(&kind) || is_declared(&kind) {
                continue;
            }
            let specified = declared();
            found.push(Difference {
                specified: if specified.is_empty() { "no security".to_owned() } else { specified },
                observed: format!("{} in {calls} calls answered with 2xx", kind.name()),
                ..self.differs(DifferenceKind::AuthUndeclared)
            });
        }
    }

    /// Calls that look as if they had no credential may have had all of these schemes.
    fn may_be_unseen(&self, schemes: &[Scheme], calls: u64) -> bool {
        schemes.iter().all(|scheme| match scheme {
            Scheme::Certificate | Scheme::Other => true,
            Scheme::Key(place, name) => {
                let place = match place {
                    ParameterPlace::Query => Place::Query,
                    ParameterPlace::Header => Place::RequestHeader,
                    ParameterPlace::Cookie => Place::Cookie,
                };
                // A key under a name that does not say so is a field like others: fewer calls with it than
                // calls without credential leave some that had neither.
                let with = |name: &str| {
                    let key = FieldKey { place, name: name.into() };
                    self.endpoint.stats.fields.get(&key).map_or(0, |sums| sums.calls.max(sums.present))
                };
                !carries_credential(place, name) && with(name).saturating_add(with("{name}")) >= calls
            }
            Scheme::Basic | Scheme::Bearer | Scheme::Digest | Scheme::Negotiate => false,
        })
    }
}
