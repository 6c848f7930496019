//! Kind of credential that a request carried and whom it stands for, from the names of its headers, query
//! parameters and cookies and the form of their values. The credential itself is looked at and dropped.
//! Nothing is checked: what the service thinks of it is in the status.

mod jwt;
mod tokens;
mod weak;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use tokens::Of;
pub(super) use tokens::Tokens;

use super::text::is_jwt;
use super::{Credential, Facts, Place, Sign, Signs};
use crate::counter::Counters;
use crate::flow::Timestamp;

use jwt::Jwt;

/// JWTs of one request that are looked at.
const JWTS_MAX: usize = 4;

/// Longest name of a user in Basic, coded, in bytes.
const BASIC_BYTES_MAX: usize = 1024;

/// The strongest kind met so far, and what else there was.
pub(super) struct Evidence<'a> {
    tokens: &'a mut Tokens,
    at: Timestamp,
    kind: Credential,
    principal: Option<u64>,
    jwts: [Option<Jwt>; JWTS_MAX],
    in_url: bool,
    certificate: Option<(u8, u64)>,
    /// A proxy said whether the certificate was good.
    refuted: bool,
}

/// What a request was authenticated with.
#[derive(Clone, Copy)]
pub(super) struct Authentication {
    pub(super) credential: Credential,
    /// Whom it stands for.
    pub(super) principal: Option<u64>,
    jwts: [Option<Jwt>; JWTS_MAX],
    in_url: bool,
}

impl Authentication {
    /// What rules ask about it, of a call at that time that was answered with that status.
    pub(super) fn signs(&self, at: Timestamp, status: Option<u16>) -> Signs {
        let mut signs = Signs::default();
        for jwt in self.jwts.iter().flatten() {
            jwt.signs(at, status).iter().for_each(|sign| signs.add(sign));
        }
        if self.in_url {
            signs.add(Sign::CredentialInUrl);
        }
        signs
    }
}

/// Which kind counts when a request carries several.
const fn rank(kind: Credential) -> u8 {
    match kind {
        Credential::None | Credential::Unknown => 0,
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

impl<'a> Evidence<'a> {
    /// Of a request that was seen at that time.
    pub(super) fn new(tokens: &'a mut Tokens, at: Timestamp) -> Evidence<'a> {
        Evidence {
            tokens,
            at,
            kind: Credential::None,
            principal: None,
            jwts: [None; JWTS_MAX],
            in_url: false,
            certificate: None,
            refuted: false,
        }
    }

    /// All together.
    pub(super) fn finish(mut self) -> Authentication {
        if let Some((_, principal)) = self.certificate.filter(|_| !self.refuted) {
            self.note(Credential::Certificate, Some(principal));
        }
        let Evidence { kind: credential, principal, jwts, in_url, .. } = self;
        Authentication { credential, principal, jwts, in_url }
    }

    /// Of several of one kind the first counts.
    fn note(&mut self, kind: Credential, principal: Option<u64>) {
        if rank(kind) > rank(self.kind) {
            (self.kind, self.principal) = (kind, principal);
        }
    }

    fn jwt(&mut self, token: &[u8], counters: &mut Counters) {
        let (principal, jwt) = self.tokens.jwt(token, self.at, counters);
        if let Some(free) = self.jwts.iter_mut().find(|free| free.is_none()) {
            *free = Some(jwt);
        }
        self.note(Credential::Jwt, Some(principal));
    }

    /// Value of the `Authorization` header (RFC 9110 section 11.6.2).
    pub(super) fn authorization(&mut self, value: &[u8], counters: &mut Counters) {
        let space = memchr::memchr(b' ', value).unwrap_or(value.len());
        let (scheme, token) = (&value[..space], value[space..].trim_ascii());
        let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
        if value.is_empty() {
            return;
        }
        let is_token =
            |part: &&[u8]| part.starts_with(b"eyJ") && (self.tokens.knows_jwt(part) || is_jwt(part));
        if let Some(token) = [token, scheme].into_iter().find(is_token) {
            return self.jwt(token, counters);
        }
        let tokens = &mut *self.tokens;
        let (kind, principal) = if is("basic") {
            (Credential::Basic, user_of_basic(token).map(|user| tokens.principal(Of::BasicUser, &user)))
        } else if is("bearer") {
            (Credential::Bearer, Some(tokens.principal(Of::Token, token)))
        } else if is("apikey") || is("api-key") || is("token") || is("x-api-key") {
            (Credential::ApiKey, Some(tokens.principal(Of::ApiKey, token)))
        } else if is("aws4-hmac-sha256") || is("aws4-ecdsa-p256-sha256") {
            let id = parameter(token, b"Credential").map(access_key_id);
            (Credential::Signed, id.map(|id| tokens.principal(Of::KeyId, id)))
        } else if is("signature") {
            // The drafts before RFC 9421, as many services have them.
            let id = parameter(token, b"keyId");
            (Credential::Signed, id.map(|id| tokens.principal(Of::KeyId, id)))
        } else if is("digest") {
            let user = parameter(token, b"username");
            (Credential::Digest, user.map(|user| tokens.principal(Of::User, user)))
        } else if is("negotiate") || is("ntlm") {
            // Whom it stands for is behind a ticket that is new each time.
            (Credential::Negotiate, None)
        } else {
            (Credential::Other, Some(tokens.principal(Of::Token, value)))
        };
        self.note(kind, principal);
    }

    /// A header that is named like a key, or any other.
    pub(super) fn header(&mut self, names_key: bool, value: &[u8], facts: Facts, counters: &mut Counters) {
        self.named(names_key.then_some((Credential::ApiKey, Of::ApiKey)), value, facts, counters);
    }

    /// A header in which a proxy says which certificate the client showed (Envoy's
    /// `X-Forwarded-Client-Cert`, RFC 9440, and those of other proxies); `name` in lower case.
    pub(super) fn certificate(&mut self, name: &[u8], value: &[u8]) {
        if matches!(value, b"" | b"-" | b"(null)") {
            return;
        }
        if name.ends_with(b"-verify") {
            self.refuted |= !(value.eq_ignore_ascii_case(b"success") || value == b"0");
            return;
        }
        // The last element is of the proxy that is nearest.
        let element = value.rsplit(|&byte| byte == b',').next().unwrap_or(value);
        let part = |name| parameter(element, name).filter(|part| !part.is_empty());
        let (weight, who) = match name {
            b"x-forwarded-client-cert" => match (part(b"URI"), part(b"Subject"), part(b"Hash")) {
                (Some(uri), _, _) => (3, uri),
                (None, Some(subject), _) => (2, subject),
                (None, None, Some(hash)) => (1, hash),
                (None, None, None) => (0, value),
            },
            _ if name.ends_with(b"dn") || name.ends_with(b"subject") => (2, value),
            _ => (0, value),
        };
        let known = self.certificate.map_or(-1, |(weight, _)| i16::from(weight));
        if i16::from(weight) > known {
            self.certificate = Some((weight, self.tokens.principal(Of::Certificate, who)));
        }
    }

    /// `Signature-Input` (RFC 9421 section 4.1).
    pub(super) fn signature(&mut self, value: &[u8]) {
        let id = parameter(value, b"keyid").map(|id| self.tokens.principal(Of::KeyId, id));
        self.note(Credential::Signed, id);
    }

    /// A query parameter.
    pub(super) fn query(&mut self, name: &[u8], value: &[u8], facts: Facts, counters: &mut Counters) {
        // A signature of AWS is of this call alone, and its key stays at home.
        if name.eq_ignore_ascii_case(b"x-amz-credential") {
            let id = self.tokens.principal(Of::KeyId, access_key_id(value));
            return self.note(Credential::Signed, Some(id));
        }
        let session = name.eq_ignore_ascii_case(b"jsessionid") || name.eq_ignore_ascii_case(b"phpsessid");
        // RFC 6750 section 2.3.
        let kind = if name == b"access_token" {
            Some((Credential::Bearer, Of::Token))
        } else if session {
            Some((Credential::SessionCookie, Of::Session))
        } else {
            is_key_name(name).then_some((Credential::ApiKey, Of::ApiKey))
        };
        self.in_url |= jwt::is(facts) || (kind.is_some() && !facts.contains(Facts::EMPTY));
        self.named(kind, value, facts, counters);
    }

    /// The path, which servlets write a session into.
    pub(super) fn path(&mut self, path: &[u8]) {
        const NAME: &[u8] = b"jsessionid=";
        let parameters = memchr::memchr_iter(b';', path).map(|at| &path[at + 1..]);
        let value = |text: &[u8]| {
            let is = text.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
            is.then(|| text[NAME.len()..].len()).filter(|&length| length > 0)
        };
        if parameters.filter_map(value).next().is_some() {
            self.in_url = true;
            self.note(Credential::SessionCookie, None);
        }
    }

    /// A cookie of the request.
    pub(super) fn cookie(&mut self, name: &[u8], value: &[u8], facts: Facts, counters: &mut Counters) {
        let kind = if is_session_name(name) {
            Some((Credential::SessionCookie, Of::Session))
        } else {
            is_key_name(name).then_some((Credential::ApiKey, Of::ApiKey))
        };
        self.named(kind, value, facts, counters);
    }

    fn named(&mut self, kind: Option<(Credential, Of)>, value: &[u8], facts: Facts, counters: &mut Counters) {
        if jwt::is(facts) {
            self.jwt(value, counters);
        } else if let Some((kind, of)) = kind.filter(|_| !facts.contains(Facts::EMPTY))
            && rank(kind) > rank(self.kind)
        {
            let principal = self.tokens.principal(of, value);
            self.note(kind, Some(principal));
        }
    }
}

/// The user of a Basic credential (RFC 7617 section 2); `None` if it is none.
fn user_of_basic(token: &[u8]) -> Option<Vec<u8>> {
    if token.len() > BASIC_BYTES_MAX {
        return None;
    }
    let mut plain = STANDARD.decode(token).ok()?;
    plain.truncate(memchr::memchr(b':', &plain)?);
    Some(plain)
}

/// Key id of a scope of AWS: `AKID/20250101/region/service/aws4_request`, the slashes coded or not.
fn access_key_id(scope: &[u8]) -> &[u8] {
    &scope[..scope.iter().position(|byte| matches!(byte, b'/' | b'%')).unwrap_or(scope.len())]
}

/// Value of `name=value` or `name="value"` among parameters parted by `,` or `;`.
fn parameter<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.iter().position(|byte| !b" ,;".contains(byte))?;
        rest = &rest[start..];
        let end = rest.iter().position(|byte| b"=,;".contains(byte)).unwrap_or(rest.len());
        let (this, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix(b"=") else {
            rest = after;
            continue;
        };
        let (value, after) = match value.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = memchr::memchr(b'"', quoted).unwrap_or(quoted.len());
                (&quoted[..end], quoted.get(end + 1..).unwrap_or_default())
            }
            None => value.split_at(value.iter().position(|byte| b",;".contains(byte)).unwrap_or(value.len())),
        };
        if this.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(value.trim_ascii());
        }
        rest = after;
    }
    None
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
mod tests;
