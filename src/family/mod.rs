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

mod distance_law;
mod distribution;
mod dof;
mod gaussian;
mod kronecker_t;
mod law;
mod matrix_t;
mod name;
pub mod parametrisation;
pub(crate) mod random;
mod sampler;
mod weighting;

pub use distance_law::{DistanceLaw, beta_quantile};
pub use distribution::MatrixDistribution;
pub(crate) use dof::require_dof;
pub use dof::{DOF_LOWER, DofBearing, DofEstimate, DofFamily};
pub use gaussian::Gaussian;
pub use kronecker_t::KroneckerT;
pub use law::{DofInformation, ExpectedInformation, Law, is_limit_of, is_same_family, is_same_law};
pub use matrix_t::MatrixT;
pub use name::LawName;
pub(crate) use name::no_dof;
pub use random::{Generator, stream};
pub use sampler::Sampler;
pub use weighting::{Elliptical, MatrixWeights, Radial, Scratch, Weighting};

use crate::Result;
use ndarray::{Array2, ArrayView2};

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
