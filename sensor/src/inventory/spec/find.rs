//! Which operations of a specification a path template is of: a tree over the segments of all routes,
//! base paths included, and one over routes without them.

use std::collections::HashMap;

use super::Spec;
use super::specs::base_segments;
use crate::call::SegmentKind;
use crate::inventory::guidance::{RouteSegment, Takes};

/// Places of the tree that are followed at once; a template that fits more is ambiguous anyway.
const PLACES_MAX: usize = 64;

/// Routes of one specification as a tree.
#[derive(Debug, Default)]
pub(super) struct Routes {
    steps: Vec<Step>,
}

#[derive(Debug, Default)]
struct Step {
    words: HashMap<String, u32>,
    values: Vec<(RouteSegment, u32)>,
    /// Operations that end here, with their bases.
    ends: Vec<Hit>,
    /// Operations without their base path that end here.
    bare: Vec<Hit>,
}

/// An operation at one of its bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Number of the operation.
    pub operation: u32,
    /// Number of the base.
    pub base: u32,
}

/// What a template is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Operations of the best route, whatever their methods.
    pub hits: Vec<Hit>,
    /// Values in the template that its parameters do not take: name of the parameter, what it takes.
    pub refused: Vec<(String, Takes)>,
}

/// One way through the tree.
#[derive(Clone)]
struct Way {
    at: u32,
    /// Words that fitted words: the more to the left, the better.
    exact: u64,
    refused: Vec<(String, Takes)>,
}

/// A segment of a template as the catalog writes it.
enum Written<'t> {
    /// A word in clear.
    Word(&'t str),
    /// A word whose text is not known.
    Hidden,
    /// A value, with text before and behind it.
    Value(SegmentKind, (&'t str, &'t str)),
}

impl Routes {
    pub(super) fn of(spec: &Spec) -> Routes {
        let mut routes = Routes { steps: vec![Step::default(), Step::default()] };
        let bases: Vec<Vec<RouteSegment>> = spec.bases.iter().map(|base| base_segments(&base.path)).collect();
        for (operation, number) in spec.operations.iter().zip(0..) {
            for &base in &operation.bases {
                let Some(before) = bases.get(base as usize) else { continue };
                let at =
                    before.iter().chain(&operation.segments).fold(0, |at, segment| routes.step(at, segment));
                let hit = Hit { operation: number, base };
                routes.steps[at as usize].ends.push(hit);
            }
            let at = operation.segments.iter().fold(1, |at, segment| routes.step(at, segment));
            let hit = Hit { operation: number, base: operation.bases.first().copied().unwrap_or(0) };
            routes.steps[at as usize].bare.push(hit);
        }
        routes
    }

    fn step(&mut self, at: u32, segment: &RouteSegment) -> u32 {
        let next = self.steps.len() as u32;
        let step = &mut self.steps[at as usize];
        match segment {
            RouteSegment::Literal(word) => {
                if let Some(&known) = step.words.get(word) {
                    return known;
                }
                step.words.insert(word.clone(), next);
            }
            RouteSegment::Parameter { before, behind, takes, .. } => {
                let same = |known: &RouteSegment| {
                    matches!(known, RouteSegment::Parameter { before: b, behind: e, takes: t, .. }
                        if b == before && e == behind && t == takes)
                };
                if let Some((_, known)) = step.values.iter().find(|(known, _)| same(known)) {
                    return *known;
                }
                step.values.push((segment.clone(), next));
            }
        }
        self.steps.push(Step::default());
        next
    }

    /// Operations of the route that fits best, at the bases that are asked for.
    /// `kinds` are the shapes of the template's parameters from left to right.
    pub(super) fn find(&self, template: &str, kinds: &[SegmentKind], wanted: impl Fn(u32) -> bool) -> Match {
        self.walk(0, template, kinds, |step| &step.ends, wanted)
    }

    /// Operations of which a template is the path behind other segments, or behind none.
    pub(super) fn find_behind(&self, template: &str, kinds: &[SegmentKind]) -> Option<Match> {
        let (mut rest, mut kinds) = (template, kinds);
        while rest.len() > 1 {
            let found = self.walk(1, rest, kinds, |step| &step.bare, |_| true);
            if !found.hits.is_empty() && found.refused.is_empty() {
                return Some(found);
            }
            let end = rest[1..].find('/').map_or(rest.len(), |at| 1 + at);
            let parameters = rest[..end].matches('{').count();
            kinds = kinds.get(parameters..).unwrap_or_default();
            rest = &rest[end..];
        }
        None
    }

    fn walk(
        &self,
        root: u32,
        template: &str,
        kinds: &[SegmentKind],
        ends: impl Fn(&Step) -> &Vec<Hit>,
        wanted: impl Fn(u32) -> bool,
    ) -> Match {
        if self.steps.is_empty() {
            return Match::default();
        }
        let mut ways = vec![Way { at: root, exact: 0, refused: Vec::new() }];
        let mut kinds = kinds.iter();
        for text in template.split('/').skip(1).filter(|text| !text.is_empty()) {
            let kind = text.matches('{').fold(None, |_, _| kinds.next()).copied();
            let written = written(text, kind.unwrap_or(SegmentKind::Text));
            let mut next = Vec::new();
            for way in &ways {
                self.follow(way, text, &written, &mut next);
            }
            if next.len() > PLACES_MAX {
                next.sort_by_key(|way: &Way| (way.refused.len(), std::cmp::Reverse(way.exact)));
                next.truncate(PLACES_MAX);
            }
            ways = next;
        }
        let mut best: Option<(usize, std::cmp::Reverse<u64>, Match)> = None;
        for way in ways {
            let all = ends(&self.steps[way.at as usize]).iter();
            let hits: Vec<Hit> = all.filter(|hit| wanted(hit.base)).copied().collect();
            let rank = (way.refused.len(), std::cmp::Reverse(way.exact));
            if hits.is_empty() || best.as_ref().is_some_and(|(refused, exact, _)| (*refused, *exact) < rank) {
                continue;
            }
            match &mut best {
                // Two routes that differ in nothing but what their parameters take.
                Some((refused, exact, found)) if (*refused, *exact) == rank => found.hits.extend(hits),
                _ => best = Some((rank.0, rank.1, Match { hits, refused: way.refused })),
            }
        }
        best.map(|(.., found)| found).unwrap_or_default()
    }

    fn follow(&self, way: &Way, text: &str, written: &Written<'_>, next: &mut Vec<Way>) {
        let step = &self.steps[way.at as usize];
        let on = |at: u32, exact: bool, refused: Vec<(String, Takes)>| Way {
            at,
            exact: way.exact << 1 | u64::from(exact),
            refused,
        };
        if let Some(&at) = step.words.get(text) {
            next.push(on(at, true, way.refused.clone()));
        }
        for (segment, at) in &step.values {
            let RouteSegment::Parameter { name, before, behind, takes } = segment else { continue };
            let plain = before.is_empty() && behind.is_empty();
            let fits = match written {
                Written::Word(word) if plain => takes.takes_text(word),
                Written::Word(word) => {
                    word.len() > before.len() + behind.len()
                        && word.starts_with(before.as_str())
                        && word.ends_with(behind.as_str())
                }
                Written::Hidden => plain && matches!(takes, Takes::Any | Takes::Enum(_)),
                // A plain parameter may have any text in it.
                Written::Value(kind, ("", "")) if plain => takes.takes_kind(*kind),
                // Any text may have such parts.
                Written::Value(_, beside) => {
                    *beside == (before.as_str(), behind.as_str()) || (plain && *takes == Takes::Any)
                }
            };
            if fits {
                next.push(on(*at, false, way.refused.clone()));
            } else if matches!(written, Written::Value(_, ("", ""))) && plain {
                let mut refused = way.refused.clone();
                refused.push((name.clone(), takes.clone()));
                next.push(on(*at, false, refused));
            }
        }
    }
}

fn written(text: &str, kind: SegmentKind) -> Written<'_> {
    let is_hash = |rest: &str| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.strip_prefix('~').is_some_and(is_hash) {
        return Written::Hidden;
    }
    match text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1))) {
        Some(beside) => Written::Value(kind, beside),
        None => Written::Word(text),
    }
}
