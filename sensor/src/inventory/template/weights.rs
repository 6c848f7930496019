//! How the evidence is weighed: small decision trees whose values add up to the log odds that a word is a
//! literal. Fitted by `cargo xtask eval templates --fit` on the tuning half of public API descriptions
//! (`trees.txt`, one tree a line). What each fact added on the way down can be told.

use std::sync::LazyLock;

use super::evidence::{COUNT, Facts};

/// Splits from the root of a tree to a leaf.
pub const DEPTH: usize = 4;

/// Splits of a tree.
pub const SPLITS: usize = (1 << DEPTH) - 1;

/// Splits and leaves of a tree; children of node `i` are `2i + 1` (at most the threshold) and `2i + 2`.
pub const TREE_NODES: usize = (2 << DEPTH) - 1;

static TREES: LazyLock<Vec<Tree>> = LazyLock::new(|| read(include_str!("trees.txt")));

struct Tree {
    facts: [u8; SPLITS],
    thresholds: [f32; SPLITS],
    /// Of leaves, and of the nodes above what they would say as leaves.
    values: [f32; TREE_NODES],
}

fn read(text: &str) -> Vec<Tree> {
    text.lines().filter_map(tree).collect()
}

/// The tree of a line; `None` if it is none, which a test forbids.
fn tree(line: &str) -> Option<Tree> {
    let mut numbers = line.split(' ');
    let (mut facts, mut thresholds, mut values) = ([0; SPLITS], [0.0; SPLITS], [0.0; TREE_NODES]);
    for (fact, threshold) in facts.iter_mut().zip(&mut thresholds) {
        *fact = numbers.next()?.parse().ok().filter(|fact| usize::from(*fact) < COUNT)?;
        *threshold = numbers.next()?.parse().ok()?;
    }
    for value in &mut values {
        *value = numbers.next()?.parse().ok()?;
    }
    numbers.next().is_none().then_some(Tree { facts, thresholds, values })
}

impl Tree {
    /// Nodes from the root to a leaf, each with the fact that led to it.
    fn path(&self, facts: &[f64; COUNT]) -> [(usize, usize); DEPTH] {
        let mut node = 0;
        let mut path = [(0, 0); DEPTH];
        for step in &mut path {
            let fact = usize::from(self.facts[node]);
            node = 2 * node + 1 + usize::from(facts[fact] > f64::from(self.thresholds[node]));
            *step = (fact, node);
        }
        path
    }
}

/// Log odds that a word is a literal: above 0 it is taken for one.
pub(super) fn score(Facts(facts): &Facts) -> f64 {
    TREES.iter().map(|tree| f64::from(tree.values[tree.path(facts)[DEPTH - 1].1])).sum()
}

/// What each fact adds to the score: the sum over the splits on it of what they changed.
pub(super) fn terms(Facts(facts): &Facts) -> Vec<(usize, f64)> {
    let mut terms = [0.0; COUNT];
    for tree in TREES.iter() {
        let mut before = 0.0;
        for (fact, node) in tree.path(facts) {
            let value = f64::from(tree.values[node]);
            terms[fact] += value - before;
            before = value;
        }
    }
    terms.into_iter().enumerate().filter(|(_, term)| *term != 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_tree() {
        let text = include_str!("trees.txt");
        assert_eq!(TREES.len(), text.lines().count());
        assert!(TREES.len() > 50);
    }

    #[test]
    fn terms_add_up_to_the_score() {
        let facts = Facts(std::array::from_fn(|at| at as f64 / 7.0 - 2.0));
        let sum: f64 = terms(&facts).iter().map(|(_, term)| term).sum();
        assert!((sum - score(&facts)).abs() < 1e-3, "{sum} {}", score(&facts));
    }
}
