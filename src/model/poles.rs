//! Poles of the t likelihoods: ν below which the likelihood has no maximum, whatever is fitted.
//!
//! Let the mean go through r of the n samples, and let the scale c go to 0: those samples' densities
//! grow like c^(−d/2), the others' fall like c^(ν/2), so that with d = pq
//!
//! ```text
//! Kronecker t:  ℓ ≈ ½ [r d − (n − r) ν] ln 1/c                unbounded for ν < r d/(n − r)
//! matrix t:     ℓ ≈ ½ m [r M − (n − r)(ν + m − 1)] ln 1/c      unbounded for ν < r M/(n − r) − (m − 1)
//! ```
//!
//! with m = min(p, q) and M = max(p, q). Samples that are equal count together. A share φ of
//! samples that agree in c whole columns does the same for those columns alone:
//! ν < pc/(1 − φ) − d, ν < max(p, c)/(1 − φ) − (p + q − 1).

use super::{Mean, Model};
use crate::data::{Sample, Weights};
use crate::kronecker::Side;
use crate::{Error, Result};
use ndarray::{ArrayView2, ArrayView3, Axis};
use std::collections::HashMap;

/// What estimates of ν keep away from a pole: this multiple of it.
pub(crate) const MARGIN: f64 = 1.05;

/// ν below which a t likelihood has no maximum, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Pole {
    /// The bound on ν.
    pub dof: f64,
    /// Why, as the beginning of a sentence.
    pub because: String,
}

/// The heaviest samples together, and of how many.
#[derive(Debug, Clone, Copy)]
struct Share {
    on: f64,
    of: f64,
}

impl Model {
    /// The pole that the counts alone say: n observations, an estimated mean that can go through
    /// `spent` of them (one, or as many as there are covariates; weights count). `None` where there
    /// is none.
    pub fn pole(&self, n: f64, spent: f64, p: usize, q: usize) -> Option<Pole> {
        // Only a mean that spans every matrix goes through samples.
        let spent = if self.spans_a_sample(p, q) { spent } else { 0.0 };
        self.pole_of(Share { on: spent, of: n }, (p, q), || {
            format!("n = {n} samples of {p} × {q} and a {} mean", self.mean_structure().name())
        })
    }

    fn spans_a_sample(&self, p: usize, q: usize) -> bool {
        self.mean_structure().n_parameters(p, q) == p * q
    }

    fn pole_of(
        &self,
        Share { on, of }: Share,
        (p, q): (usize, usize),
        because: impl Fn() -> String,
    ) -> Option<Pole> {
        let bound = self.law().dof_family()?.pole(on, of, p, q)?;
        // Where every sample is equal there is no variance at all: that is refused by itself.
        (bound > 0.0 && on < of).then(|| Pole { dof: bound, because: because() })
    }

    /// The highest pole of a sample: its counts, samples that are equal, and rows or columns in
    /// which many samples agree exactly.
    pub(crate) fn pole_of_sample(&self, sample: &Sample) -> Option<Pole> {
        let family = self.law().dof_family()?;
        let (n, p, q) = sample.dim();
        let covariates = sample.design().map_or(1, |design| design.matrix().ncols());
        let weights = match sample.weights() {
            Weights::Frequency(weights) => weights.clone(),
            _ => vec![1.0; n],
        };
        let mut heaviest = weights.clone();
        heaviest.sort_by(|a, b| b.total_cmp(a));
        let spent: f64 = heaviest.iter().take(covariates).sum();
        let mut worst = self.pole(weights.iter().sum(), spent, p, q);
        if sample.design().is_some() || matches!(sample.weights(), Weights::Frequency(_)) {
            return worst;
        }
        let mut keep = |found: Option<Pole>| {
            if let Some(pole) = found
                && worst.as_ref().is_none_or(|known| pole.dof > known.dof)
            {
                worst = Some(pole);
            }
        };
        let values = sample.values();
        let equal = self.most_equal(values);
        if equal > 1 || equal == 1 && !self.spans_a_sample(p, q) {
            let share = Share { on: equal as f64, of: n as f64 };
            keep(self.pole_of(share, (p, q), || format!("{equal} of {n} samples that are equal")));
        }
        for side in Side::BOTH {
            let length = if side == Side::Cols { p } else { q };
            for (count, agree) in self.ties(values, side) {
                let left = 1.0 - agree as f64 / n as f64;
                let bound = family.tie_pole(length, count, left, p, q);
                let because = || {
                    format!(
                        "{agree} of {n} samples that agree exactly in {count} of the {}",
                        match side {
                            Side::Rows => "rows",
                            Side::Cols => "columns",
                        }
                    )
                };
                keep((bound > 0.0).then(|| Pole { dof: bound, because: because() }));
            }
        }
        worst
    }

    /// Samples on the heaviest point that the mean can take.
    fn most_equal(&self, values: ArrayView3<'_, f64>) -> usize {
        let (_, p, q) = values.dim();
        match self.mean_structure() {
            mean @ (Mean::Zero | Mean::Known(_)) => values
                .outer_iter()
                .filter(|x| x.indexed_iter().all(|(at, x)| *x == known(mean, at)))
                .count(),
            _ if self.spans_a_sample(p, q) => {
                let mut seen: HashMap<Vec<u64>, usize> = HashMap::new();
                for x in values.outer_iter() {
                    // Half of the work of a pass at most: the first cells tell nearly all apart.
                    *seen.entry(x.iter().take(4).map(|x| x.to_bits()).collect()).or_default() += 1;
                }
                if seen.values().all(|count| *count == 1) {
                    return 1;
                }
                seen.clear();
                for x in values.outer_iter() {
                    *seen.entry(x.iter().map(|x| x.to_bits()).collect()).or_default() += 1;
                }
                seen.into_values().max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// (c, number of samples that agree exactly in c rows or columns), for growing c: the parts in
    /// which most samples agree first.
    fn ties(&self, values: ArrayView3<'_, f64>, side: Side) -> Vec<(usize, usize)> {
        let (n, p, q) = values.dim();
        let known_mean = match self.mean_structure() {
            mean @ (Mean::Zero | Mean::Known(_)) => Some(mean),
            _ if self.spans_a_sample(p, q) => None,
            // What another mean can reach is not known.
            _ => return Vec::new(),
        };
        if !self.structure(side).has_own_scales() {
            return Vec::new();
        }
        let axis = Axis(side as usize);
        let mut parts: Vec<(usize, usize, usize)> = (0..values.len_of(Axis(1 + side as usize)))
            .filter_map(|k| {
                let like = match known_mean {
                    Some(_) => 0,
                    None => majority(values, axis, k)?,
                };
                let count =
                    (0..n).filter(|i| agrees(values, known_mean, axis, k, (*i, like))).count();
                (2 * count > n && count < n).then_some((count, k, like))
            })
            .collect();
        parts.sort_by_key(|part| (std::cmp::Reverse(part.0), part.1));
        let mut alike: Vec<usize> = (0..n).collect();
        let mut found = Vec::new();
        for (c, (_, k, like)) in parts.into_iter().enumerate() {
            alike.retain(|i| agrees(values, known_mean, axis, k, (*i, like)));
            found.push((c + 1, alike.len()));
        }
        // Every one of the parts is the case of equal samples.
        found.retain(|(c, count)| *c < values.len_of(Axis(1 + side as usize)) && *count > 1);
        found
    }

    /// Refuses a fixed ν below the pole; what ν may be at least where it is estimated.
    pub(crate) fn check_pole(&self, pole: Option<&Pole>, source: &str) -> Result<()> {
        let (Some(pole), Some(dof)) = (pole, self.law().dof()) else { return Ok(()) };
        if self.estimates_dof() || dof >= pole.dof {
            return Ok(());
        }
        Err(Error::Degenerate {
            what: format!(
                "{source}: with {} the {} likelihood with ν = {dof} has no maximum: it grows without \
                 bound where the mean goes through samples and the scale shrinks to 0, for every \
                 ν < {:.4}",
                pole.because,
                self.law().name(),
                pole.dof
            ),
            remedy: format!("take ν > {:.4}, fix the mean, or collect more samples", pole.dof),
        })
    }
}

fn known(mean: &Mean, at: (usize, usize)) -> f64 {
    match mean {
        Mean::Known(mean) => mean[at],
        _ => 0.0,
    }
}

/// A sample like more than half of all in row or column k, if there is one (Boyer & Moore).
fn majority(values: ArrayView3<'_, f64>, axis: Axis, k: usize) -> Option<usize> {
    let (mut like, mut votes) = (0, 0_usize);
    for i in 0..values.len_of(Axis(0)) {
        match votes {
            0 => (like, votes) = (i, 1),
            _ if agrees(values, None, axis, k, (i, like)) => votes += 1,
            _ => votes -= 1,
        }
    }
    (votes > 0).then_some(like)
}

/// Is sample i in row or column k like another sample, or like a known mean?
fn agrees(
    values: ArrayView3<'_, f64>,
    mean: Option<&Mean>,
    axis: Axis,
    k: usize,
    (i, like): (usize, usize),
) -> bool {
    let part = |i: usize| -> ArrayView2<'_, f64> { values.index_axis_move(Axis(0), i) };
    let (x, y) = (part(i), part(like));
    let (x, y) = (x.index_axis(axis, k), y.index_axis(axis, k));
    match mean {
        None => x.iter().zip(y).all(|(x, y)| x == y),
        Some(mean) => x
            .indexed_iter()
            .all(|(l, x)| *x == known(mean, if axis == Axis(0) { (k, l) } else { (l, k) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dof;
    use ndarray::Array3;

    fn sample() -> Array3<f64> {
        Array3::from_shape_fn((10, 3, 4), |(i, j, k)| ((17 * i + 3 * j + 5 * k) as f64).sin())
    }

    #[test]
    fn counts_give_the_bounds() {
        let kronecker = Model::kronecker_t(Dof::Fixed(3.0));
        assert_eq!(kronecker.pole(10.0, 1.0, 6, 6).unwrap().dof, 4.0);
        assert!(kronecker.clone().mean(Mean::Zero).pole(10.0, 1.0, 6, 6).is_none());
        assert!(kronecker.mean(Mean::Rows).pole(10.0, 1.0, 6, 6).is_none());
        let matrix = Model::matrix_t(Dof::Fixed(3.0));
        assert!(matrix.pole(10.0, 1.0, 6, 6).is_none());
        assert_eq!(matrix.pole(3.0, 1.0, 6, 2).unwrap().dof, 2.0);
        assert!(Model::gaussian().pole(3.0, 1.0, 6, 2).is_none());
    }

    #[test]
    fn equal_samples_and_equal_columns_raise_them() {
        let model = Model::kronecker_t(Dof::Estimate);
        let mut x = sample();
        let plain = model.pole_of_sample(&Sample::new(x.clone()).unwrap()).unwrap();
        assert!((plain.dof - 12.0 / 9.0).abs() < 1e-12);
        let first = x.index_axis(Axis(0), 0).to_owned();
        x.index_axis_mut(Axis(0), 7).assign(&first);
        let double = model.pole_of_sample(&Sample::new(x).unwrap()).unwrap();
        assert!((double.dof - 2.0 * 12.0 / 8.0).abs() < 1e-12, "{double:?}");
        // Nine of ten samples are zero in column 2: φ = 0.9, pc/(1 − φ) − d = 30 − 12.
        let mut x = sample();
        for i in 0..9 {
            x.index_axis_mut(Axis(0), i).column_mut(2).fill(0.0);
        }
        let ties = model.pole_of_sample(&Sample::new(x).unwrap()).unwrap();
        assert!((ties.dof - 18.0).abs() < 1e-9, "{ties:?}");
    }
}
