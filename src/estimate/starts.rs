//! Several starts, where nothing says that a stationary point is the maximum.
//!
//! −ℓ is geodesically convex for unstructured, diagonal, compound-symmetry, identity and known
//! factors (they are totally geodesic sets); for the other structures there can be several maxima.

use super::climb::Outcome;
use super::iterate::Iterate;
use super::options::{FitOptions, Silent};
use super::problem::Problem;
use super::{flip_flop, run};
use crate::Result;
use crate::kronecker::Side;
use crate::linalg::matmul;
use crate::structure::Structure;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Instant;

/// Starts besides the plain one.
const MORE: usize = 3;
/// Sweeps after which starts are compared where there is no time to take them all to their ends.
const SWEEPS: usize = 6;
/// Most iterations to the end of a start.
const END: usize = 12;
/// Flops of a pass up to which every start is taken to its end.
const CHEAP: usize = 200_000;
/// Difference of ℓ, relative to 1 + |ℓ|, below which two maxima are one.
const SAME: f64 = 1e-7;

/// What the other starts said.
pub(super) struct Verdict {
    /// A higher maximum.
    pub(super) better: Option<Outcome>,
    pub(super) warning: Option<String>,
}

/// Can the likelihood have maxima of several heights in this factor? AR(1) factors have never been
/// seen to, nor correlation factors, and are left alone.
fn is_doubtful(structure: &Structure) -> bool {
    matches!(structure, Structure::Factor(_) | Structure::Toeplitz)
}

/// Climbs from other starts and compares with what was found.
pub(super) fn compare(
    problem: &Problem<'_>,
    found: &Outcome,
    options: &FitOptions,
    clock: Instant,
) -> Verdict {
    let nothing = Verdict { better: None, warning: None };
    let doubtful = |side: Side| {
        let (_, p, q) = problem.dim();
        let order = if side == Side::Rows { p } else { q };
        order > 2 && is_doubtful(problem.model.structure(side))
    };
    if !found.termination.is_converged() || !Side::BOTH.into_iter().any(doubtful) {
        return nothing;
    }
    let (n, p, q) = problem.dim();
    let cheap = 2 * n * p * q * (p + q) <= CHEAP;
    let mut starts: Vec<Iterate> =
        (0..MORE).filter_map(|k| start(problem, &found.iterate, k, &doubtful).ok()).collect();
    if !cheap {
        let height = |iterate: &Iterate| iterate.log_likelihood();
        starts.sort_by(|a, b| height(b).total_cmp(&height(a)));
        starts.truncate(1);
    }
    let options = FitOptions { max_iter: options.max_iter.min(END), ..options.clone() };
    let ends: Vec<Outcome> = starts
        .into_iter()
        .filter_map(|start| run(problem, start, &options, &mut Silent, clock).ok())
        .filter(|end| end.termination.is_converged())
        .collect();
    verdict(found, ends)
}

fn verdict(found: &Outcome, ends: Vec<Outcome>) -> Verdict {
    let height = |outcome: &Outcome| outcome.iterate.log_likelihood();
    let all: Vec<f64> = ends.iter().chain([found]).map(height).collect();
    let best = all.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    let level = |x: f64| x >= best - SAME * (1.0 + best.abs());
    let agree = all.iter().filter(|x| level(**x)).count();
    let warning = (agree < all.len()).then(|| {
        format!(
            "local maximum: {agree} of {} starts end here, the others lower; with these structures \
             nothing says that it is the overall maximum",
            all.len()
        )
    });
    let higher = |end: &Outcome| !level(height(found)) && level(height(end));
    Verdict { better: ends.into_iter().find(higher), warning }
}

/// The structure's nearest to a random scatter around the estimate, and a few sweeps.
fn start(
    problem: &Problem<'_>,
    found: &Iterate,
    k: usize,
    doubtful: &dyn Fn(Side) -> bool,
) -> Result<Iterate> {
    let mut iterate = Iterate::new(found.point.clone(), found.law.clone());
    if problem.model.estimates_dof() {
        iterate.score.dof = f64::INFINITY;
    }
    for side in Side::BOTH {
        if doubtful(side) {
            let root = &iterate.point.factors[side];
            let scatter = root.unwhiten(random_scatter(root.order(), k).view());
            let shape = &problem.shapes[side];
            let moved = shape.advance(side.letter(), scatter.view(), root)?;
            iterate.point.factors[side] = moved;
        }
    }
    problem.evaluate(&mut iterate)?;
    for count in 0..SWEEPS {
        flip_flop::sweep(problem, &mut iterate, count)?;
    }
    problem.complete(&mut iterate)?;
    Ok(iterate)
}

/// A positive definite matrix with strong correlations at random: GGᵀ/d + I/10, the same for the
/// same order and number.
fn random_scatter(d: usize, k: usize) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64((d * 1009 + k) as u64);
    let mut uniform = || 2.0 * (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32) - 1.0;
    let g = Array2::from_shape_fn((d, d.min(2)), |_| 2.0 * uniform());
    let mut out = matmul(g.view(), g.t());
    out.diag_mut().mapv_inplace(|x| x + 0.1);
    out
}
