//! The laws against exact small cases (60-digit arithmetic) and densities of other software.

mod common;

use common::{golden_json, golden_sample, matrix, relative};
use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Tyler};
use kronfit::family::{
    DofFamily, Gaussian, KroneckerT, Law, MatrixDistribution, MatrixT, Summaries,
};
use kronfit::kronecker::Side;
use kronfit::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use kronfit::linalg::{Root, Spd};
use kronfit::model::{Dof, Mean, Model};
use kronfit::special::{ln_multigamma_difference, multidigamma_difference};
use ndarray::{Array1, Array2, Array3, linalg::kron};
use serde_json::Value;
use std::sync::Arc;

fn case(id: &str) -> Value {
    let all = golden_json("maths.json");
    let found = all["cases"].as_array().expect("cases").iter().find(|c| c["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("{id}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("numbers")
}

fn sample(value: &Value) -> Sample {
    let parts: Vec<Vec<Vec<f64>>> = serde_json::from_value(value.clone()).expect("an array");
    let shape = (parts.len(), parts[0].len(), parts[0][0].len());
    let flat = parts.into_iter().flatten().flatten().collect();
    Sample::new(Array3::from_shape_vec(shape, flat).expect("rectangular")).expect("finite")
}

fn close(found: f64, expected: f64, tol: f64, what: &str) {
    let off = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(off <= tol, "{what}: {found:e} against {expected:e}, off by {off:.1e}");
}

fn same(found: &Array2<f64>, expected: &Value, tol: f64, what: &str) {
    let off = relative(found, &matrix(expected));
    assert!(off <= tol, "{what}: off by {off:.1e}");
}

fn point(inputs: &Value, row: &str, col: &str) -> Point {
    let root = |name: &str| Root::of(name, matrix(&inputs[name]).view()).expect("definite");
    Point::new(matrix(&inputs["M"]), root(row), root(col))
}

/// (log-likelihood, gradient in M, A, B) from one pass.
fn likelihood(
    sample: &Sample,
    point: &Point,
    law: &dyn Law,
) -> (f64, Array2<f64>, Array2<f64>, Array2<f64>) {
    let (_, p, q) = sample.dim();
    let mut sums = Sums::zeros(p, q);
    SampleLikelihood::new(sample).sums(point, law, Sides::Both, &mut sums).expect("sums");
    let gradient = |side: Side| {
        let inverse = point.factor(side).inverse();
        let scatter = sums.scatter(side).expect("both sides").to_owned();
        let excess = scatter - Array2::<f64>::eye(inverse.nrows()) * sums.unit(side);
        inverse.t().dot(&excess).dot(&inverse) * 0.5
    };
    let mean = point.row().inverse().t().dot(&sums.psi).dot(&point.col().inverse());
    (sums.log_likelihood, mean, gradient(Side::Rows), gradient(Side::Cols))
}

fn summaries(sample: &Sample, point: &Point, family: &dyn DofFamily) -> Array1<f64> {
    SampleLikelihood::new(sample).summaries(point, family).expect("summaries").values
}

#[test]
fn kronecker_t_likelihood_and_gradients() {
    let case = case("M3.1");
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let (sample, point) = (sample(&inputs["X"]), point(inputs, "A", "B"));
    let law = KroneckerT::new(2.5).unwrap();
    let (value, mean, row, col) = likelihood(&sample, &point, &law);
    close(value, outputs["loglik"].as_f64().unwrap(), 1e-12, "ℓ");
    same(&mean, &outputs["grad_M"], 1e-12, "∂M");
    same(&row, &outputs["grad_A"], 1e-12, "∂A");
    same(&col, &outputs["grad_B"], 1e-12, "∂B");
    let seen = summaries(&sample, &point, &law);
    for (found, expected) in seen.iter().zip(numbers(&outputs["delta"])) {
        close(*found, expected, 1e-13, "δ");
    }
    let score = 0.5 * 4.0 * law.score(2.5, &Summaries::plain(seen), 3, 2);
    close(score, outputs["grad_nu"].as_f64().unwrap(), 1e-12, "∂ν");
}

#[test]
fn kronecker_t_score_is_stable_to_large_dof() {
    let case = case("M3.3");
    let delta = Array1::from(numbers(&case["inputs"]["delta"]));
    let law = KroneckerT::new(1.0).unwrap();
    let expected = numbers(&case["outputs"]["score"]);
    for (nu, expected) in numbers(&case["inputs"]["nu"]).into_iter().zip(expected) {
        close(
            law.score(nu, &Summaries::plain(delta.clone()), 6, 1),
            expected,
            1e-11,
            &format!("ν = {nu}"),
        );
    }
}

#[test]
fn matrix_t_likelihood_and_gradients() {
    let case = case("M4.1");
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let (sample, point) = (sample(&inputs["X"]), point(inputs, "Sigma", "Omega"));
    let law = MatrixT::new(3.0).unwrap();
    let (value, mean, row, col) = likelihood(&sample, &point, &law);
    close(value, outputs["loglik"].as_f64().unwrap(), 1e-12, "ℓ");
    same(&mean, &outputs["grad_M"], 1e-12, "∂M");
    same(&row, &outputs["grad_Sigma"], 1e-12, "∂Σ");
    same(&col, &outputs["grad_Omega"], 1e-12, "∂Ω");
    let distribution = MatrixDistribution::new(
        Arc::new(law),
        point.mean.clone(),
        point.row().spd(),
        point.col().spd(),
    )
    .unwrap();
    let each = numbers(&outputs["loglik_per_sample"]);
    for (x, expected) in sample.values().outer_iter().zip(each) {
        close(distribution.ln_pdf(x).unwrap(), expected, 1e-13, "ln f");
    }
    // ∂ℓ/∂ν at fixed Σ is the score at fixed A = Σ/ν less what moving A adds.
    let seen = summaries(&sample, &point, &law) * 3.0;
    let at_fixed_scale = 0.5 * 4.0 * law.score(3.0, &Summaries::plain(seen), 3, 2);
    let along_scale = (&row * &point.row().matrix()).sum() / 3.0;
    let expected = outputs["grad_nu"].as_f64().unwrap();
    close(at_fixed_scale - along_scale, expected, 1e-12, "∂ν");
}

#[test]
fn matrix_t_two_sided_steps() {
    let case = case("M4.2");
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let (sample, point) = (sample(&inputs["X"]), point(inputs, "Sigma", "Omega"));
    let law = MatrixT::new(3.0).unwrap();
    let mut sums = Sums::zeros(3, 2);
    SampleLikelihood::new(&sample).sums(&point, &law, Sides::Both, &mut sums).expect("sums");
    let two_sided = law.two_sided().expect("matrix weights");
    let mean = |side: Side| Array2::clone(&sums.mean_scatter(side).expect("both sides"));
    let (mut rows, mut cols) = (mean(Side::Rows), mean(Side::Cols));
    two_sided.outer_step(&mut rows, 2).unwrap();
    two_sided.outer_step(&mut cols, 3).unwrap();
    same(&point.row().unwhiten(rows.view()), &outputs["p_Sigma"], 1e-12, "Σ, p-side");
    same(&point.col().unwhiten(mean(Side::Cols).view()), &outputs["p_Omega"], 1e-12, "Ω, p-side");
    same(&point.row().unwhiten(mean(Side::Rows).view()), &outputs["q_Sigma"], 1e-12, "Σ, q-side");
    same(&point.col().unwhiten(cols.view()), &outputs["q_Omega"], 1e-12, "Ω, q-side");
}

#[test]
fn converged_t_fits() {
    for (id, model, key, nu) in [
        ("M3.4", Model::kronecker_t(Dof::Fixed(2.5)), "AkronB", 2.5),
        ("M4.3", Model::matrix_t(Dof::Fixed(3.0)), "SkronO", 3.0),
    ] {
        let case = case(id);
        let options = FitOptions { tol: 1e-12, ..FitOptions::default() };
        let sample = sample(&case["inputs"]["X"]);
        let fit = model
            .mean(Mean::Zero)
            .fit_with(&sample, &options, &mut kronfit::estimate::Silent)
            .unwrap();
        assert!(fit.is_converged(), "{id}: {:?}", fit.termination());
        assert_eq!(fit.dof(), Some(nu));
        close(fit.log_likelihood(), case["outputs"]["loglik"].as_f64().unwrap(), 1e-12, id);
        same(&common::covariance(&fit), &case["outputs"][key], 1e-10, id);
    }
}

#[test]
fn kronecker_tyler() {
    let case = case("M3.5");
    let sample = sample(&case["inputs"]["X"]);
    let options = FitOptions { tol: 1e-12, ..FitOptions::default() };
    let fit = Tyler::new().fit(&sample, &options).unwrap();
    assert!(fit.is_converged());
    let scatter = kron(fit.row_scatter(), fit.col_scatter());
    let expected = matrix(&case["outputs"]["AkronB_det1"]);
    let scaled = &scatter * (expected.diag().sum() / scatter.diag().sum());
    assert!(relative(&scaled, &expected) < 1e-10);
    assert!((fit.row_scatter().diag().sum() - 3.0).abs() < 1e-12);
    assert!((fit.col_scatter().diag().sum() - 2.0).abs() < 1e-12);
}

#[test]
fn constants_of_the_matrix_t() {
    let case = case("M4.4");
    let shapes: Vec<(usize, usize)> = serde_json::from_value(case["inputs"]["pq"].clone()).unwrap();
    let dofs = numbers(&case["inputs"]["nu"]);
    for (k, (p, q)) in shapes.into_iter().enumerate() {
        let h = 0.5 * q as f64;
        for (nu, expected) in dofs.iter().zip(numbers(&case["outputs"]["lhs"][k])) {
            let low = 0.5 * (nu + p as f64 - 1.0);
            close(multidigamma_difference(p, low, h), expected, 1e-12, &format!("ψ {p} {q} {nu}"));
            // The other side gives the same.
            let twin = 0.5 * (nu + q as f64 - 1.0);
            let twin = multidigamma_difference(q, twin, 0.5 * p as f64);
            close(twin, expected, 1e-12, &format!("ψ twin {p} {q} {nu}"));
        }
        let gammas = numbers(&case["outputs"]["log_gamma_ratio"][k]);
        for (nu, expected) in dofs.iter().zip(gammas) {
            let low = 0.5 * (nu + p as f64 - 1.0);
            close(ln_multigamma_difference(p, low, h), expected, 1e-12, &format!("Γ {p} {q} {nu}"));
        }
    }
}

#[test]
fn densities_of_r_packages_to_fifty_digits() {
    let all = golden_json("densities.json");
    let data = golden_sample("norm_50_4_3");
    let mut compared = 0;
    for (name, values) in all.as_object().unwrap() {
        let law: Arc<dyn Law> = match name.split_once("_nu") {
            None if name == "dmatrixnorm" => Arc::new(Gaussian),
            Some(("dmatrixt", nu)) => Arc::new(MatrixT::new(nu.parse().unwrap()).unwrap()),
            _ => continue,
        };
        let spd = |key: &str| Spd::new(key, matrix(&all[key])).unwrap();
        let law = MatrixDistribution::new(law, matrix(&all["M"]), spd("U"), spd("V")).unwrap();
        for (x, text) in data.values().outer_iter().zip(values.as_array().unwrap()) {
            let expected: f64 = text.as_str().unwrap().parse().unwrap();
            close(law.ln_pdf(x).unwrap(), expected, 1e-12, name);
            compared += 1;
        }
    }
    assert_eq!(compared, 40);
}

/// The inputs of `scripts/densities_reference.py`.
fn rational_inputs(p: usize, q: usize) -> (Array2<f64>, Array2<f64>, Array2<f64>, Array2<f64>) {
    let gap = |i: usize, j: usize| i.abs_diff(j) as i32;
    let unit = |i: usize, j: usize| if i == j { 3.0 } else { 2.0 };
    (
        Array2::from_shape_fn((p, p), |(i, j)| 0.5_f64.powi(gap(i, j))),
        Array2::from_shape_fn((q, q), |(i, j)| unit(i, j) * 0.25_f64.powi(gap(i, j))),
        Array2::from_shape_fn((p, q), |(i, j)| (i as f64 - j as f64) / 8.0),
        Array2::from_shape_fn((p, q), |(i, j)| (((7 * i + 3 * j + i * j) % 11) as f64 - 5.0) / 4.0),
    )
}

#[test]
fn densities_of_scipy_and_mpmath() {
    let cases = golden_json("laws_densities.json");
    let cases = cases.as_array().unwrap();
    for case in cases {
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let (row, col, mean, x) = rational_inputs(size("p"), size("q"));
        let nu = case["nu"].as_f64();
        let law: Arc<dyn Law> = match (case["law"].as_str().unwrap(), nu) {
            ("kronecker-t", Some(nu)) => Arc::new(KroneckerT::new(nu).unwrap()),
            ("matrix-t", Some(nu)) => Arc::new(MatrixT::new(nu).unwrap()),
            _ => Arc::new(Gaussian),
        };
        let (row, col) = (Spd::new("A", row).unwrap(), Spd::new("B", col).unwrap());
        let law = MatrixDistribution::new(law, mean, row, col).unwrap();
        let found = law.ln_pdf(x.view()).unwrap();
        let what = format!("{} {nu:?} {}×{}", case["law"], size("p"), size("q"));
        close(found, case["mpmath"].as_f64().unwrap(), 1e-12, &what);
        if let Some(scipy) = case["scipy"].as_f64() {
            close(found, scipy, 1e-12, &format!("{what}, SciPy"));
        }
    }
    assert_eq!(cases.len(), 105);
}
