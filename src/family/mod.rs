//! The laws: what makes a family is ρ, its derivative Ψ, and a constant.
//!
//! With whitened samples Z_i = L_A⁻¹ (X_i − M) L_B⁻ᵀ every log-likelihood here is
//!
//! ```text
//! ℓ = Σ_i [ c − ρ(Z_i) ] − (nq/2) ln|A| − (np/2) ln|B|
//! ```
//!
//! A law says what ρ, Ψ(Z) = ∂ρ/∂Z and c are; everything else — the pass over the data, the
//! scatters, the gradients, the estimators — is written once, for all of them.

mod distribution;
mod dof;
mod gaussian;
mod kronecker_t;
mod matrix_t;
pub mod parametrisation;
mod sampler;

pub use distribution::MatrixDistribution;
pub(crate) use distribution::require_drawable;
pub(crate) use dof::require_dof;
pub use dof::{DOF_LOWER, DofBearing, DofEstimate, DofFamily};
pub use gaussian::Gaussian;
pub use kronecker_t::KroneckerT;
pub use matrix_t::MatrixT;
pub use sampler::Sampler;

use crate::Result;
use crate::linalg::{Aligned, zeros};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::fmt::Debug;

/// How Ψ(Z) is made of Z; the pass saves work where the relation is simple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// Ψ(Z) = Z.
    Identity,
    /// Ψ(Z) = w Z with one number w per sample.
    Scalar,
    /// Ψ(Z) is any other matrix of the shape of Z with Z Ψᵀ and Zᵀ Ψ symmetric.
    Matrix,
}

/// An elliptical law at squared radius δ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Radial {
    /// ρ(δ).
    pub rho: f64,
    /// w = 2 dρ/dδ.
    pub weight: f64,
    /// dw/dδ.
    pub slope: f64,
}

fn squared_norm(z: ArrayView2<'_, f64>) -> f64 {
    z.iter().map(|x| x * x).sum()
}

/// Memory that a law may use while it weighs; it grows once and is then reused.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// Free for the law's own use.
    pub buffer: Aligned,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { buffer: zeros(0) }
    }
}

/// One law, as a function of the whitened sample Z (p × q).
///
/// Requirements: ρ depends on Z only through its singular values (so that the choice of the
/// roots L_A, L_B does not matter), and Ψ = ∂ρ/∂Z.
pub trait Law: Debug + Send + Sync {
    /// Name as the command line and the reports write it.
    fn name(&self) -> &'static str;

    /// How Ψ relates to Z.
    fn weighting(&self) -> Weighting;

    /// The constant c of one sample's log-density, for p × q matrices.
    fn ln_constant(&self, p: usize, q: usize) -> f64;

    /// ρ, w and dw/dδ as functions of δ = ‖Z‖² in d = pq dimensions, for the elliptical laws:
    /// they need nothing else. The default is the Gaussian.
    fn radial(&self, delta: f64, _d: usize) -> Radial {
        Radial { rho: 0.5 * delta, weight: 1.0, slope: 0.0 }
    }

    /// Writes Ψ(Z) into `psi` (which arrives with unspecified contents) and gives
    /// (ρ(Z), w), where w is the sample's scalar weight.
    ///
    /// The default is Ψ = wZ with [`Law::radial`].
    fn weigh(
        &self,
        z: ArrayView2<'_, f64>,
        mut psi: ArrayViewMut2<'_, f64>,
        _scratch: &mut Scratch,
    ) -> (f64, f64) {
        let radial = self.radial(squared_norm(z), z.len());
        psi.zip_mut_with(&z, |to, from| *to = radial.weight * from);
        (radial.rho, radial.weight)
    }

    /// [`Law::weigh`] for all samples of a lane-ordered block (p, q, lanes) at once, where the law
    /// can: Ψ of every lane into `psi`, ρ into `rho`. `false`: do it sample by sample.
    ///
    /// The scalar weights are then all 1.
    fn weigh_lanes(
        &self,
        _z: &[f64],
        _dim: (usize, usize, usize),
        _psi: &mut [f64],
        _rho: &mut [f64],
        _scratch: &mut Scratch,
    ) -> bool {
        false
    }

    /// Writes the derivative DΨ(Z)\[H\] into `out`: the exact second order of the law.
    ///
    /// The default is wH + 2 (dw/dδ) ⟨Z, H⟩ Z with [`Law::radial`].
    fn weigh_derivative(
        &self,
        z: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        mut out: ArrayViewMut2<'_, f64>,
        _scratch: &mut Scratch,
    ) {
        let radial = self.radial(squared_norm(z), z.len());
        let inner: f64 = z.iter().zip(&h).map(|(a, b)| a * b).sum();
        out.assign(&z);
        out *= 2.0 * radial.slope * inner;
        out.scaled_add(radial.weight, &h);
    }

    /// Cov(vec_rows X) = factor · (A ⊗ B), or `None` where the covariance does not exist.
    fn covariance_factor(&self, p: usize, q: usize) -> Option<f64>;

    /// Does E X = M exist?
    fn has_mean(&self) -> bool {
        true
    }

    /// E ρ(Z) under the law itself, where it has a closed form: what the entropy needs.
    fn mean_rho(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }

    /// What draws Z, for the laws that can be simulated.
    fn sampler(&self) -> Option<&dyn Sampler> {
        None
    }

    /// r ≥ 0 such that along every geodesic with ‖X ⊗ I + I ⊗ V‖ = 1 the second derivative of
    /// Σρ at t is at least e^{−rt} times the one at 0, for p × q matrices; `None` when no such
    /// bound is known.
    ///
    /// For ρ = Σ cₖ e^{−ωₖt} with cₖ ≥ 0 it is max|ωₖ|; for ρ = ln Σ cₖ e^{−ωₖt} it is
    /// max ωₖ − min ωₖ, because tilting a distribution by e^{−ωt} changes its probabilities, and so
    /// its variance, by no smaller a factor.
    fn curvature_decay(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }

    /// Degrees of freedom, for the laws that have them.
    fn dof(&self) -> Option<f64> {
        None
    }

    /// What a law with degrees of freedom offers for estimating them.
    fn dof_family(&self) -> Option<&dyn DofFamily> {
        None
    }

    /// The joint closed-form step of both factors, where there is one.
    fn two_sided(&self) -> Option<&dyn TwoSided> {
        None
    }
}

/// Laws with matrices for weights, Ψ_i = S_i Z_i = Z_i T_i (matrix t): the EM step of one pass
/// updates both factors, and everything follows from the scatters.
///
/// "Own" is the side whose scatter G is given, "other" the length of the other side. Weighing on
/// one side gives that side's factor by [`TwoSided::outer_step`] and the other side's by its
/// scatter; alternating the sides is safe at every ν and shape.
pub trait TwoSided: Send + Sync {
    /// ΣS_i (own × own), the metric of the mean's step in whitened coordinates, from G (own × own),
    /// which it takes the place of.
    fn weights(&self, scatter: &mut Array2<f64>, other: usize, n: f64);

    /// K with A ← L_A K L_Aᵀ for the side that weighs, in the place of G.
    ///
    /// # Errors
    /// [`crate::Error::NotPositiveDefinite`] when rounding destroyed the scatter.
    fn outer_step(&self, scatter: &mut Array2<f64>, other: usize) -> Result<()>;

    /// The same step where the side that weighs may only change its scale: A ← c A.
    fn scale_step(&self, scatter: ArrayView2<'_, f64>, other: usize) -> f64;
}
