//! Server-sent events (HTML standard, section 9.2.6) -> fields of their data, where that is JSON. Names
//! and ids of events are let go.

use super::Place;
use super::fields::Fields;
use super::json;
use super::media::is_json_start;
use crate::counter::Counters;

/// Adds the fields of the events that end in the part of a body from `start` on.
pub(super) fn scan(body: &[u8], start: usize, place: Place, fields: &mut Fields, counters: &mut Counters) {
    let mut at = start;
    // Data of more than one line are put together; most have one, which is read where it stands.
    let mut several: Vec<u8> = Vec::new();
    let mut one: Option<(usize, usize)> = None;
    while at < body.len() {
        let end = memchr::memchr2(b'\n', b'\r', &body[at..]).map_or(body.len(), |length| at + length);
        let line = &body[at..end];
        if line.is_empty() {
            event(body, one.take(), &mut several, place, fields, counters);
        } else if let Some(data) = line.strip_prefix(b"data:") {
            let data = data.strip_prefix(b" ").unwrap_or(data);
            match one.take() {
                None if several.is_empty() => one = Some((end - data.len(), end)),
                first => {
                    if let Some((from, to)) = first {
                        several.extend_from_slice(&body[from..to]);
                    }
                    several.push(b'\n');
                    several.extend_from_slice(data);
                }
            }
        }
        // A line ends with one or both of them.
        at = end + 1;
        if body.get(end) == Some(&b'\r') && body.get(at) == Some(&b'\n') {
            at += 1;
        }
    }
}

/// Events that have data and are whole: an empty line is behind them.
pub(super) fn count(body: &[u8]) -> u64 {
    let (mut events, mut has_data) = (0, false);
    // The second half of a line end is an empty line too, and one more does no harm.
    for line in body.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
        match line {
            [b'\n'] | [b'\r'] => events += u64::from(std::mem::take(&mut has_data)),
            line => has_data |= line.starts_with(b"data:"),
        }
    }
    events
}

fn event(
    body: &[u8],
    one: Option<(usize, usize)>,
    several: &mut Vec<u8>,
    place: Place,
    fields: &mut Fields,
    counters: &mut Counters,
) {
    match one {
        Some((from, to)) if is_json_start(&body[from..to]) => {
            json::scan(&body[..to], from, true, place, fields, counters);
        }
        None if is_json_start(several) => {
            // Its objects get numbers that no other of the body has, well past its end.
            json::scan(several, 0, true, place, fields, counters);
        }
        _ => {}
    }
    several.clear();
}
