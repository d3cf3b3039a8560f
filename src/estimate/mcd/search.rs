//! C-steps from random starts: the h nearest samples, one warm sweep, again.
//!
//! Q(H, θ) = Σ_{i∈H} δ_i + h(q ln|A| + p ln|B|) falls when H takes the h smallest δ, and when a
//! sweep improves θ: any number of sweeps between two choices of H is monotone.

use super::exact;
use super::subset::Subset;
use super::swap;
use super::task::{Search, usable};
use crate::family::{Generator, random, stream};
use crate::{Error, Result};
use rand::Rng;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// C-steps of one start; a few tens are needed.
const MOST_STEPS: usize = 500;
/// Times a subset has to come back before it is refitted.
const REPEATS: usize = 2;
/// Samples beyond which exchanges cost more than they gain.
const MOST_EXCHANGED: usize = 10_000;
/// Starts that are polished.
const POLISHED: usize = 10;
/// Relative gap of objectives that are the same.
const SAME: f64 = 1e-8;

/// Told (done, total) from any thread; `false` stops the work.
pub(super) type Watch<'w> = dyn Fn(usize, usize) -> bool + Sync + 'w;

/// The best subset and how many starts agree on it.
pub(super) struct Found {
    pub(super) best: Subset,
    /// Starts that ended in subsets of members too different in size.
    pub(super) lost: usize,
    pub(super) distinct: usize,
    pub(super) polished: usize,
    pub(super) agree: usize,
    pub(super) exchanged: bool,
}

impl Search<'_> {
    /// The whole search: starts, then exchanges for the best of them.
    pub(super) fn run(&self, starts: usize, seed: u64, watch: &Watch<'_>) -> Result<Found> {
        let n = self.sample.dim().0;
        let exchanged = n <= MOST_EXCHANGED;
        let total = starts + if exchanged { POLISHED.min(starts) } else { 0 };
        let done = AtomicUsize::new(0);
        let tell = || {
            if watch(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                return Ok(());
            }
            Err(Error::Interrupted { reason: "from outside".to_owned() })
        };
        // In order of the starts, whatever thread took them: errors too.
        let found: Vec<Result<Option<Subset>>> = (0..starts)
            .into_par_iter()
            .map(|start| {
                let mut rng = stream(seed, 0, random::STARTS, start as u64);
                let subset = usable(self.start(&mut rng).and_then(|first| self.settle(first)))?;
                tell().map(|()| subset)
            })
            .collect();
        let settled: Vec<Option<Subset>> = found.into_iter().collect::<Result<_>>()?;
        let lost = settled.iter().filter(|subset| subset.is_none()).count();
        let mut fixed = ordered(settled.into_iter().flatten().collect());
        if fixed.is_empty() {
            let what = format!("{}: no start led to a subset with a scatter", self.sample.source());
            let remedy = "give more starts, or look for matrices of very different sizes";
            return Err(Error::Degenerate { what, remedy: remedy.to_owned() });
        }
        let distinct = fixed.len();
        fixed.truncate(POLISHED);
        if exchanged {
            let polished: Vec<Result<Subset>> = fixed
                .into_par_iter()
                .map(|subset| {
                    let better = swap::polish(subset, self)?;
                    tell().map(|()| better)
                })
                .collect();
            fixed = polished.into_iter().collect::<Result<_>>()?;
            fixed.sort_by(better);
        }
        let polished = fixed.len();
        let least = fixed.first().map_or(f64::NAN, |best| best.objective);
        let limit = least + SAME * (1.0 + least.abs());
        let agree = fixed.iter().filter(|subset| subset.objective <= limit).count();
        let best = fixed.into_iter().next();
        let best = best.ok_or_else(|| Error::domain("the number of starts", 0, "at least 1"))?;
        Ok(Found { best, lost, distinct, polished, agree, exchanged })
    }

    /// A fit to a few samples drawn at random, more of them while they have no scatter.
    fn start(&self, rng: &mut Generator) -> Result<Subset> {
        let order = shuffled(self.sample.dim().0, rng);
        let mut size = self.first.min(self.h);
        loop {
            let members = order[..size].to_vec();
            match Subset::cold(self.values(), members) {
                Ok(subset) => return Ok(subset),
                Err(error) if size == self.h => {
                    return Err(exact::said(self.sample, &order[..size], error));
                }
                Err(_) => size += 1,
            }
        }
    }

    /// C-steps until the subset stays.
    fn settle(&self, mut subset: Subset) -> Result<Subset> {
        let mut repeats = 0;
        for _ in 0..MOST_STEPS {
            let members = self.nearest(&subset)?;
            repeats = if members == subset.members { repeats + 1 } else { 0 };
            if repeats < REPEATS {
                subset = self.moved(&subset, members, 1)?;
                continue;
            }
            self.refit(&mut subset)?;
            if self.nearest(&subset)? == subset.members {
                return Ok(subset);
            }
        }
        self.refit(&mut subset)?;
        Ok(subset)
    }

    /// The h samples with the smallest distances, sorted by their numbers.
    fn nearest(&self, subset: &Subset) -> Result<Vec<usize>> {
        let distances = subset.distances(&self.whole)?;
        let mut order: Vec<usize> = (0..distances.len()).collect();
        order.sort_by(|&i, &j| distances[i].total_cmp(&distances[j]).then(i.cmp(&j)));
        order.truncate(self.h);
        order.sort_unstable();
        Ok(order)
    }
}

fn better(a: &Subset, b: &Subset) -> std::cmp::Ordering {
    a.objective.total_cmp(&b.objective).then_with(|| a.members.cmp(&b.members))
}

/// The distinct subsets, best first.
fn ordered(mut all: Vec<Subset>) -> Vec<Subset> {
    // The same members first: their objectives differ by rounding.
    all.sort_by(|a, b| a.members.cmp(&b.members).then(a.objective.total_cmp(&b.objective)));
    all.dedup_by(|a, b| a.members == b.members);
    all.sort_by(better);
    all
}

/// The numbers below n in random order.
fn shuffled(n: usize, rng: &mut Generator) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        // The high word of x (i + 1): uniform up to 2⁻⁶⁴ (i + 1).
        let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
    order
}
