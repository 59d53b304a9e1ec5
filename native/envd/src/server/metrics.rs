//! `GET /metrics`: what the machine uses. Read when asked: nothing is sampled in between.

use std::fs;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use rustix::fs::statvfs;
use serde::Serialize;
use std::sync::Arc;

const MIB: u64 = 1 << 20;

/// In bytes, unless the name says MiB.
#[derive(Debug, Serialize)]
pub struct Metrics {
    ts: u64,
    cpu_count: usize,
    /// Of all processors, since the last call (the first: since boot).
    cpu_used_pct: f64,
    mem_total: u64,
    mem_used: u64,
    mem_cache: u64,
    mem_total_mib: u64,
    mem_used_mib: u64,
    disk_used: u64,
    disk_total: u64,
}

/// Processor time as it was at the last call.
#[derive(Debug, Default)]
pub struct LastCall(Mutex<CpuTime>);

#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct CpuTime {
    busy: u64,
    total: u64,
}

/// Asks the kernel.
pub async fn metrics(State(last): State<Arc<LastCall>>) -> Json<Metrics> {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (total, available) = (
        memory_field(&memory, "MemTotal"),
        memory_field(&memory, "MemAvailable"),
    );
    let used = total.saturating_sub(available);
    let (disk_used, disk_total) = statvfs("/").map_or((0, 0), |disk| {
        (
            (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            disk.f_blocks * disk.f_frsize,
        )
    });
    let now = cpu_time(&stat);
    let before = last
        .0
        .lock()
        .map(|mut last| std::mem::replace(&mut *last, now))
        .unwrap_or_default();
    Json(Metrics {
        ts: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        cpu_count: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_used_pct: used_percent(before, now),
        mem_total: total,
        mem_used: used,
        mem_cache: memory_field(&memory, "Cached"),
        mem_total_mib: total / MIB,
        mem_used_mib: used / MIB,
        disk_used,
        disk_total,
    })
}

/// `cpu user nice system idle iowait irq softirq steal …`
fn cpu_time(stat: &str) -> CpuTime {
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .unwrap_or_default();
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    let total: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    CpuTime {
        busy: total - idle,
        total,
    }
}

fn used_percent(before: CpuTime, now: CpuTime) -> f64 {
    let total = now.total.saturating_sub(before.total);
    let busy = now.busy.saturating_sub(before.busy);
    if total == 0 {
        0.0
    } else {
        (busy as f64 * 10_000.0 / total as f64).round() / 100.0
    }
}

fn memory_field(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_processors_is_that_since_the_last_call() {
        let before = cpu_time("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n");
        assert_eq!(
            before,
            CpuTime {
                busy: 200,
                total: 1000
            }
        );
        let now = cpu_time("cpu  150 0 100 700 150 0 0 0 0 0\n");
        assert_eq!(used_percent(before, now), 50.0);
        assert_eq!(used_percent(now, now), 0.0);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(
            memory_field("MemTotal:  2 kB\nMemAvailable: 1 kB\n", "MemAvailable"),
            1024
        );
        assert_eq!(memory_field("", "MemTotal"), 0);
    }
}
