//! Samples from a known truth, the same numbers on every machine.

use super::contamination::Contamination;
use crate::data::Sample;
use crate::estimate::{Factors, Normalisation};
use crate::family::{Law, require_drawable};
use crate::linalg::{Spd, require_room};
use crate::{Error, Result};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis, Zip};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

/// Generator number `stream` of the family with key (seed, group, purpose).
///
/// The 256-bit key of ChaCha20 is the four little-endian words seed, group, purpose, 0; the
/// 64-bit nonce is the stream. Generators that differ in any of the four are independent.
pub fn stream(seed: u64, group: u64, purpose: u64, stream: u64) -> ChaCha20Rng {
    let mut key = [0_u8; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, group, purpose]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = ChaCha20Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// Purpose of the generators that draw the clean sample.
pub(super) const DATA: u64 = 0;
/// Purpose of the generators that place outliers: the clean part does not depend on them.
pub(super) const OUTLIERS: u64 = 1;

/// Random decisions from a generator, with fixed algorithms.
pub(super) struct Noise<'a>(pub(super) &'a mut dyn Rng);

impl Noise<'_> {
    /// Uniform on [0, 1) with 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub(super) fn sign(&mut self) -> f64 {
        if self.0.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }
    }
}

/// What is drawn from: X = M + L_A Z L_Bᵀ with Z from a law, then contaminated.
///
/// Sums are plain loops in one order, so the same generator gives the same numbers whatever
/// vector instructions the machine has.
#[derive(Debug, Clone)]
pub struct Truth {
    law: Arc<dyn Law>,
    mean: Array2<f64>,
    factors: Factors,
    row_lower: Array2<f64>,
    col_lower: Array2<f64>,
    scales: Array2<f64>,
    contamination: Contamination,
}

impl Truth {
    /// The truth with mean M (p × q), row factor A (p × p) and column factor B (q × q).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], [`Error::NotSymmetric`] or
    /// [`Error::NotPositiveDefinite`] naming the array; [`Error::Unsupported`] for a law without
    /// a sampler.
    pub fn new(
        law: Arc<dyn Law>,
        mean: Array2<f64>,
        row_cov: Array2<f64>,
        col_cov: Array2<f64>,
    ) -> Result<Self> {
        let (row, col) =
            (Spd::new("the row factor", row_cov)?, Spd::new("the column factor", col_cov)?);
        let orders = (row.order(), col.order());
        require_drawable(law.as_ref(), &mean, orders)?;
        let scales = Array2::from_shape_fn(orders, |(i, j)| {
            (row.matrix()[[i, i]] * col.matrix()[[j, j]]).sqrt()
        });
        let ln_dets = (row.ln_det(), col.ln_det());
        let (row, col) = (row.into_matrix(), col.into_matrix());
        let (row_lower, col_lower) =
            (lower("the row factor", &row)?, lower("the column factor", &col)?);
        let raw = Factors { sigma2: 1.0, row, col };
        let factors = raw.normalised(Normalisation::Trace, ln_dets);
        let contamination = Contamination::NONE;
        Ok(Self { law, mean, factors, row_lower, col_lower, scales, contamination })
    }

    /// The same truth with outliers.
    #[must_use]
    pub fn contaminated(mut self, contamination: Contamination) -> Self {
        self.contamination = contamination;
        self
    }

    /// The law.
    pub fn law(&self) -> &dyn Law {
        self.law.as_ref()
    }

    pub(super) fn shared_law(&self) -> Arc<dyn Law> {
        self.law.clone()
    }

    /// M (p × q).
    pub fn mean(&self) -> ArrayView2<'_, f64> {
        self.mean.view()
    }

    /// σ², A (trace p) and B (trace q).
    pub fn factors(&self) -> &Factors {
        &self.factors
    }

    /// n samples; sample i comes from stream i of the seed, so the first samples do not depend on
    /// n, and the clean cells not on the contamination.
    ///
    /// # Errors
    /// [`Error::Shape`] for n = 0; [`Error::NonFinite`] when a law with a very small ν left the
    /// range of double precision.
    pub fn simulate(&self, n: usize, seed: u64) -> Result<Simulated> {
        let (p, q) = self.mean.dim();
        // Data and mask.
        require_room("the simulated sample", &[n, p, q], 2)?;
        let each =
            |i: usize| (stream(seed, 0, DATA, i as u64), stream(seed, 0, OUTLIERS, i as u64));
        let mut x = Array3::zeros((n, p, q));
        let mut mask = Array3::zeros(x.dim());
        for i in 0..n {
            let (mut data, mut outliers) = each(i);
            let slot = (x.index_axis_mut(Axis(0), i), mask.index_axis_mut(Axis(0), i));
            self.draw(slot, &mut data, &mut outliers);
        }
        Ok(Simulated { sample: Sample::named(x, vec![], vec![], "the simulated sample")?, mask })
    }

    /// n samples, one after the other from two generators.
    pub(super) fn replicate(
        &self,
        n: usize,
        mut data: ChaCha20Rng,
        mut outliers: ChaCha20Rng,
    ) -> Result<Sample> {
        let (p, q) = self.mean.dim();
        require_room("the simulated sample", &[n, p, q], 1)?;
        let mut x = Array3::zeros((n, p, q));
        let mut mask = Array2::zeros((p, q));
        for slot in x.outer_iter_mut() {
            self.draw((slot, mask.view_mut()), &mut data, &mut outliers);
        }
        Sample::named(x, vec![], vec![], "the simulated sample")
    }

    fn draw(
        &self,
        (mut x, mut mask): (ArrayViewMut2<'_, f64>, ArrayViewMut2<'_, f64>),
        data: &mut dyn Rng,
        outliers: &mut dyn Rng,
    ) {
        let (p, q) = self.mean.dim();
        let z = match self.law.sampler() {
            Some(sampler) => sampler.draw(p, q, data),
            None => Array2::from_elem((p, q), f64::NAN),
        };
        let mut half = Array2::<f64>::zeros((p, q));
        Zip::indexed(&mut half).for_each(|(i, j), to| {
            *to = (0..=j).map(|k| z[[i, k]] * self.col_lower[[j, k]]).sum();
        });
        let mut whole = Array2::from_shape_fn((p, q), |(i, j)| {
            let deviation: f64 = (0..=i).map(|k| self.row_lower[[i, k]] * half[[k, j]]).sum();
            self.mean[[i, j]] + deviation
        });
        let moved =
            self.contamination.apply(&mut whole, self.mean.view(), self.scales.view(), outliers);
        if let Some(moved) = moved {
            mask.assign(&moved);
        }
        x.assign(&whole);
    }
}

/// Cholesky by plain loops: tuned kernels round differently on different processors.
fn lower(what: &str, matrix: &Array2<f64>) -> Result<Array2<f64>> {
    let d = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[[i, k]] * lower[[j, k]]).sum();
            let rest = matrix[[i, j]] - known;
            if i > j {
                lower[[i, j]] = rest / lower[[j, j]];
            } else if rest > 0.0 {
                lower[[i, i]] = rest.sqrt();
            } else {
                return Err(Error::NotPositiveDefinite { what: what.to_owned(), minor: i + 1 });
            }
        }
    }
    Ok(lower)
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
