//! What a call does beside its path: an operation of GraphQL, a method of JSON-RPC or MCP, an action of
//! SOAP, a method of gRPC or Connect. It takes its place behind the path, or is what the path says.
//!
//! A name is told as one only if a closed list, the dictionary or the server's own answer vouches for it;
//! for any other the rules of path words hold.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use serde::de::IgnoredAny;
use smallvec::SmallVec;

use super::form;
use super::graphql;
use super::looks::looks_like_data;
use super::media::{Syntax, media_type};
use crate::limits::OPERATION_NAME_BYTES_MAX;
use crate::protocol::{Message, StartLine};

/// An operation and who vouches for its name.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// The mark before the names; none where the path is the operation.
    pub(super) mark: Option<&'static str>,
    /// Names, the first first.
    pub(super) names: SmallVec<[Name; 2]>,
    /// The last two segments of the path are the name of a service and its method.
    pub(super) is_path: bool,
    /// Status within the response, and what it is as one of HTTP.
    pub(super) rpc_status: Option<u16>,
    pub(super) outcome: Option<u16>,
    /// The server has nothing of that name.
    pub(super) is_unknown: bool,
    /// The last two segments are names that the client made up.
    pub(super) is_made_up: bool,
}

/// One name.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    /// It is known to be a name of the server's, or of the protocol's.
    pub(super) vouched: bool,
}

/// The operation of a call; `query` is the one of its target.
pub(super) fn of(
    request: &Message,
    response: Option<&Message>,
    content_type: Option<&[u8]>,
    query: &[u8],
) -> Option<Operation> {
    let essence = content_type.map(media_type);
    if let Some((name, syntax)) = essence {
        if name.starts_with("application/grpc") || name.starts_with("application/connect+") {
            return Some(grpc(response));
        }
        match syntax {
            Syntax::Json if request.head.field("connect-protocol-version").is_some() => {
                return Some(Operation { is_path: is_fine(response), ..Operation::default() });
            }
            Syntax::Json => return json(request, response),
            Syntax::Protobuf if request.head.field("connect-protocol-version").is_some() => {
                return Some(Operation { is_path: is_fine(response), ..Operation::default() });
            }
            Syntax::Xml => return soap(request, response),
            _ if name == "application/graphql" => {
                return std::str::from_utf8(&request.body)
                    .ok()
                    .and_then(|text| document(text, None, response));
            }
            _ => return None,
        }
    }
    // Queries of GraphQL may come in the target.
    let is_get = matches!(request.head.start, StartLine::Request { method, .. } if method.of(&request.head.bytes) == b"GET");
    if !is_get || query.is_empty() {
        return None;
    }
    let member = |name: &[u8]| {
        query.split(|&byte| byte == b'&').find_map(|pair| {
            let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
            String::from_utf8(form::decode(value, true).into_owned()).ok()
        })
    };
    let name = member(b"operationName");
    match member(b"query") {
        Some(text) => document(&text, name.as_deref(), response),
        None => persisted(name, memmem::find(query, b"persistedQuery").is_some()),
    }
}

/// Answered, and not with an error of HTTP.
fn is_fine(response: Option<&Message>) -> bool {
    matches!(
        response.map(|response| &response.head.start),
        Some(StartLine::Response { status: 200..300, .. })
    )
}

// ---- gRPC -----------------------------------------------------------------------------------------------

fn grpc(response: Option<&Message>) -> Operation {
    let status = response.and_then(|response| response.head.field("grpc-status"));
    let status = status.and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
    let rpc_status = status.filter(|status: &u16| *status <= 16);
    Operation {
        // Status 12 is what a server says of a method that it does not have.
        is_path: is_fine(response) && rpc_status != Some(12),
        is_unknown: rpc_status == Some(12),
        is_made_up: rpc_status == Some(12),
        outcome: rpc_status.map(http_of_rpc),
        rpc_status,
        ..Operation::default()
    }
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
fn http_of_rpc(status: u16) -> u16 {
    match status {
        0 => 200,
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    }
}

// ---- GraphQL and JSON-RPC -------------------------------------------------------------------------------

/// Whether a body may be of one of these: most have none of the words and are not parsed twice.
pub(super) fn speaks(body: &[u8]) -> bool {
    static WORDS: LazyLock<[memmem::Finder<'static>; 3]> =
        LazyLock::new(|| ["\"jsonrpc\"", "\"query\"", "\"persistedQuery\""].map(memmem::Finder::new));
    WORDS.iter().any(|word| word.find(body).is_some())
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<Params<'a>>,
    #[serde(borrow, default)]
    query: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "operationName")]
    operation_name: Option<Cow<'a, str>>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

/// Of parameters only the name of a tool or a prompt; they may be a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Params<'a> {
    Named {
        #[serde(borrow, default)]
        name: Option<Cow<'a, str>>,
        #[serde(default, rename = "protocolVersion")]
        version: Option<IgnoredAny>,
    },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default, rename = "persistedQuery")]
    persisted: Option<IgnoredAny>,
}

fn json(request: &Message, response: Option<&Message>) -> Option<Operation> {
    let body = &request.body[..request.pieces.first().map_or(request.body.len(), |&end| end as usize)];
    if !speaks(body) {
        return None;
    }
    let asked: Asked<'_> = serde_json::from_slice(body).ok()?;
    if let (Some(_), Some(method)) = (&asked.jsonrpc, &asked.method) {
        return Some(rpc(method, asked.params.as_ref(), request, response));
    }
    match &asked.query {
        Some(text) => document(text, asked.operation_name.as_deref(), response),
        None => persisted(
            asked.operation_name.map(Cow::into_owned),
            asked.extensions.is_some_and(|extensions| extensions.persisted.is_some()),
        ),
    }
}

/// The operation of a GraphQL document that is asked for.
fn document(text: &str, asked: Option<&str>, response: Option<&Message>) -> Option<Operation> {
    let operations = graphql::operations(text)?;
    let chosen = operations
        .iter()
        .find(|operation| asked.is_some() && operation.name == asked)
        .or(operations.first())?;
    let name = match chosen.name {
        Some(name) => Name { text: name.to_owned(), vouched: false },
        None => {
            // What a server has data of is in its schema.
            let vouched = is_fine(response)
                && response.is_some_and(|r| contains(r, b"\"data\"") && !contains(r, b"\"errors\""));
            Name { text: chosen.roots.join("+"), vouched }
        }
    };
    let mark = Some(chosen.kind.mark());
    let names = [name].into_iter().filter(|name| !name.text.is_empty()).collect();
    Some(Operation { mark, names, ..Operation::default() })
}

/// A query that the server knows by its hash.
fn persisted(name: Option<String>, is_persisted: bool) -> Option<Operation> {
    if !is_persisted {
        return None;
    }
    let names = name.into_iter().map(|text| Name { text, vouched: false }).collect();
    Some(Operation { mark: Some("#persisted"), names, ..Operation::default() })
}

/// Methods of the Model Context Protocol (<https://modelcontextprotocol.io/specification>).
const MCP: &[&str] = &[
    "initialize",
    "ping",
    "completion/complete",
    "elicitation/create",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/elicitation/complete",
    "notifications/initialized",
    "notifications/message",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/subscriptions/acknowledged",
    "notifications/tasks/status",
    "notifications/tools/list_changed",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tools/call",
    "tools/list",
];

fn rpc(
    method: &str,
    params: Option<&Params<'_>>,
    request: &Message,
    response: Option<&Message>,
) -> Operation {
    let (argument, versioned) = match params {
        Some(Params::Named { name, version }) => (name.as_deref(), version.is_some()),
        _ => (None, false),
    };
    let named = |name: &str| request.head.field(name).is_some();
    let is_mcp = MCP.contains(&method)
        && (method.contains('/') || versioned || named("mcp-session-id") || named("mcp-protocol-version"));
    let failure = response.and_then(error_code);
    let is_unknown = failure == Some(-32601);
    let answered = is_fine(response)
        && failure.is_none()
        && response.is_some_and(|response| contains(response, b"\"result\""));
    let mut names: SmallVec<[Name; 2]> = method
        .split('/')
        .filter(|part| !part.is_empty())
        .take(4)
        .map(|part| Name { text: part.to_owned(), vouched: is_mcp || answered })
        .collect();
    if is_mcp && matches!(method, "tools/call" | "prompts/get") {
        // An answer that is an error of the tool comes from a tool that is there.
        names.extend(argument.map(|name| Name { text: name.to_owned(), vouched: answered }));
    }
    Operation {
        mark: Some(if is_mcp { "#mcp" } else { "#jsonrpc" }),
        names,
        outcome: failure.map(|code| match code {
            -32601 => 501,
            -32600 | -32602 | -32700 => 400,
            _ => 500,
        }),
        is_unknown,
        ..Operation::default()
    }
}

/// Code of the error that an answer in JSON-RPC is; the answer may be an event of a stream.
fn error_code(response: &Message) -> Option<i64> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        error: Option<Failure>,
    }
    #[derive(Deserialize)]
    struct Failure {
        code: i64,
    }
    if !contains(response, b"\"error\"") {
        return None;
    }
    let mut body = response.body.as_slice();
    if let Some(at) = memmem::find(body, b"data:")
        && !body.trim_ascii_start().starts_with(b"{")
    {
        let line = &body[at + 5..];
        body = &line[..memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len())];
    }
    serde_json::from_slice::<Answer>(body).ok()?.error.map(|failure| failure.code)
}

fn contains(message: &Message, word: &[u8]) -> bool {
    memmem::find(&message.body, word).is_some()
}

// ---- SOAP -----------------------------------------------------------------------------------------------

/// The element in the body of an envelope (SOAP 1.1 and 1.2), else what the header says of the action.
fn soap(request: &Message, response: Option<&Message>) -> Option<Operation> {
    let action = request.head.field("soapaction");
    if action.is_none() && memmem::find(&request.body, b"Envelope").is_none() {
        return None;
    }
    let vouched = is_fine(response) && response.is_some_and(|response| !contains(response, b"Fault>"));
    let name = body_element(&request.body).or_else(|| {
        let action = std::str::from_utf8(action?).ok()?.trim_matches('"');
        let last = action.rsplit(['#', '/', ':']).next()?;
        (!last.is_empty()).then(|| last.to_owned())
    })?;
    let names = [Name { text: name, vouched }].into_iter().collect();
    Some(Operation { mark: Some("#soap"), names, ..Operation::default() })
}

fn body_element(body: &[u8]) -> Option<String> {
    let mut reader = Reader::from_reader(body);
    reader.config_mut().check_end_names = false;
    let (mut depth, mut in_body) = (0, false);
    // Headers may be long; what is longer than this has no element that counts.
    for _ in 0..ELEMENTS_MAX {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) if depth == 0 => {
                if start.local_name().as_ref() != "Envelope" {
                    return None;
                }
                depth = 1;
            }
            Event::Start(start) => {
                if in_body && depth == 2 {
                    return Some(start.local_name().as_ref().to_owned());
                }
                in_body |= depth == 1 && start.local_name().as_ref() == "Body";
                depth += 1;
            }
            Event::Empty(start) if in_body && depth == 2 => {
                return Some(start.local_name().as_ref().to_owned());
            }
            Event::End(_) => depth -= 1,
            Event::Eof => return None,
            _ => {}
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// Parts of an envelope that are looked at for its body.
const ELEMENTS_MAX: usize = 10_000;

/// A text that may be kept as the name of an operation once somebody vouches for it.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= OPERATION_NAME_BYTES_MAX
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-.+:".contains(&byte))
        && !looks_like_data(text.replace('+', "_").as_bytes())
}
