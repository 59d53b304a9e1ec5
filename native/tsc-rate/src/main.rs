//! Prints the rate of this machine's time stamp counter in kHz, measured in user space.
//!
//! A guest under TCG sees the host's TSC, and on a busy machine its kernel fails to calibrate it and hangs in boot; told the
//! rate (`tsc_early_khz=`), it need not. Node cannot read the counter, hence this program.

use std::arch::x86_64::_rdtsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough that the two clock readings (well under a microsecond apart each) err by less than 10 ppm.
const SPAN: Duration = Duration::from_millis(200);

fn main() {
    println!("{}", measure_khz());
}

/// The counter's rate over one span, in kHz.
fn measure_khz() -> u64 {
    let (start, first) = reading();
    sleep(SPAN);
    let (end, last) = reading();
    let nanoseconds = end.duration_since(start).as_nanos();
    let ticks = u128::from(last - first);
    u64::try_from(ticks * 1_000_000 / nanoseconds).expect("a rate below 2^64 kHz")
}

/// The clock and the counter, read together. Of three readings the one during which this thread was held up least.
fn reading() -> (Instant, u64) {
    (0..3)
        .map(|_| {
            let clock = Instant::now();
            // SAFETY: RDTSC reads a register; x86_64 always has it, and Linux lets user space use it.
            let ticks = unsafe { _rdtsc() };
            (clock.elapsed(), clock, ticks)
        })
        .min_by_key(|(took, _, _)| *took)
        .map(|(_, clock, ticks)| (clock, ticks))
        .expect("three readings")
}

#[cfg(test)]
mod tests {
    use super::measure_khz;

    #[test]
    fn two_measurements_agree_to_one_part_in_a_thousand() {
        let (one, other) = (measure_khz(), measure_khz());
        assert!(
            one.abs_diff(other) * 1000 < one,
            "{one} kHz, then {other} kHz"
        );
    }
}
