//! Matrix-variate Gaussian and t models with Kronecker covariance A ⊗ B.
//!
//! # Model
//!
//! Observations are matrices X_1..X_n, each p × q; a sample is one array (n, p, q). The model is
//!
//! ```text
//! X_i = M + L_A Z_i L_Bᵀ,   A = L_A L_Aᵀ (p × p, on rows),   B = L_B L_Bᵀ (q × q, on columns),
//! Cov(vec_rows X) ∝ A ⊗ B
//! ```
//!
//! with Z_i from a law that depends on the singular values of Z only. With a constant c, its
//! negative log-density ρ − c and Ψ = ∂ρ/∂Z,
//!
//! ```text
//! ℓ = Σ_i [ c − ρ(Z_i) ] − (nq/2) ln|A| − (np/2) ln|B|
//!
//! gaussian      ρ = ½‖Z‖²                              Cov = A ⊗ B
//! kronecker-t   ρ = ((ν+pq)/2) ln(1 + ‖Z‖²/ν)          Cov = ν/(ν−2) · A ⊗ B
//! matrix-t      ρ = ((ν+p+q−1)/2) ln det(I + Z Zᵀ)     Cov = 1/(ν−2) · A ⊗ B
//! ```
//!
//! A and B are any positive definite matrices, or of a [`structure`] (AR(1), compound symmetry,
//! Toeplitz, factors, …); M is free, known, or restricted; ν is given or estimated. Laws and
//! structures of one's own are traits of a few methods: [`family::Law`], [`structure::Shape`].
//!
//! # Flow
//!
//! One pass over the data whitens, weighs and scatters,
//!
//! ```text
//! G_A = (1/nq) Σ Z_i Ψ(Z_i)ᵀ,   G_B = (1/np) Σ Z_iᵀ Ψ(Z_i),
//! ```
//!
//! and a fit is at its maximum where both are the identity: the score max(|G_A − I|, |G_B − I|)
//! is dimensionless and decides when to stop. Flip-flop, Newton's method, joint searches,
//! certificates and standard errors are all made of that pass.
//!
//! Read the modules in the order of the work: [`io`] and [`data`] (a sample) → [`model`], with
//! [`family`] and [`structure`] (what is fitted) → [`estimate`] (how) → [`inference`] (how sure:
//! standard errors, tests, outliers) → [`study`] (how good, on simulated samples) → [`report`]
//! (what people read). Below them, and of use without them: [`calculus`] (derivatives and a
//! checker for them), [`kronecker`] (A ⊗ B as an operator), [`optim`] (argmin).
//!
//! # Example
//!
//! ```
//! use kronfit::estimate::{FitOptions, Method, Silent};
//! use kronfit::{io, model::{Dof, Model}};
//!
//! let sample = io::resolve("us-macro")?; // 49 years × 4 quarters × 8 indicators, or a file
//! let gaussian = Model::gaussian().fit(&sample)?;
//! let heavy = Model::kronecker_t(Dof::Estimate).rows("compound-symmetry".parse()?);
//! let fit = heavy.fit(&sample)?; // the default method
//! println!("{fit}"); // the page a statistician reads
//! assert!(fit.is_converged() && fit.aic() < gaussian.aic());
//! let (a, b, sigma2) = (fit.row_cov(), fit.col_cov(), fit.sigma2()); // scale σ² · A ⊗ B
//! assert!((a.diag().sum() - 4.0).abs() < 1e-12 && (b.diag().sum() - 8.0).abs() < 1e-12);
//! println!("σ² = {sigma2:.3}, ν = {:.2?}", fit.dof());
//! let options = FitOptions { method: Method::FlipFlop, tol: 1e-10, ..FitOptions::default() };
//! let again = heavy.fit_with(&sample, &options, &mut Silent)?;
//! assert!((again.log_likelihood() - fit.log_likelihood()).abs() < 1e-6);
//! # Ok::<(), kronfit::Error>(())
//! ```
//!
//! More programs to copy are in the folder `examples`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo))]

pub mod calculus;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod data;
mod error;
pub mod estimate;
pub mod family;
pub mod inference;
pub mod io;
pub mod kronecker;
pub mod likelihood;
// The engine room: for benches, tests of derivatives and laws with kernels of their own.
#[doc(hidden)]
pub mod linalg;
pub mod model;
pub mod optim;
pub mod report;
#[doc(hidden)]
pub mod special;
pub mod structure;
pub mod study;
#[doc(hidden)]
pub mod text;

// The front page: what a program needs, in the order of the work. The modules hold the rest.
pub use data::{Design, Names, Sample, Weights};
pub use error::{Error, Result};
pub use estimate::{
    Certificate, Certify, Coordinates, DataSource, Factors, Fit, FitOptions, Mcd, McdFit, Method,
    Normalisation, Observer, Silent, Step, Termination, Trimmed, Tyler, TylerFit,
};
pub use family::{
    Elliptical, Gaussian, KroneckerT, Law, MatrixDistribution, MatrixT, MatrixWeights, Radial,
    Sampler, Weighting,
};
pub use inference::{
    BootstrapOptions, Coefficients, Compared, Contributions, Discriminant, ErrorOptions, Fitted,
    Information, InformationKind, Interval, Outliers, Priors, Profile, ProfileOptions, Rule,
    SampleScore, Scores, SeparabilityOptions, Shared, StandardErrors, TestResult, compare,
    equal_factors, linear_hypothesis, nested_test, score, separability,
};
pub use io::{ReadOptions, resolve};
pub use kronecker::Side;
pub use likelihood::{Likelihood, Observation, Sides, Sums, Support};
pub use model::{Dof, Mean, Model, ModelSpec};
pub use structure::{IntervalScale, Parameter, Shape, Structure};
pub use study::{Estimator, RunOptions, Scenario, Study, Truth};

/// The array library of the public signatures.
pub use ndarray;
/// The random numbers of the public signatures.
pub use rand;

/// Version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The README's code, compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
