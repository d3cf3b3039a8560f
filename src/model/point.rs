//! A point of the parameter space, as the pass wants it.

use crate::linalg::{Root, Triangle, gemm};
use ndarray::{Array2, ArrayView2};

/// M and the roots of A and B.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// M (p × q).
    pub mean: Array2<f64>,
    /// Root of A (p × p).
    pub row: Root,
    /// Root of B (q × q).
    pub col: Root,
}

impl Point {
    /// L_A⁻¹ Y L_B⁻ᵀ.
    pub fn whiten(&self, y: ArrayView2<'_, f64>) -> Array2<f64> {
        two_sided(self.row.inverse(), y, self.col.inverse())
    }

    /// Y ← L_A⁻¹ Y L_B⁻ᵀ.
    pub fn whiten_in_place(&self, y: &mut Array2<f64>, scratch: &mut Vec<f64>) {
        let (p, q) = y.dim();
        scratch.resize(p * q, 0.0);
        if let Some(y) = y.as_slice_mut() {
            self.row.whiten_left(y, q, scratch);
            self.col.whiten_right(scratch, p, y);
        }
    }

    /// L_A Z L_Bᵀ.
    pub fn unwhiten(&self, z: ArrayView2<'_, f64>) -> Array2<f64> {
        two_sided(self.row.lower(), z, self.col.lower())
    }

    /// Moves scale between the factors so that ln|A|/p = 0 and everything is in B: the product
    /// stays, drift and overflow do not happen.
    pub fn balance(&mut self) {
        let c = (self.row.ln_det() / self.row.order() as f64).exp();
        self.row.scale(1.0 / c);
        self.col.scale(c);
    }
}

/// P Y Qᵀ for lower triangular P and Q.
fn two_sided(
    p: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    q: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let mut half = Array2::zeros(y.dim());
    let full = Triangle::Full;
    gemm(1.0, (p, Triangle::Lower), (y, full), false, (half.view_mut(), full));
    let mut whole = Array2::zeros(y.dim());
    let upper = (q.reversed_axes(), Triangle::Upper);
    gemm(1.0, (half.view(), full), upper, false, (whole.view_mut(), full));
    whole
}
