//! Which response belongs to which request: requests wait here in order until theirs is whole.
//!
//! While no byte is missing this is a queue. After a loss it is evidence: the first response of a
//! burst answers the first request of the burst before it. That holds for clients that send and
//! wait, one request or a batch. It does not hold for a client that sends on while answers come
//! (overlaps); once one was seen to, nothing on its connection is paired after a loss. The one case
//! that is not told apart is a client that overlaps for the first time inside lost bytes.
//!
//! A hole is known only when the next segment of its direction comes. So a response that was found
//! after a hole is *tentative* until the requests go on without one. What is not certain is not
//! paired: the request is emitted without a response, the response is dropped, both are counted.

use std::collections::VecDeque;

use super::framing::Asked;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::{PIPELINE_BYTES_MAX, PIPELINE_MAX};
use crate::protocol::{Exchange, Message, Notes};

/// Number of a request on its connection.
pub(super) type Sequence = u64;

/// The requests in flight.
pub(super) struct Pairing {
    queue: VecDeque<Pending>,
    /// Number of the request at the front.
    front: Sequence,
    /// Bursts of the request direction so far, if each hole hid the start of one.
    burst: u64,
    /// What that number was at the last burst start that was seen.
    burst_seen: u64,
    /// When that one began.
    burst_at: Timestamp,
    /// Burst of the last request that left the queue.
    left_burst: u64,
    /// No byte of the response direction came or went missing since that burst began.
    pub quiet: bool,
    /// The client was seen to send a request while an answer was under way.
    overlaps: bool,
    /// A hole is said before what was sent after it.
    pub holes_first: bool,
    /// Nothing is paired any more.
    off: bool,
    /// Requests may have been lost since the last one that was seen.
    requests_lost: bool,
    /// Responses that are paired now are not certain until the requests go on: when the last of
    /// them began.
    tentative: Option<Timestamp>,
    /// A response had no request, though none was lost: that request comes late.
    overtaken: bool,
    /// When the last response without a request began.
    orphan_at: Option<Timestamp>,
    /// Bytes of the messages in the queue.
    held_bytes: usize,
}

struct Pending {
    request: Message,
    response: Option<Message>,
    asked: Asked,
    notes: Notes,
    /// Nothing more comes of the request.
    request_done: bool,
    /// The final response has begun, or will not be looked for.
    answered: bool,
    /// Nothing more comes of the response.
    response_done: bool,
    tentative: bool,
    /// It began a burst while an earlier one had no whole response.
    suspect: bool,
    /// Bursts in which its first and last bytes came.
    bursts: (u64, u64),
}

/// What was so when a head began.
#[derive(Clone, Copy, Default)]
pub(super) struct HeadStart {
    pub at: Timestamp,
    /// It began a burst.
    pub burst_start: bool,
    /// The burst of requests before it: by the last start that was seen, and if each hole since
    /// then hid one.
    pub bursts: (u64, u64),
    /// Of a response: no other byte of its direction since that burst began.
    pub quiet: bool,
    /// Of a response: it waited for its request, which came late but was not lost.
    pub parked: bool,
}

/// How a request head came in.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    /// It began at a burst start.
    pub burst_start: bool,
    /// The direction had lost its place before.
    pub resynchronised: bool,
    /// The response direction has lost its place.
    pub responses_lost: bool,
}

impl Pairing {
    pub fn new() -> Self {
        Pairing {
            queue: VecDeque::new(),
            front: 0,
            burst: 0,
            burst_seen: 0,
            burst_at: Timestamp::default(),
            left_burst: 0,
            quiet: true,
            overlaps: false,
            holes_first: false,
            off: false,
            requests_lost: false,
            tentative: None,
            overtaken: false,
            orphan_at: None,
            held_bytes: 0,
        }
    }

    /// Bytes held by messages in the queue.
    pub fn buffered_bytes(&self) -> usize {
        let reading = self.queue.back().filter(|last| !last.request_done);
        self.held_bytes + reading.map_or(0, |last| last.request.body.capacity())
    }

    /// No request waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// A burst of requests begins, if `burst_start`.
    pub fn requests_begin(&mut self, burst_start: bool, at: Timestamp) {
        if burst_start {
            self.burst_at = at;
            self.burst += 1;
            self.burst_seen = self.burst;
            self.quiet = true;
        }
    }

    /// The request that is being read goes on in this burst.
    fn request_reaches_here(&mut self) {
        if let Some(last) = self.queue.back_mut().filter(|last| !last.request_done) {
            last.bursts.1 = self.burst;
        }
    }

    /// The burst of requests that a response which begins at `at` follows. None that is in the
    /// queue, if the directions came out of order.
    pub fn bursts(&self, at: Timestamp) -> (u64, u64) {
        if at < self.burst_at { (u64::MAX, u64::MAX) } else { (self.burst_seen, self.burst) }
    }

    /// Bytes of the request direction came: what was tentative is certain now. False if it fell
    /// instead, since they went by before it: the place in the response direction is uncertain.
    pub fn requests_go_on(&mut self, burst_start: bool, at: Timestamp, counters: &mut Counters) -> bool {
        if self.tentative.is_some_and(|tentative| at < tentative) {
            return !self.requests_broke_off(burst_start, at, counters);
        }
        self.requests_begin(burst_start, at);
        self.request_reaches_here();
        if self.tentative.take().is_some() {
            self.queue.iter_mut().for_each(|pending| pending.tentative = false);
        }
        true
    }

    /// Bytes of the request direction are missing. True if tentative responses fell: then the place
    /// in the response direction is uncertain as well.
    pub fn requests_broke_off(&mut self, burst_start: bool, at: Timestamp, counters: &mut Counters) -> bool {
        self.requests_begin(burst_start, at);
        if !burst_start {
            // A burst may have begun in the hole.
            self.burst += 1;
        }
        self.overtaken = false;
        self.request_reaches_here();
        self.refuse_tentative(counters)
    }

    /// Drops the tentative responses. True if there were any.
    pub fn refuse_tentative(&mut self, counters: &mut Counters) -> bool {
        let fell = self.tentative.take().is_some();
        if fell {
            for pending in self.queue.iter_mut().filter(|pending| pending.tentative) {
                pending.tentative = false;
                pending.close(counters, &mut self.held_bytes);
            }
        }
        fell
    }

    /// The place in one of the directions was lost: messages may have passed unseen.
    pub fn lost(&mut self, requests: bool, counters: &mut Counters) {
        if requests {
            self.requests_lost = true;
            self.overtaken = false;
        }
        if self.overlaps {
            self.give_up(counters);
        }
    }

    /// No response is looked for any more.
    pub fn give_up(&mut self, counters: &mut Counters) {
        self.off = true;
        self.close_open(counters);
    }

    /// A request head came.
    pub fn request(&mut self, request: Message, asked: Asked, arrival: Arrival, counters: &mut Counters) {
        let lost = std::mem::take(&mut self.requests_lost);
        if !self.queue.is_empty() {
            if (lost && arrival.resynchronised)
                || (arrival.burst_start && arrival.responses_lost && !self.overlaps)
            {
                // A client that waits has had its answers, though they were not seen here.
                self.close_unanswered(self.queue.len(), counters);
            }
            if self.queue.len() >= PIPELINE_MAX || self.held_bytes > PIPELINE_BYTES_MAX {
                counters.add(Counter::PipelineFull);
                self.give_up(counters);
            }
        }
        let suspect = arrival.burst_start && self.queue.iter().any(|pending| !pending.response_done);
        // All that came before it is known, and it was no answer to those. One that does not wait for each
        // answer is not trusted to wait for all of a batch either: where bytes are lost it would not show.
        let ahead = self.queue.iter().any(|pending| !pending.response_done);
        self.overlaps |= ahead && self.holes_first && !arrival.responses_lost;
        if self.overtaken || self.orphan_at.is_some_and(|at| request.first_byte < at) {
            // Its response went by before it did: the directions came out of order.
            self.give_up(counters);
        }
        self.held_bytes += request.bytes_held();
        let mut pending = Pending {
            request,
            response: None,
            asked,
            notes: Notes::default(),
            request_done: false,
            answered: false,
            response_done: false,
            tentative: false,
            suspect,
            bursts: (self.burst, self.burst),
        };
        if self.off {
            pending.close(counters, &mut self.held_bytes);
        }
        if self.queue.capacity() == 0 {
            self.queue.reserve_exact(1);
        }
        self.queue.push_back(pending);
    }

    /// The request that is being read, to add its body to.
    pub fn reading(&mut self) -> Option<&mut Message> {
        self.queue.back_mut().filter(|last| !last.request_done).map(|last| &mut last.request)
    }

    /// Nothing more comes of the request that was being read.
    pub fn request_done(&mut self, at: Timestamp, conflict: bool, counters: &mut Counters) {
        if let Some(last) = self.queue.back_mut().filter(|last| !last.request_done) {
            last.request_done = true;
            last.notes.framing_conflict |= conflict;
            last.request.last_byte = at;
            last.request.finish(counters);
            // The head was counted when it came.
            self.held_bytes += last.request.body.capacity();
        }
    }

    /// A `100 Continue` came.
    pub fn continued(&mut self) {
        if let Some(pending) = self.queue.iter_mut().find(|pending| !pending.answered) {
            pending.notes.continued = true;
        }
    }

    /// Every request that was seen has its response, and no request was lost: a further response
    /// overtook its request. (Before the first request it may be one from before the sensor.)
    pub fn is_overtaken(&self) -> bool {
        let requests_seen = self.front > 0 || !self.queue.is_empty();
        requests_seen && !self.off && !self.requests_lost && !self.is_waiting()
    }

    /// A request waits for its response.
    pub fn is_waiting(&self) -> bool {
        self.queue.iter().any(|pending| !pending.answered)
    }

    /// A final response began: the request that it answers, if that is certain.
    pub fn answer(
        &mut self,
        head: HeadStart,
        resynchronised: bool,
        counters: &mut Counters,
    ) -> Option<(Sequence, Asked)> {
        let in_place = !self.off && (!resynchronised || self.anchor(head, counters));
        let next = self.queue.iter().position(|pending| !pending.answered);
        // Nobody answers what was not yet asked: that request was lost.
        let asked = |&i: &usize| {
            head.parked || self.queue.get(i).is_some_and(|pending| pending.request.first_byte <= head.at)
        };
        let Some(index) = next.filter(asked).filter(|_| in_place) else {
            self.orphan(head.at, counters);
            return None;
        };
        if !resynchronised {
            self.note_overlap(index);
        }
        self.tentative = self.tentative.map(|_| head.at);
        let tentative = self.tentative.is_some();
        let pending = self.queue.get_mut(index)?;
        pending.answered = true;
        pending.tentative = tentative;
        Some((self.front + index as u64, pending.asked))
    }

    /// A response that began at `at` has no request.
    pub fn orphan(&mut self, at: Timestamp, counters: &mut Counters) {
        counters.add(Counter::RequestMissing);
        self.orphan_at = self.orphan_at.max(Some(at));
        self.overtaken |= self.is_overtaken();
    }

    /// Finds the place of a response direction again: what begins with `head` goes with the first
    /// request of the burst before it, and whatever was asked earlier has been answered. False if
    /// there is doubt.
    pub fn anchor(&mut self, head: HeadStart, counters: &mut Counters) -> bool {
        // Behind a hole in the requests the burst before it may be one that was not seen.
        let sound = !self.off && !self.requests_lost;
        let Some(index) = self.first_of_burst(head.bursts).filter(|_| sound) else { return false };
        // Nobody answers what was not yet asked.
        if self.queue.get(index).is_none_or(|pending| pending.request.first_byte > head.at) {
            return false;
        }
        self.close_unanswered(index, counters);
        if !head.quiet {
            self.tentative = Some(head.at);
        }
        true
    }

    /// After a loss: the first request of the burst that went before, if there is no doubt.
    fn first_of_burst(&self, (seen, last): (u64, u64)) -> Option<usize> {
        if self.front > 0 && self.left_burst >= seen {
            // The first of them has its answer. This is one to a request that was not seen.
            return None;
        }
        let first = |burst| self.queue.iter().position(|pending| pending.bursts.1 >= burst);
        let index = first(seen).filter(|&index| first(last) == Some(index))?;
        let pending = self.queue.get(index).filter(|pending| pending.bursts.0 <= last)?;
        // A request that goes on from an earlier burst may have been answered in the lost bytes.
        let certain = pending.bursts.0 == last || index + 1 == self.queue.len();
        (certain && !pending.answered).then_some(index)
    }

    /// A response goes on without a hole although a later request began a burst: an overlap.
    fn note_overlap(&mut self, index: usize) {
        if self.queue.len() > 1 && self.queue.iter().skip(index + 1).any(|pending| pending.suspect) {
            self.overlaps = true;
        }
    }

    /// Nothing more comes of the response to `sequence`. `seen`: its last byte was seen, not lost.
    /// Returns the notes of the exchange.
    pub fn response_done(
        &mut self,
        sequence: Sequence,
        response: Message,
        notes: Notes,
        seen: bool,
    ) -> Notes {
        let index = sequence.wrapping_sub(self.front) as usize;
        if seen {
            self.note_overlap(index);
        }
        let Some(pending) = self.queue.get_mut(index).filter(|pending| !pending.response_done) else {
            return Notes::default();
        };
        pending.notes.upgraded |= notes.upgraded;
        pending.notes.framing_conflict |= notes.framing_conflict;
        pending.response_done = true;
        self.held_bytes += response.bytes_held();
        pending.response = Some(response);
        pending.notes
    }

    /// Emits what is complete, in the order of the requests.
    pub fn emit(&mut self, direction: Direction, out: &mut Vec<Exchange>) {
        while let Some(front) = self.queue.front() {
            if !front.request_done || !front.response_done || front.tentative {
                return;
            }
            let Some(Pending { request, response, notes, bursts, .. }) = self.queue.pop_front() else {
                return;
            };
            self.left_burst = bursts.1;
            self.front += 1;
            let left = request.bytes_held() + response.as_ref().map_or(0, Message::bytes_held);
            self.held_bytes = self.held_bytes.saturating_sub(left);
            out.push(Exchange { request, response, direction, follows: false, notes });
        }
        self.held_bytes = 0;
        if self.queue.capacity() > 4 {
            self.queue.shrink_to(1);
        }
    }

    /// Nothing more comes of the request that is being read, though it is not whole.
    pub fn request_cut(&mut self, at: Timestamp, counters: &mut Counters) {
        if let Some(message) = self.reading() {
            message.body_whole = false;
            self.request_done(at, false, counters);
        }
    }

    /// The connection ended.
    pub fn end(&mut self, at: Timestamp, counters: &mut Counters) {
        self.request_cut(at, counters);
        self.refuse_tentative(counters);
        self.close_open(counters);
    }

    /// Gives up on every response that is not whole.
    pub fn close_open(&mut self, counters: &mut Counters) {
        for pending in &mut self.queue {
            if !pending.response_done {
                pending.close(counters, &mut self.held_bytes);
            }
        }
    }

    fn close_unanswered(&mut self, before: usize, counters: &mut Counters) {
        for pending in self.queue.iter_mut().take(before).filter(|pending| !pending.answered) {
            pending.close(counters, &mut self.held_bytes);
        }
    }
}

impl Pending {
    /// Gives up on the response.
    fn close(&mut self, counters: &mut Counters, held_bytes: &mut usize) {
        counters.add(Counter::ResponseMissing);
        if let Some(response) = self.response.take() {
            *held_bytes = held_bytes.saturating_sub(response.bytes_held());
        }
        self.answered = true;
        self.response_done = true;
    }
}
