//! The exact Hessian–vector product with cells missing.
//!
//! With W = X ⊗ I + I ⊗ V, T = XẐ + ẐV, P = I − N, g = ⟨Ẑ, T⟩, h = ⟨Ẑ, Δ⟩ and w' = dw/dδ, the Hessian
//! of one sample's ℓ sends (X, V, Δ) to
//!
//! ```text
//! S = w (T − 2NT + 2PΔ) + w' (g + 2h) Ẑ
//! rows     −½ sym(SẐᵀ) − ½ [ sym(X tr₂N) + tr₂((I⊗V)N) − tr₂(NWN) ]
//! columns  −½ sym(SᵀẐ) − ½ [ sym(V tr₁N) + tr₁((X⊗I)N) − tr₁(NWN) ]
//! mean     −w (T − NT + PΔ) − w' (g + 2h) Ẑ
//! ```
//!
//! The brackets hold no data, and are the same with P in the place of N. A geodesic of the whole
//! space is none of a block: with γ = ½(ẐΨᵀ + tr₂N − |C| I) the rows of a block R × C give
//! T_A [ H_R − sym(γ X_R) ] T_Aᵀ + sym(T_A γ T_Aᵀ X).

use super::e_step::{Completed, Pass};
use super::frame::{Block, Projector, hadamard};
use super::patterns::{Pattern, Piece};
use crate::Result;
use crate::family::{Scratch, Weighting};
use crate::kronecker::{BySide, Side};
use crate::likelihood::Tangent;
use crate::linalg::{matmul, symmetrise};
use ndarray::Array2;

/// The parts of the product in one block, for ℓ.
struct Product {
    factors: BySide<Array2<f64>>,
    mean: Array2<f64>,
    /// Σ ZΨᵀ and Σ ZᵀΨ, for γ.
    scatter: BySide<Array2<f64>>,
}

impl Pass<'_> {
    /// Adds the Hessian of ℓ of these samples times a direction.
    pub(super) fn add_curvature(
        &self,
        pattern: &Pattern,
        samples: &[usize],
        along: &Tangent,
        out: &mut Tangent,
    ) -> Result<()> {
        for piece in &pattern.pieces {
            let block = self.frames.block(piece);
            let projector = Projector::new(&block, piece)?;
            self.piece_curvature(piece, &block, projector.as_ref(), samples, along, out);
        }
        Ok(())
    }

    fn piece_curvature(
        &self,
        piece: &Piece,
        block: &Block<'_>,
        projector: Option<&Projector<'_>>,
        samples: &[usize],
        along: &Tangent,
        out: &mut Tangent,
    ) {
        let local = Tangent {
            factors: BySide::of(|side| block.frame(side).restricted(&along.factors[side])),
            mean: block.restricted(&along.mean),
        };
        let dim = block.dim();
        let square = |side| Array2::zeros((block.frame(side).order(), block.frame(side).order()));
        let mut sum = Product {
            factors: BySide::of(square),
            mean: Array2::zeros(dim),
            scatter: BySide::of(square),
        };
        let project = Project { piece, projector };
        let unseen = project.missing(&local.mean);
        let mut scratch = Scratch::default();
        for &sample in samples {
            let y = self.residual(sample, piece);
            let white = self.complete(block, piece, projector, y.view());
            let seen = self.weigh(piece, white, &mut scratch);
            sum.scatter[Side::Rows] += &matmul(seen.white.view(), seen.psi.t());
            sum.scatter[Side::Cols] += &matmul(seen.white.t(), seen.psi.view());
            match self.law.weighting() {
                Weighting::Matrix(_) => self.matrix(&seen, &local, &mut scratch, &mut sum),
                _ => scalar(&seen, &local, &project, &unseen, &mut sum),
            }
        }
        let count = samples.len() as f64;
        for side in Side::BOTH {
            let part = &mut sum.factors[side];
            let trace = Self::trace(side, block, piece, projector);
            if let Some(projector) = projector {
                part.scaled_add(-0.5 * count, &bracket(side, projector, &local));
            }
            let frame = block.frame(side);
            let mut excess = std::mem::take(&mut sum.scatter[side]);
            if let Some(trace) = trace {
                excess.scaled_add(count, &trace);
            }
            let other = block.frame(side.other()).order() as f64;
            excess.diag_mut().mapv_inplace(|x| x - count * other);
            excess *= 0.5;
            if frame.turn.is_some() {
                *part -= &matmul(excess.view(), local.factors[side].view());
                let mut whole = Array2::zeros(along.factors[side].dim());
                frame.embed(piece.sign, &excess, &mut whole);
                let mut turned = matmul(whole.view(), along.factors[side].view());
                symmetrise(&mut turned);
                out.factors[side] += &turned;
            }
            symmetrise(part);
            frame.embed(piece.sign, part, &mut out.factors[side]);
        }
        block.embed(piece.sign, &sum.mean, &mut out.mean);
    }

    /// A law with matrices for weights, on a block without holes.
    fn matrix(&self, seen: &Completed, along: &Tangent, scratch: &mut Scratch, sum: &mut Product) {
        let Completed { white, psi, .. } = seen;
        let (x, v) = (&along.factors[Side::Rows], &along.factors[Side::Cols]);
        let of = |z: &Array2<f64>| matmul(x.view(), z.view()) + matmul(z.view(), v.view());
        let moved = of(white) * -0.5 - &along.mean;
        let mut change = Array2::zeros(white.dim());
        let weighting = self.law.weighting();
        weighting.weigh_derivative(white.view(), moved.view(), change.view_mut(), scratch);
        sum.factors[Side::Rows] +=
            &((matmul(change.view(), white.t()) + matmul(psi.view(), moved.t())) * 0.5);
        sum.factors[Side::Cols] +=
            &((matmul(white.t(), change.view()) + matmul(moved.t(), psi.view())) * 0.5);
        sum.mean += &change;
        sum.mean.scaled_add(-0.5, &of(psi));
    }
}

/// N in the coordinates of one block, whichever cells are solved for.
struct Project<'a> {
    piece: &'a Piece,
    projector: Option<&'a Projector<'a>>,
}

impl Project<'_> {
    /// N Z.
    fn missing(&self, z: &Array2<f64>) -> Array2<f64> {
        match self.projector {
            None => Array2::zeros(z.dim()),
            Some(projector) if self.piece.solves_missing => projector.apply(z.view()),
            Some(projector) => z - &projector.apply(z.view()),
        }
    }
}

fn scalar(
    seen: &Completed,
    along: &Tangent,
    project: &Project<'_>,
    unseen: &Array2<f64>,
    sum: &mut Product,
) {
    let Completed { white, weight, slope, .. } = seen;
    let (x, v) = (&along.factors[Side::Rows], &along.factors[Side::Cols]);
    let t = matmul(x.view(), white.view()) + matmul(white.view(), v.view());
    let nt = project.missing(&t);
    let dot = |a: &Array2<f64>| white.iter().zip(a).map(|(a, b)| a * b).sum::<f64>();
    let bend = slope * (dot(&t) + 2.0 * dot(&along.mean));
    // w (T − NT + PΔ) + w' (g + 2h) Ẑ.
    let mean = (&t - &nt + &along.mean - unseen) * *weight + &(white * bend);
    let s = &mean + &((&along.mean - unseen - &nt) * *weight);
    sum.factors[Side::Rows].scaled_add(-0.5, &matmul(s.view(), white.t()));
    sum.factors[Side::Cols].scaled_add(-0.5, &matmul(s.t(), white.view()));
    sum.mean -= &mean;
}

/// sym(X tr₂Π) + tr₂((I⊗V)Π) − tr₂(ΠWΠ), before it is made symmetric; the twin for the columns.
fn bracket(side: Side, projector: &Projector<'_>, along: &Tangent) -> Array2<f64> {
    let Projector { cells, maps, kernels, inner, .. } = projector;
    // GᵀXG on both sides.
    let seen = BySide::of(|side| {
        matmul(matmul(maps[side].t(), along.factors[side].view()).view(), maps[side].view())
    });
    let moved = hadamard(cells, &seen[Side::Rows], kernels[Side::Cols])
        + hadamard(cells, kernels[Side::Rows], &seen[Side::Cols]);
    let j = matmul(matmul(inner.view(), moved.view()).view(), inner.view());
    let other = side.other();
    let trace = projector.trace(side, inner, kernels[other]);
    let mut out = matmul(along.factors[side].view(), trace.view());
    out += &projector.trace(side, inner, &seen[other]);
    out -= &projector.trace(side, &j, kernels[other]);
    out
}
