//! Cheap beginnings: a start from a part of the sample, and the choice between samples and moments.
//!
//! Counts are flops. One sweep by samples is 2npq(p+q), the moments of n samples cost
//! n p(p+1)q(q+1)/2, a sweep by moments twice that without the n; near the optimum a sweep shrinks the score by about 2(p²+q²)/(npq), so
//! the number T of sweeps is guessed from the shape and the tolerance.

use super::anderson::Anderson;
use super::flip_flop;
use super::iterate::Iterate;
use super::options::{DataSource, FitOptions};
use super::problem::Problem;
use crate::data::{Sample, Weights};
use crate::likelihood::{Likelihood, MomentLikelihood, Moments, Point, SampleLikelihood};
use crate::linalg::{Root, matmul};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView1};

/// A thinned sample has at least this many samples.
const THIN_SAMPLES: usize = 64;
/// It holds this many numbers per parameter of the factors.
const THIN_RATIO: usize = 12;
/// Thinning pays from this ratio of samples on.
const LEAST_STEP: usize = 6;
/// Sweeps on the thinned sample, and the score that ends them.
const THIN_SWEEPS: (usize, f64) = (8, 1e-2);
/// Flops that an entry of the moments is worth before the first sample: clearing its sums, adding
/// them up, rearranging it.
const ENTRY_OVERHEAD: f64 = 700.0;
/// Flops that the calls of a sweep by moments are worth, whatever the shape.
const MOMENT_OVERHEAD: f64 = 3e4;
/// Condition of A ⊗ B up to which moments are taken of raw data: they lose this many units in the
/// last place.
const WELL_CONDITIONED: f64 = 1e3;
/// Mean variances whose fourth powers neither overflow nor vanish.
const PLAIN_SCALE: std::ops::Range<f64> = 1e-50..1e50;
/// Doubles that the moments may always take.
const MOMENT_DOUBLES: usize = 1 << 22;

/// Every how many samples a thinned one is taken; `None` where thinning does not pay.
fn thinning((n, p, q): (usize, usize, usize)) -> Option<usize> {
    let enough = (THIN_RATIO * (p * p + q * q)).div_ceil(p * q).max(THIN_SAMPLES);
    Some(n / enough).filter(|step| *step >= LEAST_STEP)
}

/// A point near the optimum, found on every `step`-th sample; `None` where there are too few
/// samples to thin, or where the thinned sample has no estimate.
pub(super) fn start(model: &Model, sample: &Sample) -> Option<Iterate> {
    on(model, &SampleLikelihood::thinned(sample, thinning(sample.dim())?))
}

/// A few sweeps on a part of the data; `None` where it has no estimate.
pub(super) fn on(model: &Model, part: &SampleLikelihood<'_>) -> Option<Iterate> {
    let problem = Problem::new(model, part);
    let mut iterate = problem.first().ok()?;
    let mut memory = Anderson::default();
    for count in 0..THIN_SWEEPS.0 {
        match problem.is_unstructured() {
            true => memory.sweep(&problem, &mut iterate).ok()?,
            false => flip_flop::sweep(&problem, &mut iterate, count).ok()?,
        }
        if iterate.score.worst() < THIN_SWEEPS.1 {
            break;
        }
    }
    // A thinned sample may put ν at infinity where the whole one does not.
    let usable = iterate.log_likelihood().is_finite()
        && (iterate.law.dof().is_some() || !model.estimates_dof());
    let mut start = Iterate::new(iterate.point, iterate.law);
    if model.estimates_dof() {
        start.score.dof = f64::INFINITY;
    }
    usable.then_some(start)
}

/// Shall the moments be the source?
///
/// # Errors
/// [`Error::Unsupported`] when they are asked for where the law weighs the samples.
pub(super) fn by_moments(
    model: &Model,
    dim: (usize, usize, usize),
    options: &FitOptions,
) -> Result<bool> {
    let constant = model.law().weighting().is_identity() && !model.estimates_dof();
    match options.source {
        DataSource::Samples => Ok(false),
        DataSource::Moments if constant => Ok(true),
        DataSource::Moments => Err(Error::Unsupported {
            what: format!("a fit of the {} law from moments", model.law().name()),
            remedy: "its weights need the samples: use the source samples or auto".to_owned(),
        }),
        DataSource::Auto => Ok(constant && moments_pay(dim, options.tol)),
    }
}

fn moments_pay((n, p, q): (usize, usize, usize), tol: f64) -> bool {
    let doubles = (p * q).saturating_mul(p * q);
    if doubles.saturating_mul(4) > MOMENT_DOUBLES.max(n * p * q) {
        return false;
    }
    let (n, p, q) = (n as f64, p as f64, q as f64);
    let rate = (2.0 * (p * p + q * q) / (n * p * q)).min(0.98);
    let sweeps = 2.0 + tol.ln() / rate.ln();
    let sweep = 2.0 * n * p * q * (p + q);
    let entries = 0.25 * p * (p + 1.0) * q * (q + 1.0);
    let moments = (2.0 * n + ENTRY_OVERHEAD) * entries
        + 0.5 * sweep
        + sweeps * (4.0 * entries + MOMENT_OVERHEAD);
    moments < sweeps * sweep
}

/// The moments of a sample around a point, and the point with the mean that they give.
///
/// # Errors
/// As [`Moments::likelihood`].
pub(super) fn moments(
    model: &Model,
    sample: &Sample,
    point: &mut Point,
) -> Result<MomentLikelihood> {
    let mut moments = Moments::new(whitening(point));
    let weights = match sample.weights() {
        Weights::Frequency(weights) => Some(weights.as_slice()),
        _ => None,
    };
    moments.observe_checked(sample.values(), weights);
    let moments = moments.likelihood()?;
    if *model.mean_structure() == Mean::Free {
        point.mean.assign(&moments.average()?);
    }
    Ok(moments)
}

/// What the moments are whitened by: the point, or only its mean where the factors are so well
/// conditioned that raw moments lose no digit that matters.
fn whitening(point: &Point) -> Point {
    let (p, q) = point.mean.dim();
    let condition = condition_bound(point.row()) * condition_bound(point.col());
    let scale = (point.col().ln_det() / q as f64 + point.row().ln_det() / p as f64).exp();
    if !(condition <= WELL_CONDITIONED && PLAIN_SCALE.contains(&scale)) {
        return point.clone();
    }
    let unit = |d: usize| Root::scaled_identity(d, 1.0);
    Point::new(point.mean.clone(), unit(p), unit(q))
}

/// ‖A‖₁ ‖A⁻¹‖₁, at least the condition of A.
fn condition_bound(root: &Root) -> f64 {
    let norm = |matrix: Array2<f64>| {
        let sum = |row: ArrayView1<'_, f64>| row.iter().map(|x| x.abs()).sum();
        matrix.rows().into_iter().map(sum).fold(0.0, f64::max)
    };
    norm(root.matrix()) * norm(matmul(root.inverse().t(), root.inverse()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_for_many_small_samples() {
        assert!(moments_pay((10_000, 10, 10), 1e-8));
        assert!(!moments_pay((100, 10, 10), 1e-8));
        assert!(!moments_pay((100, 100, 50), 1e-8));
        assert!(!moments_pay((50, 200, 200), 1e-8));
        assert!(!moments_pay((3, 20, 20), 1e-8));
    }

    #[test]
    fn only_long_samples_are_thinned() {
        assert_eq!(thinning((100, 10, 10)), None);
        assert_eq!(thinning((10_000, 10, 10)), Some(156));
        assert_eq!(thinning((50, 200, 200)), None);
    }
}
