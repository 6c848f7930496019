//! What was observed against what is specified: differences, with subset semantics. What was seen must
//! be allowed by the specifications of its service; what they allow and nobody does is no difference.

use std::sync::Arc;

use super::FieldKey;
use super::catalog::{Catalog, Endpoint, Service};
use super::spec::Specs;
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

/// Differences of one endpoint.
pub fn endpoint(specs: &Specs, service: &Service, endpoint: &Endpoint) -> Vec<Difference> {
    let _ = (specs, service, endpoint);
    Vec::new()
}

/// Differences of one service as a whole: that it is rogue, or what its specifications have and nobody calls.
pub fn service(specs: &Specs, service: &Service, window: Window) -> Vec<Difference> {
    let _ = (specs, service, window);
    Vec::new()
}

/// Differences of specifications of which no service was seen: all their operations are orphans.
pub fn unseen(specs: &Specs, catalog: &Catalog, window: Window) -> Vec<Difference> {
    let _ = (specs, catalog, window);
    Vec::new()
}
