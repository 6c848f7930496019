//! Text names of closed sets as they are stored, both ways.

use std::sync::Arc;

use crate::call::{Credential, Method, Path, Place, Segment, SegmentKind};
use crate::flow::Verdict;

const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "OTHER"];

pub(super) fn method_of(name: &str) -> Option<Method> {
    METHODS.iter().find(|m| **m == name).map(|m| Method(m))
}

const PLACES: [(Place, &str); 8] = [
    (Place::Query, "query"),
    (Place::RequestHeader, "request-header"),
    (Place::Cookie, "cookie"),
    (Place::Form, "form"),
    (Place::RequestBody, "request-body"),
    (Place::ResponseHeader, "response-header"),
    (Place::SetCookie, "set-cookie"),
    (Place::ResponseBody, "response-body"),
];

pub(crate) fn place_name(place: Place) -> &'static str {
    PLACES.iter().find(|(p, _)| *p == place).map_or("", |(_, n)| n)
}

pub(super) fn place_of(name: &str) -> Option<Place> {
    PLACES.iter().find(|(_, n)| *n == name).map(|(p, _)| *p)
}

const CREDENTIALS: [(Credential, &str); 7] = [
    (Credential::None, "none"),
    (Credential::Basic, "basic"),
    (Credential::Bearer, "bearer"),
    (Credential::Jwt, "jwt"),
    (Credential::ApiKey, "api-key"),
    (Credential::SessionCookie, "session-cookie"),
    (Credential::Other, "other"),
];

pub(crate) fn credential_name(credential: Credential) -> &'static str {
    CREDENTIALS.iter().find(|(c, _)| *c == credential).map_or("", |(_, n)| n)
}

pub(super) fn credential_of(name: &str) -> Option<Credential> {
    CREDENTIALS.iter().find(|(_, n)| *n == name).map(|(c, _)| *c)
}

pub(super) fn verdict_of(name: &str) -> Option<Verdict> {
    [Verdict::Http1, Verdict::Http2, Verdict::Tls, Verdict::Other].into_iter().find(|v| v.name() == name)
}

const KINDS: [(SegmentKind, &str); 6] = [
    (SegmentKind::Integer, "integer"),
    (SegmentKind::Uuid, "uuid"),
    (SegmentKind::Hex, "hex"),
    (SegmentKind::Date, "date"),
    (SegmentKind::Email, "email"),
    (SegmentKind::Text, "text"),
];

pub(super) fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        text.push('/');
        match segment {
            Segment::Word(word) => text.push_str(
                &word.replace('%', "%25").replace('/', "%2F").replace('{', "%7B").replace('~', "%7E"),
            ),
            Segment::Hidden(hash) => text.push_str(&format!("~{hash:016x}")),
            Segment::Parameter(kind) => {
                let name = KINDS.iter().find(|(k, _)| k == kind).map_or("", |(_, n)| n);
                text.push_str(&format!("{{{name}}}"));
            }
        }
    }
    text
}

pub(super) fn path_of_text(text: &str) -> Option<Path> {
    let mut path = Path::new();
    for segment in text.split('/').skip(1) {
        path.push(if let Some(hash) = segment.strip_prefix('~') {
            Segment::Hidden(u64::from_str_radix(hash, 16).ok()?)
        } else if let Some(kind) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            Segment::Parameter(KINDS.iter().find(|(_, n)| *n == kind)?.0)
        } else {
            Segment::Word(Arc::from(
                segment.replace("%7E", "~").replace("%7B", "{").replace("%2F", "/").replace("%25", "%"),
            ))
        });
    }
    Some(path)
}
