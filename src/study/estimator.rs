//! What takes part in a study: anything that makes an estimate from a sample.

use crate::Result;
use crate::data::Sample;
use crate::estimate::{Factors, Fit, FitOptions, Silent, Tyler};
use crate::inference::{ErrorOptions, InformationKind};
use crate::model::Model;
use ndarray::Array2;

/// An estimate of M and Σ = σ²(A ⊗ B), as the measures want it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Estimate {
    /// σ̂², Â (trace p) and B̂ (trace q).
    pub factors: Factors,
    /// Is σ̂² an estimate? If not (Tyler), only the measures of shape are defined.
    pub has_scale: bool,
    /// Cov(vec_rows X) = factor · σ̂²(Â ⊗ B̂); `None` where there is no covariance.
    pub covariance_factor: Option<f64>,
    /// M̂ (p × q), where it is estimated.
    pub mean: Option<Array2<f64>>,
    /// ν̂, where it is estimated; infinity for the Gaussian limit.
    pub dof: Option<f64>,
    /// Iterations; 0 for closed forms.
    pub iterations: usize,
    /// How the estimator ended: `converged`, or why not, in one word.
    pub status: &'static str,
    /// The likelihood fit that it is, where there is one: its standard errors give the coverage of
    /// intervals. Without it the coverage stays blank.
    pub fit: Option<Box<Fit>>,
    /// Which standard errors the intervals are made from.
    pub errors: ErrorOptions,
}

impl Estimate {
    /// A covariance estimate in closed form, any normalisation.
    pub fn of(factors: Factors) -> Self {
        Self {
            factors: factors.normalised(crate::estimate::Normalisation::Trace, (0.0, 0.0)),
            has_scale: true,
            covariance_factor: Some(1.0),
            mean: None,
            dof: None,
            iterations: 0,
            status: CONVERGED,
            fit: None,
            errors: ErrorOptions::default(),
        }
    }
}

/// Status of an estimate that is what it should be.
pub(super) const CONVERGED: &str = "converged";

/// An estimator under study.
///
/// It sees the sample only. An `Err` is counted as a failure with its message, and the study goes
/// on. To be reproducible it must not depend on anything but the sample.
pub trait Estimator: Send + Sync {
    /// Name in the results, unique in a study.
    fn name(&self) -> &str;

    /// All that its numbers depend on, for the record.
    fn description(&self) -> String {
        self.name().to_owned()
    }

    /// Can this estimator work on p × q matrices at all? Asked before the study begins.
    ///
    /// # Errors
    /// What is wrong with the shape.
    fn check(&self, _p: usize, _q: usize) -> Result<()> {
        Ok(())
    }

    /// The estimate from a sample.
    ///
    /// # Errors
    /// Where there is no usable estimate.
    fn estimate(&self, sample: &Sample) -> Result<Estimate>;
}

/// A [`Model`] fitted with [`FitOptions`].
#[derive(Debug, Clone)]
pub struct ModelEstimator {
    name: String,
    model: Model,
    options: FitOptions,
    errors: ErrorOptions,
}

impl ModelEstimator {
    /// The estimator of this model with these options.
    pub fn new(name: impl Into<String>, model: Model, options: FitOptions) -> Self {
        Self { name: name.into(), model, options, errors: ErrorOptions::default() }
    }

    /// The same estimator with intervals from other standard errors, for instance robust ones.
    #[must_use]
    pub fn errors(mut self, errors: ErrorOptions) -> Self {
        self.errors = errors;
        self
    }

    /// The matrix normal with unstructured factors, free mean and the default method.
    pub fn gaussian(name: impl Into<String>) -> Self {
        Self::new(name, Model::gaussian(), FitOptions::default())
    }
}

impl Estimator for ModelEstimator {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        let Self { name, model, options, errors } = self;
        let mut intervals = String::new();
        if *errors != ErrorOptions::default() {
            let kind = match errors.information {
                InformationKind::Observed => "observed",
                InformationKind::Expected => "expected",
            };
            intervals = format!(" information={kind} robust={}", errors.robust);
        }
        format!(
            "{name}: {model} method={} tol={} max-iter={} force={}{intervals}",
            options.method.name(),
            options.tol,
            options.max_iter,
            options.force,
        )
    }

    fn check(&self, p: usize, q: usize) -> Result<()> {
        self.options.validate()?;
        self.model.check(p, q)
    }

    fn estimate(&self, sample: &Sample) -> Result<Estimate> {
        let (_, p, q) = sample.dim();
        let fit = self.model.fit_with(sample, &self.options, &mut Silent)?;
        let dof = self.model.estimates_dof().then(|| fit.dof().unwrap_or(f64::INFINITY));
        let estimates_mean = self.model.mean_structure().n_parameters(p, q) > 0;
        Ok(Estimate {
            factors: Factors {
                sigma2: fit.sigma2(),
                row: fit.row_cov().clone(),
                col: fit.col_cov().clone(),
            },
            has_scale: true,
            covariance_factor: fit.law().covariance_factor(p, q),
            mean: estimates_mean.then(|| fit.mean().to_owned()),
            dof,
            iterations: fit.iterations(),
            status: if fit.is_converged() { CONVERGED } else { fit.termination().name() },
            fit: Some(Box::new(fit)),
            errors: self.errors,
        })
    }
}

/// [`Tyler`]'s estimator of the shape around a known centre.
#[derive(Debug, Clone)]
pub struct TylerEstimator {
    name: String,
    tyler: Tyler,
    structures: String,
    options: FitOptions,
}

impl TylerEstimator {
    /// Tyler's estimator with these options; `structures` describes it in the record.
    pub fn new(
        name: impl Into<String>,
        tyler: Tyler,
        structures: impl Into<String>,
        options: FitOptions,
    ) -> Self {
        Self { name: name.into(), tyler, structures: structures.into(), options }
    }
}

impl Estimator for TylerEstimator {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        let Self { name, structures, options, .. } = self;
        format!(
            "{name}: law=tyler {structures} tol={} max-iter={} force={}",
            options.tol, options.max_iter, options.force
        )
    }

    fn estimate(&self, sample: &Sample) -> Result<Estimate> {
        let fit = self.tyler.fit(sample, &self.options)?;
        let (row, col) = (fit.row_scatter().clone(), fit.col_scatter().clone());
        Ok(Estimate {
            has_scale: false,
            covariance_factor: None,
            iterations: fit.iterations(),
            status: if fit.is_converged() { CONVERGED } else { fit.termination().name() },
            ..Estimate::of(Factors { sigma2: 1.0, row, col })
        })
    }
}
