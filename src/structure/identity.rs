//! Independent rows (or columns) of equal variance: A = e^θ I.

use super::{Shape, not_definite, project_scale, usable};
use crate::Result;
use crate::linalg::Root;
use ndarray::{Array2, ArrayView2};

/// A = e^θ I. The best for a scatter S is (tr S / d) I.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity;

const WHAT: &str = "an identity factor";

impl Shape for Identity {
    fn name(&self) -> String {
        "identity".to_owned()
    }

    fn n_parameters(&self, _d: usize) -> usize {
        1
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let mean = matrix.diag().sum() / matrix.nrows() as f64;
        if mean > 0.0 && mean.is_finite() {
            Ok(vec![mean.ln()])
        } else {
            Err(not_definite(WHAT, 1))
        }
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        usable(WHAT, Array2::eye(d) * scale_of(coordinates))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let step = direction.iter().sum::<f64>();
        Ok(Array2::eye(d) * (step * scale_of(coordinates)))
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Ok(vec![gradient.diag().sum() * scale_of(coordinates)])
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let d = scatter.nrows();
        usable(WHAT, Array2::eye(d) * (scatter.diag().sum() / d as f64))
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        Root::of_diagonal(what, matrix.diag())
    }

    fn project(&self, _root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(project_scale(whitened))
    }
}

fn scale_of(coordinates: &[f64]) -> f64 {
    coordinates.iter().sum::<f64>().exp()
}
