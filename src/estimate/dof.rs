//! The step in ν: the maximiser of the actual likelihood with the factors held fixed (ECME, Liu &
//! Rubin 1994), and the switch to the Gaussian where that maximiser is ν = ∞.

use super::iterate::Iterate;
use super::problem::Problem;
use crate::Result;
use crate::family::{DOF_LOWER, DofBearing, DofEstimate, DofFamily};
use crate::kronecker::Side;
use crate::likelihood::Summaries;
use crate::model::{MARGIN, Model};

/// Longest scoring step in ln ν.
const LONGEST_STEP: f64 = 1.0;

/// ν of the iterate's law, ∞ for the Gaussian.
fn current(iterate: &Iterate) -> f64 {
    iterate.law.dof().unwrap_or(f64::INFINITY)
}

/// Is the iterate at the Gaussian limit of the model's law?
pub(super) fn is_at_infinity(model: &Model, iterate: &Iterate) -> bool {
    model.estimates_dof() && iterate.law.dof().is_none()
}

/// What the reader has to know about an estimated ν.
pub(super) fn warnings(problem: &Problem<'_>, iterate: &Iterate) -> Vec<String> {
    let model = problem.model;
    if is_at_infinity(model, iterate) {
        let name = model.law().name();
        return vec![format!(
            "the estimate of ν is ∞: the {name} likelihood rises to its Gaussian limit, which is \
             what is reported"
        )];
    }
    if model.estimates_dof() && problem.floor > DOF_LOWER && problem.is_at_floor(iterate) {
        return vec![format!(
            "ν is held at {:.4}: nearer to {:.4} the likelihood grows without bound for every sample \
             of this size, with a mean that goes through samples (there is no overall maximum); \
             fix ν or the mean, or collect more samples",
            problem.floor,
            problem.floor / MARGIN
        )];
    }
    if model.estimates_dof() && current(iterate) <= DOF_LOWER {
        return vec![format!(
            "the estimate of ν is at the lower end {DOF_LOWER} of its range: the tails are heavier \
             than any t law; Tyler's estimator does not depend on them"
        )];
    }
    Vec::new()
}

/// One look at the data for what the likelihood in ν needs.
pub(super) fn summaries(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    family: &dyn DofFamily,
) -> Result<Summaries> {
    iterate.passes += 1;
    let unit = family.scale_unit(current(iterate));
    let seen = problem.likelihood.summaries(&iterate.point, family)?;
    Ok(seen.scaled(unit))
}

/// (1/n) ∂ℓ/∂ ln ν with the summaries held fixed.
pub(super) fn slope(
    family: &dyn DofFamily,
    dof: f64,
    seen: &Summaries,
    dim: (usize, usize),
) -> f64 {
    0.5 * dof * seen.score(family, dof, dim)
}

/// Moves ν, and A with it so that what the summaries are made of stays; gives the
/// factor on B.
pub(super) fn move_to(iterate: &mut Iterate, family: &dyn DofFamily, dof: f64) -> f64 {
    let ratio = family.scale_unit(dof) / family.scale_unit(current(iterate));
    iterate.law = if dof.is_finite() { family.at(dof) } else { family.limit() };
    iterate.point.factors[Side::Cols].scale(ratio);
    ratio
}

/// ν at its maximum for these factors. At the Gaussian limit nothing is done: see
/// [`leave_infinity`].
///
/// # Errors
/// [`crate::Error::NonFinite`] when a distance is not a number.
pub(super) fn update(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    let (_, p, q) = problem.dim();
    let model = problem.model.law().clone();
    let Some(family) = model.dof_family() else { return Ok(()) };
    if is_at_infinity(problem.model, iterate) {
        return Ok(());
    }
    let seen = summaries(problem, iterate, family)?;
    // The summaries do not move with ν, so the score in ν is known without another look.
    let (dof, score) = match seen.estimate(family, current(iterate), (p, q))? {
        DofEstimate::Interior(dof) if dof <= problem.floor => (problem.floor, 0.0),
        DofEstimate::Interior(dof) => (dof, slope(family, dof, &seen, (p, q)).abs()),
        DofEstimate::Lower => (problem.floor, 0.0),
        DofEstimate::Infinite => (f64::INFINITY, 0.0),
    };
    iterate.score.dof = score;
    move_to(iterate, family, dof);
    Ok(())
}

/// A scoring step in ln ν in the direction that is orthogonal to the scale; `false`, and nothing
/// moved, where it would be long: the likelihood may have several maxima, and the one uphill from
/// here is wanted.
pub(super) fn scoring_step(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    bearing: &DofBearing,
) -> bool {
    let law = iterate.law.clone();
    let (Some(family), Some(dof)) = (law.dof_family(), law.dof()) else { return false };
    let step = bearing.slope / bearing.information;
    let inside = dof * step.exp() > problem.floor;
    if !(step.abs() < LONGEST_STEP && bearing.information > 0.0 && inside) {
        return false;
    }
    move_to(iterate, family, dof * step.exp());
    iterate.point.factors[Side::Cols].scale((bearing.tilt * step).exp());
    true
}

/// At a Gaussian optimum: does the likelihood rise again for some finite ν? Then goes there.
///
/// # Errors
/// As [`update`].
pub(super) fn leave_infinity(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<bool> {
    let (_, p, q) = problem.dim();
    let model = problem.model.law().clone();
    let Some(family) = model.dof_family() else { return Ok(false) };
    let seen = summaries(problem, iterate, family)?;
    if seen.excess_at_infinity(family, (p, q)) <= 0.0 {
        return Ok(false);
    }
    let start = 1e9;
    let DofEstimate::Interior(dof) = seen.estimate(family, start, (p, q))? else {
        return Ok(false);
    };
    move_to(iterate, family, dof);
    problem.evaluate(iterate)?;
    Ok(true)
}
