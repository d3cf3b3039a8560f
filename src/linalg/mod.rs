//! Dense linear algebra: the only module that meets LAPACK, BLAS or a matrix product kernel.
//!
//! Everything above it sees [`ndarray`] arrays of `f64` in row-major order and the crate's
//! own [`Error`].

pub mod batch;
mod chain;
mod cholesky;
mod eigen;
mod general;
pub mod gram;
pub mod kernel;
pub mod load;
mod product;
mod qr;
mod room;
mod root;
mod temp;
pub mod vectors;

pub use cholesky::{
    Spd, cholesky_lower, congruence, invert_in_place, invert_lower, require_symmetric,
    solve_in_place,
};
pub use eigen::{SymmetricEigen, symmetric_eigen, symmetrise};
pub use general::{Lu, singular_values, svd};
pub use product::{
    Triangle, as_matrix, as_matrix_mut, block_mut, gemm, lower_part, matmul, mirror_lower,
    upper_part,
};
pub use qr::Qr;
pub use room::require_room;
pub use root::{LowRank, Root};
pub use temp::{Temp, release};

use crate::{Error, Result};
use ndarray::{ArrayBase, Data, Dimension};

/// Doubles in memory that starts at a cache line: a vector register that is loaded from two lines
/// costs two loads.
pub type Aligned = aligned_vec::AVec<f64>;

/// So many zeros.
pub fn zeros(len: usize) -> Aligned {
    let mut out = Aligned::new(0);
    out.resize(len, 0.0);
    out
}

/// Checks that every entry is finite.
///
/// # Errors
/// [`Error::NonFinite`] names `what` and the index of the first NaN or infinity.
pub fn require_finite<S, D>(what: &str, array: &ArrayBase<S, D>) -> Result<()>
where
    S: Data<Elem = f64>,
    D: Dimension,
{
    require_each(what, array, |x| x.is_finite())
}

/// Checks that no entry is infinite; NaN may stand for a missing cell.
///
/// # Errors
/// [`Error::NonFinite`] names `what` and the index of the first infinity.
pub fn require_no_infinity<S, D>(what: &str, array: &ArrayBase<S, D>) -> Result<()>
where
    S: Data<Elem = f64>,
    D: Dimension,
{
    require_each(what, array, |x| !x.is_infinite())
}

fn require_each<S, D>(what: &str, array: &ArrayBase<S, D>, good: fn(f64) -> bool) -> Result<()>
where
    S: Data<Elem = f64>,
    D: Dimension,
{
    let Some((at, &value)) = array.iter().enumerate().find(|(_, x)| !good(**x)) else {
        return Ok(());
    };
    let mut index = vec![0; array.ndim()];
    let mut rest = at;
    for (slot, &len) in index.iter_mut().zip(array.shape()).rev() {
        *slot = rest % len;
        rest /= len;
    }
    Err(Error::NonFinite { what: what.to_owned(), value, index })
}

/// Checks that a matrix is square and gives its order.
///
/// # Errors
/// [`Error::Shape`] names `what`.
pub fn require_square<S>(what: &str, matrix: &ArrayBase<S, ndarray::Ix2>) -> Result<usize>
where
    S: Data<Elem = f64>,
{
    let (rows, cols) = matrix.dim();
    if rows != cols || rows == 0 {
        return Err(Error::shape(what, "a square matrix", (rows, cols)));
    }
    Ok(rows)
}
