//! YAML or JSON text into a small tree that knows its lines, for files that people write. What is
//! nested deeper than the caller asks for is read over, and aliases are copied within a bound: so a file
//! costs no more than its size says. Complex keys, tags and merge keys mean nothing here.

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser};
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Levels that are kept of files of which only the upper part counts; OpenAPI documents have their
/// routes in the first six.
pub(crate) const SHALLOW: usize = 8;

/// Nodes of one file, with copies by alias.
const NODES_MAX: usize = 4_000_000;

/// A place in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// From 1; 0 where it is not known.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What stands there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Text, number, truth value or nothing, as written.
    Scalar(String),
    List(Vec<Node>),
    /// Keys in the order of the file, with their lines.
    Map(Vec<(String, usize, Node)>),
    /// Deeper than is kept.
    Deep,
}

/// Why a file is of no use, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1; 0 where it is not known.
    pub line: usize,
    /// What is wrong, and what is right.
    pub what: String,
}

impl Fault {
    pub(crate) fn at(line: usize, what: impl Into<String>) -> Fault {
        Fault { line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl Node {
    /// Text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Members of a map with their keys, none of anything else.
    pub(crate) fn members(&self) -> &[(String, usize, Node)] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// A member of a map.
    pub(crate) fn member(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|(key, ..)| key == name).map(|(.., node)| node)
    }

    /// Items of a list, none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(text) if text.is_empty() => "nothing",
            Value::Scalar(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Deep => "something deep",
        }
    }
}

/// Reads the first document of a text, as many levels of it; `None` if there is none in it.
pub(crate) fn read(text: &str, levels: usize) -> Result<Option<Node>, Fault> {
    let fault = match of_yaml(text, levels) {
        Ok(node) => return Ok(node),
        Err(fault) => fault,
    };
    // Escapes of UTF-16 (`\ud83d\ude00`) are JSON and no YAML.
    of_json(text, levels).map(Some).ok_or(fault)
}

/// Reads all documents of a text, but no more than `documents_max`; empty ones are none.
pub(crate) fn read_all(text: &str, levels: usize, documents_max: usize) -> Result<Vec<Node>, Fault> {
    let fault = match all_of_yaml(text, levels, documents_max) {
        Ok(nodes) => return Ok(nodes),
        Err(fault) => fault,
    };
    of_json(text, levels).map(|node| vec![node]).ok_or(fault)
}

/// As [`read`], for texts whose lines nobody asks for: JSON is read several times as fast.
pub(crate) fn read_without_lines(text: &str, levels: usize) -> Result<Option<Node>, Fault> {
    match of_json(text, levels) {
        Some(node) => Ok(Some(node)),
        None => of_yaml(text, levels),
    }
}

fn of_json(text: &str, levels: usize) -> Option<Node> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let node = Json { left: levels + 1 }.deserialize(&mut reader).ok()?;
    reader.end().is_ok().then_some(node)
}

/// A list or map that has not ended yet.
struct Open {
    node: Node,
    anchor: usize,
    /// Of a map: the key whose value is to come.
    key: Option<(String, usize)>,
}

/// What an alias stands for.
struct Anchored {
    node: Node,
    levels: usize,
    nodes: usize,
}

fn of_yaml(text: &str, levels_max: usize) -> Result<Option<Node>, Fault> {
    Ok(all_of_yaml(text, levels_max, 1)?.pop())
}

fn all_of_yaml(text: &str, levels_max: usize, documents_max: usize) -> Result<Vec<Node>, Fault> {
    let mut documents = Vec::new();
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    // Levels below the deepest that is kept.
    let mut below = 0usize;
    let mut anchors: HashMap<usize, Anchored> = HashMap::new();
    let mut nodes = 0usize;
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| Fault::at(error.marker().line(), error.info().to_owned()))?;
        let line = span.start.line();
        nodes += 1;
        let deep = Node { line, value: Value::Deep };
        let whole = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) if below > 0 || open.len() >= levels_max => {
                below += 1;
                None
            }
            Event::SequenceEnd | Event::MappingEnd if below > 0 => {
                below -= 1;
                (below == 0).then_some((deep, 0))
            }
            _ if below > 0 => None,
            Event::Scalar(text, _, anchor, _) => {
                Some((Node { line, value: Value::Scalar(text.into_owned()) }, anchor))
            }
            Event::Alias(anchor) => {
                // None of a node that holds itself.
                let known = anchors.get(&anchor).filter(|known| open.len() + known.levels <= levels_max);
                nodes += known.map_or(0, |known| known.nodes);
                let copy = known.filter(|_| nodes <= NODES_MAX).map_or(deep, |known| known.node.clone());
                Some((copy, 0))
            }
            Event::SequenceStart(anchor, _) => {
                open.push(Open { node: Node { line, value: Value::List(Vec::new()) }, anchor, key: None });
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open { node: Node { line, value: Value::Map(Vec::new()) }, anchor, key: None });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| (open.node, open.anchor)),
            Event::DocumentEnd if documents_max == 1 => break,
            Event::DocumentEnd => {
                // Names of anchors are those of one document.
                anchors.clear();
                None
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => None,
        };
        if nodes > NODES_MAX {
            return Err(Fault::at(
                line,
                format!("there is too much in the file; {NODES_MAX} nodes are read"),
            ));
        }
        let Some((node, anchor)) = whole else { continue };
        if anchor > 0 {
            let (levels, nodes) = (levels(&node), count(&node));
            anchors.insert(anchor, Anchored { node: node.clone(), levels, nodes });
        }
        let Some(outer) = open.last_mut() else {
            documents.push(node);
            if documents.len() == documents_max {
                break;
            }
            continue;
        };
        match (&mut outer.node.value, outer.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(members), Some((key, line))) => members.push((key, line, node)),
            (Value::Map(_), None) => outer.key = Some((node.text().unwrap_or_default().to_owned(), line)),
            (Value::Scalar(_) | Value::Deep, _) => debug_assert!(false, "only lists and maps are open"),
        }
    }
    Ok(documents)
}

/// Levels of lists and maps.
fn levels(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) | Value::Deep => 0,
        Value::List(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Map(members) => 1 + members.iter().map(|(.., node)| levels(node)).max().unwrap_or(0),
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) | Value::Deep => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(members) => 1 + members.iter().map(|(.., node)| count(node)).sum::<usize>(),
    }
}

/// Reads a value of JSON that stands so deep.
#[derive(Clone, Copy)]
struct Json {
    /// Levels that are still kept.
    left: usize,
}

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Node, D::Error> {
        if self.left == 0 {
            return IgnoredAny::deserialize(reader).map(|_| Node { line: 0, value: Value::Deep });
        }
        reader.deserialize_any(self)
    }
}

fn scalar(text: impl fmt::Display) -> Node {
    Node { line: 0, value: Value::Scalar(text.to_string()) }
}

impl<'de> Visitor<'de> for Json {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(scalar(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(scalar(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(scalar(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(scalar(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(scalar(value))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(scalar(""))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Json { left: self.left - 1 })? {
            items.push(item);
        }
        Ok(Node { line: 0, value: Value::List(items) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            members.push((key, 0, map.next_value_seed(Json { left: self.left - 1 })?));
        }
        Ok(Node { line: 0, value: Value::Map(members) })
    }
}
