//! Coverage: which true parameters lie inside the Wald intervals of a fit.

use super::measures::{COVERAGES, Yardstick};
use super::target::Target;
use crate::data::Sample;
use crate::estimate::Fit;
use crate::family::is_same_family;
use crate::inference::{ErrorOptions, Gradient, Interval, IntervalScale, StandardErrors};
use crate::{Error, Result};
use ndarray::Array2;

/// Standard errors below this share of the parameter's own unit are rounding: a structure fixes
/// the parameter, and there is no interval.
const FIXED: f64 = 1e-8;

/// `coverage`, `coverage_scale`, `coverage_shape`, `coverage_mean`, `coverage_dof` of one fit.
///
/// # Errors
/// Why the fit has no standard errors.
pub(super) fn coverage(
    truth: &Yardstick,
    level: f64,
    fit: &Fit,
    options: ErrorOptions,
    sample: &Sample,
) -> Result<[Option<f64>; COVERAGES]> {
    let errors = fit.on(sample)?.standard_errors_with(options)?;
    let blank = Tally { level, inside: 0, all: 0 };
    let (mut scale, mut shape, mut mean, mut dof) = (blank, blank, blank, blank);
    if let Some((estimate, true_scale, error)) = scales(truth, fit, &errors)? {
        scale.count(estimate, true_scale, error, IntervalScale::Log)?;
    }
    let (row, col) = (&truth.factors.row, &truth.factors.col);
    shape.factor(fit.row_cov(), row, &errors.row_cov, &errors.row_correlation)?;
    shape.factor(fit.col_cov(), col, &errors.col_cov, &errors.col_correlation)?;
    for ((i, j), estimate) in fit.mean().indexed_iter() {
        let unit = (fit.sigma2() * fit.row_cov()[[i, i]] * fit.col_cov()[[j, j]]).sqrt();
        let (error, true_mean) = (errors.mean[[i, j]], truth.mean[[i, j]]);
        if !(error <= FIXED * unit) {
            mean.count(*estimate, true_mean, error, IntervalScale::Linear)?;
        }
    }
    // ν of another law is another number, and no Wald interval reaches ν = ∞.
    let (_, p, q) = fit.dim();
    let same_law = is_same_family(fit.law(), truth.law.as_ref(), p, q);
    if let (true, Some(estimate), Some(true_dof), Some(error)) =
        (same_law, fit.dof(), truth.law.dof(), errors.dof)
    {
        dof.count(estimate, true_dof, error, IntervalScale::Log)?;
    }
    let parts = [scale, shape, mean, dof];
    let whole = parts.iter().fold(blank, |sum, part| sum.and(part));
    Ok([whole, scale, shape, mean, dof].map(Tally::share))
}

/// Estimate, truth and standard error of σ² (scale) or cσ² (covariance, c from ν).
fn scales(
    truth: &Yardstick,
    fit: &Fit,
    errors: &StandardErrors,
) -> Result<Option<(f64, f64, f64)>> {
    let (estimate, true_scale) = (fit.sigma2(), truth.factors.sigma2);
    if truth.target == Target::Scale {
        return Ok(Some((estimate, true_scale, errors.sigma2)));
    }
    let (_, p, q) = fit.dim();
    let factors = (fit.law().covariance_factor(p, q), truth.covariance_factor);
    let (Some(factor), Some(true_factor)) = factors else { return Ok(None) };
    // ln cσ² with σ² = tr A tr B/(pq) at tr A = σ²p, tr B = q.
    let mut gradient = Gradient::zeros(p, q);
    gradient.row = Array2::eye(p) / (fit.sigma2() * p as f64);
    gradient.col = Array2::eye(q) / q as f64;
    gradient.dof = ln_factor_slope(fit, p, q);
    let error = factor * estimate * errors.of(&gradient)?;
    Ok(Some((factor * estimate, true_factor * true_scale, error)))
}

/// d ln c/dν at ν̂, where c is a rational function of ν with its pole at 2.
fn ln_factor_slope(fit: &Fit, p: usize, q: usize) -> f64 {
    let (Some(dof), Some(family)) = (fit.dof(), fit.law().dof_family()) else { return 0.0 };
    let h = 1e-3 * (dof - 2.0);
    let ln = |t: f64| family.at(dof + t).covariance_factor(p, q).map_or(f64::NAN, f64::ln);
    let central = |h: f64| (ln(h) - ln(-h)) / (2.0 * h);
    (4.0 * central(h) - central(2.0 * h)) / 3.0
}

/// Parameters with an interval, and those whose interval holds the truth.
#[derive(Debug, Clone, Copy)]
struct Tally {
    level: f64,
    inside: usize,
    all: usize,
}

impl Tally {
    fn share(self) -> Option<f64> {
        (self.all > 0).then(|| self.inside as f64 / self.all as f64)
    }

    fn and(self, other: &Self) -> Self {
        Self { inside: self.inside + other.inside, all: self.all + other.all, ..self }
    }

    fn count(&mut self, estimate: f64, truth: f64, error: f64, scale: IntervalScale) -> Result<()> {
        if !error.is_finite() {
            let what = "a standard error".to_owned();
            return Err(Error::NonFinite { what, value: error, index: Vec::new() });
        }
        let interval = Interval::wald("", estimate, error, scale, self.level)?;
        self.inside += usize::from(interval.contains(truth));
        self.all += 1;
        Ok(())
    }

    /// Variances (trace d) and correlations of a factor, those that its structure does not fix.
    fn factor(
        &mut self,
        estimate: &Array2<f64>,
        truth: &Array2<f64>,
        entry_errors: &Array2<f64>,
        correlation_errors: &Array2<f64>,
    ) -> Result<()> {
        let correlation =
            |m: &Array2<f64>, i: usize, j: usize| m[[i, j]] / (m[[i, i]] * m[[j, j]]).sqrt();
        for i in 0..estimate.nrows() {
            let (value, error) = (estimate[[i, i]], entry_errors[[i, i]]);
            if !(error <= FIXED * value) {
                self.count(value, truth[[i, i]], error, IntervalScale::Log)?;
            }
            for j in 0..i {
                let (r, error) = (correlation(estimate, i, j), correlation_errors[[i, j]]);
                if !(error <= FIXED * (1.0 - r * r)) {
                    self.count(r, correlation(truth, i, j), error, IntervalScale::Atanh)?;
                }
            }
        }
        Ok(())
    }
}
