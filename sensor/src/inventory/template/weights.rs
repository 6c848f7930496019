//! How much each piece of evidence weighs: a logistic model, fitted by
//! `cargo xtask eval templates --fit` on the tuning half of public API descriptions.

use super::evidence::{COUNT, Facts};

/// Weight of each fact, in the order of the facts; above 0 it speaks for a literal.
pub const WEIGHTS: [f64; COUNT] = [0.0; COUNT];

/// Log odds that a word is a literal.
pub fn score(Facts(facts): &Facts) -> f64 {
    facts.iter().zip(&WEIGHTS).map(|(fact, weight)| fact * weight).sum()
}

/// What each fact adds to the score.
pub fn terms(Facts(facts): &Facts) -> Vec<(usize, f64)> {
    let terms = facts.iter().zip(&WEIGHTS).map(|(fact, weight)| fact * weight);
    terms.enumerate().filter(|(_, term)| *term != 0.0).collect()
}
