//! Which rows are no endpoints, and why: what people said first, then what the calls were, then what
//! their pages show together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::guidance::{Guidance, Pattern, PatternSegment, Route, RouteSegment, Rule};
use super::noise::NoiseClass;
use super::soft::soft_missed;
use super::template::fits;
use super::{EndpointKey, Inventory};
use crate::call::{CallClass, Segment};

/// Judges the rows of one inventory.
pub(super) struct Aside<'a> {
    soft: BTreeSet<&'a EndpointKey>,
    guidance: Option<&'a Guidance>,
    words: &'a BTreeMap<u64, Arc<str>>,
}

impl<'a> Aside<'a> {
    pub(super) fn of(inventory: &'a Inventory, guidance: Option<&'a Guidance>) -> Aside<'a> {
        Aside { soft: soft_missed(inventory), guidance, words: &inventory.words }
    }

    /// Why a row is no endpoint; `None` if it is one, or helps to make one. A probe or a page for any path
    /// that a document names is an endpoint; what is missed there is one's only if it was found too.
    pub(super) fn class(&self, key: &EndpointKey) -> Option<NoiseClass> {
        let class = match key.class {
            _ if self.is_never(key) => Some(NoiseClass::Never),
            CallClass::Found => self.soft.contains(key).then_some(NoiseClass::SoftMissed),
            CallClass::Missed => Some(NoiseClass::Missed),
            CallClass::StaticFile => Some(NoiseClass::StaticFile),
            CallClass::HealthCheck => Some(NoiseClass::HealthCheck),
            CallClass::Preflight => Some(NoiseClass::Preflight),
        }?;
        let may_be = matches!(key.class, CallClass::Found | CallClass::HealthCheck);
        (!may_be || !self.is_documented(key)).then_some(class)
    }

    fn is_documented(&self, key: &EndpointKey) -> bool {
        let documents = self.guidance.iter().flat_map(|guidance| &guidance.documents);
        let mut documents =
            documents.filter(|document| document.services.iter().any(|s| fits(s, &key.service)));
        documents.any(|document| document.routes.iter().any(|route| self.is_route(route, key)))
    }

    fn is_route(&self, route: &Route, key: &EndpointKey) -> bool {
        route.methods.iter().any(|method| method == key.method.name())
            && route.segments.len() == key.path.len()
            && route.segments.iter().zip(&key.path).all(|(said, segment)| match said {
                RouteSegment::Literal(word) => self.text(segment) == Some(word),
                RouteSegment::Parameter { .. } => true,
            })
    }

    /// The path is that of a pattern, or below it.
    fn is_never(&self, key: &EndpointKey) -> bool {
        let hints = self.guidance.iter().flat_map(|guidance| &guidance.hints);
        let mut hints = hints.filter(|hint| fits(&hint.service, &key.service));
        hints.any(|hint| {
            let Rule::Never(Pattern(segments)) = &hint.rule else { return false };
            segments.len() <= key.path.len()
                && segments.iter().zip(&key.path).all(|(said, segment)| match said {
                    PatternSegment::Literal(word) => self.text(segment) == Some(word),
                    PatternSegment::Any => true,
                })
        })
    }

    fn text(&self, segment: &'a Segment) -> Option<&str> {
        match segment {
            Segment::Word(word) => Some(word),
            Segment::Hidden(hash) => self.words.get(hash).map(|word| &**word),
            Segment::Parameter(_) | Segment::File(..) => None,
        }
    }
}
