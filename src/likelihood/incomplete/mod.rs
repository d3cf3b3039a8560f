//! The likelihood of samples with missing cells: of what was observed, and nothing else.
//!
//! Exact for every law whose margins are known ([`Law::margins`]): any pattern of holes where the
//! margin of any cells is the same law (Gaussian, Kronecker t), nested patterns where only the
//! margins of rows × columns are (matrix t). It is right where the mechanism that made the holes is
//! ignorable (missing at random); nothing here can tell.

mod conditional;
mod e_step;
mod existence;
mod frame;
mod patterns;
mod second_order;

pub use conditional::Posterior;

use super::{
    Labels, Likelihood, Margin, Observation, Point, Sides, Summaries, Sums, Support, Tangent, Visit,
};
use crate::data::{Sample, Weights};
use crate::family::{DofFamily, Law, Margins, Scratch, SummaryPart};
use crate::kronecker::{BySide, Side};
use crate::model::Model;
use crate::{Error, Result};
use e_step::Pass;
use frame::Projector;
use ndarray::{Array2, ArrayView2};
use patterns::{Layout, Mask, masks};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

/// Samples of one pattern that share a factorisation.
const TOGETHER: usize = 256;
/// Most partial sums.
const MAX_PARTS: usize = 32;

/// The likelihood of a sample with missing cells.
#[derive(Debug)]
pub struct Incomplete<'a> {
    sample: &'a Sample,
    /// Samples with any observed cell.
    n: usize,
    observed: usize,
    masks: Vec<Mask>,
    cells: Layout,
    /// Made when a law asks for it.
    blocks: OnceLock<std::result::Result<Layout, patterns::Crossing>>,
}

/// Some samples of one pattern.
struct Task {
    pattern: usize,
    samples: Range<usize>,
    flops: f64,
}

impl<'a> Incomplete<'a> {
    /// Sorts the samples by their holes.
    ///
    /// # Errors
    /// [`Error::Degenerate`] where no cell is observed.
    pub fn new(sample: &'a Sample) -> Result<Self> {
        if sample.design().is_some() || *sample.weights() != Weights::None {
            return Err(Error::Unsupported {
                what: format!("{}: weights or covariates with missing cells", sample.source()),
                remedy: "leave one of them out".to_owned(),
            });
        }
        let (_, p, q) = sample.dim();
        let masks = masks(sample.values());
        let n = masks.iter().map(|mask| mask.samples.len()).sum();
        if n == 0 {
            return Err(Error::Degenerate {
                what: format!("{} has no observed cell", sample.source()),
                remedy: "every value is missing: look at how the file marks them".to_owned(),
            });
        }
        let cells = Layout::of_cells(&masks, p, q);
        let observed = sample.values().len() - sample.n_missing();
        Ok(Self { sample, n, observed, masks, cells, blocks: OnceLock::new() })
    }

    /// Observed cells of all samples.
    pub fn observed_cells(&self) -> usize {
        self.observed
    }

    /// Distinct patterns of holes, without the empty one.
    pub fn n_patterns(&self) -> usize {
        self.masks.len()
    }

    /// The blocks that the law's margins allow.
    fn layout(&self, law: &dyn Law) -> Result<&Layout> {
        match law.margins() {
            Margins::Cells => Ok(&self.cells),
            Margins::Blocks => self.blocks().map_err(|crossing| self.crossed(law, crossing)),
            Margins::Unknown => Err(Error::Unsupported {
                what: format!("the law \"{}\" does not say what its margins are", law.name()),
                remedy: "it needs complete samples".to_owned(),
            }),
        }
    }

    fn blocks(&self) -> std::result::Result<&Layout, patterns::Crossing> {
        let (_, p, q) = self.sample.dim();
        self.blocks
            .get_or_init(|| Layout::of_blocks(&self.masks, p, q))
            .as_ref()
            .map_err(|crossing| *crossing)
    }

    fn crossed(&self, law: &dyn Law, crossing: patterns::Crossing) -> Error {
        let [[a, b], [c, d]] = crossing.missing;
        let name = |row, col| {
            let [_, row, col] = self.sample.names().cell([crossing.sample, row, col]);
            format!("({row}, {col})")
        };
        let [sample, ..] = self.sample.names().cell([crossing.sample, 0, 0]);
        Error::Unsupported {
            what: format!(
                "the {} likelihood of sample {sample} has no closed form: {} and {} are missing \
                 while {} and {} are observed",
                law.name(),
                name(a, b),
                name(c, d),
                name(a, d),
                name(c, b)
            ),
            remedy: "use kronecker-t or gaussian, or leave the sample out".to_owned(),
        }
    }

    /// Pieces of work, cut by the data alone so that results do not depend on threads.
    fn parts(&self, layout: &Layout) -> Vec<Vec<Task>> {
        let mut tasks = Vec::new();
        for (k, pattern) in layout.patterns.iter().enumerate() {
            let once: f64 = pattern.pieces.iter().map(|piece| cube(piece.cells.len())).sum();
            let (_, p, q) = self.sample.dim();
            let each = 4.0 * (p * q * (p + q)) as f64;
            for from in (0..pattern.samples.len()).step_by(TOGETHER) {
                let samples = from..(from + TOGETHER).min(pattern.samples.len());
                let flops = once + each * samples.len() as f64;
                tasks.push(Task { pattern: k, samples, flops });
            }
        }
        let share = tasks.iter().map(|task| task.flops).sum::<f64>() / MAX_PARTS as f64;
        let mut parts: Vec<Vec<Task>> = vec![Vec::new()];
        let mut load = 0.0;
        for task in tasks {
            if load >= share {
                parts.push(Vec::new());
                load = 0.0;
            }
            load += task.flops;
            if let Some(last) = parts.last_mut() {
                last.push(task);
            }
        }
        parts
    }

    /// Adds up what `work` says of every piece, in a fixed order.
    fn add_up<T: Send>(
        &self,
        layout: &Layout,
        zero: impl Fn() -> T + Sync,
        work: impl Fn(&patterns::Pattern, &[usize], &mut T) -> Result<()> + Sync,
        mut add: impl FnMut(&T),
    ) -> Result<()> {
        let one = |part: &Vec<Task>| -> Result<T> {
            let mut out = zero();
            for task in part {
                let pattern = &layout.patterns[task.pattern];
                work(pattern, &pattern.samples[task.samples.clone()], &mut out)?;
            }
            Ok(out)
        };
        let parts: Vec<Result<T>> = self.parts(layout).par_iter().map(one).collect();
        for part in parts {
            add(&part?);
        }
        Ok(())
    }

    /// What ρ depends on, piece by piece: see [`Summaries`].
    fn summarise(&self, pass: &Pass<'_>, family: &dyn DofFamily) -> Result<Summaries> {
        let mut scratch = Scratch::default();
        let mut groups: Vec<(Margin, Vec<f64>)> = Vec::new();
        for pattern in &pass.layout.patterns {
            for piece in &pattern.pieces {
                let block = pass.frames.block(piece);
                let projector = Projector::new(&block, piece)?;
                let shape = pass.shape(piece, &block);
                let same = |(known, _): &(Margin, Vec<f64>)| {
                    known.shape == shape && known.weight.signum() == piece.sign
                };
                let at = groups.iter().position(same).unwrap_or_else(|| {
                    let weight = 0.0 * piece.sign;
                    groups.push((Margin { shape, weight, ..Margin::default() }, Vec::new()));
                    groups.len() - 1
                });
                groups[at].0.weight += piece.sign * pattern.samples.len() as f64;
                let width = family.summary_len(shape.0, shape.1);
                for &sample in &pattern.samples {
                    let y = pass.residual(sample, piece);
                    let white = pass.complete(&block, piece, projector.as_ref(), y.view());
                    let from = groups[at].1.len();
                    groups[at].1.resize(from + width, 0.0);
                    family.summarise(white.view(), &mut groups[at].1[from..], &mut scratch);
                }
            }
        }
        let part = |(margin, values): (Margin, Vec<f64>)| {
            let seen = Summaries::plain(values.into());
            SummaryPart { shape: margin.shape, weight: margin.weight, seen }
        };
        Ok(Summaries::of_parts(groups.into_iter().map(part).collect()))
    }
}

fn cube(u: usize) -> f64 {
    (u * u * u) as f64
}

impl Likelihood for Incomplete<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        let (_, p, q) = self.sample.dim();
        (self.n, p, q)
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn labels(&self) -> Labels<'_> {
        let names = BySide::new(self.sample.row_names(), self.sample.col_names());
        Labels { source: self.sample.source(), names, ..Labels::default() }
    }

    /// The averages of the observed cells; of all cells where one is never observed.
    fn average(&self) -> Result<Array2<f64>> {
        Ok(available(self.sample, |x, _| x))
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, _quick: bool) -> Result<Array2<f64>> {
        Ok(available(self.sample, |x, at| (x - mean[at]).powi(2)))
    }

    fn sums(&self, at: &Point, law: &dyn Law, _sides: Sides, into: &mut Sums) -> Result<()> {
        let layout = self.layout(law)?;
        let pass = Pass::new(self.sample.values(), at, law, layout);
        let (p, q) = at.dim();
        let zero = || {
            let mut sums = Sums::zeros(p, q);
            sums.clear(Sides::Both);
            sums
        };
        into.clear(Sides::Both);
        let work = |pattern: &_, samples: &_, out: &mut _| pass.add(pattern, samples, out);
        self.add_up(layout, zero, work, |part| into.add(part))?;
        for side in Side::BOTH {
            crate::linalg::symmetrise(into.scatter_mut(side));
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
        let layout = self.layout(law)?;
        let pass = Pass::new(self.sample.values(), at, law, layout);
        let (p, q) = at.dim();
        let work = |pattern: &_, samples: &[usize], out: &mut Tangent| {
            pass.add_curvature(pattern, samples, along, out)
        };
        into.scale(0.0);
        let zero = || Tangent::zeros(p, q);
        self.add_up(layout, zero, work, |part| into.add_scaled(-1.0, part))?;
        Ok(Support::Done)
    }

    fn each(&self, at: &Point, law: &dyn Law, visit: &mut Visit<'_>) -> Result<()> {
        let layout = self.layout(law)?;
        let pass = Pass::new(self.sample.values(), at, law, layout);
        let mut scratch = Scratch::default();
        let mut seen: Vec<(usize, f64, f64, f64)> = Vec::with_capacity(self.n);
        for pattern in &layout.patterns {
            let mut rows: Vec<_> = pattern.samples.iter().map(|&i| (i, 0.0, 0.0, 0.0)).collect();
            for piece in &pattern.pieces {
                let block = pass.frames.block(piece);
                let projector = Projector::new(&block, piece)?;
                let shape = pass.shape(piece, &block);
                let constant = law.ln_constant(shape.0, shape.1)
                    - Pass::half_ln_det(&block, piece, projector.as_ref());
                for row in &mut rows {
                    row.1 += piece.sign * piece.observed as f64;
                    let y = pass.residual(row.0, piece);
                    let white = pass.complete(&block, piece, projector.as_ref(), y.view());
                    let one = pass.weigh(piece, white, &mut scratch);
                    row.2 += piece.sign * one.delta;
                    row.3 += piece.sign * (constant - one.rho);
                }
            }
            seen.extend(rows);
        }
        seen.sort_by_key(|row| row.0);
        for (index, cells, distance, ln_density) in seen {
            let cells = cells as usize;
            visit(Observation { index, weight: 1.0, cells, distance, ln_density, white: None })?;
        }
        Ok(())
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let law = family.at(1.0);
        let layout = self.layout(law.as_ref())?;
        self.summarise(&Pass::new(self.sample.values(), at, law.as_ref(), layout), family)
    }

    fn existence(&self, model: &Model) -> Result<Vec<String>> {
        self.layout(model.law().as_ref())?;
        existence::check(self.sample, &self.masks, model)
    }
}

/// Averages of a function of the observed values of every cell.
fn available(sample: &Sample, f: impl Fn(f64, [usize; 2]) -> f64) -> Array2<f64> {
    let (_, p, q) = sample.dim();
    let mut sum = Array2::<f64>::zeros((p, q));
    let mut count = Array2::<f64>::zeros((p, q));
    for ((_, r, c), x) in sample.values().indexed_iter() {
        if !x.is_nan() {
            sum[[r, c]] += f(*x, [r, c]);
            count[[r, c]] += 1.0;
        }
    }
    let overall = sum.sum() / count.sum();
    Array2::from_shape_fn((p, q), |at| if count[at] > 0.0 { sum[at] / count[at] } else { overall })
}
