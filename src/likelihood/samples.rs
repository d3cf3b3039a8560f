//! Whiten → weigh → scatter: the one pass over the data that every algorithm is made of.
//!
//! A block of m samples is copied in lane order (p, q, m) while the mean is taken off
//! ([`crate::linalg::kernel`]): every vector load is full, however small p and q are. With fewer
//! samples than lanes the block is stacked as (p, m, q) instead: the column side is (p·m, q, 1),
//! the row side (1, p, m·q), four large matrix products per block.
//!
//! Cost of a pass with both scatters: 4 npq(p+q) flops when nothing is triangular,
//! 2 npq(p+q) as done here (triangular roots, symmetric scatters), plus the law's own weighing.

use super::curvature::{self, Chunks};
use super::lanes::Lanes;
use super::plan::{BLOCK_DOUBLES, Block, Memory, Plan, Worker};
use super::stacked::Buffers;
use super::{
    Labels, Likelihood, Observation, Point, Sides, Summaries, Sums, Support, Tangent, Visit,
};
use crate::Result;
use crate::data::Sample;
use crate::family::{DofFamily, Law, Scratch, Weighting};
use crate::kronecker::{BySide, Side};
use crate::linalg::mirror_lower;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis, CowArray, Ix2, Slice};
use rayon::prelude::*;
use std::sync::{Mutex, OnceLock};

/// The likelihood of complete samples, with their average and the plan of their blocks.
#[derive(Debug)]
pub struct SampleLikelihood<'a> {
    values: ArrayView3<'a, f64>,
    flat: &'a [f64],
    /// Doubles from one sample to the next.
    stride: usize,
    /// Taken when somebody asks for it: fits from moments never do.
    average: OnceLock<Array2<f64>>,
    plan: Plan,
    memory: Mutex<Memory>,
    labels: Labels<'a>,
}

impl<'a> SampleLikelihood<'a> {
    /// Plans the passes over a sample.
    pub fn new(sample: &'a Sample) -> Self {
        Self { labels: labels(sample), ..Self::of(sample.values()) }
    }

    /// Plans the passes over every `step`-th observation of a sample.
    pub fn thinned(sample: &'a Sample, step: usize) -> Self {
        let values = every(sample.values(), step);
        let mut thinned = Self::new(sample);
        let (n, p, q) = values.dim();
        thinned.plan = Plan::new(n, p, q);
        thinned.stride *= step;
        thinned.values = values;
        thinned
    }

    /// Passes over an array (n, p, q) in standard layout.
    pub fn of(values: ArrayView3<'a, f64>) -> Self {
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
            labels: Labels::default(),
        }
    }

    fn n_chunks(&self) -> usize {
        self.values.len_of(Axis(0)).div_ceil(self.plan.chunk)
    }

    fn chunks(&self) -> Chunks<'_> {
        let (n, p, q) = self.values.dim();
        Chunks {
            views: self.values.axis_chunks_iter(Axis(0), self.plan.chunk).collect(),
            block: (BLOCK_DOUBLES / (p * q)).clamp(1, n),
            parallel: self.parallel(),
        }
    }

    fn parallel(&self) -> bool {
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
    fn chunk(&self, task: &Task<'_>, chunk: usize, worker: &mut Worker, out: &mut Sums) {
        out.clear(task.sides);
        let Worker { lanes, stacked } = worker;
        let (rows, cols) = (task.sides.has(Side::Rows), task.sides.has(Side::Cols));
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
        out: &mut Sums,
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

    fn summarise(&self, chunk: usize, job: &Job<'_>, worker: &mut Worker, out: &mut [f64]) {
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

struct Job<'a> {
    point: &'a Point,
    mean: CowArray<'a, f64, Ix2>,
    family: &'a dyn DofFamily,
    width: usize,
}

impl SampleLikelihood<'_> {
    fn center(&self) -> ArrayView2<'_, f64> {
        let mean = || self.values.sum_axis(Axis(0)) / self.values.len_of(Axis(0)) as f64;
        self.average.get_or_init(mean).view()
    }
}

impl Likelihood for SampleLikelihood<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.values.dim()
    }

    fn labels(&self) -> Labels<'_> {
        self.labels
    }

    fn average(&self) -> Result<Array2<f64>> {
        Ok(self.center().to_owned())
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, quick: bool) -> Result<Array2<f64>> {
        let step = if quick { (self.dim().0 / QUICK_SAMPLES).max(1) } else { 1 };
        Ok(mean_squares(every(self.values, step), mean))
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        let (n, p, q) = self.dim();
        let whiten_own_side = !law.weighting().is_identity();
        let mean = at.mean.as_standard_layout();
        let columns_are_white = at.col().is_identity();
        let task = Task { point: at, mean, law, sides, whiten_own_side, columns_are_white };
        // Two passes at once over one sample are rare: the second one brings its own memory.
        let mut own = Memory::default();
        let mut kept = self.memory.try_lock();
        let memory = kept.as_deref_mut().unwrap_or(&mut own);
        into.clear(sides);
        if self.parallel() {
            let chunks = self.n_chunks();
            memory.grow(chunks, rayon::current_num_threads(), self.plan, (p, q));
            let workers = &memory.workers;
            memory.partials[..chunks].par_iter_mut().with_max_len(1).enumerate().for_each(
                |(i, part)| {
                    self.with_worker(workers, |worker| self.chunk(&task, i, worker, part));
                },
            );
            memory.partials[..chunks].iter().for_each(|part| into.add(part));
        } else {
            memory.grow(1, 1, self.plan, (p, q));
            let part = &mut memory.partials[0];
            for i in 0..self.n_chunks() {
                self.with_worker(&memory.workers, |worker| self.chunk(&task, i, worker, part));
                into.add(part);
            }
        }
        into.weight = n as f64;
        let average = law.weighting().is_identity().then(|| self.center());
        task.finish(average, into);
        into.settle(at, law);
        Ok(())
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        curvature::of_chunks(&self.chunks(), at, law, along, into);
        Ok(Support::Done)
    }

    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()> {
        let (_, p, q) = self.dim();
        let constant = law.ln_constant(p, q) - at.half_ln_det();
        let (mut scratch, mut psi) = (Scratch::default(), Array2::zeros((p, q)));
        for (index, x) in self.values.outer_iter().enumerate() {
            let white = at.whiten((&x - &at.mean).view());
            let (rho, _) = law.weighting().weigh(white.view(), psi.view_mut(), &mut scratch);
            visit(Observation {
                index,
                weight: 1.0,
                cells: p * q,
                distance: white.iter().map(|z| z * z).sum(),
                ln_density: constant - rho,
                white: Some(white.view()),
            })?;
        }
        Ok(())
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let (n, p, q) = self.dim();
        let width = family.summary_len(p, q);
        let job = Job { point: at, mean: at.mean.as_standard_layout(), family, width };
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
        Ok(Summaries { values: all.into(), weights: None })
    }
}

/// Samples that give a scale.
const QUICK_SAMPLES: usize = 128;

fn labels(sample: &Sample) -> Labels<'_> {
    Labels { source: sample.source(), names: BySide::new(sample.row_names(), sample.col_names()) }
}

/// Every `step`-th sample.
fn every(values: ArrayView3<'_, f64>, step: usize) -> ArrayView3<'_, f64> {
    values.slice_axis_move(Axis(0), Slice::from(..).step_by(step as isize))
}

/// Mean square of every cell around a mean.
fn mean_squares(values: ArrayView3<'_, f64>, mean: ArrayView2<'_, f64>) -> Array2<f64> {
    let mean = mean.as_standard_layout();
    let mut squares = vec![0.0; mean.len()];
    for x in values.outer_iter() {
        let x = x.as_standard_layout();
        let (x, mean) = (x.as_slice().unwrap_or_default(), mean.as_slice().unwrap_or_default());
        let pairs = x.iter().zip(mean);
        squares.iter_mut().zip(pairs).for_each(|(s, (x, m))| *s += (x - m) * (x - m));
    }
    let count = values.len_of(Axis(0)) as f64;
    Array2::from_shape_fn(mean.dim(), |(i, k)| squares[i * mean.ncols() + k] / count)
}

/// What is to be done at one point.
struct Task<'a> {
    point: &'a Point,
    /// M in row-major order.
    mean: CowArray<'a, f64, Ix2>,
    law: &'a dyn Law,
    sides: Sides,
    /// With Ψ = Z the row scatter can be whitened on its own side afterwards, p × p instead of
    /// data-sized (and likewise the column scatter).
    whiten_own_side: bool,
    /// Is B = I, as at the start?
    columns_are_white: bool,
}

impl Task<'_> {
    /// Does the pass whiten the rows?
    fn whitens_rows(&self) -> bool {
        self.whiten_own_side || self.sides.has(Side::Cols)
    }

    /// And the columns?
    fn whitens_columns(&self) -> bool {
        !self.columns_are_white && (self.whiten_own_side || self.sides.has(Side::Rows))
    }

    /// A loaded block in lane order, its columns whitened where they have to be.
    fn lanes(&self, lanes: &mut Lanes, out: &mut Sums) {
        if self.whitens_rows() {
            lanes.whiten_rows(self.point);
        }
        match self.law.weighting() {
            Weighting::Identity => lanes.weigh_identity(),
            Weighting::Elliptical(law) => lanes.weigh_scalar(law, out),
            Weighting::Matrix(law) => lanes.weigh_matrix(law, out),
        }
        if self.sides.has(Side::Rows) {
            lanes.scatter_rows();
        }
        if self.sides.has(Side::Cols) {
            lanes.scatter_columns();
        }
    }

    fn block(&self, block: ArrayView3<'_, f64>, buffers: &mut Buffers, out: &mut Sums) {
        let m = buffers.load(block, self.point.mean.view());
        if self.whitens_columns() {
            buffers.whiten_columns(self.point, m);
        }
        if self.whitens_rows() {
            buffers.whiten_rows(self.point, m);
        }
        self.weigh(buffers, m, out);
        if self.sides.has(Side::Rows) {
            buffers.scatter_rows(m, out.scatter_mut(Side::Rows));
        }
        if self.sides.has(Side::Cols) {
            buffers.scatter_columns(m, out.scatter_mut(Side::Cols));
        }
    }

    /// After this, the scatter is the product of the buffers `white` and `psi` (which may be one
    /// and the same), and the scalar sums have grown.
    fn weigh(&self, buffers: &mut Buffers, m: usize, out: &mut Sums) {
        match self.law.weighting() {
            Weighting::Identity => buffers.psi_is_white = true,
            Weighting::Elliptical(law) => {
                buffers.psi_is_white = true;
                for i in 0..m {
                    let z = buffers.sample(i, m);
                    let radial = law.radial(z.iter().map(|x| x * x).sum(), z.len());
                    out.rho += radial.rho;
                    out.law_weight += radial.weight;
                    out.psi.scaled_add(radial.weight, &z);
                    // √w on each side of the scatter is w on one.
                    buffers.scale_sample(i, m, radial.weight.sqrt());
                }
            }
            Weighting::Matrix(law) => {
                buffers.psi_is_white = false;
                for i in 0..m {
                    let (rho, weight) = buffers.weigh_sample(i, m, law, &mut out.psi);
                    out.rho += rho;
                    out.law_weight += weight;
                }
            }
        }
    }

    /// Full matrices from triangles; for Ψ = Z everything that the scatters imply.
    fn finish(&self, average: Option<ArrayView2<'_, f64>>, out: &mut Sums) {
        for side in Side::BOTH {
            if self.sides.has(side) {
                mirror_lower(&mut out.scatter_mut(side).view_mut());
            }
        }
        let Some(average) = average else { return };
        if let Sides::One(side) = self.sides {
            self.point.factor(side).whiten_in_place(out.scatter_mut(side));
        }
        out.rho = 0.5 * out.inner();
        out.law_weight = out.weight;
        out.psi.assign(&average);
        out.psi -= &self.point.mean;
        out.psi *= out.weight;
        self.point.whiten_in_place(&mut out.psi);
    }
}
