//! Stationary autoregression of order one: A = σ²ρ^|i−j|.

use super::het::EqualVariances;
use super::{Parameter, Shape, lags, not_definite, project_scale, project_scale_and, usable};
use crate::Result;
use crate::linalg::Root;
use ndarray::{Array2, ArrayView2};

/// A_ij = σ²ρ^|i−j| with |ρ| < 1; coordinates (ln σ², atanh ρ).
///
/// At d = 1 there is no ρ and the one coordinate is ln σ². The best for a scatter S has ρ = the
/// one root in (−1, 1) of (d−1)s₂ρ³ − (d−2)s₁ρ² − (ds₂+s₀)ρ + ds₁ = 0 with s₀ = tr S,
/// s₁ = ΣS_{i,i+1}, s₂ = s₀ − S_11 − S_dd, and innovation variance (s₀ − 2ρs₁ + ρ²s₂)/d. Where ρ
/// is beyond what double precision tells from ±1 there is no positive definite answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ar1;

const WHAT: &str = "an ar1 factor";
/// Largest |ρ| that is a double below 1.
const LARGEST: f64 = 1.0 - f64::EPSILON / 2.0;

/// (σ², ρ) of a matrix of the structure; averages where it is not quite of it. ρ = 0 at d = 1.
fn parameters(matrix: ArrayView2<'_, f64>) -> Result<(f64, f64)> {
    let d = matrix.nrows();
    let variance = matrix.diag().sum() / d as f64;
    if !(variance > 0.0 && variance.is_finite()) {
        return Err(not_definite(WHAT, 1));
    }
    if d == 1 {
        return Ok((variance, 0.0));
    }
    let lag: f64 = (1..d).map(|i| matrix[[i, i - 1]]).sum::<f64>() / (d - 1) as f64;
    Ok((variance, (lag / variance).clamp(-LARGEST, LARGEST)))
}

fn decoded(coordinates: &[f64]) -> (f64, f64) {
    let variance = coordinates.first().map_or(1.0, |x| x.exp());
    (variance, coordinates.get(1).map_or(0.0, |x| x.tanh()))
}

/// The Toeplitz matrix with f(lag).
fn banded(d: usize, f: impl Fn(usize) -> f64) -> Array2<f64> {
    let values: Vec<f64> = (0..d).map(f).collect();
    Array2::from_shape_fn((d, d), |(i, j)| values[i.abs_diff(j)])
}

fn assemble(variance: f64, rho: f64, d: usize) -> Result<Array2<f64>> {
    if d > 1 && rho.abs() >= 1.0 {
        return Err(not_definite(WHAT, 2));
    }
    usable(WHAT, banded(d, |k| variance * rho.powi(k as i32)))
}

/// kρ^(k−1) as a function of the lag k: ∂(ρ^k)/∂ρ.
fn slope(rho: f64, k: usize) -> f64 {
    if k == 0 { 0.0 } else { k as f64 * rho.powi(k as i32 - 1) }
}

/// (1 − ρ²) = ∂ρ/∂ atanh ρ, without cancellation.
fn rate(coordinates: &[f64]) -> f64 {
    coordinates.get(1).map_or(0.0, |x| x.cosh().powi(-2))
}

/// The root in (−1, 1) of the cubic; the interval is kept by bisection, Newton does the rest.
fn best_rho(d: f64, [s0, s1, s2]: [f64; 3]) -> f64 {
    let cubic = |r: f64| (((d - 1.0) * s2 * r - (d - 2.0) * s1) * r - (d * s2 + s0)) * r + d * s1;
    let derivative = |r: f64| (3.0 * (d - 1.0) * s2 * r - 2.0 * (d - 2.0) * s1) * r - (d * s2 + s0);
    let (mut low, mut high) = (-1.0, 1.0);
    let mut rho = (s1 / s0).clamp(-0.9, 0.9);
    for _ in 0..200 {
        let value = cubic(rho);
        if value == 0.0 {
            return rho;
        }
        if value > 0.0 {
            low = rho;
        } else {
            high = rho;
        }
        let newton = rho - value / derivative(rho);
        let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
        if (next - rho).abs() <= f64::EPSILON * rho.abs() {
            return next;
        }
        rho = next;
    }
    rho
}

impl Shape for Ar1 {
    fn name(&self) -> String {
        "ar1".to_owned()
    }

    fn distances(&self, d: usize) -> Option<Array2<f64>> {
        Some(lags(d))
    }

    fn n_parameters(&self, d: usize) -> usize {
        d.min(2)
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (variance, rho) = parameters(matrix)?;
        let mut out = vec![variance.ln()];
        if matrix.nrows() > 1 {
            out.push(rho.atanh());
        }
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (variance, rho) = decoded(coordinates);
        assemble(variance, rho, d)
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (variance, rho) = decoded(coordinates);
        let scale = direction.first().copied().unwrap_or(0.0);
        let turn = direction.get(1).copied().unwrap_or(0.0) * rate(coordinates);
        Ok(banded(d, |k| variance * (scale * rho.powi(k as i32) + turn * slope(rho, k))))
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (variance, rho) = decoded(coordinates);
        let sums = lag_sums(gradient);
        let along = |f: &dyn Fn(usize) -> f64| {
            variance * sums.iter().enumerate().map(|(k, s)| s * f(k)).sum::<f64>()
        };
        let mut out = vec![along(&|k| rho.powi(k as i32))];
        if coordinates.len() > 1 {
            out.push(rate(coordinates) * along(&|k| slope(rho, k)));
        }
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let d = scatter.nrows();
        let s0 = scatter.diag().sum();
        if d == 1 {
            return assemble(s0, 0.0, 1);
        }
        let s1: f64 = (1..d).map(|i| scatter[[i, i - 1]]).sum();
        let s2: f64 = (1..d - 1).map(|i| scatter[[i, i]]).sum();
        if !(s0 > 0.0 && s0.is_finite() && s1.is_finite()) {
            return Err(not_definite(WHAT, 1));
        }
        let rho = best_rho(d as f64, [s0, s1, s2]);
        let innovation = (s0 - 2.0 * rho * s1 + rho * rho * s2) / d as f64;
        assemble(innovation / ((1.0 - rho) * (1.0 + rho)), rho, d)
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let (variance, rho) = parameters(matrix)?;
        Root::of_ar1(what, variance, rho, matrix.nrows())
    }

    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        if matrix.nrows() == 1 {
            return Vec::new();
        }
        vec![Parameter::correlation(matrix[[0, 1]] / matrix[[0, 0]])]
    }

    /// The tangent space is spanned by A (whitened: I) and ∂A/∂ρ.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        if d == 1 {
            return Ok(project_scale(whitened));
        }
        let (variance, rho) = parameters(root.matrix().view())?;
        let mut rest = root.whiten(banded(d, |k| variance * slope(rho, k)).view());
        let mean = rest.diag().sum() / d as f64;
        rest.diag_mut().iter_mut().for_each(|x| *x -= mean);
        Ok(project_scale_and(whitened, &rest))
    }
}

impl EqualVariances for Ar1 {}

/// Sums over the diagonals, both sides of it.
pub(super) fn lag_sums(matrix: ArrayView2<'_, f64>) -> Vec<f64> {
    let mut sums = vec![0.0; matrix.nrows()];
    for ((i, j), x) in matrix.indexed_iter() {
        sums[i.abs_diff(j)] += x;
    }
    sums
}
