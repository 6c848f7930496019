//! Endpoints whose path is a route of a given OpenAPI document: they read as the document says.

use std::collections::{BTreeMap, BTreeSet};

use super::guide::Guide;
use super::name;
use crate::call::{Path, Segment, SegmentKind};
use crate::inventory::catalog::Parameter;
use crate::inventory::explain::{Explanation, TakenFor};
use crate::inventory::guidance::RouteSegment;

/// What was seen on one route.
#[derive(Default)]
pub struct Routed {
    segments: Vec<RouteSegment>,
    calls: u64,
    values: Vec<Values>,
}

/// What was seen at one segment.
#[derive(Clone, Default)]
struct Values {
    kinds: BTreeMap<SegmentKind, u64>,
    words: BTreeSet<Segment>,
}

impl Guide {
    /// Number of the route that a stored path is of; its calls are taken into account in `routed`.
    pub fn sort(&self, path: &Path, calls: u64, routed: &mut BTreeMap<u32, Routed>) -> Option<u32> {
        let (number, segments) = self.route(path)?;
        let route = routed.entry(number).or_insert_with(|| Routed {
            segments: segments.to_vec(),
            calls: 0,
            values: vec![Values::default(); segments.len()],
        });
        route.calls = route.calls.saturating_add(calls);
        for (values, segment) in route.values.iter_mut().zip(path) {
            match segment {
                Segment::Parameter(kind) | Segment::File(kind, _) => {
                    let sum = values.kinds.entry(*kind).or_default();
                    *sum = sum.saturating_add(calls);
                }
                Segment::Word(_) | Segment::Hidden(_) => drop(values.words.insert(segment.clone())),
            }
        }
        Some(number)
    }
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
    /// The template as the document has it, with its parameters.
    pub fn template(&self) -> (String, Vec<Parameter>) {
        let mut text = String::new();
        let mut parameters: Vec<Parameter> = Vec::new();
        for (segment, values) in self.segments.iter().zip(&self.values) {
            text.push('/');
            match segment {
                RouteSegment::Literal(word) => text.push_str(word),
                RouteSegment::Parameter { name, before, behind } => {
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
                calls: self.calls,
                words: if is_literal { 0 } else { values.words.len() as u64 },
                kinds: values.kinds.iter().map(|(kind, calls)| (kind.name(), *calls)).collect(),
                evidence: Vec::new(),
            }
        });
        each.collect()
    }
}
