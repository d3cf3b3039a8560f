//! The missing cells given the observed ones.

use super::Incomplete;
use super::e_step::Pass;
use super::frame::Projector;
use super::patterns::{Layout, Mask, Pattern, Piece};
use crate::family::{Law, Margins, Scratch};
use crate::kronecker::BySide;
use crate::likelihood::Point;
use crate::{Error, Result};
use ndarray::Array2;
use rand::Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use std::sync::Arc;

/// The law of a sample's missing cells given its observed ones: normal with covariance Γ for the
/// Gaussian, for the Kronecker t a t with ν + o degrees of freedom and scale Γ(ν+δ)/(ν+o).
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Number of the sample, from 0.
    pub sample: usize,
    /// Row and column of every missing cell.
    pub cells: Vec<[usize; 2]>,
    /// Conditional means.
    pub mean: Vec<f64>,
    /// Scales of the conditional laws: standard deviations for the Gaussian.
    pub scale: Vec<f64>,
    /// Degrees of freedom of the conditional laws; `None` for the Gaussian.
    pub dof: Option<f64>,
    /// (ν+δ)/(ν+o), 1 for the Gaussian.
    spread: f64,
    /// H with Γ = HᵀH, shared by the samples of a pattern.
    half: Arc<Array2<f64>>,
}

impl Posterior {
    /// Conditional standard deviation of a cell; `None` where ν + o ≤ 2.
    pub fn standard_deviation(&self, cell: usize) -> Option<f64> {
        match self.dof {
            None => Some(self.scale[cell]),
            Some(dof) if dof > 2.0 => Some(self.scale[cell] * (dof / (dof - 2.0)).sqrt()),
            Some(_) => None,
        }
    }

    /// One joint draw of the missing cells.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let noise: Vec<f64> = self.cells.iter().map(|_| StandardNormal.sample(rng)).collect();
        // τ ~ Gamma(dof/2, rate dof/2) in units of the scale; its shape is positive.
        let tau = self.dof.and_then(|dof| Gamma::new(0.5 * dof, 2.0 / dof).ok());
        let tau = tau.map_or(1.0, |law| law.sample(rng));
        let size = (self.spread / tau).sqrt();
        let mut drawn = self.mean.clone();
        for (row, e) in self.half.outer_iter().zip(&noise) {
            drawn.iter_mut().zip(row).for_each(|(to, h)| *to += size * e * h);
        }
        drawn
    }
}

impl Incomplete<'_> {
    /// The conditional laws of all missing cells, sample by sample in order, samples without any
    /// observed cell included.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a law whose conditional laws have no closed form;
    /// [`Error::NotPositiveDefinite`] where a factor is singular.
    pub fn posteriors(&self, at: &Point, law: &dyn Law) -> Result<Vec<Posterior>> {
        if law.margins() != Margins::Cells {
            return Err(Error::Unsupported {
                what: format!("missing cells under the law \"{}\" given the others", law.name()),
                remedy: "use kronecker-t or gaussian".to_owned(),
            });
        }
        let layout = self.untrimmed();
        let pass = Pass::new(self.sample.values(), at, law, &layout);
        let mut all = Vec::new();
        for pattern in &layout.patterns {
            for piece in &pattern.pieces {
                conditionals(&pass, piece, &pattern.samples, &mut all)?;
            }
        }
        all.sort_by_key(|one| one.sample);
        Ok(all)
    }

    /// Every pattern with all rows and columns, so that all missing cells are solved for.
    fn untrimmed(&self) -> Layout {
        let (n, p, q) = self.sample.dim();
        let mut masks = self.masks.clone();
        let mut empty: Vec<usize> = (0..n).collect();
        for mask in &masks {
            empty.retain(|i| !mask.samples.contains(i));
        }
        if !empty.is_empty() {
            masks.push(Mask { samples: empty, observed: vec![false; p * q] });
        }
        let pattern = |mask: Mask| {
            let cells: Vec<[usize; 2]> =
                (0..p * q).filter(|&at| !mask.observed[at]).map(|at| [at / q, at % q]).collect();
            let observed = p * q - cells.len();
            let subset = BySide::new(0, 0);
            let piece = Piece { sign: 1.0, subset, cells, solves_missing: true, observed };
            Pattern { samples: mask.samples, pieces: vec![piece] }
        };
        Layout {
            subsets: BySide::new(vec![(0..p).collect()], vec![(0..q).collect()]),
            patterns: masks.into_iter().map(pattern).collect(),
        }
    }
}

fn conditionals(
    pass: &Pass<'_>,
    piece: &Piece,
    samples: &[usize],
    out: &mut Vec<Posterior>,
) -> Result<()> {
    let block = pass.frames.block(piece);
    let Some(projector) = Projector::new(&block, piece)? else { return Ok(()) };
    let half = Arc::new(projector.half.clone());
    let mut scratch = Scratch::default();
    for &sample in samples {
        let y = pass.residual(sample, piece);
        let white = pass.complete(&block, piece, Some(&projector), y.view());
        let seen = pass.weigh(piece, white, &mut scratch);
        let completed = pass.point.unwhiten(seen.white.view());
        let o = piece.observed as f64;
        let dof = pass.law.dof().map(|nu| nu + o);
        let spread = pass.law.dof().map_or(1.0, |nu| (nu + seen.delta) / (nu + o));
        let variances = projector.inner.diag();
        out.push(Posterior {
            sample,
            mean: piece.cells.iter().map(|&at| pass.point.mean[at] + completed[at]).collect(),
            cells: piece.cells.clone(),
            scale: variances.iter().map(|v| (v * spread).sqrt()).collect(),
            dof,
            spread,
            half: half.clone(),
        });
    }
    Ok(())
}
