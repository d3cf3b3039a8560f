//! The text of topic trace-forms.

use super::Example;
use super::table::{Route, relative, relative_number, render};
use crate::Result;
use crate::calculus::{
    Convention, Domain, MatrixForm, TraceForm, VecOrder, blocks_by_function, check, matrix_of_map,
    trace_product_convexity,
};
use crate::kronecker::{BlockShape, kronecker_product, rearrange, unvec_rows, vec_rows};
use crate::linalg::symmetric_eigen;
use ndarray::{Array1, Array2, array};
use std::fmt::Write;

const STEPS: &str = "\
B tr(AX), tr(AX) tr(BX): layouts and Hessians
=============================================

1. d tr(AX) = tr(A dX), and dg = tr(Gᵀ dX) defines the gradient, so ∂tr(AX)/∂X = Aᵀ, the array of the
   partial derivatives. (Writing A instead is the other layout, or a symmetric A.)
2. F(X) = B tr(AX) has dF = B tr(A dX). On vectors, vec(dF) = vec(B) vec(Aᵀ)ᵀ vec(dX): the Jacobian is
       J = vec(B) vec(Aᵀ)ᵀ,   of rank one, in either vec order.
3. The same n⁴ partial derivatives laid out as blocks, block (i, j) = ∂F_ij/∂X, are B ⊗ Aᵀ. That
   array is not a Jacobian: it does not multiply vec(dX), the chain rule fails with it, its
   eigenvalues mean nothing. The two are one *rearrangement* apart, R(B ⊗ Aᵀ) = J, which moves
   entries; no permutation of rows and columns can turn rank n² into rank one.
4. g(X) = tr(AX) tr(BX): ∇g = Aᵀ tr(BX) + Bᵀ tr(AX), so with a = vec(Aᵀ), b = vec(Bᵀ)
       Hessian = a bᵀ + b aᵀ,   eigenvalues ⟨a, b⟩ ± |a||b| and 0.
   By Cauchy–Schwarz the smaller one is negative unless b = c a with c ≥ 0 (or one of them is 0): g is
   convex exactly then, and no positive definiteness of A and B changes that.
5. On symmetric X use the symmetric parts of A and B; on vech the Hessian is Dᵀ(abᵀ + baᵀ)D, D the
   duplication matrix. A ⊗ B + B ⊗ A is the Hessian of another function, ½[tr(XᵀAXB) + tr(XᵀBXA)].
";

pub(super) fn text(example: &Example) -> Result<String> {
    let p = example.rows;
    let mut draw = example.draw();
    let drawn = (draw.matrix(p, p), draw.matrix(p, p), draw.invertible(p));
    let a = example.given("A", &example.a, (p, p), drawn.0)?;
    let b = example.given("B", &example.b, (p, p), drawn.1)?;
    let x = example.given("X", &example.x, (p, p), drawn.2)?;
    let h = draw.matrix(p, p);
    let mut out = format!(
        "{STEPS}
The published counterexample, A = [[7,1],[1,3]], B = [[5,2],[2,1]]:

{}
On an example: p = {p}, seed {}. The value is the derivative along one direction; the difference is
that of the second derivative along it, closed form against extrapolated differences.

",
        counterexample()?,
        example.seed
    );
    out += &render("extrapolated differences", &forms(&a, &b, &x, &h)?);
    let found = trace_product_convexity(a.view(), b.view(), Domain::General)?;
    let answer = if found.is_convex { "convex" } else { "not convex" };
    let _ = writeln!(
        out,
        "  tr(AX) tr(BX) is {answer} here: curvatures from {:.6} to {:.6}.\n",
        found.smallest, found.largest
    );
    out += &jacobians(&a, &b, &x)?;
    Ok(out)
}

fn counterexample() -> Result<String> {
    let (a, b) = (array![[7.0, 1.0], [1.0, 3.0]], array![[5.0, 2.0], [2.0, 1.0]]);
    let form = TraceForm::Product { a: a.clone(), b: b.clone() };
    let hessian = form.hessian(Array2::eye(2).view(), VecOrder::Rows)?;
    let blocks = kronecker_product(a.view(), b.view()) + kronecker_product(b.view(), a.view());
    let show = |name: &str, m: &Array2<f64>| -> Result<String> {
        let values = symmetric_eigen(name, m.view())?.values;
        // Adding 0 turns −0 into 0.
        let list: Vec<String> =
            values.iter().map(|v| format!("{:.5}", (v * 1e5).round() / 1e5 + 0.0)).collect();
        Ok(format!("  {name:<24} eigenvalues {}\n", list.join(", ")))
    };
    let mut out = show("abᵀ + baᵀ (the Hessian)", &hessian)?;
    out += &show("A ⊗ B + B ⊗ A", &blocks)?;
    let found = trace_product_convexity(a.view(), b.view(), Domain::Symmetric)?;
    let _ = writeln!(
        out,
        "  smallest curvature, closed form {:.12}: not convex, though A and B are positive definite.",
        found.smallest
    );
    Ok(out)
}

fn forms(a: &Array2<f64>, b: &Array2<f64>, x: &Array2<f64>, h: &Array2<f64>) -> Result<Vec<Route>> {
    let (a1, b1) = (|| a.clone(), || b.clone());
    let cube = (x.nrows() as f64).powi(3);
    let square = (x.nrows() as f64).powi(2);
    let named = [
        ("tr(AX)", TraceForm::Linear { a: a1() }, 2.0 * square),
        ("tr(AX) tr(BX)", TraceForm::Product { a: a1(), b: b1() }, 4.0 * square),
        ("tr(AXBXᵀ)", TraceForm::Quadratic { a: a1(), b: b1() }, 8.0 * cube),
        ("tr(AXBX)", TraceForm::Sandwich { a: a1(), b: b1() }, 8.0 * cube),
        ("tr(AX⁻¹)", TraceForm::Inverse { a: a1() }, 5.0 * cube),
        ("ln |det X|", TraceForm::LnDet, 3.0 * cube),
    ];
    let mut rows = Vec::new();
    for (name, form, flops) in named {
        let at = |t: f64| x + &(h * t);
        let curve = |t: f64| Ok(Array1::from_elem(1, form.value(at(t).view())?));
        let slope = |t: f64| Ok(Array1::from_elem(1, form.derivative(at(t).view(), h.view())?));
        let value = form.derivative(x.view(), h.view())?;
        let second = form.bilinear(x.view(), h.view(), h.view())?;
        let numeric_second = check::derivative(slope, 0.05, 8)?.value[0];
        rows.push(Route {
            name: name.to_owned(),
            value,
            // A Hessian that is zero has no relative error.
            difference: (second - numeric_second).abs() / second.abs().max(value.abs()),
            finite: relative_number(value, check::derivative(curve, 0.05, 8)?.value[0]),
            flops,
        });
    }
    Ok(rows)
}

fn jacobians(a: &Array2<f64>, b: &Array2<f64>, x: &Array2<f64>) -> Result<String> {
    let p = x.nrows();
    let form = MatrixForm::TraceTimes { a: a.clone(), b: b.clone() };
    let jacobian = form.jacobian(x.view(), VecOrder::Rows, Convention::Numerator)?;
    let columns = matrix_of_map((p, p), VecOrder::Rows, |h| form.derivative(x.view(), h))?;
    let blocks = blocks_by_function(a.view(), b.view());
    let moved = rearrange(blocks.view(), BlockShape::square(p, p))?;
    // The chain rule for g = tr(F(X)): the gradient is Jᵀ vec(I).
    let identity = vec_rows(Array2::eye(p).view());
    let truth = form.adjoint(x.view(), Array2::eye(p).view())?;
    let pulled = |m: &Array2<f64>| unvec_rows(m.t().dot(&identity).view(), p, p);
    let mut out = String::from("The Jacobian of B tr(AX), rows stacked, and the block array:\n\n");
    for (name, value) in [
        ("J = vec(B)vec(Aᵀ)ᵀ against columns DF[E_kl]", relative(&jacobian, &columns)),
        ("R(B ⊗ Aᵀ) against J", relative(&moved, &jacobian)),
        ("chain rule for tr F with J, relative error", relative(&pulled(&jacobian)?, &truth)),
        ("the same with B ⊗ Aᵀ in its place", relative(&pulled(&blocks)?, &truth)),
    ] {
        let pad = " ".repeat(46_usize.saturating_sub(name.chars().count()));
        let _ = writeln!(out, "  {name}{pad}{value:.1e}");
    }
    Ok(out)
}
