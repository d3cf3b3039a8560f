//! Riemannian Newton-CG, re-centred at every step: A ← L_A exp(X) L_Aᵀ, B ← L_B exp(V) L_Bᵀ and
//! M ← M + L_A Δ L_Bᵀ along the solution of H(X, V, Δ) = −gradient by preconditioned conjugate
//! gradients on the exact Hessian–vector product.
//!
//! With M and ν fixed −ℓ is geodesically convex, H is positive semidefinite and every stationary
//! point is the maximum. The redundant scale is a null direction of H to which the gradient is
//! orthogonal, so conjugate gradients never see it.
//!
//! # References
//! Absil, Mahony & Sepulchre (2008), Optimization Algorithms on Matrix Manifolds, ch. 6; Nocedal
//! & Wright (2006), Numerical Optimization, ch. 7 (forcing terms).

use super::climb::Stepper;
use super::dof;
use super::flip_flop;
use super::full::Full;
use super::iterate::Iterate;
use super::joint_problem::{across, whitened_gradient};
use super::problem::Problem;
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Point, Sides, Sums, Tangent};
use crate::linalg::{Spd, SymmetricEigen, matmul, symmetric_eigen, symmetrise};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};
use std::sync::Arc;

/// Largest step in logarithmic coordinates: factors change by at most e³ in any direction.
const LARGEST_STEP: f64 = 3.0;
/// Share of the predicted decrease that a step must reach.
const ARMIJO: f64 = 1e-4;
/// Above this ν a sweep decides between a finite ν and the Gaussian.
pub(super) const LARGE_DOF: f64 = 1e5;
/// Most halvings of a step.
const HALVINGS: usize = 30;
/// Most conjugate gradient iterations for one step.
const CG_LIMIT: usize = 500;

/// Sweeps from the starting point: they take the worst of the conditioning out.
const SWEEPS_FIRST: usize = 2;

/// Newton steps after two sweeps.
#[derive(Debug, Default)]
pub(super) struct Newton {
    tol: f64,
}

impl Newton {
    pub(super) fn new(tol: f64) -> Self {
        Self { tol }
    }
}

impl Stepper for Newton {
    fn name(&self) -> &'static str {
        "newton"
    }

    fn patience(&self) -> usize {
        6
    }

    fn advance(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        count: usize,
    ) -> Result<bool> {
        if count >= SWEEPS_FIRST && step(problem, iterate, self.tol)? {
            return Ok(true);
        }
        // Where the model of second order is of no use, a sweep is always safe.
        flip_flop::sweep(problem, iterate, count)?;
        Ok(true)
    }
}

/// One Newton step; `false` (and only `passes` changed) where no decrease was found along it.
pub(super) fn step(problem: &Problem<'_>, iterate: &mut Iterate, tol: f64) -> Result<bool> {
    let dof = iterate.law.dof().filter(|_| problem.model.estimates_dof());
    // Beyond these ends of ν only a sweep can decide.
    if dof.is_some_and(|dof| !(dof > problem.floor && dof < LARGE_DOF)) {
        return Ok(false);
    }
    problem.complete(iterate)?;
    let local = Local::at(problem, iterate)?;
    let border = Border::at(problem, iterate)?.map(|mut border| {
        project(&mut border.cross.mean, local.mean_space.as_ref());
        border
    });
    let forcing = forcing(iterate.score.worst(), tol);
    let system = System { local, border };
    let direction = match system.solve(problem, iterate, forcing) {
        // No second derivative here: a sweep is always there.
        Err(Error::Unsupported { .. }) => return Ok(false),
        direction => direction?,
    };
    search(problem, iterate, &system, direction)
}

/// Superlinear far out, and no more accurate than the tolerance needs.
fn forcing(score: f64, tol: f64) -> f64 {
    let superlinear = score.sqrt().min(0.1);
    superlinear.max((0.1 * tol / score).min(0.1))
}

/// −ℓ per scalar observation around one point, in whitened coordinates.
pub(super) struct Local {
    /// Its gradient.
    pub(super) gradient: Tangent,
    /// Projections on the column space of L_A⁻¹C and the row space of DL_B⁻ᵀ; `None` where the
    /// mean is not estimated.
    mean_space: Option<(Array2<f64>, Array2<f64>)>,
    /// Inverse curvatures of the blocks, for the preconditioner.
    blocks: (f64, f64, f64),
    /// Σ u w z zᵀ / Σ u w and its inverse, where there are covariates.
    design: Option<(Array2<f64>, Array2<f64>)>,
    observations: f64,
}

impl Local {
    pub(super) fn at(problem: &Problem<'_>, iterate: &Iterate) -> Result<Self> {
        let (_, p, q) = problem.dim();
        let (pf, qf) = (p as f64, q as f64);
        let observations = problem.observations();
        let mean_space = mean_space(problem, &iterate.point)?;
        let mut gradient = whitened_gradient(iterate)?;
        project(&mut gradient.mean, mean_space.as_ref());
        // −ℓ/npq has curvature 1/2p on X, 1/2q on V and Σw/npq on Δ for the Gaussian with
        // independent sides; the spectrum that is left lies around 1.
        let weight = iterate.sums.law_weight / iterate.sums.weight;
        let weight = weight.max(f64::MIN_POSITIVE);
        let blocks = (2.0 * pf, 2.0 * qf, pf * qf / weight);
        let design = design_metric(&iterate.sums)?;
        Ok(Self { gradient, mean_space, blocks, design, observations })
    }

    fn precondition(&self, v: &Tangent) -> Tangent {
        let (row, col, mean) = self.blocks;
        let factors = BySide::new(&v.factors[Side::Rows] * row, &v.factors[Side::Cols] * col);
        let inverse = self.design.as_ref().map(|(_, inverse)| inverse.view());
        Tangent { factors, mean: across(inverse, &v.mean) * mean }
    }

    /// The Hessian times a direction: one counted pass.
    pub(super) fn curvature(
        &self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        v: &Tangent,
    ) -> Result<Tangent> {
        let mut out = Tangent::at(&iterate.point);
        problem.curvature(iterate, v, &mut out)?;
        project(&mut out.mean, self.mean_space.as_ref());
        out.scale(1.0 / self.observations);
        Ok(out)
    }
}

/// ln ν as one more coordinate, where it is estimated: the border of the Hessian.
struct Border {
    family: Arc<dyn Law>,
    dof: f64,
    /// ∂/∂ ln ν of −ℓ/npq.
    slope: f64,
    /// Its second derivative.
    bend: f64,
    /// The mixed derivative: how the gradient in whitened coordinates moves with ln ν.
    cross: Tangent,
}

impl Border {
    /// Three counted passes: one for the slope in ν, two for the mixed derivative.
    fn at(problem: &Problem<'_>, iterate: &mut Iterate) -> Result<Option<Self>> {
        let law = iterate.law.clone();
        let (Some(family), Some(dof)) = (law.dof_family(), law.dof()) else { return Ok(None) };
        if !problem.model.estimates_dof() {
            return Ok(None);
        }
        let (_, p, q) = problem.dim();
        let seen = dof::summaries(problem, iterate, family)?;
        let slope =
            |shift: f64| -dof::slope(family, dof * shift.exp(), &seen, (p, q)) / (p * q) as f64;
        let h = 1e-3_f64;
        let mut cross = Tangent::at(&iterate.point);
        for sign in [1.0, -1.0] {
            let mut moved = iterate.clone();
            let ratio = dof::move_to(&mut moved, family, dof * (sign * h).exp());
            problem.sum(&mut moved, Sides::Both)?;
            iterate.passes += 1;
            let mut gradient = whitened_gradient(&moved)?;
            // Back to the frame in which the mean moves.
            gradient.mean /= ratio.sqrt();
            cross.add_scaled(sign * 0.5 / h, &gradient);
        }
        let bend = (slope(h) - slope(-h)) / (2.0 * h);
        Ok(Some(Self { family: law.clone(), dof, slope: slope(0.0), bend, cross }))
    }
}

/// The Newton equation at one point.
struct System {
    local: Local,
    border: Option<Border>,
}

impl System {
    fn gradient(&self) -> Full {
        let ln_dof = self.border.as_ref().map_or(0.0, |b| b.slope);
        Full { tangent: self.local.gradient.clone(), ln_dof }
    }

    fn product(&self, problem: &Problem<'_>, iterate: &mut Iterate, v: &Full) -> Result<Full> {
        let mut tangent = self.local.curvature(problem, iterate, &v.tangent)?;
        let mut ln_dof = 0.0;
        if let Some(border) = &self.border {
            tangent.add_scaled(v.ln_dof, &border.cross);
            ln_dof = border.cross.dot(&v.tangent) + border.bend * v.ln_dof;
        }
        Ok(Full { tangent, ln_dof })
    }

    fn precondition(&self, v: &Full) -> Full {
        let bend = self.border.as_ref().map_or(1.0, |b| b.bend.abs().max(1e-12));
        Full { tangent: self.local.precondition(&v.tangent), ln_dof: v.ln_dof / bend }
    }

    /// ⟨v, M v⟩ with M the inverse of the preconditioner.
    fn size(&self, v: &Full) -> f64 {
        let square = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>();
        let bend = self.border.as_ref().map_or(1.0, |b| b.bend.abs().max(1e-12));
        let blocks = self.local.blocks;
        square(&v.tangent.factors[Side::Rows]) / blocks.0
            + square(&v.tangent.factors[Side::Cols]) / blocks.1
            + (&across(
                self.local.design.as_ref().map(|(metric, _)| metric.view()),
                &v.tangent.mean,
            ) * &v.tangent.mean)
                .sum()
                / blocks.2
            + v.ln_dof * v.ln_dof * bend
    }

    /// H d = −g to the relative accuracy `forcing`.
    fn solve(&self, problem: &Problem<'_>, iterate: &mut Iterate, forcing: f64) -> Result<Full> {
        let mut residual = self.gradient();
        residual.scale(-1.0);
        let mut x = residual.clone();
        x.scale(0.0);
        let mut z = self.precondition(&residual);
        let mut rz = residual.dot(&z);
        let target = forcing * forcing * rz;
        let mut d = z.clone();
        for k in 0..CG_LIMIT {
            problem.require_time()?;
            let hd = self.product(problem, iterate, &d)?;
            let bend = d.dot(&hd);
            // In the preconditioner's own metric the curvature is of order 1.
            if !(bend > 1e-13 * self.size(&d)) {
                if k == 0 {
                    x = d;
                }
                break;
            }
            let alpha = rz / bend;
            x.add_scaled(alpha, &d);
            // The iterates grow: what is longer than any step will be cut back anyway.
            if x.tangent.factors.iter().flatten().any(|v| v.abs() > LARGEST_STEP) {
                break;
            }
            residual.add_scaled(-alpha, &hd);
            z = self.precondition(&residual);
            let next = residual.dot(&z);
            if !(next > target) {
                break;
            }
            let beta = next / rz;
            rz = next;
            d.scale(beta);
            d.add_scaled(1.0, &z);
        }
        Ok(x)
    }

    /// Moves an iterate to the law and the scale at ln ν + shift.
    fn move_dof(&self, iterate: &mut Iterate, shift: f64) {
        if let Some(border) = &self.border
            && let Some(family) = border.family.dof_family()
        {
            dof::move_to(iterate, family, border.dof * shift.exp());
        }
    }

    /// Likelihood and score at a trial point.
    fn evaluate(&self, problem: &Problem<'_>, trial: &mut Iterate) -> Result<()> {
        problem.evaluate(trial)?;
        let law = trial.law.clone();
        if let (Some(family), Some(dof)) = (law.dof_family(), law.dof())
            && self.border.is_some()
            && problem.dof_bearing(trial).is_none()
        {
            let (_, p, q) = problem.dim();
            let seen = dof::summaries(problem, trial, family)?;
            trial.score.dof = dof::slope(family, dof, &seen, (p, q)).abs();
        }
        Ok(())
    }
}

/// Backtracking along the geodesic.
fn search(
    problem: &Problem<'_>,
    iterate: &mut Iterate,
    system: &System,
    direction: Full,
) -> Result<bool> {
    let observations = system.local.observations;
    let slope = system.gradient().dot(&direction);
    if !(slope < 0.0) {
        return Ok(false);
    }
    let path = Geodesic::new(&iterate.point, &direction.tangent)?;
    let f = -iterate.log_likelihood() / observations;
    // Differences below this are rounding: then the score decides.
    let rounding = 32.0 * f64::EPSILON * (1.0 + f.abs());
    let mut t = (LARGEST_STEP / path.length().max(direction.ln_dof.abs())).min(1.0);
    for _ in 0..HALVINGS {
        let mut trial = iterate.clone();
        match path.at(t).map(|point| trial.point = point) {
            Ok(()) => {
                system.move_dof(&mut trial, t * direction.ln_dof);
                if trial.law.dof().is_some_and(|dof| dof < problem.floor) && system.border.is_some()
                {
                    t *= 0.5;
                    continue;
                }
                system.evaluate(problem, &mut trial)?;
            }
            Err(Error::NotPositiveDefinite { .. } | Error::NonFinite { .. }) => {
                t *= 0.5;
                continue;
            }
            Err(error) => return Err(error),
        }
        iterate.passes = trial.passes;
        let reached = -trial.log_likelihood() / observations;
        let better = reached <= f + ARMIJO * t * slope;
        let even = (reached - f).abs() <= rounding && trial.score.worst() < iterate.score.worst();
        if better || even {
            trial.point.balance();
            trial.stride = t * path.length();
            *iterate = trial;
            return Ok(true);
        }
        // The parabola through both values and the slope, kept within [0.1, 0.5] of the step.
        let parabola = -0.5 * slope * t / ((reached - f) / t - slope);
        t = if parabola.is_finite() { parabola.clamp(0.1 * t, 0.5 * t) } else { 0.25 * t };
    }
    Ok(false)
}

/// The path L_A exp(tX) L_Aᵀ, L_B exp(tV) L_Bᵀ, M + t L_A Δ L_Bᵀ.
pub(super) struct Geodesic<'a> {
    from: &'a Point,
    factors: BySide<SymmetricEigen>,
    mean: Array2<f64>,
}

impl<'a> Geodesic<'a> {
    pub(super) fn new(from: &'a Point, direction: &Tangent) -> Result<Self> {
        Ok(Self {
            from,
            factors: BySide::try_of(|side| {
                symmetric_eigen("a step of a factor", direction.factors[side].view())
            })?,
            mean: from.unwhiten(direction.mean.view()),
        })
    }

    /// Largest change of an eigenvalue's logarithm at t = 1.
    pub(super) fn length(&self) -> f64 {
        self.factors.iter().flat_map(|f| &f.values).fold(0.0, |m: f64, x| m.max(x.abs()))
    }

    pub(super) fn at(&self, t: f64) -> Result<Point> {
        let mut point = self.from.clone();
        for side in Side::BOTH {
            let step = self.factors[side].map(|x| (t * x).exp());
            point.factors[side].advance(side.letter(), step.view())?;
        }
        point.mean.scaled_add(t, &self.mean);
        Ok(point)
    }
}

fn mean_space(problem: &Problem<'_>, point: &Point) -> Result<Option<(Array2<f64>, Array2<f64>)>> {
    let (_, p, q) = problem.dim();
    let Some((left, right)) = problem.model.mean_structure().design(p, q) else {
        return Ok(None);
    };
    let left = matmul(point.row().inverse(), left.view());
    let right = matmul(right.view(), point.col().inverse().t());
    Ok(Some((projector(left.view())?, projector(right.t())?)))
}

/// Σ u w z zᵀ / Σ u w and its inverse.
fn design_metric(sums: &Sums) -> Result<Option<(Array2<f64>, Array2<f64>)>> {
    if sums.design.is_empty() {
        return Ok(None);
    }
    let metric = &sums.design / sums.law_weight;
    let inverse = Spd::new("the normal matrix of the design", metric.clone())?;
    let inverse = inverse.solve(Array2::eye(metric.nrows()).view());
    Ok(Some((metric, inverse)))
}

/// C (CᵀC)⁻¹ Cᵀ.
fn projector(design: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    if design.ncols() == design.nrows() {
        return Ok(Array2::eye(design.nrows()));
    }
    let mut normal = matmul(design.t(), design);
    symmetrise(&mut normal);
    let normal = Spd::new("the normal matrix of the mean", normal)?;
    Ok(matmul(design, normal.solve(design.t()).view()))
}

fn project(mean: &mut Array2<f64>, space: Option<&(Array2<f64>, Array2<f64>)>) {
    match space {
        Some((left, right)) => {
            for mut block in mean.axis_chunks_iter_mut(Axis(0), left.nrows()) {
                let seen = matmul(matmul(left.view(), block.view()).view(), right.view());
                block.assign(&seen);
            }
        }
        None => mean.fill(0.0),
    }
}
