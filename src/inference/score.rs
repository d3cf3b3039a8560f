//! New data under a fit: density, distance and p-value of every sample.

use crate::data::Sample;
use crate::estimate::Fit;
use crate::{Error, Result};
use serde::Serialize;

/// What a fit says of one sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SampleScore {
    /// Number of the sample, from 0.
    pub sample: usize,
    /// Its name, where there is one.
    pub name: Option<String>,
    /// ln f(X), all constants included.
    pub log_density: f64,
    /// Squared Mahalanobis distance δ = tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
    pub distance: f64,
    /// P(a distance at least so large) under the fitted law, parameters taken as known; `None`
    /// where the law of distances is not known.
    pub p_value: Option<f64>,
}

/// What a fit says of every sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Scores {
    /// The reference law of the p-values in words, where it is known.
    pub reference: Option<String>,
    /// Σ ln f(X_i).
    pub log_likelihood: f64,
    /// One entry per sample, in the order of the data.
    pub samples: Vec<SampleScore>,
}

/// Log-density, distance and p-value of every matrix of a sample under a fit, which need not be of
/// that sample. Rows and columns are matched by their names where both have names.
///
/// # Errors
/// [`Error::Names`] or [`Error::Shape`] when the sample does not fit the fit, [`Error::Missing`] for
/// a missing cell.
pub fn score(fit: &Fit, sample: &Sample) -> Result<Scores> {
    let sample = fit.matched(sample)?;
    sample.require_complete()?;
    let distribution = fit.distribution();
    let reference = distribution.distance_law();
    let name = |i: usize| sample.sample_names().get(i).cloned();
    let mut samples = Vec::with_capacity(sample.dim().0);
    for (i, x) in sample.values().outer_iter().enumerate() {
        let z = distribution.whiten(x)?;
        let p_value = match &reference {
            Some(law) => Some(law.p_value(law.statistic(z.view())?)),
            None => None,
        };
        samples.push(SampleScore {
            sample: i,
            name: name(i),
            log_density: distribution.ln_pdf_white(z.view()),
            distance: z.iter().map(|x| x * x).sum(),
            p_value,
        });
    }
    let log_likelihood = samples.iter().map(|s| s.log_density).sum();
    let reference = reference.map(|law| law.to_string());
    Ok(Scores { reference, log_likelihood, samples })
}

impl Scores {
    /// One line per sample: `sample,log_density,distance,p_value`, with the sample's name, or its
    /// number from 0 where there is none; an empty p-value where it is not known.
    ///
    /// # Errors
    /// What the writer of CSV says.
    pub fn to_csv(&self) -> Result<String> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let fault = |e: String| Error::Unsupported {
            what: format!("the scores cannot be written as CSV ({e})"),
            remedy: "write them as JSON".to_owned(),
        };
        csv.write_record(["sample", "log_density", "distance", "p_value"])
            .map_err(|e| fault(e.to_string()))?;
        for s in &self.samples {
            let name = s.name.clone().unwrap_or_else(|| s.sample.to_string());
            let p_value = s.p_value.map_or(String::new(), |p| p.to_string());
            csv.write_record([name, s.log_density.to_string(), s.distance.to_string(), p_value])
                .map_err(|e| fault(e.to_string()))?;
        }
        let bytes = csv.into_inner().map_err(|e| fault(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| fault(e.to_string()))
    }
}
