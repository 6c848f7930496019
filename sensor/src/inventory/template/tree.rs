//! The tree of one service: filled with observed paths, then settled from the root down, then asked
//! where a path belongs and how a template reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::{self, Candidate, Parent, Place};
use super::guide::{Cursor, Guide, Said};
use super::{name, weights};
use crate::call::evidence::Group;
use crate::call::lexicon::{class_of, extension_of};
use crate::call::segment::is_prefix;
use crate::call::{Extension, Method, Path, Segment, SegmentKind};
use crate::inventory::catalog::Parameter;
use crate::limits::PATH_SEGMENTS_MAX;

/// Number of a node in its tree.
pub type NodeId = u32;

const ROOT: NodeId = 0;

/// What was decided of a word, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Above 0: literal.
    pub score: f64,
    /// What people said decided.
    pub said: bool,
    /// What each piece of evidence (an index of [`super::NAMES`]) added.
    pub terms: Vec<(usize, f64)>,
}

impl Decision {
    /// Probability that it is right.
    pub fn confidence(&self) -> f64 {
        1.0 / (1.0 + (-self.score.abs()).exp())
    }
}

#[derive(Default)]
pub(super) struct Node {
    parent: NodeId,
    /// Before settling: all that follows. After it: literals only.
    pub(super) children: BTreeMap<Segment, NodeId>,
    pub(super) ends: BTreeMap<Method, u64>,
    pub(super) calls: u64,
    /// Node of all values.
    value: Option<NodeId>,
    /// Nodes of values with an extension.
    files: BTreeMap<Extension, NodeId>,
    label: Label,
    /// Of a literal.
    decision: Option<Decision>,
}

/// How a node is read in a template.
#[derive(Default)]
enum Label {
    #[default]
    Root,
    Literal(Segment),
    Value(Box<Value>),
}

/// Which values are at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// Their shapes.
    pub(super) kinds: BTreeMap<SegmentKind, u64>,
    /// Words among them that were weighed, and the calls with them.
    pub(super) words: u64,
    pub(super) word_calls: u64,
    /// Sum over those calls of the probability that the words are values.
    sure: f64,
    /// Of the word among them that was called most, and its calls.
    terms: Vec<(usize, f64)>,
    most_calls: u64,
    extension: Option<Extension>,
    /// Name that people gave.
    name: Option<String>,
    /// People said of some word that it is a value.
    said: bool,
}

/// The templates of one service.
pub struct Templates {
    nodes: Vec<Node>,
    settled: bool,
    explains: bool,
}

impl Default for Templates {
    fn default() -> Templates {
        Templates { nodes: vec![Node::default()], settled: false, explains: false }
    }
}

impl Templates {
    /// None yet; decisions will know what they were made on.
    pub fn explaining() -> Templates {
        Templates { explains: true, ..Templates::default() }
    }

    /// Adds calls that were seen on a path; before settling only.
    pub fn add(&mut self, path: &Path, method: Method, calls: u64) {
        debug_assert!(!self.settled, "paths come before templates");
        let mut at = ROOT;
        self.nodes[0].calls = self.nodes[0].calls.saturating_add(calls);
        // The bound of the reader holds for what a store gives back too.
        for segment in path.iter().take(PATH_SEGMENTS_MAX) {
            at = match self.nodes[at as usize].children.get(segment) {
                Some(&child) => child,
                None => {
                    let child = self.nodes.len() as NodeId;
                    self.nodes.push(Node { parent: at, ..Node::default() });
                    self.nodes[at as usize].children.insert(segment.clone(), child);
                    child
                }
            };
            let node = &mut self.nodes[at as usize];
            node.calls = node.calls.saturating_add(calls);
        }
        let sum = self.nodes[at as usize].ends.entry(method).or_default();
        *sum = sum.saturating_add(calls);
    }

    /// Decides of every node what is literal and what a value.
    pub fn settle(&mut self, guide: &Guide) {
        self.settle_by(guide, None);
    }

    /// As [`Templates::settle`], with another judge.
    pub fn settle_with(&mut self, guide: &Guide, judge: Judge<'_>) {
        self.settle_by(guide, Some(judge));
    }

    fn settle_by(&mut self, guide: &Guide, mut judge: Option<Judge<'_>>) {
        debug_assert!(!self.settled, "settled once");
        self.settled = true;
        let usual = evidence::usual_calls(&self.nodes);
        let mut todo = vec![Visit { node: ROOT, parent: Parent::Start, cursor: guide.start() }];
        while let Some(visit) = todo.pop() {
            self.settle_node(visit, usual, &mut judge, &mut todo);
        }
    }

    fn settle_node(
        &mut self,
        visit: Visit,
        usual: f64,
        judge: &mut Option<Judge<'_>>,
        todo: &mut Vec<Visit>,
    ) {
        let Visit { node, parent, cursor } = visit;
        self.close_groups(node);
        let children = std::mem::take(&mut self.nodes[node as usize].children);
        let is_word = |s: &Segment| matches!(s, Segment::Word(_) | Segment::Hidden(_));
        let words: Vec<(&Segment, NodeId)> =
            children.iter().filter(|(s, _)| is_word(s)).map(|(s, &n)| (s, n)).collect();
        let is_value = |s: &Segment| matches!(s, Segment::Parameter(_) | Segment::File(..));
        let values: Vec<NodeId> = children.iter().filter(|(s, _)| is_value(s)).map(|(_, &n)| n).collect();
        let closed =
            children.keys().any(|s| matches!(s, Segment::Parameter(SegmentKind::Names | SegmentKind::Words)));
        let place = Place { parent: &parent, closed, usual };
        let steps = judge.as_ref().map(|_| self.steps(node));
        let decide = |candidate: Candidate<'_>| {
            let said = |score| Decision { score, said: true, terms: Vec::new() };
            match cursor.said(candidate.segment) {
                Some(Said::Literal) => return said(CERTAIN),
                Some(Said::Value) => return said(-CERTAIN),
                None => {}
            }
            let score = match (&mut *judge, &steps) {
                (Some(judge), Some(steps)) => judge(steps, &candidate),
                _ => weights::score(&candidate.facts),
            };
            let terms = if self.explains { weights::terms(&candidate.facts) } else { Vec::new() };
            Decision { score, said: false, terms }
        };
        let decisions: Vec<Decision> =
            evidence::candidates(&self.nodes, &place, &words, &values).map(decide).collect();
        let mut decisions = decisions.into_iter();
        let mut merged = Values::default();
        for (segment, child) in children {
            // In the order of the words among the children.
            let decision = match &segment {
                // Names of operations are never values.
                Segment::Name(_) => Some(Decision { score: CERTAIN, said: false, terms: Vec::new() }),
                segment if is_word(segment) => decisions.next(),
                _ => None,
            };
            match decision {
                Some(decision) if decision.score > 0.0 => {
                    let prefix =
                        parent == Parent::Start && matches!(&segment, Segment::Word(word) if is_prefix(word));
                    let next = if prefix { Parent::Start } else { Parent::Literal(segment.clone()) };
                    let kept = &mut self.nodes[child as usize];
                    kept.parent = node;
                    kept.label = Label::Literal(segment.clone());
                    kept.decision = Some(decision);
                    let cursor = cursor.literal(&segment);
                    self.nodes[node as usize].children.insert(segment, child);
                    todo.push(Visit { node: child, parent: next, cursor });
                }
                decision => merged.add(&self.nodes, segment, child, decision.as_ref()),
            }
        }
        for (extension, value, parts) in merged.into_nodes() {
            let child = self.unite(node, &parts);
            let name = cursor.name().map(str::to_owned);
            self.nodes[child as usize].label = Label::Value(Box::new(Value { extension, name, ..value }));
            let slot = &mut self.nodes[node as usize];
            match extension {
                Some(extension) => drop(slot.files.insert(extension, child)),
                None => slot.value = Some(child),
            }
            todo.push(Visit { node: child, parent: Parent::Value, cursor: cursor.value() });
        }
    }

    /// The template of a node so far.
    fn steps(&self, node: NodeId) -> Vec<Step> {
        let step = |node: &&Node| match &node.label {
            Label::Value(value) => Step::Value(value.extension),
            Label::Literal(segment) => Step::Literal(segment.clone()),
            Label::Root => Step::Value(None),
        };
        self.line(node).iter().map(step).collect()
    }

    /// Words of a group that are too many become values, with those that did so at recording.
    fn close_groups(&mut self, node: NodeId) {
        for group in Group::ALL {
            let kind = Segment::Parameter(group.kind());
            let of_group = |s: &Segment| matches!(s, Segment::Hidden(h) if Group::of(class_of(*h)) == group);
            let children = &self.nodes[node as usize].children;
            let words: Vec<Segment> = children.keys().filter(|s| of_group(s)).cloned().collect();
            if words.is_empty() || (words.len() <= group.room() && !children.contains_key(&kind)) {
                continue;
            }
            let mut by_value: BTreeMap<Segment, Vec<NodeId>> = BTreeMap::new();
            for word in words {
                let Segment::Hidden(hidden) = word else { continue };
                let value = match extension_of(hidden) {
                    Some(extension) => Segment::File(group.kind(), extension),
                    None => kind.clone(),
                };
                let child = self.nodes[node as usize].children.remove(&word);
                by_value.entry(value).or_default().extend(child);
            }
            // The mark stays, whatever the words' extensions.
            by_value.entry(kind).or_default();
            for (value, mut parts) in by_value {
                parts.extend(self.nodes[node as usize].children.get(&value).copied());
                let united = self.unite(node, &parts);
                self.nodes[node as usize].children.insert(value, united);
            }
        }
    }

    /// One new node of several with all that is behind them.
    fn unite(&mut self, parent: NodeId, parts: &[NodeId]) -> NodeId {
        if let [one] = parts {
            self.nodes[*one as usize].parent = parent;
            return *one;
        }
        let united = self.nodes.len() as NodeId;
        self.nodes.push(Node { parent, ..Node::default() });
        let mut todo: Vec<(NodeId, NodeId)> = parts.iter().rev().map(|&part| (united, part)).collect();
        while let Some((into, from)) = todo.pop() {
            let Node { children, ends, calls, .. } = std::mem::take(&mut self.nodes[from as usize]);
            let node = &mut self.nodes[into as usize];
            node.calls = node.calls.saturating_add(calls);
            for (method, more) in ends {
                let sum = node.ends.entry(method).or_default();
                *sum = sum.saturating_add(more);
            }
            for (segment, child) in children {
                match self.nodes[into as usize].children.get(&segment) {
                    Some(&known) => todo.push((known, child)),
                    None => {
                        self.nodes[child as usize].parent = into;
                        self.nodes[into as usize].children.insert(segment, child);
                    }
                }
            }
        }
        united
    }

    /// The node of a path, once settled; `None` if none was made for it.
    pub fn locate(&self, path: &Path) -> Option<NodeId> {
        let mut at = ROOT;
        for segment in path.iter().take(PATH_SEGMENTS_MAX) {
            let node = &self.nodes[at as usize];
            let extension = match segment {
                Segment::File(_, extension) => Some(*extension),
                Segment::Hidden(hidden) => extension_of(*hidden),
                Segment::Word(word) => Extension::of_word(word),
                Segment::Parameter(_) | Segment::Name(_) => None,
            };
            let file = extension.and_then(|extension| node.files.get(&extension));
            at = *node.children.get(segment).or(file).or(node.value.as_ref())?;
        }
        Some(at)
    }

    /// Nodes from below the root to a node.
    fn line(&self, node: NodeId) -> Vec<&Node> {
        let mut line: Vec<&Node> = self.up(node).map(|at| &self.nodes[at as usize]).collect();
        line.reverse();
        line
    }

    /// A node and those above it, but for the root.
    fn up(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let below_root = |at: NodeId| (at != ROOT).then_some(at);
        let up = move |&at: &NodeId| below_root(self.nodes[at as usize].parent);
        std::iter::successors(below_root(node), up).take(PATH_SEGMENTS_MAX)
    }

    /// How the template of a node reads, with its parameters; `words` are texts of hidden words.
    pub fn template(&self, node: NodeId, words: &BTreeMap<u64, Arc<str>>) -> (String, Vec<Parameter>) {
        let mut text = String::new();
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut base = String::new();
        for node in self.line(node) {
            text.push('/');
            match &node.label {
                Label::Root => {}
                Label::Literal(segment) => {
                    let word = name::literal(segment, words);
                    text.push_str(&word);
                    base = if is_prefix(&word)
                        || matches!(segment, Segment::Hidden(h) if !words.contains_key(h))
                    {
                        String::new()
                    } else {
                        name::base(&word)
                    };
                }
                Label::Value(value) => {
                    let name = match &value.name {
                        Some(name) => name.clone(),
                        None => name::parameter(&base, value),
                    };
                    let name = name::unique(name, &parameters);
                    text.push('{');
                    text.push_str(&name);
                    text.push('}');
                    if let Some(extension) = value.extension {
                        text.push('.');
                        text.push_str(extension.name());
                    }
                    parameters.push(Parameter { name, kind: name::kind(value) });
                }
            }
        }
        if text.is_empty() {
            text.push('/');
        }
        (text, parameters)
    }

    /// Decisions along the template of a node, segment by segment: of literals what was decided, of
    /// values which they are.
    pub fn reasons(&self, node: NodeId) -> Vec<Reason<'_>> {
        let line = self.line(node);
        line.iter()
            .map(|node| match &node.label {
                Label::Value(value) => Reason::Value(value),
                _ => Reason::Literal(node.decision.as_ref(), node.calls),
            })
            .collect()
    }

    /// Probability that all of a node's template is right, as far as the evidence knows.
    pub fn confidence(&self, node: NodeId) -> f64 {
        self.line(node)
            .iter()
            .map(|node| match &node.label {
                Label::Value(value) => value.confidence(),
                _ => node.decision.as_ref().map_or(1.0, Decision::confidence),
            })
            .product()
    }

    /// Hidden words that were judged to be literals: with their node and what it was decided on.
    pub fn hidden_literals(&self) -> impl Iterator<Item = (u64, NodeId, &Decision)> {
        self.nodes.iter().enumerate().filter_map(|(id, node)| match (&node.label, &node.decision) {
            (Label::Literal(Segment::Hidden(hidden)), Some(decision)) => {
                Some((*hidden, id as NodeId, decision))
            }
            _ => None,
        })
    }

    /// What stands beside and before a node.
    pub fn company(&self, node: NodeId) -> Company<'_> {
        let above = &self.nodes[self.nodes[node as usize].parent as usize];
        Company {
            parent: match &above.label {
                Label::Literal(Segment::Word(word)) => Some(word),
                _ => None,
            },
            values: above.value.is_some() || !above.files.is_empty(),
            words: above.children.keys().filter(|segment| matches!(segment, Segment::Word(_))).count(),
            values_behind: self.nodes[node as usize].value.is_some(),
        }
    }

    /// Nodes along a path that are hidden words judged to be literals.
    pub fn hidden_along(&self, path: &Path) -> impl Iterator<Item = NodeId> {
        self.up(self.locate(path).unwrap_or(ROOT))
            .filter(|&at| matches!(self.nodes[at as usize].label, Label::Literal(Segment::Hidden(_))))
    }
}

/// Gives a score to a candidate behind the segments before it.
pub type Judge<'a> = &'a mut dyn FnMut(&[Step], &Candidate) -> f64;

/// What stands beside and before a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Company<'a> {
    /// The word before, if it is of a dictionary.
    pub parent: Option<&'a str>,
    /// There are values beside it.
    pub values: bool,
    /// Dictionary words beside it.
    pub words: usize,
    /// Calls go on with values behind it.
    pub values_behind: bool,
}

/// Score of what people said.
const CERTAIN: f64 = 20.0;

/// Why one segment of a template is what it is.
pub enum Reason<'a> {
    /// A literal, with its calls.
    Literal(Option<&'a Decision>, u64),
    /// A value.
    Value(&'a Value),
}

impl Value {
    /// Shapes of the values with their calls.
    pub fn kinds(&self) -> &BTreeMap<SegmentKind, u64> {
        &self.kinds
    }

    /// Different words that are values here, and the calls with them.
    pub fn words(&self) -> (u64, u64) {
        (self.words, self.word_calls)
    }

    /// Mean probability that they are values: shapes are for sure, words as they were judged.
    pub fn confidence(&self) -> f64 {
        let shaped = self.kinds.values().sum::<u64>() as f64;
        let all = self.word_calls as f64 + shaped;
        if all == 0.0 { 1.0 } else { (self.sure + shaped) / all }
    }

    /// People said that there are values.
    pub fn is_said(&self) -> bool {
        self.said
    }

    /// What was decided on of the word that was called most.
    pub fn terms(&self) -> &[(usize, f64)] {
        &self.terms
    }
}

struct Visit {
    node: NodeId,
    parent: Parent,
    cursor: Cursor,
}

/// One segment of a template on the way down.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A literal.
    Literal(Segment),
    /// A value, with the extension that all of them have.
    Value(Option<Extension>),
}

/// The values of one node on their way into one node, or one for each extension that routes end in.
#[derive(Default)]
struct Values {
    parts: BTreeMap<Option<Extension>, (Value, Vec<NodeId>, u64)>,
}

impl Values {
    fn add(&mut self, nodes: &[Node], segment: Segment, child: NodeId, decision: Option<&Decision>) {
        let node = &nodes[child as usize];
        let (kind, extension) = match &segment {
            Segment::Parameter(kind) => (Some(*kind), None),
            Segment::File(kind, extension) => (Some(*kind), Some(*extension)),
            Segment::Hidden(hidden) => (None, extension_of(*hidden)),
            Segment::Word(word) => (None, Extension::of_word(word)),
            // Never a value; counted as any word should it become one.
            Segment::Name(_) => (None, None),
        };
        let (value, parts, ends) = self.parts.entry(extension).or_default();
        match kind {
            Some(kind) => *value.kinds.entry(kind).or_default() += node.calls,
            None => {
                value.words += 1;
                value.said |= decision.is_some_and(|decision| decision.said);
                value.word_calls += node.calls;
                value.sure += node.calls as f64 * decision.map_or(1.0, Decision::confidence);
                if let Some(decision) = decision.filter(|_| node.calls > value.most_calls) {
                    value.most_calls = node.calls;
                    value.terms = decision.terms.clone();
                }
            }
        }
        parts.push(child);
        *ends += node.ends.values().sum::<u64>();
    }

    /// What becomes a node: an extension that few share with it and that many of the routes here end in
    /// stays apart; names of files do not.
    fn into_nodes(self) -> Vec<(Option<Extension>, Value, Vec<NodeId>)> {
        const EXTENSIONS_MAX: usize = 3;
        const SHARE_MIN: f64 = 0.3;
        let all: u64 = self.parts.values().map(|(.., ends)| ends).sum();
        let extensions = self.parts.keys().flatten().count();
        let mut rest: Option<(Value, Vec<NodeId>)> = None;
        let mut nodes = Vec::new();
        for (extension, (value, parts, ends)) in self.parts {
            let apart = extension.is_some()
                && extensions <= EXTENSIONS_MAX
                && ends > 0
                && ends as f64 >= SHARE_MIN * all as f64;
            if apart {
                nodes.push((extension, value, parts));
                continue;
            }
            match &mut rest {
                None => rest = Some((value, parts)),
                Some((sum, all)) => {
                    for (kind, calls) in value.kinds {
                        *sum.kinds.entry(kind).or_default() += calls;
                    }
                    sum.words += value.words;
                    sum.said |= value.said;
                    sum.word_calls += value.word_calls;
                    sum.sure += value.sure;
                    if value.most_calls > sum.most_calls {
                        (sum.most_calls, sum.terms) = (value.most_calls, value.terms);
                    }
                    all.extend(parts);
                }
            }
        }
        nodes.extend(rest.map(|(value, parts)| (None, value, parts)));
        nodes
    }
}
