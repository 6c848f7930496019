//! What people said, on the way down the tree of one service: which rules and routes still fit the
//! segments so far, and what they say of the next one.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::call::Segment;
use crate::inventory::guidance::{Guidance, Pattern, PatternSegment, Route, RouteSegment, Rule};

/// What people said of one service.
#[derive(Default)]
pub struct Guide {
    paths: Rc<[Said0]>,
    words: Rc<BTreeMap<u64, Arc<str>>>,
}

/// One path of a rule or a route.
struct Said0 {
    steps: Vec<Step>,
    what: What,
}

enum Step {
    Literal(String),
    Any(Option<String>),
}

enum What {
    Split,
    Collapse,
    Name(String),
    /// Of an OpenAPI document: every segment is said.
    Route,
}

/// What was said of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is a literal.
    Literal,
    /// It is a value.
    Value,
}

/// Rules that fit so far, and how many segments of each were passed.
#[derive(Clone)]
pub(super) struct Cursor {
    paths: Rc<[Said0]>,
    words: Rc<BTreeMap<u64, Arc<str>>>,
    depth: usize,
    fits: Vec<usize>,
}

impl Guide {
    /// What was said of a service; `words` are texts of hidden words.
    pub fn of(guidance: &Guidance, service: &str, words: &BTreeMap<u64, Arc<str>>) -> Guide {
        let mut paths = Vec::new();
        for hint in guidance.hints.iter().filter(|hint| fits(&hint.service, service)) {
            let (pattern, what) = match &hint.rule {
                Rule::Split(pattern) => (pattern, What::Split),
                Rule::Collapse(pattern) => (pattern, What::Collapse),
                Rule::Name(pattern, name) => (pattern, What::Name(name.clone())),
                Rule::Never(_) => continue,
            };
            paths.push(Said0 { steps: steps(pattern), what });
        }
        for document in &guidance.documents {
            if document.services.iter().any(|pattern| fits(pattern, service)) {
                let route = |route: &Route| Said0 { steps: route_steps(route), what: What::Route };
                paths.extend(document.routes.iter().map(route));
            }
        }
        if paths.is_empty() {
            return Guide::default();
        }
        Guide { paths: paths.into(), words: Rc::new(words.clone()) }
    }

    pub(super) fn start(&self) -> Cursor {
        let fits = (0..self.paths.len()).collect();
        Cursor { paths: self.paths.clone(), words: self.words.clone(), depth: 0, fits }
    }
}

/// A pattern with `*` for any characters fits a service's name.
pub fn fits(pattern: &str, service: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| service.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn steps(Pattern(segments): &Pattern) -> Vec<Step> {
    let step = |segment: &PatternSegment| match segment {
        PatternSegment::Literal(word) => Step::Literal(word.clone()),
        PatternSegment::Any => Step::Any(None),
    };
    segments.iter().map(step).collect()
}

fn route_steps(route: &Route) -> Vec<Step> {
    let step = |segment: &RouteSegment| match segment {
        RouteSegment::Literal(word) => Step::Literal(word.clone()),
        RouteSegment::Parameter { name, .. } => Step::Any(Some(name.clone())),
    };
    route.segments.iter().map(step).collect()
}

impl Cursor {
    fn text<'a>(&'a self, segment: &'a Segment) -> Option<&'a str> {
        match segment {
            Segment::Word(word) => Some(word),
            Segment::Hidden(hidden) => self.words.get(hidden).map(|word| &**word),
            Segment::Parameter(_) | Segment::File(..) => None,
        }
    }

    /// What was said of a word here. Routes win over hints, a later hint over an earlier one, a literal
    /// of a route over a parameter of another.
    pub(super) fn said(&self, segment: &Segment) -> Option<Said> {
        let text = self.text(segment);
        let mut hint = None;
        let mut route = None;
        for path in self.fits.iter().map(|&at| &self.paths[at]) {
            let Some(step) = path.steps.get(self.depth) else { continue };
            let last = path.steps.len() == self.depth + 1;
            match (&path.what, step) {
                (What::Route, Step::Literal(word)) if text == Some(&**word) => route = Some(Said::Literal),
                (What::Route, Step::Any(_)) => route = route.or(Some(Said::Value)),
                (What::Split, Step::Literal(word)) if last && text == Some(&**word) => {
                    hint = Some(Said::Literal);
                }
                (What::Collapse, Step::Any(_)) if last => hint = Some(Said::Value),
                _ => {}
            }
        }
        route.or(hint)
    }

    /// Name of the parameter here, if one was given.
    pub(super) fn name(&self) -> Option<&str> {
        let mut hint = None;
        let mut route = None;
        for path in self.fits.iter().map(|&at| &self.paths[at]) {
            match (&path.what, path.steps.get(self.depth)) {
                (What::Route, Some(Step::Any(Some(name)))) => route = route.or(Some(&**name)),
                (What::Name(name), Some(Step::Any(_))) if path.steps.len() == self.depth + 1 => {
                    hint = Some(&**name);
                }
                _ => {}
            }
        }
        route.or(hint)
    }

    fn next(&self, fits: impl Fn(&Step) -> bool) -> Cursor {
        let step = |&at: &usize| self.paths[at].steps.get(self.depth).is_some_and(&fits);
        let fits = self.fits.iter().copied().filter(step).collect();
        Cursor { paths: self.paths.clone(), words: self.words.clone(), depth: self.depth + 1, fits }
    }

    /// Behind a literal. A pattern's `*` stands for a literal too.
    pub(super) fn literal(&self, segment: &Segment) -> Cursor {
        let text = self.text(segment);
        self.next(|step| match step {
            Step::Literal(word) => text == Some(&**word),
            Step::Any(_) => true,
        })
    }

    /// Behind the values.
    pub(super) fn value(&self) -> Cursor {
        self.next(|step| matches!(step, Step::Any(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_of_services() {
        for (pattern, service, yes) in [
            ("*", "a:80", true),
            ("a:80", "a:80", true),
            ("a", "a:80", false),
            ("a*", "a:80", true),
            ("*.shop", "x.shop", true),
            ("*.shop", "shop", false),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
        ] {
            assert_eq!(fits(pattern, service), yes, "{pattern} {service}");
        }
    }
}
