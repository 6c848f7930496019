//! The privacy border: a raw exchange goes in by value, a [`Call`] comes out in which every value
//! is dropped. Nothing here or right of here can hold a header, query, path or body value.

mod auth;
mod batch;
mod body;
mod cbor;
mod class;
pub(crate) mod classify;
mod descriptor;
mod events;
pub(crate) mod evidence;
mod extension;
mod facts;
mod fields;
mod form;
mod fuzz;
pub(crate) mod graphql;
pub(crate) mod hash;
mod header;
mod held;
mod hidden;
mod json;
pub(crate) mod lexicon;
pub(crate) mod looks;
mod mark;
mod media;
mod msgpack;
mod name;
mod operation;
mod path;
mod protobuf;
mod reader;
mod risk;
mod route_words;
pub(crate) mod segment;
mod sign;
mod socket;
mod tally;
mod target;
mod text;
mod tree;
mod values;
pub(crate) mod words;
mod xml;

use std::sync::Arc;

use smallvec::SmallVec;

pub use auth::carries_credential;
pub(crate) use auth::is_key_name;
pub use batch::split;
pub use descriptor::{Descriptors, FieldKind, FieldType};
pub use facts::Facts;
pub use fields::FieldNames;
pub(crate) use form::decode;
pub use fuzz::fuzz;
pub use hidden::WordKey;
pub use path::{path_of_text, path_text};
pub use reader::{Parties, Reader, UNKNOWN};
pub use route_words::RouteWords;
pub(crate) use route_words::fits;
pub use sign::{Sign, Signs};

use crate::flow::{Peer, Timestamp, Transport};

/// Request method. Only registered names are kept: any other token is the sender's own text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub &'static str);

/// One path segment without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A word that is known to be part of a route (dictionary, or shown by evidence).
    Word(Arc<str>),
    /// A name that a protocol gives to what it does and that the server answered to: a method of an RPC,
    /// an operation of GraphQL, and the mark before it (`#query`). Never a value.
    Name(Arc<str>),
    /// A word not yet shown to be part of a route: keyed hash of it and of what stands before it.
    Hidden(u64),
    /// A value by its shape.
    Parameter(SegmentKind),
    /// A value with a file extension.
    File(SegmentKind, Extension),
}

/// File extension of a path segment, from a closed list of those that APIs serve data in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Extension {
    Json,
    Xml,
    Atom,
    Rss,
    Csv,
    Txt,
    Html,
    Pdf,
    Jsonld,
    Rdf,
    Ttl,
    Jsonl,
    Yaml,
    Mp3,
    Png,
}

/// How a word reads that is in no dictionary: of English words or not, how many, how they are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WordClass {
    /// One English word.
    English,
    /// Two English words, `camelCase`.
    EnglishPairCamel,
    /// Two English words, `kebab-case`.
    EnglishPairKebab,
    /// Two English words, `snake_case`.
    EnglishPairSnake,
    /// Three or more English words, `camelCase`.
    EnglishRowCamel,
    /// Three or more English words, `kebab-case`.
    EnglishRowKebab,
    /// Three or more English words, `snake_case`.
    EnglishRowSnake,
    /// Made of English words, not all of them set apart (`boxscores`).
    Compound,
    /// Anything else in one part.
    Plain,
    /// Anything else in several parts.
    PlainParts,
    /// With up to four decimal digits.
    Digits,
    /// With dots.
    Dotted,
    /// One or two letters.
    Short,
    /// Like a code of a language, a country or a currency.
    Code,
}

/// Shape of a path value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentKind {
    /// Decimal digits.
    Integer,
    /// RFC 9562, any version.
    Uuid,
    /// Eight or more hex digits, at least one decimal and one letter (hashes, object ids).
    Hex,
    /// ISO 8601 date or date and time.
    Date,
    /// Something with an `@`.
    Email,
    /// Any other text that is no word.
    Text,
    /// One of more unknown words at its place than routes have there, of those that read like names.
    Names,
    /// As above, of those that read like a programmer's words.
    Words,
}

/// A path as a row of segments, at most [`crate::limits::PATH_SEGMENTS_MAX`].
pub type Path = SmallVec<[Segment; 8]>;

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Query parameter.
    Query,
    /// Request header.
    RequestHeader,
    /// Cookie of the request.
    Cookie,
    /// Form field of the request body (urlencoded or multipart).
    Form,
    /// JSON pointer into the request body, array items as `*`.
    RequestBody,
    /// Response header.
    ResponseHeader,
    /// Cookie that the response sets.
    SetCookie,
    /// JSON pointer into the response body, array items as `*`.
    ResponseBody,
    /// The same of a response with 4xx or 5xx: errors look alike everywhere, and not like the rest.
    ErrorBody,
}

/// Kind of credential that a request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// None seen.
    None,
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: Bearer` with an opaque token.
    Bearer,
    /// A JWT, wherever it stood.
    Jwt,
    /// A header, query parameter or cookie that is named like an API key.
    ApiKey,
    /// A cookie that is named like a session.
    SessionCookie,
    /// Another `Authorization` scheme.
    Other,
    /// A client certificate that a proxy in front vouches for (`X-Forwarded-Client-Cert`, RFC 9440).
    Certificate,
    /// A signed request: AWS Signature Version 4, RFC 9421.
    Signed,
    /// `Authorization: Digest` (RFC 7616).
    Digest,
    /// `Authorization: Negotiate` or `NTLM`.
    Negotiate,
    /// Not known: some of the header fields stand in bytes that were not seen, and in the others is none.
    Unknown,
}

/// Kind of sensitive data, each with a validator of its own. Stable for ever: names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// Payment card number: issuer range, length, Luhn (ISO/IEC 7812-1).
    Card,
    /// ISO 13616 account number: country, length, mod 97.
    Iban,
    /// Mail address.
    Email,
    /// Telephone number: E.164 with `+`, or digits under a name that says so.
    Phone,
    /// US social security number.
    UsSsn,
    /// National id of a country of the EU or of the UK, with its check digits.
    NationalId,
    /// Date under a name that says birth.
    BirthDate,
    /// Password or the like, by the name of its field.
    Password,
    /// Secret of a known provider, by its prefix and form.
    Secret,
    /// Token that grants access: a JWT, or a text under a name that says so.
    Token,
    /// Private key in PEM.
    PrivateKey,
}

/// Which kind of call a row of the inventory sums. Only what was [`CallClass::Found`] makes endpoints
/// and teaches templates; the rest is counted beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallClass {
    /// A call of an endpoint, as far as its answer tells.
    #[default]
    Found,
    /// There was nothing of that path or method: answered with 404, 405, 410 or 501.
    Missed,
    /// A file of a web page, by its name and the type of the response.
    StaticFile,
    /// A probe that only asks whether the service lives, by its path or who asks.
    HealthCheck,
    /// The question of a browser whether another origin may call (CORS, Fetch standard).
    Preflight,
}

/// Number of a field in [`FieldNames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u32);

/// What the values of one field looked like in one call: a set of [`Facts`] bits, and counts by which
/// it is known whether each object had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldSeen {
    /// Which field.
    pub field: FieldId,
    /// How its values looked.
    pub facts: Facts,
    /// Objects (arrays for items) that had it, each once; 1 outside of bodies. Of what stands for
    /// other names: how many of them are held back and may be fields.
    pub present: u32,
    /// How many of its values were objects.
    pub objects: u32,
}

/// What a field that was just shown had while its name was held back: counted then under the name that
/// stands for such names, made good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which field.
    pub field: FieldId,
    /// How often it came.
    pub count: u32,
    /// How its values looked.
    pub facts: Facts,
}

/// Values of one field in one call that are of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSeen {
    /// Which field.
    pub field: FieldId,
    /// Which class.
    pub class: DataClass,
    /// How many of its values.
    pub values: u32,
}

/// A word of our own vocabulary that is one of few values of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueSeen {
    /// Which field.
    pub field: FieldId,
    /// Keyed hash of the word, of this field at this endpoint only.
    pub hash: u64,
    /// The word, once it is shown.
    pub word: Option<Arc<str>>,
}

/// One request with its response, every value dropped.
#[derive(Debug)]
pub struct Call {
    /// When its first byte was seen.
    pub at: Timestamp,
    /// Which kind of call it is.
    pub class: CallClass,
    /// Authority of the service: host and port in lower case, or the server's address.
    pub service: Arc<str>,
    /// Request method.
    pub method: Method,
    /// Path without values.
    pub path: Path,
    /// Status code; `None` when no response was seen.
    pub status: Option<u16>,
    /// Status of the RPC within the response (gRPC's), from 0 to 16.
    pub rpc_status: Option<u16>,
    /// What came of it, as a status code of HTTP, whatever the protocol: that of the RPC where there is one.
    pub outcome: Option<u16>,
    /// It is more of a stream whose call was told before, and no call of its own.
    pub follows: bool,
    /// Messages of a stream, of the request and of the response; zero for plain bodies.
    pub messages: [u64; 2],
    /// Nanoseconds from the request's first byte to the response's first byte.
    pub latency_ns: Option<u64>,
    /// Bytes of the request body on the wire.
    pub request_bytes: u64,
    /// Bytes of the response body on the wire.
    pub response_bytes: u64,
    /// Media type of the request body without parameters, from a closed list.
    pub request_type: Option<&'static str>,
    /// Media type of the response body, as above.
    pub response_type: Option<&'static str>,
    /// What the request was authenticated with.
    pub credential: Credential,
    /// How it went over the network.
    pub transport: Transport,
    /// Who answered: its address and port as the caller used it, and what runs there if local.
    pub server: Arc<Peer>,
    /// Who asked.
    pub caller: Arc<Peer>,
    /// Fields seen, each once, sorted by id.
    pub fields: Vec<FieldSeen>,
    /// One of 64 bits by a keyed hash of the service and the raw path.
    pub path_bit: u64,
    /// One of 64 bits by a keyed hash of the caller.
    pub caller_bit: u64,
    /// Keyed hash of the response body of a call that was found, or of where it leads to; `None` if that
    /// says nothing.
    pub page: Option<u32>,
    /// What some of them had in earlier calls to this endpoint; nearly always empty.
    pub claims: Vec<Claim>,
    /// Values met for the first time in this run, or shown; nearly always empty.
    pub values: Vec<ValueSeen>,
    /// Sensitive data in its fields; nearly always empty.
    pub classes: Vec<ClassSeen>,
    /// What rules ask about.
    pub signs: Signs,
    /// Keyed hash of who the credential stands for: subject and issuer of a JWT, user of Basic, a key, a
    /// session; `None` without one.
    pub principal: Option<u64>,
}
