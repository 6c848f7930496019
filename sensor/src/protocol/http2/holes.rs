//! What becomes of the place, of the header fields and of the messages under way when bytes are
//! missing, when the place in a direction is lost, and when the connection ends.

use super::Connection;
use super::frame;
use super::half::{BOUNDARY, State};
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};

impl Connection {
    /// Takes the knowledge that bytes are missing.
    pub(super) fn skip(&mut self, direction: Direction, length: u64, at: Timestamp, counters: &mut Counters) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let role = self.role(direction);
        let half = self.half(direction);
        let unseen = std::mem::take(&mut half.unseen);
        match &mut half.state {
            State::Closed => {}
            // What goes by while the place is lost counts once: how many messages it is, nobody knows.
            State::Seek if !unseen => {}
            State::Seek | State::Search => {
                counters.add(Counter::MessageLost);
                half.seek();
            }
            State::Head(..) => self.lose(direction, Counter::MessageLost, counters),
            State::Data(data) => {
                let inside = length.min(data.left);
                data.left -= inside;
                // Unknown padding is taken for data: the frame ends where it ends.
                data.padded = false;
                let (stream, behind) = (data.stream, data.padding);
                let done = data.left == 0;
                if let Some(role) = role {
                    self.streams.hole(stream, role, inside as u64, counters);
                }
                let past = length - inside;
                if past > behind {
                    self.lose(direction, Counter::MessageLost, counters);
                } else if done {
                    self.end_data(direction, at, counters);
                    self.skip_rest(direction, past);
                }
            }
            State::Gather(head) => {
                let head = *head;
                let left = head.length - half.held.len();
                half.held = Vec::new();
                if length > left {
                    return self.lose(direction, Counter::MessageLost, counters);
                }
                half.state = if length == left { BOUNDARY } else { State::Skip(left - length) };
                match head.kind {
                    frame::SETTINGS => self.half(direction.reverse()).payload_bytes_max = None,
                    frame::GOAWAY => {}
                    _ => self.break_block(direction, head, at, counters),
                }
            }
            State::Skip(left) => {
                if length > *left {
                    return self.lose(direction, Counter::MessageLost, counters);
                }
                self.skip_rest(direction, length);
            }
        }
    }

    /// Passes bytes of a payload by that is not wanted.
    fn skip_rest(&mut self, direction: Direction, length: usize) {
        let half = self.half(direction);
        if let State::Skip(left) = &mut half.state {
            *left = left.saturating_sub(length);
            if *left == 0 {
                half.state = BOUNDARY;
            }
        }
    }

    /// The place in a direction is lost: blocks may have gone by, and ends of messages.
    pub(super) fn lose(&mut self, direction: Direction, counter: Counter, counters: &mut Counters) {
        counters.add(counter);
        self.half(direction).seek();
        // Settings may have gone by as well.
        self.half(direction.reverse()).payload_bytes_max = None;
        if let Some(role) = self.role(direction) {
            self.streams.doubt(role, counters);
        }
    }

    /// The connection ended.
    pub(super) fn end(&mut self, counters: &mut Counters) {
        for half in &mut self.halves {
            if half.block.is_some() || matches!(half.state, State::Gather(_)) {
                counters.add(Counter::MessageLost);
            }
            half.close();
        }
        self.streams.end(counters);
    }
}
