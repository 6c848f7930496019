//! Names of the closed sets of this stage and back: what stores and reports write. Stable for ever.

use super::{CallClass, Credential, DataClass, Extension, Method, Place, SegmentKind, Sign, WordClass};
use crate::protocol::METHODS;

impl Method {
    /// Stands for every token that is not in the list of methods.
    pub const OTHER: Method = Method("OTHER");

    /// The method of a request's token (case matters, RFC 9110 section 9.1).
    pub fn of_token(token: &[u8]) -> Method {
        METHODS.iter().find(|name| name.as_bytes() == token).map_or(Method::OTHER, |&name| Method(name))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The method of a stored name.
    pub fn of_name(name: &str) -> Option<Method> {
        let method = Method::of_token(name.as_bytes());
        (method.0 == name).then_some(method)
    }
}

macro_rules! names {
    ($type:ident { $($variant:ident = $name:literal,)* }) => {
        impl $type {
            /// All of them, in order.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// Kebab-case name, stable.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            /// The value of a stored name.
            pub fn of_name(name: &str) -> Option<$type> {
                match name { $($name => Some($type::$variant),)* _ => None }
            }
        }
    };
}

names!(CallClass {
    Found = "found",
    Missed = "missed",
    StaticFile = "static-file",
    HealthCheck = "health-check",
    Preflight = "preflight",
});
impl Place {
    /// Its fields are JSON pointers.
    pub const fn is_json(self) -> bool {
        matches!(self, Place::RequestBody | Place::ResponseBody | Place::ErrorBody)
    }
}

names!(SegmentKind {
    Integer = "integer",
    Uuid = "uuid",
    Hex = "hex",
    Date = "date",
    Email = "email",
    Text = "text",
    Names = "names",
    Words = "words",
});

names!(Extension {
    Json = "json",
    Xml = "xml",
    Atom = "atom",
    Rss = "rss",
    Csv = "csv",
    Txt = "txt",
    Html = "html",
    Pdf = "pdf",
    Jsonld = "jsonld",
    Rdf = "rdf",
    Ttl = "ttl",
    Jsonl = "jsonl",
    Yaml = "yaml",
    Mp3 = "mp3",
    Png = "png",
});

names!(WordClass {
    English = "english",
    EnglishPairCamel = "english-pair-camel",
    EnglishPairKebab = "english-pair-kebab",
    EnglishPairSnake = "english-pair-snake",
    EnglishRowCamel = "english-row-camel",
    EnglishRowKebab = "english-row-kebab",
    EnglishRowSnake = "english-row-snake",
    Compound = "compound",
    Plain = "plain",
    PlainParts = "plain-parts",
    Digits = "digits",
    Dotted = "dotted",
    Short = "short",
    Code = "code",
});

names!(Place {
    Query = "query",
    RequestHeader = "request-header",
    Cookie = "cookie",
    Form = "form",
    RequestBody = "request-body",
    ResponseHeader = "response-header",
    SetCookie = "set-cookie",
    ResponseBody = "response-body",
    ErrorBody = "error-body",
});

names!(Credential {
    None = "none",
    Basic = "basic",
    Bearer = "bearer",
    Jwt = "jwt",
    ApiKey = "api-key",
    SessionCookie = "session-cookie",
    Other = "other",
    Certificate = "certificate",
    Signed = "signed",
    Digest = "digest",
    Negotiate = "negotiate",
    Unknown = "unknown",
});

names!(DataClass {
    Card = "card",
    Iban = "iban",
    Email = "email",
    Phone = "phone",
    UsSsn = "us-ssn",
    NationalId = "national-id",
    BirthDate = "birth-date",
    Password = "password",
    Secret = "secret",
    Token = "token",
    PrivateKey = "private-key",
});

names!(Sign {
    CredentialInUrl = "credential-in-url",
    SensitiveInUrl = "sensitive-in-url",
    ClearTransport = "clear-transport",
    CredentialInClear = "credential-in-clear",
    BasicInClear = "basic-in-clear",
    SensitiveInClear = "sensitive-in-clear",
    JwtNone = "jwt-none",
    JwtExpiredAccepted = "jwt-expired-accepted",
    JwtNoExpiry = "jwt-no-expiry",
    JwtLongLived = "jwt-long-lived",
    JwtWeakKey = "jwt-weak-key",
    JwtSensitiveClaims = "jwt-sensitive-claims",
    VerboseError = "verbose-error",
    CorsAnyOriginWithCredentials = "cors-any-origin-with-credentials",
    ManyRecords = "many-records",
    BodyUnread = "body-unread",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for &class in CallClass::ALL {
            assert_eq!(CallClass::of_name(class.name()), Some(class));
        }
        for &kind in SegmentKind::ALL {
            assert_eq!(SegmentKind::of_name(kind.name()), Some(kind));
        }
        for &extension in Extension::ALL {
            assert_eq!(Extension::of_name(extension.name()), Some(extension));
        }
        for &class in WordClass::ALL {
            assert_eq!(WordClass::of_name(class.name()), Some(class));
        }
        for &place in Place::ALL {
            assert_eq!(Place::of_name(place.name()), Some(place));
        }
        for &class in DataClass::ALL {
            assert_eq!(DataClass::of_name(class.name()), Some(class));
        }
        for &sign in Sign::ALL {
            assert_eq!(Sign::of_name(sign.name()), Some(sign));
        }
        for &credential in Credential::ALL {
            assert_eq!(Credential::of_name(credential.name()), Some(credential));
        }
        for &method in METHODS.iter().chain(&["OTHER"]) {
            assert_eq!(Method::of_name(method), Some(Method(method)));
        }
        assert_eq!(Method::of_token(b"PURGE"), Method("PURGE"));
        assert_eq!(Method::of_name("get"), None);
        assert_eq!(Method::of_token(b"SECRET"), Method::OTHER);
    }
}
