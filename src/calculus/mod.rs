//! The derivatives the project rests on: log-quadratic forms, functions of symmetric matrices,
//! trace forms, the Fisher information in factor coordinates, and a checker for gradients.
//!
//! Convention: the gradient G of a real function of a matrix is the array of its partial
//! derivatives, dg = ⟨G, dX⟩ = tr(Gᵀ dX). Where the argument is symmetric the *symmetric gradient*
//! is meant, G = Gᵀ with dg = tr(G dX) for symmetric dX; the derivative by a free entry below the
//! diagonal is then 2 G_ij.

pub mod check;
pub mod derive;
pub mod divided;
mod fisher;
mod layout;
mod log_quadratic;
mod log_quadratic_routes;
mod matrix_function;
mod refine;
pub mod routes;
mod trace_forms;
mod user;

pub use fisher::{KroneckerFisher, ScaleConstraint, fisher_dense};
pub use layout::{
    Convention, MatrixForm, VecOrder, blocks_by_argument, blocks_by_function, matrix_of_map,
};
pub use log_quadratic::{LogQuadratic, Parts};
pub use log_quadratic_routes::{RankOneSum, log_quadratic_dense};
pub use matrix_function::{MatrixFunction, Spectral};
pub use trace_forms::{Convexity, Domain, TraceForm, trace_product_convexity, vech_gradient};
pub use user::UserFunction;
