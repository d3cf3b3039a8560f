//! The Kronecker Tyler estimator: the scatter A ⊗ B of directions, the t laws' limit ν → 0.

use super::auto::Auto;
use super::climb::climb;
use super::factors::{Factors, Normalisation};
use super::options::{FitOptions, Silent, Termination};
use super::problem::Problem;
use super::shrink;
use crate::data::{Sample, name_of};
use crate::family::{Elliptical, Law, Radial, Weighting};
use crate::likelihood::{Likelihood, SampleLikelihood, Shrunk};
use crate::model::{Existence, Mean, Model, existence, required_samples};
use crate::structure::Structure;
use crate::{Error, Result};
use ndarray::{Array2, Axis};
use std::sync::Arc;
use std::time::Instant;

/// ρ = (d/2) ln δ: the angular law's part of the likelihood. Weights d/δ, no scale.
#[derive(Debug, Clone, Copy)]
struct Angular;

impl Elliptical for Angular {
    fn radial(&self, delta: f64, d: usize) -> Radial {
        let d = d as f64;
        let weight = d / delta;
        Radial { rho: 0.5 * d * delta.ln(), weight, slope: -weight / delta }
    }
}

impl Law for Angular {
    fn name(&self) -> &str {
        "tyler"
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::Elliptical(self)
    }

    /// ln of Γ(d/2)/(2π^{d/2}), the angular central Gaussian density at A ⊗ B = I, is common to
    /// all factors and left out.
    fn ln_constant(&self, _p: usize, _q: usize) -> f64 {
        0.0
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }
}

/// Tyler's M-estimator with a Kronecker scatter: A = (p/n) Σ Y_i B⁻¹ Y_iᵀ/δ_i and likewise B.
///
/// It depends on the directions of the samples around a known centre only: multiplying any sample
/// by any number changes nothing. So the centre must be known, and the scale of A ⊗ B is a
/// convention (tr A = p, tr B = q).
///
/// # References
/// Tyler (1987), Annals of Statistics 15, 234–251; Wiesel (2012), IEEE Transactions on Signal
/// Processing 60, 6182–6189 (geodesic convexity, Kronecker scatter).
#[derive(Debug, Clone)]
pub struct Tyler {
    rows: Structure,
    cols: Structure,
    center: Mean,
}

/// What the estimator found.
#[derive(Debug, Clone)]
pub struct TylerFit {
    factors: Factors,
    objective: f64,
    score: f64,
    termination: Termination,
    iterations: usize,
    warnings: Vec<String>,
}

impl Tyler {
    /// Unstructured factors around the centre 0.
    pub fn new() -> Self {
        Self { rows: Structure::default(), cols: Structure::default(), center: Mean::Zero }
    }

    /// The same with another row structure.
    #[must_use]
    pub fn rows(mut self, rows: Structure) -> Self {
        self.rows = rows;
        self
    }

    /// The same with another column structure.
    #[must_use]
    pub fn cols(mut self, cols: Structure) -> Self {
        self.cols = cols;
        self
    }

    /// The same around another centre: [`Mean::Zero`] or [`Mean::Known`].
    #[must_use]
    pub fn center(mut self, center: Mean) -> Self {
        self.center = center;
        self
    }

    /// The estimate.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a centre that is not known, [`Error::TooFewSamples`],
    /// [`Error::Degenerate`] naming a sample without a direction (equal to the centre), and
    /// what the structures say.
    pub fn fit(&self, sample: &Sample, options: &FitOptions) -> Result<TylerFit> {
        options.validate()?;
        sample.require_complete()?;
        sample.require_alike("Tyler's estimator")?;
        let (_, p, q) = sample.dim();
        let model = Model::of(Arc::new(Angular))
            .rows(self.rows.clone())
            .cols(self.cols.clone())
            .mean(self.known_center()?);
        let model = model.placed(sample)?.unwrap_or(model);
        model.check(p, q)?;
        let shrinks = options.shrink.as_ref().is_some_and(|shrink| !shrink.is_nothing());
        let mut warnings = self.check_count(&model, sample, options.force || shrinks)?;
        if shrinks {
            warnings.clear();
        }
        let directions = self.directions(sample)?;
        let model = model.mean(Mean::Zero);
        let source = SampleLikelihood::new(&directions);
        let shrunk = shrink::channels_for(&model, &directions, &source, options)?
            .map(|channels| Shrunk::new(&source, channels));
        let likelihood: &dyn Likelihood = match &shrunk {
            Some(shrunk) => shrunk,
            None => &source,
        };
        let problem = Problem::new(&model, likelihood);
        let start = problem.start()?;
        let stepper = Box::new(Auto::new(&problem, options.tol));
        let clock = Instant::now();
        let outcome = climb(&problem, start, stepper, options, &mut Silent, clock)?;
        let score = outcome.iterate.score.worst();
        warnings.extend(outcome.termination.warnings(score));
        let point = &outcome.iterate.point;
        let raw = Factors { sigma2: 1.0, row: point.row().matrix(), col: point.col().matrix() };
        let ln_dets = (point.row().ln_det(), point.col().ln_det());
        Ok(TylerFit {
            factors: Factors { sigma2: 1.0, ..raw.normalised(Normalisation::Trace, ln_dets) },
            objective: outcome.iterate.log_likelihood(),
            score,
            termination: outcome.termination,
            iterations: outcome.iterations,
            warnings,
        })
    }

    fn known_center(&self) -> Result<Mean> {
        match &self.center {
            Mean::Zero | Mean::Known(_) => Ok(self.center.clone()),
            other => Err(Error::Unsupported {
                what: format!("Tyler's estimator around a {} mean", other.name()),
                remedy: "directions need a known centre: give zero or a known mean, for instance \
                         the location of a t fit"
                    .to_owned(),
            }),
        }
    }

    /// Existence as for the Gaussian with known mean; unique iff p² + q² < npq (in the rigid
    /// cases samples can be rescaled against the factors).
    fn check_count(&self, model: &Model, sample: &Sample, force: bool) -> Result<Vec<String>> {
        let (n, p, q) = sample.dim();
        let free = model.row_structure().shape().is_unstructured()
            && model.col_structure().shape().is_unstructured();
        if !free || p * p + q * q < n * p * q {
            return Ok(Vec::new());
        }
        if existence(n, p, q) != Existence::None {
            return Ok(vec![format!(
                "with n = {n} samples of {p} × {q} Tyler's scatter exists but is not unique"
            )]);
        }
        let required = required_samples(p, q);
        let what = sample.source().to_owned();
        let error = Error::TooFewSamples { what, n, required, p, q, because: String::new() };
        if force { Ok(vec![format!("{error}; forced all the same")]) } else { Err(error) }
    }

    /// (X_i − M)/‖X_i − M‖·√d: the same estimate, and no overflow from wild samples.
    fn directions(&self, sample: &Sample) -> Result<Sample> {
        let mut values = sample.values().to_owned();
        let d = (values.len_of(Axis(1)) * values.len_of(Axis(2))) as f64;
        for (i, mut x) in values.outer_iter_mut().enumerate() {
            if let Mean::Known(mean) = &self.center {
                x -= mean;
            }
            let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            if largest == 0.0 {
                return Err(Error::Degenerate {
                    what: format!(
                        "sample {} of {} equals the centre",
                        name_of(sample.sample_names(), i),
                        sample.source()
                    ),
                    remedy: "leave it out: it has no direction".to_owned(),
                });
            }
            x /= largest;
            let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
            x *= d.sqrt() / norm;
        }
        let names = (sample.row_names().to_vec(), sample.col_names().to_vec());
        Sample::named(values, names.0, names.1, sample.source())
    }
}

impl Default for Tyler {
    fn default() -> Self {
        Self::new()
    }
}

impl TylerFit {
    /// Â (p × p), trace p.
    pub fn row_scatter(&self) -> &Array2<f64> {
        &self.factors.row
    }

    /// B̂ (q × q), trace q.
    pub fn col_scatter(&self) -> &Array2<f64> {
        &self.factors.col
    }

    /// Maximised −(d/2) Σ ln δ_i − (nq/2) ln|A| − (np/2) ln|B| of the samples scaled to
    /// ‖X_i − M‖² = d.
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// max(|G_A − I|, |G_B − I|) at the estimate.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// Why the iterations ended.
    pub fn termination(&self) -> Termination {
        self.termination
    }

    /// Is this a maximum to the tolerance asked for?
    pub fn is_converged(&self) -> bool {
        self.termination.is_converged()
    }

    /// Sweeps.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// What the reader has to know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
