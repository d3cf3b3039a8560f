//! The likelihood problem: a model on data, evaluated at points.

use super::iterate::{Iterate, Score};
use crate::data::Sample;
use crate::family::{DofBearing, Law};
use crate::linalg::{Root, Temp};
use crate::model::{Mean, MeanMetric, Model, Pass, Point, Source, Want, mean_step};
use crate::structure::Shape;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use std::sync::Arc;

/// A model together with the data it is to be fitted to.
pub struct Problem<'a> {
    /// The model.
    pub model: &'a Model,
    /// The data.
    pub source: &'a dyn Source,
    /// Structure of A.
    pub row_shape: Arc<dyn Shape>,
    /// Structure of B.
    pub col_shape: Arc<dyn Shape>,
}

impl<'a> Problem<'a> {
    /// The problem of fitting `model` to `source`.
    pub fn new(model: &'a Model, source: &'a dyn Source) -> Self {
        Self {
            model,
            source,
            row_shape: model.row_structure().shape(),
            col_shape: model.col_structure().shape(),
        }
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.source.dim()
    }

    /// Are both factors unstructured?
    pub fn is_unstructured(&self) -> bool {
        self.row_shape.is_unstructured() && self.col_shape.is_unstructured()
    }

    /// The starting point: least-squares mean, A and B the structures' own starts (the identity
    /// where they have it), of mean variance s, the mean square of the centred data, and 1.
    ///
    /// # Errors
    /// [`Error::Degenerate`] naming a constant row or column, or data without any variation.
    pub fn start(&self, sample: &Sample) -> Result<Iterate> {
        let mut iterate = self.first(sample)?;
        self.complete(&mut iterate)?;
        Ok(iterate)
    }

    /// [`Problem::start`] with only [`Problem::look`] at it.
    ///
    /// # Errors
    /// As [`Problem::start`].
    pub(super) fn first(&self, sample: &Sample) -> Result<Iterate> {
        let (n, p, q) = self.dim();
        let mean = self.model.mean_structure().start(self.source.average())?;
        // Every few samples are enough for a scale; all of them where something looks constant.
        let step = (sample.dim().0 / START_SAMPLES).max(1);
        let mut squares = mean_squares(sample, mean.view(), step);
        if looks_constant(&squares, &mean, n) {
            squares = mean_squares(sample, mean.view(), 1);
            refuse_constants(sample, &squares, self)?;
        }
        let scale = squares.sum() / (p * q) as f64;
        if !scale.is_finite() || scale < f64::MIN_POSITIVE {
            return Err(Error::Degenerate {
                what: format!("the variance of {} is {scale:e}", sample.source()),
                remedy: "rescale the data so that squares neither overflow nor vanish".to_owned(),
            });
        }
        // A law whose scale contains ν starts from that scale.
        let law = self.model.law();
        let unit = match (law.dof_family(), law.dof()) {
            (Some(family), Some(dof)) => family.scale_unit(dof),
            _ => 1.0,
        };
        let row = start_root(&*self.row_shape, p, scale * unit)?;
        let col = start_root(&*self.col_shape, q, 1.0)?;
        let mut iterate = Iterate::new(Point { mean, row, col }, self.model.law().clone(), p, q);
        debug_assert!(n > 0);
        if self.model.estimates_dof() {
            // Not looked at yet: no start may pass for a maximum in ν.
            iterate.score.dof = f64::INFINITY;
        }
        self.look(&mut iterate)?;
        Ok(iterate)
    }

    /// Brings pass, log-likelihood and score of an iterate up to date with its point.
    ///
    /// # Errors
    /// When a structure cannot project the score.
    pub fn evaluate(&self, iterate: &mut Iterate) -> Result<()> {
        self.pass(iterate, Want::Both);
        self.finish(iterate)
    }

    /// A first look: for the Gaussian at the row side only, because B follows from it.
    ///
    /// # Errors
    /// As [`Problem::evaluate`].
    pub(super) fn look(&self, iterate: &mut Iterate) -> Result<()> {
        if !iterate.law.weighting().is_identity() {
            return self.evaluate(iterate);
        }
        self.look_at_rows(iterate)
    }

    /// The look that takes B for settled.
    pub(super) fn look_at_rows(&self, iterate: &mut Iterate) -> Result<()> {
        self.pass(iterate, Want::Row);
        iterate.pass.col_scatter.fill(0.0);
        iterate.pass.col_scatter.diag_mut().fill(1.0);
        self.finish(iterate)
    }

    /// Measures the column side too, where the last pass left it out.
    ///
    /// # Errors
    /// As [`Problem::evaluate`].
    pub(super) fn complete(&self, iterate: &mut Iterate) -> Result<()> {
        match iterate.want {
            Want::Both => return Ok(()),
            Want::Row => self.pass(iterate, Want::Col),
            Want::Col => self.pass(iterate, Want::Row),
        }
        iterate.want = Want::Both;
        self.finish(iterate)
    }

    /// One counted pass at the iterate's point.
    pub(super) fn pass(&self, iterate: &mut Iterate, want: Want) {
        let Iterate { point, law, pass, passes, want: measured, .. } = iterate;
        *measured = want;
        self.source.pass(point, law.as_ref(), want, pass);
        *passes += 1;
    }

    /// Log-likelihood and score from the pass.
    pub(super) fn finish(&self, iterate: &mut Iterate) -> Result<()> {
        iterate.log_likelihood = self.log_likelihood(&iterate.point, &*iterate.law, &iterate.pass);
        iterate.score = self.score(iterate)?;
        Ok(())
    }

    /// ℓ = nc − Σρ − (nq/2) ln|A| − (np/2) ln|B|.
    pub fn log_likelihood(&self, point: &Point, law: &dyn Law, pass: &Pass) -> f64 {
        let (n, p, q) = self.dim();
        let (n, pf, qf) = (n as f64, p as f64, q as f64);
        n * law.ln_constant(p, q)
            - pass.rho_sum
            - 0.5 * n * (qf * point.row.ln_det() + pf * point.col.ln_det())
    }

    fn score(&self, iterate: &Iterate) -> Result<Score> {
        let Iterate { point, pass, .. } = iterate;
        let rows = factor_score(&*self.row_shape, &point.row, pass.row_scatter.view())?;
        let cols = factor_score(&*self.col_shape, &point.col, pass.col_scatter.view())?;
        let step = self.mean_step(iterate, &self.mean_metric(iterate))?;
        let mean = step.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let dof = match (self.dof_bearing(iterate), iterate.law.dof()) {
            (Some(bearing), Some(dof)) => 0.5 * dof * bearing.score.abs(),
            _ => iterate.score.dof,
        };
        Ok(Score { factors: rows.max(cols), mean, dof })
    }

    /// What the iterate's pass says about ν, where ν is estimated and well inside its range.
    pub(super) fn dof_bearing(&self, iterate: &Iterate) -> Option<DofBearing> {
        let dof = iterate.law.dof().filter(|dof| PLAIN_DOF.contains(dof))?;
        if !self.model.estimates_dof() || iterate.want == Want::Col {
            return None;
        }
        let (n, p, q) = self.dim();
        let rho = iterate.pass.rho_sum / n as f64;
        let inner = iterate.pass.row_scatter.diag().sum() * q as f64;
        iterate.law.dof_family()?.bearing(dof, rho, inner, p, q)
    }

    /// The whitened step of the mean, from the weights at the iterate.
    pub(super) fn mean_step(&self, iterate: &Iterate, metric: &MeanMetric) -> Result<Temp> {
        let mean = self.model.mean_structure();
        mean_step(mean, &iterate.point, iterate.pass.psi_sum.view(), metric)
    }

    /// How the weights at the iterate add up, on the row side where they are matrices.
    pub(super) fn mean_metric(&self, iterate: &Iterate) -> MeanMetric {
        let (n, _, q) = self.dim();
        match iterate.law.two_sided() {
            Some(law) => {
                let mut weights = Temp::of(iterate.pass.row_scatter.view());
                law.weights(&mut weights, q, n);
                MeanMetric::Row(weights)
            }
            None => MeanMetric::Weight(iterate.pass.weight_sum),
        }
    }

    /// With Ψ = Z, a column factor that was just set to its optimum needs no look to know its
    /// score: true unless the optimum was only approached, or a mean moved after it.
    pub(super) fn last_look_is_rows(&self, law: &dyn Law) -> bool {
        let settled =
            matches!(self.model.mean_structure(), Mean::Free | Mean::Zero | Mean::Known(_));
        law.weighting().is_identity() && self.col_shape.is_unstructured() && settled
    }
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
fn factor_score(shape: &dyn Shape, root: &Root, scatter: ArrayView2<'_, f64>) -> Result<f64> {
    let mut excess = Temp::of(scatter);
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

/// ν whose score a pass gives to enough digits.
const PLAIN_DOF: std::ops::Range<f64> = 0.05..1e4;

/// Samples that give the scale of the start.
const START_SAMPLES: usize = 128;

/// Mean square of every entry around the mean, over every `step`-th sample.
fn mean_squares(sample: &Sample, mean: ArrayView2<'_, f64>, step: usize) -> Array2<f64> {
    let mean = mean.as_standard_layout();
    let mut squares = vec![0.0; mean.len()];
    let mut count = 0;
    for x in sample.values().outer_iter().step_by(step) {
        let x = x.as_standard_layout();
        let (x, mean) = (x.as_slice().unwrap_or_default(), mean.as_slice().unwrap_or_default());
        let pairs = x.iter().zip(mean);
        squares.iter_mut().zip(pairs).for_each(|(s, (x, m))| *s += (x - m) * (x - m));
        count += 1;
    }
    Array2::from_shape_fn(mean.dim(), |(i, k)| squares[i * mean.ncols() + k] / count as f64)
}

/// Could a row or a column be constant? No look at the data: the largest entry is at most
/// |M| + √(n s²).
fn looks_constant(squares: &Array2<f64>, mean: &Array2<f64>, n: usize) -> bool {
    let varies =
        |s: &f64, m: &f64| *s > (8.0 * f64::EPSILON * (m.abs() + (n as f64 * s).sqrt())).powi(2);
    let varied = ndarray::Zip::from(squares).and(mean).map_collect(varies);
    [ndarray::Axis(0), ndarray::Axis(1)]
        .into_iter()
        .any(|axis| varied.axis_iter(axis).any(|part| !part.iter().any(|v| *v)))
}

/// Rows or columns without variation have no covariance to estimate.
fn refuse_constants(sample: &Sample, squares: &Array2<f64>, problem: &Problem<'_>) -> Result<()> {
    let sides = [
        ("row", ndarray::Axis(0), sample.row_names(), &problem.row_shape),
        ("column", ndarray::Axis(1), sample.col_names(), &problem.col_shape),
    ];
    for (side, axis, names, shape) in sides {
        if shape.tolerates_constants() {
            continue;
        }
        let values = sample.values();
        for (i, part) in squares.axis_iter(axis).enumerate() {
            let slice = values.index_axis(ndarray::Axis(axis.index() + 1), i);
            let largest = slice.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            if part.iter().all(|s| *s <= (8.0 * f64::EPSILON * largest).powi(2)) {
                let name = names.get(i).map_or(String::new(), |n| format!(" (\"{n}\")"));
                return Err(Error::Degenerate {
                    what: format!("{side} {i}{name} of {} does not vary", sample.source()),
                    remedy: format!("leave this {side} out: a constant has no covariance"),
                });
            }
        }
    }
    Ok(())
}
