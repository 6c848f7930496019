//! Stands in for the names of `call` until they are there.

use crate::call::{Credential, Facts, Place, SegmentKind};

pub(super) fn place(place: Place) -> &'static str {
    match place {
        Place::Query => "query",
        Place::RequestHeader => "request-header",
        Place::Cookie => "cookie",
        Place::Form => "form",
        Place::RequestBody => "request-body",
        Place::ResponseHeader => "response-header",
        Place::SetCookie => "set-cookie",
        Place::ResponseBody => "response-body",
    }
}

pub(super) fn credential(credential: Credential) -> &'static str {
    match credential {
        Credential::None => "none",
        Credential::Basic => "basic",
        Credential::Bearer => "bearer",
        Credential::Jwt => "jwt",
        Credential::ApiKey => "api-key",
        Credential::SessionCookie => "session-cookie",
        Credential::Other => "other",
    }
}

pub(super) fn kind(kind: SegmentKind) -> &'static str {
    match kind {
        SegmentKind::Integer => "integer",
        SegmentKind::Uuid => "uuid",
        SegmentKind::Hex => "hex",
        SegmentKind::Date => "date",
        SegmentKind::Email => "email",
        SegmentKind::Text => "text",
    }
}

pub(super) fn types(_: Facts) -> Vec<String> {
    Vec::new()
}

pub(super) fn formats(_: Facts) -> Vec<String> {
    Vec::new()
}
