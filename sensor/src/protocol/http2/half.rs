//! What is kept of one direction: where the reader stands in the frames, and its header fields.

use super::frame::{FrameHead, HEAD_BYTES};
use super::hpack::Decoder;
use crate::flow::Timestamp;

/// One direction.
pub(super) struct Half {
    pub state: State,
    pub decoder: Decoder,
    /// Bytes that wait: of a burst that is searched, or of a payload that is cut.
    pub held: Vec<u8>,
    /// When the first byte of what is read came: of the search, else of the frame.
    pub began: Timestamp,
    /// A header block that goes on.
    pub block: Option<Block>,
    /// No byte of it and no hole in it was seen.
    pub unseen: bool,
    /// There may have been header blocks: its table is not that of a beginning.
    pub used: bool,
    /// The largest payload that the other side takes, if all it said about that was seen.
    pub payload_bytes_max: Option<usize>,
}

pub(super) enum State {
    /// The place is lost, or was never known.
    Seek,
    /// Bytes from the start of a burst on are held until they turn out to be frames or not.
    Search,
    /// In the head of a frame, so many bytes of which are there.
    Head([u8; HEAD_BYTES], usize),
    Data(Data),
    /// In a payload that is wanted whole.
    Gather(FrameHead),
    /// In a payload of which so many bytes are left, and none is wanted.
    Skip(usize),
    Closed,
}

/// In a DATA frame.
#[derive(Clone, Copy)]
pub(super) struct Data {
    pub stream: u32,
    pub end_stream: bool,
    /// The byte with the length of the padding is still to come.
    pub padded: bool,
    /// Bytes left of the data; of all, where the padding is not known.
    pub left: usize,
    pub padding: usize,
}

/// The parts of a header block so far.
pub(super) struct Block {
    pub stream: u32,
    pub promised: Option<u32>,
    pub end_stream: bool,
    /// A part of it is missing or is not kept.
    pub broken: bool,
    pub bytes: Vec<u8>,
    pub began: Timestamp,
}

/// Between two frames.
pub(super) const BOUNDARY: State = State::Head([0; HEAD_BYTES], 0);

impl Half {
    pub fn new() -> Self {
        Half {
            state: State::Seek,
            decoder: Decoder::joined(),
            held: Vec::new(),
            began: Timestamp::default(),
            block: None,
            unseen: true,
            used: false,
            payload_bytes_max: None,
        }
    }

    /// The connection begins here.
    pub fn begin(&mut self) {
        self.decoder = Decoder::new();
        self.payload_bytes_max.get_or_insert(super::frame::PAYLOAD_BYTES_INITIAL);
    }

    /// Lets all go that depends on having seen every byte.
    pub fn seek(&mut self) {
        self.state = State::Seek;
        self.decoder.forget();
        self.held = Vec::new();
        self.block = None;
        self.used = true;
    }

    /// Reads no further.
    pub fn close(&mut self) {
        *self = Half { state: State::Closed, unseen: false, ..Half::new() };
    }

    pub fn buffered_bytes(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        self.held.capacity() + block + self.decoder.buffered_bytes()
    }
}
