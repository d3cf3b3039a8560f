//! Helpers shared by the integration tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

use kronfit::data::Sample;
use kronfit::estimate::Fit;
use ndarray::{Array2, Array3, linalg::kron};
use serde_json::Value;
use std::path::PathBuf;

pub fn golden_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub fn golden_json(name: &str) -> Value {
    let text = std::fs::read_to_string(golden_dir().join(name)).expect("a golden file");
    serde_json::from_str(&text).expect("golden JSON")
}

pub fn golden_sample(dataset: &str) -> Sample {
    let path = golden_dir().join("data").join(format!("{dataset}.npy"));
    let values: Array3<f64> = ndarray_npy::read_npy(path).expect("golden data");
    Sample::new(values).expect("a finite sample")
}

/// One reference optimum of `fits.json`.
pub struct Optimum {
    pub value: Value,
}

pub fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("a matrix");
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).expect("a rectangular matrix")
}

/// (dataset, model name, optimum) of every entry that has a maximum.
pub fn golden_fits() -> Vec<(String, String, Optimum)> {
    let all = golden_json("fits.json");
    let mut out = Vec::new();
    for (dataset, models) in all.as_object().expect("an object") {
        for (name, value) in models.as_object().expect("an object") {
            out.push((dataset.clone(), name.clone(), Optimum { value: value.clone() }));
        }
    }
    out
}

pub fn covariance(fit: &Fit) -> Array2<f64> {
    kron(fit.row_cov(), fit.col_cov()) * fit.sigma2()
}

pub fn relative(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let norm = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    norm(&(a - b)) / norm(b)
}

impl Optimum {
    pub fn log_likelihood(&self) -> Option<f64> {
        self.value["loglik"].as_f64()
    }

    /// Is the maximiser, and not only the maximum, meaningful?
    pub fn is_unique(&self) -> bool {
        self.value.get("U").is_some() && self.value["hess_min_eig"].as_f64() > Some(1e-6)
    }

    pub fn compare(&self, fit: &Fit, tol_likelihood: f64, tol_sigma: f64, what: &str) {
        let reference = self.log_likelihood().expect("a log-likelihood");
        let gap = (fit.log_likelihood() - reference) / reference.abs();
        assert!(gap.abs() <= tol_likelihood, "{what}: log-likelihood off by {gap:.2e}");
        if self.is_unique() {
            assert!(fit.is_converged(), "{what}: {:?}", fit.termination());
            let sigma = kron(&matrix(&self.value["U"]), &matrix(&self.value["V"]));
            let off = relative(&covariance(fit), &sigma);
            assert!(off <= tol_sigma, "{what}: Σ off by {off:.2e}");
        }
    }
}
