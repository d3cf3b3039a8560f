//! Eigenvalues and eigenvectors of symmetric matrices.

use super::{matmul, require_finite, require_square};
use crate::{Error, Result};
use faer::{MatRef, Side};
use ndarray::{Array1, Array2, ArrayView2};

/// X = Q diag(λ) Qᵀ with λ ascending and the eigenvectors in the columns of Q.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending.
    pub values: Array1<f64>,
    /// Orthonormal eigenvectors, one per column.
    pub vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// Q diag(g) Qᵀ for other eigenvalues g.
    pub fn rebuild(&self, values: &Array1<f64>) -> Array2<f64> {
        let scaled = &self.vectors * values;
        let mut out = matmul(scaled.view(), self.vectors.t());
        symmetrise(&mut out);
        out
    }

    /// λ_max/λ_min, the condition of a positive definite matrix (d ≥ 1).
    pub fn condition(&self) -> f64 {
        self.values[self.values.len() - 1] / self.values[0]
    }

    /// Q diag(f(λ)) Qᵀ.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Array2<f64> {
        self.rebuild(&self.values.mapv(f))
    }
}

/// Eigendecomposition of a symmetric matrix, of which ½(X + Xᵀ) is used.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`], and [`Error::Lapack`] when the iteration fails.
pub fn symmetric_eigen(what: &str, matrix: ArrayView2<'_, f64>) -> Result<SymmetricEigen> {
    require_square(what, &matrix)?;
    require_finite(what, &matrix)?;
    let mut symmetric = matrix.as_standard_layout().into_owned();
    symmetrise(&mut symmetric);
    let failed = |reason: &str| Error::Lapack {
        what: format!("the eigenvalues of {what}"),
        reason: reason.to_owned(),
    };
    let d = symmetric.nrows();
    let slice = symmetric.as_slice().ok_or_else(|| failed("the matrix is not row-major"))?;
    // On one thread and in Rust: the same bits whatever threads a BLAS has.
    let eigen = MatRef::from_row_major_slice(slice, d, d)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| failed("the iteration did not converge"))?;
    let values = Array1::from_iter(eigen.S().column_vector().iter().copied());
    let vectors = Array2::from_shape_fn((d, d), |(i, j)| eigen.U()[(i, j)]);
    Ok(SymmetricEigen { values, vectors })
}

/// X ← ½(X + Xᵀ).
pub fn symmetrise(matrix: &mut Array2<f64>) {
    let d = matrix.nrows();
    // Tile by tile: a column of a large matrix is a cache miss an entry.
    for row in (0..d).step_by(TILE) {
        for col in (0..=row).step_by(TILE) {
            for i in row..(row + TILE).min(d) {
                for j in col..(col + TILE).min(i) {
                    let mean = 0.5 * (matrix[[i, j]] + matrix[[j, i]]);
                    matrix[[i, j]] = mean;
                    matrix[[j, i]] = mean;
                }
            }
        }
    }
}

/// Side of the tiles in which matrices are transposed.
const TILE: usize = 32;
