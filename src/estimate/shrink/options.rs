//! What a caller can choose about shrinkage, and what is reported of it.

use crate::kronecker::{BySide, Side};
use crate::{Error, Result};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How the intensities a (rows) and b (columns) are found.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ShrinkRule {
    /// Evidence; the oracle-approximating rule where the mean leaves one sample only.
    #[default]
    Auto,
    /// The maximum of the marginal likelihood under an inverse-Wishart prior, factor by factor.
    Evidence,
    /// The oracle-approximating rule of Chen, Wiesel, Eldar & Hero (2010), factor by factor.
    Oas,
    /// Prior samples m by an approximate leave-one-out score (Gaussian, three samples or more).
    Loo,
    /// Prior samples m by cross-validation (three samples or more).
    Cv,
    /// m prior samples: a = mp/(mp + nq) and b = mq/(mq + np), n without what the mean took.
    PriorSamples(f64),
    /// Given intensities between 0 and 1.
    Fixed {
        /// a.
        rows: f64,
        /// b.
        cols: f64,
    },
}

impl ShrinkRule {
    /// The rules without a number of their own.
    const NAMED: [Self; 5] = [Self::Auto, Self::Evidence, Self::Oas, Self::Loo, Self::Cv];

    /// Name as the command line and the reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Evidence => "evidence",
            Self::Oas => "oas",
            Self::Loo => "loo",
            Self::Cv => "cv",
            Self::PriorSamples(_) => "prior-samples",
            Self::Fixed { .. } => "fixed",
        }
    }
}

impl FromStr for ShrinkRule {
    type Err = Error;

    /// A name, one number for both sides, or two separated by a comma.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(rule) = Self::NAMED.into_iter().find(|rule| rule.name() == text) {
            return Ok(rule);
        }
        let numbers: Option<Vec<f64>> = text.split(',').map(|x| x.trim().parse().ok()).collect();
        let rule = match numbers.as_deref() {
            Some([one]) => Self::Fixed { rows: *one, cols: *one },
            Some([rows, cols]) => Self::Fixed { rows: *rows, cols: *cols },
            _ => {
                let allowed = "auto, evidence, oas, loo, cv, a number or two numbers A,B";
                return Err(Error::domain("the shrinkage", format!("\"{text}\""), allowed));
            }
        };
        rule.validate()?;
        Ok(rule)
    }
}

impl ShrinkRule {
    fn validate(self) -> Result<()> {
        match self {
            Self::Fixed { rows, cols } => {
                for x in [rows, cols] {
                    if !(0.0..=1.0).contains(&x) {
                        return Err(Error::domain("a shrinkage intensity", x, "from 0 to 1"));
                    }
                }
                Ok(())
            }
            Self::PriorSamples(m) if !(m >= 0.0 && m.is_finite()) => {
                Err(Error::domain("the number of prior samples", m, "0 or more"))
            }
            _ => Ok(()),
        }
    }
}

/// What the second moments are shrunk towards; only the shapes matter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ShrinkTarget {
    /// I ⊗ I.
    #[default]
    Identity,
    /// The maximum likelihood fit with diagonal factors: for rows or columns in different units.
    Diagonal,
    /// The one of the two with the better cross-validation score.
    Auto,
    /// T_A (p × p) and T_B (q × q), positive definite.
    Given(BySide<Array2<f64>>),
}

impl ShrinkTarget {
    /// Name as the command line and the reports write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Diagonal => "diagonal",
            Self::Auto => "auto",
            Self::Given(_) => "given",
        }
    }
}

/// The scale of the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShrinkScale {
    /// Without what the estimated mean took, n/(n−1), for the Gaussian with a free mean; the law's
    /// own scale with the shapes held for the matrix t; otherwise as for `Ml`.
    #[default]
    Residual,
    /// Where the smeared likelihood is largest.
    Ml,
}

impl FromStr for ShrinkScale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "residual" => Ok(Self::Residual),
            "ml" => Ok(Self::Ml),
            _ => Err(Error::domain("the scale", format!("\"{text}\""), "residual or ml")),
        }
    }
}

/// Shrinkage of a fit: estimates that exist from one sample on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shrink {
    /// How the intensities are found.
    pub rule: ShrinkRule,
    /// What is shrunk towards.
    pub target: ShrinkTarget,
    /// The scale of the estimate.
    pub scale: ShrinkScale,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// Seed of its folds.
    pub seed: u64,
}

impl Default for Shrink {
    fn default() -> Self {
        let (rule, target, scale) = Default::default();
        Self { rule, target, scale, folds: 5, seed: 0 }
    }
}

impl Shrink {
    /// By a rule, towards the identity.
    pub fn by(rule: ShrinkRule) -> Self {
        Self { rule, ..Self::default() }
    }

    /// Intensities 0: the plain fit.
    pub fn is_nothing(&self) -> bool {
        matches!(self.rule, ShrinkRule::Fixed { rows: 0.0, cols: 0.0 })
            || self.rule == ShrinkRule::PriorSamples(0.0)
    }

    pub(in crate::estimate) fn validate(&self) -> Result<()> {
        if self.folds < 2 {
            return Err(Error::domain("the number of folds", self.folds, "2 or more"));
        }
        self.rule.validate()
    }
}

/// One point of the curve that a prediction score was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScoreAt {
    /// Prior samples m.
    pub m: f64,
    /// Held-out log-likelihood per sample (leave-one-out: up to a constant).
    pub score: f64,
}

/// What was shrunk, by how much, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shrinkage {
    /// a and b.
    pub lambda: BySide<f64>,
    /// The target.
    pub target: String,
    /// The rule that found a and b.
    pub rule: String,
    /// Which scale σ² has.
    pub scale: ShrinkScale,
    /// ℓ of the smeared likelihood at its maximum.
    pub penalised_log_likelihood: f64,
    /// σ² where the smeared likelihood is largest, before the scale was set.
    pub sigma2_smeared: f64,
    /// n without what the mean took.
    pub n_effective: usize,
    /// m, where the rule chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_samples: Option<f64>,
    /// The scores that m was chosen by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<ScoreAt>,
}

impl Shrinkage {
    /// What a report says in one line.
    pub fn summary(&self) -> String {
        let (rows, cols) = (self.lambda[Side::Rows], self.lambda[Side::Cols]);
        let Self { target, rule, .. } = self;
        format!("rows {rows:.4}, columns {cols:.4} towards the {target} target (rule: {rule})")
    }
}
