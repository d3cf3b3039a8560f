//! A ⊗ B that is never formed.

use crate::linalg::{Spd, Triangle, gemm, matmul};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::{unvec_rows, vec_rows};

/// A ⊗ B for symmetric positive definite A (p × p, on rows) and B (q × q, on columns).
///
/// It acts on p × q matrices, (A ⊗ B) vec_rows(X) = vec_rows(A X B), in 2pq(p + q) flops.
///
/// ```
/// use kronfit::kronecker::Kronecker;
/// use kronfit::linalg::Spd;
/// use ndarray::array;
///
/// let a = Spd::new("A", array![[2.0, 1.0], [1.0, 2.0]])?;
/// let b = Spd::new("B", array![[4.0]])?;
/// let product = Kronecker::new(a, b);
/// // det(A ⊗ B) = det(A)¹ det(B)² = 3 · 16.
/// assert!((product.ln_det() - 48.0_f64.ln()).abs() < 1e-14);
/// assert_eq!(product.trace(), 16.0);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Kronecker {
    rows: Spd,
    cols: Spd,
}

impl Kronecker {
    /// A ⊗ B from A (`rows`) and B (`cols`).
    pub fn new(rows: Spd, cols: Spd) -> Self {
        Self { rows, cols }
    }

    /// A, the factor that acts on rows.
    pub fn rows(&self) -> &Spd {
        &self.rows
    }

    /// B, the factor that acts on columns.
    pub fn cols(&self) -> &Spd {
        &self.cols
    }

    /// (p, q).
    pub fn dim(&self) -> (usize, usize) {
        (self.rows.order(), self.cols.order())
    }

    /// pq, the order of A ⊗ B.
    pub fn order(&self) -> usize {
        self.rows.order() * self.cols.order()
    }

    /// A X B for X (p × q): the matrix form of (A ⊗ B) vec_rows(X).
    ///
    /// # Errors
    /// [`Error::Shape`] when X is not p × q.
    pub fn apply(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.require(&x)?;
        let half = matmul(self.rows.matrix(), x);
        Ok(matmul(half.view(), self.cols.matrix()))
    }

    /// (A ⊗ B) v for v in [`vec_rows`] order (length pq).
    ///
    /// # Errors
    /// [`Error::Shape`] when v has another length.
    pub fn apply_vec(&self, v: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        let (p, q) = self.dim();
        Ok(vec_rows(self.apply(unvec_rows(v, p, q)?.view())?.view()))
    }

    /// Z = L_A⁻¹ X L_B⁻ᵀ for X (p × q): whitened, Cov(vec_rows Z) = I.
    ///
    /// # Errors
    /// [`Error::Shape`] when X is not p × q.
    pub fn whiten(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.require(&x)?;
        let (rows, cols) = (self.rows.inverse_lower(), self.cols.inverse_lower());
        let half = triangular(rows.view(), Triangle::Lower, x, Triangle::Full);
        Ok(triangular(half.view(), Triangle::Full, cols.t(), Triangle::Upper))
    }

    /// A⁻¹ X B⁻¹ for X (p × q): the matrix form of (A ⊗ B)⁻¹ vec_rows(X).
    ///
    /// # Errors
    /// [`Error::Shape`] when X is not p × q.
    pub fn solve(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let white = self.whiten(x)?;
        let (rows, cols) = (self.rows.inverse_lower(), self.cols.inverse_lower());
        let half = triangular(rows.t(), Triangle::Upper, white.view(), Triangle::Full);
        Ok(triangular(half.view(), Triangle::Full, cols.view(), Triangle::Lower))
    }

    /// (A ⊗ B)⁻¹ v for v in [`vec_rows`] order (length pq).
    ///
    /// # Errors
    /// [`Error::Shape`] when v has another length.
    pub fn solve_vec(&self, v: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        let (p, q) = self.dim();
        Ok(vec_rows(self.solve(unvec_rows(v, p, q)?.view())?.view()))
    }

    /// ln det(A ⊗ B) = q ln det A + p ln det B.
    pub fn ln_det(&self) -> f64 {
        let (p, q) = self.dim();
        q as f64 * self.rows.ln_det() + p as f64 * self.cols.ln_det()
    }

    /// tr(A⁻¹ X B⁻¹ Xᵀ) = vec(X)ᵀ (A ⊗ B)⁻¹ vec(X), the squared Mahalanobis distance.
    ///
    /// # Errors
    /// [`Error::Shape`] when X is not p × q.
    pub fn mahalanobis(&self, x: ArrayView2<'_, f64>) -> Result<f64> {
        Ok(self.whiten(x)?.iter().map(|z| z * z).sum())
    }

    /// tr(A ⊗ B) = tr A · tr B.
    pub fn trace(&self) -> f64 {
        self.rows.matrix().diag().sum() * self.cols.matrix().diag().sum()
    }

    /// The pq × pq matrix itself. For tests and small examples: everything else here is why it
    /// is not needed.
    pub fn dense(&self) -> Array2<f64> {
        kronecker_product(self.rows.matrix(), self.cols.matrix())
    }

    fn require(&self, x: &ArrayView2<'_, f64>) -> Result<()> {
        let (p, q) = self.dim();
        match x.dim() == (p, q) {
            true => Ok(()),
            false => Err(Error::shape("the matrix", format!("{p} × {q}"), x.dim())),
        }
    }
}

fn triangular(
    a: ArrayView2<'_, f64>,
    a_part: Triangle,
    b: ArrayView2<'_, f64>,
    b_part: Triangle,
) -> Array2<f64> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    gemm(1.0, (a, a_part), (b, b_part), false, (out.view_mut(), Triangle::Full));
    out
}

/// The dense Kronecker product of any two matrices: block (i, j) is A_ij B.
pub fn kronecker_product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let ((m1, n1), (m2, n2)) = (a.dim(), b.dim());
    let mut out = Array2::zeros((m1 * m2, n1 * n2));
    for ((i, j), &x) in a.indexed_iter() {
        for ((k, l), &y) in b.indexed_iter() {
            out[[i * m2 + k, j * n2 + l]] = x * y;
        }
    }
    out
}
