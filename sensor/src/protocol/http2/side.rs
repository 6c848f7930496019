//! One message of a stream as it comes: DATA to a body, and parts of a body that goes on.

use memchr::memmem;

use crate::counter::{Counter, Counters};
use crate::flow::Timestamp;
use crate::limits::{BODY_BYTES_MAX, PART_BYTES_MAX, PART_NS};
use crate::protocol::envelope::Envelope;
use crate::protocol::{Head, Message};

/// The request or the response of a stream.
#[derive(Default)]
pub(super) struct Side {
    pub message: Option<Message>,
    intake: Intake,
    /// Its last byte came.
    pub ended: bool,
    /// Its direction lost its place while this was under way: the end may have gone by.
    pub doubtful: bool,
    /// Trailers came after the last part.
    trailers: bool,
}

/// What becomes of DATA.
#[derive(Default)]
enum Intake {
    /// One document, undone at the end.
    #[default]
    Body,
    /// Text of many documents that can be cut between them.
    Lines(Lines),
    /// Messages with a prefix.
    Envelope(Box<Envelope>),
    /// It is counted and not kept: the rest of a document whose beginning was handed on.
    Rest,
}

impl Side {
    /// A message of these fields.
    pub fn begin(head: Head, at: Timestamp) -> Self {
        let intake = match Envelope::of(&head) {
            // Coded as a whole it can only be taken apart at the end.
            Some(envelope) if head.field("content-encoding").is_none() => {
                Intake::Envelope(Box::new(envelope))
            }
            _ => Lines::of(&head).map_or(Intake::Body, Intake::Lines),
        };
        Side { message: Some(Message::begin(head, at)), intake, ..Side::default() }
    }

    /// A message that is over already.
    pub fn finished(message: Message) -> Self {
        Side { message: Some(message), ended: true, ..Side::default() }
    }

    /// Takes DATA without its padding; at most `room` bytes more are held.
    pub fn data(&mut self, bytes: &[u8], room: usize, at: Timestamp, counters: &mut Counters) {
        let Some(message) = &mut self.message else { return };
        message.last_byte = at;
        message.body_bytes = message.body_bytes.saturating_add(bytes.len() as u64);
        let bytes = match &mut self.intake {
            Intake::Lines(lines) => lines.begun(bytes),
            _ => bytes,
        };
        match &mut self.intake {
            Intake::Body | Intake::Lines(_) if message.body_whole => {
                let room = BODY_BYTES_MAX.saturating_sub(message.body.len()).min(room);
                let take = bytes.len().min(room);
                // In bounds: `take` is at most the length.
                message.body.extend_from_slice(&bytes[..take]);
                message.body_whole = take == bytes.len();
            }
            Intake::Envelope(envelope) => envelope.read(bytes, room, message, counters),
            Intake::Body | Intake::Lines(_) => {}
            Intake::Rest => message.body_whole &= bytes.is_empty(),
        }
    }

    /// Takes the knowledge that `length` bytes of DATA are missing.
    pub fn hole(&mut self, length: u64, counters: &mut Counters) {
        let Some(message) = &mut self.message else { return };
        message.body_bytes = message.body_bytes.saturating_add(length);
        message.body_whole = false;
        if let Intake::Envelope(envelope) = &mut self.intake {
            envelope.skip(length, message, counters);
        }
    }

    /// More may be missing than is known.
    pub fn doubt(&mut self, counters: &mut Counters) {
        if self.ended {
            return;
        }
        self.doubtful = true;
        if let Some(message) = &mut self.message {
            message.body_whole = false;
            if let Intake::Envelope(envelope) = &mut self.intake {
                // No length is known: it does not find its place again.
                envelope.skip(u64::MAX, message, counters);
            }
        }
    }

    /// Fields came behind the body.
    pub fn trailed(&mut self) {
        self.trailers = true;
    }

    /// The message is over; `seen`: its end was seen.
    pub fn end(&mut self, seen: bool, counters: &mut Counters) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let Some(message) = &mut self.message else { return };
        message.body_whole &= seen;
        close(message, &mut self.intake, counters);
    }

    /// Whether what came so far is to be handed on before more comes: see [`super`].
    pub fn is_due(&self, captured: usize, since: Timestamp, at: Timestamp) -> bool {
        let goes_on = matches!(self.intake, Intake::Lines(_) | Intake::Envelope(_));
        at.since(since) >= PART_NS || (goes_on && captured >= PART_BYTES_MAX)
    }

    /// What came so far; what comes is read into a message with the same head. None if there is none.
    pub fn part(&mut self, at: Timestamp, counters: &mut Counters) -> Option<Message> {
        let message = self.message.as_mut()?;
        if self.ended {
            // Nothing more comes: the next part has the head alone.
            let next = Message::begin(message.head.again(), at);
            return Some(std::mem::replace(message, next));
        }
        let rest = match &mut self.intake {
            Intake::Lines(lines) => {
                let rest = message.body.split_off(lines.last_end(&message.body));
                // Behind what was not kept a document is under way.
                lines.amid = !message.body_whole;
                if lines.amid { Vec::new() } else { rest }
            }
            Intake::Envelope(envelope) => envelope.split_off(message),
            _ => Vec::new(),
        };
        let mut next = Message::begin(message.head.again(), at);
        next.last_byte = message.last_byte;
        next.body = rest;
        let mut part = std::mem::replace(message, next);
        self.trailers = false;
        if matches!(self.intake, Intake::Body) {
            part.body_whole = false;
            close(&mut part, &mut self.intake, counters);
            self.intake = Intake::Rest;
        } else if !part.body_whole {
            counters.add(Counter::BodyCut);
        }
        Some(part)
    }

    /// Something came since the last part.
    pub fn is_news(&self) -> bool {
        self.trailers
            || self.message.as_ref().is_some_and(|m| m.body_bytes > 0 || m.messages > 0 || !m.body.is_empty())
    }

    /// Bytes held on the heap.
    pub fn bytes_held(&self) -> usize {
        let envelope = match &self.intake {
            Intake::Envelope(envelope) => envelope.buffered_bytes() + size_of::<Envelope>(),
            _ => 0,
        };
        envelope + self.message.as_ref().map_or(0, Message::bytes_held)
    }

    /// Bytes of the body that are held.
    pub fn captured(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.body.len())
    }
}

fn close(message: &mut Message, intake: &mut Intake, counters: &mut Counters) {
    match intake {
        Intake::Envelope(envelope) => {
            envelope.end(message);
            if !message.body_whole {
                counters.add(Counter::BodyCut);
            }
        }
        Intake::Body | Intake::Lines(_) => message.finish(counters),
        Intake::Rest => {}
    }
}

/// A body that is a row of documents: server-sent events up to the blank line, the lines of NDJSON.
struct Lines {
    events: bool,
    /// The beginning of the document that is under way was not kept.
    amid: bool,
}

impl Lines {
    fn of(head: &Head) -> Option<Self> {
        let media_type = head.field("content-type").filter(|_| head.field("content-encoding").is_none())?;
        let essence = media_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
        let events = is("text/event-stream");
        let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl"].into_iter().any(is);
        (events || lines).then_some(Lines { events, amid: false })
    }

    /// Index behind the last document that is whole.
    fn last_end(&self, body: &[u8]) -> usize {
        let behind = |mark: &[u8]| memmem::rfind(body, mark).map_or(0, |at| at + mark.len());
        if self.events { behind(b"\n\n").max(behind(b"\n\r\n")) } else { behind(b"\n") }
    }

    /// The bytes from where a document begins.
    fn begun<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if !self.amid {
            return bytes;
        }
        let behind = |mark: &[u8]| memmem::find(bytes, mark).map(|at| at + mark.len());
        let begin = if self.events {
            behind(b"\n\n").into_iter().chain(behind(b"\n\r\n")).min()
        } else {
            behind(b"\n")
        };
        self.amid = begin.is_none();
        bytes.get(begin.unwrap_or(bytes.len())..).unwrap_or_default()
    }
}
