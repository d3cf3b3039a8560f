//! General matrices: singular values and LU solves.

use super::{require_finite, require_square};
use crate::{Error, Result};
use faer::MatRef;
use faer::linalg::solvers::{PartialPivLu, Solve};
use ndarray::{Array1, Array2, ArrayView2};

/// X = U diag(s) Vᵀ, thin: U is m × k, s has k = min(m, n) descending values, Vᵀ is k × n.
///
/// # Errors
/// [`Error::NonFinite`] or [`Error::Lapack`].
pub fn svd(
    what: &str,
    matrix: ArrayView2<'_, f64>,
) -> Result<(Array2<f64>, Array1<f64>, Array2<f64>)> {
    require_finite(what, &matrix)?;
    let (m, n) = matrix.dim();
    let rows: Vec<f64> = matrix.iter().copied().collect();
    let found =
        MatRef::from_row_major_slice(&rows, m, n).thin_svd().map_err(|_| Error::Lapack {
            what: format!("the singular values of {what}"),
            reason: "the iteration did not converge".to_owned(),
        })?;
    let k = m.min(n);
    let u = Array2::from_shape_fn((m, k), |(i, j)| found.U()[(i, j)]);
    let vt = Array2::from_shape_fn((k, n), |(i, j)| found.V()[(j, i)]);
    Ok((u, Array1::from_iter(found.S().column_vector().iter().copied()), vt))
}

/// Singular values, descending.
///
/// # Errors
/// [`Error::NonFinite`] or [`Error::Lapack`].
pub fn singular_values(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    svd(what, matrix).map(|(_, s, _)| s)
}

/// LU factors of a square invertible matrix, symmetric or not.
#[derive(Clone)]
pub struct Lu {
    factors: PartialPivLu<f64>,
    order: usize,
}

impl Lu {
    /// Factors an invertible matrix (d × d).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], or [`Error::Singular`] when a pivot is exactly 0.
    pub fn new(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Self> {
        let order = require_square(what, &matrix)?;
        require_finite(what, &matrix)?;
        let rows: Vec<f64> = matrix.iter().copied().collect();
        let factors = MatRef::from_row_major_slice(&rows, order, order).partial_piv_lu();
        if (0..order).any(|i| factors.U()[(i, i)] == 0.0) {
            return Err(Error::Singular { what: what.to_owned() });
        }
        Ok(Self { factors, order })
    }

    /// X⁻¹ R.
    ///
    /// # Errors
    /// [`Error::Shape`] when R has another number of rows.
    pub fn solve(&self, rhs: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.solved(rhs, false)
    }

    /// X⁻ᵀ R.
    ///
    /// # Errors
    /// [`Error::Shape`] when R has another number of rows.
    pub fn solve_transposed(&self, rhs: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.solved(rhs, true)
    }

    fn solved(&self, rhs: ArrayView2<'_, f64>, transposed: bool) -> Result<Array2<f64>> {
        if rhs.nrows() != self.order {
            return Err(Error::shape(
                "the right-hand side",
                format!("{} rows", self.order),
                rhs.dim(),
            ));
        }
        let rows: Vec<f64> = rhs.iter().copied().collect();
        let rhs = MatRef::from_row_major_slice(&rows, self.order, rhs.ncols());
        let found = match transposed {
            false => self.factors.solve(rhs),
            true => self.factors.solve_transpose(rhs),
        };
        Ok(Array2::from_shape_fn((self.order, rhs.ncols()), |(i, j)| found[(i, j)]))
    }
}
