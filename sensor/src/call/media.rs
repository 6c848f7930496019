//! Media type of a `Content-Type` value, from a closed list: any other is the sender's own text.

/// Types that keep their name, with what their bodies are read as.
const TYPES: &[(&str, Syntax)] = &[
    ("application/json", Syntax::Json),
    ("application/problem+json", Syntax::Json),
    ("application/x-ndjson", Syntax::Json),
    ("application/ndjson", Syntax::Json),
    ("application/jsonl", Syntax::Json),
    ("application/json-seq", Syntax::Json),
    ("application/json-rpc", Syntax::Json),
    ("application/jsonrequest", Syntax::Json),
    ("application/graphql+json", Syntax::Json),
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
    ("text/xml", Syntax::Xml),
    ("text/javascript", Syntax::Opaque),
    ("text/markdown", Syntax::Opaque),
    ("text/event-stream", Syntax::Events),
    ("application/javascript", Syntax::Opaque),
    ("application/xml", Syntax::Xml),
    ("application/xhtml+xml", Syntax::Opaque),
    ("application/soap+xml", Syntax::Xml),
    ("application/atom+xml", Syntax::Xml),
    ("application/rss+xml", Syntax::Xml),
    ("application/graphql", Syntax::Opaque),
    ("application/grpc", Syntax::Protobuf),
    ("application/grpc+proto", Syntax::Protobuf),
    ("application/grpc+json", Syntax::Json),
    ("application/grpc-web", Syntax::Protobuf),
    ("application/grpc-web+proto", Syntax::Protobuf),
    ("application/grpc-web+json", Syntax::Json),
    ("application/grpc-web-text", Syntax::Protobuf),
    ("application/grpc-web-text+proto", Syntax::Protobuf),
    ("application/proto", Syntax::Protobuf),
    ("application/connect+proto", Syntax::Protobuf),
    ("application/connect+json", Syntax::Json),
    ("application/vnd.google.protobuf", Syntax::Protobuf),
    ("application/protobuf", Syntax::Protobuf),
    ("application/x-protobuf", Syntax::Protobuf),
    ("application/cbor", Syntax::Cbor),
    ("application/cbor-seq", Syntax::Cbor),
    ("application/msgpack", Syntax::MessagePack),
    ("application/vnd.msgpack", Syntax::MessagePack),
    ("application/x-msgpack", Syntax::MessagePack),
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
    /// XML.
    Xml,
    /// Server-sent events (HTML standard, section 9.2), with JSON in them if it looks like it.
    Events,
    /// Protobuf, of which only numbers and wire types are known.
    Protobuf,
    /// MessagePack.
    MessagePack,
    /// CBOR.
    Cbor,
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
    // Structured suffixes (RFC 6839, RFC 8949); pictures in XML are no data.
    let start = essence.iter().rposition(|&byte| byte == b'+').unwrap_or(essence.len());
    let is_image = essence.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case(b"image/"));
    match &*essence[start..].to_ascii_lowercase() {
        b"+json" => ("other+json", Syntax::Json),
        b"+xml" if !is_image => ("other+xml", Syntax::Xml),
        b"+cbor" => ("other+cbor", Syntax::Cbor),
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
