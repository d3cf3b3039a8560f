//! Core shrinkage: between separable and unstructured.
//!
//! With K = Â ⊗ B̂ and S the unstructured covariance, Σ̂ = (1 − w) S + w K. w maximises the marginal
//! likelihood of the core K^{-½} S K^{-½} under an inverse-Wishart prior with mean I: w = 1 says
//! that the data look separable, w = 0 that they do not at all.
//!
//! # References
//! Hoff, McCormack & Zhang (2023), Journal of the Royal Statistical Society B 85, 1659–1679. The
//! degrees of freedom here are those of S, n − 1 with a free mean: with n of them the criterion has
//! a pole at w = 0 for small n.

use crate::data::Sample;
use crate::estimate::{Fit, FitOptions, Silent, evidence};
use crate::linalg::{matmul, require_room, symmetric_eigen};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, ArrayView3};

/// Σ̂ between A ⊗ B and the unstructured covariance.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Core {
    /// w: 1 is separable, 0 unstructured.
    pub weight: f64,
    /// Eigenvalues of the core, descending; their mean is 1.
    pub eigenvalues: Vec<f64>,
    /// Degrees of freedom of S: n without what the mean took.
    pub dof: usize,
    /// Does w = 1 maximise the evidence locally: is dof · Σ(c − 1)² ≤ d(d + 1)?
    pub separable: bool,
    /// Σ̂ (pq × pq), row-major vec order.
    pub covariance: Array2<f64>,
    /// The separable fit.
    pub fit: Fit,
}

/// Core shrinkage of a sample; K is the Gaussian fit with these options, which may shrink it.
///
/// All work is on dense pq × pq matrices: it is meant for pq up to about 500.
///
/// # Errors
/// As [`Model::fit_with`]; [`Error::Unsupported`] for a mean structure other than free, zero or
/// known, or a fit that did not converge; [`Error::Degenerate`] for one sample with a free mean.
pub fn core(sample: &Sample, mean: &Mean, options: &FitOptions) -> Result<Core> {
    let (n, p, q) = sample.dim();
    require_room("the covariance of all cells", &[p * q, p * q], 4)?;
    let dof = match mean {
        Mean::Free => n - 1,
        Mean::Zero | Mean::Known(_) => n,
        other => {
            return Err(Error::Unsupported {
                what: format!("core shrinkage around a {} mean", other.name()),
                remedy: "use a free, zero or known mean".to_owned(),
            });
        }
    };
    if dof == 0 {
        return Err(Error::Degenerate {
            what: format!("{} is one sample, and a free mean takes all of it", sample.source()),
            remedy: "give the mean".to_owned(),
        });
    }
    let fit = Model::gaussian().mean(mean.clone()).fit_with(sample, options, &mut Silent)?;
    super::frame::require_end(&fit, "core shrinkage")?;
    let whole = flat(sample.values(), fit.mean());
    let white = whitened(sample.values(), &fit);
    let core = matmul(white.t(), white.view());
    let eigen = symmetric_eigen("the core", core.view())?;
    let d = (p * q) as f64;
    let mean_value = eigen.values.sum() / d;
    let mut eigenvalues: Vec<f64> = eigen.values.iter().map(|x| x / mean_value).collect();
    eigenvalues.reverse();
    let weight = evidence(&eigenvalues, dof as f64)?;
    let spread: f64 = eigenvalues.iter().map(|c| (c - 1.0) * (c - 1.0)).sum();
    // K in the scale in which the core's mean eigenvalue is 1.
    let point = fit.point();
    let (a, b) = (point.row().matrix(), point.col().matrix());
    let unit = weight * mean_value / dof as f64;
    let mut covariance = matmul(whole.t(), whole.view()) * ((1.0 - weight) / dof as f64);
    covariance.indexed_iter_mut().for_each(|((i, j), x)| {
        *x += unit * a[[i / q, j / q]] * b[[i % q, j % q]];
    });
    let separable = dof as f64 * spread <= d * (d + 1.0);
    Ok(Core { weight, eigenvalues, dof, separable, covariance, fit })
}

/// X_i − M as rows (n × pq).
fn flat(values: ArrayView3<'_, f64>, mean: ArrayView2<'_, f64>) -> Array2<f64> {
    let (n, p, q) = values.dim();
    let mut out = Array2::zeros((n, p * q));
    for (x, mut row) in values.outer_iter().zip(out.outer_iter_mut()) {
        let centred = &x - &mean;
        row.iter_mut().zip(&centred).for_each(|(to, from)| *to = *from);
    }
    out
}

/// The whitened samples as rows (n × pq).
fn whitened(values: ArrayView3<'_, f64>, fit: &Fit) -> Array2<f64> {
    let (n, p, q) = values.dim();
    let mut out = Array2::zeros((n, p * q));
    for (x, mut row) in values.outer_iter().zip(out.outer_iter_mut()) {
        let z = fit.point().whiten((&x - &fit.mean()).view());
        row.iter_mut().zip(&z).for_each(|(to, from)| *to = *from);
    }
    out
}
