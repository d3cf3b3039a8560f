//! Joint ascent: all parameters at once, by a solver of argmin.

use super::climb::{self, Outcome};
use super::coordinates::Coordinates;
use super::flip_flop;
use super::iterate::Iterate;
use super::joint_problem::JointProblem;
use super::newton::LARGE_DOF;
use super::options::{FitOptions, Observer, Step, Termination};
use super::problem::{Problem, is_out_of_time};
use crate::optim::{self, Objective, Optimizer, Settings, Stop};
use crate::{Error, Result};
use std::time::Instant;

/// Sweeps from the starting point: they take the worst of the conditioning out.
const SWEEPS_FIRST: usize = 2;
/// Iterations after which the coordinates are centred on the current point again.
const ROUND: usize = 60;
/// Rounds in a row without a better score before the fit is given up.
const FRUITLESS: usize = 3;

/// Score from which the last steps may be Newton's, and the most of them in one round.
pub(super) const NEAR: f64 = 1e-4;
pub(super) const POLISH: usize = 4;

/// Where the loop stands.
struct Run<'a, 'b> {
    options: &'a FitOptions,
    observer: &'b mut dyn Observer,
    clock: Instant,
    trace: Vec<Step>,
    done: usize,
    verdict: Option<Termination>,
}

impl Run<'_, '_> {
    /// Notes a step; `false` ends the fit with `verdict`.
    fn look(&mut self, problem: &Problem<'_>, iterate: &Iterate, passes: usize) -> bool {
        let mut step = climb::note(iterate, self.done, self.clock);
        step.passes = passes;
        self.trace.push(step);
        let limit = self.options.time_limit;
        self.verdict = if !self.observer.step(&step) {
            Some(Termination::Interrupted)
        } else if climb::is_singular(problem, iterate) {
            Some(Termination::Unbounded)
        } else if limit.is_some_and(|limit| step.seconds >= limit) {
            Some(Termination::TimeLimit)
        } else if self.done >= self.options.max_iter && step.score > self.options.tol {
            Some(Termination::MaxIterations)
        } else {
            None
        };
        self.verdict.is_none()
    }
}

pub(super) fn run(
    problem: &Problem<'_>,
    start: Iterate,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<Outcome> {
    let mut run = Run { options, observer, clock, trace: Vec::new(), done: 0, verdict: None };
    let mut iterate = start;
    let termination = match ascend(problem, &mut iterate, &mut run) {
        Ok(termination) => termination,
        Err(Error::NotPositiveDefinite { .. } | Error::NonFinite { .. }) => Termination::Unbounded,
        Err(error) if is_out_of_time(&error) => Termination::TimeLimit,
        Err(error) => return Err(error),
    };
    Ok(Outcome { iterate, termination, method: "joint", iterations: run.done, trace: run.trace })
}

fn ascend(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    run: &mut Run<'_, '_>,
) -> Result<Termination> {
    let (mut fruitless, mut failed) = (0, false);
    if !run.look(problem, iterate, iterate.passes) {
        return Ok(run.verdict.unwrap_or(Termination::Interrupted));
    }
    loop {
        if iterate.score.worst() <= run.options.tol
            && climb::confirmed(problem, iterate, run.options.tol)?
        {
            return Ok(Termination::Score);
        }
        let undecided = iterate.law.dof().is_some_and(|dof| dof > LARGE_DOF);
        if run.done < SWEEPS_FIRST || undecided {
            flip_flop::sweep(problem, iterate, run.done)?;
            run.done += 1;
            if !run.look(problem, iterate, iterate.passes) {
                return Ok(run.verdict.unwrap_or(Termination::Interrupted));
            }
            continue;
        }
        problem.complete(iterate)?;
        let (before, done) = (iterate.clone(), run.done);
        // Where rounding hides the differences that a line search compares, Newton steps are
        // judged by their score.
        let polish = failed && before.score.worst() < NEAR;
        let stop = round(problem, iterate, run, polish)?;
        if let Some(verdict) = run.verdict {
            return Ok(verdict);
        }
        if run.done == done {
            // The search failed at once: that counts, or it could fail for ever.
            run.done += 1;
            if !run.look(problem, iterate, iterate.passes) {
                return Ok(run.verdict.unwrap_or(Termination::Interrupted));
            }
        }
        let better = iterate.score.worst() < 0.5 * before.score.worst();
        let gain = iterate.log_likelihood() - before.log_likelihood();
        let higher = gain > 1e-12 * (1.0 + before.log_likelihood().abs());
        failed = stop == Stop::NoProgress;
        let stuck = failed && !better && !higher;
        fruitless = if stuck { fruitless + 1 } else { 0 };
        if fruitless == FRUITLESS {
            return Ok(Termination::Stalled);
        }
        if !better && !higher && !problem.is_unstructured() {
            // A uniqueness that is zero has no slope in its coordinate: only a sweep frees it.
            let mut swept = iterate.clone();
            flip_flop::sweep(problem, &mut swept, run.done)?;
            if swept.log_likelihood() >= iterate.log_likelihood() {
                *iterate = swept;
            }
        }
    }
}

/// One run of the solver around the current point.
fn round(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    run: &mut Run<'_, '_>,
    polish: bool,
) -> Result<Stop> {
    let left = (run.options.max_iter - run.done.min(run.options.max_iter)).clamp(1, ROUND);
    let options = run.options;
    let most = if polish { left.min(POLISH) } else { left };
    let settings = if polish { newton_like(&options.search) } else { options.search };
    let mut first = true;
    let mut watch = |here: &Iterate| {
        if std::mem::take(&mut first) {
            return true;
        }
        run.done += 1;
        let undecided = here.law.dof().is_some_and(|dof| dof > LARGE_DOF);
        run.look(problem, here, here.passes) && !undecided
    };
    let limits = (options.tol, most);
    search(problem, iterate, (options.coordinates, &settings), limits, &mut watch)
}

/// The search for the last steps, which are judged by their scores.
pub(super) fn newton_like(search: &Settings) -> Settings {
    Settings { optimizer: Optimizer::TrustRegion, ..*search }
}

/// One minimisation in coordinates around the current point, which it moves; `watch` sees every
/// iterate with the passes so far.
pub(super) fn search(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    (coordinates, settings): (Coordinates, &Settings),
    limits: (f64, usize),
    watch: &mut dyn FnMut(&Iterate) -> bool,
) -> Result<Stop> {
    let joint = JointProblem::new(problem, iterate, coordinates)?;
    let passes = iterate.passes;
    let start = vec![0.0; joint.dim()];
    let mut watch = |x: &[f64], _: &optim::Evaluation| {
        let Ok(mut here) = joint.iterate_at(x) else { return true };
        here.passes = passes + joint.passes();
        watch(&here)
    };
    let found = match optim::minimise(&joint, &start, settings, limits, &mut watch) {
        // The point was reached by a sweep, but has no likelihood in these coordinates.
        Err(Error::Domain { .. }) => return Ok(Stop::NoProgress),
        found => found?,
    };
    let mut next = joint.iterate_at(&found.x)?;
    next.passes = passes + joint.passes();
    next.point.balance();
    *iterate = next;
    Ok(found.stop)
}
