//! Whiten → weigh → scatter: the one pass over the data that every algorithm is made of.
//!
//! A block of m samples is copied as an array (p, m, q) while the mean is taken off. Seen along
//! one mode it is (outer, d, inner): the column side is (p·m, q, 1), the row side (1, p, m·q), so
//! whitening and scattering are four large matrix products per block, whatever p and q are.
//!
//! Cost of a pass with both scatters: 4 npq(p+q) flops when nothing is triangular,
//! 2 npq(p+q) as done here (triangular roots, symmetric scatters), plus the law's own weighing.

use super::Point;
use super::curvature::{self, Tangent};
use crate::data::Sample;
use crate::family::{DofFamily, Law, Scratch, Weighting};
use crate::linalg::{Triangle, as_matrix, as_matrix_mut, gemm, mirror_lower};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

/// Which scatters a pass shall give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// G_A only.
    Row,
    /// G_B only.
    Col,
    /// Both.
    Both,
}

/// What one pass gives. Scatters that were not wanted are left as they were.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// G_A = (1/nq) Σ Z Ψᵀ (p × p).
    pub row_scatter: Array2<f64>,
    /// G_B = (1/np) Σ Zᵀ Ψ (q × q).
    pub col_scatter: Array2<f64>,
    /// Σ Ψ(Z_i), p × q: the mean's gradient is L_A⁻ᵀ ΣΨ L_B⁻¹.
    pub psi_sum: Array2<f64>,
    /// Σ ρ(Z_i).
    pub rho_sum: f64,
    /// Σ w_i.
    pub weight_sum: f64,
}

impl Pass {
    /// Room for the results of a pass over p × q matrices.
    pub fn zeros(p: usize, q: usize) -> Self {
        Self {
            row_scatter: Array2::zeros((p, p)),
            col_scatter: Array2::zeros((q, q)),
            psi_sum: Array2::zeros((p, q)),
            rho_sum: 0.0,
            weight_sum: 0.0,
        }
    }

    fn clear(&mut self, want: Want) {
        if want != Want::Col {
            self.row_scatter.fill(0.0);
        }
        if want != Want::Row {
            self.col_scatter.fill(0.0);
        }
        self.psi_sum.fill(0.0);
        self.rho_sum = 0.0;
        self.weight_sum = 0.0;
    }

    fn add(&mut self, other: &Self, want: Want) {
        if want != Want::Col {
            self.row_scatter += &other.row_scatter;
        }
        if want != Want::Row {
            self.col_scatter += &other.col_scatter;
        }
        self.psi_sum += &other.psi_sum;
        self.rho_sum += other.rho_sum;
        self.weight_sum += other.weight_sum;
    }
}

/// Anything the likelihood can be computed from.
pub trait Source: Sync {
    /// (n, p, q).
    fn dim(&self) -> (usize, usize, usize);

    /// The average matrix (p × q).
    fn average(&self) -> ArrayView2<'_, f64>;

    /// One pass at `point` under `law`, written into `out`.
    fn pass(&self, point: &Point, law: &dyn Law, want: Want, out: &mut Pass);

    /// The Hessian of −ℓ along geodesics times `direction`, see [`Tangent`], written into `out`.
    fn curvature(&self, point: &Point, law: &dyn Law, direction: &Tangent, out: &mut Tangent);

    /// The values that the law's ρ depends on at every ν, sample after sample.
    fn summaries(&self, point: &Point, family: &dyn DofFamily) -> ndarray::Array1<f64>;
}

/// A sample as the source of the likelihood, with its average and the plan of its blocks.
#[derive(Debug)]
pub struct SampleSource<'a> {
    values: ArrayView3<'a, f64>,
    average: Array2<f64>,
    block: usize,
    chunk: usize,
}

/// Doubles in one block: three buffers of this size share a core's second-level cache.
const BLOCK_DOUBLES: usize = 24 * 1024;
/// Most partial sums that are kept at once; fixed, so that results do not depend on threads.
const MAX_CHUNKS: usize = 32;
/// Flops below which handing work to other threads costs more than it saves.
const PARALLEL_FLOPS: usize = 2_000_000;

impl<'a> SampleSource<'a> {
    /// Plans the passes over a sample.
    pub fn new(sample: &'a Sample) -> Self {
        let values = sample.values();
        let (n, p, q) = values.dim();
        let block = (BLOCK_DOUBLES / (p * q)).clamp(1, n);
        let blocks = n.div_ceil(block);
        let chunk = block * blocks.div_ceil(MAX_CHUNKS);
        Self { values, average: sample.mean(), block, chunk }
    }

    pub(super) fn chunks(&self) -> Vec<ArrayView3<'_, f64>> {
        self.values.axis_chunks_iter(Axis(0), self.chunk).collect()
    }

    /// Samples in one block.
    pub(super) fn block(&self) -> usize {
        self.block
    }

    pub(super) fn parallel(&self) -> bool {
        let (n, p, q) = self.values.dim();
        n > self.chunk && 2 * n * p * q * (p + q) > PARALLEL_FLOPS
    }
}

impl Source for SampleSource<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.values.dim()
    }

    fn average(&self) -> ArrayView2<'_, f64> {
        self.average.view()
    }

    fn pass(&self, point: &Point, law: &dyn Law, want: Want, out: &mut Pass) {
        let (n, p, q) = self.dim();
        let task =
            Task { point, law, want, whiten_own_side: law.weighting() != Weighting::Identity };
        let one_chunk = |chunk: ArrayView3<'_, f64>| {
            let mut partial = Pass::zeros(p, q);
            let mut buffers = Buffers::new(self.block.min(chunk.len_of(Axis(0))), p, q);
            for block in chunk.axis_chunks_iter(Axis(0), self.block) {
                task.block(block, &mut buffers, &mut partial);
            }
            partial
        };
        out.clear(want);
        if self.parallel() {
            let parts: Vec<Pass> = self.chunks().into_par_iter().map(one_chunk).collect();
            parts.iter().for_each(|part| out.add(part, want));
        } else {
            self.chunks().into_iter().for_each(|chunk| out.add(&one_chunk(chunk), want));
        }
        task.finish(n, self.average.view(), out);
    }

    fn curvature(&self, point: &Point, law: &dyn Law, direction: &Tangent, out: &mut Tangent) {
        curvature::of_sample(self, point, law, direction, out);
    }

    fn summaries(&self, point: &Point, family: &dyn DofFamily) -> ndarray::Array1<f64> {
        let (n, p, q) = self.dim();
        let width = family.summary_len(p, q);
        let mut all = ndarray::Array1::zeros(n * width);
        let mut jobs: Vec<_> = all
            .axis_chunks_iter_mut(Axis(0), self.chunk * width)
            .zip(self.values.axis_chunks_iter(Axis(0), self.chunk))
            .collect();
        let work =
            |(target, chunk): &mut (ndarray::ArrayViewMut1<'_, f64>, ArrayView3<'_, f64>)| {
                let mut buffers = Buffers::new(self.block.min(chunk.len_of(Axis(0))), p, q);
                let mut scratch = Scratch::default();
                let Some(target) = target.as_slice_mut() else { return };
                let blocks = chunk.axis_chunks_iter(Axis(0), self.block);
                for (block, out) in blocks.zip(target.chunks_mut(self.block * width)) {
                    let m = buffers.load(block, point.mean.view());
                    buffers.whiten_columns(point, m);
                    buffers.whiten_rows(point, m);
                    for (i, slot) in out.chunks_mut(width).enumerate() {
                        family.summarise(buffers.sample(i, m), slot, &mut scratch);
                    }
                }
            };
        if self.parallel() {
            jobs.par_iter_mut().for_each(work);
        } else {
            jobs.iter_mut().for_each(work);
        }
        all
    }
}

/// What is to be done at one point.
struct Task<'a> {
    point: &'a Point,
    law: &'a dyn Law,
    want: Want,
    /// With Ψ = Z the row scatter can be whitened on its own side afterwards, p × p instead of
    /// data-sized (and likewise the column scatter).
    whiten_own_side: bool,
}

impl Task<'_> {
    fn block(&self, block: ArrayView3<'_, f64>, buffers: &mut Buffers, out: &mut Pass) {
        let m = buffers.load(block, self.point.mean.view());
        if self.whiten_own_side || self.want != Want::Col {
            buffers.whiten_columns(self.point, m);
        }
        if self.whiten_own_side || self.want != Want::Row {
            buffers.whiten_rows(self.point, m);
        }
        self.weigh(buffers, m, out);
        if self.want != Want::Col {
            buffers.scatter_rows(m, &mut out.row_scatter);
        }
        if self.want != Want::Row {
            buffers.scatter_columns(m, &mut out.col_scatter);
        }
    }

    /// After this, the scatter is the product of the buffers `white` and `psi` (which may be one
    /// and the same), and the scalar sums have grown.
    fn weigh(&self, buffers: &mut Buffers, m: usize, out: &mut Pass) {
        match self.law.weighting() {
            Weighting::Identity => buffers.psi_is_white = true,
            Weighting::Scalar => {
                buffers.psi_is_white = true;
                for i in 0..m {
                    let z = buffers.sample(i, m);
                    let radial = self.law.radial(z.iter().map(|x| x * x).sum(), z.len());
                    out.rho_sum += radial.rho;
                    out.weight_sum += radial.weight;
                    out.psi_sum.scaled_add(radial.weight, &z);
                    // √w on each side of the scatter is w on one.
                    buffers.scale_sample(i, m, radial.weight.sqrt());
                }
            }
            Weighting::Matrix => {
                buffers.psi_is_white = false;
                for i in 0..m {
                    let (rho, weight) = buffers.weigh_sample(i, m, self.law, &mut out.psi_sum);
                    out.rho_sum += rho;
                    out.weight_sum += weight;
                }
            }
        }
    }

    fn finish(&self, n: usize, average: ArrayView2<'_, f64>, out: &mut Pass) {
        let (p, q) = average.dim();
        let (row, col) = (&self.point.row, &self.point.col);
        if self.want != Want::Col {
            mirror_lower(&mut out.row_scatter.view_mut());
            out.row_scatter /= (n * q) as f64;
        }
        if self.want != Want::Row {
            mirror_lower(&mut out.col_scatter.view_mut());
            out.col_scatter /= (n * p) as f64;
        }
        if self.law.weighting() == Weighting::Identity {
            match self.want {
                Want::Row => out.row_scatter = row.whiten(out.row_scatter.view()),
                Want::Col => out.col_scatter = col.whiten(out.col_scatter.view()),
                Want::Both => {}
            }
            let trace = match self.want {
                Want::Col => out.col_scatter.diag().sum() * (n * p) as f64,
                _ => out.row_scatter.diag().sum() * (n * q) as f64,
            };
            out.rho_sum = 0.5 * trace;
            out.weight_sum = n as f64;
            out.psi_sum = self.point.whiten((&average - &self.point.mean).view()) * n as f64;
        }
    }
}

/// Block-sized memory of one thread: (p, m, q) arrays.
pub(super) struct Buffers {
    p: usize,
    q: usize,
    white: Vec<f64>,
    spare: Vec<f64>,
    psi: Vec<f64>,
    psi_is_white: bool,
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
        point.col.whiten_right(&self.white, self.p * m, &mut self.spare);
        std::mem::swap(&mut self.white, &mut self.spare);
    }

    pub(super) fn whiten_rows(&mut self, point: &Point, m: usize) {
        point.row.whiten_left(&self.white, m * self.q, &mut self.spare);
        std::mem::swap(&mut self.white, &mut self.spare);
    }

    /// The block as it stands, (p, m, q).
    pub(super) fn white(&self) -> &[f64] {
        &self.white
    }

    fn scatter_rows(&self, m: usize, out: &mut Array2<f64>) {
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

    fn scatter_columns(&self, m: usize, out: &mut Array2<f64>) {
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
    fn sample(&self, i: usize, m: usize) -> ArrayView2<'_, f64> {
        sample_view(&self.white, i, m, self.p, self.q)
    }

    fn scale_sample(&mut self, i: usize, m: usize, factor: f64) {
        for r in 0..self.p {
            let at = (r * m + i) * self.q;
            self.white[at..at + self.q].iter_mut().for_each(|x| *x *= factor);
        }
    }

    /// Weighs sample i into the Ψ buffer and adds Ψ to `psi_sum`.
    fn weigh_sample(
        &mut self,
        i: usize,
        m: usize,
        law: &dyn Law,
        psi_sum: &mut Array2<f64>,
    ) -> (f64, f64) {
        self.psi.resize(self.white.len(), 0.0);
        let (p, q) = (self.p, self.q);
        let z = sample_view(&self.white, i, m, p, q);
        let mut psi = as_matrix_mut(&mut self.psi, p, m * q)
            .slice_axis_move(Axis(1), (i * q..(i + 1) * q).into());
        let result = law.weigh(z, psi.view_mut(), &mut self.scratch);
        *psi_sum += &psi;
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
