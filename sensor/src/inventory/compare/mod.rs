//! What was observed against what is specified: differences, with subset semantics. What was seen must
//! be allowed by the specifications of its service; what they allow and nobody does is no difference.

mod access;
mod answers;
mod bodies;
mod evidence;
mod members;
mod parameters;
mod registered;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::Evidence;

use super::FieldKey;
use super::catalog::{Catalog, Endpoint, Service};
use super::noise::is_over_budget;
use super::spec::{Covering, Format, Operation, Schemas, Specs, Version, behind_marker};
use crate::call::Method;

/// One thing that was seen and is not specified so, or is specified and was not seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Which kind.
    pub kind: DifferenceKind,
    /// Name of the specification that is nearest to what was seen; `None` for a rogue service.
    pub spec: Option<Arc<str>>,
    /// JSON pointer into it where it says otherwise, or where it would have to say it; may be empty.
    pub pointer: String,
    /// Service.
    pub service: Arc<str>,
    /// Endpoint; `None` if it is about a whole service.
    pub endpoint: Option<(Method, String)>,
    /// Field, if it is about one.
    pub field: Option<FieldKey>,
    /// What is specified, in words of the specification, and what was seen, in ours; each may be empty.
    pub specified: String,
    /// See above.
    pub observed: String,
}

/// Kinds of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// No specification covers the service at all.
    RogueService,
    /// A path that no specification of the service has.
    UndocumentedEndpoint,
    /// The path is specified, not with this method.
    UndocumentedMethod,
    /// A query parameter, header, cookie or path parameter that is not specified.
    UndocumentedParameter,
    /// A member of a body that is not specified.
    UndocumentedField,
    /// A status code that is not specified, not even by a range or `default`.
    UndocumentedStatus,
    /// A media type of a body that is not specified.
    UndocumentedContentType,
    /// A type that is not allowed.
    TypeDrift,
    /// A format that is specified and was not kept.
    FormatDrift,
    /// Required, and there were calls without it that were answered with 2xx.
    MissingRequired,
    /// Declared security, and calls were answered with 2xx without any credential.
    AuthMissing,
    /// Callers use a kind of credential that is not declared.
    AuthUndeclared,
    /// Called, and marked deprecated.
    Deprecated,
    /// Called, and gone from the newest version of its specification.
    Removed,
    /// Specified, and not called within the window.
    Orphan,
    /// The path is specified below another base path, or the service by another server.
    BasePath,
}

/// How a catalog stands to specifications.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// What was last seen before is treated as not seen.
    pub since: crate::flow::Timestamp,
}

/// One service against the specifications that cover it: made once for all of its endpoints.
pub struct Comparison<'a> {
    specs: &'a Specs,
    service: &'a Service,
    covering: Covering<'a>,
}

/// An operation that an endpoint may be, and where it stands.
#[derive(Clone, Copy)]
struct Documented<'a> {
    version: &'a Version,
    operation: &'a Operation,
}

/// Differences of one endpoint; for many endpoints of a service make one [`Comparison`].
pub fn endpoint(specs: &Specs, service: &Service, endpoint: &Endpoint) -> Vec<Difference> {
    Comparison::of(specs, service).endpoint(endpoint)
}

/// Differences of one service as a whole: that it is rogue, or what its specifications have and nobody calls.
pub fn service(specs: &Specs, service: &Service, window: Window) -> Vec<Difference> {
    Comparison::of(specs, service).whole(window)
}

/// Differences of specifications of which no service was seen: all their operations are orphans.
pub fn unseen(specs: &Specs, catalog: &Catalog, window: Window) -> Vec<Difference> {
    let _ = window;
    whole::unseen(specs, catalog)
}

/// A service that belongs to gRPC itself (its "Health Checking Protocol"): no descriptor set has it, and
/// whatever watches over servers calls it. The one for reflection is told: it gives away all there is.
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/";

/// An operation, and why parameters of its path do not take what was seen.
type Candidate<'a> = (Documented<'a>, Vec<String>);

impl<'a> Comparison<'a> {
    /// Looks up what covers the service.
    pub fn of(specs: &'a Specs, service: &'a Service) -> Comparison<'a> {
        Comparison { specs, service, covering: specs.covering(service) }
    }

    /// Any specification covers the service.
    pub fn is_covered(&self) -> bool {
        !self.covering.is_empty()
    }

    /// Differences of one endpoint of the service; none if nothing covers that.
    ///
    /// What was seen must be allowed by one of the newest versions. `OPTIONS` is about what may be asked,
    /// and `HEAD` goes with `GET` (RFC 9110 section 9.3): neither makes a difference by itself.
    pub fn endpoint(&self, endpoint: &Endpoint) -> Vec<Difference> {
        let mut found = Vec::new();
        let method = endpoint.method.name();
        if is_over_budget(&endpoint.template) || method == "OPTIONS" {
            return found;
        }
        let Some(&first) = self.covering.newest.first() else { return found };
        if self.covering.newest.iter().any(|version| is_graphql(version, endpoint)) {
            self.graphql(endpoint, &mut found);
            return found;
        }
        let on_path = self.documented(&self.covering.newest, endpoint);
        let with_method = |all: &[Candidate<'a>]| -> Vec<Candidate<'a>> {
            let of = |wanted: &str| {
                all.iter().filter(|(one, _)| one.operation.method == wanted).cloned().collect()
            };
            let own: Vec<_> = of(method);
            if own.is_empty() && method == "HEAD" { of("GET") } else { own }
        };
        let operations = with_method(&on_path);
        let Some((nearest, refused)) = operations.iter().min_by_key(|(_, refused)| refused.len()) else {
            if endpoint.template.starts_with(GRPC_HEALTH)
                && self.covering.newest.iter().any(|version| version.spec.format == Format::Grpc)
            {
                return found;
            }
            found.push(self.not_documented(endpoint, first, &on_path, &with_method));
            return found;
        };
        if nearest.operation.method != method {
            return found;
        }
        for what in refused {
            found.push(Difference {
                specified: what.clone(),
                observed: shapes(endpoint),
                ..nearest.differs(self, endpoint, DifferenceKind::TypeDrift)
            });
        }
        let fewest = refused.len();
        let operations: Vec<Documented<'_>> =
            operations.iter().filter(|(_, refused)| refused.len() == fewest).map(|(one, _)| *one).collect();
        if operations.iter().all(|one| one.operation.deprecated) {
            found.push(nearest.differs(self, endpoint, DifferenceKind::Deprecated));
        }
        let seen =
            Seen { of: self, endpoint, operations: &operations, evidence: Evidence::of(&endpoint.stats) };
        // Where a path carries many operations, what it says of bodies is about none of them.
        if behind_marker(&endpoint.template).is_none() {
            seen.parameters(&mut found);
            seen.request(&mut found);
            seen.answers(&mut found);
        }
        seen.access(&mut found);
        found.sort();
        found.dedup();
        found
    }

    /// An operation of GraphQL that is a root field by its name. Any other name is the client's own and says
    /// nothing of which fields it asked for.
    fn graphql(&self, endpoint: &Endpoint, found: &mut Vec<Difference>) {
        let fields = self.documented(&self.covering.newest, endpoint);
        let mut fields =
            fields.iter().filter(|(one, _)| one.version.spec.format == Format::Graphql).peekable();
        let Some((nearest, _)) = fields.peek() else { return };
        let deprecated = nearest.differs(self, endpoint, DifferenceKind::Deprecated);
        if fields.all(|(one, _)| one.operation.deprecated) {
            found.push(deprecated);
        }
    }

    /// Operations on the path of an endpoint, whatever their methods, each with what it refuses.
    fn documented(&self, versions: &[&'a Version], endpoint: &Endpoint) -> Vec<Candidate<'a>> {
        let mut all = Vec::new();
        for &version in versions {
            let found = version.find(&self.service.name, endpoint);
            let refused: Vec<String> =
                found.refused.iter().map(|(name, takes)| format!("{name}: {}", takes.text())).collect();
            for hit in found.hits {
                let one = Documented { version, operation: version.operation(hit) };
                all.push((one, refused.clone()));
            }
        }
        all
    }

    /// What is to be said of an endpoint that no newest version has.
    fn not_documented(
        &self,
        endpoint: &Endpoint,
        first: &'a Version,
        on_path: &[Candidate<'a>],
        with_method: &dyn Fn(&[Candidate<'a>]) -> Vec<Candidate<'a>>,
    ) -> Difference {
        let older = with_method(&self.documented(&self.covering.older, endpoint));
        if let Some((older, _)) = older.iter().rev().find(|(_, refused)| refused.is_empty()) {
            let specified = format!("only in version {}", older.version.spec.version);
            return Difference { specified, ..older.differs(self, endpoint, DifferenceKind::Removed) };
        }
        if let Some((nearest, _)) = on_path.iter().find(|(_, refused)| refused.is_empty()) {
            let methods: BTreeSet<&str> =
                on_path.iter().map(|(one, _)| one.operation.method.as_str()).collect();
            let pointer = nearest.operation.pointer.rsplit_once('/').map_or("", |(above, _)| above);
            return Difference {
                pointer: pointer.to_owned(),
                specified: methods.into_iter().collect::<Vec<_>>().join(", "),
                observed: endpoint.method.name().to_owned(),
                ..nearest.differs(self, endpoint, DifferenceKind::UndocumentedMethod)
            };
        }
        for &version in &self.covering.newest {
            let Some(found) = version.find_elsewhere(endpoint) else { continue };
            let mut hits = found.hits.into_iter().map(|hit| (hit, version.operation(hit)));
            let same = hits
                .find(|(_, operation)| operation.method == endpoint.method.name() && operation.has_word());
            if let Some((hit, operation)) = same {
                let one = Documented { version, operation };
                return Difference {
                    specified: version.path(hit.base, operation),
                    observed: endpoint.template.clone(),
                    ..one.differs(self, endpoint, DifferenceKind::BasePath)
                };
            }
        }
        Difference {
            spec: Some(first.name.clone()),
            pointer: if first.spec.format == Format::Grpc { "" } else { "/paths" }.to_owned(),
            ..self.difference(DifferenceKind::UndocumentedEndpoint, Some(endpoint))
        }
    }

    fn difference(&self, kind: DifferenceKind, endpoint: Option<&Endpoint>) -> Difference {
        Difference {
            kind,
            spec: None,
            pointer: String::new(),
            service: self.service.name.clone(),
            endpoint: endpoint.map(|endpoint| (endpoint.method, endpoint.template.clone())),
            field: None,
            specified: String::new(),
            observed: String::new(),
        }
    }
}

impl<'a> Documented<'a> {
    fn schemas(&self) -> Schemas<'a> {
        Schemas(&self.version.spec.schemas)
    }

    fn differs(&self, of: &Comparison<'_>, endpoint: &Endpoint, kind: DifferenceKind) -> Difference {
        Difference {
            spec: Some(self.version.name.clone()),
            pointer: self.operation.pointer.clone(),
            ..of.difference(kind, Some(endpoint))
        }
    }
}

/// An endpoint and the operations of which it must be one.
struct Seen<'a> {
    of: &'a Comparison<'a>,
    endpoint: &'a Endpoint,
    operations: &'a [Documented<'a>],
    evidence: Evidence,
}

impl Seen<'_> {
    /// A difference from the nearest operation.
    fn differs(&self, kind: DifferenceKind) -> Difference {
        match self.operations.first() {
            Some(nearest) => nearest.differs(self.of, self.endpoint, kind),
            None => self.of.difference(kind, Some(self.endpoint)),
        }
    }
}

/// GraphQL has one endpoint for all; what is asked there is not compared but by the operation's name.
fn is_graphql(version: &Version, endpoint: &Endpoint) -> bool {
    let is_operation = ["/#query", "/#mutation", "/#subscription"].iter().any(|marker| {
        behind_marker(&endpoint.template).is_some_and(|at| endpoint.template[at..].starts_with(marker))
    });
    version.spec.format == Format::Graphql
        && (is_operation || endpoint.template.to_ascii_lowercase().contains("graphql"))
}

/// Shapes of the path parameters of an endpoint.
fn shapes(endpoint: &Endpoint) -> String {
    let each = endpoint.parameters.iter().map(|one| format!("{}: {}", one.name, one.kind.name()));
    each.collect::<Vec<_>>().join(", ")
}
