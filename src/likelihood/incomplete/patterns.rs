//! Which cells are observed: samples with the same holes, and the blocks that they are made of.

use crate::kronecker::{BySide, Side};
use ndarray::ArrayView3;
use std::collections::HashMap;

/// Missing cells per observed cell up to which the missing ones are conditioned on: the flops break
/// even at about 1, and whitening keeps more digits than a dense covariance.
const MISSING_ROUTE: f64 = 1.5;

/// A block of rows × columns, in which some cells may be missing.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// 1, or −1 for the block in which two others overlap.
    pub(super) sign: f64,
    /// Which subset of the rows and of the columns.
    pub(super) subset: BySide<usize>,
    /// Cells that are solved for, by position in the block; none where the block is full.
    pub(super) cells: Vec<[usize; 2]>,
    /// Are these the missing cells, or the observed ones?
    pub(super) solves_missing: bool,
    /// Observed cells.
    pub(super) observed: usize,
}

/// Samples with the same holes.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Their numbers.
    pub(super) samples: Vec<usize>,
    /// Their likelihood is the signed sum over these.
    pub(super) pieces: Vec<Piece>,
}

/// The patterns of a sample and the subsets of rows and columns that occur in them.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) subsets: BySide<Vec<Vec<usize>>>,
    pub(super) patterns: Vec<Pattern>,
}

/// Two cells that are missing while the other two corners of their rectangle are observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) sample: usize,
    pub(super) missing: [[usize; 2]; 2],
}

/// The mask of one pattern: `observed[r * q + c]`.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    pub(super) samples: Vec<usize>,
    pub(super) observed: Vec<bool>,
}

/// The distinct masks, in the order in which they come first; samples without any observed cell are
/// left out.
pub(super) fn masks(values: ArrayView3<'_, f64>) -> Vec<Mask> {
    let mut known: HashMap<Vec<bool>, usize> = HashMap::new();
    let mut masks: Vec<Mask> = Vec::new();
    for (i, x) in values.outer_iter().enumerate() {
        let observed: Vec<bool> = x.iter().map(|x| !x.is_nan()).collect();
        if !observed.contains(&true) {
            continue;
        }
        match known.get(&observed) {
            Some(&at) => masks[at].samples.push(i),
            None => {
                known.insert(observed.clone(), masks.len());
                masks.push(Mask { samples: vec![i], observed });
            }
        }
    }
    masks
}

/// Numbers the subsets of one side.
#[derive(Debug, Default)]
struct Numbering {
    known: HashMap<Vec<usize>, usize>,
    subsets: Vec<Vec<usize>>,
}

impl Numbering {
    fn of(&mut self, subset: Vec<usize>) -> usize {
        *self.known.entry(subset.clone()).or_insert_with(|| {
            self.subsets.push(subset);
            self.subsets.len() - 1
        })
    }
}

impl Layout {
    /// Every pattern as one block: its rows and columns with any observed cell.
    pub(super) fn of_cells(masks: &[Mask], p: usize, q: usize) -> Self {
        let mut numbering = BySide::of(|_| Numbering::default());
        let pattern = |mask: &Mask| {
            let seen = |r: usize, c: usize| mask.observed[r * q + c];
            let rows: Vec<usize> = (0..p).filter(|&r| (0..q).any(|c| seen(r, c))).collect();
            let cols: Vec<usize> = (0..q).filter(|&c| (0..p).any(|r| seen(r, c))).collect();
            let (mut missing, mut observed) = (Vec::new(), Vec::new());
            for (i, &r) in rows.iter().enumerate() {
                for (k, &c) in cols.iter().enumerate() {
                    if seen(r, c) { &mut observed } else { &mut missing }.push([i, k]);
                }
            }
            let count = observed.len();
            let solves_missing = missing.len() as f64 <= MISSING_ROUTE * count as f64;
            let piece = Piece {
                sign: 1.0,
                subset: BySide::new(numbering[Side::Rows].of(rows), numbering[Side::Cols].of(cols)),
                cells: if solves_missing { missing } else { observed },
                solves_missing,
                observed: count,
            };
            Pattern { samples: mask.samples.clone(), pieces: vec![piece] }
        };
        let patterns = masks.iter().map(pattern).collect();
        Self::new(numbering, patterns)
    }

    /// Every pattern as full blocks: with the columns' row sets R₁ ⊇ R₂ ⊇ … and C_k the columns
    /// whose row set contains R_k, the blocks R_k × C_k less the blocks R_k × C_{k−1}.
    ///
    /// The error shows a sample whose holes are not nested.
    pub(super) fn of_blocks(masks: &[Mask], p: usize, q: usize) -> Result<Self, Crossing> {
        let mut numbering = BySide::of(|_| Numbering::default());
        let mut patterns = Vec::with_capacity(masks.len());
        for mask in masks {
            let column =
                |c: usize| -> Vec<usize> { (0..p).filter(|&r| mask.observed[r * q + c]).collect() };
            let mut order: Vec<(usize, Vec<usize>)> =
                (0..q).map(|c| (c, column(c))).filter(|(_, rows)| !rows.is_empty()).collect();
            order.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
            for pair in order.windows(2) {
                if let [(b, wide), (d, narrow)] = pair
                    && let Some(&r) = narrow.iter().find(|&r| !wide.contains(r))
                {
                    // As many rows as the other column at least, so it has one of its own.
                    let own = wide.iter().find(|&r| !narrow.contains(r)).copied().unwrap_or(r);
                    let sample = mask.samples[0];
                    return Err(Crossing { sample, missing: [[r, *b], [own, *d]] });
                }
            }
            let mut pieces = Vec::new();
            let mut push = |sign: f64, rows: &[usize], cols: &[usize]| {
                let mut cols = cols.to_vec();
                cols.sort_unstable();
                pieces.push(Piece {
                    sign,
                    observed: rows.len() * cols.len(),
                    subset: BySide::new(
                        numbering[Side::Rows].of(rows.to_vec()),
                        numbering[Side::Cols].of(cols),
                    ),
                    cells: Vec::new(),
                    solves_missing: true,
                });
            };
            let mut cols: Vec<usize> = Vec::new();
            for (k, (c, rows)) in order.iter().enumerate() {
                if k > 0 && rows.len() < order[k - 1].1.len() {
                    push(1.0, &order[k - 1].1, &cols);
                    push(-1.0, rows, &cols);
                }
                cols.push(*c);
            }
            if let Some((_, rows)) = order.last() {
                push(1.0, rows, &cols);
            }
            patterns.push(Pattern { samples: mask.samples.clone(), pieces });
        }
        Ok(Self::new(numbering, patterns))
    }

    fn new(numbering: BySide<Numbering>, patterns: Vec<Pattern>) -> Self {
        let (rows, cols) = numbering.into_pair();
        Self { subsets: BySide::new(rows.subsets, cols.subsets), patterns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn mask(rows: &[&str]) -> Array3<f64> {
        let q = rows[0].len();
        Array3::from_shape_fn((1, rows.len(), q), |(_, r, c)| {
            if rows[r].as_bytes()[c] == b'x' { 1.0 } else { f64::NAN }
        })
    }

    #[test]
    fn staircases_are_signed_sums_of_blocks() {
        let x = mask(&["xx.", "xxx", "x.."]);
        let layout = Layout::of_blocks(&masks(x.view()), 3, 3).unwrap();
        let covered = |r: usize, c: usize| -> f64 {
            let inside = |piece: &&Piece| {
                let has = |side, at| layout.subsets[side][piece.subset[side]].contains(&at);
                has(Side::Rows, r) && has(Side::Cols, c)
            };
            layout.patterns[0].pieces.iter().filter(inside).map(|piece| piece.sign).sum()
        };
        for r in 0..3 {
            for c in 0..3 {
                let observed = if x[[0, r, c]].is_nan() { 0.0 } else { 1.0 };
                assert_eq!(covered(r, c), observed, "{r} {c}");
            }
        }
    }

    #[test]
    fn crossings_are_found() {
        let crossed = Layout::of_blocks(&masks(mask(&["x.", ".x"]).view()), 2, 2).unwrap_err();
        let mut missing = crossed.missing;
        missing.sort_unstable();
        assert_eq!(missing, [[0, 1], [1, 0]]);
    }
}
