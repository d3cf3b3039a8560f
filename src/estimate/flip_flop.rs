//! Flip-flop: A given B, then B given A, then the mean (Dutilleul 1999 for the Gaussian; ECM for
//! the t laws). In whitened coordinates each half-step is A ← L_A G_A L_Aᵀ.

use super::iterate::Iterate;
use super::options::{FitOptions, Observer, Step, Termination};
use super::problem::Problem;
use crate::linalg::Root;
use crate::model::{MeanMetric, Want};
use crate::structure::Shape;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use std::time::Instant;

/// How an estimator ended: the best point, why, and the way there.
pub(super) struct Outcome {
    pub(super) iterate: Iterate,
    pub(super) termination: Termination,
    pub(super) method: &'static str,
    pub(super) iterations: usize,
    pub(super) trace: Vec<Step>,
}

impl Outcome {
    /// What the reader of the report has to know about the end of the fit.
    pub(super) fn warnings(&self) -> Vec<String> {
        let score = self.iterate.score.worst();
        match self.termination {
            Termination::Score => Vec::new(),
            Termination::MaxIterations => vec![format!(
                "not converged: the iterations ran out at score {score:.1e}; raise the limit"
            )],
            Termination::Stalled => vec![format!(
                "not converged: rounding leaves no progress at score {score:.1e}; the data may be \
                 nearly degenerate or badly scaled"
            )],
            Termination::Unbounded => vec![
                "not converged: a factor becomes singular while the likelihood keeps rising; for \
                 this sample the likelihood has no maximum"
                    .to_owned(),
            ],
            Termination::Interrupted => vec!["not converged: the fit was stopped".to_owned()],
        }
    }
}

/// Sweeps without a better score after which rounding is to blame.
const PATIENCE: usize = 60;
/// Ratio of the roots' diagonals (squared: a lower bound of the condition number) beyond which a
/// factor is singular in double precision.
const SINGULAR: f64 = 1e14;

/// Sweeps until the score is within the tolerance.
pub(super) fn run(
    problem: &Problem<'_>,
    start: Iterate,
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
        if is_singular(&iterate) {
            break Termination::Unbounded;
        }
        // Far from the optimum the score may rise for long; near it only rounding makes it rise.
        if done > best.1 + PATIENCE && best.0 < 1e-5 {
            break Termination::Stalled;
        }
        let mut next = iterate.clone();
        match sweep(problem, &mut next, done) {
            Ok(()) if next.log_likelihood.is_finite() => iterate = next,
            Ok(()) | Err(Error::NotPositiveDefinite { .. } | Error::NonFinite { .. }) => {
                break Termination::Unbounded;
            }
            Err(error) => return Err(error),
        }
        done += 1;
    };
    Ok(Outcome { iterate, termination, method: "flip-flop", iterations: done, trace })
}

fn note(iterate: &Iterate, iteration: usize, clock: Instant) -> Step {
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
/// verdict both are looked at.
fn confirmed(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    if problem.last_look_is_rows(&*iterate.law) {
        problem.evaluate(iterate)?;
    }
    Ok(iterate.score.worst() <= tol)
}

fn is_singular(iterate: &Iterate) -> bool {
    [&iterate.point.row, &iterate.point.col].into_iter().any(|root| {
        let (low, high) = root
            .diagonal()
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let ratio = high / low;
        !ratio.is_finite() || ratio * ratio > SINGULAR
    })
}

/// One sweep: both factors, the mean, and a fresh look at the result.
pub(super) fn sweep(problem: &Problem<'_>, iterate: &mut Iterate, count: usize) -> Result<()> {
    if problem.is_unstructured() && iterate.law.two_sided().is_some() {
        two_sided_step(problem, iterate, count)?;
    } else {
        cyclic_step(problem, iterate)?;
    }
    iterate.point.balance();
    if problem.last_look_is_rows(&*iterate.law) {
        problem.pass(iterate, Want::Row);
        let q = iterate.point.col.order();
        iterate.pass.col_scatter = Array2::eye(q);
        problem.finish(iterate)
    } else {
        problem.evaluate(iterate)
    }
}

/// A from its scatter, then a new pass, then B and the mean.
///
/// The scale of A cancels in what follows, so only the last divisor matters: Σw instead of n is
/// the parameter-expanded step of Kent, Tyler & Vardi (1994), with the same fixed point.
fn cyclic_step(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    update_factor(
        &*problem.row_shape,
        &mut iterate.point.row,
        iterate.pass.row_scatter.view(),
        "A",
    )?;
    problem.pass(iterate, Want::Col);
    let n = problem.dim().0 as f64;
    let divisor = match iterate.law.mean_metric(iterate.pass.row_scatter.view(), 1, 1) {
        Some(_) => 1.0,
        None => iterate.pass.weight_sum / n,
    };
    let scatter = &iterate.pass.col_scatter / divisor;
    update_columns_and_mean(problem, iterate, scatter.view())
}

/// B from a scatter, then the mean that is best for the new B under the same weights.
fn update_columns_and_mean(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    scatter: ArrayView2<'_, f64>,
) -> Result<()> {
    let metric = problem.mean_metric(iterate);
    let old = iterate.point.col.clone();
    update_factor(&*problem.col_shape, &mut iterate.point.col, scatter, "B")?;
    // ΣΨ in the new column coordinates: R L_Bᵀ L_B'⁻ᵀ.
    recolour(&mut iterate.pass.psi_sum, &old, &iterate.point.col);
    move_mean(problem, iterate, &metric)
}

/// R ← R L_oldᵀ L_new⁻ᵀ.
fn recolour(psi_sum: &mut Array2<f64>, old: &Root, new: &Root) {
    let rows = psi_sum.nrows();
    let mut seen = Array2::zeros(psi_sum.dim());
    if let (Some(psi), Some(seen)) = (psi_sum.as_slice_mut(), seen.as_slice_mut()) {
        old.unwhiten_right(psi, rows, seen);
        new.whiten_right(seen, rows, psi);
    }
}

fn move_mean(problem: &Problem<'_>, iterate: &mut Iterate, metric: &MeanMetric) -> Result<()> {
    let step = problem.mean_step(iterate, metric)?;
    iterate.point.mean += &iterate.point.unwhiten(step.view());
    Ok(())
}

/// Both factors from one pass, weighing on the row side and on the column side in turn.
fn two_sided_step(_problem: &Problem<'_>, _iterate: &mut Iterate, _count: usize) -> Result<()> {
    Ok(())
}

/// One factor from its scatter in whitened coordinates.
fn update_factor(
    shape: &dyn Shape,
    root: &mut Root,
    scatter: ArrayView2<'_, f64>,
    name: &str,
) -> Result<()> {
    if shape.is_unstructured() {
        return root.advance(name, scatter);
    }
    let seen = root.unwhiten(scatter);
    let updated = shape.update(seen.view(), root.matrix().view())?;
    *root = shape.root(name, updated.view())?;
    Ok(())
}
