//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.

pub mod data;
mod error;
pub mod estimate;
pub mod family;
pub mod linalg;
pub mod model;
pub mod structure;

pub use error::{Error, Result};
