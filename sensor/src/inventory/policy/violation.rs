//! A policy made ready to be asked about many edges: by service, method and number of segments.

use std::collections::BTreeMap;

use super::{Allowed, Edge, Pattern, Policy, edges, is_caller};
use crate::call::{Method, fits};
use crate::inventory::catalog::Catalog;

/// A policy with an index of its edges.
pub struct Judge<'a> {
    /// Edges of one service, one method and paths of one length.
    exact: BTreeMap<(&'a str, Method, usize), Vec<&'a Allowed>>,
    /// Those with patterns for any of these.
    open: Vec<&'a Allowed>,
}

impl<'a> Judge<'a> {
    /// Makes the index.
    pub fn of(policy: &'a Policy) -> Judge<'a> {
        let mut judge = Judge { exact: BTreeMap::new(), open: Vec::new() };
        for allowed in &policy.edges {
            match allowed.method {
                Some(method) if !allowed.service.contains('*') && !allowed.path.below => {
                    let key = (allowed.service.as_str(), method, allowed.path.segments.len());
                    judge.exact.entry(key).or_default().push(allowed);
                }
                _ => judge.open.push(allowed),
            }
        }
        judge
    }

    /// Some edge of the policy takes this one.
    pub fn allows(&self, edge: &Edge<'_>, path: &Pattern) -> bool {
        let key = (&**edge.service, edge.endpoint.method, path.segments.len());
        let exact = self.exact.get(&key).into_iter().flatten();
        let fitting = exact.chain(self.open.iter().filter(|allowed| {
            fits(&allowed.service, edge.service)
                && allowed.method.is_none_or(|method| method == edge.endpoint.method)
        }));
        fitting.into_iter().any(|allowed| {
            allowed.path.takes(path)
                && (allowed.credentials.is_empty() || allowed.credentials.contains(&edge.key.credential))
                && is_caller(&allowed.caller, &edge.key.peer)
        })
    }

    /// Edges of a catalog that were granted and are outside of the policy, in the order of the catalog.
    pub fn violations<'c>(&self, catalog: &'c Catalog) -> Vec<Edge<'c>> {
        let mut last: Option<(*const _, Pattern)> = None;
        let granted = edges(catalog).filter(|edge| edge.stats.granted > 0);
        let outside = granted.filter(|edge| {
            // The edges of an endpoint come in a row.
            let endpoint: *const _ = edge.endpoint;
            let path = match last.take() {
                Some((of, path)) if of == endpoint => path,
                _ => Pattern::of(edge.endpoint),
            };
            let allowed = self.allows(edge, &path);
            last = Some((endpoint, path));
            !allowed
        });
        outside.collect()
    }
}

impl Policy {
    /// As [`Judge::violations`], for one question.
    pub fn violations<'c>(&self, catalog: &'c Catalog) -> Vec<Edge<'c>> {
        Judge::of(self).violations(catalog)
    }
}
