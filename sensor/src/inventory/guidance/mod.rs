//! What people say about routes: hints, and the routes of given OpenAPI documents. Both win over
//! everything that is learnt from traffic, and are applied when the inventory is read, so to what is
//! stored as well.

mod hints;
mod takes;
mod openapi;

pub use hints::read as read_hints;
pub use openapi::read as read_openapi;
pub use takes::Takes;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use super::yaml::Fault;
use crate::call::{RouteWords, decode, fits};

/// Everything that was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guidance {
    /// Rules of the hints file, in its order; of two that speak of one thing the later one counts.
    pub hints: Vec<Hint>,
    /// Routes of OpenAPI documents. They win over hints.
    pub documents: Vec<Document>,
}

/// Positions of the hints and documents that are for one service; for many services the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applying {
    pub(super) hints: Vec<usize>,
    pub(super) documents: Vec<usize>,
}

impl Guidance {
    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        self.hints.is_empty() && self.documents.is_empty()
    }

    /// Which of it is for a service.
    pub fn applying(&self, service: &str) -> Applying {
        let hints = (0..self.hints.len()).filter(|&at| fits(&self.hints[at].service, service));
        let is_for = |at: &usize| self.documents[*at].services.iter().any(|pattern| fits(pattern, service));
        Applying { hints: hints.collect(), documents: (0..self.documents.len()).filter(is_for).collect() }
    }

    /// Names of services that the documents are for, if none of them is among `known`.
    pub fn strangers<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> BTreeSet<&str> {
        let patterns: BTreeSet<&str> =
            self.documents.iter().flat_map(|document| &document.services).map(String::as_str).collect();
        let is_known = |service| patterns.iter().any(|pattern| fits(pattern, service));
        if known.into_iter().any(is_known) { BTreeSet::new() } else { patterns }
    }

    /// Words of routes that were named, for the reader of paths.
    pub fn route_words(&self) -> RouteWords {
        let mut words = RouteWords::default();
        let mut hints: BTreeMap<&str, Vec<&Pattern>> = BTreeMap::new();
        for Hint { service, rule } in &self.hints {
            let (Rule::Split(pattern)
            | Rule::Collapse(pattern)
            | Rule::Name(pattern, _)
            | Rule::Never(pattern)) = rule;
            hints.entry(service).or_default().push(pattern);
        }
        for (service, patterns) in hints {
            let paths = patterns.iter().map(|Pattern(pattern)| {
                pattern.iter().map(|segment| match segment {
                    PatternSegment::Literal(word) => Some(word.as_str()),
                    PatternSegment::Any => None,
                })
            });
            words.add(&[service.to_owned()], paths);
        }
        for Document { services, routes } in &self.documents {
            let paths = routes.iter().map(|route| {
                route.segments.iter().map(|segment| match segment {
                    RouteSegment::Literal(word) => Some(word.as_str()),
                    RouteSegment::Parameter { .. } => None,
                })
            });
            words.add(services, paths);
        }
        words
    }
}

/// One rule for the services of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// Name of a service, with `*` for any characters; `*` alone for all.
    pub service: String,
    /// What is said.
    pub rule: Rule,
}

/// What one hint says.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// The last segment of the pattern, a literal, is a word of the route there and no value.
    Split(Pattern),
    /// All segments at the place of the last one, `*`, are values of one parameter.
    Collapse(Pattern),
    /// The parameter at the place of the last segment, `*`, has this name.
    Name(Pattern, String),
    /// Paths below the pattern are no endpoints; they are counted as noise.
    Never(Pattern),
}

/// A path from the root, segment by segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(pub Vec<PatternSegment>);

/// One segment of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternSegment {
    /// This word.
    Literal(String),
    /// `*` or `{name}`: any one segment.
    Any,
}

/// The routes of one OpenAPI document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Services that it describes, as in [`Hint::service`].
    pub services: Vec<String>,
    /// Its routes, base path included.
    pub routes: Vec<Route>,
}

/// One path of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Segments from the root.
    pub segments: Vec<RouteSegment>,
    /// Methods in upper case that are documented on it.
    pub methods: Vec<String>,
}

/// One segment of a [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteSegment {
    /// A word.
    Literal(String),
    /// A parameter with a text before and behind it, mostly empty: `{id}`, `{id}.json`, `{id}:cancel`.
    /// The text behind may hold more parameters: `{x},{y}`.
    Parameter {
        /// Its name.
        name: String,
        /// Text before it in the segment.
        before: String,
        /// Text behind it in the segment.
        behind: String,
        /// Values that it can have.
        #[serde(default, skip_serializing_if = "Takes::is_any")]
        takes: Takes,
    },
}

/// Percent-coded text as the reader of paths sees it.
pub(super) fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decode(text.as_bytes(), false)).into_owned()
}

/// A name that somebody typed as services have theirs: in lower case, port 80 goes without saying.
fn service_name(typed: &str) -> String {
    let name = typed.to_ascii_lowercase();
    match name.strip_suffix(":80") {
        Some(host) => host.to_owned(),
        None => name,
    }
}

/// What stands between braces without what frameworks add to it: `id:[0-9]+`, `+path`, `path*`.
pub(super) fn parameter_name(text: &str) -> String {
    let name = text.split(':').next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control() && !"{}/*+ ".contains(*c)).collect();
    if name.is_empty() { "id".to_owned() } else { name }
}
