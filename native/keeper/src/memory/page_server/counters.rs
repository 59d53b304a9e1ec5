//! What the page server has done, and how long faults took it.

use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

/// Times are told apart to a quarter of their own, up to days.
const STEPS: usize = 4;
const BUCKETS: usize = 48 * STEPS;

/// Counted by the server, read by whoever asks.
pub struct Counters {
    pub faults: AtomicU64,
    pub zero_faults: AtomicU64,
    pub copied_bytes: AtomicU64,
    pub prefetched_bytes: AtomicU64,
    times: [AtomicU64; BUCKETS],
}

/// Of one moment.
#[derive(Debug, Default, Serialize)]
pub struct Counts {
    faults: u64,
    zero_faults: u64,
    copied_bytes: u64,
    prefetched_bytes: u64,
    fault_us_p50: f64,
    fault_us_p99: f64,
}

impl Counters {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            faults: AtomicU64::new(0),
            zero_faults: AtomicU64::new(0),
            copied_bytes: AtomicU64::new(0),
            prefetched_bytes: AtomicU64::new(0),
            times: from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// A fault took this long, from when the server heard of it.
    pub fn took(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.times[bucket(nanoseconds)].fetch_add(1, Relaxed);
    }

    /// What there is now.
    pub fn counts(&self) -> Counts {
        let times: Vec<u64> = self.times.iter().map(|count| count.load(Relaxed)).collect();
        Counts {
            faults: self.faults.load(Relaxed),
            zero_faults: self.zero_faults.load(Relaxed),
            copied_bytes: self.copied_bytes.load(Relaxed),
            prefetched_bytes: self.prefetched_bytes.load(Relaxed),
            fault_us_p50: percentile(&times, 50),
            fault_us_p99: percentile(&times, 99),
        }
    }
}

/// Four for each power of two: the two bits below the highest choose.
fn bucket(nanoseconds: u64) -> usize {
    let power = nanoseconds.max(STEPS as u64).ilog2();
    let step = (nanoseconds.max(STEPS as u64) >> (power - 2)) as usize % STEPS;
    ((power as usize - 2) * STEPS + step).min(BUCKETS - 1)
}

/// The longest time of the bucket that it lies in, in microseconds.
fn percentile(times: &[u64], percent: u64) -> f64 {
    let all: u64 = times.iter().sum();
    let wanted = (all * percent).div_ceil(100);
    let mut seen = 0;
    for (bucket, count) in times.iter().enumerate() {
        seen += count;
        if *count > 0 && seen >= wanted {
            let (power, step) = (bucket / STEPS, bucket % STEPS);
            let end = ((STEPS + step + 1) as u64) << power;
            return end as f64 / 1000.0;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_at_most_a_quarter_too_long() {
        for exact in [5_u64, 1000, 3800, 65_000, 12_345_678, 3_600_000_000_000] {
            let counters = Counters::new();
            (0..98).for_each(|_| counters.took(Duration::from_nanos(exact)));
            (0..2).for_each(|_| counters.took(Duration::from_nanos(exact * 10)));

            let Counts {
                fault_us_p50,
                fault_us_p99,
                ..
            } = counters.counts();

            let is_close = |told: f64, exact: f64| told >= exact && told <= exact * 1.25 + 0.002;
            assert!(
                is_close(fault_us_p50, exact as f64 / 1000.0),
                "{exact}: {fault_us_p50}"
            );
            assert!(
                is_close(fault_us_p99, exact as f64 / 100.0),
                "{exact}: {fault_us_p99}"
            );
        }
    }

    #[test]
    fn the_shortest_and_the_longest_times_are_counted_somewhere() {
        let counters = Counters::new();
        assert!(counters.counts().fault_us_p99 == 0.0);
        counters.took(Duration::ZERO);
        assert!(counters.counts().fault_us_p99 < 0.01);
        counters.took(Duration::MAX);
        assert!(counters.counts().fault_us_p99 > 1e9);
    }
}
