//! The loop that every iterative estimator shares: look, stop or step. argmin's executor turns it.

use super::dof;
use super::iterate::Iterate;
use super::options::{FitOptions, Observer, Step, Termination};
use super::problem::{Problem, is_out_of_time};
use crate::optim::{self, Progress, Stepwise, Stop};
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

    /// Most passes of a fit of so many iterations at most.
    fn budget(&self, _max_iter: usize) -> usize {
        usize::MAX
    }

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

/// Steps for which there is room in the trace from the beginning.
const TRACE: usize = 256;

/// Spread beyond which a flat likelihood is one without a maximum.
pub(super) const FAR: f64 = 1e6;
/// A Newton step that ends at a maximum is short. Where the likelihood rises for ever towards a
/// singular factor the score vanishes too, but every step is about as long as the last.
const LONGEST_LAST_STEP: f64 = 0.05;

/// Flip-flop, Newton or the default policy as a method for argmin's executor, with the stopping
/// rules of [`FitOptions`].
///
/// [`Model::fit`] runs it by itself. Run it under an executor of your own for argmin's observers,
/// time limit and Ctrl-C; [`Ascent::termination`] is the verdict.
///
/// ```
/// use kronfit::estimate::{Ascent, FitOptions, Method, Problem, Termination};
/// use kronfit::likelihood::SampleLikelihood;
/// use kronfit::model::Model;
/// use kronfit::optim::{Steps, argmin::core::{Executor, State}};
/// # use kronfit::data::Sample;
/// # let x = ndarray::Array3::from_shape_fn((9, 2, 2), |(i, j, k)| ((7 * i + 3 * j + 5 * k) as f64).sin());
/// # let sample = Sample::new(x)?;
/// let model = Model::gaussian();
/// let source = SampleLikelihood::new(&sample);
/// let problem = Problem::new(&model, &source);
/// let options = FitOptions { method: Method::FlipFlop, ..FitOptions::default() };
/// let solver = Steps::new(Ascent::new(&problem, &options)?);
/// let start = problem.start()?;
/// let end = Executor::new(&problem, solver)
///     .configure(|state| state.param(start).max_iters(500))
///     .run()?;
/// assert_eq!(end.solver.method().termination(), Some(Termination::Score));
/// let fit = model.fit_with(&sample, &options, &mut kronfit::estimate::Silent)?;
/// assert_eq!(-end.state.get_cost(), fit.log_likelihood());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Model::fit`]: crate::model::Model::fit
pub struct Ascent<'o> {
    stepper: Box<dyn Stepper>,
    tol: f64,
    max_iter: usize,
    time_limit: Option<f64>,
    observer: Option<&'o mut dyn Observer>,
    clock: Option<Instant>,
    trace: Vec<Step>,
    /// Where the next step is tried.
    next: Option<Iterate>,
    /// The lowest score and when it was seen.
    best: (f64, usize),
    done: usize,
    termination: Option<Termination>,
}

impl Ascent<'_> {
    /// The method of the options for a problem.
    ///
    /// # Errors
    /// [`Error::Domain`] for options out of range, [`Error::Unsupported`] for a method that does
    /// not go step by step: joint ascent, and Newton where a factor is structured, are searches
    /// on a [`super::JointProblem`].
    pub fn new(problem: &Problem<'_>, options: &FitOptions) -> Result<Self> {
        options.validate()?;
        let stepper = super::stepper(problem, options).ok_or_else(|| Error::Unsupported {
            what: format!("{} does not go step by step here", options.method),
            remedy: "run a solver of argmin on a JointProblem".to_owned(),
        })?;
        Ok(Self::of(stepper, options))
    }

    fn of(stepper: Box<dyn Stepper>, options: &FitOptions) -> Self {
        Self {
            stepper,
            tol: options.tol,
            max_iter: options.max_iter,
            time_limit: options.time_limit,
            observer: None,
            clock: None,
            trace: Vec::with_capacity(options.max_iter.min(TRACE)),
            next: None,
            best: (f64::INFINITY, 0),
            done: 0,
            termination: None,
        }
    }

    /// Why it ended; `None` where the executor stopped it.
    pub fn termination(&self) -> Option<Termination> {
        self.termination
    }

    /// Every step of the way.
    pub fn trace(&self) -> &[Step] {
        &self.trace
    }

    /// Notes where the iterate is, and whether that is the end.
    fn look(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) -> Result<Progress> {
        let step = note(iterate, self.done, *self.clock.get_or_insert_with(Instant::now));
        self.trace.push(step);
        if self.observer.as_mut().is_some_and(|observer| !observer.step(&step)) {
            return Ok(self.end(Termination::Interrupted));
        }
        if step.score <= self.tol && confirmed(problem, iterate, self.tol)? {
            return Ok(self.end(Termination::Score));
        }
        if step.dof.is_none() && iterate.law.dof().is_some() {
            // Back from the Gaussian limit: its scores do not count any more.
            self.best = (f64::INFINITY, self.done);
        } else if step.score < 0.99 * self.best.0 {
            self.best = (step.score, self.done);
        }
        if self.done == self.max_iter || step.passes >= self.stepper.budget(self.max_iter) {
            return Ok(self.end(Termination::MaxIterations));
        }
        if self.time_limit.is_some_and(|limit| step.seconds >= limit) {
            return Ok(self.end(Termination::TimeLimit));
        }
        if is_singular(problem, iterate) {
            return Ok(self.end(Termination::Unbounded));
        }
        // Far from the optimum the score may rise for long; near it only rounding makes it rise.
        if self.done > self.best.1 + self.stepper.patience() && self.best.0 < 1e-5 {
            return Ok(self.end(no_progress(iterate)));
        }
        Ok(Progress::GoOn)
    }

    fn end(&mut self, termination: Termination) -> Progress {
        self.termination = Some(termination);
        Progress::Ended(match termination {
            Termination::Score | Termination::ThreeStep => Stop::Score,
            Termination::MaxIterations => Stop::MaxIterations,
            Termination::TimeLimit => Stop::TimeLimit,
            Termination::Interrupted => Stop::Asked,
            Termination::Stalled | Termination::Unbounded => Stop::NoProgress,
        })
    }
}

impl Stepwise<&Problem<'_>> for Ascent<'_> {
    type Point = Iterate;

    fn name(&self) -> &str {
        self.stepper.name()
    }

    /// −ℓ.
    fn cost(&self, iterate: &Iterate) -> f64 {
        -iterate.log_likelihood()
    }

    fn begin(&mut self, problem: &&Problem<'_>, iterate: &mut Iterate) -> Result<Progress> {
        self.look(problem, iterate)
    }

    fn step(&mut self, problem: &&Problem<'_>, iterate: &mut Iterate) -> Result<Progress> {
        let mut next = iterate.copy(self.next.take());
        let termination = match self.stepper.advance(problem, &mut next, self.done) {
            Ok(true) if rises(iterate, &next) => {
                std::mem::swap(iterate, &mut next);
                self.next = Some(next);
                self.done += 1;
                return self.look(problem, iterate);
            }
            // Every step rises in exact arithmetic: one that falls is the end of double precision.
            Ok(true) if next.log_likelihood().is_finite() => no_progress(iterate),
            Ok(false) => {
                iterate.passes = next.passes;
                no_progress(iterate)
            }
            Ok(true) | Err(Error::NotPositiveDefinite { .. } | Error::NonFinite { .. }) => {
                Termination::Unbounded
            }
            Err(error) if is_out_of_time(&error) => Termination::TimeLimit,
            Err(error) => return Err(error),
        };
        Ok(self.end(termination))
    }

    fn facts(&self, iterate: &Iterate, tell: &mut dyn FnMut(&'static str, f64)) {
        tell("log_likelihood", iterate.log_likelihood());
        tell("score", iterate.score.worst());
        tell("passes", iterate.passes as f64);
        if let Some(dof) = iterate.law.dof() {
            tell("dof", dof);
        }
    }
}

/// Steps under argmin's executor until a rule of the options ends them.
pub(super) fn climb(
    problem: &Problem<'_>,
    start: Iterate,
    stepper: Box<dyn Stepper>,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<Outcome> {
    let ascent = Ascent::of(stepper, options);
    let ascent = Ascent { observer: Some(observer), clock: Some(clock), ..ascent };
    let (ascent, iterate) = optim::run_steps(problem, ascent, start)?;
    Ok(Outcome {
        iterate,
        termination: ascent.termination.unwrap_or(Termination::Interrupted),
        method: ascent.stepper.name(),
        iterations: ascent.done,
        trace: ascent.trace,
    })
}

/// Is the step uphill, up to rounding?
fn rises(from: &Iterate, to: &Iterate) -> bool {
    to.log_likelihood() >= from.log_likelihood() - 1e-6 * (1.0 + from.log_likelihood().abs())
        && to.log_likelihood().is_finite()
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
        log_likelihood: iterate.log_likelihood(),
        score: iterate.score.worst(),
        dof: iterate.law.dof(),
    }
}

/// The Gaussian sweep takes the column score as zero because B was just maximised; before the
/// verdict both are looked at. A Gaussian that stands for ν = ∞ must be the maximum in ν as well.
pub(super) fn confirmed(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    problem.complete(iterate)?;
    if iterate.score.worst() > tol || iterate.stride > LONGEST_LAST_STEP {
        return Ok(false);
    }
    Ok(!dof::is_at_infinity(problem.model, iterate) || !dof::leave_infinity(problem, iterate)?)
}

/// An absurd cell makes factors that are as absurd.
pub(super) fn is_singular(problem: &Problem<'_>, iterate: &Iterate) -> bool {
    !(spread(iterate) <= SINGULAR * problem.reach().powi(2))
}

/// A lower bound of the larger condition number of A and B, infinite where one is not finite.
pub(super) fn spread(iterate: &Iterate) -> f64 {
    iterate.point.factors.iter().fold(1.0, |worst: f64, root| {
        let (low, high) = root
            .diagonal()
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let ratio = (high / low).powi(2);
        if ratio.is_finite() { worst.max(ratio) } else { f64::INFINITY }
    })
}
