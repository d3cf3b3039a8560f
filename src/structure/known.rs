//! A factor that is known up to its scale: A = e^θ K.

use super::{Shape, not_definite, project_scale, usable};
use crate::linalg::{Root, Spd};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use std::sync::OnceLock;

/// A = e^θ K for a given K. The best for a scatter S has e^θ = tr(K⁻¹S)/d.
#[derive(Debug, Clone)]
pub struct Known {
    matrix: Array2<f64>,
    /// Root and inverse of K, made at the first need.
    factored: OnceLock<Result<(Root, Array2<f64>)>>,
}

const WHAT: &str = "the known factor";

impl Known {
    /// From K (d × d), which is looked at in [`Shape::check`].
    pub fn new(matrix: Array2<f64>) -> Self {
        Self { matrix, factored: OnceLock::new() }
    }

    fn factored(&self) -> Result<&(Root, Array2<f64>)> {
        let made = self.factored.get_or_init(|| {
            let spd = Spd::new(WHAT, self.matrix.clone())?;
            Ok((Root::from_lower(spd.lower().to_owned()), spd.inverse()))
        });
        made.as_ref().map_err(Error::clone)
    }

    /// c of the multiple cK that is best for a scatter S.
    fn scale_for(&self, scatter: ArrayView2<'_, f64>) -> Result<f64> {
        let (_, inverse) = self.factored()?;
        let trace: f64 = inverse.iter().zip(scatter).map(|(k, s)| k * s).sum();
        let scale = trace / scatter.nrows() as f64;
        if scale > 0.0 && scale.is_finite() { Ok(scale) } else { Err(not_definite(WHAT, 1)) }
    }
}

impl Shape for Known {
    fn name(&self) -> String {
        "known".to_owned()
    }

    /// K has to be d × d, symmetric and positive definite.
    fn check(&self, d: usize) -> Result<()> {
        if self.matrix.dim() != (d, d) {
            return Err(Error::shape(WHAT, format!("({d}, {d})"), self.matrix.dim()));
        }
        self.factored().map(|_| ())
    }

    fn n_parameters(&self, _d: usize) -> usize {
        1
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Ok(vec![self.scale_for(matrix)?.ln()])
    }

    fn matrix(&self, coordinates: &[f64], _d: usize) -> Result<Array2<f64>> {
        usable(WHAT, &self.matrix * coordinates.iter().sum::<f64>().exp())
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        _d: usize,
    ) -> Result<Array2<f64>> {
        Ok(&self.matrix * (direction.iter().sum::<f64>() * coordinates.iter().sum::<f64>().exp()))
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        usable(WHAT, &self.matrix * self.scale_for(scatter)?)
    }

    fn start(&self, _d: usize) -> Result<Array2<f64>> {
        Ok(self.matrix.clone())
    }

    fn root(&self, _what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let (root, _) = self.factored()?;
        let mut root = root.clone();
        root.scale(matrix.diag().sum() / self.matrix.diag().sum());
        Ok(root)
    }

    fn project(&self, _root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(project_scale(whitened))
    }
}
