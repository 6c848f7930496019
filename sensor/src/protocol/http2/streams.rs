//! Streams under way to exchanges, in the order in which they complete.
//!
//! A response may overtake its request (two threads on one socket): it waits for it. A response alone
//! is never an exchange, nor is a request of which nothing is known. What a stream carries once a
//! tunnel is open is passed by (CONNECT), if it is no WebSocket (RFC 8441).

use std::collections::BTreeMap;

use super::fields::{Fields, RequestHead};
use super::side::Side;
use super::stream::{Role, Stream, Tunnel};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::{OVERTAKEN_MAX, PART_NS, RESETS_MAX, STREAMS_BYTES_MAX, STREAMS_MAX};
use crate::protocol::{Exchange, Message, Notes, Protocol};
use crate::stream::Chunk;

/// The streams of one connection.
pub(super) struct Streams {
    /// By number: the oldest of each side first.
    open: BTreeMap<u32, Box<Stream>>,
    /// Bytes held by all of them.
    held: usize,
    /// The newest stream that the client opened.
    newest: u32,
    /// Streams without a request.
    overtaken: usize,
    /// Resets of unanswered streams that are still reported.
    resets: u32,
    done: Vec<Exchange>,
}

impl Streams {
    pub fn new() -> Self {
        Streams {
            open: BTreeMap::new(),
            held: 0,
            newest: 0,
            overtaken: 0,
            resets: RESETS_MAX,
            done: Vec::new(),
        }
    }

    pub fn buffered_bytes(&self) -> usize {
        self.held
    }

    /// Hands out what is complete.
    pub fn emit(&mut self, requests: Direction, out: &mut Vec<Exchange>) {
        out.extend(self.done.drain(..).map(|exchange| Exchange { direction: requests, ..exchange }));
        // Not counted as held: no more than a handful stays.
        if self.done.capacity() > 4 {
            self.done = Vec::new();
        }
    }

    /// Whether the request of a stream is known.
    pub fn has_request(&self, id: u32) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.request.message.is_some())
    }

    /// The stream's number is one that the client has not used yet, as far as is known.
    pub fn is_new(&self, id: u32) -> bool {
        id % 2 == 1 && id > self.newest
    }

    /// A request begins; `promised`: the server made it up.
    pub fn request(
        &mut self,
        id: u32,
        request: RequestHead,
        promised: bool,
        first_byte: Timestamp,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        if !promised {
            self.pass(id, counters);
        }
        self.give_up_stale(at, counters);
        if request.target_unknown {
            counters.add(Counter::TargetUnknown);
        }
        self.change(id, counters, |stream, counters| {
            stream.request = Side::begin(request.head, first_byte);
            stream.notes.protocol = Protocol::Http2;
            stream.notes.target_unknown = request.target_unknown;
            stream.notes.fields_unknown |= request.fields_unknown;
            if request.tunnel {
                stream.tunnel = Tunnel::Asked;
            }
            if promised {
                stream.request.end(true, counters);
            }
        });
        self.limit(counters);
    }

    /// The request of stream 1, which came before the connection went over to HTTP/2.
    pub fn adopt(&mut self, request: Message) {
        self.newest = 1;
        let notes = Notes { protocol: Protocol::Http2, ..Notes::default() };
        let stream = Stream { request: Side::finished(request), notes, ..Stream::default() };
        self.held += stream.bytes_held();
        self.open.insert(1, Box::new(stream));
    }

    /// The client opened a stream: what had to come before it has not come.
    pub fn pass(&mut self, id: u32, counters: &mut Counters) {
        if self.overtaken > 0 {
            let before = self.open.range(..id).filter(|(_, stream)| stream.waits());
            let orphans: Vec<u32> = before.map(|(&other, _)| other).collect();
            for orphan in orphans {
                self.remove(orphan);
                counters.add(Counter::RequestMissing);
            }
        }
        self.newest = self.newest.max(id);
    }

    /// A block of the response side came that begins no trailers; `status` is `None` if it is unknown.
    pub fn response(
        &mut self,
        id: u32,
        fields: Fields,
        first_byte: Timestamp,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        if !self.has_request(id) {
            if let Some(stream) = self.open.get(&id) {
                // It waits already: interim, then final.
                if stream.tunnel == Tunnel::Open {
                    return;
                }
            } else if !self.is_new(id) || self.overtaken >= OVERTAKEN_MAX {
                counters.add(Counter::RequestMissing);
                return;
            }
        }
        let status = fields.status();
        self.change(id, counters, |stream, counters| match status {
            Some(status @ 100..200) => stream.notes.continued |= status == 100,
            Some(status) => {
                stream.notes.fields_unknown |= fields.is_partly_unknown();
                stream.response = Side::begin(fields.into_response(status), first_byte);
                if let Some(message) = &mut stream.response.message {
                    message.last_byte = at;
                }
                stream.status_unknown = false;
            }
            None if stream.status_unknown => {}
            None => {
                counters.add(Counter::StatusUnknown);
                stream.status_unknown = true;
            }
        });
        let tunnel = matches!(status, Some(200..300))
            && self.open.get(&id).is_some_and(|s| s.tunnel == Tunnel::Asked && s.request.message.is_some());
        if tunnel {
            self.open_tunnel(id, counters);
        }
        self.limit(counters);
    }

    fn open_tunnel(&mut self, id: u32, counters: &mut Counters) {
        let mut opened = None;
        self.change(id, counters, |stream, counters| {
            stream.notes.upgraded = true;
            stream.tunnel = Tunnel::Open;
            let socket = stream.websocket();
            match socket {
                Some(_) => stream.notes.protocol = Protocol::WebSocket,
                None => counters.add(Counter::ConnectionUpgraded),
            }
            opened = std::mem::take(stream).exchange(true, counters);
            stream.tunnel = Tunnel::Open;
            stream.socket = socket;
        });
        self.done.extend(opened);
    }

    /// The response side has begun.
    pub fn has_response(&self, id: u32) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.response.message.is_some())
    }

    /// Fields behind a body.
    pub fn trailers(&mut self, id: u32, role: Role, fields: Fields, at: Timestamp, counters: &mut Counters) {
        if !self.open.contains_key(&id) {
            return;
        }
        let unknown = fields.is_partly_unknown();
        self.change(id, counters, |stream, counters| {
            stream.notes.fields_unknown |= unknown;
            let side = stream.side(role);
            side.trailed();
            if let Some(message) = &mut side.message {
                message.last_byte = at;
                if !fields.append_to(&mut message.head) {
                    counters.add(Counter::HeadTooLarge);
                }
            }
        });
        self.limit(counters);
    }

    /// A DATA frame begins.
    pub fn data_begins(&mut self, id: u32, at: Timestamp, counters: &mut Counters) {
        let Some(stream) = self.open.get(&id) else { return };
        let (Some(_), Some(response)) = (&stream.request.message, &stream.response.message) else {
            return;
        };
        let captured = stream.request.captured() + stream.response.captured();
        let since = response.first_byte;
        if stream.response.ended || !stream.response.is_due(captured, since, at) {
            return;
        }
        let mut part = None;
        self.change(id, counters, |stream, counters| part = stream.part(at, counters));
        self.done.extend(part);
    }

    /// DATA without its padding.
    pub fn data(&mut self, id: u32, role: Role, bytes: &[u8], at: Timestamp, counters: &mut Counters) {
        // The rest is for heads: for want of room a body is cut, not a stream lost.
        let room = (STREAMS_BYTES_MAX / 4 * 3).saturating_sub(self.held);
        let mut out = Vec::new();
        if self.open.contains_key(&id) {
            self.change(id, counters, |stream, counters| {
                let direction = role.direction();
                let chunk = Chunk::Bytes { direction, bytes, burst_start: false, at };
                if !bytes.is_empty() {
                    stream.tunnelled(chunk, counters, &mut out);
                }
                stream.side(role).data(bytes, room, at, counters);
            });
        }
        self.done.append(&mut out);
    }

    /// DATA that is missing.
    pub fn hole(&mut self, id: u32, role: Role, length: u64, counters: &mut Counters) {
        if self.open.contains_key(&id) {
            self.change(id, counters, |stream, counters| stream.hole(role, length, counters));
        }
    }

    /// One side of a stream ended.
    pub fn end_side(&mut self, id: u32, role: Role, at: Timestamp, counters: &mut Counters) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        if let Some(message) = &mut stream.side(role).message {
            message.last_byte = at;
        }
        let doubtful = stream.side(role).doubtful;
        self.change(id, counters, |stream, counters| stream.side(role).end(!doubtful, counters));
        if self.open.get(&id).is_some_and(|stream| stream.is_complete()) {
            self.resets = (self.resets + 1).min(RESETS_MAX);
            self.finish(id, counters);
        }
    }

    /// RST_STREAM, of either side.
    pub fn reset(&mut self, id: u32, counters: &mut Counters) {
        let Some(stream) = self.open.get(&id) else { return };
        if stream.response.message.is_none() && !stream.handed_on {
            let Some(left) = self.resets.checked_sub(1) else {
                counters.add(Counter::ResetsFull);
                self.remove(id);
                return;
            };
            self.resets = left;
        }
        self.finish(id, counters);
    }

    /// GOAWAY of the server: streams behind the last one are not answered.
    pub fn go_away(&mut self, last: u32, counters: &mut Counters) {
        let Some(behind) = last.checked_add(1) else { return };
        let unanswered = self.open.range(behind..).filter(|&(&id, stream)| {
            id % 2 == 1 && stream.request.message.is_some() && stream.response.message.is_none()
        });
        let ids: Vec<u32> = unanswered.map(|(&id, _)| id).collect();
        for id in ids {
            self.finish(id, counters);
        }
    }

    /// The place in a direction is lost.
    pub fn doubt(&mut self, role: Role, counters: &mut Counters) {
        let ids: Vec<u32> = self.open.keys().copied().collect();
        for id in ids {
            self.change(id, counters, |stream, counters| stream.doubt(role, counters));
            // The response is over, and the end of the request is not waited for.
            if self.open.get(&id).is_some_and(|stream| stream.is_complete()) {
                self.finish(id, counters);
            }
        }
    }

    /// The connection ended.
    pub fn end(&mut self, counters: &mut Counters) {
        while let Some(&id) = self.open.keys().next() {
            self.finish(id, counters);
        }
    }

    /// The oldest stream, if its end may have been missed and nothing comes of it any more.
    fn give_up_stale(&mut self, at: Timestamp, counters: &mut Counters) {
        while let Some((&id, stream)) = self.open.first_key_value() {
            let doubtful = stream.request.doubtful || stream.response.doubtful || stream.response.ended;
            if !doubtful || at.since(stream.last_byte()) < PART_NS {
                return;
            }
            self.finish(id, counters);
        }
    }

    /// Lets the oldest streams go until what is left is within the limits.
    fn limit(&mut self, counters: &mut Counters) {
        while self.open.len() > STREAMS_MAX || self.held > STREAMS_BYTES_MAX {
            let Some(&id) = self.open.keys().next() else { return };
            counters.add(Counter::StreamsFull);
            self.finish(id, counters);
        }
    }

    /// Changes a stream, which is made if it is not there, and keeps the sum of what is held.
    fn change(&mut self, id: u32, counters: &mut Counters, change: impl FnOnce(&mut Stream, &mut Counters)) {
        let stream = match self.open.entry(id) {
            std::collections::btree_map::Entry::Occupied(entry) => {
                self.held -= entry.get().bytes_held();
                self.overtaken -= usize::from(entry.get().waits());
                entry.into_mut()
            }
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Box::default()),
        };
        change(stream, counters);
        self.held += stream.bytes_held();
        self.overtaken += usize::from(stream.waits());
    }

    fn remove(&mut self, id: u32) -> Option<Box<Stream>> {
        let stream = self.open.remove(&id)?;
        self.held -= stream.bytes_held();
        self.overtaken -= usize::from(stream.waits());
        Some(stream)
    }

    fn finish(&mut self, id: u32, counters: &mut Counters) {
        let Some(mut stream) = self.remove(id) else { return };
        if stream.tunnel == Tunnel::Open {
            let end = Chunk::End { at: Timestamp::default(), certain: false };
            return stream.tunnelled(end, counters, &mut self.done);
        }
        if stream.request.message.is_none() {
            counters.add(Counter::RequestMissing);
            return;
        }
        let exchange = stream.exchange(false, counters);
        self.done.extend(exchange);
    }
}
