//! Stationary covariances: A_ij depends on |i − j| only, positive definite by construction.

use super::ar1::lag_sums;
use super::het::EqualVariances;
use super::{Parameter, Shape, descent, lags, not_definite, usable};
use crate::Result;
use ndarray::{Array2, ArrayView2};

/// A_ij = σ²r_|i−j|, any stationary covariance.
///
/// Coordinates: ln σ², then atanh of the partial autocorrelations z_1..z_{d−1}; the
/// autocorrelations follow by the Durbin–Levinson recursion, and every z in (−1, 1)^(d−1) is
/// positive definite. The best for a scatter is found by descent. At d = 2 this is
/// compound symmetry.
///
/// # References
/// Barndorff-Nielsen & Schou (1973), J. Multivariate Analysis 3, 408–419; Monahan (1984),
/// Biometrika 71, 403–404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Toeplitz;

const WHAT: &str = "a toeplitz factor";

/// Autocorrelations r_0 = 1, r_1, … from partial ones, with their change along `dz`.
fn autocorrelations(z: &[f64], dz: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut r, mut dr) = (vec![1.0], vec![0.0]);
    let (mut phi, mut dphi): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    // Innovation variance v = Π(1 − z²).
    let (mut v, mut dv) = (1.0, 0.0);
    for (k, (&z, &dz)) in z.iter().zip(dz).enumerate() {
        let sum: f64 = (0..k).map(|j| phi[j] * r[k - j]).sum();
        let dsum: f64 = (0..k).map(|j| dphi[j] * r[k - j] + phi[j] * dr[k - j]).sum();
        r.push(z * v + sum);
        dr.push(dz * v + z * dv + dsum);
        let next: Vec<f64> = (0..k).map(|j| phi[j] - z * phi[k - 1 - j]).collect();
        let dnext: Vec<f64> =
            (0..k).map(|j| dphi[j] - dz * phi[k - 1 - j] - z * dphi[k - 1 - j]).collect();
        (phi, dphi) = (next, dnext);
        phi.push(z);
        dphi.push(dz);
        dv = dv * (1.0 - z) * (1.0 + z) - 2.0 * v * z * dz;
        v *= (1.0 - z) * (1.0 + z);
    }
    (r, dr)
}

/// Partial autocorrelations of r_0 = 1, r_1, …; `None` when r is not positive definite.
fn partial(r: &[f64]) -> Option<Vec<f64>> {
    let mut phi: Vec<f64> = Vec::new();
    let mut v = 1.0;
    let mut out = Vec::new();
    for k in 1..r.len() {
        let sum: f64 = phi.iter().enumerate().map(|(j, p)| p * r[k - 1 - j]).sum();
        let z: f64 = (r[k] - sum) / v;
        if !(z.abs() < 1.0) {
            return None;
        }
        let mut next: Vec<f64> =
            (0..phi.len()).map(|j| phi[j] - z * phi[phi.len() - 1 - j]).collect();
        next.push(z);
        phi = next;
        v *= (1.0 - z) * (1.0 + z);
        out.push(z);
    }
    Some(out)
}

fn split(coordinates: &[f64]) -> (f64, Vec<f64>) {
    let variance = coordinates.first().map_or(1.0, |x| x.exp());
    (variance, coordinates.iter().skip(1).map(|x| x.tanh()).collect())
}

fn assemble(first_row: &[f64], d: usize) -> Array2<f64> {
    let at = |k: usize| first_row.get(k).copied().unwrap_or(0.0);
    Array2::from_shape_fn((d, d), |(i, j)| at(i.abs_diff(j)))
}

/// The change of the first row along a direction in the coordinates.
fn row_change(coordinates: &[f64], direction: &[f64]) -> Vec<f64> {
    let (variance, z) = split(coordinates);
    let dz: Vec<f64> =
        coordinates.iter().zip(direction).skip(1).map(|(x, t)| t * x.cosh().powi(-2)).collect();
    let (r, dr) = autocorrelations(&z, &dz);
    let scale = direction.first().copied().unwrap_or(0.0);
    r.iter().zip(&dr).map(|(r, dr)| variance * (scale * r + dr)).collect()
}

impl Shape for Toeplitz {
    fn name(&self) -> String {
        "toeplitz".to_owned()
    }

    fn distances(&self, d: usize) -> Option<Array2<f64>> {
        Some(lags(d))
    }

    fn n_parameters(&self, d: usize) -> usize {
        d
    }

    /// Averages along the diagonals; where those are not positive definite, sums divided by d,
    /// which always are.
    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = matrix.nrows();
        let sums = lag_sums(matrix);
        let variance = sums[0] / d as f64;
        if !(variance > 0.0 && variance.is_finite()) {
            return Err(not_definite(WHAT, 1));
        }
        let pairs = |k: usize| if k == 0 { d } else { 2 * (d - k) } as f64;
        let averaged = |divisor: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let mut r: Vec<f64> =
                sums.iter().enumerate().map(|(k, s)| s / divisor(k) / variance).collect();
            r[0] = 1.0;
            r
        };
        let biased = |k: usize| if k == 0 { d as f64 } else { 2.0 * d as f64 };
        let z = partial(&averaged(&pairs))
            .or_else(|| partial(&averaged(&biased)))
            .ok_or_else(|| not_definite(WHAT, d))?;
        Ok(std::iter::once(variance.ln()).chain(z.iter().map(|z| z.atanh())).collect())
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (variance, z) = split(coordinates);
        if let Some(i) = z.iter().position(|z| !(z.abs() < 1.0)) {
            return Err(not_definite(WHAT, i + 2));
        }
        let (r, _) = autocorrelations(&z, &vec![0.0; z.len()]);
        let row: Vec<f64> = r.iter().map(|r| variance * r).collect();
        usable(WHAT, assemble(&row, d))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        Ok(assemble(&row_change(coordinates, direction), d))
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let sums = lag_sums(gradient);
        let mut unit = vec![0.0; coordinates.len()];
        let along = |k: usize| {
            unit[k] = 1.0;
            let change = row_change(coordinates, &unit);
            unit[k] = 0.0;
            change.iter().zip(&sums).map(|(c, s)| c * s).sum()
        };
        Ok((0..coordinates.len()).map(along).collect())
    }

    /// Descent from the current matrix or from the scatter's averaged diagonals, whichever is
    /// lower: the structure is not geodesically convex.
    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let mut starts = vec![self.coordinates(current)?];
        starts.extend(self.coordinates(scatter));
        descent::update_in_coordinates(self, scatter, starts)
    }

    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let unit = matrix[[0, 0]];
        (1..matrix.nrows()).map(|k| Parameter::correlation(matrix[[0, k]] / unit).at(k)).collect()
    }
}

impl EqualVariances for Toeplitz {}
