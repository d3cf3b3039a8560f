//! Flip-flop: A given B, then B given A, then the mean (Dutilleul 1999 for the Gaussian; ECM for
//! the t laws). In whitened coordinates each half-step is A ← L_A G_A L_Aᵀ.

use super::dof;
use super::iterate::Iterate;
use super::options::{FitOptions, Observer, Step, Termination};
use super::problem::Problem;
use crate::family::TwoSided;
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
/// verdict both are looked at. A Gaussian that stands for ν = ∞ must be the maximum in ν as well.
fn confirmed(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    if problem.last_look_is_rows(&*iterate.law) {
        problem.evaluate(iterate)?;
    }
    if iterate.score.worst() > tol {
        return Ok(false);
    }
    Ok(!dof::is_at_infinity(problem.model, iterate) || !dof::leave_infinity(problem, iterate)?)
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
    let law = iterate.law.clone();
    match law.two_sided() {
        Some(law) if problem.is_unstructured() => two_sided_step(problem, iterate, law, count)?,
        _ => cyclic_step(problem, iterate)?,
    }
    iterate.point.balance();
    if problem.model.estimates_dof() {
        dof::update(problem, iterate)?;
    }
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
/// the parameter-expanded step of Kent, Tyler & Vardi (1994), with the same fixed point; for
/// matrix weights the scale of A is updated together with B.
fn cyclic_step(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    let (n, _, q) = problem.dim();
    update_factor(
        &*problem.row_shape,
        &mut iterate.point.row,
        iterate.pass.row_scatter.view(),
        "A",
    )?;
    let law = iterate.law.clone();
    let rescale = match law.two_sided() {
        Some(law) => {
            problem.pass(iterate, Want::Both);
            law.scale_step(iterate.pass.row_scatter.view(), q)
        }
        None => {
            problem.pass(iterate, Want::Col);
            n as f64 / iterate.pass.weight_sum
        }
    };
    let metric = problem.mean_metric(iterate);
    let scatter = iterate.pass.col_scatter.clone();
    let old = iterate.point.col.clone();
    update_factor(&*problem.col_shape, &mut iterate.point.col, scatter.view(), "B")?;
    follow_columns(iterate, &old);
    move_mean(problem, iterate, &metric)?;
    iterate.point.col.scale(rescale);
    Ok(())
}

/// ΣΨ in new column coordinates: R L_Bᵀ L_B'⁻ᵀ.
fn follow_columns(iterate: &mut Iterate, old: &Root) {
    let rows = iterate.pass.psi_sum.nrows();
    let mut seen = Array2::zeros(iterate.pass.psi_sum.dim());
    if let (Some(psi), Some(seen)) = (iterate.pass.psi_sum.as_slice_mut(), seen.as_slice_mut()) {
        old.unwhiten_right(psi, rows, seen);
        iterate.point.col.whiten_right(seen, rows, psi);
    }
}

/// ΣΨ in new row coordinates: L_A'⁻¹ L_A R.
fn follow_rows(iterate: &mut Iterate, old: &Root) {
    let cols = iterate.pass.psi_sum.ncols();
    let mut seen = Array2::zeros(iterate.pass.psi_sum.dim());
    if let (Some(psi), Some(seen)) = (iterate.pass.psi_sum.as_slice_mut(), seen.as_slice_mut()) {
        old.unwhiten_left(psi, cols, seen);
        iterate.point.row.whiten_left(seen, cols, psi);
    }
}

fn move_mean(problem: &Problem<'_>, iterate: &mut Iterate, metric: &MeanMetric) -> Result<()> {
    let step = problem.mean_step(iterate, metric)?;
    iterate.point.mean += &iterate.point.unwhiten(step.view());
    Ok(())
}

/// Both factors and the mean from one pass, weighing on the row side and on the column side in
/// turn: one EM step each, with the precision of the side that weighs as the missing matrix.
fn two_sided_step(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    law: &dyn TwoSided,
    count: usize,
) -> Result<()> {
    let (n, p, q) = problem.dim();
    let (row_scatter, col_scatter) =
        (iterate.pass.row_scatter.clone(), iterate.pass.col_scatter.clone());
    // The side that scatters first: the mean's metric lives in the old coordinates of the other.
    if count.is_multiple_of(2) {
        let metric = MeanMetric::Row(law.weights(row_scatter.view(), q, n));
        let step = law.outer_step(row_scatter.view(), q)?;
        let old = iterate.point.col.clone();
        iterate.point.col.advance("B", col_scatter.view())?;
        follow_columns(iterate, &old);
        move_mean(problem, iterate, &metric)?;
        iterate.point.row.advance("A", step.view())
    } else {
        let metric = MeanMetric::Col(law.weights(col_scatter.view(), p, n));
        let step = law.outer_step(col_scatter.view(), p)?;
        let old = iterate.point.row.clone();
        iterate.point.row.advance("A", row_scatter.view())?;
        follow_rows(iterate, &old);
        move_mean(problem, iterate, &metric)?;
        iterate.point.col.advance("B", step.view())
    }
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
