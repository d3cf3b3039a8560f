//! Flip-flop: A given B, then B given A, then the mean (Dutilleul 1999 for the Gaussian; ECM for
//! the t laws). In whitened coordinates each half-step is A ← L_A G_A L_Aᵀ.

use super::climb::Stepper;
use super::dof;
use super::iterate::Iterate;
use super::problem::Problem;
use crate::Result;
use crate::family::TwoSided;
use crate::kronecker::Side;
use crate::likelihood::{MeanMetric, Sides, Sums};
use crate::linalg::{Root, Temp};
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
    let own = if count.is_multiple_of(2) { Side::Rows } else { Side::Cols };
    step(problem, iterate, own)?;
    if problem.model.estimates_dof() {
        dof::update(problem, iterate)?;
    }
    look(problem, iterate)
}

/// Both factors and the mean, without the look at the result. Matrices for weights are put on
/// the side `own`.
pub(super) fn step(problem: &Problem<'_>, iterate: &mut Iterate, own: Side) -> Result<()> {
    let law = iterate.law.clone();
    // The coefficients of covariates are joined on the shorter side.
    let own = if iterate.sums.design.is_empty() { own } else { iterate.point.shorter() };
    match problem.two_sided(&*law) {
        Some(law) if problem.is_unstructured() => two_sided_step(problem, iterate, law, own)?,
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

/// One factor from its scatter, whatever the law.
pub(super) fn factor_step(problem: &Problem<'_>, iterate: &mut Iterate, side: Side) -> Result<()> {
    let scatter = iterate.measured(side)?;
    let root = &mut iterate.point.factors[side];
    update_factor(&*problem.shapes[side], root, scatter.view(), side.letter())
}

/// A from its scatter, then a new pass, then B and the mean.
///
/// The scale of A cancels in what follows, so only the last divisor matters: Σuw instead of Σu is
/// the parameter-expanded step of Kent, Tyler & Vardi (1994), with the same fixed point; for
/// matrix weights the scale of A is updated together with B.
fn cyclic_step(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
    let (_, q) = iterate.point.dim();
    factor_step(problem, iterate, Side::Rows)?;
    let law = iterate.law.clone();
    let rescale = match problem.two_sided(&*law) {
        Some(law) => {
            problem.sum(iterate, Sides::Both)?;
            law.scale_step(iterate.measured(Side::Rows)?.view(), q)
        }
        None => {
            problem.sum(iterate, Sides::COLS)?;
            let Sums { weight, law_weight, .. } = iterate.sums;
            // A bound on matrix weights is no weight.
            if law.weighting().is_matrix() { 1.0 } else { weight / law_weight }
        }
    };
    let metric = problem.mean_metric(iterate)?;
    if matches!(metric, MeanMetric::Col(_)) {
        // This metric lives in the coordinates of B: the mean moves first, and is looked at.
        move_mean(problem, iterate, &metric)?;
        problem.sum(iterate, Sides::COLS)?;
        factor_step(problem, iterate, Side::Cols)?;
        iterate.point.factors[Side::Cols].scale(rescale);
        return Ok(());
    }
    let scatter = iterate.measured(Side::Cols)?;
    if matches!(metric, MeanMetric::Sum(_)) {
        // Such a metric lives in the coordinates of both sides, which are about to change.
        move_mean(problem, iterate, &metric)?;
        factor_from(problem, iterate, scatter)?;
        iterate.point.factors[Side::Cols].scale(rescale);
        return Ok(());
    }
    let Iterate { point, sums, .. } = iterate;
    follow(&mut sums.psi, &mut point.factors[Side::Cols], Side::Cols, |root| {
        update_factor(&*problem.shapes[Side::Cols], root, scatter.view(), Side::Cols.letter())
    })?;
    move_mean(problem, iterate, &metric)?;
    iterate.point.factors[Side::Cols].scale(rescale);
    Ok(())
}

/// B from a scatter that was measured at the point.
fn factor_from(problem: &Problem<'_>, iterate: &mut Iterate, scatter: Temp) -> Result<()> {
    let (shape, root) = (&*problem.shapes[Side::Cols], &mut iterate.point.factors[Side::Cols]);
    update_factor(shape, root, scatter.view(), Side::Cols.letter())
}

/// Changes a root and takes ΣΨ into its new coordinates: L_A'⁻¹ L_A R or R L_Bᵀ L_B'⁻ᵀ.
fn follow(
    psi: &mut Array2<f64>,
    root: &mut Root,
    side: Side,
    change: impl FnOnce(&mut Root) -> Result<()>,
) -> Result<()> {
    let (rows, q) = psi.dim();
    let mut seen = Temp::zeros(psi.dim());
    let Some(psi) = psi.as_slice_mut() else { return change(root) };
    // Rows change block by block, columns all at once.
    let block = match side {
        Side::Rows => root.order() * q,
        Side::Cols => rows * q,
    };
    for (from, to) in psi.chunks_exact(block).zip(seen.flat().chunks_exact_mut(block)) {
        match side {
            Side::Rows => root.unwhiten_left(from, q, to),
            Side::Cols => root.unwhiten_right(from, rows, to),
        }
    }
    change(root)?;
    for (from, to) in seen.flat().chunks_exact(block).zip(psi.chunks_exact_mut(block)) {
        match side {
            Side::Rows => root.whiten_left(from, q, to),
            Side::Cols => root.whiten_right(from, rows, to),
        }
    }
    Ok(())
}

pub(super) fn move_mean(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    metric: &MeanMetric,
) -> Result<()> {
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
    own: Side,
) -> Result<()> {
    let across = own.other();
    let length = iterate.point.factor(across).order();
    let (mut weights, mut outer) = (iterate.measured(own)?, iterate.measured(own)?);
    law.weights(&mut weights, length, iterate.sums.weight);
    law.outer_step(&mut outer, length)?;
    // The side that scatters first: the mean's metric lives in the old coordinates of the other.
    let scatter = iterate.measured(across)?;
    let metric = match own {
        _ if !iterate.sums.design.is_empty() => problem.mean_metric(iterate)?,
        Side::Rows => MeanMetric::Row(weights),
        Side::Cols => MeanMetric::Col(weights),
    };
    let Iterate { point, sums, .. } = iterate;
    follow(&mut sums.psi, &mut point.factors[across], across, |root| {
        root.advance(across.letter(), scatter.view())
    })?;
    move_mean(problem, iterate, &metric)?;
    iterate.point.factors[own].advance(own.letter(), outer.view())
}

/// One factor from its scatter in whitened coordinates.
pub(super) fn update_factor(
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
