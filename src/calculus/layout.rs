//! Matrix-valued forms and the layouts of their derivatives: every convention has a name.

use crate::kronecker::{kronecker_product, unvec_cols, unvec_rows, vec_cols, vec_rows};
use crate::linalg::{Lu, matmul, require_finite, require_square};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// How a matrix becomes a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VecOrder {
    /// Rows stacked ([`vec_rows`]): vec(PXQ) = (P ⊗ Qᵀ) vec(X).
    Rows,
    /// Columns stacked ([`vec_cols`]): vec(PXQ) = (Qᵀ ⊗ P) vec(X).
    Cols,
}

impl VecOrder {
    /// The vector of a matrix.
    pub fn vec(self, matrix: ArrayView2<'_, f64>) -> Array1<f64> {
        match self {
            Self::Rows => vec_rows(matrix),
            Self::Cols => vec_cols(matrix),
        }
    }

    /// The matrix of a vector.
    ///
    /// # Errors
    /// [`Error::Shape`] when the length is not `rows·cols`.
    pub fn unvec(
        self,
        vector: ArrayView1<'_, f64>,
        (rows, cols): (usize, usize),
    ) -> Result<Array2<f64>> {
        match self {
            Self::Rows => unvec_rows(vector, rows, cols),
            Self::Cols => unvec_cols(vector, rows, cols),
        }
    }
}

/// Which way a matrix of partial derivatives is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Entry (r, s) is ∂F_r/∂X_s: the Jacobian, J vec(dX) = vec(dF).
    Numerator,
    /// Entry (r, s) is ∂F_s/∂X_r: the transpose of the Jacobian.
    Denominator,
}

/// A matrix function of a matrix X (m × n).
#[derive(Debug, Clone, PartialEq)]
pub enum MatrixForm {
    /// F(X) = B tr(A X), A n × m, B of any shape. Jacobian vec(B) vec(Aᵀ)ᵀ, of rank one.
    TraceTimes {
        /// A (n × m).
        a: Array2<f64>,
        /// B.
        b: Array2<f64>,
    },
    /// F(X) = P X Q. Jacobian P ⊗ Qᵀ (rows), Qᵀ ⊗ P (columns).
    Linear {
        /// P (· × m).
        p: Array2<f64>,
        /// Q (n × ·).
        q: Array2<f64>,
    },
    /// F(X) = X⁻¹, X m × m. Jacobian −X⁻¹ ⊗ X⁻ᵀ (rows), −X⁻ᵀ ⊗ X⁻¹ (columns).
    Inverse,
}

impl MatrixForm {
    /// F(X).
    ///
    /// # Errors
    /// [`Error::Shape`] when X does not fit, [`Error::NonFinite`], [`Error::Singular`].
    pub fn value(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.require(&x)?;
        match self {
            Self::Inverse => Lu::new("X", x)?.solve(Array2::eye(x.nrows()).view()),
            linear => linear.derivative(x, x),
        }
    }

    /// The derivative at X along H (m × n), a linear map of H.
    ///
    /// # Errors
    /// As for [`MatrixForm::value`].
    pub fn derivative(
        &self,
        x: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.require(&x)?;
        require_shape("the direction", x.dim(), h.dim())?;
        match self {
            Self::TraceTimes { a, b } => Ok(b * trace(a.view(), h)),
            Self::Linear { p, q } => Ok(matmul(matmul(p.view(), h).view(), q.view())),
            Self::Inverse => {
                let inverse = self.value(x)?;
                Ok(-matmul(matmul(inverse.view(), h).view(), inverse.view()))
            }
        }
    }

    /// The adjoint of the derivative at X: pulls the gradient G by F back to X, the chain rule.
    ///
    /// # Errors
    /// As for [`MatrixForm::value`]; [`Error::Shape`] when G is not of the shape of F.
    pub fn adjoint(&self, x: ArrayView2<'_, f64>, g: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        require_shape("the gradient by F", self.shape(&x), g.dim())?;
        match self {
            Self::TraceTimes { a, b } => {
                self.require(&x)?;
                Ok(&a.t() * trace(b.t(), g))
            }
            Self::Linear { p, q } => {
                self.require(&x)?;
                Ok(matmul(matmul(p.t(), g).view(), q.t()))
            }
            Self::Inverse => {
                let inverse = self.value(x)?;
                Ok(-matmul(matmul(inverse.t(), g).view(), inverse.t()))
            }
        }
    }

    /// The matrix of the derivative at X in a named layout, in closed form.
    ///
    /// # Errors
    /// As for [`MatrixForm::value`].
    pub fn jacobian(
        &self,
        x: ArrayView2<'_, f64>,
        order: VecOrder,
        convention: Convention,
    ) -> Result<Array2<f64>> {
        self.require(&x)?;
        let pair = |left: ArrayView2<'_, f64>, right: ArrayView2<'_, f64>| match order {
            VecOrder::Rows => kronecker_product(left, right),
            VecOrder::Cols => kronecker_product(right, left),
        };
        let jacobian = match self {
            Self::TraceTimes { a, b } => {
                let (column, row) = (order.vec(b.view()), order.vec(a.t()));
                Array2::from_shape_fn((column.len(), row.len()), |(r, s)| column[r] * row[s])
            }
            Self::Linear { p, q } => pair(p.view(), q.t()),
            Self::Inverse => {
                let inverse = self.value(x)?;
                -pair(inverse.view(), inverse.t())
            }
        };
        Ok(match convention {
            Convention::Numerator => jacobian,
            Convention::Denominator => jacobian.t().as_standard_layout().into_owned(),
        })
    }

    fn shape(&self, x: &ArrayView2<'_, f64>) -> (usize, usize) {
        match self {
            Self::TraceTimes { b, .. } => b.dim(),
            Self::Linear { p, q } => (p.nrows(), q.ncols()),
            Self::Inverse => x.dim(),
        }
    }

    fn require(&self, x: &ArrayView2<'_, f64>) -> Result<()> {
        let (m, n) = x.dim();
        match self {
            Self::TraceTimes { a, .. } => require_shape("A", (n, m), a.dim())?,
            Self::Linear { p, q } => require_shape("P, Q", (m, n), (p.ncols(), q.nrows()))?,
            Self::Inverse => {
                require_square("X", x)?;
            }
        }
        require_finite("X", x)
    }
}

/// The block array of partial derivatives of F(X) = B tr(AX) with one block per entry of F:
/// block (i, j) is ∂F_ij/∂X, the whole is B ⊗ Aᵀ.
///
/// An array of the right numbers, and *not* a Jacobian: it does not multiply vec(dX). The
/// rearrangement turns it into one, R(B ⊗ Aᵀ) = vec_rows(B) vec_rows(Aᵀ)ᵀ
/// ([`rearrange`](crate::kronecker::rearrange)).
pub fn blocks_by_function(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    kronecker_product(b, a.t())
}

/// The same numbers with one block per entry of X: block (k, l) is ∂F/∂X_kl, the whole is Aᵀ ⊗ B.
pub fn blocks_by_argument(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    kronecker_product(a.t(), b)
}

/// The matrix on vec(X) of a linear map of X (m × n), column by column.
///
/// # Errors
/// What the map returns.
pub fn matrix_of_map(
    (rows, cols): (usize, usize),
    order: VecOrder,
    map: impl Fn(ArrayView2<'_, f64>) -> Result<Array2<f64>>,
) -> Result<Array2<f64>> {
    let count = rows * cols;
    let mut columns = Vec::with_capacity(count);
    for s in 0..count {
        let mut unit = Array1::zeros(count);
        unit[s] = 1.0;
        columns.push(order.vec(map(order.unvec(unit.view(), (rows, cols))?.view())?.view()));
    }
    let height = columns.first().map_or(0, Array1::len);
    if let Some(other) = columns.iter().find(|column| column.len() != height) {
        return Err(Error::shape(
            "the result of the map",
            format!("{height} entries"),
            other.len(),
        ));
    }
    Ok(Array2::from_shape_fn((height, count), |(r, s)| columns[s][r]))
}

fn trace(a: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> f64 {
    ndarray::Zip::from(a.t()).and(x).fold(0.0, |sum, p, q| sum + p * q)
}

fn require_shape(what: &str, expected: (usize, usize), found: (usize, usize)) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::shape(what, format!("{expected:?}"), found)),
    }
}
