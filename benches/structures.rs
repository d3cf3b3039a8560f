//! What a structured row factor costs at p = 100 and p = 1000: its update from a scatter, its
//! root, whitening, and the projection of its score, beside the unstructured factor.
//!
//! `cargo bench --bench structures`. AR(1), exponential on a line, antedependence,
//! compound symmetry and diagonal grow with p², the
//! unstructured factor with p³.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use divan::{Bencher, black_box};
use kronfit::structure::{Kernel, Positions, Structure};
use ndarray::Array2;

fn main() {
    divan::main();
}

const NAMES: [&str; 7] = [
    "diagonal",
    "identity",
    "ar1",
    "exponential",
    "antedependence",
    "compound-symmetry",
    "unstructured",
];
const ORDERS: [usize; 2] = [100, 1000];

/// The structure of a name; of the exponential at unequal times.
fn structure(name: &str, d: usize) -> Structure {
    let times: Vec<f64> = (0..d).map(|i| i as f64 + 0.4 * (1.7 * i as f64).sin()).collect();
    match name {
        "exponential" => Structure::Spatial(Kernel::Exponential, Positions::line(&times)),
        name => name.parse().unwrap(),
    }
}

/// Positive definite with decaying entries; the sizes matter, not the law.
fn scatter(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((d, d), |(i, j)| {
        0.9_f64.powi(i.abs_diff(j) as i32) + if i == j { 0.1 } else { 0.0 }
    })
}

/// One flip-flop half-step of a factor without the data: update, root, score.
#[divan::bench(args = NAMES, consts = ORDERS, max_time = 3)]
fn half_step<const D: usize>(bencher: Bencher<'_, '_>, name: &str) {
    let shape = structure(name, D).shape();
    let (scatter, current) = (scatter(D), Array2::eye(D));
    bencher.bench(|| {
        let updated = shape.update(scatter.view(), current.view()).unwrap();
        let root = shape.root("A", updated.view()).unwrap();
        let excess = root.whiten(scatter.view()) - &current;
        black_box(shape.project(&root, excess.view()).unwrap())
    });
}

/// L⁻¹X for X of p × 50.
#[divan::bench(args = NAMES, consts = ORDERS, max_time = 3)]
fn whiten_left<const D: usize>(bencher: Bencher<'_, '_>, name: &str) {
    let shape = structure(name, D).shape();
    let updated = shape.update(scatter(D).view(), Array2::eye(D).view()).unwrap();
    let root = shape.root("A", updated.view()).unwrap();
    let (x, mut out) = (vec![1.0; 50 * D], vec![0.0; 50 * D]);
    bencher.bench_local(|| {
        root.whiten_left(&x, 50, &mut out);
        black_box(out[0])
    });
}

/// X L⁻ᵀ for X of 50 × p.
#[divan::bench(args = NAMES, consts = ORDERS, max_time = 3)]
fn whiten_right<const D: usize>(bencher: Bencher<'_, '_>, name: &str) {
    let shape = structure(name, D).shape();
    let updated = shape.update(scatter(D).view(), Array2::eye(D).view()).unwrap();
    let root = shape.root("A", updated.view()).unwrap();
    let (x, mut out) = (vec![1.0; 50 * D], vec![0.0; 50 * D]);
    bencher.bench_local(|| {
        root.whiten_right(&x, 50, &mut out);
        black_box(out[0])
    });
}
