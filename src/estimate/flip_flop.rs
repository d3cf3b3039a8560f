//! Flip-flop: A given B, then B given A, then the mean (Dutilleul 1999 for the Gaussian; ECM for
//! the t laws). In whitened coordinates each half-step is A ← L_A G_A L_Aᵀ.

use super::climb::Stepper;
use super::iterate::Iterate;
use super::problem::Problem;
use crate::linalg::Root;
use crate::model::{MeanMetric, Want};
use crate::structure::Shape;
use crate::Result;
use ndarray::{Array2, ArrayView2};

/// Plain sweeps.
#[derive(Debug)]
pub(super) struct FlipFlop;

impl Stepper for FlipFlop {
    fn name(&self) -> &'static str {
        "flip-flop"
    }

    fn patience(&self) -> usize {
        60
    }

    fn advance(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        count: usize,
    ) -> Result<bool> {
        sweep(problem, iterate, count).map(|()| true)
    }
}

/// One sweep: both factors, the mean, and a fresh look at the result.
pub(super) fn sweep(problem: &Problem<'_>, iterate: &mut Iterate, count: usize) -> Result<()> {
    if problem.is_unstructured() && iterate.law.two_sided().is_some() {
        two_sided_step(problem, iterate, count)?;
    } else {
        cyclic_step(problem, iterate)?;
    }
    iterate.point.balance();
    if problem.is_gaussian(&*iterate.law) {
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
    let change = crate::linalg::matmul(iterate.point.col.inverse(), old.lower());
    iterate.pass.psi_sum = crate::linalg::matmul(iterate.pass.psi_sum.view(), change.t());
    move_mean(problem, iterate, &metric)
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
    *root = Root::of(name, updated.view())?;
    Ok(())
}
