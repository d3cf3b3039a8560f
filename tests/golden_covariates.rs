//! Fits with covariates and weights against maxima found by other software.

mod common;

use common::{golden_dir, golden_json, matrix};
use kronfit::data::{Design, Sample, Weights};
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::inference::{BootstrapOptions, linear_hypothesis};
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
            // The slow ones on a few.
            let few = data == "lin_40_3_4" || data == "thr_6_8_4";
            let all = [Method::Auto, Method::FlipFlop, Method::Newton, Method::Joint];
            for method in all.into_iter().take(if few { 4 } else { 1 }) {
                compare(data, law, entry, reference, method);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 38);
}

/// Standard errors from the expected information; intervals of the Gaussian by hand.
#[test]
fn errors_of_the_coefficients() {
    let all = golden_json("covariates/covariates.json");
    let mut compared = 0;
    for (data, entry) in all.as_object().expect("an object") {
        for (law, reference) in entry["fits"].as_object().expect("fits") {
            let sample = sample(data, &entry["weights"]);
            let options = FitOptions { tol: 1e-10, ..FitOptions::default() };
            let fit = model(law).fit_with(&sample, &options, &mut Silent).expect("a fit");
            let fitted = fit.on(&sample).expect("its data");
            let found = fitted.coefficients(0.95).expect("coefficients");
            let what = format!("{data} {law}");
            for (term, error) in
                found.terms.iter().zip(reference["theta_se"].as_array().expect("se"))
            {
                close(term.standard_error.view(), &matrix(error), 1e-6, &what);
                compared += 1;
            }
            let (_, p, q) = sample.dim();
            let m = sample.design().expect("a design").names().len();
            if law == "gauss" {
                let rest = fit.weight() - m as f64;
                let f = rest * (p * q) as f64 / (p + q - 1) as f64;
                assert_eq!(found.degrees, Some(f));
                let term = &found.terms[m - 1];
                // Half the interval over the error: t_f(.975) √(n/(n−r)).
                let half = (term.upper[[0, 0]] - term.theta[[0, 0]]) / term.standard_error[[0, 0]];
                let expected = t_quantile(f) * (fit.weight() / rest).sqrt();
                assert!((half - expected).abs() < 1e-6, "{what}: {half} {expected}");
            }
            // A prediction at one covariate alone is its coefficient.
            let mut z = Array1::zeros(m);
            z[m - 1] = 1.0;
            let predicted = found.predict(z.view()).expect("a prediction");
            let last = found.terms.last().expect("a term");
            close(predicted.theta.view(), &last.theta, 1e-12, &what);
            close(predicted.standard_error.view(), &last.standard_error, 1e-12, &what);
            assert!(found.predict(Array1::zeros(m + 1).view()).is_err());
        }
    }
    assert!(compared > 30);
}

/// The 0.975 quantile of Student's t by bisection on its density's integral (Simpson's rule).
fn t_quantile(f: f64) -> f64 {
    use statrs::function::gamma::ln_gamma;
    let c =
        (ln_gamma(0.5 * (f + 1.0)) - ln_gamma(0.5 * f)).exp() / (f * std::f64::consts::PI).sqrt();
    let density = |x: f64| c * (1.0 + x * x / f).powf(-0.5 * (f + 1.0));
    let area = |x: f64| {
        let n = 2000;
        let h = x / n as f64;
        let inner: f64 =
            (1..n).map(|i| density(i as f64 * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (density(0.0) + inner + density(x)) * h / 3.0
    };
    let (mut low, mut high) = (1.0, 20.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if area(middle) < 0.475 { low = middle } else { high = middle }
    }
    low
}

/// The plain statistics, the closed Bartlett factor, and the exact simulation.
#[test]
fn tests_of_terms() {
    let all = golden_json("covariates/covariates.json");
    let mut compared = 0;
    for (data, entry) in all.as_object().expect("an object") {
        let Some(statistics) = entry["lrt"].as_object() else { continue };
        for (law, statistic) in statistics {
            let sample = sample(data, &entry["weights"]);
            let m = sample.design().expect("a design").names().len();
            let kept = entry["null_columns"].as_array().expect("columns").len();
            let names: Vec<String> = (kept..m).map(|k| format!("z{k}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let options = FitOptions { tol: 1e-10, ..FitOptions::default() };
            let found = linear_hypothesis(&sample, &model(law), &names, &options, None);
            let found = found.expect("a test");
            let expected = statistic.as_f64().expect("T");
            let gap = (found.statistic - expected).abs();
            assert!(gap <= 1e-7 * expected, "{data} {law}: {} {expected}", found.statistic);
            let (n, p, q) = sample.dim();
            assert_eq!(found.df, (m - kept) * p * q);
            if law == "gauss" {
                let (n, d, h) = (n as f64, (p * q) as f64, (m - kept) as f64);
                let k = (p * (p + 1) + q * (q + 1)) as f64 / 2.0 - 1.0;
                let (one, null) = (n - m as f64, n - m as f64 + h);
                let mean = n * (d * (null / one).ln() + k * (1.0 / one - 1.0 / null));
                let factor = found.corrected.expect("a correction").factor;
                assert!((factor - mean / (h * d)).abs() < 1e-12, "{factor}");
            } else {
                assert!(found.corrected.is_none());
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}

/// Data without any effect are as likely as others: p-values of the exact simulation are of the order
/// of the corrected ones, and the mean of the simulated statistic is what the factor says.
#[test]
fn the_exact_simulation_agrees_with_the_correction() {
    let (n, p, q) = (16, 2, 3);
    let x = Array3::from_shape_fn((n, p, q), |(i, j, k)| {
        let t = (i * 37 + j * 11 + k * 5) as f64;
        (t * 0.731).sin() + (t * 1.37 + 0.3).cos() * 0.8
    });
    let design = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { i as f64 });
    let design = Design::columns(vec!["1".into(), "trend".into()], design).expect("a design");
    let sample = Sample::new(x).and_then(|s| s.with_design(design)).expect("a sample");
    let options = FitOptions::default();
    let simulation = BootstrapOptions::new(400, 7);
    let found =
        linear_hypothesis(&sample, &Model::gaussian(), &["trend"], &options, Some(&simulation))
            .expect("a test");
    let (exact, corrected) = (found.bootstrap.expect("one"), found.corrected.expect("one"));
    assert!(exact.exact && exact.failures == 0);
    let gap = (exact.p_value - corrected.p_value).abs();
    assert!(gap < 5.0 * exact.p_value_error + 0.02, "{exact:?} {corrected:?}");
    assert!(found.p_value.expect("χ²") < corrected.p_value);
    // The 0.95 quantile of χ²₆ is 12.592.
    let critical = exact.critical_95 / corrected.factor;
    assert!((critical - 12.592).abs() < 2.5, "{critical}");
}
