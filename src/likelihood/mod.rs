//! The likelihood: at this point, under this law, what are the sums?
//!
//! Everything above the data — estimators, certificates, inference, studies — asks that one question
//! of a [`Likelihood`] and nothing else. The answer, [`Sums`], is complete (ℓ with all its
//! constants and determinants), additive (sums of blocks, files or machines add up) and honest (a
//! scatter that was not measured is absent; a file that cannot be read is an error).
//!
//! With Z_i = L_A⁻¹ (X_i − M) L_B⁻ᵀ and Ψ = ∂ρ/∂Z the scatters are Σ u Z Ψᵀ and Σ u Zᵀ Ψ; divided
//! by their units they are both the identity at a maximum.
//!
//! Kinds of data: [`SampleLikelihood`] (complete samples), [`MomentLikelihood`] (moments, for the
//! Gaussian: no n in the iterations), [`StreamLikelihood`] (blocks of a file), [`Incomplete`] (samples
//! with missing cells), [`ShardLikelihood`] (parts that are kept and asked elsewhere).

mod curvature;
mod incomplete;
mod lanes;
mod mean_step;
mod moment_likelihood;
mod moments;
mod pairs;
mod pass;
mod plan;
mod point;
mod residuals;
mod samples;
mod shards;
mod share;
mod shrunk;
mod stacked;
mod stream;
mod sums;
mod tangent;

pub use incomplete::{Incomplete, Posterior};
pub use mean_step::{MeanMetric, mean_start, mean_step};
pub use moment_likelihood::MomentLikelihood;
pub use moments::Moments;
pub use point::Point;
pub use samples::SampleLikelihood;
pub use shards::{NamedLaw, Place, Question, ShardLikelihood, Shards};
pub use shrunk::{Channel, Shrunk};
pub(crate) use stream::watched;
pub use stream::{Progress, StreamLikelihood};
pub use sums::{Margin, Sides, Sums};
pub use tangent::Tangent;

use crate::Result;
use crate::data::Sample;
pub use crate::family::Summaries;
use crate::family::{DofFamily, Law, Scratch, TwoSided};
use crate::kronecker::{BySide, Side};
use crate::model::Model;
use ndarray::{Array1, Array2, ArrayView2};

/// Did a likelihood have what it was asked for?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Support {
    /// The answer was written.
    Done,
    /// This kind of data or this law has no such thing; nothing was written.
    NotAvailable,
}

/// What data are called.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Where they came from.
    pub source: &'a str,
    /// Names of the rows and of the columns; empty where there are none.
    pub names: BySide<&'a [String]>,
    /// Names of the covariates; empty where there are none.
    pub covariates: &'a [String],
    /// [`crate::data::Weights::name`].
    pub weights: &'static str,
}

impl Default for Labels<'_> {
    fn default() -> Self {
        Self {
            source: "the sample",
            names: BySide::new(&[], &[]),
            covariates: &[],
            weights: "none",
        }
    }
}

impl Labels<'_> {
    /// `row 3` or `row 3 ("name")`, counted from 0.
    pub fn of(&self, side: Side, index: usize) -> String {
        let name = self.names[side].get(index).map_or(String::new(), |n| format!(" (\"{n}\")"));
        format!("{} {index}{name}", side.singular())
    }
}

/// One observation as a point sees it.
#[derive(Debug)]
pub struct Observation<'a> {
    /// Number of the sample, from 0.
    pub index: usize,
    /// u, 1 where observations have no weights.
    pub weight: f64,
    /// Observed cells: pq where none is missing.
    pub cells: usize,
    /// Squared Mahalanobis distance of the observed cells from their mean.
    pub distance: f64,
    /// ln f of the observed cells, every constant included.
    pub ln_density: f64,
    /// Z = L_A⁻¹ (X − M) L_B⁻ᵀ (p × q); `None` where cells are missing.
    pub white: Option<ArrayView2<'a, f64>>,
}

/// The likelihood of a sample, with or without missing cells.
///
/// # Errors
/// [`crate::Error::Degenerate`] where no cell is observed.
pub fn of_sample(sample: &Sample) -> Result<Box<dyn Likelihood + '_>> {
    Ok(match sample.has_missing() {
        true => Box::new(Incomplete::new(sample)?),
        false => Box::new(SampleLikelihood::new(sample)),
    })
}

/// A likelihood of matrices with Kronecker covariance, whatever the data are kept as.
///
/// `n` in [`Likelihood::dim`] counts the observations that are there; sums are weighted.
pub trait Likelihood: Sync {
    /// (n, p, q).
    fn dim(&self) -> (usize, usize, usize);

    /// Σ u_i: n where observations have no weights.
    fn weight(&self) -> f64 {
        self.dim().0 as f64
    }

    /// m, where the mean of observation i is Σ_k z_ik Θ_k with its own covariates z_i; `None` where
    /// all have the same. The means of points, sums and tangents are then blocks, one above the
    /// other (m·p × q).
    fn covariates(&self) -> Option<usize> {
        None
    }

    /// Is every cell of every observation there? Where not, ℓ is not geodesically convex, and a
    /// factor that was set to its optimum is not at the maximum for what is observed.
    fn is_complete(&self) -> bool {
        true
    }

    /// What the data and their parts are called, for messages.
    fn labels(&self) -> Labels<'_> {
        Labels::default()
    }

    /// The (weighted) average of every cell (p × q), where the mean starts; with covariates the
    /// coefficients of (weighted) least squares (m·p × q).
    ///
    /// # Errors
    /// What reading the data says.
    fn average(&self) -> Result<Array2<f64>>;

    /// The mean square of every cell around a mean (p × q): the scale to start from. Some of the
    /// observations are enough where `quick`.
    ///
    /// # Errors
    /// As [`Likelihood::average`].
    fn squares(&self, mean: ArrayView2<'_, f64>, quick: bool) -> Result<Array2<f64>>;

    /// The sums at a point, written into `into`.
    ///
    /// # Errors
    /// What reading the data says; [`crate::Error::Unsupported`] for a law that this kind of data
    /// cannot serve.
    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()>;

    /// The Hessian of −ℓ along geodesics times a direction, see [`Tangent`].
    ///
    /// # Errors
    /// As [`Likelihood::sums`].
    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support>;

    /// Shows every observation in order.
    ///
    /// # Errors
    /// As [`Likelihood::sums`], [`crate::Error::Unsupported`] where observations are not kept, and
    /// what `visit` says.
    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()>;

    /// What ρ depends on at every ν.
    ///
    /// The default asks [`Likelihood::each`].
    ///
    /// # Errors
    /// As [`Likelihood::each`]; [`crate::Error::Unsupported`] where cells are missing.
    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let (n, p, q) = self.dim();
        let width = family.summary_len(p, q);
        let mut values = Array1::zeros(n * width);
        let mut weights = Array1::ones(n);
        let (mut scratch, mut slot) = (Scratch::default(), vec![0.0; width]);
        self.each(at, &*family.limit(), &mut |seen| {
            let white = seen.white.ok_or_else(|| crate::Error::Unsupported {
                what: format!("sample {} has missing cells: it has no whitened matrix", seen.index),
                remedy: "this likelihood has to say what ν needs itself".to_owned(),
            })?;
            family.summarise(white, &mut slot, &mut scratch);
            values.iter_mut().skip(seen.index * width).zip(&slot).for_each(|(to, x)| *to = *x);
            weights[seen.index] = seen.weight;
            Ok(())
        })?;
        let plain = weights.iter().all(|u| *u == 1.0);
        let weights = (!plain).then_some(weights);
        Ok(Summaries { weights, ..Summaries::plain(values) })
    }

    /// The joint closed-form step of both factors, where the sums serve it.
    fn two_sided<'l>(&self, law: &'l dyn Law) -> Option<&'l dyn TwoSided> {
        law.two_sided()
    }

    /// How the observations weigh a move of the mean at a point with these sums; `None` where it
    /// follows from the law's weights.
    ///
    /// # Errors
    /// As [`Likelihood::sums`].
    fn mean_metric(&self, _at: &Point, _law: &dyn Law, _sums: &Sums) -> Result<Option<MeanMetric>> {
        Ok(None)
    }

    /// What this kind of data promises about a maximum of the model: warnings, or the error that
    /// says what is missing.
    ///
    /// The default counts complete observations.
    ///
    /// # Errors
    /// [`crate::Error::TooFewSamples`].
    fn existence(&self, model: &Model) -> Result<Vec<String>> {
        let (n, p, q) = self.dim();
        model.check_count(n, p, q)
    }
}

/// Who sees the observations.
pub type Visit<'v> = dyn FnMut(Observation<'_>) -> Result<()> + 'v;
