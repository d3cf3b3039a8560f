//! Where an estimator stands.

use crate::family::Law;
use crate::kronecker::Side;
use crate::likelihood::{Point, Sums};
use crate::linalg::Temp;
use crate::{Error, Result};
use std::sync::Arc;

/// How far a point is from stationary, part by part; all dimensionless.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// max(|G_A − I|, |G_B − I|), projected on the structures.
    pub factors: f64,
    /// Largest entry of the mean's whitened step (in standard deviations).
    pub mean: f64,
    /// |∂ℓ/∂ ln ν| / n, where ν is estimated.
    pub dof: f64,
}

impl Score {
    /// The largest part; NaN if any is.
    pub fn worst(&self) -> f64 {
        [self.mean, self.dof]
            .into_iter()
            .fold(self.factors, |m, x| if m.is_nan() || x.is_nan() { f64::NAN } else { m.max(x) })
    }
}

/// A point with everything that is known there.
#[derive(Debug)]
pub struct Iterate {
    /// M, A, B.
    pub point: Point,
    /// The law, at the current ν.
    pub law: Arc<dyn Law>,
    /// What the last pass gave, ℓ at the point included.
    pub sums: Sums,
    /// Length of the last Newton step in logarithmic coordinates; 0 where there was none.
    pub stride: f64,
    /// The score at the point.
    pub score: Score,
    /// Passes over the data so far.
    pub passes: usize,
}

impl Clone for Iterate {
    fn clone(&self) -> Self {
        let (point, law, sums) = (self.point.clone(), self.law.clone(), self.sums.clone());
        Self { point, law, sums, ..*self }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        self.point.clone_from(&source.point);
        self.law.clone_from(&source.law);
        self.sums.clone_from(&source.sums);
        (self.stride, self.score, self.passes) = (source.stride, source.score, source.passes);
    }
}

impl Iterate {
    /// A copy, in the memory of `spare` where there is one.
    pub(super) fn copy(&self, spare: Option<Self>) -> Self {
        match spare {
            Some(mut copy) => {
                copy.clone_from(self);
                copy
            }
            None => self.clone(),
        }
    }

    /// A point that was not looked at yet.
    pub fn new(point: Point, law: Arc<dyn Law>) -> Self {
        let (p, q) = point.dim();
        let mut sums = Sums::zeros(p, q);
        sums.log_likelihood = f64::NEG_INFINITY;
        Self {
            point,
            law,
            sums,
            stride: 0.0,
            score: Score { factors: f64::INFINITY, ..Score::default() },
            passes: 0,
        }
    }

    /// ℓ at the point.
    pub fn log_likelihood(&self) -> f64 {
        self.sums.log_likelihood
    }

    /// G of a side.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the last pass did not measure it.
    pub(super) fn measured(&self, side: Side) -> Result<Temp> {
        self.sums.mean_scatter(side).ok_or_else(|| Error::Unsupported {
            what: format!("the scatter of the {} was not measured", side.name()),
            remedy: "look at both sides first".to_owned(),
        })
    }
}
