//! Timing in one run: the best of repeated calls, and the machine's own gemm peak to divide by.
#![allow(dead_code, reason = "each bench uses its own part")]

use kronfit::linalg::{Triangle, gemm};
use ndarray::Array2;
use std::time::Instant;

/// Seconds of one call: the shortest of repeats that fill about `budget` seconds.
pub fn best_seconds(budget: f64, mut call: impl FnMut()) -> f64 {
    call();
    let clock = Instant::now();
    call();
    let once = clock.elapsed().as_secs_f64().max(1e-9);
    let inner = ((1e-3 / once) as usize).clamp(1, 100_000);
    let repeats = ((budget / (once * inner as f64)) as usize).clamp(5, 101);
    let mut times: Vec<f64> = (0..repeats)
        .map(|_| {
            let (clock, before) = (Instant::now(), on_cpu());
            (0..inner).for_each(|_| call());
            let wall = clock.elapsed().as_secs_f64();
            // A long call is interrupted by whatever else runs: count the time on the processor,
            // which the kernel keeps to a few milliseconds.
            let seconds = match (before, on_cpu()) {
                (Some(before), Some(after)) if wall > 0.05 => wall.min(after - before),
                _ => wall,
            };
            seconds / inner as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    // Other work on the machine only ever adds time.
    times[0]
}

/// Seconds that this thread was on a processor, where the system tells (Linux).
fn on_cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? * 1e-9)
}

/// Reproducible numbers of mean 0, roughly normal: no need of more for timing.
pub fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..len).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
}

/// A fast product of two square matrices on this machine, one thread, in flops per second.
pub fn gemm_peak() -> f64 {
    let d = 384;
    let a = Array2::from_shape_vec((d, d), noise(d * d, 1)).expect("d² numbers");
    let b = Array2::from_shape_vec((d, d), noise(d * d, 2)).expect("d² numbers");
    let mut c = Array2::zeros((d, d));
    let full = Triangle::Full;
    let seconds = best_seconds(0.6, || {
        gemm(1.0, (a.view(), full), (b.view(), full), false, (c.view_mut(), full));
    });
    2.0 * (d * d * d) as f64 / seconds
}
