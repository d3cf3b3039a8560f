//! The text of topic matrix-function.

use super::Example;
use super::table::{Route, relative, relative_number, render};
use crate::Result;
use crate::calculus::{MatrixFunction, check, routes};
use crate::linalg::matmul;
use ndarray::{Array1, Array2};
use std::fmt::Write;

const STEPS: &str = "\
The gradient of g(X) = tr[A f(X)] for symmetric X (p × p)
=========================================================

1. For a monomial, d tr(A Xᵏ) = Σ_j tr(A X^{j−1} dX X^{k−j}) = Σ_j tr(X^{k−j} A X^{j−1} dX). The
   sum does not collapse to k X^{k−1} A: A and X need not commute.
2. Go to the eigenbasis, X = Q diag(λ) Qᵀ, Ã = QᵀAQ. Entry (i, j) of the sum is
       Ã_ij Σ_j' λ_i^{k−j'} λ_j^{j'−1} = Ã_ij (λ_iᵏ − λ_jᵏ)/(λ_i − λ_j),
   a divided difference of xᵏ; for i = j it is k λ_i^{k−1}.
3. Sum over the power series, or approximate f by polynomials:
       ∇g = Q ( f[λ_i, λ_j] ∘ QᵀAᵀQ ) Qᵀ = Df(X)[Aᵀ]             (Daleckii and Krein)
   with f[a, b] = (f(a) − f(b))/(a − b), f[a, a] = f′(a). Repeated eigenvalues are no exception.
4. The quotient is not how f[a, b] is computed: it loses all digits as a → b, and so does any
   switch to f′ at a threshold. For eˣ: f[a, b] = e^M (1 − e^{−d})/d with M = max, d = |a − b|.
5. Once more: D²f(X)[H, K] = Q ( Σ_k f[λ_i, λ_k, λ_j](H̃_ik K̃_kj + K̃_ik H̃_kj) ) Qᵀ, and the Hessian of g
   times H is D²f(X)[H, A].
6. The published roads for f = exp are this formula in other clothes: φ₁(ad_X)[A eˣ] has the
   eigenvalues φ₁(λ_i − λ_j) e^{λ_j} = f[λ_i, λ_j]; the perturbation of eigenvectors gives f(λ_i)/(λ_i − λ_j)
   twice; (I + X/N)^N tends to it with an error O(1/N). When A and X commute it is eˣ A, and in no
   other case.
";

pub(super) fn text(example: &Example) -> Result<String> {
    let p = example.rows;
    let mut draw = example.draw();
    let drawn = (draw.symmetric(p), draw.symmetric(p));
    let x = example.given("X", &example.x, (p, p), drawn.0)?;
    let a = example.given("A", &example.a, (p, p), drawn.1)?;
    crate::linalg::require_symmetric("X", &x.view())?;
    crate::linalg::require_symmetric("A", &a.view())?;
    let direction = draw.symmetric(p);
    let mut out = format!(
        "{STEPS}
On an example: p = {p}, f = exp, seed {}. The value is the derivative along one symmetric
direction; whole gradients are compared.

",
        example.seed
    );
    out += &render("Daleckii–Krein", &exp_routes(&x, &a, &direction)?);
    out += "
Other functions, on X² + I, each by Daleckii–Krein; the difference is that of the second derivative
D²f[H, A] along H from extrapolated differences of the gradient.

";
    let definite = matmul(x.view(), x.view()) + Array2::<f64>::eye(p);
    out += &render("finite differences", &other_functions(&definite, &a, &direction)?);
    out += &near_equal();
    Ok(out)
}

fn exp_routes(x: &Array2<f64>, a: &Array2<f64>, h: &Array2<f64>) -> Result<Vec<Route>> {
    let (exp, cube) = (MatrixFunction::Exp, (x.nrows() as f64).powi(3));
    let reference = exp.at("X", x.view())?.trace_gradient(a.view())?;
    let numeric = slope(&exp, x, a, h)?;
    let row = |name: &str, gradient: Result<Array2<f64>>, flops: f64| match gradient {
        Ok(gradient) => {
            let value = (&gradient * h).sum();
            Route {
                name: name.to_owned(),
                value,
                difference: relative(&gradient, &reference),
                finite: relative_number(value, numeric),
                flops,
            }
        }
        // Outside of the domain of the route: shown as such.
        Err(_) => Route {
            name: format!("{name} (not defined here)"),
            value: f64::NAN,
            difference: f64::NAN,
            finite: f64::NAN,
            flops,
        },
    };
    let (x, a) = (x.view(), a.view());
    Ok(vec![
        row("Daleckii–Krein", Ok(reference.clone()), 17.0 * cube),
        row("exp of a block matrix", routes::exp_gradient_block(x, a), 200.0 * cube),
        row("φ₁(ad_X)[A eˣ], series", routes::exp_gradient_ad(x, a), 150.0 * cube),
        row("power series", routes::exp_gradient_series(x, a), 180.0 * cube),
        row("eigenvector perturbation", routes::gradient_by_perturbation(&exp, x, a), 17.0 * cube),
        row("(I + X/N)^N, N = 2^10", routes::exp_gradient_limit(x, a, 10), 60.0 * cube),
        row("(I + X/N)^N, N = 2^20", routes::exp_gradient_limit(x, a, 20), 120.0 * cube),
        row("A eˣ (wrong: A, X do not commute)", Ok(wrong(&exp, x, a)?), 13.0 * cube),
    ])
}

fn wrong(
    exp: &MatrixFunction,
    x: ndarray::ArrayView2<'_, f64>,
    a: ndarray::ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    Ok(matmul(a, exp.at("X", x)?.value().view()))
}

fn slope(f: &MatrixFunction, x: &Array2<f64>, a: &Array2<f64>, h: &Array2<f64>) -> Result<f64> {
    let value = |t: f64| -> Result<Array1<f64>> {
        let at = f.at("X", (x + &(h * t)).view())?;
        Ok(Array1::from_elem(1, at.trace(a.view())?))
    };
    Ok(check::derivative(value, 0.05, 8)?.value[0])
}

fn other_functions(x: &Array2<f64>, a: &Array2<f64>, h: &Array2<f64>) -> Result<Vec<Route>> {
    let cube = (x.nrows() as f64).powi(3);
    let named = [
        ("log", MatrixFunction::Log),
        ("square root", MatrixFunction::Sqrt),
        ("inverse", MatrixFunction::Inverse),
        ("x^-0.5", MatrixFunction::Power(-0.5)),
        ("x^2.5", MatrixFunction::Power(2.5)),
    ];
    let mut rows = Vec::new();
    for (name, f) in named {
        let at = f.at("X", x.view())?;
        let value = (&at.trace_gradient(a.view())? * h).sum();
        let second = (&at.trace_hessian_product(a.view(), h.view())? * h).sum();
        let gradient = |t: f64| -> Result<Array1<f64>> {
            let at = f.at("X", (x + &(h * t)).view())?;
            Ok(Array1::from_elem(1, (&at.trace_gradient(a.view())? * h).sum()))
        };
        let numeric = check::derivative(gradient, 0.05, 8)?.value[0];
        rows.push(Route {
            name: name.to_owned(),
            value,
            difference: relative_number(second, numeric),
            finite: relative_number(value, slope(&f, x, a, h)?),
            flops: 17.0 * cube,
        });
    }
    Ok(rows)
}

/// Two eigenvalues that approach each other: the stable form, the quotient, and the switch to f′.
fn near_equal() -> String {
    let mut out = String::from(
        "
exp[1, 1 + gap] by the stable form, and the relative error of what is often done instead.

           gap   stable form              quotient   f′ below 1e-8
",
    );
    for exponent in [2, 5, 8, 9, 11, 13, 15] {
        let gap = (1.0 + 10.0_f64.powi(-exponent)) - 1.0;
        let stable = MatrixFunction::Exp.divided(1.0, 1.0 + gap);
        let quotient = ((1.0 + gap).exp() - 1.0_f64.exp()) / gap;
        let switched = if gap < 1e-8 { 1.0_f64.exp() } else { quotient };
        let error = |v: f64| format!("{:.1e}", relative_number(v, stable));
        let _ = writeln!(
            out,
            "  {gap:>12.3e}   {stable:.16e}   {:>8}   {:>8}",
            error(quotient),
            error(switched)
        );
    }
    out
}
