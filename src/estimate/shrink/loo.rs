//! An approximate leave-one-out score of m prior samples, without refitting.
//!
//! From the fit to all samples one sweep is made without sample i: A₋ᵢ from its moment under B̃, then
//! B₋ᵢ under A₋ᵢ, and the density of sample i there is its score.

use super::intensities::{Moments, of_prior};
use super::options::ScoreAt;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use crate::linalg::{Root, matmul};
use crate::{Error, Result, family::Gaussian};
use ndarray::{Array2, Array3, ArrayView2};
use rayon::prelude::*;

/// Numbers m that are tried, from large to small.
pub(super) const GRID: [f64; 16] =
    [1e4, 100.0, 30.0, 12.0, 6.0, 3.0, 1.7, 1.0, 0.6, 0.35, 0.2, 0.1, 0.06, 0.03, 0.01, 0.003];

/// Sweeps of a fit at most, and the relative change that ends them.
const SWEEPS: (usize, f64) = (500, 1e-9);

/// The scores of all m. `white` are the samples around the mean, whitened by the targets; a free
/// mean is that of the other samples.
///
/// # Errors
/// [`Error::Unsupported`] for fewer than three samples after the mean.
pub(super) fn curve(white: &Array3<f64>, n: usize, free: bool) -> Result<Vec<ScoreAt>> {
    require_three(n)?;
    GRID.par_iter().map(|&m| Ok(ScoreAt { m, score: score(white, n, free, m)? })).collect()
}

/// Prediction needs samples to predict from.
///
/// # Errors
/// [`Error::Unsupported`].
pub(super) fn require_three(n: usize) -> Result<()> {
    if n >= 3 {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: format!(
            "{n} samples after the mean are too few to choose the shrinkage by prediction"
        ),
        remedy: "use --shrink auto".to_owned(),
    })
}

fn score(white: &Array3<f64>, n: usize, free: bool, m: f64) -> Result<f64> {
    let (count, p, q) = white.dim();
    let likelihood = SampleLikelihood::of(white.view());
    let unit = |d| Root::scaled_identity(d, 1.0);
    let (mean, targets) = (Array2::zeros((p, q)), BySide::new(unit(p), unit(q)));
    let moments = Moments { likelihood: &likelihood, mean, targets, n };
    let lambda = of_prior(m, n, (p, q));
    let mut state = moments.start();
    let mut before = f64::INFINITY;
    for _ in 0..SWEEPS.0 {
        for side in Side::BOTH {
            let moment = moments.moment(&state, side)?;
            moments.set(&mut state, side, &moment, lambda[side])?;
        }
        let now = state.point.half_ln_det();
        if (now - before).abs() < SWEEPS.1 * (1.0 + now.abs()) {
            break;
        }
        before = now;
    }
    // Around the average of the others the sample lies n/(n−1) times as far.
    let reach = if free { count as f64 / (count as f64 - 1.0) } else { 1.0 };
    let left = (n - 1) as f64;
    let whole = scatter(&likelihood, &state.point, Side::Rows)?;
    let mut total = 0.0;
    for y in white.outer_iter() {
        let own = outer(&state.point, y, Side::Rows);
        let rows = smeared((&whole - &(own * reach)) / (left * q as f64), lambda[Side::Rows]);
        let mut without = state.point.clone();
        without.factors[Side::Rows] = precision_root(&rows, lambda[Side::Rows])?;
        let all = scatter(&likelihood, &without, Side::Cols)?;
        let own = outer(&without, y, Side::Cols);
        let cols = smeared((all - &(own * reach)) / (left * p as f64), lambda[Side::Cols]);
        let at = Point::new(
            Array2::zeros((p, q)),
            Root::of("A", rows.view())?,
            Root::of("B", cols.view())?,
        );
        let far = at.whiten((&y * reach).view());
        let distance: f64 = far.iter().map(|z| z * z).sum();
        total -= at.half_ln_det() + 0.5 * distance;
    }
    Ok(total / count as f64)
}

/// ΣYB̃Yᵀ or ΣYᵀÃY, not whitened on its own side.
fn scatter(likelihood: &dyn Likelihood, point: &Point, side: Side) -> Result<Array2<f64>> {
    let mut at = point.clone();
    at.factors[side] = Root::scaled_identity(point.factor(side).order(), 1.0);
    let (p, q) = at.dim();
    let mut sums = Sums::zeros(p, q);
    likelihood.sums(&at, &Gaussian, Sides::One(side), &mut sums)?;
    sums.scatter(side).map(|s| s.to_owned()).ok_or_else(|| Error::Unsupported {
        what: "a scatter was not measured".to_owned(),
        remedy: "measure it".to_owned(),
    })
}

/// One sample's share of [`scatter`].
fn outer(point: &Point, y: ArrayView2<'_, f64>, side: Side) -> Array2<f64> {
    let mut at = point.clone();
    at.factors[side] = Root::scaled_identity(point.factor(side).order(), 1.0);
    let z = at.whiten(y);
    match side {
        Side::Rows => matmul(z.view(), z.t()),
        Side::Cols => matmul(z.t(), z.view()),
    }
}

/// (1 − a)S + a (tr S/d) I.
fn smeared(mut moment: Array2<f64>, a: f64) -> Array2<f64> {
    let mean = moment.diag().sum() / moment.nrows() as f64;
    moment *= 1.0 - a;
    moment.diag_mut().mapv_inplace(|x| x + a * mean);
    moment
}

/// The root of the inverse of the smeared precision.
fn precision_root(factor: &Array2<f64>, a: f64) -> Result<Root> {
    let inverse = Root::of("A", factor.view())?.spd().inverse();
    let precision = Root::of("the smeared precision", smeared(inverse, a).view())?;
    Root::of("its inverse", precision.spd().inverse().view())
}
