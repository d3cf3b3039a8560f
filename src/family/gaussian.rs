//! The matrix normal law: ρ(Z) = ½‖Z‖², Ψ(Z) = Z.

use super::{Law, Weighting};

/// Matrix-variate normal distribution N(M, A, B): Cov(vec_rows X) = A ⊗ B.
///
/// ln f(X) = −(pq/2) ln 2π − (q/2) ln|A| − (p/2) ln|B| − ½ tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
///
/// # References
/// Dawid (1981), Biometrika 68, 265–274.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaussian;

/// Mean of ρ, law of the distance, information and sampler follow from Ψ = Z.
impl Law for Gaussian {
    fn name(&self) -> &str {
        "gaussian"
    }

    fn title(&self) -> &str {
        "Matrix normal"
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::Identity
    }

    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        -0.5 * (p * q) as f64 * std::f64::consts::TAU.ln()
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(1.0)
    }
}
