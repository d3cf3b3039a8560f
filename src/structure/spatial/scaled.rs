//! Free variances on given positions: the profile over the variances at a range.

use super::search::{Look, Profile, lowest};
use super::{Kernel, Layout, Spatial, WHAT, not_definite};
use crate::Result;
use crate::linalg::Root;
use crate::structure::Shape;
use crate::structure::het::{EqualVariances, scaling};
use ndarray::{Array1, Array2, ArrayView2};

/// A scatter with unit variances, and the distances that belong to it.
struct Scaled<'a> {
    shape: &'a Spatial,
    layout: &'a Layout,
    scatter: Array2<f64>,
}

impl Scaled<'_> {
    fn root(&self, x: f64) -> Option<Root> {
        let kernel = self.shape.kernel;
        let matrix = self.layout.assemble(1.0, |r| kernel.value(x * r));
        self.shape.root("the correlations at a range", matrix.view()).ok()
    }
}

impl Profile for Scaled<'_> {
    /// f = 2Σ ln s_i + ln|R| at the best s; its slope is that of R alone.
    fn at(&self, x: f64) -> Option<Look> {
        let root = self.root(x)?;
        let deviations = scaling::best(&root, self.scatter.view())?;
        let mut seen = self.scatter.clone();
        for ((i, j), value) in seen.indexed_iter_mut() {
            *value /= deviations[i] * deviations[j];
        }
        let white = root.whiten(seen.view());
        let kernel: Kernel = self.shape.kernel;
        let tangent = self.layout.assemble(0.0, |r| -kernel.slope(x * r));
        let tangent = root.whiten(tangent.view());
        let crossed: f64 = tangent.iter().zip(&white).map(|(a, b)| a * b).sum();
        let sizes: f64 = deviations.iter().map(|s| s.ln()).sum();
        let slope = tangent.diag().sum() - crossed;
        Some(Look { value: 2.0 * sizes + root.ln_det(), slope, variance: 1.0 })
    }

    fn stride(&self) -> f64 {
        3.0
    }

    fn least(&self) -> f64 {
        1e-4 / self.layout.ratios.iter().fold(1.0_f64, |m, r| m.max(*r))
    }
}

/// The best D R D for a scatter.
fn update(
    shape: &Spatial,
    scatter: ArrayView2<'_, f64>,
    current: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let d = scatter.nrows();
    let diagonal = scatter.diag();
    if let Some(i) = diagonal.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
        return Err(not_definite(WHAT, i + 1));
    }
    if d == 1 {
        return Ok(scatter.to_owned());
    }
    let deviations = diagonal.mapv(f64::sqrt);
    let by = |matrix: ArrayView2<'_, f64>, s: &Array1<f64>| {
        Array2::from_shape_fn((d, d), |(i, j)| matrix[[i, j]] / (s[i] * s[j]))
    };
    let now = current.diag().mapv(f64::sqrt);
    let now = shape.parameters(by(current, &now).view())?.1;
    let layout = shape.layout_of(d)?;
    let profile = Scaled { shape, layout, scatter: by(scatter, &deviations) };
    let Some((x, _)) = lowest(shape.kernel, layout, &profile, (now, 0.0))? else {
        return Ok(Array2::from_diag(&diagonal));
    };
    let root = profile.root(x).ok_or_else(|| not_definite(WHAT, d))?;
    let s = scaling::best(&root, profile.scatter.view()).ok_or_else(|| not_definite(WHAT, d))?;
    let s = s * deviations;
    let kernel = shape.kernel;
    let mut out = layout.assemble(1.0, |r| kernel.value(x * r));
    for ((i, j), value) in out.indexed_iter_mut() {
        *value *= s[i] * s[j];
    }
    Ok(out)
}

impl EqualVariances for Spatial {
    /// ∂R/∂φ, which does not vanish at independence as the coordinate's own tangent does.
    fn tangents(&self, rest: &[f64], d: usize) -> Result<(Vec<Array2<f64>>, bool)> {
        if rest.is_empty() {
            return Ok((Vec::new(), false));
        }
        let (_, x) = self.decoded(&self.unit(rest, d));
        Ok((vec![self.tangent(x, d)?], self.is_independent(x)))
    }

    fn update_scaled(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Option<Result<Array2<f64>>> {
        Some(update(self, scatter, current))
    }
}
