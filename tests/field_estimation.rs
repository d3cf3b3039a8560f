//! What users of such software ran into, with the right values (tests/field/ESTIMATION.md).

use kronfit::data::Sample;
use kronfit::estimate::{Certify, Fit, FitOptions, Method, Silent, Termination};
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use ndarray::{Array1, Array2, Array3, Axis};
use std::path::PathBuf;
use std::time::Instant;

fn sample(path: &str) -> Sample {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field").join(path);
    let values: Array3<f64> = ndarray_npy::read_npy(path).unwrap();
    Sample::new(values).unwrap()
}

fn close(found: f64, right: f64, digits: f64) {
    assert!((found - right).abs() < digits, "{found} instead of {right}");
}

fn says(fit: &Fit, what: &str) -> bool {
    fit.warnings().iter().any(|warning| warning.contains(what))
}

fn by(model: &Model, sample: &Sample, method: Method) -> Fit {
    let options = FitOptions { method, ..FitOptions::default() };
    model.fit_with(sample, &options, &mut Silent).unwrap()
}

#[test]
fn case_01_volts_beside_tesla() {
    let model = Model::gaussian().cols(Structure::Ar1);
    for method in [Method::Auto, Method::FlipFlop, Method::Newton, Method::Joint] {
        let fit = by(&model, &sample("01-units-false-unbounded/eeg_meg_si.npy"), method);
        assert!(fit.is_converged(), "{method}: {:?}", fit.warnings());
        close(fit.log_likelihood(), 79108.164807, 1e-4);
        close(fit.col_cov()[[0, 1]], 0.709612, 1e-6);
    }
}

#[test]
fn case_03_a_fill_value() {
    let sample = sample("03-fill-value/fill.npy");
    let fit = Model::kronecker_t(Dof::Estimate).fit(&sample).unwrap();
    assert!(fit.is_converged());
    close(fit.dof().unwrap(), 0.459311, 1e-5);
    close(fit.log_likelihood(), -1107.909997, 1e-5);
    let named = "sample 7, row 1, column 2 holds 9.9692e36";
    assert!(says(&fit, named) && says(&fit, "a fill value?"), "{:?}", fit.warnings());
    let fit = Model::gaussian().fit(&sample).unwrap();
    assert!(fit.is_converged(), "{:?}", fit.warnings());
    close(fit.log_likelihood(), -10409.108070, 1e-5);
    assert!(says(&fit, named));
}

#[test]
fn case_07_auto_is_not_worse_than_newton() {
    let fit = Model::gaussian().fit(&sample("07-near-collinear-auto-stalls/x.npy")).unwrap();
    close(fit.log_likelihood(), 1043.691731859063, 1e-6);
    assert!(fit.is_converged());
}

#[test]
fn case_08_poles_are_said_before_the_fit() {
    let sample = sample("08-t-mean-on-a-sample/x.npy");
    for dof in [1.0, 2.0, 3.9] {
        let error = Model::kronecker_t(Dof::Fixed(dof)).fit(&sample).unwrap_err().to_string();
        assert!(error.contains("n = 10 samples of 6 × 6 and a free mean"), "{error}");
        assert!(error.contains("ν > 4.0000"), "{error}");
    }
    let fit = Model::kronecker_t(Dof::Estimate).fit(&sample).unwrap();
    assert!(fit.is_converged());
    assert!(fit.dof().unwrap() > 4.0);
    if fit.dof().unwrap() < 4.2001 {
        assert!(says(&fit, "ν is held at 4.2"), "{:?}", fit.warnings());
    }
    // No pole for the matrix t of this shape, nor with a known mean.
    assert!(Model::matrix_t(Dof::Fixed(1.0)).fit(&sample).unwrap().is_converged());
    let fit = Model::kronecker_t(Dof::Fixed(1.0)).mean(Mean::Zero).fit(&sample).unwrap();
    assert!(fit.is_converged());
}

#[test]
fn case_10_unique_maxima_are_called_so() {
    let fit = Model::gaussian().fit(&sample("10-false-not-unique/one.npy")).unwrap();
    close(fit.sigma2(), 14.0 / 9.0, 1e-12);
    assert!(fit.warnings().is_empty(), "{:?}", fit.warnings());
    let two = sample("10-false-not-unique/two.npy");
    let fit = Model::gaussian().mean(Mean::Zero).fit(&two).unwrap();
    assert!(fit.warnings().is_empty(), "{:?}", fit.warnings());
    assert!(fit.certificate().unwrap().unique);
}

#[test]
fn case_12_collinear_rows_are_named() {
    let fit =
        Model::gaussian().cols(Structure::Ar1).fit(&sample("12-average-reference/avgref.npy"));
    let fit = fit.unwrap();
    assert!(!fit.is_converged());
    assert!(says(&fit, "rows 0 to 7 sum to a constant"), "{:?}", fit.warnings());
    let fit =
        Model::gaussian().fit(&sample("12-average-reference/row3_is_row0_plus_row1.npy")).unwrap();
    assert!(!fit.is_converged());
    assert!(says(&fit, "row 3 = row 0 + row 1"), "{:?}", fit.warnings());
}

#[test]
fn case_18_several_starts_find_the_higher_maximum() {
    let model = Model::matrix_t(Dof::Estimate)
        .rows(Structure::Factor(1))
        .cols(Structure::Toeplitz)
        .mean(Mean::Scalar);
    let fit = model.fit(&sample("18-local-maxima/A859.npy")).unwrap();
    assert!(fit.is_converged());
    assert!(fit.log_likelihood() > -76.9527 + 0.0176, "{}", fit.log_likelihood());
    assert!(says(&fit, "local maximum"), "{:?}", fit.warnings());
}

#[test]
fn case_20_no_saddle_passes_for_a_maximum() {
    let model =
        Model::kronecker_t(Dof::Fixed(2.0)).rows(Structure::Identity).cols(Structure::Identity);
    let error = model.fit(&sample("20-saddle/saddle_n2.npy")).unwrap_err().to_string();
    assert!(error.contains("has no maximum"), "{error}");
}

#[test]
fn case_21_certificates_hold() {
    let options = FitOptions {
        method: Method::FlipFlop,
        max_iter: 3,
        certificate: Certify::Force,
        ..FitOptions::default()
    };
    let model = Model::kronecker_t(Dof::Fixed(3.0)).mean(Mean::Zero);
    let fit =
        model.fit_with(&sample("21-certificate/cert_277.npy"), &options, &mut Silent).unwrap();
    if let Some(distance) = fit.certificate().and_then(|c| c.distance) {
        assert!(distance >= 0.3206, "{distance}");
    }
    let options = FitOptions { tol: 1e-2, certificate: Certify::Force, ..FitOptions::default() };
    let fit = Model::gaussian()
        .mean(Mean::Zero)
        .fit_with(&sample("21-certificate/notunique.npy"), &options, &mut Silent)
        .unwrap();
    assert!(!fit.certificate().is_some_and(|c| c.unique));
    assert!(says(&fit, "not unique"));
}

#[test]
fn case_22_outliers_do_not_make_a_likelihood_unbounded() {
    let model = Model::matrix_t(Dof::Estimate);
    for (file, right) in [("false_unbounded", -1861.3334), ("A1786", -273.9)] {
        let fit = model.fit(&sample(&format!("22-false-unbounded/{file}.npy"))).unwrap();
        assert!(fit.is_converged(), "{file}: {:?}", fit.warnings());
        assert!(fit.log_likelihood() > right - 0.1, "{file}: {}", fit.log_likelihood());
    }
}

#[test]
fn case_23_a_time_limit_ends_long_steps() {
    let options = FitOptions { time_limit: Some(0.5), ..FitOptions::default() };
    let model = Model::matrix_t(Dof::Estimate).rows(Structure::Diagonal);
    let clock = Instant::now();
    let fit = model.fit_with(&sample("23-no-end/A354.npy"), &options, &mut Silent).unwrap();
    assert!(fit.is_converged() || fit.termination() == Termination::TimeLimit);
    assert!(clock.elapsed().as_secs_f64() < 10.0);
    let options = FitOptions { force: true, ..FitOptions::default() };
    let model = Model::kronecker_t(Dof::Estimate);
    let fit = model.fit_with(&sample("23-no-end/A2775.npy"), &options, &mut Silent).unwrap();
    assert!(fit.is_converged(), "{:?}", fit.warnings());
}

#[test]
fn case_24_any_scale_is_fitted() {
    let big = sample("24-extremes/scale1e90.npy");
    let model = Model::gaussian().rows(Structure::Correlation);
    let (fit, plain) = (model.fit(&big).unwrap(), model.fit(&scaled(&big, 1e-90)).unwrap());
    assert!(fit.is_converged());
    let jacobian = -(big.values().len() as f64) * 1e90_f64.ln();
    close(fit.log_likelihood(), plain.log_likelihood() + jacobian, 1e-6);
    let options = FitOptions { force: true, ..FitOptions::default() };
    let tiny = sample("24-extremes/A1293.npy");
    let fit = Model::kronecker_t(Dof::Estimate).fit_with(&tiny, &options, &mut Silent).unwrap();
    assert!(fit.is_finite() && fit.sigma2() > 0.0 && fit.log_likelihood().is_finite());
}

#[test]
fn case_25_rounding_is_not_variance() {
    let sample = sample("25-identical-samples/identical_gaussian_identity.npy");
    let structures =
        ["identity", "ar1", "compound-symmetry", "toeplitz", "unstructured", "diagonal"];
    for name in structures {
        let structure: Structure = name.parse().unwrap();
        for model in [Model::gaussian(), Model::matrix_t(Dof::Fixed(20.0))] {
            let model = model.rows(structure.clone()).cols(structure.clone());
            let error = model.fit(&sample).unwrap_err().to_string();
            assert!(error.contains("are identical"), "{name}: {error}");
        }
    }
}

fn scaled(sample: &Sample, by: f64) -> Sample {
    Sample::new(sample.values().to_owned() * by).unwrap()
}

/// A fixed sample without pattern: seven sines of different frequency.
fn random(n: usize, p: usize, q: usize, seed: f64) -> Array3<f64> {
    Array3::from_shape_fn((n, p, q), |(i, j, k)| {
        let t = seed + (i * 31 + j * 17 + k * 7) as f64;
        (t * 12.9898).sin() + (t * t * 0.37).cos() + (t * 3.11).sin() * 0.3 * (j + 1) as f64
    })
}

/// X → C X D changes ℓ by its Jacobian and correlations not at all.
#[test]
fn units_never_matter() {
    let exponents = |d: usize, k: usize| -> Array1<f64> {
        (0..d).map(|i| 10_f64.powi(((i * 7 + k * 5) % 25) as i32 - 12)).collect()
    };
    let free = ["unstructured", "diagonal", "factor:1"];
    let laws =
        [Model::gaussian(), Model::kronecker_t(Dof::Fixed(6.0)), Model::matrix_t(Dof::Estimate)];
    let means = [Mean::Free, Mean::Zero, Mean::Rows, Mean::Scalar];
    let mut count = 0;
    for (k, law) in laws.iter().enumerate() {
        for (s, rows) in free.iter().enumerate() {
            for (m, mean) in means.iter().enumerate() {
                // Searches of several starts take long; one law is enough for them.
                let cols = free[(s + m) % 3];
                if k > 0 && (*rows == "factor:1" || cols == "factor:1") {
                    continue;
                }
                let model = law.clone().rows(rows.parse().unwrap()).cols(cols.parse().unwrap());
                let x = random(24, 4, 3, (k * 100 + s * 10 + m) as f64);
                let (c, d) = (exponents(4, k + m), exponents(3, s));
                let mut y = x.clone();
                for ((_, i, j), v) in y.indexed_iter_mut() {
                    *v *= c[i] * d[j];
                }
                // What the mean spans has to move along.
                let moved = match mean {
                    Mean::Rows => {
                        Mean::Linear { left: Array2::eye(4), right: d.clone().insert_axis(Axis(0)) }
                    }
                    Mean::Scalar => Mean::Linear {
                        left: c.clone().insert_axis(Axis(1)),
                        right: d.clone().insert_axis(Axis(0)),
                    },
                    other => other.clone(),
                };
                let plain = model.clone().mean(mean.clone()).fit(&Sample::new(x).unwrap()).unwrap();
                let fit = model.mean(moved).fit(&Sample::new(y).unwrap()).unwrap();
                let jacobian = -24.0 * (3.0 * c.mapv(f64::ln).sum() + 4.0 * d.mapv(f64::ln).sum());
                let what = format!("{} {rows} {}", plain.law().name(), mean.name());
                assert_eq!(fit.is_converged(), plain.is_converged(), "{what}");
                let gap = fit.log_likelihood() - plain.log_likelihood() - jacobian;
                assert!(gap.abs() < 1e-7 * (1.0 + jacobian.abs()), "{what}: {gap:e}");
                for (a, b) in [(fit.row_cov(), plain.row_cov()), (fit.col_cov(), plain.col_cov())] {
                    let gap = correlations(a) - correlations(b);
                    let gap = gap.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                    assert!(gap < 1e-5, "{what}: correlations differ by {gap:e}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 15);
}

fn correlations(matrix: &Array2<f64>) -> Array2<f64> {
    let scale = matrix.diag().mapv(f64::sqrt);
    matrix / &scale / &scale.clone().insert_axis(Axis(1))
}

#[test]
fn overall_scales_fit_or_say_why_not() {
    for law in
        [Model::gaussian(), Model::kronecker_t(Dof::Estimate), Model::matrix_t(Dof::Estimate)]
    {
        for structure in ["unstructured", "ar1", "identity", "correlation"] {
            let model = law.clone().rows(structure.parse().unwrap());
            let plain = model.fit(&Sample::new(random(20, 3, 2, 1.0)).unwrap()).unwrap();
            for power in [-300, -200, -140, -60, 60, 140, 200, 300] {
                let x = random(20, 3, 2, 1.0) * 10_f64.powi(power);
                match model.fit(&Sample::new(x).unwrap()) {
                    Ok(fit) => {
                        assert_eq!(fit.is_converged(), plain.is_converged());
                        let jacobian = -120.0 * f64::from(power) * std::f64::consts::LN_10;
                        close(fit.log_likelihood(), plain.log_likelihood() + jacobian, 1e-5);
                    }
                    Err(error) => {
                        let error = error.to_string();
                        assert!(power.abs() > 140, "{structure} 1e{power}: {error}");
                        assert!(
                            error.contains("squares overflow")
                                || error.contains("squares underflow"),
                            "{error}"
                        );
                    }
                }
            }
        }
    }
}

/// Below the bound a fixed ν is refused, above it the fit ends at a maximum; quickly.
#[test]
fn poles_hold_on_random_samples() {
    let clock = Instant::now();
    for (k, (n, p, q)) in [(6, 3, 2), (8, 2, 4), (12, 3, 3), (5, 2, 2)].into_iter().enumerate() {
        let sample = Sample::new(random(n, p, q, k as f64)).unwrap();
        let kronecker = (p * q) as f64 / (n - 1) as f64;
        let matrix = p.max(q) as f64 / (n - 1) as f64 - (p.min(q) - 1) as f64;
        for (bound, law) in [
            (kronecker, Model::kronecker_t as fn(Dof) -> Model),
            (matrix, Model::matrix_t as fn(Dof) -> Model),
        ] {
            if bound > 0.0 {
                let error = law(Dof::Fixed(0.9 * bound)).fit(&sample).unwrap_err().to_string();
                assert!(error.contains("has no maximum"), "{error}");
            }
            let fit = law(Dof::Fixed(1.2 * bound.max(0.5))).fit(&sample).unwrap();
            assert!(
                fit.is_converged(),
                "{n} {p} {q} {} {bound}: {:?}",
                fit.law().name(),
                fit.warnings()
            );
            let fit = law(Dof::Estimate).fit(&sample).unwrap();
            let name = fit.law().name();
            assert!(fit.is_converged(), "{n} {p} {q} {name} estimated: {:?}", fit.warnings());
            assert!(fit.dof().is_none_or(|dof| dof > bound));
        }
    }
    assert!(clock.elapsed().as_secs() < 60);
}

/// The bound is right: along M = one sample and a shrinking scale ℓ rises below it, falls above.
#[test]
fn the_bound_is_where_the_likelihood_turns() {
    use kronfit::family::{KroneckerT, Law, MatrixT};
    use kronfit::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
    let (n, p, q) = (4, 3, 2);
    let sample = Sample::new(random(n, p, q, 5.0)).unwrap();
    let likelihood = SampleLikelihood::new(&sample);
    let at = |law: &dyn Law, scale: f64| {
        let mut point = Point::standard(p, q);
        point.mean.assign(&sample.values().index_axis(Axis(0), 1));
        point.factors[kronfit::kronecker::Side::Rows].scale(scale);
        let mut sums = Sums::zeros(p, q);
        likelihood.sums(&point, law, Sides::Both, &mut sums).unwrap();
        sums.log_likelihood
    };
    let rises = |law: &dyn Law| at(law, 1e-24) > at(law, 1e-20);
    let model = Model::kronecker_t(Dof::Estimate);
    let bound = model.pole(n as f64, 1.0, p, q).unwrap().dof;
    assert!(rises(&KroneckerT::new(0.95 * bound).unwrap()));
    assert!(!rises(&KroneckerT::new(1.05 * bound).unwrap()));
    // 3/(2 − 1) − 1 = 2 for n = 2.
    let two = Sample::new(random(2, 3, 2, 5.0)).unwrap();
    let bound = Model::matrix_t(Dof::Estimate).pole(2.0, 1.0, 3, 2).unwrap().dof;
    assert_eq!(bound, 2.0);
    let likelihood = SampleLikelihood::new(&two);
    let at = |law: &dyn Law, scale: f64| {
        let mut point = Point::standard(p, q);
        point.mean.assign(&two.values().index_axis(Axis(0), 1));
        point.factors[kronfit::kronecker::Side::Rows].scale(scale);
        let mut sums = Sums::zeros(p, q);
        likelihood.sums(&point, law, Sides::Both, &mut sums).unwrap();
        sums.log_likelihood
    };
    let rises = |law: &dyn Law| at(law, 1e-24) > at(law, 1e-20);
    assert!(rises(&MatrixT::new(1.9).unwrap()));
    assert!(!rises(&MatrixT::new(2.1).unwrap()));
}

#[test]
fn symmetric_matrices_are_told() {
    let x = random(12, 3, 3, 2.0);
    let x = &x + &x.view().permuted_axes([0, 2, 1]);
    let fit = Model::gaussian().fit(&Sample::new(x).unwrap()).unwrap();
    assert!(says(&fit, "is symmetric (X = Xᵀ)"), "{:?}", fit.warnings());
    assert_ne!(fit.termination(), Termination::MaxIterations);
}
