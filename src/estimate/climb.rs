//! The loop that every iterative estimator shares: look, stop or step.

use super::dof;
use super::iterate::Iterate;
use super::options::{FitOptions, Observer, Step, Termination};
use super::problem::Problem;
use crate::family::Weighting;
use crate::model::Want;
use crate::{Error, Result};
use std::time::Instant;

/// What an estimator does in one iteration.
pub(super) trait Stepper {
    /// Name of the method for the report.
    fn name(&self) -> &'static str;

    /// Moves the iterate, whose pass, likelihood and score are up to date on entry and on exit.
    /// `false`: nothing better can be found from here.
    fn advance(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        count: usize,
    ) -> Result<bool>;

    /// Iterations without a better score after which rounding is to blame.
    fn patience(&self) -> usize;
}

/// How an estimator ended: the best point, why, and the way there.
pub(super) struct Outcome {
    pub(super) iterate: Iterate,
    pub(super) termination: Termination,
    pub(super) method: &'static str,
    pub(super) iterations: usize,
    pub(super) trace: Vec<Step>,
}

/// Ratio of the roots' diagonals (squared: a lower bound of the condition number) beyond which a
/// factor is singular in double precision.
const SINGULAR: f64 = 1e14;

/// Spread beyond which a flat likelihood is one without a maximum.
pub(super) const FAR: f64 = 1e6;
/// A Newton step that ends at a maximum is short. Where the likelihood rises for ever towards a
/// singular factor the score vanishes too, but every step is about as long as the last.
const LONGEST_LAST_STEP: f64 = 0.05;

/// Steps until the score is within the tolerance.
pub(super) fn climb(
    problem: &Problem<'_>,
    start: Iterate,
    stepper: &mut dyn Stepper,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<Outcome> {
    let mut iterate = start;
    let mut trace = Vec::new();
    let mut best = (f64::INFINITY, 0);
    let mut done = 0;
    let termination = loop {
        let step = note(&iterate, done, clock);
        trace.push(step);
        if !observer.step(&step) {
            break Termination::Interrupted;
        }
        if step.score <= options.tol && confirmed(problem, &mut iterate, options.tol)? {
            break Termination::Score;
        }
        if step.score < 0.99 * best.0 {
            best = (step.score, done);
        }
        if done == options.max_iter {
            break Termination::MaxIterations;
        }
        if options.time_limit.is_some_and(|limit| step.seconds >= limit) {
            break Termination::TimeLimit;
        }
        if is_singular(&iterate) {
            break Termination::Unbounded;
        }
        // Far from the optimum the score may rise for long; near it only rounding makes it rise.
        if done > best.1 + stepper.patience() && best.0 < 1e-5 {
            break no_progress(&iterate);
        }
        let mut next = iterate.clone();
        match stepper.advance(problem, &mut next, done) {
            Ok(true) if rises(&iterate, &next) => iterate = next,
            // Every step rises in exact arithmetic: one that falls is the end of double precision.
            Ok(true) if next.log_likelihood.is_finite() => break no_progress(&iterate),
            Ok(false) => {
                iterate.passes = next.passes;
                break no_progress(&iterate);
            }
            Ok(true) | Err(Error::NotPositiveDefinite { .. } | Error::NonFinite { .. }) => {
                break Termination::Unbounded;
            }
            Err(error) => return Err(error),
        }
        done += 1;
    };
    Ok(Outcome { iterate, termination, method: stepper.name(), iterations: done, trace })
}

/// Is the step uphill, up to rounding?
fn rises(from: &Iterate, to: &Iterate) -> bool {
    to.log_likelihood >= from.log_likelihood - 1e-9 * (1.0 + from.log_likelihood.abs())
        && to.log_likelihood.is_finite()
}

/// Rounding, or a likelihood that rises for ever: the length of the last step tells.
fn no_progress(iterate: &Iterate) -> Termination {
    if iterate.stride > LONGEST_LAST_STEP { Termination::Unbounded } else { Termination::Stalled }
}

pub(super) fn note(iterate: &Iterate, iteration: usize, clock: Instant) -> Step {
    Step {
        iteration,
        passes: iterate.passes,
        seconds: clock.elapsed().as_secs_f64(),
        log_likelihood: iterate.log_likelihood,
        score: iterate.score.worst(),
        dof: iterate.law.dof(),
    }
}

/// The Gaussian sweep takes the column score as zero because B was just maximised; before the
/// verdict both are looked at. A Gaussian that stands for ν = ∞ must be the maximum in ν as well.
pub(super) fn confirmed(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    if iterate.law.weighting() == Weighting::Identity && iterate.want != Want::Both {
        problem.complete(iterate)?;
    }
    if iterate.score.worst() > tol || iterate.stride > LONGEST_LAST_STEP {
        return Ok(false);
    }
    Ok(!dof::is_at_infinity(problem.model, iterate) || !dof::leave_infinity(problem, iterate)?)
}

pub(super) fn is_singular(iterate: &Iterate) -> bool {
    !(spread(iterate) <= SINGULAR)
}

/// A lower bound of the larger condition number of A and B, infinite where one is not finite.
pub(super) fn spread(iterate: &Iterate) -> f64 {
    [&iterate.point.row, &iterate.point.col].into_iter().fold(1.0, |worst: f64, root| {
        let (low, high) = root
            .diagonal()
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let ratio = (high / low).powi(2);
        if ratio.is_finite() { worst.max(ratio) } else { f64::INFINITY }
    })
}
