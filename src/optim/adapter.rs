//! Between [`Objective`] and argmin.
//!
//! argmin asks for cost and gradient apart (and for the gradient twice), loses the point when a
//! line search fails, loops on NaN and calls almost any end "converged". So the last points are
//! kept here with all that is known of them, points outside of the domain cost a large finite
//! number with a zero gradient (which the line search of Moré and Thuente backs away from), and
//! the verdict is drawn from the score of the best point seen.

use super::{Evaluation, Failure, Objective, Optimizer, Settings};
use crate::{Error, Result};
use argmin::core::{
    CostFunction, Executor, Gradient, Hessian, IterState, KV, Problem, Solver, State,
    TerminationReason, TerminationStatus, TrustRegionRadius,
};
use argmin::solver::conjugategradient::NonlinearConjugateGradient;
use argmin::solver::conjugategradient::beta::PolakRibierePlus;
use argmin::solver::gradientdescent::SteepestDescent;
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use argmin_math::ArgminDot;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

type Vector = Vec<f64>;
type ArgminError = argmin::core::Error;

/// What a point outside of the domain costs.
const PENALTY: f64 = 1e100;
/// Largest c₂ with which the directions of nonlinear conjugate gradients stay descents.
const EXACT: f64 = 0.1;
/// Points that are remembered.
const KEPT: usize = 3;

/// An [`Objective`] as an argmin problem: cost, gradient and (operator) Hessian.
///
/// Clones share the objective and what is remembered of it.
///
/// ```
/// use kronfit::optim::{ArgminProblem, Evaluation, Failure, Objective};
/// use kronfit::optim::argmin::core::{CostFunction, Gradient};
/// struct Bowl;
/// impl Objective for Bowl {
///     fn dim(&self) -> usize { 1 }
///     fn evaluate(&self, x: &[f64]) -> Result<Evaluation, Failure> {
///         Ok(Evaluation { value: x[0] * x[0], gradient: vec![2.0 * x[0]], score: x[0].abs() })
///     }
/// }
/// let problem = ArgminProblem::new(Bowl);
/// assert_eq!(problem.cost(&vec![3.0])?, 9.0);
/// assert_eq!(problem.gradient(&vec![3.0])?, [6.0]);
/// # Ok::<(), kronfit::optim::argmin::core::Error>(())
/// ```
#[derive(Debug)]
pub struct ArgminProblem<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Clone for ArgminProblem<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[derive(Debug)]
struct Shared<T> {
    objective: T,
    /// The last points, newest last; `None` where the point was infeasible.
    points: RefCell<Vec<(Vector, Option<Evaluation>)>>,
    product: RefCell<Option<(Rc<Vector>, Vector, Vector)>>,
    best: RefCell<Option<(Vector, Evaluation)>>,
    fatal: RefCell<Option<Error>>,
}

impl<T: Objective> ArgminProblem<T> {
    /// The objective as argmin sees it.
    pub fn new(objective: T) -> Self {
        let shared = Shared {
            objective,
            points: RefCell::default(),
            product: RefCell::default(),
            best: RefCell::default(),
            fatal: RefCell::default(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// The objective.
    pub fn objective(&self) -> &T {
        &self.shared.objective
    }

    /// The best point seen so far.
    pub fn best(&self) -> Option<(Vec<f64>, Evaluation)> {
        self.shared.best.borrow().clone()
    }

    /// All that is known at x; `None` where it is infeasible.
    fn look(&self, x: &Vector) -> std::result::Result<Option<Evaluation>, ArgminError> {
        let known = self
            .shared
            .points
            .borrow()
            .iter()
            .rev()
            .find(|(at, _)| at == x)
            .map(|(_, e)| e.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let found = match self.shared.objective.evaluate(x) {
            Ok(e) if e.value.is_finite() && e.gradient.iter().all(|g| g.is_finite()) => Some(e),
            Ok(_) | Err(Failure::Infeasible) => None,
            Err(Failure::Fatal(error)) => return Err(self.fail(error)),
        };
        if let Some(evaluation) = &found {
            self.judge(x, evaluation);
        }
        let mut points = self.shared.points.borrow_mut();
        if points.len() == KEPT {
            points.remove(0);
        }
        points.push((x.clone(), found.clone()));
        Ok(found)
    }

    /// Values that differ by rounding only are told apart by their scores.
    fn judge(&self, x: &Vector, evaluation: &Evaluation) {
        let mut best = self.shared.best.borrow_mut();
        let better = match &*best {
            None => true,
            Some((_, old)) => {
                let rounding = 64.0 * f64::EPSILON * (1.0 + old.value.abs());
                evaluation.value < old.value - rounding
                    || (evaluation.value <= old.value + rounding && evaluation.score < old.score)
            }
        };
        if better {
            *best = Some((x.clone(), evaluation.clone()));
        }
    }

    fn fail(&self, error: Error) -> ArgminError {
        let report = ArgminError::msg(error.to_string());
        *self.shared.fatal.borrow_mut() = Some(error);
        report
    }
}

impl<T: Objective> CostFunction for ArgminProblem<T> {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, x: &Vector) -> std::result::Result<f64, ArgminError> {
        Ok(self.look(x)?.map_or(PENALTY, |e| e.value))
    }
}

impl<T: Objective> Gradient for ArgminProblem<T> {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, x: &Vector) -> std::result::Result<Vector, ArgminError> {
        Ok(self.look(x)?.map_or_else(|| vec![0.0; x.len()], |e| e.gradient))
    }
}

impl<T: Objective> Hessian for ArgminProblem<T> {
    type Param = Vector;
    type Hessian = HessianAt<T>;

    fn hessian(&self, x: &Vector) -> std::result::Result<HessianAt<T>, ArgminError> {
        Ok(HessianAt { problem: self.clone(), x: Rc::new(x.clone()) })
    }
}

/// The Hessian of an objective at a point, as an operator on vectors.
#[derive(Debug)]
pub struct HessianAt<T> {
    problem: ArgminProblem<T>,
    x: Rc<Vector>,
}

impl<T> Clone for HessianAt<T> {
    fn clone(&self) -> Self {
        Self { problem: self.problem.clone(), x: self.x.clone() }
    }
}

impl<T: Objective> ArgminDot<Vector, Vector> for HessianAt<T> {
    /// H v. There is no way to report a failure from here: a product that cannot be computed is
    /// zero, which Steihaug's method takes for a direction without curvature.
    fn dot(&self, v: &Vector) -> Vector {
        let shared = &self.problem.shared;
        if let Some((x, known, product)) = &*shared.product.borrow()
            && Rc::ptr_eq(x, &self.x)
            && known == v
        {
            return product.clone();
        }
        let product = match shared.objective.hessian_product(&self.x, v) {
            Ok(product) if product.iter().all(|h| h.is_finite()) => product,
            Ok(_) | Err(Failure::Infeasible) => vec![0.0; v.len()],
            Err(Failure::Fatal(error)) => {
                *shared.fatal.borrow_mut() = Some(error);
                vec![0.0; v.len()]
            }
        };
        *shared.product.borrow_mut() = Some((self.x.clone(), v.clone(), product.clone()));
        product
    }
}

/// Why a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The score is within the tolerance.
    Score,
    /// The iterations ran out.
    MaxIterations,
    /// The solver found nothing better: a line search failed or the values stopped changing.
    NoProgress,
    /// The time ran out.
    TimeLimit,
    /// The watcher asked for it.
    Asked,
}

/// Where a minimisation ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The best point seen.
    pub x: Vec<f64>,
    /// What the function is there.
    pub evaluation: Evaluation,
    /// Why the search ended.
    pub stop: Stop,
    /// Iterations of the solver.
    pub iterations: usize,
}

/// Minimises an objective from `start` until its score is at most `tol`.
///
/// `watch` sees the point of every iteration and ends the search with `false`.
///
/// # Errors
/// [`Error::Domain`] when the start is infeasible or a setting out of range, and whatever the
/// objective calls fatal.
pub fn minimise<T: Objective>(
    objective: T,
    start: &[f64],
    settings: &Settings,
    (tol, max_iter): (f64, usize),
    watch: &mut dyn FnMut(&[f64], &Evaluation) -> bool,
) -> Result<Minimum> {
    settings.validate()?;
    let problem = ArgminProblem::new(objective);
    let first = problem.look(&start.to_vec()).map_err(|error| problem.reason(&error))?;
    if first.is_none() {
        return Err(Error::domain("the start of a minimisation", "infeasible", "in the domain"));
    }
    let verdict = Cell::new(None);
    let watched = Watched { problem: problem.clone(), tol, watch, verdict: &verdict };
    let iterations = problem.run(start, settings, watched, max_iter)?;
    if let Some(error) = problem.shared.fatal.borrow_mut().take() {
        return Err(error);
    }
    let (x, evaluation) = problem.best().unwrap_or_else(|| {
        let nowhere = Evaluation { value: f64::NAN, gradient: Vec::new(), score: f64::NAN };
        (start.to_vec(), nowhere)
    });
    let stop = match verdict.get() {
        _ if evaluation.score <= tol => Stop::Score,
        Some(Stop::Asked) => Stop::Asked,
        _ if iterations >= max_iter => Stop::MaxIterations,
        _ => Stop::NoProgress,
    };
    Ok(Minimum { x, evaluation, stop, iterations })
}

impl<T: Objective> ArgminProblem<T> {
    fn reason(&self, error: &ArgminError) -> Error {
        self.shared
            .fatal
            .borrow_mut()
            .take()
            .unwrap_or_else(|| Error::Interrupted { reason: format!("the solver failed: {error}") })
    }

    fn run(
        &self,
        start: &[f64],
        settings: &Settings,
        watched: Watched<'_, T>,
        max_iter: usize,
    ) -> Result<usize> {
        let refused = |error: ArgminError| Error::domain("a solver setting", error, "in range");
        // Conjugate directions need a nearly exact search.
        let wolfe = match settings.optimizer {
            Optimizer::Cg => settings.wolfe.min(EXACT).max(2.0 * settings.armijo),
            _ => settings.wolfe,
        };
        let line = || MoreThuenteLineSearch::new().with_c(settings.armijo, wolfe).map_err(refused);
        let count = match settings.optimizer {
            Optimizer::Lbfgs => {
                let solver = LBFGS::new(line()?, settings.memory);
                let solver = solver.with_tolerance_grad(0.0).map_err(refused)?;
                let solver = solver.with_tolerance_cost(0.0).map_err(refused)?;
                self.execute::<_, ()>(watched.around(solver), start, max_iter)
            }
            Optimizer::Cg => {
                let solver = NonlinearConjugateGradient::new(line()?, PolakRibierePlus::new());
                self.execute::<_, ()>(watched.around(solver), start, max_iter)
            }
            Optimizer::Steepest => {
                let solver = SteepestDescent::new(line()?);
                self.execute::<_, ()>(watched.around(solver), start, max_iter)
            }
            Optimizer::TrustRegion => {
                let limit = 2 * start.len() as u64 + 10;
                let solver = TrustRegion::new(Inner::new(settings.inner_tol, limit));
                let solver = solver.with_max_radius(settings.radius).map_err(refused)?;
                let solver = solver.with_radius(0.25 * settings.radius).map_err(refused)?;
                self.execute::<_, HessianAt<T>>(watched.around(solver), start, max_iter)
            }
        };
        Ok(count)
    }

    /// Runs a solver; gives the iterations it made. Its own errors (a failed line search) only
    /// end the search.
    fn execute<S, H>(&self, solver: Around<'_, S, T>, start: &[f64], max_iter: usize) -> usize
    where
        for<'a> Around<'a, S, T>: Solver<Self, IterState<Vector, Vector, (), H, (), f64>>,
        H: Clone,
    {
        let count = Rc::new(Cell::new(0));
        let solver = Around { count: count.clone(), ..solver };
        // What an executor returns is not used: the best point is known here.
        let _end = Executor::new(self.clone(), solver)
            .configure(|state: IterState<Vector, Vector, (), H, (), f64>| {
                state.param(start.to_vec()).max_iters(max_iter as u64)
            })
            .ctrlc(false)
            .run();
        count.get()
    }
}

/// Steihaug's method with an accuracy that follows the gradient.
///
/// argmin's own takes one number as the relative accuracy and as a gradient norm below which it
/// makes no step at all; min(inner tolerance, half of the gradient norm) serves as both and makes
/// the outer convergence quadratic.
#[derive(Clone)]
struct Inner {
    steihaug: Steihaug<Vector, f64>,
    radius: f64,
    tol: f64,
    limit: u64,
}

impl Inner {
    fn new(tol: f64, limit: u64) -> Self {
        Self { steihaug: Steihaug::new(), radius: f64::NAN, tol, limit }
    }
}

impl TrustRegionRadius<f64> for Inner {
    fn set_radius(&mut self, radius: f64) {
        self.radius = radius;
    }
}

type Curved<H> = IterState<Vector, Vector, (), H, (), f64>;

impl<O, H> Solver<O, Curved<H>> for Inner
where
    H: ArgminDot<Vector, Vector>,
{
    fn name(&self) -> &str {
        "Steihaug"
    }

    fn init(
        &mut self,
        problem: &mut Problem<O>,
        state: Curved<H>,
    ) -> std::result::Result<(Curved<H>, Option<KV>), ArgminError> {
        let norm =
            state.get_gradient().map_or(0.0, |g| g.iter().map(|x| x * x).sum::<f64>().sqrt());
        let epsilon = self.tol.min(0.5 * norm).max(f64::MIN_POSITIVE);
        self.steihaug = Steihaug::new().with_epsilon(epsilon)?.with_max_iters(self.limit);
        self.steihaug.set_radius(self.radius);
        self.steihaug.init(problem, state)
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        state: Curved<H>,
    ) -> std::result::Result<(Curved<H>, Option<KV>), ArgminError> {
        self.steihaug.next_iter(problem, state)
    }

    fn terminate(&mut self, state: &Curved<H>) -> TerminationStatus {
        Solver::<O, Curved<H>>::terminate(&mut self.steihaug, state)
    }
}

/// Who looks at every iteration.
struct Watched<'a, T> {
    problem: ArgminProblem<T>,
    tol: f64,
    watch: &'a mut dyn FnMut(&[f64], &Evaluation) -> bool,
    verdict: &'a Cell<Option<Stop>>,
}

impl<'a, T: Objective> Watched<'a, T> {
    fn around<S>(self, solver: S) -> Around<'a, S, T> {
        Around { solver, watched: self, count: Rc::default() }
    }
}

/// A solver that stops when the score is small enough, or when told to.
struct Around<'a, S, T> {
    solver: S,
    watched: Watched<'a, T>,
    count: Rc<Cell<usize>>,
}

impl<S, T, I> Solver<ArgminProblem<T>, I> for Around<'_, S, T>
where
    T: Objective,
    S: Solver<ArgminProblem<T>, I>,
    I: State<Param = Vector>,
{
    fn name(&self) -> &str {
        self.solver.name()
    }

    fn init(
        &mut self,
        problem: &mut Problem<ArgminProblem<T>>,
        state: I,
    ) -> std::result::Result<(I, Option<KV>), ArgminError> {
        self.solver.init(problem, state)
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<ArgminProblem<T>>,
        state: I,
    ) -> std::result::Result<(I, Option<KV>), ArgminError> {
        self.solver.next_iter(problem, state)
    }

    fn terminate(&mut self, state: &I) -> TerminationStatus {
        self.count.set(state.get_iter() as usize);
        let stop = |reason| TerminationStatus::Terminated(reason);
        if self.watched.problem.shared.fatal.borrow().is_some() {
            return stop(TerminationReason::Interrupt);
        }
        let here = state.get_param().and_then(|x| Some((x, self.watched.problem.look(x).ok()??)));
        if let Some((x, evaluation)) = here {
            if !(self.watched.watch)(x, &evaluation) {
                self.watched.verdict.set(Some(Stop::Asked));
                return stop(TerminationReason::Interrupt);
            }
            if evaluation.score <= self.watched.tol {
                return stop(TerminationReason::SolverConverged);
            }
        }
        self.solver.terminate(state)
    }
}
