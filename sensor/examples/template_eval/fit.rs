//! Examples for the trees that weigh the evidence: all words that were to be judged, where everything
//! before them was judged rightly.

use std::collections::HashSet;

use sensor::call::{CallClass, Segment};
use sensor::inventory::template::{COUNT, Guide, Step, Templates};

use super::boost;
use super::corpus::Service;
use super::system;
use super::traffic::{Request, requests};
use super::values::Values;

/// Traffic that is learnt from: calls per route, whether some routes have more than others, and how much
/// it counts (the first calls of all say little).
const CALLS: &[(usize, bool, f64)] = &[
    (1, false, 0.2),
    (2, false, 0.2),
    (5, false, 1.0),
    (8, true, 1.0),
    (20, true, 1.0),
    (40, false, 1.0),
    (60, true, 1.0),
    (150, true, 1.0),
];

/// One word that was to be judged.
pub struct Example {
    pub facts: [f64; COUNT],
    pub is_literal: bool,
    pub weight: f64,
}

/// Fits and prints the trees as the agent reads them.
pub fn run(services: &[&Service], values: &Values, seed: u64) {
    let mut examples = Vec::new();
    for (number, service) in services.iter().enumerate() {
        for &(calls, uneven, share) in CALLS {
            collect(&requests(service, values, seed, calls, uneven), share, &mut examples);
        }
        if number % 50 == 0 {
            eprintln!("{number} of {} services, {} examples", services.len(), examples.len());
        }
    }
    for tree in boost::fit(&examples) {
        println!("{tree}");
    }
}

fn collect(requests: &[Request], share: f64, examples: &mut Vec<Example>) {
    let outcome = system::run(requests);
    let mut literals: HashSet<String> = HashSet::new();
    for request in requests {
        let mut line = String::new();
        for segment in request.truth.split('/').skip(1) {
            line = line + "/" + segment;
            literals.insert(line.clone());
        }
    }
    // What a hidden word reads like is known here only.
    let mut texts = std::collections::HashMap::new();
    for (request, (path, _)) in requests.iter().zip(&outcome.paths) {
        for (segment, text) in path.iter().zip(request.path.split('/').skip(1)) {
            if let Segment::Hidden(hidden) = segment {
                texts.insert(*hidden, text.to_owned());
            }
        }
    }
    let mut templates = Templates::default();
    for (key, stats) in outcome.inventory.endpoints.iter().filter(|(key, _)| key.class == CallClass::Found) {
        templates.add(&key.path, key.method, stats.calls);
    }
    let all = requests.len() as f64;
    templates.settle_with(&Guide::default(), &mut |steps, candidate| {
        let mut line = String::new();
        for step in steps {
            line.push('/');
            match step {
                Step::Literal(Segment::Word(word)) => line.push_str(word),
                Step::Literal(Segment::Hidden(hidden)) => {
                    line.push_str(texts.get(hidden).map_or("?", String::as_str));
                }
                Step::Literal(_) => line.push('?'),
                Step::Value(None) => line.push_str("{}"),
                Step::Value(Some(extension)) => line.push_str(&format!("{{}}.{}", extension.name())),
            }
        }
        let word = match &candidate.segment {
            Segment::Word(word) => word.to_string(),
            Segment::Hidden(hidden) => texts.get(hidden).cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let is_literal = literals.contains(&format!("{line}/{word}"));
        // A share of all calls, and a little for being one more or one less in the inventory.
        let weight = (candidate.calls as f64 / all * 50.0 + 0.05) * share;
        examples.push(Example { facts: candidate.facts.0, is_literal, weight });
        if is_literal { 1.0 } else { -1.0 }
    });
}
