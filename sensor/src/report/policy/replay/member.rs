//! A node of a manifest that knows its document and its way there, for faults that say where.

use std::str::FromStr;

use crate::inventory::yaml::{Fault, Node, Value};

/// A value with the place where it stands.
pub(super) struct Member<'a> {
    document: &'a str,
    /// `spec.ingress[0].from`; empty for the whole document.
    place: String,
    /// Its own key; empty for items and documents. It may have dots in it.
    key: &'a str,
    line: usize,
    node: &'a Node,
}

/// Nothing stands there: as YAML has it, a member without a value is absent.
pub(super) fn is_nothing(node: &Node) -> bool {
    node.text().is_some_and(|text| matches!(text, "" | "~" | "null"))
}

impl<'a> Member<'a> {
    pub(super) fn of_document(document: &'a str, node: &'a Node) -> Member<'a> {
        Member { document, place: String::new(), key: "", line: node.line, node }
    }

    /// Its own key.
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// Its members; those without a value are left out.
    pub(super) fn members(&self) -> Result<Vec<Member<'a>>, Fault> {
        let mut all = self.all_members()?;
        all.retain(|member| !is_nothing(member.node));
        Ok(all)
    }

    /// Its members, with those whose value is an empty text.
    pub(super) fn all_members(&self) -> Result<Vec<Member<'a>>, Fault> {
        let Value::Map(members) = &self.node.value else {
            return Err(self.wrong(format!("there must be a map, and there is {}", self.node.kind())));
        };
        for (at, (key, line, _)) in members.iter().enumerate() {
            if members.iter().take(at).any(|(other, ..)| other == key) {
                return Err(self.below(key, *line, self.node).wrong("it stands there twice"));
            }
        }
        Ok(members.iter().map(|(key, line, node)| self.below(key, *line, node)).collect())
    }

    /// Its items.
    pub(super) fn items(&self) -> Result<Vec<Member<'a>>, Fault> {
        let Value::List(items) = &self.node.value else {
            return Err(self.wrong(format!("there must be a list, and there is {}", self.node.kind())));
        };
        let items = items.iter().enumerate().map(|(at, node)| Member {
            document: self.document,
            place: format!("{}[{at}]", self.place),
            key: "",
            line: node.line,
            node,
        });
        Ok(items.collect())
    }

    /// Its text.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        self.node
            .text()
            .ok_or_else(|| self.wrong(format!("there must be a text, and there is {}", self.node.kind())))
    }

    /// Its items as texts.
    pub(super) fn texts(&self) -> Result<Vec<&'a str>, Fault> {
        self.items()?.iter().map(Member::text).collect()
    }

    /// Its text as something else.
    pub(super) fn parsed<T: FromStr>(&self, what: &str) -> Result<T, Fault> {
        let text = self.text()?;
        text.parse().map_err(|_| self.wrong(format!("`{text}` is no {what}")))
    }

    /// It is nothing that is read: it could allow or deny, so nothing may be said.
    pub(super) fn unsupported(&self) -> Fault {
        self.wrong("this is not supported here, and what it would allow or deny is not known")
    }

    /// It is wrong.
    pub(super) fn wrong(&self, what: impl AsRef<str>) -> Fault {
        let what = what.as_ref();
        let place = if self.place.is_empty() { String::new() } else { format!(": `{}`", self.place) };
        Fault::at(self.line, format!("{}{place}: {what}", self.document))
    }

    fn below(&self, key: &'a str, line: usize, node: &'a Node) -> Member<'a> {
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        Member { document: self.document, place, key, line, node }
    }
}
