//! Flip-flop: A given B, then B given A, then the mean (Dutilleul 1999 for the Gaussian; ECM for
//! the t laws). In whitened coordinates each half-step is A ← L_A G_A L_Aᵀ.

use super::climb::Stepper;
use super::dof;
use super::iterate::Iterate;
use super::problem::Problem;
use crate::Result;
use crate::family::TwoSided;
use crate::linalg::{Root, Temp};
use crate::model::{MeanMetric, Pass, Want};
use crate::structure::Shape;
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

/// One sweep: both factors, the mean, ν, and a fresh look at the result.
pub(super) fn sweep(problem: &Problem<'_>, iterate: &mut Iterate, count: usize) -> Result<()> {
    step(problem, iterate, count.is_multiple_of(2))?;
    if problem.model.estimates_dof() {
        dof::update(problem, iterate)?;
    }
    look(problem, iterate)
}

/// Both factors and the mean, without the look at the result. Matrices for weights are put on the
/// row side or on the column side.
pub(super) fn step(problem: &Problem<'_>, iterate: &mut Iterate, weigh_rows: bool) -> Result<()> {
    let law = iterate.law.clone();
    match law.two_sided() {
        Some(law) if problem.is_unstructured() => {
            two_sided_step(problem, iterate, law, weigh_rows)?
        }
        _ => cyclic_step(problem, iterate)?,
    }
    iterate.point.balance();
    Ok(())
}

/// The look at a sweep's result.
pub(super) fn look(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    if problem.last_look_is_rows(&*iterate.law) {
        problem.look_at_rows(iterate)
    } else {
        problem.evaluate(iterate)
    }
}

/// A from its scatter, whatever the law.
pub(super) fn row_step(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    let scatter = iterate.pass.row_scatter.view();
    update_factor(&*problem.row_shape, &mut iterate.point.row, scatter, "A")?;
    iterate.point.balance();
    Ok(())
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
            // A bound on matrix weights is no weight.
            if law.weighting().is_matrix() { 1.0 } else { n as f64 / iterate.pass.weight_sum }
        }
    };
    let metric = problem.mean_metric(iterate);
    let Iterate { point, pass, .. } = iterate;
    let Pass { psi_sum, col_scatter, .. } = pass;
    follow(psi_sum, &mut point.col, COLS, |root| {
        update_factor(&*problem.col_shape, root, col_scatter.view(), "B")
    })?;
    move_mean(problem, iterate, &metric)?;
    iterate.point.col.scale(rescale);
    Ok(())
}

/// From and into whitened coordinates of one side: (root, from, length of the other side, to).
type Maps = [fn(&Root, &[f64], usize, &mut [f64]); 2];
const ROWS: Maps = [Root::unwhiten_left, Root::whiten_left];
const COLS: Maps = [Root::unwhiten_right, Root::whiten_right];

/// Changes a root and takes ΣΨ into its new coordinates: L_A'⁻¹ L_A R or R L_Bᵀ L_B'⁻ᵀ.
fn follow(
    psi_sum: &mut Array2<f64>,
    root: &mut Root,
    [unwhiten, whiten]: Maps,
    change: impl FnOnce(&mut Root) -> Result<()>,
) -> Result<()> {
    let other = psi_sum.len() / root.order();
    let mut seen = Temp::zeros(psi_sum.dim());
    let Some(psi) = psi_sum.as_slice_mut() else { return change(root) };
    unwhiten(root, psi, other, seen.flat());
    change(root)?;
    whiten(root, seen.flat(), other, psi);
    Ok(())
}

fn move_mean(problem: &Problem<'_>, iterate: &mut Iterate, metric: &MeanMetric) -> Result<()> {
    let mut step = problem.mean_step(iterate, metric)?;
    iterate.point.unwhiten_in_place(&mut step);
    iterate.point.mean += &*step;
    Ok(())
}

/// Both factors and the mean from one pass, weighing on the row side and on the column side in
/// turn: one EM step each, with the precision of the side that weighs as the missing matrix.
fn two_sided_step(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    law: &dyn TwoSided,
    weigh_rows: bool,
) -> Result<()> {
    let (n, p, q) = problem.dim();
    let Iterate { point, pass, .. } = iterate;
    let Pass { psi_sum, row_scatter, col_scatter, .. } = pass;
    // The side that scatters first: the mean's metric lives in the old coordinates of the other.
    let (own, other) = if weigh_rows { (&*row_scatter, q) } else { (&*col_scatter, p) };
    let (mut weights, mut outer) = (Temp::of(own.view()), Temp::of(own.view()));
    law.weights(&mut weights, other, n);
    law.outer_step(&mut outer, other)?;
    if weigh_rows {
        let scatter = col_scatter.view();
        follow(psi_sum, &mut point.col, COLS, |root| root.advance("B", scatter))?;
        move_mean(problem, iterate, &MeanMetric::Row(weights))?;
        iterate.point.row.advance("A", outer.view())
    } else {
        let scatter = row_scatter.view();
        follow(psi_sum, &mut point.row, ROWS, |root| root.advance("A", scatter))?;
        move_mean(problem, iterate, &MeanMetric::Col(weights))?;
        iterate.point.col.advance("B", outer.view())
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
    *root = shape.advance(name, seen.view(), root)?;
    Ok(())
}
