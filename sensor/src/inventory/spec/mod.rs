//! Specifications that people gave: OpenAPI, gRPC descriptor sets, GraphQL. Text in, one model out, and
//! an index over all that are in force. Reading files is not done here; texts of specifications are
//! people's own, so they may be kept and shown.

mod fault;
mod find;
pub mod fuzz;
mod graphql;
mod grpc;
mod media;
mod openapi;
mod schema;
mod specs;

pub use fault::Fault;
pub use find::{Hit, Match};
pub use graphql::{is_root as is_graphql_root, read as read_graphql};
pub use grpc::{read as read_grpc, read_descriptors};
pub(in crate::inventory) use openapi::read_routes as read_openapi_routes;
pub use openapi::{Load, is_root, read as read_openapi};
pub use schema::{Additional, Format as TextFormat, Member, Schema, SchemaId, Schemas, Types};
pub(in crate::inventory) use specs::behind_marker;
pub use specs::{Covering, Specs, Version};

use serde::{Deserialize, Serialize};

use super::guidance::{Document, Route, RouteSegment};
use crate::call::Credential;
use openapi::routes::segments;

/// Number of the form in which specifications are kept; a store with another one has to be given them
/// again.
pub const MODEL_VERSION: u32 = 1;

/// One specification in one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// By which people name it here.
    pub name: String,
    /// Its own title; versions of one specification share it.
    pub title: String,
    /// Its own version (`info.version`), as written.
    pub version: String,
    /// Which language.
    pub format: Format,
    /// Names of services that people said it is for; empty: those of its servers.
    pub services: Vec<String>,
    /// Where its routes are.
    pub bases: Vec<Base>,
    /// What it has.
    pub operations: Vec<Operation>,
    /// All schemas; the rest refers to them by number.
    pub schemas: Vec<Schema>,
    /// It says anything about security.
    pub declares_security: bool,
}

/// Language of a specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// OpenAPI 3.1 and 3.2.
    #[default]
    Openapi31,
    /// OpenAPI 3.0.
    Openapi30,
    /// Swagger 2.0.
    Swagger20,
    /// Descriptor set of Protocol Buffers.
    Grpc,
    /// GraphQL schema definition.
    Graphql,
}

/// Where routes of a specification are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Base {
    /// Names of services, `*` for any characters; `*` alone where no host is named.
    pub services: Vec<String>,
    /// What stands before every path: `/v1`, or nothing.
    pub path: String,
}

/// A method on a path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// In upper case.
    pub method: String,
    /// Path as written, without base path.
    pub path: String,
    /// The same, segment by segment.
    pub segments: Vec<RouteSegment>,
    /// Numbers of its [`Base`]s.
    pub bases: Vec<u32>,
    /// JSON pointer to it.
    pub pointer: String,
    /// It is not to be used any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// Besides those of the path, which are in [`Operation::segments`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// What is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Response>,
    /// Alternatives, of each of which all schemes are needed; none: nothing is declared. An alternative
    /// without schemes lets everybody in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<Vec<Scheme>>,
}

/// A parameter beside the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Where.
    pub place: ParameterPlace,
    /// As written; of headers in lower case.
    pub name: String,
    /// Calls without it are wrong.
    pub required: bool,
    /// Of its values; `None` if they are coded in a way that is not read.
    pub schema: Option<SchemaId>,
    /// JSON pointer to it.
    pub pointer: String,
}

/// Places of parameters beside the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterPlace {
    /// Behind `?`.
    Query,
    /// Header.
    Header,
    /// Cookie.
    Cookie,
}

/// A request body.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Calls without it are wrong.
    pub required: bool,
    /// By media type or range.
    pub content: Vec<Media>,
    /// JSON pointer to it.
    pub pointer: String,
}

/// Content of one media type or range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// In lower case, without parameters: `application/json`, `text/*`.
    pub range: String,
    /// `None`: anything.
    pub schema: Option<SchemaId>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// To which statuses.
    pub statuses: Statuses,
    /// By media type or range; empty: nothing is said.
    pub content: Vec<Media>,
    /// JSON pointer to it.
    pub pointer: String,
}

/// Statuses that a response is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statuses {
    /// This one.
    One(u16),
    /// The hundred that begins with this digit: `2XX`.
    Hundred(u16),
    /// All that are not named.
    Default,
}

/// How calls are authenticated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: Bearer`, OAuth 2 and OpenID Connect.
    Bearer,
    /// `Authorization: Digest`.
    Digest,
    /// `Authorization: Negotiate`.
    Negotiate,
    /// A key at a place of this name.
    Key(ParameterPlace, String),
    /// A client certificate.
    Certificate,
    /// Another scheme, or one that is not described.
    Other,
}

impl Format {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Openapi31 => "OpenAPI 3.1",
            Format::Openapi30 => "OpenAPI 3.0",
            Format::Swagger20 => "Swagger 2.0",
            Format::Grpc => "gRPC",
            Format::Graphql => "GraphQL",
        }
    }
}

impl Spec {
    /// Where its routes are, each with the services that it is for: those that people said, else those of
    /// its servers.
    pub fn places(&self) -> impl Iterator<Item = (&[String], &Base)> {
        let said = &self.services;
        self.bases
            .iter()
            .map(move |base| (if said.is_empty() { &base.services[..] } else { &said[..] }, base))
    }

    /// Its routes for the reader of templates, one document for each base. Operations of GraphQL are no
    /// paths.
    pub fn documents(&self) -> Vec<Document> {
        if self.format == Format::Graphql {
            return Vec::new();
        }
        let mut documents: Vec<Document> = self
            .places()
            .map(|(services, _)| Document { services: services.to_vec(), routes: Vec::new() })
            .collect();
        let bases: Vec<Vec<RouteSegment>> = self.bases.iter().map(|base| segments(&base.path)).collect();
        for operation in &self.operations {
            for &at in &operation.bases {
                let (Some(document), Some(base)) = (documents.get_mut(at as usize), bases.get(at as usize))
                else {
                    continue;
                };
                let segments = [&base[..], &operation.segments].concat();
                // A path of which no method is known is a route all the same.
                let method = Some(operation.method.clone()).filter(|method| !method.is_empty());
                // Operations of one path follow each other.
                match document.routes.last_mut().filter(|last| last.segments == segments) {
                    Some(last) => last.methods.extend(method),
                    None => document.routes.push(Route { segments, methods: Vec::from_iter(method) }),
                }
            }
        }
        documents
    }
}

impl Statuses {
    /// As written in OpenAPI.
    pub fn text(self) -> String {
        match self {
            Statuses::One(status) => status.to_string(),
            Statuses::Hundred(digit) => format!("{digit}XX"),
            Statuses::Default => "default".to_owned(),
        }
    }
}

impl Operation {
    /// There is a word in its path, by which it is told from others.
    pub fn has_word(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, RouteSegment::Literal(_)))
    }

    /// The responses that are for a status: those that name it, else its hundred, else the default.
    pub fn responses_of(&self, status: u16) -> impl Iterator<Item = &Response> {
        let best = self.responses.iter().filter_map(|response| response.statuses.rank(status)).min();
        self.responses.iter().filter(move |response| best.is_some() && response.statuses.rank(status) == best)
    }
}

impl Statuses {
    /// How exactly a status is meant, best first; `None`: not at all.
    fn rank(self, status: u16) -> Option<u8> {
        match self {
            Statuses::One(one) => (one == status).then_some(0),
            Statuses::Hundred(digit) => (digit == status / 100).then_some(1),
            Statuses::Default => Some(2),
        }
    }
}

impl Scheme {
    /// Kinds of credentials that can be it.
    pub fn kinds(&self) -> &'static [Credential] {
        use Credential::{
            ApiKey, Basic, Bearer, Certificate, Digest, Jwt, Negotiate, Other, SessionCookie, Signed,
        };
        match self {
            Scheme::Basic => &[Basic],
            Scheme::Bearer => &[Bearer, Jwt],
            Scheme::Digest => &[Digest],
            Scheme::Negotiate => &[Negotiate],
            // Whatever stands in `Authorization` is written so in documents.
            Scheme::Key(ParameterPlace::Header, name) if name == "authorization" => {
                &[ApiKey, Jwt, Bearer, Basic, Digest, Negotiate, Signed, Other]
            }
            Scheme::Key(ParameterPlace::Header, _) => &[ApiKey, Jwt],
            Scheme::Key(ParameterPlace::Query, _) => &[ApiKey, Jwt, Bearer],
            Scheme::Key(ParameterPlace::Cookie, _) => &[ApiKey, Jwt, SessionCookie],
            Scheme::Certificate => &[Certificate],
            Scheme::Other => {
                &[Basic, Bearer, Jwt, ApiKey, SessionCookie, Other, Certificate, Signed, Digest, Negotiate]
            }
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Scheme::Basic => "basic".to_owned(),
            Scheme::Bearer => "bearer".to_owned(),
            Scheme::Digest => "digest".to_owned(),
            Scheme::Negotiate => "negotiate".to_owned(),
            Scheme::Key(place, name) => format!("key in {} {name}", place.name()),
            Scheme::Certificate => "client certificate".to_owned(),
            Scheme::Other => "other".to_owned(),
        }
    }
}

impl ParameterPlace {
    /// As in OpenAPI.
    pub const fn name(self) -> &'static str {
        match self {
            ParameterPlace::Query => "query",
            ParameterPlace::Header => "header",
            ParameterPlace::Cookie => "cookie",
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
