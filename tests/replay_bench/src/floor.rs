//! The least that has to be done: the packets walked over, a flow table, the bytes of a message put
//! together, heads by httparse, bodies by `serde_json` without building values. No order is restored.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde::de::IgnoredAny;

use crate::packet;

/// Reads the capture; the number of calls.
pub fn run(path: &Path) -> Result<usize> {
    let mut flows: HashMap<([u8; 4], [u8; 4], u16, u16), Vec<u8>> = HashMap::new();
    let (mut requests, mut responses, mut broken) = (0, 0, 0);
    packet::each(path, |segment| {
        let key = (segment.source, segment.destination, segment.source_port, segment.destination_port);
        if segment.flags & 2 != 0 {
            flows.insert(key, Vec::new());
        }
        if segment.payload.is_empty() {
            return;
        }
        let Some(buffer) = flows.get_mut(&key) else { return };
        // A message in one segment is read where it stands.
        let used = if buffer.is_empty() {
            let used = take(segment.payload, &mut requests, &mut responses, &mut broken);
            buffer.extend_from_slice(&segment.payload[used..]);
            0
        } else {
            buffer.extend_from_slice(segment.payload);
            take(buffer, &mut requests, &mut responses, &mut broken)
        };
        buffer.drain(..used);
    })?;
    ensure!(broken == 0, "{broken} messages are broken");
    ensure!(requests == responses, "{requests} requests and {responses} responses");
    Ok(requests)
}

/// Reads the whole messages at the start; how many bytes they have.
fn take(bytes: &[u8], requests: &mut usize, responses: &mut usize, broken: &mut usize) -> usize {
    let mut used = 0;
    while used < bytes.len() {
        let rest = &bytes[used..];
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let is_response = rest.starts_with(b"HTTP/");
        let (parsed, headers) = if is_response {
            let mut response = httparse::Response::new(&mut slots);
            (response.parse(rest), response.headers)
        } else {
            let mut request = httparse::Request::new(&mut slots);
            (request.parse(rest), request.headers)
        };
        let head = match parsed {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) => return used,
            Err(_) => {
                *broken += 1;
                return bytes.len();
            }
        };
        let length = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok()).unwrap_or(0);
        let Some(body) = rest.get(head..head + length) else { return used };
        if !body.is_empty() && serde_json::from_slice::<IgnoredAny>(body).is_err() {
            *broken += 1;
        }
        *(if is_response { &mut *responses } else { &mut *requests }) += 1;
        used += head + length;
    }
    used
}
