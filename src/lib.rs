//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo))]

pub mod data;
mod error;
pub mod estimate;
pub mod family;
pub mod linalg;
pub mod model;
pub mod special;
pub mod structure;

pub use error::{Error, Result};
