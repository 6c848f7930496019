//! Text of a request and a response in, a raw [`Exchange`] out, for tests of the stages behind
//! `protocol`. Not a parser to learn from: it believes what it reads.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sensor::call::{Call, Parties, Reader};
use sensor::counter::Counters;
use sensor::flow::{Direction, Peer, Timestamp, Transport, Workload};
use sensor::protocol::{Exchange, Head, Message, Notes, Range32, StartLine};

/// The key of the test installation.
pub const KEY: [u8; 16] = *b"0123456789abcdef";

/// An inbound exchange; `response` may be empty for none. Heads are written with plain newlines.
pub fn exchange(request: &str, response: &str) -> Exchange {
    Exchange {
        request: message(request.as_bytes(), 1_000_000_000),
        response: (!response.is_empty()).then(|| message(response.as_bytes(), 1_002_500_000)),
        direction: Direction::Inbound,
        follows: false,
        notes: Notes::default(),
    }
}

/// One message whose first byte was seen at `at_ns`.
pub fn message(text: &[u8], at_ns: u64) -> Message {
    let blank = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match blank {
        Some(at) => (&text[..at], text[at + 2..].to_vec()),
        None => (text.strip_suffix(b"\n").unwrap_or(text), Vec::new()),
    };
    let bytes =
        [&head.split(|&b| b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])[..], b"\r\n\r\n"].concat();
    Message {
        head: parse(bytes),
        body_whole: true,
        pieces: Vec::new(),
        messages: 0,
        body_bytes: body.len() as u64,
        body,
        first_byte: Timestamp(at_ns),
        last_byte: Timestamp(at_ns + 1000),
    }
}

fn parse(bytes: Vec<u8>) -> Head {
    let range = |part: &[u8]| {
        let start = (part.as_ptr() as usize - bytes.as_ptr() as usize) as u32;
        Range32 { start, end: start + part.len() as u32 }
    };
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let (start, headers) = if bytes.starts_with(b"HTTP/") {
        let mut response = httparse::Response::new(&mut slots);
        response.parse(&bytes).expect("a response head");
        let start = StartLine::Response { status: response.code.expect("a status"), minor_version: 1 };
        (start, response.headers)
    } else {
        let mut request = httparse::Request::new(&mut slots);
        request.parse(&bytes).expect("a request head");
        let (method, target) = (request.method.expect("a method"), request.path.expect("a target"));
        let start = StartLine::Request {
            method: range(method.as_bytes()),
            target: range(target.as_bytes()),
            minor_version: 1,
        };
        (start, request.headers)
    };
    let headers = headers.iter().map(|h| (range(h.name.as_bytes()), range(h.value))).collect();
    Head { bytes, start, headers }
}

/// A workload of that name.
pub fn workload(program: &str) -> Arc<Workload> {
    Arc::new(Workload { program: program.into(), cgroup: "/system.slice".into(), container: None })
}

/// A peer at 10.0.0.`last`.
pub fn peer(last: u8, program: Option<&str>) -> Arc<Peer> {
    Arc::new(Peer { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), workload: program.map(workload) })
}

/// A local nginx at 10.0.0.1:8080, asked by 10.0.0.`caller`.
pub fn parties(caller: u8) -> Parties {
    Parties {
        local: peer(1, Some("nginx")),
        remote: peer(caller, None),
        local_port: 8080,
        remote_port: 50_000,
        transport: Transport::Clear,
    }
}

/// Reads one exchange.
pub fn read(reader: &mut Reader, request: &str, response: &str) -> Call {
    let mut counters = Counters::default();
    reader.read(exchange(request, response), &parties(2), &mut counters).expect("a call")
}
