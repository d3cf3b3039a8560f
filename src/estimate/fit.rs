//! What a fit is.

use super::climb::Outcome;
use super::factors::{Factors, Normalisation};
use super::options::{Step, Termination};
use super::shrink::{ScoreAt, ShrinkRule, Shrinkage};
use crate::Result;
use crate::data::Sample;
use crate::family::{Law, MatrixDistribution};
use crate::kronecker::Side;
use crate::likelihood::{Labels, Likelihood, Point};
use crate::linalg::{Spd, require_finite};
use crate::model::Model;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// How sure it is that the point returned is the one maximum, for unstructured factors and with M
/// and ν held where they are.
///
/// −ℓ is geodesically convex then. With c its smallest curvature and g its gradient, both in the
/// metric of the Gaussian's expected information (½‖X ⊗ I + I ⊗ V‖² per npq observations), along
/// every geodesic of speed 1 in ‖ln Σ^{-½}Σ'Σ^{-½}‖ the curvature falls no faster than e^{−rt},
/// because ρ is there a sum, or the logarithm of a sum, of exponentials whose rates differ by at
/// most r ([`crate::family::Law::curvature_decay`]). Integrating from the estimate to the maximum,
///
/// ```text
/// distance ≤ −(1/r) ln(1 − r √(2pq) ‖g‖ / c)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Smallest curvature of −ℓ on the scale-free tangent space, as a multiple of the Gaussian's
    /// expected information: 1 − σ₂ at a Gaussian maximum, where σ₂² is the rate of flip-flop.
    /// By Lanczos' method from a random start, less the residual of the Ritz pair.
    pub curvature: f64,
    /// Bound on ‖ln Σ̂^{-½} Σ* Σ̂^{-½}‖, Σ = A ⊗ B, from the estimate to the exact maximum; `None`
    /// where there is none.
    pub distance: Option<f64>,
    /// Is the maximum unique?
    pub unique: bool,
}

/// What was missing in the data of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MissingCells {
    /// Missing cells.
    pub missing: usize,
    /// Observed cells.
    pub observed: usize,
    /// Distinct patterns of holes among the samples that count.
    pub patterns: usize,
    /// Samples without any observed cell: they say nothing and are not counted in n.
    pub empty_samples: usize,
}

/// A fitted model: estimates, their likelihood, and how they were reached.
#[derive(Debug, Clone)]
pub struct Fit {
    model: Model,
    law: Arc<dyn Law>,
    point: Point,
    factors: Factors,
    dim: (usize, usize, usize),
    /// Σu.
    weight: f64,
    /// Names of the covariates; empty where there are none.
    terms: Vec<String>,
    /// What kind of weights the samples had.
    weights: &'static str,
    names: (Vec<String>, Vec<String>),
    source: String,
    content_hash: Option<String>,
    log_likelihood: f64,
    score: f64,
    termination: Termination,
    method: Cow<'static, str>,
    iterations: usize,
    passes: usize,
    seconds: f64,
    trace: Vec<Step>,
    warnings: Vec<String>,
    certificate: Option<Certificate>,
    missing: Option<MissingCells>,
    shrinkage: Option<Shrinkage>,
}

/// What a fit that was made before is put together from.
pub(crate) struct FitParts {
    pub(crate) model: Model,
    pub(crate) law: Arc<dyn Law>,
    /// In the trace normalisation.
    pub(crate) factors: Factors,
    pub(crate) point: Point,
    pub(crate) dim: (usize, usize, usize),
    pub(crate) names: (Vec<String>, Vec<String>),
    pub(crate) source: String,
    pub(crate) content_hash: Option<String>,
    pub(crate) end: End,
}

/// How a fit ended.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct End {
    pub(crate) log_likelihood: f64,
    pub(crate) score: f64,
    pub(crate) termination: Termination,
    pub(crate) method: String,
    pub(crate) iterations: usize,
    pub(crate) passes: usize,
    pub(crate) seconds: f64,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    #[serde(default)]
    pub(crate) certificate: Option<Certificate>,
    #[serde(default)]
    pub(crate) missing: Option<MissingCells>,
    pub(crate) shrinkage: Option<Shrinkage>,
}

impl Fit {
    pub(super) fn new(
        model: &Model,
        likelihood: &dyn Likelihood,
        labels: Labels<'_>,
        outcome: Outcome,
        warnings: Vec<String>,
        seconds: f64,
        certificate: Option<Certificate>,
    ) -> Self {
        let Outcome { iterate, termination, method, iterations, trace } = outcome;
        let raw = Factors {
            sigma2: 1.0,
            row: iterate.point.row().matrix(),
            col: iterate.point.col().matrix(),
        };
        let ln_dets = (iterate.point.row().ln_det(), iterate.point.col().ln_det());
        let log_likelihood = iterate.log_likelihood();
        Self {
            model: model.clone(),
            law: iterate.law,
            factors: raw.normalised(Normalisation::Trace, ln_dets),
            point: iterate.point,
            dim: likelihood.dim(),
            weight: likelihood.weight(),
            names: (labels.names[Side::Rows].to_vec(), labels.names[Side::Cols].to_vec()),
            source: labels.source.to_owned(),
            terms: labels.covariates.to_vec(),
            weights: labels.weights,
            content_hash: None,
            log_likelihood,
            score: iterate.score.factors,
            termination,
            method: method.into(),
            iterations,
            passes: iterate.passes,
            seconds,
            trace,
            warnings,
            certificate,
            missing: None,
            shrinkage: None,
        }
    }

    /// The fit is to the n samples that are not empty.
    pub(super) fn with_missing(mut self, n: usize, missing: MissingCells) -> Self {
        self.dim.0 = n;
        self.missing = Some(missing);
        self
    }

    /// What was missing in the data; `None` where nothing was.
    pub fn missing(&self) -> Option<&MissingCells> {
        self.missing.as_ref()
    }

    /// The fit was shrunk.
    pub(super) fn shrunk(self, shrinkage: Shrinkage) -> Self {
        Self { shrinkage: Some(shrinkage), ..self }
    }

    /// Its prior samples were chosen by prediction.
    pub(super) fn chosen_by(mut self, rule: ShrinkRule, curve: Vec<ScoreAt>) -> Self {
        if let Some(shrinkage) = &mut self.shrinkage {
            shrinkage.rule = rule.name().to_owned();
            shrinkage.curve = curve;
        }
        self
    }

    /// The fit is to n samples from `source`, of which only a part was in memory.
    pub(super) fn stands_for(&mut self, n: usize, source: String) {
        self.dim.0 = n;
        self.weight = n as f64;
        self.source = source;
        self.content_hash = None;
    }

    /// The fit is to this sample, and can be told from fits to others.
    pub(super) fn made_of(mut self, sample: &Sample) -> Self {
        self.content_hash = Some(sample.content_hash());
        self
    }

    /// The same fit with more that the reader has to know.
    pub(super) fn warned(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// A fit that was made before, from its parts.
    pub(crate) fn of_parts(parts: FitParts) -> Self {
        let FitParts { model, law, factors, point, dim, names, source, content_hash, end } = parts;
        let End { log_likelihood, score, termination, method, iterations, passes, seconds, .. } =
            end;
        Self {
            model,
            law,
            point,
            factors,
            weight: dim.0 as f64,
            dim,
            terms: Vec::new(),
            weights: "none",
            names,
            source,
            content_hash,
            log_likelihood,
            score,
            termination,
            method: method.into(),
            iterations,
            passes,
            seconds,
            trace: Vec::new(),
            warnings: end.warnings,
            certificate: end.certificate,
            missing: end.missing,
            shrinkage: end.shrinkage,
        }
    }

    /// The model that was fitted.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The fitted law: with ν̂ where it was estimated; the Gaussian where ν̂ = ∞.
    pub fn law(&self) -> &dyn Law {
        self.law.as_ref()
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    /// Σu: n where the samples have no frequency weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// `none`, `frequency` or `precision`: what kind of weights the samples had.
    pub fn weights(&self) -> &'static str {
        self.weights
    }

    /// Names of the covariates; empty where one mean is for all samples.
    pub fn covariates(&self) -> &[String] {
        &self.terms
    }

    /// Θ̂_k (p × q) of a covariate.
    pub fn theta(&self, k: usize) -> ArrayView2<'_, f64> {
        let p = self.dim.1;
        self.point.mean.slice_axis(Axis(0), (k * p..(k + 1) * p).into())
    }

    /// M̂ (p × q); with m covariates their coefficients, one above the other (m·p × q), see
    /// [`Fit::theta`].
    pub fn mean(&self) -> ArrayView2<'_, f64> {
        self.point.mean.view()
    }

    /// σ̂², the mean variance (t laws: scale) of one entry.
    pub fn sigma2(&self) -> f64 {
        self.factors.sigma2
    }

    /// Â (p × p) with trace p; for the t laws a scale, not a covariance.
    pub fn row_cov(&self) -> &Array2<f64> {
        &self.factors.row
    }

    /// B̂ (q × q) with trace q; for the t laws a scale, not a covariance.
    pub fn col_cov(&self) -> &Array2<f64> {
        &self.factors.col
    }

    /// Â or B̂, trace p or q.
    pub fn cov(&self, side: Side) -> &Array2<f64> {
        match side {
            Side::Rows => &self.factors.row,
            Side::Cols => &self.factors.col,
        }
    }

    /// σ̂², Â and B̂ by another normalisation.
    pub fn factors(&self, rule: Normalisation) -> Factors {
        if rule == Normalisation::Trace {
            return self.factors.clone();
        }
        let ln_det = |m: &Array2<f64>| {
            Spd::new("a fitted factor", m.clone()).map_or(f64::NAN, |s| s.ln_det())
        };
        self.factors.normalised(rule, (ln_det(&self.factors.row), ln_det(&self.factors.col)))
    }

    /// The fitted point in the coordinates of the pass.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// ν̂ or the given ν; `None` for the Gaussian, also where it is the limit of a t law.
    pub fn dof(&self) -> Option<f64> {
        self.law.dof()
    }

    /// Is the estimate of ν infinite? The law is then the Gaussian limit, with its covariance;
    /// ν still counts as a parameter.
    pub fn dof_at_infinity(&self) -> bool {
        self.model.estimates_dof() && self.law.dof().is_none()
    }

    /// Maximised log-likelihood, every constant included.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Free parameters.
    pub fn n_parameters(&self) -> usize {
        let (_, p, q) = self.dim;
        let more = self.terms.len().saturating_sub(1);
        self.model.n_parameters(p, q) + more * self.model.mean_structure().n_parameters(p, q)
    }

    /// −2ℓ + 2k; without meaning for a shrunk fit, see [`Fit::shrinkage`].
    pub fn aic(&self) -> f64 {
        -2.0 * self.log_likelihood + 2.0 * self.n_parameters() as f64
    }

    /// AIC + 2k(k+1)/(n − k − 1) with n matrices; `None` where n ≤ k + 1.
    pub fn aicc(&self) -> Option<f64> {
        let k = self.n_parameters() as f64;
        let left = self.weight - k - 1.0;
        (left > 0.0).then(|| self.aic() + 2.0 * k * (k + 1.0) / left)
    }

    /// −2ℓ + k ln n with n matrices, Σu where they have frequency weights; without meaning for a
    /// shrunk fit, see [`Fit::shrinkage`].
    pub fn bic(&self) -> f64 {
        -2.0 * self.log_likelihood + self.n_parameters() as f64 * self.weight.ln()
    }

    /// max(|G_A − I|, |G_B − I|) at the estimate, projected on the structures.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// Why the fit ended.
    pub fn termination(&self) -> Termination {
        self.termination
    }

    /// Is this a maximum to the tolerance asked for?
    pub fn is_converged(&self) -> bool {
        self.termination.is_converged()
    }

    /// The method that reached it.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Iterations.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Passes over the data.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// Seconds of the fit alone.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Every step of the way; empty for a fit that was loaded.
    pub fn trace(&self) -> &[Step] {
        &self.trace
    }

    /// What the reader has to know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The certificate, where it was computed.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The fitted law, shared.
    pub(crate) fn shared_law(&self) -> Arc<dyn Law> {
        self.law.clone()
    }

    /// The fitted distribution: density, moments, draws; with covariates that of what they leave,
    /// with mean 0.
    pub fn distribution(&self) -> MatrixDistribution {
        let Point { mut mean, factors } = self.point.clone();
        if !self.terms.is_empty() {
            mean = Array2::zeros((self.dim.1, self.dim.2));
        }
        let (row, col) = factors.into_pair();
        MatrixDistribution::of_roots(self.law.clone(), mean, row, col)
            .named(&self.names.0, &self.names.1)
    }

    /// What was shrunk and by how much, where the fit was shrunk. Its ℓ is then not the maximum, and
    /// criteria that count parameters do not apply.
    pub fn shrinkage(&self) -> Option<&Shrinkage> {
        self.shrinkage.as_ref()
    }

    /// Names of the rows; empty when there are none.
    pub fn row_names(&self) -> &[String] {
        &self.names.0
    }

    /// Names of the columns; empty when there are none.
    pub fn col_names(&self) -> &[String] {
        &self.names.1
    }

    /// Where the data came from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// [`Sample::content_hash`] of the data; `None` where they were not all in memory.
    pub fn content_hash(&self) -> Option<&str> {
        self.content_hash.as_deref()
    }

    /// For what is defined only where one mean is for all samples.
    pub(crate) fn require_one_mean(&self) -> Result<()> {
        if self.terms.is_empty() {
            return Ok(());
        }
        Err(crate::Error::Unsupported {
            what: "the fit has covariates, and new data come without theirs".to_owned(),
            remedy: "fit without covariates to judge new data or to save the fit".to_owned(),
        })
    }

    /// A sample with rows and columns in the order of the fit, by their names where both have names.
    ///
    /// # Errors
    /// [`Error::Names`] when the names are not the same set; [`Error::Shape`] when the matrices are
    /// not of the fit's size.
    ///
    /// [`Error::Names`]: crate::Error::Names
    /// [`Error::Shape`]: crate::Error::Shape
    pub fn matched(&self, sample: &Sample) -> Result<Sample> {
        self.require_one_mean()?;
        let ((_, p, q), (_, found_p, found_q)) = (self.dim, sample.dim());
        let matched = sample.matched(&self.names.0, &self.names.1, "the fit")?;
        if (found_p, found_q) != (p, q) {
            let expected = format!("matrices of {p} × {q}, as the fit");
            return Err(crate::Error::shape(sample.source(), expected, (found_p, found_q)));
        }
        Ok(matched)
    }

    /// Are the estimates finite numbers?
    pub fn is_finite(&self) -> bool {
        require_finite("A", &self.factors.row).is_ok()
            && require_finite("B", &self.factors.col).is_ok()
    }
}
