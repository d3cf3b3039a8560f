//! What covariates leave of a sample: X_i − Σ_k z_ik Θ_k, made once per value of the coefficients.

use super::share::add_outer;
use crate::linalg::{Triangle, as_matrix, gemm, matmul};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, CowArray, Ix2};
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

/// Covariates z (n × m), and what they left at the last coefficients.
#[derive(Debug)]
pub(super) struct Explained<'a> {
    design: CowArray<'a, f64, Ix2>,
    last: Mutex<Option<Arc<Residuals>>>,
}

/// Residuals at some coefficients.
#[derive(Debug, Clone)]
pub(super) struct Residuals {
    /// The coefficients (m·p × q).
    mean: Array2<f64>,
    /// (n, p, q).
    pub(super) values: Array3<f64>,
    /// Σ u_i z_ik R_i, one block per covariate (m·p × q).
    pub(super) moments: Array2<f64>,
    /// Σ u z zᵀ (m × m).
    pub(super) gram: Array2<f64>,
}

/// Samples whose residuals are made at once.
const BLOCK: usize = 64;

impl<'a> Explained<'a> {
    pub(super) fn new(design: CowArray<'a, f64, Ix2>) -> Self {
        let design = if design.is_standard_layout() {
            design
        } else {
            design.as_standard_layout().into_owned().into()
        };
        Self { design, last: Mutex::new(None) }
    }

    pub(super) fn design(&self) -> ArrayView2<'_, f64> {
        self.design.view()
    }

    /// Other weights: the sums are void.
    pub(super) fn forget(&mut self) {
        self.last = Mutex::new(None);
    }

    /// The residuals at these coefficients: the last ones where nothing changed, else in their
    /// memory where nobody else holds it.
    pub(super) fn at(
        &self,
        mean: &Array2<f64>,
        values: ArrayView3<'_, f64>,
        weights: Option<&[f64]>,
    ) -> Arc<Residuals> {
        let mut kept = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(last) = kept.as_ref().filter(|last| last.mean == *mean) {
            return last.clone();
        }
        let free = kept.take().and_then(|last| Arc::try_unwrap(last).ok());
        let mut new = free.unwrap_or_else(|| Residuals {
            mean: mean.clone(),
            values: Array3::zeros(values.dim()),
            moments: Array2::zeros(mean.dim()),
            gram: self.gram(weights),
        });
        new.mean.assign(mean);
        new.fill(self.design.view(), values, weights);
        let new = Arc::new(new);
        *kept = Some(new.clone());
        new
    }

    fn gram(&self, weights: Option<&[f64]>) -> Array2<f64> {
        let m = self.design.ncols();
        let mut gram = Array2::zeros((m, m));
        for (i, z) in self.design.outer_iter().enumerate() {
            let u = weights.map_or(1.0, |weights| weights[i]);
            add_outer(u, z.as_slice().unwrap_or_default(), &mut gram);
        }
        gram
    }
}

impl Residuals {
    fn fill(
        &mut self,
        design: ArrayView2<'_, f64>,
        values: ArrayView3<'_, f64>,
        weights: Option<&[f64]>,
    ) {
        let (_, p, q) = values.dim();
        let (d, m) = (p * q, design.ncols());
        let theta = self.mean.as_standard_layout();
        let theta = as_matrix(theta.as_slice().unwrap_or_default(), m, d);
        let full = Triangle::Full;
        let one = |(block, out): (usize, &mut [f64])| {
            let (from, count) = (block * BLOCK, out.len() / d);
            let rows = design.slice_axis(Axis(0), (from..from + count).into());
            let mut out = crate::linalg::as_matrix_mut(out, count, d);
            for (mut to, x) in out.outer_iter_mut().zip(values.outer_iter().skip(from)) {
                to.iter_mut().zip(x).for_each(|(to, x)| *to = *x);
            }
            gemm(-1.0, (rows, full), (theta, full), true, (out, full));
        };
        let Some(flat) = self.values.as_slice_mut() else { return };
        if flat.len() > BLOCK * BLOCK * 64 && rayon::current_num_threads() > 1 {
            flat.par_chunks_mut(BLOCK * d).enumerate().for_each(one);
        } else {
            flat.chunks_mut(BLOCK * d).enumerate().for_each(one);
        }
        let mut weighted = design.to_owned();
        if let Some(weights) = weights {
            weighted.outer_iter_mut().zip(weights).for_each(|(mut z, u)| z *= *u);
        }
        let left = as_matrix(flat, weighted.nrows(), d);
        let sums = matmul(weighted.t(), left);
        self.moments.iter_mut().zip(&sums).for_each(|(to, x)| *to = *x);
    }
}
