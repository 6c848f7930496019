//! What the agent's stages cost on one core, without a kernel: recorded ring records -> decode ->
//! pipeline, with a change taken each simulated second, beside the floor of its parsers (httparse
//! over the heads and `serde_json::IgnoredAny` over the bodies of the same bytes), interleaved. Then
//! what is resident with many endpoints. Times are CPU times of this thread.

mod memory;
mod messages;
mod ring;
mod traffic;

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use schema::record::DataRecord;
use sensor::inventory::Inventory;
use sensor::pipeline::Pipeline;
use sensor::source::decode::Decoder;
use sensor::stream::Ordering;
use serde::de::IgnoredAny;

use crate::traffic::Traffic;

/// Stands for the installation's key.
pub const KEY: [u8; 16] = [7; 16];

/// Where the simulated clock begins, in nanoseconds since the epoch.
pub const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

const TARGET_CALLS_PER_SECOND: f64 = 150_000.0;
const TARGET_RATIO: f64 = 0.4;

const USAGE: &str = "options: --calls N (in one round), --seconds N (of rounds), --endpoints N, \
                     --memory-endpoints N (0: none), --memory-cycles N";

struct Options {
    calls: usize,
    seconds: u64,
    endpoints: usize,
    memory_endpoints: usize,
    memory_cycles: usize,
}

fn main() -> Result<()> {
    let options = options()?;
    // First, while the process is small.
    if options.memory_endpoints > 0 {
        memory::measure(options.memory_endpoints, options.memory_cycles, true)?;
    }
    if options.seconds > 0 {
        speed(&options)?;
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options =
        Options { calls: 50_000, seconds: 20, endpoints: 200, memory_endpoints: 10_000, memory_cycles: 30 };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--");
    while let Some(name) = arguments.next() {
        let value = arguments.next().context(USAGE)?;
        let number: usize = value.parse().with_context(|| format!("{name} {value}: {USAGE}"))?;
        match &*name {
            "--calls" => options.calls = number.max(1),
            "--seconds" => options.seconds = number as u64,
            "--endpoints" => options.endpoints = number.max(messages::SERVICES.len()),
            "--memory-endpoints" => options.memory_endpoints = number,
            "--memory-cycles" => options.memory_cycles = number.max(2),
            _ => bail!("{name}: {USAGE}"),
        }
    }
    Ok(options)
}

/// Records of one round, and where in them the parsers of the floor find their input.
#[derive(Default)]
struct Recording {
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
    /// Number of the first record behind each simulated second.
    seconds: Vec<usize>,
    pieces: Vec<Piece>,
    payload_bytes: usize,
    duration_ns: u64,
}

enum Piece {
    Head(Range<usize>),
    Body(Range<usize>),
}

fn record(options: &Options) -> Recording {
    let mut recording = Recording::default();
    let mut traffic = Traffic::new(options.endpoints, false);
    let add = |record: &[u8], head: usize, recording: &mut Recording| {
        let start = recording.bytes.len();
        recording.bytes.extend_from_slice(record);
        let end = recording.bytes.len();
        recording.records.push(start..end);
        let payload = start + size_of::<DataRecord>();
        if record[2] != schema::record::KIND_DATA {
            return;
        }
        recording.payload_bytes += end - payload;
        if head > 0 {
            recording.pieces.push(Piece::Head(payload..payload + head));
        }
        if payload + head < end {
            recording.pieces.push(Piece::Body(payload + head..end));
        }
    };
    traffic.open(&mut |record, head| add(record, head, &mut recording));
    for call in 1..=options.calls as u64 {
        traffic.step(&mut |record, head| add(record, head, &mut recording));
        if call.is_multiple_of(traffic::CALLS_PER_SECOND) {
            recording.seconds.push(recording.records.len());
        }
    }
    traffic.settle(&mut |record, head| add(record, head, &mut recording));
    traffic.close(&mut |record, head| add(record, head, &mut recording));
    recording.seconds.push(recording.records.len());
    recording.duration_ns = traffic.now_ns();
    recording
}

fn speed(options: &Options) -> Result<()> {
    let recording = record(options);
    let mut decoder = Decoder::new(EPOCH_NS);
    let mut pipeline = Pipeline::new(Ordering::AsDelivered, KEY);
    let (mut pipeline_ns, mut floor_ns, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    let mut round = 0;
    // The first round warms up and is not counted.
    while round < 6 || began.elapsed() < Duration::from_secs(options.seconds) {
        decoder.set_epoch_offset(EPOCH_NS + round * recording.duration_ns);
        let start = cpu_ns();
        let calls = run_pipeline(&recording, &mut decoder, &mut pipeline)?;
        let middle = cpu_ns();
        let parsed = run_floor(&recording)?;
        let end = cpu_ns();
        ensure!(calls == options.calls as u64, "{calls} calls recorded of {} sent", options.calls);
        ensure!(parsed == recording.pieces.len(), "the floor has not read all");
        if round > 0 {
            pipeline_ns.push((middle - start) as f64 / calls as f64);
            floor_ns.push((end - middle) as f64 / calls as f64);
            ratios.push((end - middle) as f64 / (middle - start) as f64);
        }
        round += 1;
    }
    let payload = recording.payload_bytes as f64 / options.calls as f64;
    println!(
        "speed: {} rounds of {} calls, {payload:.0} B of payload and {:.1} records each, {} endpoints, \
         {} connections; every call recorded, no loss counted",
        pipeline_ns.len(),
        options.calls,
        recording.records.len() as f64 / options.calls as f64,
        options.endpoints,
        traffic::CONNECTIONS,
    );
    for (name, ns) in [("pipeline", &pipeline_ns), ("floor", &floor_ns)] {
        let (low, middle, high) = spread(ns);
        println!(
            "  {name:8} {middle:6.0} ns a call ({low:.0} to {high:.0})  {:8.0} calls/s  {:6.0} MB/s",
            1e9 / middle,
            payload * 1e3 / middle,
        );
    }
    let (low, ratio, high) = spread(&ratios);
    println!("  pipeline / floor in speed {ratio:.2} ({low:.2} to {high:.2})");
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    println!(
        "  target >= {TARGET_CALLS_PER_SECOND} calls/s: {}; target >= {TARGET_RATIO} of the floor: {}",
        verdict(1e9 / spread(&pipeline_ns).1 >= TARGET_CALLS_PER_SECOND),
        verdict(ratio >= TARGET_RATIO),
    );
    Ok(())
}

/// Calls recorded.
fn run_pipeline(recording: &Recording, decoder: &mut Decoder, pipeline: &mut Pipeline) -> Result<u64> {
    let mut calls = 0;
    let mut first = 0;
    for &end in &recording.seconds {
        for range in &recording.records[first..end] {
            if let Some(event) = decoder.decode(&recording.bytes[range.clone()], pipeline.counters()) {
                pipeline.take(event);
            }
        }
        first = end;
        calls += calls_in(&pipeline.take_delta())?;
    }
    Ok(calls)
}

/// Heads and bodies parsed.
fn run_floor(recording: &Recording) -> Result<usize> {
    let mut parsed = 0;
    for piece in &recording.pieces {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let whole = match piece {
            Piece::Head(range) if recording.bytes[range.clone()].starts_with(b"HTTP/") => {
                let mut response = httparse::Response::new(&mut headers);
                response.parse(black_box(&recording.bytes[range.clone()]))?.is_complete()
                    && black_box(response.headers.len()) > 0
            }
            Piece::Head(range) => {
                let mut request = httparse::Request::new(&mut headers);
                request.parse(black_box(&recording.bytes[range.clone()]))?.is_complete()
                    && black_box(request.headers.len()) > 0
            }
            Piece::Body(range) => {
                black_box(serde_json::from_slice::<IgnoredAny>(black_box(&recording.bytes[range.clone()]))?);
                true
            }
        };
        parsed += usize::from(whole);
    }
    Ok(parsed)
}

/// Calls of a change, which must not tell of any loss.
pub fn calls_in(delta: &Inventory) -> Result<u64> {
    ensure!(delta.losses.is_empty(), "losses were counted: {:?}", delta.losses);
    Ok(delta.endpoints.values().map(|stats| stats.calls).sum())
}

/// CPU time of this thread: others use the machine too.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Smallest, middle and largest.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // At least five rounds were counted.
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}
