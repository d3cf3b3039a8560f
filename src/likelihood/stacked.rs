//! A block of samples stacked as (p, m, q): what the pass works on when there are fewer samples than
//! lanes.

use super::share::Share;
use super::{Point, Sums};
use crate::family::{MatrixWeights, Scratch};
use crate::linalg::{Triangle, as_matrix, as_matrix_mut, gemm, matmul};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Block-sized memory of one thread: (p, m, q) arrays.
#[derive(Debug)]
pub(super) struct Buffers {
    p: usize,
    q: usize,
    white: Vec<f64>,
    spare: Vec<f64>,
    psi: Vec<f64>,
    pub(super) psi_is_white: bool,
    scratch: Scratch,
}

impl Buffers {
    pub(super) fn new(m: usize, p: usize, q: usize) -> Self {
        let zeros = || vec![0.0; m * p * q];
        Self {
            p,
            q,
            white: zeros(),
            spare: zeros(),
            psi: Vec::new(),
            psi_is_white: true,
            scratch: Scratch::default(),
        }
    }

    /// X − M of every sample of the block, (m, p, q) → (p, m, q); gives m.
    pub(super) fn load(&mut self, block: ArrayView3<'_, f64>, mean: ArrayView2<'_, f64>) -> usize {
        let m = block.len_of(Axis(0));
        let q = self.q;
        for (i, sample) in block.outer_iter().enumerate() {
            for (r, (row, center)) in sample.outer_iter().zip(mean.outer_iter()).enumerate() {
                let at = (r * m + i) * q;
                let target = &mut self.white[at..at + q];
                for ((to, x), c) in target.iter_mut().zip(row).zip(center) {
                    *to = x - c;
                }
            }
        }
        m
    }

    pub(super) fn whiten_columns(&mut self, point: &Point, m: usize) {
        point.col().whiten_right(&self.white, self.p * m, &mut self.spare);
        std::mem::swap(&mut self.white, &mut self.spare);
    }

    pub(super) fn whiten_rows(&mut self, point: &Point, m: usize) {
        point.row().whiten_left(&self.white, m * self.q, &mut self.spare);
        std::mem::swap(&mut self.white, &mut self.spare);
    }

    /// The block as it stands, (p, m, q).
    pub(super) fn white(&self) -> &[f64] {
        &self.white
    }

    pub(super) fn scatter_rows(&self, m: usize, out: &mut Array2<f64>) {
        let shape = (self.p, m * self.q);
        let left = as_matrix(&self.white, shape.0, shape.1);
        let right = as_matrix(self.weighted(), shape.0, shape.1);
        gemm(
            1.0,
            (left, Triangle::Full),
            (right.reversed_axes(), Triangle::Full),
            true,
            (out.view_mut(), Triangle::Lower),
        );
    }

    pub(super) fn scatter_columns(&self, m: usize, out: &mut Array2<f64>) {
        let shape = (self.p * m, self.q);
        let left = as_matrix(&self.white, shape.0, shape.1);
        let right = as_matrix(self.weighted(), shape.0, shape.1);
        gemm(
            1.0,
            (left.reversed_axes(), Triangle::Full),
            (right, Triangle::Full),
            true,
            (out.view_mut(), Triangle::Lower),
        );
    }

    fn weighted(&self) -> &[f64] {
        if self.psi_is_white { &self.white } else { &self.psi }
    }

    /// Sample i of the block of m, p × q.
    pub(super) fn sample(&self, i: usize, m: usize) -> ArrayView2<'_, f64> {
        sample_view(&self.white, i, m, self.p, self.q)
    }

    pub(super) fn scale_sample(&mut self, i: usize, m: usize, factor: f64) {
        for r in 0..self.p {
            let at = (r * m + i) * self.q;
            self.white[at..at + self.q].iter_mut().for_each(|x| *x *= factor);
        }
    }

    /// Weighs sample i into the Ψ buffer, as uΨ, and adds it to the sums of Ψ.
    pub(super) fn weigh_sample(
        &mut self,
        i: usize,
        m: usize,
        law: &dyn MatrixWeights,
        share: &Share<'_>,
        out: &mut Sums,
    ) -> (f64, f64) {
        self.psi.resize(self.white.len(), 0.0);
        let (p, q) = (self.p, self.q);
        let z = sample_view(&self.white, i, m, p, q);
        let mut psi = as_matrix_mut(&mut self.psi, p, m * q)
            .slice_axis_move(Axis(1), (i * q..(i + 1) * q).into());
        let result = law.weigh(z, psi.view_mut(), &mut self.scratch);
        if share.weights.is_some() {
            psi *= share.weight(i);
        }
        share.spread(i, 1.0, psi.view(), &mut out.psi);
        if !out.cross.is_empty() {
            let product = if p <= q {
                matmul(z, psi.view().reversed_axes())
            } else {
                matmul(z.reversed_axes(), psi.view())
            };
            share.add_cross(i, product.view(), out);
        }
        result
    }
}

/// Sample i of a block (p, m, q) in memory, as a strided p × q view.
pub(super) fn sample_view(
    block: &[f64],
    i: usize,
    m: usize,
    p: usize,
    q: usize,
) -> ArrayView2<'_, f64> {
    let long = as_matrix(block, p, m * q);
    long.slice_axis_move(Axis(1), (i * q..(i + 1) * q).into())
}
