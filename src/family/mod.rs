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
mod pooled;
pub(crate) mod random;
mod sampler;
mod weighting;

pub use distance_law::{DistanceLaw, beta_quantile};
pub use distribution::MatrixDistribution;
pub(crate) use dof::require_dof;
pub use dof::{BearingParts, DOF_LOWER, DofBearing, DofEstimate, Summaries, SummaryPart};
pub use gaussian::Gaussian;
pub use kronecker_t::KroneckerT;
pub use law::{
    DofFamily, DofInformation, ExpectedInformation, Law, Margins, Sampler, TwoSided, is_limit_of,
    is_same_family, is_same_law,
};
pub use matrix_t::MatrixT;
pub use name::LawName;
pub(crate) use name::no_dof;
pub use random::{Generator, stream};
pub use weighting::{Elliptical, MatrixWeights, Radial, Scratch, Weighting};
