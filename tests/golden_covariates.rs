//! Fits with covariates and weights against maxima found by other software.

mod common;

use common::{golden_dir, golden_json, matrix};
use kronfit::data::{Design, Sample, Weights};
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::model::{Dof, Model};
use ndarray::{Array1, Array2, Array3, ArrayView2};
use serde_json::Value;

fn read(name: &str) -> std::path::PathBuf {
    golden_dir().join("covariates").join(format!("{name}.npy"))
}

fn sample(name: &str, weights: &Value) -> Sample {
    let values: Array3<f64> = ndarray_npy::read_npy(read(name)).expect("data");
    let matrix: Array2<f64> = ndarray_npy::read_npy(read(&format!("{name}.design"))).expect("z");
    let names = (0..matrix.ncols()).map(|k| format!("z{k}")).collect();
    let design = Design::columns(names, matrix).expect("a design");
    let sample = Sample::new(values).and_then(|s| s.with_design(design)).expect("a sample");
    match weights.as_str() {
        None => sample,
        Some("frequency") => {
            let w: Array1<f64> =
                ndarray_npy::read_npy(read(&format!("{name}.weights"))).expect("weights");
            sample.with_weights(Weights::Frequency(w.to_vec())).expect("weights")
        }
        Some(other) => panic!("{other}"),
    }
}

fn model(law: &str) -> Model {
    let (name, dof) = law.split_once('_').unwrap_or((law, "est"));
    let dof = match dof.strip_prefix("nu") {
        Some(nu) => Dof::Fixed(nu.parse().expect("ν")),
        None => Dof::Estimate,
    };
    match name {
        "gauss" => Model::gaussian(),
        "kt" => Model::kronecker_t(dof),
        "mt" => Model::matrix_t(dof),
        other => panic!("{other}"),
    }
}

fn close(a: ArrayView2<'_, f64>, b: &Array2<f64>, tol: f64, what: &str) {
    let size = b.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= tol * size, "{what}: {x} against {y}");
    }
}

fn compare(data: &str, law: &str, entry: &Value, reference: &Value, method: Method) {
    let sample = sample(data, &entry["weights"]);
    let options = FitOptions { method, tol: 1e-10, ..FitOptions::default() };
    let fit = model(law).fit_with(&sample, &options, &mut Silent).expect("a fit");
    let what = format!("{data} {law} {method}");
    let expected = reference["loglik"].as_f64().expect("ℓ");
    let gap = (fit.log_likelihood() - expected) / expected.abs();
    println!("{what}: {:?}, {} iterations, gap {gap:.1e}", fit.termination(), fit.iterations());
    assert!(fit.is_converged(), "{what}: {:?}", fit.termination());
    assert!(gap.abs() <= 1e-9, "{what}: ℓ off by {gap:e}");
    assert_eq!(fit.n_parameters() as u64, reference["n_parameters"].as_u64().expect("k"), "{what}");
    close(fit.row_cov().view(), &matrix(&reference["row_cov"]), 1e-7, &what);
    close(fit.col_cov().view(), &matrix(&reference["col_cov"]), 1e-7, &what);
    for (k, theta) in reference["theta"].as_array().expect("Θ").iter().enumerate() {
        close(fit.theta(k), &matrix(theta), 1e-7, &what);
    }
}

#[test]
fn maxima_with_covariates() {
    let all = golden_json("covariates/covariates.json");
    let mut compared = 0;
    for (data, entry) in all.as_object().expect("an object") {
        for (law, reference) in entry["fits"].as_object().expect("fits") {
            for method in [Method::Auto, Method::FlipFlop, Method::Newton, Method::Joint] {
                compare(data, law, entry, reference, method);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 68);
}
