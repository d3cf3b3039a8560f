//! The vec layouts and their relatives for symmetric matrices.

use crate::linalg::require_square;
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Rows of X (m × n) stacked into a vector of length mn, whatever the memory order of X.
///
/// Entry i·n + j is X_ij.
pub fn vec_rows(matrix: ArrayView2<'_, f64>) -> Array1<f64> {
    matrix.iter().copied().collect()
}

/// Columns of X (m × n) stacked into a vector of length mn, whatever the memory order of X.
///
/// Entry j·m + i is X_ij.
pub fn vec_cols(matrix: ArrayView2<'_, f64>) -> Array1<f64> {
    matrix.t().iter().copied().collect()
}

/// The m × n matrix whose [`vec_rows`] is `vector`.
///
/// # Errors
/// [`Error::Shape`] when the length is not `rows·cols`.
pub fn unvec_rows(vector: ArrayView1<'_, f64>, rows: usize, cols: usize) -> Result<Array2<f64>> {
    require_length(&vector, rows.checked_mul(cols))?;
    Ok(Array2::from_shape_fn((rows, cols), |(i, j)| vector[i * cols + j]))
}

/// The m × n matrix whose [`vec_cols`] is `vector`.
///
/// # Errors
/// [`Error::Shape`] when the length is not `rows·cols`.
pub fn unvec_cols(vector: ArrayView1<'_, f64>, rows: usize, cols: usize) -> Result<Array2<f64>> {
    require_length(&vector, rows.checked_mul(cols))?;
    Ok(Array2::from_shape_fn((rows, cols), |(i, j)| vector[j * rows + i]))
}

/// Lower triangle of a square matrix (d × d) row by row: length d(d+1)/2.
///
/// # Errors
/// [`Error::Shape`] when the matrix is not square.
pub fn vech(matrix: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    let d = require_square("the argument of vech", &matrix)?;
    Ok(lower_pairs(d).map(|(i, j)| matrix[[i, j]]).collect())
}

/// The symmetric matrix whose [`vech`] is `vector`.
///
/// # Errors
/// [`Error::Shape`] when the length is not d(d+1)/2.
pub fn unvech(vector: ArrayView1<'_, f64>, d: usize) -> Result<Array2<f64>> {
    require_length(&vector, triangle(d))?;
    Ok(symmetric_from(d, vector.iter().copied()))
}

/// [`vech`] with the off-diagonal entries of ½(X + Xᵀ) multiplied by √2, so that
/// svec(G)·svec(H) = tr(G H) for symmetric G, H.
///
/// # Errors
/// [`Error::Shape`] when the matrix is not square.
pub fn svec(matrix: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    let d = require_square("the argument of svec", &matrix)?;
    let entry = |(i, j)| match i == j {
        true => matrix[[i, j]],
        false => (matrix[[i, j]] + matrix[[j, i]]) * std::f64::consts::FRAC_1_SQRT_2,
    };
    Ok(lower_pairs(d).map(entry).collect())
}

/// The symmetric matrix whose [`svec`] is `vector`.
///
/// # Errors
/// [`Error::Shape`] when the length is not d(d+1)/2.
pub fn smat(vector: ArrayView1<'_, f64>, d: usize) -> Result<Array2<f64>> {
    require_length(&vector, triangle(d))?;
    let scaled = lower_pairs(d).zip(vector).map(|((i, j), &x)| match i == j {
        true => x,
        false => x * std::f64::consts::FRAC_1_SQRT_2,
    });
    Ok(symmetric_from(d, scaled))
}

/// Strict lower triangle of ½(X − Xᵀ) row by row, times √2: the isometric coordinates of skew
/// matrices, length d(d−1)/2.
///
/// # Errors
/// [`Error::Shape`] when the matrix is not square.
pub fn kvec(matrix: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    let d = require_square("the argument of kvec", &matrix)?;
    let entry = |(i, j): (usize, usize)| {
        (matrix[[i, j]] - matrix[[j, i]]) * std::f64::consts::FRAC_1_SQRT_2
    };
    Ok(lower_pairs(d).filter(|(i, j)| i != j).map(entry).collect())
}

/// The skew matrix whose [`kvec`] is `vector`.
///
/// # Errors
/// [`Error::Shape`] when the length is not d(d−1)/2.
pub fn unkvec(vector: ArrayView1<'_, f64>, d: usize) -> Result<Array2<f64>> {
    require_length(&vector, triangle(d.saturating_sub(1)))?;
    let mut out = Array2::zeros((d, d));
    for ((i, j), &x) in lower_pairs(d).filter(|(i, j)| i != j).zip(vector) {
        out[[i, j]] = x * std::f64::consts::FRAC_1_SQRT_2;
        out[[j, i]] = -out[[i, j]];
    }
    Ok(out)
}

/// The duplication matrix D (d² × d(d+1)/2) with vec(X) = D vech(X) for symmetric X.
///
/// For a symmetric X both vec layouts agree, so there is one D. Dense: for tests, small
/// information matrices and Hessians.
pub fn duplication(d: usize) -> Array2<f64> {
    let mut out = Array2::zeros((d * d, d * (d + 1) / 2));
    for (column, (i, j)) in lower_pairs(d).enumerate() {
        out[[i * d + j, column]] = 1.0;
        out[[j * d + i, column]] = 1.0;
    }
    out
}

fn lower_pairs(d: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..d).flat_map(|i| (0..=i).map(move |j| (i, j)))
}

fn symmetric_from(d: usize, entries: impl Iterator<Item = f64>) -> Array2<f64> {
    let mut out = Array2::zeros((d, d));
    for ((i, j), x) in lower_pairs(d).zip(entries) {
        out[[i, j]] = x;
        out[[j, i]] = x;
    }
    out
}

/// d(d+1)/2, if it fits.
fn triangle(d: usize) -> Option<usize> {
    d.checked_mul(d.checked_add(1)?).map(|twice| twice / 2)
}

fn require_length(vector: &ArrayView1<'_, f64>, expected: Option<usize>) -> Result<()> {
    match expected {
        Some(length) if length == vector.len() => Ok(()),
        Some(length) => Err(Error::shape("the vector", format!("length {length}"), vector.len())),
        None => Err(Error::shape("the vector", "a length that fits in memory", vector.len())),
    }
}
