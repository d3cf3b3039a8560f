//! The log-quadratic form λ = ln(α + (y − μ)ᵀ (A ⊗ B)⁻¹ (y − μ)) and its derivatives.

use crate::kronecker::Kronecker;
use crate::linalg::{Lu, matmul, require_finite};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// One entry per argument (A, B, μ, α) of the form: a gradient, a direction or a Hessian–vector
/// product.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// By A (p × p).
    pub rows: Array2<f64>,
    /// By B (q × q).
    pub cols: Array2<f64>,
    /// By μ, written as a p × q matrix.
    pub mean: Array2<f64>,
    /// By α.
    pub offset: f64,
}

impl Parts {
    /// ⟨·,·⟩ summed over the four arguments.
    ///
    /// # Panics
    /// When the shapes differ, a bug of the caller.
    pub fn inner(&self, other: &Self) -> f64 {
        (&self.rows * &other.rows).sum()
            + (&self.cols * &other.cols).sum()
            + (&self.mean * &other.mean).sum()
            + self.offset * other.offset
    }

    /// The parts by A and B replaced by ½(G + Gᵀ): from the gradient by all entries of general
    /// A and B to the symmetric gradient, tr(G dA) for symmetric dA.
    ///
    /// The derivative by one free entry A_ij = A_ji below the diagonal is twice its entry (i, j).
    pub fn symmetric(mut self) -> Self {
        crate::linalg::symmetrise(&mut self.rows);
        crate::linalg::symmetrise(&mut self.cols);
        self
    }
}

/// λ(A, B, μ, α) = ln β, β = α + tr(Wᵀ A⁻¹ W B⁻ᵀ), at one point, W = Y − μ (p × q).
///
/// With w = vec_rows(W), β = α + wᵀ(A ⊗ B)⁻¹w. A (p × p) and B (q × q) are any invertible
/// matrices, symmetric or not. Gradients are by *all* entries ([`Parts::symmetric`] converts):
///
/// ```text
/// U = A⁻ᵀ W B⁻¹      V = A⁻¹ W B⁻ᵀ
/// ∂λ/∂A = −(1/β) U (A⁻¹W)ᵀ      ∂λ/∂B = −(1/β) (W B⁻¹)ᵀ V
/// ∂λ/∂μ = −(1/β) (U + V)        ∂λ/∂α = 1/β
/// ```
///
/// Everything costs O(p²q + pq²) after the two factorisations; A ⊗ B is never formed.
///
/// ```
/// use kronfit::calculus::LogQuadratic;
/// use ndarray::array;
///
/// // Scalars: λ = ln(1 + w²/(ab)), dλ/da = −w²/(a²b)/(1 + w²/(ab)) = −(1/2)/3 at a=2, b=1, w=2.
/// let at = LogQuadratic::new(
///     array![[2.0]].view(), array![[1.0]].view(), array![[2.0]].view(), 1.0)?;
/// assert!((at.gradient()?.rows[[0, 0]] + 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), kronfit::Error>(())
/// ```
pub struct LogQuadratic {
    factors: Factors,
    /// A⁻¹ W.
    left: Array2<f64>,
    /// W B⁻¹.
    right: Array2<f64>,
    /// U = A⁻ᵀ W B⁻¹.
    outer: Array2<f64>,
    /// V = A⁻¹ W B⁻ᵀ.
    inner: Array2<f64>,
    beta: f64,
}

enum Factors {
    /// LU of A and B.
    General(Box<(Lu, Lu)>),
    /// A and B positive definite, with the inverses of their Cholesky factors and the whitened W.
    Definite { rows: Array2<f64>, cols: Array2<f64>, white: Array2<f64> },
}

impl Factors {
    /// A⁻¹ X.
    fn rows(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        match self {
            Self::General(lu) => lu.0.solve(x),
            Self::Definite { rows, .. } => Ok(solve(rows, x)),
        }
    }

    /// A⁻ᵀ X.
    fn rows_transposed(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        match self {
            Self::General(lu) => lu.0.solve_transposed(x),
            Self::Definite { rows, .. } => Ok(solve(rows, x)),
        }
    }

    /// X B⁻¹.
    fn cols(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        match self {
            Self::General(lu) => Ok(lu.1.solve_transposed(x.t())?.reversed_axes()),
            Self::Definite { cols, .. } => Ok(solve(cols, x.t()).reversed_axes()),
        }
    }

    /// X B⁻ᵀ.
    fn cols_transposed(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        match self {
            Self::General(lu) => Ok(lu.1.solve(x.t())?.reversed_axes()),
            Self::Definite { cols, .. } => Ok(solve(cols, x.t()).reversed_axes()),
        }
    }
}

/// S⁻¹ X from L⁻¹.
fn solve(inverse_lower: &Array2<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    matmul(inverse_lower.t(), matmul(inverse_lower.view(), x).view())
}

impl LogQuadratic {
    /// The form at general invertible A (p × p) and B (q × q), residual W = Y − μ (p × q) and α.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], [`Error::Singular`], and [`Error::Domain`] when
    /// β = α + wᵀ(A ⊗ B)⁻¹w is not positive.
    pub fn new(
        rows: ArrayView2<'_, f64>,
        cols: ArrayView2<'_, f64>,
        residual: ArrayView2<'_, f64>,
        offset: f64,
    ) -> Result<Self> {
        let lu = (Lu::new("A", rows)?, Lu::new("B", cols)?);
        require_residual(&residual, rows.nrows(), cols.nrows())?;
        let factors = Factors::General(Box::new(lu));
        let left = factors.rows(residual)?;
        let right = factors.cols(residual)?;
        let inner = factors.cols_transposed(left.view())?;
        let beta = positive(offset + (&residual * &inner).sum())?;
        let outer = factors.rows_transposed(right.view())?;
        Ok(Self { factors, left, right, outer, inner, beta })
    }

    /// The form at positive definite A and B, from the Cholesky factors they own: as accurate as
    /// [`LogQuadratic::new`], cheaper, and the gradients are exactly symmetric.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], and [`Error::Domain`] when β is not positive.
    pub fn definite(
        product: &Kronecker,
        residual: ArrayView2<'_, f64>,
        offset: f64,
    ) -> Result<Self> {
        let (p, q) = product.dim();
        require_residual(&residual, p, q)?;
        let (rows, cols) = (product.rows().inverse_lower(), product.cols().inverse_lower());
        let white = matmul(matmul(rows.view(), residual).view(), cols.t());
        let beta = positive(offset + white.iter().map(|z| z * z).sum::<f64>())?;
        let left = matmul(matmul(rows.t(), white.view()).view(), product.cols().lower().t());
        let right = matmul(product.rows().lower(), matmul(white.view(), cols.view()).view());
        let inner = matmul(matmul(rows.t(), white.view()).view(), cols.view());
        let outer = inner.clone();
        Ok(Self {
            factors: Factors::Definite { rows, cols, white },
            left,
            right,
            outer,
            inner,
            beta,
        })
    }

    /// λ = ln β.
    pub fn value(&self) -> f64 {
        self.beta.ln()
    }

    /// β = α + wᵀ (A ⊗ B)⁻¹ w.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// U = A⁻ᵀ W B⁻¹ and V = A⁻¹ W B⁻ᵀ (p × q): with S = A ⊗ B,
    /// S⁻ᵀ w wᵀ S⁻ᵀ = vec_rows(U) vec_rows(V)ᵀ.
    pub fn rank_one_factors(&self) -> (ArrayView2<'_, f64>, ArrayView2<'_, f64>) {
        (self.outer.view(), self.inner.view())
    }

    /// The gradient by A, B, μ and α.
    ///
    /// # Errors
    /// None for a point that was built; `Result` keeps the signature of the routes alike.
    pub fn gradient(&self) -> Result<Parts> {
        let scale = -1.0 / self.beta;
        let (rows, cols) = match &self.factors {
            Factors::General(_) => (
                matmul(self.outer.view(), self.left.t()),
                matmul(self.right.t(), self.inner.view()),
            ),
            Factors::Definite { rows, cols, white } => {
                let (tall, wide) =
                    (matmul(rows.t(), white.view()), matmul(white.view(), cols.view()));
                let (mut a, mut b) = (matmul(tall.view(), tall.t()), matmul(wide.t(), wide.view()));
                crate::linalg::symmetrise(&mut a);
                crate::linalg::symmetrise(&mut b);
                (a, b)
            }
        };
        Ok(Parts {
            rows: rows * scale,
            cols: cols * scale,
            mean: (&self.outer + &self.inner) * scale,
            offset: 1.0 / self.beta,
        })
    }

    /// The Hessian times a direction (dA, dB, dμ, dα), all four arguments at once.
    ///
    /// Differentiating the four products of the gradient: with P = A⁻¹W, R = WB⁻¹,
    ///
    /// ```text
    /// dP = A⁻¹(dW − dA P)      dV = (dP − V dBᵀ) B⁻ᵀ
    /// dR = (dW − R dB) B⁻¹     dU = A⁻ᵀ(dR − dAᵀ U)
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the direction does not fit.
    pub fn hessian_product(&self, direction: &Parts) -> Result<Parts> {
        let (p, q) = self.inner.dim();
        require("the direction of A", &direction.rows, (p, p))?;
        require("the direction of B", &direction.cols, (q, q))?;
        require("the direction of the mean", &direction.mean, (p, q))?;
        let (d_a, d_b, d_w) = (&direction.rows, &direction.cols, -&direction.mean);
        let d_left = self.factors.rows((&d_w - &matmul(d_a.view(), self.left.view())).view())?;
        let d_right = self.factors.cols((&d_w - &matmul(self.right.view(), d_b.view())).view())?;
        let d_inner =
            self.factors.cols_transposed((&d_left - &matmul(self.inner.view(), d_b.t())).view())?;
        let d_outer = self
            .factors
            .rows_transposed((&d_right - &matmul(d_a.t(), self.outer.view())).view())?;
        let gradient = self.gradient()?;
        let d_beta = self.beta * gradient.inner(direction);
        let scale = -1.0 / self.beta;
        let rows = matmul(d_outer.view(), self.left.t()) + matmul(self.outer.view(), d_left.t());
        let cols = matmul(d_right.t(), self.inner.view()) + matmul(self.right.t(), d_inner.view());
        Ok(Parts {
            rows: rows * scale + &gradient.rows * (scale * d_beta),
            cols: cols * scale + &gradient.cols * (scale * d_beta),
            mean: (d_outer + d_inner) * scale + &gradient.mean * (scale * d_beta),
            offset: -d_beta / self.beta / self.beta,
        })
    }
}

fn positive(beta: f64) -> Result<f64> {
    match beta > 0.0 && beta.is_finite() {
        true => Ok(beta),
        false => Err(Error::domain("α + wᵀ(A ⊗ B)⁻¹w", beta, "positive and finite")),
    }
}

fn require_residual(residual: &ArrayView2<'_, f64>, p: usize, q: usize) -> Result<()> {
    if residual.dim() != (p, q) {
        return Err(Error::shape("the residual", format!("{p} × {q}"), residual.dim()));
    }
    require_finite("the residual", residual)
}

fn require(what: &str, matrix: &Array2<f64>, (rows, cols): (usize, usize)) -> Result<()> {
    match matrix.dim() == (rows, cols) {
        true => Ok(()),
        false => Err(Error::shape(what, format!("{rows} × {cols}"), matrix.dim())),
    }
}
