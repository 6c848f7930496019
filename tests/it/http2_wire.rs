//! HTTP/2 as a sender writes it: frames, and header blocks by an encoder with a table of its own that
//! does what it is told. And a player of chunks.

use std::collections::VecDeque;

use sensor::counter::Counters;
use sensor::flow::{Direction, Timestamp};
use sensor::protocol::http2::Connection;
use sensor::protocol::{Exchange, Message};
use sensor::stream::Chunk;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By index if the table has it, else inserted.
    Indexed,
    /// Not inserted.
    Literal,
    /// Never indexed.
    Never,
}

/// Entries of the static table that this encoder knows.
const STATIC: [(usize, &str, &str); 10] = [
    (1, ":authority", ""),
    (2, ":method", "GET"),
    (3, ":method", "POST"),
    (4, ":path", "/"),
    (6, ":scheme", "http"),
    (8, ":status", "200"),
    (9, ":status", "204"),
    (13, ":status", "404"),
    (31, "content-type", ""),
    (54, "server", ""),
];

/// The sender's side of HPACK.
pub struct Encoder {
    entries: VecDeque<(String, String)>,
    size_max: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { entries: VecDeque::new(), size_max: 4096 }
    }
}

impl Encoder {
    /// A size update.
    pub fn resize(&mut self, size_max: usize, block: &mut Vec<u8>) {
        self.size_max = size_max;
        self.evict();
        integer(block, 0x20, 5, size_max);
    }

    fn evict(&mut self) {
        let size = |entries: &VecDeque<(String, String)>| {
            entries.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>()
        };
        while size(&self.entries) > self.size_max {
            self.entries.pop_back();
        }
    }

    pub fn field(&mut self, name: &str, value: &str, form: Form, block: &mut Vec<u8>) {
        let fixed = STATIC.iter().find(|&&(_, n, v)| n == name && v == value);
        if let (Form::Indexed, Some(&(index, ..))) = (form, fixed) {
            return integer(block, 0x80, 7, index);
        }
        if form == Form::Indexed
            && let Some(at) = self.entries.iter().position(|(n, v)| n == name && v == value)
        {
            return integer(block, 0x80, 7, 62 + at);
        }
        let fixed = STATIC.iter().find(|&&(_, n, _)| n == name).map(|&(index, ..)| index);
        let named = fixed.or_else(|| self.entries.iter().position(|(n, _)| n == name).map(|at| 62 + at));
        let named = named.unwrap_or(0);
        match form {
            Form::Indexed => integer(block, 0x40, 6, named),
            Form::Literal => integer(block, 0, 4, named),
            Form::Never => integer(block, 0x10, 4, named),
        }
        if named == 0 {
            string(block, name);
        }
        string(block, value);
        if form == Form::Indexed {
            self.entries.push_front((name.to_owned(), value.to_owned()));
            self.evict();
        }
    }
}

fn integer(block: &mut Vec<u8>, pattern: u8, prefix_bits: u32, mut value: usize) {
    let mask = (1 << prefix_bits) - 1;
    if value < mask {
        return block.push(pattern | value as u8);
    }
    block.push(pattern | mask as u8);
    value -= mask;
    while value >= 128 {
        block.push(value as u8 | 0x80);
        value >>= 7;
    }
    block.push(value as u8);
}

fn string(block: &mut Vec<u8>, text: &str) {
    integer(block, 0, 7, text.len());
    block.extend(text.bytes());
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What a direction carries next.
#[derive(Clone, Debug)]
pub struct Piece {
    pub direction: Direction,
    pub bytes: Vec<u8>,
    /// Bytes that are missing behind them.
    pub gap: u64,
    pub at: u64,
}

pub struct Played {
    pub exchanges: Vec<Exchange>,
    pub counters: Counters,
    pub held_bytes_max: usize,
}

/// Plays pieces, each a chunk; a burst begins where the direction changes.
pub fn play(pieces: &[Piece]) -> Played {
    play_with(Connection::new(), pieces)
}

pub fn play_with(mut connection: Connection, pieces: &[Piece]) -> Played {
    let mut counters = Counters::default();
    let mut exchanges = Vec::new();
    let mut held_bytes_max = 0;
    let (mut last, mut at) = (None, Timestamp(0));
    for Piece { direction, bytes, gap, at: time } in pieces {
        let direction = *direction;
        at = Timestamp(*time);
        let mut burst_start = last != Some(direction);
        last = Some(direction);
        if !bytes.is_empty() {
            let chunk = Chunk::Bytes { direction, bytes, burst_start, at };
            connection.push(chunk, &mut counters, &mut exchanges);
            burst_start = false;
        }
        if *gap > 0 {
            let chunk = Chunk::Gap { direction, length: *gap, burst_start, at };
            connection.push(chunk, &mut counters, &mut exchanges);
        }
        held_bytes_max = held_bytes_max.max(connection.buffered_bytes());
    }
    connection.push(Chunk::End { at, certain: true }, &mut counters, &mut exchanges);
    assert_eq!(connection.buffered_bytes(), 0, "something is held after the end");
    Played { exchanges, counters, held_bytes_max }
}

/// All fields of a message that have this name, as text.
pub fn field(message: &Message, name: &str) -> Option<String> {
    message.head.field(name).map(|value| String::from_utf8_lossy(value).into_owned())
}
