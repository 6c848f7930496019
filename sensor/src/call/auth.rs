//! Kind of credential that a request carried, from the names of its headers, query parameters and
//! cookies and the form of their values. The credential itself is looked at and dropped. Client
//! certificates and signed requests are not told apart yet: the latter are [`Credential::Other`].

use super::Credential;
use super::Facts;
use super::Place;
use super::text::is_jwt;

/// The strongest kind met so far.
pub(super) struct Evidence {
    kind: Credential,
}

/// Which kind counts when a request carries several.
const fn rank(kind: Credential) -> u8 {
    match kind {
        Credential::None => 0,
        Credential::SessionCookie => 1,
        Credential::ApiKey => 2,
        Credential::Other => 3,
        Credential::Certificate => 4,
        Credential::Negotiate => 5,
        Credential::Digest => 6,
        Credential::Basic => 7,
        Credential::Signed => 8,
        Credential::Bearer => 9,
        Credential::Jwt => 10,
    }
}

impl Evidence {
    pub(super) fn new() -> Evidence {
        Evidence { kind: Credential::None }
    }

    pub(super) fn kind(&self) -> Credential {
        self.kind
    }

    fn note(&mut self, kind: Credential) {
        if rank(kind) > rank(self.kind) {
            self.kind = kind;
        }
    }

    /// Value of the `Authorization` header (RFC 9110 section 11.6.2).
    pub(super) fn authorization(&mut self, value: &[u8]) {
        let space = memchr::memchr(b' ', value).unwrap_or(value.len());
        let (scheme, token) = (&value[..space], value[space..].trim_ascii());
        let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
        self.note(match value {
            [] => Credential::None,
            _ if is_jwt(token) || is_jwt(scheme) => Credential::Jwt,
            _ if is("basic") => Credential::Basic,
            _ if is("bearer") => Credential::Bearer,
            _ if is("apikey") || is("api-key") || is("token") || is("x-api-key") => Credential::ApiKey,
            _ => Credential::Other,
        });
    }

    /// Another header.
    pub(super) fn header(&mut self, names_key: bool, facts: Facts) {
        self.named(names_key.then_some(Credential::ApiKey), facts);
    }

    /// A query parameter.
    pub(super) fn query(&mut self, name: &[u8], facts: Facts) {
        // RFC 6750 section 2.3.
        let bearer = name == b"access_token";
        let kind =
            if bearer { Some(Credential::Bearer) } else { is_key_name(name).then_some(Credential::ApiKey) };
        self.named(kind, facts);
    }

    /// A cookie of the request.
    pub(super) fn cookie(&mut self, name: &[u8], facts: Facts) {
        let kind = if is_session_name(name) {
            Some(Credential::SessionCookie)
        } else {
            is_key_name(name).then_some(Credential::ApiKey)
        };
        self.named(kind, facts);
    }

    fn named(&mut self, kind: Option<Credential>, facts: Facts) {
        if facts.contains(Facts::JWT) {
            self.note(Credential::Jwt);
        } else if let Some(kind) = kind.filter(|_| !facts.contains(Facts::EMPTY)) {
            self.note(kind);
        }
    }
}

/// Lower case letters and digits of a name, as many as fit.
fn squeezed(name: &[u8], into: &mut [u8; 48]) -> usize {
    let mut length = 0;
    for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        let Some(slot) = into.get_mut(length) else { break };
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    length
}

/// A name that says "API key": `X-API-Key`, `api_key`, `Ocp-Apim-Subscription-Key`, `X-Auth-Token`.
pub(crate) fn is_key_name(name: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b"apikey",
        b"apitoken",
        b"accesskey",
        b"accesstoken",
        b"authtoken",
        b"authkey",
        b"appkey",
        b"apptoken",
        b"privatetoken",
        b"secretkey",
        b"clientsecret",
        b"subscriptionkey",
        b"servicekey",
        b"servicetoken",
    ];
    let mut buffer = [0; 48];
    let length = squeezed(name, &mut buffer);
    ENDS.iter().any(|end| buffer[..length].ends_with(end))
}

/// The field of a request is where a credential stands, by its name.
pub fn carries_credential(place: Place, name: &str) -> bool {
    match place {
        Place::RequestHeader => {
            matches!(name, "authorization" | "proxy-authorization") || is_key_name(name.as_bytes())
        }
        Place::Query => name == "access_token" || is_key_name(name.as_bytes()),
        Place::Cookie => is_session_name(name.as_bytes()) || is_key_name(name.as_bytes()),
        _ => false,
    }
}

/// A cookie name that says "session": `JSESSIONID`, `PHPSESSID`, `connect.sid`, `laravel_session`.
fn is_session_name(name: &[u8]) -> bool {
    let mut buffer = [0; 48];
    let length = squeezed(name, &mut buffer);
    let name = &buffer[..length];
    name == b"sid"
        || name == b"connectsid"
        || [&b"session"[..], b"sessid"].iter().any(|word| name.windows(word.len()).any(|part| part == *word))
}

#[cfg(test)]
mod tests {
    use super::super::text::facts_of_text;
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

    #[test]
    fn authorization_schemes() {
        for (value, kind) in [
            ("", Credential::None),
            ("Basic dXNlcjpwYXNz", Credential::Basic),
            ("bearer 0123", Credential::Bearer),
            (&format!("Bearer {JWT}"), Credential::Jwt),
            (JWT, Credential::Jwt),
            ("ApiKey abc", Credential::ApiKey),
            ("AWS4-HMAC-SHA256 Credential=x", Credential::Other),
            ("something", Credential::Other),
        ] {
            let mut evidence = Evidence::new();
            evidence.authorization(value.as_bytes());
            assert_eq!(evidence.kind(), kind, "{value}");
        }
    }

    #[test]
    fn names_and_ranks() {
        let text = |value: &str| facts_of_text(value.as_bytes());
        let mut evidence = Evidence::new();
        evidence.cookie(b"theme", text("dark"));
        evidence.query(b"key", text("abc"));
        evidence.cookie(b"JSESSIONID", text(""));
        assert_eq!(evidence.kind(), Credential::None);
        evidence.cookie(b"connect.sid", text("s:abc"));
        assert_eq!(evidence.kind(), Credential::SessionCookie);
        evidence.header(is_key_name(b"X-Api-Key"), text("abc"));
        assert_eq!(evidence.kind(), Credential::ApiKey);
        evidence.query(b"access_token", text("abc"));
        assert_eq!(evidence.kind(), Credential::Bearer);
        evidence.cookie(b"theme", text(JWT));
        assert_eq!(evidence.kind(), Credential::Jwt);
        assert!(!is_key_name(b"X-CSRF-Token") && is_key_name(b"Ocp-Apim-Subscription-Key"));
    }
}
