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
use crate::kronecker::Side;
use crate::likelihood::{Point, Tangent};
use crate::linalg::{Root, Temp, gemm, lower_part, solve_in_place};
use ndarray::Array2;
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
    /// The last differences, the oldest first.
    changes: VecDeque<Pair>,
    /// The last sweep.
    last: Option<Pair>,
    /// Pairs that are free to be used again.
    free: Vec<Pair>,
    /// The combination, and where the sweep began.
    mixed: Option<Full>,
    before: Option<Iterate>,
}

/// A residual f and an image g, or the differences of two.
#[derive(Debug)]
struct Pair {
    residual: Full,
    image: Full,
}

impl Anderson {
    /// One accelerated sweep.
    pub(super) fn sweep(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let before = iterate.copy(self.before.take());
        let swept = self.sweep_from(problem, &before, iterate);
        self.before = Some(before);
        swept
    }

    fn sweep_from(
        &mut self,
        problem: &Problem<'_>,
        before: &Iterate,
        iterate: &mut Iterate,
    ) -> Result<()> {
        let bearing = problem.dof_bearing(iterate);
        let scored = step(problem, iterate, bearing.as_ref())?;
        // At the ends of ν, where there is no bearing, the map is not linear.
        let inside =
            bearing.is_some() || before.law.dof().is_none() || !problem.model.estimates_dof();
        if inside && is_near(before) && before.law.dof().is_some() == iterate.law.dof().is_some() {
            self.remember(before, iterate, problem.dim());
        } else {
            self.forget();
        }
        let mixed = self.mix(iterate).is_some();
        if !scored && !mixed {
            return flip_flop::look(problem, iterate);
        }
        let lowest = before.log_likelihood() - ROUNDING * (1.0 + before.log_likelihood().abs());
        if flip_flop::look(problem, iterate).is_ok() && iterate.log_likelihood() >= lowest {
            return Ok(());
        }
        // Without these liberties every step rises.
        let passes = iterate.passes;
        iterate.clone_from(before);
        iterate.passes = passes;
        self.forget();
        step(problem, iterate, None)?;
        flip_flop::look(problem, iterate)
    }

    fn forget(&mut self) {
        self.free.extend(self.changes.drain(..).chain(self.last.take()));
    }

    /// Notes a sweep's residual and image.
    fn remember(&mut self, from: &Iterate, to: &Iterate, dim: (usize, usize, usize)) {
        let mut new = self.free.pop().unwrap_or_else(|| Pair::at(&to.point));
        write_residual(&mut new.residual, from, to, dim);
        let Full { tangent, ln_dof: image_dof } = &mut new.image;
        for side in Side::BOTH {
            tangent.factors[side].assign(&to.point.factor(side).lower());
        }
        tangent.mean.assign(&to.point.mean);
        *image_dof = ln_dof(to);
        if let Some(mut old) = self.last.take() {
            for (old, new) in [(&mut old.residual, &new.residual), (&mut old.image, &new.image)] {
                old.scale(-1.0);
                old.add_scaled(1.0, new);
            }
            if self.changes.len() == MEMORY {
                self.free.extend(self.changes.pop_front());
            }
            self.changes.push_back(old);
        }
        self.last = Some(new);
    }

    /// Moves to the combination; `None`, and nothing moved, where there is none yet or where it is
    /// not a point.
    fn mix(&mut self, iterate: &mut Iterate) -> Option<()> {
        let last = self.last.as_ref()?;
        let weights = self.weights(&last.residual)?;
        let mixed = self.mixed.get_or_insert_with(|| last.image.clone());
        mixed.assign(&last.image);
        for (weight, change) in weights.iter().zip(&self.changes) {
            mixed.add_scaled(-weight, &change.image);
        }
        let Tangent { factors, mean } = &mixed.tangent;
        if Side::BOTH.iter().any(|&side| !is_usable(&factors[side], iterate.point.factor(side))) {
            return None;
        }
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
        for side in Side::BOTH {
            iterate.point.factors[side].set_lower(factors[side].view());
        }
        iterate.point.mean.assign(mean);
        Some(())
    }

    /// γ, by the normal equations in units where every Δf has length 1; as many as there are
    /// differences, and zeros.
    fn weights(&self, residual: &Full) -> Option<[f64; MEMORY]> {
        let m = self.changes.len();
        if m == 0 {
            return None;
        }
        let mut lengths = [1.0; MEMORY];
        for (length, Pair { residual: f, .. }) in lengths.iter_mut().zip(&self.changes) {
            *length = f.dot(f).sqrt();
            if !(*length > 0.0 && length.is_finite()) {
                return None;
            }
        }
        let f = |i: usize| &self.changes[i].residual;
        let mut normal = Temp::zeros((m, m));
        let mut right = Temp::zeros((m, 1));
        for i in 0..m {
            for j in 0..m {
                normal[[i, j]] = f(i).dot(f(j)) / (lengths[i] * lengths[j]);
            }
            normal[[i, i]] += RIDGE;
            right[[i, 0]] = f(i).dot(residual) / lengths[i];
        }
        solve_in_place("the normal equations of a mixture", &mut normal, &mut right).ok()?;
        let mut weights = [0.0; MEMORY];
        for i in 0..m {
            weights[i] = right[[i, 0]] / lengths[i];
        }
        weights.iter().all(|w| w.is_finite()).then_some(weights)
    }
}

impl Pair {
    fn at(point: &Point) -> Self {
        let zero = || Full { tangent: Tangent::at(point), ln_dof: 0.0 };
        Self { residual: zero(), image: zero() }
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
    flip_flop::step(problem, iterate, if p < q { Side::Rows } else { Side::Cols })?;
    let scored = bearing.is_some_and(|bearing| dof::scoring_step(problem, iterate, bearing));
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
fn write_residual(out: &mut Full, from: &Iterate, to: &Iterate, (_, p, q): (usize, usize, usize)) {
    let Full { tangent, ln_dof: dof } = out;
    *dof = ln_dof(to) - ln_dof(from);
    let (from, to) = (&from.point, &to.point);
    for (side, other) in Side::BOTH.into_iter().zip([q, p]) {
        let (old, new, turn) = (from.factor(side), to.factor(side), &mut tangent.factors[side]);
        let d = old.order();
        let (left, right) = ((old.inverse(), lower_part(d)), (new.lower(), lower_part(d)));
        gemm(1.0, left, right, false, (turn.view_mut(), lower_part(d)));
        turn.diag_mut().mapv_inplace(|x| (x - 1.0) * std::f64::consts::SQRT_2);
        *turn *= (other as f64).sqrt();
    }
    tangent.mean.assign(&to.mean);
    tangent.mean -= &from.mean;
    from.whiten_in_place(&mut tangent.mean);
}

/// Is the triangle a root, not far from one that is known to be good?
fn is_usable(lower: &Array2<f64>, known: &Root) -> bool {
    let close = |(new, old): (&f64, &f64)| *new >= LEAST_DIAGONAL * *old && new.is_finite();
    lower.diag().iter().zip(known.diagonal()).all(close)
}
