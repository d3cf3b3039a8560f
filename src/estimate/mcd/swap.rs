//! Exchanges of one member for one outsider.
//!
//! A subset that holds its h nearest samples is optimal to first order only. Whitened at H, with
//! D = Z_j − Z_i for i out and j in, both centred scatters change exactly by
//!
//! ```text
//! E_A = Z_j Z_jᵀ − Z_i Z_iᵀ − D Dᵀ/h,     E_B = Z_jᵀ Z_j − Z_iᵀ Z_i − Dᵀ D/h
//! ```
//!
//! and h(F' − F) is predicted by
//! hq ln|I + E_A/hq| + hp ln|I + E_B/hp| − hpq ln(1 + tr E_A/hpq): half a sweep on either side,
//! less the scale that both took.

use super::subset::Subset;
use super::task::{Search, usable};
use crate::Result;
use ndarray::{Array2, ArrayView3, Axis};

/// Samples on either side of the border that are tried.
const NEAR: usize = 40;
/// Exchanges that are refitted first, and those after them where none was better.
const ROUNDS: [usize; 2] = [6, 18];
/// Sweeps of such a refit.
const SWEEPS: usize = 2;
/// Relative fall of the objective that counts.
const FALL: f64 = 1e-9;
/// Exchanges of one polish.
const MOST: usize = 200;

/// Exchanges members until no exchange that looks good lowers the objective.
///
/// # Errors
/// Where a better subset has no scatter.
pub(super) fn polish(mut best: Subset, search: &Search<'_>) -> Result<Subset> {
    for _ in 0..MOST {
        let pairs = ranked(&best, search.values(), &best.distances(&search.whole)?);
        let Some(mut next) = first_better(&best, search, &pairs)? else { break };
        search.refit(&mut next)?;
        best = next;
    }
    Ok(best)
}

/// The best of the first few pairs, or of the next ones.
fn first_better(
    best: &Subset,
    search: &Search<'_>,
    pairs: &[(f64, usize, usize)],
) -> Result<Option<Subset>> {
    let mut rest = pairs;
    for round in ROUNDS {
        let (now, after) = rest.split_at(round.min(rest.len()));
        rest = after;
        let mut found: Option<Subset> = None;
        for &(_, out, inside) in now {
            let mut members = best.members.clone();
            members.iter_mut().filter(|i| **i == out).for_each(|i| *i = inside);
            let Some(tried) = usable(search.moved(best, members, SWEEPS))? else { continue };
            if found.as_ref().is_none_or(|f| tried.objective < f.objective) {
                found = Some(tried);
            }
        }
        let limit = best.objective - FALL * (1.0 + best.objective.abs());
        if let Some(found) = found.filter(|found| found.objective < limit) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// (predicted change of hF, member that leaves, sample that enters), best first.
fn ranked(
    best: &Subset,
    values: ArrayView3<'_, f64>,
    distances: &[f64],
) -> Vec<(f64, usize, usize)> {
    let mut is_member = vec![false; distances.len()];
    best.members.iter().for_each(|&i| is_member[i] = true);
    let by_distance = |a: &usize, b: &usize| distances[*a].total_cmp(&distances[*b]);
    let (mut inside, mut outside): (Vec<usize>, Vec<usize>) =
        (0..distances.len()).partition(|&i| is_member[i]);
    inside.sort_by(|a, b| by_distance(b, a));
    outside.sort_by(by_distance);
    inside.truncate(NEAR);
    outside.truncate(NEAR);
    let white = |i: &usize| {
        let centred = &values.index_axis(Axis(0), *i) - &best.point.mean;
        Whitened::new(best.point.whiten(centred.view()))
    };
    let leaving: Vec<Whitened> = inside.iter().map(white).collect();
    let entering: Vec<Whitened> = outside.iter().map(white).collect();
    let h = best.members.len() as f64;
    let mut pairs = Vec::with_capacity(inside.len() * outside.len());
    for (i, from) in inside.iter().zip(&leaving) {
        for (j, to) in outside.iter().zip(&entering) {
            pairs.push((change(from, to, h), *i, *j));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    pairs
}

/// Z with ZZᵀ and ZᵀZ.
struct Whitened {
    z: Array2<f64>,
    rows: Array2<f64>,
    cols: Array2<f64>,
}

impl Whitened {
    fn new(z: Array2<f64>) -> Self {
        Self { rows: z.dot(&z.t()), cols: z.t().dot(&z), z }
    }
}

/// The predicted change of hF.
fn change(from: &Whitened, to: &Whitened, h: f64) -> f64 {
    let (p, q) = from.z.dim();
    let (p, q) = (p as f64, q as f64);
    let d = Whitened::new(&to.z - &from.z);
    let side = |to: &Array2<f64>, from: &Array2<f64>, d: &Array2<f64>, unit: f64| {
        let mut scatter = to - from;
        scatter.scaled_add(-1.0 / h, d);
        let trace = scatter.diag().sum();
        scatter /= unit;
        scatter.diag_mut().mapv_inplace(|x| x + 1.0);
        (unit * ln_det(&mut scatter), trace)
    };
    let (rows, trace) = side(&to.rows, &from.rows, &d.rows, h * q);
    let (cols, _) = side(&to.cols, &from.cols, &d.cols, h * p);
    let scale = h * p * q * (trace / (h * p * q)).ln_1p();
    if rows == f64::NEG_INFINITY || cols == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else {
        rows + cols - scale
    }
}

/// ln det of a small symmetric matrix by elimination in place; −∞ where it is singular.
fn ln_det(matrix: &mut Array2<f64>) -> f64 {
    let d = matrix.nrows();
    let mut sum = 0.0;
    for k in 0..d {
        let pivot = matrix[[k, k]];
        if pivot <= 0.0 {
            return f64::NEG_INFINITY;
        }
        sum += pivot.ln();
        for i in k + 1..d {
            let factor = matrix[[i, k]] / pivot;
            for j in k + 1..=i {
                matrix[[i, j]] -= factor * matrix[[j, k]];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::SampleLikelihood;

    /// The predicted change is near the change of the refitted objective.
    #[test]
    fn predictions_are_near_the_truth() {
        let sample = crate::io::resolve("us-macro").unwrap();
        let values = sample.values();
        let whole = SampleLikelihood::new(&sample);
        let mut subset = Subset::cold(values, (0..26).collect()).unwrap();
        subset.refit(values).unwrap();
        let pairs = ranked(&subset, values, &subset.distances(&whole).unwrap());
        for &(predicted, out, inside) in pairs.iter().take(5) {
            let mut members = subset.members.clone();
            members.iter_mut().filter(|i| **i == out).for_each(|i| *i = inside);
            let mut next = subset.moved(values, members, 1).unwrap();
            next.refit(values).unwrap();
            let truth = 26.0 * (next.objective - subset.objective);
            assert!((predicted - truth).abs() < 0.3 * truth.abs(), "{predicted} for {truth}");
        }
    }

    #[test]
    fn determinants() {
        let mut a = ndarray::array![[4.0, 0.0, 0.0], [2.0, 5.0, 0.0], [1.0, 3.0, 6.0]];
        // det of [[4,2,1],[2,5,3],[1,3,6]] = 4(30-9) - 2(12-3) + 1(6-5) = 67.
        assert!((ln_det(&mut a) - 67.0_f64.ln()).abs() < 1e-14);
        assert_eq!(ln_det(&mut ndarray::array![[0.0]]), f64::NEG_INFINITY);
    }
}
