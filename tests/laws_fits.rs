//! Fits of the t laws: monotone, robust, with the right limits and degrees of freedom.

mod common;

use common::{covariance, golden_json, golden_sample, relative};
use kronfit::Error;
use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions, Method, Silent, Tyler};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixDistribution, MatrixT};
use kronfit::linalg::Spd;
use kronfit::model::{Dof, Mean, Model};
use ndarray::{Array2, Array3, Axis, array};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::Distribution;
use std::sync::Arc;

fn simulate(law: Arc<dyn Law>, n: usize, p: usize, q: usize, seed: u64) -> Sample {
    let row = Array2::from_shape_fn((p, p), |(i, j)| 0.7_f64.powi(i.abs_diff(j) as i32));
    let col = Array2::from_shape_fn((q, q), |(i, j)| (-0.5_f64).powi(i.abs_diff(j) as i32));
    let (row, col) = (Spd::new("A", row).unwrap(), Spd::new("B", col).unwrap());
    let law = MatrixDistribution::new(law, Array2::ones((p, q)), row, col).unwrap();
    law.simulate(n, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

fn law(kind: u8, dof: f64) -> Arc<dyn Law> {
    match kind {
        0 => Arc::new(KroneckerT::new(dof).unwrap()),
        1 => Arc::new(MatrixT::new(dof).unwrap()),
        _ => Arc::new(Gaussian),
    }
}

fn model(matrix: bool, dof: Dof) -> Model {
    if matrix { Model::matrix_t(dof) } else { Model::kronecker_t(dof) }
}

fn assert_monotone(fit: &Fit, what: &str) {
    for pair in fit.trace().windows(2) {
        let (before, after) = (pair[0].log_likelihood, pair[1].log_likelihood);
        let rounding = 1e-11 * (before.abs() + 1.0);
        assert!(after >= before - rounding, "{what}: {before} then {after}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_likelihood_never_decreases(
        p in 1_usize..5, q in 1_usize..5, extra in 1_usize..20, seed in 0_u64..1000,
        truth in 0_u8..3, matrix: bool, estimate: bool, ln_dof in -3.0_f64..12.0, zero: bool,
    ) {
        let n = p.div_ceil(q) + q.div_ceil(p) + 1 + extra;
        let sample = simulate(law(truth, 2.0), n, p, q, seed);
        let dof = if estimate { Dof::Estimate } else { Dof::Fixed(10.0_f64.powf(ln_dof)) };
        let mean = if zero { Mean::Zero } else { Mean::Free };
        let options = FitOptions { force: true, max_iter: 400, ..FitOptions::default() };
        let model = model(matrix, dof).mean(mean);
        let fit = model.fit_with(&sample, &options, &mut Silent);
        let what = format!("{model:?} n = {n}");
        let fit = fit.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_monotone(&fit, &what);
        prop_assert!(fit.is_finite(), "{}", what);
    }
}

#[test]
fn large_dof_is_the_gaussian() {
    let sample = golden_sample("norm_50_4_3");
    let gaussian = Model::gaussian().fit(&sample).unwrap();
    for (model, unit) in
        [(Model::kronecker_t(Dof::Fixed(1e8)), 1.0), (Model::matrix_t(Dof::Fixed(1e8)), 1e8)]
    {
        let fit = model.fit(&sample).unwrap();
        assert!(fit.is_converged(), "{:?}", fit.termination());
        let off = relative(&(covariance(&fit) / unit), &covariance(&gaussian));
        assert!(off < 1e-6, "{}: {off:e}", fit.law().name());
        let gap = fit.log_likelihood() / gaussian.log_likelihood() - 1.0;
        assert!(gap.abs() < 1e-6, "{gap:e}");
    }
}

#[test]
fn one_column_makes_both_laws_one() {
    let sample = simulate(law(0, 3.0), 60, 4, 1, 5);
    for dof in [Dof::Fixed(0.7), Dof::Fixed(20.0), Dof::Estimate] {
        for sample in [&sample, &sample.transposed()] {
            let (a, b) = (
                Model::kronecker_t(dof).fit(sample).unwrap(),
                Model::matrix_t(dof).fit(sample).unwrap(),
            );
            assert!(a.is_converged() && b.is_converged());
            assert!((a.log_likelihood() - b.log_likelihood()).abs() < 1e-7);
            let (nu, other) = (a.dof().unwrap(), b.dof().unwrap());
            assert!((nu / other - 1.0).abs() < 1e-5, "{nu} {other}");
            assert!(relative(&(covariance(&b) / other), &covariance(&a)) < 1e-5);
        }
    }
}

#[test]
fn small_dof_does_not_crawl() {
    let sample = simulate(law(0, 0.3), 60, 4, 3, 6);
    for matrix in [false, true] {
        for dof in [Dof::Fixed(1e-2), Dof::Fixed(0.3), Dof::Estimate] {
            // ν = 0.01 is below the bound 12/59 of the Kronecker t: a local maximum.
            let options = FitOptions { force: true, ..FitOptions::default() };
            let fit = model(matrix, dof).fit_with(&sample, &options, &mut Silent).unwrap();
            let what = format!("{} {dof:?}: {} sweeps", fit.law().name(), fit.iterations());
            println!("{what}, ν = {:?}", fit.dof());
            assert!(fit.is_converged() && fit.iterations() < 120, "{what}");
        }
    }
    let fit = Model::kronecker_t(Dof::Estimate).fit(&sample).unwrap();
    let dof = fit.dof().unwrap();
    assert!((0.15..0.6).contains(&dof), "{dof}");
}

#[test]
fn tails_beyond_every_t_law_are_reported() {
    // Sizes e^(±k²): no ν > 0 is heavy enough.
    let mut values = simulate(law(2, 1.0), 40, 2, 2, 7).values().to_owned();
    for (i, mut x) in values.axis_iter_mut(Axis(0)).enumerate() {
        x -= 1.0;
        x *= (8.0 * (i as f64 - 20.0)).exp();
    }
    let sample = Sample::new(values).unwrap();
    let fit = Model::kronecker_t(Dof::Estimate).mean(Mean::Zero).fit(&sample).unwrap();
    assert!(fit.dof().unwrap() < 0.05, "{:?}", fit.dof());
    assert_monotone(&fit, "wild sizes");
}

#[test]
fn degrees_of_freedom_out_of_range_are_refused() {
    let sample = golden_sample("norm_50_4_3");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for matrix in [false, true] {
            let error = model(matrix, Dof::Fixed(bad)).fit(&sample).unwrap_err();
            assert!(matches!(error, Error::Domain { .. }), "{error}");
            assert!(error.to_string().contains("degrees of freedom"), "{error}");
        }
    }
}

#[test]
fn tyler_sees_directions_only() {
    let sample = simulate(law(0, 1.0), 30, 3, 2, 8);
    let options = FitOptions::default();
    let center = Mean::Known(Array2::ones((3, 2)));
    let fit = Tyler::new().center(center.clone()).fit(&sample, &options).unwrap();
    assert!(fit.is_converged() && fit.score() <= 1e-8);
    let mut values = sample.values().to_owned();
    for (i, mut x) in values.outer_iter_mut().enumerate() {
        let factor = if i % 2 == 0 { 1e-3 } else { -50.0 } * (i + 1) as f64;
        x.mapv_inplace(|v| 1.0 + factor * (v - 1.0));
    }
    let other = Sample::new(values).unwrap();
    let other = Tyler::new().center(center).fit(&other, &options).unwrap();
    assert!(relative(other.row_scatter(), fit.row_scatter()) < 1e-7);
    assert!(relative(other.col_scatter(), fit.col_scatter()) < 1e-7);
}

#[test]
fn tyler_is_the_limit_of_small_dof() {
    let sample = simulate(law(0, 1.0), 50, 3, 2, 9);
    let center = Mean::Known(Array2::ones((3, 2)));
    let tyler = Tyler::new().center(center.clone()).fit(&sample, &FitOptions::default()).unwrap();
    let fit = Model::kronecker_t(Dof::Fixed(1e-6)).mean(center).fit(&sample).unwrap();
    assert!(fit.is_converged());
    assert!(relative(fit.row_cov(), tyler.row_scatter()) < 1e-5);
    assert!(relative(fit.col_cov(), tyler.col_scatter()) < 1e-5);
}

#[test]
fn tyler_refuses_what_has_no_answer() {
    let options = FitOptions::default();
    let sample = simulate(law(0, 1.0), 30, 3, 2, 10);
    for center in [Mean::Free, Mean::Rows, Mean::Scalar] {
        let error = Tyler::new().center(center).fit(&sample, &options).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
    let mut values = sample.values().to_owned();
    values.index_axis_mut(Axis(0), 4).fill(0.0);
    let error = Tyler::new().fit(&Sample::new(values).unwrap(), &options).unwrap_err();
    assert!(matches!(error, Error::Degenerate { .. }), "{error}");
    assert!(error.to_string().contains("sample 4"), "{error}");
    let few = simulate(law(0, 1.0), 1, 3, 2, 11);
    let error = Tyler::new().fit(&few, &options).unwrap_err();
    assert!(matches!(error, Error::TooFewSamples { required: 2, .. }), "{error}");
    // The rigid case n = 2, 3 × 2: the Gaussian's maximum is unique, Tyler's is not.
    let rigid = simulate(law(0, 1.0), 2, 3, 2, 12);
    let fit = Tyler::new().fit(&rigid, &options).unwrap();
    assert!(fit.warnings().iter().any(|w| w.contains("not unique")), "{:?}", fit.warnings());
}

/// The generator of `scripts/dof_reference.py`.
struct SplitMix(u64);

impl SplitMix {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn normal(&mut self) -> f64 {
        let r = (-2.0 * self.uniform().ln()).sqrt();
        r * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn chi_squared(&mut self, dof: usize) -> f64 {
        (0..dof).map(|_| self.normal().powi(2)).sum()
    }
}

fn reference_data(matrix: bool, seed: u64) -> Sample {
    let mut rng = SplitMix(seed);
    let mut values = Array3::zeros((40, 3, 2));
    for mut slot in values.outer_iter_mut() {
        let z = Array2::from_shape_simple_fn((3, 2), || rng.normal());
        let mut x = if matrix {
            let (a, b, c) = (rng.chi_squared(5).sqrt(), rng.normal(), rng.chi_squared(4).sqrt());
            z.dot(&array![[1.0 / a, 0.0], [-b / (a * c), 1.0 / c]])
        } else {
            z * (4.0 / rng.chi_squared(4)).sqrt()
        };
        let first = x.row(0).to_owned();
        x.row_mut(1).scaled_add(1.0, &first);
        x.column_mut(1).mapv_inplace(|v| 2.0 * v);
        slot.assign(&x);
    }
    Sample::new(values).unwrap()
}

#[test]
fn dof_agrees_with_an_independent_optimiser() {
    let reference = golden_json("dof_estimates.json");
    for (name, matrix) in [("kronecker-t", false), ("matrix-t", true)] {
        let dofs = reference[name]["nu"].as_array().unwrap();
        let values = reference[name]["loglik"].as_array().unwrap();
        assert_eq!(dofs.len(), 200);
        let (mut sum, mut expected_sum, mut most) = (0.0, 0.0, 0);
        for (k, (dof, value)) in dofs.iter().zip(values).enumerate() {
            let sample = reference_data(matrix, 1000 + k as u64);
            let fit = model(matrix, Dof::Estimate).mean(Mean::Zero).fit(&sample).unwrap();
            assert!(fit.is_converged(), "{name} {k}: {:?}", fit.termination());
            let value = value.as_f64().unwrap();
            assert!((fit.log_likelihood() - value).abs() < 1e-5, "{name} {k}: ℓ against {value}");
            // 1/ν is the natural scale: ν̂ = ∞ is 0.
            let found = fit.dof().map_or(0.0, f64::recip);
            let expected = dof.as_f64().map_or(0.0, f64::recip);
            assert!((found - expected).abs() < 2e-4, "{name} {k}: 1/ν {found} {expected}");
            sum += found / 200.0;
            expected_sum += expected / 200.0;
            most = most.max(fit.iterations());
        }
        println!("{name}: mean 1/ν {sum:.6} against {expected_sum:.6}; at most {most} sweeps");
        assert!((sum - expected_sum).abs() < 1e-5, "{name}: {sum} {expected_sum}");
        assert!((sum - 0.25).abs() < 0.05, "{name}: {sum}");
    }
}

#[test]
fn every_method_finds_the_same_dof() {
    for matrix in [false, true] {
        let sample = simulate(law(u8::from(matrix), 3.0), 50, 4, 3, 13);
        let fit = |method: Method| {
            let options = FitOptions { method, ..FitOptions::default() };
            let fit =
                model(matrix, Dof::Estimate).fit_with(&sample, &options, &mut Silent).unwrap();
            assert!(fit.is_converged(), "{method:?}: {:?}", fit.termination());
            assert_monotone(&fit, method.name());
            fit
        };
        let reference = fit(Method::FlipFlop);
        for method in [Method::Auto, Method::Newton] {
            let other = fit(method);
            let (a, b) = (reference.dof().unwrap(), other.dof().unwrap());
            assert!((a / b - 1.0).abs() < 1e-6, "{method:?}: {a} {b}");
            let gap = reference.log_likelihood() - other.log_likelihood();
            assert!(gap.abs() < 1e-8, "{method:?}: {gap:e}");
        }
    }
}

/// Gaussian data: ν̂ is ∞ or so large that a sweep may first end at the Gaussian limit, from where
/// it has to come back.
#[test]
fn large_and_infinite_dof_converge_with_structures() {
    use kronfit::structure::Structure;
    let (mut finite, mut infinite) = (0, 0);
    for seed in 0..150 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values = Array3::from_shape_simple_fn((40, 5, 4), || {
            rand_distr::StandardNormal.sample(&mut rng)
        });
        let sample = Sample::new(values).unwrap();
        for (rows, cols) in [("unstructured", "toeplitz"), ("ar1", "factor:1")] {
            let structure = |name: &str| name.parse::<Structure>().unwrap();
            let shaped = |model: Model| model.rows(structure(rows)).cols(structure(cols));
            let fit = shaped(Model::matrix_t(Dof::Estimate)).fit(&sample).unwrap();
            let what = format!("{seed} {rows}: {:?} at {:e}", fit.termination(), fit.score());
            assert!(fit.is_converged(), "{what}");
            assert!(fit.iterations() < 60, "{what}, {} iterations", fit.iterations());
            // The likelihood of common factors may have several maxima.
            if cols == "toeplitz" {
                let gaussian = shaped(Model::gaussian()).fit(&sample).unwrap();
                assert!(fit.log_likelihood() >= gaussian.log_likelihood() - 1e-8, "{what}");
            }
            match fit.dof() {
                Some(dof) if dof > 1e3 => finite += 1,
                Some(_) => {}
                None => infinite += 1,
            }
        }
    }
    assert!(finite > 0 && infinite > 150, "{finite} large, {infinite} infinite");
}
