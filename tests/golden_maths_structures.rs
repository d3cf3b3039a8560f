//! Formulas of structures and means against 60-digit arithmetic (`tests/golden/maths.json`).

mod common;

use common::matrix;
use kronfit::likelihood::{MeanMetric, Point, mean_step};
use kronfit::linalg::Root;
use kronfit::model::{Mean, Model};
use kronfit::structure::{Shape, Structure};
use ndarray::{Array1, Array2, Array3, Axis};
use serde_json::Value;

fn case(id: &str) -> Value {
    let all = common::golden_json("maths.json");
    let cases = all["cases"].as_array().expect("cases");
    cases.iter().find(|case| case["id"] == id).expect("the case").clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("numbers")
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * scale, "{what}: {a} against {b}");
    }
}

fn objective(matrix: &Array2<f64>, scatter: &Array2<f64>) -> f64 {
    let root = Root::of("A", matrix.view()).expect("positive definite");
    root.ln_det() + root.whiten(scatter.view()).diag().sum()
}

/// The generalised least-squares mean for the average matrix at given A and B, from zero and
/// from a far member of the structure alike.
fn gls(mean: &Mean, inputs: &Value, metric: &dyn Fn(f64, &Point) -> MeanMetric) -> Array2<f64> {
    let rows: Vec<Vec<Vec<f64>>> = serde_json::from_value(inputs["X"].clone()).expect("X");
    let shape = (rows.len(), rows[0].len(), rows[0][0].len());
    let flat: Vec<f64> = rows.into_iter().flatten().flatten().collect();
    let sample = Array3::from_shape_vec(shape, flat).expect("X");
    let average = sample.mean_axis(Axis(0)).expect("an average");
    let (a, b) = (matrix(&inputs["A"]), matrix(&inputs["B"]));
    let root = |matrix: &Array2<f64>| Root::of("a factor", matrix.view()).expect("definite");
    let mut point = Point::new(Array2::zeros(average.dim()), root(&a), root(&b));
    let n = shape.0 as f64;
    for _ in 0..2 {
        let psi_sum = point.whiten((&average - &point.mean).view()) * n;
        let metric = metric(n, &point);
        let step = mean_step(mean, &point, psi_sum.view(), &metric).expect("a step");
        point.mean += &point.unwhiten(step.view());
    }
    point.mean
}

#[test]
fn generalised_least_squares_means() {
    let case = case("M2.6");
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let scalar = outputs["scalar"].as_f64().expect("a number");
    let expected = [
        (Mean::Rows, matrix(&outputs["row"])),
        (Mean::Cols, matrix(&outputs["col"])),
        (Mean::Scalar, Array2::from_elem((3, 2), scalar)),
    ];
    for (mean, expected) in expected {
        // A weight, and the same weight as a matrix on either side.
        type MetricOf<'a> = &'a dyn Fn(f64, &Point) -> MeanMetric;
        let metrics: [MetricOf<'_>; 3] = [
            &|n, _| MeanMetric::Weight(n),
            &|n, _| MeanMetric::Row((Array2::eye(3) * n).into()),
            &|n, _| MeanMetric::Col((Array2::eye(2) * n).into()),
        ];
        for metric in metrics {
            let found = gls(&mean, inputs, metric);
            close(
                found.as_slice().unwrap(),
                expected.as_standard_layout().as_slice().unwrap(),
                1e-12,
                mean.name(),
            );
        }
    }
}

#[test]
fn growth_curve_mean() {
    let case = case("M8.1");
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let (left, right) = (matrix(&inputs["C"]), matrix(&inputs["D"]));
    let beta = Array1::from(numbers(&outputs["beta"])).insert_axis(Axis(1));
    let expected = left.dot(&beta).dot(&right);
    let found = gls(&Mean::Linear { left, right }, inputs, &|n, _| MeanMetric::Weight(n));
    close(found.as_slice().unwrap(), expected.as_slice().unwrap(), 1e-12, "C β D");
}

#[test]
fn closed_form_updates() {
    let case = case("M6.1");
    let scatter = matrix(&case["inputs"]["S"]);
    let out = |name: &str| case["outputs"][name].as_f64().expect("a number");
    let update = |structure: Structure| {
        structure.shape().update(scatter.view(), Array2::eye(5).view()).expect("an update")
    };
    let identity = update(Structure::Identity);
    close(&[identity[[2, 2]]], &[out("identity_sigma2")], 1e-12, "identity");
    let diagonal = update(Structure::Diagonal).diag().to_vec();
    close(&diagonal, &numbers(&case["outputs"]["diag"]), 1e-12, "diagonal");
    let cs = update(Structure::CompoundSymmetry);
    let found = [cs[[0, 0]], cs[[3, 1]] / cs[[0, 0]], objective(&cs, &scatter)];
    close(&found, &[out("cs_sigma2"), out("cs_rho"), out("cs_obj")], 1e-12, "cs");
    let levels = [cs[[0, 0]] - cs[[0, 1]], cs[[0, 0]] + 4.0 * cs[[0, 1]]];
    close(&levels, &[out("cs_a"), out("cs_b")], 1e-12, "cs eigenvalues");
    let ar1 = update(Structure::Ar1);
    let rho = ar1[[0, 1]] / ar1[[0, 0]];
    let innovation = ar1[[0, 0]] * (1.0 - rho * rho);
    let found = [rho, innovation, objective(&ar1, &scatter)];
    let expected = [out("ar1_rho"), out("ar1_innov_var"), out("ar1_obj")];
    close(&found, &expected, 1e-12, "ar1");
}

/// M6.2 fixes the variance at one, which our AR(1) never does: its objective at the case's ρ, and
/// that neighbours are higher.
#[test]
fn unit_variance_ar1_objective() {
    let case = case("M6.2");
    let scatter = matrix(&case["inputs"]["S"]);
    let rho = case["outputs"]["rho"].as_f64().expect("ρ");
    let expected = case["outputs"]["obj"].as_f64().expect("an objective");
    let at = |rho: f64| {
        let matrix = Structure::Ar1.shape().matrix(&[0.0, rho.atanh()], 5).expect("a matrix");
        objective(&matrix, &scatter)
    };
    close(&[at(rho)], &[expected], 1e-12, "objective");
    assert!(at(rho + 1e-4) > at(rho) && at(rho - 1e-4) > at(rho));
}

#[test]
fn parameter_maps() {
    let case = case("M6.3");
    let theta = numbers(&case["inputs"]["theta_toeplitz"]);
    let toeplitz = Structure::Toeplitz.shape().matrix(&theta, 5).expect("a matrix");
    let expected = numbers(&case["outputs"]["toeplitz_row"]);
    close(&toeplitz.row(0).to_vec(), &expected, 1e-12, "toeplitz");
    let mut theta = vec![0.0];
    theta.extend(numbers(&case["inputs"]["theta_corr"]));
    let found = Structure::Correlation.shape().matrix(&theta, 4).expect("a matrix");
    let expected = matrix(&case["outputs"]["correlation"]);
    close(found.as_slice().unwrap(), expected.as_slice().unwrap(), 1e-12, "correlation");
}

#[test]
fn factor_analytic_gradient() {
    let case = case("M6.4");
    let scatter = matrix(&case["inputs"]["S"]);
    let loadings = matrix(&case["inputs"]["Lambda"]);
    let psi = numbers(&case["inputs"]["psi"]);
    assert_eq!(loadings[[0, 1]], 0.0, "the case has our zero");
    let shape = kronfit::structure::Factor { factors: 2 };
    let free = |m: &Array2<f64>| -> Vec<f64> {
        m.indexed_iter().filter(|((i, k), _)| k <= i).map(|(_, x)| *x).collect()
    };
    // The case has logarithms of the uniquenesses, our coordinates are their roots.
    let roots: Vec<f64> = psi.iter().map(|x| (0.5 * x).exp()).collect();
    let theta = [free(&loadings), roots.clone()].concat();
    let found = shape.matrix(&theta, 5).expect("a matrix");
    let expected = case["outputs"]["obj"].as_f64().expect("an objective");
    close(&[objective(&found, &scatter)], &[expected], 1e-12, "objective");
    let root = Root::of("A", found.view()).expect("A");
    let inverse = root.inverse().t().dot(&root.inverse());
    let gradient = &inverse - &inverse.dot(&scatter).dot(&inverse);
    let mut pulled = shape.pull_back(&theta, gradient.view()).expect("a gradient");
    let first = pulled.len() - roots.len();
    pulled[first..].iter_mut().zip(&roots).for_each(|(g, t)| *g *= 0.5 * t);
    let expected =
        [free(&matrix(&case["outputs"]["grad_Lambda"])), numbers(&case["outputs"]["grad_psi"])]
            .concat();
    close(&pulled, &expected, 1e-12, "gradient");
}

#[test]
fn parameter_counts() {
    let case = case("M7.3");
    let mut compared = 0;
    for row in case["outputs"]["table"].as_array().expect("a table") {
        let mean = match row[2].as_str().expect("a mean") {
            "row" => Mean::Rows,
            "col" => Mean::Cols,
            "rowcol" => continue, // Not a mean of this library.
            other => other.parse().expect("a mean"),
        };
        let number = |i: usize| row[i].as_u64().expect("a number") as usize;
        let found = Model::gaussian().mean(mean).n_parameters(number(0), number(1));
        assert_eq!(found, number(3), "{row}");
        compared += 1;
    }
    assert_eq!(compared, 10);
}
