//! The Fisher information of the Kronecker Gaussian in the coordinates (A, B): Kronecker blocks on
//! the diagonal, vec·vecᵀ blocks beside it.

use crate::kronecker::{Kronecker, duplication, kronecker_product, smat, svec, vech};
use crate::linalg::{Lu, matmul, require_symmetric};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};

/// Information on (A, B) in n independent samples with Cov(vec_rows X) = A ⊗ B.
///
/// With S = A ⊗ B and dS = dA ⊗ B + A ⊗ dB, the information (n/2) tr(S⁻¹dS S⁻¹dS) falls apart:
///
/// ```text
/// I[(H,K),(H,K)] = (nq/2) tr H̃² + (np/2) tr K̃² + n tr H̃ tr K̃,   H̃ = A⁻¹H, K̃ = B⁻¹K
/// I_AA = (nq/2) Dᵀ(A⁻¹ ⊗ A⁻¹)D    I_AB = (n/2) (Dᵀvec A⁻¹)(Dᵀvec B⁻¹)ᵀ    (on vech)
/// ```
///
/// (A, −B) is the one null vector: only A ⊗ B is identified. Covariances need a constraint that
/// fixes the scale.
///
/// ```
/// use kronfit::calculus::KroneckerFisher;
/// use kronfit::kronecker::Kronecker;
/// use kronfit::linalg::Spd;
///
/// // p = q = 1: variance ab, information n/2 on ln(ab), so (n/2)/a² on a.
/// let product = Kronecker::new(Spd::identity(1), Spd::identity(1));
/// let information = KroneckerFisher::new(&product, 10.0)?;
/// assert_eq!(information.matrix()[[0, 0]], 5.0);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KroneckerFisher {
    product: Kronecker,
    rows_inverse: Array2<f64>,
    cols_inverse: Array2<f64>,
    samples: f64,
}

/// A linear constraint that fixes the scale of (A, B).
#[derive(Debug, Clone, PartialEq)]
pub enum ScaleConstraint {
    /// det A held constant.
    DetRows,
    /// tr A held constant.
    TraceRows,
    /// The gradient c of any other constraint by (vech A, vech B), with c·(vech A, −vech B) ≠ 0.
    Gradient(Array1<f64>),
}

impl KroneckerFisher {
    /// The information in `samples` (n, positive, a sum of weights may be fractional) samples.
    ///
    /// # Errors
    /// [`Error::Domain`] when `samples` is not positive and finite.
    pub fn new(product: &Kronecker, samples: f64) -> Result<Self> {
        if !(samples > 0.0 && samples.is_finite()) {
            return Err(Error::domain("the number of samples", samples, "positive"));
        }
        Ok(Self {
            rows_inverse: product.rows().inverse(),
            cols_inverse: product.cols().inverse(),
            product: product.clone(),
            samples,
        })
    }

    /// The information as a linear map on symmetric directions (H, K):
    /// ((nq/2) A⁻¹HA⁻¹ + (n/2) tr(B⁻¹K) A⁻¹, (np/2) B⁻¹KB⁻¹ + (n/2) tr(A⁻¹H) B⁻¹),
    /// O(p³ + q³).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotSymmetric`].
    pub fn apply(
        &self,
        h: ArrayView2<'_, f64>,
        k: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let (p, q) = self.product.dim();
        for (what, m, d) in [("the direction of A", &h, p), ("the direction of B", &k, q)] {
            if m.dim() != (d, d) {
                return Err(Error::shape(what, format!("{d} × {d}"), m.dim()));
            }
            require_symmetric(what, m)?;
        }
        let (by_rows, by_cols) = (&self.rows_inverse, &self.cols_inverse);
        let half = 0.5 * self.samples;
        let trace = |inverse: &Array2<f64>, m: &ArrayView2<'_, f64>| (inverse * m).sum();
        let (trace_h, trace_k) = (trace(by_rows, &h), trace(by_cols, &k));
        let sandwich = |inverse: &Array2<f64>, m: ArrayView2<'_, f64>| {
            matmul(matmul(inverse.view(), m).view(), inverse.view())
        };
        let rows = sandwich(by_rows, h) * (half * q as f64) + by_rows * (half * trace_k);
        let cols = sandwich(by_cols, k) * (half * p as f64) + by_cols * (half * trace_h);
        Ok((rows, cols))
    }

    /// The quadratic form I[(H, K), (H, K)] for symmetric H, K.
    ///
    /// # Errors
    /// As for [`KroneckerFisher::apply`].
    pub fn quadratic_form(&self, h: ArrayView2<'_, f64>, k: ArrayView2<'_, f64>) -> Result<f64> {
        let (rows, cols) = self.apply(h, k)?;
        Ok((&rows * &h).sum() + (&cols * &k).sum())
    }

    /// The information matrix on (vech A, vech B), of order p(p+1)/2 + q(q+1)/2, from its blocks.
    pub fn matrix(&self) -> Array2<f64> {
        let (p, q) = self.product.dim();
        let half = 0.5 * self.samples;
        let (d_p, d_q) = (duplication(p), duplication(q));
        let block = |d: &Array2<f64>, inverse: &Array2<f64>, scale: f64| {
            let kron = kronecker_product(inverse.view(), inverse.view());
            matmul(d.t(), matmul(kron.view(), d.view()).view()) * scale
        };
        let rows = block(&d_p, &self.rows_inverse, half * q as f64);
        let cols = block(&d_q, &self.cols_inverse, half * p as f64);
        let a = d_p.t().dot(&crate::kronecker::vec_rows(self.rows_inverse.view()));
        let b = d_q.t().dot(&crate::kronecker::vec_rows(self.cols_inverse.view()));
        let size = a.len() + b.len();
        Array2::from_shape_fn((size, size), |(i, j)| match (i < a.len(), j < a.len()) {
            (true, true) => rows[[i, j]],
            (false, false) => cols[[i - a.len(), j - a.len()]],
            (true, false) => half * a[i] * b[j - a.len()],
            (false, true) => half * a[j] * b[i - a.len()],
        })
    }

    /// The null vector (vech A, −vech B).
    ///
    /// # Errors
    /// None: the factors are square.
    pub fn null_vector(&self) -> Result<Array1<f64>> {
        let rows = vech(self.product.rows().matrix())?;
        let cols = -vech(self.product.cols().matrix())?;
        joined(&rows, &cols)
    }

    /// Asymptotic covariance of the maximum likelihood estimates of (vech A, vech B) under a
    /// constraint that fixes the scale.
    ///
    /// Under det A = const there is a closed form, without an inverse:
    /// Cov(A_ij, A_kl) = (A_ik A_jl + A_il A_jk − (2/p) A_ij A_kl)/(nq),
    /// Cov(B_ij, B_kl) = (B_ik B_jl + B_il B_jk)/(np), Cov(A, B) = 0. Any other constraint c moves it
    /// by V ↦ P V Pᵀ, P = I − v cᵀ/(cᵀv), v the null vector.
    ///
    /// # Errors
    /// [`Error::Shape`] for a gradient of another length; [`Error::Degenerate`] when the
    /// constraint does not fix the scale.
    pub fn covariance(&self, constraint: &ScaleConstraint) -> Result<Array2<f64>> {
        let by_det = self.covariance_by_det();
        let gradient = match constraint {
            ScaleConstraint::DetRows => return Ok(by_det),
            ScaleConstraint::TraceRows => {
                let (p, q) = self.product.dim();
                joined(&vech(Array2::eye(p).view())?, &Array1::zeros(q * (q + 1) / 2))?
            }
            ScaleConstraint::Gradient(gradient) => gradient.clone(),
        };
        let null = self.null_vector()?;
        if gradient.len() != null.len() {
            let expected = format!("length {}", null.len());
            return Err(Error::shape("the gradient of the constraint", expected, gradient.len()));
        }
        let along = gradient.dot(&null);
        let sizes = gradient.dot(&gradient).sqrt() * null.dot(&null).sqrt();
        if along.is_nan() || along.abs() <= 1e-12 * sizes {
            return Err(Error::Degenerate {
                what: "the constraint does not change when A grows and B shrinks".to_owned(),
                remedy: "constrain a scale, such as tr A".to_owned(),
            });
        }
        let projector = Array2::eye(null.len()) - outer(&null, &gradient) / along;
        Ok(matmul(matmul(projector.view(), by_det.view()).view(), projector.t()))
    }

    fn covariance_by_det(&self) -> Array2<f64> {
        let (p, q) = self.product.dim();
        let (a, b) = (self.product.rows().matrix(), self.product.cols().matrix());
        let (in_a, in_b) = (pairs(p), pairs(q));
        let wick = |m: &ArrayView2<'_, f64>, (i, j): (usize, usize), (k, l): (usize, usize)| {
            m[[i, k]] * m[[j, l]] + m[[i, l]] * m[[j, k]]
        };
        let split = in_a.len();
        let size = split + in_b.len();
        Array2::from_shape_fn((size, size), |(r, s)| match (r < split, s < split) {
            (true, true) => {
                let common = 2.0 / p as f64 * a[in_a[r]] * a[in_a[s]];
                (wick(&a, in_a[r], in_a[s]) - common) / (self.samples * q as f64)
            }
            (false, false) => {
                wick(&b, in_b[r - split], in_b[s - split]) / (self.samples * p as f64)
            }
            _ => 0.0,
        })
    }

    /// Standard errors (1 − ρ²)/√(nq) of the correlations of A (p × p); no constraint matters.
    pub fn row_correlation_errors(&self) -> Array2<f64> {
        correlation_errors(self.product.rows().matrix(), self.samples * self.product.dim().1 as f64)
    }

    /// Standard errors (1 − ρ²)/√(np) of the correlations of B (q × q).
    pub fn col_correlation_errors(&self) -> Array2<f64> {
        correlation_errors(self.product.cols().matrix(), self.samples * self.product.dim().0 as f64)
    }

    /// I⁺ on isometric coordinates: solves I (H, K) = (G_A, G_B) for the part of the right-hand
    /// side that is orthogonal to the scale direction, with the solution orthogonal to it, by a
    /// bordered system. Dense, of order p(p+1)/2 + q(q+1)/2 + 1.
    ///
    /// # Errors
    /// [`Error::Shape`] when the shapes do not fit.
    pub fn solve(
        &self,
        rows: ArrayView2<'_, f64>,
        cols: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let (p, q) = self.product.dim();
        let rhs = joined(&svec(rows)?, &svec(cols)?)?;
        let null =
            joined(&svec(self.product.rows().matrix())?, &-svec(self.product.cols().matrix())?)?;
        if rhs.len() != null.len() {
            return Err(Error::shape("the right-hand side", format!("{p} and {q}"), rhs.len()));
        }
        let null = &null / null.dot(&null).sqrt();
        let (count, split) = (null.len(), p * (p + 1) / 2);
        let mut bordered = Array2::zeros((count + 1, count + 1));
        for s in 0..count {
            let mut unit = Array1::zeros(count);
            unit[s] = 1.0;
            let h = smat(unit.slice_axis(Axis(0), (0..split).into()), p)?;
            let k = smat(unit.slice_axis(Axis(0), (split..count).into()), q)?;
            let (h, k) = self.apply(h.view(), k.view())?;
            for (r, &x) in joined(&svec(h.view())?, &svec(k.view())?)?.iter().enumerate() {
                bordered[[r, s]] = x;
            }
            bordered[[count, s]] = null[s];
            bordered[[s, count]] = null[s];
        }
        let rhs = concatenate(Axis(0), &[rhs.view(), Array1::zeros(1).view()])
            .map_err(|_| Error::shape("the right-hand side", "one dimension", count))?;
        let lu = Lu::new("the bordered information", bordered.view())?;
        let solved = lu.solve(rhs.view().insert_axis(Axis(1)))?.remove_axis(Axis(1));
        let h = smat(solved.slice_axis(Axis(0), (0..split).into()), p)?;
        Ok((h, smat(solved.slice_axis(Axis(0), (split..count).into()), q)?))
    }
}

fn correlation_errors(matrix: ArrayView2<'_, f64>, observations: f64) -> Array2<f64> {
    let d = matrix.nrows();
    Array2::from_shape_fn((d, d), |(i, j)| {
        if i == j {
            return 0.0;
        }
        let squared = matrix[[i, j]] / matrix[[i, i]] * (matrix[[i, j]] / matrix[[j, j]]);
        (1.0 - squared) / observations.sqrt()
    })
}

/// The information by its definition, (n/2) tr(S⁻¹ ∂_rS S⁻¹ ∂_sS) with the dense S = A ⊗ B, on
/// (vech A, vech B). O(p³q³) per parameter; the reference for tests.
///
/// # Errors
/// [`Error::Singular`] when S is.
pub fn fisher_dense(product: &Kronecker, samples: f64) -> Result<Array2<f64>> {
    let (p, q) = product.dim();
    let (a, b) = (product.rows().matrix(), product.cols().matrix());
    let lu = Lu::new("A ⊗ B", product.dense().view())?;
    let unit = |d: usize, (i, j): (usize, usize)| {
        let mut e = Array2::zeros((d, d));
        e[[i, j]] = 1.0;
        e[[j, i]] = 1.0;
        e
    };
    let mut scores = Vec::new();
    for at in pairs(p) {
        scores.push(lu.solve(kronecker_product(unit(p, at).view(), b).view())?);
    }
    for at in pairs(q) {
        scores.push(lu.solve(kronecker_product(a, unit(q, at).view()).view())?);
    }
    let size = scores.len();
    Ok(Array2::from_shape_fn((size, size), |(r, s)| {
        0.5 * samples * (&scores[r] * &scores[s].t()).sum()
    }))
}

/// Index pairs in vech order.
fn pairs(d: usize) -> Vec<(usize, usize)> {
    (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).collect()
}

fn joined(a: &Array1<f64>, b: &Array1<f64>) -> Result<Array1<f64>> {
    concatenate(Axis(0), &[a.view(), b.view()])
        .map_err(|_| Error::shape("the parts", "two vectors", (a.len(), b.len())))
}

fn outer(a: &Array1<f64>, b: &Array1<f64>) -> Array2<f64> {
    let column: ArrayView1<'_, f64> = a.view();
    matmul(column.insert_axis(Axis(1)), b.view().insert_axis(Axis(0)))
}
