//! The text of topic fisher.

use super::table::{Route, relative, relative_number, render};
use super::{Example, spd};
use crate::Result;
use crate::calculus::{KroneckerFisher, ScaleConstraint, check, fisher_dense};
use crate::kronecker::{Kronecker, vech};
use crate::linalg::{Spd, matmul};
use ndarray::{Array1, Array2, Axis, concatenate};

const STEPS: &str = "\
The Fisher information of n Gaussian matrices, Cov(vec X) = S = A ⊗ B, in (A, B)
===============================================================================

1. For a Gaussian with covariance S, the information along dS is (n/2) tr(S⁻¹dS S⁻¹dS).
2. dS = H ⊗ B + A ⊗ K for directions H, K of A, B. With H̃ = A⁻¹H and K̃ = B⁻¹K,
       S⁻¹dS = H̃ ⊗ I + I ⊗ K̃,
       tr (S⁻¹dS)² = q tr H̃² + p tr K̃² + 2 tr H̃ tr K̃.
3. Here both kinds of fourth-order object meet. tr H̃² = vec(H)ᵀ(A⁻¹ ⊗ A⁻¹)vec(H) is a Kronecker block;
   tr H̃ tr K̃ = vec(H)ᵀ vec(A⁻¹) vec(B⁻¹)ᵀ vec(K) is a vec·vecᵀ block, of rank one:
       I_AA = (nq/2) Dᵀ(A⁻¹ ⊗ A⁻¹)D,    I_BB = (np/2) Dᵀ(B⁻¹ ⊗ B⁻¹)D,
       I_AB = (n/2) (Dᵀvec A⁻¹)(Dᵀvec B⁻¹)ᵀ.
   Swapping the two kinds, as in the last chapter, gives a matrix that is not an information.
4. H = A, K = −B gives q p + p q − 2 p q = 0: the direction (A, −B) carries no information, because
   (cA, B/c) is one model. It is the only null direction. A covariance exists under a constraint c that
   fixes the scale; changing it is V ↦ P V Pᵀ, P = I − v cᵀ/(cᵀv), v the null vector.
5. Split H̃ and K̃ into trace and trace-free parts: under det A = const the cross term vanishes and
       Cov(A_ij, A_kl) = (A_ik A_jl + A_il A_jk − (2/p) A_ij A_kl)/(nq),
       Cov(B_ij, B_kl) = (B_ik B_jl + B_il B_jk)/(np),        Cov(A, B) = 0.
";

pub(super) fn text(example: &Example) -> Result<String> {
    let (p, q, n) = (example.rows, example.cols, 20.0);
    let mut draw = example.draw();
    let drawn = (draw.definite(p), draw.definite(q));
    let a = spd("A", example.given("A", &example.a, (p, p), drawn.0)?)?;
    let b = spd("B", example.given("B", &example.b, (q, q), drawn.1)?)?;
    let (h, k) = (draw.symmetric(p), draw.symmetric(q));
    let product = Kronecker::new(a, b);
    let information = KroneckerFisher::new(&product, n)?;
    let routes = routes(&product, &information, n, &h, &k)?;
    let matrix = information.matrix();
    let null = information.null_vector()?;
    let image = matrix.dot(&null);
    let closed = information.covariance(&ScaleConstraint::DetRows)?;
    let law = matmul(matmul(closed.view(), matrix.view()).view(), closed.view());
    Ok(format!(
        "{STEPS}
On an example: p = {p}, q = {q}, n = {n}, seed {}. The value is the information along one direction
(H, K); whole matrices on (vech A, vech B) are compared where the route has one.

{}
  null vector (A, −B): |I v|/(|I||v|) = {:.1e}
  closed-form covariance V under det A = const: ‖V I V − V‖/‖V‖ = {:.1e}
",
        example.seed,
        render("the dense definition", &routes),
        image.dot(&image).sqrt()
            / (matrix.iter().map(|x| x * x).sum::<f64>().sqrt() * null.dot(&null).sqrt()),
        relative(&law, &closed),
    ))
}

fn routes(
    product: &Kronecker,
    information: &KroneckerFisher,
    n: f64,
    h: &Array2<f64>,
    k: &Array2<f64>,
) -> Result<Vec<Route>> {
    let (p, q) = (product.dim().0 as f64, product.dim().1 as f64);
    let numeric = curvature(product, n, h, k)?;
    let dense = fisher_dense(product, n)?;
    let direction = concatenate(Axis(0), &[vech(h.view())?.view(), vech(k.view())?.view()])
        .map_err(|_| crate::Error::shape("the direction", "two vectors", (h.dim(), k.dim())))?;
    let row = |name: &str, value: f64, difference: f64, flops: f64| Route {
        name: name.to_owned(),
        value,
        difference,
        finite: relative_number(value, numeric),
        flops,
    };
    let along = |m: &Array2<f64>| direction.dot(&m.dot(&direction));
    let matrix = information.matrix();
    let operator = information.quadratic_form(h.view(), k.view())?;
    let parameters = 0.5 * (p * (p + 1.0) + q * (q + 1.0));
    Ok(vec![
        row(
            "operator, A⁻¹HA⁻¹ and traces",
            operator,
            relative_number(operator, along(&dense)),
            4.0 * (p.powi(3) + q.powi(3)),
        ),
        row(
            "Kronecker and vec·vecᵀ blocks",
            along(&matrix),
            relative(&matrix, &dense),
            p.powi(6) + q.powi(6),
        ),
        row("dense (n/2) tr(S⁻¹∂S S⁻¹∂S)", along(&dense), 0.0, parameters * 2.0 * (p * q).powi(3)),
    ])
}

/// Minus the second derivative of the expected log-likelihood, −(n/2)[ln|S_t| + tr(S_t⁻¹ S)], along
/// the line, from values only: an oracle that knows neither of the formulas.
fn curvature(product: &Kronecker, n: f64, h: &Array2<f64>, k: &Array2<f64>) -> Result<f64> {
    let (p, q) = (product.dim().0 as f64, product.dim().1 as f64);
    let expected = |t: f64| -> Result<f64> {
        let a = Spd::new("A", &product.rows().matrix() + &(h * t))?;
        let b = Spd::new("B", &product.cols().matrix() + &(k * t))?;
        let trace = a.solve(product.rows().matrix()).diag().sum()
            * b.solve(product.cols().matrix()).diag().sum();
        Ok(0.5 * n * (q * a.ln_det() + p * b.ln_det() + trace))
    };
    let slope = |t: f64| -> Result<Array1<f64>> {
        check::derivative(|s| Ok(Array1::from_elem(1, expected(t + s)?)), 0.05, 6)
            .map(|estimate| estimate.value)
    };
    Ok(check::derivative(slope, 0.05, 6)?.value[0])
}
