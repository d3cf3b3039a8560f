//! Profile likelihood of one number: ν, or the ρ of an AR(1) or compound-symmetry factor.

use super::bootstrap::uncertified;
use super::fitted::Fitted;
use super::frame::require_converged;
use crate::data::Sample;
use crate::estimate::{Fit, FitOptions, Silent};
use crate::kronecker::Side;
use crate::model::Model;
use crate::optim::brent;
use crate::structure::Structure;
use crate::{Error, Result};
use ndarray::Array2;
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A profile likelihood: the maximum over everything else, as a function of one number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// What was held fixed.
    pub name: String,
    /// Its estimate; infinite where ν̂ = ∞.
    pub estimate: f64,
    /// ℓ at the maximum.
    pub log_likelihood: f64,
    /// Probability that the interval is asked to cover.
    pub level: f64,
    /// How far below the maximum the interval reaches.
    pub drop: f64,
    /// Lower end; `None` where the likelihood stays above the cut to the edge of the range.
    pub low: Option<f64>,
    /// Upper end; `None` likewise (for ν: the interval reaches ν = ∞).
    pub high: Option<f64>,
    /// (value, ℓ) on a grid around the interval, for a plot.
    pub curve: Vec<(f64, f64)>,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

/// Choices about a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileOptions {
    /// Probability that the interval is asked to cover.
    pub level: f64,
    /// Points of the curve.
    pub points: usize,
    /// How the restricted models are fitted.
    pub fit: FitOptions,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self { level: 0.95, points: 41, fit: FitOptions::default() }
    }
}

/// Where ν and the coordinate of ρ are looked for.
const DOF_RANGE: (f64, f64) = (1e-2, 1e6);
const ATANH_LIMIT: f64 = 8.0;

/// Half of the χ²₁ quantile: the drop of ℓ that ends an interval.
fn drop_of(level: f64) -> Result<f64> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::domain("the level of an interval", level, "between 0 and 1"));
    }
    let law = ChiSquared::new(1.0).map_err(|e| Error::domain("χ²", 1, format!("usable ({e})")))?;
    Ok(0.5 * law.inverse_cdf(level))
}

impl Fitted<'_> {
    /// The profile of ν. Where ν̂ = ∞ the interval is one-sided, [low, ∞], with the drop of the level
    /// 2·level − 1 (the likelihood ratio is there half the time zero).
    ///
    /// # Errors
    /// [`Error::Unsupported`] when ν was not estimated or the fit did not converge.
    pub fn profile_dof(&self, options: &ProfileOptions) -> Result<Profile> {
        let (fit, sample) = (self.fit, self.sample);
        require_converged(fit, "a profile likelihood")?;
        if !fit.model().estimates_dof() {
            return Err(Error::Unsupported {
                what: "the degrees of freedom of this model are not estimated".to_owned(),
                remedy: "fit a t law with estimated ν".to_owned(),
            });
        }
        let law = fit.model().law().clone();
        let family = law.dof_family().ok_or_else(|| Error::Unsupported {
            what: format!("the law {} has no degrees of freedom", law.name()),
            remedy: "choose a t law".to_owned(),
        })?;
        let at = |dof: f64| -> Result<f64> {
            let law = if dof.is_finite() { family.at(dof) } else { family.limit() };
            restricted(fit, Model::of(law), sample, &options.fit)
        };
        let infinite = fit.dof_at_infinity();
        let level = if infinite { (2.0 * options.level - 1.0).max(1e-6) } else { options.level };
        let drop = drop_of(level)?;
        let cut = fit.log_likelihood() - drop;
        let centre = fit.dof().unwrap_or(DOF_RANGE.1);
        let excess = |ln: f64| at(ln.exp()).map(|l| l - cut);
        let low = end(&excess, centre.ln(), DOF_RANGE.0.ln(), 0.5)?.map(f64::exp);
        let high = if infinite || at(f64::INFINITY)? >= cut {
            None
        } else {
            end(&excess, centre.ln(), DOF_RANGE.1.ln(), 0.5)?.map(f64::exp)
        };
        let first = low.unwrap_or(DOF_RANGE.0).ln() - 0.3;
        let far = (20.0 * low.unwrap_or(1.0).max(5.0)).max(3.0 * centre.min(1e3));
        let last = high.unwrap_or(far).ln() + 0.3;
        let mut curve = Vec::new();
        for x in grid(first, last, options.points) {
            curve.push((x.exp(), at(x.exp())?));
        }
        let mut notes = Vec::new();
        if infinite {
            notes.push("ν̂ = ∞: the interval is one-sided".to_owned());
        } else if high.is_none() {
            notes.push("the interval reaches ν = ∞: the Gaussian is not excluded".to_owned());
        }
        Ok(Profile {
            name: "ν".to_owned(),
            estimate: fit.dof().unwrap_or(f64::INFINITY),
            log_likelihood: fit.log_likelihood(),
            level: options.level,
            drop,
            low,
            high,
            curve,
            notes,
        })
    }

    /// The profile of the ρ of an AR(1) or compound-symmetry factor.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another structure or a fit that did not converge.
    pub fn profile_rho(&self, side: Side, options: &ProfileOptions) -> Result<Profile> {
        let (fit, sample) = (self.fit, self.sample);
        require_converged(fit, "a profile likelihood")?;
        let (structure, matrix) = (fit.model().structure(side), fit.cov(side));
        let d = matrix.nrows();
        let autoregressive = matches!(structure, Structure::Ar1);
        if d < 2 || !(autoregressive || matches!(structure, Structure::CompoundSymmetry)) {
            return Err(Error::Unsupported {
                what: format!("a factor of order {d} with structure {structure} has no single ρ"),
                remedy: "profile an ar1 or compound-symmetry factor of order 2 or more".to_owned(),
            });
        }
        // ρ of compound symmetry is above −1/(d−1): t maps the line onto its range.
        let floor = if autoregressive { -1.0 } else { -1.0 / (d - 1) as f64 };
        let rho_of = |t: f64| floor + (1.0 - floor) * 0.5 * (1.0 + t.tanh());
        let t_of = |rho: f64| (2.0 * (rho - floor) / (1.0 - floor) - 1.0).atanh();
        let at = |rho: f64| -> Result<f64> {
            let known = Array2::from_shape_fn((d, d), |(i, j)| match i.abs_diff(j) {
                0 => 1.0,
                lag if autoregressive => rho.powi(lag as i32),
                _ => rho,
            });
            let model = fit.model().clone().with(side, Structure::Known(known));
            finished(&model, sample, &options.fit)
        };
        let drop = drop_of(options.level)?;
        let cut = fit.log_likelihood() - drop;
        let estimate = matrix[[0, 1]] / (matrix[[0, 0]] * matrix[[1, 1]]).sqrt();
        let centre = t_of(estimate);
        let excess = |t: f64| at(rho_of(t)).map(|l| l - cut);
        let low = end(&excess, centre, -ATANH_LIMIT, 0.1)?;
        let high = end(&excess, centre, ATANH_LIMIT, 0.1)?;
        let (first, last) = (low.unwrap_or(-ATANH_LIMIT), high.unwrap_or(ATANH_LIMIT));
        let margin = 0.25 * (last - first);
        let mut curve = Vec::new();
        for t in grid(first - margin, last + margin, options.points) {
            curve.push((rho_of(t), at(rho_of(t))?));
        }
        Ok(Profile {
            name: format!("ρ ({}s)", side.singular()),
            estimate,
            log_likelihood: fit.log_likelihood(),
            level: options.level,
            drop,
            low: low.map(rho_of),
            high: high.map(rho_of),
            curve,
            notes: Vec::new(),
        })
    }
}

/// The fit's structures and mean on another law.
fn reuse(fit: &Fit, base: Model) -> Model {
    let model = fit.model();
    base.rows(model.row_structure().clone())
        .cols(model.col_structure().clone())
        .mean(model.mean_structure().clone())
}

fn restricted(fit: &Fit, base: Model, sample: &Sample, options: &FitOptions) -> Result<f64> {
    finished(&reuse(fit, base), sample, options)
}

fn finished(model: &Model, sample: &Sample, options: &FitOptions) -> Result<f64> {
    // Below a pole the profile follows the local maximum.
    let options = FitOptions { force: true, ..uncertified(options) };
    let fit = model.fit_with(sample, &options, &mut Silent)?;
    require_converged(&fit, "a profile likelihood")?;
    Ok(fit.log_likelihood())
}

/// Where the excess over the cut changes its sign between `centre` and `limit`; `None` where it
/// stays positive.
fn end(
    excess: &dyn Fn(f64) -> Result<f64>,
    centre: f64,
    limit: f64,
    stride: f64,
) -> Result<Option<f64>> {
    let sign = (limit - centre).signum();
    let (mut inside, mut stride) = (centre, stride);
    loop {
        let at =
            if sign > 0.0 { (inside + stride).min(limit) } else { (inside - stride).max(limit) };
        if excess(at)? < 0.0 {
            // Where a fit inside of the bracket fails, NaN makes the search say so.
            let f = |x: f64| excess(x).unwrap_or(f64::NAN);
            return brent("the end of a profile interval", f, (inside, at), 1e-7).map(Some);
        }
        if at == limit {
            return Ok(None);
        }
        inside = at;
        stride *= 2.0;
    }
}

fn grid(first: f64, last: f64, points: usize) -> impl Iterator<Item = f64> {
    let points = points.max(2);
    (0..points).map(move |i| first + (last - first) * i as f64 / (points - 1) as f64)
}
