//! What speaks for a word being a literal of a route or a value: for each word behind a node the
//! [`Facts`] that `weights` weighs. Counts and structure only; of the word itself only how it reads.

use std::collections::BTreeMap;

use super::tree::{Node, NodeId};
use crate::call::lexicon::{class_of, extension_of};
use crate::call::looks::{is_code, parts};
use crate::call::words::is_plural;
use crate::call::{Extension, Method, Segment, WordClass};

/// Siblings that a word is compared with, those first in order: bounds the work, not the result's
/// independence of order.
const COMPARED_MAX: usize = 256;

/// Most alike siblings that count.
const ALIKE_MAX: usize = 8;

macro_rules! facts {
    ($($fact:ident = $name:literal,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy)]
        enum F { $($fact,)* }

        /// Name of each piece of evidence, for people; a fact's index is its place here.
        pub const NAMES: &[&str] = &[$($name,)*];
    };
}

facts! {
    Base = "anything at all",
    Known1 = "one dictionary word",
    Known2 = "two dictionary words",
    KnownMany = "three or more dictionary words",
    English = "an English word",
    PairCamel = "two English words in camel case",
    PairKebab = "two English words with a dash",
    PairSnake = "two English words with an underscore",
    RowCamel = "several English words in camel case",
    RowKebab = "several English words with dashes",
    RowSnake = "several English words with underscores",
    Compound = "made of English words",
    Plain = "no known word",
    PlainParts = "several parts, not all known words",
    Digits = "has digits",
    Dotted = "has dots",
    Short = "one or two letters",
    Code = "reads like a language, country or currency",
    Extension = "ends in a file extension",
    First = "first segment of the API",
    BehindMany = "behind a plural",
    BehindOne = "behind a singular word",
    BehindHidden = "behind an unknown word",
    BehindValue = "behind a value",
    BehindSearch = "behind a word of looking up",
    KnownBehindMany = "a dictionary word behind a plural",
    KnownBehindValue = "a dictionary word behind a value",
    Calls = "number of calls",
    CallsUsual = "calls against those of other routes",
    KnownCallsUsual = "the same, a dictionary word",
    HiddenCallsUsual = "the same, an unknown word",
    LeafCallsUsual = "the same, nothing follows",
    Share = "share of the calls here",
    ValueShare = "share of plain values here",
    Siblings = "number of other words here",
    HiddenSiblings = "number of unknown words here",
    SinglesShare = "other words here seen once",
    RareShare = "other words here called less than usual",
    SinglesPerCall = "words seen once per call here",
    Alike = "goes on like the others",
    AlikeInner = "goes on like the others, and not only ends",
    Covered = "goes on in no way that others do not",
    BesideValue = "stands beside plain values",
    AlikeValue = "goes on like the plain values",
    CoveredValue = "goes on in no way that plain values do not",
    Closed = "more unknown words here than routes have",
    Ends = "share of calls that end here",
    WordNext = "share of calls that go on with a word",
    ValueNext = "share of calls that go on with a value",
    Leaf = "nothing follows",
    SharedNext = "number of next words that others here have too",
    OwnNext = "number of next words that no other here has",
    NextShared = "others here that have its next words",
}

/// Number of facts.
pub const COUNT: usize = NAMES.len();

/// Facts of one candidate by index of [`NAMES`].
#[derive(Clone, Debug, PartialEq)]
pub struct Facts(pub [f64; COUNT]);

impl Facts {
    fn set(&mut self, fact: F, value: f64) {
        self.0[fact as usize] = value;
    }

    fn flag(&mut self, fact: F, yes: bool) {
        self.set(fact, f64::from(u8::from(yes)));
    }
}

/// What stands directly before.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parent {
    /// Nothing but prefixes of the API.
    Start,
    /// A literal.
    Literal(Segment),
    /// A value.
    Value,
}

/// The place of the candidates.
pub(super) struct Place<'a> {
    pub(super) parent: &'a Parent,
    /// More unknown words came here than routes have.
    pub(super) closed: bool,
    /// Calls of a usual route of the service.
    pub(super) usual: f64,
}

/// A word to be judged.
pub struct Candidate<'a> {
    /// The word, or its hash.
    pub segment: &'a Segment,
    /// Calls with it.
    pub calls: u64,
    /// What speaks for and against it.
    pub facts: Facts,
}

/// Median of the calls that end at short dictionary words, at least 1.
pub(super) fn usual_calls(nodes: &[Node]) -> f64 {
    let mut calls: Vec<u64> = nodes
        .iter()
        .flat_map(|node| &node.children)
        .filter(|(segment, _)| matches!(segment, Segment::Word(word) if word_parts(word) <= 2))
        .map(|(_, &child)| nodes[child as usize].ends.values().sum())
        .filter(|&calls| calls > 0)
        .collect();
    let middle = calls.len() / 2;
    if calls.is_empty() { 1.0 } else { *calls.select_nth_unstable(middle).1 as f64 }
}

fn word_parts(word: &str) -> usize {
    parts(word.as_bytes()).take(3).count()
}

/// In how many ways calls go on behind a node: sorted numbers that stand for a method that ends there,
/// a next word, or any value.
fn ways(node: &Node) -> Vec<u64> {
    let method = |method: &Method| fnv(1, method.name().as_bytes());
    let mut ways: Vec<u64> = node.ends.keys().map(method).chain(node.children.keys().map(way_on)).collect();
    ways.sort_unstable();
    ways.dedup();
    ways
}

/// The number of the way through a next segment.
fn way_on(segment: &Segment) -> u64 {
    match segment {
        Segment::Word(word) | Segment::Name(word) => fnv(2, word.as_bytes()),
        _ => 3,
    }
}

/// FNV-1a. Not keyed: it meets no table, and a collision only blurs a comparison.
fn fnv(kind: u8, bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(step(0xcbf2_9ce4_8422_2325, &kind), step)
}

/// Size of what two sorted sets share, over that of both together.
fn likeness(one: &[u64], other: &[u64]) -> f64 {
    let shared = shared(one, other);
    let all = one.len() + other.len() - shared;
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

fn shared(one: &[u64], other: &[u64]) -> usize {
    let (mut a, mut b, mut shared) = (0, 0, 0);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        shared += usize::from(left == right);
        (a, b) = (a + usize::from(left <= right), b + usize::from(right <= left));
    }
    shared
}

/// Logarithm of a count to the base of two, 0 for none.
fn log(count: f64) -> f64 {
    (1.0 + count).log2()
}

/// Facts of each word behind a node, in the order of `words`; `values` are the nodes of plain values.
pub(super) fn candidates<'a>(
    nodes: &'a [Node],
    place: &'a Place<'a>,
    words: &'a [(&'a Segment, NodeId)],
    values: &'a [NodeId],
) -> impl Iterator<Item = Candidate<'a>> + 'a {
    let node = |id: NodeId| &nodes[id as usize];
    let all_ways: Vec<Vec<u64>> = words.iter().map(|(_, id)| ways(node(*id))).collect();
    let mut of_words: BTreeMap<u64, u32> = BTreeMap::new();
    for way in all_ways.iter().flatten() {
        *of_words.entry(*way).or_default() += 1;
    }
    let mut of_values: Vec<u64> = values.iter().flat_map(|&id| ways(node(id))).collect();
    of_values.sort_unstable();
    of_values.dedup();
    let calls: Vec<f64> = words.iter().map(|(_, id)| node(*id).calls as f64).collect();
    let value_calls: f64 = values.iter().map(|&id| node(id).calls as f64).sum();
    let all_calls = calls.iter().sum::<f64>() + value_calls;
    let hidden = words.iter().filter(|(segment, _)| matches!(segment, Segment::Hidden(_))).count();
    let singles = calls.iter().filter(|&&calls| calls <= 1.0).count();
    let rare = calls.iter().filter(|&&calls| calls < 0.5 * place.usual).count();

    words.iter().enumerate().map(move |(at, (segment, id))| {
        let this = node(*id);
        let own = calls[at];
        let mut facts = Facts([0.0; COUNT]);
        facts.set(F::Base, 1.0);
        let known = reads(&mut facts, segment);
        stands(&mut facts, place.parent, known);

        let usual = (own / place.usual).max(f64::MIN_POSITIVE).log2().clamp(-5.0, 3.0);
        let leaf = this.children.is_empty();
        facts.set(F::Calls, log(own));
        facts.set(F::CallsUsual, usual);
        facts.set(if known { F::KnownCallsUsual } else { F::HiddenCallsUsual }, usual);
        facts.set(F::Share, own / all_calls.max(1.0));
        facts.set(F::ValueShare, value_calls / all_calls.max(1.0));
        facts.flag(F::Leaf, leaf);
        if leaf {
            facts.set(F::LeafCallsUsual, usual);
        }

        let others = words.len() - 1;
        facts.set(F::Siblings, log(others as f64));
        facts.set(F::HiddenSiblings, log((hidden - usize::from(!known)) as f64));
        let own_ways = &all_ways[at];
        let of_own = own_ways.len().max(1) as f64;
        if others > 0 {
            let single = singles - usize::from(own <= 1.0);
            let rare = rare - usize::from(own < 0.5 * place.usual);
            facts.set(F::SinglesShare, single as f64 / others as f64);
            facts.set(F::RareShare, rare as f64 / others as f64);
            facts.set(F::SinglesPerCall, single as f64 / all_calls.max(1.0));
            let alike = alike(&all_ways, at);
            facts.set(F::Alike, alike);
            if !leaf {
                facts.set(F::AlikeInner, alike);
            }
            let covered = own_ways.iter().filter(|way| of_words.get(way).is_some_and(|&n| n > 1)).count();
            facts.set(F::Covered, covered as f64 / of_own);
            let (mut shared, mut only, mut sharing) = (0, 0, 0.0);
            for next in this.children.keys().filter(|segment| matches!(segment, Segment::Word(_))) {
                let having = of_words.get(&way_on(next)).copied().unwrap_or(1) - 1;
                shared += usize::from(having > 0);
                only += usize::from(having == 0);
                sharing += f64::from(having);
            }
            facts.set(F::SharedNext, log(shared as f64));
            facts.set(F::OwnNext, log(only as f64));
            facts.set(F::NextShared, log(sharing / (shared + only).max(1) as f64));
        }
        if !values.is_empty() {
            facts.set(F::BesideValue, 1.0);
            facts.set(F::AlikeValue, likeness(own_ways, &of_values));
            facts.set(F::CoveredValue, shared(own_ways, &of_values) as f64 / of_own);
        }
        facts.flag(F::Closed, place.closed);

        let here = own.max(1.0);
        let ends = this.ends.values().sum::<u64>() as f64 / here;
        let to_values = this.children.iter().filter(|(segment, _)| !matches!(segment, Segment::Word(_)));
        let to_values = to_values.map(|(_, &id)| node(id).calls as f64).sum::<f64>() / here;
        facts.set(F::Ends, ends);
        facts.set(F::ValueNext, to_values);
        facts.set(F::WordNext, (1.0 - ends - to_values).max(0.0));
        Candidate { segment, calls: this.calls, facts }
    })
}

/// Mean likeness with the siblings that are most alike.
fn alike(all: &[Vec<u64>], at: usize) -> f64 {
    let mut most = [0.0_f64; ALIKE_MAX];
    let mut count = 0;
    for (_, ways) in all.iter().enumerate().filter(|(other, _)| *other != at).take(COMPARED_MAX) {
        count += 1;
        let mut likeness = likeness(&all[at], ways);
        for slot in &mut most {
            if likeness > *slot {
                std::mem::swap(slot, &mut likeness);
            }
        }
    }
    most.iter().sum::<f64>() / count.clamp(1, ALIKE_MAX) as f64
}

/// How the word reads; whether it is of the dictionary.
fn reads(facts: &mut Facts, segment: &Segment) -> bool {
    match segment {
        Segment::Word(word) => {
            facts.set(
                match word_parts(word) {
                    0 | 1 => F::Known1,
                    2 => F::Known2,
                    _ => F::KnownMany,
                },
                1.0,
            );
            facts.flag(F::Short, word.len() <= 2);
            facts.flag(F::Code, is_code(word.as_bytes()));
            facts.flag(F::Extension, Extension::of_word(word).is_some());
            true
        }
        Segment::Hidden(hidden) => {
            facts.set(
                match class_of(*hidden) {
                    WordClass::English => F::English,
                    WordClass::EnglishPairCamel => F::PairCamel,
                    WordClass::EnglishPairKebab => F::PairKebab,
                    WordClass::EnglishPairSnake => F::PairSnake,
                    WordClass::EnglishRowCamel => F::RowCamel,
                    WordClass::EnglishRowKebab => F::RowKebab,
                    WordClass::EnglishRowSnake => F::RowSnake,
                    WordClass::Compound => F::Compound,
                    WordClass::Plain => F::Plain,
                    WordClass::PlainParts => F::PlainParts,
                    WordClass::Digits => F::Digits,
                    WordClass::Dotted => F::Dotted,
                    WordClass::Short => F::Short,
                    WordClass::Code => F::Code,
                },
                1.0,
            );
            facts.flag(F::Extension, extension_of(*hidden).is_some());
            false
        }
        Segment::Name(_) | Segment::Parameter(_) | Segment::File(..) => false,
    }
}

/// What it stands behind.
fn stands(facts: &mut Facts, parent: &Parent, known: bool) {
    match parent {
        Parent::Start => facts.set(F::First, 1.0),
        Parent::Value => {
            facts.set(F::BehindValue, 1.0);
            facts.flag(F::KnownBehindValue, known);
        }
        Parent::Literal(Segment::Word(word)) => {
            let many = is_plural(word);
            facts.set(if many { F::BehindMany } else { F::BehindOne }, 1.0);
            facts.flag(F::KnownBehindMany, many && known);
            facts.flag(F::BehindSearch, is_search(word));
        }
        Parent::Literal(_) => facts.set(F::BehindHidden, 1.0),
    }
}

/// A word behind which values stand that are looked up.
fn is_search(word: &str) -> bool {
    const SEARCHES: &[&[u8]] = &[b"by", b"search", b"find", b"lookup", b"get"];
    parts(word.as_bytes()).any(|part| SEARCHES.iter().any(|search| part.eq_ignore_ascii_case(search)))
}
