//! Independent groups of neighbouring entries: block diagonal, unstructured inside.

use super::{Shape, Unstructured, usable};
use crate::linalg::Root;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use std::ops::Range;

/// A = diag(A_1, …, A_m) with unstructured A_g of the given orders.
///
/// Coordinates are those of [`Unstructured`], block by block. The best for a scatter is its blocks.
/// The matrices are closed under geodesics: the likelihood has one maximum, as without structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Orders of the blocks, from the first entry on; they sum to d.
    pub sizes: Vec<usize>,
}

const WHAT: &str = "a block-diagonal factor";

impl Block {
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.sizes.iter().scan(0, |end, size| {
            let start = *end;
            *end += size;
            Some(start..*end)
        })
    }

    /// Zero beside the blocks.
    fn blocks_of(&self, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = Array2::zeros(matrix.dim());
        for range in self.ranges() {
            put(&mut out, &range, block_of(matrix, &range));
        }
        out
    }

    /// A block-diagonal matrix of what is done with every block and its coordinates.
    fn assemble(
        &self,
        d: usize,
        mut block: impl FnMut(Range<usize>, usize) -> Result<Array2<f64>>,
    ) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((d, d));
        for range in self.ranges() {
            let part = block(coordinates_before(&range, self), range.len())?;
            put(&mut out, &range, part.view());
        }
        Ok(out)
    }
}

fn block_of<'a>(matrix: ArrayView2<'a, f64>, range: &Range<usize>) -> ArrayView2<'a, f64> {
    let (mut part, slice) = (matrix, Slice::from(range.clone()));
    part.slice_axis_inplace(Axis(0), slice);
    part.slice_axis_inplace(Axis(1), slice);
    part
}

fn put(matrix: &mut Array2<f64>, range: &Range<usize>, part: ArrayView2<'_, f64>) {
    let mut block = matrix.view_mut();
    block.slice_axis_inplace(Axis(0), Slice::from(range.clone()));
    block.slice_axis_inplace(Axis(1), Slice::from(range.clone()));
    block.assign(&part);
}

/// Where in the list the coordinates of a block are.
fn coordinates_before(range: &Range<usize>, block: &Block) -> Range<usize> {
    let count = |d: usize| Unstructured.n_parameters(d);
    let before: usize =
        block.ranges().take_while(|r| r.start < range.start).map(|r| count(r.len())).sum();
    before..before + count(range.len())
}

impl Shape for Block {
    fn name(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        format!("block:{}", sizes.join(","))
    }

    fn check(&self, d: usize) -> Result<()> {
        if self.sizes.iter().sum::<usize>() == d && !self.sizes.contains(&0) {
            return Ok(());
        }
        let allowed = format!("positive numbers with the sum {d}");
        Err(Error::domain("the list of block orders", format!("{:?}", self.sizes), allowed))
    }

    fn n_parameters(&self, _d: usize) -> usize {
        self.sizes.iter().map(|d| Unstructured.n_parameters(*d)).sum()
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        for range in self.ranges() {
            out.extend(Unstructured.coordinates(block_of(matrix, &range))?);
        }
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let whole = self.assemble(d, |at, size| Unstructured.matrix(&coordinates[at], size))?;
        usable(WHAT, whole)
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        self.assemble(d, |at, size| {
            Unstructured.push_forward(&coordinates[at.clone()], &direction[at], size)
        })
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let mut out = Vec::with_capacity(coordinates.len());
        for range in self.ranges() {
            let at = coordinates_before(&range, self);
            out.extend(Unstructured.pull_back(&coordinates[at], block_of(gradient, &range))?);
        }
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        Ok(self.blocks_of(scatter))
    }

    /// The order of the largest block.
    fn required_rank(&self, _d: usize) -> usize {
        self.sizes.iter().copied().max().unwrap_or(1)
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    /// L is block diagonal as A is.
    fn project(&self, _root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(self.blocks_of(whitened))
    }
}
