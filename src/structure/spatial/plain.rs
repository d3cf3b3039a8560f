//! The profile of any kernel at any positions, O(d³) for a range.

use super::search::{Look, Profile};
use super::{Kernel, Layout};
use crate::linalg::Root;
use ndarray::{Array2, ArrayView2};

/// A scatter with the distances that belong to it.
pub(super) struct Plain<'a> {
    kernel: Kernel,
    layout: &'a Layout,
    scatter: ArrayView2<'a, f64>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(kernel: Kernel, layout: &'a Layout, scatter: ArrayView2<'a, f64>) -> Self {
        Self { kernel, layout, scatter }
    }
}

impl Profile for Plain<'_> {
    /// Whitened, with L of R: slope tr Ṙ_w − tr(Ṙ_w S_w)/σ².
    fn at(&self, x: f64) -> Option<Look> {
        let d = self.layout.order() as f64;
        let matrix = self.layout.assemble(1.0, |r| self.kernel.value(x * r));
        let root = Root::of("the correlations at a range", matrix.view()).ok()?;
        let white = root.whiten(self.scatter);
        let variance = white.diag().sum() / d;
        let tangent: Array2<f64> = self.layout.assemble(0.0, |r| -self.kernel.slope(x * r));
        let tangent = root.whiten(tangent.view());
        let crossed: f64 = tangent.iter().zip(&white).map(|(a, b)| a * b).sum();
        let value = d * variance.ln() + root.ln_det();
        Some(Look { value, slope: tangent.diag().sum() - crossed / variance, variance })
    }

    fn stride(&self) -> f64 {
        3.0
    }

    /// Where the furthest are almost one: smoother kernels are singular long before.
    fn least(&self) -> f64 {
        1e-4 / self.layout.ratios.iter().fold(1.0_f64, |m, r| m.max(*r))
    }
}
