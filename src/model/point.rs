//! A point of the parameter space, as the pass wants it.

use crate::linalg::Root;
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
        self.both_sides(y, Root::whiten_left, Root::whiten_right)
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
        self.both_sides(z, Root::unwhiten_left, Root::unwhiten_right)
    }

    fn both_sides(&self, y: ArrayView2<'_, f64>, left: Map, right: Map) -> Array2<f64> {
        let (p, q) = y.dim();
        let mut whole = y.as_standard_layout().into_owned();
        let mut half = Array2::zeros((p, q));
        if let (Some(whole), Some(half)) = (whole.as_slice_mut(), half.as_slice_mut()) {
            left(&self.row, whole, q, half);
            right(&self.col, half, p, whole);
        }
        whole
    }

    /// Is whitening by this point nothing but taking its mean off?
    pub(super) fn is_plain(&self) -> bool {
        self.row.is_identity() && self.col.is_identity()
    }

    /// Moves scale between the factors so that ln|A|/p = 0 and everything is in B: the product
    /// stays, drift and overflow do not happen.
    pub fn balance(&mut self) {
        let c = (self.row.ln_det() / self.row.order() as f64).exp();
        self.row.scale(1.0 / c);
        self.col.scale(c);
    }
}

/// One of the maps of a root on one side of a matrix: (root, from, length of the other side, to).
type Map = fn(&Root, &[f64], usize, &mut [f64]);
