//! What is kept of one direction: where the reader stands and the bytes that wait for more.

use memchr::memchr;

use super::body::Body;
use super::pairing::{HeadStart, Sequence};
use crate::protocol::Message;

/// One direction.
pub(super) struct Half {
    pub state: State,
    /// The first bytes of a head that is not whole.
    pub partial: Vec<u8>,
    /// Bytes of `partial` that were searched for the end of the head.
    pub searched: usize,
    /// The start line of `partial` is whole and fits.
    pub recognised: bool,
    pub head: HeadStart,
    /// The message follows a loss of place.
    pub resynchronised: bool,
    /// Of a response direction: no other byte of it came since the last burst of requests began.
    pub quiet: bool,
    /// No byte of the direction was seen.
    pub unseen: bool,
    /// A hole while the place was lost: whole messages may have gone by in it.
    pub blind: bool,
    /// Final response that is being read.
    pub response: Option<(Sequence, Message)>,
}

pub(super) enum State {
    /// The place is lost, or was never known.
    Seek,
    /// Between messages.
    Boundary,
    Head,
    Body(Body),
    /// A response waits for its request: see [`super::Parked`].
    Parked,
    /// Not read any more.
    Closed,
}

impl Half {
    pub fn new() -> Self {
        Half {
            state: State::Seek,
            partial: Vec::new(),
            searched: 0,
            recognised: false,
            head: HeadStart::default(),
            resynchronised: false,
            quiet: false,
            unseen: true,
            blind: false,
            response: None,
        }
    }

    /// Goes to [`State::Seek`] and lets all buffers go.
    pub fn seek(&mut self) {
        self.state = State::Seek;
        self.partial = Vec::new();
        self.resynchronised = false;
        self.quiet = false;
    }

    pub fn buffered_bytes(&self) -> usize {
        let body = match &self.state {
            State::Body(body) => body.buffered_bytes(),
            _ => 0,
        };
        let response = self.response.as_ref().map_or(0, |(_, m)| m.bytes_held());
        self.partial.capacity() + body + response
    }

    /// Index behind the empty line that ends the head, if it is there.
    pub fn find_end(&mut self) -> Option<usize> {
        while let Some(at) = memchr(b'\n', self.partial.get(self.searched..)?).map(|i| i + self.searched) {
            match self.partial.get(at + 1..).unwrap_or_default() {
                [b'\n', ..] => return Some(at + 2),
                [b'\r', b'\n', ..] => return Some(at + 3),
                // The line after it is not there yet: look at it again.
                [] | [b'\r'] => {
                    self.searched = at;
                    return None;
                }
                _ => self.searched = at + 1,
            }
        }
        self.searched = self.partial.len();
        None
    }
}
