//! Groups that share factors: one sweep over a likelihood for each, for every law.
//!
//! A factor in common is updated by the mean of its scatters over all groups, a group's own by its
//! own scatter; where both factors are common a group may keep a scale of its own,
//! Cov_k = c_k A ⊗ B. ν is common. Each step raises ℓ.

use super::dof;
use super::flip_flop::{move_mean, update_factor};
use super::iterate::Iterate;
use super::options::FitOptions;
use super::problem::{Problem, factor_score};
use crate::family::{DOF_LOWER, DofEstimate, DofFamily};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Likelihood, Sides, Summaries, Sums};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::{Axis, concatenate};

/// What groups have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common {
    /// Which of the factors.
    pub(crate) sides: BySide<bool>,
    /// Has every group a scale of its own? Only where both factors are common.
    pub(crate) scales: bool,
}

/// Groups fitted together.
pub(crate) struct Together<'a> {
    problems: Vec<Problem<'a>>,
    common: Common,
    /// Where every group stands; factors in common are the same in all of them.
    pub(crate) iterates: Vec<Iterate>,
    /// Largest part of the score.
    pub(crate) score: f64,
    /// Sweeps.
    pub(crate) iterations: usize,
    /// Is the score within the tolerance?
    pub(crate) converged: bool,
}

impl<'a> Together<'a> {
    /// Climbs from a start for each group, whose factors in common must be the same.
    ///
    /// # Errors
    /// Those of the likelihoods; [`Error::NotPositiveDefinite`] where a factor becomes singular.
    pub(crate) fn fit(
        model: &'a Model,
        likelihoods: &[&'a dyn Likelihood],
        common: Common,
        start: Vec<Iterate>,
        options: &FitOptions,
    ) -> Result<Self> {
        let problems = likelihoods.iter().map(|one| Problem::new(model, *one)).collect();
        let (score, iterations) = (f64::INFINITY, 0);
        let mut all =
            Self { problems, common, iterates: start, score, iterations, converged: false };
        all.look(f64::INFINITY)?;
        while all.iterations < options.max_iter {
            all.iterations += 1;
            let dof = all.sweep(options)?;
            all.look(dof)?;
            if all.score <= options.tol {
                all.converged = true;
                break;
            }
        }
        Ok(all)
    }

    /// Σℓ over the groups.
    pub(crate) fn log_likelihood(&self) -> f64 {
        self.iterates.iter().map(Iterate::log_likelihood).sum()
    }

    /// What the reader has to know about the common ν.
    pub(crate) fn dof_warnings(&self) -> Vec<String> {
        let first = self.problems.first().zip(self.iterates.first());
        first.map_or_else(Vec::new, |(problem, one)| dof::warnings(problem, one))
    }

    /// Means, common factors, own factors or scales, ν; gives the score in ν.
    fn sweep(&mut self, options: &FitOptions) -> Result<f64> {
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            let metric = problem.mean_metric(iterate)?;
            move_mean(problem, iterate, &metric)?;
        }
        let common = |side: &Side| self.common.sides[*side];
        let shared: Vec<Side> = Side::BOTH.into_iter().filter(common).collect();
        let own: Vec<Side> = Side::BOTH.into_iter().filter(|side| !common(side)).collect();
        let everything = own.is_empty() && !self.common.scales;
        for side in &shared {
            self.move_common(*side, everything && *side == Side::Cols)?;
        }
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            for side in &own {
                problem.sum(iterate, Sides::Both)?;
                let rescale = rescale(iterate, &iterate.sums)?;
                let scatter = iterate.measured(*side)?;
                let root = &mut iterate.point.factors[*side];
                update_factor(&*problem.shapes[*side], root, scatter.view(), side.letter())?;
                if own.last() == Some(side) {
                    root.scale(rescale);
                }
            }
            if self.common.scales {
                problem.sum(iterate, Sides::Both)?;
                let spread = match iterate.law.two_sided() {
                    Some(_) => 1.0,
                    None => spread(&iterate.sums),
                };
                let c = spread * rescale(iterate, &iterate.sums)?;
                iterate.point.factors[Side::Cols].scale(c);
            }
        }
        self.move_dof(options)
    }

    /// A factor in common, by the scatters of all groups.
    fn move_common(&mut self, side: Side, last: bool) -> Result<()> {
        let Some(first) = self.iterates.first() else { return Ok(()) };
        let (p, q) = first.point.dim();
        let mut all = Sums::zeros(p, q);
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            problem.sum(iterate, if last { Sides::Both } else { Sides::One(side) })?;
            all.add(&iterate.sums);
        }
        let Some(scatter) = all.mean_scatter(side) else { return Ok(()) };
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            let c = if last { rescale(iterate, &all)? } else { 1.0 };
            let root = &mut iterate.point.factors[side];
            update_factor(&*problem.shapes[side], root, scatter.view(), side.letter())?;
            root.scale(c);
        }
        Ok(())
    }

    /// The common ν at its maximum for these factors, as [`dof::update`] for one group.
    fn move_dof(&mut self, options: &FitOptions) -> Result<f64> {
        let Some((first, problem)) = self.iterates.first().zip(self.problems.first()) else {
            return Ok(0.0);
        };
        let (p, q) = first.point.dim();
        let law = problem.model.law().clone();
        let Some(family) = law.dof_family().filter(|_| problem.model.estimates_dof()) else {
            return Ok(0.0);
        };
        let at_infinity = dof::is_at_infinity(problem.model, first);
        let seen = self.summaries(family)?;
        let current = self.iterates.first().and_then(|one| one.law.dof());
        let start = match current {
            // From the limit only where the likelihood rises again, and the factors have settled.
            None if self.score > options.tol.sqrt() || !at_infinity => return Ok(0.0),
            None if family.excess_at_infinity(&seen, p, q) <= 0.0 => return Ok(0.0),
            None => 1e9,
            Some(dof) => dof,
        };
        let (dof, score) = match family.estimate(start, &seen, p, q)? {
            DofEstimate::Interior(dof) => (dof, dof::slope(family, dof, &seen, (p, q)).abs()),
            DofEstimate::Lower => (DOF_LOWER, 0.0),
            DofEstimate::Infinite => (f64::INFINITY, 0.0),
        };
        for iterate in &mut self.iterates {
            dof::move_to(iterate, family, dof);
        }
        Ok(score)
    }

    /// What ν needs of all groups.
    fn summaries(&mut self, family: &dyn DofFamily) -> Result<Summaries> {
        let mut parts = Vec::with_capacity(self.problems.len());
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            parts.push(dof::summaries(problem, iterate, family)?.values);
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let values = concatenate(Axis(0), &views)
            .map_err(|e| Error::shape("the groups", "matrices of one shape", e))?;
        Ok(Summaries::plain(values))
    }

    /// Sums and score at the points; `dof` is the score in ν.
    fn look(&mut self, dof: f64) -> Result<()> {
        let Some(first) = self.iterates.first() else { return Ok(()) };
        let (p, q) = first.point.dim();
        let mut all = Sums::zeros(p, q);
        let mut parts = vec![dof];
        for (problem, iterate) in self.problems.iter().zip(&mut self.iterates) {
            problem.sum(iterate, Sides::Both)?;
            all.add(&iterate.sums);
            for side in Side::BOTH.into_iter().filter(|side| !self.common.sides[*side]) {
                let (shape, root) = (&*problem.shapes[side], iterate.point.factor(side));
                parts.push(factor_score(shape, root, iterate.measured(side)?)?);
            }
            if self.common.scales {
                parts.push((spread(&iterate.sums) - 1.0).abs());
            }
            let step = problem.mean_step(iterate, &problem.mean_metric(iterate)?)?;
            parts.extend(step.iter().map(|x| x.abs()));
        }
        if let Some((problem, iterate)) = self.problems.first().zip(self.iterates.first()) {
            for side in Side::BOTH.into_iter().filter(|side| self.common.sides[*side]) {
                if let Some(scatter) = all.mean_scatter(side) {
                    let (shape, root) = (&*problem.shapes[side], iterate.point.factor(side));
                    parts.push(factor_score(shape, root, scatter)?);
                }
            }
        }
        // `max` would drop a NaN.
        self.score =
            parts.iter().fold(0.0, |m: f64, x| if x.is_nan() { f64::NAN } else { m.max(*x) });
        Ok(())
    }
}

/// ⟨Z, Ψ⟩ per entry, 1 at a maximum in the scale.
fn spread(sums: &Sums) -> f64 {
    let trace = |side| sums.mean_scatter(side).map(|g| g.diag().sum() / g.nrows() as f64);
    trace(Side::Rows).or_else(|| trace(Side::Cols)).unwrap_or(f64::NAN)
}

/// The scale that goes with the last factor of a sweep: of the parameter-expanded step for scalar
/// weights, the EM step of the other side's scale for matrices.
fn rescale(iterate: &Iterate, sums: &Sums) -> Result<f64> {
    if let Some(law) = iterate.law.two_sided() {
        let (_, q) = iterate.point.dim();
        let scatter = sums.mean_scatter(Side::Rows).ok_or_else(|| Error::Unsupported {
            what: "the scatter of the rows was not measured".to_owned(),
            remedy: "look at both sides first".to_owned(),
        })?;
        return Ok(law.scale_step(scatter.view(), q));
    }
    // A bound on matrix weights is no weight.
    let is_matrix = iterate.law.weighting().is_matrix();
    Ok(if is_matrix { 1.0 } else { sums.weight / sums.law_weight })
}
