//! General matrices: singular values and LU solves.

use super::{require_finite, require_square};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2};
use ndarray_linalg::{FactorizeInto, JobSvd, LUFactorized, SVDDC, Solve};

/// X = U diag(s) Vᵀ, thin: U is m × k, s has k = min(m, n) descending values, Vᵀ is k × n.
///
/// # Errors
/// [`Error::NonFinite`] or [`Error::Lapack`].
pub fn svd(
    what: &str,
    matrix: ArrayView2<'_, f64>,
) -> Result<(Array2<f64>, Array1<f64>, Array2<f64>)> {
    require_finite(what, &matrix)?;
    let failed =
        |reason: String| Error::Lapack { what: format!("the singular values of {what}"), reason };
    let owned = matrix.as_standard_layout().into_owned();
    let (u, s, vt) = owned.svddc(JobSvd::Some).map_err(|e| failed(e.to_string()))?;
    match (u, vt) {
        (Some(u), Some(vt)) => {
            Ok((u.as_standard_layout().into_owned(), s, vt.as_standard_layout().into_owned()))
        }
        _ => Err(failed("no vectors came back".to_owned())),
    }
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
    factors: LUFactorized<ndarray::OwnedRepr<f64>>,
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
        let owned = matrix.as_standard_layout().into_owned();
        let factors =
            owned.factorize_into().map_err(|_| Error::Singular { what: what.to_owned() })?;
        Ok(Self { factors, order })
    }

    /// X⁻¹ R.
    ///
    /// # Errors
    /// [`Error::Shape`] when R has another number of rows.
    pub fn solve(&self, rhs: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.each_column(rhs, |column| self.factors.solve_into(column))
    }

    /// X⁻ᵀ R.
    ///
    /// # Errors
    /// [`Error::Shape`] when R has another number of rows.
    pub fn solve_transposed(&self, rhs: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.each_column(rhs, |column| self.factors.solve_t_into(column))
    }

    fn each_column(
        &self,
        rhs: ArrayView2<'_, f64>,
        solve: impl Fn(
            Array1<f64>,
        ) -> std::result::Result<Array1<f64>, ndarray_linalg::error::LinalgError>,
    ) -> Result<Array2<f64>> {
        if rhs.nrows() != self.order {
            return Err(Error::shape(
                "the right-hand side",
                format!("{} rows", self.order),
                rhs.dim(),
            ));
        }
        let mut out = Array2::zeros(rhs.dim());
        for (mut target, column) in out.columns_mut().into_iter().zip(rhs.columns()) {
            let solved = solve(column.to_owned()).map_err(|e| Error::Lapack {
                what: "a linear system".to_owned(),
                reason: e.to_string(),
            })?;
            target.assign(&solved);
        }
        Ok(out)
    }
}
