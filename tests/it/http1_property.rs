//! Generated conversations: cut anywhere, in any order, with any segment lost, and plain noise.
//!
//! Every message carries its number: a request in its target, a response in a field, both in the
//! bytes of their bodies. So a response under a wrong request cannot go unseen.

use std::path::PathBuf;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::Config;
use sensor::counter::Counter;
use sensor::flow::Direction;
use sensor::limits::{HEAD_BYTES_MAX, PIPELINE_BYTES_MAX, REORDER_BYTES_MAX};
use sensor::stream::Ordering;

use crate::http1_conversation::{Played, Script, Step, parse, play, request_line, status};
use crate::http1_fixtures::fixtures;

#[derive(Clone, Copy, Debug)]
enum Sent {
    Nothing,
    Length(usize),
    Chunked(usize),
    /// With the head in one burst and the body in the next.
    Expected(usize),
}

#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    request: Sent,
    interim: bool,
    status: u16,
    response: Sent,
}

/// How the client uses the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Sends so many, waits for all answers.
    Batches(usize),
    /// Sends the next request in the middle of the answer to the one before.
    Overlapping,
    /// Keeps two requests in flight.
    TwoInFlight,
}

#[derive(Clone, Debug)]
struct Conversation {
    calls: Vec<Call>,
    style: Style,
    until_close: bool,
    /// Where bursts are cut, in thousandths of their length.
    cuts: Vec<usize>,
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        3 => Just(Sent::Nothing),
        3 => (1usize..400).prop_map(Sent::Length),
        2 => (0usize..400).prop_map(Sent::Chunked),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let request = prop_oneof![4 => sent(), 1 => (1usize..100).prop_map(Sent::Expected)];
    let method = prop::sample::select(&["GET", "HEAD", "POST", "PUT", "DELETE", "PURGE"][..]);
    let status = prop::sample::select(&[200u16, 201, 204, 304, 404, 500][..]);
    (method, request, any::<bool>(), status, sent()).prop_map(
        |(method, request, interim, status, response)| Call { method, request, interim, status, response },
    )
}

fn conversation(overlaps: bool) -> impl Strategy<Value = Conversation> {
    let style = if overlaps {
        prop_oneof![Just(Style::Overlapping), Just(Style::TwoInFlight)].boxed()
    } else {
        prop_oneof![2 => Just(Style::Batches(1)), 1 => (2usize..5).prop_map(Style::Batches)].boxed()
    };
    (prop::collection::vec(call(), 1..12), style, any::<bool>(), prop::collection::vec(1usize..1000, 0..6))
        .prop_map(|(calls, style, until_close, cuts)| Conversation { calls, style, until_close, cuts })
}

/// Bytes of a body that name their message.
fn body(number: usize, response: bool, length: usize) -> Vec<u8> {
    let word = format!("{}{number}\r\n\r\nGET /no HTTP/1.1\r\n\r\n", if response { "r" } else { "q" });
    word.bytes().cycle().take(length).collect()
}

fn framed(head: &mut String, sent: Sent, body: &[u8]) -> Vec<u8> {
    match sent {
        Sent::Nothing => *head += "Content-Length: 0\r\n\r\n",
        Sent::Length(length) | Sent::Expected(length) => {
            *head += &format!("Content-Length: {length}\r\n\r\n")
        }
        Sent::Chunked(_) => *head += "Transfer-Encoding: chunked\r\n\r\n",
    }
    let mut bytes = Vec::new();
    match sent {
        Sent::Chunked(_) => {
            for piece in body.chunks(150) {
                bytes.extend(format!("{:x};ext=1\r\n", piece.len()).bytes());
                bytes.extend(piece);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\nX-Trailer: t\r\n\r\n");
        }
        _ => bytes.extend(body),
    }
    bytes
}

fn length(sent: Sent) -> usize {
    match sent {
        Sent::Nothing => 0,
        Sent::Length(length) | Sent::Chunked(length) | Sent::Expected(length) => length,
    }
}

impl Call {
    fn request_head(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let mut head = format!("{} /call/{number} HTTP/1.1\r\nHost: h\r\n", self.method);
        if matches!(self.request, Sent::Expected(_)) {
            head += "Expect: 100-continue\r\n";
        }
        let body = framed(&mut head, self.request, &self.request_body(number));
        (head.into_bytes(), body)
    }

    fn response(&self, number: usize, until_close: bool) -> Vec<u8> {
        let mut head = String::new();
        if self.interim {
            head += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
        }
        head += &format!("HTTP/1.1 {} X\r\nX-Id: {number}\r\n", self.status);
        let body = self.response_body(number);
        if until_close {
            head += "\r\n";
            return [head.as_bytes(), &body].concat();
        }
        let framed = framed(&mut head, self.response, &body);
        if self.has_no_response_body() { head.into_bytes() } else { [head.as_bytes(), &framed].concat() }
    }

    fn has_no_response_body(&self) -> bool {
        self.method == "HEAD" || matches!(self.status, 204 | 304)
    }

    fn request_body(&self, number: usize) -> Vec<u8> {
        body(number, false, length(self.request))
    }

    fn response_body(&self, number: usize) -> Vec<u8> {
        let length = if self.has_no_response_body() { 0 } else { length(self.response) };
        body(number, true, length)
    }
}

/// A conversation as steps; each step knows its round: what is sent until all is answered.
struct Written {
    steps: Vec<Step>,
    rounds: Vec<usize>,
    /// Rounds of the calls.
    round_of: Vec<usize>,
    /// First position behind the head of each request.
    head_ends: Vec<u64>,
}

const CLIENT: Direction = Direction::Inbound;
const SERVER: Direction = Direction::Outbound;

struct Writer<'a> {
    script: Script,
    rounds: Vec<usize>,
    round: usize,
    sent_bytes: u64,
    cuts: &'a [usize],
}

impl Writer<'_> {
    fn burst(&mut self, direction: Direction, bytes: &[u8]) {
        let mut points: Vec<usize> = self.cuts.iter().map(|cut| cut * bytes.len() / 1000).collect();
        points.extend([0, bytes.len()]);
        points.sort();
        for pair in points.windows(2) {
            self.script.send(direction, bytes[pair[0]..pair[1]].to_vec(), 0, false);
        }
        self.rounds.resize(self.script.steps.len(), self.round);
        if direction == CLIENT {
            self.sent_bytes += bytes.len() as u64;
        }
    }
}

impl Conversation {
    fn write(&self) -> Written {
        let mut writer = Writer {
            script: Script::default(),
            rounds: Vec::new(),
            round: 0,
            sent_bytes: 0,
            cuts: &self.cuts,
        };
        let mut round_of = Vec::new();
        let mut head_ends = Vec::new();
        let last = self.calls.len() - 1;
        let until_close = |number: usize| self.until_close && number == last;
        let batch = if let Style::Batches(size) = self.style { size } else { usize::MAX };
        let mut answers: Vec<u8> = Vec::new();
        let mut requests: Vec<u8> = Vec::new();
        for (number, call) in self.calls.iter().enumerate() {
            let (head, body) = call.request_head(number);
            head_ends.push(writer.sent_bytes + (requests.len() + head.len()) as u64);
            round_of.push(writer.round);
            requests.extend(head);
            match self.style {
                Style::Batches(_) => {
                    if matches!(call.request, Sent::Expected(_)) {
                        writer.burst(CLIENT, &std::mem::take(&mut requests));
                        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
                        writer.burst(SERVER, &[&std::mem::take(&mut answers)[..], interim].concat());
                    }
                    requests.extend(body);
                    answers.extend(call.response(number, until_close(number)));
                    if (number + 1) % batch == 0 || number == last {
                        writer.burst(CLIENT, &std::mem::take(&mut requests));
                        writer.burst(SERVER, &std::mem::take(&mut answers));
                        writer.round += 1;
                    }
                }
                Style::Overlapping => {
                    requests.extend(body);
                    writer.burst(CLIENT, &std::mem::take(&mut requests));
                    let answer = call.response(number, until_close(number));
                    let (now, later) = answer.split_at((answer.len() / 2).max(answer.len().min(60)));
                    writer.burst(SERVER, &[&std::mem::take(&mut answers)[..], now].concat());
                    answers = later.to_vec();
                    writer.round += 1;
                }
                Style::TwoInFlight => {
                    requests.extend(body);
                    if number > 0 {
                        writer.burst(CLIENT, &std::mem::take(&mut requests));
                        writer.burst(SERVER, &std::mem::take(&mut answers));
                        writer.round += 1;
                    }
                    answers = call.response(number, until_close(number));
                }
            }
        }
        writer.burst(CLIENT, &requests);
        writer.burst(SERVER, &answers);
        Written { steps: writer.script.steps, rounds: writer.rounds, round_of, head_ends }
    }

    /// Every exchange is a true one, each at most once, in order; what claims to be whole is.
    /// Returns the numbers of the calls, and whether each was answered.
    fn check(&self, played: &Played) -> Vec<(usize, bool)> {
        let mut found: Vec<(usize, bool)> = Vec::new();
        for exchange in &played.exchanges {
            let (method, target) = request_line(exchange);
            let number: usize =
                target.strip_prefix("/call/").and_then(|n| n.parse().ok()).expect("no invented target");
            let call = &self.calls[number];
            assert_eq!(method, call.method);
            assert_eq!(exchange.direction, CLIENT);
            assert!(found.last().is_none_or(|&(last, _)| last < number), "order");
            let sent = call.request_body(number);
            assert!(sent.starts_with(&exchange.request.body), "request body of {number}");
            if exchange.request.body_whole {
                assert_eq!(exchange.request.body, sent);
                assert_eq!(exchange.request.body_bytes, sent.len() as u64);
            }
            if let Some(response) = &exchange.response {
                assert_eq!(
                    response.head.field("x-id"),
                    Some(number.to_string().as_bytes()),
                    "paired wrongly"
                );
                assert_eq!(status(response), call.status);
                assert!(response.first_byte <= response.last_byte);
                let until_close = self.until_close && number == self.calls.len() - 1;
                if matches!(call.response, Sent::Chunked(_))
                    && response.body_whole
                    && !until_close
                    && !call.has_no_response_body()
                {
                    assert_eq!(response.head.field("X-TRAILER"), Some(&b"t"[..]));
                }
                let sent = call.response_body(number);
                assert!(sent.starts_with(&response.body), "response body of {number}");
                if response.body_whole {
                    assert_eq!(response.body, sent);
                    assert_eq!(response.body_bytes, sent.len() as u64);
                }
            }
            found.push((number, exchange.response.is_some()));
        }
        let unanswered = found.iter().filter(|(_, answered)| !answered).count() as u64;
        assert_eq!(unanswered, played.counters.count(Counter::ResponseMissing));
        assert_eq!(played.held_bytes_end, 0);
        found
    }

    fn check_whole(&self, played: &Played) {
        let found = self.check(played);
        assert_eq!(found, (0..self.calls.len()).map(|n| (n, true)).collect::<Vec<_>>());
        assert_eq!(played.counters.count(Counter::BodyCut), 0);
        for counter in [Counter::Gap, Counter::MessageLost, Counter::RequestMissing] {
            assert_eq!(played.counters.count(counter), 0);
        }
    }
}

/// Says what was sent when a check fails: the shape alone does not tell.
struct ShownOnFailure<'a>(&'a Written);

impl Drop for ShownOnFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (step, round) in self.0.steps.iter().zip(&self.0.rounds) {
                let Step { direction, at, position, burst_start, lost, span, bytes, .. } = step;
                let text: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
                println!(
                    "round {round} {direction:?} at {at} {position} burst {burst_start} lost {lost} span {span} {text:?}"
                );
            }
        }
    }
}

fn config(cases: u32) -> Config {
    // More of them with the variable that proptest knows.
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: wanted.unwrap_or(cases), failure_persistence: None, ..Config::default() }
}

fn either() -> impl Strategy<Value = Conversation> {
    prop_oneof![conversation(false), conversation(true)]
}

/// Steps of each burst in another order, some twice; the first of a direction stays first.
fn shuffle_bursts(steps: &[Step], keys: &[u16]) -> Vec<Step> {
    let key = |i: usize| keys[i % keys.len()];
    let mut burst = 0;
    let mut keyed = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        burst += u64::from(step.burst_start);
        let first = step.position == 0;
        keyed.push((burst, !first, key(index), step.clone()));
        if key(index) % 5 == 0 && !first {
            keyed.push((burst, true, key(index * 7 + 1), step.clone()));
        }
    }
    keyed.sort_by_key(|&(burst, later, key, _)| (burst, later, key));
    keyed.into_iter().map(|(_, _, _, step)| step).collect()
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn http1_any_cut_gives_every_call(conversation in either()) {
        let written = conversation.write();
        conversation.check_whole(&play(&written.steps, Ordering::AsDelivered));
    }

    #[test]
    fn http1_any_order_within_bursts_gives_every_call(
        conversation in either(),
        keys in prop::collection::vec(any::<u16>(), 1..40),
    ) {
        let written = conversation.write();
        let shuffled = shuffle_bursts(&written.steps, &keys);
        conversation.check_whole(&play(&shuffled, Ordering::Reorder));
    }

    /// As a kernel may record them: two threads on one socket, one of them stopped before its hook.
    #[test]
    fn http1_directions_that_overtake_each_other_pair_nothing_wrongly(
        mut conversation in conversation(false),
        overtakes in prop::collection::vec(0u8..8, 1..40),
    ) {
        conversation.cuts.clear();
        let mut written = conversation.write();
        for index in 1..written.steps.len() {
            // What comes first could also be the answer to what came before the sensor.
            let overtakes = written.rounds[index - 1] > 0 && overtakes[index % overtakes.len()] == 0;
            if overtakes && written.steps[index].direction != written.steps[index - 1].direction {
                written.steps.swap(index, index - 1);
            }
        }
        let mut last = None;
        for (index, step) in written.steps.iter_mut().enumerate() {
            step.burst_start = last.replace(step.direction) != Some(step.direction);
            step.at = 10 * index as u64;
        }
        let _shown = ShownOnFailure(&written);
        let found = conversation.check(&play(&written.steps, Ordering::AsDelivered));
        assert_eq!(found, (0..conversation.calls.len()).map(|n| (n, true)).collect::<Vec<_>>());
    }

    #[test]
    fn http1_any_order_at_all_pairs_nothing_wrongly(
        conversation in conversation(false),
        keys in prop::collection::vec(any::<u16>(), 1..40),
    ) {
        let written = conversation.write();
        let mut keyed: Vec<_> = written.steps.iter().enumerate()
            .map(|(i, step)| (step.position != 0, keys[i % keys.len()], step.clone())).collect();
        keyed.sort_by_key(|&(later, key, _)| (later, key));
        let rounds = vec![0; keyed.len()];
        let steps: Vec<Step> = keyed.into_iter().map(|(_, _, step)| step).collect();
        let shuffled = Written { steps, rounds, round_of: Vec::new(), head_ends: Vec::new() };
        let _shown = ShownOnFailure(&shuffled);
        let played = play(&shuffled.steps, Ordering::Reorder);
        let found = conversation.check(&played);
        prop_assert_eq!(found.len(), conversation.calls.len());
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn http1_any_loss_gives_true_calls_and_counts(
        conversation in either(),
        fate in prop::collection::vec(0u8..100, 1..60),
        rate in 1u8..50,
    ) {
        let mut written = conversation.write();
        // An overlap can only be known once one was seen.
        let seen_first = if matches!(conversation.style, Style::Batches(_)) { 0 } else { 3 };
        for (index, step) in written.steps.iter_mut().enumerate() {
            let fate = fate[index % fate.len()];
            if written.rounds[index] < seen_first || fate >= rate {
                continue;
            }
            if fate % 3 == 0 {
                // Copied in part: the rest is known to be missing.
                step.bytes.truncate(step.bytes.len() / 2);
            } else {
                step.lost = true;
            }
        }
        let _shown = ShownOnFailure(&written);
        let played = play(&written.steps, Ordering::AsDelivered);
        let found = conversation.check(&played);
        let damaged = |step: &Step| step.lost || (step.bytes.len() as u64) < step.span;

        // A call that is not reported lost a byte of its head, or of what was sent before it in
        // its round.
        for number in 0..conversation.calls.len() {
            if found.iter().any(|&(n, _)| n == number) {
                continue;
            }
            let explained = written.steps.iter().zip(&written.rounds).any(|(step, &round)| {
                step.direction == CLIENT
                    && damaged(step)
                    && round == written.round_of[number]
                    && step.position < written.head_ends[number]
            });
            // The last hole of a direction is never known to it.
            assert!(explained, "call {} vanished", number);
        }
        let seen = |step: &Step| !step.lost;
        let known_loss = played.counters.count(Counter::MessageLost)
            + played.counters.count(Counter::RequestMissing)
            + played.counters.count(Counter::MessageUnrecognized);
        let whole_tail = written.steps.iter().rev().find(|step| step.direction == CLIENT).is_some_and(seen);
        if found.len() < conversation.calls.len() && whole_tail {
            assert!(known_loss > 0, "uncounted");
        }

        // A round without damage is reported whole, if the next request proves that it was all.
        if let Style::Batches(_) = conversation.style {
            let rounds = written.round_of.last().map_or(0, |last| last + 1);
            for round in 0..rounds.saturating_sub(1) {
                let of = |r: usize| written.steps.iter().zip(&written.rounds)
                    .filter(move |&(_, &round)| round == r).map(|(step, _)| step);
                let proven = of(round + 1).next().is_some_and(|step| seen(step) && !step.bytes.is_empty());
                if proven && of(round).all(|step| !damaged(step)) {
                    for (number, _) in written.round_of.iter().enumerate().filter(|&(_, &r)| r == round) {
                        assert!(found.contains(&(number, true)), "call {} of a whole round", number);
                    }
                }
            }
        }
    }

    #[test]
    fn http1_and_stream_take_any_bytes(data in prop::collection::vec(any::<u8>(), 0..600)) {
        sensor::protocol::fuzz(&data);
        sensor::stream::fuzz(&data);
    }

    #[test]
    fn http1_damaged_conversations_never_panic(
        number in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
        reorder in any::<bool>(),
    ) {
        let fixtures = FIXTURES.get_or_init(fixtures);
        let (_, text) = &fixtures[number.index(fixtures.len())];
        let (mut steps, _) = parse(text);
        for (step, at, byte) in damage {
            let count = steps.len();
            let step = &mut steps[step.index(count)];
            match step.bytes.len() {
                0 => step.span = u64::from(byte) + 1,
                length if byte < 8 => {
                    step.bytes.truncate(at.index(length));
                    step.burst_start = byte < 4;
                }
                length => step.bytes[at.index(length)] = byte,
            }
        }
        let ordering = if reorder { Ordering::Reorder } else { Ordering::AsDelivered };
        prop_assert_eq!(play(&steps, ordering).held_bytes_end, 0);
    }

    #[test]
    fn http1_noise_never_panics_and_stays_bounded(
        words in prop::collection::vec((0usize..NOISE.len(), any::<bool>(), 0u8..10, any::<bool>()), 1..200),
        random in prop::collection::vec(any::<u8>(), 0..300),
        reorder in any::<bool>(),
    ) {
        let mut script = Script::default();
        for (word, client, fate, burst) in words {
            let direction = if client { CLIENT } else { SERVER };
            let bytes = match NOISE[word] {
                "" => random.clone(),
                word => word.as_bytes().to_vec(),
            };
            script.send(direction, bytes, if fate == 0 { 50 } else { 0 }, fate == 1);
            if let Some(step) = script.steps.last_mut() {
                step.burst_start |= burst;
            }
        }
        let ordering = if reorder { Ordering::Reorder } else { Ordering::AsDelivered };
        let played = play(&script.steps, ordering);
        prop_assert_eq!(played.held_bytes_end, 0);
        let bound = 2 * REORDER_BYTES_MAX + 4 * HEAD_BYTES_MAX + PIPELINE_BYTES_MAX;
        prop_assert!(played.held_bytes_max < bound);
    }
}

static FIXTURES: OnceLock<Vec<(PathBuf, String)>> = OnceLock::new();

const NOISE: &[&str] = &[
    "",
    "GET / HTTP/1.1\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a HTTP/1.1\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\n\r\n",
    "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nA: b\r\n\r\n",
    "\r\n",
    "\n",
    "hello",
    "X-Field: value\r\n",
    "Content-Length: 18446744073709551615\r\n\r\n",
    "ffffffffffffffff\r\n",
    "\x1f\u{8}",
];
