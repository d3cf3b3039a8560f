//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.

pub mod data;
mod error;
pub mod io;
pub mod linalg;

pub use error::{Error, Result};
