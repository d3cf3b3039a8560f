//! What an estimate is compared with.

use crate::{Error, Result};
use std::str::FromStr;

/// What Σ stands for when an estimate is compared with the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The law's own scale matrix σ²(A ⊗ B); for the Gaussian this is the covariance.
    #[default]
    Scale,
    /// The covariance; measures are blank where truth or estimate have none (ν ≤ 2).
    Covariance,
}

impl Target {
    /// Name as the study files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::Covariance => "covariance",
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Scale, Self::Covariance].into_iter().find(|t| t.name() == text).ok_or_else(|| {
            Error::domain("the target", format!("\"{text}\""), "scale or covariance")
        })
    }
}
