//! The estimate of Werner, Jansson & Stoica: three half-steps and no iteration.

use super::climb::{self, Outcome};
use super::flip_flop;
use super::iterate::Iterate;
use super::options::{Observer, Termination};
use super::problem::Problem;
use crate::Result;
use crate::kronecker::Side;
use std::time::Instant;

/// A₁ from B = I, B₁ from A₁, A₂ from B₁; the estimate is A₂ ⊗ B₁.
///
/// As efficient as the maximum likelihood estimate in large samples for the Gaussian with
/// unstructured factors, but not the maximum itself.
///
/// # References
/// Werner, Jansson & Stoica (2008), IEEE Trans. Signal Processing 56, 478–491, section IV.
pub(super) fn run(
    problem: &Problem<'_>,
    start: Iterate,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<Outcome> {
    let mut iterate = start;
    let mut trace = vec![climb::note(&iterate, 0, clock)];
    let mut go_on = observer.step(&trace[0]);
    for count in 1..=2 {
        if !go_on {
            break;
        }
        if count == 1 {
            flip_flop::sweep(problem, &mut iterate, 0)?;
        } else {
            flip_flop::factor_step(problem, &mut iterate, Side::Rows)?;
            iterate.point.balance();
            problem.evaluate(&mut iterate)?;
        }
        let step = climb::note(&iterate, count, clock);
        trace.push(step);
        go_on = observer.step(&step);
    }
    let iterations = trace.len() - 1;
    let termination =
        if go_on || iterations == 2 { Termination::ThreeStep } else { Termination::Interrupted };
    Ok(Outcome { iterate, termination, method: "three-step", iterations, trace })
}
