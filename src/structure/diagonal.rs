//! Independent rows (or columns): A = diag(e^θ).

use super::{Shape, not_definite, usable};
use crate::Result;
use crate::linalg::Root;
use ndarray::{Array1, Array2, ArrayView2};

/// A = diag(e^θ_1, …, e^θ_d). The best for a scatter S is diag S.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Diagonal;

const WHAT: &str = "a diagonal factor";

impl Shape for Diagonal {
    fn name(&self) -> String {
        "diagonal".to_owned()
    }

    fn n_parameters(&self, d: usize) -> usize {
        d
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let diagonal = matrix.diag();
        match diagonal.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            Some(i) => Err(not_definite(WHAT, i + 1)),
            None => Ok(diagonal.iter().map(|x| x.ln()).collect()),
        }
    }

    fn matrix(&self, coordinates: &[f64], _d: usize) -> Result<Array2<f64>> {
        let diagonal: Array1<f64> = coordinates.iter().map(|x| x.exp()).collect();
        usable(WHAT, Array2::from_diag(&diagonal))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        _d: usize,
    ) -> Result<Array2<f64>> {
        let step: Array1<f64> =
            coordinates.iter().zip(direction).map(|(x, t)| t * x.exp()).collect();
        Ok(Array2::from_diag(&step))
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Ok(coordinates.iter().zip(gradient.diag()).map(|(x, g)| g * x.exp()).collect())
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        usable(WHAT, Array2::from_diag(&scatter.diag()))
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        Root::of_diagonal(what, matrix.diag())
    }

    /// A zero on the scatter's diagonal is a variance of zero.
    fn tolerates_constants(&self) -> bool {
        false
    }

    fn project(&self, _root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(Array2::from_diag(&whitened.diag()))
    }
}
