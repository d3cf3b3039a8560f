//! What a caller can choose about a fit, and how a fit can end.

use super::coordinates::Coordinates;
use super::shrink::Shrink;
use crate::optim::Settings;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How to climb the likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// The default policy.
    #[default]
    Auto,
    /// Flip-flop: A and B in turn (Dutilleul 1999; ECM for the t laws).
    FlipFlop,
    /// Riemannian Newton-CG on all parameters at once, re-centred at every step.
    Newton,
    /// All parameters at once by a solver of argmin, see [`FitOptions::search`].
    Joint,
    /// Three half-steps without iteration (Werner, Jansson & Stoica 2008): not the maximum, but
    /// as efficient in large Gaussian samples.
    ThreeStep,
}

impl Method {
    const ALL: [Self; 5] = [Self::Auto, Self::FlipFlop, Self::Newton, Self::Joint, Self::ThreeStep];

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::FlipFlop => "flip-flop",
            Self::Newton => "newton",
            Self::Joint => "joint",
            Self::ThreeStep => "three-step",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or_else(|| {
            Error::domain(
                "the method",
                format!("\"{text}\""),
                "auto, flip-flop, newton, joint or three-step",
            )
        })
    }
}

/// Whether to certify the maximum: its curvature, a bound on the distance to it, uniqueness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certify {
    /// Where the maximum may be flat (npq < 4(p² + q²), or more than 100 passes) and the
    /// certificate costs no more passes than the fit itself.
    #[default]
    Auto,
    /// Always, where there is a certificate at all.
    Force,
    /// Never.
    Skip,
}

impl Certify {
    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Force => "force",
            Self::Skip => "skip",
        }
    }
}

impl std::fmt::Display for Certify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Certify {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Auto, Self::Force, Self::Skip].into_iter().find(|one| one.name() == text).ok_or_else(
            || Error::domain("the certificate", format!("\"{text}\""), "auto, force or skip"),
        )
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What the likelihood is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DataSource {
    /// Whichever needs less work, by a count of flops and memory.
    #[default]
    Auto,
    /// Passes over the samples.
    Samples,
    /// The moments of whitened samples (Gaussian only): iterations that do not depend on n.
    Moments,
}

impl DataSource {
    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Samples => "samples",
            Self::Moments => "moments",
        }
    }
}

impl FromStr for DataSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Auto, Self::Samples, Self::Moments]
            .into_iter()
            .find(|source| source.name() == text)
            .ok_or_else(|| {
                let allowed = "auto, samples or moments";
                Error::domain("the source", format!("\"{text}\""), allowed)
            })
    }
}

/// Options of a fit; the defaults are the ones of the command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// How to climb.
    pub method: Method,
    /// Stop when every part of the score is at most this (dimensionless).
    pub tol: f64,
    /// Most iterations (sweeps, or outer steps of another method).
    pub max_iter: usize,
    /// Solver, line search and trust region of the joint method.
    pub search: Settings,
    /// How the joint method writes an unstructured factor as free numbers.
    pub coordinates: Coordinates,
    /// Whether to certify the maximum.
    pub certificate: Certify,
    /// Stop after this many seconds; no limit when absent.
    pub time_limit: Option<f64>,
    /// What the likelihood is computed from.
    pub source: DataSource,
    /// Starting points where cells are missing; when absent 1, or 8 where few cells are observed.
    pub starts: Option<usize>,
    /// Fit even where the number of samples says that there is no maximum.
    pub force: bool,
    /// Shrink towards a target: the estimate then exists from one sample on.
    pub shrink: Option<Shrink>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            tol: 1e-8,
            max_iter: 10_000,
            search: Settings::default(),
            coordinates: Coordinates::default(),
            certificate: Certify::default(),
            time_limit: None,
            source: DataSource::Auto,
            starts: None,
            force: false,
            shrink: None,
        }
    }
}

impl FitOptions {
    /// Are all values in range?
    ///
    /// # Errors
    /// [`Error::Domain`] naming the option.
    pub fn validate(&self) -> Result<()> {
        if !(self.tol > 0.0 && self.tol < 1.0) {
            return Err(Error::domain("the tolerance", self.tol, "between 0 and 1"));
        }
        if self.max_iter == 0 {
            return Err(Error::domain("the number of iterations", 0, "at least 1"));
        }
        if self.starts == Some(0) {
            return Err(Error::domain("the number of starts", 0, "at least 1"));
        }
        self.search.validate()?;
        if let Some(shrink) = &self.shrink {
            shrink.validate()?;
        }
        if let Some(limit) = self.time_limit.filter(|limit| !(*limit > 0.0)) {
            return Err(Error::domain("the time limit", limit, "a positive number of seconds"));
        }
        Ok(())
    }
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Termination {
    /// The score is within the tolerance: a stationary point.
    Score,
    /// The three steps are done: an estimate by construction, which is not the maximum.
    ThreeStep,
    /// The iterations ran out.
    MaxIterations,
    /// Rounding leaves no further progress, above the tolerance.
    Stalled,
    /// A factor became singular while the likelihood kept rising: there is no maximum.
    Unbounded,
    /// The time ran out.
    TimeLimit,
    /// The observer stopped the fit.
    Interrupted,
}

impl Termination {
    /// Did the method do all that it promises? For the iterative ones: the point returned is a
    /// maximum to the tolerance asked for. Three-step promises no maximum, and a warning of the
    /// fit says so.
    pub fn is_converged(self) -> bool {
        matches!(self, Self::Score | Self::ThreeStep)
    }

    /// What the reader of a report has to know about this end, at a score.
    pub(super) fn warnings(self, score: f64) -> Vec<String> {
        let text = match self {
            Self::Score => return Vec::new(),
            Self::ThreeStep => format!(
                "three-step is not the maximum likelihood estimate: its score is {score:.1e}"
            ),
            Self::MaxIterations => format!(
                "not converged: the iterations ran out at score {score:.1e}; raise the limit"
            ),
            Self::TimeLimit => {
                format!("not converged: the time ran out at score {score:.1e}; raise the limit")
            }
            Self::Stalled => format!(
                "not converged: rounding leaves no progress at score {score:.1e}; the data may be \
                 nearly degenerate or badly scaled"
            ),
            Self::Unbounded => "not converged: a factor becomes singular while the likelihood \
                 keeps rising; for this sample the likelihood has no maximum"
                .to_owned(),
            Self::Interrupted => "not converged: the fit was stopped".to_owned(),
        };
        vec![text]
    }

    /// Name as the JSON writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::ThreeStep => "three-step",
            Self::MaxIterations => "max-iterations",
            Self::Stalled => "stalled",
            Self::Unbounded => "unbounded",
            Self::TimeLimit => "time-limit",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One row of a fit's trace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Iterations done.
    pub iteration: usize,
    /// Passes over the data done.
    pub passes: usize,
    /// Seconds since the start of the fit.
    pub seconds: f64,
    /// Log-likelihood at the point.
    pub log_likelihood: f64,
    /// Largest part of the score at the point; at the start of a Gaussian fit, of what the first
    /// look measured: the row side.
    pub score: f64,
    /// ν at the point, for the laws that have it.
    pub dof: Option<f64>,
}

/// Who watches a fit.
pub trait Observer {
    /// Sees a step; `false` stops the fit at this point.
    fn step(&mut self, step: &Step) -> bool;
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _step: &Step) -> bool {
        true
    }
}

impl<F: FnMut(&Step) -> bool> Observer for F {
    fn step(&mut self, step: &Step) -> bool {
        self(step)
    }
}
