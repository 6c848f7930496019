//! Media ranges of a specification against media types as the border names them: those outside of its
//! list are `other` or `other+json`, which may be any.

use super::Media;

impl Media {
    /// A media type that was seen may be one of the range.
    pub fn takes(&self, seen: &str) -> bool {
        let range = self.range.as_str();
        let (Some((kind, sub)), Some((seen_kind, seen_sub))) = (range.split_once('/'), seen.split_once('/'))
        else {
            // `other` may be anything.
            return seen.split_once('/').is_none() || range == "*";
        };
        if kind != "*" && kind != seen_kind {
            return false;
        }
        sub == "*"
            || sub == seen_sub
            // `application/*+json`
            || sub.strip_prefix('*').is_some_and(|end| !end.is_empty() && seen_sub.ends_with(end))
            // One name has come in several: RFC 4627, RFC 9512 and others.
            || alias(range) == alias(seen)
    }

    /// Bodies of the range may be JSON.
    pub fn may_be_json(&self) -> bool {
        self.range.contains("json") || matches!(self.range.as_str(), "*/*" | "*" | "application/*" | "text/*")
    }

    /// Bodies of the range may be forms.
    pub fn may_be_form(&self) -> bool {
        self.range.contains("form")
            || matches!(self.range.as_str(), "*/*" | "*" | "application/*" | "multipart/*")
    }
}

fn alias(name: &str) -> &str {
    match name {
        "text/json" => "application/json",
        "text/xml" => "application/xml",
        "text/javascript" => "application/javascript",
        "application/x-protobuf" => "application/protobuf",
        "application/x-msgpack" => "application/msgpack",
        "application/ndjson" | "application/jsonl" => "application/x-ndjson",
        name => name,
    }
}
