//! Samples from a known truth, the same numbers on every machine.

use super::contamination::Contamination;
use crate::Result;
use crate::data::Sample;
use crate::estimate::{Factors, Fit, Normalisation};
use crate::family::random::{DATA, OUTLIERS};
use crate::family::{Generator, Law, MatrixDistribution, stream};
use crate::linalg::{Spd, require_room};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use std::sync::Arc;

/// What is drawn from: a [`MatrixDistribution`], then contaminated.
#[derive(Debug, Clone)]
pub struct Truth {
    distribution: MatrixDistribution,
    factors: Factors,
    scales: Array2<f64>,
    contamination: Contamination,
}

impl Truth {
    /// The truth with mean M (p × q), row factor A (p × p) and column factor B (q × q).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], [`Error::NotSymmetric`] or
    /// [`Error::NotPositiveDefinite`] naming the array.
    ///
    /// [`Error::Shape`]: crate::Error::Shape
    /// [`Error::NonFinite`]: crate::Error::NonFinite
    /// [`Error::NotSymmetric`]: crate::Error::NotSymmetric
    /// [`Error::NotPositiveDefinite`]: crate::Error::NotPositiveDefinite
    pub fn new(
        law: Arc<dyn Law>,
        mean: Array2<f64>,
        row_cov: Array2<f64>,
        col_cov: Array2<f64>,
    ) -> Result<Self> {
        let (row, col) =
            (Spd::new("the row factor", row_cov)?, Spd::new("the column factor", col_cov)?);
        let ln_dets = (row.ln_det(), col.ln_det());
        let raw =
            Factors { sigma2: 1.0, row: row.matrix().to_owned(), col: col.matrix().to_owned() };
        let factors = raw.normalised(Normalisation::Trace, ln_dets);
        Ok(Self::of(MatrixDistribution::new(law, mean, row, col)?, factors))
    }

    /// The fitted distribution as the truth.
    pub fn fitted(fit: &Fit) -> Self {
        Self::of(fit.distribution(), fit.factors(Normalisation::Trace))
    }

    fn of(distribution: MatrixDistribution, factors: Factors) -> Self {
        let scales = Array2::from_shape_fn(distribution.dim(), |(i, j)| {
            (factors.sigma2 * factors.row[[i, i]] * factors.col[[j, j]]).sqrt()
        });
        Self { distribution, factors, scales, contamination: Contamination::NONE }
    }

    /// The same truth with outliers.
    #[must_use]
    pub fn contaminated(mut self, contamination: Contamination) -> Self {
        self.contamination = contamination;
        self
    }

    /// The distribution before contamination.
    pub fn distribution(&self) -> &MatrixDistribution {
        &self.distribution
    }

    /// The law.
    pub fn law(&self) -> &dyn Law {
        self.distribution.law().as_ref()
    }

    /// M (p × q).
    pub fn mean(&self) -> ArrayView2<'_, f64> {
        self.distribution.location()
    }

    /// σ², A (trace p) and B (trace q).
    pub fn factors(&self) -> &Factors {
        &self.factors
    }

    /// n samples; sample i comes from stream i of the seed, so the first samples do not depend on
    /// n, and the clean cells not on the contamination.
    ///
    /// # Errors
    /// As [`MatrixDistribution::simulate`].
    pub fn simulate(&self, n: usize, seed: u64) -> Result<Simulated> {
        let (p, q) = self.distribution.dim();
        // Data and mask.
        require_room("the simulated sample", &[n, p, q], 2)?;
        let mut x = Array3::zeros((n, p, q));
        let mut mask = Array3::zeros(x.dim());
        for i in 0..n {
            let (mut data, mut outliers) =
                (stream(seed, 0, DATA, i as u64), stream(seed, 0, OUTLIERS, i as u64));
            let slot = (x.index_axis_mut(Axis(0), i), mask.index_axis_mut(Axis(0), i));
            self.draw(slot, &mut data, &mut outliers)?;
        }
        Ok(Simulated { sample: self.distribution.sample_of(x)?, mask })
    }

    /// n samples, one after the other from two generators.
    pub(super) fn replicate(
        &self,
        n: usize,
        mut data: Generator,
        mut outliers: Generator,
    ) -> Result<Sample> {
        let (p, q) = self.distribution.dim();
        require_room("the simulated sample", &[n, p, q], 1)?;
        let mut x = Array3::zeros((n, p, q));
        let mut mask = Array2::zeros((p, q));
        for slot in x.outer_iter_mut() {
            self.draw((slot, mask.view_mut()), &mut data, &mut outliers)?;
        }
        self.distribution.sample_of(x)
    }

    fn draw(
        &self,
        (mut x, mut mask): (ArrayViewMut2<'_, f64>, ArrayViewMut2<'_, f64>),
        data: &mut dyn Rng,
        outliers: &mut dyn Rng,
    ) -> Result<()> {
        let mut drawn = self.distribution.draw(data)?;
        let moved = self.contamination.apply(&mut drawn, self.mean(), self.scales.view(), outliers);
        if let Some(moved) = moved {
            mask.assign(&moved);
        }
        x.assign(&drawn);
        Ok(())
    }
}

/// A simulated sample and what was done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// The sample.
    pub sample: Sample,
    /// 1 where a cell was contaminated, else 0 (n × p × q).
    pub mask: Array3<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Gaussian, MatrixT};
    use ndarray::array;

    fn truth() -> Truth {
        let row = array![[2.0, 0.5], [0.5, 1.0]];
        Truth::new(
            Arc::new(Gaussian),
            array![[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]],
            row,
            Array2::eye(3),
        )
        .unwrap()
    }

    #[test]
    fn samples_are_a_prefix_and_moments_fit() {
        let long = truth().simulate(20_000, 7).unwrap().sample;
        let short = truth().simulate(10, 7).unwrap().sample;
        assert_eq!(short.values().to_slice(), long.values().as_slice().map(|x| &x[..60]));
        assert!((long.mean()[[0, 2]] - 3.0).abs() < 0.04);
        let centred = &long.values() - &long.mean();
        let row = centred.index_axis(Axis(1), 0);
        assert!((row.mapv(|x| x * x).mean().unwrap() - 2.0).abs() < 0.06);
    }

    #[test]
    fn contamination_touches_only_the_mask() {
        for text in ["shifted:0.3:5", "scaled:0.3:4", "cellwise:0.2:6", "rowwise:0.2:6"] {
            let clean = truth().simulate(400, 3).unwrap();
            let dirty = truth().contaminated(text.parse().unwrap()).simulate(400, 3).unwrap();
            let changed = &dirty.sample.values() - &clean.sample.values();
            assert!(changed.iter().zip(&dirty.mask).all(|(d, m)| (*d != 0.0) == (*m == 1.0)));
            let share = dirty.mask.mean().unwrap();
            assert!((share - 0.25).abs() < 0.1, "{text}: {share}");
        }
    }

    #[test]
    fn scale_is_the_trace_normalised_one() {
        let factors = truth().factors().clone();
        assert!((factors.sigma2 - 1.5).abs() < 1e-15);
        assert!((factors.row.diag().sum() - 2.0).abs() < 1e-15);
    }

    #[test]
    fn bad_truths_are_refused() {
        let law = Arc::new(MatrixT::new(3.0).unwrap());
        let error = Truth::new(law, Array2::zeros((2, 2)), Array2::eye(3), Array2::eye(2));
        assert_eq!(
            error.unwrap_err().to_string(),
            "the mean has shape (2, 2), but (3, 2) is needed"
        );
    }
}
