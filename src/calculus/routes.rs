//! Other roads to the gradient of tr(A eˣ) and of tr(A f(X)): cross-checks, each with the domain
//! on which it can be trusted. The default is [`Spectral::trace_gradient`](super::Spectral).
//!
//! All of them return the gradient by all entries of X, dg = ⟨G, dX⟩.

use super::MatrixFunction;
use crate::linalg::{matmul, require_finite, require_square, symmetric_eigen};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// ∇tr(A eˣ) by the power series Σ_k Σ_j (X^{j−1} A X^{k−j})ᵀ/k!, for general X and A.
///
/// Domain: ‖X‖ up to about 5. The terms grow to e^{‖X‖} before they fall, so the relative error is
/// about ε e^{2‖X‖} when eˣ is small: every digit is gone near ‖X‖ = 18.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`]; [`Error::Domain`] when the series overflows.
pub fn exp_gradient_series(x: ArrayView2<'_, f64>, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let d = require_pair(&x, &a)?;
    // S_k = Σ_j X^{j−1} A X^{k−j} obeys S_{k+1} = S_k X + X^k A; both carry 1/k!.
    let (mut power, mut term) = (Array2::eye(d), Array2::<f64>::zeros((d, d)));
    let mut sum = Array2::zeros((d, d));
    for k in 1..2000 {
        term = (matmul(term.view(), x) + matmul(power.view(), a)) / k as f64;
        power = matmul(power.view(), x) / k as f64;
        sum += &term;
        if largest(&term) <= 1e-18 * largest(&sum) && largest(&power) <= 1e-18 {
            break;
        }
    }
    finite(sum).map(transposed)
}

/// ∇tr(A eˣ) as the corner of one exponential, exp [[X, A], [0, X]], for general X and A, by
/// scaling and squaring.
///
/// Domain: all X. Relative error about ε times the norm growth in the squarings (ε·‖X‖ for
/// symmetric X).
///
/// # Errors
/// As for [`exp_gradient_series`].
pub fn exp_gradient_block(x: ArrayView2<'_, f64>, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let d = require_pair(&x, &a)?;
    let size = largest(&x.to_owned()) * d as f64;
    let squarings = if size > 0.25 { (size / 0.25).log2().ceil() as i32 } else { 0 };
    let scale = 0.5_f64.powi(squarings);
    let (x, a) = (&x * scale, &a * scale);
    // exp of the block matrix keeps its shape [[E, L], [0, E]]: carry (E, L) only.
    let (mut power, mut corner) = (Array2::eye(d), Array2::<f64>::zeros((d, d)));
    let (mut value, mut derivative) = (Array2::eye(d), Array2::<f64>::zeros((d, d)));
    for k in 1..=24 {
        corner = (matmul(power.view(), a.view()) + matmul(corner.view(), x.view())) / k as f64;
        power = matmul(power.view(), x.view()) / k as f64;
        value += &power;
        derivative += &corner;
    }
    for _ in 0..squarings {
        derivative =
            matmul(value.view(), derivative.view()) + matmul(derivative.view(), value.view());
        value = matmul(value.view(), value.view());
    }
    finite(derivative).map(transposed)
}

/// eˣ for a general X, by the same scaling and squaring.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`]; [`Error::Domain`] when it overflows.
pub fn exp_general(x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let d = require_pair(&x, &x)?;
    let size = largest(&x.to_owned()) * d as f64;
    let squarings = if size > 0.25 { (size / 0.25).log2().ceil() as i32 } else { 0 };
    let x = &x * 0.5_f64.powi(squarings);
    let (mut power, mut value) = (Array2::eye(d), Array2::eye(d));
    for k in 1..=24 {
        power = matmul(power.view(), x.view()) / k as f64;
        value += &power;
    }
    for _ in 0..squarings {
        value = matmul(value.view(), value.view());
    }
    finite(value)
}

/// ∇tr(A eˣ) = (φ₁(ad_X)[A eˣ])ᵀ, φ₁(z) = (e^z − 1)/z = Σ z^k/(k+1)!, ad_X\[Y\] = XY − YX, for
/// general X and A.
///
/// Domain: spread of the eigenvalues of X up to about 5 (the series in ad_X, whose eigenvalues are
/// their differences, loses e^{2·spread}); a multiple of I in X costs nothing, unlike in
/// [`exp_gradient_series`].
///
/// # Errors
/// As for [`exp_gradient_series`].
pub fn exp_gradient_ad(x: ArrayView2<'_, f64>, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    require_pair(&x, &a)?;
    let mut term = matmul(a, exp_general(x)?.view());
    let mut sum = term.clone();
    for k in 1..2000 {
        term = (matmul(x, term.view()) - matmul(term.view(), x)) / (k as f64 + 1.0);
        sum += &term;
        if largest(&term) <= 1e-18 * largest(&sum) {
            break;
        }
    }
    finite(sum).map(transposed)
}

/// ∇tr(A f(X)) by first-order perturbation of eigenvalues and eigenvectors, for symmetric X and
/// A (½(A + Aᵀ) is used):
///
/// dg = Σ_i f′(λ_i)(v_iᵀ dX v_i)(v_iᵀ A v_i)
///    + 2 Σ_i Σ_{j≠i} f(λ_i)(v_iᵀ dX v_j)(v_iᵀ A v_j)/(λ_i − λ_j).
///
/// Domain: distinct eigenvalues; the error is ε|λ|/gap, and two equal eigenvalues are an error.
/// Adding the terms (i, j) and (j, i) gives Daleckii–Krein, which has no such limit.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`], [`Error::Degenerate`] for equal eigenvalues,
/// [`Error::Domain`] outside of the domain of f.
pub fn gradient_by_perturbation(
    function: &MatrixFunction,
    x: ArrayView2<'_, f64>,
    a: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let d = require_pair(&x, &a)?;
    let eigen = symmetric_eigen("X", x)?;
    let (lambda, q) = (&eigen.values, &eigen.vectors);
    let mut inner = matmul(q.t(), matmul((&a + &a.t()).view(), q.view()).view()) * 0.5;
    for i in 0..d {
        for j in 0..d {
            inner[[i, j]] *= if i == j {
                function.divided(lambda[i], lambda[i])
            } else if lambda[i] == lambda[j] {
                return Err(Error::Degenerate {
                    what: format!("eigenvalues {i} and {j} of X are equal"),
                    remedy: "use the Daleckii–Krein route".to_owned(),
                });
            } else {
                let gap = lambda[i] - lambda[j];
                function.scalar(lambda[i]) / gap - function.scalar(lambda[j]) / gap
            };
        }
    }
    finite(matmul(q.view(), matmul(inner.view(), q.t()).view()))
}

/// ∇tr(A f(X)) = f′(X) A for A that commutes with the symmetric X.
///
/// Domain: XA = AX, checked to 1e-12 of ‖X‖‖A‖; nothing else of the kind (Af′(X), their mean) is
/// right when it fails.
///
/// # Errors
/// [`Error::Unsupported`] when A and X do not commute; as for [`MatrixFunction::at`].
pub fn gradient_commuting(
    function: &MatrixFunction,
    x: ArrayView2<'_, f64>,
    a: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    require_pair(&x, &a)?;
    let commutator = matmul(x, a) - matmul(a, x);
    if largest(&commutator) > 1e-12 * largest(&x.to_owned()) * largest(&a.to_owned()) {
        return Err(Error::Unsupported {
            what: "A and X do not commute".to_owned(),
            remedy: "use the Daleckii–Krein route".to_owned(),
        });
    }
    let eigen = symmetric_eigen("X", x)?;
    let slope = eigen.map(|t| function.divided(t, t));
    finite(matmul(slope.view(), a)).map(transposed)
}

/// ∇tr(A (I + X/N)^N), N = 2^`doublings`: Σ_{k=1}^{N} (I + X/N)^{N−k} (A/N) (I + X/N)^{k−1},
/// transposed, for general X and A; it tends to ∇tr(A eˣ).
///
/// Domain: all X, but the error is O(1/N) (not 1/N²: N steps of error 1/N² add up) until rounding,
/// which grows like N ε, stops it near 1e-8.
///
/// # Errors
/// As for [`exp_gradient_series`]; [`Error::Domain`] for more than 60 doublings.
pub fn exp_gradient_limit(
    x: ArrayView2<'_, f64>,
    a: ArrayView2<'_, f64>,
    doublings: u32,
) -> Result<Array2<f64>> {
    let d = require_pair(&x, &a)?;
    if doublings > 60 {
        return Err(Error::domain("the number of doublings", doublings, "at most 60"));
    }
    let scale = 0.5_f64.powi(doublings as i32);
    let mut value = Array2::<f64>::eye(d) + &x * scale;
    let mut derivative = &a * scale;
    for _ in 0..doublings {
        derivative =
            matmul(value.view(), derivative.view()) + matmul(derivative.view(), value.view());
        value = matmul(value.view(), value.view());
    }
    finite(derivative).map(transposed)
}

fn require_pair(x: &ArrayView2<'_, f64>, a: &ArrayView2<'_, f64>) -> Result<usize> {
    let d = require_square("X", x)?;
    if a.dim() != x.dim() {
        return Err(Error::shape("A", format!("{d} × {d}"), a.dim()));
    }
    require_finite("X", x)?;
    require_finite("A", a)?;
    Ok(d)
}

fn finite(m: Array2<f64>) -> Result<Array2<f64>> {
    match m.iter().all(|x| x.is_finite()) {
        true => Ok(m),
        false => Err(Error::domain("X", "too large", "such that the result is a finite number")),
    }
}

fn transposed(m: Array2<f64>) -> Array2<f64> {
    m.t().as_standard_layout().into_owned()
}

fn largest(m: &Array2<f64>) -> f64 {
    m.iter().fold(0.0, |w, x| w.max(x.abs()))
}
