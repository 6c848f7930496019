//! Why a template reads as it does: evidence and counts, for people; never a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::{NAMES, NodeId, Reason, Templates};

/// Pieces of evidence that one segment names, the weightiest first.
const EVIDENCE_MAX: usize = 6;

/// Why one segment of a template is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// As in the template.
    pub segment: String,
    /// What it was taken for.
    pub taken_for: TakenFor,
    /// Because somebody said so.
    pub said: bool,
    /// Probability of that: 0 to 1.
    pub confidence: f64,
    /// Calls at this place; of a route of a document only those of the endpoint.
    pub calls: u64,
    /// Different unknown or dictionary words among the values.
    pub words: u64,
    /// Shapes of the values with their calls, by name.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What spoke for (above 0) or against a literal, in units of log odds, the weightiest first.
    pub evidence: Vec<(&'static str, f64)>,
}

/// What a segment was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenFor {
    /// A word of the route.
    Literal,
    /// A parameter.
    Parameter,
}

impl TakenFor {
    /// Kebab-case name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            TakenFor::Literal => "literal",
            TakenFor::Parameter => "parameter",
        }
    }
}

/// The explanation of a settled node's template, from left to right.
pub(super) fn explain(
    templates: &Templates,
    node: NodeId,
    words: &BTreeMap<u64, Arc<str>>,
) -> Vec<Explanation> {
    let (template, _) = templates.template(node, words);
    let segments = template.split('/').skip(1).map(str::to_owned);
    segments
        .zip(templates.reasons(node))
        .map(|(segment, reason)| match reason {
            Reason::Literal(decision, calls) => {
                let terms = decision.map_or(&[][..], |decision| &decision.terms);
                Explanation {
                    segment,
                    taken_for: TakenFor::Literal,
                    said: decision.is_some_and(|decision| decision.said),
                    confidence: decision.map_or(1.0, |decision| decision.confidence()),
                    calls,
                    words: 0,
                    kinds: BTreeMap::new(),
                    evidence: weightiest(terms),
                }
            }
            Reason::Value(value) => {
                let (words, word_calls) = value.words();
                let shaped: u64 = value.kinds().values().sum();
                Explanation {
                    segment,
                    taken_for: TakenFor::Parameter,
                    said: value.is_said(),
                    confidence: value.confidence(),
                    calls: shaped.saturating_add(word_calls),
                    words,
                    kinds: value.kinds().iter().map(|(kind, calls)| (kind.name(), *calls)).collect(),
                    evidence: weightiest(value.terms()),
                }
            }
        })
        .collect()
}

fn weightiest(terms: &[(usize, f64)]) -> Vec<(&'static str, f64)> {
    let mut terms: Vec<(&'static str, f64)> =
        terms.iter().filter_map(|&(fact, weight)| Some((*NAMES.get(fact)?, weight))).collect();
    terms.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
    terms.truncate(EVIDENCE_MAX);
    terms
}
