//! The shape of one factor: which symmetric positive definite matrices it may be.
//!
//! Every structure is a **cone**: with A it holds cA for all c > 0, because only σ²·(A ⊗ B) is
//! identified and σ² is always free. A `correlation` factor is thus "equal variances", an
//! `ar1` factor is σ²ρ^|i−j|, a `known` factor is known up to its scale.

mod antedependence;
mod ar1;
mod block;
mod compound_symmetry;
mod correlation;
mod descent;
mod diagonal;
mod exchangeable;
mod factor;
mod het;
mod identity;
mod known;
mod name;
mod nesting;
mod parameter;
mod positions;
mod serial;
mod spatial;
mod toeplitz;
mod units;
mod unstructured;

pub use antedependence::Antedependence;
pub use ar1::Ar1;
pub use block::Block;
pub use compound_symmetry::CompoundSymmetry;
pub use correlation::Correlation;
pub use diagonal::Diagonal;
pub use exchangeable::Exchangeable;
pub use factor::Factor;
pub use het::Het;
pub use identity::Identity;
pub use known::Known;
pub use parameter::{IntervalScale, Parameter, ParameterKind};
pub use positions::Positions;
pub use spatial::{Kernel, Spatial};
pub use toeplitz::Toeplitz;
pub use unstructured::Unstructured;

use het::EqualVariances;

use crate::linalg::{Root, matmul, require_finite, symmetric_eigen};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2};
use std::fmt::Debug;
use std::sync::Arc;

/// One factor's structure, as a user names it.
///
/// ```
/// use kronfit::structure::Structure;
/// let structure: Structure = "ar1".parse().unwrap();
/// assert_eq!(structure.to_string(), "ar1");
/// assert_eq!(structure.shape().n_parameters(10), 2);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Structure {
    /// Any symmetric positive definite matrix.
    #[default]
    Unstructured,
    /// Independent rows (columns) with their own variances.
    Diagonal,
    /// σ²I.
    Identity,
    /// Stationary autoregression of order one, σ²ρ^|i−j|.
    Ar1,
    /// Equal variances and one common correlation.
    CompoundSymmetry,
    /// Equal variances and any correlations.
    Correlation,
    /// Stationary: the covariance depends on |i − j| only.
    Toeplitz,
    /// A Markov chain: own variances and own correlations of neighbours.
    Antedependence,
    /// Block diagonal with blocks of these orders, unstructured inside.
    Block(Vec<usize>),
    /// Compound symmetry within and between the groups that these labels of the entries make.
    Exchangeable(Vec<String>),
    /// Equal variances and correlations that fall with the distance between positions.
    Spatial(Kernel, Positions),
    /// Free variances on a structure of correlations.
    Het(Correlations),
    /// This many common factors plus a diagonal.
    Factor(usize),
    /// Known up to its scale.
    Known(Array2<f64>),
    /// A structure of the user's own.
    Custom(Arc<dyn Shape>),
}

/// Structures of equal variances that [`Structure::Het`] frees.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Correlations {
    /// ρ^|i−j|.
    Ar1,
    /// One common correlation.
    CompoundSymmetry,
    /// Correlations that depend on |i − j| only.
    Toeplitz,
    /// Correlations that fall with the distance between positions.
    Spatial(Kernel, Positions),
}

impl Correlations {
    /// The structure of equal variances.
    pub fn plain(&self) -> Structure {
        match self {
            Self::Ar1 => Structure::Ar1,
            Self::CompoundSymmetry => Structure::CompoundSymmetry,
            Self::Toeplitz => Structure::Toeplitz,
            Self::Spatial(kernel, positions) => Structure::Spatial(*kernel, positions.clone()),
        }
    }

    fn worker(&self) -> Arc<dyn EqualVariances> {
        match self {
            Self::Ar1 => Arc::new(Ar1),
            Self::CompoundSymmetry => Arc::new(CompoundSymmetry),
            Self::Toeplitz => Arc::new(Toeplitz),
            Self::Spatial(kernel, positions) => Arc::new(Spatial::new(*kernel, positions.clone())),
        }
    }
}

impl Structure {
    /// The worker behind the name.
    pub fn shape(&self) -> Arc<dyn Shape> {
        match self {
            Self::Unstructured => Arc::new(Unstructured),
            Self::Diagonal => Arc::new(Diagonal),
            Self::Identity => Arc::new(Identity),
            Self::Ar1 => Arc::new(Ar1),
            Self::CompoundSymmetry => Arc::new(CompoundSymmetry),
            Self::Correlation => Arc::new(Correlation),
            Self::Toeplitz => Arc::new(Toeplitz),
            Self::Antedependence => Arc::new(Antedependence),
            Self::Block(sizes) => Arc::new(Block { sizes: sizes.clone() }),
            Self::Exchangeable(labels) => Arc::new(Exchangeable::new(labels.clone())),
            Self::Spatial(kernel, positions) => Arc::new(Spatial::new(*kernel, positions.clone())),
            Self::Het(correlations) => Arc::new(Het::new(correlations.worker())),
            Self::Factor(factors) => Arc::new(Factor { factors: *factors }),
            Self::Known(matrix) => Arc::new(Known::new(matrix.clone())),
            Self::Custom(shape) => shape.clone(),
        }
    }
}

/// What a structure has to know; d is the order of the factor.
///
/// Coordinates are unconstrained real numbers, one per free parameter (the scale included):
/// every vector of them is a matrix of the structure. Five methods are needed; the others have
/// defaults that are right for every structure, and can be overridden where there is a faster
/// way.
pub trait Shape: Debug + Send + Sync {
    /// Name as the command line and the reports write it.
    fn name(&self) -> String;

    /// Can a factor of order d have this structure?
    ///
    /// # Errors
    /// [`Error::Domain`] or [`Error::Shape`] saying what would be possible.
    fn check(&self, _d: usize) -> Result<()> {
        Ok(())
    }

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

    /// Σ_k t_k ∂A/∂θ_k: a direction in θ becomes one in A.
    ///
    /// # Errors
    /// As [`Shape::matrix`].
    fn push_forward(&self, coordinates: &[f64], direction: &[f64], d: usize)
    -> Result<Array2<f64>>;

    /// θ_k ↦ ⟨G, ∂A/∂θ_k⟩ for a symmetric G (d × d): a gradient in A becomes one in θ.
    ///
    /// # Errors
    /// As [`Shape::matrix`].
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let mut unit = vec![0.0; coordinates.len()];
        (0..coordinates.len())
            .map(|k| {
                unit[k] = 1.0;
                let tangent = self.push_forward(coordinates, &unit, d);
                unit[k] = 0.0;
                Ok(gradient.iter().zip(&tangent?).map(|(g, t)| g * t).sum())
            })
            .collect()
    }

    /// A better A for a scatter S: minimises (or at least lowers from `current`)
    /// ln|A| + tr(A⁻¹ S). The answer is never worse than `current`, except by rounding.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] when S leaves no positive definite answer.
    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        descent::update_in_coordinates(self, scatter, vec![self.coordinates(current)?])
    }

    /// A matrix of the structure to start from: the identity or what is near to it.
    ///
    /// # Errors
    /// As [`Shape::coordinates`].
    fn start(&self, d: usize) -> Result<Array2<f64>> {
        self.matrix(&self.coordinates(Array2::eye(d).view())?, d)
    }

    /// The root that whitens: structures with a sparse one override this; `what` names the
    /// matrix in errors.
    ///
    /// # Errors
    /// As [`Root::of`].
    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        Root::of(what, matrix)
    }

    /// The root at these coordinates. A structure whose coordinates are hard to tell from the
    /// matrix lets its roots remember them, here and in [`Shape::root`] and [`Shape::advance`].
    ///
    /// # Errors
    /// As [`Shape::matrix`] and [`Shape::root`].
    fn root_at(&self, what: &str, coordinates: &[f64], d: usize) -> Result<Root> {
        let matrix = self.matrix(coordinates, d)?;
        require_finite(what, &matrix)?;
        self.root(what, matrix.view())
    }

    /// Coordinates of the matrix that a root is of.
    ///
    /// # Errors
    /// As [`Shape::coordinates`].
    fn coordinates_of(&self, root: &Root) -> Result<Vec<f64>> {
        self.coordinates(root.matrix().view())
    }

    /// [`Shape::update`] from root to root.
    ///
    /// # Errors
    /// As [`Shape::update`] and [`Shape::root`].
    fn advance(&self, what: &str, scatter: ArrayView2<'_, f64>, current: &Root) -> Result<Root> {
        self.root(what, self.update(scatter, current.matrix().view())?.view())
    }

    /// The structure's own parameters for the report, scale-free ones (ρ, loadings, …).
    fn report(&self, _matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        Vec::new()
    }

    /// Distances or lags between entries (d × d) that correlations of this structure are read by;
    /// `None` where there are none.
    fn distances(&self, _d: usize) -> Option<Array2<f64>> {
        None
    }

    /// What the reader of a fit has to know of its factor: an edge that was reached, digits lost.
    fn note(&self, _root: &Root) -> Option<String> {
        None
    }

    /// Is every matrix of order d of this structure one of `outer`? `None` where it is not known:
    /// there is no likelihood-ratio test then. Asked of structures of the user's own.
    fn is_within(&self, _outer: &Structure, _d: usize) -> Option<bool> {
        None
    }

    /// Is every matrix of order d of `inner` one of this structure? As [`Shape::is_within`].
    fn contains(&self, _inner: &Structure, _d: usize) -> Option<bool> {
        None
    }

    /// True when the factor may be any positive definite matrix: the scatter itself is then the
    /// update, and the score needs no projection.
    fn is_unstructured(&self) -> bool {
        false
    }

    /// Rank of the scatter below which no sample has a positive definite [`Shape::update`].
    fn required_rank(&self, _d: usize) -> usize {
        1
    }

    /// Is there a positive definite [`Shape::update`] when a row and the same column of the
    /// scatter are zero (a constant row of the data)?
    fn tolerates_constants(&self) -> bool {
        true
    }

    /// The part of a whitened gradient W = G − I that moving inside the structure can use: its
    /// orthogonal projection on { L⁻¹ ∂A/∂θ_k L⁻ᵀ }, where A = L Lᵀ.
    ///
    /// # Errors
    /// When the tangent space cannot be computed.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        let basis = whitened_tangent(self, &self.coordinates_of(root)?, root)?;
        let weights = solve_gram(&basis, &basis.dot(&flattened(whitened)?))?;
        basis
            .t()
            .dot(&weights)
            .into_shape_with_order((d, d))
            .map_err(|e| Error::shape("a projection", "a square matrix", e))
    }
}

fn flattened(matrix: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    let length = matrix.len();
    matrix
        .as_standard_layout()
        .into_owned()
        .into_shape_with_order(length)
        .map_err(|e| Error::shape("a scatter", "a square matrix", e))
}

/// (T Tᵀ)⁺ r for the rows of T.
fn solve_gram(basis: &Array2<f64>, rhs: &Array1<f64>) -> Result<Array1<f64>> {
    solve_semidefinite(matmul(basis.view(), basis.t()), rhs)
}

/// G⁺ r for a Gram matrix G; a pseudo-inverse, because coordinates may be redundant.
fn solve_semidefinite(gram: Array2<f64>, rhs: &Array1<f64>) -> Result<Array1<f64>> {
    // Scaled to a unit diagonal: the units of the coordinates do not matter.
    let scale = gram.diag().mapv(|x| if x > 0.0 { 1.0 / x.sqrt() } else { 0.0 });
    let mut scaled = gram;
    for (i, mut row) in scaled.outer_iter_mut().enumerate() {
        row.zip_mut_with(&scale, |x, s| *x *= s * scale[i]);
    }
    let eigen = symmetric_eigen("the Gram matrix of a structure", scaled.view())?;
    let largest = eigen.values.iter().fold(0.0_f64, |m, &x| m.max(x));
    let inverse = eigen.map(|x| if x > 1e-12 * largest { 1.0 / x } else { 0.0 });
    Ok(inverse.dot(&(rhs * &scale)) * &scale)
}

/// Rows are the flattened L⁻¹ (∂A/∂θ_k) L⁻ᵀ.
fn whitened_tangent<S: Shape + ?Sized>(
    shape: &S,
    coordinates: &[f64],
    root: &Root,
) -> Result<Array2<f64>> {
    let d = root.order();
    let k = coordinates.len();
    let mut basis = Array2::zeros((k, d * d));
    let mut unit = vec![0.0; k];
    for i in 0..k {
        unit[i] = 1.0;
        let tangent = shape.push_forward(coordinates, &unit, d)?;
        let white = root.whiten(tangent.view());
        basis.row_mut(i).iter_mut().zip(white.iter()).for_each(|(to, from)| *to = *from);
        unit[i] = 0.0;
    }
    Ok(basis)
}

/// The projection on the multiples of the identity: all that a scale can move.
fn project_scale(whitened: ArrayView2<'_, f64>) -> Array2<f64> {
    let d = whitened.nrows();
    Array2::eye(d) * (whitened.diag().sum() / d as f64)
}

/// The projection on the span of I and of a symmetric T, of which `rest` is given trace-free.
fn project_scale_and(whitened: ArrayView2<'_, f64>, rest: &Array2<f64>) -> Array2<f64> {
    let inner = |x: ArrayView2<'_, f64>| x.iter().zip(rest).map(|(a, b)| a * b).sum::<f64>();
    let norm = inner(rest.view());
    let mut out = project_scale(whitened);
    if norm > 0.0 {
        out.scaled_add(inner(whitened) / norm, rest);
    }
    out
}

/// Checks that a matrix just built is finite with a positive diagonal.
fn usable(what: &str, matrix: Array2<f64>) -> Result<Array2<f64>> {
    let good = matrix.iter().all(|x| x.is_finite()) && matrix.diag().iter().all(|x| *x > 0.0);
    if good {
        Ok(matrix)
    } else {
        let minor = matrix.diag().iter().position(|x| !(*x > 0.0 && x.is_finite()));
        Err(not_definite(what, minor.map_or(matrix.nrows(), |i| i + 1)))
    }
}

/// |i − j|.
fn lags(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((d, d), |(i, j)| i.abs_diff(j) as f64)
}

fn not_definite(what: &str, minor: usize) -> Error {
    Error::NotPositiveDefinite { what: what.to_owned(), minor }
}
