//! The likelihood of data that is read block by block: one read per pass.

use super::{
    Likelihood, Observation, Point, SampleLikelihood, Sides, Sums, Support, Tangent, Visit,
};
use crate::data::{BlockReader, check_weights};
use crate::family::{DofFamily, Law};
use crate::likelihood::Summaries;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Who watches a long read: (samples read, samples in all); `false` stops it.
pub type Progress<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// The likelihood of what a [`BlockReader`] reads, again at every pass.
pub struct StreamLikelihood<'a> {
    reader: &'a dyn BlockReader,
    average: Array2<f64>,
    progress: &'a Progress<'a>,
    weights: Option<&'a [f64]>,
}

impl<'a> StreamLikelihood<'a> {
    /// A stream whose `average` (p × q) is known already.
    pub fn new(
        reader: &'a dyn BlockReader,
        average: Array2<f64>,
        progress: &'a Progress<'a>,
    ) -> Self {
        Self { reader, average, progress, weights: None }
    }

    /// The same stream with frequency weights u (n), and the average that goes with them.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number than n, [`Error::Domain`] for one that is negative or not
    /// finite.
    pub fn weighted(self, weights: &'a [f64], average: Array2<f64>) -> Result<Self> {
        check_weights(weights, self.reader.dim().0, true, &self.reader.name())?;
        Ok(Self { weights: Some(weights), average, ..self })
    }

    /// One read.
    fn blocks(&self, visit: &mut dyn FnMut(&SampleLikelihood<'_>) -> Result<()>) -> Result<()> {
        let mut at = 0;
        watched(self.reader, self.progress, &mut |block| {
            let m = block.len_of(Axis(0));
            let likelihood = SampleLikelihood::of(block);
            let likelihood = match self.weights {
                Some(weights) => likelihood.sharing(&weights[at..at + m]),
                None => likelihood,
            };
            at += m;
            visit(&likelihood)
        })
    }
}

/// Reads everything once, telling how far it is.
///
/// # Errors
/// Of the reader, of `visit`, and [`Error::Interrupted`].
pub(crate) fn watched(
    reader: &dyn BlockReader,
    progress: &Progress<'_>,
    visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> Result<()>,
) -> Result<()> {
    let (n, mut done) = (reader.dim().0, 0);
    reader.read(&mut |block| {
        done += block.len_of(Axis(0));
        visit(block)?;
        if progress(done, n) {
            Ok(())
        } else {
            Err(Error::Interrupted { reason: "while reading the data".to_owned() })
        }
    })
}

impl Likelihood for StreamLikelihood<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.reader.dim()
    }

    fn weight(&self) -> f64 {
        self.weights.map_or(self.dim().0 as f64, |weights| weights.iter().sum())
    }

    fn average(&self) -> Result<Array2<f64>> {
        Ok(self.average.clone())
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, _quick: bool) -> Result<Array2<f64>> {
        let mut squares = Array2::zeros(mean.dim());
        self.blocks(&mut |block| {
            // A block of no weight has no mean square.
            if block.weight() > 0.0 {
                squares.scaled_add(block.weight(), &block.squares(mean, false)?);
            }
            Ok(())
        })?;
        Ok(squares / self.weight())
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        let (_, p, q) = self.dim();
        let mut part = Sums::zeros(p, q);
        into.clear(sides);
        self.blocks(&mut |block| {
            block.sums(at, law, sides, &mut part)?;
            into.add(&part);
            Ok(())
        })
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        let (_, p, q) = self.dim();
        let mut part = Tangent::zeros(p, q);
        let mut support = Support::Done;
        into.scale(0.0);
        self.blocks(&mut |block| {
            if block.curvature(at, law, along, &mut part)? == Support::NotAvailable {
                support = Support::NotAvailable;
            }
            into.add_scaled(1.0, &part);
            Ok(())
        })?;
        Ok(support)
    }

    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()> {
        let mut first = 0;
        self.blocks(&mut |block| {
            let m = block.dim().0;
            block.each(at, law, &mut |seen| {
                visit(Observation { index: first + seen.index, ..seen })
            })?;
            first += m;
            Ok(())
        })
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let mut all = Vec::new();
        self.blocks(&mut |block| {
            all.extend(block.summaries(at, family)?.values);
            Ok(())
        })?;
        let weights = self.weights.map(|u| u.to_vec().into());
        Ok(Summaries { weights, ..Summaries::plain(all.into()) })
    }
}
