//! Numbers as people read them: times, durations, sizes.

use crate::flow::Timestamp;

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

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
