//! Bytes at the start of a message to a head: at once where the chunk holds it whole, else through
//! a bounded buffer that is searched once, however small the pieces.

use memchr::memchr;

use super::Connection;
use super::half::State;
use super::head::{self, Parsed, Refused};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::HEAD_BYTES_MAX;
use crate::protocol::detect::{self, Start};

impl Connection {
    /// Reads a head that begins with `bytes`: without a copy of what follows, if it is whole.
    pub(super) fn read_head(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let start = detect::start(bytes);
        match start {
            Start::Request | Start::Response if self.settle(direction, start, bytes) => {}
            Start::More => return self.keep_partial(direction, bytes, false, counters),
            _ => return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters),
        }
        match self.parse(direction, bytes) {
            Ok(parsed) => {
                let length = parsed.length;
                // In bounds: the parser says where in `bytes` the head ends.
                let owned = bytes[..length].to_vec();
                self.begin(direction, parsed, owned, at, counters);
                length
            }
            Err(Refused::Partial) => self.keep_partial(direction, bytes, true, counters),
            Err(refused) => self.lose(direction, refused.counter(), bytes.len(), counters),
        }
    }

    pub(super) fn keep_partial(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        recognised: bool,
        counters: &mut Counters,
    ) -> usize {
        if bytes.len() > HEAD_BYTES_MAX {
            return self.lose(direction, Counter::HeadTooLarge, bytes.len(), counters);
        }
        let half = &mut self.halves[direction.index()];
        half.partial.clear();
        half.partial.extend_from_slice(bytes);
        half.searched = 0;
        half.recognised = recognised;
        half.state = State::Head;
        bytes.len()
    }

    pub(super) fn read_partial_head(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) -> usize {
        let half = &mut self.halves[direction.index()];
        // One byte more than allowed, so that "too large" is seen.
        let take = bytes.len().min(HEAD_BYTES_MAX + 1 - half.partial.len().min(HEAD_BYTES_MAX));
        half.partial.extend_from_slice(&bytes[..take]);
        if !half.recognised {
            let searched = half.searched;
            let line_is_whole = memchr(b'\n', &half.partial[searched..]).is_some();
            let start =
                if line_is_whole { detect::start(&half.partial) } else { detect::prefix(&half.partial) };
            match start {
                Start::Request | Start::Response if line_is_whole => {
                    half.recognised = true;
                    let partial = std::mem::take(&mut half.partial);
                    let fits = self.settle(direction, start, &partial);
                    self.halves[direction.index()].partial = partial;
                    if !fits {
                        return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters);
                    }
                }
                Start::Neither => {
                    return self.lose(direction, Counter::MessageUnrecognized, bytes.len(), counters);
                }
                _ => half.searched = half.partial.len(),
            }
        }
        let half = &mut self.halves[direction.index()];
        let Some(end) = half.recognised.then(|| half.find_end()).flatten() else {
            if half.partial.len() > HEAD_BYTES_MAX {
                return self.lose(direction, Counter::HeadTooLarge, bytes.len(), counters);
            }
            return take;
        };
        let behind = half.partial.len() - end;
        half.partial.truncate(end);
        let partial = std::mem::take(&mut half.partial);
        match self.parse(direction, &partial) {
            Ok(parsed) if parsed.length == end => {
                self.begin(direction, parsed, partial, at, counters);
                // The end of the head was not known before these bytes came, so it lies in them.
                take - behind
            }
            Ok(_) | Err(Refused::Partial) => {
                self.lose(direction, Counter::HeadMalformed, bytes.len(), counters)
            }
            Err(refused) => self.lose(direction, refused.counter(), bytes.len(), counters),
        }
    }

    /// Learns from a start line which direction carries requests. False if it contradicts what is
    /// known, or if it is too weak where the place was lost.
    pub(super) fn settle(&mut self, direction: Direction, start: Start, bytes: &[u8]) -> bool {
        if start == Start::Request
            && self.halves[direction.index()].resynchronised
            && !detect::is_known_method(bytes)
        {
            return false;
        }
        let requests = if start == Start::Request { direction } else { direction.reverse() };
        if self.requests.is_none() && requests == direction {
            let head = self.halves[direction.index()].head;
            self.pairing.requests_begin(head.burst_start, head.at);
        }
        *self.requests.get_or_insert(requests) == requests
    }

    pub(super) fn parse(&self, direction: Direction, bytes: &[u8]) -> Result<Parsed, Refused> {
        if self.is_request(direction) { head::request(bytes) } else { head::response(bytes) }
    }
}

impl Refused {
    fn counter(self) -> Counter {
        match self {
            Refused::TooLarge => Counter::HeadTooLarge,
            Refused::Partial | Refused::Malformed => Counter::HeadMalformed,
        }
    }
}
