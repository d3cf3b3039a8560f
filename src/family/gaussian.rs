//! The matrix normal law: ρ(Z) = ½‖Z‖², Ψ(Z) = Z.

use super::{Law, Sampler, Weighting};

/// Matrix-variate normal distribution N(M, A, B): Cov(vec_rows X) = A ⊗ B.
///
/// ln f(X) = −(pq/2) ln 2π − (q/2) ln|A| − (p/2) ln|B| − ½ tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
///
/// # References
/// Dawid (1981), Biometrika 68, 265–274.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaussian;

impl Law for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn weighting(&self) -> Weighting {
        Weighting::Identity
    }

    /// The rates are the eigenvalues of X ⊗ I + I ⊗ V, whose squares sum to 1.
    fn curvature_decay(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(1.0)
    }

    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        -0.5 * (p * q) as f64 * std::f64::consts::TAU.ln()
    }

    fn mean_rho(&self, p: usize, q: usize) -> Option<f64> {
        Some(0.5 * (p * q) as f64)
    }

    fn sampler(&self) -> Option<&dyn Sampler> {
        Some(self)
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(1.0)
    }
}
