//! The Kronecker t law: vec X is a multivariate t with scale A ⊗ B.

use super::dof::{self, DofBearing, DofFamily, Summaries};
use super::{Gaussian, Law, Radial, Sampler, Scratch, Weighting, squared_norm};
use crate::Result;
use crate::special::{chi_difference, digamma_difference, ln_gamma_excess, log_ratio_minus};
use ndarray::ArrayView2;
use std::sync::Arc;

/// Elliptical t with ν degrees of freedom on p × q matrices, d = pq.
///
/// ln f(X) = lnΓ((ν+d)/2) − lnΓ(ν/2) − (d/2) ln(νπ) − (q/2) ln|A| − (p/2) ln|B|
/// − ((ν+d)/2) ln(1 + δ/ν), with δ = tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
///
/// Mean M (ν > 1); Cov(vec_rows X) = ν/(ν−2) · (A ⊗ B) (ν > 2).
///
/// # References
/// Lange, Little & Taylor (1989), JASA 84, 881–896; Kent, Tyler & Vardi (1994),
/// Communications in Statistics – Simulation 23, 441–453.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KroneckerT {
    dof: f64,
}

impl KroneckerT {
    /// The law with ν = `dof`.
    ///
    /// # Errors
    /// [`crate::Error::Domain`] unless ν is a finite number > 0.
    pub fn new(dof: f64) -> Result<Self> {
        dof::require_dof(dof)?;
        Ok(Self { dof })
    }

    /// Without the check, for a ν that is checked later or was found inside the domain.
    pub(crate) fn unchecked(dof: f64) -> Self {
        Self { dof }
    }
}

impl Law for KroneckerT {
    fn name(&self) -> &'static str {
        "kronecker-t"
    }

    fn weighting(&self) -> Weighting {
        Weighting::Scalar
    }

    /// The rates are 0 and the eigenvalues of X ⊗ I + I ⊗ V, whose squares sum to 1.
    fn curvature_decay(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(std::f64::consts::SQRT_2)
    }

    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        let h = 0.5 * (p * q) as f64;
        ln_gamma_excess(0.5 * self.dof, h) - h * std::f64::consts::TAU.ln()
    }

    fn radial(&self, delta: f64, d: usize) -> Radial {
        let total = self.dof + d as f64;
        let weight = total / (self.dof + delta);
        Radial {
            rho: 0.5 * total * (delta / self.dof).ln_1p(),
            weight,
            slope: -weight / (self.dof + delta),
        }
    }

    /// ((ν+d)/2) \[ψ((ν+d)/2) − ψ(ν/2)\].
    fn mean_rho(&self, p: usize, q: usize) -> Option<f64> {
        let h = 0.5 * (p * q) as f64;
        Some((0.5 * self.dof + h) * digamma_difference(0.5 * self.dof, h))
    }

    fn sampler(&self) -> Option<&dyn Sampler> {
        Some(self)
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        (self.dof > 2.0).then(|| self.dof / (self.dof - 2.0))
    }

    fn has_mean(&self) -> bool {
        self.dof > 1.0
    }

    fn dof(&self) -> Option<f64> {
        Some(self.dof)
    }

    fn dof_family(&self) -> Option<&dyn DofFamily> {
        Some(self)
    }
}

impl DofFamily for KroneckerT {
    fn at(&self, dof: f64) -> Arc<dyn Law> {
        Arc::new(Self { dof })
    }

    fn limit(&self) -> Arc<dyn Law> {
        Arc::new(Gaussian)
    }

    fn scale_unit(&self, _dof: f64) -> f64 {
        1.0
    }

    fn summary_len(&self, _p: usize, _q: usize) -> usize {
        1
    }

    fn summarise(&self, z: ArrayView2<'_, f64>, out: &mut [f64], _scratch: &mut Scratch) {
        if let Some(slot) = out.first_mut() {
            *slot = squared_norm(z);
        }
    }

    /// χ((ν+d)/2) − χ(ν/2) + mean(ln(1+u) − u), u = (d−δ)/(ν+δ).
    fn score(&self, dof: f64, seen: &Summaries, p: usize, q: usize) -> f64 {
        let d = (p * q) as f64;
        chi_difference(0.5 * dof, 0.5 * d) + seen.mean(1, |g| log_ratio_minus(dof, d, g))
    }

    fn bearing(
        &self,
        dof: f64,
        mean_rho: f64,
        mean_inner: f64,
        p: usize,
        q: usize,
    ) -> Option<DofBearing> {
        Some(DofBearing::of(dof, mean_rho, mean_inner, (1, p * q)))
    }

    /// mean((δ−d)²)/2 − d.
    fn excess_at_infinity(&self, seen: &Summaries, p: usize, q: usize) -> f64 {
        let d = (p * q) as f64;
        0.5 * seen.mean(1, |g| (g - d).powi(2)) - d
    }
}
