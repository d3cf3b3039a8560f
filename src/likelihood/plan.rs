//! How a sample is cut into blocks and partial sums, and the memory that goes with it.

use super::Sums;
use super::lanes::Lanes;
use super::share::Block;
use super::stacked::Buffers;
use crate::linalg::kernel::LANES;
use std::sync::Mutex;

/// How a sample is cut up, from its shape alone, so that results do not depend on threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Are there samples enough to keep them in lane order?
    pub(super) lanes: bool,
    /// Samples in a block.
    pub(super) block: usize,
    /// Samples in a partial sum, a multiple of the block.
    pub(super) chunk: usize,
    /// Last samples that are too few for lanes: they are stacked.
    pub(super) tail: usize,
}

/// Doubles in one lane-ordered block: it stays in a core's second-level cache.
const LANE_DOUBLES: usize = 96 * 1024;
/// Most samples of a lane-ordered block: beyond, the rows of small matrices leave the first-level
/// cache.
const MAX_LANES: usize = 64;
/// Entries of a matrix from which on a few samples left over are faster stacked than in lanes.
const STACKED_TAIL: usize = 2500;
/// Doubles in one stacked block: two buffers of this size share a second-level cache.
pub(super) const BLOCK_DOUBLES: usize = 24 * 1024;
/// Most partial sums.
const MAX_CHUNKS: usize = 32;
/// Flops below which a partial sum of its own, or another thread, costs more than it saves.
const CHUNK_FLOPS: usize = 1_000_000;

impl Plan {
    pub(super) fn new(n: usize, p: usize, q: usize) -> Self {
        let (d, flops) = (p * q, 2 * p * q * (p + q));
        // Lanes without a sample are work for nothing: not for few samples.
        let rest = n % LANES;
        let tail = if d >= STACKED_TAIL && 2 * rest <= LANES { rest } else { 0 };
        let lanes = n > tail && 5 * (n - tail).next_multiple_of(LANES) <= 8 * (n - tail);
        let tail = if lanes { tail } else { 0 };
        let block = if lanes {
            (LANE_DOUBLES / d / LANES * LANES).clamp(LANES, MAX_LANES)
        } else {
            (BLOCK_DOUBLES / d).clamp(1, n)
        };
        // Together the partial sums are no larger than the data.
        let most = (n * d / (p * p + q * q + d)).clamp(1, MAX_CHUNKS);
        let blocks = n.div_ceil(block).div_ceil(most).max(CHUNK_FLOPS.div_ceil(flops * block));
        Self { lanes, block, chunk: block * blocks, tail }
    }

    /// Partial sums of n samples.
    pub(super) fn chunks(self, n: usize) -> usize {
        n.div_ceil(self.chunk)
    }

    /// The blocks of a chunk of n samples.
    pub(super) fn blocks(self, n: usize, chunk: usize) -> impl Iterator<Item = Block> + use<> {
        let Self { lanes, block, chunk: length, tail } = self;
        let end = ((chunk + 1) * length).min(n - tail);
        let last = tail > 0 && (chunk + 1) * length >= n;
        (chunk * length..end)
            .step_by(block)
            .map(move |at| Block { at, m: block.min(end - at), lanes })
            .chain(last.then_some(Block { at: n - tail, m: tail, lanes: false }))
    }
}

/// What a pass needs room for, kept from one pass to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) partials: Vec<Sums>,
    pub(super) workers: Vec<Mutex<Worker>>,
}

/// Memory of one thread.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) lanes: Option<Box<Lanes>>,
    pub(super) stacked: Option<Box<Buffers>>,
}

impl Memory {
    pub(super) fn grow(
        &mut self,
        partials: usize,
        workers: usize,
        plan: Plan,
        (p, q): (usize, usize),
    ) {
        while self.partials.len() < partials {
            self.partials.push(Sums::zeros(p, q));
        }
        while self.workers.len() < workers {
            self.workers.push(Mutex::new(Worker::new(plan, p, q)));
        }
    }
}

impl Worker {
    pub(super) fn new(plan: Plan, p: usize, q: usize) -> Self {
        let stacked = if plan.lanes { plan.tail } else { plan.block };
        Self {
            lanes: plan.lanes.then(|| Box::new(Lanes::new(plan.block, p, q))),
            stacked: (stacked > 0).then(|| Box::new(Buffers::new(stacked, p, q))),
        }
    }
}
