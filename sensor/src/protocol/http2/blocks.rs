//! Payloads that are wanted whole: header blocks, which begin messages and end them, and the few
//! settings that matter.
//!
//! Every block is decoded, also of streams that are not followed: the table depends on all of them.

use super::Connection;
use super::fields::{Fields, Kind};
use super::frame::{self, FrameHead};
use super::half::Block;
use super::stream::Role;
use crate::counter::{Counter, Counters};
use crate::flow::{Direction, Timestamp};
use crate::limits::HEADER_BLOCK_BYTES_MAX;

/// Bytes of a buffer for strings that is kept from block to block.
const SCRATCH_BYTES_KEPT: usize = 1024;

impl Connection {
    /// The payload of a frame is whole.
    pub(super) fn read_payload(
        &mut self,
        direction: Direction,
        head: FrameHead,
        payload: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) {
        match head.kind {
            frame::SETTINGS => {
                let other = self.half(direction.reverse());
                if let (Some(known), Some(said)) =
                    (other.payload_bytes_max, frame::payload_bytes_max(payload))
                {
                    // It holds from when the other has read it: the larger one holds until then.
                    other.payload_bytes_max = Some(known.max(said));
                }
            }
            frame::GOAWAY => {
                if let (Some(Role::Response), Some(last)) = (self.role(direction), payload.first_chunk::<4>())
                {
                    self.streams.go_away(u32::from_be_bytes(*last) & 0x7fff_ffff, counters);
                }
            }
            _ => match fragment(head, payload) {
                Some((promised, fragment)) => {
                    self.read_fragment(direction, head, promised, fragment, at, counters);
                }
                None => self.lose(direction, Counter::FrameMalformed, counters),
            },
        }
    }

    fn read_fragment(
        &mut self,
        direction: Direction,
        head: FrameHead,
        promised: Option<u32>,
        fragment: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let half = self.half(direction);
        let ends = head.has(frame::END_HEADERS);
        let mut block = match half.block.take() {
            Some(block) => block,
            None => Block {
                stream: head.stream,
                promised,
                end_stream: head.kind == frame::HEADERS && head.has(frame::END_STREAM),
                broken: false,
                bytes: Vec::new(),
                began: half.began,
            },
        };
        if head.kind != frame::CONTINUATION && ends {
            return self.read_block(direction, block, fragment, at, counters);
        }
        if !block.broken {
            if block.bytes.len() + fragment.len() > HEADER_BLOCK_BYTES_MAX {
                counters.add(Counter::HeadTooLarge);
                block.broken = true;
                block.bytes = Vec::new();
            } else {
                block.bytes.extend_from_slice(fragment);
            }
        }
        if ends {
            let bytes = std::mem::take(&mut block.bytes);
            self.read_block(direction, block, &bytes, at, counters);
        } else {
            self.half(direction).block = Some(block);
        }
    }

    /// A frame of a header block will not be read.
    pub(super) fn break_block(
        &mut self,
        direction: Direction,
        head: FrameHead,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let half = self.half(direction);
        let mut block = match half.block.take() {
            Some(block) => block,
            None => Block {
                stream: head.stream,
                promised: (head.kind == frame::PUSH_PROMISE).then_some(0),
                end_stream: head.kind == frame::HEADERS && head.has(frame::END_STREAM),
                broken: true,
                bytes: Vec::new(),
                began: half.began,
            },
        };
        block.broken = true;
        block.bytes = Vec::new();
        if head.has(frame::END_HEADERS) {
            self.read_block(direction, block, &[], at, counters);
        } else {
            half.block = Some(block);
        }
    }

    /// A header block is whole, or broken and over.
    fn read_block(
        &mut self,
        direction: Direction,
        block: Block,
        bytes: &[u8],
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let half = self.half(direction);
        half.used = true;
        let mut fields = Fields::default();
        if block.broken {
            half.decoder.forget();
            counters.add(Counter::MessageLost);
            fields = Fields::lost();
        } else if half.decoder.decode(bytes, |field| fields.add(field)).is_err() {
            half.decoder.forget();
            counters.add(Counter::BlockMalformed);
            fields = Fields::lost();
        }
        if half.decoder.dropped() {
            counters.add(Counter::TableFull);
        }
        half.decoder.release(SCRATCH_BYTES_KEPT);
        fields.count(counters);
        let kind = fields.kind();
        if block.promised.is_some() {
            self.requests.get_or_insert(direction.reverse());
        }
        match kind {
            Kind::Request if block.promised.is_none() => {
                self.requests.get_or_insert(direction);
            }
            Kind::Response => {
                self.requests.get_or_insert(direction.reverse());
            }
            _ => {}
        }
        match self.role(direction) {
            Some(Role::Request) => self.read_request(block, fields, kind, at, counters),
            Some(Role::Response) => match block.promised {
                Some(promised) => self.read_promise(promised, fields, kind, block.began, at, counters),
                None => self.read_response(block, fields, kind, at, counters),
            },
            None => {}
        }
    }

    fn read_request(
        &mut self,
        block: Block,
        fields: Fields,
        kind: Kind,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let id = block.stream;
        match kind {
            Kind::Request if self.streams.is_new(id) => {
                self.streams.request(id, fields.into_request(), false, block.began, at, counters);
            }
            Kind::Neither if self.streams.has_request(id) => {
                self.streams.trailers(id, Role::Request, fields, at, counters);
            }
            // Trailers of a stream from before, or a request of which nothing is known.
            Kind::Neither => self.streams.pass(id, counters),
            Kind::Request | Kind::Response => counters.add(Counter::HeadMalformed),
        }
        if block.end_stream {
            self.streams.end_side(id, Role::Request, at, counters);
        }
    }

    fn read_promise(
        &mut self,
        promised: u32,
        fields: Fields,
        kind: Kind,
        began: Timestamp,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        if kind == Kind::Request
            && promised > 0
            && promised.is_multiple_of(2)
            && !self.streams.has_request(promised)
        {
            self.streams.request(promised, fields.into_request(), true, began, at, counters);
        }
    }

    fn read_response(
        &mut self,
        block: Block,
        fields: Fields,
        kind: Kind,
        at: Timestamp,
        counters: &mut Counters,
    ) {
        let id = block.stream;
        match kind {
            Kind::Neither if self.streams.has_response(id) => {
                self.streams.trailers(id, Role::Response, fields, at, counters);
            }
            Kind::Response if self.streams.has_response(id) => counters.add(Counter::HeadMalformed),
            Kind::Request => counters.add(Counter::HeadMalformed),
            Kind::Response | Kind::Neither => self.streams.response(id, fields, block.began, at, counters),
        }
        if block.end_stream {
            self.streams.end_side(id, Role::Response, at, counters);
        }
    }
}

/// The promised stream, if the frame promises one, and the part of the header block.
fn fragment(head: FrameHead, payload: &[u8]) -> Option<(Option<u32>, &[u8])> {
    if head.kind == frame::CONTINUATION {
        return Some((None, payload));
    }
    let payload = frame::unpadded(head, payload)?;
    if head.kind == frame::PUSH_PROMISE {
        let (id, fragment) = payload.split_first_chunk::<4>()?;
        return Some((Some(u32::from_be_bytes(*id) & 0x7fff_ffff), fragment));
    }
    if head.has(frame::PRIORITIZED) { Some((None, payload.get(5..)?)) } else { Some((None, payload)) }
}
