//! Clocks that count only the time that the program itself computes.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// CPU time of this thread; where the system does not tell, the time since the first call.
pub(crate) fn thread_cpu() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    // Linux: nanoseconds on a processor, nanoseconds waiting, slices.
    let told = read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|line| line.split_whitespace().next()?.parse().ok().map(Duration::from_nanos));
    spent.unwrap_or_else(|| START.get_or_init(Instant::now).elapsed())
}

/// The middle value.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
