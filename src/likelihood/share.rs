//! What a pass runs over: matrices, what each of them counts, and what explains it.

use super::Sums;
use crate::linalg::block_mut;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Samples that go through a worker together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The first one.
    pub(super) at: usize,
    /// How many.
    pub(super) m: usize,
    /// In lane order?
    pub(super) lanes: bool,
}

/// Complete matrices with their weights and covariates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data<'a> {
    /// (n, p, q): the samples, or what is left of them where there are covariates.
    pub(super) values: ArrayView3<'a, f64>,
    /// The same in memory, empty where it is not in standard layout.
    pub(super) flat: &'a [f64],
    /// Doubles from one sample to the next.
    pub(super) stride: usize,
    /// u (n); `None` where all are 1.
    pub(super) weights: Option<&'a [f64]>,
    /// z (n × m); `None` where it is one column of ones.
    pub(super) design: Option<ArrayView2<'a, f64>>,
}

impl<'a> Data<'a> {
    pub(super) fn n(&self) -> usize {
        self.values.len_of(Axis(0))
    }

    /// m, where there are covariates.
    pub(super) fn covariates(&self) -> Option<usize> {
        self.design.map(|design| design.ncols())
    }

    pub(super) fn view(&self, block: Block) -> ArrayView3<'a, f64> {
        self.values.slice_axis_move(Axis(0), (block.at..block.at + block.m).into())
    }

    /// The memory from a sample on.
    pub(super) fn from(&self, at: usize) -> &'a [f64] {
        &self.flat[at * self.stride..]
    }

    pub(super) fn share(&self, block: Block) -> Share<'a> {
        let Block { at, m, .. } = block;
        Share {
            weights: self.weights.map(|weights| &weights[at..at + m]),
            design: self.design.map(|design| design.slice_axis_move(Axis(0), (at..at + m).into())),
        }
    }
}

/// Weights and covariates of the samples of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share<'a> {
    pub(super) weights: Option<&'a [f64]>,
    pub(super) design: Option<ArrayView2<'a, f64>>,
}

impl Share<'_> {
    /// u of a sample.
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i])
    }

    /// Block k grows by c · z_ik · X.
    pub(super) fn spread(&self, i: usize, c: f64, x: ArrayView2<'_, f64>, to: &mut Array2<f64>) {
        match self.design {
            None => to.scaled_add(c, &x),
            Some(design) => {
                for (mut block, z) in to.axis_chunks_iter_mut(Axis(0), x.nrows()).zip(design.row(i))
                {
                    block.scaled_add(c * z, &x);
                }
            }
        }
    }

    /// The metric of scalar weights grows by c z zᵀ.
    pub(super) fn add_design(&self, i: usize, c: f64, out: &mut Sums) {
        let Some(design) = self.design else { return };
        add_outer(c, design.row(i).as_slice().unwrap_or_default(), &mut out.design);
    }

    /// The metric of matrix weights grows by z zᵀ ⊗ C (m·s × m·s), C symmetric (s × s).
    pub(super) fn add_cross(&self, i: usize, c: ArrayView2<'_, f64>, out: &mut Sums) {
        let Some(design) = self.design else { return };
        let (z, s) = (design.row(i), c.nrows());
        for (k, a) in z.iter().enumerate() {
            for (l, b) in z.iter().enumerate() {
                if a * b != 0.0 {
                    block_mut(&mut out.cross, (k, l), (s, s)).scaled_add(a * b, &c);
                }
            }
        }
    }
}

/// S ← S + c z zᵀ.
pub(super) fn add_outer(c: f64, z: &[f64], out: &mut Array2<f64>) {
    for (mut row, a) in out.outer_iter_mut().zip(z) {
        row.iter_mut().zip(z).for_each(|(to, b)| *to += c * a * b);
    }
}
