//! Matrix products: one safe, single-threaded kernel, so that threads are ours to place and
//! results do not depend on how many there are.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

/// Which part of a matrix is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triangle {
    /// The whole matrix.
    Full,
    /// The lower triangle with the diagonal; the rest is taken as zero (operands) or left alone
    /// (destination).
    Lower,
    /// The upper triangle with the diagonal.
    Upper,
}

impl Triangle {
    fn structure(self) -> BlockStructure {
        match self {
            Self::Full => BlockStructure::Rectangular,
            Self::Lower => BlockStructure::TriangularLower,
            Self::Upper => BlockStructure::TriangularUpper,
        }
    }
}

/// Orders up to which a triangle that is filled up with zeros is multiplied as a full matrix:
/// halving the work is worth less than the calls.
const SMALL: usize = 32;

/// How to multiply by a lower triangular matrix of order d whose upper part holds zeros.
pub fn lower_part(d: usize) -> Triangle {
    if d <= SMALL { Triangle::Full } else { Triangle::Lower }
}

/// How to multiply by an upper triangular matrix of order d whose lower part holds zeros.
pub fn upper_part(d: usize) -> Triangle {
    if d <= SMALL { Triangle::Full } else { Triangle::Upper }
}

/// C ← α·op(A)·op(B), or C ← C + α·op(A)·op(B) when `accumulate`.
///
/// Each operand comes with the part of it that is used; a triangular operand or destination
/// halves the work. Views may be row- or column-major (pass `a.t()` for a transpose); other
/// strides are copied first.
///
/// # Panics
/// When the shapes do not fit or the destination is not contiguous: both are bugs of the caller.
#[expect(clippy::panic, reason = "a destination that is not contiguous is a bug, not an input")]
pub fn gemm(
    alpha: f64,
    (a, a_part): (ArrayView2<'_, f64>, Triangle),
    (b, b_part): (ArrayView2<'_, f64>, Triangle),
    accumulate: bool,
    (mut c, c_part): (ArrayViewMut2<'_, f64>, Triangle),
) {
    let (a_copy, b_copy);
    let a = if contiguous(&a) {
        a
    } else {
        a_copy = a.as_standard_layout();
        a_copy.view()
    };
    let b = if contiguous(&b) {
        b
    } else {
        b_copy = b.as_standard_layout();
        b_copy.view()
    };
    let accum = if accumulate { Accum::Add } else { Accum::Replace };
    let (rows, cols) = c.dim();
    if let Some(slice) = c.as_slice_mut() {
        let dst = MatMut::from_row_major_slice_mut(slice, rows, cols);
        product(dst, c_part, accum, &a, a_part, &b, b_part, alpha);
    } else if let Some(slice) = c.view_mut().reversed_axes().as_slice_mut() {
        let dst = MatMut::from_column_major_slice_mut(slice, rows, cols);
        product(dst, c_part, accum, &a, a_part, &b, b_part, alpha);
    } else {
        panic!("gemm: the destination must be contiguous");
    }
}

#[expect(clippy::too_many_arguments, reason = "the operands of one product")]
fn product(
    dst: MatMut<'_, f64>,
    c_part: Triangle,
    accum: Accum,
    a: &ArrayView2<'_, f64>,
    a_part: Triangle,
    b: &ArrayView2<'_, f64>,
    b_part: Triangle,
    alpha: f64,
) {
    if c_part == Triangle::Full && a_part == Triangle::Full && b_part == Triangle::Full {
        faer::linalg::matmul::matmul(dst, accum, as_mat(a), as_mat(b), alpha, Par::Seq);
    } else {
        triangular::matmul(
            dst,
            c_part.structure(),
            accum,
            as_mat(a),
            a_part.structure(),
            as_mat(b),
            b_part.structure(),
            alpha,
            Par::Seq,
        );
    }
}

fn contiguous(a: &ArrayView2<'_, f64>) -> bool {
    a.is_standard_layout() || a.t().is_standard_layout()
}

fn as_mat<'a>(a: &'a ArrayView2<'_, f64>) -> MatRef<'a, f64> {
    let (rows, cols) = a.dim();
    // `contiguous` was checked: a contiguous view in either order is one slice in memory.
    let slice = a.as_slice_memory_order().unwrap_or(&[]);
    if a.is_standard_layout() {
        MatRef::from_row_major_slice(slice, rows, cols)
    } else {
        MatRef::from_column_major_slice(slice, rows, cols)
    }
}

/// A·B as a new row-major matrix.
pub fn matmul(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    gemm(1.0, (a, Triangle::Full), (b, Triangle::Full), false, (c.view_mut(), Triangle::Full));
    c
}

/// Block (k, l) of a matrix that is cut into blocks of the given shape.
pub fn block_mut(
    matrix: &mut Array2<f64>,
    (k, l): (usize, usize),
    (rows, cols): (usize, usize),
) -> ArrayViewMut2<'_, f64> {
    let mut block = matrix.slice_axis_mut(Axis(0), (k * rows..(k + 1) * rows).into());
    block.slice_axis_inplace(Axis(1), (l * cols..(l + 1) * cols).into());
    block
}

/// Copies the lower triangle onto the upper one.
pub fn mirror_lower(matrix: &mut ArrayViewMut2<'_, f64>) {
    for i in 0..matrix.nrows() {
        for j in 0..i {
            matrix[[j, i]] = matrix[[i, j]];
        }
    }
}

/// The first rows·cols numbers of a buffer as a row-major matrix.
///
/// # Panics
/// When the buffer is shorter: a bug of the caller.
#[expect(clippy::expect_used, reason = "the slice is cut to the length of the shape")]
pub fn as_matrix(buffer: &[f64], rows: usize, cols: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((rows, cols), &buffer[..rows * cols]).expect("rows·cols numbers")
}

/// [`as_matrix`] for writing.
///
/// # Panics
/// When the buffer is shorter: a bug of the caller.
#[expect(clippy::expect_used, reason = "the slice is cut to the length of the shape")]
pub fn as_matrix_mut(buffer: &mut [f64], rows: usize, cols: usize) -> ArrayViewMut2<'_, f64> {
    ArrayViewMut2::from_shape((rows, cols), &mut buffer[..rows * cols]).expect("rows·cols numbers")
}
