//! The rules of other tools, written again from their descriptions, to compare with. Paths in, a
//! template for each out.

use std::collections::{BTreeMap, HashMap};

use super::traffic::Request;

/// A rule with its name.
pub struct Baseline {
    pub name: &'static str,
    pub run: fn(&[Vec<&str>]) -> Vec<String>,
}

/// All of them.
pub const BASELINES: &[Baseline] = &[
    Baseline { name: "digits only", run: digits },
    Baseline { name: "shape rule", run: shapes },
    Baseline { name: "ten-children trie", run: trie },
    Baseline { name: "similarity clusters", run: clusters },
];

/// Templates of requests by one rule.
pub fn templates(baseline: &Baseline, requests: &[Request]) -> Vec<String> {
    let paths: Vec<Vec<&str>> =
        requests.iter().map(|r| r.path.split('/').filter(|part| !part.is_empty()).collect()).collect();
    (baseline.run)(&paths)
}

fn joined<'a>(segments: impl Iterator<Item = &'a str>) -> String {
    segments.fold(String::new(), |text, segment| text + "/" + segment)
}

fn each(paths: &[Vec<&str>], is_value: impl Fn(&str) -> bool) -> Vec<String> {
    let shown = |path: &Vec<&str>| joined(path.iter().map(|part| if is_value(part) { "{}" } else { part }));
    paths.iter().map(shown).collect()
}

fn all_digits(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(paths: &[Vec<&str>]) -> Vec<String> {
    each(paths, all_digits)
}

/// Digits, a UUID, or eight characters and more with more than two digits.
fn shapes(paths: &[Vec<&str>]) -> Vec<String> {
    let uuid = |part: &str| {
        let sizes: Vec<usize> = part.split('-').map(str::len).collect();
        sizes == [8, 4, 4, 4, 12] && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    let mixed = |part: &str| part.len() >= 8 && part.bytes().filter(u8::is_ascii_digit).count() > 2;
    each(paths, |part| all_digits(part) || uuid(part) || mixed(part))
}

#[derive(Default)]
struct Node<'a> {
    children: BTreeMap<&'a str, Node<'a>>,
}

/// A node with more than ten children is a parameter.
fn trie(paths: &[Vec<&str>]) -> Vec<String> {
    const CHILDREN_MAX: usize = 10;
    fn unite<'a>(into: &mut Node<'a>, from: Node<'a>) {
        for (part, child) in from.children {
            unite(into.children.entry(part).or_default(), child);
        }
    }
    fn collapse(node: &mut Node) {
        if node.children.len() > CHILDREN_MAX {
            let mut all = Node::default();
            for child in std::mem::take(&mut node.children).into_values() {
                unite(&mut all, child);
            }
            node.children.insert("{}", all);
        }
        node.children.values_mut().for_each(collapse);
    }
    let mut root = Node::default();
    for path in paths {
        let mut node = &mut root;
        for part in path {
            node = node.children.entry(part).or_default();
        }
    }
    collapse(&mut root);
    let shown = |path: &Vec<&str>| {
        let mut node = &root;
        let mut text = String::new();
        for part in path {
            let part = if node.children.contains_key(part) { *part } else { "{}" };
            text = text + "/" + part;
            let Some(next) = node.children.get(part) else { break };
            node = next;
        }
        text
    };
    paths.iter().map(shown).collect()
}

/// Paths of one length join the most similar cluster if half of the segments are equal; a cluster of
/// five and more is a template.
fn clusters(paths: &[Vec<&str>]) -> Vec<String> {
    const SIMILAR_MIN: f64 = 0.5;
    const MEMBERS_MIN: usize = 5;
    struct Cluster<'a> {
        parts: Vec<Option<&'a str>>,
        members: usize,
    }
    let mut by_length: HashMap<usize, Vec<Cluster>> = HashMap::new();
    let mut of: Vec<(usize, usize)> = Vec::with_capacity(paths.len());
    let mut known: HashMap<&Vec<&str>, usize> = HashMap::new();
    for path in paths {
        let clusters = by_length.entry(path.len()).or_default();
        if let Some(&at) = known.get(path) {
            clusters[at].members += 1;
            of.push((path.len(), at));
            continue;
        }
        let likeness = |cluster: &Cluster| {
            let same = cluster.parts.iter().zip(path).filter(|(known, part)| **known == Some(**part)).count();
            same as f64 / path.len().max(1) as f64
        };
        let best = clusters
            .iter()
            .enumerate()
            .map(|(at, cluster)| (at, likeness(cluster)))
            .filter(|(_, likeness)| *likeness >= SIMILAR_MIN)
            .max_by(|one, other| one.1.total_cmp(&other.1));
        let at = match best {
            Some((at, _)) => {
                for (known, part) in clusters[at].parts.iter_mut().zip(path) {
                    *known = known.filter(|known| known == part);
                }
                clusters[at].members += 1;
                at
            }
            None => {
                clusters.push(Cluster { parts: path.iter().map(|part| Some(*part)).collect(), members: 1 });
                clusters.len() - 1
            }
        };
        known.insert(path, at);
        of.push((path.len(), at));
    }
    let shown = |(path, (length, at)): (&Vec<&str>, &(usize, usize))| {
        let cluster = &by_length[length][*at];
        match cluster.members >= MEMBERS_MIN {
            true => joined(cluster.parts.iter().map(|part| part.unwrap_or("{}"))),
            false => joined(path.iter().copied()),
        }
    };
    paths.iter().zip(&of).map(shown).collect()
}
