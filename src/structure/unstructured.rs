//! Any symmetric positive definite matrix, in log-Cholesky coordinates.

use super::Shape;
use crate::linalg::{Root, Triangle, cholesky_lower, gemm, matmul};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// No structure: A = L Lᵀ with L_ii = exp θ_ii and L_ij = θ_ij below the diagonal, coordinates
/// row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unstructured;

fn lower_of(coordinates: &[f64], d: usize) -> Array2<f64> {
    let mut lower = Array2::zeros((d, d));
    let mut theta = coordinates.iter();
    for i in 0..d {
        for j in 0..=i {
            let value = theta.next().copied().unwrap_or(0.0);
            lower[[i, j]] = if i == j { value.exp() } else { value };
        }
    }
    lower
}

/// The order d of a factor with k = d(d+1)/2 coordinates.
fn order_of(k: usize) -> usize {
    ((((8 * k + 1) as f64).sqrt() - 1.0) / 2.0).round() as usize
}

impl Shape for Unstructured {
    fn name(&self) -> String {
        "unstructured".to_owned()
    }

    fn n_parameters(&self, d: usize) -> usize {
        d * (d + 1) / 2
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let lower = cholesky_lower("an unstructured factor", matrix)?;
        let d = lower.nrows();
        let entry = |i: usize, j: usize| if i == j { lower[[i, i]].ln() } else { lower[[i, j]] };
        Ok((0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect())
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let lower = lower_of(coordinates, d);
        if lower.diag().iter().all(|x| x.is_finite() && *x > 0.0) {
            Ok(matmul(lower.view(), lower.t()))
        } else {
            Err(Error::NotPositiveDefinite { what: "an unstructured factor".to_owned(), minor: d })
        }
    }

    /// ∇_L = 2 tril(G L); the diagonal is further multiplied by L_ii.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = order_of(coordinates.len());
        let lower = lower_of(coordinates, d);
        let mut product = Array2::zeros((d, d));
        gemm(
            2.0,
            (gradient, Triangle::Full),
            (lower.view(), Triangle::Lower),
            false,
            (product.view_mut(), Triangle::Lower),
        );
        let entry = |i: usize, j: usize| product[[i, j]] * if i == j { lower[[i, i]] } else { 1.0 };
        Ok((0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect())
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let lower = lower_of(coordinates, d);
        let mut step = Array2::zeros((d, d));
        let mut t = direction.iter();
        for i in 0..d {
            for j in 0..=i {
                let value = t.next().copied().unwrap_or(0.0);
                step[[i, j]] = if i == j { value * lower[[i, i]] } else { value };
            }
        }
        let half = matmul(step.view(), lower.t());
        Ok(&half + &half.t())
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        Ok(scatter.to_owned())
    }

    fn is_unstructured(&self) -> bool {
        true
    }

    fn required_rank(&self, d: usize) -> usize {
        d
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    fn project(&self, _root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(whitened.to_owned())
    }
}
