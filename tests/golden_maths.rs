//! The formulas against 60-digit reference numbers (tests/golden/maths.json).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kronfit::calculus::{
    Convention, Domain, KroneckerFisher, LogQuadratic, MatrixForm, MatrixFunction, RankOneSum,
    ScaleConstraint, TraceForm, VecOrder, blocks_by_argument, blocks_by_function, routes,
    trace_product_convexity,
};
use kronfit::kronecker::{
    BlockShape, Kronecker, KroneckerSum, Truncation, kronecker_product, nearest_kronecker,
    rearrange,
};
use kronfit::linalg::{Spd, singular_values, symmetric_eigen};
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

#[test]
fn s1_log_quadratic_gradients() -> Outcome {
    for id in ["S1.1", "S1.2"] {
        let c = case(id);
        let (a, b, w) = (input(&c, "A"), input(&c, "B"), input(&c, "W"));
        let alpha = number(&c["inputs"]["alpha"]);
        let mut forms = vec![LogQuadratic::new(a.view(), b.view(), w.view(), alpha)?];
        if id == "S1.2" {
            let product = Kronecker::new(Spd::new("A", a)?, Spd::new("B", b)?);
            forms.push(LogQuadratic::definite(&product, w.view(), alpha)?);
        }
        for form in forms {
            let gradient = form.gradient()?;
            let (out, tol) = (&c["outputs"], tolerance(&c));
            close_number(form.value(), &out["value"], tol);
            close(gradient.rows.view(), &out["grad_A"], tol);
            close(gradient.cols.view(), &out["grad_B"], tol);
            // The file has the gradient by W = Y − μ.
            close((-&gradient.mean).view(), &out["grad_W"], tol);
            close_number(gradient.offset, &out["grad_alpha"], tol);
        }
    }
    Ok(())
}

#[test]
fn s1_rank_of_the_rearrangement() -> Outcome {
    let c = case("S1.3");
    let (a, b, w) = (input(&c, "A"), input(&c, "B"), input(&c, "W"));
    let form = LogQuadratic::new(a.view(), b.view(), w.view(), 1.0)?;
    let (u, v) = form.rank_one_factors();
    close(u, &c["outputs"]["U"], tolerance(&c));
    close(v, &c["outputs"]["V"], tolerance(&c));
    close(kronecker_product(u, v).view(), &c["outputs"]["R"], tolerance(&c));
    let sum = RankOneSum::new(&form)?;
    assert_eq!(sum.len(), number(&c["outputs"]["rank"]) as usize);
    let dense = sum.to_kronecker_sum()?.dense();
    close(rearrange(dense.view(), BlockShape::square(2, 3))?.view(), &c["outputs"]["R"], 1e-12);
    let mut sizes = Vec::new();
    for k in 0..sum.len() {
        let (f, g) = sum.term(k)?;
        sizes.push((f.mapv(|x| x * x).sum() * g.mapv(|x| x * x).sum()).sqrt());
    }
    sizes.sort_by(|a, b| b.total_cmp(a));
    close_vector(Array1::from(sizes).view(), &c["outputs"]["singular_values"], tolerance(&c));

    let c = case("S1.4");
    let (a, b) = (input(&c, "A"), input(&c, "B"));
    for (w, rank) in [("W_rank1", "rank1"), ("W_rank2", "rank2")] {
        let form = LogQuadratic::new(a.view(), b.view(), input(&c, w).view(), 1.0)?;
        assert_eq!(RankOneSum::new(&form)?.len(), number(&c["outputs"][rank]) as usize);
    }
    // Symmetric A, B: how many terms are symmetric, how many skew.
    let form = LogQuadratic::new(a.view(), b.view(), input(&c, "W_rank2").view(), 1.0)?;
    let sum = RankOneSum::new(&form)?.to_kronecker_sum()?;
    let mut dense = sum.dense();
    kronfit::linalg::symmetrise(&mut dense);
    let truncation = Truncation::Tolerance(1e-12);
    let sorted = KroneckerSum::decompose(dense.view(), BlockShape::square(3, 3), truncation)?;
    let symmetric = sorted.terms().iter().filter(|(f, _)| f.t() == f.view()).count();
    assert_eq!(symmetric, number(&c["outputs"]["sym_terms_rank2"]) as usize);
    assert_eq!(sorted.len() - symmetric, number(&c["outputs"]["skew_terms_rank2"]) as usize);
    Ok(())
}

#[test]
fn s2_3_general_argument() -> Outcome {
    let c = case("S2.3");
    let (a, x) = (input(&c, "A"), input(&c, "X"));
    close_number((&a.t() * &routes::exp_general(x.view())?).sum(), &c["outputs"]["value"], 1e-12);
    for gradient in [
        routes::exp_gradient_block(x.view(), a.view())?,
        routes::exp_gradient_series(x.view(), a.view())?,
        routes::exp_gradient_ad(x.view(), a.view())?,
    ] {
        close(gradient.view(), &c["outputs"]["grad"], tolerance(&c));
    }
    Ok(())
}

#[test]
fn s3_1_published_counterexample() -> Outcome {
    let c = case("S3.1");
    let (a, b) = (input(&c, "A"), input(&c, "B"));
    let form = TraceForm::Product { a: a.clone(), b: b.clone() };
    let hessian = form.hessian(Array2::eye(2).view(), VecOrder::Rows)?;
    let wrong = kronecker_product(a.view(), b.view()) + kronecker_product(b.view(), a.view());
    let (out, tol) = (&c["outputs"], tolerance(&c));
    close(hessian.view(), &out["D"], tol);
    close(wrong.view(), &out["E"], tol);
    close_vector(symmetric_eigen("D", hessian.view())?.values.view(), &out["eig_D"], tol);
    close_vector(symmetric_eigen("E", wrong.view())?.values.view(), &out["eig_E"], tol);
    let convexity = trace_product_convexity(a.view(), b.view(), Domain::General)?;
    assert!(!convexity.is_convex);
    close_number(convexity.smallest, &out["min_eig_D"], tol);
    Ok(())
}

#[test]
fn s3_2_layouts_of_a_rank_one_jacobian() -> Outcome {
    let c = case("S3.2");
    let (a, b) = (input(&c, "A"), input(&c, "B"));
    let form = MatrixForm::TraceTimes { a: a.clone(), b: b.clone() };
    let x = Array2::eye(2);
    let (out, tol) = (&c["outputs"], tolerance(&c));
    let by_rows = form.jacobian(x.view(), VecOrder::Rows, Convention::Numerator)?;
    close(by_rows.view(), &out["J_row_major"], tol);
    let by_cols = form.jacobian(x.view(), VecOrder::Cols, Convention::Numerator)?;
    close(by_cols.view(), &out["J_col_major"], tol);
    let blocks = blocks_by_function(a.view(), b.view());
    close(blocks.view(), &out["block_dFij_dX"], tol);
    close(blocks_by_argument(a.view(), b.view()).view(), &out["block_dF_dXkl"], tol);
    assert_eq!(rearrange(blocks.view(), BlockShape::square(2, 2))?, by_rows);
    Ok(())
}

#[test]
fn s3_3_extreme_curvatures() -> Outcome {
    let c = case("S3.3");
    let (a, b) = (input(&c, "A"), input(&c, "B"));
    let form = TraceForm::Product { a: a.clone(), b: b.clone() };
    let hessian = form.hessian(Array2::eye(2).view(), VecOrder::Rows)?;
    close(hessian.view(), &c["outputs"]["H"], tolerance(&c));
    let convexity = trace_product_convexity(a.view(), b.view(), Domain::General)?;
    close_number(convexity.smallest, &c["outputs"]["min_eig"], tolerance(&c));
    close_number(convexity.largest, &c["outputs"]["max_eig"], tolerance(&c));
    Ok(())
}

#[test]
fn s3_4_convexity() -> Outcome {
    let c = case("S3.4");
    for row in c["outputs"]["table"].as_array().unwrap() {
        let (a, b) = (matrix(&row["A"]), matrix(&row["B"]));
        for (domain, key) in [(Domain::General, "convex_all"), (Domain::Symmetric, "convex_sym")] {
            let found = trace_product_convexity(a.view(), b.view(), domain)?;
            assert_eq!(found.is_convex, row[key].as_bool().unwrap(), "{row}");
        }
    }
    Ok(())
}

#[test]
fn m1_4_fisher_information() -> Outcome {
    let c = case("M1.4");
    let (a, b) = (Spd::new("A", input(&c, "A"))?, Spd::new("B", input(&c, "B"))?);
    let (p, rows) = (a.order(), a.order() * (a.order() + 1) / 2);
    let information = KroneckerFisher::new(&Kronecker::new(a, b), number(&c["inputs"]["n"]))?;
    let (out, tol) = (&c["outputs"], tolerance(&c));
    close(information.matrix().view(), &out["fisher"], tol);
    close_vector(information.null_vector()?.view(), &out["null"], tol);
    for (constraint, name) in
        [(ScaleConstraint::DetRows, "det"), (ScaleConstraint::TraceRows, "trace")]
    {
        let covariance = information.covariance(&constraint)?;
        let (by_a, by_b) = (
            Array2::from_shape_fn((rows, rows), |(i, j)| covariance[[i, j]]),
            Array2::from_shape_fn(
                (covariance.nrows() - rows, covariance.nrows() - rows),
                |(i, j)| covariance[[rows + i, rows + j]],
            ),
        );
        close(by_a.view(), &out[format!("cov_vechA_{name}")], tol);
        close(by_b.view(), &out[format!("cov_vechB_{name}")], tol);
    }
    let errors = information.row_correlation_errors();
    for i in 0..p {
        for j in 0..i {
            close_number(errors[[i, j]], &out["se_corr"][format!("{i}{j}")], tol);
        }
    }
    Ok(())
}
