//! Functions of symmetric matrices against 120-digit references, laws and finite differences.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kronfit::Error;
use kronfit::calculus::{MatrixFunction, UserFunction};
use ndarray::{Array2, array};
use serde_json::Value;

type Outcome = Result<(), Error>;

fn references() -> Value {
    serde_json::from_str(include_str!("golden/matrix_functions.json")).unwrap()
}

fn tanh() -> MatrixFunction {
    let sech2 = |x: f64| x.cosh().powi(-2);
    let user = UserFunction::new("tanh", f64::tanh, sech2);
    MatrixFunction::User(user.with_second(move |x| -2.0 * x.tanh() * sech2(x)))
}

fn function(name: &str) -> MatrixFunction {
    match name {
        "exp" => MatrixFunction::Exp,
        "log" => MatrixFunction::Log,
        "sqrt" => MatrixFunction::Sqrt,
        "inverse" => MatrixFunction::Inverse,
        "tanh" => tanh(),
        other => MatrixFunction::Power(other.strip_prefix("power ").unwrap().parse().unwrap()),
    }
}

fn matrix(v: &Value) -> Array2<f64> {
    let rows = v.as_array().unwrap();
    Array2::from_shape_fn((rows.len(), rows.len()), |(i, j)| rows[i][j].as_f64().unwrap())
}

fn size(m: &Array2<f64>) -> f64 {
    m.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Worst relative error of a table of divided differences, for the functions that `keep` names.
fn worst(table: &Value, keep: impl Fn(&str) -> bool) -> (f64, Value) {
    let mut worst = (0.0, Value::Null);
    for row in table.as_array().unwrap() {
        let row_values: Vec<f64> =
            row.as_array().unwrap()[1..].iter().filter_map(Value::as_f64).collect();
        let name = row[0].as_str().unwrap();
        let f = function(name);
        let (found, reference) = match row_values[..] {
            [a, b, reference] => (f.divided(a, b), reference),
            [a, b, c, reference] => (f.divided_twice(a, b, c), reference),
            _ => panic!("malformed row"),
        };
        let error =
            if reference == 0.0 { found.abs() } else { ((found - reference) / reference).abs() };
        assert!(error.is_finite(), "{row}");
        if keep(name) && error >= worst.0 {
            worst = (error, row.clone());
        }
    }
    worst
}

#[test]
fn divided_differences_are_accurate_to_a_few_ulp() {
    let all = references();
    let (first, at) = worst(&all["first"], |name| name != "tanh");
    println!("first divided differences: {:.1} ulp at {at}", first / f64::EPSILON);
    assert!(first <= 4.0 * f64::EPSILON, "{first:e} at {at}");
    let (second, at) = worst(&all["second"], |name| name != "tanh");
    println!("second divided differences: {:.1} ulp at {at}", second / f64::EPSILON);
    assert!(second <= 8.0 * f64::EPSILON, "{second:e} at {at}");
}

#[test]
fn divided_differences_of_a_user_function() {
    let all = references();
    let (first, at) = worst(&all["first"], |name| name == "tanh");
    println!("first, user: {first:e} at {at}");
    assert!(first <= 1e-13, "{first:e} at {at}");
    let (second, at) = worst(&all["second"], |name| name == "tanh");
    println!("second, user: {second:e} at {at}");
    assert!(second <= 1e-12, "{second:e} at {at}");
}

#[test]
fn gradients_and_hessians_match_120_digits_at_every_gap() -> Outcome {
    let mut worst = [0.0_f64; 2];
    for case in references()["gradients"].as_array().unwrap() {
        let f = function(case["f"].as_str().unwrap());
        let (a, h) = (matrix(&case["A"]), matrix(&case["H"]));
        let at = f.at("X", matrix(&case["X"]).view())?;
        let reference = matrix(&case["gradient"]);
        let error = size(&(at.trace_gradient(a.view())? - &reference)) / size(&reference);
        let reference = matrix(&case["hessian_product"]);
        let found = at.trace_hessian_product(a.view(), h.view())?;
        let second = size(&(found - &reference)) / size(&reference);
        println!("{:24} {:12} {error:.1e} {second:.1e}", case["label"], case["f"]);
        assert!(error <= 1e-13, "{case}: {error:e}");
        assert!(second <= 1e-13, "{case}: {second:e}");
        worst = [worst[0].max(error), worst[1].max(second)];
    }
    println!("worst: gradient {:.2e}, Hessian product {:.2e}", worst[0], worst[1]);
    Ok(())
}

#[test]
fn laws_of_the_derivatives() -> Outcome {
    let x = array![[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]];
    let h = array![[1.0, 0.5, 0.0], [0.5, -1.0, 0.25], [0.0, 0.25, 0.5]];
    let g = array![[0.3, 2.0, -1.0], [0.0, 1.0, 0.4], [1.5, 0.7, -0.2]];
    let mut all: Vec<_> =
        ["exp", "log", "sqrt", "inverse", "tanh", "power 2.5"].map(function).to_vec();
    all.extend([-3.0, 0.0, 1.0, 3.0].map(MatrixFunction::Power));
    for f in all {
        let at = f.at("X", x.view())?;
        // Self-adjoint, also on general matrices.
        let left = (&g * &at.derivative(h.view())?).sum();
        let right = (&at.derivative(g.view())? * &h).sum();
        assert!((left - right).abs() <= 1e-13 * (1.0 + left.abs()), "{f:?}");
        // The second derivative is symmetric in its directions and in its pairing.
        let hk = at.second_derivative(h.view(), g.view())?;
        let kh = at.second_derivative(g.view(), h.view())?;
        assert!(size(&(&hk - &kh)) <= 1e-14 * (1.0 + size(&hk)));
        let d = at.derivative(h.view())?;
        assert_eq!(d, d.t());
        // The derivative along X itself, for homogeneous functions: D(X^α)[X] = α X^α.
        if let MatrixFunction::Power(exponent) = f {
            let euler = at.derivative(x.view())? - exponent * at.value();
            assert!(size(&euler) <= 1e-13 * size(&at.value()));
        }
    }
    // exp and log are inverse, so are their derivatives.
    let exp = MatrixFunction::Exp.at("X", x.view())?;
    let log = MatrixFunction::Log.at("exp X", exp.value().view())?;
    assert!(size(&(log.value() - &x)) <= 1e-13 * size(&x));
    let back = log.derivative(exp.derivative(h.view())?.view())?;
    assert!(size(&(back - &h)) <= 1e-13 * size(&h));
    Ok(())
}

#[test]
fn indefinite_matrices_where_the_function_allows_them() -> Outcome {
    let x = array![[1.0, 2.0], [2.0, -3.0]];
    let h = array![[0.5, -1.0], [-1.0, 2.0]];
    let square = MatrixFunction::Power(2.0).at("X", x.view())?;
    assert!(size(&(square.value() - x.dot(&x))) <= 1e-14);
    assert!(size(&(square.derivative(h.view())? - x.dot(&h) - h.dot(&x))) <= 1e-13);
    let second = square.second_derivative(h.view(), h.view())?;
    assert!(size(&(second - 2.0 * h.dot(&h))) <= 1e-13);
    let inverse = MatrixFunction::Inverse.at("X", x.view())?;
    let expected = -inverse.value().dot(&h).dot(&inverse.value());
    assert!(size(&(inverse.derivative(h.view())? - expected)) <= 1e-14);
    for f in [MatrixFunction::Log, MatrixFunction::Sqrt, MatrixFunction::Power(0.5)] {
        assert!(matches!(f.at("X", x.view()), Err(Error::Domain { .. })), "{f:?}");
    }
    Ok(())
}

#[test]
fn bad_input_is_an_error() -> Outcome {
    let singular = array![[1.0, 1.0], [1.0, 1.0]];
    let zero = Array2::<f64>::zeros((2, 2));
    assert!(MatrixFunction::Log.at("X", zero.view()).is_err());
    assert!(MatrixFunction::Inverse.at("X", zero.view()).is_err());
    assert!(MatrixFunction::Power(f64::NAN).at("X", singular.view()).is_err());
    let huge = array![[1e3]];
    assert!(matches!(MatrixFunction::Exp.at("X", huge.view()), Err(Error::Domain { .. })));
    let nan = array![[f64::NAN]];
    assert!(matches!(MatrixFunction::Exp.at("X", nan.view()), Err(Error::NonFinite { .. })));
    let wide = Array2::<f64>::zeros((2, 3));
    assert!(matches!(MatrixFunction::Exp.at("X", wide.view()), Err(Error::Shape { .. })));
    let at = MatrixFunction::Exp.at("X", singular.view())?;
    assert!(matches!(at.derivative(wide.view()), Err(Error::Shape { .. })));
    let plain = UserFunction::new("sin", f64::sin, f64::cos);
    let at = MatrixFunction::User(plain).at("X", singular.view())?;
    let second = at.second_derivative(singular.view(), singular.view());
    assert!(matches!(second, Err(Error::Unsupported { .. })));
    Ok(())
}
