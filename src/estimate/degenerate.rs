//! Why there is no maximum: the combination of rows or columns that does not vary, by name.

use super::options::Termination;
use crate::data::{Sample, name_of};
use crate::kronecker::Side;
use crate::linalg::{Spd, matmul};
use crate::model::{Mean, Model};
use ndarray::{Array2, Axis};

/// Share of a row's variance that is left when it is a combination of others, up to rounding.
const LEFT: f64 = 1e-12;
/// Coefficients that are named: others are 0, up to rounding.
const NAMED: f64 = 1e-6;

/// What is wrong with the data of a fit that found no maximum.
pub(super) fn reasons(sample: &Sample, model: &Model, end: Termination) -> Vec<String> {
    if !matches!(end, Termination::Unbounded | Termination::Stalled) || sample.has_missing() {
        return Vec::new();
    }
    Side::BOTH
        .into_iter()
        .filter_map(|side| collinear(sample, model.mean_structure(), side))
        .collect()
}

/// Matrices that equal their transpose.
pub(super) fn symmetric(sample: &Sample) -> Option<String> {
    let (n, p, q) = sample.dim();
    let alike = |x: ndarray::ArrayView2<'_, f64>| x == x.t();
    (p == q && p > 1 && sample.values().outer_iter().all(alike)).then(|| {
        format!(
            "each of the {n} matrices of {} is symmetric (X = Xᵀ): a Kronecker covariance gives such \
             matrices probability 0, and only {} of their {} cells are observations",
            sample.source(),
            p * (p + 1) / 2,
            p * q
        )
    })
}

/// The first row (column) that is a combination of those before it, in all samples.
fn collinear(sample: &Sample, mean: &Mean, side: Side) -> Option<String> {
    let gram = gram(sample, mean, side);
    let scale = gram.diag().mapv(f64::sqrt);
    if scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
        return None;
    }
    let unit = &gram / &scale / scale.view().insert_axis(Axis(1));
    for k in 1..unit.nrows() {
        let above = unit.slice_axis(Axis(0), (0..k).into());
        let before = above.slice_axis(Axis(1), (0..k).into()).to_owned();
        let before = Spd::new("the rows before", before).ok()?;
        let with = above.slice_axis(Axis(1), (k..k + 1).into());
        let weights = before.solve(with);
        let left = 1.0 - with.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>();
        if left < LEFT {
            let weights: Vec<f64> =
                weights.iter().enumerate().map(|(i, w)| w * scale[k] / scale[i]).collect();
            return Some(sentence(sample, side, k, &weights));
        }
    }
    None
}

/// Σ YYᵀ or Σ YᵀY of the centred samples.
fn gram(sample: &Sample, mean: &Mean, side: Side) -> Array2<f64> {
    let (_, p, q) = sample.dim();
    let center = match mean {
        Mean::Zero => Array2::zeros((p, q)),
        Mean::Known(mean) => mean.clone(),
        _ => sample.mean(),
    };
    let d = if side == Side::Rows { p } else { q };
    sample.values().outer_iter().fold(Array2::zeros((d, d)), |mut sum, x| {
        let y = &x - &center;
        sum += &match side {
            Side::Rows => matmul(y.view(), y.t()),
            Side::Cols => matmul(y.t(), y.view()),
        };
        sum
    })
}

fn sentence(sample: &Sample, side: Side, k: usize, weights: &[f64]) -> String {
    let names = match side {
        Side::Rows => sample.row_names(),
        Side::Cols => sample.col_names(),
    };
    let one = side.singular();
    let name = |i: usize| format!("{one} {}", name_of(names, i));
    let largest = weights.iter().fold(1.0_f64, |m, w| m.max(w.abs()));
    let terms: Vec<(usize, f64)> =
        weights.iter().copied().enumerate().filter(|(_, w)| w.abs() > NAMED * largest).collect();
    let sums = terms.len() > 2 && terms.iter().all(|(_, w)| (w + 1.0).abs() < NAMED);
    let combination = if sums && terms.len() == k {
        format!("{one}s {} to {} sum to a constant", name_of(names, 0), name_of(names, k))
    } else {
        let term = |(i, w): &(usize, f64)| match *w {
            w if (w - 1.0).abs() < NAMED => format!("+ {}", name(*i)),
            w if (w + 1.0).abs() < NAMED => format!("− {}", name(*i)),
            w if w < 0.0 => format!("− {:.6}·{}", -w, name(*i)),
            w => format!("+ {w:.6}·{}", name(*i)),
        };
        let terms = terms.iter().map(term).collect::<Vec<_>>().join(" ");
        let terms = terms.strip_prefix("+ ").unwrap_or(&terms).to_owned();
        format!("{} = {terms}, up to a constant", name(k))
    };
    format!(
        "in all samples {combination}: the {one}s are linearly dependent; leave {} out",
        name(k)
    )
}
