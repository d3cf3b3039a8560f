//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.

pub mod calculus;
pub mod data;
mod error;
pub mod kronecker;
pub mod linalg;

pub use error::{Error, Result};
