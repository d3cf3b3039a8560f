//! Subsets without scatter: h samples that are fitted exactly, which is a finding about the data.

use crate::data::Sample;
use crate::data::name_of;
use crate::kronecker::{BySide, Side};
use crate::{Error, Result};
use ndarray::{ArrayView, Axis, Dimension};
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

/// What a singular scatter of a subset says.
pub(super) fn said(sample: &Sample, members: &[usize], error: Error) -> Error {
    let Error::NotPositiveDefinite { what, minor } = error else { return error };
    let n = sample.dim().0;
    let side = if what == super::subset::side_name(Side::Rows) { Side::Rows } else { Side::Cols };
    let names = BySide::new(sample.row_names(), sample.col_names());
    let what = format!(
        "{} of {n} matrices have no scatter of their own in {} {}, given those before it",
        members.len(),
        side.singular(),
        name_of(names[side], minor.saturating_sub(1)),
    );
    finding(sample, &what, members.len(), "look at these samples, or give a larger alpha")
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
