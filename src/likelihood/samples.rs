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
use super::pass::{Task, mean_squares};
use super::plan::{BLOCK_DOUBLES, Memory, Plan, Worker};
use super::residuals::{Explained, Residuals};
use super::share::Data;
use super::{
    Labels, Likelihood, Observation, Point, Sides, Summaries, Sums, Support, Tangent, Visit,
};
use crate::data::{Sample, Weights, check_weights};
use crate::family::{DofFamily, Law, Scratch};
use crate::kronecker::BySide;
use crate::linalg::{Qr, as_matrix};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis, CowArray, Ix2, Ix3, Slice};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock};

/// The likelihood of complete samples, with their average and the plan of their blocks.
///
/// Weights and covariates of the sample count: frequency weights u multiply everything that an
/// observation adds; with precision weights w the matrices are √w X, their covariates √w z, and ℓ
/// grows by (pq/2) Σ ln w.
#[derive(Debug)]
pub struct SampleLikelihood<'a> {
    whole: CowArray<'a, f64, Ix3>,
    /// Every how many of them one is taken.
    step: usize,
    /// u.
    weights: Option<Cow<'a, [f64]>>,
    /// z (n × m) and what is left of the samples by it.
    explained: Option<Explained<'a>>,
    /// w: the matrices and covariates were multiplied by √w.
    precision: Option<Vec<f64>>,
    /// Taken when somebody asks for it: fits from moments never do.
    average: OnceLock<Array2<f64>>,
    plan: Plan,
    memory: Mutex<Memory>,
    labels: Labels<'a>,
}

impl<'a> SampleLikelihood<'a> {
    /// Plans the passes over a sample, with the weights and covariates that it has.
    pub fn new(sample: &'a Sample) -> Self {
        Self::every(sample, 1)
    }

    /// Plans the passes over every `step`-th observation of a sample.
    pub fn thinned(sample: &'a Sample, step: usize) -> Self {
        Self::every(sample, step)
    }

    fn every(sample: &'a Sample, step: usize) -> Self {
        let plain = Self { labels: labels(sample), ..Self::stepping(sample.values(), step) };
        let thinned = |all: &[f64]| all.iter().step_by(step).copied().collect::<Vec<f64>>();
        let design = sample.design().map(|design| {
            let all = design.matrix();
            if step == 1 {
                CowArray::from(all)
            } else {
                all.select(Axis(0), &thin(step, all.nrows())).into()
            }
        });
        match sample.weights() {
            Weights::None => plain.explained_by(design),
            Weights::Frequency(all) => {
                let weights = if step == 1 { all.into() } else { Cow::Owned(thinned(all)) };
                Self { weights: Some(weights), ..plain.explained_by(design) }
            }
            Weights::Precision(all) => plain.scaled(design, thinned(all)),
        }
    }

    /// √w X, explained by √w z.
    fn scaled(self, design: Option<CowArray<'a, f64, Ix2>>, precision: Vec<f64>) -> Self {
        let mut whole = self.view().as_standard_layout().into_owned();
        let ones = || Array2::ones((precision.len(), 1));
        let mut z = design.map_or_else(ones, CowArray::into_owned);
        for (i, w) in precision.iter().enumerate() {
            whole.index_axis_mut(Axis(0), i).mapv_inplace(|x| x * w.sqrt());
            z.row_mut(i).mapv_inplace(|x| x * w.sqrt());
        }
        let scaled = Self { whole: whole.into(), step: 1, ..self };
        Self { precision: Some(precision), ..scaled.explained_by(Some(z.into())) }
    }

    fn explained_by(mut self, design: Option<CowArray<'a, f64, Ix2>>) -> Self {
        self.explained = design.map(Explained::new);
        self
    }

    /// Passes over an array (n, p, q) in standard layout.
    pub fn of(values: ArrayView3<'a, f64>) -> Self {
        Self::stepping(values, 1)
    }

    fn stepping(values: ArrayView3<'a, f64>, step: usize) -> Self {
        let (all, p, q) = values.dim();
        let mut plan = Plan::new(all.div_ceil(step), p, q);
        plan.lanes &= values.is_standard_layout();
        Self {
            whole: values.into(),
            step,
            weights: None,
            explained: None,
            precision: None,
            average: OnceLock::new(),
            plan,
            memory: Mutex::default(),
            labels: Labels::default(),
        }
    }

    /// The same observations with other frequency weights u (n): each stands for u of its like. 0 is
    /// allowed. They take the place of the sample's own.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number than n, [`Error::Domain`] for one that is negative or
    /// not finite, and where all are 0.
    ///
    /// ```
    /// use kronfit::{data::Sample, likelihood::{Likelihood, SampleLikelihood}};
    /// let sample = Sample::new(ndarray::array![[[1.0]], [[4.0]], [[-2.0]]])?;
    /// let likelihood = SampleLikelihood::new(&sample).weighted(&[2.0, 1.0, 0.0])?;
    /// assert_eq!(likelihood.weight(), 3.0);
    /// assert_eq!(likelihood.average()?, ndarray::array![[2.0]]);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn weighted(mut self, weights: &[f64]) -> Result<Self> {
        check_weights(weights, self.n(), true, self.labels.source)?;
        self.weights = Some(weights.to_vec().into());
        self.average = OnceLock::new();
        if let Some(explained) = &mut self.explained {
            explained.forget();
        }
        Ok(self)
    }

    /// Part of a stream, whose weights were checked.
    pub(super) fn sharing(self, weights: &'a [f64]) -> Self {
        Self { weights: Some(weights.into()), ..self }
    }

    fn n(&self) -> usize {
        self.whole.len_of(Axis(0)).div_ceil(self.step)
    }

    fn view(&self) -> ArrayView3<'_, f64> {
        let step = Slice::from(..).step_by(self.step as isize);
        self.whole.slice_axis(Axis(0), step)
    }

    /// What rescaling sample i adds to its ln f.
    fn jacobian(&self, i: usize) -> f64 {
        let (_, p, q) = self.whole.dim();
        self.precision.as_ref().map_or(0.0, |w| 0.5 * (p * q) as f64 * w[i].ln())
    }

    /// What a pass at M runs over, and what is still to be taken off.
    fn data<'s>(&'s self, left: Option<&'s Residuals>) -> Data<'s> {
        let weights = self.weights.as_deref();
        let (_, p, q) = self.whole.dim();
        let (values, whole, step) = match left {
            None => (self.view(), self.whole.as_slice(), self.step),
            Some(left) => (left.values.view(), left.values.as_slice(), 1),
        };
        let design = self.explained.as_ref().map(Explained::design);
        Data { values, flat: whole.unwrap_or_default(), stride: p * q * step, weights, design }
    }

    /// What the covariates leave of the samples at these coefficients; `None` without covariates.
    ///
    /// # Errors
    /// [`Error::Shape`] where the coefficients are not those of these covariates.
    fn left(&self, mean: &Array2<f64>) -> Result<Option<Arc<Residuals>>> {
        let (_, p, q) = self.dim();
        let blocks = self.covariates().unwrap_or(1);
        if mean.dim() != (blocks * p, q) {
            let what = format!("the mean for {}", self.labels.source);
            let expected = format!("{blocks} matrices of {p} × {q}, one for each covariate");
            return Err(Error::shape(what, expected, mean.dim()));
        }
        let Some(explained) = &self.explained else { return Ok(None) };
        Ok(Some(explained.at(mean, self.view(), self.weights.as_deref())))
    }

    fn chunks<'s>(&'s self, data: Data<'s>) -> Chunks<'s> {
        let (n, p, q) = data.values.dim();
        Chunks {
            data,
            chunk: self.plan.chunk,
            block: (BLOCK_DOUBLES / (p * q)).clamp(1, n),
            parallel: self.parallel(),
        }
    }

    fn parallel(&self) -> bool {
        self.plan.chunks(self.n()) > 1 && rayon::current_num_threads() > 1
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

    /// M of the point, or nothing where the covariates took it off already.
    fn mean<'p>(&self, at: &'p Point) -> CowArray<'p, f64, Ix2> {
        match self.explained {
            Some(_) => Array2::zeros(at.dim()).into(),
            None => at.mean.as_standard_layout(),
        }
    }
}

/// One look at the summaries.
struct Job<'a> {
    data: Data<'a>,
    plan: Plan,
    point: &'a Point,
    mean: CowArray<'a, f64, Ix2>,
    family: &'a dyn DofFamily,
    width: usize,
}

impl Job<'_> {
    fn summarise(&self, chunk: usize, worker: &mut Worker, out: &mut [f64]) {
        let mut scratch = Scratch::default();
        let mut rest = out;
        let Worker { lanes, stacked } = worker;
        if let Some(lanes) = lanes {
            lanes.prepare(self.point, true, true);
        }
        let mean = self.mean.as_slice().unwrap_or_default();
        for block in self.plan.blocks(self.data.n(), chunk) {
            let m = block.m;
            let (slots, after) = rest.split_at_mut(m * self.width);
            rest = after;
            match (&mut *lanes, &mut *stacked) {
                (Some(lanes), _) if block.lanes => {
                    let samples = self.data.from(block.at);
                    lanes.load_white(samples, self.data.stride, m, mean, self.point);
                    lanes.whiten_rows(self.point);
                    lanes.summarise(self.family, slots);
                }
                (_, Some(buffers)) => {
                    buffers.load(self.data.view(block), self.mean.view());
                    buffers.whiten_columns(self.point, m);
                    buffers.whiten_rows(self.point, m);
                    for (i, slot) in slots.chunks_exact_mut(self.width.max(1)).enumerate() {
                        self.family.summarise(buffers.sample(i, m), slot, &mut scratch);
                    }
                }
                _ => {}
            }
        }
    }
}

impl SampleLikelihood<'_> {
    /// Σ u (X − M), or Σ u z (X − Σ z Θ), where Ψ = Z and nothing but the average matters.
    fn deviation(&self, at: &Point, left: Option<&Residuals>, into: &mut Sums) {
        match left {
            Some(left) => {
                into.psi.assign(&left.moments);
                into.design.assign(&left.gram);
            }
            None => {
                into.psi.assign(&self.center());
                into.psi -= &at.mean;
                into.psi *= into.weight;
            }
        }
    }

    fn center(&self) -> ArrayView2<'_, f64> {
        self.average.get_or_init(|| self.mean_matrix()).view()
    }

    fn mean_matrix(&self) -> Array2<f64> {
        let Some(weights) = &self.weights else {
            return self.view().sum_axis(Axis(0)) / self.n() as f64;
        };
        let (_, p, q) = self.dim();
        let mut sum = Array2::zeros((p, q));
        for (x, u) in self.view().outer_iter().zip(weights.iter()) {
            sum.scaled_add(*u, &x);
        }
        // Of no use, and no NaN, where nothing counts.
        sum / self.weight().max(f64::MIN_POSITIVE)
    }

    /// The coefficients of least squares, blocks one above the other (m·p × q).
    fn least_squares(&self, design: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let (n, p, q) = self.dim();
        let root = |i: usize| self.weights.as_ref().map_or(1.0, |weights| weights[i].sqrt());
        let mut weighted = design.to_owned();
        let mut x = Array2::zeros((n, p * q));
        for (i, matrix) in self.view().outer_iter().enumerate() {
            weighted.row_mut(i).mapv_inplace(|z| z * root(i));
            x.row_mut(i).iter_mut().zip(matrix).for_each(|(to, x)| *to = x * root(i));
        }
        let qr = Qr::of(weighted.view());
        if let Some(column) = qr.dependent() {
            return Err(Error::Degenerate {
                what: format!(
                    "with these weights the others explain column {column} of the design of {}",
                    self.labels.source
                ),
                remedy: "leave that covariate out".to_owned(),
            });
        }
        let theta = qr.solve(x.view());
        let flat = theta.as_slice().unwrap_or_default();
        Ok(as_matrix(flat, theta.nrows() * p, q).to_owned())
    }

    /// Samples that are there and differ from each other; all of them where nobody weighs them.
    fn distinct(&self) -> usize {
        let Some(weights) = &self.weights else { return self.n() };
        let bits = |x: ArrayView2<'_, f64>| x.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
        let values = self.view();
        let present = values.outer_iter().zip(weights.iter()).filter(|(_, u)| **u > 0.0);
        present.map(|(x, _)| bits(x)).collect::<HashSet<_>>().len()
    }
}

impl Likelihood for SampleLikelihood<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        let (_, p, q) = self.whole.dim();
        (self.n(), p, q)
    }

    fn weight(&self) -> f64 {
        self.weights.as_ref().map_or(self.n() as f64, |weights| weights.iter().sum())
    }

    fn covariates(&self) -> Option<usize> {
        self.explained.as_ref().map(|explained| explained.design().ncols())
    }

    fn labels(&self) -> Labels<'_> {
        self.labels
    }

    fn average(&self) -> Result<Array2<f64>> {
        match &self.explained {
            Some(explained) => self.least_squares(explained.design()),
            None => Ok(self.center().to_owned()),
        }
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, quick: bool) -> Result<Array2<f64>> {
        let left = self.left(&mean.to_owned())?;
        let step = if quick && left.is_none() { (self.n() / QUICK_SAMPLES).max(1) } else { 1 };
        let data = self.data(left.as_deref());
        let (_, p, q) = self.dim();
        Ok(match left {
            Some(_) => mean_squares(&data, Array2::zeros((p, q)).view(), step),
            None => mean_squares(&data, mean, step),
        })
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        let (n, p, q) = self.dim();
        let left = self.left(&at.mean)?;
        let data = self.data(left.as_deref());
        let task = Task::new(data, self.plan, (at, self.mean(at)), law, sides);
        // Two passes at once over one sample are rare: the second one brings its own memory.
        let mut own = Memory::default();
        let mut kept = self.memory.try_lock();
        let memory = kept.as_deref_mut().unwrap_or(&mut own);
        into.shape_for(self.covariates(), law);
        into.clear(sides);
        let chunks = self.plan.chunks(n);
        if self.parallel() {
            memory.grow(chunks, rayon::current_num_threads(), self.plan, (p, q));
            let workers = &memory.workers;
            memory.partials[..chunks].par_iter_mut().with_max_len(1).enumerate().for_each(
                |(i, part)| {
                    self.with_worker(workers, |worker| task.chunk(i, worker, part));
                },
            );
            memory.partials[..chunks].iter().for_each(|part| into.add(part));
        } else {
            memory.grow(1, 1, self.plan, (p, q));
            let part = &mut memory.partials[0];
            for i in 0..chunks {
                self.with_worker(&memory.workers, |worker| task.chunk(i, worker, part));
                into.add(part);
            }
        }
        into.weight = self.weight();
        let identity = law.weighting().is_identity();
        if identity {
            self.deviation(at, left.as_deref(), into);
        }
        task.finish(identity, into);
        into.settle(at, law);
        if self.precision.is_some() {
            into.log_likelihood += (0..n).map(|i| self.jacobian(i)).sum::<f64>();
        }
        Ok(())
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        let left = self.left(&at.mean)?;
        let chunks = self.chunks(self.data(left.as_deref()));
        curvature::of_chunks(&chunks, (at, self.mean(at).view()), law, along, into);
        Ok(Support::Done)
    }

    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()> {
        let (_, p, q) = self.dim();
        let left = self.left(&at.mean)?;
        let (data, mean) = (self.data(left.as_deref()), self.mean(at));
        let constant = law.ln_constant(p, q) - at.half_ln_det();
        let (mut scratch, mut psi) = (Scratch::default(), Array2::zeros((p, q)));
        for (index, x) in data.values.outer_iter().enumerate() {
            let white = at.whiten((&x - &mean).view());
            let (rho, _) = law.weighting().weigh(white.view(), psi.view_mut(), &mut scratch);
            visit(Observation {
                index,
                weight: self.weights.as_ref().map_or(1.0, |weights| weights[index]),
                cells: p * q,
                distance: white.iter().map(|z| z * z).sum(),
                ln_density: constant - rho + self.jacobian(index),
                white: Some(white.view()),
            })?;
        }
        Ok(())
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let (n, p, q) = self.dim();
        let width = family.summary_len(p, q);
        let left = self.left(&at.mean)?;
        let (data, mean) = (self.data(left.as_deref()), self.mean(at));
        let job = Job { data, plan: self.plan, point: at, mean, family, width };
        let mut all = vec![0.0; n * width];
        let parts = self.plan.chunk * width.max(1);
        let mut own = Memory::default();
        let mut kept = self.memory.try_lock();
        let memory = kept.as_deref_mut().unwrap_or(&mut own);
        let threads = if self.parallel() { rayon::current_num_threads() } else { 1 };
        memory.grow(0, threads, self.plan, (p, q));
        let workers = &memory.workers;
        let one = |(i, out): (usize, &mut [f64])| {
            self.with_worker(workers, |worker| job.summarise(i, worker, out));
        };
        if threads > 1 {
            all.par_chunks_mut(parts).enumerate().for_each(one);
        } else {
            all.chunks_mut(parts).enumerate().for_each(one);
        }
        let weights = self.weights.as_ref().map(|weights| weights.iter().copied().collect());
        Ok(Summaries { weights, ..Summaries::plain(all.into()) })
    }

    /// Copies and samples of no weight do not count; every independent covariate costs what a mean
    /// costs.
    fn existence(&self, model: &Model) -> Result<Vec<String>> {
        let (_, p, q) = self.dim();
        model.check_count_after(self.covariates().unwrap_or(1), self.distinct(), p, q)
    }
}

/// Samples that give a scale.
const QUICK_SAMPLES: usize = 128;

fn labels(sample: &Sample) -> Labels<'_> {
    Labels {
        source: sample.source(),
        names: BySide::new(sample.row_names(), sample.col_names()),
        covariates: sample.design().map_or(&[], |design| design.names()),
        weights: sample.weights().name(),
    }
}

/// The indices of every `step`-th of n samples.
fn thin(step: usize, n: usize) -> Vec<usize> {
    (0..n).step_by(step).collect()
}
