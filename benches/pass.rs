//! The kernels and the pass as a share of this machine's own gemm peak, measured in the same run.
//!
//! `cargo bench --bench pass -- kernels|pass`

mod common;

use common::{best_seconds, gemm_peak, noise};
use kronfit::linalg::kernel::{self, Mode};
use kronfit::linalg::{Triangle, as_matrix, as_matrix_mut, gemm};
use ndarray::Array2;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let peak = gemm_peak();
    println!("gemm peak, one thread: {:.1} Gflop/s", peak / 1e9);
    if runs("kernels") {
        kernels(peak);
    }
}

/// Whitening one side and one scatter, by the lane kernels, by faer and by ndarray.
fn kernels(peak: f64) {
    println!("share of peak (flops counted as triangular): own | faer | ndarray");
    for d in [3, 5, 10, 15, 20, 30, 50, 100, 200] {
        // A block of about 32k doubles.
        let other = d;
        let m = (32 * 1024 / (d * other)).clamp(8, 64) / 8 * 8;
        let len = d * other * m;
        let lower = noise(d * d, 3);
        let x = noise(len, 4);
        let mut y = x.clone();
        let mut out = vec![0.0; d * d];
        let mut panels = Vec::new();
        let mut sums = kernel::Gram::new(d);
        let flops = (len * (d + 1)) as f64;
        let full = Triangle::Full;
        for (name, mode) in [
            ("rows", Mode { outer: 1, d, inner: other * m }),
            ("cols", Mode { outer: other, d, inner: m }),
        ] {
            let load = best_seconds(0.05, || y.copy_from_slice(&x));
            let white = best_seconds(0.1, || {
                y.copy_from_slice(&x);
                kernel::lower_times(&lower, &mut y, mode, &mut panels);
            }) - load;
            let gram = best_seconds(0.1, || sums.add(&x, &x, mode));
            let (fw, fg) = faer_pair(name, &lower, &x, &mut y, (d, other * m), &mut out, full);
            let (nw, ng) = ndarray_pair(name, &lower, &x, (d, other * m));
            let share = |t: f64| 100.0 * flops / t / peak;
            println!(
                "d {d:4} m {m:3} {name}: whiten {:5.1} | {:5.1} | {:5.1}   gram {:5.1} | {:5.1} | {:5.1}",
                share(white),
                share(fw),
                share(nw),
                share(gram),
                share(fg),
                share(ng)
            );
        }
    }
    for k in [25, 100, 400, 2500] {
        let (m, n) = (64, 512);
        let (x, mean) = (noise(n * k, 5), noise(k, 6));
        let mut out = vec![0.0; m * k];
        let t = best_seconds(0.1, || {
            for part in x.chunks(m * k) {
                kernel::load_lanes(part, k, &mean, (m, m), &mut out);
            }
        });
        println!("load k {k}: {:.2} ns per entry", t * 1e9 / (n * k) as f64);
    }
}

fn faer_pair(
    name: &str,
    lower: &[f64],
    x: &[f64],
    y: &mut [f64],
    (d, long): (usize, usize),
    out: &mut [f64],
    full: Triangle,
) -> (f64, f64) {
    let l = as_matrix(lower, d, d);
    if name == "rows" {
        let white = best_seconds(0.1, || {
            let to = (as_matrix_mut(y, d, long), full);
            gemm(1.0, (l, Triangle::Lower), (as_matrix(x, d, long), full), false, to);
        });
        let xm = as_matrix(x, d, long);
        let gram = best_seconds(0.1, || {
            gemm(
                1.0,
                (xm, full),
                (xm.t(), full),
                true,
                (as_matrix_mut(out, d, d), Triangle::Lower),
            );
        });
        (white, gram)
    } else {
        let white = best_seconds(0.1, || {
            let to = (as_matrix_mut(y, long, d), full);
            gemm(1.0, (as_matrix(x, long, d), full), (l.t(), Triangle::Upper), false, to);
        });
        let xm = as_matrix(x, long, d);
        let gram = best_seconds(0.1, || {
            gemm(
                1.0,
                (xm.t(), full),
                (xm, full),
                true,
                (as_matrix_mut(out, d, d), Triangle::Lower),
            );
        });
        (white, gram)
    }
}

fn ndarray_pair(name: &str, lower: &[f64], x: &[f64], (d, long): (usize, usize)) -> (f64, f64) {
    let l = as_matrix(lower, d, d);
    let shape = if name == "rows" { (d, long) } else { (long, d) };
    let xm = as_matrix(x, shape.0, shape.1);
    let mut y = Array2::zeros(shape);
    let mut s = Array2::zeros((d, d));
    let product = ndarray::linalg::general_mat_mul;
    if name == "rows" {
        (
            best_seconds(0.1, || product(1.0, &l, &xm, 0.0, &mut y)),
            best_seconds(0.1, || product(1.0, &xm, &xm.t(), 1.0, &mut s)),
        )
    } else {
        (
            best_seconds(0.1, || product(1.0, &xm, &l.t(), 0.0, &mut y)),
            best_seconds(0.1, || product(1.0, &xm.t(), &xm, 1.0, &mut s)),
        )
    }
}
