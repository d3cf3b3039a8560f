//! Which argmin solver, and how it searches.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An argmin solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Limited-memory BFGS with the line search of Moré and Thuente.
    #[default]
    Lbfgs,
    /// Nonlinear conjugate gradients (Polak–Ribière, never negative), same line search.
    Cg,
    /// Steepest descent, same line search.
    Steepest,
    /// Newton's method in a trust region, each step by Steihaug's conjugate gradients on
    /// Hessian–vector products.
    TrustRegion,
}

impl Optimizer {
    const ALL: [Self; 4] = [Self::Lbfgs, Self::Cg, Self::Steepest, Self::TrustRegion];

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lbfgs => "lbfgs",
            Self::Cg => "cg",
            Self::Steepest => "steepest",
            Self::TrustRegion => "trust-region",
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Optimizer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            let allowed = "lbfgs, cg, steepest or trust-region";
            Error::domain("the optimizer", format!("\"{text}\""), allowed)
        })
    }
}

/// How the solver searches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The solver.
    pub optimizer: Optimizer,
    /// Pairs of steps and gradient changes that L-BFGS keeps.
    pub memory: usize,
    /// c₁ of the line search: share of the predicted decrease that a step must reach.
    pub armijo: f64,
    /// c₂ of the line search: share of the slope that may be left; conjugate gradients use at
    /// most 0.1.
    pub wolfe: f64,
    /// Largest step of the trust region, and its first radius as a quarter of it.
    pub radius: f64,
    /// Relative accuracy of the conjugate gradients inside of the trust region.
    pub inner_tol: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Lbfgs,
            memory: 10,
            armijo: 1e-4,
            wolfe: 0.9,
            radius: 8.0,
            inner_tol: 0.01,
        }
    }
}

impl Settings {
    /// Are all values in range?
    ///
    /// # Errors
    /// [`Error::Domain`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        if self.memory == 0 {
            return Err(Error::domain("the memory of L-BFGS", 0, "at least 1"));
        }
        if !(self.armijo > 0.0 && self.armijo < self.wolfe && self.wolfe < 1.0) {
            let value = format!("({}, {})", self.armijo, self.wolfe);
            return Err(Error::domain("the line search's (c1, c2)", value, "0 < c1 < c2 < 1"));
        }
        if !(self.radius > 0.0 && self.radius.is_finite()) {
            return Err(Error::domain("the radius", self.radius, "positive and finite"));
        }
        if !(self.inner_tol > 0.0 && self.inner_tol < 1.0) {
            return Err(Error::domain("the inner tolerance", self.inner_tol, "between 0 and 1"));
        }
        Ok(())
    }
}
