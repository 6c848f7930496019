//! Resident memory of the pipeline with many endpoints. The traffic is made on the fly, so that what
//! is resident is the pipeline; a change that was taken lives until the next one is, as it does in
//! the sensor while it is written to the store.

use std::fs;

use anyhow::{Context, Result, ensure};
use sensor::inventory::Inventory;
use sensor::pipeline::Pipeline;
use sensor::source::decode::Decoder;
use sensor::stream::Ordering;

use crate::traffic::Traffic;
use crate::{EPOCH_NS, KEY, calls_in};

/// Resident memory at the most, in MB.
const TARGET_MB: f64 = 64.0;

/// Runs so many flush cycles, each with two calls to each endpoint, and prints what was resident.
/// `half`: with bodies of half size.
pub fn measure(endpoints: usize, cycles: usize, half: bool) -> Result<()> {
    let mut traffic = Traffic::new(endpoints, half);
    traffic.step(&mut |_, _| ());
    let mut traffic = Traffic::new(endpoints, half);
    let before_mb = resident_mb("VmRSS")?;
    let mut decoder = Decoder::new(EPOCH_NS);
    let mut pipeline = Pipeline::new(Ordering::AsDelivered, KEY);
    let mut take = |record: &[u8], pipeline: &mut Pipeline| {
        if let Some(event) = decoder.decode(record, pipeline.counters()) {
            pipeline.take(event);
        }
    };
    traffic.open(&mut |record, _| take(record, &mut pipeline));
    let mut writing = Inventory::default();
    let mut fields = 0;
    let (mut first_mb, mut highest_mb) = (0_f64, 0_f64);
    for cycle in 0..cycles {
        for _ in 0..2 * endpoints {
            traffic.step(&mut |record, _| take(record, &mut pipeline));
        }
        traffic.settle(&mut |record, _| take(record, &mut pipeline));
        highest_mb = highest_mb.max(resident_mb("VmRSS")?);
        drop(std::mem::take(&mut writing));
        writing = pipeline.take_delta();
        highest_mb = highest_mb.max(resident_mb("VmRSS")?);
        if cycle == 1 {
            first_mb = highest_mb;
        }
        ensure!(calls_in(&writing)? == 2 * endpoints as u64, "calls were not recorded");
        ensure!(writing.endpoints.len() == endpoints, "{} endpoints of {endpoints}", writing.endpoints.len());
        fields = writing.endpoints.values().map(|stats| stats.fields.len()).sum();
    }
    let peak_mb = resident_mb("VmHWM")?;
    println!(
        "memory: {endpoints} endpoints x {:.0} fields, {cycles} flush cycles of {} calls",
        fields as f64 / endpoints as f64,
        2 * endpoints
    );
    println!("  process before the pipeline    {before_mb:8.1} MB");
    println!("  highest in the first 2 cycles  {first_mb:8.1} MB");
    println!("  highest in all                 {highest_mb:8.1} MB");
    println!(
        "  peak of the process (VmHWM)    {peak_mb:8.1} MB   target <= {TARGET_MB} MB: {}",
        if peak_mb <= TARGET_MB { "met" } else { "MISSED" }
    );
    Ok(())
}

/// A line of `/proc/self/status`, in MB of 1,000,000 bytes.
fn resident_mb(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kib.with_context(|| format!("/proc/self/status has no {name}"))? * 1024.0 / 1e6)
}
