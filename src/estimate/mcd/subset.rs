//! A subset of the samples with its Gaussian fit, improved by sweeps.
//!
//! With M the average over H, a sweep sets A ← L_A G_A L_Aᵀ and then B likewise. After it
//! Σ_{i∈H} δ_i = hpq, so q ln|A| + p ln|B| bounds F(H) from above and falls from sweep to sweep.

use crate::family::Gaussian;
use crate::kronecker::Side;
use crate::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use crate::linalg::Root;
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView3, Axis};

/// Part of a row's or column's variance that the ones before it leave, below which it has none.
const SINGULAR: f64 = 1e-13;
/// The same for mean squares around the average against mean squares around 0: rounding of equal
/// numbers.
const CONSTANT: f64 = 1e-24;
/// Fall of a variance in one warm sweep that is not believed before it is seen from a cold start.
const COLLAPSED: f64 = 1e-12;
/// Sweeps of a refit.
const MOST_SWEEPS: usize = 2_000;
/// Score at which a refit ends.
const REFIT: f64 = 1e-11;

/// H (sorted, from 0), the point that its sweeps reached, and q ln|A| + p ln|B| there.
#[derive(Debug, Clone)]
pub(super) struct Subset {
    pub(super) members: Vec<usize>,
    pub(super) point: Point,
    pub(super) objective: f64,
}

impl Subset {
    /// A first sweep from the variances of the rows and columns of H.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] naming the side where H has no scatter.
    pub(super) fn cold(values: ArrayView3<'_, f64>, mut members: Vec<usize>) -> Result<Self> {
        members.sort_unstable();
        let chosen = values.select(Axis(0), &members);
        let likelihood = SampleLikelihood::of(chosen.view());
        let mean = likelihood.average()?;
        let row = variances(&chosen, &mean, Side::Rows)?;
        let col = variances(&chosen, &mean, Side::Cols)?;
        let scale = row.sum() / row.len() as f64;
        let point = Point::new(
            mean,
            Root::of("the row factor", Array2::from_diag(&row).view())?,
            Root::of("the column factor", Array2::from_diag(&(col / scale)).view())?,
        );
        let mut subset = Self { members, point, objective: f64::INFINITY };
        let mut sums = subset.room();
        subset.sweep(&likelihood, &mut sums, 0.0)?;
        Ok(subset)
    }

    /// `count` sweeps over other members, warm from this point; cold where the warm start says
    /// that they have no scatter.
    ///
    /// # Errors
    /// As [`Subset::cold`].
    pub(super) fn moved(
        &self,
        values: ArrayView3<'_, f64>,
        mut members: Vec<usize>,
        count: usize,
    ) -> Result<Self> {
        members.sort_unstable();
        let chosen = values.select(Axis(0), &members);
        let likelihood = SampleLikelihood::of(chosen.view());
        let mut point = self.point.clone();
        point.mean.assign(&likelihood.average()?);
        let mut next = Self { members, point, objective: f64::INFINITY };
        let mut sums = next.room();
        for _ in 0..count {
            if next.sweep(&likelihood, &mut sums, COLLAPSED).is_err() {
                return Self::cold(values, next.members);
            }
        }
        Ok(next)
    }

    /// Sweeps to the maximum of H.
    ///
    /// # Errors
    /// As [`Subset::cold`].
    pub(super) fn refit(&mut self, values: ArrayView3<'_, f64>) -> Result<()> {
        let chosen = values.select(Axis(0), &self.members);
        let likelihood = SampleLikelihood::of(chosen.view());
        self.point.mean.assign(&likelihood.average()?);
        let mut sums = self.room();
        for _ in 0..MOST_SWEEPS {
            if self.sweep(&likelihood, &mut sums, 0.0)? <= REFIT {
                break;
            }
        }
        Ok(())
    }

    /// Squared distances δ of all samples.
    ///
    /// # Errors
    /// What the pass says.
    pub(super) fn distances(&self, whole: &SampleLikelihood<'_>) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(whole.dim().0);
        whole.each(&self.point, &Gaussian, &mut |seen| {
            all.push(seen.distance);
            Ok(())
        })?;
        Ok(all)
    }

    /// A, then B. Gives max|G_A − I| before it: the score, as the sweep before left G_B = I.
    fn sweep(
        &mut self,
        likelihood: &SampleLikelihood<'_>,
        sums: &mut Sums,
        least: f64,
    ) -> Result<f64> {
        let mut score = 0.0_f64;
        for (side, sides) in [(Side::Rows, Sides::ROWS), (Side::Cols, Sides::COLS)] {
            likelihood.sums(&self.point, &Gaussian, sides, sums)?;
            let Some(scatter) = sums.mean_scatter(side) else { continue };
            if side == Side::Rows {
                let gap = |((i, j), g): ((usize, usize), &f64)| {
                    (g - if i == j { 1.0 } else { 0.0 }).abs()
                };
                score = scatter.indexed_iter().map(gap).fold(0.0, f64::max);
            }
            advance(&mut self.point, side, &scatter.to_owned(), least)?;
        }
        self.point.balance();
        self.objective = 2.0 * self.point.half_ln_det();
        Ok(score)
    }

    fn room(&self) -> Sums {
        let (p, q) = self.point.dim();
        Sums::zeros(p, q)
    }
}

/// L ← L chol(G), unless a pivot says that G is singular.
fn advance(point: &mut Point, side: Side, scatter: &Array2<f64>, least: f64) -> Result<()> {
    let root = &mut point.factors[side];
    let before: Vec<f64> = root.diagonal().to_vec();
    root.advance(side_name(side), scatter.view())?;
    for (i, (old, new)) in before.iter().zip(root.diagonal()).enumerate() {
        // The pivot of the step: L' has the diagonal of L times that of chol(G).
        let pivot = (new / old) * (new / old);
        let floor = (SINGULAR * scatter[[i, i]]).max(least);
        if !(pivot > floor && pivot.is_finite()) {
            let what = side_name(side).to_owned();
            return Err(Error::NotPositiveDefinite { what, minor: i + 1 });
        }
    }
    Ok(())
}

pub(super) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Rows => "the row factor",
        Side::Cols => "the column factor",
    }
}

/// Mean squares of every row (column) around the average.
fn variances(values: &ndarray::Array3<f64>, mean: &Array2<f64>, side: Side) -> Result<Array1<f64>> {
    let axis = Axis(match side {
        Side::Rows => 1,
        Side::Cols => 2,
    });
    let centred = values - mean;
    let squares = |of: &ndarray::Array3<f64>, i: usize| {
        let part = of.index_axis(axis, i);
        part.iter().map(|x| x * x).sum::<f64>() / part.len() as f64
    };
    (0..values.len_of(axis))
        .map(|i| {
            let (around, plain) = (squares(&centred, i), squares(values, i));
            if around > CONSTANT * plain && around.is_finite() {
                Ok(around)
            } else {
                let what = side_name(side).to_owned();
                Err(Error::NotPositiveDefinite { what, minor: i + 1 })
            }
        })
        .collect()
}
