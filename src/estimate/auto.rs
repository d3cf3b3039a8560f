//! The default policy: flip-flop while it is fast, Newton-CG where it would crawl.

use super::climb::Stepper;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{flip_flop, newton};
use crate::Result;

// ANCHOR: policy
/// Sweeps before the rate is believed.
const WARM_UP: usize = 6;
/// Over how many sweeps the rate is measured.
const WINDOW: usize = 3;
/// More predicted sweeps than this, and Newton takes over.
const MOST_SWEEPS: f64 = 25.0;
// ANCHOR_END: policy

/// Sweeps that watch their own rate: with scores s_k the rate is r = (s_k/s_{k−3})^{1/3} and
/// ln(tol/s_k)/ln r sweeps are left.
#[derive(Debug)]
pub(super) struct Auto {
    tol: f64,
    scores: Vec<f64>,
    newton: bool,
}

impl Auto {
    pub(super) fn new(tol: f64) -> Self {
        Self { tol, scores: Vec::new(), newton: false }
    }

    /// Sweeps left by the measured rate; infinite while the score does not fall.
    fn sweeps_left(&self) -> f64 {
        let last = self.scores.len() - 1;
        let score = self.scores[last];
        let rate = (score / self.scores[last - WINDOW]).powf(1.0 / WINDOW as f64);
        if rate < 1.0 { (self.tol / score).ln() / rate.ln() } else { f64::INFINITY }
    }
}

impl Stepper for Auto {
    fn name(&self) -> &'static str {
        if self.newton { "flip-flop, newton" } else { "flip-flop" }
    }

    fn patience(&self) -> usize {
        if self.newton { 6 } else { 60 }
    }

    fn advance(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        count: usize,
    ) -> Result<bool> {
        self.scores.push(iterate.score.worst());
        if !self.newton && count >= WARM_UP && problem.is_unstructured() {
            self.newton = self.sweeps_left() > MOST_SWEEPS;
        }
        if self.newton && newton::step(problem, iterate, self.tol)? {
            return Ok(true);
        }
        flip_flop::sweep(problem, iterate, count)?;
        Ok(true)
    }
}
