//! Path templates of the catalog as OpenAPI wants them: braces around parameters only, each name
//! once in a path, no two paths that differ in names alone.

use std::collections::BTreeMap;

use crate::call::SegmentKind;
use crate::inventory::catalog::Endpoint;

/// A path and its parameters from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathTemplate {
    pub(super) text: String,
    pub(super) parameters: Vec<(String, SegmentKind)>,
}

/// Paths of one document by what they look like without names.
#[derive(Default)]
pub(super) struct Paths(BTreeMap<String, PathTemplate>);

impl Paths {
    /// The path of an endpoint; one that differs in the names of its parameters only is that of the
    /// first.
    pub(super) fn of(&mut self, endpoint: &Endpoint) -> PathTemplate {
        let template = PathTemplate::of(endpoint);
        let mut bare = String::new();
        let mut inside = false;
        for c in template.text.chars() {
            inside &= c != '}';
            if !inside {
                bare.push(c);
            }
            inside |= c == '{';
        }
        self.0.entry(bare).or_insert(template).clone()
    }
}

impl PathTemplate {
    fn of(endpoint: &Endpoint) -> PathTemplate {
        let mut text = String::new();
        let mut parameters: Vec<(String, SegmentKind)> = Vec::new();
        let mut known = endpoint.parameters.iter();
        let mut rest = endpoint.template.as_str();
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            // An empty name is none, and neither is one that goes on behind a slash.
            if let Some((name, after)) = named.filter(|(name, _)| !name.is_empty() && !name.contains('/')) {
                let kind = known.next().map_or(SegmentKind::Text, |parameter| parameter.kind);
                let name = unique(name, &parameters);
                text.push('{');
                text.push_str(&name);
                text.push('}');
                parameters.push((name, kind));
                rest = after;
                continue;
            }
            match c {
                '{' | '}' | '?' | '#' | '%' | '"' | '<' | '>' | '\\' | '^' | '`' | '|' => coded(c, &mut text),
                _ if c <= ' ' || !c.is_ascii() || c == '\u{7f}' => coded(c, &mut text),
                _ => text.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        if !text.starts_with('/') {
            text.insert(0, '/');
        }
        PathTemplate { text, parameters }
    }
}

/// Percent-codes a character (RFC 3986 section 2.1).
fn coded(c: char, text: &mut String) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        text.push_str(&format!("%{byte:02X}"));
    }
}

fn unique(name: &str, taken: &[(String, SegmentKind)]) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    let mut unique = plain.clone();
    let mut number = 1;
    while taken.iter().any(|(other, _)| *other == unique) {
        number += 1;
        unique = format!("{plain}{number}");
    }
    unique
}

/// `GET /users/{userId}/orders` to `getUsersByUserIdOrders`; not unique yet.
pub(super) fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if segment.contains('{') {
            id.push_str("By");
        }
        for part in segment.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
            let mut letters = part.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Method;
    use crate::inventory::EndpointStats;
    use crate::inventory::catalog::Parameter;

    fn path(template: &str, kinds: &[SegmentKind]) -> PathTemplate {
        let parameters = kinds.iter().map(|&kind| Parameter { name: String::new(), kind }).collect();
        let stats = EndpointStats::default();
        Paths::default().of(&Endpoint {
            method: Method("GET"),
            template: template.to_owned(),
            parameters,
            confidence: 1.0,
            explanation: Vec::new(),
            stats,
        })
    }

    #[test]
    fn names_are_unique_and_braces_safe() {
        let kinds = [SegmentKind::Integer, SegmentKind::Uuid];
        let both = path("/a/{id}/b/{id}", &kinds);
        assert_eq!(both.text, "/a/{id}/b/{id2}");
        assert_eq!(both.parameters[1], ("id2".to_owned(), SegmentKind::Uuid));
        assert_eq!(path("/a{b/c}/{}?x", &[]).text, "/a%7Bb/c%7D/%7B%7D%3Fx");
        assert_eq!(path("/{id}.json", &kinds).text, "/{id}.json");
        assert_eq!(path("*", &[]).text, "/*");
        let mut paths = Paths::default();
        let endpoint = |template: &str| Endpoint {
            method: Method("GET"),
            template: template.to_owned(),
            parameters: Vec::new(),
            confidence: 1.0,
            explanation: Vec::new(),
            stats: EndpointStats::default(),
        };
        assert_eq!(paths.of(&endpoint("/a/{x}")).text, "/a/{x}");
        assert_eq!(paths.of(&endpoint("/a/{y}")).text, "/a/{x}");
    }

    #[test]
    fn operation_ids() {
        assert_eq!(operation_id("GET", "/v1/users/{userId}/order-items"), "getV1UsersByUserIdOrderItems");
        assert_eq!(operation_id("POST", "/"), "post");
    }
}
