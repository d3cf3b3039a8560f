//! The kernels and the pass as a share of this machine's own gemm peak, measured in the same run.
//!
//! `cargo bench --bench pass -- [kernels|pass|threads|moments] [2000x50x50 …]`

mod common;

use common::{best_seconds, gemm_peak, noise};
use kronfit::data::Sample;
use kronfit::family::{Gaussian, KroneckerT, MatrixT};
use kronfit::likelihood::{Likelihood, Moments, Point, SampleLikelihood, Sides, Sums};
use kronfit::linalg::Root;
use kronfit::linalg::gram::Gram;
use kronfit::linalg::kernel::{self, Mode};
use kronfit::linalg::load;
use kronfit::linalg::{Triangle, as_matrix, as_matrix_mut, gemm, zeros};
use ndarray::{Array2, Array3};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    // "2000x50x50" picks one shape.
    let (shapes, wanted): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|w| w.starts_with(|c: char| c.is_ascii_digit()));
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let peak = gemm_peak();
    println!("gemm peak, one thread: {:.1} Gflop/s", peak / 1e9);
    if runs("pass") {
        passes(peak, &shapes);
    }
    if runs("threads") {
        threads();
    }
    if runs("moments") {
        moments();
    }
    if runs("kernels") {
        kernels(peak);
    }
}

/// The moments of n samples, and one sweep with them, which does not know n any more.
fn moments() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let (p, q) = (10, 10);
    let unit = |d: usize| Root::scaled_identity(d, 1.0);
    let whitening = Point::new(Array2::zeros((p, q)), unit(p), unit(q));
    let point = point(p, q);
    for n in [5000, 10_000, 20_000] {
        let sample = sample(n, p, q);
        let observed = || {
            let mut moments = Moments::new(whitening.clone());
            moments.observe_all(sample.values()).expect("samples of one shape");
            moments.likelihood().expect("samples")
        };
        let mut out = Sums::zeros(p, q);
        let (collect, sweep) = pool.install(|| {
            let source = observed();
            let sweep = best_seconds(0.3, || {
                source.sums(&point, &Gaussian, Sides::COLS, &mut out).unwrap();
                source.sums(&point, &Gaussian, Sides::ROWS, &mut out).unwrap();
            });
            (best_seconds(0.5, || drop(observed())), sweep)
        });
        println!("({n}, {p}, {q}): moments {:.3} ms, sweep {:.2} µs", collect * 1e3, sweep * 1e6);
    }
}

fn sample(n: usize, p: usize, q: usize) -> Sample {
    let values = Array3::from_shape_vec((n, p, q), noise(n * p * q, 8)).expect("npq numbers");
    Sample::new(values).expect("a finite sample")
}

fn point(p: usize, q: usize) -> Point {
    let root = |d: usize| {
        let tilt = noise(d * d, 9);
        Root::from_lower(Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => 0.1 * tilt[i * d + j],
            std::cmp::Ordering::Less => 0.0,
        }))
    };
    Point::new(Array2::zeros((p, q)), root(p), root(q))
}

/// Both half-steps of one sweep, one thread: 2npq(p+q) flops for the Gaussian; the other laws are
/// given in the same unit.
fn passes(peak: f64, shapes: &[String]) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    for (n, p, q) in [
        (100, 10, 10),
        (10_000, 10, 10),
        (1000, 20, 20),
        (2000, 50, 50),
        (500, 100, 50),
        (50, 200, 200),
        (100, 5, 5),
        (500, 10, 10),
        (200, 30, 20),
    ] {
        if !shapes.is_empty() && !shapes.contains(&format!("{n}x{p}x{q}")) {
            continue;
        }
        let (sample, point) = (sample(n, p, q), point(p, q));
        let source = SampleLikelihood::new(&sample);
        let mut out = Sums::zeros(p, q);
        let flops = (2 * n * p * q * (p + q)) as f64;
        let matrix_t = MatrixT::new(5.0).expect("ν > 0");
        let kronecker_t = KroneckerT::new(5.0).expect("ν > 0");
        let mut line = format!("({n}, {p}, {q})");
        pool.install(|| {
            let gaussian = best_seconds(0.3, || {
                source.sums(&point, &Gaussian, Sides::COLS, &mut out).unwrap();
                source.sums(&point, &Gaussian, Sides::ROWS, &mut out).unwrap();
            });
            let scalar = best_seconds(0.3, || {
                source.sums(&point, &kronecker_t, Sides::Both, &mut out).unwrap()
            });
            let matrix = best_seconds(0.3, || {
                source.sums(&point, &matrix_t, Sides::Both, &mut out).unwrap()
            });
            for (name, t) in [("gaussian", gaussian), ("kronecker-t", scalar), ("matrix-t", matrix)]
            {
                line += &format!("   {name} {:.3} ms {:.1} %", t * 1e3, 100.0 * flops / t / peak);
            }
        });
        println!("{line}");
    }
}

/// One pass on one and on two threads.
fn threads() {
    for (n, p, q) in [(1000, 20, 20), (10_000, 10, 10), (2000, 50, 50), (50, 200, 200)] {
        let (sample, point) = (sample(n, p, q), point(p, q));
        let source = SampleLikelihood::new(&sample);
        let mut out = Sums::zeros(p, q);
        let mut seconds = [0.0; 2];
        for (threads, to) in (1..=2).zip(&mut seconds) {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            *to = pool.install(|| {
                best_seconds(0.5, || source.sums(&point, &Gaussian, Sides::ROWS, &mut out).unwrap())
            });
        }
        println!("({n}, {p}, {q}): 2 threads {:.2} × 1 thread", seconds[0] / seconds[1]);
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
        let mut x = zeros(len);
        x.copy_from_slice(&noise(len, 4));
        let mut y = x.clone();
        let mut out = vec![0.0; d * d];
        let mut panels = Vec::new();
        kernel::pack_lower(&lower, d, &mut panels);
        let mut sums = Gram::new(d);
        let flops = (len * (d + 1)) as f64;
        let full = Triangle::Full;
        for (name, mode) in [
            ("rows", Mode { outer: 1, d, inner: other * m }),
            ("cols", Mode { outer: other, d, inner: m }),
        ] {
            let load = best_seconds(0.05, || y.copy_from_slice(&x));
            let white = best_seconds(0.1, || {
                y.copy_from_slice(&x);
                kernel::lower_times(&panels, &mut y, mode);
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
        let mut out = zeros(m * k);
        let t = best_seconds(0.1, || {
            for part in x.chunks(m * k) {
                load::load_lanes(part, k, &mean, (m, m), &mut out);
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
