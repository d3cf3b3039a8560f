//! Log-quadratic forms, trace forms, the other routes and the Fisher information: routes against
//! each other, against dense algebra and against finite differences.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kronfit::Error;
use kronfit::calculus::{
    Convention, Domain, KroneckerFisher, LogQuadratic, MatrixForm, MatrixFunction, Parts,
    RankOneSum, ScaleConstraint, TraceForm, UserFunction, VecOrder, check, fisher_dense,
    log_quadratic_dense, matrix_of_map, routes, trace_product_convexity, vech_gradient,
};
use kronfit::kronecker::{
    BlockShape, Kronecker, KroneckerSum, Truncation, duplication, kronecker_product, unvec_rows,
    unvech, vec_rows, vech,
};
use kronfit::linalg::{Spd, symmetric_eigen, symmetrise};
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice, array, concatenate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

type Outcome = Result<(), Error>;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn random(rng: &mut ChaCha8Rng, rows: usize, cols: usize) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, cols), || {
        (rng.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0
    })
}

fn random_symmetric(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    let mut m = random(rng, d, d);
    symmetrise(&mut m);
    m
}

fn random_spd(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    let root = random(rng, d, d);
    root.dot(&root.t()) + Array2::<f64>::eye(d)
}

/// Well-conditioned, invertible, not symmetric.
fn random_general(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    random(rng, d, d) + Array2::<f64>::eye(d) * (2.0 * d as f64).sqrt()
}

fn size(m: &Array2<f64>) -> f64 {
    m.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[track_caller]
fn close(a: &Array2<f64>, b: &Array2<f64>, tol: f64) {
    assert_eq!(a.dim(), b.dim());
    let error = size(&(a - b));
    assert!(error <= tol * size(b), "{:e}\n{a}\n{b}", error / size(b));
}

fn flat(parts: &Parts) -> Array1<f64> {
    let pieces = [&parts.rows, &parts.cols, &parts.mean].map(|m| vec_rows(m.view()));
    let offset = Array1::from_elem(1, parts.offset);
    let views: Vec<ArrayView1<'_, f64>> =
        pieces.iter().chain([&offset]).map(|v| v.view()).collect();
    concatenate(Axis(0), &views).unwrap()
}

fn piece(v: &Array1<f64>, from: usize, rows: usize, cols: usize) -> Array2<f64> {
    let range = Slice::from(from..from + rows * cols);
    unvec_rows(v.slice_axis(Axis(0), range), rows, cols).unwrap()
}

fn parts(v: &Array1<f64>, p: usize, q: usize) -> Parts {
    Parts {
        rows: piece(v, 0, p, p),
        cols: piece(v, p * p, q, q),
        mean: piece(v, p * p + q * q, p, q),
        offset: v[v.len() - 1],
    }
}

/// λ at a point of the stacked arguments; the observation Y is `y`.
fn form_at(v: &Array1<f64>, y: &Array2<f64>) -> Result<LogQuadratic, Error> {
    let at = parts(v, y.nrows(), y.ncols());
    LogQuadratic::new(at.rows.view(), at.cols.view(), (y - &at.mean).view(), at.offset)
}

const SHAPES: [(usize, usize); 6] = [(1, 1), (1, 4), (3, 1), (3, 3), (5, 2), (4, 6)];

#[test]
fn log_quadratic_routes_agree() -> Outcome {
    let mut worst = 0.0_f64;
    for (seed, (p, q)) in SHAPES.into_iter().enumerate() {
        let mut rng = rng(seed as u64);
        let (a, b) = (random_general(&mut rng, p), random_general(&mut rng, q));
        let w = random(&mut rng, p, q);
        let form = LogQuadratic::new(a.view(), b.view(), w.view(), 2.0)?;
        let gradient = form.gradient()?;
        let (beta, dense) = log_quadratic_dense(a.view(), b.view(), w.view(), 2.0)?;
        assert!((form.beta() - beta).abs() <= 1e-14 * beta);
        let sum = RankOneSum::new(&form)?;
        assert_eq!(sum.len(), p.min(q).pow(2));
        let (by_a, by_b) = sum.gradient(a.view(), b.view())?;
        for (found, reference) in [
            (&gradient.rows, &dense.rows),
            (&gradient.cols, &dense.cols),
            (&gradient.mean, &dense.mean),
            (&by_a, &dense.rows),
            (&by_b, &dense.cols),
        ] {
            close(found, reference, 1e-12);
            worst = worst.max(size(&(found - reference)) / size(reference));
        }
        // The published route: singular values of R of the rank-one matrix.
        let (u, v) = form.rank_one_factors();
        let outer = Array2::from_shape_fn((p * q, p * q), |(r, s)| vec_rows(u)[r] * vec_rows(v)[s]);
        let truncation = Truncation::Tolerance(1e-14);
        let published =
            KroneckerSum::decompose(outer.view(), BlockShape::square(p, q), truncation)?;
        assert_eq!(published.len(), sum.len());
        let mut by_a = Array2::zeros((p, p));
        for (f, g) in published.terms() {
            by_a -= &(f * ((&b * g).sum() / beta));
        }
        close(&by_a, &dense.rows, 1e-12);
    }
    println!("closed form and Kronecker sum against dense: {worst:.1e}");
    Ok(())
}

#[test]
fn definite_factors_give_the_same() -> Outcome {
    let mut rng = rng(5);
    let (p, q) = (4, 3);
    let (a, b) = (random_spd(&mut rng, p), random_spd(&mut rng, q));
    let w = random(&mut rng, p, q);
    let product = Kronecker::new(Spd::new("A", a.clone())?, Spd::new("B", b.clone())?);
    let definite = LogQuadratic::definite(&product, w.view(), 0.5)?;
    let general = LogQuadratic::new(a.view(), b.view(), w.view(), 0.5)?;
    let (found, reference) = (definite.gradient()?, general.gradient()?);
    assert_eq!(found.rows, found.rows.t());
    assert_eq!(found.cols, found.cols.t());
    let direction = parts(&Array1::from_iter((0..38).map(|k| (k as f64).sin())), p, q);
    let products = (definite.hessian_product(&direction)?, general.hessian_product(&direction)?);
    for (a, b) in [(flat(&found), flat(&reference)), (flat(&products.0), flat(&products.1))] {
        let error = (&a - &b).mapv(|x| x * x).sum().sqrt();
        assert!(error <= 1e-13 * b.dot(&b).sqrt(), "{error:e}");
    }
    // The symmetric gradient by a free entry: both A_ij and A_ji move.
    let symmetric = general.gradient()?.symmetric();
    let by_vech = vech_gradient(symmetric.rows.view())?;
    let value = |v: &Array1<f64>| {
        Ok(LogQuadratic::new(unvech(v.view(), p)?.view(), b.view(), w.view(), 0.5)?.value())
    };
    let report = check::gradient(value, &by_vech, &vech(a.view())?, &check::Settings::default())?;
    assert!(report.passed(), "{report}");
    Ok(())
}

#[test]
fn ill_conditioned_factors_against_60_digits() -> Outcome {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("golden/log_quadratic.json")).unwrap();
    for case in all["cases"].as_array().unwrap() {
        let matrix = |key: &str| {
            let rows = case[key].as_array().unwrap();
            Array2::from_shape_fn((rows.len(), rows[0].as_array().unwrap().len()), |(i, j)| {
                rows[i][j].as_f64().unwrap()
            })
        };
        let (a, b, w) = (matrix("A"), matrix("B"), matrix("W"));
        let condition = case["condition"].as_f64().unwrap();
        let product = Kronecker::new(Spd::new("A", a.clone())?, Spd::new("B", b.clone())?);
        let definite = LogQuadratic::definite(&product, w.view(), 1.0)?.gradient()?;
        let general = LogQuadratic::new(a.view(), b.view(), w.view(), 1.0)?.gradient()?;
        let dense = log_quadratic_dense(a.view(), b.view(), w.view(), 1.0)?.1;
        let error = |g: &Parts| {
            let relative = |x: &Array2<f64>, y: &Array2<f64>| size(&(x - y)) / size(y);
            relative(&g.rows, &matrix("grad_A")).max(relative(&g.cols, &matrix("grad_B")))
        };
        let errors = [error(&definite), error(&general), error(&dense)];
        println!(
            "condition {condition:.0e}: Cholesky {:.1e}, LU {:.1e}, dense {:.1e}",
            errors[0], errors[1], errors[2]
        );
        // Each factor's condition counts once; the dense matrix has their product.
        assert!(errors[0] <= 10.0 * condition * f64::EPSILON, "{errors:?}");
        assert!(errors[1] <= 10.0 * condition * f64::EPSILON, "{errors:?}");
        assert!(errors[2] <= 10.0 * condition * condition * f64::EPSILON, "{errors:?}");
    }
    Ok(())
}

#[test]
fn log_quadratic_passes_the_gate() -> Outcome {
    let mut worst = 0.0_f64;
    for (seed, (p, q)) in SHAPES.into_iter().enumerate() {
        let mut rng = rng(100 + seed as u64);
        let y = random(&mut rng, p, q);
        let point = Parts {
            rows: random_general(&mut rng, p),
            cols: random_general(&mut rng, q),
            mean: random(&mut rng, p, q) * 0.3,
            offset: 1.5,
        };
        let at = flat(&point);
        let settings = check::Settings { step: 0.05, ..Default::default() };
        let gradient = flat(&form_at(&at, &y)?.gradient()?);
        let report = check::gradient(|v| Ok(form_at(v, &y)?.value()), &gradient, &at, &settings)?;
        assert!(report.passed(), "{report}");
        assert!(report.rows.iter().all(|row| row.taylor_slope > 1.8), "{report}");
        worst = worst.max(report.worst());
        let report = check::hessian_product(
            |v| Ok(flat(&form_at(v, &y)?.gradient()?)),
            |d| Ok(flat(&form_at(&at, &y)?.hessian_product(&parts(d, p, q))?)),
            &at,
            &settings,
        )?;
        assert!(report.passed(), "{report}");
        worst = worst.max(report.worst());
    }
    println!("log-quadratic gate: {worst:.1e}");
    Ok(())
}

#[test]
fn log_quadratic_refuses_what_has_no_value() {
    let eye = Array2::<f64>::eye(2);
    let w = array![[1.0, 0.0], [0.0, 1.0]];
    let at = |a: &Array2<f64>, w: &Array2<f64>, alpha| {
        LogQuadratic::new(a.view(), eye.view(), w.view(), alpha).map(|form| form.value())
    };
    assert!(matches!(at(&eye, &w, -2.0), Err(Error::Domain { .. })));
    assert!(matches!(at(&eye, &w, f64::NAN), Err(Error::Domain { .. })));
    assert!(matches!(at(&Array2::zeros((2, 2)), &w, 1.0), Err(Error::Singular { .. })));
    assert!(matches!(at(&eye, &Array2::zeros((2, 3)), 1.0), Err(Error::Shape { .. })));
    let mut nan = w.clone();
    nan[[0, 1]] = f64::NAN;
    assert!(matches!(at(&eye, &nan, 1.0), Err(Error::NonFinite { .. })));
    // W = 0 is fine: no term, no gradient by A.
    let form =
        LogQuadratic::new(eye.view(), eye.view(), Array2::zeros((2, 2)).view(), 1.0).unwrap();
    assert!(RankOneSum::new(&form).unwrap().is_empty());
    assert_eq!(size(&form.gradient().unwrap().rows), 0.0);
}

fn functions() -> Vec<MatrixFunction> {
    let user = UserFunction::new("arctan", f64::atan, |x| 1.0 / (1.0 + x * x))
        .with_second(|x| -2.0 * x / (1.0 + x * x).powi(2));
    vec![
        MatrixFunction::Exp,
        MatrixFunction::Log,
        MatrixFunction::Sqrt,
        MatrixFunction::Inverse,
        MatrixFunction::Power(-1.5),
        MatrixFunction::Power(0.7),
        MatrixFunction::Power(3.0),
        MatrixFunction::User(user),
    ]
}

#[test]
fn matrix_functions_pass_the_gate_at_all_kinds_of_spectra() -> Outcome {
    let mut rng = rng(7);
    let d = 4;
    let q = symmetric_eigen("Q", random_symmetric(&mut rng, d).view())?;
    let mut worst = 0.0_f64;
    for spectrum in [
        array![1.0, 1.0, 1.0, 1.0],
        array![0.5, 0.5, 2.0, 2.0],
        array![1.0, 1.0 + 1e-9, 1.0 + 2e-9, 3.0],
        array![1.0, 1.0 + 1e-15, 2.0, 2.0 + 1e-13],
        array![0.3, 0.9, 2.0, 4.0],
    ] {
        let x = q.rebuild(&spectrum);
        let a = random_symmetric(&mut rng, d);
        for f in functions() {
            let at = f.at("X", x.view())?;
            let settings = check::Settings { step: 0.02, ..Default::default() };
            let value = |v: &Array1<f64>| f.at("X", unvech(v.view(), d)?.view())?.trace(a.view());
            let gradient = |v: &Array1<f64>| {
                let at = f.at("X", unvech(v.view(), d)?.view())?;
                vech_gradient(at.trace_gradient(a.view())?.view())
            };
            let point = vech(x.view())?;
            let report = check::gradient(value, &gradient(&point)?, &point, &settings)?;
            assert!(report.passed(), "{f:?} at {spectrum}\n{report}");
            worst = worst.max(report.worst());
            let product = |h: &Array1<f64>| {
                let h = unvech(h.view(), d)?;
                vech_gradient(at.trace_hessian_product(a.view(), h.view())?.view())
            };
            let report = check::hessian_product(gradient, product, &point, &settings)?;
            assert!(report.passed(), "{f:?} at {spectrum}\n{report}");
            worst = worst.max(report.worst());
        }
    }
    println!("matrix function gate: {worst:.1e}");
    Ok(())
}

#[test]
fn general_weights_follow_the_gradient_by_all_entries() -> Outcome {
    let mut rng = rng(8);
    let (x, a) = (random_symmetric(&mut rng, 3), random(&mut rng, 3, 3));
    let at = MatrixFunction::Exp.at("X", x.view())?;
    let gradient = at.trace_gradient(a.view())?;
    close(&gradient, &routes::exp_gradient_block(x.view(), a.view())?, 1e-13);
    let mut symmetric = a.clone();
    symmetrise(&mut symmetric);
    let mut restricted = gradient.clone();
    symmetrise(&mut restricted);
    close(&restricted, &at.derivative(symmetric.view())?, 1e-14);
    Ok(())
}

#[test]
fn other_routes_agree_in_their_domains_and_fail_outside() -> Outcome {
    let mut rng = rng(9);
    let (x, a) = (random_symmetric(&mut rng, 4), random_symmetric(&mut rng, 4));
    let at = MatrixFunction::Exp.at("X", x.view())?;
    let reference = at.trace_gradient(a.view())?;
    for route in [routes::exp_gradient_series, routes::exp_gradient_block, routes::exp_gradient_ad]
    {
        close(&route(x.view(), a.view())?, &reference, 1e-12);
    }
    for f in functions().into_iter().filter(|f| !matches!(f, MatrixFunction::Exp)) {
        let x = random_spd(&mut rng, 4);
        let found = routes::gradient_by_perturbation(&f, x.view(), a.view())?;
        close(&found, &f.at("X", x.view())?.trace_gradient(a.view())?, 1e-12);
        // Commuting case: A a polynomial in X.
        let a = x.dot(&x) - &x * 0.3;
        let found = routes::gradient_commuting(&f, x.view(), a.view())?;
        close(&found, &f.at("X", x.view())?.trace_gradient(a.view())?, 1e-12);
    }
    let commuting = routes::gradient_commuting(&MatrixFunction::Exp, x.view(), a.view());
    assert!(matches!(commuting, Err(Error::Unsupported { .. })));

    // (I + X/N)^N: the error falls like 1/N.
    let error = |k| -> Result<f64, Error> {
        Ok(size(&(routes::exp_gradient_limit(x.view(), a.view(), k)? - &reference)))
    };
    let order = (error(10)? / error(14)?).log2() / 4.0;
    assert!((order - 1.0).abs() < 0.01, "order {order}");

    // Far from 0 the series is noise while Daleckii–Krein is not.
    let shifted = &x - &(Array2::<f64>::eye(4) * 20.0);
    let truth = &reference * (-20.0_f64).exp();
    close(&MatrixFunction::Exp.at("X", shifted.view())?.trace_gradient(a.view())?, &truth, 1e-12);
    let series = routes::exp_gradient_series(shifted.view(), a.view())?;
    assert!(size(&(series - &truth)) > 0.1 * size(&truth));
    close(&routes::exp_gradient_ad(shifted.view(), a.view())?, &truth, 1e-12);

    // Close eigenvalues break the perturbation formula, equal ones are refused.
    let q = symmetric_eigen("Q", x.view())?;
    let near = q.rebuild(&array![1.0, 1.0 + 1e-13, 2.0, 3.0]);
    let truth = MatrixFunction::Exp.at("X", near.view())?.trace_gradient(a.view())?;
    let found = routes::gradient_by_perturbation(&MatrixFunction::Exp, near.view(), a.view())?;
    assert!(size(&(found - &truth)) > 1e-6 * size(&truth));
    let equal =
        routes::gradient_by_perturbation(&MatrixFunction::Exp, Array2::eye(4).view(), a.view());
    assert!(matches!(equal, Err(Error::Degenerate { .. })));
    Ok(())
}

fn trace_forms(rng: &mut ChaCha8Rng, m: usize, n: usize) -> Vec<TraceForm> {
    let (a, b) = (random(rng, n, m), random(rng, n, m));
    let mut out = vec![
        TraceForm::Linear { a: a.clone() },
        TraceForm::Product { a: a.clone(), b: b.clone() },
        TraceForm::Sandwich { a, b },
        TraceForm::Quadratic { a: random(rng, m, m), b: random(rng, n, n) },
    ];
    if m == n {
        out.extend([TraceForm::Inverse { a: random(rng, m, m) }, TraceForm::LnDet]);
    }
    out
}

#[test]
fn trace_forms_pass_the_gate() -> Outcome {
    let mut worst = 0.0_f64;
    for (seed, (m, n)) in [(1, 1), (3, 3), (2, 4)].into_iter().enumerate() {
        let mut rng = rng(20 + seed as u64);
        let x = if m == n { random_general(&mut rng, m) } else { random(&mut rng, m, n) };
        for form in trace_forms(&mut rng, m, n) {
            let settings = check::Settings { step: 0.05, ..Default::default() };
            let point = vec_rows(x.view());
            let value = |v: &Array1<f64>| form.value(unvec_rows(v.view(), m, n)?.view());
            let gradient = |v: &Array1<f64>| {
                Ok(vec_rows(form.gradient(unvec_rows(v.view(), m, n)?.view())?.view()))
            };
            let report = check::gradient(value, &gradient(&point)?, &point, &settings)?;
            assert!(report.passed(), "{form:?}\n{report}");
            worst = worst.max(report.worst());
            let hessian = form.hessian(x.view(), VecOrder::Rows)?;
            close(&hessian.t().to_owned(), &hessian, 1e-13);
            let product = |h: &Array1<f64>| Ok(hessian.dot(h));
            let report = check::hessian_product(gradient, product, &point, &settings)?;
            assert!(report.passed(), "{form:?}\n{report}");
            worst = worst.max(report.worst());
            let numerator = form.gradient_in(x.view(), Convention::Numerator)?;
            assert_eq!(numerator.t(), form.gradient(x.view())?);
            assert_eq!(form.gradient_in(x.view(), Convention::Denominator)?, numerator.t());
            // Bilinear form, both vec orders and the restriction to symmetric matrices agree.
            let (h, k) = (random(&mut rng, m, n), random(&mut rng, m, n));
            let bilinear = form.bilinear(x.view(), h.view(), k.view())?;
            for order in [VecOrder::Rows, VecOrder::Cols] {
                let hessian = form.hessian(x.view(), order)?;
                let found = order.vec(h.view()).dot(&hessian.dot(&order.vec(k.view())));
                assert!((found - bilinear).abs() <= 1e-12 * size(&hessian));
            }
            if m == n {
                let (h, k) = (random_symmetric(&mut rng, m), random_symmetric(&mut rng, m));
                let bilinear = form.bilinear(x.view(), h.view(), k.view())?;
                let restricted = form.hessian_on_symmetric(x.view())?;
                let found = vech(h.view())?.dot(&restricted.dot(&vech(k.view())?));
                assert!((found - bilinear).abs() <= 1e-12 * (1.0 + size(&restricted)));
            }
        }
    }
    println!("trace form gate: {worst:.1e}");
    Ok(())
}

#[test]
fn hessians_have_their_closed_forms() -> Outcome {
    let mut rng = rng(30);
    let (m, n) = (3, 2);
    let x = random(&mut rng, m, n);
    let (a, b) = (random(&mut rng, m, m), random(&mut rng, n, n));
    let form = TraceForm::Quadratic { a: a.clone(), b: b.clone() };
    let by_rows = kronecker_product(a.view(), b.t()) + kronecker_product(a.t(), b.view());
    close(&form.hessian(x.view(), VecOrder::Rows)?, &by_rows, 1e-14);
    let by_cols = kronecker_product(b.t(), a.view()) + kronecker_product(b.view(), a.t());
    close(&form.hessian(x.view(), VecOrder::Cols)?, &by_cols, 1e-14);
    Ok(())
}

#[test]
fn jacobians_are_the_matrices_of_their_maps() -> Outcome {
    let mut rng = rng(31);
    let (m, n) = (3, 2);
    let forms = [
        (MatrixForm::TraceTimes { a: random(&mut rng, n, m), b: random(&mut rng, 2, 4) }, m, n),
        (MatrixForm::Linear { p: random(&mut rng, 2, m), q: random(&mut rng, n, 4) }, m, n),
        (MatrixForm::Inverse, 3, 3),
    ];
    for (form, m, n) in forms {
        let x = if m == n { random_general(&mut rng, m) } else { random(&mut rng, m, n) };
        for order in [VecOrder::Rows, VecOrder::Cols] {
            let found = form.jacobian(x.view(), order, Convention::Numerator)?;
            let map = |h: ndarray::ArrayView2<'_, f64>| form.derivative(x.view(), h);
            close(&found, &matrix_of_map((m, n), order, map)?, 1e-13);
            let transposed = form.jacobian(x.view(), order, Convention::Denominator)?;
            assert_eq!(transposed.t(), found.view());
        }
        // ⟨G, DF[H]⟩ = ⟨DF*[G], H⟩.
        let h = random(&mut rng, m, n);
        let image = form.derivative(x.view(), h.view())?;
        let g = random(&mut rng, image.nrows(), image.ncols());
        let back = form.adjoint(x.view(), g.view())?;
        assert!(((&g * &image).sum() - (&back * &h).sum()).abs() <= 1e-12 * size(&back) * size(&h));
        let settings = check::Settings { step: 0.05, ..Default::default() };
        let point = vec_rows(x.view());
        let report = check::hessian_product(
            |v| Ok(vec_rows(form.value(unvec_rows(v.view(), m, n)?.view())?.view())),
            |d| {
                let h = unvec_rows(d.view(), m, n)?;
                Ok(vec_rows(form.derivative(x.view(), h.view())?.view()))
            },
            &point,
            &settings,
        )?;
        assert!(report.passed(), "{form:?}\n{report}");
    }
    Ok(())
}

#[test]
fn the_block_array_breaks_the_chain_rule() -> Outcome {
    // tr(C · B tr(AX)): its gradient is Jᵀ vec(Cᵀ) with the Jacobian, not with B ⊗ Aᵀ.
    let mut rng = rng(32);
    let d = 3;
    let [a, b, c, x] = [(); 4].map(|()| random(&mut rng, d, d));
    let form = MatrixForm::TraceTimes { a: a.clone(), b: b.clone() };
    let truth = vec_rows(a.t()) * (&c.t() * &b).sum();
    let jacobian = form.jacobian(x.view(), VecOrder::Rows, Convention::Numerator)?;
    let found = jacobian.t().dot(&vec_rows(c.t()));
    let error = |v: &Array1<f64>| (v - &truth).mapv(|e| e * e).sum().sqrt();
    let scale = truth.dot(&truth).sqrt();
    assert!(error(&found) <= 1e-14 * scale);
    let blocks = kronecker_product(b.view(), a.t());
    assert!(error(&blocks.t().dot(&vec_rows(c.t()))) > 0.1 * scale);
    Ok(())
}

#[test]
fn convexity_is_the_sign_of_the_smallest_eigenvalue() -> Outcome {
    let mut rng = rng(33);
    for trial in 0..60 {
        let d = 2 + trial % 3;
        let a = random(&mut rng, d, d);
        let b = match trial % 4 {
            0 => &a * 1.7,
            1 => &a * -0.4,
            2 => a.t().to_owned(),
            _ => random(&mut rng, d, d),
        };
        let x = random(&mut rng, d, d);
        let form = TraceForm::Product { a: a.clone(), b: b.clone() };
        let full = form.hessian(x.view(), VecOrder::Rows)?;
        let values = symmetric_eigen("H", full.view())?.values;
        let found = trace_product_convexity(a.view(), b.view(), Domain::General)?;
        assert!((found.smallest - values[0].min(0.0)).abs() <= 1e-13 * size(&full));
        assert!((found.largest - values[values.len() - 1].max(0.0)).abs() <= 1e-13 * size(&full));
        assert_eq!(found.is_convex, values[0] > -1e-12 * size(&full), "trial {trial}");
        // Restricted: eigenvalues on an orthonormal basis of symmetric matrices.
        let basis = duplication(d);
        let scale = basis.t().dot(&basis).diag().mapv(|x| 1.0 / x.sqrt());
        let on_vech = form.hessian_on_symmetric(x.view())?;
        let isometric =
            Array2::from_shape_fn(on_vech.dim(), |(i, j)| on_vech[[i, j]] * scale[i] * scale[j]);
        let values = symmetric_eigen("H", isometric.view())?.values;
        let found = trace_product_convexity(a.view(), b.view(), Domain::Symmetric)?;
        assert!((found.smallest - values[0].min(0.0)).abs() <= 1e-13 * size(&full));
    }
    Ok(())
}

#[test]
fn fisher_information_routes_agree() -> Outcome {
    for (seed, (p, q)) in [(1, 1), (1, 3), (3, 2), (4, 4)].into_iter().enumerate() {
        let mut rng = rng(40 + seed as u64);
        let a = Spd::new("A", random_spd(&mut rng, p))?;
        let b = Spd::new("B", random_spd(&mut rng, q))?;
        let product = Kronecker::new(a, b);
        let information = KroneckerFisher::new(&product, 12.0)?;
        let matrix = information.matrix();
        close(&matrix, &fisher_dense(&product, 12.0)?, 1e-12);
        // The operator, and the quadratic form.
        let (h, k) = (random_symmetric(&mut rng, p), random_symmetric(&mut rng, q));
        let v = concatenate(Axis(0), &[vech(h.view())?.view(), vech(k.view())?.view()]).unwrap();
        let quadratic = information.quadratic_form(h.view(), k.view())?;
        assert!((v.dot(&matrix.dot(&v)) - quadratic).abs() <= 1e-12 * size(&matrix));
        // Nullity exactly 1.
        let null = information.null_vector()?;
        let image = matrix.dot(&null);
        assert!(image.dot(&image).sqrt() <= 1e-12 * size(&matrix) * null.dot(&null).sqrt());
        let values = symmetric_eigen("I", matrix.view())?.values;
        assert!(values.len() == 1 || values[1] > 1e-8 * size(&matrix));
        // A covariance under a constraint c: V I V = V and V c = 0.
        let mut c = null.clone();
        c.iter_mut().enumerate().for_each(|(i, x)| *x += 0.1 * (i as f64).cos());
        for constraint in [
            ScaleConstraint::DetRows,
            ScaleConstraint::TraceRows,
            ScaleConstraint::Gradient(c.clone()),
        ] {
            let covariance = information.covariance(&constraint)?;
            let sandwich = covariance.dot(&matrix).dot(&covariance);
            assert!(size(&(&sandwich - &covariance)) <= 1e-11 * (1e-300 + size(&covariance)));
            if let ScaleConstraint::Gradient(c) = constraint {
                let along = covariance.dot(&c);
                assert!(along.dot(&along).sqrt() <= 1e-11 * size(&covariance));
            }
        }
        // solve inverts apply on what is identified.
        let (g, l) = information.apply(h.view(), k.view())?;
        let (h2, k2) = information.solve(g.view(), l.view())?;
        let (g2, l2) = information.apply(h2.view(), k2.view())?;
        assert!(size(&(&g2 - &g)) <= 1e-11 * (1.0 + size(&g)));
        assert!(size(&(&l2 - &l)) <= 1e-11 * (1.0 + size(&l)));
    }
    let product = Kronecker::new(Spd::identity(2), Spd::identity(2));
    assert!(KroneckerFisher::new(&product, 0.0).is_err());
    let information = KroneckerFisher::new(&product, 3.0)?;
    let blind = ScaleConstraint::Gradient(array![0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(matches!(information.covariance(&blind), Err(Error::Degenerate { .. })));
    let short = ScaleConstraint::Gradient(array![1.0]);
    assert!(matches!(information.covariance(&short), Err(Error::Shape { .. })));
    Ok(())
}

#[test]
fn the_checker_catches_what_is_wrong() -> Outcome {
    let value = |x: &Array1<f64>| Ok(x.mapv(f64::sin).sum() + x[0] * x[1]);
    let x = array![0.3, -1.2, 2.0];
    let right = array![0.3_f64.cos() - 1.2, 1.2_f64.cos() + 0.3, 2.0_f64.cos()];
    let settings = check::Settings::default();
    let report = check::gradient(value, &right, &x, &settings)?;
    assert!(report.passed() && report.worst() < 1e-11, "{report}");
    assert!(report.rows.iter().all(|row| (row.taylor_slope - 2.0).abs() < 0.2), "{report}");
    let mut wrong = right.clone();
    wrong[2] *= 1.0 + 1e-6;
    let report = check::gradient(value, &wrong, &x, &settings)?;
    assert!(!report.passed(), "{report}");
    wrong[2] *= 2.0;
    let report = check::gradient(value, &wrong, &x, &settings)?;
    assert!(report.rows.iter().any(|row| row.taylor_slope < 1.2), "{report}");
    // NaN never passes.
    let report = check::gradient(value, &array![f64::NAN, 0.0, 0.0], &x, &settings)?;
    assert!(!report.passed(), "{report}");
    // Infeasible points shrink the step.
    let log = |x: &Array1<f64>| match x[0] > 0.0 {
        true => Ok(x[0].ln()),
        false => Err(Error::domain("x", x[0], "positive")),
    };
    let report = check::gradient(log, &array![1e3], &array![1e-3], &settings)?;
    assert!(report.passed(), "{report}");
    assert!(matches!(
        check::gradient(value, &array![1.0], &x, &settings),
        Err(Error::Shape { .. })
    ));
    for bad in [
        check::Settings { tolerance: 0.0, ..settings },
        check::Settings { step: f64::NAN, ..settings },
        check::Settings { levels: 1, ..settings },
        check::Settings { directions: 0, ..settings },
    ] {
        assert!(matches!(check::gradient(value, &right, &x, &bad), Err(Error::Domain { .. })));
    }
    Ok(())
}
