//! Symmetric positive definite matrices: factor once, solve, sum logs.

use super::{Temp, Triangle, gemm, lower_part, matmul, require_finite, require_square, upper_part};
use crate::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{MatMut, MatRef, Par, Spec};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::cell::RefCell;

/// A symmetric positive definite matrix that owns its Cholesky factor.
///
/// S = L Lᵀ with L lower triangular; ln det S = 2 Σ ln L_ii.
#[derive(Debug, Clone, PartialEq)]
pub struct Spd {
    matrix: Array2<f64>,
    lower: Array2<f64>,
    ln_det: f64,
}

impl Spd {
    /// Factors a symmetric positive definite matrix (d × d); `what` names it in errors.
    ///
    /// # Errors
    /// [`Error::Shape`] when it is not square, [`Error::NonFinite`], [`Error::NotSymmetric`]
    /// (beyond 1e-8 of the largest entry) and [`Error::NotPositiveDefinite`] with the order of
    /// the first bad leading minor.
    pub fn new(what: &str, matrix: Array2<f64>) -> Result<Self> {
        require_symmetric(what, &matrix.view())?;
        let lower = cholesky_lower(what, matrix.view())?;
        let ln_det = ln_det_of(&lower);
        Ok(Self { matrix, lower, ln_det })
    }

    /// The identity of order d.
    pub fn identity(d: usize) -> Self {
        Self { matrix: Array2::eye(d), lower: Array2::eye(d), ln_det: 0.0 }
    }

    /// L Lᵀ from a lower triangular L with a positive diagonal (what is above the diagonal is
    /// ignored).
    pub fn from_lower(mut lower: Array2<f64>) -> Self {
        clear_upper(&mut lower.view_mut());
        let matrix = matmul(lower.view(), lower.t());
        let ln_det = ln_det_of(&lower);
        Self { matrix, lower, ln_det }
    }

    /// The matrix itself.
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.matrix.view()
    }

    /// Its lower Cholesky factor L.
    pub fn lower(&self) -> ArrayView2<'_, f64> {
        self.lower.view()
    }

    /// The order d.
    pub fn order(&self) -> usize {
        self.matrix.nrows()
    }

    /// ln det S.
    pub fn ln_det(&self) -> f64 {
        self.ln_det
    }

    /// S⁻¹ R for a right-hand side R (d × k).
    pub fn solve(&self, rhs: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut x = rhs.as_standard_layout().into_owned();
        solve_factored(self.lower(), &mut x);
        x
    }

    /// L⁻¹ (lower triangular).
    pub fn inverse_lower(&self) -> Array2<f64> {
        invert_lower(self.lower())
    }

    /// S⁻¹ = L⁻ᵀ L⁻¹, for the places whose result *is* an inverse (a precision, an information).
    pub fn inverse(&self) -> Array2<f64> {
        let mut out = self.lower.clone();
        invert_factored(&mut out);
        out
    }

    /// The matrix, given away.
    pub fn into_matrix(self) -> Array2<f64> {
        self.matrix
    }
}

pub(super) fn ln_det_of(lower: &Array2<f64>) -> f64 {
    2.0 * lower.diag().iter().map(|x| x.ln()).sum::<f64>()
}

/// Checks that a matrix is square, finite and symmetric to 1e-8 of its largest entry.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`] or [`Error::NotSymmetric`] with the worst pair.
pub fn require_symmetric(what: &str, matrix: &ArrayView2<'_, f64>) -> Result<()> {
    let d = require_square(what, matrix)?;
    require_finite(what, matrix)?;
    let scale = matrix.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let mut worst = (0, 0, 0.0);
    for i in 0..d {
        for j in 0..i {
            let difference = (matrix[[i, j]] - matrix[[j, i]]).abs();
            if difference > worst.2 {
                worst = (i, j, difference);
            }
        }
    }
    if worst.2 > 1e-8 * scale {
        return Err(Error::NotSymmetric {
            what: what.to_owned(),
            row: worst.0,
            col: worst.1,
            difference: worst.2,
        });
    }
    Ok(())
}

/// Lower Cholesky factor of a symmetric matrix, of which only the lower triangle is read.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`] or [`Error::NotPositiveDefinite`].
pub fn cholesky_lower(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut lower = matrix.as_standard_layout().into_owned();
    cholesky_in_place(what, &mut lower)?;
    Ok(lower)
}

/// [`cholesky_lower`] of a row-major matrix in its own place.
pub(super) fn cholesky_in_place(what: &str, matrix: &mut Array2<f64>) -> Result<()> {
    let d = require_square(what, &matrix.view())?;
    require_finite(what, &matrix.view())?;
    let need = llt::cholesky_in_place_scratch::<f64>(d, Par::Seq, Spec::default());
    STACK
        .with_borrow_mut(|memory| {
            if memory.len() < need.size_bytes() {
                *memory = MemBuffer::new(need);
            }
            factor_in_place(&mut matrix.view_mut(), MemStack::new(memory))
        })
        .map_err(|minor| Error::NotPositiveDefinite { what: what.to_owned(), minor })
}

/// S ← S⁻¹ for a symmetric positive definite S, row-major.
///
/// # Errors
/// As [`cholesky_lower`].
pub fn invert_in_place(what: &str, matrix: &mut Array2<f64>) -> Result<()> {
    cholesky_in_place(what, matrix)?;
    invert_factored(matrix);
    Ok(())
}

/// L ← (L Lᵀ)⁻¹.
fn invert_factored(lower: &mut Array2<f64>) {
    let mut inverse = Temp::zeros(lower.dim());
    invert_lower_into(lower.view(), &mut inverse.view_mut());
    let full = Triangle::Full;
    gemm(1.0, (inverse.t(), full), (inverse.view(), full), false, (lower.view_mut(), full));
}

/// X ← S⁻¹ X for a symmetric positive definite S and a row-major X; S is overwritten.
///
/// # Errors
/// As [`cholesky_lower`].
pub fn solve_in_place(what: &str, matrix: &mut Array2<f64>, x: &mut Array2<f64>) -> Result<()> {
    cholesky_in_place(what, matrix)?;
    solve_factored(matrix.view(), x);
    Ok(())
}

/// X ← (L Lᵀ)⁻¹ X.
fn solve_factored(lower: ArrayView2<'_, f64>, x: &mut Array2<f64>) {
    let mut inverse = Temp::zeros(lower.dim());
    invert_lower_into(lower, &mut inverse.view_mut());
    let mut half = Temp::zeros(x.dim());
    let full = Triangle::Full;
    gemm(1.0, (inverse.view(), full), (x.view(), full), false, (half.view_mut(), full));
    gemm(1.0, (inverse.t(), full), (half.view(), full), false, (x.view_mut(), full));
}

thread_local! {
    /// Scratch memory of the factorisations, as large as the largest one needed.
    static STACK: RefCell<MemBuffer> = RefCell::new(MemBuffer::new(StackReq::empty()));
}

/// Overwrites the lower triangle by the Cholesky factor and clears the upper one; the error is
/// the order of the first leading minor that is not positive.
pub(crate) fn factor_in_place(
    matrix: &mut ArrayViewMut2<'_, f64>,
    stack: &mut MemStack,
) -> std::result::Result<(), usize> {
    let d = matrix.nrows();
    let Some(slice) = matrix.as_slice_mut() else {
        return Err(0);
    };
    let view = MatMut::from_row_major_slice_mut(slice, d, d);
    llt::cholesky_in_place(view, Default::default(), Par::Seq, stack, Spec::default())
        .map_err(|llt::LltError::NonPositivePivot { index }| index + 1)?;
    clear_upper(matrix);
    // A pivot that overflowed or became NaN is not reported as non-positive.
    match matrix.diag().iter().position(|x| !(x.is_finite() && *x > 0.0)) {
        Some(index) => Err(index + 1),
        None => Ok(()),
    }
}

pub(super) fn clear_upper(matrix: &mut ArrayViewMut2<'_, f64>) {
    for i in 0..matrix.nrows() {
        for j in i + 1..matrix.ncols() {
            matrix[[i, j]] = 0.0;
        }
    }
}

/// Inverse of a lower triangular matrix with a non-zero diagonal.
pub fn invert_lower(lower: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut inverse = Array2::zeros(lower.dim());
    invert_lower_into(lower, &mut inverse.view_mut());
    inverse
}

/// [`invert_lower`] into memory that is there already; the strict upper triangle of the
/// destination is left alone.
pub(super) fn invert_lower_into(lower: ArrayView2<'_, f64>, inverse: &mut ArrayViewMut2<'_, f64>) {
    let d = lower.nrows();
    let copy;
    let source = match lower.as_slice() {
        Some(slice) => slice,
        None => {
            copy = lower.iter().copied().collect::<Vec<_>>();
            &copy
        }
    };
    if let Some(target) = inverse.as_slice_mut() {
        invert_lower_triangular(
            MatMut::from_row_major_slice_mut(target, d, d),
            MatRef::from_row_major_slice(source, d, d),
            Par::Seq,
        );
    }
}

/// L G Lᵀ for a lower triangular L and a symmetric G, written into `out`.
pub fn congruence(lower: ArrayView2<'_, f64>, middle: ArrayView2<'_, f64>, out: &mut Array2<f64>) {
    let (d, full) = (lower.nrows(), Triangle::Full);
    let mut half = Temp::zeros(middle.dim());
    gemm(1.0, (lower, lower_part(d)), (middle, full), false, (half.view_mut(), full));
    gemm(1.0, (half.view(), full), (lower.t(), upper_part(d)), false, (out.view_mut(), full));
    super::symmetrise(out);
}
