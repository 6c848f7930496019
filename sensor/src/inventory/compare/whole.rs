//! Services and specifications as wholes: services that nothing covers, operations that nobody calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Comparison, Difference, DifferenceKind, Window};
use crate::call::Method;
use crate::inventory::catalog::{Catalog, Endpoint};
use crate::inventory::spec::{Format, Operation, Specs, Version};

impl Comparison<'_> {
    /// Differences of the service as a whole.
    ///
    /// A service that no specification covers is rogue if any of its endpoints is confirmed, whether any
    /// specification was given or not: the rule decides. If one for other hosts has at least two and at
    /// least half of its endpoints, it is that one's, served elsewhere.
    pub fn whole(&self, window: Window) -> Vec<Difference> {
        if self.covering.is_empty() {
            return self.uncovered().into_iter().collect();
        }
        let mut found = Vec::new();
        // Several versions may be newest: an operation is an orphan once.
        let mut known: BTreeSet<(&str, String)> = BTreeSet::new();
        let called = |endpoint: &&Endpoint| endpoint.stats.seen.last >= window.since;
        let mut seen: BTreeSet<(usize, u32)> = BTreeSet::new();
        for (version, at) in self.covering.newest.iter().zip(0..) {
            for endpoint in self.service.endpoints.iter().filter(called) {
                for hit in version.find(&self.service.name, endpoint).hits {
                    // Whichever way Connect asks, the method of gRPC is called.
                    let is_grpc = version.spec.format == Format::Grpc;
                    if is_grpc || version.operation(hit).method == endpoint.method.name() {
                        seen.insert((at, hit.operation));
                    }
                }
            }
        }
        for (version, at) in self.covering.newest.iter().zip(0..) {
            for (operation, number) in version.spec.operations.iter().zip(0..) {
                let is_seen = seen.contains(&(at, number));
                if is_seen || !is_called_usually(version, operation) {
                    continue;
                }
                if !known.insert((&operation.method, whole_path(version, operation))) {
                    continue;
                }
                found.push(orphan(version, operation, &self.service.name));
            }
        }
        found
    }

    fn uncovered(&self) -> Option<Difference> {
        let confirmed = |endpoint: &Endpoint| endpoint.evidence().1.is_none();
        if !self.service.endpoints.iter().any(confirmed) {
            return None;
        }
        let count = self.service.endpoints.len();
        let nearest = self.specs.iter().map(|version| (version.has_endpoints_of(self.service), version));
        if let Some((has, version)) = nearest.max_by_key(|(has, version)| (*has, version.name.clone()))
            && has >= 2
            && has * 2 >= count
        {
            let mut servers: Vec<&str> =
                version.spec.places().flat_map(|(services, _)| services).map(String::as_str).collect();
            servers.dedup();
            servers.truncate(5);
            return Some(Difference {
                spec: Some(version.name.clone()),
                pointer: "/servers".to_owned(),
                specified: servers.join(", "),
                observed: format!("{has} of {count} endpoints at {}", self.service.name),
                ..self.difference(DifferenceKind::BasePath, None)
            });
        }
        Some(self.difference(DifferenceKind::RogueService, None))
    }
}

/// All operations of specifications of which no service was seen. One that names no host is seen if any
/// service has one of its operations.
pub(super) fn unseen(specs: &Specs, catalog: &Catalog) -> Vec<Difference> {
    let mut covering: BTreeSet<&Arc<str>> = BTreeSet::new();
    for service in &catalog.services {
        let covered = specs.covering(service);
        covering.extend(covered.newest.iter().chain(&covered.older).map(|version| &version.name));
    }
    let mut found = Vec::new();
    for version in specs.newest() {
        if covering.contains(&version.name) {
            continue;
        }
        let service: Arc<str> =
            version.spec.places().flat_map(|(services, _)| services).next().map_or("", String::as_str).into();
        let operations = version.spec.operations.iter();
        let operations = operations.filter(|operation| is_called_usually(version, operation));
        found.extend(operations.map(|operation| orphan(version, operation, &service)));
    }
    found
}

/// `HEAD`, `OPTIONS` and `TRACE` come with other methods, and `GET` of gRPC with `POST`. Fields of GraphQL are
/// asked for under names of clients' own.
fn is_called_usually(version: &Version, operation: &Operation) -> bool {
    match version.spec.format {
        Format::Graphql => false,
        Format::Grpc => operation.method == "POST",
        _ => !matches!(operation.method.as_str(), "HEAD" | "OPTIONS" | "TRACE"),
    }
}

/// With the first of its base paths.
fn whole_path(version: &Version, operation: &Operation) -> String {
    version.path(operation.bases.first().copied().unwrap_or(0), operation)
}

fn orphan(version: &Version, operation: &Operation, service: &Arc<str>) -> Difference {
    let path = whole_path(version, operation);
    let method = Method::of_name(&operation.method).unwrap_or(Method::OTHER);
    Difference {
        kind: DifferenceKind::Orphan,
        spec: Some(version.name.clone()),
        pointer: operation.pointer.clone(),
        service: service.clone(),
        endpoint: Some((method, if path.is_empty() { "/".to_owned() } else { path })),
        field: None,
        specified: String::new(),
        observed: String::new(),
    }
}
