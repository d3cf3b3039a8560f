//! Weights of samples: two kinds that nobody should confuse.

use crate::{Error, Result};

/// What the samples count.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Weights {
    /// All the same.
    #[default]
    None,
    /// u_i ≥ 0: sample i stands for u_i samples that look like it. ℓ = Σ u_i ln f(X_i), and n is Σu
    /// in BIC. Whole numbers are the same as repeating the samples; with other ones, as from a
    /// survey, only sandwich standard errors are honest.
    Frequency(Vec<f64>),
    /// w_i > 0: sample i is measured more precisely, Cov X_i = A ⊗ B / w_i (t laws: its scale).
    Precision(Vec<f64>),
}

impl Weights {
    /// `none`, `frequency` or `precision`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Frequency(_) => "frequency",
            Self::Precision(_) => "precision",
        }
    }

    /// The numbers; `None` where there are none.
    pub fn values(&self) -> Option<&[f64]> {
        match self {
            Self::None => None,
            Self::Frequency(values) | Self::Precision(values) => Some(values),
        }
    }

    /// Are these weights for n samples?
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of them, [`Error::Domain`] for one out of range.
    pub fn check(&self, n: usize, source: &str) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Frequency(values) => check_weights(values, n, true, source),
            Self::Precision(values) => check_weights(values, n, false, source),
        }
    }
}

/// n finite numbers, not negative, and with `zero` some may be 0 but not all.
pub(crate) fn check_weights(weights: &[f64], n: usize, zero: bool, source: &str) -> Result<()> {
    if weights.len() != n {
        let what = format!("the list of weights of {source}");
        return Err(Error::shape(what, format!("one for each of the {n} samples"), weights.len()));
    }
    let allowed = if zero { "a finite number ≥ 0" } else { "a finite number > 0" };
    let fits = |w: f64| w.is_finite() && (w > 0.0 || (zero && w == 0.0));
    if let Some((i, w)) = weights.iter().enumerate().find(|(_, w)| !fits(**w)) {
        return Err(Error::domain(format!("the weight of sample {i} of {source}"), w, allowed));
    }
    if !(weights.iter().sum::<f64>() > 0.0) {
        let what = format!("the sum of the weights of {source}");
        return Err(Error::domain(what, 0, "positive: some sample has to count"));
    }
    Ok(())
}
