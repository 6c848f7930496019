//! Conversations as text, played through assembler and parser, and what came out as text again.
//!
//! `>>>` and `<<<` begin bytes of the client and of the server. Each line below stands for itself
//! and CRLF; a line that ends with `\` for itself alone. `\r`, `\n`, `\\`, `\xNN` are bytes,
//! `@hex 1f8b` is bytes without a line end, `@fill 5000 x` is 5000 of them. `>>>lost`: the bytes
//! below were sent but no segment came, as when a ring is full. `>>>gap 120`: a segment that says
//! that 120 bytes were not copied. `>>>late` and `<<<late`: bytes before the first segment.
//! `===` ends the conversation: the calls and all counters follow.

use std::fmt::Write as _;

use sensor::counter::Counters;
use sensor::flow::{ConnectionId, Direction, Timestamp, Verdict};
use sensor::protocol::{Connection, Exchange, Message, StartLine};
use sensor::source::Segment;
use sensor::stream::{Assembler, Ordering};

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub direction: Direction,
    pub bytes: Vec<u8>,
    pub span: u64,
    pub position: u64,
    pub burst_start: bool,
    pub lost: bool,
    pub at: u64,
}

/// What a player found.
pub struct Played {
    pub exchanges: Vec<Exchange>,
    pub counters: Counters,
    pub held_bytes_max: usize,
    pub held_bytes_end: usize,
}

/// A conversation under construction: keeps positions, bursts and times.
#[derive(Default)]
pub struct Script {
    pub steps: Vec<Step>,
    positions: [u64; 2],
    last: Option<Direction>,
}

impl Script {
    pub fn send(&mut self, direction: Direction, bytes: Vec<u8>, missing: u64, lost: bool) {
        let span = bytes.len() as u64 + missing;
        if span == 0 {
            return;
        }
        let position = self.positions[direction.index()];
        self.positions[direction.index()] += span;
        let burst_start = self.last != Some(direction);
        self.last = Some(direction);
        let at = 1000 + 10 * self.steps.len() as u64;
        self.steps.push(Step { direction, bytes, span, position, burst_start, lost, at });
    }
}

/// Parses the conversation part of a fixture.
pub fn parse(text: &str) -> (Vec<Step>, String) {
    let mut script = Script::default();
    let (conversation, expected) = text.split_once("\n===\n").expect("a fixture has a === line");
    let mut block: Option<(Direction, bool, Vec<u8>)> = None;
    for line in conversation.split('\n').chain([">>>"]) {
        let marker = [(">>>", Direction::Inbound), ("<<<", Direction::Outbound)]
            .into_iter()
            .find_map(|(marker, direction)| Some((line.strip_prefix(marker)?, direction)));
        match marker {
            Some((argument, direction)) => {
                if let Some((direction, lost, bytes)) = block.take() {
                    script.send(direction, bytes, 0, lost);
                }
                match argument.split_once(' ').unwrap_or((argument, "")) {
                    ("gap", length) => {
                        script.send(direction, Vec::new(), length.parse().expect("a number"), false);
                    }
                    ("lost", _) => block = Some((direction, true, Vec::new())),
                    ("late", _) => {
                        script.positions[direction.index()] += 100;
                        block = Some((direction, false, Vec::new()));
                        script.last = Some(direction);
                    }
                    ("", _) => block = Some((direction, false, Vec::new())),
                    _ => panic!("unknown marker"),
                }
            }
            None => match &mut block {
                Some((_, _, bytes)) => append(bytes, line),
                None => assert!(line.is_empty() || line.starts_with('#'), "stray line"),
            },
        }
    }
    (script.steps, expected.trim_end().to_owned())
}

fn append(bytes: &mut Vec<u8>, line: &str) {
    if let Some(hex) = line.strip_prefix("@hex ") {
        bytes
            .extend((0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")));
        return;
    }
    if let Some((count, what)) = line.strip_prefix("@fill ").and_then(|rest| rest.split_once(' ')) {
        bytes.extend(what.repeat(count.parse().expect("a number")).bytes());
        return;
    }
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        match characters.next() {
            None => return,
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("hex"));
            }
            _ => panic!("unknown escape"),
        }
    }
    bytes.extend(b"\r\n");
}

/// Plays segments in the order given; lost ones are left out.
pub fn play(steps: &[Step], ordering: Ordering) -> Played {
    let mut assembler = Assembler::new(ordering, [ordering == Ordering::AsDelivered; 2]);
    let mut connection = Connection::new(Some(Verdict::Http1));
    let mut counters = Counters::default();
    let mut exchanges = Vec::new();
    let (mut held_bytes_max, mut last) = (0, 0);
    for step in steps.iter().filter(|step| !step.lost) {
        last = last.max(step.at);
        let segment = Segment {
            connection: ConnectionId(1),
            direction: step.direction,
            position: step.position,
            bytes: &step.bytes,
            span: step.span,
            burst: step.burst_start.into(),
            at: Timestamp(step.at),
        };
        assembler.push(&segment, &mut counters, &mut |chunk, counters| {
            connection.push(chunk, counters, &mut exchanges);
        });
        held_bytes_max = held_bytes_max.max(connection.buffered_bytes() + assembler.buffered_bytes());
    }
    let mut bytes = [0u64; 2];
    for step in steps {
        let bytes = &mut bytes[step.direction.index()];
        *bytes = (step.position + step.span).max(*bytes);
    }
    assembler.end(Timestamp(last + 10), Some(bytes), &mut counters, &mut |chunk, counters| {
        connection.push(chunk, counters, &mut exchanges);
    });
    let held_bytes_end = connection.buffered_bytes() + assembler.buffered_bytes();
    Played { exchanges, counters, held_bytes_max, held_bytes_end }
}

impl Played {
    /// Calls and counters as the fixtures write them.
    pub fn render(&self) -> String {
        let mut text = self.render_calls();
        for (name, count) in self.counters.named() {
            writeln!(text, "{name} {count}").expect("a string takes all");
        }
        text.trim_end().to_owned()
    }

    /// Calls alone.
    pub fn render_calls(&self) -> String {
        self.exchanges.iter().map(|exchange| render(exchange) + "\n").collect()
    }
}

/// Method and target of an exchange.
pub fn request_line(exchange: &Exchange) -> (String, String) {
    let StartLine::Request { method, target, .. } = exchange.request.head.start else {
        panic!("a request has a request line")
    };
    let text = |range: sensor::protocol::Range32| {
        String::from_utf8_lossy(range.of(&exchange.request.head.bytes)).into_owned()
    };
    (text(method), text(target))
}

/// Status of a response.
pub fn status(message: &Message) -> u16 {
    match message.head.start {
        StartLine::Response { status, .. } => status,
        StartLine::Request { .. } => panic!("a response has a status line"),
    }
}

fn render(exchange: &Exchange) -> String {
    let (method, target) = request_line(exchange);
    let mut text = format!("{method} {target} {} -> ", render_body(&exchange.request));
    match &exchange.response {
        Some(response) => {
            write!(text, "{} {}", status(response), render_body(response)).expect("a string takes all");
        }
        None => text.push_str("none"),
    }
    let notes = exchange.notes;
    for (note, name) in [
        (notes.upgraded, " upgraded"),
        (notes.continued, " continued"),
        (notes.framing_conflict, " conflict"),
        (exchange.direction == Direction::Outbound, " outbound"),
    ] {
        if note {
            text.push_str(name);
        }
    }
    text
}

fn render_body(message: &Message) -> String {
    let cut = if message.body_whole { "" } else { " cut" };
    let shown: String = message.body.iter().take(40).flat_map(|b| b.escape_ascii()).map(char::from).collect();
    let kept = match message.body.len() {
        0 => String::new(),
        length if length > 40 => format!(" {length} of \"{shown}...\""),
        _ => format!(" \"{shown}\""),
    };
    format!("({}{cut}{kept})", message.body_bytes)
}
