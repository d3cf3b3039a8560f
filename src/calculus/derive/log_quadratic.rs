//! The text of topic log-quadratic.

use super::table::{Route, relative, relative_number, render};
use super::{Example, spd};
use crate::Result;
use crate::calculus::{LogQuadratic, Parts, RankOneSum, check, log_quadratic_dense};
use crate::kronecker::{BlockShape, Kronecker, KroneckerSum, Truncation, unvec_rows, vec_rows};
use crate::linalg::{matmul, require_symmetric};
use ndarray::{Array1, Array2, Axis};

const STEPS: &str = "\
The gradient of λ = ln β, β = α + wᵀ(A ⊗ B)⁻¹w, by A (p × p) and B (q × q)
==========================================================================

Rows are stacked: w = vec(W), W = Y − M is p × q, and (P ⊗ Q) vec(X) = vec(P X Qᵀ).

1. Undo the vec. (A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹, so with V = A⁻¹ W B⁻ᵀ
       β = α + wᵀ vec(V) = α + tr(Wᵀ V).                          Nothing pq × pq is left.
2. Move A by dA. d(A⁻¹) = −A⁻¹ dA A⁻¹, so
       dβ = −tr(Wᵀ A⁻¹ dA A⁻¹ W B⁻ᵀ) = −tr((A⁻¹ W)(B⁻ᵀ Wᵀ A⁻¹) dA).
   A gradient G is read off from dβ = tr(Gᵀ dA); with U = A⁻ᵀ W B⁻¹ it is −U (A⁻¹W)ᵀ.
3. Likewise for B and w, and d ln β = dβ/β:
       ∂λ/∂A = −(1/β) U (A⁻¹W)ᵀ         ∂λ/∂B = −(1/β) (W B⁻¹)ᵀ V
       ∂λ/∂M = −(1/β) (U + V)           ∂λ/∂α = 1/β
   These hold for any invertible A, B. When A and B are symmetric, U = V and both gradients are
   symmetric; a free entry A_ij = A_ji (i ≠ j) then has derivative 2 (∂λ/∂A)_ij.
4. The other road keeps S = A ⊗ B: ∂λ/∂S = −(1/β) S⁻ᵀ w wᵀ S⁻ᵀ = −(1/β) vec(U) vec(V)ᵀ. Write
   that rank-one matrix as Σ_k F_k ⊗ G_k; then ∂λ/∂A = −(1/β) Σ_k ⟨B, G_k⟩ F_k.
   How many terms? Entry ((i,j),(k,l)) of the rearrangement R of vec(U) vec(V)ᵀ is U_ik V_jl, that is
       R(vec(U) vec(V)ᵀ) = U ⊗ V,
   so the least number is rank(U)·rank(V) = rank(W)². The often quoted min(p², q²) is the bound for
   any pq × pq matrix; it is attained only when W has full rank. Two small decompositions, of U
   and of V, give the terms: R needs no decomposition of its own.
";

pub(super) fn text(example: &Example) -> Result<String> {
    let (p, q) = (example.rows, example.cols);
    let mut draw = example.draw();
    let drawn = (draw.definite(p), draw.definite(q), draw.matrix(p, q));
    let a = example.given("A", &example.a, (p, p), drawn.0)?;
    let b = example.given("B", &example.b, (q, q), drawn.1)?;
    let w = example.given("W", &example.x, (p, q), drawn.2)?;
    let alpha = 1.0;
    let direction = Parts {
        rows: draw.matrix(p, p),
        cols: draw.matrix(q, q),
        mean: Array2::zeros((p, q)),
        offset: 0.0,
    };
    let lab = Lab { a, b, w, alpha, direction };
    let (routes, terms, rank) = lab.routes()?;
    let second = lab.second_derivative()?;
    let size = p.min(q) * p.min(q);
    Ok(format!(
        "{STEPS}
On an example: p = {p}, q = {q}, α = {alpha}, seed {}. The value is the derivative of λ along one
direction (dA, dB); the whole gradients by A and B are compared.

{}
  W has rank {rank}: {terms} Kronecker terms are needed, the bound min(p², q²) is {size}.
  Second derivative along the direction: {:.12e}, extrapolated {:.12e}, relative {:.1e}.
",
        example.seed,
        render("the dense route", &routes),
        second.0,
        second.1,
        relative_number(second.0, second.1),
    ))
}

struct Lab {
    a: Array2<f64>,
    b: Array2<f64>,
    w: Array2<f64>,
    alpha: f64,
    direction: Parts,
}

impl Lab {
    fn form(&self, t: f64) -> Result<LogQuadratic> {
        let (a, b) = (&self.a + &(&self.direction.rows * t), &self.b + &(&self.direction.cols * t));
        LogQuadratic::new(a.view(), b.view(), self.w.view(), self.alpha)
    }

    fn routes(&self) -> Result<(Vec<Route>, usize, usize)> {
        let (p, q) = (self.a.nrows() as f64, self.b.nrows() as f64);
        let (a, b) = (self.a.view(), self.b.view());
        let numeric =
            check::derivative(|t| Ok(Array1::from_elem(1, self.form(t)?.value())), 0.05, 8)?;
        let dense = log_quadratic_dense(a, b, self.w.view(), self.alpha)?.1;
        let reference = (dense.rows, dense.cols);
        let row = |name: &str, (by_a, by_b): (&Array2<f64>, &Array2<f64>), flops: f64| {
            let value = (by_a * &self.direction.rows).sum() + (by_b * &self.direction.cols).sum();
            Route {
                name: name.to_owned(),
                value,
                difference: relative(by_a, &reference.0).max(relative(by_b, &reference.1)),
                finite: relative_number(value, numeric.value[0]),
                flops,
            }
        };
        let form = self.form(0.0)?;
        let gradient = form.gradient()?;
        let products = 10.0 * p * q * (p + q);
        let mut routes = vec![row(
            "closed form, LU",
            (&gradient.rows, &gradient.cols),
            2.0 / 3.0 * (p.powi(3) + q.powi(3)) + products,
        )];
        if let Some(definite) = self.definite()? {
            let g = definite.gradient()?;
            let flops = (p.powi(3) + q.powi(3)) * 2.0 / 3.0 + 8.0 * p * q * (p + q);
            routes.push(row("closed form, Cholesky", (&g.rows, &g.cols), flops));
        }
        let sum = RankOneSum::new(&form)?;
        let (by_a, by_b) = sum.gradient(a, b)?;
        let terms = sum.len() as f64;
        let rank = (terms.sqrt()).round();
        let svd = 24.0 * p.max(q) * p.min(q).powi(2);
        routes.push(row(
            &format!("Kronecker sum, {} terms", sum.len()),
            (&by_a, &by_b),
            2.0 * svd + terms * 4.0 * (p * p + q * q),
        ));
        let (by_a, by_b, count) = self.published(&form)?;
        let (long, short) = ((p * p).max(q * q), (p * p).min(q * q));
        routes.push(row(
            &format!("decomposition of R, {count} terms"),
            (&by_a, &by_b),
            24.0 * long * short * short,
        ));
        let flops = 2.0 / 3.0 * (p * q).powi(3) + 8.0 * (p * q).powi(2);
        routes.push(row("dense A ⊗ B", (&reference.0, &reference.1), flops));
        Ok((routes, sum.len(), rank as usize))
    }

    /// Only where A and B are symmetric and positive definite.
    fn definite(&self) -> Result<Option<LogQuadratic>> {
        let symmetric = |m: &Array2<f64>| require_symmetric("A or B", &m.view()).is_ok();
        if !symmetric(&self.a) || !symmetric(&self.b) {
            return Ok(None);
        }
        match (spd("A", self.a.clone()), spd("B", self.b.clone())) {
            (Ok(a), Ok(b)) => {
                let product = Kronecker::new(a, b);
                LogQuadratic::definite(&product, self.w.view(), self.alpha).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The published answer: singular values of the rearranged rank-one matrix.
    fn published(&self, form: &LogQuadratic) -> Result<(Array2<f64>, Array2<f64>, usize)> {
        let (p, q) = (self.a.nrows(), self.b.nrows());
        let (u, v) = form.rank_one_factors();
        let (u, v) = (vec_rows(u), vec_rows(v));
        let outer = matmul(u.view().insert_axis(Axis(1)), v.view().insert_axis(Axis(0)));
        let sum = KroneckerSum::decompose(
            outer.view(),
            BlockShape::square(p, q),
            Truncation::Tolerance(1e-14),
        )?;
        let (mut by_a, mut by_b) = (Array1::zeros(p * p), Array1::zeros(q * q));
        let (a, b) = (vec_rows(self.a.view()), vec_rows(self.b.view()));
        for (f, g) in sum.terms() {
            let (f, g) = (vec_rows(f.view()), vec_rows(g.view()));
            by_a.scaled_add(-g.dot(&b) / form.beta(), &f);
            by_b.scaled_add(-f.dot(&a) / form.beta(), &g);
        }
        Ok((unvec_rows(by_a.view(), p, p)?, unvec_rows(by_b.view(), q, q)?, sum.len()))
    }

    fn second_derivative(&self) -> Result<(f64, f64)> {
        let exact = self.form(0.0)?.hessian_product(&self.direction)?.inner(&self.direction);
        let slope = |t: f64| -> Result<Array1<f64>> {
            Ok(Array1::from_elem(1, self.form(t)?.gradient()?.inner(&self.direction)))
        };
        Ok((exact, check::derivative(slope, 0.05, 8)?.value[0]))
    }
}
