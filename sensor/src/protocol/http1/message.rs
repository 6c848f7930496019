//! Begins and finishes one raw [`Message`]; what its body is worth is decided at the end.

use crate::counter::{Counter, Counters};
use crate::flow::Timestamp;
use crate::protocol::{Head, Message, Range32, coding, envelope};

impl Message {
    pub(in crate::protocol) fn begin(head: Head, at: Timestamp) -> Self {
        Message {
            head,
            body: Vec::new(),
            pieces: Vec::new(),
            messages: 0,
            body_whole: true,
            body_bytes: 0,
            first_byte: at,
            last_byte: at,
        }
    }

    /// Bytes held on the heap.
    pub(in crate::protocol) fn bytes_held(&self) -> usize {
        let headers = self.head.headers.capacity() * size_of::<(Range32, Range32)>();
        self.head.bytes.capacity()
            + headers
            + self.body.capacity()
            + self.pieces.capacity() * size_of::<u32>()
    }

    /// The last byte of the body was seen or given up.
    pub(in crate::protocol) fn finish(&mut self, counters: &mut Counters) {
        if !self.body_whole {
            counters.add(Counter::BodyCut);
        }
        if self.body_bytes > 0 {
            coding::undo(self, counters);
            envelope::open(self, counters);
        }
    }
}
