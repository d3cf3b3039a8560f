//! The Van Loan–Pitsianis rearrangement: a permutation of entries that turns Kronecker products
//! into rank-one matrices.

use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// How a matrix is cut into blocks: it is (m₁m₂) × (n₁n₂), an m₁ × n₁ arrangement of
/// m₂ × n₂ blocks, the shape of F ⊗ G with F m₁ × n₁ and G m₂ × n₂.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// (m₁, n₁): the shape of the left factor.
    pub left: (usize, usize),
    /// (m₂, n₂): the shape of the right factor, one block.
    pub right: (usize, usize),
}

impl BlockShape {
    /// Square factors of orders m and n.
    pub fn square(m: usize, n: usize) -> Self {
        Self { left: (m, m), right: (n, n) }
    }

    /// Shape of the blocked matrix: (m₁m₂, n₁n₂).
    pub fn whole(&self) -> (usize, usize) {
        (self.left.0.saturating_mul(self.right.0), self.left.1.saturating_mul(self.right.1))
    }

    /// Shape of the rearranged matrix: (m₁n₁, m₂n₂).
    pub fn rearranged(&self) -> (usize, usize) {
        (self.left.0.saturating_mul(self.left.1), self.right.0.saturating_mul(self.right.1))
    }

    pub(super) fn require_whole(&self, matrix: &ArrayView2<'_, f64>) -> Result<()> {
        require("the blocked matrix", self.whole(), matrix.dim())
    }
}

fn require(what: &str, (rows, cols): (usize, usize), found: (usize, usize)) -> Result<()> {
    match found == (rows, cols) && rows > 0 && cols > 0 {
        true => Ok(()),
        false => Err(Error::shape(what, format!("{rows} × {cols}, none of them 0"), found)),
    }
}

/// R(C): entry ((i,j), (k,l)) of R(C) is entry ((i,k), (j,l)) of C, all pairs in row-major order.
///
/// R is a linear isometry with R(F ⊗ G) = vec_rows(F) vec_rows(G)ᵀ: sums of Kronecker products
/// become sums of rank-one matrices. It moves *entries*; it is not a permutation of rows and
/// columns, so rank, eigenvalues and definiteness are not preserved.
///
/// # Errors
/// [`Error::Shape`] when C is not (m₁m₂) × (n₁n₂).
///
/// # References
/// Van Loan and Pitsianis (1993), Approximation with Kronecker products.
pub fn rearrange(matrix: ArrayView2<'_, f64>, shape: BlockShape) -> Result<Array2<f64>> {
    shape.require_whole(&matrix)?;
    let ((_, n1), (m2, n2)) = (shape.left, shape.right);
    Ok(Array2::from_shape_fn(shape.rearranged(), |(r, c)| {
        matrix[[(r / n1) * m2 + c / n2, (r % n1) * n2 + c % n2]]
    }))
}

/// The inverse of [`rearrange`]: the C with R(C) given.
///
/// # Errors
/// [`Error::Shape`] when R(C) is not (m₁n₁) × (m₂n₂).
pub fn rearrange_back(rearranged: ArrayView2<'_, f64>, shape: BlockShape) -> Result<Array2<f64>> {
    require("the rearranged matrix", shape.rearranged(), rearranged.dim())?;
    let ((_, n1), (m2, n2)) = (shape.left, shape.right);
    Ok(Array2::from_shape_fn(shape.whole(), |(r, c)| {
        rearranged[[(r / m2) * n1 + c / n2, (r % m2) * n2 + c % n2]]
    }))
}
