//! The shape of one factor: which symmetric positive definite matrices it may be.
//!
//! Every structure is a **cone**: with A it holds cA for all c > 0, because only σ²·(A ⊗ B) is
//! identified and σ² is always free. A `correlation` factor is thus "equal variances", an
//! `ar1` factor is σ²ρ^|i−j|, a `known` factor is known up to its scale.

mod unstructured;

pub use unstructured::Unstructured;

use crate::linalg::{Spd, matmul, symmetric_eigen};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use std::fmt::Debug;
use std::sync::Arc;

/// One factor's structure, as a user names it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Structure {
    /// Any symmetric positive definite matrix.
    #[default]
    Unstructured,
    /// A structure of the user's own.
    Custom(Arc<dyn Shape>),
}

impl Structure {
    /// The worker behind the name.
    pub fn shape(&self) -> Arc<dyn Shape> {
        match self {
            Self::Unstructured => Arc::new(Unstructured),
            Self::Custom(shape) => shape.clone(),
        }
    }
}

impl std::str::FromStr for Structure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "unstructured" => Ok(Self::Unstructured),
            _ => Err(Error::domain("the structure", format!("\"{text}\""), "\"unstructured\"")),
        }
    }
}

/// What a structure has to know; d is the order of the factor.
///
/// Coordinates are unconstrained real numbers, one per free parameter (the scale included):
/// every vector of them is a matrix of the structure.
pub trait Shape: Debug + Send + Sync {
    /// Name as the command line and the reports write it.
    fn name(&self) -> String;

    /// Can a factor of order d have this structure?
    ///
    /// # Errors
    /// [`Error::Domain`] or [`Error::Shape`] saying what would be possible.
    fn check(&self, d: usize) -> Result<()>;

    /// Number of free parameters, the scale included.
    fn n_parameters(&self, d: usize) -> usize;

    /// Coordinates of a matrix of the structure; of a near one where `matrix` is not of it.
    ///
    /// # Errors
    /// When the matrix is not positive definite.
    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>>;

    /// The matrix with these coordinates.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] when rounding or overflow left no such matrix.
    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>>;

    /// θ_k ↦ ⟨G, ∂A/∂θ_k⟩ for a symmetric G (d × d): a gradient in A becomes one in θ.
    ///
    /// # Errors
    /// As [`Shape::matrix`].
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>>;

    /// Σ_k t_k ∂A/∂θ_k: a direction in θ becomes one in A.
    ///
    /// # Errors
    /// As [`Shape::matrix`].
    fn push_forward(&self, coordinates: &[f64], direction: &[f64], d: usize)
    -> Result<Array2<f64>>;

    /// A better A for a scatter S: minimises (or at least lowers from `current`)
    /// ln|A| + tr(A⁻¹ S).
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] when S leaves no positive definite answer.
    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>>;

    /// The structure's own parameters for the report, scale-free ones (ρ, loadings, …).
    fn report(&self, _matrix: ArrayView2<'_, f64>) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// True when the factor may be any positive definite matrix: the scatter itself is then the
    /// update, and the score needs no projection.
    fn is_unstructured(&self) -> bool {
        false
    }

    /// Smallest rank of the scatter for which `update` has a positive definite answer.
    fn required_rank(&self, d: usize) -> usize {
        d
    }

    /// The part of a whitened gradient W = G − I that moving inside the structure can use: its
    /// orthogonal projection on { L⁻¹ ∂A/∂θ_k L⁻ᵀ }, where A = L Lᵀ.
    ///
    /// # Errors
    /// When the tangent space cannot be computed.
    fn project(&self, factor: &Spd, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let basis = whitened_tangent(self, factor)?;
        let k = basis.nrows();
        let flat = whitened
            .to_shape(whitened.len())
            .map_err(|e| Error::shape("a scatter", "a square matrix", e))?;
        let gram = matmul(basis.view(), basis.t());
        let eigen = symmetric_eigen("the Gram matrix of a structure", gram.view())?;
        let floor = 1e-12 * eigen.values.iter().fold(0.0_f64, |m, &x| m.max(x));
        // A pseudo-inverse: coordinates may be redundant (a rotation of loadings, say).
        let inverse = eigen.map(|x| if x > floor { 1.0 / x } else { 0.0 });
        let weights = inverse.dot(&basis.dot(&flat));
        debug_assert_eq!(weights.len(), k);
        let d = whitened.nrows();
        basis
            .t()
            .dot(&weights)
            .into_shape_with_order((d, d))
            .map_err(|e| Error::shape("a projection", "a square matrix", e))
    }
}

/// Rows are the flattened L⁻¹ (∂A/∂θ_k) L⁻ᵀ.
fn whitened_tangent<S: Shape + ?Sized>(shape: &S, factor: &Spd) -> Result<Array2<f64>> {
    let d = factor.order();
    let coordinates = shape.coordinates(factor.matrix())?;
    let k = coordinates.len();
    let inverse = factor.inverse_lower();
    let mut basis = Array2::zeros((k, d * d));
    let mut unit = vec![0.0; k];
    for i in 0..k {
        unit[i] = 1.0;
        let tangent = shape.push_forward(&coordinates, &unit, d)?;
        let white = matmul(matmul(inverse.view(), tangent.view()).view(), inverse.t());
        basis.row_mut(i).iter_mut().zip(white.iter()).for_each(|(to, from)| *to = *from);
        unit[i] = 0.0;
    }
    Ok(basis)
}
