//! Media type of a `Content-Type` value, from a closed list: any other is the sender's own text.

/// Types that keep their name, with what their bodies are read as.
const TYPES: &[(&str, Syntax)] = &[
    ("application/json", Syntax::Json),
    ("application/problem+json", Syntax::Json),
    ("application/x-ndjson", Syntax::Json),
    ("application/ndjson", Syntax::Json),
    ("application/jsonl", Syntax::Json),
    ("application/json-patch+json", Syntax::Json),
    ("application/merge-patch+json", Syntax::Json),
    ("application/vnd.api+json", Syntax::Json),
    ("application/hal+json", Syntax::Json),
    ("application/ld+json", Syntax::Json),
    ("application/geo+json", Syntax::Json),
    ("application/scim+json", Syntax::Json),
    ("application/graphql-response+json", Syntax::Json),
    ("application/manifest+json", Syntax::Json),
    ("application/schema+json", Syntax::Json),
    ("application/jose+json", Syntax::Json),
    ("application/csp-report", Syntax::Json),
    ("application/reports+json", Syntax::Json),
    ("text/json", Syntax::Json),
    ("application/x-www-form-urlencoded", Syntax::Form),
    ("multipart/form-data", Syntax::Multipart),
    ("multipart/mixed", Syntax::Opaque),
    ("multipart/related", Syntax::Opaque),
    ("text/plain", Syntax::Unknown),
    ("application/octet-stream", Syntax::Unknown),
    ("text/html", Syntax::Opaque),
    ("text/css", Syntax::Opaque),
    ("text/csv", Syntax::Opaque),
    ("text/xml", Syntax::Opaque),
    ("text/javascript", Syntax::Opaque),
    ("text/markdown", Syntax::Opaque),
    ("text/event-stream", Syntax::Opaque),
    ("application/javascript", Syntax::Opaque),
    ("application/xml", Syntax::Opaque),
    ("application/xhtml+xml", Syntax::Opaque),
    ("application/soap+xml", Syntax::Opaque),
    ("application/atom+xml", Syntax::Opaque),
    ("application/rss+xml", Syntax::Opaque),
    ("application/graphql", Syntax::Opaque),
    ("application/grpc", Syntax::Opaque),
    ("application/grpc-web", Syntax::Opaque),
    ("application/protobuf", Syntax::Opaque),
    ("application/x-protobuf", Syntax::Opaque),
    ("application/cbor", Syntax::Opaque),
    ("application/msgpack", Syntax::Opaque),
    ("application/x-msgpack", Syntax::Opaque),
    ("application/yaml", Syntax::Opaque),
    ("application/jwt", Syntax::Opaque),
    ("application/jose", Syntax::Opaque),
    ("application/pdf", Syntax::Opaque),
    ("application/zip", Syntax::Opaque),
    ("application/gzip", Syntax::Opaque),
    ("application/wasm", Syntax::Opaque),
    ("image/png", Syntax::Opaque),
    ("image/jpeg", Syntax::Opaque),
    ("image/gif", Syntax::Opaque),
    ("image/webp", Syntax::Opaque),
    ("image/avif", Syntax::Opaque),
    ("image/svg+xml", Syntax::Opaque),
    ("image/x-icon", Syntax::Opaque),
    ("audio/mpeg", Syntax::Opaque),
    ("video/mp4", Syntax::Opaque),
    ("font/woff", Syntax::Opaque),
    ("font/woff2", Syntax::Opaque),
];

/// What a body is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// JSON, or several JSON values in a row.
    Json,
    /// `a=1&b=2`.
    Form,
    /// RFC 7578.
    Multipart,
    /// JSON if it looks like it.
    Unknown,
    /// Not read.
    Opaque,
}

/// Name from the list (`other` if not in it) and syntax of a `Content-Type` value; parameters do
/// not matter.
pub(super) fn media_type(value: &[u8]) -> (&'static str, Syntax) {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let essence = value[..end].trim_ascii();
    if let Some(&known) = TYPES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(essence)) {
        return known;
    }
    let suffix = essence.len().checked_sub(5).map(|start| &essence[start..]);
    match suffix {
        Some(suffix) if suffix.eq_ignore_ascii_case(b"+json") => ("other+json", Syntax::Json),
        _ => ("other", Syntax::Opaque),
    }
}

/// A body without a type that says what it is begins as an object with a key or an array of such.
pub(super) fn is_json_start(body: &[u8]) -> bool {
    let mut rest = body.trim_ascii_start();
    if let Some(items) = rest.strip_prefix(b"[") {
        rest = items.trim_ascii_start();
    }
    match rest.strip_prefix(b"{") {
        Some(inside) => matches!(inside.trim_ascii_start().first(), Some(b'"' | b'}')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_types_keep_their_name() {
        assert_eq!(media_type(b"Application/JSON; charset=utf-8"), ("application/json", Syntax::Json));
        assert_eq!(media_type(b"application/vnd.wilhelmina+json"), ("other+json", Syntax::Json));
        assert_eq!(media_type(b"wilhelmina"), ("other", Syntax::Opaque));
        assert_eq!(media_type(b""), ("other", Syntax::Opaque));
        assert!(is_json_start(b" [ {\"a\":1}]") && is_json_start(b"{}"));
        assert!(!is_json_start(b"[1]") && !is_json_start(b"{% if %}") && !is_json_start(b""));
    }
}
