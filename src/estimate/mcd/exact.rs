//! Subsets without scatter: h samples that are fitted exactly, which is a finding about the data.

use crate::data::Sample;
use crate::data::name_of;
use crate::kronecker::{BySide, Side};
use crate::linalg::symmetric_eigen;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView, ArrayView2, Axis, Dimension};
use std::collections::HashMap;

/// Looks for h samples that are identical, or share a row or a column.
///
/// # Errors
/// [`Error::Degenerate`] saying which.
pub(super) fn look(sample: &Sample, h: usize, least: usize) -> Result<()> {
    let values = sample.values();
    let n = sample.dim().0;
    let copies = most_alike((0..n).map(|i| values.index_axis(Axis(0), i)));
    // A subset that holds all copies has so many distinct matrices; an estimate needs more.
    if copies > 1 && (h + 1).saturating_sub(copies) < least {
        let what = format!("{copies} of {n} matrices are identical");
        return Err(finding(sample, &what, h, "leave copies out, or give a larger alpha"));
    }
    let names = BySide::new(sample.row_names(), sample.col_names());
    for (side, axis) in [(Side::Rows, 1), (Side::Cols, 2)] {
        for i in 0..values.len_of(Axis(axis)) {
            let part = values.index_axis(Axis(axis), i);
            let copies = most_alike(part.outer_iter());
            if copies >= h {
                let name = name_of(names[side], i);
                let what = format!("{copies} of {n} matrices share {} {name}", side.singular());
                return Err(finding(sample, &what, h, "leave it out, or give a larger alpha"));
            }
        }
    }
    Ok(())
}

/// What a singular scatter of a subset says: a finding where its members lie on a hyperplane, the
/// error as it is where they only differ too much in size.
pub(super) fn said(sample: &Sample, members: &[usize], error: Error) -> Error {
    let Error::NotPositiveDefinite { what, minor } = error else { return error };
    let n = sample.dim().0;
    let side = if what == super::subset::side_name(Side::Rows) { Side::Rows } else { Side::Cols };
    if !on_a_hyperplane(sample, members, side) {
        return Error::NotPositiveDefinite { what, minor };
    }
    let names = BySide::new(sample.row_names(), sample.col_names());
    let what = format!(
        "{} of {n} matrices have no scatter of their own in {} {}, given those before it",
        members.len(),
        side.singular(),
        name_of(names[side], minor.saturating_sub(1)),
    );
    finding(sample, &what, members.len(), "look at these samples, or give a larger alpha")
}

/// Difference of two members along a direction, against their own size, that is rounding.
const ROUNDING: f64 = 1e-10;

/// Is there one combination of the rows (columns) that all members share, as exactly as numbers of
/// their size can? Scatters alone cannot tell: beside a member of size 1e10 all others are alike.
fn on_a_hyperplane(sample: &Sample, members: &[usize], side: Side) -> bool {
    let chosen = sample.values().select(Axis(0), members);
    let Some(mean) = chosen.mean_axis(Axis(0)) else { return false };
    let turned = |x: ArrayView2<'_, f64>| match side {
        Side::Rows => x.to_owned(),
        Side::Cols => x.t().to_owned(),
    };
    let parts: Vec<Array2<f64>> = chosen.outer_iter().map(turned).collect();
    let mean = turned(mean.view());
    let mut scatter = Array2::<f64>::zeros((mean.nrows(), mean.nrows()));
    for x in &parts {
        let y = x - &mean;
        scatter += &y.dot(&y.t());
    }
    let units = scatter.diag().mapv(|s| if s > 0.0 { 1.0 / s.sqrt() } else { 1.0 });
    let scaled =
        Array2::from_shape_fn(scatter.dim(), |(i, j)| scatter[[i, j]] * units[i] * units[j]);
    let Ok(eigen) = symmetric_eigen("a scatter", scaled.view()) else { return false };
    let least = (0..units.len()).min_by(|a, b| eigen.values[*a].total_cmp(&eigen.values[*b]));
    let Some(least) = least else { return false };
    let direction = &eigen.vectors.column(least) * &units;
    let sizes = direction.mapv(f64::abs);
    parts.windows(2).all(|pair| {
        let [a, b] = pair else { return true };
        let gap = direction.dot(&(a - b));
        let size = sizes.dot(&(a.mapv(f64::abs) + b.mapv(f64::abs)));
        gap.iter().zip(&size).all(|(gap, size)| gap.abs() <= ROUNDING * size)
    })
}

fn finding(sample: &Sample, what: &str, h: usize, remedy: &str) -> Error {
    Error::Degenerate {
        what: format!(
            "{}: {what}, so a subset of {h} is fitted exactly and its determinant is 0",
            sample.source()
        ),
        remedy: remedy.to_owned(),
    }
}

/// How often the most frequent of these arrays is there.
fn most_alike<'a, D: Dimension>(parts: impl Iterator<Item = ArrayView<'a, f64, D>>) -> usize {
    let mut seen: HashMap<Vec<u64>, usize> = HashMap::new();
    for part in parts {
        // −0 is 0.
        *seen.entry(part.iter().map(|x| (x + 0.0).to_bits()).collect()).or_default() += 1;
    }
    seen.into_values().max().unwrap_or(0)
}
