//! The rule by which raw paths of one service are grouped under templates. The one place of that
//! rule; a pure function of the set of paths, whatever the order they come in:
//!
//! 1. shapes are values, and so are hidden words that no text is known of or whose place may show
//!    none ([`is_open`]), whatever the store says; values behind one prefix are one parameter;
//! 2. words are literals, but where [`DIVERSE_MIN`] or more siblings that are no first segment have
//!    the same methods and the same children, they are values too;
//! 3. a parameter is named after the literal before it: `/users/{userId}`, `/days/{dayDate}`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::EndpointStats;
use crate::call::evidence::is_open;
use crate::call::words::singular;
use crate::call::{Method, Path, Segment, SegmentKind};
use crate::limits::PATH_SEGMENTS_MAX;

/// Alike siblings from which on words are taken for values: more than any API lists by hand.
const DIVERSE_MIN: usize = 40;

/// Words behind which a first segment may still stand.
const PREFIXES: &[&str] =
    &["api", "rest", "public", "internal", "external", "private", "services", "service"];

/// Paths of one service as a tree, with the sums of each method at its node.
#[derive(Default)]
pub(super) struct Tree {
    literals: BTreeMap<Arc<str>, Tree>,
    value: Option<Box<Tree>>,
    /// Shapes of the values that lead here; `None` in it for hidden words.
    kinds: BTreeSet<Option<SegmentKind>>,
    methods: BTreeMap<Method, EndpointStats>,
}

/// One path template with its parameters and methods.
pub(super) struct Template {
    pub(super) text: String,
    pub(super) parameters: Vec<(String, SegmentKind)>,
    pub(super) methods: BTreeMap<Method, EndpointStats>,
}

impl Tree {
    /// Adds an endpoint; `words` are the texts of hidden words that may be shown.
    pub(super) fn add(
        &mut self,
        words: &BTreeMap<u64, Arc<str>>,
        path: &Path,
        method: Method,
        stats: EndpointStats,
    ) {
        let mut node = self;
        // The bound of the reader holds for what a store gives back too.
        for (at, segment) in path.iter().take(PATH_SEGMENTS_MAX).enumerate() {
            let before = at.checked_sub(1).and_then(|at| path.get(at));
            let (word, kind) = match segment {
                Segment::Word(word) => (Some(word), None),
                Segment::Hidden(hash) if is_open(before) => (words.get(hash), None),
                Segment::Hidden(_) => (None, None),
                Segment::Parameter(kind) => (None, Some(*kind)),
            };
            node = match word {
                Some(word) => node.literals.entry(word.clone()).or_default(),
                None => {
                    let value = node.value.get_or_insert_default();
                    value.kinds.insert(kind);
                    value
                }
            };
        }
        node.methods.entry(method).or_default().merge(stats);
    }

    fn merge(&mut self, other: Tree) {
        for (word, tree) in other.literals {
            self.literals.entry(word).or_default().merge(tree);
        }
        if let Some(tree) = other.value {
            self.value.get_or_insert_default().merge(*tree);
        }
        self.kinds.extend(other.kinds);
        for (method, stats) in other.methods {
            self.methods.entry(method).or_default().merge(stats);
        }
    }

    /// Applies rule 2; `first` where the children are first segments of the API. Goes as deep as
    /// paths are long, [`PATH_SEGMENTS_MAX`].
    fn collapse(&mut self, first: bool) {
        if !first && self.literals.len() >= DIVERSE_MIN {
            let mut alike: BTreeMap<_, Vec<Arc<str>>> = BTreeMap::new();
            for (word, tree) in &self.literals {
                let methods: Vec<Method> = tree.methods.keys().copied().collect();
                let children: Vec<Arc<str>> = tree.literals.keys().cloned().collect();
                alike.entry((methods, children, tree.value.is_some())).or_default().push(word.clone());
            }
            for word in alike.into_values().filter(|words| words.len() >= DIVERSE_MIN).flatten() {
                if let Some(tree) = self.literals.remove(&word) {
                    let value = self.value.get_or_insert_default();
                    value.kinds.insert(None);
                    value.merge(tree);
                }
            }
        }
        for (word, tree) in &mut self.literals {
            tree.collapse(first && is_prefix(word));
        }
        if let Some(tree) = &mut self.value {
            tree.collapse(false);
        }
    }

    /// The templates, in no order that matters.
    pub(super) fn templates(mut self) -> Vec<Template> {
        self.collapse(true);
        let mut templates = Vec::new();
        self.emit(&Prefix::default(), &mut templates);
        templates
    }

    fn emit(self, prefix: &Prefix, templates: &mut Vec<Template>) {
        if !self.methods.is_empty() {
            let text = if prefix.text.is_empty() { "/".to_owned() } else { prefix.text.clone() };
            templates.push(Template { text, parameters: prefix.parameters.clone(), methods: self.methods });
        }
        for (word, tree) in self.literals {
            let text = format!("{}/{word}", prefix.text);
            let base = if is_prefix(&word) { String::new() } else { base(&word) };
            tree.emit(&Prefix { text, base, parameters: prefix.parameters.clone() }, templates);
        }
        if let Some(tree) = self.value {
            let mut parameters = prefix.parameters.clone();
            let name = unique(name(&prefix.base, &tree.kinds), &parameters);
            let text = format!("{}/{{{name}}}", prefix.text);
            parameters.push((name, kind(&tree.kinds)));
            tree.emit(&Prefix { text, base: prefix.base.clone(), parameters }, templates);
        }
    }
}

/// What stands before a node.
#[derive(Default)]
struct Prefix {
    text: String,
    /// Singular of the last literal in camel case; empty if there is none that says anything.
    base: String,
    parameters: Vec<(String, SegmentKind)>,
}

fn is_prefix(word: &str) -> bool {
    let version =
        word.strip_prefix(['v', 'V']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    version || PREFIXES.contains(&word)
}

/// `order-items` and `OrderItems` to `orderItem`.
fn base(word: &str) -> String {
    let mut parts: Vec<String> = crate::call::looks::parts(word.as_bytes())
        .map(|part| String::from_utf8_lossy(part).to_ascii_lowercase())
        .collect();
    if let Some(last) = parts.last_mut() {
        *last = singular(last).into_owned();
    }
    let mut base = String::new();
    for part in parts {
        match part.chars().next() {
            Some(first) if !base.is_empty() => {
                base.push(first.to_ascii_uppercase());
                base.push_str(&part[first.len_utf8()..]);
            }
            _ => base.push_str(&part),
        }
    }
    base
}

/// The shape of all values, text if they differ or are words.
fn kind(kinds: &BTreeSet<Option<SegmentKind>>) -> SegmentKind {
    match kinds.iter().next() {
        Some(Some(kind)) if kinds.len() == 1 => *kind,
        _ => SegmentKind::Text,
    }
}

fn name(base: &str, kinds: &BTreeSet<Option<SegmentKind>>) -> String {
    let only_words = kinds.len() == 1 && kinds.contains(&None);
    let what = match kind(kinds) {
        SegmentKind::Date => "Date",
        SegmentKind::Email => "Email",
        _ if only_words => "Name",
        _ => "Id",
    };
    if base.is_empty() { what.to_ascii_lowercase() } else { format!("{base}{what}") }
}

fn unique(name: String, taken: &[(String, SegmentKind)]) -> String {
    let mut number = 1;
    let mut unique = name.clone();
    while taken.iter().any(|(other, _)| *other == unique) {
        number += 1;
        unique = format!("{name}{number}");
    }
    unique
}
