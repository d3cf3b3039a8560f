//! The formulas against 60-digit reference numbers (tests/golden/maths.json).

use kronfit::calculus::MatrixFunction;
use kronfit::kronecker::{BlockShape, KroneckerSum, Truncation, nearest_kronecker, rearrange};
use kronfit::linalg::singular_values;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn case(id: &str) -> Value {
    let text = include_str!("golden/maths.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let cases = all["cases"].as_array().unwrap();
    cases.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no case {id}")).clone()
}

fn number(v: &Value) -> f64 {
    v.as_f64().unwrap()
}

fn vector(v: &Value) -> Array1<f64> {
    v.as_array().unwrap().iter().map(number).collect()
}

fn matrix(v: &Value) -> Array2<f64> {
    let rows: Vec<Array1<f64>> = v.as_array().unwrap().iter().map(vector).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn input(c: &Value, key: &str) -> Array2<f64> {
    matrix(&c["inputs"][key])
}

/// Largest difference relative to the largest entry of the reference, as the file defines it.
fn close(found: ArrayView2<'_, f64>, reference: &Value, tol: f64) {
    let reference = matrix(reference);
    assert_eq!(found.dim(), reference.dim());
    let scale = reference.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let worst = (&found - &reference).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(worst <= tol * scale, "{worst:e} of {scale:e}\n{found}\n{reference}");
}

fn close_vector(found: ArrayView1<'_, f64>, reference: &Value, tol: f64) {
    let reference = vector(reference);
    let scale = reference.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let worst = (&found - &reference).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(worst <= tol * scale, "{found} {reference}");
}

fn close_number(found: f64, reference: &Value, tol: f64) {
    let reference = number(reference);
    assert!((found - reference).abs() <= tol * reference.abs(), "{found:e} {reference:e}");
}

fn tolerance(c: &Value) -> f64 {
    number(&c["tol"])
}

#[test]
fn s1_5_nearest_kronecker_product() -> Outcome {
    let c = case("S1.5");
    let matrix = input(&c, "C");
    let shape = BlockShape::square(2, 2);
    let nearest = nearest_kronecker(matrix.view(), shape)?;
    let residual = nearest.residual;
    let product = nearest.into_kronecker()?;
    close(product.dense().view(), &c["outputs"]["AkronB"], tolerance(&c));
    close_number(residual * residual, &c["outputs"]["residual_sq"], tolerance(&c));
    let sizes = singular_values("R", rearrange(matrix.view(), shape)?.view())?;
    close_vector(sizes.view(), &c["outputs"]["singular_values"], tolerance(&c));
    let sum = KroneckerSum::decompose(matrix.view(), shape, Truncation::Tolerance(1e-14))?;
    assert_eq!(sum.len(), 2);
    Ok(())
}

fn function(name: &str) -> MatrixFunction {
    match name {
        "exp" => MatrixFunction::Exp,
        "log" => MatrixFunction::Log,
        "sqrt" => MatrixFunction::Sqrt,
        "inv" => MatrixFunction::Inverse,
        "invsqrt" => MatrixFunction::Power(-0.5),
        other => panic!("unknown function {other}"),
    }
}

#[test]
fn s2_gradients_of_trace_functions() -> Outcome {
    for (id, f, x) in [
        ("S2.1", "exp", "X"),
        ("S2.2", "exp", "X"),
        ("S2.4", "log", "P"),
        ("S2.5", "sqrt", "P"),
        ("S2.6", "inv", "P"),
        ("S2.7", "invsqrt", "P"),
    ] {
        let c = case(id);
        let at = function(f).at(x, input(&c, x).view())?;
        let weight = input(&c, "A");
        close_number(at.trace(weight.view())?, &c["outputs"]["value"], tolerance(&c));
        close(at.trace_gradient(weight.view())?.view(), &c["outputs"]["grad"], tolerance(&c));
    }
    Ok(())
}

#[test]
fn s2_divided_differences() {
    for (id, second) in [("S2.8", false), ("S2.9", true)] {
        let c = case(id);
        for row in c["outputs"]["table"].as_array().unwrap() {
            let f = match row["f"].as_str().unwrap() {
                "pow" => MatrixFunction::Power(number(&row["alpha"])),
                name => function(name),
            };
            let (x, y) = (number(&row["a"]), number(&row["b"]));
            let found = match second {
                true => f.divided_twice(x, y, number(&row["c"])),
                false => f.divided(x, y),
            };
            close_number(found, &row["value"], tolerance(&c));
        }
    }
}

#[test]
fn s2_second_derivatives() -> Outcome {
    let c = case("S2.10");
    let at = MatrixFunction::Exp.at("X", input(&c, "X").view())?;
    let second = at.second_derivative(input(&c, "H").view(), input(&c, "K").view())?;
    close(second.view(), &c["outputs"]["D2"], tolerance(&c));

    let c = case("S2.11");
    for name in ["exp", "log", "inv", "sqrt"] {
        let at = function(name).at("P", input(&c, "P").view())?;
        let found = at.trace_hessian_product(input(&c, "A").view(), input(&c, "H").view())?;
        close(found.view(), &c["outputs"][name], tolerance(&c));
    }

    let c = case("S2.12");
    let at = MatrixFunction::Exp.at("X", input(&c, "X").view())?;
    let gradient = at.trace_gradient(input(&c, "A").view())?;
    close_number((gradient * input(&c, "H")).sum(), &c["outputs"]["value"], tolerance(&c));
    Ok(())
}
