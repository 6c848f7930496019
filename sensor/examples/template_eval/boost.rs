//! Gradient boosting of small trees (Friedman 2001), with the logistic loss and second-order leaves: each
//! tree corrects what those before it got wrong. Facts are cut into few bins, so that a tree is found in
//! one pass over the examples per level.

use std::fmt;

use sensor::inventory::template::{COUNT, DEPTH, SPLITS, TREE_NODES};

use super::fit::Example;

const TREES: usize = 80;
const RATE: f64 = 0.15;
const BINS: usize = 32;
const LEAF_PENALTY: f64 = 2.0;

/// Examples that a side of a split must have.
const SIDE_MIN: f64 = 100.0;

/// One tree: complete, `SPLITS` splits, children of node `i` at `2i + 1` and `2i + 2`.
pub struct Tree {
    features: [usize; SPLITS],
    thresholds: [f64; SPLITS],
    values: [f64; TREE_NODES],
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (feature, threshold) in self.features.iter().zip(self.thresholds) {
            write!(f, "{feature} {threshold:.4} ")?;
        }
        let values: Vec<String> = self.values.iter().map(|value| format!("{value:.4}")).collect();
        write!(f, "{}", values.join(" "))
    }
}

#[derive(Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    curvature: f64,
    count: f64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.gradient += other.gradient;
        self.curvature += other.curvature;
        self.count += other.count;
    }

    fn without(self, other: Sum) -> Sum {
        Sum {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
            count: self.count - other.count,
        }
    }

    fn gain(self) -> f64 {
        self.gradient * self.gradient / (self.curvature + LEAF_PENALTY)
    }

    fn value(self) -> f64 {
        -self.gradient / (self.curvature + LEAF_PENALTY) * RATE
    }
}

/// Trees whose values add up to the log odds that an example is a literal.
pub fn fit(examples: &[Example]) -> Vec<Tree> {
    let cuts: Vec<Vec<f64>> = (0..COUNT).map(|fact| cuts(examples, fact)).collect();
    let bins: Vec<[u8; COUNT]> = examples.iter().map(|example| bins(&example.facts, &cuts)).collect();
    let mut scores = vec![0.0; examples.len()];
    let mut trees = Vec::new();
    for number in 0..TREES {
        let sums: Vec<Sum> = examples
            .iter()
            .zip(&scores)
            .map(|(example, score): (_, &f64)| {
                let likely = 1.0 / (1.0 + (-score).exp());
                Sum {
                    gradient: example.weight * (likely - f64::from(u8::from(example.is_literal))),
                    curvature: example.weight * likely * (1.0 - likely),
                    count: 1.0,
                }
            })
            .collect();
        let (tree, leaves) = grow(&bins, &cuts, &sums);
        for (score, leaf) in scores.iter_mut().zip(leaves) {
            *score += tree.values[leaf];
        }
        trees.push(tree);
        if number % 20 == 19 {
            eprintln!("{} trees of {TREES}", number + 1);
        }
    }
    trees
}

/// Borders between bins: each example is in the bin with as many borders below its fact.
fn cuts(examples: &[Example], fact: usize) -> Vec<f64> {
    let mut values: Vec<f64> = examples.iter().map(|example| example.facts[fact]).collect();
    values.sort_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..BINS).map(|bin| values[bin * values.len() / BINS]).collect();
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() <= BINS {
        cuts = distinct;
    }
    cuts.dedup();
    // Between two values, so that rounding moves no example to another side.
    let above = |cut: &f64| distinct_above(&values, *cut).map(|next| (cut + next) / 2.0);
    cuts.iter().filter_map(above).collect()
}

fn distinct_above(sorted: &[f64], value: f64) -> Option<f64> {
    sorted.get(sorted.partition_point(|other| *other <= value)).copied()
}

fn bins(facts: &[f64; COUNT], cuts: &[Vec<f64>]) -> [u8; COUNT] {
    let mut bins = [0; COUNT];
    for ((bin, fact), cuts) in bins.iter_mut().zip(facts).zip(cuts) {
        *bin = cuts.partition_point(|cut| cut < fact) as u8;
    }
    bins
}

/// A tree, and the leaf of each example.
fn grow(bins: &[[u8; COUNT]], cuts: &[Vec<f64>], sums: &[Sum]) -> (Tree, Vec<usize>) {
    let mut tree = Tree { features: [0; SPLITS], thresholds: [f64::MAX; SPLITS], values: [0.0; TREE_NODES] };
    let mut at = vec![0_usize; bins.len()];
    let mut split_bins = [u8::MAX; SPLITS];
    for level in 0..DEPTH {
        let first = (1 << level) - 1;
        let nodes = 1 << level;
        let mut histograms = vec![[[Sum::default(); BINS + 1]; COUNT]; nodes];
        for ((bins, sum), node) in bins.iter().zip(sums).zip(&at) {
            for (histogram, bin) in histograms[node - first].iter_mut().zip(bins) {
                histogram[usize::from(*bin)].add(*sum);
            }
        }
        for (node, histograms) in histograms.iter().enumerate() {
            let mut all = Sum::default();
            histograms[0].iter().for_each(|sum| all.add(*sum));
            let node = first + node;
            tree.values[node] = all.value();
            let mut best = 1e-6;
            for (feature, histogram) in histograms.iter().enumerate() {
                let mut left = Sum::default();
                for (bin, cut) in cuts[feature].iter().enumerate() {
                    left.add(histogram[bin]);
                    let right = all.without(left);
                    let gain = left.gain() + right.gain() - all.gain();
                    if gain > best && left.count >= SIDE_MIN && right.count >= SIDE_MIN {
                        best = gain;
                        tree.features[node] = feature;
                        tree.thresholds[node] = *cut;
                        split_bins[node] = bin as u8;
                    }
                }
            }
        }
        for (bins, node) in bins.iter().zip(&mut at) {
            let right = bins[tree.features[*node]] > split_bins[*node];
            *node = 2 * *node + 1 + usize::from(right);
        }
    }
    let mut leaves = vec![Sum::default(); TREE_NODES];
    for (sum, node) in sums.iter().zip(&at) {
        leaves[*node].add(*sum);
    }
    for (node, sum) in leaves.iter().enumerate().skip(SPLITS) {
        tree.values[node] = sum.value();
    }
    (tree, at)
}
