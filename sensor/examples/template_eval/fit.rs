//! Weights of the evidence: a logistic model by Newton's method with a small penalty, over all words
//! that were to be judged where everything before them was judged rightly.

use std::collections::HashSet;

use sensor::call::{CallClass, Segment};
use sensor::inventory::template::{COUNT, Guide, NAMES, Step, Templates};

use super::corpus::Service;
use super::system;
use super::traffic::{Request, requests};
use super::values::Values;

/// Calls per route in the traffic that is learnt from.
const CALLS: &[usize] = &[5, 12, 40, 120];

/// Routes of a service that count fully; more of them count less.
const PENALTY: f64 = 3.0;

struct Example {
    facts: [f64; COUNT],
    is_literal: bool,
    weight: f64,
}

/// Fits and prints the weights as source text.
pub fn run(services: &[&Service], values: &Values, seed: u64) {
    let mut examples = Vec::new();
    for (number, service) in services.iter().enumerate() {
        for &calls in CALLS {
            collect(&requests(service, values, seed, calls), &mut examples);
        }
        if number % 50 == 0 {
            eprintln!("{number} of {} services, {} examples", services.len(), examples.len());
        }
    }
    let weights = newton(&examples);
    for (name, weight) in NAMES.iter().zip(weights) {
        println!("    {weight:.3}, // {name}");
    }
}

fn collect(requests: &[Request], examples: &mut Vec<Example>) {
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
        let weight = candidate.calls as f64 / all * 50.0 + 0.05;
        examples.push(Example { facts: candidate.facts.0, is_literal, weight });
        (if is_literal { 1.0 } else { -1.0 }, Vec::new())
    });
}

fn newton(examples: &[Example]) -> [f64; COUNT] {
    let mut weights = [0.0; COUNT];
    for _ in 0..40 {
        let mut gradient = [0.0; COUNT];
        let mut curvature = vec![[0.0; COUNT]; COUNT];
        for (at, weight) in weights.iter().enumerate() {
            gradient[at] = PENALTY * weight;
            curvature[at][at] = PENALTY;
        }
        for example in examples {
            let score: f64 = example.facts.iter().zip(&weights).map(|(fact, weight)| fact * weight).sum();
            let likely = 1.0 / (1.0 + (-score.clamp(-30.0, 30.0)).exp());
            let error = example.weight * (likely - f64::from(u8::from(example.is_literal)));
            let bend = example.weight * likely * (1.0 - likely);
            for (at, fact) in example.facts.iter().enumerate().filter(|(_, fact)| **fact != 0.0) {
                gradient[at] += error * fact;
                for (other, second) in example.facts.iter().enumerate() {
                    curvature[at][other] += bend * fact * second;
                }
            }
        }
        let step = solve(curvature, gradient);
        let mut largest: f64 = 0.0;
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight -= step;
            largest = largest.max(step.abs());
        }
        if largest < 1e-5 {
            break;
        }
    }
    weights
}

/// Gaussian elimination with pivots; the matrix is positive definite.
fn solve(mut matrix: Vec<[f64; COUNT]>, mut right: [f64; COUNT]) -> [f64; COUNT] {
    for at in 0..COUNT {
        let pivot = (at..COUNT).max_by(|&a, &b| matrix[a][at].abs().total_cmp(&matrix[b][at].abs()));
        let pivot = pivot.unwrap_or(at);
        matrix.swap(at, pivot);
        right.swap(at, pivot);
        for row in at + 1..COUNT {
            let factor = matrix[row][at] / matrix[at][at];
            if factor != 0.0 {
                let above = matrix[at];
                for (cell, above) in matrix[row].iter_mut().zip(above).skip(at) {
                    *cell -= factor * above;
                }
                right[row] -= factor * right[at];
            }
        }
    }
    let mut solution = [0.0; COUNT];
    for at in (0..COUNT).rev() {
        let known: f64 = (at + 1..COUNT).map(|other| matrix[at][other] * solution[other]).sum();
        solution[at] = (right[at] - known) / matrix[at][at];
    }
    solution
}
