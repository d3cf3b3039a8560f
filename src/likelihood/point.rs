//! A point of the parameter space, as a likelihood wants it.

use crate::kronecker::{BySide, Side};
use crate::linalg::{Root, Temp};
use ndarray::{Array2, ArrayView2};

/// M and the roots of A and B.
#[derive(Debug, PartialEq)]
pub struct Point {
    /// M (p × q); with m covariates their coefficients, one block above the other (m·p × q).
    pub mean: Array2<f64>,
    /// Roots of A (p × p) and of B (q × q).
    pub factors: BySide<Root>,
}

impl Clone for Point {
    fn clone(&self) -> Self {
        Self { mean: self.mean.clone(), factors: self.factors.clone() }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        self.mean.clone_from(&source.mean);
        for side in Side::BOTH {
            self.factors[side].clone_from(&source.factors[side]);
        }
    }
}

impl Point {
    /// M (p × q) with the roots of A and B.
    pub fn new(mean: Array2<f64>, row: Root, col: Root) -> Self {
        Self { mean, factors: BySide::new(row, col) }
    }

    /// M = 0, A = I, B = I.
    pub fn standard(p: usize, q: usize) -> Self {
        let unit = |d| Root::scaled_identity(d, 1.0);
        Self::new(Array2::zeros((p, q)), unit(p), unit(q))
    }

    /// Root of a side's factor.
    pub fn factor(&self, side: Side) -> &Root {
        &self.factors[side]
    }

    /// Root of A.
    pub fn row(&self) -> &Root {
        &self.factors[Side::Rows]
    }

    /// Root of B.
    pub fn col(&self) -> &Root {
        &self.factors[Side::Cols]
    }

    /// m, the blocks of the mean: 1 without covariates.
    pub fn blocks(&self) -> usize {
        self.mean.nrows() / self.row().order()
    }

    /// The side of fewer; rows where both are as long.
    pub fn shorter(&self) -> Side {
        if self.row().order() <= self.col().order() { Side::Rows } else { Side::Cols }
    }

    /// (p, q).
    pub fn dim(&self) -> (usize, usize) {
        (self.row().order(), self.col().order())
    }

    /// ½ ln|A ⊗ B| = (q/2) ln|A| + (p/2) ln|B|.
    pub fn half_ln_det(&self) -> f64 {
        let (p, q) = self.dim();
        0.5 * (q as f64 * self.row().ln_det() + p as f64 * self.col().ln_det())
    }

    /// L_A⁻¹ Y L_B⁻ᵀ, for every block of Y (m·p × q).
    pub fn whiten(&self, y: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut whole = y.as_standard_layout().into_owned();
        self.whiten_in_place(&mut whole);
        whole
    }

    /// Y ← L_A⁻¹ Y L_B⁻ᵀ, row-major.
    pub fn whiten_in_place(&self, y: &mut Array2<f64>) {
        self.both_sides(y, Root::whiten_left, Root::whiten_right);
    }

    /// L_A Z L_Bᵀ.
    pub fn unwhiten(&self, z: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut whole = z.as_standard_layout().into_owned();
        self.unwhiten_in_place(&mut whole);
        whole
    }

    /// Z ← L_A Z L_Bᵀ, row-major.
    pub fn unwhiten_in_place(&self, z: &mut Array2<f64>) {
        self.both_sides(z, Root::unwhiten_left, Root::unwhiten_right);
    }

    fn both_sides(&self, y: &mut Array2<f64>, left: Map, right: Map) {
        let (rows, q) = y.dim();
        let block = self.row().order() * q;
        let mut half = Temp::zeros((rows, q));
        if let Some(whole) = y.as_slice_mut() {
            for (from, to) in whole.chunks_exact(block).zip(half.flat().chunks_exact_mut(block)) {
                left(self.row(), from, q, to);
            }
            right(self.col(), half.flat(), rows, whole);
        }
    }

    /// Is whitening by this point nothing but taking its mean off?
    pub(super) fn is_plain(&self) -> bool {
        self.factors.iter().all(Root::is_identity)
    }

    /// Moves scale between the factors so that ln|A|/p = 0 and everything is in B: the product
    /// stays, drift and overflow do not happen.
    pub fn balance(&mut self) {
        let c = (self.row().ln_det() / self.row().order() as f64).exp();
        self.factors[Side::Rows].scale(1.0 / c);
        self.factors[Side::Cols].scale(c);
    }
}

/// One of the maps of a root on one side of a matrix: (root, from, length of the other side, to).
type Map = fn(&Root, &[f64], usize, &mut [f64]);
