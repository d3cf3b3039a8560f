//! Whiten → weigh → scatter with cells missing: what one pattern adds to the sums.
//!
//! With Ẑ the whitened residual completed by its conditional mean, and N the whitened conditional
//! covariance of one sample,
//!
//! ```text
//! rows  Σ [ w Ẑ Ẑᵀ + tr₂ N ]     columns  Σ [ w Ẑᵀ Ẑ + tr₁ N ]     mean  Σ w Ẑ
//! ```
//!
//! have the meaning that they have for complete samples: at a maximum the first two are nq I and
//! np I, the last one is 0. N is not weighed. Rows and columns of a sample without any observed
//! cell are left out exactly.

use super::frame::{Block, Frames, Projector};
use super::patterns::{Layout, Pattern, Piece};
use crate::Result;
use crate::family::{Law, Radial, Scratch, Weighting};
use crate::kronecker::Side;
use crate::likelihood::{Margin, Point, Sums};
use crate::linalg::matmul;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Everything that does not change during a pass.
pub(super) struct Pass<'a> {
    pub(super) values: ArrayView3<'a, f64>,
    pub(super) point: &'a Point,
    pub(super) law: &'a dyn Law,
    pub(super) layout: &'a Layout,
    pub(super) frames: Frames,
}

/// One sample's block, completed and weighed.
pub(super) struct Completed {
    /// Ẑ.
    pub(super) white: Array2<f64>,
    /// Ψ: w Ẑ, or the law's matrix.
    pub(super) psi: Array2<f64>,
    /// ‖Ẑ‖².
    pub(super) delta: f64,
    pub(super) rho: f64,
    pub(super) weight: f64,
    /// dw/dδ.
    pub(super) slope: f64,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        values: ArrayView3<'a, f64>,
        point: &'a Point,
        law: &'a dyn Law,
        layout: &'a Layout,
    ) -> Self {
        Self { values, point, law, layout, frames: Frames::at(point, layout) }
    }

    /// Y = X − M in the block of a piece, 0 where a cell is missing.
    pub(super) fn residual(&self, sample: usize, piece: &Piece) -> Array2<f64> {
        let x = self.values.index_axis(Axis(0), sample);
        let [rows, cols] = Side::BOTH.map(|side| &self.layout.subsets[side][piece.subset[side]]);
        Array2::from_shape_fn((rows.len(), cols.len()), |(i, k)| {
            let at = [rows[i], cols[k]];
            let y = x[at] - self.point.mean[at];
            if y.is_nan() { 0.0 } else { y }
        })
    }

    /// Ẑ of one sample.
    pub(super) fn complete(
        &self,
        block: &Block<'_>,
        piece: &Piece,
        projector: Option<&Projector<'_>>,
        y: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        match projector {
            None => block.whiten(y),
            Some(projector) if piece.solves_missing => {
                let white = block.whiten(y);
                let missing = projector.apply(white.view());
                white - missing
            }
            Some(projector) => {
                let seen: Vec<f64> = projector.cells.iter().map(|&at| y[at]).collect();
                projector.spread(&seen)
            }
        }
    }

    /// ρ, w, dw/dδ and Ψ.
    pub(super) fn weigh(
        &self,
        piece: &Piece,
        white: Array2<f64>,
        scratch: &mut Scratch,
    ) -> Completed {
        let delta: f64 = white.iter().map(|z| z * z).sum();
        let radial = match self.law.weighting() {
            Weighting::Identity => Radial { rho: 0.5 * delta, weight: 1.0, slope: 0.0 },
            Weighting::Elliptical(law) => law.radial(delta, piece.observed),
            Weighting::Matrix(law) => {
                let mut psi = Array2::zeros(white.dim());
                let (rho, weight) = law.weigh(white.view(), psi.view_mut(), scratch);
                return Completed { white, psi, delta, rho, weight, slope: 0.0 };
            }
        };
        let Radial { rho, weight, slope } = radial;
        Completed { psi: &white * weight, white, delta, rho, weight, slope }
    }

    /// ½ ln|Σ_OO|.
    pub(super) fn half_ln_det(
        block: &Block<'_>,
        piece: &Piece,
        projector: Option<&Projector<'_>>,
    ) -> f64 {
        match projector {
            None => block.half_ln_det(),
            Some(projector) if piece.solves_missing => block.half_ln_det() + 0.5 * projector.ln_det,
            Some(projector) => 0.5 * projector.ln_det,
        }
    }

    /// tr₂ N or tr₁ N; `None` where nothing is missing in the block.
    pub(super) fn trace(
        side: Side,
        block: &Block<'_>,
        piece: &Piece,
        projector: Option<&Projector<'_>>,
    ) -> Option<Array2<f64>> {
        let projector = projector?;
        let trace = projector.trace(side, &projector.inner, projector.kernels[side.other()]);
        if piece.solves_missing {
            return Some(trace);
        }
        let mut rest = trace * -1.0;
        let other = block.frame(side.other()).order() as f64;
        rest.diag_mut().mapv_inplace(|x| x + other);
        Some(rest)
    }

    /// Shape of what the law sees in a piece.
    pub(super) fn shape(&self, piece: &Piece, block: &Block<'_>) -> (usize, usize) {
        if self.law.weighting().is_matrix() { block.dim() } else { (piece.observed, 1) }
    }

    /// Adds these samples of a pattern to the sums.
    pub(super) fn add(&self, pattern: &Pattern, samples: &[usize], out: &mut Sums) -> Result<()> {
        let count = samples.len() as f64;
        out.weight += count;
        for piece in &pattern.pieces {
            out.cells += piece.sign * count * piece.observed as f64;
            self.add_piece(piece, samples, out)?;
        }
        Ok(())
    }

    fn add_piece(&self, piece: &Piece, samples: &[usize], out: &mut Sums) -> Result<()> {
        let block = self.frames.block(piece);
        let projector = Projector::new(&block, piece)?;
        let projector = projector.as_ref();
        let (p, q) = block.dim();
        let mut scatter = [Array2::zeros((p, p)), Array2::zeros((q, q))];
        let mut psi = Array2::zeros((p, q));
        let mut scratch = Scratch::default();
        let (mut rho, mut inner, mut weight) = (0.0, 0.0, 0.0);
        for &sample in samples {
            let y = self.residual(sample, piece);
            let white = self.complete(&block, piece, projector, y.view());
            let seen = self.weigh(piece, white, &mut scratch);
            add_product(&seen.white, &seen.psi, &mut scatter);
            psi += &seen.psi;
            rho += seen.rho;
            inner += seen.white.iter().zip(&seen.psi).map(|(a, b)| a * b).sum::<f64>();
            weight += seen.weight;
        }
        let count = samples.len() as f64;
        let (sign, shape) = (piece.sign, self.shape(piece, &block));
        for side in Side::BOTH {
            let part = &mut scatter[side as usize];
            if let Some(trace) = Self::trace(side, &block, piece, projector) {
                part.scaled_add(count, &trace);
            }
            // What a sample does not show is as the point says.
            let other = block.frame(side.other()).order() as f64;
            let whole = self.point.factor(side.other()).order() as f64;
            part.diag_mut().mapv_inplace(|x| x - count * other);
            let to = out.scatter_mut(side);
            block.frame(side).embed(sign, part, to);
            to.diag_mut().mapv_inplace(|x| x + sign * count * whole);
        }
        block.embed(sign, &psi, &mut out.psi);
        let constant =
            self.law.ln_constant(shape.0, shape.1) - Self::half_ln_det(&block, piece, projector);
        out.log_likelihood += sign * (count * constant - rho);
        out.rho += sign * rho;
        out.law_weight += sign * weight;
        out.add_margin(Margin {
            shape,
            weight: sign * count,
            rho: sign * rho,
            inner: sign * inner,
        });
        Ok(())
    }
}

/// Adds ZΨᵀ and ZᵀΨ.
fn add_product(z: &Array2<f64>, psi: &Array2<f64>, to: &mut [Array2<f64>; 2]) {
    let [rows, cols] = to;
    *rows += &matmul(z.view(), psi.t());
    *cols += &matmul(z.t(), psi.view());
}
