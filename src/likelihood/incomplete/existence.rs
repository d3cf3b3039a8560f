//! What the pattern of holes says about a maximum, before anything is fitted.
//!
//! Flat directions are errors: nothing in the iterations notices them. Counts are warnings: where
//! the rows of a set R are observed together in fewer columns than |R| (a free mean takes one
//! observation of every column), ℓ rises for ever as the variance along some direction in R
//! vanishes, although a local maximum may be there.

use super::patterns::Mask;
use crate::data::Sample;
use crate::kronecker::Side;
use crate::model::{Mean, Model};
use crate::{Error, Result};
use std::collections::BTreeSet;

/// Most products of sets and columns that are counted.
const MOST: usize = 50_000_000;
/// Most sets whose intersections are looked at as well.
const PAIRED: usize = 300;

/// The mask of everything, seen from one side: `observed(own, other)`.
struct Seen<'a> {
    sample: &'a Sample,
    masks: &'a [Mask],
    side: Side,
    /// Length of this side and of the other.
    dim: (usize, usize),
}

impl<'a> Seen<'a> {
    fn new(sample: &'a Sample, masks: &'a [Mask], side: Side) -> Self {
        let (_, p, q) = sample.dim();
        let dim = if side == Side::Rows { (p, q) } else { (q, p) };
        Self { sample, masks, side, dim }
    }

    fn observed(&self, mask: &Mask, own: usize, other: usize) -> bool {
        let (_, _, q) = self.sample.dim();
        match self.side {
            Side::Rows => mask.observed[own * q + other],
            Side::Cols => mask.observed[other * q + own],
        }
    }

    /// The members of this side that are observed in one line of the other side.
    fn set(&self, mask: &Mask, other: usize) -> Vec<usize> {
        (0..self.dim.0).filter(|&own| self.observed(mask, own, other)).collect()
    }

    fn names(&self) -> &[String] {
        match self.side {
            Side::Rows => self.sample.row_names(),
            Side::Cols => self.sample.col_names(),
        }
    }

    fn name(&self, index: usize) -> String {
        let name = self.names().get(index).map_or(String::new(), |n| format!(" (\"{n}\")"));
        format!("{index}{name}")
    }

    fn list(&self, members: &[usize]) -> String {
        members.iter().map(|&i| self.name(i)).collect::<Vec<_>>().join(", ")
    }
}

/// Warnings, or the error that names what is never observed.
///
/// # Errors
/// [`Error::Degenerate`]; [`Error::TooFewSamples`] as for complete samples.
pub(super) fn check(sample: &Sample, masks: &[Mask], model: &Model) -> Result<Vec<String>> {
    let (_, p, q) = sample.dim();
    let n = masks.iter().map(|mask| mask.samples.len()).sum();
    let sides = Side::BOTH.map(|side| Seen::new(sample, masks, side));
    for seen in &sides {
        lines(seen)?;
    }
    cells(sample, masks, model.mean_structure())?;
    for seen in &sides {
        if model.structure(seen.side).shape().is_unstructured() {
            pairs(seen)?;
        }
    }
    if Side::BOTH.iter().all(|side| model.structure(*side).shape().is_unstructured()) {
        islands(sample, masks)?;
    }
    let mut warnings = model.check_count(n, p, q)?;
    for seen in &sides {
        if model.structure(seen.side).shape().is_unstructured() {
            warnings.extend(counts(seen, *model.mean_structure() == Mean::Free));
        }
    }
    Ok(warnings)
}

fn never(sample: &Sample, what: String, remedy: &str) -> Error {
    Error::Degenerate {
        what: format!("{what} of {} is never observed", sample.source()),
        remedy: remedy.to_owned(),
    }
}

/// Every row and every column has to be seen.
fn lines(seen: &Seen<'_>) -> Result<()> {
    let (own, other) = seen.dim;
    let ever =
        |i: usize| seen.masks.iter().any(|mask| (0..other).any(|k| seen.observed(mask, i, k)));
    match (0..own).find(|&i| !ever(i)) {
        None => Ok(()),
        Some(i) => {
            let one = seen.side.singular();
            let remedy = format!("leave the {one} out: nothing is known about it");
            Err(never(seen.sample, format!("{one} {}", seen.name(i)), &remedy))
        }
    }
}

/// A free mean needs every cell.
fn cells(sample: &Sample, masks: &[Mask], mean: &Mean) -> Result<()> {
    let (_, p, q) = sample.dim();
    if *mean != Mean::Free {
        return Ok(());
    }
    let ever = |at: usize| masks.iter().any(|mask| mask.observed[at]);
    match (0..p * q).find(|&at| !ever(at)) {
        None => Ok(()),
        Some(at) => {
            let [_, row, col] = sample.names().cell([0, at / q, at % q]);
            let remedy = "its mean is not identified: choose a mean with fewer parameters (rows, \
                          cols, scalar, zero), or leave its row or column out";
            Err(never(sample, format!("cell ({row}, {col})"), remedy))
        }
    }
}

/// Every pair of rows, and of columns, has to be seen in one sample.
fn pairs(seen: &Seen<'_>) -> Result<()> {
    let (own, other) = seen.dim;
    let mut together = vec![false; own * own];
    for mask in seen.masks {
        let there: Vec<usize> =
            (0..own).filter(|&i| (0..other).any(|k| seen.observed(mask, i, k))).collect();
        for &i in &there {
            for &j in &there {
                together[i * own + j] = true;
            }
        }
    }
    match (0..own * own).find(|&at| !together[at]) {
        None => Ok(()),
        Some(at) => Err(Error::Degenerate {
            what: format!(
                "the {} {} and {} of {} are never observed in one sample",
                seen.side.name(),
                seen.name(at / own),
                seen.name(at % own),
                seen.sample.source()
            ),
            remedy: "their covariance is not identified: choose a structure with fewer \
                     parameters, or leave one of them out"
                .to_owned(),
        }),
    }
}

/// Rows and columns have to hang together through cells that are ever observed.
fn islands(sample: &Sample, masks: &[Mask]) -> Result<()> {
    let (_, p, q) = sample.dim();
    let ever = |r: usize, c: usize| masks.iter().any(|mask| mask.observed[r * q + c]);
    let (mut rows, mut cols) = (vec![false; p], vec![false; q]);
    rows[0] = true;
    loop {
        let before = (rows.clone(), cols.clone());
        for (r, row) in rows.iter_mut().enumerate() {
            for (c, col) in cols.iter_mut().enumerate() {
                if (*row || *col) && ever(r, c) {
                    (*row, *col) = (true, true);
                }
            }
        }
        if before == (rows.clone(), cols.clone()) {
            break;
        }
    }
    if rows.iter().chain(&cols).all(|reached| *reached) {
        return Ok(());
    }
    let sides = Side::BOTH.map(|side| Seen::new(sample, masks, side));
    let members = |reached: &[bool], wanted: bool| -> Vec<usize> {
        (0..reached.len()).filter(|&i| reached[i] == wanted).collect()
    };
    let island = |wanted: bool| {
        format!(
            "rows {} with columns {}",
            sides[0].list(&members(&rows, wanted)),
            sides[1].list(&members(&cols, wanted))
        )
    };
    Err(Error::Degenerate {
        what: format!(
            "the cells of {} fall into islands: {} are only observed with each other, and so are {}",
            sample.source(),
            island(true),
            island(false)
        ),
        remedy: "scale and signs between them are not identified: fit them separately".to_owned(),
    })
}

/// The set that is observed together in too few places, if there is one.
fn counts(seen: &Seen<'_>, free: bool) -> Option<String> {
    let (own, other) = seen.dim;
    let mut lines: Vec<(usize, Vec<usize>, usize)> = Vec::new();
    for mask in seen.masks {
        for k in 0..other {
            let set = seen.set(mask, k);
            if !set.is_empty() {
                lines.push((k, set, mask.samples.len()));
            }
        }
    }
    let mut sets: BTreeSet<Vec<usize>> = lines.iter().map(|(_, set, _)| set.clone()).collect();
    if sets.len() <= PAIRED {
        let all: Vec<Vec<usize>> = sets.iter().cloned().collect();
        for a in &all {
            for b in &all {
                sets.insert(a.iter().copied().filter(|i| b.contains(i)).collect());
            }
        }
    }
    if sets.len().saturating_mul(lines.len()).saturating_mul(own) > MOST {
        return None;
    }
    let count = |set: &[usize]| -> usize {
        let mut places = vec![0_usize; other];
        for (k, line, times) in &lines {
            if set.iter().all(|i| line.binary_search(i).is_ok()) {
                places[*k] += times;
            }
        }
        places.iter().map(|n| n.saturating_sub(usize::from(free))).sum()
    };
    let short = sets
        .iter()
        .filter(|set| !set.is_empty())
        .map(|set| (count(set), set))
        .filter(|(count, set)| *count < set.len())
        .min_by_key(|(count, set)| (*count as isize - set.len() as isize, set.len()))?;
    let (count, set) = short;
    let mean = if free { ", one of every line spent on the free mean" } else { "" };
    Some(format!(
        "{} {} are observed together in only {count} places ({} needed{mean}): the likelihood has no \
         global maximum, and the fit is a local one",
        seen.side.name(),
        seen.list(set),
        set.len()
    ))
}
