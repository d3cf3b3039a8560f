//! The gradient of the log-quadratic form by its routes, and functions of symmetric matrices.
//!
//! `cargo bench --bench calculus`. The dense route at p = q = 50 factors a 2500 × 2500 matrix.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark may stop")]

use divan::{Bencher, black_box};
use kronfit::calculus::{LogQuadratic, MatrixFunction, RankOneSum, log_quadratic_dense};
use kronfit::kronecker::Kronecker;
use kronfit::linalg::Spd;
use ndarray::Array2;

fn main() {
    divan::main();
}

/// Deterministic entries on (−1, 1) without a generator: the sizes matter, not the law.
fn entries(rows: usize, cols: usize, phase: f64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(i, j)| {
        ((i * cols + j) as f64 * 1.618_033_988_749_895 + phase).sin()
    })
}

fn definite(d: usize, phase: f64) -> Array2<f64> {
    let root = entries(d, d, phase);
    let product = root.dot(&root.t()) / d as f64;
    let mut out = &product + &product.t();
    out.diag_mut().mapv_inplace(|x| x + 1.0);
    out
}

fn problem(d: usize) -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    (definite(d, 0.1), definite(d, 0.7), entries(d, d, 0.3))
}

const SIZES: [usize; 3] = [10, 20, 50];

#[divan::bench(args = SIZES)]
fn a_closed_form_lu(bencher: Bencher<'_, '_>, d: usize) {
    let (a, b, w) = problem(d);
    bencher.bench(|| {
        let form = LogQuadratic::new(a.view(), b.view(), w.view(), 1.0).unwrap();
        black_box(form.gradient().unwrap())
    });
}

#[divan::bench(args = SIZES)]
fn a_closed_form_cholesky(bencher: Bencher<'_, '_>, d: usize) {
    let (a, b, w) = problem(d);
    bencher.bench(|| {
        let (a, b) = (Spd::new("A", a.clone()).unwrap(), Spd::new("B", b.clone()).unwrap());
        let form = LogQuadratic::definite(&Kronecker::new(a, b), w.view(), 1.0).unwrap();
        black_box(form.gradient().unwrap())
    });
}

#[divan::bench(args = SIZES)]
fn b_kronecker_sum(bencher: Bencher<'_, '_>, d: usize) {
    let (a, b, w) = problem(d);
    bencher.bench(|| {
        let form = LogQuadratic::new(a.view(), b.view(), w.view(), 1.0).unwrap();
        let sum = RankOneSum::new(&form).unwrap();
        black_box(sum.gradient(a.view(), b.view()).unwrap())
    });
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn c_dense(bencher: Bencher<'_, '_>, d: usize) {
    let (a, b, w) = problem(d);
    bencher.bench(|| log_quadratic_dense(a.view(), b.view(), w.view(), 1.0).unwrap());
}

#[divan::bench(args = SIZES)]
fn exp_eigendecomposition(bencher: Bencher<'_, '_>, d: usize) {
    let x = definite(d, 0.2);
    bencher.bench(|| MatrixFunction::Exp.at("X", x.view()).unwrap());
}

#[divan::bench(args = SIZES)]
fn exp_trace_gradient(bencher: Bencher<'_, '_>, d: usize) {
    let (x, a) = (definite(d, 0.2), definite(d, 0.5));
    let at = MatrixFunction::Exp.at("X", x.view()).unwrap();
    bencher.bench(|| at.trace_gradient(a.view()).unwrap());
}

#[divan::bench(args = SIZES)]
fn exp_hessian_product(bencher: Bencher<'_, '_>, d: usize) {
    let (x, a, h) = (definite(d, 0.2), definite(d, 0.5), definite(d, 0.9));
    let at = MatrixFunction::Exp.at("X", x.view()).unwrap();
    bencher.bench(|| at.trace_hessian_product(a.view(), h.view()).unwrap());
}
