//! Correlation against lag or distance: what a structure fitted, and what the data say of pairs.

use super::Figure;
use super::chart::{Chart, Scale, Series};
use crate::Result;
use crate::data::Sample;
use crate::estimate::Fit;
use crate::kronecker::Side;
use crate::likelihood::{Likelihood, SampleLikelihood, Sides, Sums};
use ndarray::{Array2, ArrayView2};

/// Pairs that are drawn one by one; beyond it every so many of them are.
const MOST_PAIRS: usize = 1000;

/// (distance, correlation) of every pair of entries.
type Pairs = Vec<(f64, f64)>;

/// A figure for each side whose structure knows distances: the fitted correlation by distance, and
/// the correlations of the scatter that the side would have without a structure, the other side's
/// estimate and the law's weights as they are.
///
/// # Errors
/// As [`Likelihood::sums`] and [`crate::linalg::Root`].
pub(super) fn fades(fit: &Fit, sample: &Sample) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    for side in Side::BOTH {
        let fitted = fit.cov(side);
        let shape = fit.model().structure(side).shape();
        let Some(distances) = shape.distances(fitted.nrows()).filter(|x| x.nrows() > 1) else {
            continue;
        };
        let (_, p, q) = sample.dim();
        let mut sums = Sums::zeros(p, q);
        let likelihood = SampleLikelihood::new(sample);
        likelihood.sums(fit.point(), fit.law(), Sides::One(side), &mut sums)?;
        let Some(scatter) = sums.scatter(side) else { continue };
        let seen = fit.point().factor(side).unwhiten(scatter);
        let (name, title) = match side {
            Side::Rows => ("row", "A, rows"),
            Side::Cols => ("col", "B, columns"),
        };
        out.push(fade(
            &format!("{name}-correlation-distance"),
            &format!("Correlations of {title} by distance ({})", shape.name()),
            &pairs(&distances, fitted.view()),
            pairs(&distances, seen.view()),
        )?);
    }
    Ok(out)
}

fn pairs(distances: &Array2<f64>, matrix: ArrayView2<'_, f64>) -> Pairs {
    let correlation =
        |i: usize, j: usize| matrix[[i, j]] / (matrix[[i, i]] * matrix[[j, j]]).sqrt();
    let lower = (1..matrix.nrows()).flat_map(|i| (0..i).map(move |j| (i, j)));
    lower.map(|(i, j)| (distances[[i, j]], correlation(i, j))).collect()
}

/// Average correlation at each distance, nearest first.
fn averaged(pairs: &[(f64, f64)]) -> Pairs {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let same = |a: &(f64, f64), b: &(f64, f64)| b.0 - a.0 <= 1e-9 * b.0.abs();
    let mean = |group: &[(f64, f64)]| {
        (group[0].0, group.iter().map(|(_, r)| r).sum::<f64>() / group.len() as f64)
    };
    sorted.chunk_by(same).map(mean).collect()
}

fn fade(name: &str, title: &str, fitted: &[(f64, f64)], mut seen: Pairs) -> Result<Figure> {
    let means = averaged(&seen);
    let step = seen.len().div_ceil(MOST_PAIRS).max(1);
    seen.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shown: Pairs = seen.iter().copied().step_by(step).collect();
    let repeated = means.len() < seen.len();
    let mut chart =
        Chart::new(title, ("distance (or lag)", Scale::Linear), ("correlation", Scale::Linear))
            .with(Series::line("fitted", averaged(fitted)))
            .with(Series::points("without structure, a pair each", shown));
    if repeated {
        chart = chart.with(Series::line("without structure, mean", means).and_points());
    }
    chart.figure(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_at_one_distance_are_averaged() {
        let distances = Array2::from_shape_fn((3, 3), |(i, j)| i.abs_diff(j) as f64);
        let matrix = ndarray::array![[1.0, 0.5, 0.2], [0.5, 4.0, 0.6], [0.2, 0.6, 1.0]];
        let pairs = pairs(&distances, matrix.view());
        assert_eq!(pairs, [(1.0, 0.25), (2.0, 0.2), (1.0, 0.3)]);
        let averaged = averaged(&pairs);
        assert_eq!(averaged.len(), 2);
        assert!((averaged[0].1 - 0.275).abs() < 1e-15 && averaged[1] == (2.0, 0.2));
    }
}
