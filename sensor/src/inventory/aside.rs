//! Which rows are no endpoints, and why: what people said first, then what the calls were, then what
//! their pages show together.

use std::collections::BTreeSet;

use super::noise::NoiseClass;
use super::said::Said;
use super::soft::soft_missed;
use super::{EndpointKey, Inventory};
use crate::call::CallClass;

/// Judges the rows of one inventory.
pub(super) struct Aside<'a> {
    soft: BTreeSet<&'a EndpointKey>,
    said: &'a Said<'a>,
}

impl<'a> Aside<'a> {
    pub(super) fn of(inventory: &'a Inventory, said: &'a Said<'a>) -> Aside<'a> {
        Aside { soft: soft_missed(inventory), said }
    }

    /// Why a row is no endpoint; `None` if it is one, or helps to make one. A probe or a page for any path
    /// that a document names is an endpoint; what is missed there is one's only if it was found too.
    pub(super) fn class(&self, key: &EndpointKey) -> Option<NoiseClass> {
        let class = match key.class {
            _ if self.said.guide(&key.service).excludes(&key.path) => Some(NoiseClass::Never),
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
        let route = self.said.guide(&key.service).route(&key.path);
        route.is_some_and(|(_, route)| route.methods.iter().any(|method| method == key.method.name()))
    }
}
