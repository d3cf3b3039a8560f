//! The derivatives the project rests on: log-quadratic forms, functions of symmetric matrices,
//! trace forms, the Fisher information in factor coordinates, and a checker for gradients.
//!
//! Convention: the gradient G of a real function of a matrix is the array of its partial
//! derivatives, dg = ⟨G, dX⟩ = tr(Gᵀ dX). Where the argument is symmetric the *symmetric gradient*
//! is meant, G = Gᵀ with dg = tr(G dX) for symmetric dX; the derivative by a free entry below the
//! diagonal is then 2 G_ij.

pub mod check;
pub mod divided;
mod log_quadratic;
mod log_quadratic_routes;
mod matrix_function;
mod user;

pub use log_quadratic::{LogQuadratic, Parts};
pub use log_quadratic_routes::{RankOneSum, log_quadratic_dense};
pub use matrix_function::{MatrixFunction, Spectral};
pub use user::UserFunction;
