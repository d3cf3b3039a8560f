//! A lower root L of a positive definite matrix A = L Lᵀ, kept with its inverse: what whitening
//! needs, moved by congruence so that the arithmetic stays near the identity.

use super::cholesky::{clear_upper, congruence, invert_lower_into, ln_det_of};
use super::kernel::{self, Mode};
use super::{Spd, Triangle, as_matrix, as_matrix_mut, cholesky_lower, gemm, symmetrise};
use crate::Result;
use ndarray::{Array2, ArrayView2};

/// L and L⁻¹ with A = L Lᵀ, both lower triangular.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    lower: Array2<f64>,
    inverse: Array2<f64>,
    ln_det: f64,
}

impl Root {
    /// √c · I of order d, for A = c I.
    pub fn scaled_identity(d: usize, c: f64) -> Self {
        Self {
            lower: Array2::eye(d) * c.sqrt(),
            inverse: Array2::eye(d) / c.sqrt(),
            ln_det: d as f64 * c.ln(),
        }
    }

    /// The Cholesky root of A (d × d); `what` names it in errors.
    ///
    /// # Errors
    /// As [`cholesky_lower`].
    pub fn of(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Self> {
        Ok(Self::from_lower(cholesky_lower(what, matrix)?))
    }

    /// From L itself, lower triangular with a positive diagonal.
    pub fn from_lower(mut lower: Array2<f64>) -> Self {
        clear_upper(&mut lower.view_mut());
        let mut inverse = Array2::zeros(lower.dim());
        invert_lower_into(lower.view(), &mut inverse.view_mut());
        let ln_det = ln_det_of(&lower);
        Self { lower, inverse, ln_det }
    }

    /// The order d.
    pub fn order(&self) -> usize {
        self.lower.nrows()
    }

    /// L.
    pub fn lower(&self) -> ArrayView2<'_, f64> {
        self.lower.view()
    }

    /// L⁻¹.
    pub fn inverse(&self) -> ArrayView2<'_, f64> {
        self.inverse.view()
    }

    /// ln det A.
    pub fn ln_det(&self) -> f64 {
        self.ln_det
    }

    /// A = L Lᵀ.
    pub fn matrix(&self) -> Array2<f64> {
        congruence(self.lower(), Array2::eye(self.order()).view())
    }

    /// A as a factored positive definite matrix.
    pub fn spd(&self) -> Spd {
        Spd::from_lower(self.lower.clone())
    }

    /// L G Lᵀ: a whitened matrix seen in the original coordinates.
    pub fn unwhiten(&self, middle: ArrayView2<'_, f64>) -> Array2<f64> {
        congruence(self.lower(), middle)
    }

    /// L⁻¹ S L⁻ᵀ: a matrix seen in whitened coordinates.
    pub fn whiten(&self, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
        congruence(self.inverse(), matrix)
    }

    /// L⁻¹ X for a row-major X (d × k), written into `out` of the same size.
    pub fn whiten_left(&self, x: &[f64], k: usize, out: &mut [f64]) {
        let d = self.order();
        gemm(
            1.0,
            (self.inverse(), Triangle::Lower),
            (as_matrix(x, d, k), Triangle::Full),
            false,
            (as_matrix_mut(out, d, k), Triangle::Full),
        );
    }

    /// X L⁻ᵀ for a row-major X (k × d), written into `out` of the same size.
    pub fn whiten_right(&self, x: &[f64], k: usize, out: &mut [f64]) {
        let d = self.order();
        gemm(
            1.0,
            (as_matrix(x, k, d), Triangle::Full),
            (self.inverse().reversed_axes(), Triangle::Upper),
            false,
            (as_matrix_mut(out, k, d), Triangle::Full),
        );
    }

    /// X ← L⁻¹ X along one mode of a lane-ordered array, with scratch memory for the kernel.
    pub fn whiten_mode(&self, x: &mut [f64], mode: Mode, panels: &mut Vec<f64>) {
        kernel::lower_times(self.inverse.as_slice().unwrap_or_default(), x, mode, panels);
    }

    /// S ← L⁻¹ S L⁻ᵀ for a symmetric S.
    pub fn whiten_in_place(&self, matrix: &mut Array2<f64>, scratch: &mut Vec<f64>) {
        let d = self.order();
        scratch.resize(d * d, 0.0);
        if let Some(matrix) = matrix.as_slice_mut() {
            self.whiten_left(matrix, d, scratch);
            self.whiten_right(scratch, d, matrix);
        }
        symmetrise(matrix);
    }

    /// A ← L G Lᵀ for a positive definite G, by L ← L·chol(G).
    ///
    /// # Errors
    /// As [`cholesky_lower`] for G, which is named `what`.
    pub fn advance(&mut self, what: &str, middle: ArrayView2<'_, f64>) -> Result<()> {
        let step = cholesky_lower(what, middle)?;
        let mut lower = Array2::zeros(step.dim());
        gemm(
            1.0,
            (self.lower(), Triangle::Lower),
            (step.view(), Triangle::Lower),
            false,
            (lower.view_mut(), Triangle::Lower),
        );
        *self = Self::from_lower(lower);
        Ok(())
    }

    /// A ← c A for c > 0.
    pub fn scale(&mut self, c: f64) {
        self.lower *= c.sqrt();
        self.inverse /= c.sqrt();
        self.ln_det += self.order() as f64 * c.ln();
    }
}
