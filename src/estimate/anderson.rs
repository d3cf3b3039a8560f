//! Anderson acceleration of sweeps: the next point is the affine combination of the last images
//! whose residuals, combined with the same weights, are smallest.
//!
//! A sweep is a fixed-point map x ↦ g(x) of x = (L_A, L_B, M), with the residual
//! f(x) = (L_A⁻¹L_A' − I, L_B⁻¹L_B' − I, L_A⁻¹(M' − M)L_B⁻ᵀ) in whitened coordinates. With the
//! differences Δf, Δg of the last sweeps and γ = argmin ‖f − Δf γ‖ the next point is g − Δg γ.
//! Near the maximum this is GMRES on the linearised map (Walker & Ni 2011, SIAM J. Numer. Anal.
//! 49, 1715–1735): a sweep's rate r becomes about r/(1 + √(1−r))². It costs nothing
//! that grows with n. A combination is taken only where the likelihood did not fall, so that
//! ascent stays guaranteed (as in Henderson & Varadhan 2019, J. Comput. Graph. Stat. 28, 834–846).

use super::dof;
use super::flip_flop;
use super::full::Full;
use super::iterate::Iterate;
use super::problem::Problem;
use crate::Result;
use crate::family::DofBearing;
use crate::linalg::{Root, Spd};
use crate::model::{Point, Tangent};
use ndarray::{Array1, Array2};
use std::collections::VecDeque;

/// Differences that are remembered.
const MEMORY: usize = 5;
/// Score above which sweeps go unaccelerated: the map is not linear yet.
const FAR: f64 = 0.5;
/// Share of a diagonal entry of a root that a combination must leave.
const LEAST_DIAGONAL: f64 = 0.3;
/// Longest step in ln ν.
const LONGEST: f64 = 1.0;
/// Share of ℓ that rounding may take away.
const ROUNDING: f64 = 1e-13;
/// Ridge of the normal equations, as a share of their diagonal.
const RIDGE: f64 = 1e-12;

/// Sweeps with a memory.
#[derive(Debug, Default)]
pub(super) struct Anderson {
    /// Δf and Δg, the oldest first.
    changes: VecDeque<(Full, Full)>,
    /// f and g of the last sweep.
    last: Option<(Full, Full)>,
}

impl Anderson {
    /// One accelerated sweep.
    pub(super) fn sweep(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let before = iterate.clone();
        let bearing = problem.dof_bearing(iterate);
        let scored = step(problem, iterate, bearing.as_ref())?;
        // At the ends of ν, where there is no bearing, the map is not linear.
        let inside =
            bearing.is_some() || before.law.dof().is_none() || !problem.model.estimates_dof();
        if inside && is_near(&before) && before.law.dof().is_some() == iterate.law.dof().is_some() {
            self.remember(&before, iterate, problem.dim());
        } else {
            *self = Self::default();
        }
        let mixed = self.mix(iterate).is_some();
        if !scored && !mixed {
            return flip_flop::look(problem, iterate);
        }
        let lowest = before.log_likelihood - ROUNDING * (1.0 + before.log_likelihood.abs());
        if flip_flop::look(problem, iterate).is_ok() && iterate.log_likelihood >= lowest {
            return Ok(());
        }
        // Without these liberties every step rises.
        let passes = iterate.passes;
        *iterate = Iterate { passes, ..before };
        *self = Self::default();
        step(problem, iterate, None)?;
        flip_flop::look(problem, iterate)
    }

    /// Notes a sweep's residual and image.
    fn remember(&mut self, from: &Iterate, to: &Iterate, dim: (usize, usize, usize)) {
        let residual = residual(from, to, dim);
        let image = Full {
            tangent: Tangent {
                row: to.point.row.lower().to_owned(),
                col: to.point.col.lower().to_owned(),
                mean: to.point.mean.clone(),
            },
            ln_dof: ln_dof(to),
        };
        if let Some((mut old_residual, mut old_image)) = self.last.take() {
            for (old, new) in [(&mut old_residual, &residual), (&mut old_image, &image)] {
                old.scale(-1.0);
                old.add_scaled(1.0, new);
            }
            if self.changes.len() == MEMORY {
                self.changes.pop_front();
            }
            self.changes.push_back((old_residual, old_image));
        }
        self.last = Some((residual, image));
    }

    /// Moves to the combination; `None`, and nothing moved, where there is none yet or where it is
    /// not a point.
    fn mix(&self, iterate: &mut Iterate) -> Option<()> {
        let (residual, last) = self.last.as_ref()?;
        let weights = self.weights(residual)?;
        let mut mixed = last.clone();
        for (weight, (_, change)) in weights.iter().zip(&self.changes) {
            mixed.add_scaled(-weight, change);
        }
        let Tangent { row, col, mean } = mixed.tangent;
        let row = root(row, &iterate.point.row)?;
        let col = root(col, &iterate.point.col)?;
        if let (Some(family), Some(dof)) = (iterate.law.dof_family(), iterate.law.dof()) {
            let step = mixed.ln_dof - dof.ln();
            if step.abs() > LONGEST {
                return None;
            }
            // Exactly 0 where ν is not estimated.
            if step != 0.0 {
                iterate.law = family.at(mixed.ln_dof.exp());
            }
        }
        iterate.point = Point { mean, row, col };
        Some(())
    }

    /// γ, by the normal equations in units where every Δf has length 1.
    fn weights(&self, residual: &Full) -> Option<Array1<f64>> {
        let m = self.changes.len();
        if m == 0 {
            return None;
        }
        let lengths: Vec<f64> = self.changes.iter().map(|(f, _)| f.dot(f).sqrt()).collect();
        if lengths.iter().any(|l| !(*l > 0.0 && l.is_finite())) {
            return None;
        }
        let mut normal = Array2::from_shape_fn((m, m), |(i, j)| {
            self.changes[i].0.dot(&self.changes[j].0) / (lengths[i] * lengths[j])
        });
        normal.diag_mut().mapv_inplace(|x| x + RIDGE);
        let right =
            Array2::from_shape_fn((m, 1), |(i, _)| self.changes[i].0.dot(residual) / lengths[i]);
        let solved =
            Spd::new("the normal equations of a mixture", normal).ok()?.solve(right.view());
        let weights = Array1::from_shape_fn(m, |i| solved[[i, 0]] / lengths[i]);
        weights.iter().all(|w| w.is_finite()).then_some(weights)
    }
}

/// The map g: both factors and the mean, and a scoring step in ν by the bearing of the same pass, or
/// the maximum in ν from a look of its own. Tells whether it was a scoring step.
fn step(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    bearing: Option<&DofBearing>,
) -> Result<bool> {
    // One and the same map every time; the smaller side makes the better one.
    let (_, p, q) = problem.dim();
    flip_flop::step(problem, iterate, p < q)?;
    let scored = bearing.is_some_and(|bearing| dof::scoring_step(iterate, bearing));
    if problem.model.estimates_dof() && !scored {
        dof::update(problem, iterate)?;
    }
    Ok(scored)
}

/// Is the map about linear in the factors and the mean?
fn is_near(iterate: &Iterate) -> bool {
    iterate.score.factors.max(iterate.score.mean) < FAR
}

/// ln ν, 0 for a law without it.
fn ln_dof(iterate: &Iterate) -> f64 {
    iterate.law.dof().map_or(0.0, f64::ln)
}

/// f in units of the Fisher information of the Gaussian, divided by n.
fn residual(from: &Iterate, to: &Iterate, (_, p, q): (usize, usize, usize)) -> Full {
    let ln_dof = ln_dof(to) - ln_dof(from);
    let (from, to) = (&from.point, &to.point);
    let side = |old: &Root, new: &Root, other: usize| {
        let d = old.order();
        let mut turn = crate::linalg::matmul(old.inverse(), new.lower());
        let weight = (other as f64).sqrt();
        for i in 0..d {
            turn[[i, i]] = (turn[[i, i]] - 1.0) * std::f64::consts::SQRT_2;
        }
        turn *= weight;
        turn
    };
    let shift = &to.mean - &from.mean;
    Full {
        tangent: Tangent {
            row: side(&from.row, &to.row, q),
            col: side(&from.col, &to.col, p),
            mean: from.whiten(shift.view()),
        },
        ln_dof,
    }
}

/// A root from its lower triangle, unless that is far from one that is known to be good.
fn root(lower: Array2<f64>, known: &Root) -> Option<Root> {
    let close = |(new, old): (&f64, &f64)| *new >= LEAST_DIAGONAL * *old && new.is_finite();
    let usable = lower.diag().iter().zip(known.diagonal()).all(close);
    usable.then(|| Root::from_lower(lower))
}
