//! The factor-analytic update and a whole fit against optima found by SciPy from many starts
//! (see `tests/golden/README.md`).

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::io::{ReadOptions, load};
use kronfit::linalg::Root;
use kronfit::model::{Dof, Model};
use kronfit::structure::{ParameterKind, Shape, Structure};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use serde_json::Value;

fn golden() -> Value {
    common::golden_json("factor_analysis.json")
}

fn factors(case: &Value) -> usize {
    case["factors"].as_u64().expect("K") as usize
}

fn objective(matrix: ArrayView2<'_, f64>, scatter: ArrayView2<'_, f64>) -> f64 {
    let root = Root::of("a test matrix", matrix).expect("positive definite");
    root.ln_det() + root.whiten(scatter).diag().sum()
}

/// Largest difference in units of the standard deviations.
fn apart(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let unit = |i: usize, j: usize| (b[[i, i]] * b[[j, j]]).sqrt();
    let gaps = a.indexed_iter().map(|((i, j), x)| (x - b[[i, j]]).abs() / unit(i, j));
    gaps.fold(0.0, f64::max)
}

/// The identity, the structure's start, and one with uniquenesses that are far too small for the
/// wrong rows and loadings of the wrong signs.
fn starts(shape: &dyn Shape, d: usize) -> Vec<(&'static str, Array2<f64>)> {
    let wrong = Array1::from_shape_fn(d, |i| if i % 2 == 0 { 3.0 } else { -2.0 });
    let column = wrong.view().insert_axis(Axis(1));
    let small = Array1::from_shape_fn(d, |i| if i + 1 == d { 1e-4 } else { 5.0 });
    let bad = column.dot(&column.t()) + Array2::from_diag(&small);
    vec![("identity", Array2::eye(d)), ("start", shape.start(d).expect("a start")), ("bad", bad)]
}

#[test]
fn updates_end_at_the_lowest_minimum() {
    let golden = golden();
    let cases = golden["cases"].as_object().expect("cases");
    assert_eq!(cases.len(), 7);
    for (name, case) in cases {
        let scatter = common::matrix(&case["scatter"]);
        let reference = case["minimum"].as_f64().expect("a minimum");
        let shape = Structure::Factor(factors(case)).shape();
        for (from, start) in starts(&*shape, scatter.nrows()) {
            let found = shape.update(scatter.view(), start.view()).expect("an update");
            let value = objective(found.view(), scatter.view());
            let off = (value - reference).abs() / reference.abs();
            let sigma = apart(&found, &common::matrix(&case["matrix"]));
            println!("{name} from {from}: f {off:.1e}, Σ {sigma:.1e}");
            assert!(off < 1e-12, "{name} from {from}: {value} for {reference}");
            assert!(sigma < 1e-9, "{name} from {from}: Σ off by {sigma:e}");
        }
    }
}

/// Uniquenesses at the boundary are zeros, in the report too.
#[test]
fn heywood_cases_have_their_zeros() {
    let golden = golden();
    for (name, zeros) in [("heywood", 1), ("d6_k3", 1), ("few", 1), ("d5_k2", 0)] {
        let case = &golden["cases"][name];
        let scatter = common::matrix(&case["scatter"]);
        let shape = Structure::Factor(factors(case)).shape();
        let found = shape.update(scatter.view(), shape.start(scatter.nrows()).unwrap().view());
        let found = found.expect("an update");
        let expected = common::matrix(&Value::Array(vec![case["uniquenesses"].clone()]));
        let report = shape.report(found.view());
        let ours = report.iter().filter(|x| x.kind == ParameterKind::Uniqueness);
        let mut seen = 0;
        for ((ours, reference), variance) in ours.zip(&expected).zip(found.diag()) {
            seen += usize::from(*reference < 1e-12 * variance);
            let share = ours.value;
            assert!((share - reference / variance).abs() < 1e-6, "{name}, {ours}: {share}");
        }
        assert_eq!(seen, zeros, "{name}");
    }
}

#[test]
fn a_whole_fit() {
    let golden = golden();
    let case = &golden["fit"];
    let rows: Vec<Array2<f64>> =
        case["values"].as_array().expect("samples").iter().map(common::matrix).collect();
    let mut values = Array3::zeros((rows.len(), rows[0].nrows(), rows[0].ncols()));
    values.outer_iter_mut().zip(&rows).for_each(|(mut to, x)| to.assign(x));
    let sample = Sample::new(values).expect("a sample");
    let reference = case["log_likelihood"].as_f64().expect("ℓ");
    for method in [Method::FlipFlop, Method::Joint, Method::Newton, Method::Auto] {
        let options = FitOptions { method, ..FitOptions::default() };
        let model = Model::gaussian().cols(Structure::Factor(factors(case)));
        let fit = model.fit_with(&sample, &options, &mut Silent).expect("a fit");
        assert!(fit.is_converged(), "{method}: {:?}", fit.termination());
        let off = (fit.log_likelihood() - reference).abs() / reference.abs();
        let sigma =
            common::relative(&common::covariance(&fit), &common::matrix(&case["covariance"]));
        println!("{method}: ℓ {off:.1e}, Σ {sigma:.1e}");
        assert!(off < 1e-8, "{method}: {} for {reference}", fit.log_likelihood());
        assert!(sigma < 1e-5, "{method}: Σ off by {sigma:e}");
    }
}

/// Real data, most with uniquenesses at zero: one maximum by all methods, converged.
#[test]
fn methods_agree_on_real_data() {
    let (gaussian, elliptical) = (Model::gaussian(), Model::kronecker_t(Dof::Estimate));
    let matrix_t = Model::matrix_t(Dof::Estimate);
    for (name, model, rows, cols) in [
        ("us-macro", &gaussian, "unstructured", "factor:2"),
        ("us-macro", &gaussian, "factor:1", "factor:4"),
        ("us-macro", &elliptical, "ar1", "factor:3"),
        ("us-macro", &matrix_t, "unstructured", "factor:2"),
        ("grunfeld", &gaussian, "factor:3", "unstructured"),
        ("simulated-t", &matrix_t, "unstructured", "factor:1"),
    ] {
        let sample = load(name, &ReadOptions::default()).expect("a bundled dataset");
        let model = model.clone().rows(rows.parse().unwrap()).cols(cols.parse().unwrap());
        let mut reference = None;
        for method in [Method::FlipFlop, Method::Joint, Method::Newton, Method::Auto] {
            let what = format!("{name}, {} {rows} × {cols} by {method}", model.law().name());
            let options = FitOptions { method, ..FitOptions::default() };
            let fit = model.fit_with(&sample, &options, &mut Silent).expect("a fit");
            assert!(fit.is_converged(), "{what}: {:?} at {:e}", fit.termination(), fit.score());
            let found = fit.log_likelihood();
            let gap = found - *reference.get_or_insert(found);
            // There may be several maxima: auto looks for a higher one from other starts.
            let higher = method == Method::Auto && gap > 0.0;
            assert!(higher || gap.abs() < 1e-9 * found.abs(), "{what}: ℓ {gap:e} away");
        }
    }
}

/// A uniqueness at zero has no slope in its root: the other parameters' errors are still there.
#[test]
fn standard_errors_beside_a_vanishing_uniqueness() {
    let sample = load("us-macro", &ReadOptions::default()).expect("a bundled dataset");
    let fit = Model::gaussian().cols(Structure::Factor(2)).fit(&sample).expect("a fit");
    let shape = fit.model().col_structure().shape();
    let report = shape.report(fit.col_cov().view());
    let zeros = report.iter().filter(|x| x.kind == ParameterKind::Uniqueness && x.value == 0.0);
    assert_eq!(zeros.count(), 2);
    let errors = fit.on(&sample).unwrap().standard_errors().expect("standard errors");
    let scale = fit.col_cov().diag().iter().fold(0.0_f64, |m, x| m.max(*x));
    for ((i, j), x) in errors.col_cov.indexed_iter() {
        assert!(x.is_finite() && *x > 0.0 && *x < scale, "B[{i},{j}]: {x:e}");
    }
}
