//! Forms of paths in policies: `/users/{userId:integer}`, `/files/**`. From a template or from text, and
//! whether one takes all that another does.

use std::fmt::Write;

use crate::call::segment::shape;
use crate::call::{SegmentKind, decode};
use crate::inventory::catalog::Endpoint;
use crate::limits::PATH_SEGMENTS_MAX;

/// Segments from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// From the left.
    pub segments: Vec<Parts>,
    /// It takes everything below too.
    pub below: bool,
}

/// One segment, part by part; mostly there is one.
pub type Parts = Vec<Part>;

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// This text, decoded.
    Text(String),
    /// A value.
    Value {
        /// Name of the parameter.
        name: String,
        /// Its shape; [`SegmentKind::Text`] for any.
        kind: SegmentKind,
    },
}

impl Pattern {
    /// The form of an endpoint's paths.
    pub fn of(endpoint: &Endpoint) -> Pattern {
        let mut known = endpoint.parameters.iter().peekable();
        let segments = endpoint.template.split('/').filter(|segment| !segment.is_empty()).map(|segment| {
            let mut parts = Parts::new();
            let mut rest = segment;
            while !rest.is_empty() {
                let named = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'));
                // Braces may be of a literal: only the name that comes next is a parameter.
                if let Some((name, after)) = named
                    && let Some(parameter) = known.next_if(|parameter| parameter.name == name)
                {
                    parts.push(Part::Value { name: name.to_owned(), kind: any_text(parameter.kind) });
                    rest = after;
                    continue;
                }
                // A brace at the beginning is no parameter: look behind it.
                let brace = rest.char_indices().skip(1).find(|(_, c)| *c == '{');
                let (text, after) = rest.split_at(brace.map_or(rest.len(), |(at, _)| at));
                push_text(&mut parts, text);
                rest = after;
            }
            parts
        });
        Pattern { segments: segments.collect(), below: false }
    }

    /// Reads `/users/{userId:integer}/orders`: `{name}` and `*` for any one segment, `**` at the end for
    /// everything below, all else as it stands, percent-coded where it would read as one of these.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn read(text: &str) -> Result<Pattern, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("a path begins with `/`, not as `{text}` does"));
        };
        let mut pattern = Pattern::default();
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Ok(pattern);
        }
        for segment in rest.split('/') {
            if pattern.below {
                return Err(format!("`**` stands at the end only, not as in `{text}`"));
            }
            if pattern.segments.len() == PATH_SEGMENTS_MAX {
                return Err(format!("`{text}` has too many segments; paths have {PATH_SEGMENTS_MAX}"));
            }
            match segment {
                "" => return Err(format!("there is an empty segment in `{text}`")),
                "**" => pattern.below = true,
                "*" => pattern.segments.push(vec![any("")]),
                _ => pattern.segments.push(parts(segment)?),
            }
        }
        Ok(pattern)
    }

    /// The text that [`Pattern::read`] reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            for part in segment {
                match part {
                    Part::Text(literal) => push_coded(&mut text, literal),
                    Part::Value { name, kind: SegmentKind::Text }
                        if name.is_empty() && segment.len() == 1 =>
                    {
                        text.push('*');
                    }
                    Part::Value { name, kind: SegmentKind::Text } => {
                        // Writing to a string cannot fail.
                        let _ = write!(text, "{{{name}}}");
                    }
                    Part::Value { name, kind } => {
                        let _ = write!(text, "{{{name}:{}}}", kind.name());
                    }
                }
            }
        }
        if self.below {
            text.push_str("/**");
        }
        if text.is_empty() { "/".to_owned() } else { text }
    }

    /// It takes every path that `other` does. Two values in one segment are compared part by part, so
    /// that it may be false where it is true.
    pub fn takes(&self, other: &Pattern) -> bool {
        let lengths = match (self.below, other.below) {
            (false, false) => self.segments.len() == other.segments.len(),
            (true, _) => self.segments.len() <= other.segments.len(),
            (false, true) => false,
        };
        lengths && self.segments.iter().zip(&other.segments).all(|(one, other)| takes(one, other))
    }
}

/// Shapes that say nothing of a text.
fn any_text(kind: SegmentKind) -> SegmentKind {
    match kind {
        SegmentKind::Names | SegmentKind::Words => SegmentKind::Text,
        kind => kind,
    }
}

fn any(name: &str) -> Part {
    Part::Value { name: name.to_owned(), kind: SegmentKind::Text }
}

fn push_text(parts: &mut Parts, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(known)) => known.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

fn takes(one: &[Part], other: &[Part]) -> bool {
    match (one, other) {
        ([Part::Value { kind: SegmentKind::Text, .. }], _) => true,
        ([Part::Value { kind, .. }], [Part::Text(text)]) => shape(text.as_bytes()) == Some(*kind),
        _ => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| takes_part(one, other)),
    }
}

fn takes_part(one: &Part, other: &Part) -> bool {
    match (one, other) {
        (Part::Text(one), Part::Text(other)) => one == other,
        (Part::Value { kind: one, .. }, Part::Value { kind: other, .. }) => {
            *one == SegmentKind::Text || one == other
        }
        (Part::Value { kind: SegmentKind::Text, .. }, Part::Text(_)) => true,
        (Part::Value { .. }, Part::Text(_)) | (Part::Text(_), Part::Value { .. }) => false,
    }
}

fn parts(segment: &str) -> Result<Parts, String> {
    let mut parts = Parts::new();
    let mut rest = segment;
    while let Some(at) = rest.find(['{', '}', '*']) {
        let wrong =
            || format!("`{segment}` is no segment; one is a word, `{{name}}`, `{{name:kind}}` or `*`");
        let inside = rest[at..].strip_prefix('{').ok_or_else(wrong)?;
        let (named, after) = inside.split_once('}').ok_or_else(wrong)?;
        if at > 0 {
            push_text(&mut parts, &decoded(&rest[..at]));
        }
        let (name, kind) = match named.split_once(':') {
            None => (named, SegmentKind::Text),
            Some((name, kind)) => {
                let known = SegmentKind::of_name(kind);
                (
                    name,
                    known.ok_or_else(|| format!("`{kind}` is no kind of value; `integer` and `uuid` are"))?,
                )
            }
        };
        if name.contains(['{', '*']) {
            return Err(wrong());
        }
        parts.push(Part::Value { name: name.to_owned(), kind: any_text(kind) });
        rest = after;
    }
    if !rest.is_empty() {
        push_text(&mut parts, &decoded(rest));
    }
    Ok(parts)
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decode(text.as_bytes(), false)).into_owned()
}

fn push_coded(text: &mut String, literal: &str) {
    for c in literal.chars() {
        match c {
            '{' | '}' | '*' | '%' | '/' => drop(write!(text, "%{:02X}", u32::from(c))),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Pattern {
        Pattern::read(text).expect("a pattern")
    }

    #[test]
    fn text_leads_back() {
        for text in
            ["/", "/users/{userId:integer}", "/a/*/b", "/files/**", "/{id}.json", "/a%2A%7Bb%7D%2F%25"]
        {
            assert_eq!(read(text).text(), text);
        }
        for wrong in ["", "a", "/a//b", "/a/**/b", "/{x", "/x}", "/a*", "/{x:number}", "/{a{b}"] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_takes_what() {
        for (one, other, yes) in [
            ("/users/{id}", "/users/{userId:integer}", true),
            ("/users/{id:integer}", "/users/{id}", false),
            ("/users/{id:integer}", "/users/42", true),
            ("/users/{id:integer}", "/users/me", false),
            ("/users/*", "/users/{id}.json", true),
            ("/users/{id}.json", "/users/{id:uuid}.json", true),
            ("/users/{id}.json", "/users/{id}.xml", false),
            ("/users/**", "/users", true),
            ("/users/**", "/users/{id}/orders", true),
            ("/users/**", "/accounts/{id}", false),
            ("/users", "/users/{id}", false),
            ("/**", "/", true),
            ("/me", "/{id}", false),
        ] {
            assert_eq!(read(one).takes(&read(other)), yes, "{one} {other}");
        }
    }
}
