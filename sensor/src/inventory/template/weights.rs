//! How much each piece of evidence weighs: a logistic model, fitted by
//! `cargo xtask eval templates --fit` on the tuning half of public API descriptions.

use super::evidence::{COUNT, Facts};

/// Weight of each fact, in the order of the facts; above 0 it speaks for a literal.
#[rustfmt::skip]
pub const WEIGHTS: [f64; COUNT] = [
    2.105, // anything at all
    1.031, // one dictionary word
    0.048, // two dictionary words
    1.443, // three or more dictionary words
    -1.185, // an English word
    -1.117, // two English words in camel case
    -1.574, // two English words with a dash
    -0.403, // two English words with an underscore
    1.120, // several English words in camel case
    -3.282, // several English words with dashes
    1.197, // several English words with underscores
    0.012, // made of English words
    -0.678, // no known word
    -0.879, // several parts, not all known words
    -2.902, // has digits
    -1.869, // has dots
    -1.691, // one or two letters
    -4.390, // reads like a language, country or currency
    -2.884, // ends in a file extension
    2.132, // first segment of the API
    -0.365, // behind a plural
    0.772, // behind a singular word
    0.574, // behind an unknown word
    -1.008, // behind a value
    -0.922, // behind a word of looking up
    0.115, // a dictionary word behind a plural
    -2.796, // a dictionary word behind a value
    0.212, // number of calls
    0.035, // calls against those of other routes
    0.358, // the same, a dictionary word
    -0.323, // the same, an unknown word
    0.422, // the same, nothing follows
    0.808, // share of the calls here
    -2.861, // share of plain values here
    0.878, // number of other words here
    -0.986, // number of unknown words here
    -0.020, // other words here seen once
    -1.874, // other words here called less than usual
    -8.786, // words seen once per call here
    -0.752, // goes on like the others
    -0.997, // goes on like the others, and not only ends
    -0.380, // goes on in no way that others do not
    0.804, // stands beside plain values
    -1.170, // goes on like the plain values
    -1.016, // goes on in no way that plain values do not
    -1.245, // more unknown words here than routes have
    1.392, // share of calls that end here
    -0.221, // share of calls that go on with a word
    0.933, // share of calls that go on with a value
    -0.730, // nothing follows
];

/// Log odds that a word is a literal.
pub fn score(Facts(facts): &Facts) -> f64 {
    facts.iter().zip(&WEIGHTS).map(|(fact, weight)| fact * weight).sum()
}

/// What each fact adds to the score.
pub fn terms(Facts(facts): &Facts) -> Vec<(usize, f64)> {
    let terms = facts.iter().zip(&WEIGHTS).map(|(fact, weight)| fact * weight);
    terms.enumerate().filter(|(_, term)| *term != 0.0).collect()
}
