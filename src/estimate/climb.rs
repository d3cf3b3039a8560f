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
            break Termination::Stalled;
        }
        let mut next = iterate.clone();
        match stepper.advance(problem, &mut next, done) {
            Ok(true) if next.log_likelihood.is_finite() => iterate = next,
            Ok(false) => {
                iterate.passes = next.passes;
                break Termination::Stalled;
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
fn confirmed(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    if iterate.law.weighting() == Weighting::Identity && iterate.want != Want::Both {
        problem.complete(iterate)?;
    }
    if iterate.score.worst() > tol {
        return Ok(false);
    }
    Ok(!dof::is_at_infinity(problem.model, iterate) || !dof::leave_infinity(problem, iterate)?)
}

pub(super) fn is_singular(iterate: &Iterate) -> bool {
    [&iterate.point.row, &iterate.point.col].into_iter().any(|root| {
        let (low, high) = root
            .diagonal()
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let ratio = high / low;
        !ratio.is_finite() || ratio * ratio > SINGULAR
    })
}
