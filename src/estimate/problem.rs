//! The likelihood problem: a model on data, evaluated at points.

use super::iterate::{Iterate, Score};
use crate::data::Robust;
use crate::family::{DOF_LOWER, DofBearing, Law, TwoSided};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{
    Likelihood, Margin, MeanMetric, Point, Sides, Sums, Support, Tangent, mean_start, mean_step,
};
use crate::linalg::{Root, Temp, block_mut};
use crate::model::{MARGIN, Mean, Model, Pole};
use crate::structure::Shape;
use crate::{Error, Result};
use ndarray::{Array2, Axis};
use std::sync::Arc;
use std::time::Instant;

/// A model together with the likelihood that it is to climb.
pub struct Problem<'a> {
    /// The model.
    pub model: &'a Model,
    /// The data, as the likelihood that they give.
    pub likelihood: &'a dyn Likelihood,
    /// Structures of A and B.
    pub shapes: BySide<Arc<dyn Shape>>,
    /// Where the laws that weigh samples start when some cells are far from all that is usual.
    wild: Option<Robust>,
    /// The least ν, where it is estimated.
    pub(super) floor: f64,
    /// When long steps have to end.
    deadline: Option<Instant>,
}

impl<'a> Problem<'a> {
    /// The problem of fitting `model` to the data of `likelihood`.
    pub fn new(model: &'a Model, likelihood: &'a dyn Likelihood) -> Self {
        let shapes = BySide::of(|side| model.structure(side).shape());
        Self { model, likelihood, shapes, wild: None, floor: DOF_LOWER, deadline: None }
    }

    /// The same problem with a robust look at its data, which hold absurd cells.
    pub(super) fn starting_at(mut self, wild: Option<Robust>) -> Self {
        self.wild = wild;
        self
    }

    /// The same problem with an estimate of ν that keeps away from a pole.
    pub(super) fn above(mut self, pole: Option<&Pole>) -> Self {
        self.floor = pole.map_or(DOF_LOWER, |pole| (MARGIN * pole.dof).max(DOF_LOWER));
        self
    }

    /// The same problem with a time at which long steps end.
    pub(super) fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Is there time for another look inside of a long step?
    ///
    /// # Errors
    /// [`Error::Interrupted`] where the time is over.
    pub(super) fn require_time(&self) -> Result<()> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => {
                Err(Error::Interrupted { reason: TIME_OVER.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Is ν at its floor? Then the other parameters are climbed without it.
    pub(super) fn is_at_floor(&self, iterate: &Iterate) -> bool {
        iterate.law.dof().is_some_and(|dof| dof <= self.floor * (1.0 + 1e-12))
    }

    /// How many robust standard deviations the farthest cell is away, where that is absurd.
    pub(super) fn reach(&self) -> f64 {
        self.wild.as_ref().map_or(1.0, |look| look.reach)
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.likelihood.dim()
    }

    /// Σu: the number of observations where they have no weights.
    pub fn weight(&self) -> f64 {
        self.likelihood.weight()
    }

    /// Σu·pq: what a likelihood is divided by to be one per scalar observation.
    pub fn observations(&self) -> f64 {
        let (_, p, q) = self.dim();
        self.weight() * (p * q) as f64
    }

    /// Are both factors unstructured?
    pub fn is_unstructured(&self) -> bool {
        self.shapes.iter().all(|shape| shape.is_unstructured())
    }

    /// The starting point: least-squares mean, A and B the structures' own starts (the identity
    /// where they have it), of mean variance s, the mean square of the centred data, and 1.
    ///
    /// # Errors
    /// [`Error::Degenerate`] naming a constant row or column, or data without any variation.
    pub fn start(&self) -> Result<Iterate> {
        let mut iterate = self.first()?;
        self.complete(&mut iterate)?;
        Ok(iterate)
    }

    /// [`Problem::start`] with only [`Problem::look`] at it.
    ///
    /// # Errors
    /// As [`Problem::start`].
    pub(super) fn first(&self) -> Result<Iterate> {
        let (n, p, q) = self.dim();
        let robust = self.wild.as_ref().filter(|_| !self.model.law().weighting().is_identity());
        let average = match robust {
            Some(look) => look.center.clone(),
            None => self.likelihood.average()?,
        };
        let mean = mean_start(self.model.mean_structure(), average.view(), p)?;
        // A part of the observations is enough for a scale; all where something looks constant.
        let mut squares = self.likelihood.squares(mean.view(), true)?;
        // What a cell is compared with: its mean, or its largest coefficient.
        let size = largest_of_blocks(&mean, p);
        if looks_constant(&squares, &size, n) {
            squares = self.likelihood.squares(mean.view(), false)?;
            self.refuse_rounding(&squares, &size)?;
            self.refuse_constants(&squares, &size)?;
        }
        let scale = match robust {
            Some(look) => (2.0 * look.ln_scale()).exp(),
            None => squares.sum() / (p * q) as f64,
        };
        if !scale.is_finite() || scale < f64::MIN_POSITIVE {
            return Err(Error::Degenerate {
                what: format!("the variance of {} is {scale:e}", self.likelihood.labels().source),
                remedy: "rescale the data so that squares neither overflow nor vanish".to_owned(),
            });
        }
        // A law whose scale contains ν starts from that scale.
        let mut law = self.model.law().clone();
        if let (Some(family), Some(dof)) = (law.dof_family(), law.dof())
            && self.model.estimates_dof()
            && dof < START_ABOVE * self.floor
        {
            law = family.at(START_ABOVE * self.floor);
        }
        let unit = match (law.dof_family(), law.dof()) {
            (Some(family), Some(dof)) => family.scale_unit(dof),
            _ => 1.0,
        };
        let row = start_root(&*self.shapes[Side::Rows], p, scale * unit)?;
        let col = start_root(&*self.shapes[Side::Cols], q, 1.0)?;
        let mut iterate = Iterate::new(Point::new(mean, row, col), law);
        if self.model.estimates_dof() {
            // Not looked at yet: no start may pass for a maximum in ν.
            iterate.score.dof = f64::INFINITY;
        }
        self.look(&mut iterate)?;
        Ok(iterate)
    }

    /// Residuals that are nothing but rounding have no covariance, whatever the structure.
    fn refuse_rounding(&self, squares: &Array2<f64>, mean: &Array2<f64>) -> Result<()> {
        let (n, ..) = self.dim();
        // An average of n equal numbers is off by a few √n units.
        let unit = (8.0 + (n as f64).sqrt()) * f64::EPSILON;
        let rounding = |(s, m): (&f64, &f64)| *s <= (unit * m.abs()).powi(2);
        if !squares.iter().zip(mean).all(rounding) {
            return Ok(());
        }
        let source = self.likelihood.labels().source;
        let (what, remedy) = match self.model.mean_structure() {
            Mean::Zero | Mean::Known(_) => {
                ("equal the known mean", "a sample without deviations has no covariance")
            }
            _ => ("are identical", "there is no variance to estimate: look how the data were made"),
        };
        Err(Error::Degenerate {
            what: format!("all {n} samples of {source} {what}, up to rounding"),
            remedy: remedy.to_owned(),
        })
    }

    /// Rows or columns without variation have no covariance to estimate.
    fn refuse_constants(&self, squares: &Array2<f64>, mean: &Array2<f64>) -> Result<()> {
        let labels = self.likelihood.labels();
        for side in Side::BOTH {
            if self.shapes[side].tolerates_constants() {
                continue;
            }
            let axis = Axis(side as usize);
            for (i, (part, mean)) in squares.axis_iter(axis).zip(mean.axis_iter(axis)).enumerate() {
                let largest = mean.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                if part.iter().all(|s| *s <= (8.0 * f64::EPSILON * largest).powi(2)) {
                    let (what, one) = (labels.of(side, i), side.singular());
                    return Err(Error::Degenerate {
                        what: format!("{what} of {} does not vary", labels.source),
                        remedy: format!("leave this {one} out: a constant has no covariance"),
                    });
                }
            }
        }
        Ok(())
    }

    /// Brings sums, log-likelihood and score of an iterate up to date with its point.
    ///
    /// # Errors
    /// Those of the likelihood, and when a structure cannot project the score.
    pub fn evaluate(&self, iterate: &mut Iterate) -> Result<()> {
        self.sum(iterate, Sides::Both)?;
        self.finish(iterate)
    }

    /// A first look: for the Gaussian at the row side only, because B follows from it.
    ///
    /// # Errors
    /// As [`Problem::evaluate`].
    pub(super) fn look(&self, iterate: &mut Iterate) -> Result<()> {
        if !iterate.law.weighting().is_identity() || !self.likelihood.is_complete() {
            return self.evaluate(iterate);
        }
        self.look_at_rows(iterate)
    }

    /// The look that takes B for settled.
    pub(super) fn look_at_rows(&self, iterate: &mut Iterate) -> Result<()> {
        self.sum(iterate, Sides::ROWS)?;
        self.finish(iterate)
    }

    /// Measures both sides, where the last pass left one out.
    ///
    /// # Errors
    /// As [`Problem::evaluate`].
    pub(super) fn complete(&self, iterate: &mut Iterate) -> Result<()> {
        let Iterate { point, law, sums, passes, .. } = iterate;
        let Some(side) = Side::BOTH.into_iter().find(|side| sums.scatter(*side).is_none()) else {
            return Ok(());
        };
        let (p, q) = point.dim();
        let mut rest = Sums::zeros(p, q);
        *passes += 1;
        self.likelihood.sums(point, law.as_ref(), Sides::One(side), &mut rest)?;
        sums.join(side, rest);
        self.finish(iterate)
    }

    /// One counted pass at the iterate's point.
    pub(super) fn sum(&self, iterate: &mut Iterate, sides: Sides) -> Result<()> {
        let Iterate { point, law, sums, passes, .. } = iterate;
        *passes += 1;
        self.likelihood.sums(point, law.as_ref(), sides, sums)
    }

    /// The Hessian of −ℓ times a direction: one counted pass.
    ///
    /// # Errors
    /// Those of the likelihood; [`Error::Unsupported`] where it has no Hessian.
    pub(super) fn curvature(
        &self,
        iterate: &mut Iterate,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<()> {
        let Iterate { point, law, passes, .. } = iterate;
        *passes += 1;
        match self.likelihood.curvature(point, law.as_ref(), along, into)? {
            Support::Done => Ok(()),
            Support::NotAvailable => Err(Error::Unsupported {
                what: format!("no exact second derivative of the {} likelihood here", law.name()),
                remedy: "use flip-flop".to_owned(),
            }),
        }
    }

    /// Score from the sums.
    pub(super) fn finish(&self, iterate: &mut Iterate) -> Result<()> {
        iterate.score = self.score(iterate)?;
        Ok(())
    }

    /// What was measured of it: a side that was not has just been maximised.
    fn score(&self, iterate: &Iterate) -> Result<Score> {
        let Iterate { point, sums, .. } = iterate;
        let mut factors = 0.0_f64;
        for side in Side::BOTH {
            if let Some(excess) = sums.mean_scatter(side) {
                let score = factor_score(&*self.shapes[side], point.factor(side), excess)?;
                factors = if score.is_nan() { f64::NAN } else { factors.max(score) };
            }
        }
        let step = self.mean_step(iterate, &self.mean_metric(iterate)?)?;
        let mean = step.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let dof = match (self.dof_bearing(iterate), iterate.law.dof()) {
            // Held at its floor by a likelihood that rises below it.
            (Some(bearing), Some(_)) if bearing.score <= 0.0 && self.is_at_floor(iterate) => 0.0,
            (Some(bearing), Some(dof)) => 0.5 * dof * bearing.score.abs(),
            _ => iterate.score.dof,
        };
        Ok(Score { factors, mean, dof })
    }

    /// What the iterate's sums say about ν, where ν is estimated and well inside its range.
    pub(super) fn dof_bearing(&self, iterate: &Iterate) -> Option<DofBearing> {
        let dof = iterate.law.dof().filter(|dof| PLAIN_DOF.contains(dof))?;
        if !self.model.estimates_dof() {
            return None;
        }
        let (p, q) = iterate.point.dim();
        let Sums { weight, rho, ref margins, .. } = iterate.sums;
        let family = iterate.law.dof_family()?;
        if !margins.is_empty() {
            let part = |margin: &Margin| {
                let Margin { shape: (p, q), weight, rho, inner } = *margin;
                let parts = family.bearing_parts(dof, rho / weight, inner / weight, p, q)?;
                Some((weight, parts))
            };
            // A shape that cancels says nothing.
            let there = margins.iter().filter(|margin| margin.weight != 0.0);
            let parts = there.map(part).collect::<Option<Vec<_>>>()?;
            return Some(DofBearing::pooled(dof, weight, &parts));
        }
        let inner = iterate.sums.inner() / weight;
        family.bearing(dof, rho / weight, inner, p, q)
    }

    /// The whitened step of the mean, from the weights at the iterate.
    pub(super) fn mean_step(&self, iterate: &Iterate, metric: &MeanMetric) -> Result<Temp> {
        let mean = self.model.mean_structure();
        mean_step(mean, &iterate.point, iterate.sums.psi.view(), metric)
    }

    /// How the weights at the iterate add up, on the row side where they are matrices.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the side was not measured.
    pub(super) fn mean_metric(&self, iterate: &Iterate) -> Result<MeanMetric> {
        let Iterate { point, law, sums, .. } = iterate;
        if let Some(metric) = self.likelihood.mean_metric(point, law.as_ref(), sums)? {
            return Ok(metric);
        }
        let Some(law) = self.two_sided(&*iterate.law) else {
            return Ok(match iterate.sums.design.is_empty() {
                true => MeanMetric::Weight(iterate.sums.law_weight),
                false => MeanMetric::Design(iterate.sums.design.clone()),
            });
        };
        let (p, q) = iterate.point.dim();
        if !iterate.sums.design.is_empty() {
            let metric = joint_metric(law, &iterate.sums, p.min(q), p.max(q));
            return Ok(if p <= q { MeanMetric::Row(metric) } else { MeanMetric::Col(metric) });
        }
        let mut weights = iterate.measured(Side::Rows)?;
        law.weights(&mut weights, q, iterate.sums.weight);
        Ok(MeanMetric::Row(weights))
    }

    /// The law's joint step of both factors, which takes complete observations.
    pub(super) fn two_sided<'l>(&self, law: &'l dyn Law) -> Option<&'l dyn TwoSided> {
        self.likelihood.two_sided(law).filter(|_| self.likelihood.is_complete())
    }

    /// With Ψ = Z, a column factor that was just set to its optimum needs no look to know its
    /// score: true unless the optimum was only approached, or a mean moved after it.
    pub(super) fn last_look_is_rows(&self, law: &dyn Law) -> bool {
        let settled =
            matches!(self.model.mean_structure(), Mean::Free | Mean::Zero | Mean::Known(_));
        self.likelihood.is_complete()
            && law.weighting().is_identity()
            && self.shapes[Side::Cols].is_unstructured()
            && settled
    }
}

/// Σ u z zᵀ ⊗ S_i (m·s × m·s). The weights are affine in the scatter: with W(G) = κI − tG, block (k, l)
/// is Σ u z_k z_l κI − Σ u z_k z_l Z Ψᵀ.
fn joint_metric(law: &dyn TwoSided, sums: &Sums, s: usize, t: usize) -> Temp {
    let m = sums.design.nrows();
    let mut kappa = Array2::zeros((s, s));
    law.weights(&mut kappa, t, 1.0);
    let mut out = Temp::zeros((m * s, m * s));
    for k in 0..m {
        for l in 0..m {
            let mut block = Array2::zeros((s, s));
            for (a, mut row) in block.outer_iter_mut().enumerate() {
                let from = sums.cross.row(k * s + a);
                let from = from.slice_axis(Axis(0), (l * s..(l + 1) * s).into());
                row.zip_mut_with(&from, |to, x| *to = x / t as f64);
            }
            law.weights(&mut block, t, 1.0);
            block.scaled_add(sums.design[[k, l]] - 1.0, &kappa);
            block_mut(&mut out, (k, l), (s, s)).assign(&block);
        }
    }
    out
}

/// max_k |Θ_k|, cell by cell.
fn largest_of_blocks(mean: &Array2<f64>, p: usize) -> Array2<f64> {
    let mut size = Array2::<f64>::zeros((p, mean.ncols()));
    for block in mean.axis_chunks_iter(Axis(0), p) {
        size.zip_mut_with(&block, |to, x| *to = to.max(x.abs()));
    }
    size
}

/// Root of a structure's starting matrix of order d, scaled to the given mean variance.
fn start_root(shape: &dyn Shape, d: usize, variance: f64) -> Result<Root> {
    if shape.is_unstructured() {
        return Ok(Root::scaled_identity(d, variance));
    }
    let matrix = shape.start(d)?;
    let mut root = shape.root("a structure's start", matrix.view())?;
    root.scale(variance * d as f64 / matrix.diag().sum());
    Ok(root)
}

/// max |P(G − I)| with P the projection on what the structure can move.
pub(super) fn factor_score(shape: &dyn Shape, root: &Root, scatter: Temp) -> Result<f64> {
    let mut excess = scatter;
    excess.diag_mut().mapv_inplace(|x| x - 1.0);
    // `max` would drop a NaN.
    let largest = |part: &Array2<f64>| {
        part.iter().fold(0.0, |m: f64, x| if x.is_nan() { f64::NAN } else { m.max(x.abs()) })
    };
    if shape.is_unstructured() {
        return Ok(largest(&excess));
    }
    Ok(largest(&shape.project(root, excess.view())?))
}

/// What says that a deadline, and nobody else, ended a step.
const TIME_OVER: &str = "the time ran out";

/// Did a deadline end a step?
pub(super) fn is_out_of_time(error: &Error) -> bool {
    matches!(error, Error::Interrupted { reason } if reason == TIME_OVER)
}

/// Where ν starts at least, as a multiple of its floor.
const START_ABOVE: f64 = 2.0;
/// ν whose score a pass gives to enough digits.
const PLAIN_DOF: std::ops::Range<f64> = 0.05..1e4;

/// Could a row or a column be constant? No look at the data: the largest entry is at most
/// |M| + √(n s²).
fn looks_constant(squares: &Array2<f64>, mean: &Array2<f64>, n: usize) -> bool {
    let varies =
        |s: &f64, m: &f64| *s > (8.0 * f64::EPSILON * (m.abs() + (n as f64 * s).sqrt())).powi(2);
    let varied = ndarray::Zip::from(squares).and(mean).map_collect(varies);
    [Axis(0), Axis(1)]
        .into_iter()
        .any(|axis| varied.axis_iter(axis).any(|part| !part.iter().any(|v| *v)))
}
