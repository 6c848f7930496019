//! What a header field is to the inventory: plumbing of the transfer, a carrier of something else,
//! or a field. Names are looked up without regard to case, known ones in one step.

use hashbrown::HashTable;

use super::auth::is_key_name;
use super::fields::NONE;
use super::hash::Seed;

/// Longest header name that is looked at, in bytes; longer ones count as data.
const NAME_BYTES_MAX: usize = 64;

/// Spellings of names that are remembered.
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
    /// `User-Agent`.
    UserAgent,
    /// `Cookie`: its cookies are fields.
    Cookie,
    /// `Set-Cookie`: its cookie is a field.
    SetCookie,
    /// `Authorization`: a field and a credential.
    Authorization,
    /// A field that is named like an API key.
    Key,
    /// A field in which a proxy says which certificate a client showed.
    Certificate,
    /// `Signature-Input`: a field and a credential.
    SignatureInput,
    /// `Origin`: who asks across sites.
    Origin,
    /// `Access-Control-Allow-Origin`: whom an answer lets read. No field.
    AllowOrigin,
    /// `Access-Control-Allow-Credentials`: as the user who asks. No field.
    AllowCredentials,
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
    ("origin", Role::Origin),
    ("access-control-allow-origin", Role::AllowOrigin),
    ("access-control-allow-credentials", Role::AllowCredentials),
    ("signature-input", Role::SignatureInput),
    ("x-forwarded-client-cert", Role::Certificate),
    ("client-cert", Role::Certificate),
    ("ssl-client-cert", Role::Certificate),
    ("ssl-client-subject-dn", Role::Certificate),
    ("ssl-client-verify", Role::Certificate),
    ("x-arr-clientcert", Role::Certificate),
    ("x-amzn-mtls-clientcert", Role::Certificate),
    ("x-amzn-mtls-clientcert-subject", Role::Certificate),
    ("x-client-cert", Role::Certificate),
    ("x-ssl-cert", Role::Certificate),
    ("host", Role::Host),
    ("content-type", Role::ContentType),
    ("user-agent", Role::UserAgent),
    ("cookie", Role::Cookie),
    ("set-cookie", Role::SetCookie),
    ("authorization", Role::Authorization),
];

/// A header name as it was spelt.
pub(super) struct Header {
    spelt: Box<[u8]>,
    /// In lower case; empty if it is too long to be a name.
    pub(super) name: Box<[u8]>,
    pub(super) role: Role,
    /// Its field in requests and in responses, once it has one.
    pub(super) fields: [u32; 2],
    /// Header that followed this one the last time the guess was wrong.
    next: usize,
}

/// The three first entries: what stands before the first header of a request and of a response,
/// and the place for names past the bound.
const RESERVED: usize = 3;
const UNREMEMBERED: usize = 2;

/// Header names met, each in each of its spellings. Most are found by a guess: programs send their
/// headers in one order.
pub(super) struct Headers {
    seed: Seed,
    headers: Vec<Header>,
    table: HashTable<usize>,
}

impl Headers {
    pub(super) fn new(seed: Seed) -> Headers {
        let reserved = || Header::of(&[]);
        Headers { seed, headers: (0..RESERVED).map(|_| reserved()).collect(), table: HashTable::new() }
    }

    /// What stands before the first header of a message.
    pub(super) fn start(&self, request: bool) -> usize {
        usize::from(!request)
    }

    /// The header of a name; `before` is the one before it in its message.
    pub(super) fn find(&mut self, name: &[u8], before: usize) -> usize {
        let guess = self.headers[before].next;
        if guess >= RESERVED && *self.headers[guess].spelt == *name {
            return guess;
        }
        let hash = self.seed.bytes(0, name);
        let known = self.table.find(hash, |&number| *self.headers[number].spelt == *name).copied();
        let found = match known {
            Some(known) => known,
            None if self.headers.len() >= RESERVED + NAMES_REMEMBERED_MAX => {
                self.headers[UNREMEMBERED] = Header::of(name);
                return UNREMEMBERED;
            }
            None => {
                let number = self.headers.len();
                self.headers.push(Header::of(name));
                let (seed, headers) = (self.seed, &self.headers);
                self.table.insert_unique(hash, number, |&other| seed.bytes(0, &headers[other].spelt));
                number
            }
        };
        self.headers[before].next = found;
        found
    }

    /// One that `find` gave.
    pub(super) fn header(&mut self, number: usize) -> &mut Header {
        &mut self.headers[number]
    }
}

impl Header {
    fn of(spelt: &[u8]) -> Header {
        let name = if spelt.len() > NAME_BYTES_MAX { Vec::new() } else { spelt.to_ascii_lowercase() };
        let listed = |names: &[&str]| names.iter().any(|listed| listed.as_bytes() == name);
        let carrier = CARRIERS.iter().find(|(carrier, _)| carrier.as_bytes() == name);
        let role = match carrier {
            Some((_, role)) => *role,
            None if is_vouched(&name) => Role::Certificate,
            None if listed(PLUMBING) => Role::Plumbing,
            None if PLUMBING_PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes())) => {
                Role::Plumbing
            }
            None if is_key_name(&name) => Role::Key,
            None => Role::Field,
        };
        Header { spelt: spelt.into(), name: name.into(), role, fields: [NONE; 2], next: 0 }
    }
}

/// `X-SSL-Client-Cert`, `X-SSL-Client-S-DN`, `X-SSL-Client-Verify`: what says who, or whether it is so.
fn is_vouched(name: &[u8]) -> bool {
    name.strip_prefix(b"x-ssl-client-").is_some_and(|part| {
        matches!(part, b"cert" | b"dn" | b"s-dn" | b"subject" | b"subject-dn" | b"verify")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_without_regard_to_case_or_order() {
        let mut headers = Headers::new(Seed::new([1; 16]));
        let mut expected = [
            ("Host", Role::Host),
            ("host", Role::Host),
            ("SEC-CH-UA", Role::Plumbing),
            ("sec-fetch-mode", Role::Plumbing),
            ("Content-Length", Role::Plumbing),
            ("X-Api-Key", Role::Key),
            ("X-SSL-Client-S-DN", Role::Certificate),
            ("x-ssl-client-serial", Role::Field),
            ("access-control-allow-methods", Role::Plumbing),
            ("X-Request-Id", Role::Field),
            ("Set-Cookie", Role::SetCookie),
        ];
        for round in 0..6 {
            let mut before = headers.start(round % 2 == 0);
            for (name, role) in expected {
                before = headers.find(name.as_bytes(), before);
                let header = headers.header(before);
                assert_eq!((header.role, &*header.name), (role, name.to_ascii_lowercase().as_bytes()));
            }
            if round > 2 {
                expected.rotate_left(3);
            }
        }
        let long = headers.find(&[b'x'; 65], 0);
        assert_eq!((headers.header(long).role, &*headers.header(long).name), (Role::Field, &[][..]));
    }

    #[test]
    fn names_past_the_bound_are_read_but_not_remembered() {
        let mut headers = Headers::new(Seed::new([1; 16]));
        let mut before = headers.start(true);
        for number in 0..NAMES_REMEMBERED_MAX + 10 {
            before = headers.find(format!("x-{number}").as_bytes(), before);
            assert_eq!(*headers.header(before).name, *format!("x-{number}").as_bytes());
        }
        assert_eq!(headers.headers.len(), RESERVED + NAMES_REMEMBERED_MAX);
        let host = headers.find(b"Host", before);
        assert_eq!(headers.header(host).role, Role::Host);
    }
}
