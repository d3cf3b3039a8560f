//! The default policy: flip-flop while it is fast (accelerated where both factors are unstructured),
//! a method of second order where it would crawl: Newton-CG for unstructured factors, L-BFGS on
//! all parameters for structured ones.

use super::anderson::Anderson;
use super::climb::Stepper;
use super::coordinates::Coordinates;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{dof, flip_flop, joint, newton};
use crate::Result;
use crate::family::Law;
use crate::optim::{Settings, Stop};

// ANCHOR: policy
/// Over how many sweeps the rate is measured.
const WINDOW: usize = 4;
/// Sweeps before the rate is believed, and the number of predicted sweeps beyond which the faster
/// method takes over.
const PATIENCE: (usize, f64) = (7, 25.0);
/// The same for Newton where the law weighs by matrices: a Hessian product costs several passes.
const MATRIX_PATIENCE: (usize, f64) = (20, 150.0);
// ANCHOR_END: policy

/// Score below which rounding hides the differences that a line search compares, and Newton steps
/// are taken.
const COARSE: f64 = 1e-7;
/// Score below which a Newton step that finds nothing better has met rounding.
const ROUNDING: f64 = 1e-6;
/// ν above which sweeps, which maximise over it, take the place of L-BFGS.
const FLAT_DOF: f64 = 1e3;
/// Iterations of L-BFGS that make one step.
const ROUND: usize = 40;

/// Accelerated sweeps that watch their own rate: with s_k the lowest score of the first k sweeps the
/// rate is r = (s_k/s_{k−4})^{1/4}, and ln(tol/s_k)/ln r sweeps are left.
#[derive(Debug)]
pub(super) struct Auto {
    tol: f64,
    scores: Vec<f64>,
    /// Has flip-flop been given up?
    faster: bool,
    structured: bool,
    /// Did the last round end because nothing better was found?
    failed: bool,
    /// Is rounding all that is left for Newton to see? Then sweeps have the last word.
    exhausted: bool,
    memory: Anderson,
}

impl Auto {
    pub(super) fn new(problem: &Problem<'_>, tol: f64) -> Self {
        let structured = !problem.is_unstructured();
        Self {
            tol,
            scores: Vec::new(),
            faster: false,
            structured,
            failed: false,
            exhausted: false,
            memory: Anderson::default(),
        }
    }

    /// Sweeps left by the measured rate; infinite while the score does not fall.
    fn sweeps_left(&self) -> f64 {
        let last = self.scores.len() - 1;
        let score = self.scores[last];
        let rate = (score / self.scores[last - WINDOW]).powf(1.0 / WINDOW as f64);
        if rate < 1.0 { (self.tol / score).ln() / rate.ln() } else { f64::INFINITY }
    }

    /// Is it time for a faster method?
    fn crawls(&self, law: &dyn Law, count: usize) -> bool {
        let costly = !self.structured && law.weighting().is_matrix();
        let (warm_up, most) = if costly { MATRIX_PATIENCE } else { PATIENCE };
        count >= warm_up && self.sweeps_left() > most
    }

    /// One round of L-BFGS in coordinates around the current point; `false` where it came to
    /// nothing, and a sweep is due.
    fn round(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) -> Result<bool> {
        // Towards the Gaussian the likelihood is flat in ν, and only a sweep finds its end.
        let undecided = |here: &Iterate| here.law.dof().is_some_and(|dof| dof > FLAT_DOF);
        if undecided(iterate) {
            return Ok(false);
        }
        problem.complete(iterate)?;
        let (score, log_likelihood) = (iterate.score.worst(), iterate.log_likelihood());
        let first = Settings::default();
        // Where rounding hides the differences that a line search compares, Newton steps are
        // judged by their score.
        let (settings, most) = match score < COARSE || self.failed && score < joint::NEAR {
            true => (joint::newton_like(&first), joint::POLISH),
            false => (first, ROUND),
        };
        let how = (Coordinates::default(), &settings);
        let mut watch = |here: &Iterate| !undecided(here);
        let tol = if score < COARSE { self.tol } else { self.tol.max(COARSE) };
        let stop = joint::search(problem, iterate, how, (tol, most), &mut watch)?;
        self.failed = stop == Stop::NoProgress;
        let gain = iterate.log_likelihood() - log_likelihood;
        let higher = gain > 1e-12 * (1.0 + log_likelihood.abs());
        Ok(higher || iterate.score.worst() < 0.5 * score)
    }
}

impl Stepper for Auto {
    fn name(&self) -> &'static str {
        match (self.faster, self.structured) {
            (false, false) => "accelerated flip-flop",
            (true, false) => "accelerated flip-flop, newton",
            (false, true) => "flip-flop",
            (true, true) => "flip-flop, joint",
        }
    }

    /// One round is many passes: as many passes as iterations are enough.
    fn budget(&self, max_iter: usize) -> usize {
        if self.structured { max_iter.max(ROUND * ROUND) } else { usize::MAX }
    }

    fn patience(&self) -> usize {
        if self.faster && !self.exhausted { 6 } else { 60 }
    }

    fn advance(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        count: usize,
    ) -> Result<bool> {
        let lowest = self.scores.last().copied().unwrap_or(f64::INFINITY);
        self.scores.push(lowest.min(iterate.score.worst()));
        // Signed sums of blocks have no step of their own that is sure to rise.
        let signed = !problem.likelihood.is_complete() && iterate.law.weighting().is_matrix();
        self.faster = self.faster || signed || self.crawls(&*iterate.law, count);
        let done = match (self.faster, self.structured) {
            (false, _) => false,
            (true, false) if self.exhausted => false,
            (true, false) => {
                let moved = newton::step(problem, iterate, self.tol)?;
                self.exhausted = !moved && iterate.score.worst() < ROUNDING;
                moved
            }
            (true, true) => self.round(problem, iterate)?,
        };
        if done {
            return Ok(true);
        }
        if signed && problem.model.estimates_dof() {
            dof::update(problem, iterate)?;
            problem.evaluate(iterate)?;
        } else if self.faster || self.structured {
            flip_flop::sweep(problem, iterate, count)?;
        } else {
            self.memory.sweep(problem, iterate)?;
        }
        Ok(true)
    }
}
