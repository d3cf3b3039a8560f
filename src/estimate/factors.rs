//! Which representative of A ⊗ B to report: only the product is identified.

use crate::{Error, Result};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A rule that fixes the scale between σ², A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// tr A = p and tr B = q: σ² is the mean variance (t laws: scale) of one entry.
    #[default]
    Trace,
    /// det A = det B = 1.
    Det,
    /// A\[0,0\] = 1, the scale in B, σ² = 1.
    FirstRow,
    /// B\[0,0\] = 1, the scale in A, σ² = 1.
    FirstCol,
    /// tr A = p, the scale in B, σ² = 1.
    AllCols,
}

impl Normalisation {
    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Det => "det",
            Self::FirstRow => "first-row",
            Self::FirstCol => "first-col",
            Self::AllCols => "all-cols",
        }
    }
}

impl FromStr for Normalisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Trace, Self::Det, Self::FirstRow, Self::FirstCol, Self::AllCols]
            .into_iter()
            .find(|rule| rule.name() == text)
            .ok_or_else(|| {
                let allowed = "trace, det, first-row, first-col or all-cols";
                Error::domain("the normalisation", format!("\"{text}\""), allowed)
            })
    }
}

/// σ²·(A ⊗ B) in one normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// σ².
    pub sigma2: f64,
    /// A (p × p).
    pub row: Array2<f64>,
    /// B (q × q).
    pub col: Array2<f64>,
}

impl Factors {
    /// The same σ²·(A ⊗ B) by another rule; `ln_dets` are ln|A| and ln|B| of these factors.
    #[must_use]
    pub fn normalised(&self, rule: Normalisation, ln_dets: (f64, f64)) -> Self {
        let (p, q) = (self.row.nrows() as f64, self.col.nrows() as f64);
        let (row_unit, col_unit) = match rule {
            Normalisation::Trace => (self.row.diag().sum() / p, self.col.diag().sum() / q),
            Normalisation::Det => ((ln_dets.0 / p).exp(), (ln_dets.1 / q).exp()),
            Normalisation::FirstRow => {
                let unit = self.row[[0, 0]];
                (unit, 1.0 / (self.sigma2 * unit))
            }
            Normalisation::FirstCol => {
                let unit = self.col[[0, 0]];
                (1.0 / (self.sigma2 * unit), unit)
            }
            Normalisation::AllCols => {
                let unit = self.row.diag().sum() / p;
                (unit, 1.0 / (self.sigma2 * unit))
            }
        };
        Self {
            sigma2: self.sigma2 * row_unit * col_unit,
            row: &self.row / row_unit,
            col: &self.col / col_unit,
        }
    }
}
