//! The form of every document: the rows of every table, the same for text and JSON. Names, counts
//! and times only; `fill` makes them from a catalog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::findings::stored::StoredFindings;
use super::noise::NoiseSum;

/// Version of all documents; grows when a member changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// `apicensus report`: the whole inventory.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Report {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// Services by name.
    pub services: Vec<ServiceReport>,
    /// What was called and is no endpoint, by class; see `apicensus noise`.
    pub noise: BTreeMap<String, NoiseSum>,
    /// Callers that only try paths out.
    pub scanners: u64,
    /// Connections by what could be read of them.
    pub coverage: Vec<Coverage>,
    /// What was lost, refused or capped, by cause.
    pub losses: BTreeMap<String, u64>,
    /// What is wrong, as the store keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<StoredFindings>,
}

/// One service with its endpoints.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ServiceReport {
    /// Authority: host and port.
    pub name: String,
    /// Endpoints by template and method.
    pub endpoints: Vec<EndpointReport>,
}

/// One endpoint with all that belongs to it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct EndpointReport {
    /// Its sums.
    #[serde(flatten)]
    pub endpoint: EndpointRow,
    /// Fields by place and name.
    pub fields: Vec<Field>,
    /// Who called, by caller and credential.
    pub callers: Vec<Caller>,
    /// Who answered.
    pub servers: Vec<Server>,
}

/// `apicensus endpoints`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Endpoints {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By service, template and method.
    pub endpoints: Vec<EndpointRow>,
}

/// `apicensus callers`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Callers {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By endpoint, then caller.
    pub callers: Vec<CallerRow>,
}

/// `apicensus fields`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Fields {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By endpoint, then place and name.
    pub fields: Vec<FieldRow>,
}

/// What an endpoint is known by.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct EndpointName {
    /// Authority of the service.
    pub service: String,
    /// Request method.
    pub method: String,
    /// Path template.
    pub path: String,
}

/// One endpoint in sums.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct EndpointRow {
    /// Which.
    #[serde(flatten)]
    pub name: EndpointName,
    /// Path parameters from left to right.
    pub parameters: Vec<Parameter>,
    /// Probability that the path template is right, as far as the evidence knows: 0 to 1.
    pub confidence: f64,
    /// Why the path reads as it does, segment by segment: with `--explain` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Vec<Explanation>>,
    /// There were successes at least a minute apart, or of two callers, or with two values of its
    /// parameters.
    pub confirmed: bool,
    /// Why it is not confirmed, else null: `no-response` was seen, all were `refused`, all successes
    /// were `one-try`, or it stands for calls `over-budget`.
    pub doubt: Option<String>,
    /// What speaks for it.
    pub evidence: Evidence,
    /// Calls seen.
    pub calls: u64,
    /// Calls by status code; `none` where no response was seen.
    pub statuses: BTreeMap<String, u64>,
    /// Calls by status of the RPC within them (`OK`, `NOT_FOUND`, ...); empty for all but gRPC.
    pub rpc_statuses: BTreeMap<String, u64>,
    /// Messages of streams; null where there are none.
    pub stream: Option<Stream>,
    /// Time to the first byte of the response; null where none was seen.
    pub latency_ms: Option<Latency>,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies.
    pub response_bytes: u64,
    /// Calls by media type of the request body.
    pub request_types: BTreeMap<String, u64>,
    /// Calls by media type of the response body.
    pub response_types: BTreeMap<String, u64>,
    /// Different fields of requests.
    pub request_fields: u64,
    /// Different fields of responses.
    pub response_fields: u64,
    /// Calls by kind of credential.
    pub credentials: BTreeMap<String, u64>,
    /// Calls by how they went over the network: `clear`, or of TLS what is known of its version and of the
    /// protocol inside (`tls`, `tls1.3`, `tls1.3 h2`).
    pub transports: BTreeMap<String, u64>,
    /// Different callers.
    pub caller_count: u64,
    /// Calls by what is remarkable about them: `credential-in-url`, `jwt-no-expiry`, ...
    pub signs: BTreeMap<String, u64>,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
}

/// Messages of the streams of an endpoint (gRPC, WebSocket).
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Stream {
    /// Which side sent more than one message in a call: `none`, `client`, `server` or `both`.
    pub kind: String,
    /// Messages of requests.
    pub request_messages: u64,
    /// Messages of responses.
    pub response_messages: u64,
    /// The most in one request, or in one part of a long one.
    pub request_messages_max: u64,
    /// The same of responses.
    pub response_messages_max: u64,
}

/// Why one segment of a path template is what it is.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Explanation {
    /// As in the template.
    pub segment: String,
    /// `literal` or `parameter`.
    pub taken_for: String,
    /// A hint or a document said so; `confidence` then is 1.
    pub said: bool,
    /// Probability that it is what it was taken for: 0 to 1.
    pub confidence: f64,
    /// Calls at this place, of other endpoints too; of a path that a document has, of this endpoint.
    pub calls: u64,
    /// Different words among the values of a parameter.
    pub words: u64,
    /// Calls by shape of the values of a parameter.
    pub shapes: BTreeMap<String, u64>,
    /// What speaks for a word being a literal or against it, the weightiest first; of a parameter, for
    /// the word that was called most.
    pub evidence: Vec<Weight>,
}

/// One piece of evidence.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Weight {
    /// What was looked at.
    pub what: String,
    /// Above 0 it speaks for a literal, below for a value: in units of log odds.
    pub weight: f64,
}

/// The calls of an endpoint that were answered with a status below 400.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Evidence {
    /// How many there were.
    pub successes: u64,
    /// Seconds from the first to the last.
    pub span_s: f64,
    /// Their callers, at least.
    pub callers: u32,
    /// Their paths, at least: how many values the parameters had together.
    pub paths: u32,
}

/// A path parameter.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Parameter {
    /// As in the template.
    pub name: String,
    /// Shape of its values.
    pub kind: String,
}

/// Milliseconds, exact to a factor of two.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the calls took no longer.
    pub p50: f64,
    /// 95 of 100 calls took no longer.
    pub p95: f64,
}

/// One field of one endpoint.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Field {
    /// `query`, `request-body`, ...
    pub place: String,
    /// Name, or JSON pointer with `*` for array items and `{key}` for keys that are data (`{name}`
    /// outside of JSON); empty for a body as a whole.
    pub name: String,
    /// Types of its values.
    pub types: Vec<String>,
    /// Formats of its values.
    pub formats: Vec<String>,
    /// Classes of sensitive data that its values are of: `card`, `email`, `secret`, ...
    pub classes: Vec<String>,
    /// Calls that had it.
    pub calls: u64,
    /// Calls that could have had it: with such a body, or with a response.
    pub of: u64,
    /// All of them had it; a member of an object: all objects that it stands in had it.
    pub required: bool,
}

/// A field with its endpoint.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FieldRow {
    /// Where.
    #[serde(flatten)]
    pub endpoint: EndpointName,
    /// The field.
    #[serde(flatten)]
    pub field: Field,
}

/// Who is at one end of a call.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Party {
    /// Its program, or its address where that is not known.
    pub name: String,
    /// Address as the observed socket saw it.
    pub address: String,
    /// Executable; null when it is not on this host.
    pub program: Option<String>,
    /// cgroup; null when it is not on this host.
    pub cgroup: Option<String>,
    /// Container; null when it runs in none.
    pub container: Option<String>,
}

/// One caller of one endpoint with one kind of credential.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Caller {
    /// Who.
    pub caller: Party,
    /// With which kind of credential.
    pub credential: String,
    /// Calls.
    pub calls: u64,
    /// Calls answered with 4xx or 5xx.
    pub refused: u64,
    /// Calls inside TLS; all others went in clear.
    pub encrypted_calls: u64,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
}

/// A caller with the endpoint.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct CallerRow {
    /// Where.
    #[serde(flatten)]
    pub endpoint: EndpointName,
    /// The caller.
    #[serde(flatten)]
    pub caller: Caller,
}

/// One server of one endpoint.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Server {
    /// Who.
    pub server: Party,
    /// Calls that it answered.
    pub calls: u64,
}

/// Connections of one workload and port with one verdict.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Coverage {
    /// Executable that owns the observed sockets.
    pub program: String,
    /// Its cgroup.
    pub cgroup: String,
    /// Its container; null when it runs in none.
    pub container: Option<String>,
    /// Port of the service side.
    pub port: u16,
    /// `http1`, `http2`, `tls` or `other`.
    pub verdict: String,
    /// What they carried was read.
    pub readable: bool,
    /// What was read inside of TLS: `http1`, `http2` or `other`; null if nothing was.
    pub inside: Option<String>,
    /// Why nothing was read inside of TLS; null if it was.
    pub reason: Option<String>,
    /// Name of the server that the client asked for (SNI), if it did.
    pub server_name: Option<String>,
    /// Version of TLS: agreed on, or else the highest that was offered.
    pub tls_version: Option<String>,
    /// Protocol inside of TLS: agreed on, or else those that were offered, joined by `,`.
    pub alpn: Option<String>,
    /// Connections.
    pub connections: u64,
    /// Bytes both ways as TCP counted them, known at their end.
    pub bytes: u64,
    /// Bytes of plaintext that were read from TLS.
    pub plaintext_bytes: u64,
    /// Bytes that would have been read and were not captured.
    pub lost_bytes: u64,
}
