//! Shrunk fits against optima found by other software (see `tests/golden/README.md`).

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{
    Fit, FitOptions, Method, Shrink, ShrinkRule, ShrinkScale, ShrinkTarget, Silent, Tyler,
    cross_validate,
};
use kronfit::kronecker::{BySide, Side};
use kronfit::model::{Dof, Mean, Model};
use ndarray::{Array2, Array3, linalg::kron};
use serde_json::Value;

fn golden() -> Value {
    common::golden_json("shrink/fits_shrink.json")
}

fn sample(name: &str) -> Sample {
    let path = common::golden_dir().join("shrink/data").join(format!("{name}.npy"));
    let values: Array3<f64> = ndarray_npy::read_npy(path).expect("golden data");
    Sample::new(values).expect("a finite sample")
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("{key} of {}", case["id"]))
}

fn model(case: &Value) -> Option<Model> {
    let dof = || Dof::Fixed(number(case, "dof"));
    let model = match case["law"].as_str()? {
        "gaussian" => Model::gaussian(),
        "kronecker-t" => Model::kronecker_t(dof()),
        "matrix-t" => Model::matrix_t(dof()),
        _ => return None,
    };
    Some(match case["mean_structure"].as_str()? {
        "zero" => model.mean(Mean::Zero),
        _ => model,
    })
}

fn target(case: &Value) -> ShrinkTarget {
    let given = |key: &str| common::matrix(&case[key]);
    ShrinkTarget::Given(BySide::new(given("target_rows"), given("target_cols")))
}

fn options(shrink: Shrink) -> FitOptions {
    FitOptions { tol: 1e-11, shrink: Some(shrink), ..FitOptions::default() }
}

fn sigma(case: &Value, sigma2: f64) -> Array2<f64> {
    kron(&common::matrix(&case["row_cov"]), &common::matrix(&case["col_cov"])) * sigma2
}

fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

fn compare(case: &Value, fit: &Fit) {
    let what = format!("{} {}", case["id"], case["law"]);
    let record = fit.shrinkage().expect("a shrunk fit");
    let off = |found: f64, key: &str| {
        let reference = number(case, key);
        (found - reference).abs() / reference.abs()
    };
    let penalised = off(record.penalised_log_likelihood, "objective");
    assert!(penalised < 1e-10, "{what}: smeared ℓ off by {penalised:e}");
    let plain = off(fit.log_likelihood(), "log_likelihood");
    assert!(plain < 1e-10, "{what}: ℓ off by {plain:e} at score {:e}", fit.score());
    let reference = sigma(case, number(case, "sigma2"));
    let gap = largest(&(common::covariance(fit) - &reference)) / largest(&reference);
    assert!(gap < 1e-8, "{what}: A ⊗ B off by {gap:e}");
    let mean = common::matrix(&case["mean"]);
    assert!(largest(&(&fit.mean() - &mean)) < 1e-8 * (1.0 + largest(&mean)), "{what}: mean");
}

#[test]
fn optima_at_given_intensities() {
    let (mut seen, all) = (0, golden());
    for case in all["fits"].as_array().expect("a list") {
        if case["form"] != "factor" {
            continue;
        }
        let rule = ShrinkRule::Fixed {
            rows: number(case, "lambda_rows"),
            cols: number(case, "lambda_cols"),
        };
        let shrink = Shrink { target: target(case), scale: ShrinkScale::Ml, ..Shrink::by(rule) };
        let data = sample(case["data"].as_str().expect("a name"));
        seen += 1;
        let Some(model) = model(case) else {
            tyler(case, &data, shrink);
            continue;
        };
        for method in [Method::Auto, Method::FlipFlop, Method::Newton] {
            let options = FitOptions { method, ..options(shrink.clone()) };
            let fit = model.fit_with(&data, &options, &mut Silent).expect("a fit");
            compare(case, &fit);
        }
        if let Some(reference) = case["sigma2_calibrated"].as_f64() {
            let shrink = Shrink { scale: ShrinkScale::Residual, ..shrink };
            let fit = model.fit_with(&data, &options(shrink), &mut Silent).expect("a fit");
            let off = (fit.sigma2() - reference).abs() / reference;
            assert!(off < 1e-8, "{}: calibrated σ² off by {off:e}", case["id"]);
            let smeared = fit.shrinkage().expect("a shrunk fit").sigma2_smeared;
            assert!((smeared / number(case, "sigma2") - 1.0).abs() < 1e-8);
            let plain = number(case, "log_likelihood_calibrated");
            assert!((fit.log_likelihood() / plain - 1.0).abs() < 1e-10, "{}", case["id"]);
        }
    }
    assert!(seen >= 14, "{seen}");
}

fn tyler(case: &Value, data: &Sample, shrink: Shrink) {
    let fit = Tyler::new().fit(data, &options(shrink)).expect("a fit");
    let reference = sigma(case, 1.0);
    let found = kron(fit.row_scatter(), fit.col_scatter());
    let gap = largest(&(found - &reference)) / largest(&reference);
    assert!(gap < 1e-8, "{}: A ⊗ B off by {gap:e}", case["id"]);
    // The estimator scales every sample to ‖Y‖² = d first.
    let d = (data.dim().1 * data.dim().2) as f64;
    let values = data.values();
    let norms = values.outer_iter().map(|y| y.iter().map(|x| x * x).sum::<f64>());
    let shift: f64 = norms.map(|s| 0.5 * d * (s / d).ln()).sum();
    let off = (fit.objective() - shift - number(case, "objective")).abs();
    assert!(off < 1e-10 * number(case, "objective").abs(), "{}: objective off {off:e}", case["id"]);
}

#[test]
fn intensities_of_the_rules() {
    let all = golden();
    for case in all["automatic"].as_array().expect("a list") {
        let rule: ShrinkRule = case["rule"].as_str().expect("a rule").parse().expect("a rule");
        let shrink = Shrink { target: target(case), scale: ShrinkScale::Ml, ..Shrink::by(rule) };
        let data = sample(case["data"].as_str().expect("a name"));
        let model = model(case).expect("a model");
        let fit = model.fit_with(&data, &options(shrink), &mut Silent).expect("a fit");
        let record = fit.shrinkage().expect("a shrunk fit");
        for (side, key) in Side::BOTH.into_iter().zip(["lambda_rows", "lambda_cols"]) {
            let gap = (record.lambda[side] - number(case, key)).abs();
            assert!(gap < 1e-6, "{}: {key} off by {gap:e}", case["id"]);
        }
        // The reference took the intensities to fewer digits.
        let off = (record.penalised_log_likelihood / number(case, "objective") - 1.0).abs();
        assert!(off < 1e-6, "{}: {off:e}", case["id"]);
    }
}

#[test]
fn cross_validation_curves() {
    let all = golden();
    for case in all["cross_validation"].as_array().expect("a list") {
        let folds: Vec<Vec<usize>> = serde_json::from_value(case["folds"].clone()).expect("folds");
        let model = Model::gaussian().mean(match case["mean_structure"].as_str() {
            Some("zero") => Mean::Zero,
            _ => Mean::Free,
        });
        let data = sample(case["data"].as_str().expect("a name"));
        let points = case["curve"].as_array().expect("a curve");
        let grid: Vec<f64> = points.iter().map(|point| number(point, "m")).collect();
        let (shrink, options) = (Shrink::by(ShrinkRule::Cv), FitOptions::default());
        let curve =
            cross_validate(&model, &data, &shrink, &options, &folds, &grid).expect("a curve");
        for (found, point) in curve.iter().zip(points) {
            let off = (found.score / number(point, "cv") - 1.0).abs();
            assert!(off < 1e-8, "{} at m = {}: off by {off:e}", case["id"], found.m);
        }
    }
}

#[test]
fn core_shrinkage() {
    let all = golden();
    for case in all["core"].as_array().expect("a list") {
        let data = sample(case["data"].as_str().expect("a name"));
        let mean = if case["centred"] == true { Mean::Free } else { Mean::Zero };
        let options = FitOptions { tol: 1e-11, ..FitOptions::default() };
        let core = kronfit::inference::core(&data, &mean, &options).expect("a core");
        assert_eq!(core.dof as f64, number(case, "dof"));
        let gap = (core.weight - number(case, "weight")).abs();
        assert!(gap < 1e-6, "{}: weight off by {gap:e}", case["id"]);
        let reference: Vec<f64> =
            serde_json::from_value(case["core_eigenvalues"].clone()).expect("numbers");
        for (found, known) in core.eigenvalues.iter().rev().zip(&reference) {
            assert!((found - known).abs() < 1e-7, "{}: {found} against {known}", case["id"]);
        }
        let sigma = common::matrix(&case["covariance"]);
        let gap = largest(&(&core.covariance - &sigma)) / largest(&sigma);
        assert!(gap < 1e-6, "{}: Σ off by {gap:e}", case["id"]);
    }
}
