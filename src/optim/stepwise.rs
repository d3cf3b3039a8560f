//! Methods that are not argmin's, as solvers of argmin: a point of any type, moved step by step.
//!
//! [`Steps`] makes an argmin `Solver` of a [`Stepwise`] method, so that executors, observers, time
//! limits and Ctrl-C of argmin work for it.

use super::Stop;
use crate::{Error, Result};
use argmin::core::{
    Executor, KV, KvValue, Problem, Solver, State, TerminationReason, TerminationStatus,
};
use std::collections::HashMap;
use std::time::Duration;

type ArgminError = argmin::core::Error;

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    GoOn,
    /// The point is the last one.
    Ended(Stop),
}

/// A method that moves a point on a problem of type `O`, no step worse than the last.
pub trait Stepwise<O> {
    /// What is moved.
    type Point;

    /// Name of the method.
    fn name(&self) -> &str;

    /// What falls from step to step.
    fn cost(&self, point: &Self::Point) -> f64;

    /// Looks at the start.
    ///
    /// # Errors
    /// Whatever makes the start useless.
    fn begin(&mut self, problem: &O, point: &mut Self::Point) -> Result<Progress>;

    /// Makes one step.
    ///
    /// # Errors
    /// Whatever leaves no usable point.
    fn step(&mut self, problem: &O, point: &mut Self::Point) -> Result<Progress>;

    /// Numbers for observers, each with a name.
    fn facts(&self, _point: &Self::Point, _tell: &mut dyn FnMut(&'static str, f64)) {}
}

/// A [`Stepwise`] method as a solver of argmin.
///
/// A failed step comes out of the executor as the [`Error`] that it was: `downcast` it.
///
/// ```
/// use kronfit::optim::argmin::core::{Executor, State};
/// use kronfit::optim::{Progress, Steps, Stepwise, Stop};
/// /// Heron's square root of the problem.
/// struct Heron;
/// impl Stepwise<f64> for Heron {
///     type Point = f64;
///     fn name(&self) -> &str { "Heron" }
///     fn cost(&self, x: &f64) -> f64 { *x }
///     fn begin(&mut self, _: &f64, _: &mut f64) -> kronfit::Result<Progress> {
///         Ok(Progress::GoOn)
///     }
///     fn step(&mut self, a: &f64, x: &mut f64) -> kronfit::Result<Progress> {
///         let next = 0.5 * (*x + a / *x);
///         let done = (next - *x).abs() < 1e-12;
///         *x = next;
///         Ok(if done { Progress::Ended(Stop::Score) } else { Progress::GoOn })
///     }
/// }
/// let end = Executor::new(9.0, Steps::new(Heron)).configure(|s| s.param(9.0)).run()?;
/// assert_eq!(end.state.get_param(), Some(&3.0));
/// # Ok::<(), kronfit::optim::argmin::core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Steps<M> {
    method: M,
    tell: bool,
}

impl<M> Steps<M> {
    /// The method as a solver.
    pub fn new(method: M) -> Self {
        Self { method, tell: true }
    }

    /// The method.
    pub fn method(&self) -> &M {
        &self.method
    }

    /// The method, when the solver has done its work.
    pub fn into_method(self) -> M {
        self.method
    }
}

type Told<P> = std::result::Result<(StepState<P>, Option<KV>), ArgminError>;

impl<M> Steps<M> {
    /// Lets the method look at the point, or move it, and writes down what came of it.
    fn advance<O>(
        &mut self,
        problem: &Problem<O>,
        mut state: StepState<M::Point>,
        how: fn(&mut M, &O, &mut M::Point) -> Result<Progress>,
    ) -> Told<M::Point>
    where
        M: Stepwise<O>,
    {
        let (Some(problem), Some(point)) = (&problem.problem, &mut state.param) else {
            let found = "neither a problem nor a start is known";
            return Err(Error::domain("a run of argmin", found, "given both").into());
        };
        let progress = how(&mut self.method, problem, point)?;
        state.cost = self.method.cost(point);
        let told = self.tell.then(|| {
            let mut told = KV::new();
            self.method.facts(point, &mut |name, value| {
                told.insert(name, KvValue::Float(value));
            });
            told
        });
        Ok(match progress {
            Progress::GoOn => (state, told),
            Progress::Ended(stop) => (state.terminate_with(reason(stop)), told),
        })
    }
}

/// The end of a method in argmin's words.
fn reason(stop: Stop) -> TerminationReason {
    match stop {
        Stop::Score => TerminationReason::SolverConverged,
        Stop::MaxIterations => TerminationReason::MaxItersReached,
        Stop::TimeLimit => TerminationReason::Timeout,
        Stop::Asked => TerminationReason::Interrupt,
        Stop::NoProgress => TerminationReason::SolverExit("no further progress".to_owned()),
    }
}

impl<O, M: Stepwise<O>> Solver<O, StepState<M::Point>> for Steps<M> {
    fn name(&self) -> &str {
        self.method.name()
    }

    fn init(&mut self, problem: &mut Problem<O>, state: StepState<M::Point>) -> Told<M::Point> {
        self.advance(problem, state, M::begin)
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        state: StepState<M::Point>,
    ) -> Told<M::Point> {
        self.advance(problem, state, M::step)
    }
}

/// Where a run of [`Steps`] stands. The point is kept once: every step is at least as good as the
/// one before, so the current point is the best one.
#[derive(Debug, Clone)]
pub struct StepState<P> {
    param: Option<P>,
    cost: f64,
    target: f64,
    iter: u64,
    max_iters: u64,
    counts: HashMap<String, u64>,
    time: Option<Duration>,
    status: TerminationStatus,
}

impl<P> StepState<P> {
    /// Starts from here.
    #[must_use]
    pub fn param(self, point: P) -> Self {
        Self { param: Some(point), ..self }
    }

    /// Most iterations; no limit unless given.
    #[must_use]
    pub fn max_iters(self, max_iters: u64) -> Self {
        Self { max_iters, ..self }
    }

    /// The cost at which to stop; −∞ unless given.
    #[must_use]
    pub fn target_cost(self, target: f64) -> Self {
        Self { target, ..self }
    }

    /// Takes the point out.
    pub fn into_param(self) -> Option<P> {
        self.param
    }
}

impl<P> State for StepState<P> {
    type Param = P;
    type Float = f64;

    fn new() -> Self {
        Self {
            param: None,
            cost: f64::INFINITY,
            target: f64::NEG_INFINITY,
            iter: 0,
            max_iters: u64::MAX,
            counts: HashMap::new(),
            time: None,
            status: TerminationStatus::NotTerminated,
        }
    }

    fn update(&mut self) {}

    fn get_param(&self) -> Option<&P> {
        self.param.as_ref()
    }

    fn get_best_param(&self) -> Option<&P> {
        self.param.as_ref()
    }

    fn get_max_iters(&self) -> u64 {
        self.max_iters
    }

    fn increment_iter(&mut self) {
        self.iter += 1;
    }

    fn get_iter(&self) -> u64 {
        self.iter
    }

    fn get_cost(&self) -> f64 {
        self.cost
    }

    fn get_best_cost(&self) -> f64 {
        self.cost
    }

    fn get_target_cost(&self) -> f64 {
        self.target
    }

    fn func_counts<O>(&mut self, problem: &Problem<O>) {
        for (name, count) in &problem.counts {
            match self.counts.get_mut(*name) {
                Some(known) => *known = *count,
                None => drop(self.counts.insert((*name).to_owned(), *count)),
            }
        }
    }

    fn get_func_counts(&self) -> &HashMap<String, u64> {
        &self.counts
    }

    fn time(&mut self, time: Option<Duration>) -> &mut Self {
        self.time = time;
        self
    }

    fn get_time(&self) -> Option<Duration> {
        self.time
    }

    fn get_last_best_iter(&self) -> u64 {
        self.iter
    }

    fn is_best(&self) -> bool {
        true
    }

    fn terminate_with(self, reason: TerminationReason) -> Self {
        Self { status: TerminationStatus::Terminated(reason), ..self }
    }

    fn get_termination_status(&self) -> &TerminationStatus {
        &self.status
    }

    fn get_termination_reason(&self) -> Option<&TerminationReason> {
        match &self.status {
            TerminationStatus::Terminated(reason) => Some(reason),
            TerminationStatus::NotTerminated => None,
        }
    }
}

/// Runs a method under argmin's executor until it ends by itself; gives it back with the last
/// point.
///
/// # Errors
/// Those of the method.
pub(crate) fn run<O, M: Stepwise<O>>(
    problem: O,
    method: M,
    start: M::Point,
) -> Result<(M, M::Point)> {
    // Nobody listens here: nothing is told.
    let solver = Steps { method, tell: false };
    let end = Executor::new(problem, solver)
        .configure(|state: StepState<M::Point>| state.param(start))
        .ctrlc(false)
        .run()
        .map_err(|error| {
            let foreign = |error| Error::Interrupted { reason: format!("argmin failed: {error}") };
            error.downcast::<Error>().unwrap_or_else(foreign)
        })?;
    match end.state.param {
        Some(point) => Ok((end.solver.method, point)),
        None => Err(Error::domain("the end of a run", "without a point", "the last point")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Countdown(u32);

    impl Stepwise<u32> for Countdown {
        type Point = u32;

        fn name(&self) -> &str {
            "countdown"
        }

        fn cost(&self, point: &u32) -> f64 {
            f64::from(*point)
        }

        fn begin(&mut self, _: &u32, _: &mut u32) -> Result<Progress> {
            Ok(Progress::GoOn)
        }

        fn step(&mut self, floor: &u32, point: &mut u32) -> Result<Progress> {
            if self.0 == 0 {
                return Err(Error::Singular { what: "the fuse".to_owned() });
            }
            self.0 -= 1;
            *point -= 1;
            Ok(if point == floor { Progress::Ended(Stop::Score) } else { Progress::GoOn })
        }
    }

    #[test]
    fn ends_by_itself_by_argmins_rules_or_by_its_own_error() {
        let (method, point) = run(3, Countdown(9), 7).expect("an end");
        assert_eq!((method.0, point), (5, 3));
        let error = run(0, Countdown(2), 7).err().expect("a failure");
        assert_eq!(error, Error::Singular { what: "the fuse".to_owned() });
        let limited = Executor::new(0, Steps::new(Countdown(9)))
            .configure(|state| state.param(7).max_iters(2))
            .run()
            .expect("an end");
        assert_eq!(limited.state.get_termination_reason(), Some(&reason(Stop::MaxIterations)));
        assert_eq!(limited.state.get_param(), Some(&5));
        let near = Executor::new(0, Steps::new(Countdown(9)))
            .configure(|state| state.param(7).target_cost(4.0))
            .run()
            .expect("an end");
        assert_eq!(near.state.into_param(), Some(4));
        let nowhere = Executor::new(0, Steps::new(Countdown(9))).run();
        let error = nowhere.err().expect("no start").downcast::<Error>().expect("our error");
        assert!(matches!(error, Error::Domain { .. }), "{error}");
    }
}
