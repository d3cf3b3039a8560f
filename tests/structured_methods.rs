//! Structures × structures by flip-flop, joint ascent, Newton and the default policy: one maximum.

use kronfit::data::Sample;
use kronfit::estimate::{Certify, Fit, FitOptions, Method, Silent};
use kronfit::family::MatrixDistribution;
use kronfit::linalg::Spd;
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const STRUCTURES: [&str; 8] = [
    "unstructured",
    "diagonal",
    "identity",
    "correlation",
    "ar1",
    "compound-symmetry",
    "toeplitz",
    "factor:1",
];

/// A well-conditioned member of a structure: the data come from the model, so that the methods
/// have one stationary point near the truth to find, convex or not.
fn truth(name: &str, d: usize) -> Array2<f64> {
    let lag = |i: usize, j: usize| i.abs_diff(j) as i32;
    let wave = |i: usize| 1.0 + 0.4 * (1.3 * i as f64).cos();
    Array2::from_shape_fn((d, d), |(i, j)| {
        let same = i == j;
        match name {
            "diagonal" if same => wave(i),
            "identity" if same => 1.0,
            "diagonal" | "identity" => 0.0,
            "correlation" if same => 1.0,
            "correlation" => 0.5 * (wave(i) * wave(j)).sqrt() / (1.0 + f64::from(lag(i, j))),
            "ar1" => 0.5_f64.powi(lag(i, j)),
            "compound-symmetry" if same => 1.0,
            "compound-symmetry" => 0.35,
            "toeplitz" => [1.0, 0.45, 0.2, 0.15, 0.05][i.abs_diff(j).min(4)],
            "factor:1" => 0.8 * wave(i) * wave(j) + if same { 0.5 + 0.1 * i as f64 } else { 0.0 },
            _ => 0.3 * wave(i) * wave(j) + if same { wave(i + 2) } else { 0.0 },
        }
    })
}

fn structure(name: &str, d: usize) -> Structure {
    match name {
        "known" => Structure::Known(truth("unstructured", d)),
        name => name.parse().expect("a name"),
    }
}

fn laws() -> [(Model, f64); 5] {
    [
        (Model::gaussian(), 0.0),
        (Model::kronecker_t(Dof::Fixed(5.0)), 5.0),
        (Model::matrix_t(Dof::Fixed(6.0)), 6.0),
        (Model::kronecker_t(Dof::Estimate), 6.0),
        (Model::matrix_t(Dof::Estimate), 6.0),
    ]
}

fn means(p: usize, q: usize) -> [Mean; 6] {
    let left = Array2::from_shape_fn((p, 2), |(i, k)| (i as f64 / p as f64).powi(k as i32));
    let right = Array2::eye(q);
    let linear = Mean::Linear { left, right };
    [Mean::Zero, Mean::Free, Mean::Rows, Mean::Cols, Mean::Scalar, linear]
}

fn sample(model: &Model, dof: f64, (n, p, q): (usize, usize, usize), seed: u64) -> Sample {
    let law = match (model.law().dof_family(), dof) {
        (Some(family), dof) if dof > 0.0 => family.at(dof),
        _ => model.law().clone(),
    };
    let factor = |structure: &Structure, d: usize| {
        let name = structure.to_string();
        Spd::new("a true factor", truth(&name, d)).expect("positive definite")
    };
    let (row, col) = (factor(model.row_structure(), p), factor(model.col_structure(), q));
    let from = MatrixDistribution::new(law, Array2::zeros((p, q)), row, col).expect("a law");
    from.simulate(n, &mut ChaCha8Rng::seed_from_u64(seed)).expect("a sample")
}

fn fit(model: &Model, sample: &Sample, method: Method, tol: f64, what: &str) -> Fit {
    let options = FitOptions { method, tol, certificate: Certify::Skip, ..FitOptions::default() };
    let fit = model.fit_with(sample, &options, &mut Silent);
    fit.unwrap_or_else(|error| panic!("{what} by {}: {error}", method.name()))
}

/// Rows of `--nocapture`: the passes of every method.
fn compare(model: &Model, data: &Sample, what: &str, faults: &mut Vec<String>) {
    let reference = fit(model, data, Method::Newton, 1e-8, what);
    let mut line =
        format!("{what}: ℓ {:.6}, newton {}", reference.log_likelihood(), reference.passes());
    for method in [Method::Newton, Method::FlipFlop, Method::Joint, Method::Auto] {
        let other = fit(model, data, method, 1e-8, what);
        let gap = reference.log_likelihood() - other.log_likelihood();
        let relative = gap.abs() / reference.log_likelihood().abs();
        line += &format!(", {} {}/{:.0}ms", method.name(), other.passes(), 1e3 * other.seconds());
        if !other.is_converged() {
            let (end, score) = (other.termination(), other.score());
            faults.push(format!("{what} by {}: {end:?} at {score:e}", method.name()));
        }
        if !(relative <= 1e-9) {
            faults.push(format!("{what} by {}: ℓ is {gap:e} lower", method.name()));
        }
    }
    println!("{line}");
}

#[test]
fn every_structure_with_every_structure() {
    let (n, p, q) = (60, 5, 4);
    let (laws, means) = (laws(), means(p, q));
    let mut faults = Vec::new();
    let mut names = STRUCTURES.to_vec();
    names.push("known");
    for (i, rows) in names.iter().enumerate() {
        for (j, cols) in names.iter().enumerate() {
            let (law, dof) = &laws[(i + 2 * j) % laws.len()];
            let mean = &means[(2 * i + 3 * j + i / 3) % means.len()];
            let model = law.clone().rows(structure(rows, p)).cols(structure(cols, q));
            let model = model.mean(mean.clone());
            let data = sample(&model, *dof, (n, p, q), (9 * i + j) as u64);
            let estimated = if model.estimates_dof() { ", ν estimated" } else { "" };
            let (law, mean) = (model.law().name(), mean.name());
            let what = format!("{law}{estimated}, {rows} × {cols}, {mean} mean");
            compare(&model, &data, &what, &mut faults);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Few samples: flip-flop needs hundreds of passes, and the default policy shall not.
#[test]
fn crawling_structures_are_left_to_a_faster_method() {
    let laws = laws();
    let mut shortened = 0;
    for (rows, cols, law) in [
        ("correlation", "correlation", 0),
        ("unstructured", "correlation", 0),
        ("diagonal", "factor:1", 2),
    ] {
        let (model, dof) = &laws[law];
        let model = model.clone().rows(structure(rows, 12)).cols(structure(cols, 10));
        let model = model.mean(Mean::Zero);
        let data = sample(&model, *dof, (3, 12, 10), 5);
        let what = format!("{rows} × {cols}");
        let mut faults = Vec::new();
        compare(&model, &data, &what, &mut faults);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        let slow = fit(&model, &data, Method::FlipFlop, 1e-8, &what);
        let auto = fit(&model, &data, Method::Auto, 1e-8, &what);
        assert_eq!(auto.method(), "flip-flop, joint", "{what}");
        shortened += slow.passes() - auto.passes().min(slow.passes());
        assert!(auto.passes() < slow.passes(), "{what}: {} passes", auto.passes());
    }
    assert!(shortened > 150, "only {shortened} passes fewer");
}
