//! HTTP/2 conversations as text, played whole and cut at every byte; calls and counters follow `===`.
//!
//! `>>>` and `<<<` begin bytes of the client and of the server. A line below is a frame: `preface`,
//! `settings [id=value]`, `headers STREAM [end] [open] | field | field ...`, `more STREAM [open] | ...`
//! (CONTINUATION), `promise STREAM PROMISED | ...`, `data STREAM [end] [pad=N] text`, `reset STREAM`,
//! `away LAST`, `raw HEX`. A field is `name: value` (inserted or by index), `-name: value` (literal) or
//! `!name: value` (never indexed); `size=N` updates the table's. `lost` before a frame: it was sent and
//! not seen; `gap N` takes the last N bytes of what stands before it in the burst. `late` begins the part
//! that is seen. `wait MS` lets time pass. In text, `\xNN` is a byte and `@N` repeats the next one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sensor::flow::Direction;
use sensor::protocol::{Exchange, Message};

use crate::http1_conversation::{request_line, status};
use crate::http2_wire::{Encoder, Form, PREFACE, Piece, Played, field, frame, play};

/// Parses the conversation part of a fixture.
pub fn parse(text: &str) -> (Vec<Piece>, String) {
    let (conversation, expected) = text.split_once("\n===\n").expect("a fixture has a === line");
    let mut encoders = [Encoder::default(), Encoder::default()];
    let mut pieces: Vec<Piece> = Vec::new();
    let mut direction = Direction::Inbound;
    let mut at = 1000;
    for line in conversation.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            ">>>" | "<<<" => {
                direction = if word == ">>>" { Direction::Inbound } else { Direction::Outbound };
                at += 10;
                pieces.push(Piece { direction, bytes: Vec::new(), gap: 0, at });
            }
            "wait" => {
                at += rest.parse::<u64>().expect("milliseconds") * 1_000_000;
                pieces.push(Piece { direction, bytes: Vec::new(), gap: 0, at });
            }
            "late" => pieces.clear(),
            "gap" => {
                let piece = pieces.last_mut().expect("something was sent");
                let length: usize = rest.parse().expect("bytes");
                piece.bytes.truncate(piece.bytes.len().checked_sub(length).expect("so many bytes"));
                piece.gap += length as u64;
                pieces.push(Piece { direction, bytes: Vec::new(), gap: 0, at });
            }
            "lost" => {
                let bytes = build(rest, &mut encoders[direction.index()]);
                pieces.push(Piece { direction, bytes: Vec::new(), gap: bytes.len() as u64, at });
                pieces.push(Piece { direction, bytes: Vec::new(), gap: 0, at });
            }
            _ => {
                let bytes = build(line, &mut encoders[direction.index()]);
                pieces.last_mut().expect("a direction").bytes.extend(bytes);
            }
        }
    }
    pieces.retain(|piece| !piece.bytes.is_empty() || piece.gap > 0);
    (pieces, expected.trim_end().to_owned())
}

fn build(line: &str, encoder: &mut Encoder) -> Vec<u8> {
    let (words, fields) = line.split_once('|').unwrap_or((line, ""));
    let mut words = words.split(' ').filter(|word| !word.is_empty());
    let kind = words.next().expect("a frame");
    if kind == "preface" {
        return PREFACE.to_vec();
    }
    if kind == "raw" {
        return hex(words.next().expect("digits"));
    }
    if kind == "settings" {
        let payload = words.next().map_or(Vec::new(), |setting| {
            let (id, value) = setting.split_once('=').expect("id=value");
            let mut payload = id.parse::<u16>().expect("an id").to_be_bytes().to_vec();
            payload.extend(value.parse::<u32>().expect("a value").to_be_bytes());
            payload
        });
        return frame(4, 0, 0, &payload);
    }
    let stream: u32 = words.next().and_then(|word| word.parse().ok()).expect("a stream");
    if kind == "data" {
        return data(line, stream);
    }
    let mut payload = Vec::new();
    let (mut flags, mut code) = (0x4, 1);
    match kind {
        "reset" => return frame(3, 0, stream, &[0, 0, 0, 8]),
        "away" => return frame(7, 0, 0, &[stream.to_be_bytes(), [0; 4]].concat()),
        "headers" => {}
        "more" => code = 9,
        "promise" => {
            code = 5;
            let promised: u32 = words.next().and_then(|word| word.parse().ok()).expect("a stream");
            payload.extend(promised.to_be_bytes());
        }
        _ => panic!("unknown frame"),
    }
    for word in words {
        match word {
            "end" => flags |= 0x1,
            "open" => flags &= !0x4,
            "priority" => {
                flags |= 0x20;
                payload.extend([0, 0, 0, 3, 16]);
            }
            _ => panic!("unknown flag"),
        }
    }
    for field in fields.split('|').map(str::trim).filter(|field| !field.is_empty()) {
        if let Some(size) = field.strip_prefix("size=") {
            encoder.resize(size.parse().expect("bytes"), &mut payload);
            continue;
        }
        let (form, field) = match field.split_at(1) {
            ("-", rest) => (Form::Literal, rest),
            ("!", rest) => (Form::Never, rest),
            _ => (Form::Indexed, field),
        };
        let (name, value) = field.split_once(": ").expect("a field");
        encoder.field(name, value, form, &mut payload);
    }
    frame(code, flags, stream, &payload)
}

fn data(line: &str, stream: u32) -> Vec<u8> {
    let mut rest = line.splitn(3, ' ').nth(2).unwrap_or("");
    let (mut flags, mut padding) = (0, None);
    loop {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        if word == "end" {
            flags |= 0x1;
        } else if let Some(length) = word.strip_prefix("pad=") {
            flags |= 0x8;
            padding = Some(length.parse::<u8>().expect("bytes"));
        } else {
            break;
        }
        rest = behind;
    }
    let mut payload: Vec<u8> = padding.into_iter().collect();
    payload.extend(unescape(rest));
    payload.extend(vec![0; usize::from(padding.unwrap_or(0))]);
    frame(0, flags, stream, &payload)
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'\\' => {
                let digits = std::str::from_utf8(&rest[1..3]).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("hex"));
                rest = &rest[3..];
            }
            b'@' => {
                let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                let count = std::str::from_utf8(&rest[..digits]).expect("digits").parse().expect("a count");
                bytes.extend(vec![rest[digits]; count]);
                rest = &rest[digits + 1..];
            }
            byte => bytes.push(byte),
        }
    }
    bytes
}

impl Played {
    /// Calls and counters as the fixtures write them.
    pub fn render(&self) -> String {
        let mut text: String = self.exchanges.iter().map(|exchange| render(exchange) + "\n").collect();
        for (name, count) in self.counters.named() {
            writeln!(text, "{name} {count}").expect("a string takes all");
        }
        text.trim_end().to_owned()
    }
}

fn render(exchange: &Exchange) -> String {
    let (method, target) = request_line(exchange);
    let shown = |text: String| if text.is_empty() { "?".to_owned() } else { text };
    let mut text = format!("{} {}", shown(method), shown(target));
    if let Some(host) = field(&exchange.request, "host") {
        write!(text, " at {host}").expect("a string takes all");
    }
    write!(text, " {} -> ", message(&exchange.request)).expect("a string takes all");
    match &exchange.response {
        Some(response) => {
            write!(text, "{} {}", status(response), message(response)).expect("a string takes all");
        }
        None => text.push_str("none"),
    }
    let notes = exchange.notes;
    for (note, name) in [
        (notes.upgraded, " upgraded"),
        (notes.continued, " continued"),
        (notes.target_unknown, " target-unknown"),
        (notes.fields_unknown, " fields-unknown"),
        (exchange.follows, " follows"),
    ] {
        if note {
            text.push_str(name);
        }
    }
    text
}

fn message(message: &Message) -> String {
    let mut text = format!("({}", message.body_bytes);
    if message.messages > 0 {
        write!(text, " in {}", message.messages).expect("a string takes all");
    }
    if !message.body_whole {
        text.push_str(" cut");
    }
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut from = 0;
    for &end in &message.pieces {
        pieces.push(&message.body[from..end as usize]);
        from = end as usize;
    }
    if from < message.body.len() {
        pieces.push(&message.body[from..]);
    }
    for piece in pieces {
        let shown: String = piece.iter().take(40).flat_map(|b| b.escape_ascii()).map(char::from).collect();
        let more = if piece.len() > 40 { "..." } else { "" };
        write!(text, " \"{shown}{more}\"").expect("a string takes all");
    }
    text.push(')');
    for (name, value) in
        message.head.fields().filter(|(name, _)| *name != b"host" && *name != b"content-type")
    {
        let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        write!(text, " {name}={}", &value[..value.len().min(40)]).expect("a string takes all");
    }
    text
}

pub fn fixtures() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/http2");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of fixtures is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("it is text"))).collect()
}

fn cut(piece: &Piece, at: usize) -> [Piece; 2] {
    let (first, second) = piece.bytes.split_at(at);
    [
        Piece { bytes: first.to_vec(), gap: 0, ..piece.clone() },
        Piece { bytes: second.to_vec(), ..piece.clone() },
    ]
}

#[test]
fn http2_conversations_give_the_calls_written_below_them() {
    let mut failures = Vec::new();
    for (path, text) in fixtures() {
        let (pieces, expected) = parse(&text);
        let found = play(&pieces).render();
        if found != expected {
            failures.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}\n", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn http2_conversations_cut_at_any_byte_give_the_same_calls() {
    for (path, text) in fixtures() {
        let (pieces, expected) = parse(&text);
        for (index, piece) in pieces.iter().enumerate() {
            let length = piece.bytes.len();
            for at in (1..length).filter(|&at| length < 3000 || at < 200 || length - at < 100) {
                let mut cut_pieces = pieces.clone();
                cut_pieces.splice(index..=index, cut(piece, at));
                assert_eq!(play(&cut_pieces).render(), expected, "{} piece {index} at {at}", path.display());
            }
        }
        let bytes = |piece: &Piece| -> Vec<Piece> {
            if piece.bytes.is_empty() {
                return vec![piece.clone()];
            }
            let last = piece.bytes.len() - 1;
            let one = |(i, &byte)| Piece {
                bytes: vec![byte],
                gap: if i == last { piece.gap } else { 0 },
                ..piece.clone()
            };
            piece.bytes.iter().enumerate().map(one).collect()
        };
        let all: Vec<Piece> = pieces.iter().flat_map(bytes).collect();
        assert_eq!(play(&all).render(), expected, "{} byte by byte", path.display());
    }
}
