//! The profile of the exponential on a line, O(d) for a range: R⁻¹ is tridiagonal.

use super::Layout;
use super::search::{Look, Profile};
use ndarray::ArrayView2;

/// What a Markov chain needs of a scatter, step by step.
pub(super) struct Line {
    /// S_00.
    first: f64,
    steps: Vec<Step>,
}

/// From entry i − 1 to entry i.
struct Step {
    /// Distance in units of the smallest.
    ratio: f64,
    /// S_ii − 2S_{i,i−1} + S_{i−1,i−1}.
    change: f64,
    /// S_{i,i−1}.
    cross: f64,
    /// S_{i−1,i−1}.
    before: f64,
}

impl Line {
    pub(super) fn new(layout: &Layout, s: ArrayView2<'_, f64>) -> Self {
        let step = |i: usize| Step {
            ratio: layout.ratios[[i, i - 1]],
            change: (s[[i, i]] - s[[i, i - 1]]) + (s[[i - 1, i - 1]] - s[[i, i - 1]]),
            cross: s[[i, i - 1]],
            before: s[[i - 1, i - 1]],
        };
        Self { first: s[[0, 0]], steps: (1..s.nrows()).map(step).collect() }
    }
}

impl Profile for Line {
    fn at(&self, x: f64) -> Option<Look> {
        let d = (self.steps.len() + 1) as f64;
        let (mut ln_det, mut turn) = (0.0, 0.0);
        let (mut trace, mut along) = (self.first, 0.0);
        for step in &self.steps {
            let y = x * step.ratio;
            let (phi, gap) = ((-y).exp(), -(-y).exp_m1());
            // 1 − φ², and the sum of squares of x_i − φx_{i−1}.
            let innovation = gap * (1.0 + phi);
            let squares = step.change + 2.0 * gap * step.cross - innovation * step.before;
            // Changes with ln x: dφ = −yφ.
            let fall = y * phi;
            let grown = 2.0 * phi * fall / innovation;
            ln_det += innovation.ln();
            turn += grown;
            trace += squares / innovation;
            along += 2.0 * fall * (step.cross - phi * step.before) / innovation
                - squares / innovation * grown;
        }
        let value = d * (trace / d).ln() + ln_det;
        Some(Look { value, slope: d * along / trace + turn, variance: trace / d })
    }

    fn stride(&self) -> f64 {
        2.0
    }

    fn least(&self) -> f64 {
        1e-14
    }
}
