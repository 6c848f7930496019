//! Which endpoint a path belongs to that did not help to make the templates.

use std::collections::BTreeMap;

use super::OVER_BUDGET;
use super::catalog::Endpoint;
use crate::call::Method;

/// The templates of one service by method and number of segments.
pub(super) struct Templates<'a>(BTreeMap<(Method, usize), Vec<Template<'a>>>);

struct Template<'a> {
    /// `None` where a parameter stands.
    segments: Vec<Option<&'a str>>,
    endpoint: usize,
}

impl<'a> Templates<'a> {
    pub(super) fn of(endpoints: &'a [Endpoint]) -> Templates<'a> {
        let mut templates = Templates(BTreeMap::new());
        for (endpoint, Endpoint { method, template, .. }) in endpoints.iter().enumerate() {
            let segments: Vec<Option<&str>> =
                template.split('/').filter(|part| !part.is_empty()).map(literal).collect();
            let alike = templates.0.entry((*method, segments.len())).or_default();
            alike.push(Template { segments, endpoint });
        }
        templates
    }

    /// The endpoint of a path of words and values (`None`); of several the one with the first literal
    /// from the left. A word may stand for a value of a parameter if `any_value` says so.
    pub(super) fn fitting(&self, method: Method, path: &[Option<&str>], any_value: bool) -> Option<usize> {
        let alike = self.0.get(&(method, path.len()))?;
        let fits = |template: &&Template| {
            template.segments.iter().zip(path).all(|(literal, text)| match (literal, text) {
                (Some(literal), Some(text)) => literal == text,
                (Some(_), None) => false,
                (None, Some(_)) => any_value,
                (None, None) => true,
            })
        };
        let literals =
            |template: &&Template| -> Vec<bool> { template.segments.iter().map(Option::is_some).collect() };
        alike.iter().filter(fits).max_by_key(literals).map(|template| template.endpoint)
    }
}

/// The text of a literal segment of a template.
fn literal(segment: &str) -> Option<&str> {
    (!segment.contains('{') || segment == OVER_BUDGET).then_some(segment)
}
