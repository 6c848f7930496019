//! What people said of one service, as a tree of steps from the root: which rules and routes still fit
//! the segments so far, and what they say of the next one. Asked on the way down the tree of templates,
//! and of whole stored paths: the route of a document that one is of, and whether it is no endpoint.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::call::lexicon::extension_of;
use crate::call::{Extension, Path, Segment, SegmentKind, WordKey};
use crate::inventory::guidance::{
    Applying, Guidance, Pattern, PatternSegment, Route, RouteSegment, Rule, Takes,
};

/// Number of a step, and of a route.
type Number = u32;

const ROOT: Number = 0;

/// What people said of one service.
#[derive(Clone, Default)]
pub struct Guide {
    said: Rc<Steps>,
    words: Rc<BTreeMap<u64, Arc<str>>>,
}

/// The tree, its root first; empty if nothing was said.
#[derive(Default)]
struct Steps {
    steps: Vec<Step>,
    routes: Vec<Route>,
}

/// A place in the paths of rules and routes.
#[derive(Default)]
struct Step {
    words: BTreeMap<String, Number>,
    any: Option<Number>,
    /// Parameters with text beside them.
    partial: Vec<(RouteSegment, Number)>,
    /// Parameters that do not take any text.
    typed: Vec<(Takes, Number)>,
    /// A route of a document leads here.
    is_of_route: bool,
    /// The route that ends here.
    route: Option<Number>,
    /// From 1: the last hint by which this is a word of the route, or all here are values.
    hint: usize,
    /// Names of the parameter that leads here: of a route, and of the last hint with its number.
    route_name: Option<String>,
    hint_name: Option<String>,
    /// What is here and below is no endpoint.
    never: bool,
}

/// What was said of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is a literal.
    Literal,
    /// It is a value.
    Value,
}

/// Steps that fit so far, the more exact ones first.
#[derive(Clone)]
pub(super) struct Cursor {
    guide: Guide,
    at: Places,
}

type Places = SmallVec<[Number; 4]>;

impl Guide {
    /// What was said of the services that `applying` is of.
    pub fn of(guidance: &Guidance, applying: &Applying) -> Guide {
        let mut steps = Steps::default();
        for &at in &applying.hints {
            steps.add_rule(at + 1, &guidance.hints[at].rule);
        }
        for &at in &applying.documents {
            guidance.documents[at].routes.iter().for_each(|route| steps.add_route(route));
        }
        Guide { said: Rc::new(steps), words: Rc::default() }
    }

    /// Learns the texts of hidden words.
    pub fn know(&mut self, words: Rc<BTreeMap<u64, Arc<str>>>) {
        self.words = words;
    }

    /// Recognises hidden words of a path of the service that were said to be words of its routes; adds
    /// their texts to `words`.
    pub fn recognise(&self, service: &str, path: &Path, key: &WordKey, words: &mut BTreeMap<u64, Arc<str>>) {
        let mut at = self.start_places();
        let mut pattern = key.start(service);
        for segment in path {
            if at.is_empty() {
                return;
            }
            if let Segment::Hidden(hidden) = segment
                && !words.contains_key(hidden)
            {
                let mut known = at.iter().flat_map(|&at| self.said.step(at).words.keys());
                if let Some(word) = known.find(|word| key.is(*hidden, pattern, word)) {
                    words.insert(*hidden, Arc::from(word.as_str()));
                }
            }
            at = self.said.behind(&at, segment, text(segment, words));
            pattern = key.behind(pattern, segment);
        }
    }

    /// The route of a document that a stored path is of, whatever its methods, with its number; of several
    /// the one with the first word from the left.
    pub fn route(&self, path: &Path) -> Option<(u32, &Route)> {
        let mut at = self.start_places();
        for segment in path {
            at = self.said.behind(&at, segment, text(segment, &self.words));
        }
        let route = at.iter().find_map(|&at| self.said.step(at).route)?;
        Some((route, &self.said.routes[route as usize]))
    }

    /// A stored path was said to be no endpoint, or one above it.
    pub fn excludes(&self, path: &Path) -> bool {
        let mut at = self.start_places();
        for segment in path {
            if at.iter().any(|&at| self.said.step(at).never) {
                break;
            }
            at = self.said.behind(&at, segment, text(segment, &self.words));
        }
        at.iter().any(|&at| self.said.step(at).never)
    }

    fn start_places(&self) -> Places {
        if self.said.steps.is_empty() { Places::new() } else { smallvec![ROOT] }
    }

    pub(super) fn start(&self) -> Cursor {
        Cursor { at: self.start_places(), guide: self.clone() }
    }
}

impl Steps {
    fn step(&self, at: Number) -> &Step {
        &self.steps[at as usize]
    }

    fn new_step(&mut self) -> Number {
        self.steps.push(Step::default());
        (self.steps.len() - 1) as Number
    }

    fn root(&mut self) -> Number {
        if self.steps.is_empty() { self.new_step() } else { ROOT }
    }

    fn word(&mut self, at: Number, word: &str) -> Number {
        if let Some(&next) = self.step(at).words.get(word) {
            return next;
        }
        let next = self.new_step();
        self.steps[at as usize].words.insert(word.to_owned(), next);
        next
    }

    fn any(&mut self, at: Number) -> Number {
        if let Some(next) = self.step(at).any {
            return next;
        }
        let next = self.new_step();
        self.steps[at as usize].any = Some(next);
        next
    }

    fn value(&mut self, at: Number, takes: &Takes) -> Number {
        if *takes == Takes::Any {
            return self.any(at);
        }
        match self.step(at).typed.iter().find(|(known, _)| known == takes) {
            Some(&(_, next)) => next,
            None => {
                let next = self.new_step();
                self.steps[at as usize].typed.push((takes.clone(), next));
                next
            }
        }
    }

    fn add_rule(&mut self, number: usize, rule: &Rule) {
        let (Rule::Split(Pattern(pattern))
        | Rule::Collapse(Pattern(pattern))
        | Rule::Name(Pattern(pattern), _)
        | Rule::Never(Pattern(pattern))) = rule;
        let mut at = self.root();
        for segment in pattern {
            at = match segment {
                PatternSegment::Literal(word) => self.word(at, word),
                PatternSegment::Any => self.any(at),
            };
            // Whoever writes a word into a pattern says that it is one of the route.
            if let (PatternSegment::Literal(_), false) = (segment, matches!(rule, Rule::Never(_))) {
                self.steps[at as usize].hint = number;
            }
        }
        let last = &mut self.steps[at as usize];
        match rule {
            Rule::Split(_) => {}
            Rule::Collapse(_) => last.hint = number,
            Rule::Name(_, name) => last.hint_name = Some(name.clone()),
            Rule::Never(_) => last.never = true,
        }
    }

    fn add_route(&mut self, route: &Route) {
        let mut at = self.root();
        for segment in &route.segments {
            at = match segment {
                RouteSegment::Literal(word) => self.word(at, word),
                RouteSegment::Parameter { before, behind, takes, .. }
                    if before.is_empty() && behind.is_empty() =>
                {
                    self.value(at, takes)
                }
                RouteSegment::Parameter { .. } => {
                    match self.step(at).partial.iter().find(|(known, _)| is_same_form(known, segment)) {
                        Some(&(_, next)) => next,
                        None => {
                            let next = self.new_step();
                            self.steps[at as usize].partial.push((segment.clone(), next));
                            next
                        }
                    }
                }
            };
            let step = &mut self.steps[at as usize];
            step.is_of_route = true;
            if let (RouteSegment::Parameter { name, .. }, None) = (segment, &step.route_name) {
                step.route_name = Some(name.clone());
            }
        }
        if self.step(at).route.is_none() {
            self.steps[at as usize].route = Some(self.routes.len() as Number);
            self.routes.push(route.clone());
        }
    }

    /// Places behind a stored segment, whose text may be known.
    fn behind(&self, at: &[Number], segment: &Segment, text: Option<&str>) -> Places {
        let mut next = Places::new();
        if is_ours(segment) {
            return next;
        }
        for step in at.iter().map(|&at| self.step(at)) {
            next.extend(text.and_then(|text| step.words.get(text)).copied());
            let partial = step.partial.iter().filter(|(partial, _)| fits_partly(partial, segment, text));
            next.extend(partial.map(|&(_, next)| next));
            let typed = step.typed.iter().filter(|(takes, _)| takes.fits(segment, text));
            next.extend(typed.map(|&(_, next)| next));
            next.extend(step.any);
        }
        next
    }
}

/// Text of a word, as far as it is known.
fn text<'a>(segment: &'a Segment, words: &'a BTreeMap<u64, Arc<str>>) -> Option<&'a str> {
    match segment {
        Segment::Word(word) | Segment::Name(word) => Some(word),
        Segment::Hidden(hidden) => words.get(hidden).map(|word| &**word),
        Segment::Parameter(_) | Segment::File(..) => None,
    }
}

/// What stands for more than it says (calls over a bound, files of pages), or for no path (`*`).
fn is_ours(segment: &Segment) -> bool {
    matches!(segment, Segment::Word(word) if word.starts_with('{') || **word == *"*")
}

/// The same but for names.
fn is_same_form(one: &RouteSegment, other: &RouteSegment) -> bool {
    match (one, other) {
        (
            RouteSegment::Parameter { before, behind, .. },
            RouteSegment::Parameter { before: other_before, behind: other_behind, .. },
        ) => before == other_before && behind == other_behind,
        _ => one == other,
    }
}

/// Whether a stored segment can be one of a parameter with text beside it. Of a value only the shape and
/// the extension are known, so that most such text cannot be found in it: then it is a plain parameter.
fn fits_partly(partial: &RouteSegment, segment: &Segment, text: Option<&str>) -> bool {
    let RouteSegment::Parameter { before, behind, .. } = partial else { return false };
    if let Some(text) = text {
        return is_of_form(text, before, behind);
    }
    let ends_in = |extension: Extension| {
        before.is_empty()
            && behind.rsplit_once('.').is_some_and(|(rest, name)| {
                name == extension.name() && (rest.is_empty() || rest.contains('{'))
            })
    };
    match segment {
        Segment::File(_, extension) => ends_in(*extension),
        Segment::Hidden(hidden) => match extension_of(*hidden) {
            Some(extension) => ends_in(extension),
            None => is_all_parameters(before, behind),
        },
        // Numbers and the like have one part.
        Segment::Parameter(
            SegmentKind::Text
            | SegmentKind::Names
            | SegmentKind::Words
            | SegmentKind::Date
            | SegmentKind::Email,
        ) => is_all_parameters(before, behind),
        Segment::Parameter(_) | Segment::Word(_) | Segment::Name(_) => false,
    }
}

/// Nothing but parameters with signs between: `{x},{y}`.
fn is_all_parameters(before: &str, behind: &str) -> bool {
    let mut text = behind;
    let mut parameters = false;
    while let Some((between, (_, after))) =
        text.split_once('{').and_then(|(between, rest)| Some((between, rest.split_once('}')?)))
    {
        if between.contains(char::is_alphanumeric) {
            return false;
        }
        parameters = true;
        text = after;
    }
    parameters && before.is_empty() && text.is_empty()
}

/// The text begins with `before`, and what is in `behind` stands in it in that order, at its end too; at
/// each parameter there is something.
fn is_of_form(text: &str, before: &str, behind: &str) -> bool {
    let Some(mut rest) = text.strip_prefix(before) else { return false };
    let mut behind = behind;
    while let Some((between, (_, after))) =
        behind.split_once('{').and_then(|(between, rest)| Some((between, rest.split_once('}')?)))
    {
        let Some(first) = rest.chars().next() else { return false };
        let Some(at) = rest[first.len_utf8()..].find(between) else { return false };
        rest = &rest[first.len_utf8() + at + between.len()..];
        behind = after;
    }
    rest.strip_suffix(behind).is_some_and(|value| !value.is_empty())
}

impl Step {
    /// Where values lead.
    fn values(&self) -> impl Iterator<Item = Number> {
        self.any.into_iter().chain(self.typed.iter().map(|&(_, next)| next))
    }
}

impl Cursor {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.at.iter().map(|&at| self.guide.said.step(at))
    }

    fn text<'a>(&'a self, segment: &'a Segment) -> Option<&'a str> {
        text(segment, &self.guide.words)
    }

    /// What was said of a word here. Routes win over hints, a later hint over an earlier one, a literal
    /// of a route over a parameter of another.
    pub(super) fn said(&self, segment: &Segment) -> Option<Said> {
        if is_ours(segment) {
            return None;
        }
        let text = self.text(segment);
        let said = &self.guide.said;
        let mut hint = (0, None);
        let (mut route, mut refused) = (None, None);
        for step in self.steps() {
            let word = text.and_then(|text| step.words.get(text)).map(|&word| said.step(word));
            let any = step.any.map(|any| said.step(any));
            if word.is_some_and(|word| word.is_of_route) {
                route = Some(Said::Literal);
            } else if any.is_some_and(|any| any.is_of_route)
                || step.typed.iter().any(|(takes, _)| takes.fits(segment, text))
                || step.partial.iter().any(|(partial, _)| fits_partly(partial, segment, text))
            {
                route = route.or(Some(Said::Value));
            } else if text.is_some() && !step.typed.is_empty() {
                // No value of the parameter that is documented there: a sibling that is not.
                refused = Some(Said::Literal);
            }
            for (step, what) in [(word, Said::Literal), (any, Said::Value)] {
                if let Some(step) = step.filter(|step| step.hint > hint.0) {
                    hint = (step.hint, Some(what));
                }
            }
        }
        route.or(hint.1).or(refused)
    }

    /// Name of the parameter here, if one was given.
    pub(super) fn name(&self) -> Option<&str> {
        let said = &self.guide.said;
        let values = || self.steps().flat_map(Step::values).map(|value| said.step(value));
        let of_route = values().find_map(|any| any.route_name.as_deref());
        of_route.or_else(|| values().find_map(|any| any.hint_name.as_deref()))
    }

    /// Behind a literal. A pattern's `*` stands for a literal too.
    pub(super) fn literal(&self, segment: &Segment) -> Cursor {
        let at = self.guide.said.behind(&self.at, segment, self.text(segment));
        Cursor { at, guide: self.guide.clone() }
    }

    /// Behind the values.
    pub(super) fn value(&self) -> Cursor {
        Cursor { at: self.steps().flat_map(Step::values).collect(), guide: self.guide.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_all_parameters, is_of_form};

    #[test]
    fn parameters_with_text_beside_them() {
        for (text, before, behind, yes) in [
            ("7.json", "", ".json", true),
            (".json", "", ".json", false),
            ("7.xml", "", ".json", false),
            ("users(7)", "users(", ")", true),
            ("users()", "users(", ")", false),
            ("7:cancel", "", ":cancel", true),
            ("1,2", "", ",{y}", true),
            ("1,", "", ",{y}", false),
            ("a-b.zip", "", "-{b}.zip", true),
            ("a.zip", "", "-{b}.zip", false),
        ] {
            assert_eq!(is_of_form(text, before, behind), yes, "{text} {before}{{}}{behind}");
        }
        assert!(is_all_parameters("", ",{y}") && is_all_parameters("", "..{y}-{z}"));
        assert!(!is_all_parameters("", ":cancel") && !is_all_parameters("", ",{y}.zip"));
        assert!(!is_all_parameters("a", ",{y}") && !is_all_parameters("", "and{y}"));
    }
}
