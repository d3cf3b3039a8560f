//! The bundled datasets against numbers that other software made from them.

// Helpers of tests may stop a test, too.
#![allow(clippy::unwrap_used, clippy::panic)]

use kronfit::io::{read_dataset, read_matrix};
use kronfit::linalg::Spd;
use ndarray::{Array2, Axis};
use serde_json::Value;
use std::path::Path;

fn json(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).unwrap()
}

/// ℓ of the matrix normal at the witness's A, B and M, on the data as they are read here:
/// −(npq/2) ln 2π − (nq/2) ln|A| − (np/2) ln|B| − ½ Σ tr A⁻¹ Y B⁻¹ Yᵀ.
#[test]
fn us_macro_has_the_likelihood_of_the_witness() {
    let witness = json("tests/golden/us_macro_witness.json");
    let fit = &witness["gaussian"];
    let sample = read_dataset("us-macro").unwrap();
    let (n, p, q) = sample.dim();
    let a = Spd::new("A", matrix(&fit["row_scale_trace_p"])).unwrap();
    let b = Spd::new("B", matrix(&fit["col_scale"])).unwrap();
    let mean = matrix(&fit["mean"]);
    let mut value = -((n * p * q) as f64) * (2.0 * std::f64::consts::PI).ln() / 2.0
        - (n * q) as f64 / 2.0 * a.ln_det()
        - (n * p) as f64 / 2.0 * b.ln_det();
    for x in sample.values().axis_iter(Axis(0)) {
        let y = &x - &mean;
        value -= (a.solve(y.view()).dot(&b.inverse()) * &y).sum() / 2.0;
    }
    let expected = fit["log_likelihood"].as_f64().unwrap();
    assert!((value - expected).abs() < 1e-10 * expected.abs(), "{value} {expected}");
    assert!((expected + 1_906.249_468_897_476).abs() < 1e-9, "{expected}");
}

#[test]
fn us_macro_starts_with_the_first_quarter_of_1960() {
    let sample = read_dataset("us-macro").unwrap();
    assert_eq!(sample.row_names(), ["Q1", "Q2", "Q3", "Q4"]);
    assert_eq!(
        sample.col_names(),
        ["realgdp", "realcons", "realinv", "realgovt", "realdpi", "cpi", "m1", "unemp"]
    );
    // Real gross domestic product 2785.204 (1959 Q4) and 2847.699 (1960 Q1), unemployment 5.6, 5.2.
    let growth = 100.0 * (2847.699_f64 / 2785.204).ln();
    assert!((sample.values()[[0, 0, 0]] - growth).abs() < 1e-12);
    assert!((sample.values()[[0, 0, 7]] + 0.4).abs() < 1e-12);
}

#[test]
fn grunfeld_starts_with_general_motors_in_1935() {
    let sample = read_dataset("grunfeld").unwrap();
    assert_eq!(sample.col_names(), ["invest", "value", "capital"]);
    assert_eq!(sample.row_names()[0], "1935");
    assert_eq!(sample.row_names()[19], "1954");
    let first: Vec<f64> = sample.values().iter().take(3).copied().collect();
    assert_eq!(first, [317.6, 3078.5, 2.8]);
}

#[test]
fn digits_are_inked_between_0_and_16() {
    let sample = read_dataset("digits").unwrap();
    assert!(sample.values().iter().all(|&x| x == x.round() && (0.0..=16.0).contains(&x)));
    // Pixels of the first image, a zero: its second row.
    let row: Vec<f64> = sample.values().index_axis(Axis(0), 0).row(1).to_vec();
    assert_eq!(row, [0., 0., 13., 15., 10., 15., 5., 0.]);
    // Three pixels are never inked, as the README warns.
    for (i, j) in [(0, 0), (4, 0), (4, 7)] {
        assert!(sample.values().outer_iter().all(|image| image[[i, j]] == 0.0));
    }
}

#[test]
fn simulated_t_carries_its_truth() {
    let truth = json("datasets/simulated-t-truth.json");
    let npz = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/simulated-t.npz");
    let mean = read_matrix(&npz).unwrap();
    assert_eq!(mean, matrix(&truth["mean"]));
    // Averages of 200 draws with standard deviation of about 1 (√(A_ii B_jj / (ν − 2))).
    let away = (read_dataset("simulated-t").unwrap().mean() - mean).mapv(f64::abs);
    let largest = away.iter().copied().fold(0.0, f64::max);
    assert!(largest > 0.0 && largest < 4.5 / 200_f64.sqrt(), "{largest}");
}
