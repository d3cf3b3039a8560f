//! Whiten → weigh → scatter: the one pass over the data that every algorithm is made of.
//!
//! A block of m samples is copied in lane order (p, q, m) while the mean is taken off
//! ([`crate::linalg::kernel`]): every vector load is full, however small p and q are. With fewer
//! samples than lanes the block is stacked as (p, m, q) instead: the column side is (p·m, q, 1),
//! the row side (1, p, m·q), four large matrix products per block.
//!
//! Cost of a pass with both scatters: 4 npq(p+q) flops when nothing is triangular,
//! 2 npq(p+q) as done here (triangular roots, symmetric scatters), plus the law's own weighing.

use super::Point;
use super::curvature::{self, Tangent};
use super::lanes::Lanes;
use super::plan::{BLOCK_DOUBLES, Block, Memory, Plan, Worker};
use super::stacked::Buffers;
use crate::data::Sample;
use crate::family::{DofFamily, Law, Scratch, Weighting};
use crate::linalg::mirror_lower;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis, CowArray, Ix2, Slice};
use rayon::prelude::*;
use std::sync::{Mutex, OnceLock};

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
#[derive(Debug, PartialEq)]
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

impl Clone for Pass {
    fn clone(&self) -> Self {
        Self {
            row_scatter: self.row_scatter.clone(),
            col_scatter: self.col_scatter.clone(),
            psi_sum: self.psi_sum.clone(),
            ..*self
        }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        self.row_scatter.clone_from(&source.row_scatter);
        self.col_scatter.clone_from(&source.col_scatter);
        self.psi_sum.clone_from(&source.psi_sum);
        (self.rho_sum, self.weight_sum) = (source.rho_sum, source.weight_sum);
    }
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
        // Callers may have put matrices of another memory order here.
        for part in [&mut self.row_scatter, &mut self.col_scatter, &mut self.psi_sum] {
            if !part.is_standard_layout() {
                *part = Array2::zeros(part.dim());
            }
        }
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
    flat: &'a [f64],
    /// Doubles from one sample to the next.
    stride: usize,
    /// Taken when somebody asks for it: fits from moments never do.
    average: OnceLock<Array2<f64>>,
    plan: Plan,
    memory: Mutex<Memory>,
}

impl<'a> SampleSource<'a> {
    /// Plans the passes over a sample.
    pub fn new(sample: &'a Sample) -> Self {
        Self::of(sample.values())
    }

    /// Plans the passes over every `step`-th observation of a sample.
    pub fn thinned(sample: &'a Sample, step: usize) -> Self {
        let values =
            sample.values().slice_axis_move(Axis(0), Slice::from(..).step_by(step as isize));
        let mut thinned = Self::of(sample.values());
        let (n, p, q) = values.dim();
        thinned.plan = Plan::new(n, p, q);
        thinned.stride *= step;
        thinned.values = values;
        thinned
    }

    /// Passes over an array (n, p, q) in standard layout.
    pub(crate) fn of(values: ArrayView3<'a, f64>) -> Self {
        let (n, p, q) = values.dim();
        let flat = values.to_slice();
        let mut plan = Plan::new(n, p, q);
        plan.lanes &= flat.is_some();
        Self {
            values,
            flat: flat.unwrap_or_default(),
            stride: p * q,
            average: OnceLock::new(),
            plan,
            memory: Mutex::default(),
        }
    }

    fn n_chunks(&self) -> usize {
        self.values.len_of(Axis(0)).div_ceil(self.plan.chunk)
    }

    pub(super) fn chunks(&self) -> Vec<ArrayView3<'_, f64>> {
        self.values.axis_chunks_iter(Axis(0), self.plan.chunk).collect()
    }

    /// Samples in one stacked block.
    pub(super) fn block(&self) -> usize {
        let (n, p, q) = self.values.dim();
        (BLOCK_DOUBLES / (p * q)).clamp(1, n)
    }

    pub(super) fn parallel(&self) -> bool {
        self.n_chunks() > 1 && rayon::current_num_threads() > 1
    }

    /// The blocks of a chunk.
    fn blocks(&self, chunk: usize) -> impl Iterator<Item = Block> + use<> {
        let n = self.values.len_of(Axis(0));
        let Plan { lanes, block, chunk: length, tail } = self.plan;
        let end = ((chunk + 1) * length).min(n - tail);
        let last = tail > 0 && (chunk + 1) * length >= n;
        (chunk * length..end)
            .step_by(block)
            .map(move |at| Block { at, m: block.min(end - at), lanes })
            .chain(last.then_some(Block { at: n - tail, m: tail, lanes: false }))
    }

    fn view(&self, at: usize, m: usize) -> ArrayView3<'_, f64> {
        self.values.slice_axis(Axis(0), (at..at + m).into())
    }

    /// One chunk's share of a pass.
    fn chunk(&self, task: &Task<'_>, chunk: usize, worker: &mut Worker, out: &mut Pass) {
        out.clear(task.want);
        let Worker { lanes, stacked } = worker;
        let (rows, cols) = (task.want != Want::Col, task.want != Want::Row);
        if let Some(lanes) = lanes {
            lanes.clear(rows, cols);
            lanes.prepare(task.point, task.whitens_rows(), task.whitens_columns());
        }
        for block in self.blocks(chunk) {
            match (&mut *lanes, &mut *stacked) {
                (Some(lanes), _) if block.lanes => self.lanes(task, block, lanes, out),
                (_, Some(stacked)) => task.block(self.view(block.at, block.m), stacked, out),
                _ => {}
            }
        }
        if let Some(lanes) = lanes {
            lanes.add_to(rows, cols, out);
        }
    }

    /// One lane-ordered block's share.
    fn lanes(
        &self,
        task: &Task<'_>,
        Block { at, m, .. }: Block,
        lanes: &mut Lanes,
        out: &mut Pass,
    ) {
        let mean = task.mean.as_slice().unwrap_or_default();
        let samples = &self.flat[at * self.stride..];
        if task.whitens_columns() {
            lanes.load_white(samples, self.stride, m, mean, task.point);
        } else {
            lanes.load(samples, self.stride, m, mean);
        }
        task.lanes(lanes, out);
    }

    /// Lends the memory of a worker that is free.
    fn with_worker(&self, workers: &[Mutex<Worker>], work: impl FnOnce(&mut Worker)) {
        match workers.iter().find_map(|worker| worker.try_lock().ok()) {
            Some(mut worker) => work(&mut worker),
            None => {
                let (_, p, q) = self.dim();
                work(&mut Worker::new(self.plan, p, q));
            }
        }
    }

    fn summarise(&self, chunk: usize, job: &Summaries<'_>, worker: &mut Worker, out: &mut [f64]) {
        let mut scratch = Scratch::default();
        let mut rest = out;
        let Worker { lanes, stacked } = worker;
        if let Some(lanes) = lanes {
            lanes.prepare(job.point, true, true);
        }
        let mean = job.mean.as_slice().unwrap_or_default();
        for block in self.blocks(chunk) {
            let Block { at, m, .. } = block;
            let (slots, after) = rest.split_at_mut(m * job.width);
            rest = after;
            match (&mut *lanes, &mut *stacked) {
                (Some(lanes), _) if block.lanes => {
                    let samples = &self.flat[at * self.stride..];
                    lanes.load_white(samples, self.stride, m, mean, job.point);
                    lanes.whiten_rows(job.point);
                    lanes.summarise(job.family, slots);
                }
                (_, Some(buffers)) => {
                    buffers.load(self.view(at, m), job.point.mean.view());
                    buffers.whiten_columns(job.point, m);
                    buffers.whiten_rows(job.point, m);
                    for (i, slot) in slots.chunks_exact_mut(job.width.max(1)).enumerate() {
                        job.family.summarise(buffers.sample(i, m), slot, &mut scratch);
                    }
                }
                _ => {}
            }
        }
    }
}

struct Summaries<'a> {
    point: &'a Point,
    mean: CowArray<'a, f64, Ix2>,
    family: &'a dyn DofFamily,
    width: usize,
}

impl Source for SampleSource<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.values.dim()
    }

    fn average(&self) -> ArrayView2<'_, f64> {
        let mean = || self.values.sum_axis(Axis(0)) / self.values.len_of(Axis(0)) as f64;
        self.average.get_or_init(mean).view()
    }

    fn pass(&self, point: &Point, law: &dyn Law, want: Want, out: &mut Pass) {
        let (n, p, q) = self.dim();
        let whiten_own_side = !law.weighting().is_identity();
        let mean = point.mean.as_standard_layout();
        let columns_are_white = point.col.is_identity();
        let task = Task { point, mean, law, want, whiten_own_side, columns_are_white };
        // Two passes at once over one source are rare: the second one brings its own memory.
        let mut own = Memory::default();
        let mut kept = self.memory.try_lock();
        let memory = kept.as_deref_mut().unwrap_or(&mut own);
        out.clear(want);
        if self.parallel() {
            let chunks = self.n_chunks();
            memory.grow(chunks, rayon::current_num_threads(), self.plan, (p, q));
            let workers = &memory.workers;
            memory.partials[..chunks].par_iter_mut().with_max_len(1).enumerate().for_each(
                |(i, part)| {
                    self.with_worker(workers, |worker| self.chunk(&task, i, worker, part));
                },
            );
            memory.partials[..chunks].iter().for_each(|part| out.add(part, want));
        } else {
            memory.grow(1, 1, self.plan, (p, q));
            let part = &mut memory.partials[0];
            for i in 0..self.n_chunks() {
                self.with_worker(&memory.workers, |worker| self.chunk(&task, i, worker, part));
                out.add(part, want);
            }
        }
        task.finish(n, self.average(), out);
    }

    fn curvature(&self, point: &Point, law: &dyn Law, direction: &Tangent, out: &mut Tangent) {
        curvature::of_sample(self, point, law, direction, out);
    }

    fn summaries(&self, point: &Point, family: &dyn DofFamily) -> ndarray::Array1<f64> {
        let (n, p, q) = self.dim();
        let width = family.summary_len(p, q);
        let job = Summaries { point, mean: point.mean.as_standard_layout(), family, width };
        let mut all = vec![0.0; n * width];
        let parts = self.plan.chunk * width.max(1);
        let mut own = Memory::default();
        let mut kept = self.memory.try_lock();
        let memory = kept.as_deref_mut().unwrap_or(&mut own);
        let threads = if self.parallel() { rayon::current_num_threads() } else { 1 };
        memory.grow(0, threads, self.plan, (p, q));
        let workers = &memory.workers;
        let one = |(i, out): (usize, &mut [f64])| {
            self.with_worker(workers, |worker| self.summarise(i, &job, worker, out));
        };
        if threads > 1 {
            all.par_chunks_mut(parts).enumerate().for_each(one);
        } else {
            all.chunks_mut(parts).enumerate().for_each(one);
        }
        all.into()
    }
}

/// What is to be done at one point.
struct Task<'a> {
    point: &'a Point,
    /// M in row-major order.
    mean: CowArray<'a, f64, Ix2>,
    law: &'a dyn Law,
    want: Want,
    /// With Ψ = Z the row scatter can be whitened on its own side afterwards, p × p instead of
    /// data-sized (and likewise the column scatter).
    whiten_own_side: bool,
    /// Is B = I, as at the start?
    columns_are_white: bool,
}

impl Task<'_> {
    /// Does the pass whiten the rows?
    fn whitens_rows(&self) -> bool {
        self.whiten_own_side || self.want != Want::Row
    }

    /// And the columns?
    fn whitens_columns(&self) -> bool {
        !self.columns_are_white && (self.whiten_own_side || self.want != Want::Col)
    }

    /// A loaded block in lane order, its columns whitened where they have to be.
    fn lanes(&self, lanes: &mut Lanes, out: &mut Pass) {
        if self.whitens_rows() {
            lanes.whiten_rows(self.point);
        }
        match self.law.weighting() {
            Weighting::Identity => lanes.weigh_identity(),
            Weighting::Elliptical(law) => lanes.weigh_scalar(law, out),
            Weighting::Matrix(law) => lanes.weigh_matrix(law, out),
        }
        if self.want != Want::Col {
            lanes.scatter_rows();
        }
        if self.want != Want::Row {
            lanes.scatter_columns();
        }
    }

    fn block(&self, block: ArrayView3<'_, f64>, buffers: &mut Buffers, out: &mut Pass) {
        let m = buffers.load(block, self.point.mean.view());
        if self.whitens_columns() {
            buffers.whiten_columns(self.point, m);
        }
        if self.whitens_rows() {
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
            Weighting::Elliptical(law) => {
                buffers.psi_is_white = true;
                for i in 0..m {
                    let z = buffers.sample(i, m);
                    let radial = law.radial(z.iter().map(|x| x * x).sum(), z.len());
                    out.rho_sum += radial.rho;
                    out.weight_sum += radial.weight;
                    out.psi_sum.scaled_add(radial.weight, &z);
                    // √w on each side of the scatter is w on one.
                    buffers.scale_sample(i, m, radial.weight.sqrt());
                }
            }
            Weighting::Matrix(law) => {
                buffers.psi_is_white = false;
                for i in 0..m {
                    let (rho, weight) = buffers.weigh_sample(i, m, law, &mut out.psi_sum);
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
        if self.law.weighting().is_identity() {
            match self.want {
                Want::Row => row.whiten_in_place(&mut out.row_scatter),
                Want::Col => col.whiten_in_place(&mut out.col_scatter),
                Want::Both => {}
            }
            let trace = match self.want {
                Want::Col => out.col_scatter.diag().sum() * (n * p) as f64,
                _ => out.row_scatter.diag().sum() * (n * q) as f64,
            };
            out.rho_sum = 0.5 * trace;
            out.weight_sum = n as f64;
            out.psi_sum.assign(&average);
            out.psi_sum -= &self.point.mean;
            out.psi_sum *= n as f64;
            self.point.whiten_in_place(&mut out.psi_sum);
        }
    }
}
