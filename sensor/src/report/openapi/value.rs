//! A JSON value whose members keep the order in which they were written, so that a document is the
//! same byte for byte whatever else is built in; as JSON and as YAML.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A count.
    Number(u64),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in this order.
    Object(Vec<(String, Json)>),
}

/// Members of an object under construction.
pub(super) type Members = Vec<(String, Json)>;

/// Puts a member at the end.
pub(super) fn put(members: &mut Members, key: &str, value: impl Into<Json>) {
    members.push((key.to_owned(), value.into()));
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text)
    }
}

impl From<bool> for Json {
    fn from(yes: bool) -> Json {
        Json::Bool(yes)
    }
}

impl From<u64> for Json {
    fn from(count: u64) -> Json {
        Json::Number(count)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Json {
        Json::List(items)
    }
}

impl From<Members> for Json {
    fn from(members: Members) -> Json {
        Json::Object(members)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(yes) => serializer.serialize_bool(*yes),
            Json::Number(count) => serializer.serialize_u64(*count),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// The value as YAML 1.2 in block style. Texts are written as JSON does: no reader takes them for
/// anything else.
pub fn yaml(value: &Json) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push_str(&name(key));
                text.push(':');
                child(value, indent + 2, text);
            }
        }
        Json::List(items) if !items.is_empty() => {
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push('-');
                child(item, indent + 2, text);
            }
        }
        scalar => {
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(&flow(scalar));
            text.push('\n');
        }
    }
}

fn child(value: &Json, indent: usize, text: &mut String) {
    let nested = match value {
        Json::Object(members) => !members.is_empty(),
        Json::List(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        text.push('\n');
        block(value, indent, text);
    } else {
        text.push(' ');
        text.push_str(&flow(value));
        text.push('\n');
    }
}

/// A value without parts, or an empty one, on one line.
fn flow(value: &Json) -> String {
    // A tree of texts and numbers always serializes.
    let json = serde_json::to_string(value).unwrap_or_default();
    crate::report::escape::for_json(&json).into_owned()
}

/// A key, in quotes unless it can be nothing else than a text.
fn name(key: &str) -> String {
    const WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !WORDS.contains(&&*key.to_ascii_lowercase());
    if plain { key.to_owned() } else { flow(&Json::Text(key.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_stays_and_texts_are_quoted() {
        let value = Json::Object(vec![
            (
                "b".to_owned(),
                Json::List(vec![Json::Null, Json::Object(vec![("x y".to_owned(), "1".into())])]),
            ),
            ("200".to_owned(), Json::Object(Vec::new())),
            ("no".to_owned(), true.into()),
            ("a".to_owned(), 7.into()),
        ]);
        assert_eq!(
            serde_json::to_string(&value).expect("JSON"),
            r#"{"b":[null,{"x y":"1"}],"200":{},"no":true,"a":7}"#
        );
        assert_eq!(yaml(&value), "b:\n  - null\n  -\n    \"x y\": \"1\"\n\"200\": {}\n\"no\": true\na: 7\n");
    }
}
