//! How good a rule is on samples that it has not seen.

use super::classes::{Labelled, part};
use super::rule::most_probable;
use super::{Discriminant, Rule};
use crate::data::Sample;
use crate::family::stream;
use crate::{Error, Result};
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;

/// Predictions against the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Prediction {
    /// Share of wrong classes.
    pub error: f64,
    /// Mean −ln of the posterior of the true class.
    pub log_loss: f64,
    /// Mean Σ_k (posterior of k − \[k is true\])².
    pub brier: f64,
    /// Samples by true class (rows) and predicted class (columns).
    pub confusion: Vec<Vec<usize>>,
}

/// Predictions of samples that were left out of the fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CrossValidation {
    /// Parts that the samples were dealt to.
    pub folds: usize,
    /// Of the deal.
    pub seed: u64,
    /// How good they are.
    #[serde(flatten)]
    pub prediction: Prediction,
    /// Folds whose fit did not converge.
    pub not_converged: usize,
}

impl Prediction {
    fn of(log_posterior: &Array2<f64>, class: &[usize]) -> Self {
        let (n, k) = log_posterior.dim();
        let mut confusion = vec![vec![0; k]; k];
        let (mut wrong, mut log_loss, mut brier) = (0_usize, 0.0, 0.0);
        let predicted = most_probable(log_posterior);
        for ((row, truth), found) in log_posterior.outer_iter().zip(class).zip(predicted) {
            confusion[*truth][found] += 1;
            wrong += usize::from(found != *truth);
            log_loss -= row[*truth];
            let miss = |(j, x): (usize, &f64)| (x.exp() - f64::from(u8::from(j == *truth))).powi(2);
            brier += row.iter().enumerate().map(miss).sum::<f64>();
        }
        let n = n as f64;
        Self { error: wrong as f64 / n, log_loss: log_loss / n, brier: brier / n, confusion }
    }
}

impl Rule {
    /// How good the rule is on samples of known classes; on its own samples this is too good
    /// (resubstitution).
    ///
    /// # Errors
    /// As [`Rule::log_posterior`]; [`Error::Shape`] for another number of labels than samples,
    /// [`Error::Domain`] for a label that is none of the classes.
    pub fn judge(&self, sample: &Sample, labels: &[impl AsRef<str>]) -> Result<Prediction> {
        if labels.len() != sample.dim().0 {
            let expected = format!("one label for each of the {} samples", sample.dim().0);
            return Err(Error::shape("the list of labels", expected, [labels.len()]));
        }
        let of = |label: &str| {
            self.classes().iter().position(|class| class.name == label).ok_or_else(|| {
                Error::domain("a label", format!("\"{label}\""), "one of the classes of the rule")
            })
        };
        let class = labels.iter().map(|label| of(label.as_ref())).collect::<Result<Vec<_>>>()?;
        Ok(Prediction::of(&self.log_posterior(sample)?, &class))
    }
}

impl Discriminant {
    /// Stratified cross-validation: the samples of every class are dealt to the folds at random, and
    /// each fold is predicted by a rule that everything of (priors, factors, ν) was fitted without
    /// it. The same seed deals the same folds.
    ///
    /// # Errors
    /// As [`Discriminant::fit`]; [`Error::Domain`] for folds that leave a class with fewer than two
    /// samples to fit.
    pub fn cross_validate(
        &self,
        sample: &Sample,
        labels: &[impl AsRef<str>],
        folds: usize,
        seed: u64,
    ) -> Result<CrossValidation> {
        let data = Labelled::new(sample, labels)?;
        let n = data.class.len();
        if folds < 2 || folds > n {
            return Err(Error::domain("the number of folds", folds, format!("from 2 to n = {n}")));
        }
        for (name, count) in data.names.iter().zip(data.counts()) {
            if count - count.div_ceil(folds) < 2 {
                let allowed = format!(
                    "such that 2 samples of every class are left to fit; \"{name}\" has {count}"
                );
                return Err(Error::domain("the number of folds", folds, allowed));
            }
        }
        let fold = deal(&data, folds, seed);
        let judged: Vec<(Vec<usize>, Array2<f64>, bool)> = (0..folds)
            .into_par_iter()
            .map(|f| self.leave_out(&data, &fold, f))
            .collect::<Result<_>>()?;
        let mut posterior = Array2::zeros((n, data.names.len()));
        let mut not_converged = 0;
        for (rows, found, converged) in judged {
            for (i, row) in rows.into_iter().zip(found.outer_iter()) {
                posterior.index_axis_mut(Axis(0), i).assign(&row);
            }
            not_converged += usize::from(!converged);
        }
        let prediction = Prediction::of(&posterior, &data.class);
        Ok(CrossValidation { folds, seed, prediction, not_converged })
    }

    /// The samples of a fold, predicted without them.
    fn leave_out(
        &self,
        data: &Labelled<'_>,
        fold: &[usize],
        out: usize,
    ) -> Result<(Vec<usize>, Array2<f64>, bool)> {
        let (rows, rest): (Vec<usize>, Vec<usize>) = (0..fold.len()).partition(|i| fold[*i] == out);
        let source = |what: &str| format!("{} ({what} fold {out})", data.sample.source());
        let kept = part(data.sample, &rest, source("without"))?;
        let class = rest.iter().map(|i| data.class[*i]).collect();
        let train = Labelled { sample: &kept, names: data.names.clone(), class };
        let rule = self.fit_labelled(&train)?;
        if rows.is_empty() {
            return Ok((rows, Array2::zeros((0, data.names.len())), rule.is_converged()));
        }
        let found = rule.log_posterior(&part(data.sample, &rows, source("the"))?)?;
        Ok((rows, found, rule.is_converged()))
    }
}

/// The fold of every sample.
fn deal(data: &Labelled<'_>, folds: usize, seed: u64) -> Vec<usize> {
    let mut fold = vec![0; data.class.len()];
    let mut rng = stream(seed, 0, DEAL, 0);
    let mut next = 0;
    for k in 0..data.names.len() {
        let mut members: Vec<usize> = (0..fold.len()).filter(|i| data.class[*i] == k).collect();
        members.shuffle(&mut rng);
        // The next class goes on where this one ended: folds are of one size, up to one sample.
        for i in members {
            fold[i] = next % folds;
            next += 1;
        }
    }
    fold
}

/// Purpose of the generator.
const DEAL: u64 = 3;
