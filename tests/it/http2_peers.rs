//! Conversations of a real client and server (crate `h2`) over memory, recorded both ways: read whole,
//! cut, joined at every record and frame, and with records lost. Nothing may be invented.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use sensor::flow::Direction;
use sensor::protocol::Exchange;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::http1_conversation::{request_line, status};
use crate::http2_wire::{Piece, field, play};

/// Small numbers from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[derive(Clone)]
struct Call {
    method: &'static str,
    authority: &'static str,
    status: u16,
    bodies: [usize; 2],
    trailers: bool,
    tag: u64,
}

fn calls(seed: u64) -> Vec<Call> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    let size = |dice: &mut Dice| match dice.below(4) {
        0 => 0,
        1 => dice.below(40_000) as usize,
        _ => dice.below(300) as usize,
    };
    (0..6 + dice.below(14))
        .map(|_| Call {
            method: ["GET", "POST", "REPORT"][dice.below(3) as usize],
            authority: ["a.example", "b.example"][dice.below(2) as usize],
            status: [200, 201, 404, 418][dice.below(4) as usize],
            bodies: [size(&mut dice), size(&mut dice)],
            trailers: dice.below(3) == 0,
            tag: dice.below(5),
        })
        .collect()
}

/// What passed, in order.
type Log = Arc<Mutex<Vec<(Direction, Vec<u8>)>>>;

/// The client's end, which records what passes.
struct Recorder {
    inner: DuplexStream,
    log: Log,
}

impl AsyncRead for Recorder {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let recorder = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut recorder.inner).poll_read(cx, buffer);
        let read = buffer.filled()[before..].to_vec();
        if !read.is_empty() {
            recorder.log.lock().expect("one thread").push((Direction::Outbound, read));
        }
        outcome
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let recorder = self.get_mut();
        let outcome = Pin::new(&mut recorder.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = outcome {
            let written = bytes[..written].to_vec();
            recorder.log.lock().expect("one thread").push((Direction::Inbound, written));
        }
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

fn body(kind: char, number: usize, length: usize) -> Bytes {
    format!("{kind}{number}.").repeat(length / 3 + 1).into_bytes()[..length].to_vec().into()
}

fn trailers(number: usize) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert("x-end", number.to_string().parse().expect("a value"));
    fields
}

async fn drain(mut body: h2::RecvStream) {
    while let Some(Ok(part)) = body.data().await {
        let _ = body.flow_control().release_capacity(part.len());
    }
    let _ = body.trailers().await;
}

async fn serve(io: DuplexStream, calls: Arc<Vec<Call>>) {
    let mut server = h2::server::handshake(io).await.expect("a handshake");
    while let Some(Ok((request, mut respond))) = server.accept().await {
        let calls = calls.clone();
        tokio::spawn(async move {
            let number: usize = request.uri().path()[7..].parse().expect("a number");
            let call = &calls[number];
            drain(request.into_body()).await;
            let response = Response::builder()
                .status(call.status)
                .header("server", "test")
                .header("x-tag", call.tag)
                .header("x-number", number)
                .body(())
                .expect("a response");
            let ends = call.bodies[1] == 0 && !call.trailers;
            let mut sender = respond.send_response(response, ends).expect("it is open");
            if call.bodies[1] > 0 {
                let _ = sender.send_data(body('r', number, call.bodies[1]), !call.trailers);
            }
            if call.trailers {
                let _ = sender.send_trailers(trailers(number));
            }
        });
    }
}

fn record(seed: u64) -> (Vec<Piece>, Vec<Call>) {
    let calls = Arc::new(calls(seed));
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client_end, server_end) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve(server_end, calls.clone()));
        let recorder = Recorder { inner: client_end, log: log.clone() };
        let (client, connection) = h2::client::handshake(recorder).await.expect("a handshake");
        let connection = tokio::spawn(connection);
        let mut answers = Vec::new();
        let mut client = client.ready().await.expect("it is open");
        for (number, call) in calls.iter().enumerate() {
            let request = Request::builder()
                .method(call.method)
                .uri(format!("http://{}/items/{number}", call.authority))
                .header("user-agent", "test")
                .header("x-tag", call.tag)
                .header("x-number", number)
                .body(())
                .expect("a request");
            let ends = call.bodies[0] == 0 && !call.trailers;
            let (answer, mut sender) = client.send_request(request, ends).expect("it is open");
            if call.bodies[0] > 0 {
                sender.send_data(body('q', number, call.bodies[0]), !call.trailers).expect("it is open");
            }
            if call.trailers {
                sender.send_trailers(trailers(number)).expect("it is open");
            }
            client = client.ready().await.expect("it is open");
            answers
                .push(tokio::spawn(async move { drain(answer.await.expect("an answer").into_body()).await }));
            if call.tag == 0 {
                for answer in answers.drain(..) {
                    answer.await.expect("it was drained");
                }
            }
        }
        for answer in answers {
            answer.await.expect("it was drained");
        }
        drop(client);
        connection.await.expect("no panic").expect("in order");
    });
    let log = std::mem::take(&mut *log.lock().expect("one thread"));
    let piece = |(at, (direction, bytes))| Piece { direction, bytes, gap: 0, at: 1000 + at as u64 };
    (log.into_iter().enumerate().map(piece).collect(), Arc::unwrap_or_clone(calls))
}

/// The number of an exchange of which everything known is as it was.
fn number_of(exchange: &Exchange, calls: &[Call]) -> Option<usize> {
    let (method, path) = request_line(exchange);
    let in_path = path.strip_prefix("/items/").map(str::to_owned);
    let in_response = exchange.response.as_ref().and_then(|r| field(r, "x-number"));
    let said: Vec<String> =
        [in_path, field(&exchange.request, "x-number"), in_response].into_iter().flatten().collect();
    let number: usize = said.first()?.parse().expect("a number that was sent");
    assert!(said.iter().all(|n| *n == said[0]), "parts of different calls: {said:?}");
    let call = &calls[number];
    assert!(method.is_empty() || method == call.method);
    assert!(field(&exchange.request, "host").is_none_or(|host| host == call.authority));
    assert!(call_body(&exchange.request, &body('q', number, call.bodies[0])));
    if let Some(response) = &exchange.response {
        assert_eq!(status(response), call.status);
        assert!(call_body(response, &body('r', number, call.bodies[1])));
    }
    Some(number)
}

fn call_body(message: &sensor::protocol::Message, sent: &[u8]) -> bool {
    if message.body_whole { message.body == sent } else { sent.starts_with(&message.body) }
}

const SEEDS: std::ops::Range<u64> = 0..24;

#[test]
fn http2_of_real_peers_is_read_whole_however_cut() {
    for seed in SEEDS {
        let (pieces, calls) = record(seed);
        let half = |piece: &Piece| {
            let (first, second) = piece.bytes.split_at(piece.bytes.len() * (seed as usize % 7) / 7);
            [first, second].map(|bytes| Piece { bytes: bytes.to_vec(), ..piece.clone() })
        };
        let cut: Vec<Piece> = pieces.iter().flat_map(half).filter(|piece| !piece.bytes.is_empty()).collect();
        for pieces in [pieces, cut] {
            let played = play(&pieces);
            let mut numbers: Vec<usize> =
                played.exchanges.iter().map(|e| number_of(e, &calls).expect("all is known")).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..calls.len()).collect::<Vec<_>>(), "seed {seed}");
            for exchange in &played.exchanges {
                let response = exchange.response.as_ref().expect("it was answered");
                assert!(exchange.request.body_whole && response.body_whole);
                let number = number_of(exchange, &calls).expect("as above");
                let ends = calls[number].trailers.then(|| number.to_string());
                assert_eq!(
                    (field(&exchange.request, "x-end"), field(response, "x-end")),
                    (ends.clone(), ends)
                );
            }
            assert_eq!(played.counters.named(), Default::default());
        }
    }
}

/// Joins at every record, and at every frame of each.
#[test]
fn http2_of_real_peers_joined_anywhere_invents_nothing() {
    let (mut joins, mut known) = (0, HashMap::new());
    for seed in SEEDS {
        let (pieces, calls) = record(seed);
        for index in 1..pieces.len() {
            let mut at = if index < 3 { 0 } else { frame_start(&pieces, index) };
            loop {
                let mut joined = pieces[index..].to_vec();
                joined[0].bytes.drain(..at);
                for exchange in &play(&joined).exchanges {
                    let number = number_of(exchange, &calls);
                    *known.entry(number.is_some()).or_insert(0) += 1;
                }
                joins += 1;
                let bytes = &pieces[index].bytes;
                let Some(head) = bytes.get(at..at + 9) else { break };
                at += 9 + u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if at >= bytes.len() {
                    break;
                }
            }
        }
    }
    println!("{joins} joins, exchanges by whether their number is known: {known:?}");
    assert!(known[&true] > 1000);
}

/// Where the first frame begins in a piece: what the ones before it began may go on in it.
fn frame_start(pieces: &[Piece], index: usize) -> usize {
    let direction = pieces[index].direction;
    let before: Vec<u8> = pieces[..index]
        .iter()
        .filter(|piece| piece.direction == direction)
        .flat_map(|piece| piece.bytes.clone())
        .collect();
    let mut at = if before.starts_with(crate::http2_wire::PREFACE) { 24 } else { 0 };
    while let Some(head) = before.get(at..at + 9) {
        at += 9 + u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    }
    at.saturating_sub(before.len()).min(pieces[index].bytes.len())
}

#[test]
fn http2_of_real_peers_with_records_lost_invents_nothing() {
    for seed in SEEDS {
        let (pieces, calls) = record(seed);
        for lost in 0..pieces.len() {
            let mut rest = pieces.clone();
            rest[lost].gap = rest[lost].bytes.len() as u64;
            rest[lost].bytes.clear();
            for exchange in &play(&rest).exchanges {
                number_of(exchange, &calls);
            }
        }
    }
}
