//! Which samples do not fit: distances, p-values, and the rows, columns and cells behind them.

use super::fitted::Fitted;
use crate::data::Sample;
use crate::estimate::Fit;
use crate::likelihood::{Likelihood, SampleLikelihood};
use crate::linalg::matmul;
use crate::{Error, Result};
use ndarray::{Array1, Array2, Axis};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

/// One sample's distance from the fitted mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distance {
    /// Number of the sample, from 0.
    pub sample: usize,
    /// Squared Mahalanobis distance δ = tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
    pub distance: f64,
    /// What the reference law is of: δ, or ln det(I + ZZᵀ) for the matrix t.
    pub statistic: f64,
    /// P(statistic at least so large) under the fitted law.
    pub p_value: f64,
    /// Adjusted by Holm: the chance of any false alarm is kept.
    pub holm: f64,
    /// Adjusted by Benjamini and Hochberg: the share of false alarms is kept.
    pub benjamini_hochberg: f64,
}

/// Where a sample's distance comes from: δ = Σ_ij c_ij with c = (A⁻¹YB⁻¹) ∘ Y.
///
/// A cell may be negative: given its neighbours, it is nearer to what they predict than to the
/// mean, and takes from the distance. Row and column sums may be negative likewise.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// c (p × q).
    pub cells: Array2<f64>,
    /// Row sums (p).
    pub rows: Array1<f64>,
    /// Column sums (q).
    pub cols: Array1<f64>,
}

/// All distances of a sample under a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outliers {
    /// The reference law in words.
    pub reference: String,
    /// One entry per sample, in the order of the data.
    pub distances: Vec<Distance>,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

impl Fitted<'_> {
    /// Distances of all samples under the fitted model, with p-values as if the parameters were
    /// known: with few samples the estimates follow the outliers, and the p-values are too large.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the law of distances is not known.
    pub fn outliers(&self) -> Result<Outliers> {
        let mut found = distances(self.fit, &*self.likelihood)?;
        let (n, p, q) = self.fit.dim();
        if n < 5 * (p + q) {
            found.notes.push(format!(
                "n = {n} is small for {p} × {q}: the estimates follow the extreme samples, whose \
                 p-values are too large"
            ));
        }
        Ok(found)
    }

    /// The decomposition of one sample's distance.
    ///
    /// # Errors
    /// As [`Fit::contributions`].
    pub fn contributions(&self, index: usize) -> Result<Contributions> {
        self.fit.contributions(self.sample, index)
    }
}

impl Fit {
    /// Distances of the samples of new data under this fit of other data. Rows and columns are
    /// matched by their names where both have names.
    ///
    /// # Errors
    /// [`Error::Names`] or [`Error::Shape`] when the sample does not fit the fit,
    /// [`Error::Missing`] for a missing cell; [`Error::Unsupported`] where the law of distances is
    /// not known.
    pub fn outliers_in(&self, sample: &Sample) -> Result<Outliers> {
        let sample = self.matched(sample)?;
        sample.require_complete()?;
        distances(self, &SampleLikelihood::new(&sample))
    }

    /// The decomposition of the distance of one sample, of the fitted data or of new ones.
    ///
    /// # Errors
    /// [`Error::Domain`] for a number beyond the sample, [`Error::Shape`] for other matrices.
    pub fn contributions(&self, sample: &Sample, index: usize) -> Result<Contributions> {
        sample.require_complete()?;
        let (n, p, q) = sample.dim();
        if index >= n {
            return Err(Error::domain("the number of a sample", index, format!("below {n}")));
        }
        if self.mean().dim() != (p, q) {
            let expected = format!("matrices of {:?}", self.mean().dim());
            return Err(Error::shape(sample.source(), expected, (p, q)));
        }
        let y = &sample.values().index_axis(Axis(0), index) - &self.mean();
        let point = self.point();
        let z = point.whiten(y.view());
        // A⁻¹YB⁻¹ = L_A⁻ᵀ Z L_B⁻¹.
        let back =
            matmul(matmul(point.row().inverse().t(), z.view()).view(), point.col().inverse());
        let cells = back * &y;
        Ok(Contributions { rows: cells.sum_axis(Axis(1)), cols: cells.sum_axis(Axis(0)), cells })
    }
}

/// The distances of whatever the likelihood is of.
fn distances(fit: &Fit, likelihood: &dyn Likelihood) -> Result<Outliers> {
    let (_, p, q) = fit.dim();
    let law = fit.law().distance_law(p, q).ok_or_else(|| Error::Unsupported {
        what: format!("the law of distances under \"{}\" is not known", fit.law().name()),
        remedy: "implement `Law::distance_law` for it, or choose a built-in law".to_owned(),
    })?;
    let mut distances = Vec::new();
    likelihood.each(fit.point(), fit.law(), &mut |seen| {
        let white = seen.white.ok_or_else(|| incomplete(seen.index))?;
        let statistic = law.statistic(white)?;
        distances.push(Distance {
            sample: seen.index,
            distance: seen.distance,
            statistic,
            p_value: law.p_value(statistic),
            holm: 1.0,
            benjamini_hochberg: 1.0,
        });
        Ok(())
    })?;
    let p_values: Vec<f64> = distances.iter().map(|d| d.p_value).collect();
    let adjusted = holm(&p_values).into_iter().zip(benjamini_hochberg(&p_values));
    for (d, (holm, bh)) in distances.iter_mut().zip(adjusted) {
        (d.holm, d.benjamini_hochberg) = (holm, bh);
    }
    let mut notes = Vec::new();
    if !fit.is_converged() {
        notes.push("the fit did not converge: distances are provisional".to_owned());
    }
    Ok(Outliers { reference: law.to_string(), distances, notes })
}

fn incomplete(index: usize) -> Error {
    Error::Unsupported {
        what: format!("sample {index} has missing cells: its distance has another law"),
        remedy: "leave it out, or fill it in".to_owned(),
    }
}

impl Outliers {
    /// The distances from the smallest p-value on.
    pub fn worst_first(&self) -> Vec<&Distance> {
        let mut sorted: Vec<&Distance> = self.distances.iter().collect();
        sorted.sort_by(|a, b| {
            a.p_value.total_cmp(&b.p_value).then(b.statistic.total_cmp(&a.statistic))
        });
        sorted
    }

    /// Quantiles for a plot on the normal scale: (Φ⁻¹((k − ½)/n), Φ⁻¹(1 − p) of the k-th sample
    /// in order), a straight line of slope 1 where the law fits.
    pub fn normal_quantiles(&self) -> Vec<(f64, f64)> {
        let normal = Normal::standard();
        let mut scores: Vec<f64> = self
            .distances
            .iter()
            // The symmetric form keeps tails that 1 − p would round away.
            .map(|d| -normal.inverse_cdf(d.p_value.clamp(1e-300, 1.0 - 1e-16)))
            .collect();
        scores.sort_by(f64::total_cmp);
        let n = scores.len() as f64;
        let at = |k: usize| normal.inverse_cdf((k as f64 + 0.5) / n);
        scores.into_iter().enumerate().map(|(k, z)| (at(k), z)).collect()
    }
}

/// Order of the p-values, smallest first; NaN last.
fn order(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    order
}

/// Holm's adjusted p-values: max over smaller ones of (m − k + 1) p_(k), at most 1.
///
/// # References
/// Holm (1979), Scandinavian Journal of Statistics 6, 65–70.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let mut out = vec![0.0; m];
    let mut largest = 0.0_f64;
    for (k, i) in order(p_values).into_iter().enumerate() {
        largest = largest.max((m - k) as f64 * p_values[i]).min(1.0);
        out[i] = largest;
    }
    out
}

/// Benjamini and Hochberg's adjusted p-values: min over larger ones of m p_(k)/k, at most 1.
///
/// # References
/// Benjamini & Hochberg (1995), JRSS B 57, 289–300.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let mut out = vec![0.0; m];
    let mut smallest = 1.0_f64;
    for (k, i) in order(p_values).into_iter().enumerate().rev() {
        smallest = smallest.min(m as f64 * p_values[i] / (k + 1) as f64);
        out[i] = smallest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand for p = 0.01, 0.02, 0.03, 0.5.
    #[test]
    fn adjusted_p_values() {
        let p = [0.03, 0.01, 0.5, 0.02];
        let close = |a: Vec<f64>, b: [f64; 4]| {
            assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-15), "{a:?} {b:?}");
        };
        close(holm(&p), [0.06, 0.04, 0.5, 0.06]);
        close(benjamini_hochberg(&p), [0.04, 0.04, 0.5, 0.04]);
    }
}
