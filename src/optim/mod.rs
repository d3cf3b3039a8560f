//! Smooth minimisation of anything: one trait for the function, argmin for the search.
//!
//! An [`Objective`] gives value, gradient and score together. [`ArgminProblem`] makes an argmin
//! problem of it, for any argmin solver; [`minimise`] runs one of the solvers of [`Optimizer`]
//! and judges its end by the score, not by the solver's word. [`Steps`] makes an argmin solver of
//! any [`Stepwise`] method.

mod adapter;
mod roots;
mod settings;
mod stepwise;

pub use adapter::{ArgminProblem, HessianAt, Minimum, Stop, minimise};
/// The optimisation library behind [`minimise`], for solvers of one's own.
pub use argmin;
pub use roots::brent;
pub use settings::{Optimizer, Settings};
pub(crate) use stepwise::run as run_steps;
pub use stepwise::{Progress, StepState, Steps, Stepwise};

use crate::Error;

/// What a function is at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// f(x).
    pub value: f64,
    /// ∇f(x).
    pub gradient: Vec<f64>,
    /// How far x is from stationary, in a unit that a tolerance can be given in; the largest
    /// entry of the gradient is one choice.
    pub score: f64,
}

/// Why a function has no value at a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The point is outside of the domain: a shorter step may be inside.
    Infeasible,
    /// The search has to stop.
    Fatal(Error),
}

impl From<Error> for Failure {
    /// What rounding or a long step can do is infeasible, the rest is fatal.
    fn from(error: Error) -> Self {
        match error {
            Error::NotPositiveDefinite { .. }
            | Error::NonFinite { .. }
            | Error::Singular { .. }
            | Error::Domain { .. } => Self::Infeasible,
            other => Self::Fatal(other),
        }
    }
}

/// A smooth function to be minimised.
pub trait Objective {
    /// Number of variables.
    fn dim(&self) -> usize;

    /// Value, gradient and score at x.
    ///
    /// # Errors
    /// [`Failure`].
    fn evaluate(&self, x: &[f64]) -> Result<Evaluation, Failure>;

    /// The Hessian at x times v.
    ///
    /// The default differences the gradient: central, at steps h and 2h, of error O(h⁴).
    ///
    /// # Errors
    /// [`Failure`].
    fn hessian_product(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Failure> {
        let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
        let length = norm(v);
        if length == 0.0 {
            return Ok(vec![0.0; v.len()]);
        }
        let h = 1e-3 * (1.0 + norm(x)) / length;
        let at = |t: f64| {
            let moved: Vec<f64> = x.iter().zip(v).map(|(x, v)| x + t * v).collect();
            self.evaluate(&moved).map(|e| e.gradient)
        };
        let (a, b, c, d) = (at(h)?, at(-h)?, at(2.0 * h)?, at(-2.0 * h)?);
        let slope = |i: usize| (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h);
        Ok((0..v.len()).map(slope).collect())
    }
}

impl<T: Objective + ?Sized> Objective for &T {
    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn evaluate(&self, x: &[f64]) -> Result<Evaluation, Failure> {
        (**self).evaluate(x)
    }

    fn hessian_product(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Failure> {
        (**self).hessian_product(x, v)
    }
}
