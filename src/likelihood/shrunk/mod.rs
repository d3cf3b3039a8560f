//! The smeared likelihood: every sample's second moment is shrunk towards a target along rows
//! (intensity a) and along columns (intensity b), inside the law's own ρ.
//!
//! ```text
//! S_i = (D_a ⊗ D_b)(vec Y_i vec Y_iᵀ)      (never formed)
//! ```
//!
//! For the Gaussian this is the likelihood of the moment (D_a ⊗ D_b)(S). −ℓ stays geodesically
//! convex, and with a, b > 0 its maximum exists and is unique for every n ≥ 1.

mod channel;
mod determinant;
mod elliptical;

pub use channel::Channel;

use super::{
    Labels, Likelihood, MeanMetric, Point, Sides, Summaries, Sums, Support, Tangent, Visit,
};
use crate::family::{DofFamily, Gaussian, Law, TwoSided, Weighting};
use crate::kronecker::BySide;
use crate::model::Model;
use crate::{Error, Result};
use channel::WhiteChannel;
use ndarray::{Array2, ArrayView2};

/// A likelihood whose second moments are shrunk towards a target.
pub struct Shrunk<'a> {
    inner: &'a dyn Likelihood,
    channels: BySide<Channel>,
}

impl<'a> Shrunk<'a> {
    /// Shrinks what `inner` sees.
    pub fn new(inner: &'a dyn Likelihood, channels: BySide<Channel>) -> Self {
        Self { inner, channels }
    }

    /// How much along each side, and to what.
    pub fn channels(&self) -> &BySide<Channel> {
        &self.channels
    }

    fn white_channels(&self, at: &Point) -> Result<BySide<WhiteChannel>> {
        BySide::try_of(|side| self.channels[side].seen_by(at.factor(side)))
    }

    /// Shows every whitened sample with its weight.
    fn each_white(
        &self,
        at: &Point,
        visit: &mut dyn FnMut(f64, ArrayView2<'_, f64>) -> Result<()>,
    ) -> Result<()> {
        self.inner.each(at, &Gaussian, &mut |seen| match seen.white {
            Some(white) => visit(seen.weight, white),
            None => Err(Error::Unsupported {
                what: format!("sample {} has missing cells, and cannot be smeared", seen.index),
                remedy: "fill them in, or fit without shrinkage".to_owned(),
            }),
        })
    }
}

/// What the law's ρ is made of.
enum Form {
    /// A function of the distance.
    Distance,
    /// (κ/2) ln|I + ZZᵀ|.
    Determinant(f64),
}

fn form(law: &dyn Law, (p, q): (usize, usize)) -> Result<Form> {
    match (law.weighting(), law.determinant_power(p, q)) {
        (Weighting::Identity | Weighting::Elliptical(_), _) => Ok(Form::Distance),
        (Weighting::Matrix(_), Some(kappa)) => Ok(Form::Determinant(kappa)),
        (Weighting::Matrix(_), None) => Err(Error::Unsupported {
            what: format!("no shrinkage is known for the law \"{}\"", law.name()),
            remedy: "it needs a law of the distance, or of the determinant of I + ZZᵀ".to_owned(),
        }),
    }
}

impl Likelihood for Shrunk<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.inner.dim()
    }

    fn weight(&self) -> f64 {
        self.inner.weight()
    }

    fn labels(&self) -> Labels<'_> {
        self.inner.labels()
    }

    fn average(&self) -> Result<Array2<f64>> {
        self.inner.average()
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, quick: bool) -> Result<Array2<f64>> {
        self.inner.squares(mean, quick)
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        match form(law, at.dim())? {
            Form::Distance => elliptical::sums(self, at, law, sides, into),
            Form::Determinant(kappa) => determinant::sums(self, at, (law, kappa), sides, into),
        }
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        match form(law, at.dim())? {
            Form::Distance => elliptical::curvature(self, at, law, along, into),
            Form::Determinant(kappa) => {
                determinant::curvature(self, at, kappa, along, into).map(|()| Support::Done)
            }
        }
    }

    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()> {
        self.inner.each(at, law, visit)
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let limit = family.at(1.0);
        match form(&*limit, at.dim())? {
            Form::Distance => self.inner.summaries(&elliptical::Seen::of(self, at)?.point, family),
            Form::Determinant(_) => Err(Error::Unsupported {
                what: "ν of the matrix t is not estimated together with shrinkage".to_owned(),
                remedy: "give ν".to_owned(),
            }),
        }
    }

    /// Nothing is missing where both sides are shrunk: the maximum exists for every n ≥ 1.
    fn existence(&self, model: &Model) -> Result<Vec<String>> {
        if self.channels.iter().all(|channel| channel.intensity() > 0.0) {
            return Ok(Vec::new());
        }
        self.inner.existence(model)
    }

    /// Steps that follow from plain scatters are not those of smeared ones.
    fn two_sided<'l>(&self, _law: &'l dyn Law) -> Option<&'l dyn TwoSided> {
        None
    }

    fn mean_metric(&self, at: &Point, law: &dyn Law, sums: &Sums) -> Result<Option<MeanMetric>> {
        match form(law, at.dim())? {
            Form::Distance => elliptical::mean_metric(self, at, sums.law_weight).map(Some),
            Form::Determinant(kappa) => determinant::mean_metric(self, at, kappa).map(Some),
        }
    }
}
