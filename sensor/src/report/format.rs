//! Numbers as people read them: times, durations, sizes.

use crate::flow::Timestamp;
use crate::inventory::Histogram;

/// RFC 3339 in UTC with milliseconds; empty for the "never" of an empty hull.
pub(super) fn time(at: Timestamp) -> String {
    if at.0 == u64::MAX {
        return String::new();
    }
    match jiff::Timestamp::from_nanosecond(i128::from(at.0)) {
        Ok(at) => format!("{at:.3}"),
        Err(_) => String::new(),
    }
}

/// Milliseconds below which `share` of the calls were answered, by even spread within the bucket;
/// `None` without calls. Exact to a factor of two.
pub(super) fn quantile_ms(latency: &Histogram, share: f64) -> Option<f64> {
    let total: u64 = latency.buckets.iter().fold(0, |sum: u64, calls| sum.saturating_add(*calls));
    if total == 0 {
        return None;
    }
    let rank = share * total as f64;
    let mut below = 0.0;
    let mut last = 0.0;
    for (bucket, &calls) in latency.buckets.iter().enumerate().filter(|(_, calls)| **calls > 0) {
        let start_us = if bucket == 0 { 0.0 } else { 2f64.powi(bucket as i32) };
        let end_us = 2f64.powi(bucket as i32 + 1);
        last = end_us;
        if below + calls as f64 >= rank {
            let part = ((rank - below) / calls as f64).clamp(0.0, 1.0);
            last = start_us + part * (end_us - start_us);
            break;
        }
        below += calls as f64;
    }
    Some((last.round()) / 1000.0)
}

/// `850 µs`, `1.2 ms`, `3.4 s`.
pub(super) fn duration(milliseconds: f64) -> String {
    if milliseconds < 1.0 {
        format!("{:.0} µs", milliseconds * 1000.0)
    } else if milliseconds < 100.0 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

/// `512 B`, `1.5 KiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `1 endpoint`, `2 endpoints`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        assert_eq!(time(Timestamp(1_700_000_000_123_456_789)), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(Timestamp(u64::MAX)), "");
        assert_eq!(
            [0, 1023, 1024, 1536, 5 << 30].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 GiB"]
        );
        assert_eq!([0.25, 1.25, 250.0, 2500.0].map(duration), ["250 µs", "1.2 ms", "250 ms", "2.5 s"]);
    }

    #[test]
    fn quantiles_lie_in_their_bucket_and_do_not_fall() {
        let mut latency = Histogram::default();
        assert_eq!(quantile_ms(&latency, 0.5), None);
        latency.buckets[10] = 90;
        latency.buckets[20] = 10;
        let p50 = quantile_ms(&latency, 0.5).expect("there are calls");
        let p95 = quantile_ms(&latency, 0.95).expect("there are calls");
        assert!((1.024..2.048).contains(&p50), "{p50}");
        assert!((1048.0..2098.0).contains(&p95), "{p95}");
    }
}
