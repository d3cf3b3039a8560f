//! The matrix minimum covariance determinant: the Gaussian fit of the h samples that lie closest
//! together.
//!
//! The subset H of h samples minimises F(H) = q ln|A| + p ln|B| at the Gaussian maximum of its own
//! samples. No search short of all subsets is sure to find it: here 50 random starts descend by
//! C-steps ([`search`]), the 10 best exchange single samples ([`swap`]), and how many of the 10 end
//! at the same objective is reported.
//!
//! # References
//! Rousseeuw & Van Driessen (1999), Technometrics 41, 212–223 (C-steps);
//! Mayrhofer, Radojičić & Filzmoser (2024), arXiv:2403.03975 (matrix MCD).

mod exact;
mod search;
mod subset;
mod swap;
mod task;

use super::fit::Fit;
use super::options::{Certify, FitOptions, Silent};
use crate::data::Sample;
use crate::family::{DistanceLaw, Gaussian};
use crate::likelihood::{Likelihood, SampleLikelihood};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::Axis;
use task::Search;

/// Share of the clean samples that reweighting keeps.
pub(crate) const KEPT: f64 = 0.975;
/// Unit of α in the count of samples, so that 0.7 means seven tenths.
const PARTS: u64 = 1_000_000_000;
/// Score of the reported fits.
const TOL: f64 = 1e-10;

/// The estimator: which share of the samples to trust, and how hard to search.
///
/// ```
/// use kronfit::{io, Mcd};
/// let sample = io::resolve("us-macro")?;
/// let robust = Mcd::new().starts(10, 1).fit(&sample)?;
/// assert_eq!(robust.h(), 26);
/// assert_eq!(robust.subset().len(), 26);
/// assert_eq!(robust.reweighted().squared_distances.len(), 49); // of all years
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mcd {
    alpha: f64,
    starts: usize,
    seed: u64,
}

/// A Gaussian fit of some of the samples, as a judge of all.
#[derive(Debug, Clone)]
pub struct Trimmed {
    /// The samples that were fitted, sorted, from 0.
    pub samples: Vec<usize>,
    /// Their maximum likelihood fit, too narrow as they are the inner ones.
    pub fit: Fit,
    /// The covariance is this times σ² A ⊗ B.
    pub consistency: f64,
    /// Squared distances of all samples under that covariance: χ² with pq degrees of freedom for
    /// clean Gaussian samples, about.
    pub squared_distances: Vec<f64>,
}

/// What the search found.
#[derive(Debug, Clone)]
pub struct McdFit {
    h: usize,
    objective: f64,
    raw: Trimmed,
    reweighted: Trimmed,
    tried: usize,
    distinct: usize,
    polished: usize,
    agree: usize,
    notes: Vec<String>,
}

impl Default for Mcd {
    fn default() -> Self {
        Self { alpha: 0.5, starts: 50, seed: 1 }
    }
}

impl Mcd {
    /// Half of the samples are trusted, 50 starts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The share of samples to trust: from 0.5, the largest breakdown, to 1, the maximum
    /// likelihood estimate.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The number of random starts and the seed that they are drawn by.
    #[must_use]
    pub fn starts(mut self, starts: usize, seed: u64) -> Self {
        (self.starts, self.seed) = (starts, seed);
        self
    }

    /// h(α) = ⌊2h₁ − n + 2(n − h₁)α⌋ with h₁ = ⌊(n + n₀)/2⌋ and n₀ = ⌊p/q + q/p⌋ + 2.
    ///
    /// # Errors
    /// [`Error::Domain`] for α outside of 0.5..1.
    ///
    /// ```
    /// use kronfit::Mcd;
    /// assert_eq!(Mcd::new().subset_size((100, 5, 4))?, 52);
    /// assert_eq!(Mcd::new().alpha(0.75).subset_size((100, 5, 4))?, 76);
    /// assert_eq!(Mcd::new().alpha(1.0).subset_size((100, 5, 4))?, 100);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn subset_size(&self, (n, p, q): (usize, usize, usize)) -> Result<usize> {
        if !(0.5..=1.0).contains(&self.alpha) {
            return Err(Error::domain("alpha", self.alpha, "from 0.5 to 1"));
        }
        let parts = (self.alpha * PARTS as f64).round() as u128;
        let largest = ((n + least_samples(p, q)) / 2).min(n);
        let more = 2 * (n - largest) as u128 * parts / u128::from(PARTS);
        Ok(((2 * largest).saturating_sub(n) + more as usize).min(n))
    }

    /// The estimate.
    ///
    /// # Errors
    /// As [`Mcd::fit_watched`].
    pub fn fit(&self, sample: &Sample) -> Result<McdFit> {
        self.fit_watched(sample, &|_, _| true)
    }

    /// The estimate; `watch` is told how many of how many parts are done, from any thread, and
    /// stops the work by `false`. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::Domain`] for α or a number of starts out of range, [`Error::Missing`],
    /// [`Error::TooFewSamples`], [`Error::Unsupported`] for weights and covariates;
    /// [`Error::Degenerate`] where h samples have no scatter (more than half identical, a row that
    /// they share): the objective has no minimum, and the message says what they have in common.
    pub fn fit_watched(
        &self,
        sample: &Sample,
        watch: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<McdFit> {
        let dim @ (n, p, q) = sample.dim();
        let h = self.subset_size(dim)?;
        if self.starts == 0 {
            return Err(Error::domain("the number of starts", 0, "at least 1"));
        }
        sample.require_complete()?;
        sample.require_alike("the minimum covariance determinant")?;
        let least = least_samples(p, q);
        if n <= least {
            let what = sample.source().to_owned();
            let because = " for a subset that leaves samples out".to_owned();
            return Err(Error::TooFewSamples { what, n, required: least + 1, p, q, because });
        }
        exact::look(sample, h, least)?;
        let whole = SampleLikelihood::new(sample);
        let search = Search { sample, whole, h, first: least + 1 };
        let found = search.run(self.starts, self.seed, watch)?;
        let raw = Trimmed::of(sample, &search.whole, found.best.members, h as f64 / n as f64)?;
        let cut = DistanceLaw::ChiSquared(p * q).quantile(KEPT)?;
        let inner = (0..n).filter(|i| raw.squared_distances[*i] <= cut).collect();
        let reweighted = Trimmed::of(sample, &search.whole, inner, KEPT)?;
        let mut notes = Vec::new();
        if !found.exchanged {
            notes.push(format!("n = {n} is large: no single samples were exchanged"));
        }
        if found.lost > 0 {
            notes.push(format!(
                "{} of {} starts ended among matrices too different in size for a fit",
                found.lost, self.starts
            ));
        }
        if !(raw.fit.is_converged() && reweighted.fit.is_converged()) {
            notes.push("a fit of the chosen samples did not converge".to_owned());
        }
        notes.extend(tight(&raw, sample));
        let objective = -2.0 * raw.fit.log_likelihood() / h as f64
            - (p * q) as f64 * (1.0 + std::f64::consts::TAU.ln());
        Ok(McdFit {
            h,
            objective,
            raw,
            reweighted,
            tried: self.starts,
            distinct: found.distinct,
            polished: found.polished,
            agree: found.agree,
            notes,
        })
    }
}

/// n₀ = ⌊p/q + q/p⌋ + 2: so many samples in general position have a fit.
fn least_samples(p: usize, q: usize) -> usize {
    (p * p + q * q) / (p * q) + 2
}

impl Trimmed {
    /// The fit of these samples, which are the share `kept` of the clean ones.
    fn of(
        sample: &Sample,
        whole: &SampleLikelihood<'_>,
        samples: Vec<usize>,
        kept: f64,
    ) -> Result<Self> {
        let (_, p, q) = sample.dim();
        let chosen = sample.values().select(Axis(0), &samples);
        let source = format!("{} of the samples of {}", samples.len(), sample.source());
        let names = (sample.row_names().to_vec(), sample.col_names().to_vec());
        let part = Sample::named(chosen, names.0, names.1, source)?;
        let options = FitOptions { tol: TOL, certificate: Certify::Skip, ..FitOptions::default() };
        let fit = Model::gaussian().fit_with(&part, &options, &mut Silent)?;
        let consistency = consistency(p * q, kept)?;
        let mut squared_distances = Vec::with_capacity(sample.dim().0);
        whole.each(fit.point(), &Gaussian, &mut |seen| {
            squared_distances.push(seen.distance / consistency);
            Ok(())
        })?;
        Ok(Self { samples, fit, consistency, squared_distances })
    }
}

/// α / F_{d+2}(χ²_d(α)): what the covariance of the inner share α of Gaussian samples is short of.
fn consistency(d: usize, alpha: f64) -> Result<f64> {
    if alpha >= 1.0 {
        return Ok(1.0);
    }
    let cut = DistanceLaw::ChiSquared(d).quantile(alpha)?;
    Ok(alpha / (1.0 - DistanceLaw::ChiSquared(d + 2).p_value(cut)))
}

/// Part of the mean squared distance between two samples within which they are "close".
const CLOSE: f64 = 0.1;
/// Share of the subset that is close to one sample, from which this is said.
const CROWD: f64 = 0.25;
/// Members that are looked at.
const MOST_SEEN: usize = 1_000;

/// A note where a large part of the subset lies in one small ball: a tight cluster has a small
/// determinant of its own, whether its samples are good ones or not.
fn tight(raw: &Trimmed, sample: &Sample) -> Option<String> {
    let (_, p, q) = sample.dim();
    let d = p * q;
    if d < 3 {
        return None;
    }
    let point = raw.fit.point();
    let white =
        |i: &usize| point.whiten((&sample.values().index_axis(Axis(0), *i) - &point.mean).view());
    let step = raw.samples.len().div_ceil(MOST_SEEN);
    let all: Vec<_> = raw.samples.iter().step_by(step).map(white).collect();
    let radius = CLOSE * 2.0 * d as f64;
    let near = |z: &ndarray::Array2<f64>| {
        let close = |y: &&ndarray::Array2<f64>| {
            z.iter().zip(y.iter()).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() <= radius
        };
        all.iter().filter(close).count()
    };
    let share = all.iter().map(near).max()? as f64 / all.len() as f64;
    (share >= CROWD).then(|| {
        format!(
            "{:.0} % of the subset lie in one small ball: a tight cluster has a small determinant \
             of its own, and this estimator follows it whether its samples are good ones or not",
            100.0 * share
        )
    })
}

impl McdFit {
    /// Size of the subset.
    pub fn h(&self) -> usize {
        self.h
    }

    /// q ln|A| + p ln|B| of the subset's fit, before consistency: what was minimised.
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// The subset with the least determinant, sorted, from 0.
    pub fn subset(&self) -> &[usize] {
        &self.raw.samples
    }

    /// The fit of the subset.
    pub fn raw(&self) -> &Trimmed {
        &self.raw
    }

    /// The fit of all samples within the 97.5 % quantile of the raw distances: as robust, and more
    /// efficient.
    pub fn reweighted(&self) -> &Trimmed {
        &self.reweighted
    }

    /// Random starts.
    pub fn tried(&self) -> usize {
        self.tried
    }

    /// Distinct subsets that the starts ended in.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// Subsets that were polished by exchanges.
    pub fn polished(&self) -> usize {
        self.polished
    }

    /// How many of these reached the best objective: evidence for the minimum, no proof.
    pub fn agree(&self) -> usize {
        self.agree
    }

    /// What the reader has to know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}
