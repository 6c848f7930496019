//! Latencies as counts per power of two: small, exact to merge, good to a factor of two at worst.

use super::Histogram;

impl Histogram {
    /// Counts one latency, in nanoseconds.
    pub fn record(&mut self, latency_ns: u64) {
        let latency_us = (latency_ns / 1000).max(1);
        let bucket = (latency_us.ilog2() as usize).min(self.buckets.len() - 1);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }

    /// Latencies counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// The latency that a share `q` (0 to 1) of the calls did not exceed, in microseconds, on a
    /// straight line within its bucket; `None` if nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * count as f64).max(1.0);
        let mut below = 0_u64;
        for (bucket, &here) in self.buckets.iter().enumerate() {
            if here > 0 && (below + here) as f64 >= rank {
                let start = (1_u64 << bucket) as f64;
                return Some((start + start * (rank - below as f64) / here as f64) as u64);
            }
            below = below.saturating_add(here);
        }
        Some(1 << self.buckets.len())
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, &more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count = count.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn buckets_and_quantiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for latency_ns in [0, 999, 1000, 1999] {
            histogram.record(latency_ns);
        }
        assert_eq!(histogram.buckets[0], 4);
        histogram.record(2000);
        assert_eq!(histogram.buckets[1], 1);
        histogram.record(u64::MAX);
        assert_eq!(histogram.buckets[27], 1);
        let mut even = Histogram::default();
        for ms in 1..=1000_u64 {
            even.record(ms * 1_000_000);
        }
        let median = even.quantile(0.5).unwrap();
        assert!((450_000..=550_000).contains(&median), "{median}");
        assert!(even.quantile(0.99).unwrap() <= 1 << 20);
        assert!(even.quantile(0.0) <= even.quantile(1.0));
    }
}
