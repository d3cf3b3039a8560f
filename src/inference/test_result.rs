//! What every test gives.

use crate::{Error, Result};
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The law that a statistic is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// χ² with the test's degrees of freedom, as n → ∞.
    ChiSquared,
    /// ½χ²_{df−1} + ½χ²_df: one parameter lies at the edge of its range (Chernoff 1954).
    BoundaryMixture,
    /// None: only the bootstrap gives a p-value.
    BootstrapOnly,
}

impl Reference {
    /// P(T ≥ statistic) with `df` degrees of freedom; `None` without a reference law.
    pub fn p_value(self, statistic: f64, df: usize) -> Option<f64> {
        match self {
            Self::ChiSquared => Some(chi_squared_tail(statistic, df)),
            Self::BoundaryMixture => {
                let below = df.saturating_sub(1);
                Some(0.5 * (chi_squared_tail(statistic, below) + chi_squared_tail(statistic, df)))
            }
            Self::BootstrapOnly => None,
        }
    }

    /// The law's name with its degrees of freedom.
    pub fn describe(self, df: usize) -> String {
        match self {
            Self::ChiSquared => format!("χ² with {df} degrees of freedom (n → ∞)"),
            Self::BoundaryMixture => {
                let below = df.saturating_sub(1);
                format!("½χ²({below}) + ½χ²({df}): a parameter at the edge of its range (n → ∞)")
            }
            Self::BootstrapOnly => "none but the bootstrap".to_owned(),
        }
    }
}

/// P(χ²_df ≥ x); χ²₀ is the point 0.
pub(super) fn chi_squared_tail(x: f64, df: usize) -> f64 {
    if df == 0 {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    ChiSquared::new(df as f64).map_or(f64::NAN, |law| law.sf(x.max(0.0)))
}

/// A statistic scaled so that its mean under the null is that of its reference law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Corrected {
    /// Mean of the statistic under the null, over its degrees of freedom.
    pub factor: f64,
    /// Statistic / factor.
    pub statistic: f64,
    /// Its p-value under the same reference law.
    pub p_value: f64,
}

/// A p-value from simulated samples under the null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Samples simulated.
    pub replicates: usize,
    /// Of these, how many gave no statistic (counted as more extreme: the p-value is safe).
    pub failures: usize,
    /// (1 + number at least as large) / (1 + replicates).
    pub p_value: f64,
    /// Monte-Carlo standard error of the p-value.
    pub p_value_error: f64,
    /// 0.95 quantile of the simulated statistics.
    pub critical_95: f64,
    /// Is the simulated law exactly that of the statistic under the null, at this n?
    pub exact: bool,
    /// Seed of the simulation.
    pub seed: u64,
}

/// The outcome of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestResult {
    /// Name of the test.
    pub test: String,
    /// The null hypothesis.
    pub null: String,
    /// The alternative.
    pub alternative: String,
    /// ℓ under the null and under the alternative.
    pub log_likelihoods: (f64, f64),
    /// The likelihood-ratio statistic 2(ℓ₁ − ℓ₀).
    pub statistic: f64,
    /// Difference of the numbers of parameters.
    pub df: usize,
    /// The reference law.
    pub reference: Reference,
    /// p-value under the reference law; `None` without one.
    pub p_value: Option<f64>,
    /// The statistic corrected for small samples, where the correction is known.
    pub corrected: Option<Corrected>,
    /// The simulated p-value, where it was asked for.
    pub bootstrap: Option<Bootstrap>,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

impl TestResult {
    pub(super) fn new(
        test: &str,
        (null, alternative): (String, String),
        log_likelihoods: (f64, f64),
        df: usize,
        reference: Reference,
    ) -> Result<Self> {
        let raw = 2.0 * (log_likelihoods.1 - log_likelihoods.0);
        if !raw.is_finite() {
            let what = format!("the statistic of the {test} test");
            return Err(Error::NonFinite { what, value: raw, index: Vec::new() });
        }
        // Two maxima of the same likelihood differ by rounding.
        let size = log_likelihoods.0.abs().max(log_likelihoods.1.abs()).max(1.0);
        if raw < -1e-6 * size {
            return Err(Error::Unsupported {
                what: format!("the larger model has the smaller likelihood (statistic {raw:.6})"),
                remedy: "one of the fits is not the maximum: tighten the tolerance".to_owned(),
            });
        }
        let statistic = raw.max(0.0);
        Ok(Self {
            test: test.to_owned(),
            null,
            alternative,
            log_likelihoods,
            statistic,
            df,
            reference,
            p_value: reference.p_value(statistic, df),
            corrected: None,
            bootstrap: None,
            notes: Vec::new(),
        })
    }

    pub(super) fn corrected_by(mut self, factor: f64) -> Self {
        let statistic = self.statistic / factor;
        self.corrected = self.reference.p_value(statistic, self.df).map(|p_value| Corrected {
            factor,
            statistic,
            p_value,
        });
        self
    }

    /// The p-value to report: simulated, else corrected, else asymptotic.
    pub fn best_p_value(&self) -> Option<f64> {
        let corrected = self.corrected.map(|c| c.p_value);
        self.bootstrap.map(|b| b.p_value).or(corrected).or(self.p_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_at_table_values() {
        assert!((chi_squared_tail(3.841458820694124, 1) - 0.05).abs() < 1e-12);
        assert!((chi_squared_tail(11.070497693516351, 5) - 0.05).abs() < 1e-12);
        // One-sided: the 0.05 point of ½χ²₀ + ½χ²₁ is z² with z = 1.6448536….
        let z = 1.6448536269514722_f64;
        let p = Reference::BoundaryMixture.p_value(z * z, 1).unwrap();
        assert!((p - 0.05).abs() < 1e-12);
        assert_eq!(Reference::BoundaryMixture.p_value(0.0, 1), Some(1.0));
    }
}
