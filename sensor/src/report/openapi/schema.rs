//! What values looked like into a Schema Object: of a body by its tree, of a parameter by its facts.
//! A schema takes every value that was seen; it says no more than that, and shows how often.

use std::sync::Arc;

use super::Version;
use super::tree::Node;
use super::value::{Json, Members, put};
use crate::call::{Facts, SegmentKind};

/// Formats that OpenAPI has a name for.
const FORMATS: &[(Facts, &str)] = &[
    (Facts::UUID, "uuid"),
    (Facts::DATE, "date"),
    (Facts::DATE_TIME, "date-time"),
    (Facts::EMAIL, "email"),
    (Facts::URI, "uri"),
    (Facts::IPV4, "ipv4"),
    (Facts::IPV6, "ipv6"),
];

/// The schema of one place in a body.
pub(super) fn of_node(node: &Node, version: Version) -> Members {
    if node.unknown {
        return Members::new();
    }
    let facts = node.sums.facts;
    let has = |fact: Facts| facts.contains(fact);
    let mut kinds: Vec<(&str, Members)> = Vec::new();
    if has(Facts::BOOLEAN) {
        kinds.push(("boolean", Members::new()));
    }
    if has(Facts::NUMBER) {
        kinds.push(("number", Members::new()));
    } else if has(Facts::INTEGER) {
        kinds.push(("integer", Members::new()));
    }
    if has(Facts::STRING) {
        let only_text = facts.types().0 & !(Facts::STRING.0 | Facts::NULL.0 | Facts::EMPTY.0) == 0;
        let mut keywords = of_text(facts);
        keywords.extend(of_values(facts, &node.values, only_text));
        kinds.push(("string", keywords));
    }
    if has(Facts::OBJECT) {
        kinds.push(("object", of_object(node, version)));
    }
    if has(Facts::ARRAY) {
        let items = node.items.as_deref().map(|items| of_node(items, version)).unwrap_or_default();
        kinds.push(("array", vec![("items".to_owned(), items.into())]));
    }
    of_kinds(kinds, has(Facts::NULL), version)
}

/// One schema of what values of each type are like.
fn of_kinds(mut kinds: Vec<(&str, Members)>, null: bool, version: Version) -> Members {
    let mut schema = Members::new();
    match version {
        Version::V3_1 => {
            let mut types: Vec<Json> = kinds.iter().map(|(name, _)| Json::from(*name)).collect();
            if null {
                types.push("null".into());
            }
            match types.len() {
                0 => {}
                1 => schema.extend(types.pop().map(|only| ("type".to_owned(), only))),
                _ => put(&mut schema, "type", types),
            }
            // Each keyword speaks of values of its own type only.
            schema.extend(kinds.into_iter().flat_map(|(_, keywords)| keywords));
        }
        Version::V3_0 => {
            let one = |(name, keywords): (&str, Members), null: bool| {
                let mut schema = vec![("type".to_owned(), Json::from(name))];
                if null {
                    put(&mut schema, "nullable", true);
                }
                schema.extend(keywords);
                schema
            };
            match kinds.len() {
                // There is no type of null alone.
                0 if null => {
                    put(&mut schema, "nullable", true);
                    put(&mut schema, "enum", vec![Json::Null]);
                }
                0 => {}
                1 => schema = kinds.pop().map(|only| one(only, null)).unwrap_or_default(),
                // Exactly one of them may take a null.
                _ => {
                    let alternatives = kinds.into_iter().enumerate();
                    let alternatives = alternatives.map(|(at, kind)| one(kind, null && at == 0).into());
                    put(&mut schema, "oneOf", alternatives.collect::<Vec<Json>>());
                }
            }
        }
    }
    schema
}

/// The closed set of a text's values. In a union an `enum` would speak of the other types too.
fn of_values(facts: Facts, values: &[Option<Arc<str>>], only_text: bool) -> Members {
    let mut keywords = Members::new();
    let is_closed = facts.formats() == Facts::TEXT && !facts.contains(Facts::OPEN) && !values.is_empty();
    if !is_closed {
        return keywords;
    }
    let mut words: Vec<&str> = values.iter().flatten().map(|word| &**word).collect();
    if words.len() < values.len() || !only_text {
        put(&mut keywords, "x-apicensus-distinct", values.len() as u64);
        return keywords;
    }
    if facts.contains(Facts::EMPTY) {
        words.push("");
    }
    words.sort_unstable();
    let mut words: Vec<Json> = words.into_iter().map(Json::from).collect();
    if facts.contains(Facts::NULL) {
        words.push(Json::Null);
    }
    put(&mut keywords, "enum", words);
    keywords
}

fn of_object(node: &Node, version: Version) -> Members {
    let mut keywords = Members::new();
    if !node.members.is_empty() {
        let properties = node.members.iter().map(|(name, member)| {
            let mut schema = of_node(member, version);
            put(&mut schema, "x-apicensus-present", member.sums.present);
            (name.clone(), schema.into())
        });
        put(&mut keywords, "properties", properties.collect::<Members>());
        let required = node.members.iter().filter(|(_, member)| node.requires(member));
        let required: Vec<Json> = required.map(|(name, _)| Json::from(name.as_str())).collect();
        if !required.is_empty() {
            put(&mut keywords, "required", required);
        }
    }
    if node.sums.facts.contains(Facts::PARTIAL) {
        put(&mut keywords, "x-apicensus-partial", true);
    } else if let Some(rest) = &node.rest {
        put(&mut keywords, "additionalProperties", of_node(rest, version));
    }
    put(&mut keywords, "x-apicensus-objects", node.sums.objects);
    keywords
}

/// Keywords of a text.
fn of_text(facts: Facts) -> Members {
    let mut keywords = Members::new();
    let formats = facts.formats();
    if formats == Facts::NONE || formats == Facts::TEXT {
        return keywords;
    }
    let all_alike = !facts.contains(Facts::EMPTY) && !facts.contains(Facts::IRREGULAR);
    match FORMATS.iter().find(|(format, _)| *format == formats) {
        Some((_, name)) if all_alike => put(&mut keywords, "format", *name),
        _ => {
            let names = formats.names().map(Json::from).collect::<Vec<_>>();
            put(&mut keywords, "x-apicensus-formats", names);
        }
    }
    keywords
}

/// The schema of a value that is sent as text: a query parameter, a header, a field of a form.
pub(super) fn of_parameter(facts: Facts, values: &[Option<Arc<str>>]) -> Members {
    let formats = facts.formats().0;
    let only = |allowed: u32| formats != 0 && formats & !allowed == 0;
    let regular = !facts.contains(Facts::EMPTY) && !facts.contains(Facts::IRREGULAR);
    let mut schema = Members::new();
    let name = if regular && only(Facts::DIGITS.0) {
        "integer"
    } else if regular && only(Facts::DIGITS.0 | Facts::DECIMAL.0) {
        "number"
    } else if regular && only(Facts::BOOLEAN_TEXT.0) {
        "boolean"
    } else {
        "string"
    };
    put(&mut schema, "type", name);
    if name == "string" {
        schema.extend(of_text(facts));
        schema.extend(of_values(facts, values, true));
    }
    schema
}

/// The schema of a path parameter.
pub(super) fn of_segment(kind: SegmentKind) -> Members {
    let (name, format) = match kind {
        SegmentKind::Integer => ("integer", None),
        SegmentKind::Uuid => ("string", Some("uuid")),
        // A date or a date with a time; mail addresses and hex digits are not checked to the letter.
        SegmentKind::Date | SegmentKind::Email | SegmentKind::Hex => {
            let mut schema = vec![("type".to_owned(), Json::from("string"))];
            put(&mut schema, "x-apicensus-formats", vec![Json::from(kind.name())]);
            return schema;
        }
        SegmentKind::Text | SegmentKind::Names | SegmentKind::Words => ("string", None),
    };
    let mut schema = vec![("type".to_owned(), Json::from(name))];
    if let Some(format) = format {
        put(&mut schema, "format", format);
    }
    schema
}

/// The schema of a whole body.
pub(super) fn of_body(root: &Node, version: Version) -> Members {
    let mut schema = of_node(root, version);
    // An object says so itself.
    let said = schema.iter().any(|(key, _)| key == "x-apicensus-partial");
    if root.sums.facts.contains(Facts::PARTIAL) && !said {
        put(&mut schema, "x-apicensus-partial", true);
    }
    schema
}
