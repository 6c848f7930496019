//! What a header field is to the inventory: plumbing of the transfer, a carrier of something else,
//! or a field. Names are looked up without regard to case, known ones in one step.

use hashbrown::HashTable;

use super::auth::is_key_name;
use super::hash::Seed;

/// Longest header name that is looked at, in bytes; longer ones count as data.
const NAME_BYTES_MAX: usize = 64;

/// Names that are remembered.
const NAMES_REMEMBERED_MAX: usize = 4096;

/// What to do with a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Part of the transfer or of browsers' caching and policies: no field.
    Plumbing,
    /// `Host`.
    Host,
    /// `Content-Type`.
    ContentType,
    /// `Cookie`: its cookies are fields.
    Cookie,
    /// `Set-Cookie`: its cookie is a field.
    SetCookie,
    /// `Authorization`: a field and a credential.
    Authorization,
    /// A field that is named like an API key.
    Key,
    /// Any other field.
    Field,
}

/// Hop-by-hop fields (RFC 9110 section 7.6.1) and those that nearly every message has or that only
/// steer caches, browsers and transfers.
const PLUMBING: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-patch",
    "accept-post",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "dnt",
    "etag",
    "expect",
    "expires",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "max-forwards",
    "nel",
    "origin-agent-cluster",
    "permissions-policy",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referrer-policy",
    "report-to",
    "reporting-endpoints",
    "retry-after",
    "server",
    "server-timing",
    "strict-transport-security",
    "te",
    "timing-allow-origin",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
    "x-powered-by",
    "x-xss-protection",
];

/// Families of plumbing by how their names begin.
const PLUMBING_PREFIXES: &[&str] = &["access-control-", "sec-"];

const CARRIERS: &[(&str, Role)] = &[
    ("host", Role::Host),
    ("content-type", Role::ContentType),
    ("cookie", Role::Cookie),
    ("set-cookie", Role::SetCookie),
    ("authorization", Role::Authorization),
];

/// Header names met, with their roles.
pub(super) struct Roles {
    seed: Seed,
    table: HashTable<(Box<[u8]>, Role)>,
}

impl Roles {
    pub(super) fn new(seed: Seed) -> Roles {
        let mut roles = Roles { seed, table: HashTable::new() };
        for name in PLUMBING {
            roles.remember(name.as_bytes(), Role::Plumbing);
        }
        for (name, role) in CARRIERS {
            roles.remember(name.as_bytes(), *role);
        }
        roles
    }

    fn remember(&mut self, name: &[u8], role: Role) {
        let seed = self.seed;
        let hash = seed.bytes(0, name);
        self.table.insert_unique(hash, (name.into(), role), |(name, _)| seed.bytes(0, name));
    }

    /// The role of a name, and the name in lower case (empty if it is too long to be one).
    pub(super) fn role<'a>(&mut self, name: &[u8], buffer: &'a mut [u8; NAME_BYTES_MAX]) -> (Role, &'a [u8]) {
        let Some(small) = buffer.get_mut(..name.len()) else { return (Role::Field, &[]) };
        small.copy_from_slice(name);
        small.make_ascii_lowercase();
        let small = &*small;
        let hash = self.seed.bytes(0, small);
        if let Some((_, role)) = self.table.find(hash, |(known, _)| **known == *small) {
            return (*role, small);
        }
        let role = if PLUMBING_PREFIXES.iter().any(|prefix| small.starts_with(prefix.as_bytes())) {
            Role::Plumbing
        } else if is_key_name(small) {
            Role::Key
        } else {
            Role::Field
        };
        if self.table.len() < NAMES_REMEMBERED_MAX {
            self.remember(small, role);
        }
        (role, small)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_without_regard_to_case() {
        let mut roles = Roles::new(Seed::new([1; 16]));
        for _ in 0..2 {
            for (name, role) in [
                ("Host", Role::Host),
                ("SEC-CH-UA", Role::Plumbing),
                ("sec-fetch-mode", Role::Plumbing),
                ("Content-Length", Role::Plumbing),
                ("X-Api-Key", Role::Key),
                ("X-Request-Id", Role::Field),
                ("Set-Cookie", Role::SetCookie),
            ] {
                let mut buffer = [0; NAME_BYTES_MAX];
                let (found, small) = roles.role(name.as_bytes(), &mut buffer);
                assert_eq!((found, small), (role, name.to_ascii_lowercase().as_bytes()));
            }
        }
        assert_eq!(roles.role(&[b'x'; 65], &mut [0; NAME_BYTES_MAX]), (Role::Field, &[][..]));
    }
}
