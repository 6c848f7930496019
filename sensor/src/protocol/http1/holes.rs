//! What becomes of the messages under way when bytes are missing, when the place in a direction is
//! lost, and when the connection ends.

use super::Connection;
use super::body::{Body, Hole};
use super::half::State;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::protocol::Notes;

impl Connection {
    /// The place in the response direction proved uncertain.
    pub(super) fn lose_responses(&mut self) {
        let Some(requests) = self.requests else { return };
        let half = &mut self.halves[requests.reverse().index()];
        half.response = None;
        if !matches!(half.state, State::Closed) {
            half.seek();
        }
    }

    /// The place in a direction is lost. Returns `length`: all that was to be read is skipped.
    pub(super) fn lose(
        &mut self,
        direction: Direction,
        counter: Counter,
        length: usize,
        counters: &mut Counters,
    ) -> usize {
        counters.add(counter);
        self.halves[direction.index()].seek();
        if self.requests.is_some() {
            self.pairing.lost(self.is_request(direction), counters);
        }
        length
    }

    /// Reads no further. What waits for a tentative response goes on waiting.
    pub(super) fn close(&mut self, at: Timestamp, counters: &mut Counters) {
        self.pairing.request_cut(at, counters);
        self.pairing.close_open(counters);
        self.parked = None;
        for half in &mut self.halves {
            half.seek();
            half.state = State::Closed;
        }
    }

    /// Takes the knowledge that bytes are missing.
    pub(super) fn skip(
        &mut self,
        direction: Direction,
        length: u64,
        burst_start: bool,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let request = self.is_request(direction);
        if request {
            self.halves[direction.reverse().index()].head.parked = false;
            if self.pairing.requests_broke_off(burst_start, at, counters) {
                self.lose_responses();
            }
        } else if self.requests.is_some() {
            self.pairing.quiet = false;
        }
        let half = &mut self.halves[direction.index()];
        half.quiet = false;
        match &mut half.state {
            State::Closed | State::Parked => return,
            // Each burst is a message at least. Further ones are counted as one for requests; of
            // responses they show as requests without one.
            State::Seek => {
                if std::mem::take(&mut half.unseen) || burst_start {
                    counters.add(Counter::MessageLost);
                } else {
                    half.blind |= request;
                }
                return;
            }
            State::Boundary | State::Head => counters.add(Counter::MessageLost),
            State::Body(body) => {
                let message = if request {
                    self.pairing.reading()
                } else {
                    half.response.as_mut().map(|(_, message)| message)
                };
                let hole = message.map_or(Hole::Lost, |message| body.skip(length, message));
                match hole {
                    Hole::Inside => return,
                    Hole::Finished => {
                        half.state = State::Boundary;
                        return self.finish(direction, Notes::default(), at, false, counters);
                    }
                    Hole::Past | Hole::Lost => {
                        if hole == Hole::Past {
                            counters.add(Counter::MessageLost);
                        } else {
                            half.blind |= request;
                        }
                        self.finish(direction, Notes::default(), at, false, counters);
                    }
                }
            }
        }
        let half = &mut self.halves[direction.index()];
        if !matches!(half.state, State::Closed) {
            half.seek();
        }
        if self.requests.is_some() {
            self.pairing.lost(request, counters);
        }
    }

    /// The connection ended. `certain`: nothing is missing that was not said.
    pub(super) fn end(&mut self, at: Timestamp, certain: bool, counters: &mut Counters) {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let half = &mut self.halves[direction.index()];
            match &half.state {
                State::Head => counters.add(Counter::MessageLost),
                State::Seek if half.blind => counters.add(Counter::MessageLost),
                State::Body(body) => {
                    let until_close = certain && matches!(body, Body::UntilClose);
                    if let Some((_, message)) = half.response.as_mut() {
                        message.body_whole &= until_close;
                        self.finish_response(direction, Notes::default(), at, true, counters);
                    }
                }
                _ => {}
            }
        }
        if certain {
            // Nothing was asked that was not seen.
            self.pairing.requests_go_on(false, at, counters);
        }
        self.pairing.end(at, counters);
        for half in &mut self.halves {
            half.seek();
            half.state = State::Closed;
        }
    }
}
