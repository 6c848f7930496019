//! Endpoints whose path is a route of a given OpenAPI document: they read as the document says.

use std::collections::{BTreeMap, BTreeSet};

use super::name;
use crate::call::{Path, Segment, SegmentKind};
use crate::inventory::EndpointStats;
use crate::inventory::catalog::Parameter;
use crate::inventory::explain::{Explanation, TakenFor};
use crate::inventory::guidance::{Route, RouteSegment};

/// What was seen on one route with one method.
pub struct Routed {
    segments: Vec<RouteSegment>,
    values: Vec<Values>,
    /// Sums.
    pub stats: EndpointStats,
}

/// What was seen at one segment.
#[derive(Clone, Default)]
struct Values {
    kinds: BTreeMap<SegmentKind, u64>,
    words: BTreeSet<Segment>,
}

impl Values {
    fn kind(&self) -> SegmentKind {
        let mut kinds = self.kinds.keys();
        match (kinds.next(), kinds.next()) {
            (Some(SegmentKind::Names | SegmentKind::Words), None) => SegmentKind::Text,
            (Some(&kind), None) if self.words.is_empty() => kind,
            _ => SegmentKind::Text,
        }
    }
}

impl Routed {
    /// Nothing yet.
    pub fn of(route: &Route) -> Routed {
        Routed {
            segments: route.segments.clone(),
            values: vec![Values::default(); route.segments.len()],
            stats: EndpointStats::default(),
        }
    }

    /// Takes a stored path of the route in.
    pub fn add(&mut self, path: &Path, stats: &EndpointStats) {
        for (values, segment) in self.values.iter_mut().zip(path) {
            match segment {
                Segment::Parameter(kind) | Segment::File(kind, _) => {
                    let sum = values.kinds.entry(*kind).or_default();
                    *sum = sum.saturating_add(stats.calls);
                }
                Segment::Word(_) | Segment::Name(_) | Segment::Hidden(_) => {
                    values.words.insert(segment.clone());
                }
            }
        }
        self.stats.merge(stats.clone());
    }

    /// The template as the document has it, with its parameters.
    pub fn template(&self) -> (String, Vec<Parameter>) {
        let mut text = String::new();
        let mut parameters: Vec<Parameter> = Vec::new();
        for (segment, values) in self.segments.iter().zip(&self.values) {
            text.push('/');
            match segment {
                RouteSegment::Literal(word) => text.push_str(word),
                RouteSegment::Parameter { name, before, behind, .. } => {
                    let name = name::unique(name.clone(), &parameters);
                    text.push_str(&format!("{before}{{{name}}}{behind}"));
                    // With others in one segment, no shape is of one of them.
                    let more = behind.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
                    let kind = if behind.contains('{') { SegmentKind::Text } else { values.kind() };
                    parameters.push(Parameter { name, kind });
                    for (name, _) in more {
                        let name = name::unique(name.to_owned(), &parameters);
                        parameters.push(Parameter { name, kind: SegmentKind::Text });
                    }
                }
            }
        }
        if text.is_empty() {
            text.push('/');
        }
        (text, parameters)
    }

    /// Every segment was said.
    pub fn explanation(&self) -> Vec<Explanation> {
        let (template, _) = self.template();
        let segments = self.segments.iter().zip(&self.values);
        let each = template.split('/').skip(1).zip(segments).map(|(text, (segment, values))| {
            let is_literal = matches!(segment, RouteSegment::Literal(_));
            Explanation {
                segment: text.to_owned(),
                taken_for: if is_literal { TakenFor::Literal } else { TakenFor::Parameter },
                said: true,
                confidence: 1.0,
                calls: self.stats.calls,
                words: if is_literal { 0 } else { values.words.len() as u64 },
                kinds: values.kinds.iter().map(|(kind, calls)| (kind.name(), *calls)).collect(),
                evidence: Vec::new(),
            }
        });
        each.collect()
    }
}
