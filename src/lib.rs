//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.
//!
//! Observations are matrices X_1..X_n, each p × q; a sample is one array (n, p, q). The model is
//!
//! ```text
//! X_i = M + L_A Z_i L_Bᵀ,   A = L_A L_Aᵀ (p × p, on rows),   B = L_B L_Bᵀ (q × q, on columns),
//! Cov(vec_rows X) ∝ A ⊗ B
//! ```
//!
//! with Z_i from a spherical law. Read the modules in the order of the work: [`data`] → [`model`]
//! (with [`family`] and [`structure`]) → [`estimate`] → [`report`].
//!
//! ```
//! use kronfit::{data::Sample, model::Model};
//! use ndarray::Array3;
//!
//! // 40 small matrices with a deterministic wobble; real data come from `io::read`.
//! let x = Array3::from_shape_fn((40, 2, 3), |(i, r, c)| ((7 * i + 3 * r + 5 * c * c) % 11) as f64);
//! let fit = Model::gaussian().fit(&Sample::new(x)?)?;
//! assert!(fit.is_converged());
//! assert!((fit.row_cov().diag().sum() - 2.0).abs() < 1e-12); // tr A = p
//! println!("{fit}");
//! # Ok::<(), kronfit::Error>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo))]

pub mod calculus;
#[cfg(feature = "cli")]
pub mod cli;
pub mod data;
mod error;
pub mod estimate;
pub mod family;
pub mod inference;
pub mod io;
pub mod kronecker;
pub mod linalg;
pub mod model;
pub mod optim;
pub mod report;
pub mod special;
pub mod structure;
pub mod study;

pub use error::{Error, Result};

/// Version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
